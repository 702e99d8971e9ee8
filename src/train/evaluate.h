/* Predictions of a model over a source's rows, and their metrics. */
#ifndef MMOE_TRAIN_EVALUATE_H
#define MMOE_TRAIN_EVALUATE_H

#include "base/comm.h"
#include "data/kept.h"
#include "data/source.h"
#include "model/model.h"
#include "look/gate_meter.h"

typedef struct mmoe_evaluator mmoe_evaluator;

/* Which slice a row is of, by its value in a column. */
typedef struct mmoe_slicing {
    const mmoe_kept *by;
    const int32_t *slice_of; /* [values] -1: of none */
    int32_t count;           /* slices */
} mmoe_slicing;

/* What is evaluated, and by whom. */
typedef struct mmoe_evaluation {
    const mmoe_model *model;
    const mmoe_params *params;      /* the model's, or others that are laid out as they are */
    mmoe_pool *pool;                /* NULL: the calling thread alone */
    const struct mmoe_dataset *set; /* the sources' rows, in their order */
    const mmoe_kept *group;         /* what the set keeps; NULL: rows have no groups */
    mmoe_group_weight group_weight;
    const mmoe_slicing *slicing; /* NULL: there are no slices */
    bool is_binned;              /* AUC of all rows, by bins */
    size_t memory;               /* bytes for scores; 0: as the configuration has it */
    const mmoe_watcher *watcher; /* of the rows; NULL: none */
    bool one_member;             /* of several: the model's first, by `params` */
    /* Ranks that evaluate together: each is given all rows, predicts its share of each batch, and
     * gets the others' scores, so all have the metrics of one process. NULL: this one alone. */
    mmoe_comm *comm;
    /* Of tables that are dealt: has a batch's rows of them fetched, and gives it by the numbers
     * that they are read by then (mmoe_run_fetch). NULL: no table is. */
    mmoe_status (*fetch)(void *context, const mmoe_rows *batch, const mmoe_rows **out,
                         mmoe_error *err);
    void *fetch_context;
} mmoe_evaluation;

/* The set's groups as the configuration has them; what it names may not be kept. */
void mmoe_evaluation_group(mmoe_evaluation *of);

/* Memory for the set's rows, however many. */
mmoe_status mmoe_evaluator_create(const mmoe_evaluation *of, const mmoe_allocator *alloc,
                                  mmoe_evaluator **out, mmoe_error *err);
void mmoe_evaluator_free(mmoe_evaluator *e);
/* Bytes of what it keeps. */
size_t mmoe_evaluator_memory(const mmoe_evaluator *e);
/* Fills metrics [tasks] for the weights as they are now, over an epoch of the source, which hands
 * out what the set keeps. MMOE_E_IO: scores that memory has no room for cannot be written; and as
 * mmoe_comm_exchange. */
mmoe_status mmoe_evaluator_run(mmoe_evaluator *e, mmoe_source *source, mmoe_task_metrics *metrics,
                               mmoe_error *err);

/* The same of predictions that are all alike: a figure that is undefined then is so by the rows'
 * labels and weights, whatever is predicted. */
mmoe_status mmoe_evaluator_judge_labels(mmoe_evaluator *e, mmoe_source *source,
                                        mmoe_task_metrics *metrics, mmoe_error *err);

/* Fills metrics [slices, tasks] of the last run, beside the constants of all its rows. MMOE_E_IO,
 * _MEMORY. */
mmoe_status mmoe_evaluator_slices(mmoe_evaluator *e, mmoe_task_metrics *metrics, mmoe_error *err);

/* In the runs to come the meter, which may be made afterwards, has each `every`-th row of the
 * source, from its first on, and none of a run before. */
void mmoe_evaluator_watch(mmoe_evaluator *e, mmoe_gate_meter *meter, int64_t every);
/* Chunks of a batch that the meter sees, at most. */
int32_t mmoe_evaluator_chunks(const mmoe_evaluator *e);

#endif
