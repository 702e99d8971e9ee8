#include "export_tables.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "columns.h"
#include "files.h"
#include "output.h"
#include "progress.h"
#include "rows.h"
#include "task_types.h"
#include "warnings.h"

typedef struct comparison {
    const cli_table_export *of;
    mmoe_model *model, *narrow;
    mmoe_dataset *data; /* NULL: nothing is compared, and there are no metrics */
    int32_t n_task;
    mmoe_task_metrics *metrics; /* [2, n_task]: the model's, then the narrow one's */
} comparison;

/* ---- What is said ---- */

/* Figures that a task is compared by: the usual one and the loss. */
static bool is_shown(int type, size_t index, cli_figure *figure) {
    return cli_figure_at(type, index, figure) &&
           ((int)index == cli_usual_figure(type) ||
            strcmp(figure->name, cli_loss_metric(type)->name) == 0);
}

static void print_task(const mmoe_task_metrics *was, const mmoe_task_metrics *is, int width) {
    cli_figure figure;
    char before[CLI_FIGURE_SIZE], after[CLI_FIGURE_SIZE];
    for (size_t i = 0; cli_figure_at((int)was->type, i, &figure); i++) {
        if (!is_shown((int)was->type, i, &figure)) continue;
        const double a = cli_figure_value(was, i), b = cli_figure_value(is, i);
        printf("%-*s  %-12s  %10s  %10s  %+10.2e\n", width, was->name, figure.name,
               cli_figure_text(a, before), cli_figure_text(b, after), b - a);
    }
}

static void print_table(const comparison *c) {
    int width = (int)strlen("task");
    for (int32_t t = 0; t < c->n_task; t++)
        if ((int)strlen(c->metrics[t].name) > width) width = (int)strlen(c->metrics[t].name);
    printf("%-*s  %-12s  %10s  %10s  %10s\n", width, "task", "figure", "float", c->of->type,
           "difference");
    for (int32_t t = 0; t < c->n_task; t++)
        print_task(&c->metrics[t], &c->metrics[c->n_task + t], width);
}

static json_t *figures_json(const mmoe_task_metrics *m) {
    cli_figure figure;
    json_t *object = json_object();
    for (size_t i = 0; cli_figure_at((int)m->type, i, &figure); i++)
        if (is_shown((int)m->type, i, &figure))
            json_object_set_new(object, figure.name, cli_json_number(cli_figure_value(m, i)));
    return object;
}

static json_t *difference_json(const mmoe_task_metrics *was, const mmoe_task_metrics *is) {
    cli_figure figure;
    json_t *object = json_object();
    for (size_t i = 0; cli_figure_at((int)was->type, i, &figure); i++)
        if (is_shown((int)was->type, i, &figure))
            json_object_set_new(
                object, figure.name,
                cli_json_number(cli_figure_value(is, i) - cli_figure_value(was, i)));
    return object;
}

static json_t *tasks_json(const comparison *c) {
    json_t *tasks = json_array();
    for (int32_t t = 0; t < c->n_task; t++) {
        const mmoe_task_metrics *was = &c->metrics[t], *is = &c->metrics[c->n_task + t];
        json_array_append_new(tasks, json_pack("{s:s, s:o, s:o, s:o}", "name", was->name, "float",
                                               figures_json(was), c->of->type, figures_json(is),
                                               "difference", difference_json(was, is)));
    }
    return tasks;
}

static int say(const comparison *c) {
    const int64_t before = cli_file_size(c->of->model), after = cli_file_size(c->of->output);
    if (c->of->json) {
        json_t *result = json_pack("{s:s, s:{s:I, s:I}}", "tables", c->of->type, "bytes", "float",
                                   (json_int_t)before, c->of->type, (json_int_t)after);
        if (result && c->data) {
            json_object_set_new(result, "rows", json_integer(mmoe_dataset_rows(c->data)));
            json_object_set_new(result, "tasks", tasks_json(c));
        }
        return cli_print_json(stdout, cli_with_warnings(result), true);
    }
    printf("%" PRId64 " bytes, the float model's file has %" PRId64 "\n", after, before);
    if (c->data) print_table(c);
    return CLI_OK;
}

/* ---- What is done ---- */

static int evaluate(const comparison *c, const mmoe_model *model, mmoe_task_metrics *metrics) {
    const mmoe_evaluate_options options = {.threads = c->of->threads, .watcher = &cli_watcher};
    mmoe_error err;
    const mmoe_status status =
        mmoe_evaluate_by(model, c->data, &options, NULL, metrics, NULL, &err);
    cli_progress_clear();
    return status ? cli_fail("%s", err.message) : CLI_OK;
}

static int compare(comparison *c) {
    const mmoe_schema *schema = mmoe_model_schema(c->model);
    const cli_reading how = {.threads = c->of->threads, .skip_bad = c->of->skip_bad};
    mmoe_error err;
    if (cli_read_rows(schema, &c->of->data, &how, &c->data, &err))
        return cli_fail("%s", err.message);
    cli_remark_columns(c->of->data.name, c->data);
    cli_warn_of_labels(c->of->data.name, c->model, c->data);
    c->n_task = mmoe_model_task_count(c->model);
    c->metrics = calloc(2 * (size_t)c->n_task, sizeof *c->metrics);
    if (!c->metrics) return cli_fail_memory();
    const int status = evaluate(c, c->model, c->metrics);
    return status ? status : evaluate(c, c->narrow, c->metrics + c->n_task);
}

int cli_export_tables(const cli_table_export *e) {
    const mmoe_model_load_options mapped = {.map_tables = 1, .late_pages = 1};
    comparison c = {.of = e};
    mmoe_error err;
    int status = CLI_OK;
    if (mmoe_model_load_with(e->model, &mapped, NULL, &c.model, &err) ||
        mmoe_model_with_tables(c.model, e->type, NULL, &c.narrow, &err))
        status = cli_fail("%s", err.message);
    if (!status && e->data.count) status = compare(&c);
    if (!status) status = cli_write_model(c.narrow, e->output, mmoe_model_save);
    if (!status && !e->data.count)
        cli_note("nothing was compared: --data gives rows to evaluate both models on");
    if (!status) status = say(&c);
    free(c.metrics);
    mmoe_dataset_free(c.data);
    mmoe_model_free(c.narrow);
    mmoe_model_free(c.model);
    return status;
}
