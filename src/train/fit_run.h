/* A fit under way, and what is told of it: losses, scores, the calls of the caller's functions. */
#ifndef MMOE_TRAIN_FIT_RUN_H
#define MMOE_TRAIN_FIT_RUN_H

#include "train/feed.h"
#include "train/progressive.h"
#include "train/trainer.h"

enum { MMOE_FIT_STEADY = 5 }; /* epochs */

/* How the scores went, for what is said of it at the end. */
typedef struct mmoe_fit_course {
    int32_t best;                       /* the epoch; 0: none */
    bool best_is_poor;                  /* a watched task's figure was about that of the constant */
    int32_t rising;                     /* epochs up to the last that were the best, each */
    double lately[MMOE_FIT_STEADY + 1]; /* scores, the last one last */
} mmoe_fit_course;

typedef struct mmoe_fit_run {
    mmoe_trainer *t;
    const mmoe_dataset *train_set, *valid_set;
    mmoe_source *train, *valid; /* valid: NULL, without validation rows */
    int64_t rows;               /* of an epoch */
    mmoe_whole_batch whole;     /* of several ranks that read lanes; else not begun */
    mmoe_evaluator *evaluator;
    mmoe_task_metrics *metrics;      /* [tasks] */
    mmoe_task_metrics *best_metrics; /* [tasks] of the best weights */
    bool is_unrecorded;              /* the best weights are of an epoch that is not recorded: */
    int32_t best_epoch;
    mmoe_task_metrics *start_metrics; /* [tasks] of a linear start; NULL: there is none */
    bool *is_start;                   /* [tasks] the last epoch is worse: the task is as it began */
    bool *is_shrinking; /* [tasks] still being drawn towards its constant (fit_shrink.c) */
    int *parts_left;    /* [tasks] what is left of its distance from that, in 16ths; NULL: all */
    bool *counts;       /* [tasks] those whose figures are watched and can be defined */
    bool has_warned;    /* of a score that is undefined */
    bool has_warned_of_decay;
    mmoe_fit_course course;
    double epoch_start, last_progress;
    double lr; /* of the epoch's last step */
    mmoe_parts parts;
    mmoe_gate_meter gates;
    mmoe_progressive_meter progressive; /* of a run of one epoch */
} mmoe_fit_run;

/* fit.c: of one member, by one rank. */
mmoe_status mmoe_fit(mmoe_trainer *t, const mmoe_dataset *train, const mmoe_dataset *valid,
                     mmoe_error *err);

/* Of the epoch so far; NaN: no row had a label. */
double mmoe_fit_mean_loss(const mmoe_trainer *t, int32_t task);
/* fit_watch.c: finds the tasks that are watched. Where the validation rows' labels leave what
 * decides undefined, MMOE_E_DATA; of a mean, those of the tasks that it is not are left out, and
 * the caller is told. */
mmoe_status mmoe_fit_watch(mmoe_fit_run *r, mmoe_error *err);
/* Behind an epoch: tells once that its score is undefined. */
void mmoe_fit_warn_undefined(mmoe_fit_run *r, double score);
/* Behind an epoch: tells once how many rows a decay that moments take up has all but erased. */
void mmoe_fit_warn_of_decay(mmoe_fit_run *r);
/* An epoch ended with this score; and the run: tells of a best epoch that is one of the first few
 * updates, and of scores that were still improving. */
void mmoe_fit_follow(mmoe_fit_run *r, double score, bool is_best);
void mmoe_fit_warn_of_course(const mmoe_fit_run *r);
/* What early stopping watches of the validation rows' metrics, larger being better; and the figure
 * as its metric is named, an error being positive again. */
double mmoe_fit_score(const mmoe_fit_run *r);
double mmoe_fit_shown_score(const mmoe_fit_run *r, double score);

/* A task's figure as what is watched takes it; of a task that is not watched its loss. Larger is
 * better. */
double mmoe_fit_task_score(const mmoe_fit_run *r, int32_t task, const mmoe_task_metrics *m);

/* fit_best.c: the weights as they are now become the best where the score is better than any
 * before; the score of an undefined epoch neither counts as better nor as a wait. */
mmoe_status mmoe_fit_keep_best(mmoe_fit_run *r, double score, int *is_best, mmoe_error *err);

/* fit_start.c, of a model with a linear part. Before the first epoch: fits it, if the model is new,
 * and measures it on the validation rows; this is epoch 0, which is told of, and may be the best.
 * MMOE_E_MEMORY, and what evaluation and a callback return. */
mmoe_status mmoe_fit_start(mmoe_fit_run *r, mmoe_error *err);
/* Behind an epoch's evaluation: a task that validation rows like better as it began has the figures
 * of that, for so it would be kept. */
void mmoe_fit_prefer_start(mmoe_fit_run *r);
/* Behind a run: makes the tasks that the best weights have so what they began as. */
void mmoe_fit_bring_start(mmoe_trainer *t);

/* fit_shrink.c, with trainer.shrink, after the last epoch, when the model has the best weights:
 * finds how far each task is best drawn towards its constant, and warns of those that are to be.
 * MMOE_E_MEMORY, and the errors of evaluation. */
mmoe_status mmoe_fit_shrink(mmoe_fit_run *r, mmoe_error *err);
/* Draws the tasks there, beginning from the best weights. */
void mmoe_fit_bring_shrunk(mmoe_fit_run *r);
/* Is any to be looked for? */
bool mmoe_fit_shrinks(const mmoe_fit_run *r);

/* fit_record.c: keeps with the model what is known of the best weights by now (mmoe_model_meta),
 * unless it is kept already. MMOE_E_MEMORY. */
mmoe_status mmoe_fit_record(mmoe_fit_run *r, mmoe_error *err);
/* Behind a fit of several members: the figures of all together. MMOE_E_MEMORY, and the errors of
 * mmoe_evaluate. */
mmoe_status mmoe_fit_record_members(mmoe_trainer *first, const mmoe_dataset *valid,
                                    mmoe_error *err);
/* A task's figures alone, which are others now. */
mmoe_status mmoe_fit_record_task(const mmoe_fit_run *r, int32_t task, mmoe_error *err);

/* fit_ranks.c: of several ranks, before the first step: all are about to make the same run,
 * MMOE_E_CONFIG where they are not; and behind an epoch: what each has seen of the gates in its
 * steps becomes what all have. */
mmoe_status mmoe_fit_agree(mmoe_trainer *t, mmoe_error *err);
void mmoe_fit_sum_gates(mmoe_fit_run *r);
/* Fills metrics [tasks] of the validation rows, on all ranks with the first's, by which all decide:
 * where processors are unlike the last bits of their own may differ. */
mmoe_status mmoe_fit_evaluate(mmoe_fit_run *r, mmoe_task_metrics *metrics, mmoe_error *err);
/* Where lanes are asked for, and ranks would read all rows. */
void mmoe_fit_warn_of_lanes(mmoe_trainer *t, const mmoe_dataset *train);
/* Of an evaluation (mmoe_evaluation), for a trainer whose tables are dealt. */
mmoe_status mmoe_fit_fetch(void *trainer, const mmoe_rows *batch, const mmoe_rows **out,
                           mmoe_error *err);

/* Tells the caller what is suspicious; `about` lacks the sentence alone. */
void mmoe_fit_warn(mmoe_trainer *t, mmoe_warning about, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Call on_progress, when it is time for it, and on_epoch; other than 0: the caller stops the run.
 */
int mmoe_fit_report_progress(mmoe_fit_run *r);
int mmoe_fit_report_epoch(mmoe_fit_run *r, double score, double train_seconds, int is_best);

#endif
