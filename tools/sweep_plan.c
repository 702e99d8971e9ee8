/* The file of a sweep. */
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "output.h"
#include "sweep.h"
#include "task_types.h"

enum { MAX_RUNS = 1000000 };
static const int64_t largest_seed = INT64_C(1) << 53;

/* ---- Keys of the file ---- */

static int check_keys(const sweep_plan *p) {
    static const char *const known[] = {"config", "train",  "valid", "test",
                                        "grid",   "random", "seeds", "select"};
    const char *key;
    json_t *value;
    json_object_foreach(p->root, key, value) {
        bool found = false;
        for (size_t i = 0; i < sizeof known / sizeof *known; i++)
            found |= strcmp(key, known[i]) == 0;
        if (!found)
            return cli_fail("%s: unknown key \"%s\"; known are config, train, valid, test, grid, "
                            "random, seeds and select",
                            p->path, key);
    }
    return CLI_OK;
}

/* A path beside the sweep's file, unless it is absolute. */
static char *resolve(const sweep_plan *p, const char *path) {
    const char *slash = strrchr(p->path, '/');
    size_t folder = *path == '/' || !slash ? 0 : (size_t)(slash - p->path) + 1;
    char *resolved = malloc(folder + strlen(path) + 1);
    if (!resolved) return NULL;
    memcpy(resolved, p->path, folder);
    strcpy(resolved + folder, path);
    return resolved;
}

/* Without O_NONBLOCK, to open a pipe would wait for its writer. */
static int check_file(const char *where, const char *path) {
    const int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat about;
    const bool is_there = file >= 0 && fstat(file, &about) == 0;
    if (file >= 0) close(file);
    if (!is_there) return cli_fail("%s: cannot open %s", where, path);
    if (S_ISREG(about.st_mode) || S_ISDIR(about.st_mode)) return CLI_OK;
    return cli_fail("%s: %s is not a regular file, and a sweep reads its files more than once",
                    where, path);
}

/* One path of a key's, or pattern. */
static int read_path(const sweep_plan *p, const char *key, const json_t *value, cli_rows *out) {
    char where[PATH_MAX];
    const size_t had = out->count;
    snprintf(where, sizeof where, "%s: %s", p->path, key);
    if (!json_is_string(value) || !*json_string_value(value))
        return cli_fail("%s: \"%s\" must be the path of a file, or a list of paths", p->path, key);
    char *path = resolve(p, json_string_value(value));
    int status = path ? cli_rows_add(out, where, path) : cli_fail_memory();
    free(path);
    for (size_t i = had; !status && i < out->count; i++) status = check_file(where, out->paths[i]);
    return status;
}

static int read_paths(const sweep_plan *p, const char *key, bool required, cli_rows *out) {
    const json_t *value = json_object_get(p->root, key);
    if (!value && !required) return CLI_OK;
    if (!value) return cli_fail("%s: the key \"%s\" is missing", p->path, key);
    if (json_array_size(value) == 0) return read_path(p, key, value, out);
    int status = CLI_OK;
    for (size_t i = 0; !status && i < json_array_size(value); i++)
        status = read_path(p, key, json_array_get(value, i), out);
    return status;
}

static int read_seeds(sweep_plan *p, const mmoe_config *config) {
    json_t *value = json_object_get(p->root, "seeds"), *own = NULL;
    const json_int_t count = json_integer_value(value);
    if (json_is_integer(value) && (count < 1 || count > MAX_RUNS))
        return cli_fail("%s: seeds: %lld is not from 1 to %d", p->path, (long long)count, MAX_RUNS);
    if (value && !json_is_integer(value) && !json_is_array(value))
        return cli_fail("%s: \"seeds\" must be a list of seeds or their number", p->path);
    if (json_is_array(value) && json_array_size(value) == 0)
        return cli_fail("%s: \"seeds\" is empty", p->path);
    p->n_seed = value ? (size_t)count : 1;
    if (json_is_array(value)) p->n_seed = json_array_size(value);
    p->seeds = calloc(p->n_seed, sizeof *p->seeds);
    if (!p->seeds) return cli_fail_memory();
    if (!value) {
        own = cli_config_json(config);
        p->seeds[0] = json_integer_value(json_object_get(json_object_get(own, "trainer"), "seed"));
        json_decref(own);
        return own ? CLI_OK : cli_fail_memory();
    }
    for (size_t i = 0; i < p->n_seed; i++) {
        const json_t *seed = json_array_get(value, i);
        p->seeds[i] = json_is_array(value) ? json_integer_value(seed) : (int64_t)i + 1;
        if (json_is_array(value) &&
            (!json_is_integer(seed) || p->seeds[i] < 0 || p->seeds[i] >= largest_seed))
            return cli_fail("%s: seeds: entry %zu is not a whole number from 0 to 2^53 - 1",
                            p->path, i + 1);
        for (size_t j = 0; j < i && json_is_array(value); j++)
            if (p->seeds[i] == p->seeds[j])
                return cli_fail("%s: seeds: %lld stands there twice", p->path,
                                (long long)p->seeds[i]);
    }
    return CLI_OK;
}

