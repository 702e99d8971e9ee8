#include <ctype.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "report_sections.h"
#include "run_report.h"
#include "task_types.h"

/* ---- Facts ---- */

static void begin_fact(FILE *out, const char *name) { fprintf(out, "<div><dt>%s</dt><dd>", name); }
static void end_fact(FILE *out) { fputs("</dd></div>\n", out); }

static void write_text_fact(FILE *out, const char *name, const char *text) {
    if (!text) return;
    begin_fact(out, name);
    cli_html_cut(out, text, REPORT_VALUE);
    end_fact(out);
}

static void write_count_fact(FILE *out, const char *name, double value) {
    if (!isfinite(value)) return;
    begin_fact(out, name);
    cli_html_count(out, value);
    end_fact(out);
}

static void write_file_fact(FILE *out, const report_log *log, const char *name, const char *key) {
    const char *path = cli_json_text_at(log->head, key);
    const double rows = cli_json_at(log->head, "rows", key, NULL);
    if (!path && !isfinite(rows)) return;
    begin_fact(out, name);
    if (path) cli_html_cut(out, path, REPORT_VALUE);
    if (isfinite(rows)) {
        fputs(path ? "<br>" : "", out);
        cli_html_count(out, rows);
        fputs(" rows", out);
    }
    end_fact(out);
}

static void write_tasks(FILE *out, const report_log *log) {
    const int count = cli_log_task_count(log);
    begin_fact(out, "Tasks");
    for (int t = 0; t < count && t < REPORT_TASKS; t++) {
        fputs(t ? ", " : "", out);
        cli_html_name(out, cli_log_task(log, t));
        fprintf(out, " (%s)", mmoe_task_type_name(cli_log_task_type(log, cli_log_task(log, t))));
    }
    if (count > REPORT_TASKS) fprintf(out, " and %d more", count - REPORT_TASKS);
    end_fact(out);
}

static void write_epochs(FILE *out, const report_log *log) {
    const size_t count = json_array_size(log->epochs);
    const double planned = cli_json_at(log->head, "config", "trainer", "n_epoch", NULL);
    const int64_t best = cli_log_best(log);
    begin_fact(out, "Epochs");
    fprintf(out, "%" PRId64, count ? cli_log_epoch_at(log, count - 1) : 0);
    if (isfinite(planned)) {
        fputs(" of at most ", out);
        cli_html_count(out, planned);
    }
    if (!log->result)
        fputs("; the log has no closing line: the run was stopped, failed, or goes on", out);
    end_fact(out);
    if (cli_log_members(log) > 1) {
        begin_fact(out, "Members");
        fprintf(out, "%d, whose predictions are averaged; epochs and curves are the first's",
                cli_log_members(log));
        end_fact(out);
    }
    if (json_array_size(log->starts)) {
        begin_fact(out, "Resumed");
        for (size_t i = 0; i < json_array_size(log->starts); i++)
            fprintf(out, "%s%" JSON_INTEGER_FORMAT, i ? ", " : "after epoch ",
                    json_integer_value(json_array_get(log->starts, i)));
        end_fact(out);
    }
    for (size_t i = 0; i < count; i++) {
        const double score = cli_json_at(json_array_get(log->epochs, i), "score", NULL);
        const char *task = cli_json_text_at(
            json_object_get(json_object_get(log->head, "config"), "trainer"), "earlystop_task");
        if (cli_log_epoch_at(log, i) != best || !isfinite(score)) continue;
        begin_fact(out, "Best epoch");
        fprintf(out, "%" PRId64 ", score ", best);
        cli_html_metric(out, score);
        if (task) {
            fputs(" on ", out);
            cli_html_name(out, task);
        }
        end_fact(out);
    }
}

