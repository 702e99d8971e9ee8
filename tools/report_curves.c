#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "output.h"
#include "report_sections.h"
#include "report_svg.h"
#include "task_types.h"

enum { MAX_COLUMNS = 24, TABLE_CELLS = 4000 };

/* The epochs and room for the curves over them. */
typedef struct curves {
    const report_log *log;
    int count;      /* epochs */
    double *epochs; /* [count] */
    double *room;   /* [REPORT_STYLES, count] */
    double *starts;
    report_plot plot; /* what all have: the epochs, marks */
    char mark_label[48];
} curves;

static const json_t *line_at(const curves *c, int epoch) {
    return json_array_get(c->log->epochs, (size_t)epoch);
}

static bool begin_curves(curves *c, const report_log *log) {
    const size_t count = json_array_size(log->epochs), n_start = json_array_size(log->starts);
    *c = (curves){.log = log, .count = (int)count};
    c->epochs = calloc(count, sizeof *c->epochs);
    c->room = calloc(count * REPORT_STYLES, sizeof *c->room);
    c->starts = calloc(n_start + 1, sizeof *c->starts);
    if (!c->epochs || !c->room || !c->starts) return false;
    for (size_t i = 0; i < count; i++) c->epochs[i] = (double)cli_log_epoch_at(log, i);
    for (size_t i = 0; i < n_start; i++)
        c->starts[i] = (double)json_integer_value(json_array_get(log->starts, i)) + 0.5;
    const int64_t best = cli_log_best(log);
    snprintf(c->mark_label, sizeof c->mark_label, "best: %lld", (long long)best);
    c->plot = (report_plot){.x_label = "epoch",
                            .whole_x = true,
                            .mark = best >= 0 ? (double)best : (double)NAN,
                            .mark_label = c->mark_label,
                            .level = NAN,
                            .starts = c->starts,
                            .n_start = (int)n_start};
    return true;
}

static void end_curves(curves *c) {
    free(c->epochs);
    free(c->room);
    free(c->starts);
}

/* Keys that lead to a number of an epoch. */
typedef struct path {
    const char *first, *second, *third; /* NULL ends it */
} path;

/* Curve `index` from the numbers at `at` of each epoch. False: there is none. */
static bool take_series(curves *c, report_series *series, int index, const char *label, path at) {
    double *values = c->room + (size_t)index * (size_t)c->count;
    bool any = false;
    for (int i = 0; i < c->count; i++) {
        values[i] = cli_json_at(line_at(c, i), at.first, at.second, at.third, NULL);
        any |= isfinite(values[i]);
    }
    series[index] = (report_series){
        .label = label, .x = c->epochs, .y = values, .count = c->count, .style = index};
    return any;
}

typedef struct captions {
    const char *title, *sentence, *y_label;
    double level; /* NaN: none */
    const char *level_label;
} captions;

static void draw_plot(FILE *out, const curves *c, captions texts, const report_series *series,
                      int count) {
    report_plot plot = c->plot;
    plot.title = texts.title;
    plot.sentence = texts.sentence;
    plot.y_label = texts.y_label;
    plot.level = texts.level;
    plot.level_label = texts.level_label;
    plot.series = series;
    plot.n_series = count;
    cli_svg_plot(out, &plot);
}

/* ---- Tasks ---- */

/* "Loss of ctr", a long name cut. */
static void name_curve(char *title, size_t size, const char *what, const char *name) {
    size_t most = size - strlen(what) - 5;
    if (strlen(name) < most)
        snprintf(title, size, "%s of %s", what, name);
    else
        snprintf(title, size, "%s of %.*s...", what, cli_html_fit(name, most - 5), name);
}

/* The constant's figure in the task's last epoch, with its words; NaN where the metric is not the
 * one that it is compared with, or the log is of an older version. */
