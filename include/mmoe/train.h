/* mmoe/train.h: training. It includes the other headers of a library that trains.
 * See mmoe/mmoe.h for the conventions. */
#ifndef MMOE_TRAIN_H
#define MMOE_TRAIN_H

#include "create.h"
#include "data.h"
#include "estimate.h"
#include "evaluate.h"
#include "inspect.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Training ---- */

/* Metrics of the rows of a run of one epoch, before it has learned from them (progressive
 * validation: Blum, Kalai and Langford, COLT 1999). They use the predictions that the steps make
 * anyway, as training makes them: with dropout, and with batch norms of the batch. */
typedef struct mmoe_progressive {
    double loss; /* the task_loss of the epoch */
    /* For classifications, else NaN. It is binned (mmoe_evaluate_options.auc), with 2^14 bins,
     * each 2^-9 of its octave wide. */
    double auc;
    double auc_bound; /* how far it can be from the exact AUC */
    /* The rows of the epoch; for a resumed run, the remaining ones, except for `loss`. */
    int64_t rows;
} mmoe_progressive;

/* A finished epoch. Pointers are valid during the callback.
 *
 * If a model has a linear part (model.linear), and a run with validation rows begins to train
 * it, there is an epoch 0 before the first step. The model is then the linear one that was
 * fitted to the training rows. This epoch may be the best one. Its rows, train_seconds,
 * rows_per_second and lr are 0, and its losses are NaN. If a task is worse in a later epoch than
 * in epoch 0, as early stopping sees it, `valid` and `score` have its metrics of epoch 0: so it
 * is kept, should the epoch be the best. This does not apply to ESMM, whose scores share a
 * logit: there an epoch has its own metrics, and is kept as a whole. */
typedef struct mmoe_epoch_report {
    int32_t epoch; /* from 1, except for the epoch 0 of a linear part */
    int32_t n_epoch;
    int32_t n_task;
    int64_t rows;
    double seconds;         /* of training and validation */
    double train_seconds;   /* of training alone */
    double rows_per_second; /* rows / train_seconds */
    double loss;            /* mean over the epoch of the tasks' losses, with their weights */
    /* [n_task] Of labels that are transformed as tasks[].label_transform says. */
    const double *task_loss;
    const mmoe_task_metrics *valid; /* [n_task]; NULL without validation data */
    double score;                   /* what early stopping watches; NaN without validation data */
    int is_best;
    double lr; /* the learning rate of the last step */
    /* [n_task] As mmoe_trainer_task_factors returns them, for the epoch's last step. */
    const double *task_factors;
    int32_t n_gate; /* 0: the model has no gates */
    /* [n_gate] Use of the gates on validation rows, evenly taken; without validation data,
     * on the epoch's last training rows, as their steps saw them. The number of rows is
     * about a 32nd of the training rows, but 256 to 4096; this takes less than 1 % of the
     * time of all but the shortest epochs. */
    const mmoe_gate_use *gates;
    const mmoe_progressive *progressive; /* [n_task]; NULL if trainer.n_epoch is above 1 */
    int32_t member, n_member;            /* from 1; of how many (model.members) */
} mmoe_epoch_report;

/* The state within an epoch, for a progress line. Pointers are valid during the callback. */
typedef struct mmoe_progress {
    int32_t epoch, n_epoch;
    int64_t rows_done, rows;
    double seconds; /* since the epoch began */
    int32_t n_task;
    const double *task_loss;  /* [n_task], means so far */
    int32_t member, n_member; /* from 1; of how many (model.members) */
} mmoe_progress;

