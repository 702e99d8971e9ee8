#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#include "output.h"
#include "report_scores.h"
#include "report_sections.h"
#include "report_svg.h"
#include "task_types.h"

enum { CHUNK_ROWS = 8192 };

/* Scores [rows, tasks]; NULL, the error written, when they cannot be had. */
static float *predict_rows(const mmoe_model *model, const mmoe_dataset *data, mmoe_error *err) {
    const size_t rows = (size_t)mmoe_dataset_rows(data),
                 tasks = (size_t)mmoe_model_task_count(model);
    float *scores = calloc(rows ? rows : 1, tasks * sizeof *scores);
    mmoe_predictor *predictor = NULL;
    mmoe_batch batch;
    if (!scores) {
        snprintf(err->message, sizeof err->message, "out of memory");
        return NULL;
    }
    mmoe_status status = mmoe_predictor_create(model, NULL, &predictor, err);
    for (size_t first = 0; first < rows && !status; first += CHUNK_ROWS) {
        status =
            mmoe_dataset_batch(data, (int64_t)first,
                               rows - first < CHUNK_ROWS ? rows - first : CHUNK_ROWS, &batch, err);
        if (!status) status = mmoe_predictor_run(predictor, &batch, scores + first * tasks, err);
    }
    mmoe_predictor_free(predictor);
    if (!status) return scores;
    free(scores);
    return NULL;
}

/* The rows that have the task's label, by score. */
static size_t take_scores(const mmoe_model *model, const mmoe_dataset *data, const float *scores,
                          int32_t task, report_score *out) {
    const int32_t n_task = mmoe_model_task_count(model);
    size_t count = 0;
    for (int64_t r = 0; r < mmoe_dataset_rows(data); r++) {
        const float label = mmoe_model_label(model, data, r, task),
                    score = scores[(size_t)r * (size_t)n_task + (size_t)task];
        if (isnan(label) || isnan(score)) continue;
        out[count++] = (report_score){score, label, mmoe_dataset_weight(data, r)};
    }
    cli_scores_sort(out, count);
    return count;
}

static void name_score_figure(char *title, size_t size, const char *what, const char *name) {
    snprintf(title, size, "%s of %.*s", what, cli_html_fit(name, REPORT_NAME), name);
}

static void draw_roc(FILE *out, const char *name, const report_score *scores, size_t count,
                     double auc) {
    double x[REPORT_ROC_POINTS], y[REPORT_ROC_POINTS], area;
    char title[320];
    const size_t points = cli_scores_roc(scores, count, x, y, &area);
    if (!points) return;
    const report_series series = {.x = x, .y = y, .count = (int)points};
    snprintf(title, sizeof title, "ROC of %.*s: AUC %.5f", cli_html_fit(name, REPORT_NAME), name,
             isfinite(auc) ? auc : area);
    const report_plot plot = {.title = title,
                              .sentence =
                                  "The share of the positives that is above a threshold, over the "
                                  "share of the negatives that is; the diagonal is chance.",
                              .x_label = "share of the negatives",
                              .y_label = "share of the positives",
                              .series = &series,
                              .n_series = 1,
                              .square = true,
                              .unit = true,
                              .mark = NAN,
                              .level = NAN};
    cli_svg_plot(out, &plot);
}

/* A curve's points, a bin each; unless labels are classes the quartiles too. */
static void draw_bins(FILE *out, const mmoe_task_metrics *m, const report_bin *bins, size_t count) {
    const bool is_class = cli_has_classes((int)m->type);
    double score[REPORT_BINS], label[REPORT_BINS], low[REPORT_BINS], high[REPORT_BINS];
    char title[320], sentence[256] = "Tenths of the rows by their prediction: the labels over the "
                                     "mean prediction; on the diagonal they agree.";
    for (size_t i = 0; i < count; i++) {
        score[i] = bins[i].score;
        label[i] = bins[i].label;
        low[i] = bins[i].low_quarter;
        high[i] = bins[i].high_quarter;
    }
    const report_series series[] = {
        {.label = "mean", .x = score, .y = label, .count = (int)count},
        {.label = "lower quartile", .x = score, .y = low, .count = (int)count, .style = 1},
        {.label = "upper quartile", .x = score, .y = high, .count = (int)count, .style = 2}};
    if (is_class)
        snprintf(sentence, sizeof sentence,
                 "Tenths of the rows by their prediction: the share of positives over the mean "
                 "prediction; on the diagonal they agree. ECE, their mean "
                 "distance: %.5f.",
                 m->ece);
    name_score_figure(title, sizeof title, is_class ? "Calibration" : "Predictions", m->name);
    const report_plot plot = {.title = title,
                              .sentence = sentence,
                              .x_label = "mean prediction",
                              .y_label = is_class ? "share of positives" : "label",
                              .series = series,
                              .n_series = is_class ? 1 : 3,
                              .square = true,
                              .from_zero = is_class,
                              .dots = true,
                              .mark = NAN,
                              .level = NAN};
    cli_svg_plot(out, &plot);
}