static double level_of(const curves *c, const char *task, const mmoe_metric *metric,
                       char label[64]) {
    const mmoe_baseline *baseline = mmoe_baseline_of(cli_log_task_type(c->log, task));
    char figure[CLI_FIGURE_SIZE];
    if (!metric || strcmp(metric->name, baseline->metric) != 0) return NAN;
    const double level = cli_json_at(line_at(c, c->count - 1), "valid", task, baseline->name, NULL);
    snprintf(label, 64, "no model: %s", cli_figure_text(level, figure));
    return level;
}

/* Are the labels of training what they are in the validation rows' figures? */
static bool is_transformed(const curves *c, const char *task) {
    size_t i;
    json_t *entry;
    json_array_foreach(json_object_get(json_object_get(c->log->head, "config"), "tasks"), i,
                       entry) {
        const char *name = cli_json_text_at(entry, "name"),
                   *transform = cli_json_text_at(entry, "label_transform");
        if (name && strcmp(name, task) == 0) return transform && strcmp(transform, "none") != 0;
    }
    return false;
}

/* What training minimises, and the same of the validation rows, unless its labels are others. */
static void draw_loss(FILE *out, curves *c, const char *task, const mmoe_metric *metric) {
    char title[128], sentence[240] = "The loss that training minimises, mean over the epoch's rows",
                     level[64];
    report_series series[2];
    int count = take_series(c, series, 0, "training", (path){"losses", task, NULL});
    if (!count) return;
    const size_t used = strlen(sentence);
    const bool apart = is_transformed(c, task);
    if (apart)
        snprintf(sentence + used, sizeof sentence - used,
                 ", of the labels as they are transformed");
    else if (metric &&
             take_series(c, series, 1, "validation", (path){"valid", task, metric->name})) {
        snprintf(sentence + used, sizeof sentence - used, ", and the %s on validation rows",
                 metric->what);
        count++;
    }
    strcat(sentence, ".");
    name_curve(title, sizeof title, "Loss", task);
    const double at = count > 1 ? level_of(c, task, metric, level) : (double)NAN;
    draw_plot(out, c, (captions){title, sentence, "loss", at, level}, series, count);
}

static void draw_metric(FILE *out, curves *c, const char *task, const mmoe_metric *metric) {
    char title[128], sentence[200], label[64], level[64];
    report_series series[1];
    if (!metric || !take_series(c, series, 0, NULL, (path){"valid", task, metric->name})) return;
    snprintf(sentence, sizeof sentence, "%c%s on validation rows; %s is better.",
             toupper((unsigned char)*metric->what), metric->what + 1,
             metric->better > 0 ? "higher" : "lower");
    snprintf(label, sizeof label, "validation %s", metric->title);
    name_curve(title, sizeof title, metric->title, task);
    const double at = level_of(c, task, metric, level);
    draw_plot(out, c, (captions){title, sentence, label, at, level}, series, 1);
}

/* Beside the loss: the usual metric, unless that is the loss itself. */
static const mmoe_metric *second_metric(int type) {
    const mmoe_metric *usual = mmoe_metric_at(type, (size_t)cli_usual_figure(type));
    return usual == cli_loss_metric(type) ? cli_other_metric(type) : usual;
}

static void draw_group_metrics(FILE *out, curves *c, const char *task, int type) {
    const mmoe_metric *metric;
    for (size_t i = 0; (metric = mmoe_metric_at(type, i)); i++)
        if (metric->of_groups) draw_metric(out, c, task, metric);
}

static void draw_task_curves(FILE *out, curves *c, const char *task) {
    const int type = cli_log_task_type(c->log, task);
    char title[128];
    report_series series[1];
    draw_loss(out, c, task, cli_loss_metric(type));
    draw_metric(out, c, task, second_metric(type));
    draw_group_metrics(out, c, task, type);
    name_curve(title, sizeof title, "Calibration", task);
    if (take_series(c, series, 0, NULL, (path){"valid", task, "calibration"}))
        draw_plot(out, c,
                  (captions){title,
                             "Sum of the predictions over the sum of the labels, on validation "
                             "rows; 1 is right.",
                             "calibration", NAN, NULL},
                  series, 1);
}

