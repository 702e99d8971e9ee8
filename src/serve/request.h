/* Batches of the caller: checked, and read as row numbers and transformed values. */
#ifndef MMOE_SERVE_REQUEST_H
#define MMOE_SERVE_REQUEST_H

#include "data/encode.h"
#include "serve/program.h"

typedef struct mmoe_request {
    const mmoe_serve_side *side;
    const mmoe_batch *batch;
    const char *call, *what; /* the public function and the batch, in errors */
    int32_t *ids;            /* [room, n_id] working memory */
    float *dense;            /* [room, dense_width] */
    size_t room;
    bool is_read;       /* the whole batch fitted: its raw values stand there, each read once */
    mmoe_bad_rows *bad; /* where rows at fault are told; NULL: one is an error of the batch */
    int32_t *is_bad;    /* [room] with `bad`: of the rows that were encoded last */
    const struct mmoe_schema *schema;
    mmoe_seen *seen; /* [columns of the schema] counts; NULL: nothing is counted */
} mmoe_request;

/* Where a sparse column of the side counts. */
static inline mmoe_seen *mmoe_request_seen(const mmoe_request *q, int32_t column) {
    return q->seen ? q->seen + (q->side->sparse[column] - q->schema->sparse) : NULL;
}

/* Every row, before anything is written; with `bad` what all rows have in common. MMOE_E_ARGUMENT,
 * _DATA. */
mmoe_status mmoe_request_check(mmoe_request *request, mmoe_error *err);

/* Encoded rows: ids [rows, id_stride], dense [rows, dense_stride]. */
typedef struct mmoe_encoded {
    const int32_t *ids;
    const float *dense;
    size_t id_stride, dense_stride;
} mmoe_encoded;

/* Rows [first, first + rows) of a batch that was checked, where they stand or, raw, encoded into
 * the working memory: at most `room`. With `bad` rows at fault are told, marked, and encoded as if
 * they were right. */
mmoe_encoded mmoe_request_encode(const mmoe_request *request, size_t first, int32_t rows);

#endif
