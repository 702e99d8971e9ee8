/* mmoe plan */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "columns.h"
#include "output.h"
#include "plan_ranks.h"
#include "plan_report.h"
#include "rows.h"
#include "run_config.h"
#include "warnings.h"

typedef struct plan_flags {
    const char *config;
    cli_rows train;
    cli_list set;
    int64_t rows, threads, skip_bad, ranks;
    double bandwidth, latency; /* Gbit/s, ms */
    bool json;
} plan_flags;

/* ---- A schema without rows ---- */

static int add_column(cli_list *names, const char *name) {
    if (!name || strchr(name, '*')) return CLI_OK; /* a pattern is no column */
    for (size_t i = 0; i < names->count; i++)
        if (strcmp(names->items[i], name) == 0) return CLI_OK;
    const char **items = realloc(names->items, (names->count + 1) * sizeof *items);
    if (!items) return cli_fail_memory();
    items[names->count++] = name;
    names->items = items;
    return CLI_OK;
}

/* The columns that a feature is made of. */
static int add_feature(cli_list *names, const json_t *feature) {
    static const char *const several[] = {"columns", "cross"}, *const one[] = {"column", "name"};
    for (size_t k = 0; k < sizeof several / sizeof *several; k++) {
        const json_t *list = json_object_get(feature, several[k]);
        int status = CLI_OK;
        for (size_t i = 0; i < json_array_size(list) && !status; i++)
            status = add_column(names, json_string_value(json_array_get(list, i)));
        if (status || json_array_size(list)) return status;
    }
    const char *name = json_string_value(json_object_get(feature, one[0]));
    return add_column(names, name ? name : json_string_value(json_object_get(feature, one[1])));
}

/* The columns that a configuration names. */
static int list_columns(const json_t *config, cli_list *names) {
    static const char *const kinds[] = {"sparse", "sequence", "dense"};
    const json_t *features = json_object_get(config, "features");
    int status = CLI_OK;
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
        const json_t *list = json_object_get(features, kinds[k]);
        for (size_t i = 0; i < json_array_size(list) && !status; i++)
            status = add_feature(names, json_array_get(list, i));
    }
    return status;
}

static int make_schema(const mmoe_config *config, mmoe_schema **out) {
    mmoe_error err;
    cli_list names = {0};
    json_t *json = cli_config_json(config);
    int status = json ? list_columns(json, &names) : cli_fail_memory();
    static const char *const none[] = {""};
    if (!status &&
        mmoe_schema_create(config, names.count ? names.items : none, names.count, NULL, out, &err))
        status = cli_fail("%s; --train FILE has columns and values to learn from", err.message);
    cli_list_free(&names);
    json_decref(json);
    return status;
}

/* ---- The command ---- */

/* The schema, and the rows that it was learned from, if there are some. */
static int read_schema(const plan_flags *f, const mmoe_config *config, mmoe_schema **schema,
                       mmoe_dataset **rows) {
    mmoe_error err;
    if (!f->train.count) return make_schema(config, schema);
    const cli_reading how = {.threads = (int)f->threads,
                             .streamed = cli_streams(config) || cli_is_folder(f->train.paths[0]),
                             .skip_bad = f->skip_bad};
    if (cli_fit_rows(config, &f->train, &how, schema, rows, &err))
        return cli_fail("%s", err.message);
    cli_warn_of_data(f->train.name, *rows);
    return CLI_OK;
}

static int print_json(const mmoe_estimate *e, const plan_flags *f, const plan_network *n) {
    json_t *json = plan_json(e);
    if (json && f->ranks) json_object_set_new(json, "ranks", plan_ranks_json(e, n, (int)f->ranks));
    return cli_print_json(stdout, cli_with_warnings(json), true);
}

