/* What follows from the keys of a configuration. */
#include "config/config.h"

mmoe_status mmoe_config_score(const mmoe_config *config, const mmoe_allocator *alloc,
                              mmoe_score **out, char fault[MMOE_SCORE_FAULT]) {
    *out = NULL;
    if (!config->score) return MMOE_OK;
    const char **names = mmoe_alloc(alloc, (size_t)config->n_task, sizeof *names);
    if (!names) return MMOE_E_MEMORY;
    for (int32_t i = 0; i < config->n_task; i++) names[i] = config->tasks[i].name;
    const mmoe_status status =
        mmoe_score_compile(config->score, names, config->n_task, alloc, out, fault);
    mmoe_release(alloc, names);
    return status;
}

bool mmoe_config_is_mixed(const mmoe_config *config) {
    for (int32_t i = 1; i < config->n_task; i++)
        if (config->tasks[i].type != config->tasks[0].type) return true;
    return false;
}

const mmoe_metric_kind *mmoe_config_watched_metric(const mmoe_config *config) {
    const mmoe_trainer_config *c = &config->trainer;
    if (c->earlystop_metric >= 0) return mmoe_loss_watched(-1, (size_t)c->earlystop_metric);
    const bool is_mean = c->earlystop_task < 0;
    if (c->earlystop_metric == MMOE_WATCHED_RELATIVE || (is_mean && mmoe_config_is_mixed(config)))
        return &mmoe_metric_relative;
    const int32_t task = is_mean ? 0 : c->earlystop_task;
    return mmoe_loss_metric((int)config->tasks[task].type, 0);
}
