/* mmoe/evaluate.h: metrics of a model on rows. See mmoe/mmoe.h for the conventions. */
#ifndef MMOE_EVALUATE_H
#define MMOE_EVALUATE_H

#include "data.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Evaluation ---- */

/* A metric of a task. All texts are static. */
typedef struct mmoe_metric {
    const char *name;  /* its name in configurations, JSON and columns: "logloss" */
    const char *title; /* its title: "log-loss" */
    const char *what;  /* what it measures: "squared error" */
    int better;        /* 1: larger is better, -1: smaller is better, 0: nearer to 1 is better */
    int of_groups;     /* 1: only for rows with groups: data.group, mmoe_evaluate_options.group */
} mmoe_metric;

enum { MMOE_MAX_METRICS = 7 }; /* the most that a task type has */
/* Returns metric `index` of a task type, or NULL past the last. The first one is what early
 * stopping watches by default. `type` -1: the metrics of all types, each once. */
MMOE_API const mmoe_metric *mmoe_metric_at(int type, size_t index);
/* How a task's model is compared with no model: its metric is compared with that of a constant
 * prediction for all rows. The constant is the mean label of the training rows, the best
 * prediction that does not look at a row. All texts are static. */
typedef struct mmoe_baseline {
    const char *metric;        /* the metric that is compared: "logloss"; less is better */
    const char *name, *title;  /* of the constant: "base_logloss", "log-loss of the base rate" */
    const char *ratio;         /* the name of the comparison in JSON and tables: "ne" */
    const char *ratio_title;   /* its title: "normalised entropy" */
    int better;                /* 1: larger ratios are better, -1: smaller ones */
    const char *ratio_meaning; /* what it means: "log-loss / log-loss of the base rate; below 1 it
                                  is ..." */
} mmoe_baseline;
/* Returns the baseline of a task type; NULL if `type` is not a task type. */
MMOE_API const mmoe_baseline *mmoe_baseline_of(int type);
/* Returns why `value` cannot be a label of a task of this type, for example "is neither 0 nor
 * 1"; NULL if it can. Static. */
MMOE_API const char *mmoe_label_fault(int type, double value);

/* The metrics of one task over a data set, weighted by the rows' weights. NaN: the metric is
 * undefined (see `why`), or belongs to another task type. */
typedef struct mmoe_task_metrics {
    const char *name; /* the task; it belongs to the model */
    mmoe_task_type type;
    int64_t rows; /* the number of rows with a label */
    double auc;   /* area under the ROC curve (Mann-Whitney, ties count half); exact, unless binned
                     (auc_bound) */
    double logloss; /* mean binary cross-entropy in nats */
    double mse, rmse, mae;
    double calibration; /* sum of predictions over sum of labels */
    const char *why;    /* why a metric is undefined; NULL if all are defined; static */
    double values[MMOE_MAX_METRICS]; /* all metrics, in the order of mmoe_metric_at */
    /* The comparison with a constant prediction, as mmoe_baseline_of(type) describes it. */
    double constant; /* the constant: the mean label */
    /* 1: the mean is that of these rows, because the model does not have that of its training
     * rows. The model was written by an older version, or was never trained by mmoe_trainer_fit. */
    int constant_is_of_rows;
    double base, relative; /* the metric of the constant, and the ratio */
    /* Expected calibration error, for classifications: sum_b W_b |p_b - y_b| / sum_b W_b over
     * ten bins b with equal numbers of rows, ordered by prediction (equal predictions are in the
     * bin of the first one). W_b is the weight of the bin's rows, p_b their mean prediction and
     * y_b their mean label (Naeini et al., AAAI 2015). With bins of equal width, all rows could
     * be in one bin if the rate is small. */
    double ece;
    /* AUC within groups, for example the rows of a user: sum_g w_g AUC_g / sum_g w_g over the
     * groups g that have both classes (Zhu et al., KDD 2017). data.group_weight decides what w_g
     * is. The counts below are of rows with a label, and of groups that have such rows. */
    double gauc;
    /* The column of the groups; NULL: rows have no groups. It belongs to the data set. */
    const char *group;
    int64_t groups;
    /* Groups left out, and their rows: only one class has weight. */
    int64_t one_class_groups, one_class_group_rows;
    int64_t single_groups; /* those of them with one row */
    int64_t no_group_rows; /* rows also left out: their cell of the column is missing */
    double auc_bound;      /* how far a binned AUC can be from the exact one; 0: it is exact */
} mmoe_task_metrics;

/* Predicts all rows with `threads` workers, 1 to 256 (0: one for each processor), and fills
 * `metrics` [tasks]. Includes the group AUC if the model's configuration has data.group and the
 * data set keeps that column (mmoe_dataset_keep_csv). Does not change the process's BLAS
 * threads. MMOE_E_ARGUMENT: the data set is of another schema; _MEMORY; _IO: a temporary file
 * failed (mmoe_evaluate_options.auc), or the system gives no thread; if rows are streamed, also
 * _IO and _FORMAT of their files. */
