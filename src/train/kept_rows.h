/* Gradients of the rows of a deferred table that a step reads, kept until all are there: those of a
 * part (table/touched.h) stand one behind another. */
#ifndef MMOE_TRAIN_KEPT_ROWS_H
#define MMOE_TRAIN_KEPT_ROWS_H

#include "graph/state.h"
#include "table/touched.h"

typedef struct mmoe_kept_part {
    int64_t first, count; /* rows */
} mmoe_kept_part;

typedef struct mmoe_kept_rows {
    int32_t table, dim;
    int64_t room;  /* rows */
    float *values; /* [room, dim] */
    int32_t *at;   /* [room] their numbers */
    mmoe_kept_part parts[MMOE_TOUCH_PARTS];
} mmoe_kept_rows;

/* Before a step with a batch, of whose elements `reads` at most are of the table: there is none of
 * another step, and room for this one's. MMOE_E_MEMORY. */
mmoe_status mmoe_kept_rows_begin(mmoe_kept_rows *k, int64_t reads, const mmoe_allocator *alloc,
                                 mmoe_error *err);
void mmoe_kept_rows_finish(mmoe_kept_rows *k, const mmoe_allocator *alloc);
/* Rows of one part, which come in their order; parts on any worker. */
void mmoe_kept_rows_add(mmoe_kept_rows *k, const mmoe_gradient *gradient);
/* Of a part: the sum of its gradients' squares; and what becomes of them times `scale`. */
double mmoe_kept_rows_squares(const mmoe_kept_rows *k, int32_t part);
void mmoe_kept_rows_hand_on(mmoe_kept_rows *k, int32_t part, float scale, mmoe_gradient_sink sink,
                            void *context);

#endif
