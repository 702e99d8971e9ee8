#include "train/labels.h"

#include <inttypes.h>
#include <math.h>

#include "base/error.h"

enum { FEW = 50 }; /* rows of a class */

/* What the labels of a task are; those of rows that weigh nothing are only counted. */
typedef struct label_survey {
    int64_t labelled, weighed, positives;
    double least, most;             /* of those that weigh */
    int64_t early, first_early;     /* events without the one before, and a row of the first */
    int64_t unknown, first_unknown; /* no event before, and no label */
} label_survey;

static mmoe_task_order order_of(const mmoe_model *model) {
    return mmoe_graph_losses(model->graph)->order;
}

float mmoe_model_label(const mmoe_model *model, const mmoe_dataset *set, int64_t row,
                       int32_t task) {
    if (!model || !set || row < 0 || row >= set->rows || task < 0 || task >= set->n_label)
        return NAN;
    return mmoe_label_of(order_of(model), set->labels + row * set->n_label, task);
}

static void count_event(label_survey *s, const float *labels, int32_t task, int64_t row) {
    if (task == 0 || labels[task - 1] != 0) return;
    if (labels[task] > 0 && s->early++ == 0) s->first_early = row;
    if (isnan(labels[task]) && s->unknown++ == 0) s->first_unknown = row;
}

static label_survey survey_labels(const mmoe_label_check *c, int32_t task) {
    const struct mmoe_dataset *set = c->set;
    const mmoe_task_order order = order_of(c->model);
    label_survey s = {.least = INFINITY, .most = -INFINITY};
    for (int64_t r = 0; r < set->rows; r++) {
        const float *labels = set->labels + r * set->n_label;
        const double y = (double)mmoe_label_of(order, labels, task);
        if (order != MMOE_TASKS_APART) count_event(&s, labels, task, r + set->first_row);
        if (isnan(y)) continue;
        s.labelled++;
        if (set->weights && !(set->weights[r] > 0)) continue;
        s.weighed++;
        s.positives += y > 0;
        s.least = fmin(s.least, y);
        s.most = fmax(s.most, y);
    }
    return s;
}

/* ---- What is said ---- */

static mmoe_status warn_of_order(const mmoe_label_check *c, int32_t task, const label_survey *s,
                                 mmoe_warnings *list, mmoe_error *err) {
    const mmoe_label_column *labels = c->model->schema->labels;
    const char *name = labels[task].task, *before = task ? labels[task - 1].task : "";
    const bool nested = order_of(c->model) == MMOE_TASKS_NESTED;
    mmoe_status status = MMOE_OK;
    if (s->early)
        status = mmoe_warn(list, (mmoe_warning){NULL, name, s->early, s->first_early}, err,
                           "task \"%s\": %" PRId64 " of %" PRId64
                           " %s have a label of 1 where that of \"%s\", which comes before, is 0 "
                           "(the first is row %" PRId64 ")%s",
                           name, s->early, c->set->rows, c->rows, before, s->first_early,
                           nested ? ": there it counts as 0" : "");
    if (s->unknown && !nested && !status)
        status = mmoe_warn(list, (mmoe_warning){NULL, name, s->unknown, s->first_unknown}, err,
                           "task \"%s\": %" PRId64 " of %" PRId64
                           " %s have no label where that of \"%s\", which comes before, is 0 "
                           "(the first is row %" PRId64
                           "): they do not count; where nothing followed, the label is 0",
                           name, s->unknown, c->set->rows, c->rows, before, s->first_unknown);
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
    mmoe_warnings list = {.alloc = c->model->alloc};
    mmoe_status status = MMOE_OK;
    for (int32_t t = 0; t < c->set->n_label && !status; t++) {
        const label_survey s = survey_labels(c, t);
        if (c->to_learn) status = check_learning(c, t, &s, &list, err);
        if (!status) status = warn_of_order(c, t, &s, &list, err);
    }
    for (size_t i = 0; i < list.count && c->on_warning; i++) c->on_warning(c->user, &list.items[i]);
    mmoe_warnings_finish(&list);
    return status;
}

void mmoe_labels_keep_means(mmoe_model *model, const struct mmoe_dataset *set) {
    const mmoe_task_order order = order_of(model);
    for (int32_t t = 0; t < set->n_label; t++) {
        mmoe_label_column *label = &model->schema->labels[t];
        double sum = 0, weights = 0;
        for (int64_t r = 0; r < set->rows; r++) {
            const double y = (double)mmoe_label_of(order, set->labels + r * set->n_label, t),
                         w = set->weights ? (double)set->weights[r] : 1;
            if (isnan(y)) continue;
            sum += w * y;
            weights += w;
        }
        label->has_constant = weights > 0;
        label->constant = label->has_constant ? sum / weights : 0;
    }
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