typedef struct mmoe_trainer_options {
    /* Worker threads, 1 to 256; 0: one for each processor that this process may use, by its
     * affinity and the quota of its control groups. */
    int threads;
    /* 1: the process's BLAS is set to one thread during fit and step, and restored; with several
     * trainers at the same time, by the last one. */
    int single_threaded_blas;
    /* Written after each epoch and when stopped; NULL: none. The second member of a model
     * (model.members) has PATH.member2, and so on. */
    const char *checkpoint_path;
    void *user;
    /* Called from the thread that called fit. If they return a value other than 0, training
     * stops (MMOE_E_CANCELLED). Either may be NULL; neither may throw. */
    int (*on_epoch)(void *user, const mmoe_epoch_report *report);
    int (*on_progress)(void *user, const mmoe_progress *progress); /* at most ten times a second */
    mmoe_profile *profile; /* NULL: none; must outlive the trainer */
    /* Called from the thread that called fit, before its first step or after an epoch. The
     * warning is valid until the call returns. Must not throw. NULL: warnings are dropped, and
     * the rows are not examined for features that are copies, reveal a label, are unscaled or
     * drift. */
    void (*on_warning)(void *user, const mmoe_warning *warning);
    /* The folder for the best weights of tables of 16 MB and more. They are kept in a file
     * without a name, and take disk space instead of memory. NULL: the folder of
     * checkpoint_path; without that, they are kept in memory, as those of small tables always
     * are. */
    const char *best_folder;
    /* 1: ranks (mmoe_trainer_join) may have different kernels, BLAS cores and patch levels of
     * the library. A warning tells of it, and the weights are not, bit for bit, those of one
     * process. 0: this is an error. Different configurations, rows and weights are an error
     * in both cases. */
    int allow_unlike;
    void *reserved[4]; /* NULL; else MMOE_E_ARGUMENT */
} mmoe_trainer_options;

/* Trains one model, as the model's configuration says: if that has several members
 * (model.members), all of them, one after another. Not thread-safe, except for
 * mmoe_trainer_stop. */
typedef struct mmoe_trainer mmoe_trainer;

/* Creates a trainer and allocates all memory that a step needs. `options` may be NULL. The model
 * must outlive the trainer, which the caller frees. MMOE_E_ARGUMENT: also if the model belongs
 * to a slot or has tables of mmoe_model_with_tables; _CONFIG, _MEMORY; _IO: the system gives no
 * thread.
 *
 * With trainer.embedding_update "deferred" (or if "auto" chooses it), a model can have only one
 * trainer at a time; a second one is MMOE_E_ARGUMENT. All rows are then brought up to date
 * before anything reads the model between two steps (saving, an evaluation, an inspection,
 * creating a predictor, mmoe_model_tensor). This is a pass over the tables, and later steps may
 * round differently than without it. */
MMOE_API mmoe_status mmoe_trainer_create(mmoe_model *model, const mmoe_trainer_options *options,
                                         const mmoe_allocator *alloc, mmoe_trainer **out,
                                         mmoe_error *err);
MMOE_API void mmoe_trainer_free(mmoe_trainer *trainer);
/* Writes `factors` [tasks]: the factors that the configuration's balancing method gave to the
 * tasks' losses in the last step. 1 for each task is the plain mean. For MetaBalance in the
 * parameters, they are means over tensors. Of several members they are the first's. All are 1
 * without a method and before the first step. */
MMOE_API void mmoe_trainer_task_factors(const mmoe_trainer *trainer, double *factors);
/* Joins the trainers of all ranks of a job (mmoe/mpi.h) into one, before the first step. Their
 * models must have been created in the same way. `comm` must outlive the trainer; with one rank
 * it changes nothing.
 *
 * - Each rank is then given the same rows in the same calls (mmoe_trainer_fit, _step), and runs
 *   its share of the segments of each batch (trainer.segments). All ranks get the weights that
 *   one process would have, bit for bit.
 * - Only the first rank calls the functions of the options and writes files, except for rows
 *   (mmoe_trainer_save). If training is stopped there, it stops everywhere. A rank that fails
 *   ends the others, with "rank R: its message" (MMOE_E_IO).
 * - Moments are divided among ranks. Every rank has all weights, except those of
 *   mmoe_model_create_among.
 * - After mmoe_trainer_step, the weights of tables that are not updated in every step
 *   (trainer.embedding_update) are up to date only on their owners, until the model is read:
 *   saved, copied, used for a predictor, asked for a tensor, or its trainer freed. All ranks
 *   must do this in the same way, from the threads that call steps. It must not be done within
 *   on_progress, which makes all ranks fail. For a model of mmoe_model_create_among, it must not
 *   be done within on_epoch, which is refused.
 * - A fit begins by comparing the ranks. MMOE_E_CONFIG, with what differs: configurations, rows,
 *   weights, library versions, kernels or BLAS cores (allow_unlike).
 *
 * MMOE_E_CONFIG: there are more ranks than segments, or the model has several members;
 * _ARGUMENT: the trainer has joined already, or has made a step; _MEMORY. */
