#include "train/labels.h"

#include <inttypes.h>
#include <math.h>

#include "base/error.h"

enum { FEW = 50 }; /* rows of a class */

/* What the labels of a task are; those of rows that weigh nothing are only counted. */
typedef struct label_survey {
    int64_t labelled, weighed, positives;
    double least, most;         /* of those that weigh */
    int64_t early, first_early; /* events without the one before, and the first one's row, from 1 */
    int64_t unknown, first_unknown; /* no event before, and no label */
} label_survey;

static mmoe_task_order order_of(const mmoe_model *model) {
    return mmoe_graph_losses(model->graph)->order;
}

float mmoe_model_label(const mmoe_model *model, const mmoe_dataset *set, int64_t row,
                       int32_t task) {
    if (!model || !set || row < 0 || row >= set->rows || task < 0 || task >= set->n_label)
        return NAN;
    if (set->stored) return NAN;
    return mmoe_label_of(order_of(model), set->labels + row * set->n_label, task);
}

static void count_event(label_survey *s, const float *labels, int32_t task, int64_t row) {
    if (task == 0 || labels[task - 1] != 0) return;
    if (labels[task] > 0 && s->early++ == 0) s->first_early = row;
    if (isnan(labels[task]) && s->unknown++ == 0) s->first_unknown = row;
}

static void survey_rows(label_survey *s, const mmoe_targets *t, mmoe_task_order order,
                        int32_t task) {
    const int32_t tasks = t->set->n_label;
    for (int64_t r = 0; r < t->rows; r++) {
        const float *labels = t->labels + r * tasks;
        const double y = (double)mmoe_label_of(order, labels, task);
        if (order != MMOE_TASKS_APART) count_event(s, labels, task, t->first + r + 1);
        if (isnan(y)) continue;
        s->labelled++;
        if (t->weights && !(t->weights[r] > 0)) continue;
        s->weighed++;
        s->positives += y > 0;
        if (y < s->least) s->least = y;
        if (y > s->most) s->most = y;
    }
}

/* Of all tasks [tasks]. */
static mmoe_status survey_labels(const mmoe_label_check *c, label_survey *surveys,
                                 mmoe_error *err) {
    const struct mmoe_dataset *set = c->set;
    mmoe_targets t;
    for (int32_t i = 0; i < set->n_label; i++)
        surveys[i] = (label_survey){.least = INFINITY, .most = -INFINITY};
    mmoe_status status = mmoe_targets_open(&t, set, err);
    if (!status) status = mmoe_targets_next(&t, err);
    while (!status && t.rows) {
        for (int32_t i = 0; i < set->n_label; i++)
            survey_rows(&surveys[i], &t, order_of(c->model), i);
        status = mmoe_targets_next(&t, err);
    }
    mmoe_targets_close(&t);
    return status;
}

/* ---- What is said ---- */

static mmoe_status warn_of_order(const mmoe_label_check *c, int32_t task, const label_survey *s,
                                 mmoe_warnings *list, mmoe_error *err) {
    const mmoe_label_column *labels = c->model->schema->labels;
    const char *name = labels[task].task, *before = task ? labels[task - 1].task : "";
    const bool nested = order_of(c->model) == MMOE_TASKS_NESTED;
    const mmoe_place early = mmoe_places_find(&c->set->places, s->first_early),
                     unknown = mmoe_places_find(&c->set->places, s->first_unknown);
    char first[MMOE_PLACE_SIZE];
    mmoe_status status = MMOE_OK;
    if (s->early)
        status = mmoe_warn(list, (mmoe_warning){NULL, name, s->early, early.row, early.file}, err,
                           "task \"%s\": %" PRId64 " of %" PRId64
                           " %s have a label of 1 where that of \"%s\", which comes before, is 0 "
                           "(the first is %s)%s",
                           name, s->early, c->set->rows, c->rows, before,
                           mmoe_place_show(early, first), nested ? ": there it counts as 0" : "");
    if (s->unknown && !nested && !status)
        status = mmoe_warn(
            list, (mmoe_warning){NULL, name, s->unknown, unknown.row, unknown.file}, err,
            "task \"%s\": %" PRId64 " of %" PRId64
            " %s have no label where that of \"%s\", which comes before, is 0 "
            "(the first is %s): they do not count; where nothing followed, the label is 0",
            name, s->unknown, c->set->rows, c->rows, before, mmoe_place_show(unknown, first));
    return status;
}

static mmoe_status warn_of_classes(const mmoe_label_check *c, int32_t task, const label_survey *s,
                                   mmoe_warnings *list, mmoe_error *err) {
    const char *name = c->model->schema->labels[task].task;
    const int64_t negatives = s->weighed - s->positives;
    const bool positive = s->positives <= negatives;
    const int64_t few = positive ? s->positives : negatives;
    if (few >= FEW) return MMOE_OK;
    if (few == 0)
        return mmoe_warn(list, (mmoe_warning){NULL, name, s->weighed, 0}, err,
                         "task \"%s\": all %" PRId64 " labels of the %s are %d: one class alone "
                         "has nothing that could be learnt",
                         name, s->weighed, c->rows, !positive);
    return mmoe_warn(list, (mmoe_warning){NULL, name, few, 0}, err,
                     "task \"%s\": %" PRId64 " of %" PRId64
                     " labels of the %s are %s, fewer than %d",
                     name, few, s->weighed, c->rows, positive ? "positive" : "negative", FEW);
}