static void write_speed(FILE *out, const report_log *log) {
    double seconds = 0, train_seconds = 0, epochs = 0;
    for (size_t i = 0; i < json_array_size(log->epochs); i++) {
        seconds += cli_json_at(json_array_get(log->epochs, i), "seconds", NULL);
        train_seconds += cli_json_at(json_array_get(log->epochs, i), "train_seconds", NULL);
        epochs += cli_log_epoch_at(log, i) > 0;
    }
    const double rate = cli_json_at(log->head, "rows", "train", NULL) * epochs / train_seconds;
    if (!(seconds > 0)) return;
    begin_fact(out, "Time");
    cli_html_number(out, 4, seconds);
    fputs(" s", out);
    if (isfinite(rate)) {
        fputs("; ", out);
        cli_html_count(out, rate);
        fputs(" rows/s in training", out);
    }
    end_fact(out);
}

/* ---- Keys ---- */

static void write_key(FILE *out, const char *path, const json_t *value) {
    char *text = json_is_string(value)
                     ? strdup(json_string_value(value))
                     : json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT | JSON_REAL_PRECISION(6));
    fputs("<div><dt>", out);
    cli_html_cut(out, path, REPORT_NAME);
    fputs("</dt><dd>", out);
    if (text) cli_html_cut(out, text, REPORT_VALUE);
    fputs("</dd></div>\n", out);
    free(text);
}

/* An object's keys, one more level deep with a point between. */
static void write_keys(FILE *out, const char *title, json_t *object) {
    const char *key, *inner_key;
    json_t *value, *inner;
    if (!json_object_size(object)) return;
    fprintf(out, "<details><summary>%s</summary>\n<dl class=\"keys\">\n", title);
    json_object_foreach(object, key, value) {
        if (!json_object_size(value)) {
            write_key(out, key, value);
            continue;
        }
        json_object_foreach(value, inner_key, inner) {
            char path[2 * REPORT_NAME];
            snprintf(path, sizeof path, "%s.%s", key, inner_key);
            write_key(out, path, inner);
        }
    }
    fputs("</dl></details>\n", out);
}

/* ---- What is wrong with the log ---- */

static void write_faults(report_page *page, const report_log *log) {
    if (!log->head)
        cli_html_notice(page,
                        "%s: the line that describes the run is missing; its keys, data and number "
                        "of threads are not known",
                        log->path);
    if (log->head && log->format != CLI_LOG_FORMAT) {
        const char *version = cli_json_text_at(log->head, "version");
        cli_html_notice(
            page,
            "%s: the log is of format %" PRId64
            ", written by mmoe %s; mmoe %s reads format %d, and what it knows of the log is shown",
            log->path, log->format, version, mmoe_version(), CLI_LOG_FORMAT);
    }
    if (log->is_cut)
        cli_html_notice(page, "%s: line %" PRId64 ", the last, is cut off; it is left out",
                        log->path, log->lines);
    if (log->n_bad)
        cli_html_notice(page, "%s: line %" PRId64 " is no line of a log; it is left out%s",
                        log->path, log->bad_line,
                        log->n_bad > 1 ? ", and so are others behind it" : "");
    if (log->other_runs)
        cli_html_remark(page->out, "the log has %" PRId64 " runs; this is the last.",
                        log->other_runs + 1);
}