MMOE_API mmoe_status mmoe_trainer_join(mmoe_trainer *trainer, struct mmoe_comm *comm,
                                       mmoe_error *err);
/* What the steps of a trainer, in fits and others, have sent to other ranks so far: bytes, the
 * number of messages, and the seconds that this rank waited for others in them. With one rank
 * all are 0. */
typedef struct mmoe_sent {
    int32_t ranks;
    int64_t steps;
    double bytes, messages, seconds;
} mmoe_sent;
MMOE_API void mmoe_trainer_sent(const mmoe_trainer *trainer, mmoe_sent *out);
/* Reads a checkpoint of the same configuration; the next fit continues its run. MMOE_E_IO,
 * _FORMAT, _VERSION, _ARGUMENT (also within a fit).
 *
 * - trainer.n_epoch and trainer.earlystop_patience (and `score`) may differ. If they are raised,
 *   a run that has ended continues, with the same bits as a run that began with them. Any other
 *   key that differs is named in the error, with both values. Keys that the checkpoint's version
 *   did not know count as their defaults there.
 * - If the trainer of the checkpoint had grown (mmoe_trainer_grow), the model gets its
 *   vocabularies. The model may have those that the run began with, or any since. A trainer that
 *   has grown also accepts a checkpoint from before, and then has the values that it began with.
 *   As after growing, data sets and predictors of the model must then be created again, also if
 *   this fails.
 * - On failure the trainer is unchanged, unless the disk failed, or the file was written to
 *   (MMOE_E_IO), while contents that had already been checked were being read. Of several
 *   members, each of which has a file, those before the one that failed have been read. */
MMOE_API mmoe_status mmoe_trainer_resume(mmoe_trainer *trainer, const char *path, mmoe_error *err);
/* Writes a checkpoint of the trainer, completely or not at all: weights, moments, averages, the
 * position of its steps, and a learning rate that was set. A trainer of the same configuration
 * that resumes from it does the same from there on, bit for bit, in steps and fits. It is for
 * use between steps. A fit writes its own checkpoints (checkpoint_path); within its callbacks
 * this call is MMOE_E_ARGUMENT.
 *
 * With several ranks, all of them call it with the same path, and the first one writes. Of large
 * tables (mmoe_model_create_among) each rank writes its rows, to files beside the checkpoint,
 * PATH.rows-*, which are part of it. MMOE_E_NUMERIC, with the tensor: a weight is not finite;
 * _IO, _MEMORY. */
MMOE_API mmoe_status mmoe_trainer_save(mmoe_trainer *trainer, const char *path, mmoe_error *err);
/* Sets the learning rate from the next step on: 0 to 1000, else MMOE_E_ARGUMENT. It replaces
 * trainer.optimizer_params.lr. So warm-up and scheduler act on it in the same way (a plateau
 * starts at it again), and the learning rate of embedding_optimizer_params changes in the same
 * ratio. It stays until it is set again, also for later fits, and is part of checkpoints. The
 * configuration is unchanged. Call it between steps, or in a callback of fit. With several
 * ranks, all of them set it; in a callback, which only the first one calls, it is
 * MMOE_E_ARGUMENT. */
