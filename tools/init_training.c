#include "init_training.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "init_label_gaps.h"
#include "warnings.h"

/* ---- Tasks ---- */

/* The first type whose labels the column may have; of those that fit none the best. */
static const char *guess_type(const cli_column *c) {
    int best = 0;
    for (int type = 1; type < MMOE_TASK_TYPE_COUNT; type++)
        if (c->label_faults[type] < c->label_faults[best]) best = type;
    return mmoe_task_type_name(best);
}

enum { LEAST_OF_NONE = 5 };

/* -1 beside 0 and 1 is a class that is against, or no label. */
static const cli_label_value *find_third(const cli_label_values *values) {
    if (cli_label_bits(values))
        for (int i = 0; i < values->n_aside; i++)
            if (!values->aside[i].is_gap && values->aside[i].value.number == -1)
                return &values->aside[i].value;
    return NULL;
}

/* A few other values among zeros and ones may be slips. */
static void warn_of_type(const char *path, const cli_column *c, const char *type) {
    const int64_t others = c->label_faults[MMOE_CLASSIFICATION];
    const cli_label_value *third = find_third(&c->two);
    if (third && third->count == others && others >= LEAST_OF_NONE) {
        cli_warn("%s: column \"%s\": beside 0 and 1, %" PRId64 " of %" PRId64
                 " labels are -1, so it makes a %s: if they stand for no label, \"gaps\": [-1] "
                 "makes it a classification",
                 path, c->name, others, c->present, type);
        return;
    }
    if (!others || others * 10 > c->present) return;
    cli_warn("%s: column \"%s\": %" PRId64 " of %" PRId64
             " labels are neither 0 nor 1, the first in row %" PRId64 ", so it makes a %s",
             path, c->name, others, c->present, c->other_row, type);
}

/* Labels on a scale of their own would take the network all its updates to reach. */
static const char *transform_of(const cli_column *c, const char *type) {
    if (strcmp(type, mmoe_task_type_name(MMOE_REGRESSION)) != 0) return NULL;
    cli_note("column \"%s\": labels from %.6g to %.6g, standardized for the loss "
             "(\"label_transform\")",
             c->name, c->lowest, c->highest);
    return "standardize";
}

static json_t *task_json(const char *path, const json_t *tasks, const cli_column *c) {
    char name[CLI_TASK_NAME_SIZE];
    const char *positive = cli_label_positive(&c->two),
               *type = positive ? mmoe_task_type_name(MMOE_CLASSIFICATION) : guess_type(c);
    cli_task_name(tasks, c->name, name);
    if (strcmp(name, c->name) != 0)
        cli_note("column \"%s\": its task is named \"%s\"", c->name, name);
    if (positive)
        cli_note("column \"%s\": of its two values, \"%s\" and \"%s\", \"%s\" is taken as the "
                 "positive label: see \"positive\" in the configuration",
                 c->name, c->two.seen[0].text, c->two.seen[1].text, positive);
    else
        warn_of_type(path, c, type);
    json_t *task = json_pack("{s:s, s:s, s:s, s:s*, s:s*, s:{s:[i], s:b}}", "name", name, "label",
                             c->name, "type", type, "positive", positive, "label_transform",
                             transform_of(c, type), "tower_params", "dims", 8, "batch_norm", 0);
    cli_write_label_gaps(c, task);
    if (c->amounts && !positive) {
        char marks[CLI_SAID_MARKS];
        cli_note("column \"%s\": labels taken as numbers: %s", c->name, cli_say_marks(c, marks));
        cli_write_marks(c, task);
    }
    return task;
}

json_t *cli_guess_tasks(const cli_survey *s) {
    json_t *tasks = json_array();
    for (size_t i = 0; i < s->labels->count; i++)
        json_array_append_new(tasks,
                              task_json(s->path, tasks, cli_survey_find(s, s->labels->items[i])));
    return tasks;
}

/* ---- The model ---- */

static bool are_classes(const json_t *tasks) {
    const char *class = mmoe_task_type_name(MMOE_CLASSIFICATION);
    size_t i;
    json_t *task;
    json_array_foreach(tasks, i, task) {
        const char *type = json_string_value(json_object_get(task, "type"));
        if (!type || strcmp(type, class) != 0) return false;
    }
    return true;
}

/* A network of relus trained by Adam does not get to a line, which few rows of numbers often are
 * best described by. */
static bool wants_linear(const json_t *features) {
    const size_t numbers = json_array_size(json_object_get(features, "dense"));
    if (!numbers) return false;
    cli_note("a linear part beside the experts (\"linear\"): it begins as the linear model of the "
             "dense columns (%zu), and with validation rows a task that training makes no better "
             "keeps it; without it twice as many tasks of small files were behind linear models or "
             "boosted trees",
             numbers);
    return true;
}

/* Where embeddings are near 0 so is the gradient of what two columns tell together: a file whose
 * labels hang on such pairs alone was not learned at all. */
