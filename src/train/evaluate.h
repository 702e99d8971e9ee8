/* Predictions of a model over a source's rows, and their metrics. */
#ifndef MMOE_TRAIN_EVALUATE_H
#define MMOE_TRAIN_EVALUATE_H

#include "data/kept.h"
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
    const mmoe_kept *group;    /* of the sources' rows, in their order; NULL: they have no groups */
    mmoe_group_weight group_weight;
    const mmoe_watcher *watcher; /* of the rows; NULL: none */
} mmoe_evaluation;

/* The rows' groups as the configuration has them; what it names may not be kept. */
void mmoe_evaluation_group(mmoe_evaluation *of, const struct mmoe_dataset *set);

/* Memory for sources of up to `rows` rows. */
mmoe_status mmoe_evaluator_create(const mmoe_evaluation *of, int64_t rows,
                                  const mmoe_allocator *alloc, mmoe_evaluator **out,
                                  mmoe_error *err);
void mmoe_evaluator_free(mmoe_evaluator *e);
/* Bytes of what it keeps of each row. */
size_t mmoe_evaluator_memory(const mmoe_evaluator *e, int64_t rows);
/* Fills metrics [tasks] for the weights as they are now, over an epoch of the source. */
mmoe_status mmoe_evaluator_run(mmoe_evaluator *e, mmoe_source *source, mmoe_task_metrics *metrics,
                               mmoe_error *err);

/* The same of predictions that are all alike: a figure that is undefined then is so by the rows'
 * labels and weights, whatever is predicted. */
mmoe_status mmoe_evaluator_judge_labels(mmoe_evaluator *e, mmoe_source *source,
                                        mmoe_task_metrics *metrics, mmoe_error *err);

/* Some rows of the last run. */
typedef struct mmoe_row_choice {
    int64_t rows;
    const uint32_t *index; /* [rows] */
    const uint32_t
        *grouped; /* [rows] the same, a group's side by side; NULL: there are no groups */
} mmoe_row_choice;

/* Fills metrics [tasks] of these rows, beside the constants of those of all rows, `whole`. */
void mmoe_evaluator_judge(mmoe_evaluator *e, const mmoe_row_choice *choice,
                          const mmoe_task_metrics *whole, mmoe_task_metrics *metrics);
/* The run's rows by their groups; NULL: they have none. */
const uint32_t *mmoe_evaluator_grouped(const mmoe_evaluator *e);

/* In the runs to come the meter, which may be made afterwards, counts each `every`-th row of the
 * source, from its first on. Call it once. MMOE_E_MEMORY. */
mmoe_status mmoe_evaluator_watch(mmoe_evaluator *e, mmoe_gate_meter *meter, int64_t every,
                                 mmoe_error *err);
/* Chunks of the batches that the meter sees. */
int32_t mmoe_evaluator_chunks(const mmoe_evaluator *e);

#endif