/* ---- Configurations ---- */

static int read_plan_config(sweep_plan *p, mmoe_config **out) {
    json_t *value = json_object_get(p->root, "config");
    mmoe_error err;
    if (!value) return cli_fail("%s: the key \"config\" is missing", p->path);
    if (!json_is_object(value) && !json_string_length(value))
        return cli_fail("%s: \"config\" must be a configuration or the path of one", p->path);
    if (json_is_object(value)) {
        p->config = json_incref(value);
    } else {
        char *path = resolve(p, json_string_value(value));
        if (!path) return cli_fail_memory();
        mmoe_status status = mmoe_config_read(path, NULL, out, &err);
        if (!status) p->config = cli_read_json(path);
        free(path);
        if (status) return cli_fail("%s", err.message);
        if (!p->config) return CLI_FAILED;
    }
    p->config_text = json_dumps(p->config, JSON_COMPACT);
    if (!p->config_text) return cli_fail_memory();
    if (!*out &&
        mmoe_config_parse(p->config_text, strlen(p->config_text), p->path, NULL, out, &err))
        return cli_fail("%s", err.message);
    return CLI_OK;
}

mmoe_status sweep_config(const sweep_plan *p, size_t setting, int64_t seed, mmoe_config **out,
                         mmoe_error *err) {
    mmoe_config *config;
    mmoe_status status =
        mmoe_config_parse(p->config_text, strlen(p->config_text), p->path, NULL, &config, err);
    if (status) return status;
    mmoe_setting *settings = calloc(p->n_key + 1, sizeof *settings);
    char text[32];
    snprintf(text, sizeof text, "%lld", (long long)seed);
    for (size_t k = 0; settings && k < p->n_key; k++)
        settings[k] = (mmoe_setting){p->keys[k], p->settings[setting].values[k]};
    if (settings) settings[p->n_key] = (mmoe_setting){"trainer.seed", text};
    status = settings ? mmoe_config_set_all(config, settings, p->n_key + 1, NULL, err)
                      : mmoe_fail_memory(err, p->n_key * sizeof *settings);
    free(settings);
    if (status)
        mmoe_config_free(config);
    else
        *out = config;
    return status;
}

/* {"features": ..., "data": ..., "tasks": [[name, label, type], ...], "streamed": ...}: what the
 * rows depend on, and where they are. */
static json_t *data_of(const json_t *config) {
    json_t *tasks = json_array(), *task;
    const json_t *memory = json_object_get(json_object_get(config, "trainer"), "memory");
    size_t i;
    json_array_foreach(json_object_get(config, "tasks"), i, task) json_array_append_new(
        tasks,
        json_pack("[O, O, O, O?, O?]", json_object_get(task, "name"),
                  json_object_get(task, "label"), json_object_get(task, "type"),
                  json_object_get(task, "positive"), json_object_get(task, "label_transform")));
    return json_pack("{s:O, s:O, s:o, s:b}", "features", json_object_get(config, "features"),
                     "data", json_object_get(config, "data"), "tasks", tasks, "streamed",
                     json_integer_value(memory) > 0);
}

static bool have_same_tasks(const json_t *a, const json_t *b) {
    if (json_array_size(a) != json_array_size(b)) return false;
    for (size_t t = 0; t < json_array_size(a); t++) {
        const json_t *x = json_array_get(a, t), *y = json_array_get(b, t);
        if (!json_equal(json_object_get(x, "name"), json_object_get(y, "name")) ||
            !json_equal(json_object_get(x, "type"), json_object_get(y, "type")))
            return false;
    }
    return true;
}

