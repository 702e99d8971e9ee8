/* mmoe/evaluate.h: how good a model is on rows. See mmoe/mmoe.h for the conventions. */
#ifndef MMOE_EVALUATE_H
#define MMOE_EVALUATE_H

#include "data.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Evaluation ---- */

/* A figure that tasks are judged by; static. */
typedef struct mmoe_metric {
    const char *name;  /* "logloss", in configurations, JSON and names of columns */
    const char *title; /* "log-loss" */
    const char *what;  /* "squared error" */
    int better;        /* 1: larger values, -1: smaller ones, 0: those nearer to 1 */
    int of_groups;     /* 1: only where rows have groups: data.group, mmoe_evaluate_options.group */
} mmoe_metric;

enum { MMOE_MAX_METRICS = 7 }; /* of a task type */
/* Metric `index` of a task type, or NULL past the last; the first is what early stopping watches by
 * default. `type` -1: of all types, each metric once. */
MMOE_API const mmoe_metric *mmoe_metric_at(int type, size_t index);
/* What says whether a task's model is better than none: a figure of it beside that of one constant
 * for all rows, the mean label of the training rows, which is the best that can be predicted
 * without looking at a row; static. */
typedef struct mmoe_baseline {
    const char *metric;        /* which figure: "logloss", of which less is better */
    const char *name, *title;  /* the constant's: "base_logloss", "log-loss of the base rate" */
    const char *ratio;         /* how they compare: "ne", in JSON and tables */
    const char *ratio_title;   /* "normalised entropy" */
    int better;                /* the ratio's: 1: larger values, -1: smaller ones */
    const char *ratio_meaning; /* "log-loss / log-loss of the base rate; below 1 it is ..." */
} mmoe_baseline;
/* That of a task type; NULL where `type` is none. */
MMOE_API const mmoe_baseline *mmoe_baseline_of(int type);
/* Why a label of a task of this type cannot be `value`, "is neither 0 nor 1"; NULL: it can.
 * Static. */
MMOE_API const char *mmoe_label_fault(int type, double value);

/* Figures of one task over a data set, weighted by the rows' weights. NaN: undefined (see `why`) or
 * of another type. */
typedef struct mmoe_task_metrics {
    const char *name; /* belongs to the model */
    mmoe_task_type type;
    int64_t rows;   /* rows whose label is there */
    double auc;     /* ties count half (Mann-Whitney); exact, unless binned (auc_bound) */
    double logloss; /* mean binary cross-entropy in nats */
    double mse, rmse, mae;
    double calibration; /* sum of predictions over sum of labels */
    const char *why;    /* why a figure is undefined; NULL when all are defined; static */
    double values[MMOE_MAX_METRICS]; /* the same and all others: in the order of mmoe_metric_at */
    /* The model beside no model, as mmoe_baseline_of(type) names it. */
    double constant;         /* the mean label that is predicted for every row instead */
    int constant_is_of_rows; /* 1: of these rows, the model having none of training rows: it was
                                written by an older version, or mmoe_trainer_fit never trained it */
    double base, relative;   /* the constant's figure; how the model's compares */
    /* Of classifications. Expected calibration error: sum_b W_b |p_b - y_b| / sum_b W_b over ten
     * bins b of equally many rows by their prediction (equal ones share the first one's bin), W_b
     * being the rows' weight, p_b and y_b their mean prediction and label (Naeini et al., AAAI
     * 2015). Bins of equal width would have all rows of a small rate in one. */
    double ece;
    /* The AUC within groups, as a user's rows: sum_g w_g AUC_g / sum_g w_g over the groups g that
     * have both classes (Zhu et al., KDD 2017), w_g being what data.group_weight says. Counts are
     * of rows with a label and of groups that have some. */
    double gauc;
    const char *group; /* the groups' column; NULL: rows have no groups. Belongs to the data set */
    int64_t groups;
    int64_t one_class_groups, one_class_group_rows; /* those left out: one class alone has weight */
    int64_t single_groups;                          /* of these: of one row */
    int64_t no_group_rows; /* left out as well: the cell of the column is missing */
    double auc_bound; /* of a binned AUC: the exact one is no further off; 0: it is the exact one */
} mmoe_task_metrics;

/* Predicts with `threads` workers, 1 to 256 (0: one a processor), and fills `metrics` [tasks],
 * group AUC included where the model's configuration has data.group and the data set keeps that
 * column (mmoe_dataset_keep_csv). Uses the process's BLAS threads as they are. MMOE_E_ARGUMENT: a
 * data set of another schema; _MEMORY; _IO: a temporary file (mmoe_evaluate_options.auc), or the
 * system gives no thread; where rows are streamed _IO and _FORMAT. */
MMOE_API mmoe_status mmoe_evaluate(const mmoe_model *model, const mmoe_dataset *dataset,
                                   int threads, const mmoe_allocator *alloc,
                                   mmoe_task_metrics *metrics, mmoe_error *err);