static int estimate(const plan_flags *f, const mmoe_config *config, const mmoe_schema *schema,
                    const mmoe_dataset *rows) {
    const mmoe_estimate_options options = {(int)f->threads, f->rows, rows, (int)f->ranks};
    mmoe_estimate *e;
    mmoe_error err;
    if (mmoe_estimate_create(config, schema, &options, NULL, &e, &err))
        return cli_fail("%s", err.message);
    int status = CLI_OK;
    plan_network network = {f->bandwidth * 1e9 / 8, f->latency / 1e3, {0}};
    if (f->ranks && !plan_wire_measure(&network.wire))
        cli_warn("no TCP within this machine: what processors spend on messages is not counted");
    if (f->json)
        status = print_json(e, f, &network);
    else
        plan_print(e);
    if (!f->json && f->ranks) plan_ranks_print(e, &network, (int)f->ranks);
    if (!status && mmoe_estimate_check(config, schema, (int)f->threads, &err))
        status = cli_fail("%s", err.message);
    if (!status && plan_memory(e, false) > e->available && plan_memory(e, true) <= e->available)
        cli_note("with rows in memory it is more than there is: \"trainer.memory\" streams them");
    mmoe_estimate_free(e);
    return status;
}

static int plan(const plan_flags *f) {
    mmoe_config *config = NULL;
    mmoe_schema *schema = NULL;
    mmoe_dataset *rows = NULL;
    int status = cli_read_config(f->config, &f->set, &config);
    if (!status) status = read_schema(f, config, &schema, &rows);
    if (!status) status = estimate(f, config, schema, rows);
    mmoe_dataset_free(rows);
    mmoe_schema_free(schema);
    mmoe_config_free(config);
    return status;
}

static int check(const plan_flags *f) {
    if (f->skip_bad && !f->train.count) return cli_usage("--skip-bad goes with --train");
    const int given = (f->ranks > 0) + (f->bandwidth > 0) + (f->latency > 0);
    if (given && given < 3) return cli_usage("--ranks, --bandwidth and --latency go together");
    if (f->ranks & (f->ranks - 1)) return cli_usage("--ranks is a power of two, 2 to 64");
    return CLI_OK;
}

int cli_plan(int argc, char **argv) {
    plan_flags f = {.threads = cli_processors()};
    const cli_option options[] = {
        {"config", "FILE", CLI_INPUT, &f.config, true, 0, 0, "configuration (JSON)"},
        {"train", "FILE", CLI_ROWS, &f.train, false, 0, 0,
         "training rows, from which sizes of vocabularies and the like are learned; a packed "
         "folder is quick, since it knows them"},
        {"rows", "N", CLI_INTEGER, &f.rows, false, 1, 1e15,
         "rows of an epoch; default: those of --train"},
        {"set", "KEY=VALUE", CLI_LIST, &f.set, false, 0, 0, "change a key of the configuration"},
        CLI_THREADS(&f.threads),
        {"ranks", "P", CLI_INTEGER, &f.ranks, false, 2, 64,
         "also predict a step and an epoch on 2, 4 .. P hosts (a power of two), by a formula"},
        {"bandwidth", "GBIT", CLI_NUMBER, &f.bandwidth, false, 1e-3, 1e4,
         "bandwidth of the network between the hosts, in Gbit/s"},
        {"latency", "MS", CLI_NUMBER, &f.latency, false, 1e-4, 1e3,
         "half of the round trip of an empty MPI message between them, in milliseconds"},
        CLI_SKIP_BAD(&f.skip_bad),
        {"json", NULL, CLI_FLAG, &f.json, false, 0, 0, "print JSON, in bytes and seconds"},
        {NULL, NULL, CLI_FLAG, NULL, false, 0, 0, NULL}};
    const cli_command command = {
        "plan",
        "--config C.json [--train A.csv] [--rows N] [--json]",
        "Predicts what training will take: memory of tables, moments and rows, sizes of files, "
        "time of a step by its\nparts and of an epoch, and how each table will be updated.\nMemory "
        "is computed without allocating it. Time is measured: for about a second, steps of the "
        "model are made on\nthe rows of --train if they are in memory and no table is cut, else on "
        "rows with evenly drawn ids.\nLarge tables are cut for this. Those that a step updates "
        "whole are cut to some million values, and the time of\nthe others is added at the "
        "measured rate. Deferred and lazy ones are cut to 4 GB of weights and moments, and\nto a "
        "quarter of the free memory.\nWith --ranks, the steps of the first of 2, 4 .. P ranks are "
        "timed in the same way, up to trainer.segments\nranks.\nA model that needs more memory "
        "than there is is an error, as it is for train.",
        options,
        NULL,
        NULL,
        NULL};
    int status;
    if (cli_parse(&command, argc, argv, &status)) {
        status = check(&f);
        if (!status) status = plan(&f);
    }
    cli_rows_free(&f.train);
    cli_list_free(&f.set);
    return status;
}
