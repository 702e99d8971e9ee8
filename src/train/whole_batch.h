/* A batch of whose rows each rank has its share, as all need it: labels and weights, where the sum
 * of the labels' weights or all rows' scores are asked for, and what rows read of tables that have
 * owners. Ranks tell each other these, and nothing where nothing is needed.
 *
 *     words     | row 0: labels, weight, ids, lists' lengths | row 1 .. | room for elements |  ..
 *     elements  | row 0: of its first list, of its second .. | row 1 .. |   id, or id and weight
 * each
 *
 * of a rank, and of the next one. Words can be on their way while the batch before is in use. How
 * many elements come nobody knows before they have: there is room for as many as any rank has told
 * of a batch until then, and where some rank has more, elements are told anew by themselves.
 */
#ifndef MMOE_TRAIN_WHOLE_BATCH_H
#define MMOE_TRAIN_WHOLE_BATCH_H

#include "data/batch.h"
#include "graph/run.h"
#include "train/ranks.h"

typedef struct mmoe_whole_batch {
    mmoe_allocator alloc;
    mmoe_ranks *ranks; /* NULL: not begun */
    const mmoe_plan *plan;
    bool *ids, *lists; /* which are told */
    bool has_columns;  /* any */
    int32_t n_id, n_list, n_label, n_dense;
    mmoe_rows batch;   /* whose words are on their way, and whose rows are elsewhere; else 0 rows */
    bool tells_labels; /* it, and whether rows have weights: */
    bool tells_weights;
    int64_t first[MMOE_MOST_RANKS + 1]; /* each rank's rows of it */
    int64_t from[MMOE_MOST_RANKS + 1];  /* and words */
    int64_t most_told;                  /* words of elements that a rank told of a batch so far */
    mmoe_rows rows;                     /* of the batch that was taken, with the memory below */
    int32_t *row_ids;                   /* [rows, n_id] */
    float *dense, *labels, *weights;    /* [rows, n_dense], [rows, n_label], [rows] */
    int64_t *offsets;                   /* [rows * n_list + 1] */
    uint32_t *words;                    /* of all ranks; the next three: of elements */
    uint32_t *told;
    int32_t *elements;
    float *element_weights;
    int64_t words_room, told_room, element_room, weight_room;
} mmoe_whole_batch;

/* For batches of that schema's rows. MMOE_E_MEMORY. */
struct mmoe_schema;
mmoe_status mmoe_whole_batch_init(mmoe_whole_batch *w, mmoe_ranks *ranks, const mmoe_plan *plan,
                                  const struct mmoe_schema *schema, const mmoe_allocator *alloc,
                                  mmoe_error *err);
void mmoe_whole_batch_finish(mmoe_whole_batch *w);
size_t mmoe_whole_batch_memory(const mmoe_whole_batch *w); /* without lists' elements */

/* Sends what all need of `batch`, if they need something, whose rows stay where they are until it
 * is taken; all ranks call it. `scores`: all labels are needed. MMOE_E_MEMORY, and as
 * mmoe_ranks_status. */
mmoe_status mmoe_whole_batch_start(mmoe_whole_batch *w, const mmoe_rows *batch, bool scores,
                                   mmoe_error *err);
/* Whether something is on its way of a batch, which is to be taken or dropped then. */
static inline bool mmoe_whole_batch_is_started(const mmoe_whole_batch *w) {
    return w->batch.rows > 0;
}
/* What was started, whole, which stays until the next is taken. Errors as those of start. */
mmoe_status mmoe_whole_batch_take(mmoe_whole_batch *w, const mmoe_rows **out, mmoe_error *err);
void mmoe_whole_batch_drop(mmoe_whole_batch *w); /* of what was started, if something was */

#endif
