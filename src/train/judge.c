/* What a model's figures say against it. */
#include <inttypes.h>
#include <math.h>

#include "base/error.h"
#include "base/warnings.h"
#include "loss/loss.h"

static const double hardly_better = 0.999; /* of the constant's figure */

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
    if (!status && figure > hardly_better * m->base)
        status = mmoe_warn(list, about, err,
                           "task \"%s\": the %s of the %" PRId64
                           " %s is %.5g, that of always predicting the mean label, %.5g, is %.5g: "
                           "the model is %s than none",
                           m->name, title, m->rows, rows, figure, m->constant, m->base,
                           figure > m->base ? "worse" : "hardly better");
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
