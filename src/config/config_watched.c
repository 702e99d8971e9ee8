/* Which figure early stopping watches, and the groups of rows that some figures need. */
#include "config/config_watched.h"

#include <stdio.h>
#include <string.h>

static mmoe_status find_earlystop_task(const json_t *root, mmoe_config *config,
                                       const mmoe_key_place *place) {
    const char *name =
        json_string_value(json_object_get(json_object_get(root, "trainer"), "earlystop_task"));
    config->trainer.earlystop_task = -1;
    if (name && strcmp(name, "mean") == 0) return MMOE_OK;
    for (int32_t i = 0; i < config->n_task && config->trainer.earlystop_task < 0; i++)
        if (!name || strcmp(config->tasks[i].name, name) == 0) config->trainer.earlystop_task = i;
    if (config->trainer.earlystop_task >= 0) return MMOE_OK;
    char allowed[300] = "";
    size_t used = 0;
    for (int32_t i = 0; i < config->n_task && used < sizeof allowed - 80; i++)
        used +=
            (size_t)snprintf(allowed + used, sizeof allowed - used, "%s, ", config->tasks[i].name);
    return mmoe_key_fail(place, "trainer.earlystop_task",
                         "no task is named \"%.80s\"; allowed are %smean", name, allowed);
}

/* ", mse, rmse, mae and r2" */
static void list_watched(int type, char *text, size_t size) {
    const mmoe_metric_kind *metric;
    size_t used = 0;
    for (size_t i = 0; (metric = mmoe_loss_watched(type, i)) && used < size; i++)
        used += (size_t)snprintf(text + used, size - used, "%s%s",
                                 mmoe_loss_watched(type, i + 1) ? ", " : " and ", metric->doc.name);
}

static mmoe_status check_watched_metric(const mmoe_config *config, const mmoe_task_config *watched,
                                        const mmoe_key_place *place) {
    const int type = (int)watched->type;
    const mmoe_metric_kind *metric = mmoe_config_watched_metric(config), *of_type;
    if (metric == &mmoe_metric_relative) return MMOE_OK;
    if (metric->doc.of_groups && !config->group)
        return mmoe_key_fail(place, "trainer.earlystop_metric",
                             "%s is of groups of rows: data.group names their column",
                             metric->doc.name);
    for (size_t i = 0; (of_type = mmoe_loss_watched(type, i)); i++)
        if (of_type == metric) return MMOE_OK;
    char metrics[200] = "";
    list_watched(type, metrics, sizeof metrics);
    return mmoe_key_fail(place, "trainer.earlystop_metric",
                         "\"%s\" is of the type %s; allowed are auto, relative%s", watched->name,
                         mmoe_task_type_name(type), metrics);
}

static bool has_groups_metric(const mmoe_config *config) {
    for (int32_t t = 0; t < config->n_task; t++)
        if (mmoe_loss_has_groups((int)config->tasks[t].type)) return true;
    return false;
}

static mmoe_status check_groups(const mmoe_config *config, const mmoe_key_place *place) {
    if (!config->group && config->group_weight)
        return mmoe_key_fail(place, "data.group_weight",
                             "there are no groups: data.group names their column");
    if (config->group && !has_groups_metric(config))
        return mmoe_key_fail(place, "data.group",
                             "only classifications have a metric of groups, and no task is one");
    return MMOE_OK;
}

mmoe_status mmoe_config_check_watched(const json_t *root, mmoe_config *config,
                                      const mmoe_key_place *place) {
    mmoe_status status = find_earlystop_task(root, config, place);
    if (!status) status = check_groups(config, place);
    if (status) return status;
    const mmoe_trainer_config *trainer = &config->trainer;
    const bool is_mean = trainer->earlystop_task < 0;
    /* Of AUCs, which should rise, and errors, which should fall, a mean says nothing. */
    if (is_mean && trainer->earlystop_metric >= 0 && mmoe_config_is_mixed(config))
        return mmoe_key_fail(place, "trainer.earlystop_metric",
                             "tasks of several types have no mean %s; allowed are auto and "
                             "relative, or name a task (trainer.earlystop_task)",
                             mmoe_config_watched_metric(config)->doc.title);
    return check_watched_metric(config, config->tasks + (is_mean ? 0 : trainer->earlystop_task),
                                place);
}
