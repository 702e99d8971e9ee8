/* Predictions of a model over a data set, and their metrics. */
#ifndef MMOE_TRAIN_EVALUATE_H
#define MMOE_TRAIN_EVALUATE_H

#include "data/dataset.h"
#include "graph/plan.h"
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

/* A data set as rows to run: `rows` from `first` on, or by `index`. */
mmoe_rows mmoe_dataset_rows_of(const struct mmoe_dataset *data, int64_t first, int32_t rows,
                               const uint32_t *index);
/* MMOE_E_ARGUMENT unless the data set's columns are those of the model. */
mmoe_status mmoe_check_dataset(const mmoe_model *model, const struct mmoe_dataset *data,
                               mmoe_error *err);
/* Workers for a request of `threads`: itself, or one a processor that the process may use for 0. */
int mmoe_worker_count(int threads);

#endif
