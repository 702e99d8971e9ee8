#include "warnings.h"
#include "run_report.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/error.h"
#include "base/utf8.h"
#include "files.h"
#include "folders.h"
#include "inspect_report.h"
#include "output.h"
#include "progress.h"
#include "task_types.h"

static json_t *rows_json(const run_files *files) {
    json_t *rows = json_pack("{s:I}", "train", (json_int_t)files->train_rows);
    if (files->valid_rows >= 0) json_object_set_new(rows, "valid", json_integer(files->valid_rows));
    if (files->test_rows >= 0) json_object_set_new(rows, "test", json_integer(files->test_rows));
    return rows;
}

/* A run that was killed may have left half a line behind. What is written on alone is not looked
 * at.
 */
static void end_last_line(FILE *log) {
    if ((fcntl(fileno(log), F_GETFL) & O_ACCMODE) == O_WRONLY) return;
    if (fseek(log, -1, SEEK_END) == 0 && fgetc(log) != '\n') fputc('\n', log);
    fseek(log, 0, SEEK_END);
}

static int note_watched(run_report *report) {
    json_t *config = cli_config_json(mmoe_model_config(report->model));
    const char *metric =
        json_string_value(json_object_get(json_object_get(config, "trainer"), "earlystop_metric"));
    snprintf(report->watched, sizeof report->watched, "%s", metric ? metric : "");
    json_decref(config);
    return config ? CLI_OK : cli_fail_memory();
}

int cli_report_open(run_report *report, const char *log_path, bool is_resumed,
                    const run_files *files) {
    if (note_watched(report)) return CLI_FAILED;
    if (!log_path) return CLI_OK;
    report->log_path = log_path;
    report->log = cli_stream_open(log_path, is_resumed ? "a+" : "w");
    if (!report->log) return cli_fail_system("--log: cannot write %s", log_path);
    if (is_resumed) end_last_line(report->log);
    json_t *line =
        json_pack("{s:s, s:i, s:o, s:o, s:o, s:i, s:I, s:b, s:o}", "version", mmoe_version(),
                  "format", CLI_LOG_FORMAT, "train", cli_json_text(files->train), "model",
                  cli_json_text(files->model), "rows", rows_json(files), "threads", files->threads,
                  "parameters", (json_int_t)mmoe_model_parameter_count(report->model), "resumed",
                  (int)is_resumed, "config", cli_config_json(mmoe_model_config(report->model)));
    if (files->valid) json_object_set_new(line, "valid", cli_json_text(files->valid));
    if (files->test) json_object_set_new(line, "test", cli_json_text(files->test));
    int status = cli_print_json(report->log, line, false);
    fflush(report->log);
    return status;
}

int cli_report_close(run_report *report) {
    if (!report->log) return CLI_OK;
    bool failed = ferror(report->log);
    errno = 0;
    failed |= fclose(report->log) != 0;
    report->log = NULL;
    return failed ? cli_fail_system("cannot write %s", report->log_path) : CLI_OK;
}

void cli_report_result(run_report *report, json_t *result, json_t *profile) {
    json_t *line = result && report->log ? json_pack("{s:O}", "result", result) : NULL;
    if (line && profile) json_object_set(line, "profile", profile);
    if (line) cli_print_json(report->log, line, false);
}

/* The gates, in the first line with their experts' names, and a warning for each that has
 * collapsed. */
static void log_gates(run_report *report, json_t *line, const mmoe_epoch_report *epoch) {
    json_t *gates = json_array(), *warnings = json_array();
    for (int32_t i = 0; i < epoch->n_gate; i++) {
        json_array_append_new(gates, cli_gate_json(&epoch->gates[i], !report->gates_named));
        char *warning = epoch->gates[i].collapsed ? cli_gate_warning(&epoch->gates[i]) : NULL;
        if (warning) json_array_append_new(warnings, json_string(warning));
        free(warning);
    }
    json_object_set_new(line, "gates", gates);
    json_object_set_new(line, "warnings", warnings);
    report->gates_named = true;
}
/* On standard error, when there are more than in the epoch before. */
static void warn_of_gates(run_report *report, const mmoe_epoch_report *epoch) {
    int32_t collapsed = 0;
    for (int32_t i = 0; i < epoch->n_gate; i++) collapsed += epoch->gates[i].collapsed;
    if (collapsed > report->collapsed) cli_warn_of_gates(epoch->gates, epoch->n_gate, epoch->epoch);
    report->collapsed = collapsed;
}

/* A rate is a float: its seven digits. */
static json_t *rate_json(double rate) {
    char text[32];
    snprintf(text, sizeof text, "%.7g", rate);
    return json_real(strtod(text, NULL));
}

