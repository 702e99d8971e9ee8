/* mmoe report */
#include <stdlib.h>
#include <string.h>

#include "columns.h"
#include "files.h"
#include "inspect_report.h"
#include "output.h"
#include "report_sections.h"
#include "rows.h"
#include "warnings.h"

typedef struct report_flags {
    const char *log, *model, *output;
    cli_rows data;
    int64_t threads, skip_bad;
} report_flags;

/* ---- The model ---- */

/* The page stands on the log; a model of another run is shown all the same. */
static void compare_configs(report_page *page, const report_log *log, const mmoe_model *model,
                            const char *path) {
    json_t *config = cli_config_json(mmoe_model_config(model)),
           *logged = json_object_get(log->head, "config");
    if (config && logged && !json_equal(config, logged))
        cli_html_remark(
            page->out,
            "%s has another configuration than the run of the log: it may be another run's model.",
            path);
    json_decref(config);
}

/* Labels are needed for the curves alone, and groups for their metric: where there are none, that
 * is said, and the gates and experts are still shown. */
static mmoe_dataset *read_report_data(report_page *page, const report_model *of,
                                      const mmoe_model *model) {
    const mmoe_schema *schema = mmoe_model_schema(model);
    char *groups = cli_groups_of(mmoe_model_config(model));
    const char *const keep[] = {groups, NULL};
    cli_reading how = {.threads = of->threads, .skip_bad = of->skip_bad, .keep = keep};
    mmoe_dataset *data = NULL;
    mmoe_error err;
    const mmoe_status status = cli_read_rows(schema, of->data, &how, &data, &err);
    free(groups);
    how.keep = NULL;
    if (!status) {
        if (mmoe_dataset_keep_groups(data, mmoe_model_config(model), schema, *of->data->paths,
                                     &err))
            cli_html_notice(page, "%s", err.message);
        return data;
    }
    cli_html_notice(page, "%s", err.message);
    if (cli_rows_stream(of->data)) return NULL; /* it is read once */
    for (how.labels = MMOE_LABELS_REQUIRED; how.labels <= MMOE_LABELS_IGNORED; how.labels++)
        if (!cli_read_rows(schema, of->data, &how, &data, NULL)) break;
    if (mmoe_dataset_rows(data) > 0) return data;
    mmoe_dataset_free(data);
    return NULL;
}

static void write_source(FILE *out, const report_model *of, const mmoe_dataset *data) {
    fputs("<p class=\"dim\">Of the model ", out);
    cli_html_cut(out, of->model_path, REPORT_VALUE);
    fputs(" on the ", out);
    cli_html_count(out, (double)mmoe_dataset_rows(data));
    fputs(" rows of ", out);
    cli_html_cut(out, of->data->name, REPORT_VALUE);
    fputs(".</p>\n", out);
}

/* What is suspicious of the rows: in the page, and on standard error. */
static void write_remarks(report_page *page, const report_model *of, const mmoe_model *model,
                          const mmoe_dataset *data) {
    report_remarks to = {page->out, of->data->name};
    const mmoe_warning *warning;
    mmoe_error err;
    for (size_t i = 0; (warning = mmoe_dataset_warning(data, i)); i++) cli_html_warn(&to, warning);
    cli_remark_columns(of->data->name, data);
    if (mmoe_model_check_labels(model, data, cli_html_warn, &to, &err))
        cli_html_notice(page, "%s", err.message);
}

void cli_report_model(report_page *page, const report_log *log, const report_model *of) {
    mmoe_model *model = NULL;
    mmoe_inspection *inspection = NULL;
    mmoe_dataset *data = NULL;
    mmoe_error err;
    cli_html_section(page->out, "predictions", "Predictions", NULL);
    if (mmoe_model_load(of->model_path, NULL, &model, &err))
        cli_html_notice(page, "%s", err.message);
    else {
        compare_configs(page, log, model, of->model_path);
        data = read_report_data(page, of, model);
    }
    if (data) {
        write_source(page->out, of, data);
        write_remarks(page, of, model, data);
        cli_report_lists(page, model, data);
        cli_report_predictions(page, model, data, of);
        fputs("</section>\n", page->out);
        cli_html_section(page->out, "experts", "Gates and experts", NULL);
        if (mmoe_inspect(model, data, of->threads, NULL, &inspection, &err))
            cli_html_notice(page, "%s", err.message);
        else
            cli_report_experts(page, inspection);
        if (inspection) cli_warn_of_gates(inspection->gates, inspection->n_gate, 0);
    }
    fputs("</section>\n", page->out);
    mmoe_inspection_free(inspection);
    mmoe_dataset_free(data);
    mmoe_model_free(model);
}

