#include "loss/loss.h"

#include <assert.h>

#define DECLARE(name, word, labels, metrics) extern const mmoe_loss_kind mmoe_loss_##word;
MMOE_TASK_TYPES(DECLARE)

#define KIND(name, word, labels, metrics) [MMOE_##name] = &mmoe_loss_##word,
static const mmoe_loss_kind *const kinds[] = {MMOE_TASK_TYPES(KIND)};

#define WORD(name, word, labels, metrics) [MMOE_##name] = #word,
static const char *const words[] = {MMOE_TASK_TYPES(WORD)};

const char *mmoe_task_type_name(int type) {
    return type >= 0 && type < MMOE_TASK_TYPE_COUNT ? words[type] : NULL;
}

const mmoe_loss_kind *mmoe_loss_kind_of(mmoe_task_type type) {
    assert((int)type >= 0 && (int)type < MMOE_TASK_TYPE_COUNT);
    return kinds[type];
}

size_t mmoe_loss_compared(const mmoe_loss_kind *kind) {
    size_t i = 0;
    while (kind->metrics[i] != kind->baseline->metric) i++;
    return i;
}

static bool is_of_earlier(const mmoe_metric_kind *metric, int type) {
    for (int t = 0; t < type; t++)
        for (size_t i = 0; kinds[t]->metrics[i]; i++)
            if (kinds[t]->metrics[i] == metric) return true;
    return false;
}

const mmoe_metric_kind *mmoe_loss_metric(int type, size_t index) {
    for (int last = 0; type < 0 && last < 2; last++)
        for (int t = 0; t < MMOE_TASK_TYPE_COUNT; t++)
            for (size_t i = 0; kinds[t]->metrics[i]; i++) {
                const mmoe_metric_kind *metric = kinds[t]->metrics[i];
                if ((metric->doc.better == 0) != last || is_of_earlier(metric, t)) continue;
                if (index-- == 0) return metric;
            }
    for (size_t i = 0; type >= 0 && type < MMOE_TASK_TYPE_COUNT && kinds[type]->metrics[i]; i++)
        if (i == index) return kinds[type]->metrics[i];
    return NULL;
}

bool mmoe_loss_has_groups(int type) {
    const mmoe_metric_kind *metric;
    for (size_t i = 0; (metric = mmoe_loss_metric(type, i)); i++)
        if (metric->doc.of_groups) return true;
    return false;
}

static const mmoe_metric_kind *watched_of(int type, size_t index) {
    const mmoe_loss_kind *kind = kinds[type];
    for (size_t i = 0; kind->metrics[i]; i++) {
        if (kind->metrics[i]->doc.better == 0) continue;
        if (index == 0) return kind->metrics[i];
        index--;
    }
    return index == 0 ? kind->baseline->comparison : NULL;
}

const mmoe_metric_kind *mmoe_loss_watched(int type, size_t index) {
    const mmoe_metric_kind *watched;
    if (type >= 0) return type < MMOE_TASK_TYPE_COUNT ? watched_of(type, index) : NULL;
    for (int t = 0; t < MMOE_TASK_TYPE_COUNT; t++)
        for (size_t i = 0; (watched = watched_of(t, i)); i++) {
            if (is_of_earlier(watched, t)) continue;
            if (index == 0) return watched;
            index--;
        }
    return NULL;
}