struct mmoe_comm;
/* What mmoe_evaluate_by does beside mmoe_evaluate. Columns are those that the data set keeps. */
typedef struct mmoe_evaluate_options {
    int threads;                 /* as of mmoe_evaluate */
    const char *group;           /* the groups' column; NULL: the configuration's data.group */
    const char *group_weight;    /* as data.group_weight; NULL: as the configuration has it */
    const char *by;              /* the column whose values make slices; NULL: there are none */
    int32_t most_slices;         /* those of the most rows; 0: 20 */
    const mmoe_watcher *watcher; /* of the rows that are predicted; NULL: none */
    /* How auc and ece of all rows are found. "exact" (NULL: the same): the scores are sorted; those
     * that memory has no room for (512 MB, or a quarter of trainer.memory) go to a temporary file
     * in the folder that TMPDIR names, else /tmp. "binned": a score counts as tied with those of
     * its bin, one of 2^20, each 2^-15 of its octave wide (auc_bound), which take 32 MB a task
     * beside that memory. Groups and slices are exact in either case. */
    const char *auc;
    /* The ranks of a job (mmoe/mpi.h), each of which is given the same model, rows and options, and
     * predicts its share of them: all get the metrics of one process, to the bit. Their models and
     * rows are compared first, for which each reads all of its own. NULL: one process. */
    struct mmoe_comm *ranks;
    /* Other than 0: ranks whose kernels, BLAS cores or patch of the library are unlike evaluate,
     * too, which on_warning (NULL: nobody) is told: last bits of scores are then those of the rank
     * that has the row. All ranks give the same. */
    int allow_unlike;
    void (*on_warning)(void *user, const mmoe_warning *warning);
    void *user;
} mmoe_evaluate_options;

/* The rows that have one value in a column. */
typedef struct mmoe_row_slice {
    const char *value; /* NULL: the cell is missing */
    int64_t rows;
    const mmoe_task_metrics *metrics; /* [tasks]; compared with the same constant as all rows are */
} mmoe_row_slice;

typedef struct mmoe_row_slices {
    const char *column;
    size_t count;
    const mmoe_row_slice *items;     /* [count] the largest first, of equals what stands first */
    int64_t left_out, rows_left_out; /* values that are no item, and their rows */
} mmoe_row_slices;

/* Evaluates, and each slice of the rows, too. `slices` is NULL where options->by is; the caller
 * frees them, before the data set and the model. MMOE_E_ARGUMENT: a column that the data set does
 * not keep, a group_weight that is none or of no groups, groups that no task has a metric of, a
 * data set of another schema; MMOE_E_MEMORY, _IO and _FORMAT as of mmoe_evaluate. Of ranks
 * MMOE_E_CONFIG: models, rows, options, library, or without allow_unlike kernels or BLAS cores are
 * unlike; MMOE_E_IO: "rank R: its message", of one that has failed. */
MMOE_API mmoe_status mmoe_evaluate_by(const mmoe_model *model, const mmoe_dataset *dataset,
                                      const mmoe_evaluate_options *options,
                                      const mmoe_allocator *alloc, mmoe_task_metrics *metrics,
                                      mmoe_row_slices **slices, mmoe_error *err);
MMOE_API void mmoe_row_slices_free(mmoe_row_slices *slices);

/* Gives what `metrics` [tasks], as mmoe_evaluate filled them, say against the model: a task whose
 * figure is worse than the constant's, a constant that is not of training rows, a group AUC that
 * leaves out more than half of the rows, rows without a group. `rows` is what the sentences call
 * the rows: "test rows". MMOE_E_ARGUMENT, _MEMORY. */
MMOE_API mmoe_status mmoe_metrics_check(const mmoe_task_metrics *metrics, int32_t tasks,
                                        const char *rows,
                                        void (*on_warning)(void *user, const mmoe_warning *warning),
                                        void *user, mmoe_error *err);

/* Label of a row as the model's loss and metrics take it: mmoe_dataset_label's, but that of ESMM's
 * conversion is 0 where the click's is 0. NaN as there. */
MMOE_API float mmoe_model_label(const mmoe_model *model, const mmoe_dataset *dataset, int64_t row,
                                int32_t task);
/* Gives what is suspicious of rows to evaluate: labels that contradict the order of an ESMM's or
 * AITM's tasks, as a conversion without a click. (mmoe_trainer_fit does so of its rows itself, to
 * its own on_warning.) MMOE_E_ARGUMENT: a data set of another schema; MMOE_E_MEMORY. */
MMOE_API mmoe_status mmoe_model_check_labels(const mmoe_model *model, const mmoe_dataset *dataset,
                                             void (*on_warning)(void *user,
                                                                const mmoe_warning *warning),
                                             void *user, mmoe_error *err);

#ifdef __cplusplus
}
#endif

#endif
