/* Predictions of a model over a data set, and their metrics. */
#ifndef MMOE_TRAIN_EVALUATE_H
#define MMOE_TRAIN_EVALUATE_H

#include "data/dataset.h"
#include "graph/run.h"
#include "model/model.h"
#include "look/gate_meter.h"

typedef struct mmoe_evaluator mmoe_evaluator;

/* Memory for data sets of up to `rows` rows, and weights that are the model's or laid out as they
 * are. `pool` may be NULL. */
mmoe_status mmoe_evaluator_create(const mmoe_model *model, const mmoe_params *params,
                                  mmoe_pool *pool, int64_t rows, const mmoe_allocator *alloc,
                                  mmoe_evaluator **out, mmoe_error *err);
void mmoe_evaluator_free(mmoe_evaluator *e);
/* Fills metrics [tasks] for the weights as they are now. */
void mmoe_evaluator_run(mmoe_evaluator *e, const struct mmoe_dataset *data,
                        mmoe_task_metrics *metrics);

/* Chunks of the evaluator's largest batch; and a meter that counts rows in the runs to come, NULL:
 * none. */
int32_t mmoe_evaluator_chunks(const mmoe_evaluator *e);
void mmoe_evaluator_watch(mmoe_evaluator *e, mmoe_gate_meter *meter);

#endif
