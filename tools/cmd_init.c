/* mmoe init: guesses a configuration from a file. */
#include <inttypes.h>
#include <string.h>

#include "base/utf8.h"
#include "files.h"
#include "init_features.h"
#include "output.h"
#include "warnings.h"

static bool has_utf8_labels(const cli_label_values *two) {
    for (int i = 0; i < 2; i++)
        if (two->seen[i].text && !mmoe_utf8_is(two->seen[i].text, strlen(two->seen[i].text)))
            return false;
    return true;
}

static int check_labels(const cli_survey *s, const cli_list *labels) {
    if (s->rows == 0) return cli_fail("%s: there are no rows after the header", s->path);
    for (size_t i = 0; i < labels->count; i++) {
        const cli_column *c = cli_survey_find(s, labels->items[i]);
        if (!c->present)
            return cli_fail("%s: column \"%s\" (--label) has no value", s->path, c->name);
        if (c->texts && !cli_label_positive(&c->two))
            return cli_fail("%s: column \"%s\" (--label) has values that are no numbers, and not "
                            "two in all: the first is \"%.*s\", in row %" PRId64,
                            s->path, c->name, (int)mmoe_utf8_cut(c->odd, strlen(c->odd), 40),
                            c->odd, c->odd_row);
        if (c->texts && !has_utf8_labels(&c->two))
            return cli_fail("%s: column \"%s\" (--label) has a value that is not UTF-8", s->path,
                            c->name);
        for (size_t j = 0; j < i; j++)
            if (strcmp(labels->items[i], labels->items[j]) == 0)
                return cli_usage("--label %s is given twice", c->name);
    }
    return CLI_OK;
}

/* The first type whose labels the column may have; of those that fit none the best. */
static const char *guess_type(const cli_column *c) {
    int best = 0;
    for (int type = 1; type < MMOE_TASK_TYPE_COUNT; type++)
        if (c->label_faults[type] < c->label_faults[best]) best = type;
    return mmoe_task_type_name(best);
}

/* A few other values among zeros and ones may be slips. */
static void warn_of_type(const char *path, const cli_column *c, const char *type) {
    const int64_t others = c->label_faults[MMOE_CLASSIFICATION];
    if (!others || others * 10 > c->present) return;
    cli_warn("%s: column \"%s\": %" PRId64 " of %" PRId64
             " labels are neither 0 nor 1, the first in row %" PRId64 ", so it makes a %s",
             path, c->name, others, c->present, c->other_row, type);
}

static json_t *task_json(const char *path, const json_t *tasks, const cli_column *c) {
    char name[CLI_TASK_NAME_SIZE];
    const char *positive = cli_label_positive(&c->two),
               *type = positive ? mmoe_task_type_name(MMOE_CLASSIFICATION) : guess_type(c);
    cli_task_name(tasks, c->name, name);
    if (strcmp(name, c->name) != 0)
        cli_note("column \"%s\": its task is named \"%s\"", c->name, name);
    if (positive)
        cli_note("column \"%s\": of its two values, \"%s\" and \"%s\", \"%s\" is taken as the "
                 "positive label: see \"positive\" in the configuration",
                 c->name, c->two.seen[0].text, c->two.seen[1].text, positive);
    else
        warn_of_type(path, c, type);
    return json_pack("{s:s, s:s, s:s, s:s*, s:{s:[i]}}", "name", name, "label", c->name, "type",
                     type, "positive", positive, "tower_params", "dims", 8);
}

static json_t *tasks_json(const cli_survey *s, const cli_list *labels) {
    json_t *tasks = json_array();
    for (size_t i = 0; i < labels->count; i++)
        json_array_append_new(tasks,
                              task_json(s->path, tasks, cli_survey_find(s, labels->items[i])));
    return tasks;
}

static json_t *config_json(const cli_survey *s, const cli_list *labels) {
    return json_pack("{s:o, s:o, s:{s:s, s:i, s:{s:[i]}}, s:{s:i, s:i, s:s, s:{s:f, s:f}, s:i}}",
                     "features", cli_guess_features(s), "tasks", tasks_json(s, labels), "model",
                     "name", "mmoe", "n_expert", 8, "expert_params", "dims", 16, "trainer",
                     "batch_size", 1024, "n_epoch", 50, "optimizer", "adam", "optimizer_params",
                     "lr", 1e-3, "weight_decay", 1e-4, "earlystop_patience", 30);
}

/* The library is asked whether it would take what is written. */
static int check_config(const char *path, const json_t *config) {
    char *text = json_dumps(config, JSON_COMPACT);
    if (!text) return cli_fail_memory();
    mmoe_config *parsed = NULL;
    mmoe_error err;
    int status = mmoe_config_parse(text, strlen(text), path, NULL, &parsed, &err)
                     ? cli_fail("%s", err.message)
                     : CLI_OK;
    mmoe_config_free(parsed);
    free(text);
    return status;
}

static bool has_features(const json_t *config) {
    const char *kind;
    json_t *features;
    json_object_foreach(json_object_get(config, "features"), kind, features) {
        if (json_array_size(features) > 0) return true;
    }
    return false;
}

static int write_config(const cli_survey *s, const cli_list *labels, const char *output) {
    json_t *config = config_json(s, labels);
    if (config && s->lenient)
        json_object_set_new(config, "data", json_pack("{s:s}", "quotes", "lenient"));
    int status = config ? CLI_OK : cli_fail_memory();
    if (config && !has_features(config))
        status = cli_fail("%s: no column is left that could be a feature", s->path);
    if (!status) status = check_config(s->path, config);
    cli_file file = {0};
    if (!status) status = cli_file_open(&file, output);
    if (!status) status = cli_print_json(file.stream, json_incref(config), true);
    if (!status) status = cli_file_keep(&file);
    cli_file_drop(&file);
    json_decref(config);
    return status;
}

int cli_init(int argc, char **argv) {
    const char *path = NULL, *output = "-";
    cli_list labels = {0};
    const cli_option options[] = {
        {"label", "COLUMN", CLI_LIST, &labels, true, 0, 0, "a task's label"},
        {"output", "FILE", CLI_TEXT, &output, false, 0, 0,
         "the configuration (JSON); default: standard output"},
        {NULL, NULL, CLI_FLAG, NULL, false, 0, 0, NULL}};
    const cli_command command = {
        "init",
        "DATA.csv --label COLUMN [--label COLUMN ...] [--output C.json]",
        "Writes a configuration inferred from all the rows of a file. A "
        "label of 0 and 1, or of two other values, makes a\n"
        "classification, other numbers a regression. Numbers with fractions become dense features, "
        "standardized; texts, and integers of few values, become\n"
        "sparse features with a vocabulary of their own. Columns of one "
        "value and columns whose values all differ are left out\n"
        "and named on standard error. It is a first guess, to be edited.",
        options,
        "DATA.csv",
        &path,
        NULL};
    int status;
    if (cli_parse(&command, argc, argv, &status)) {
        const cli_path paths[] = {{"DATA.csv", path, false}, {"--output", output, true}};
        cli_survey s = {.path = path, .labels = &labels};
        status = cli_check_input("", "DATA.csv", path);
        if (!status) status = cli_check_paths(paths, 2);
        if (!status) status = cli_survey_read(&s);
        if (!status) status = check_labels(&s, &labels);
        if (!status) status = write_config(&s, &labels, output);
        cli_survey_free(&s);
    }
    cli_list_free(&labels);
    return status;
}