static json_t *progressive_json(const run_report *report, const mmoe_epoch_report *epoch) {
    json_t *tasks = json_object();
    for (int32_t t = 0; t < epoch->n_task; t++) {
        const mmoe_progressive *p = &epoch->progressive[t];
        json_t *task =
            json_pack("{s:o, s:I}", "loss", cli_json_number(p->loss), "rows", (json_int_t)p->rows);
        if (task && !isnan(p->auc)) {
            json_object_set_new(task, "auc", cli_json_number(p->auc));
            json_object_set_new(task, "auc_bound", cli_json_number(p->auc_bound));
        }
        json_object_set_new(tasks, mmoe_model_task_name(report->model, t), task);
    }
    return tasks;
}

static void log_epoch(run_report *report, const mmoe_epoch_report *epoch) {
    json_t *losses = json_object(), *factors = json_object(),
           *valid = epoch->valid ? json_object() : json_null();
    for (int32_t t = 0; t < epoch->n_task; t++) {
        const char *name = mmoe_model_task_name(report->model, t);
        json_object_set_new(losses, name, cli_json_number(epoch->task_loss[t]));
        json_object_set_new(factors, name, cli_json_number(epoch->task_factors[t]));
        if (epoch->valid) json_object_set_new(valid, name, cli_metrics_json(&epoch->valid[t]));
    }
    json_t *line = json_pack("{s:i, s:o, s:o, s:o, s:o, s:o, s:o, s:b, s:o, s:o, s:o}", "epoch",
                             (int)epoch->epoch, "lr", rate_json(epoch->lr), "loss",
                             cli_json_number(epoch->loss), "losses", losses, "factors", factors,
                             "valid", valid, "score", cli_json_number(epoch->score), "best",
                             epoch->is_best != 0, "seconds", cli_json_number(epoch->seconds),
                             "train_seconds", cli_json_number(epoch->train_seconds),
                             "rows_per_second", cli_json_number(epoch->rows_per_second));
    if (line && epoch->n_member > 1)
        json_object_set_new(line, "member", json_integer(epoch->member));
    if (line && epoch->progressive)
        json_object_set_new(line, "progressive", progressive_json(report, epoch));
    if (line && epoch->n_gate) log_gates(report, line, epoch);
    cli_print_json(report->log, line, false);
    errno = 0;
    fflush(report->log);
}

/* What is written on goes nowhere then; that it could not be written is the error in the end. */
static void warn_of_log(const run_report *report) {
    struct stat about;
    char reason[MMOE_REASON_SIZE];
    if (ferror(report->log) && errno)
        cli_warn("--log: cannot write %s: %s", report->log_path, mmoe_reason(errno, reason));
    if (stat(report->log_path, &about) && errno == ENOENT)
        cli_warn("--log: %s was removed meanwhile: what is written there is lost",
                 report->log_path);
}

/* ---- Lines of one terminal row ---- */

enum { ROW = 100, NAME = 20, MOST_TASKS = 256 };

typedef struct task_figure {
    const char *what; /* "auc" */
    double value;
    const char *also; /* one more, "gauc"; NULL: none */
    double also_value;
    double progressive; /* AUC; NaN: none */
} task_figure;

/* Four parts of less than a row's width each. */
typedef struct row_text {
    char text[4 * ROW];
    size_t length;
} row_text;

__attribute__((format(printf, 2, 3))) static void add(row_text *row, const char *format, ...) {
    va_list args;
    va_start(args, format);
    vsnprintf(row->text + row->length, sizeof row->text - row->length, format, args);
    va_end(args);
    row->length += strlen(row->text + row->length);
}

static size_t print_task(char entry[ROW], const char *name, const task_figure *of) {
    char text[CLI_FIGURE_SIZE];
    const size_t length = strlen(name);
    snprintf(entry, ROW, "  %.*s%s %s %s", (int)mmoe_utf8_cut(name, length, NAME), name,
             length > NAME ? "..." : "", of->what, cli_figure_text(of->value, text));
    const size_t used = strlen(entry);
    if (of->also)
        snprintf(entry + used, ROW - used, " %s %s", of->also,
                 cli_figure_text(of->also_value, text));
    const size_t all = strlen(entry);
    if (!isnan(of->progressive))
        snprintf(entry + all, ROW - all, " progressive auc %s",
                 cli_figure_text(of->progressive, text));
    return strlen(entry);
}

/* The row's end: the first task, as many more as leave it one row, and how many others there are;
 * `last` is its last word. */
static void add_tasks(row_text *row, const run_report *report, int32_t n_task,
                      const task_figure *figures, const char *last) {
    char entry[ROW], more[ROW] = "";
    int32_t fitting = 0;
    size_t width = row->length + strlen(last);
    for (int32_t t = 0; t < n_task; t++) {
        width += print_task(entry, mmoe_model_task_name(report->model, t), &figures[t]);
        const int others = n_task - t - 1;
        const size_t rest = others ? (size_t)snprintf(more, ROW, "  and %d more", others) : 0;
        if (t == 0 || width + rest <= ROW) fitting = t + 1;
    }
    for (int32_t t = 0; t < fitting; t++) {
        print_task(entry, mmoe_model_task_name(report->model, t), &figures[t]);
        add(row, "%s", entry);
    }
    if (fitting < n_task) add(row, "  and %d more", (int)(n_task - fitting));
    add(row, "%s", last);
}

