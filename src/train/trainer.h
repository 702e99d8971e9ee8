/* What a training run is made of. */
#ifndef MMOE_TRAIN_TRAINER_H
#define MMOE_TRAIN_TRAINER_H

#include <math.h>
#include <pthread.h>
#include <stdatomic.h>

#include "data/dataset.h"
#include "graph/run.h"
#include "model/model.h"
#include "train/balance_step.h"
#include "train/best.h"
#include "train/dealt_rows.h"
#include "train/evaluate.h"
#include "train/linear_start.h"
#include "train/optimizer.h"
#include "train/ranks.h"
#include "train/schedule.h"
#include "train/whole_gradient.h"

/* Where a run stands; with the parameters, the optimizer's moments and the best parameters it is
 * all that a checkpoint keeps. Order and dropout follow from the seed, the epoch and the step. */
typedef struct mmoe_progress_state {
    int32_t epoch;    /* epochs finished */
    int64_t row;      /* rows of the current epoch done */
    int32_t waited;   /* epochs since the best score */
    int32_t has_best; /* whether `best` and best_score mean anything */
    int32_t finished; /* stopped early, or the last epoch done */
    double best_score;
    /* The rows that the run began with (mmoe_identity): of training, 0: not begun; of validation,
     * 0: there are none; and their schema's, 0: read from a checkpoint of version 0.1, which knew
     * of training rows alone. */
    uint64_t data_hash, valid_hash, schema_hash;
    double seconds; /* of the current epoch, in earlier runs */
} mmoe_progress_state;

struct mmoe_trainer {
    mmoe_allocator alloc;
    mmoe_model *model;
    uint64_t schema_hash; /* its schema's fingerprint */
    mmoe_trainer_options options;
    char *checkpoint_path;
    mmoe_pool *pool;
    mmoe_run *run;
    mmoe_ranks *ranks;     /* that train together; NULL: this one alone */
    float *rows_room;      /* with deferred tables; NULL: nothing is to be brought */
    bool has_old_rows;     /* others' rows are not as these are, and their weights may be on their
                              way */
    bool knows_lists;      /* the run is made for lists as long as the first data set's: */
    double *list_elements; /* [lists] */
    mmoe_optimizer optimizer;
    mmoe_balancer balancer;       /* zero without a method */
    mmoe_whole_gradient gradient; /* kept for clipping alone */
    mmoe_schedule schedule;
    mmoe_params average; /* of the weights; without values: there is none */
    mmoe_best best;
    mmoe_linear_start start; /* of a model with a linear part */
    mmoe_progress_state at;
    double *loss_sum, *weight_sum; /* [tasks] of the current epoch; kept in a checkpoint */
    double *loss, *weight;         /* [tasks] of a step, and for reports */
    double *factors;               /* [tasks] for reports */
    float *scores;                 /* [batch rows, tasks] that steps write; NULL: they do not */
    bool has_fitted;               /* the next fit begins a run of its own */
    bool has_grown;                /* vocabularies are others than those that it began with: */
    mmoe_vocab_place *began;       /* [tables]; rows 0: the table has none */
    const char *lost_began;        /* a table that has gone back to fewer: what comes behind these
                                      may be others. NULL: none has */
    mmoe_sent sent;                /* of several ranks */
    bool is_fitting;
    bool leaves_rows; /* rows that are behind are left so: a fit that was resumed within an epoch
                         has made no step yet, and must bring rows up to date only when a run that
                         was not interrupted does */
    bool stops; /* what steps tell all ranks: this one wants no more of them, then whether any does
                 */
    atomic_int stop;
    pthread_mutex_t settling; /* readers of the model may come at once */
    mmoe_trainer *next;       /* of the model's next member; NULL: there is none */
};

/* Rows of deferred tables become those of their owners, behind or not, and weights those of the
 * last step; all ranks call it. False: something has failed. */
bool mmoe_trainer_bring_rows(mmoe_trainer *t);

/* Of several ranks: what a step has left on its way is there. */
void mmoe_trainer_take_weights(mmoe_trainer *t);