/* ---- The trainer ---- */

static bool varies(const double *values, int count) {
    for (int i = 1; i < count; i++)
        if (isfinite(values[0]) && isfinite(values[i]) && values[i] != values[0]) return true;
    return false;
}

static void draw_rate(FILE *out, curves *c) {
    report_series series[1];
    if (take_series(c, series, 0, NULL, (path){"lr", NULL, NULL}) && varies(series->y, c->count))
        draw_plot(
            out, c,
            (captions){"Learning rate", "Of each epoch's last step.", "learning rate", NAN, NULL},
            series, 1);
}

static void draw_factors(FILE *out, curves *c) {
    report_series series[REPORT_STYLES];
    const int tasks = cli_log_task_count(c->log),
              count = tasks < REPORT_STYLES ? tasks : REPORT_STYLES;
    bool any = false;
    for (int t = 0; t < count; t++) {
        const char *task = cli_log_task(c->log, t);
        if (take_series(c, series, t, task, (path){"factors", task, NULL}))
            any |= series[t].y[0] != 1 || varies(series[t].y, c->count);
    }
    char sentence[200];
    snprintf(sentence, sizeof sentence,
             "What the balancing method gave the losses in each epoch's last step, 1 each being "
             "the plain mean%s.",
             tasks > count ? "; of the first tasks" : "");
    if (any)
        draw_plot(out, c, (captions){"Factors of the tasks", sentence, "factor", NAN, NULL}, series,
                  count);
}

/* ---- Gates ---- */

const char *cli_report_short_name(const char *name) {
    static const char prefix[] = "cgc_layers.";
    if (strncmp(name, prefix, sizeof prefix - 1) != 0) return name;
    const char *point = strchr(name + sizeof prefix - 1, '.');
    return point ? point + 1 : name;
}

static const json_t *gate_at(const curves *c, int epoch, int gate) {
    return json_array_get(json_object_get(line_at(c, epoch), "gates"), (size_t)gate);
}

static int gate_count(const curves *c) {
    return (int)json_array_size(json_object_get(line_at(c, 0), "gates"));
}

/* "ctr", "all tasks", "ctr, level 2" */
static void name_gate(const curves *c, int gate, char *name, size_t size) {
    const json_t *use = gate_at(c, 0, gate);
    const char *task = cli_json_text_at(use, "task") ? cli_json_text_at(use, "task") : "all tasks";
    const double level = cli_json_at(use, "level", NULL),
                 last = cli_json_at(gate_at(c, 0, gate_count(c) - 1), "level", NULL);
    if (last > 1 && level >= 1 && level < 1e6)
        snprintf(name, size, "%.*s, level %.0f", cli_html_fit(task, REPORT_NAME), task, level);
    else
        snprintf(name, size, "%.*s", cli_html_fit(task, REPORT_NAME), task);
}

static void draw_entropies(FILE *out, curves *c) {
    report_series series[REPORT_STYLES];
    char names[REPORT_STYLES][96];
    const int gates = gate_count(c), count = gates < REPORT_STYLES ? gates : REPORT_STYLES;
    bool any = false;
    for (int g = 0; g < count; g++) {
        double *values = c->room + (size_t)g * (size_t)c->count;
        for (int i = 0; i < c->count; i++) {
            values[i] = cli_json_at(gate_at(c, i, g), "normalised_entropy", NULL);
            any |= isfinite(values[i]);
        }
        name_gate(c, g, names[g], sizeof names[g]);
        series[g] = (report_series){
            .label = names[g], .x = c->epochs, .y = values, .count = c->count, .style = g};
    }
    char sentence[200];
    snprintf(sentence, sizeof sentence,
             "1: a gate weighs all its experts alike in each row, 0: it takes one%s.",
             gates > count ? "; of the first gates" : "");
    if (any)
        draw_plot(out, c,
                  (captions){"Entropy of the gates", sentence, "entropy / ln(experts)", NAN, NULL},
                  series, count);
}

