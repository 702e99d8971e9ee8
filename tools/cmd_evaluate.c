/* mmoe evaluate */
#include <stdlib.h>
#include <string.h>

#include "columns.h"
#include "output.h"
#include "progress.h"
#include "ranks.h"
#include "rows.h"
#include "slices_report.h"
#include "task_types.h"
#include "warnings.h"

typedef struct evaluate_flags {
    const char *model, *group, *group_weight, *by, *auc;
    cli_rows data;
    int64_t threads, slices; /* slices 0: not given */
    int64_t skip_bad;
    bool json, allow_unlike;
} evaluate_flags;

/* What an evaluation is of, and what comes out of it. */
typedef struct evaluation {
    const evaluate_flags *flags;
    mmoe_model *model;
    mmoe_dataset *data;
    int32_t n_task;
    mmoe_task_metrics *metrics; /* [n_task] */
    mmoe_row_slices *slices;
} evaluation;

static json_t *result_json(const evaluation *e) {
    json_t *result = cli_report_json(mmoe_dataset_rows(e->data), e->metrics, e->n_task);
    if (result) json_object_set_new(result, "columns", cli_columns_json(e->model, e->data));
    if (result && e->flags->auc)
        json_object_set_new(result, "auc_method", json_string(e->flags->auc));
    if (result && e->slices)
        json_object_set_new(result, "by", cli_slices_json(e->slices, e->n_task));
    return cli_with_warnings(result);
}

static int print_results(const evaluation *e) {
    if (e->flags->json) return cli_print_json(stdout, result_json(e), true);
    cli_print_metrics(e->metrics, e->n_task);
    return e->slices ? cli_print_slices(e->slices, e->n_task) : CLI_OK;
}

/* The rows, and the columns that say which belong together. */
static int read_rows(evaluation *e) {
    const evaluate_flags *f = e->flags;
    const mmoe_schema *schema = mmoe_model_schema(e->model);
    const cli_reading how = {.threads = (int)f->threads, .skip_bad = f->skip_bad};
    char *groups = f->group ? NULL : cli_groups_of(mmoe_model_config(e->model));
    cli_keeping keeping = {.count = 0};
    mmoe_error err;
    cli_keep(&keeping, f->group, "--group");
    cli_keep(&keeping, f->by, "--by");
    cli_keep(&keeping, groups, "data.group");
    const mmoe_status status = cli_read_judged(schema, &f->data, &how, &keeping, &e->data, &err);
    free(groups);
    if (status) return cli_fail("%s", err.message);
    cli_remark_columns(f->data.name, e->data);
    cli_warn_of_labels(f->data.name, e->model, e->data);
    return CLI_OK;
}

static int evaluate_rows(evaluation *e) {
    const evaluate_flags *f = e->flags;
    const mmoe_evaluate_options options = {.threads = (int)f->threads,
                                           .group = f->group,
                                           .group_weight = f->group_weight,
                                           .by = f->by,
                                           .most_slices = (int32_t)f->slices,
                                           .watcher = &cli_watcher,
                                           .auc = f->auc,
                                           .ranks = cli_ranks()->size > 1 ? cli_ranks() : NULL,
                                           .allow_unlike = f->allow_unlike,
                                           .on_warning = cli_warn_of_training};
    mmoe_error err;
    e->n_task = mmoe_model_task_count(e->model);
    e->metrics = calloc((size_t)e->n_task, sizeof *e->metrics);
    if (!e->metrics) return cli_fail_memory();
    const mmoe_status status =
        mmoe_evaluate_by(e->model, e->data, &options, NULL, e->metrics, &e->slices, &err);
    cli_progress_clear();
    if (status) return cli_fail("%s", err.message);
    cli_warn_of_metrics(f->data.name, "rows", e->metrics, e->n_task);
    return print_results(e);
}

static int evaluate(const evaluate_flags *f) {
    evaluation e = {.flags = f};
    mmoe_error err;
    int status = CLI_OK;
    if (mmoe_model_load(f->model, NULL, &e.model, &err)) status = cli_fail("%s", err.message);
    if (!status) status = read_rows(&e);
    if (!status) status = evaluate_rows(&e);
    mmoe_row_slices_free(e.slices);
    free(e.metrics);
    mmoe_dataset_free(e.data);
    mmoe_model_free(e.model);
    return status;
}

