/* A batch of whose rows each rank has its share, as all need it: labels and weights, where the sum
 * of the labels' weights or all rows' scores are asked for, and what rows read of tables that have
 * owners. Ranks tell each other these, and nothing where nothing is needed.
 *
 *     words     | row 0: labels, weight, ids, lists' lengths | row 1 .. |   rank by rank
 *     elements  | row 0: of its first list, of its second .. | row 1 .. |   id, or id and weight
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
    bool tells_labels; /* of this batch, and whether rows have weights: */
    bool tells_weights;
    mmoe_rows rows;                  /* with the memory below */
    int32_t *row_ids;                /* [rows, n_id] */
    float *dense, *labels, *weights; /* [rows, n_dense], [rows, n_label], [rows] */
    int64_t *offsets;                /* [rows * n_list + 1] */
    uint32_t *words;                 /* [rows, all that a row may tell] */
    uint32_t *told;                  /* of elements, in words; the next two likewise */
    int32_t *elements;
    float *element_weights;
    int64_t told_room, element_room, weight_room;
} mmoe_whole_batch;

/* For batches of that schema's rows. MMOE_E_MEMORY. */
struct mmoe_schema;
mmoe_status mmoe_whole_batch_init(mmoe_whole_batch *w, mmoe_ranks *ranks, const mmoe_plan *plan,
                                  const struct mmoe_schema *schema, const mmoe_allocator *alloc,
                                  mmoe_error *err);
void mmoe_whole_batch_finish(mmoe_whole_batch *w);
size_t mmoe_whole_batch_memory(const mmoe_whole_batch *w); /* without lists' elements */

/* *out: `batch`, or what stays until the next call; all ranks call it. `scores`: all labels are
 * needed. MMOE_E_MEMORY, and as mmoe_ranks_status. */
mmoe_status mmoe_whole_batch_take(mmoe_whole_batch *w, const mmoe_rows *batch, bool scores,
                                  const mmoe_rows **out, mmoe_error *err);

#endif