void cli_report_head(report_page *page, const report_log *log) {
    FILE *out = page->out;
    json_t *config = json_object_get(log->head, "config"),
           *model = json_object_get(config, "model");
    const char *name = cli_json_text_at(model, "name");
    fputs("<header>\n<h1>Training run", out);
    if (name) {
        fputs(": ", out);
        cli_html_name(out, name);
    }
    fputs("</h1>\n<p class=\"dim\">What one run of mmoe train learned, epoch by epoch, how good "
          "the model is, and where the time went; from the log ",
          out);
    cli_html_cut(out, log->path, REPORT_VALUE);
    fputs(".</p>\n</header>\n<main>\n", out);
    write_faults(page, log);
    fputs("<dl>\n", out);
    write_text_fact(out, "Model", name);
    write_count_fact(out, "Experts", cli_json_at(model, "n_expert", NULL));
    write_tasks(out, log);
    write_file_fact(out, log, "Training data", "train");
    write_file_fact(out, log, "Validation data", "valid");
    write_file_fact(out, log, "Test data", "test");
    write_epochs(out, log);
    write_count_fact(out, "Parameters", cli_json_at(log->head, "parameters", NULL));
    write_speed(out, log);
    write_count_fact(out, "Threads", cli_json_at(log->head, "threads", NULL));
    write_count_fact(out, "Seed", cli_json_at(config, "trainer", "seed", NULL));
    write_text_fact(out, "Model file", cli_json_text_at(log->head, "model"));
    write_text_fact(out, "Trained by mmoe", cli_json_text_at(log->head, "version"));
    fputs("</dl>\n", out);
    write_keys(out, "Keys of the model", model);
    write_keys(out, "Keys of the trainer", json_object_get(config, "trainer"));
}

/* ---- Metrics ---- */

enum { MOST_FIGURES = MMOE_TASK_TYPE_COUNT * CLI_MAX_FIGURES };

static bool is_listed(const cli_figure *list, int count, const char *name) {
    for (int i = 0; i < count; i++)
        if (strcmp(list[i].name, name) == 0) return true;
    return false;
}

/* The figures of some types, as cli_report_metrics_head has them, each once; their number. */
static int list_figures(uint32_t types, cli_figure list[MOST_FIGURES + 1]) {
    const bool has_groups = types & REPORT_WITH_GROUPS;
    int count = 0;
    for (int type = 0; type < MMOE_TASK_TYPE_COUNT; type++)
        for (size_t i = 0; types >> type & 1 && cli_figure_at(type, i, &list[count]); i++)
            count +=
                (has_groups || !list[count].of_groups) && !is_listed(list, count, list[count].name);
    return count;
}

/* Does it say that the model is worse than none? */
static bool is_worse(const cli_figure *figure, double value) {
    return figure->is_ratio &&
           (figure->better < 0 ? value > 1 + CLI_ROUNDING : value < -CLI_ROUNDING);
}

/* What the comparisons with no model mean. */
static void explain(char *text, size_t size, const char *sentence, uint32_t types) {
    size_t used = (size_t)snprintf(text, size, "%s", sentence);
    for (int type = 0; type < MMOE_TASK_TYPE_COUNT; type++) {
        const mmoe_baseline *baseline = mmoe_baseline_of(type);
        if (types >> type & 1 && used < size)
            used += (size_t)snprintf(text + used, size - used, " %c%s: %s.",
                                     toupper((unsigned char)*baseline->ratio_title),
                                     baseline->ratio_title + 1, baseline->ratio_meaning);
    }
}

void cli_report_metrics_head(FILE *out, const char *title, const char *sentence, uint32_t types) {
    const char *columns[MOST_FIGURES + 3] = {"task", "rows of"};
    cli_figure list[MOST_FIGURES + 1];
    const int count = list_figures(types, list);
    for (int i = 0; i < count; i++) columns[2 + i] = list[i].title;
    columns[2 + count] = "rows";
    char text[1024];
    explain(text, sizeof text, sentence, types);
    cli_html_table(out, title, text, columns, 3 + count, 2);
}

void cli_report_metrics_row(FILE *out, const char *task, const char *where, double rows,
                            const json_t *metrics, uint32_t types) {
    const char *why = cli_json_text_at(metrics, "why");
    cli_figure list[MOST_FIGURES + 1];
    const int count = list_figures(types, list);
    fputs("<tr><th scope=\"row\">", out);
    cli_html_name(out, task);
    fputs("</th><td>", out);
    cli_html_cut(out, where, REPORT_VALUE);
    if (why) {
        fputs("<br><span class=\"dim\">", out);
        cli_html_cut(out, why, REPORT_VALUE);
        fputs("</span>", out);
    }
    for (int i = 0; i < count; i++) {
        const double value = cli_json_at(metrics, list[i].name, NULL);
        fprintf(out, "</td><td class=\"n%s\">", is_worse(&list[i], value) ? " worse" : "");
        cli_html_metric(out, value);
    }
    fputs("</td><td class=\"n\">", out);
    cli_html_count(out, rows);
    fputs("</td></tr>\n", out);
}