static void describe(char *text, size_t size) {
    int used = snprintf(text, size, "Prints each task's metrics");
    for (int type = 0; type < MMOE_TASK_TYPE_COUNT; type++) {
        const char *titles[CLI_MAX_FIGURES];
        char list[200];
        cli_figure figure;
        size_t count = 0;
        for (; cli_figure_at(type, count, &figure); count++) titles[count] = figure.title;
        cli_join_words(titles, count, list, sizeof list);
        used += snprintf(text + used, size - (size_t)used, "%s\nfor a %s %s", type ? ";" : ":",
                         mmoe_task_type_name(type), list);
    }
    snprintf(
        text + used, size - (size_t)used,
        ".\nCalibration is the sum of the predictions over the sum of the labels. A row without a "
        "label does not count for that task.\n"
        "The base rate and the mean are figures of always predicting the mean label of the "
        "training rows. A warning tells if the\nmodel is worse than that.\n"
        "gauc, the AUC within groups of rows (a user's, say), is printed if a column defines the "
        "groups. This column, and that of --by,\nneed not be columns of the model.\n"
        "In JSON a figure that is undefined is null, and \"why\" gives the reason.");
}

static int check(const evaluate_flags *f) {
    if (f->slices && !f->by) return cli_usage("--slices: there are none without --by");
    if (f->auc && strcmp(f->auc, "exact") != 0 && strcmp(f->auc, "binned") != 0)
        return cli_usage("--auc %s: allowed are exact, binned", f->auc);
    return cli_check_ranks_rows(&f->data);
}

int cli_evaluate(int argc, char **argv) {
    evaluate_flags f = {.threads = cli_processors()};
    const cli_option options[] = {
        {"model", "FILE", CLI_INPUT, &f.model, true, 0, 0, "model file (.safetensors)"},
        {"data", "FILE", CLI_ROWS, &f.data, true, 0, 0,
         "rows with labels (CSV, or a packed folder; -: standard input)"},
        CLI_SKIP_BAD(&f.skip_bad),
        {"group", "COLUMN", CLI_TEXT, &f.group, false, 0, 0,
         "column of the groups of gauc; default: the configuration's data.group"},
        {"group-weight", "WORD", CLI_TEXT, &f.group_weight, false, 0, 0,
         "the weight of a group, as in data.group_weight: impressions, rows, positives, equal"},
        {"by", "COLUMN", CLI_TEXT, &f.by, false, 0, 0,
         "also print the metrics of the rows of each value of this column"},
        {"slices", "N", CLI_INTEGER, &f.slices, false, 1, 100000,
         "how many values of --by are printed, those with the most rows; default: 20"},
        {"auc", "WORD", CLI_TEXT, &f.auc, false, 0, 0,
         "exact (default): scores beyond 512 MB, or a quarter of trainer.memory, are sorted in a "
         "temporary file (TMPDIR); binned: by 2^20 bins in memory, 32 MB a task, with the largest "
         "possible error"},
        CLI_THREADS(&f.threads),
        {"json", NULL, CLI_FLAG, &f.json, false, 0, 0, "print JSON"},
        {"allow-unlike", NULL, CLI_FLAG, &f.allow_unlike, false, 0, 0,
         "with mmoe-mpi: allow ranks on processors that round differently; the last bits of a "
         "score then depend on the rank that scores the row"},
        {NULL, NULL, CLI_FLAG, NULL, false, 0, 0, NULL}};
    char description[1536];
    describe(description, sizeof description);
    const cli_command command = {
        "evaluate", "--model M.safetensors --data T.csv [FLAGS]", description, options, NULL, NULL,
        NULL};
    int status;
    if (cli_parse(&command, argc, argv, &status)) {
        status = check(&f);
        if (!status) status = evaluate(&f);
    }
    cli_rows_free(&f.data);
    return status;
}