/* The experts' names stand in the first line; without them numbers. */
static void name_experts(const curves *c, int gate, int count, const char **names,
                         char (*numbers)[24]) {
    const json_t *experts = NULL;
    for (int i = 0; i < c->count && !experts; i++)
        experts = json_object_get(gate_at(c, i, gate), "experts");
    for (int e = 0; e < count; e++) {
        const char *name = json_string_value(json_array_get(experts, (size_t)e));
        snprintf(numbers[e], sizeof numbers[e], "expert %d", e);
        names[e] = name ? cli_report_short_name(name) : numbers[e];
    }
}

static void draw_gate_weights(FILE *out, const curves *c, int gate) {
    const size_t n_expert = json_array_size(json_object_get(gate_at(c, 0, gate), "mean_weights"));
    const int rows = (int)(n_expert < REPORT_EXPERTS ? n_expert : REPORT_EXPERTS),
              columns = c->count < MAX_COLUMNS ? c->count : MAX_COLUMNS;
    double values[REPORT_EXPERTS * MAX_COLUMNS], highest = 0;
    const char *names[REPORT_EXPERTS], *epochs[MAX_COLUMNS];
    char numbers[REPORT_EXPERTS][24], labels[MAX_COLUMNS][24], gate_name[96], title[128];
    if (rows < 2) return;
    for (int k = 0; k < columns; k++) {
        const int i = columns == c->count ? k : (int)((int64_t)k * (c->count - 1) / (columns - 1));
        const json_t *weights = json_object_get(gate_at(c, i, gate), "mean_weights");
        for (int e = 0; e < rows; e++) {
            values[e * columns + k] = cli_json_at(json_array_get(weights, (size_t)e), NULL);
            highest = fmax(highest, values[e * columns + k]);
        }
        snprintf(labels[k], sizeof labels[k], "%.0f", c->epochs[i]);
        epochs[k] = labels[k];
    }
    name_experts(c, gate, rows, names, numbers);
    name_gate(c, gate, gate_name, sizeof gate_name);
    name_curve(title, sizeof title, "Gate", gate_name);
    const report_heat heat = {
        .title = title,
        .sentence = n_expert > REPORT_EXPERTS
                        ? "Mean weight of each expert, epoch by epoch; the first experts alone."
                        : "Mean weight of each expert, epoch by epoch.",
        .values = values,
        .rows = rows,
        .columns = columns,
        .highest = highest > 0 ? highest : 1,
        .row_names = names,
        .column_names = epochs,
        .column_label = "epochs above; weight:"};
    cli_svg_heat(out, &heat);
}

static void write_gate_warnings(FILE *out, const curves *c) {
    const json_t *warnings = json_object_get(line_at(c, c->count - 1), "warnings");
    size_t i;
    json_t *warning;
    json_array_foreach(warnings, i, warning) {
        if (json_is_string(warning) && i < REPORT_GATES)
            cli_html_remark(out, "last epoch: %s", json_string_value(warning));
    }
}

static void write_gates(FILE *out, curves *c) {
    const int count = gate_count(c);
    if (!count) return;
    fputs("<div class=\"grid loose\">\n", out);
    draw_entropies(out, c);
    for (int g = 0; g < count && g < REPORT_GATES; g++) draw_gate_weights(out, c, g);
    fputs("</div>\n", out);
    if (count > REPORT_GATES)
        cli_html_remark(out, "the first %d of %d gates are shown.", REPORT_GATES, count);
    write_gate_warnings(out, c);
}

/* ---- Table ---- */

static const mmoe_metric *usual_metric(const curves *c, const char *task) {
    const int type = cli_log_task_type(c->log, task);
    return mmoe_metric_at(type, (size_t)cli_usual_figure(type));
}