static const json_t *result_of(const json_t *result, const char *task) {
    size_t i;
    json_t *entry;
    json_array_foreach(json_object_get(result, "tasks"), i, entry) {
        const char *name = cli_json_text_at(entry, "name");
        if (name && strcmp(name, task) == 0) return entry;
    }
    return NULL;
}

static const json_t *epoch_line(const report_log *log, int64_t epoch) {
    for (size_t i = 0; i < json_array_size(log->epochs); i++)
        if (cli_log_epoch_at(log, i) == epoch) return json_array_get(log->epochs, i);
    return NULL;
}

enum { MOST_WARNINGS = 20 };

/* What the run warned of. */
static void write_warnings(FILE *out, const report_log *log) {
    const json_t *warnings = json_object_get(log->result, "warnings");
    const size_t count = json_array_size(warnings);
    for (size_t i = 0; i < count && i < MOST_WARNINGS; i++) {
        const char *text = json_string_value(json_array_get(warnings, i));
        if (text) cli_html_remark(out, "%s", text);
    }
    if (count > MOST_WARNINGS)
        cli_html_remark(out, "the first %d of %zu warnings of the run are shown.", MOST_WARNINGS,
                        count);
}

void cli_report_result_of(report_page *page, const report_log *log) {
    FILE *out = page->out;
    const int count = cli_log_task_count(log);
    const json_t *valid = json_object_get(epoch_line(log, cli_log_best(log)), "valid");
    const char *data = cli_json_text_at(log->result, "data");
    uint32_t types = 0;
    for (int t = 0; t < count; t++) types |= 1u << cli_log_task_type(log, cli_log_task(log, t));
    if (cli_json_text_at(json_object_get(json_object_get(log->head, "config"), "data"), "group"))
        types |= REPORT_WITH_GROUPS;
    cli_html_section(out, "result", "Result", NULL);
    write_warnings(out, log);
    if (!json_object_size(valid) && !data) {
        fputs("<p>The log has no metrics of validation or test rows.</p>\n</section>\n", out);
        return;
    }
    cli_report_metrics_head(out, "Metrics of the weights that were kept",
                            "AUC: 1 is a perfect order, 0.5 none. Calibration: the sum of the "
                            "predictions over the sum of the labels, 1 is right.",
                            types);
    for (int t = 0; t < count && t < REPORT_TASKS; t++) {
        const char *task = cli_log_task(log, t);
        const json_t *last = result_of(log->result, task), *best = json_object_get(valid, task);
        const double rows = cli_json_at(log->head, "rows", "valid", NULL),
                     last_rows = cli_json_at(last, "rows", NULL);
        const bool is_valid = last && best && data && strcmp(data, "valid") == 0;
        char where[64];
        if (cli_log_members(log) > 1)
            snprintf(where, sizeof where, "validation%s", is_valid ? "" : ", the first member");
        else
            snprintf(where, sizeof where, "validation, epoch %" PRId64, cli_log_best(log));
        /* With trainer.shrink the weights that are kept are not quite the epoch's. */
        if (best) cli_report_metrics_row(out, task, where, rows, is_valid ? last : best, types);
        if (last && !is_valid)
            cli_report_metrics_row(out, task, data ? data : "?", last_rows, last, types);
    }
    cli_html_table_end(out);
    if (count > REPORT_TASKS)
        cli_html_remark(out, "the first %d of %d tasks are shown.", REPORT_TASKS, count);
    fputs("</section>\n", out);
}

/* ---- Nodes ---- */

enum { SLOWEST = 15 };

