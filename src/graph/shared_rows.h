/* Rows of tables that a step updates where its batch reads them, over ranks: every rank knows all
 * rows that the batch reads, in the same order. A row is of the part of its table that is its
 * number modulo parts, and a part is of one rank, its owner: the part's number modulo ranks. The
 * owner brings a row up to date and gives its values to all; of its gradient each rank has what its
 * segments add up, which the owner gets the sum of, and it alone moves the row. So the others have
 * the values that a row had when a batch last read it.
 *
 *   values   | rank 0's: table 0: part 0 | part 2 | .. | table 1: .. | rank 1's: table 0: part 1 ..
 * | a part   [its rows that the batch reads, dim]
 */
#ifndef MMOE_GRAPH_SHARED_ROWS_H
#define MMOE_GRAPH_SHARED_ROWS_H

#include "graph/state.h"

typedef struct mmoe_shared_rows {
    float *values;
    int64_t room;                      /* floats of it */
    int64_t *places;                   /* [uses, MMOE_TABLE_PARTS] where a part begins */
    int64_t from[MMOE_TREE_PARTS + 1]; /* and what is of a rank; at the end, of all */
} mmoe_shared_rows;

/* Room for what the uses have room for. MMOE_E_MEMORY. */
mmoe_status mmoe_shared_rows_admit(const mmoe_plan *p, mmoe_input_state *own, mmoe_error *err);
void mmoe_shared_rows_leave(const mmoe_plan *p, mmoe_input_state *own);
/* When parts are prepared: where everything of this batch stands. */
void mmoe_shared_rows_place(const mmoe_plan *p, const mmoe_input_state *own);
/* A part's values, to where they stand or from there: a prepare task's. */
void mmoe_shared_rows_give(const mmoe_plan *p, const mmoe_input_state *own,
                           const mmoe_weight_task *prepare);
void mmoe_shared_rows_take(const mmoe_plan *p, const mmoe_input_state *own,
                           const mmoe_weight_task *prepare);
/* Is a part of this rank? */
static inline bool mmoe_part_is_own(const mmoe_plan *p, const mmoe_weight_task *prepare) {
    return prepare->row % p->ranks == p->rank;
}
static inline float *mmoe_shared_rows_at(const mmoe_shared_rows *s, int32_t use, int64_t part) {
    return s->values + s->places[(int64_t)use * MMOE_TABLE_PARTS + part];
}

#endif
