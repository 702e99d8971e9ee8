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

double cli_metric_score(const mmoe_metric *metric, double value) {
    return metric->better ? metric->better * value : -fabs(value - 1);
}

void cli_join_words(const char *const *words, size_t count, char *text, size_t size) {
    size_t used = 0;
    *text = '\0';
    for (size_t i = 0; i < count && used < size; i++) {
        const char *between = i + 1 == count ? " and " : ", ";
        used += (size_t)snprintf(text + used, size - used, "%s%s", i ? between : "", words[i]);
    }
}
