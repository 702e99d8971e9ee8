/* What the library says of types of task and their metrics, as the program asks for it. */
#ifndef MMOE_TOOLS_TASK_TYPES_H
#define MMOE_TOOLS_TASK_TYPES_H

#include <stdbool.h>

#include "mmoe/train.h"

/* The type of a name; -1: none. */
int cli_task_type_of(const char *name);
/* The place of a metric among a type's, by its name; -1: it is none of them. */
int cli_metric_place(int type, const char *name);

/* The figures of a type: its metrics, then what compares it with no model. */
enum { CLI_MAX_FIGURES = MMOE_MAX_METRICS + 2 };
typedef struct cli_figure {
    const char *name, *title;
    int better;       /* as mmoe_metric has it */
    const char *than; /* the constant's figure: the name of the model's; NULL: it is the model's */
    bool is_ratio;    /* of these two */
    bool of_groups;   /* as mmoe_metric has it */
} cli_figure;
/* Figure `index`; false past the last. */
bool cli_figure_at(int type, size_t index, cli_figure *out);
double cli_figure_value(const mmoe_task_metrics *metrics, size_t index);
/* Can these metrics have it? */
bool cli_figure_is_of(const mmoe_task_metrics *metrics, const cli_figure *figure);

/* Are a type's labels two classes, and its scores probabilities? Those have an AUC. */
bool cli_has_classes(int type);
/* The metric of what training minimises: the first of which less is better. */
const mmoe_metric *cli_loss_metric(int type);
/* The metric to be shown beside that one, NULL: none. */
const mmoe_metric *cli_other_metric(int type);
/* The place of the metric that a line has room for: the first, or in place of an error what the
 * constant's is compared with. */
int cli_usual_figure(int type);
/* A model that always predicts the mean label (trainer.shrink) has the figure of doing so, except
 * for rounding: this part of it. */
#define CLI_ROUNDING 1e-6
/* Larger is better. */
double cli_figure_score(const cli_figure *figure, double value);
/* "auc, logloss and calibration"; cut to `size`. */
void cli_join_words(const char *const *words, size_t count, char *text, size_t size);

#endif