/* The usual one; and what early stopping watches by name, or where there are groups, theirs. */
static task_figure valid_figure(const run_report *report, const mmoe_task_metrics *m) {
    const int place = cli_usual_figure((int)m->type);
    task_figure out = {.what = mmoe_metric_at((int)m->type, (size_t)place)->name,
                       .value = m->values[place],
                       .progressive = NAN};
    cli_figure figure;
    for (size_t i = 0; cli_figure_at((int)m->type, i, &figure); i++) {
        const bool is_watched = strcmp(figure.name, report->watched) == 0;
        if ((int)i == place || !(is_watched || (figure.of_groups && m->group))) continue;
        out.also = figure.name;
        out.also_value = cli_figure_value(m, i);
        if (is_watched) break;
    }
    return out;
}

static task_figure loss_figure(double loss) {
    return (task_figure){.what = "loss", .value = loss, .progressive = NAN};
}

static void add_member(row_text *row, int32_t member, int32_t members) {
    if (members > 1) add(row, "member %" PRId32 "/%" PRId32 "  ", member, members);
}

static void print_epoch(run_report *report, const mmoe_epoch_report *epoch) {
    task_figure figures[MOST_TASKS];
    char rate[CLI_COUNT_SIZE], loss[CLI_FIGURE_SIZE];
    row_text row = {.length = 0};
    for (int32_t t = 0; t < epoch->n_task && t < MOST_TASKS; t++) {
        figures[t] = epoch->valid ? valid_figure(report, &epoch->valid[t])
                                  : loss_figure(epoch->task_loss[t]);
        if (epoch->progressive) figures[t].progressive = epoch->progressive[t].auc;
    }
    add_member(&row, epoch->member, epoch->n_member);
    add(&row, "epoch %" PRId32 "/%" PRId32 "  %.2f s", epoch->epoch, epoch->n_epoch,
        epoch->seconds);
    if (!epoch->epoch) {
        add(&row, "  a linear model");
    } else {
        add(&row, "  %s rows/s", cli_count_text(epoch->rows_per_second, rate));
        if (epoch->lr != report->lr) add(&row, "  lr %.4g", epoch->lr);
        add(&row, "  loss %s", cli_figure_text(epoch->loss, loss));
        report->lr = epoch->lr;
    }
    add_tasks(&row, report, epoch->n_task, figures, epoch->valid && epoch->is_best ? "  best" : "");
    cli_progress_hold();
    fprintf(stderr, "%s\n", row.text);
    cli_progress_release();
}

int cli_report_epoch(void *user, const mmoe_epoch_report *epoch) {
    run_report *report = user;
    cli_folders_mend(); /* before a checkpoint is written */
    if (epoch->member == 1) report->epochs = epoch->epoch;
    if (epoch->is_best && epoch->member == 1) {
        report->has_best = true;
        report->best_epoch = epoch->epoch;
    }
    report->seconds += epoch->seconds;
    report->train_seconds += epoch->train_seconds;
    report->train_rows += epoch->rows;
    print_epoch(report, epoch);
    warn_of_gates(report, epoch);
    if (report->log) {
        log_epoch(report, epoch);
        warn_of_log(report);
    }
    return *report->stopped;
}

void cli_report_warning(void *user, const mmoe_warning *warning) {
    run_report *report = user;
    cli_warn_of_training(NULL, warning);
    if (!warning->key || strcmp(warning->key, "trainer.shrink") != 0) return;
    if (!report->shrunk) report->shrunk = json_object();
    json_object_set_new(report->shrunk, warning->subject, json_true());
}

bool cli_report_shrank(const run_report *report, const char *task) {
    return json_object_get(report->shrunk, task) != NULL;
}

int cli_report_progress(void *user, const mmoe_progress *p) {
    const run_report *report = user;
    cli_folders_mend_often();
    if (p->rows_done <= 0 || p->seconds <= 0) return *report->stopped;
    const double rate = (double)p->rows_done / p->seconds,
                 epochs = p->n_epoch - p->epoch + (double)p->n_epoch * (p->n_member - p->member),
                 rows = (double)(p->rows - p->rows_done) + (double)p->rows * epochs;
    task_figure figures[MOST_TASKS];
    char text[CLI_COUNT_SIZE], last[ROW];
    row_text row = {.length = 0};
    for (int32_t t = 0; t < p->n_task && t < MOST_TASKS; t++)
        figures[t] = loss_figure(p->task_loss[t]);
    add_member(&row, p->member, p->n_member);
    add(&row, "epoch %" PRId32 "/%" PRId32 " %3.0f %%  %s rows/s", p->epoch, p->n_epoch,
        100.0 * (double)p->rows_done / (double)p->rows, cli_count_text(rate, text));
    snprintf(last, sizeof last, "  at most %s left", cli_time_text(rows / rate, text));
    add_tasks(&row, report, p->n_task, figures, last);
    cli_progress_line("training", row.text);
    return *report->stopped;
}