static int assign_data(sweep_plan *p, size_t setting, const json_t *config) {
    json_t *data = data_of(config);
    if (!data) return cli_fail_memory();
    size_t i = 0;
    while (i < json_array_size(p->data) && !json_equal(json_array_get(p->data, i), data)) i++;
    p->settings[setting].data = i;
    if (i < json_array_size(p->data)) {
        json_decref(data);
        return CLI_OK;
    }
    return json_array_append_new(p->data, data) ? cli_fail_memory() : CLI_OK;
}

/* Every setting's configuration, before the first run. */
static int check_settings(sweep_plan *p) {
    if (p->n_setting * p->n_seed > MAX_RUNS)
        return cli_fail("%s: %zu settings with %zu seeds are more than %d runs", p->path,
                        p->n_setting, p->n_seed, MAX_RUNS);
    p->data = json_array();
    if (!p->data) return cli_fail_memory();
    for (size_t i = 0; i < p->n_setting; i++) {
        char text[200];
        sweep_setting_text(p, i, text, sizeof text);
        mmoe_config *config;
        mmoe_error err;
        if (sweep_config(p, i, p->seeds[0], &config, &err))
            return cli_fail("%s: setting %zu (%s): %s", p->path, i + 1, text, err.message);
        json_t *json = cli_config_json(config);
        mmoe_config_free(config);
        int status = !json ? cli_fail_memory() : CLI_OK;
        if (!status && !have_same_tasks(json_object_get(json, "tasks"), p->tasks))
            status = cli_fail("%s: setting %zu (%s): its tasks have not the names and types of the "
                              "configuration's",
                              p->path, i + 1, text);
        if (!status) status = assign_data(p, i, json);
        p->has_groups |= json_object_get(json_object_get(json, "data"), "group") != NULL;
        json_decref(json);
        if (status) return status;
    }
    p->n_data = json_array_size(p->data);
    return CLI_OK;
}

/* ---- Figures ---- */

static int type_of(const sweep_plan *p, size_t task) {
    return cli_task_type_of(
        json_string_value(json_object_get(json_array_get(p->tasks, task), "type")));
}

static const char *plan_task_name(const sweep_plan *p, size_t task) {
    return json_string_value(json_object_get(json_array_get(p->tasks, task), "name"));
}

/* Settings are ranked by what has a direction, and by the calibration of probabilities. */
static bool can_rank(const cli_figure *figure, int type) {
    return figure->better != 0 || (cli_has_classes(type) && !figure->than);
}

static int add_figures(sweep_plan *p, bool is_test, size_t task) {
    const int type = type_of(p, task);
    cli_figure figure;
    for (size_t i = 0; cli_figure_at(type, i, &figure); i++) {
        if (!can_rank(&figure, type) && !figure.than) continue;
        if (figure.of_groups && !p->has_groups) continue;
        const size_t size = strlen(plan_task_name(p, task)) + 32;
        char *name = malloc(size);
        if (!name) return cli_fail_memory();
        snprintf(name, size, "%s.%s.%s", is_test ? "test" : "valid", plan_task_name(p, task),
                 figure.name);
        p->figures[p->n_figure++] = (sweep_figure){is_test, (int32_t)task, i, figure, name};
    }
    return CLI_OK;
}

static int list_figures(sweep_plan *p) {
    const size_t n_task = json_array_size(p->tasks), n_split = p->test.count ? 2 : 1;
    p->figures = calloc(n_split * n_task * CLI_MAX_FIGURES, sizeof *p->figures);
    int status = p->figures ? CLI_OK : cli_fail_memory();
    for (size_t i = 0; !status && i < n_split * n_task; i++)
        status = add_figures(p, i >= n_task, i % n_task);
    return status;
}

/* Can the settings be ranked by it, and is it this task's? */
static bool is_choice(const sweep_figure *f, size_t task) {
    return !f->is_test && f->task == (int32_t)task && !f->of.than;
}

static int refuse_metric(const sweep_plan *p, size_t task, const char *metric) {
    const char *names[CLI_MAX_FIGURES];
    char list[200];
    size_t count = 0;
    for (size_t i = 0; i < p->n_figure; i++)
        if (is_choice(&p->figures[i], task)) names[count++] = p->figures[i].of.name;
    cli_join_words(names, count, list, sizeof list);
    return cli_fail("%s: select: task \"%s\" has no metric \"%s\"; a %s has %s", p->path,
                    plan_task_name(p, task), metric, mmoe_task_type_name(type_of(p, task)), list);
}

