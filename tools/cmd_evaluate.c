/* mmoe evaluate */
#include <stdlib.h>

#include "columns.h"
#include "output.h"
#include "task_types.h"
#include "warnings.h"

typedef struct evaluate_flags {
    const char *model, *data;
    int64_t threads;
    bool json;
} evaluate_flags;

static json_t *result_json(const mmoe_model *model, const mmoe_dataset *data,
                           const mmoe_task_metrics *metrics) {
    json_t *result =
        cli_report_json(mmoe_dataset_rows(data), metrics, mmoe_model_task_count(model));
    if (result) json_object_set_new(result, "columns", cli_columns_json(model, data));
    return cli_with_warnings(result);
}

static int evaluate_file(const evaluate_flags *f, const mmoe_model *model,
                         const mmoe_dataset *data) {
    int32_t n_task = mmoe_model_task_count(model);
    mmoe_task_metrics *metrics = calloc((size_t)n_task, sizeof *metrics);
    if (!metrics) return cli_fail_memory();
    mmoe_error err;
    int status = CLI_OK;
    if (mmoe_evaluate(model, data, (int)f->threads, NULL, metrics, &err))
        status = cli_fail("%s", err.message);
    else
        cli_warn_of_metrics(f->data, "rows", metrics, n_task);
    if (!status && f->json)
        status = cli_print_json(stdout, result_json(model, data, metrics), true);
    else if (!status)
        cli_print_metrics(metrics, n_task);
    free(metrics);
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
        used += snprintf(text + used, size - (size_t)used, ",\nof a %s %s",
                         mmoe_task_type_name(type), list);
    }
    snprintf(
        text + used, size - (size_t)used,
        ".\nCalibration is the sum of the predictions over the sum of the labels. Rows without "
        "a task's label are left out of it.\n"
        "The base rate and the mean are those of always predicting the mean label of the training "
        "rows: a model that is worse than they\nis worse than none, which a warning says.\n"
        "In JSON a figure that is undefined is null, and \"why\" says why.");
}

int cli_evaluate(int argc, char **argv) {
    evaluate_flags f = {.threads = cli_processors()};
    const cli_option options[] = {
        {"model", "FILE", CLI_INPUT, &f.model, true, 0, 0, "model file (.safetensors)"},
        {"data", "FILE", CLI_INPUT, &f.data, true, 0, 0, "rows with labels (CSV)"},
        {"threads", "N", CLI_INTEGER, &f.threads, false, 1, CLI_MAX_THREADS,
         "workers; default: the processors"},
        {"json", NULL, CLI_FLAG, &f.json, false, 0, 0, "print JSON"},
        {NULL, NULL, CLI_FLAG, NULL, false, 0, 0, NULL}};
    char description[1024];
    describe(description, sizeof description);
    const cli_command command = {
        "evaluate", "--model M.safetensors --data T.csv [FLAGS]", description, options, NULL, NULL,
        NULL};
    int status;
    if (!cli_parse(&command, argc, argv, &status)) return status;
    mmoe_model *model = NULL;
    mmoe_dataset *data = NULL;
    mmoe_error err;
    if (mmoe_model_load(f.model, NULL, &model, &err) ||
        mmoe_dataset_read_csv(mmoe_model_schema(model), f.data, MMOE_LABELS_REQUIRED, NULL, &data,
                              &err))
        status = cli_fail("%s", err.message);
    if (!status) cli_remark_columns(f.data, data);
    if (!status) cli_warn_of_labels(f.data, model, data);
    if (!status) status = evaluate_file(&f, model, data);
    mmoe_dataset_free(data);
    mmoe_model_free(model);
    return status;
}
