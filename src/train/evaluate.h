/* Predictions of a model over a source's rows, and their metrics. */
#ifndef MMOE_TRAIN_EVALUATE_H
#define MMOE_TRAIN_EVALUATE_H

#include "data/source.h"
#include "graph/run.h"
#include "model/model.h"
#include "look/gate_meter.h"

typedef struct mmoe_evaluator mmoe_evaluator;

/* What is evaluated, and by whom. */
typedef struct mmoe_evaluation {
    const mmoe_model *model;
    const mmoe_params *params; /* the model's, or others that are laid out as they are */
    mmoe_pool *pool;           /* NULL: the calling thread alone */
} mmoe_evaluation;

/* Memory for sources of up to `rows` rows. */
mmoe_status mmoe_evaluator_create(const mmoe_evaluation *of, int64_t rows,
                                  const mmoe_allocator *alloc, mmoe_evaluator **out,
                                  mmoe_error *err);
void mmoe_evaluator_free(mmoe_evaluator *e);
/* Fills metrics [tasks] for the weights as they are now, over an epoch of the source. */
mmoe_status mmoe_evaluator_run(mmoe_evaluator *e, mmoe_source *source, mmoe_task_metrics *metrics,
                               mmoe_error *err);

/* The same of predictions that are all alike: a figure that is undefined then is so by the rows'
 * labels and weights, whatever is predicted. */
mmoe_status mmoe_evaluator_judge_labels(mmoe_evaluator *e, mmoe_source *source,
                                        mmoe_task_metrics *metrics, mmoe_error *err);

/* In the runs to come the meter, which may be made afterwards, counts each `every`-th row of the
 * source, from its first on. Call it once. MMOE_E_MEMORY. */
mmoe_status mmoe_evaluator_watch(mmoe_evaluator *e, mmoe_gate_meter *meter, int64_t every,
                                 mmoe_error *err);
/* Chunks of the batches that the meter sees. */
int32_t mmoe_evaluator_chunks(const mmoe_evaluator *e);

#endif