static void write_epoch(FILE *out, const curves *c, int i, int tasks) {
    const json_t *line = line_at(c, i);
    fprintf(out, "<tr%s><th scope=\"row\" class=\"n\">%.0f</th>",
            c->epochs[i] == c->plot.mark ? " class=\"best\"" : "", c->epochs[i]);
    for (int t = 0; t < tasks; t++) {
        const char *task = cli_log_task(c->log, t);
        fputs("<td class=\"n\">", out);
        cli_html_metric(out, cli_json_at(line, "losses", task, NULL));
        fputs("</td><td class=\"n\">", out);
        cli_html_metric(out, cli_json_at(line, "valid", task, usual_metric(c, task)->name, NULL));
        fputs("</td>", out);
    }
    fputs("<td class=\"n\">", out);
    cli_html_number(out, 4, cli_json_at(line, "lr", NULL));
    fputs("</td><td class=\"n\">", out);
    cli_html_fixed(out, 2, cli_json_at(line, "seconds", NULL));
    fputs("</td><td class=\"n\">", out);
    cli_html_count(out, cli_json_at(line, "rows_per_second", NULL));
    fputs("</td></tr>\n", out);
}

static void write_gate_table(FILE *out, const curves *c) {
    const int all = cli_log_task_count(c->log), tasks = all < REPORT_TASKS ? all : REPORT_TASKS,
              every = 1 + c->count * (2 * tasks + 4) / TABLE_CELLS;
    char names[2 * REPORT_TASKS][96];
    const char *columns[2 * REPORT_TASKS + 4] = {"epoch"};
    int count = 1;
    for (int t = 0; t < tasks; t++) {
        const char *task = cli_log_task(c->log, t);
        snprintf(names[2 * t], sizeof names[2 * t], "%.*s loss", cli_html_fit(task, REPORT_NAME),
                 task);
        snprintf(names[2 * t + 1], sizeof names[2 * t + 1], "%.*s valid %s",
                 cli_html_fit(task, REPORT_NAME), task, usual_metric(c, task)->title);
        columns[count++] = names[2 * t];
        columns[count++] = names[2 * t + 1];
    }
    columns[count++] = "learning rate";
    columns[count++] = "seconds";
    columns[count++] = "rows/s";
    fputs("<details><summary>The epochs in numbers</summary>\n", out);
    cli_html_table(out, "Epochs",
                   every > 1 ? "Some of them; the best in bold." : "The best in bold.", columns,
                   count, 0);
    for (int i = 0; i < c->count; i++)
        if (i % every == 0 || i == c->count - 1 || c->epochs[i] == c->plot.mark)
            write_epoch(out, c, i, tasks);
    cli_html_table_end(out);
    fputs("</details>\n", out);
}

void cli_report_curves(report_page *page, const report_log *log) {
    FILE *out = page->out;
    curves c;
    cli_html_section(
        out, "curves", "Learning curves",
        json_array_size(log->starts)
            ? "The run epoch by epoch. The line marks the best epoch, whose weights were kept; "
              "dotted lines mark where the run was resumed."
            : "The run epoch by epoch. The line marks the best epoch, whose weights were kept.");
    if (!json_array_size(log->epochs))
        fputs("<p>The log has no finished epoch.</p>\n", out);
    else if (!begin_curves(&c, log)) {
        cli_html_notice(page, "out of memory");
        end_curves(&c);
    } else {
        const int tasks = cli_log_task_count(log);
        fputs("<div class=\"grid\">\n", out);
        for (int t = 0; t < tasks && t < REPORT_TASKS; t++)
            draw_task_curves(out, &c, cli_log_task(log, t));
        draw_rate(out, &c);
        draw_factors(out, &c);
        fputs("</div>\n", out);
        if (tasks > REPORT_TASKS)
            cli_html_remark(out, "the first %d of %d tasks are shown.", REPORT_TASKS, tasks);
        write_gates(out, &c);
        write_gate_table(out, &c);
        end_curves(&c);
    }
    fputs("</section>\n", out);
}
