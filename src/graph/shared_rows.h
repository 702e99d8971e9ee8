/* Rows of tables that a step updates where its batch reads them, over ranks. A row is of the part
 * of its table that is its number modulo parts, and a part is of one rank, its owner: the part's
 * number modulo ranks. The owner brings a row up to date and gives its values to the ranks whose
 * rows of the batch read it; each gives back what its segments add up of the gradient, and the
 * owner, which adds these up, alone moves the row. So the others have the values that a row had
 * when they last read it. A rank knows its own rows of the batch and, of its own parts, what all
 * read, so nobody is told which rows are sent, in the order of their numbers.
 *
 *   values   | rank 0's: table 0: part 0 | part 2 | .. | table 1: .. | rank 1's: table 0: part 1 ..
 *   a part   [its rows, dim]: of another's, what this rank reads of it; of an own one, all
 *   sent     | to rank 1: table 0: part 0 | part 2 | .. | table 1: .. | to rank 2 ..
 *   a part   [its rows that this rank reads, dim]
 *
 * Where each asks for what all rows read (mmoe_run_fetch), an owner gives its own parts of `values`
 * to all.
 *
 * Of a table that is dealt nobody but its owner has a row: what was exchanged comes to
 * table->fetched, part behind part, as do this rank's own, and is looked up by its place there, of
 * which a copy of the batch's ids and lists has the numbers (renumbered). One place is left out:
 * the number by which lists know an element that is no part of them, and which is as it was.
 */
#ifndef MMOE_GRAPH_SHARED_ROWS_H
#define MMOE_GRAPH_SHARED_ROWS_H

#include "graph/op.h"

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
    float *sent;                       /* what others read of own parts, and what they give back */
    int64_t sent_room;                 /* floats of that */
    int64_t *places;                   /* [uses, MMOE_TABLE_PARTS] where a part begins */
    int64_t from[MMOE_TREE_PARTS + 1]; /* and what is of a rank; at the end, of all */
    int64_t *sent_places;              /* [uses, MMOE_TABLE_PARTS, ranks] of own parts, in `sent` */
    int64_t sent_from[MMOE_TREE_PARTS + 1]; /* and what is for a rank, for this one nothing */
    bool is_dealt;                          /* some table is: */
    int32_t *before; /* [uses, MMOE_TABLE_PARTS] rows of the parts before it */
    int64_t *holes;  /* [uses] the place that is left out; -1: none */
    mmoe_renumbered renumbered;
} mmoe_shared_rows;

/* Laid out with a plan; then, when its uses are known. NULL: one rank. */
mmoe_shared_rows *mmoe_shared_rows_lay(const mmoe_plan *p, size_t uses, mmoe_layout *l);
void mmoe_shared_rows_begin(const mmoe_input_state *own);
/* Room for what the uses have room for, and for the batch's numbers. MMOE_E_MEMORY. */
mmoe_status mmoe_shared_rows_admit(const mmoe_plan *p, mmoe_input_state *own,
                                   const mmoe_rows *batch, mmoe_error *err);
size_t mmoe_shared_rows_memory(const mmoe_input_state *own); /* bytes of that room */
void mmoe_shared_rows_leave(const mmoe_plan *p, mmoe_input_state *own);
/* When an own part is prepared: how many of its rows each rank reads. */
void mmoe_shared_rows_count(const mmoe_plan *p, const mmoe_input_state *own,
                            const mmoe_weight_task *prepare);
/* When all parts are: where everything of this batch stands. */
void mmoe_shared_rows_place(const mmoe_plan *p, const mmoe_input_state *own);
/* Values of an own part, to where others read them, and of another's, which have come, to where
 * they are read: a prepare task's. `share`: as of mmoe_table_reading. */
void mmoe_shared_rows_give(const mmoe_plan *p, const mmoe_input_state *own,
                           const mmoe_weight_task *prepare, int32_t share);
bool mmoe_shared_rows_fetch(const mmoe_plan *p, const mmoe_input_state *own, int32_t share);
void mmoe_shared_rows_take(const mmoe_input_state *own, const mmoe_weight_task *prepare);
/* What this rank has of gradients goes to owners; what has come to this one of a part, to out
 * [MMOE_TREE_PARTS]. */
void mmoe_shared_rows_start(const mmoe_plan *p, const mmoe_input_state *own);
void mmoe_shared_rows_others(const mmoe_plan *p, const mmoe_input_state *own,
                             const mmoe_weight_task *prepare, const float **out);
/* Rows [first, end) of the batch, to be numbered; then the ids that they have of a part whose rows
 * have places, a prepare task's; and, when all have taken, their lists. */
void mmoe_shared_rows_copy(const mmoe_plan *p, const mmoe_input_state *own, const mmoe_rows *batch,
                           int32_t first, int32_t end);
void mmoe_shared_rows_number(const mmoe_input_state *own, const mmoe_weight_task *prepare,
                             int32_t first, int32_t end);
void mmoe_shared_rows_renumber(const mmoe_input_state *own, int32_t first, int32_t end);
/* Is a part of this rank? */
static inline bool mmoe_part_is_own(const mmoe_plan *p, const mmoe_weight_task *prepare) {
    return mmoe_part_is_of(prepare->row, p->rank, p->ranks);
}
static inline float *mmoe_shared_rows_at(const mmoe_shared_rows *s, int32_t use, int64_t part) {
    return s->values + s->places[(int64_t)use * MMOE_TABLE_PARTS + part];
}

#endif
