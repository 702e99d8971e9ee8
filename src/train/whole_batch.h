/* A batch of which each rank has read only its share of the rows, with what all ranks need of all
 * rows: labels and weights, if the sum of the labels' weights or all scores are asked for; and the
 * ids and lists that rows read of tables whose rows have owners. Ranks send each other these, and
 * nothing if nothing is needed. The words of each rank, one rank behind the other:
 *
 *     words     | row 0: labels, weight, ids, lists' lengths | row 1 .. | room for elements |
 *     elements  | row 0: its first list, its second list ..  | row 1 .. |
 *
 * where an element is an id, or an id and a weight. Words can be sent while the batch before is in
 * use. The receivers do not know how many elements will come: there is room for the largest number
 * that any rank has told of a batch so far, and if some rank has more, all ranks send their
 * elements once more, by themselves. */
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
    mmoe_rows batch;   /* whose words are on their way, as it was read; 0 rows: none */
    bool tells_labels; /* of that batch */
    bool tells_weights;
    int64_t first[MMOE_MOST_RANKS + 1]; /* each rank's rows of it */
    int64_t from[MMOE_MOST_RANKS + 1];  /* and words */
    int64_t most_told;                  /* most words of elements that a rank told of a batch */
    mmoe_rows rows;                     /* of the batch that was taken, with the memory below */
    int32_t *row_ids;                   /* [rows, n_id] */
    float *dense, *labels, *weights;    /* [rows, n_dense], [rows, n_label], [rows] */
    int64_t *offsets;                   /* [rows * n_list + 1] */
    uint32_t *words;                    /* of all ranks */
    uint32_t *told;                     /* elements that are sent by themselves */
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

/* Begins to send what all ranks need of `batch`, if they need anything. The rows must stay where
 * they are until the batch is taken or dropped. All ranks call it. `scores`: all labels are needed.
 * MMOE_E_MEMORY, and as mmoe_ranks_status. */
mmoe_status mmoe_whole_batch_start(mmoe_whole_batch *w, const mmoe_rows *batch, bool scores,
                                   mmoe_error *err);
/* Whether a batch is on its way, which then must be taken or dropped. */
static inline bool mmoe_whole_batch_is_started(const mmoe_whole_batch *w) {
    return w->batch.rows > 0;
}
/* Completes the batch that was started; *out stays until the next is taken. Errors as those of
 * start.
 */
mmoe_status mmoe_whole_batch_take(mmoe_whole_batch *w, const mmoe_rows **out, mmoe_error *err);
/* Forgets the batch that was started, if any. */
void mmoe_whole_batch_drop(mmoe_whole_batch *w);

#endif