MMOE_API mmoe_status mmoe_trainer_set_lr(mmoe_trainer *trainer, double lr, mmoe_error *err);
/* Trains until the last epoch, or until early stopping. The model then has the best weights seen
 * on `valid`, or the last ones without it. `valid` may be NULL, but not with the scheduler
 * "plateau".
 *
 * - trainer.shrink: if a task of the best model gets better when it is drawn towards its
 *   constant, this is done, and a warning tells how far.
 * - What early stopping watches must be defined on `valid`. If the labels leave it undefined
 *   (one class, no labels, weights of 0), fit fails with MMOE_E_DATA; without patience it warns.
 *   A mean is over the tasks for which it can be defined. A warning tells which tasks are left
 *   out, and which is the first epoch with an undefined score nevertheless.
 * - A new linear part (model.linear), which is all 0, is fitted first (mmoe_epoch_report). This
 *   takes one pass over the rows for regressions, else some 5 to 20 passes, at most 60. A
 *   request to stop during these passes takes effect at the first step after them.
 * - With trainer.ema_decay, "weights" means their moving average. What mmoe_trainer_step leaves
 *   in the model is never an average.
 * - On MMOE_E_NUMERIC or _CANCELLED the model has the best weights so far. If no epoch was
 *   finished, it has those that it began with, or those of now. A member that had not begun is
 *   as it was.
 * - MMOE_E_IO: the best weights cannot be kept on disk (mmoe_trainer_options.best_folder). This
 *   happens before the first step, or after an epoch, whose weights the model then has.
 *
 * Each fit is a run of its own: epochs count from 1, and optimizer, schedule and balancing do
 * not remember an earlier fit; the weights are those of the model. Steps before the first fit do
 * count.
 *
 * The fit that follows mmoe_trainer_resume instead continues the run of a fit's checkpoint, with
 * the same rows. Other training rows, other validation rows, or none where there were some, are
 * MMOE_E_ARGUMENT, and the message tells which. (A checkpoint of version 0.1 knows only the
 * training rows.) */
MMOE_API mmoe_status mmoe_trainer_fit(mmoe_trainer *trainer, const mmoe_dataset *train,
                                      const mmoe_dataset *valid, mmoe_error *err);
/* Makes one update with rows [first, first + rows), in their order; `rows` is at most the batch
 * size. Writes the losses of the tasks before the update to `losses` [tasks], unless that is
 * NULL; of several members, each of which makes the update, their means (if one fails, later ones
 * have made none). MMOE_E_NUMERIC: a loss or a new weight is not finite; the losses are written,
 * and the message names the step and the tensor. Allocates nothing, with one exception: if the
 * lists of rows have more elements than ever before, in tables whose updates are deferred
 * (MMOE_E_MEMORY). */
MMOE_API mmoe_status mmoe_trainer_step(mmoe_trainer *trainer, const mmoe_dataset *train,
                                       int64_t first, size_t rows, double *losses, mmoe_error *err);
