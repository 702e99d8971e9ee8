/* What a model's figures say against it. */
#include <inttypes.h>
#include <math.h>

#include "base/error.h"
#include "base/warnings.h"
#include "loss/loss.h"

static const double hardly_better = 0.999, hardly_worse = 1.001; /* of the constant's figure */
static const double rounding = 1e-6; /* of a task that is its constant */

static const double many = 0.5; /* of the rows */

/* Groups that cannot be judged are usual, as of users who never click; many of them are not. */
static mmoe_status judge_groups(const mmoe_task_metrics *m, const char *rows, mmoe_warnings *list,
                                mmoe_error *err) {
    const int64_t grouped = m->rows - m->no_group_rows;
    mmoe_status status = MMOE_OK;
    if (m->no_group_rows > 0)
        status = mmoe_warn(list, (mmoe_warning){NULL, m->name, m->no_group_rows, 0}, err,
                           "task \"%s\": %" PRId64 " of the %" PRId64
                           " %s have no value of \"%s\": group AUC leaves them out",
                           m->name, m->no_group_rows, m->rows, rows, m->group);
    if (!status && (double)m->one_class_group_rows > many * (double)grouped)
        status =
            mmoe_warn(list, (mmoe_warning){NULL, m->name, m->one_class_group_rows, 0}, err,
                      "task \"%s\": %" PRId64 " of the %" PRId64
                      " groups of \"%s\" have one class only, %" PRId64
                      " of them one row: group AUC leaves out %" PRId64 " of the %" PRId64 " %s",
                      m->name, m->one_class_groups, m->groups, m->group, m->single_groups,
                      m->one_class_group_rows + m->no_group_rows, m->rows, rows);
    return status;
}

static mmoe_status judge_task(const mmoe_task_metrics *m, const char *rows, mmoe_warnings *list,
                              mmoe_error *err) {
    const mmoe_loss_kind *kind = mmoe_loss_kind_of(m->type);
    const char *title = kind->baseline->metric->doc.title;
    const double figure = m->values[mmoe_loss_compared(kind)];
    const mmoe_warning about = {NULL, m->name, m->rows, 0};
    mmoe_status status = MMOE_OK;
    if (m->constant_is_of_rows && isfinite(m->constant))
        status = mmoe_warn(list, about, err,
                           "task \"%s\": the model file has no mean of training labels: its %s is "
                           "compared with that of %.5g, the mean label of the %s",
                           m->name, title, m->constant, rows);
    const bool is_constant = fabs(figure - m->base) <= rounding * m->base;
    const char *against = "hardly better";
    if (figure > m->base) against = figure > hardly_worse * m->base ? "worse" : "no better";
    if (!status && is_constant)
        status = mmoe_warn(list, about, err,
                           "task \"%s\": the %s of the %" PRId64
                           " %s is %.5g, that of always predicting the mean label, %.5g, which is "
                           "what the model does",
                           m->name, title, m->rows, rows, figure, m->constant);
    else if (!status && figure > hardly_better * m->base)
        status = mmoe_warn(list, about, err,
                           "task \"%s\": the %s of the %" PRId64
                           " %s is %.5g, that of always predicting the mean label, %.5g, is %.5g: "
                           "the model is %s than none",
                           m->name, title, m->rows, rows, figure, m->constant, m->base, against);
    if (!status && m->group) status = judge_groups(m, rows, list, err);
    return status;
}

mmoe_status mmoe_metrics_check(const mmoe_task_metrics *metrics, int32_t tasks, const char *rows,
                               void (*on_warning)(void *user, const mmoe_warning *warning),
                               void *user, mmoe_error *err) {
    if (!metrics || !rows || tasks < 0)
        return mmoe_fail(
            err, MMOE_E_ARGUMENT,
            "mmoe_metrics_check: metrics and rows must not be NULL, tasks not below 0");
    mmoe_warnings list = {.alloc = mmoe_allocator_or_default(NULL)};
    mmoe_status status = MMOE_OK;
    for (int32_t t = 0; t < tasks && !status; t++)
        status = judge_task(&metrics[t], rows, &list, err);
    for (size_t i = 0; i < list.count && on_warning; i++) on_warning(user, &list.items[i]);
    mmoe_warnings_finish(&list);
    return status;
}