static mmoe_status check_learning(const mmoe_label_check *c, int32_t task, const label_survey *s,
                                  mmoe_warnings *list, mmoe_error *err) {
    const mmoe_label_column *label = &c->model->schema->labels[task];
    if (!s->labelled)
        return mmoe_fail(err, MMOE_E_DATA,
                         "task \"%s\": none of the %" PRId64
                         " %s has a label (column \"%s\"): there is nothing to learn from",
                         label->task, c->set->rows, c->rows, label->name);
    if (!s->weighed)
        return mmoe_fail(err, MMOE_E_DATA,
                         "task \"%s\": all %" PRId64
                         " %s that have a label have a weight of 0: there is nothing to learn from",
                         label->task, s->labelled, c->rows);
    if (mmoe_loss_kind_of(label->type)->is_probability)
        return warn_of_classes(c, task, s, list, err);
    if (s->least < s->most) return MMOE_OK;
    return mmoe_warn(list, (mmoe_warning){NULL, label->task, s->weighed, 0}, err,
                     "task \"%s\": all %" PRId64
                     " labels of the %s are %.9g: there is nothing to learn but this number",
                     label->task, s->weighed, c->rows, s->least);
}

mmoe_status mmoe_labels_check(const mmoe_label_check *c, mmoe_error *err) {
    const mmoe_allocator *a = &c->model->alloc;
    const size_t tasks = (size_t)c->set->n_label;
    mmoe_warnings list = {.alloc = *a};
    label_survey *surveys = mmoe_alloc(a, tasks, sizeof *surveys);
    if (!surveys) return mmoe_fail_memory(err, tasks * sizeof *surveys);
    mmoe_status status = survey_labels(c, surveys, err);
    for (int32_t t = 0; t < c->set->n_label && !status; t++) {
        if (c->to_learn) status = check_learning(c, t, &surveys[t], &list, err);
        if (!status) status = warn_of_order(c, t, &surveys[t], &list, err);
    }
    for (size_t i = 0; i < list.count && c->on_warning; i++) c->on_warning(c->user, &list.items[i]);
    mmoe_warnings_finish(&list);
    mmoe_release(a, surveys);
    return status;
}

/* The sums of a task's labels and of their weights. */
typedef struct label_sums {
    double labels, weights;
} label_sums;

static void add_labels(label_sums *s, const mmoe_targets *t, mmoe_task_order order, int32_t task) {
    for (int64_t r = 0; r < t->rows; r++) {
        const double y = (double)mmoe_label_of(order, t->labels + r * t->set->n_label, task),
                     w = t->weights ? (double)t->weights[r] : 1;
        if (isnan(y)) continue;
        s->labels += w * y;
        s->weights += w;
    }
}

mmoe_status mmoe_labels_means(const mmoe_model *model, const struct mmoe_dataset *set,
                              double *means, mmoe_error *err) {
    const size_t tasks = (size_t)set->n_label;
    label_sums *sums = mmoe_alloc_zero(&model->alloc, tasks, sizeof *sums);
    if (!sums) return mmoe_fail_memory(err, tasks * sizeof *sums);
    mmoe_targets t;
    mmoe_status status = mmoe_targets_open(&t, set, err);
    if (!status) status = mmoe_targets_next(&t, err);
    while (!status && t.rows) {
        for (int32_t i = 0; i < set->n_label; i++) add_labels(&sums[i], &t, order_of(model), i);
        status = mmoe_targets_next(&t, err);
    }
    mmoe_targets_close(&t);
    for (int32_t i = 0; !status && i < set->n_label; i++)
        means[i] = sums[i].weights > 0 ? sums[i].labels / sums[i].weights : (double)NAN;
    mmoe_release(&model->alloc, sums);
    return status;
}

mmoe_status mmoe_labels_keep_means(mmoe_model *model, const struct mmoe_dataset *set,
                                   mmoe_error *err) {
    const size_t tasks = (size_t)set->n_label;
    double *means = mmoe_alloc(&model->alloc, tasks, sizeof *means);
    if (!means) return mmoe_fail_memory(err, tasks * sizeof *means);
    const mmoe_status status = mmoe_labels_means(model, set, means, err);
    for (int32_t i = 0; !status && i < set->n_label; i++) {
        mmoe_label_column *label = &model->schema->labels[i];
        label->has_constant = !isnan(means[i]);
        label->constant = label->has_constant ? means[i] : 0;
    }
    mmoe_release(&model->alloc, means);
    return status;
}

mmoe_status mmoe_model_check_labels(const mmoe_model *model, const mmoe_dataset *dataset,
                                    void (*on_warning)(void *user, const mmoe_warning *warning),
                                    void *user, mmoe_error *err) {
    if (!model || !dataset)
        return mmoe_fail(err, MMOE_E_ARGUMENT,
                         "mmoe_model_check_labels: model and dataset must not be NULL");
    const mmoe_status status =
        mmoe_dataset_check(dataset, model->schema, mmoe_schema_fingerprint(model->schema), err);
    const mmoe_label_check check = {model, dataset, "rows", false, on_warning, user};
    return status ? status : mmoe_labels_check(&check, err);
}