/* Limits for growing vocabularies. A zeroed structure has no limit but that of ids. */
typedef struct mmoe_growth {
    /* The largest number of rows of a table, including row 0; 0: 2^31 - 1. Tables that have more
     * stay as they are. The "max_vocab" and "max_distinct" of a feature also limit its table, to
     * as many rows and row 0. */
    int64_t max_rows;
    void *reserved[3]; /* NULL; else MMOE_E_ARGUMENT */
} mmoe_growth;
/* The result of mmoe_trainer_grow. */
typedef struct mmoe_grown {
    int64_t rows; /* new rows of all tables */
    /* Values, counted as often as they occur, that stay unknown: their table has all the rows
     * that it may have, or does not learn ("trainable": false). */
    int64_t left_out;
} mmoe_grown;
/* Adds table rows for new ids, before steps with rows that may have them. Ids that the model's
 * learned vocabularies do not know get rows of their own, behind all others. `batch` has raw
 * columns, by the names of an input or by the schema's numbers; only its sparse columns are
 * read, and columns of row numbers are skipped. `limits` and `grown` may be NULL; *grown is
 * written on success. Then create the data set for mmoe_trainer_step from the same batch. Data
 * sets from before are of another schema (MMOE_E_ARGUMENT).
 *
 *     mmoe_trainer_grow(trainer, &batch, &limits, &grown, &err);
 *     mmoe_dataset_create(mmoe_model_schema(model), &batch, labels, NULL, NULL, &rows, &err);
 *     mmoe_trainer_step(trainer, rows, 0, batch.rows, NULL, &err);
 *
 * Rows:
 *
 * - A new row has the weights that a new model of this vocabulary would have there, as with
 *   `train --grow`: the configuration's seed, the table and the row decide; with an
 *   embedding_init "xavier_...", also the size of the table. It has no moments, and is up to
 *   date with the last step. With trainer.ema_decay, its average is its weights.
 * - All other rows keep their weights, moments and last steps, bit for bit.
 * - The vocabularies are those of a reader of the same rows from a file, and do not depend on
 *   how rows are divided into calls. Ids are taken in the order of rows; within a row, in the
 *   order of the schema's features; within a list, in its order, without those that max_len
 *   cuts.
 * - "min_count" is about a file: here an id gets a row when it first occurs.
 * - Tables of "vocab_size" and "hash_bucket_size", bins and crosses stay as they are.
 *
 * Cost:
 *
 * - The time depends on the values of the batch and on the new rows. Memory is allocated in
 *   advance, so a table moves once each time it grows by half. In addition, a new plan of the
 *   step is made if a table with trainer.embedding_update "dense" grew, and a vocabulary of
 *   texts is read once.
 * - "auto" chooses by the rows that a table has when its model is created. Name "deferred" or
 *   "lazy" for a table that will be large. If "auto" would now defer updates of a table, and the
 *   rest of the configuration does not allow that, this is MMOE_E_CONFIG.
 * - Steps allocate nothing, except the first one after growing, if whole gradients are kept
 *   (clip_norm).
 *
 * State:
 *
 * - Published models do not change (mmoe_trainer_publish). mmoe_trainer_save stores the
 *   vocabularies, and mmoe_trainer_resume restores them.
 * - A run of a fit that was to be continued is over: the next fit begins a new one. A profile is
 *   cleared.
 * - Call this between steps, from the trainer's thread. Nobody may read the model or its schema
 *   meanwhile.
 * - If there are new rows, create predictors of the model again. This may also be necessary if
 *   the call fails. Calls of outdated predictors are MMOE_E_ARGUMENT. (Predictors of a slot use
 *   copies of the model.)
 *
 * On failure trainer and model are unchanged. MMOE_E_ARGUMENT: the trainer has joined others,
 * the model has several members or two trainers, rows are encoded, or the batch does not fit the
 * model; MMOE_E_DATA; MMOE_E_MEMORY. */
MMOE_API mmoe_status mmoe_trainer_grow(mmoe_trainer *trainer, const mmoe_batch *batch,
                                       const mmoe_growth *limits, mmoe_grown *grown,
                                       mmoe_error *err);
/* Publishes a copy of the current weights in a slot: this is mmoe_model_clone and
 * mmoe_slot_publish, with its `version` (may be NULL). The copy is allocated with the trainer's
 * allocator. It belongs to the slot, also after trainer and model have been freed. With
 * trainer.ema_decay the copy has the moving average, like the result of fit. The slot's readers
 * continue meanwhile. Call it from the trainer's thread, between steps, or in a callback of fit
 * (of a model of one member).
 * On failure nothing is published. MMOE_E_NUMERIC, with the tensor: a weight is not finite;
 * MMOE_E_ARGUMENT, _MEMORY. */
MMOE_API mmoe_status mmoe_trainer_publish(mmoe_trainer *trainer, mmoe_slot *slot, uint64_t *version,
                                          mmoe_error *err);
/* Makes the running fit, or else the next one, return MMOE_E_CANCELLED after its current step,
 * with its checkpoint written. Later fits run as usual, also if that one has failed by itself. May
 * be called from any thread and from a signal handler. */
MMOE_API void mmoe_trainer_stop(mmoe_trainer *trainer);

#ifdef __cplusplus
}
#endif

#endif
