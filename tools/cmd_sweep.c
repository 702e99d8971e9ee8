/* mmoe sweep */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "files.h"
#include "ranks.h"
#include "sweep.h"

typedef struct sweep_flags {
    const char *config, *output;
    int64_t threads, skip_bad;
    bool json, allow_unlike;
} sweep_flags;

static void print_file_keys(void) {
    puts("\nKeys of the sweep's file (paths are beside it):\n"
         "  config        a configuration or the path of one\n"
         "  train, valid  paths of CSV files or packed folders; test too, or none\n"
         "  grid          keys of the configuration (as of mmoe train --set) and lists of their "
         "values: all combinations;\n"
         "                keys are set in their order\n"
         "  random        instead of grid: {\"runs\": N, \"seed\": S, \"keys\": {...}} draws N "
         "different settings; a key has a list of\n"
         "                choices or {\"low\": L, \"high\": H}, with \"log\": true even in the "
         "logarithm, \"integer\": true whole numbers\n"
         "  seeds         a list, or N for 1 to N; default: the configuration's\n"
         "  select        {\"task\": NAME or \"mean\", \"metric\": \"auc\"}, of the validation "
         "rows; default: what early stopping watches\n"
         "Example:\n"
         "  {\"config\": \"config.json\", \"train\": \"train.csv\", \"valid\": \"valid.csv\", "
         "\"test\": \"test.csv\", \"seeds\": 3,\n"
         "   \"grid\": {\"model\": [{\"name\": \"mmoe\"}, {\"name\": \"ple\"}], "
         "\"trainer.optimizer_params.lr\": [1e-3, 3e-3]}}");
}

/* "lr.json" gives "lr.sweep". */
static char *default_output(const char *config) {
    const size_t length = strlen(config),
                 stem =
                     length > 5 && strcmp(config + length - 5, ".json") == 0 ? length - 5 : length;
    char *output = malloc(stem + sizeof ".sweep");
    if (output) snprintf(output, stem + sizeof ".sweep", "%.*s.sweep", (int)stem, config);
    return output;
}

static int count_failures(const sweep_results *r) {
    size_t failed = 0;
    for (size_t i = 0; i < r->n_run; i++) failed += r->runs[i].status == SWEEP_FAILED;
    return failed == 0 ? CLI_OK
                       : cli_fail("%zu of %zu runs failed; %s has their messages", failed, r->n_run,
                                  r->path);
}

static int run_sweep(const sweep_flags *f, const char *output) {
    sweep_plan plan;
    sweep_results results = {.fd = -1};
    json_t *identity = NULL;
    int status = sweep_plan_read(f->config, &plan);
    if (!status) status = sweep_identity(&plan, &identity);
    if (!status) status = sweep_agree(&plan, identity, f->skip_bad, f->allow_unlike);
    if (!status) status = sweep_results_open(&results, &plan, identity, output);
    if (!status) status = sweep_share_done(&results);
    if (!status) status = sweep_run_all(&plan, &results, (int)f->threads, f->skip_bad);
    const bool is_first = cli_ranks()->rank == 0;
    if (!status && is_first) status = sweep_summarize(&plan, &results, f->json);
    if (!status && is_first) status = count_failures(&results);
    json_decref(identity);
    sweep_results_close(&results);
    sweep_plan_free(&plan);
    return status;
}

int cli_sweep(int argc, char **argv) {
    sweep_flags f = {.threads = cli_processors()};
    const cli_option options[] = {
        {"config", "FILE", CLI_INPUT, &f.config, true, 0, 0, "what to run (JSON)"},
        {"output", "FOLDER", CLI_TEXT, &f.output, false, 0, 0,
         "folder for results.csv and summary.csv; default: FILE with .sweep instead of .json"},
        CLI_SKIP_BAD(&f.skip_bad),
        {"threads", "N", CLI_INTEGER, &f.threads, false, 1, CLI_MAX_THREADS,
         "runs at a time; default: the processors"},
        {"json", NULL, CLI_FLAG, &f.json, false, 0, 0, "print the table as JSON"},
        {"allow-unlike", NULL, CLI_FLAG, &f.allow_unlike, false, 0, 0,
         "with mmoe-mpi: allow ranks on processors that round differently; the last bits of a "
         "run's figures then depend on the rank that does it"},
        {NULL, NULL, CLI_FLAG, NULL, false, 0, 0, NULL}};
    const cli_command command = {
        "sweep",
        "--config S.json [--output FOLDER] [FLAGS]",
        "Trains a configuration with many settings and seeds, each run with one thread, and prints "
        "a line for each\nsetting, the best first: mean, deviation and best of the metrics over "
        "its seeds. results.csv gets a row for\neach run when it ends.\nAn interrupted sweep "
        "continues when it is started again, also with settings or seeds that were added. A "
        "run\nthat fails is in results.csv with its message, is not repeated, and makes the exit "
        "status 1.\nThe same settings, seeds, data and machine give the same metrics, whatever the "
        "number of threads.",
        options,
        NULL,
        NULL,
        print_file_keys};
    int status;
    cli_outlive_readers();
    if (!cli_parse(&command, argc, argv, &status)) return status;
    char *own = f.output ? NULL : default_output(f.config);
    const char *output = f.output ? f.output : own;
    status = output ? run_sweep(&f, output) : cli_fail_memory();
    free(own);
    return status;
}