static void choose_embeddings(const json_t *features, json_t *model) {
    if (!json_array_size(json_object_get(features, "sparse"))) return;
    json_object_set_new(model, "embedding_init_scale", json_real(0.5));
    cli_note(
        "embeddings begin with a deviation of 0.5 (\"embedding_init_scale\"): from 0.0001, what "
        "two columns tell only together was not found in 100 epochs");
}

/* Measured on 96 files of 100 to 54,000 rows with 127 tasks: the mean of four was better than one
 * of them in 106, and eight gained little more. The fewer the rows, the more it gains. */
static void choose_members(int64_t rows, json_t *model) {
    enum { MOST_ROWS = 20000, MEMBERS = 4 };
    if (rows > MOST_ROWS) return;
    json_object_set_new(model, "members", json_integer(MEMBERS));
    cli_note("a mean of %d whole models predicts (\"members\"): for the %" PRId64 " rows training "
             "takes little time, and on 106 of 127 tasks of small files this was better than one",
             MEMBERS, rows);
}

json_t *cli_guess_model(const cli_survey *s, const json_t *features) {
    json_t *model = json_pack("{s:s, s:i, s:{s:[i], s:b}}", "name", "mmoe", "n_expert", 8,
                              "expert_params", "dims", 16, "batch_norm", 0);
    if (!model) return NULL;
    choose_embeddings(features, model);
    if (wants_linear(features)) json_object_set_new(model, "linear", json_true());
    choose_members(s->rows, model);
    return model;
}

/* ---- The trainer ---- */

/* Some 120 updates an epoch, as far as that goes: a power of two from 16 to 1024. */
static int batch_size(int64_t rows) {
    int size = 16;
    while (size < 1024 && rows >= (int64_t)2 * size * 120) size *= 2;
    cli_note("batch size %d for %" PRId64 " rows: an epoch has %" PRId64 " updates; no batch norm, "
             "which did harm on the files of 300 to 100,000 rows that this was tried on",
             size, rows, (rows + size - 1) / size);
    return size;
}

/* An AUC does not see that all scores are too high or too low, as those of a model after few
 * updates are; errors of labels on several scales have no mean. */
static void choose_watched(const json_t *tasks, json_t *trainer) {
    const bool is_one = json_array_size(tasks) < 2, has_classes = are_classes(tasks);
    if (!is_one) json_object_set_new(trainer, "earlystop_task", json_string("mean"));
    if (has_classes) {
        json_object_set_new(trainer, "earlystop_metric", json_string("logloss"));
        cli_note("early stopping watches the log-loss%s, which sees scores that are too high or "
                 "too low, as an AUC does not",
                 is_one ? "" : ", the mean of the tasks'");
    } else if (!is_one) {
        json_object_set_new(trainer, "earlystop_metric", json_string("relative"));
        cli_note("early stopping watches the mean of the %zu tasks' losses, each as a part of that "
                 "of always predicting the mean label (\"relative\"): their types or scales differ",
                 json_array_size(tasks));
    }
}

/* Of the settings tried on files of 117 to 42,000 rows, those that are best on average, and hurt
 * none by much. The decay is that of a normal prior of the deviation that embeddings begin with,
 * 0.5, which is 1 / (0.5^2 rows) for a loss that is a mean: what one value's rows tell is a
 * smaller part of it the more rows there are, and a decay that stays holds the embeddings of ids
 * near 0. More than 0.001, which 4000 rows have, was no better. To a digit. */
static double decay_of(int64_t rows) {
    char text[32];
    if (rows <= 4000) return 1e-3;
    snprintf(text, sizeof text, "%.0e", 4 / (double)rows);
    return strtod(text, NULL);
}

static json_t *steps_json(int64_t rows) {
    const double decay = decay_of(rows);
    cli_note("learning rate 0.003, weight decay %g (4 / rows, at most 0.001), and the weights' "
             "average over some 100 updates is kept (\"ema_decay\"): of what was tried on 44 files "
             "of 117 to 42,000 rows that came nearest to linear models and boosted trees",
             decay);
    return json_pack("{s:s, s:{s:f, s:f}, s:f}", "optimizer", "adam", "optimizer_params", "lr",
                     3e-3, "weight_decay", decay, "ema_decay", 0.99);
}

static void choose_shrinkage(json_t *trainer) {
    json_object_set_new(trainer, "shrink", json_true());
    cli_note("with validation rows, a task that they say is too sure is drawn towards always "
             "predicting its mean label, as far as they like best (\"shrink\")");
}

json_t *cli_guess_trainer(const cli_survey *s, const json_t *tasks) {
    json_t *trainer = json_pack("{s:i, s:i}", "batch_size", batch_size(s->rows), "n_epoch", 100);
    if (trainer) json_object_update_new(trainer, steps_json(s->rows));
    if (trainer) json_object_set_new(trainer, "earlystop_patience", json_integer(20));
    if (trainer && tasks) choose_watched(tasks, trainer);
    if (trainer) choose_shrinkage(trainer);
    return trainer;
}
