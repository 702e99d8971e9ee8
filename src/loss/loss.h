/* What a task is: which labels it has, its loss, what a logit becomes as a score, and the figures
 * that it is judged by. A kind is a file, loss_WORD.c, and a row of MMOE_TASK_TYPES (mmoe/model.h),
 * which the table in loss.c and the build follow. It knows neither graph nor data set; a call
 * serves the rows of a chunk. */
#ifndef MMOE_LOSS_LOSS_H
#define MMOE_LOSS_LOSS_H

#include <stdbool.h>

#include "loss/label_scale.h"
#include "loss/metric.h"
#include "math/kernels.h"

/* A chunk's rows of one task, [n] each. */
typedef struct mmoe_loss_rows {
    int32_t n;
    const mmoe_kernels *kernels;
    const mmoe_loss_shape *shape;
    const float *z, *y; /* logits and labels, 0 where one is missing */
    float *loss, *dz;   /* written: each row's loss, not below 0, and its slope in the logit */
} mmoe_loss_rows;

typedef struct mmoe_loss_kind {
    /* Why a label cannot be what it is, "is not finite", or NULL. */
    const char *(*fault)(double label);
    void (*run)(const mmoe_loss_rows *rows);
    /* Scores of n logits, in place too; NULL: the logit is the score. `onnx` names the same as an
     * operator of ONNX. */
    void (*link)(const mmoe_kernels *kernels, int32_t n, const float *z, float *score);
    const char *onnx;
    /* The family of distributions whose negative log-likelihood the loss is, the logit z being its
     * natural parameter, but for a factor: A(z), and the label's mean A' and variance A''. */
    double (*cumulant)(double z, double *mean, double *variance);
    /* The logit that a new model's head begins with, of the mean of the labels; it may be infinite.
     * NULL: the head's bias is drawn as all are. */
    double (*bias)(double mean);
    bool draws_bias;     /* all the same, unless the configuration asks for the labels' mean */
    bool is_probability; /* so are the scores, by a sigmoid: models may take their product */
    bool is_scaled;      /* label_transform has a meaning */
    bool is_shaped;      /* label_smoothing, positive_weight and focal_gamma have a meaning */
    /* The first is what early stopping watches unless it is told otherwise. NULL behind the last.
     */
    const mmoe_metric_kind *metrics[MMOE_MAX_METRICS + 1];
    const mmoe_baseline_kind *baseline; /* of one of the metrics */
} mmoe_loss_kind;

/* What one task's label says of the next one's. */
typedef enum mmoe_task_order {
    MMOE_TASKS_APART,   /* nothing */
    MMOE_TASKS_IN_TURN, /* an event of a task presupposes that of the task before */
    MMOE_TASKS_NESTED   /* likewise, and a task's score is that of both: where the task before has a
                           label of 0, so has this one, whatever its column says */
} mmoe_task_order;

static inline float mmoe_nested_label(float before, float own) { return before == 0 ? 0 : own; }

/* The label of a task as its loss and its metrics take it; NaN: missing. `row` [tasks]: a row's
 * columns. */
static inline float mmoe_label_of(mmoe_task_order order, const float *row, int32_t task) {
    return order == MMOE_TASKS_NESTED && task > 0 ? mmoe_nested_label(row[task - 1], row[task])
                                                  : row[task];
}

const mmoe_loss_kind *mmoe_loss_kind_of(mmoe_task_type type);

/* The place of what its baseline compares among its metrics. */
size_t mmoe_loss_compared(const mmoe_loss_kind *kind);

/* Metric `index` of a type's, or with -1 of all types', each once, those without a better direction
 * last; NULL past the last. */
const mmoe_metric_kind *mmoe_loss_metric(int type, size_t index);

/* Has a type a metric of groups of rows? */
bool mmoe_loss_has_groups(int type);

/* What early stopping may watch of a type, or with -1 of all, each once: the metrics that have a
 * better direction, then the baseline's comparison; NULL past the last. */
const mmoe_metric_kind *mmoe_loss_watched(int type, size_t index);

/* Is it the cross-entropy itself? */
static inline bool mmoe_loss_is_plain(const mmoe_loss_shape *s) {
    return s->smoothing == 0 && s->positive_weight == 1 && s->gamma == 0;
}

#endif
