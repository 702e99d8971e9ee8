/* Rows of tables that a step updates where its batch reads them, over ranks: every rank knows all
 * rows that the batch reads, in the same order. A row is of the part of its table that is its
 * number modulo parts, and a part is of one rank, its owner: the part's number modulo ranks. The
 * owner brings a row up to date and gives its values to all; of its gradient each rank has what its
 * segments add up, which the owner gets the sum of, and it alone moves the row. So the others have
 * the values that a row had when a batch last read it.
 *
 *   values   | rank 0's: table 0: part 0 | part 2 | .. | table 1: .. | rank 1's: table 0: part 1 ..
 *   a part   [its rows that the batch reads, dim]
 *
 * Of a table that is dealt nobody but its owner has a row: what was exchanged comes to
 * table->fetched, part behind part, and is looked up by its place there, of which a copy of the
 * batch's ids and lists has the numbers (renumbered). One place is left out: the number by which
 * lists know an element that is no part of them, and which is as it was.
 */
#ifndef MMOE_GRAPH_SHARED_ROWS_H
#define MMOE_GRAPH_SHARED_ROWS_H

#include "graph/state.h"

/* A batch's rows, by their numbers in it. */
typedef struct mmoe_renumbered {
    mmoe_rows rows; /* as long as their lists and ids alone are looked at */
    int32_t *ids;
    int64_t *offsets;
    int32_t *elements;
    float *weights;
    int64_t id_room, offset_room, element_room, weight_room;
} mmoe_renumbered;

typedef struct mmoe_shared_rows {
    float *values;
    int64_t room;                      /* floats of it */
    float *sums;                       /* for what others have of gradients */
    int64_t sum_room;                  /* floats of that */
    int32_t most_rows;                 /* of a batch that there is room for */
    int64_t *places;                   /* [uses, MMOE_TABLE_PARTS] where a part begins */
    int64_t from[MMOE_TREE_PARTS + 1]; /* and what is of a rank; at the end, of all */
    bool is_dealt;                     /* some table is: */
    int32_t *before;                   /* [uses, MMOE_TABLE_PARTS] rows of the parts before it */
    int64_t *holes;                    /* [uses] the place that is left out; -1: none */
    mmoe_renumbered renumbered;
} mmoe_shared_rows;

/* When a plan is laid out, and its uses are known. */
void mmoe_shared_rows_begin(const mmoe_input_state *own);
/* Room for what the uses have room for, and for the batch's numbers. MMOE_E_MEMORY. */
mmoe_status mmoe_shared_rows_admit(const mmoe_plan *p, mmoe_input_state *own,
                                   const mmoe_rows *batch, mmoe_error *err);
size_t mmoe_shared_rows_memory(const mmoe_input_state *own); /* bytes of that room */
void mmoe_shared_rows_leave(const mmoe_plan *p, mmoe_input_state *own);
/* When parts are prepared: where everything of this batch stands. */
void mmoe_shared_rows_place(const mmoe_plan *p, const mmoe_input_state *own);
/* A part's values, to where they stand or from there: a prepare task's. */
void mmoe_shared_rows_give(const mmoe_input_state *own, const mmoe_weight_task *prepare);
void mmoe_shared_rows_take(const mmoe_input_state *own, const mmoe_weight_task *prepare);
/* When all have taken: numbers of the batch's rows [first, end). */
void mmoe_shared_rows_renumber(const mmoe_plan *p, const mmoe_input_state *own,
                               const mmoe_rows *batch, int32_t first, int32_t end);
/* Is a part of this rank? */
static inline bool mmoe_part_is_own(const mmoe_plan *p, const mmoe_weight_task *prepare) {
    return prepare->row % p->ranks == p->rank;
}
static inline float *mmoe_shared_rows_at(const mmoe_shared_rows *s, int32_t use, int64_t part) {
    return s->values + s->places[(int64_t)use * MMOE_TABLE_PARTS + part];
}

#endif