MMOE_API mmoe_status mmoe_evaluate(const mmoe_model *model, const mmoe_dataset *dataset,
                                   int threads, const mmoe_allocator *alloc,
                                   mmoe_task_metrics *metrics, mmoe_error *err);

struct mmoe_comm;
/* Options of mmoe_evaluate_by. Columns are those that the data set keeps. */
typedef struct mmoe_evaluate_options {
    int threads;              /* as for mmoe_evaluate */
    const char *group;        /* the column of the groups; NULL: the configuration's data.group */
    const char *group_weight; /* as data.group_weight; NULL: that of the configuration */
    const char *by;           /* the column whose values define slices; NULL: no slices */
    int32_t most_slices;      /* the number of slices, those with the most rows; 0: 20 */
    const mmoe_watcher *watcher; /* is told of the rows that are predicted; NULL: none */
    /* How auc and ece of all rows are computed. NULL is "exact".
     *
     * - "exact": the scores are sorted. Scores for which memory has no room (512 MB, or a
     *   quarter of trainer.memory) go to a temporary file in the folder that TMPDIR names, else
     *   /tmp.
     * - "binned": scores in the same bin count as ties. There are 2^20 bins, each 2^-15 of its
     *   octave wide (auc_bound). They take 32 MB for each task in addition.
     *
     * Groups and slices are exact in both cases. */
    const char *auc;
    /* The ranks of a job (mmoe/mpi.h); NULL: one process. Each rank is given the same model,
     * rows and options, and predicts its share of the rows. All get the metrics of one process,
     * bit for bit. Models and rows are compared first; for this each rank reads all of its rows. */
    struct mmoe_comm *ranks;
    /* Not 0: ranks with different kernels, BLAS cores or patch levels of the library evaluate,
     * too, and on_warning (may be NULL) is told. The last bits of a score are then those of the
     * rank that has the row. All ranks must give the same value. */
    int allow_unlike;
    void (*on_warning)(void *user, const mmoe_warning *warning);
    void *user;
} mmoe_evaluate_options;

/* A slice: the rows that have one value in a column. */
typedef struct mmoe_row_slice {
    const char *value; /* the value; NULL: the cell is missing */
    int64_t rows;
    const mmoe_task_metrics *metrics; /* [tasks]; compared with the same constant as all rows */
} mmoe_row_slice;

typedef struct mmoe_row_slices {
    const char *column;
    size_t count;
    /* [count] the largest slices first; of equal ones, the value that occurs first. */
    const mmoe_row_slice *items;
    int64_t left_out, rows_left_out; /* the number of values without a slice, and their rows */
} mmoe_row_slices;

/* Evaluates all rows, and each slice of them. `slices` may be NULL only if options->by is; the
 * caller frees them, before the data set and the model. MMOE_E_ARGUMENT: the data set does not
 * keep a column or is of another schema, a group_weight is unknown or given without groups, or
 * no task has a metric of groups; MMOE_E_MEMORY, _IO and _FORMAT as for mmoe_evaluate. With
 * ranks, also MMOE_E_CONFIG: models, rows, options, library versions, or, without allow_unlike,
 * kernels or BLAS cores differ; MMOE_E_IO: "rank R: its message", if a rank has failed. */
MMOE_API mmoe_status mmoe_evaluate_by(const mmoe_model *model, const mmoe_dataset *dataset,
                                      const mmoe_evaluate_options *options,
                                      const mmoe_allocator *alloc, mmoe_task_metrics *metrics,
                                      mmoe_row_slices **slices, mmoe_error *err);
MMOE_API void mmoe_row_slices_free(mmoe_row_slices *slices);

/* Calls `on_warning` with each warning about `metrics` [tasks], as mmoe_evaluate filled them: a
 * task whose metric is worse than the constant's, a constant that is not that of training rows,
 * a group AUC that leaves out more than half of the rows, rows without a group. `rows` is the
 * name of the rows in these sentences: "test rows". MMOE_E_ARGUMENT, _MEMORY. */
MMOE_API mmoe_status mmoe_metrics_check(const mmoe_task_metrics *metrics, int32_t tasks,
                                        const char *rows,
                                        void (*on_warning)(void *user, const mmoe_warning *warning),
                                        void *user, mmoe_error *err);

/* Returns the label of a row as the model's loss and metrics use it. It is that of
 * mmoe_dataset_label, except that the conversion label of ESMM is 0 if the click label is 0. NaN
 * as there. */
MMOE_API float mmoe_model_label(const mmoe_model *model, const mmoe_dataset *dataset, int64_t row,
                                int32_t task);
/* Calls `on_warning` with what is suspicious in rows to evaluate: labels that contradict the
 * order of an ESMM's or AITM's tasks, such as a conversion without a click. (mmoe_trainer_fit
 * does this for its rows, with its own on_warning.) MMOE_E_ARGUMENT: the data set is of another
 * schema; MMOE_E_MEMORY. */
MMOE_API mmoe_status mmoe_model_check_labels(const mmoe_model *model, const mmoe_dataset *dataset,
                                             void (*on_warning)(void *user,
                                                                const mmoe_warning *warning),
                                             void *user, mmoe_error *err);

#ifdef __cplusplus
}
#endif

#endif