/* ---- The page ---- */

static void write_page(report_page *page, const report_log *log, const report_flags *f) {
    const char *name =
        cli_json_text_at(json_object_get(json_object_get(log->head, "config"), "model"), "name");
    const char *base = strrchr(f->log, '/') ? strrchr(f->log, '/') + 1 : f->log;
    char title[160];
    snprintf(title, sizeof title, "%.*s: %s", cli_html_fit(base, 80), base, name ? name : "mmoe");
    cli_html_begin(page->out, title);
    cli_report_head(page, log);
    cli_report_result_of(page, log);
    cli_report_curves(page, log);
    const report_model of = {f->model, &f->data, (int)f->threads, f->skip_bad};
    if (f->model) cli_report_model(page, log, &of);
    cli_report_nodes(page, log);
    fprintf(page->out, "</main>\n<footer>Written by mmoe report, version %s.</footer>\n",
            mmoe_version());
    cli_html_end(page->out);
}

static int report(const report_flags *f) {
    report_log log;
    cli_file file = {0};
    report_page page = {0};
    int status = cli_log_read(&log, f->log);
    if (!status) status = cli_file_open(&file, f->output);
    if (!status) {
        page.out = file.stream;
        write_page(&page, &log, f);
        status = cli_file_keep(&file);
    }
    cli_file_drop(&file);
    cli_log_free(&log);
    if (status) return status;
    return page.incomplete ? CLI_FAILED : CLI_OK;
}

static int check(const report_flags *f) {
    if (!f->model != !f->data.count) return cli_usage("--model and --data belong together");
    for (size_t i = 0; i < f->data.count; i++)
        if (cli_check_input("--", "data", f->data.paths[i])) return CLI_USAGE;
    const cli_path paths[] = {{"--log", f->log, false},
                              {"--model", f->model, false},
                              {"--data", .rows = &f->data},
                              {"--output", f->output, true}};
    return cli_check_paths(paths, sizeof paths / sizeof *paths);
}

int cli_report(int argc, char **argv) {
    report_flags f = {.threads = cli_processors()};
    const cli_option options[] = {
        {"log", "FILE", CLI_INPUT, &f.log, true, 0, 0, "what mmoe train --log wrote"},
        {"model", "FILE", CLI_INPUT, &f.model, false, 0, 0,
         "the run's model, for its predictions, gates and experts"},
        {"data", "FILE", CLI_ROWS, &f.data, false, 0, 0,
         "rows with labels (CSV, or a packed folder) for --model"},
        CLI_SKIP_BAD(&f.skip_bad),
        {"output", "FILE", CLI_TEXT, &f.output, true, 0, 0,
         "the page to write (HTML), whole or not at all; -: standard output"},
        CLI_THREADS(&f.threads),
        {NULL, NULL, CLI_FLAG, NULL, false, 0, 0, NULL}};
    const cli_command command = {
        "report",
        "--log run.jsonl [--model M.safetensors --data T.csv] --output report.html [FLAGS]",
        "Writes one HTML page, without scripts or network: the run's keys, metrics and learning "
        "curves, the use of the\ngates over the epochs, and, if it was trained with --profile, its "
        "slowest nodes. With --model and --data also\neach task's ROC and calibration curves, the "
        "gates' weights, and the experts' similarity, effective rank and\ndead units.\nIf "
        "something cannot be shown, because the log is cut off or the data lack a column, the page "
        "and standard\nerror say so; the rest is written, and the exit status is 1.",
        options,
        NULL,
        NULL,
        NULL};
    int status;
    const bool is_parsed = cli_parse(&command, argc, argv, &status);
    if (is_parsed) status = check(&f);
    if (is_parsed && !status) status = report(&f);
    cli_rows_free(&f.data);
    return status;
}