static void write_bins(FILE *out, const char *name, bool is_class, const report_bin *bins,
                       size_t count) {
    char title[320];
    const char *const columns[] = {"up to", "rows", "mean prediction",
                                   is_class ? "share of positives" : "mean label"};
    name_score_figure(title, sizeof title, "Bins", name);
    cli_html_table(out, title, "The points of the curve: tenths of the rows by their prediction.",
                   columns, 4, 0);
    for (size_t i = 0; i < count; i++) {
        const double values[] = {bins[i].highest, (double)bins[i].rows, bins[i].score,
                                 bins[i].label};
        fputs("<tr>", out);
        for (int k = 0; k < 4; k++) {
            fputs("<td class=\"n\">", out);
            if (k == 1)
                cli_html_count(out, values[k]);
            else
                cli_html_metric(out, values[k]);
            fputs("</td>", out);
        }
        fputs("</tr>\n", out);
    }
    cli_html_table_end(out);
}

static void draw_task_scores(FILE *out, const mmoe_task_metrics *m, const report_score *scores,
                             size_t count) {
    report_bin bins[REPORT_BINS];
    const bool is_class = cli_has_classes((int)m->type);
    const size_t n_bin = cli_scores_bins(scores, count, bins);
    if (is_class) draw_roc(out, m->name, scores, count, m->auc);
    if (!n_bin) return;
    draw_bins(out, m, bins, n_bin);
    write_bins(out, m->name, is_class, bins, n_bin);
}

static void write_metrics(FILE *out, const report_model *of, const mmoe_task_metrics *metrics,
                          int32_t n_task) {
    uint32_t types = 0;
    for (int32_t t = 0; t < n_task; t++)
        types |= 1u << metrics[t].type | (metrics[t].group ? REPORT_WITH_GROUPS : 0);
    cli_report_metrics_head(out, "Metrics of the model on these rows",
                            "Rows without a task's label are left out of it.", types);
    for (int32_t t = 0; t < n_task && t < REPORT_TASKS; t++) {
        json_t *json = cli_metrics_json(&metrics[t]);
        cli_report_metrics_row(out, metrics[t].name, of->data->name, (double)metrics[t].rows, json,
                               types);
        json_decref(json);
    }
    cli_html_table_end(out);
}

/* What the figures say against the model. */
static void warn_of_metrics(report_page *page, const report_model *of,
                            const mmoe_task_metrics *metrics, int32_t n_task) {
    report_remarks to = {page->out, of->data->name};
    mmoe_error err;
    if (mmoe_metrics_check(metrics, n_task, "rows", cli_html_warn, &to, &err))
        cli_html_notice(page, "%s", err.message);
}

void cli_report_predictions(report_page *page, const mmoe_model *model, const mmoe_dataset *data,
                            const report_model *of) {
    const int32_t n_task = mmoe_model_task_count(model);
    const size_t rows = (size_t)mmoe_dataset_rows(data);
    mmoe_error err = {.message = "out of memory"};
    mmoe_task_metrics *metrics = calloc((size_t)n_task, sizeof *metrics);
    report_score *sorted = malloc((rows ? rows : 1) * sizeof *sorted);
    float *scores =
        metrics && sorted && !mmoe_evaluate(model, data, of->threads, NULL, metrics, &err)
            ? predict_rows(model, data, &err)
            : NULL;
    if (scores) {
        warn_of_metrics(page, of, metrics, n_task);
        write_metrics(page->out, of, metrics, n_task);
        fputs("<div class=\"grid\">\n", page->out);
        for (int32_t t = 0; t < n_task && t < REPORT_TASKS; t++)
            draw_task_scores(page->out, &metrics[t], sorted,
                             take_scores(model, data, scores, t, sorted));
        fputs("</div>\n", page->out);
        if (n_task > REPORT_TASKS)
            cli_html_remark(page->out, "the first %d of %" PRId32 " tasks are shown.", REPORT_TASKS,
                            n_task);
    } else
        cli_html_notice(page, "%s", err.message);
    free(scores);
    free(sorted);
    free(metrics);
}
