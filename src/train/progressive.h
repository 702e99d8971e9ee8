/* Progressive validation (Blum, Kalai and Langford 1999): each row is judged by the model before it
 * learns from it, by what the step computes anyway. Of classifications the AUC, by bins. */
#ifndef MMOE_TRAIN_PROGRESSIVE_H
#define MMOE_TRAIN_PROGRESSIVE_H

#include "base/pool.h"
#include "model/model.h"
#include "train/score_bins.h"

typedef struct mmoe_progressive_meter {
    mmoe_allocator alloc;
    const mmoe_model *model;
    float *scores;             /* [batch rows, tasks] of a step, which writes them */
    mmoe_score_bin_sum **bins; /* [tasks] NULL: the task has no AUC */
    int64_t rows;              /* of all steps */
    mmoe_progressive *figures; /* [tasks] */
} mmoe_progressive_meter;

/* For steps of the configuration's batch size. MMOE_E_MEMORY; it is to be finished then, too. */
mmoe_status mmoe_progressive_init(mmoe_progressive_meter *m, const mmoe_model *model,
                                  const mmoe_allocator *alloc, mmoe_error *err);
void mmoe_progressive_finish(mmoe_progressive_meter *m);
/* Adds a step's rows, whose scores stand. */
void mmoe_progressive_add(mmoe_progressive_meter *m, const mmoe_rows *batch, mmoe_pool *pool);
/* The figures of the steps so far, but for the losses. */
void mmoe_progressive_read(mmoe_progressive_meter *m);
/* Bytes that it keeps. */
size_t mmoe_progressive_memory(const mmoe_progressive_meter *m);

#endif