/* Of several ranks, as files are written and read. */
static inline mmoe_dealing mmoe_trainer_dealing(const mmoe_trainer *t) {
    return (mmoe_dealing){t->ranks->comm, (char *)t->rows_room, t->pool, &t->alloc};
}

/* MMOE_E_ARGUMENT: the model is one of several ranks', and the trainer alone. */
mmoe_status mmoe_trainer_check_joined(const mmoe_trainer *t, mmoe_error *err);

/* BLAS has room for the trainer's workers between the two, which MMOE_E_MEMORY says it has not, and
 * one thread, if the caller asked for it. */
mmoe_status mmoe_trainer_take_blas(const mmoe_trainer *t, mmoe_error *err);
void mmoe_trainer_give_blas(const mmoe_trainer *t);

/* Is a member, this one's or a later one's, within a fit? */
static inline bool mmoe_trainer_is_fitting(const mmoe_trainer *t) {
    while (t && !t->is_fitting) t = t->next;
    return t != NULL;
}

/* The weights that are judged and kept. */
static inline const mmoe_params *mmoe_trainer_kept(const mmoe_trainer *t) {
    return t->average.values ? &t->average : &t->model->params;
}

/* The learning rate of the next step. */
static inline float mmoe_trainer_rate(const mmoe_trainer *t) {
    return (float)mmoe_schedule_rate(&t->schedule, &t->model->config->trainer, t->at.epoch,
                                     t->optimizer.steps + 1);
}

/* The most that it can be. */
static inline double mmoe_trainer_most_rate(const mmoe_trainer *t) {
    return fmax(t->schedule.lr, (double)t->model->config->trainer.min_lr);
}

/* step.c: one update with a batch, whose first row is `row` of the epoch's order. Losses and
 * weights of the tasks go to t->loss and t->weight. MMOE_E_NUMERIC when a loss or a weight is not
 * finite. */
mmoe_status mmoe_trainer_update(mmoe_trainer *t, const mmoe_rows *batch, int64_t row,
                                mmoe_error *err);
/* What this rank has sent until now; and adds what it has sent since then to what steps have sent.
 */
mmoe_sent mmoe_trainer_mark_sent(const mmoe_trainer *t);
void mmoe_trainer_count_sent(mmoe_trainer *t, const mmoe_sent *since);

/* Of a model with lists: before the first step, what is known of the rows' lists goes into the run
 * (mmoe_plan_request.list_elements). MMOE_E_MEMORY. */
mmoe_status mmoe_trainer_know_lists(mmoe_trainer *t, const mmoe_dataset *data, mmoe_error *err);

/* That lists have so many elements [lists]; NULL: nothing is known. MMOE_E_MEMORY. */
mmoe_status mmoe_trainer_expect_lists(mmoe_trainer *t, const double *elements, mmoe_error *err);

/* Another run like the trainer's, of the model as it is now. MMOE_E_MEMORY. */
mmoe_status mmoe_trainer_plan(mmoe_trainer *t, mmoe_run **out, mmoe_error *err);

/* A model file's format with the run's state (checkpoint_parts.h), which the first rank writes, but
 * for rows that ranks have alone (shards.h); all ranks call it and come back together. The
 * checkpoint must be of the trainer's configuration and graph; on failure the trainer is as it was,
 * unless the disk failed between what was checked and its being read. */
mmoe_status mmoe_checkpoint_write(mmoe_trainer *t, const char *path, mmoe_error *err);
/* Bytes of its tensors, which are all but some kilobytes of it. MMOE_E_MEMORY. */
mmoe_status mmoe_checkpoint_size(mmoe_trainer *t, int64_t *bytes, mmoe_error *err);
mmoe_status mmoe_checkpoint_read(mmoe_trainer *t, const char *path, mmoe_error *err);

/* Gradients of the total loss over a batch to out [params.n_whole], in the order of the whole; no
 * update but for the running statistics. The tasks' losses go to t->loss. For tests: without memory
 * for the batch's lists all are 0. */
void mmoe_trainer_gradients(mmoe_trainer *t, const mmoe_rows *batch, float *out);

#endif
