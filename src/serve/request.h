/* Batches of the caller: checked, and read as row numbers and transformed values. */
#ifndef MMOE_SERVE_REQUEST_H
#define MMOE_SERVE_REQUEST_H

#include "serve/program.h"

/* Every row, before anything is written. `call` names the public function, `what` the batch.
 * MMOE_E_ARGUMENT, _DATA. */
mmoe_status mmoe_request_check(const mmoe_serve_side *side, const mmoe_batch *batch,
                               const char *call, const char *what, mmoe_error *err);

/* Encoded rows: ids [rows, id_stride], dense [rows, dense_stride]. */
typedef struct mmoe_encoded {
    const int32_t *ids;
    const float *dense;
    size_t id_stride, dense_stride;
} mmoe_encoded;

/* Rows [first, first + rows) of a batch that was checked, where they stand or, raw, encoded into
 * `ids` [rows, n_sparse] and `dense` [rows, n_dense]. */
mmoe_encoded mmoe_request_encode(const mmoe_serve_side *side, const mmoe_batch *batch, size_t first,
                                 int32_t rows, int32_t *ids, float *dense);

#endif