static bool are_mixed(const sweep_plan *p) {
    for (size_t t = 1; t < json_array_size(p->tasks); t++)
        if (type_of(p, t) != type_of(p, 0)) return true;
    return false;
}

static int select_figure(sweep_plan *p, size_t task, const char *metric) {
    const int type = type_of(p, task);
    if (strcmp(metric, "auto") == 0) metric = mmoe_metric_at(type, 0)->name;
    if (strcmp(metric, "relative") == 0) metric = mmoe_baseline_of(type)->ratio;
    for (size_t i = 0; i < p->n_figure; i++) {
        const sweep_figure *f = &p->figures[i];
        if (!is_choice(f, task) || strcmp(f->of.name, metric) != 0) continue;
        p->selected[p->n_selected++] = i;
        return CLI_OK;
    }
    return refuse_metric(p, task, metric);
}

/* By default what early stopping watches. */
static int read_select(sweep_plan *p, const json_t *trainer) {
    json_t *select = json_object_get(p->root, "select"), *value;
    const char *key, *task = json_string_value(json_object_get(trainer, "earlystop_task")),
                     *metric = json_string_value(json_object_get(trainer, "earlystop_metric"));
    if (select && !json_is_object(select))
        return cli_fail("%s: \"select\" must be an object with \"task\" and \"metric\"", p->path);
    json_object_foreach(select, key, value) {
        const bool is_task = strcmp(key, "task") == 0;
        if (!is_task && strcmp(key, "metric") != 0)
            return cli_fail("%s: select: unknown key \"%s\"; known are task and metric", p->path,
                            key);
        const char **target = is_task ? &task : &metric;
        *target = json_string_value(value);
        if (!*target) return cli_fail("%s: select: \"%s\" must be a string", p->path, key);
    }
    int status = CLI_OK;
    if (!metric) metric = "auto";
    const bool mean = task && strcmp(task, "mean") == 0;
    if (mean && strcmp(metric, "auto") == 0 && are_mixed(p)) metric = "relative";
    for (size_t t = 0; !status && t < json_array_size(p->tasks); t++)
        if (mean || (task ? strcmp(task, plan_task_name(p, t)) == 0 : t == 0))
            status = select_figure(p, t, metric);
    if (!status && p->n_selected == 0)
        status = cli_fail("%s: select: \"%s\" is no task", p->path, task);
    return status;
}

/* ---- The whole ---- */

static int read_plan(sweep_plan *p) {
    mmoe_config *config = NULL;
    int status = check_keys(p);
    if (!status) status = read_plan_config(p, &config);
    if (!status) status = read_paths(p, "train", true, &p->train);
    if (!status) status = read_paths(p, "valid", true, &p->valid);
    if (!status) status = read_paths(p, "test", false, &p->test);
    if (!status) status = read_seeds(p, config);
    json_t *json = config ? cli_config_json(config) : NULL;
    mmoe_config_free(config);
    p->tasks = json_incref(json_object_get(json, "tasks"));
    if (!status && !p->tasks) status = cli_fail_memory();
    if (!status) status = sweep_search_read(p);
    if (!status) status = check_settings(p);
    if (!status) status = list_figures(p);
    if (!status) status = read_select(p, json_object_get(json, "trainer"));
    json_decref(json);
    return status;
}

int sweep_plan_read(const char *path, sweep_plan *p) {
    *p = (sweep_plan){.path = path};
    p->root = cli_read_json(path);
    if (!p->root) return CLI_FAILED;
    if (!json_is_object(p->root)) return cli_fail("%s: a sweep is a JSON object", path);
    return read_plan(p);
}

void sweep_plan_free(sweep_plan *p) {
    for (size_t i = 0; p->settings && i < p->n_setting; i++) {
        for (size_t k = 0; p->settings[i].values && k < p->n_key; k++)
            free(p->settings[i].values[k]);
        free(p->settings[i].values);
    }
    for (size_t i = 0; i < p->n_figure; i++) free(p->figures[i].name);
    free(p->settings);
    free(p->keys);
    free(p->figures);
    free(p->seeds);
    cli_rows_free(&p->train);
    cli_rows_free(&p->valid);
    cli_rows_free(&p->test);
    free(p->config_text);
    json_decref(p->config);
    json_decref(p->tasks);
    json_decref(p->data);
    json_decref(p->root);
    *p = (sweep_plan){0};
}
