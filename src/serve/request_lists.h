/* The lists of a caller's batch: checked, and pooled where they stand. */
#ifndef MMOE_SERVE_REQUEST_LISTS_H
#define MMOE_SERVE_REQUEST_LISTS_H

#include "data/encode.h"
#include "serve/program.h"

/* What is asked of the lists of a side's columns. */
typedef struct mmoe_request_lists {
    const mmoe_serve_side *side;
    const mmoe_batch *batch;
    const char *call, *what; /* the public function and the batch, in errors */
    bool is_bad;             /* of a row that is at fault, which is pooled as one of empty lists */
    mmoe_seen *seen;         /* counts the elements of a column that is pooled; or NULL */
} mmoe_request_lists;

/* The columns, and `rows`: every element of every list. MMOE_E_ARGUMENT, _DATA. */
mmoe_status mmoe_request_check_lists(const mmoe_request_lists *q, bool rows, mmoe_error *err);
/* The list that a row has in column `i` of the side, of columns that were checked. */
mmoe_status mmoe_request_check_list(const mmoe_request_lists *q, int32_t i, size_t row,
                                    mmoe_error *err);
/* A row's list as inputs, to x [width]; returns the row of its table which alone they are, -1:
 * there is no such one. */
int32_t mmoe_request_pool(const mmoe_request_lists *q, const mmoe_serve_lookup *lookup, size_t row,
                          float *x);

#endif
