/* mmoe import */
#include <stdlib.h>
#include <string.h>

#include "base/csv.h"
#include "base/error.h"
#include "files.h"
#include "output.h"
#include "warnings.h"

typedef struct names {
    char **items; /* [count], in the order in which patterns see them */
    size_t count;
} names;

static void free_names(names *n) {
    for (size_t i = 0; i < n->count; i++) free(n->items[i]);
    free(n->items);
}

/* A name that is there already is passed over when `once`. */
static int add_name(names *n, const char *name, bool once) {
    for (size_t i = 0; once && i < n->count; i++)
        if (strcmp(n->items[i], name) == 0) return CLI_OK;
    char **items = realloc(n->items, (n->count + 1) * sizeof *items);
    if (items) n->items = items;
    char *copy = items ? strdup(name) : NULL;
    if (!copy) return cli_fail_memory();
    n->items[n->count++] = copy;
    return CLI_OK;
}

/* Enough has been read then. */
static mmoe_status take_names(void *user, const mmoe_csv_field *fields, size_t count,
                              mmoe_error *err) {
    int status = CLI_OK;
    for (size_t i = 0; !status && i < count; i++) status = add_name(user, fields[i].text, false);
    return status ? mmoe_fail_memory(err, count) : MMOE_E_CANCELLED;
}

static int names_of_file(const char *path, names *n) {
    const mmoe_csv_handler handler = {n, take_names, NULL};
    mmoe_error err;
    const mmoe_status status = mmoe_csv_read(path, &handler, NULL, &err);
    return status == MMOE_E_CANCELLED ? CLI_OK : cli_fail("%s", err.message);
}

/* A column that a feature reads, which must be a whole name. */
static int add_column(names *n, const json_t *column, const char *path) {
    const char *name = json_string_value(column);
    if (strchr(name, '*'))
        return cli_fail("%s: \"%s\" is a pattern: give --columns DATA.csv, whose header it is "
                        "matched against",
                        path, name);
    return add_name(n, name, true);
}

/* What a feature reads: several columns, one that it names, or the one of its name. */
static int add_feature(names *n, const json_t *feature, const char *path) {
    const json_t *cross = json_object_get(feature, "cross"),
                 *columns = cross ? cross : json_object_get(feature, "columns"),
                 *column = json_object_get(feature, "column");
    int status = CLI_OK;
    if (!columns) return add_column(n, column ? column : json_object_get(feature, "name"), path);
    for (size_t i = 0; !status && i < json_array_size(columns); i++)
        status = add_column(n, json_array_get(columns, i), path);
    return status;
}

/* The columns that the configuration names. */
static int names_of_config(const json_t *config, const char *path, names *n) {
    const json_t *features = json_object_get(config, "features"),
                 *tasks = json_object_get(config, "tasks");
    const char *const lists[] = {"sparse", "sequence", "dense"};
    int status = CLI_OK;
    for (size_t k = 0; k < sizeof lists / sizeof *lists; k++) {
        const json_t *list = json_object_get(features, lists[k]);
        for (size_t i = 0; !status && i < json_array_size(list); i++)
            status = add_feature(n, json_array_get(list, i), path);
    }
    for (size_t t = 0; !status && t < json_array_size(tasks); t++)
        status = add_name(n, json_string_value(json_object_get(json_array_get(tasks, t), "label")),
                          true);
    const char *weight = json_string_value(json_object_get(features, "weight"));
    if (!status && weight) status = add_name(n, weight, true);
    return status;
}

static int import(const mmoe_config *config, const names *columns, const char *weights,
                  const char *output) {
    mmoe_schema *schema = NULL;
    mmoe_model *model = NULL;
    mmoe_error err;
    int status = CLI_OK;
    if (mmoe_schema_create(config, (const char *const *)columns->items, columns->count, NULL,
                           &schema, &err) ||
        mmoe_model_create(config, schema, NULL, &model, &err) ||
        mmoe_model_load_weights(model, weights, &err))
        status = cli_fail("%s", err.message);
    if (!status) cli_warn_of_weights(weights, model);
    if (!status && mmoe_model_save(model, output, &err)) status = cli_fail("%s", err.message);
    mmoe_model_free(model);
    mmoe_schema_free(schema);
    return status;
}

int cli_import(int argc, char **argv) {
    const char *config_path = NULL, *weights = NULL, *output = NULL, *columns_path = NULL;
    const cli_option options[] = {
        {"config", "FILE", CLI_INPUT, &config_path, true, 0, 0, "configuration (JSON)"},
        {"weights", "FILE", CLI_INPUT, &weights, true, 0, 0,
         "torch-rechub's state_dict (.safetensors)"},
        {"output", "FILE", CLI_TEXT, &output, true, 0, 0,
         "the model to write (.safetensors), whole or not at all"},
        {"columns", "FILE", CLI_INPUT, &columns_path, false, 0, 0,
         "a CSV file whose header the configuration's patterns are matched against"},
        {NULL, NULL, CLI_FLAG, NULL, false, 0, 0, NULL}};
    const cli_command command = {
        "import",
        "--config C.json --weights W.safetensors --output M.safetensors [--columns DATA.csv]",
        "Makes a model of a configuration and the weights of torch-rechub's state_dict, whose "
        "tensor names it knows.\n"
        "Every sparse feature and sequence needs \"vocab_size\" (ids are row numbers of its "
        "table),\n"
        "\"hash_bucket_size\" or \"boundaries\"; dense values are taken as they are.",
        options,
        NULL,
        NULL,
        NULL};
    int status;
    if (!cli_parse(&command, argc, argv, &status)) return status;
    const cli_path paths[] = {{"--config", config_path, false},
                              {"--weights", weights, false},
                              {"--columns", columns_path, false},
                              {"--output", output, true}};
    status = cli_check_paths(paths, sizeof paths / sizeof *paths);
    if (!status) status = cli_check_output("output", output);
    if (status) return status;
    mmoe_config *config = NULL;
    mmoe_error err;
    if (mmoe_config_read(config_path, NULL, &config, &err)) return cli_fail("%s", err.message);
    names columns = {0};
    json_t *json = cli_config_json(config);
    if (!json)
        status = cli_fail_memory();
    else
        status = columns_path ? names_of_file(columns_path, &columns)
                              : names_of_config(json, config_path, &columns);
    if (!status) status = import(config, &columns, weights, output);
    free_names(&columns);
    json_decref(json);
    mmoe_config_free(config);
    return status;
}
