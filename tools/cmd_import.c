/* mmoe import */
#include <stdlib.h>
#include <string.h>

#include "base/csv.h"
#include "base/error.h"
#include "files.h"
#include "import_shrink.h"
#include "meta.h"
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

typedef struct import_flags {
    const char *config, *weights, *output, *columns;
    cli_meta meta;
    cli_shrinking shrinking; /* has all that --shrink needs */
} import_flags;

static int import(const import_flags *f, const mmoe_config *config, const names *columns) {
    mmoe_schema *schema = NULL;
    mmoe_model *model = NULL;
    mmoe_error err;
    int status = CLI_OK;
    if (mmoe_schema_create(config, (const char *const *)columns->items, columns->count, NULL,
                           &schema, &err) ||
        mmoe_model_create(config, schema, NULL, &model, &err) ||
        mmoe_model_load_weights(model, f->weights, &err))
        status = cli_fail("%s", err.message);
    if (!status) cli_warn_of_weights(f->weights, model);
    if (!status) status = cli_put_meta(&f->meta, model);
    if (!status) status = cli_write_model(model, f->output, mmoe_model_save);
    mmoe_model_free(model);
    mmoe_schema_free(schema);
    return status;
}

static int check_flags(const import_flags *f) {
    const cli_shrinking *s = &f->shrinking;
    const cli_path paths[] = {{"--config", f->config, false},
                              {"--weights", f->weights, false},
                              {"--columns", f->columns, false},
                              {"--data", .rows = &s->data},
                              {"--output", f->output, true}};
    if (!f->config && !s->least) return cli_usage("--config FILE is missing, or --shrink N");
    if (f->config && s->least)
        return cli_usage("--config and --shrink exclude each other: a model has its own");
    if (s->least && f->columns) return cli_usage("--columns goes with --config");
    if (s->least && !s->data.count) return cli_usage("--shrink needs --data, rows to count");
    if (!s->least && s->data.count) return cli_usage("--data goes with --shrink");
    if (!s->data.count && s->skip_bad) return cli_usage("--skip-bad goes with --data");
    int status = cli_check_paths(paths, sizeof paths / sizeof *paths);
    if (!status) status = cli_check_meta(&f->meta);
    return status ? status : cli_check_output("output", f->output);
}

static int import_weights(const import_flags *f) {
    mmoe_config *config = NULL;
    mmoe_error err;
    if (mmoe_config_read(f->config, NULL, &config, &err)) return cli_fail("%s", err.message);
    names columns = {0};
    json_t *json = cli_config_json(config);
    int status = CLI_OK;
    if (!json)
        status = cli_fail_memory();
    else
        status = f->columns ? names_of_file(f->columns, &columns)
                            : names_of_config(json, f->config, &columns);
    if (!status) status = import(f, config, &columns);
    free_names(&columns);
    json_decref(json);
    mmoe_config_free(config);
    return status;
}

static void print_shrinking(void) {
    puts("\n--shrink counts each value of a learned vocabulary in the rows of --data, as the last "
         "30 days', and keeps those\n"
         "that stand there N times. Others are unknown to the new model, which takes less memory. "
         "It may be trained on:\n"
         "  mmoe train --from NEW.safetensors --grow ...");
}

int cli_import(int argc, char **argv) {
    import_flags f = {.shrinking = {.threads = cli_processors()}};
    cli_shrinking *s = &f.shrinking;
    const cli_option options[] = {
        {"config", "FILE", CLI_INPUT, &f.config, false, 0, 0, "configuration (JSON)"},
        {"weights", "FILE", CLI_INPUT, &f.weights, true, 0, 0,
         "torch-rechub's state_dict (.safetensors); with --shrink a model"},
        {"output", "FILE", CLI_TEXT, &f.output, true, 0, 0,
         "the model to write (.safetensors), whole or not at all"},
        {"columns", "FILE", CLI_INPUT, &f.columns, false, 0, 0,
         "a CSV file whose header the configuration's patterns are matched against"},
        CLI_META(&f.meta),
        {"shrink", "N", CLI_INTEGER, &s->least, false, 1, 1e9,
         "instead: write the model of --weights without the values that occur fewer than N times "
         "in --data"},
        {"data", "FILE", CLI_ROWS, &s->data, false, 0, 0,
         "with --shrink: rows to count values in (CSV, or a packed folder)"},
        {"threads", "N", CLI_INTEGER, &s->threads, false, 1, CLI_MAX_THREADS,
         "workers that read them; default: the processors"},
        CLI_SKIP_BAD(&s->skip_bad),
        {NULL, NULL, CLI_FLAG, NULL, false, 0, 0, NULL}};
    const cli_command command = {
        "import",
        "--weights W.safetensors --output M.safetensors "
        "(--config C.json [--columns DATA.csv] | --shrink N --data X.csv)",
        "Makes a model from a configuration and the weights of a torch-rechub state_dict, by its "
        "tensor names.\nEvery sparse feature and sequence needs \"vocab_size\" (ids are row "
        "numbers of its table),\n\"hash_bucket_size\" or \"boundaries\"; dense values are not "
        "transformed.\nWith --shrink it makes a smaller model from a model instead.",
        options,
        NULL,
        NULL,
        print_shrinking};
    int status;
    const bool is_parsed = cli_parse(&command, argc, argv, &status);
    if (is_parsed) status = check_flags(&f);
    s->model = f.weights;
    s->output = f.output;
    s->meta = &f.meta;
    if (is_parsed && !status) status = s->least ? cli_shrink(s) : import_weights(&f);
    cli_rows_free(&s->data);
    cli_list_free(&f.meta.texts);
    return status;
}
