#include "task_types.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

int cli_task_type_of(const char *name) {
    for (int type = 0; name && type < MMOE_TASK_TYPE_COUNT; type++)
        if (strcmp(mmoe_task_type_name(type), name) == 0) return type;
    return -1;
}

int cli_metric_place(int type, const char *name) {
    const mmoe_metric *metric;
    for (int i = 0; (metric = mmoe_metric_at(type, (size_t)i)); i++)
        if (strcmp(metric->name, name) == 0) return i;
    return -1;
}

static size_t metric_count(int type) {
    size_t count = 0;
    while (mmoe_metric_at(type, count)) count++;
    return count;
}

bool cli_figure_at(int type, size_t index, cli_figure *out) {
    const mmoe_metric *metric = mmoe_metric_at(type, index);
    const mmoe_baseline *baseline = mmoe_baseline_of(type);
    const size_t past = metric ? 0 : index - metric_count(type);
    if (metric)
        *out = (cli_figure){metric->name, metric->title, metric->better,
                            NULL,         false,         metric->of_groups};
    else if (past == 0)
        *out = (cli_figure){baseline->name, baseline->title, 0, baseline->metric, false};
    else
        *out = (cli_figure){baseline->ratio, baseline->ratio_title, baseline->better, NULL, true};
    return metric || past < 2;
}

double cli_figure_value(const mmoe_task_metrics *metrics, size_t index) {
    const size_t count = metric_count((int)metrics->type);
    if (index < count) return metrics->values[index];
    return index == count ? metrics->base : metrics->relative;
}

bool cli_figure_is_of(const mmoe_task_metrics *metrics, const cli_figure *figure) {
    return !figure->of_groups || metrics->group;
}

bool cli_has_classes(int type) { return cli_metric_place(type, "auc") >= 0; }

const mmoe_metric *cli_loss_metric(int type) {
    const mmoe_metric *metric = NULL;
    for (size_t i = 0; (metric = mmoe_metric_at(type, i)) && metric->better >= 0; i++) continue;
    return metric;
}

const mmoe_metric *cli_other_metric(int type) {
    const mmoe_metric *metric, *other = NULL, *loss = cli_loss_metric(type);
    for (size_t i = 0; (metric = mmoe_metric_at(type, i)); i++)
        if (metric->better != 0 && metric != loss) other = metric;
    return other;
}

int cli_usual_figure(int type) {
    if (mmoe_metric_at(type, 0)->better > 0) return 0;
    return cli_metric_place(type, mmoe_baseline_of(type)->metric);
}

double cli_figure_score(const cli_figure *figure, double value) {
    return figure->better ? figure->better * value : -fabs(value - 1);
}

void cli_join_words(const char *const *words, size_t count, char *text, size_t size) {
    size_t used = 0;
    *text = '\0';
    for (size_t i = 0; i < count && used < size; i++) {
        const char *between = i + 1 == count ? " and " : ", ";
        used += (size_t)snprintf(text + used, size - used, "%s%s", i ? between : "", words[i]);
    }
}