static int compare_seconds(const void *a, const void *b) {
    const json_t *x = *(json_t *const *)a, *y = *(json_t *const *)b;
    const double s = cli_json_at(x, "seconds", NULL), t = cli_json_at(y, "seconds", NULL);
    return (s < t) - (s > t);
}

static void write_node(FILE *out, const json_t *node, double total, double worker_peak) {
    const double seconds = cli_json_at(node, "seconds", NULL),
                 flops = cli_json_at(node, "flops", NULL), calls = cli_json_at(node, "calls", NULL);
    const char *name = cli_json_text_at(node, "node"), *pass = cli_json_text_at(node, "pass");
    const double rate = flops > 0 && seconds > 0 ? flops / seconds : (double)NAN;
    fputs("<tr><th scope=\"row\">", out);
    cli_html_name(out, name ? name : "?");
    fputs("</th><td>", out);
    cli_html_name(out, pass ? pass : "?");
    fprintf(out,
            "</td><td class=\"n bar\" style=\"background:linear-gradient(to "
            "right,rgb(var(--heat)/.3) %.1f%%,transparent 0)\">",
            fmin(fmax(100 * seconds / total, 0), 100));
    cli_html_fixed(out, 1, 100 * seconds / total);
    fputs(" %</td><td class=\"n\">", out);
    cli_html_fixed(out, 3, seconds);
    fputs("</td><td class=\"n\">", out);
    cli_html_count(out, calls);
    fputs("</td><td class=\"n\">", out);
    cli_html_fixed(out, 1, rate / 1e9);
    fputs("</td><td class=\"n\">", out);
    cli_html_fixed(out, 1, 100 * rate / worker_peak);
    fputs("</td></tr>\n", out);
}

void cli_report_nodes(report_page *page, const report_log *log) {
    FILE *out = page->out;
    json_t *nodes = json_object_get(log->profile, "nodes");
    const size_t count = json_array_size(nodes);
    cli_html_section(out, "nodes", "Slowest nodes", NULL);
    const json_t **order = count ? calloc(count, sizeof *order) : NULL;
    if (!order) {
        fputs("<p>The log has no profile of the run's nodes: <code>mmoe train --log</code> writes "
              "it when <code>--profile</code> is given.</p>\n</section>\n",
              out);
        return;
    }
    double total = 0;
    for (size_t i = 0; i < count; i++) {
        order[i] = json_array_get(nodes, i);
        const double seconds = cli_json_at(order[i], "seconds", NULL);
        total += seconds > 0 ? seconds : 0;
    }
    qsort(order, count, sizeof *order, compare_seconds);
    const double threads = cli_json_at(log->profile, "threads", NULL),
                 peak = cli_json_at(log->profile, "gemm_peak", NULL);
    const char *blas = cli_json_text_at(log->profile, "blas"),
               *core = cli_json_text_at(log->profile, "core_type");
    const char *const columns[] = {"node",  "pass",    "share",    "seconds",
                                   "calls", "GFLOP/s", "% of peak"};
    char sentence[256];
    snprintf(sentence, sizeof sentence,
             "The %d slowest of %zu parts of a step; seconds are summed over workers, rates are "
             "one worker's, the peak is of matrix products.",
             (int)(count < SLOWEST ? count : SLOWEST), count);
    cli_html_table(out, "Where the time of training went", sentence, columns, 7, 2);
    for (size_t i = 0; i < count && i < SLOWEST; i++)
        write_node(out, order[i], total, peak / threads);
    cli_html_table_end(out);
    fputs("<p class=\"dim\">", out);
    if (isfinite(peak)) {
        fputs("Peak of all workers: ", out);
        cli_html_fixed(out, 1, peak / 1e9);
        fputs(" GFLOP/s. ", out);
    }
    if (blas) cli_html_cut(out, blas, REPORT_VALUE);
    if (core) {
        fputs(", core type ", out);
        cli_html_cut(out, core, REPORT_VALUE);
    }
    fputs("</p>\n</section>\n", out);
    free(order);
}
