/* One task's figures of rows that come batch after batch, or of parts of these rows: what is summed
 * over rows is summed as they come, and scores go to where they are sorted, in memory that does not
 * grow with the rows. */
#ifndef MMOE_TRAIN_TASK_JUDGE_H
#define MMOE_TRAIN_TASK_JUDGE_H

#include "train/metrics.h"

typedef struct mmoe_task_judge mmoe_task_judge;

typedef struct mmoe_judge_wanted {
    mmoe_task_type type;
    int32_t parts;     /* 1: rows are of one */
    bool is_binned;    /* AUC and calibration by bins (score_bins.h); of one part */
    const char *group; /* the column of the rows' groups; NULL: they have none */
    mmoe_group_weight group_weight;
    int64_t run; /* rows whose scores are sorted in memory */
} mmoe_judge_wanted;

/* MMOE_E_MEMORY. */
mmoe_status mmoe_task_judge_create(const mmoe_judge_wanted *wanted, const mmoe_allocator *alloc,
                                   mmoe_task_judge **out, mmoe_error *err);
void mmoe_task_judge_free(mmoe_task_judge *j);
/* Bytes for each row of a run. */
size_t mmoe_task_judge_row_bytes(const mmoe_judge_wanted *wanted);

/* Forgets all rows. `constant`: what is predicted without a model. */
void mmoe_task_judge_begin(mmoe_task_judge *j, double constant);
/* MMOE_E_IO: scores cannot be written to the temporary file. */
mmoe_status mmoe_task_judge_add(mmoe_task_judge *j, const mmoe_judged_rows *rows, mmoe_error *err);
/* Fills the figures of part i in out[i * stride], as mmoe_metrics_set does. MMOE_E_IO, _MEMORY. */
mmoe_status mmoe_task_judge_end(mmoe_task_judge *j, mmoe_task_metrics *out, int64_t stride,
                                mmoe_error *err);

#endif
