#include "output.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "plain.h"
#include "task_types.h"

json_t *cli_config_json(const mmoe_config *config) {
    char *text = NULL;
    if (mmoe_config_text(config, &text, NULL)) return NULL;
    json_t *value = json_loads(text, 0, NULL);
    mmoe_config_text_free(config, text);
    return value;
}

/* A file's own words and names need not be UTF-8, but JSON's must. */
static void mend_text(char *text) {
    size_t length = strlen(text), size;
    for (size_t at = 0; at < length; at += size) {
        size = mmoe_utf8_next(text + at, length - at, NULL);
        if (size) continue;
        text[at] = '?';
        size = 1;
    }
}

json_t *cli_json_text(const char *text) {
    char *mended = strdup(text);
    if (!mended) return NULL;
    mend_text(mended);
    json_t *json = json_string(mended);
    free(mended);
    return json;
}

/* All of a file, up to a byte more than `most`; NULL with errno. */
static char *read_text(const char *path, size_t most, size_t *length) {
    FILE *file = fopen(path, "rbe");
    if (!file) return NULL;
    char *text = NULL;
    size_t room = 0, got = 1;
    for (*length = 0; got && *length <= most; *length += got) {
        char *grown = *length < room ? text : realloc(text, room = 2 * room + 4096);
        if (!grown) break;
        text = grown;
        got = fread(text + *length, 1, room - *length, file);
    }
    const int reason = ferror(file) || (got && *length <= most) ? errno : 0;
    fclose(file);
    if (!reason) return text;
    free(text);
    errno = reason;
    return NULL;
}

json_t *cli_read_json(const char *path) {
    static const char mark[] = "\xef\xbb\xbf"; /* that some editors set before UTF-8 */
    enum { MOST = 1 << 24 };
    json_error_t error;
    size_t length = 0;
    char *text = read_text(path, MOST, &length);
    json_t *json = NULL;
    const size_t from = text && length >= 3 && memcmp(text, mark, 3) == 0 ? 3 : 0;
    if (!text)
        cli_fail_system("cannot read %s", path);
    else if (length > MOST)
        cli_fail("%s has more than %d bytes", path, MOST);
    else if (!(json = json_loadb(text + from, length - from, JSON_REJECT_DUPLICATES, &error)))
        cli_fail("%s: line %d, column %d: %s", path, error.line, error.column, error.text);
    free(text);
    return json;
}

json_t *cli_json_number(double value) { return isfinite(value) ? json_real(value) : json_null(); }

enum { JSON_WIDTH = 100, JSON_STEP = 2 };
static const size_t json_flags = JSON_REAL_PRECISION(12) | JSON_ENCODE_ANY;

/* On one line where it fits, else an entry a line. False when memory is out. */
static bool write_indented(FILE *stream, json_t *value, int indent) {
    char *text = json_dumps(value, json_flags);
    if (!text) return false;
    bool fits = strlen(text) + (size_t)indent <= JSON_WIDTH ||
                !(json_is_object(value) || json_is_array(value));
    if (fits) fputs(text, stream);
    free(text);
    if (fits) return true;
    bool is_object = json_is_object(value), done = true;
    const char *comma = "";
    fputc(is_object ? '{' : '[', stream);
    void *entry = is_object ? json_object_iter(value) : NULL;
    for (size_t i = 0; done && (is_object ? entry != NULL : i < json_array_size(value)); i++) {
        fprintf(stream, "%s\n%*s", comma, indent + JSON_STEP, "");
        comma = ",";
        if (is_object) {
            json_t *key = json_string(json_object_iter_key(entry));
            done = key && write_indented(stream, key, 0);
            json_decref(key);
            fputs(": ", stream);
        }
        done = done &&
               write_indented(stream,
                              is_object ? json_object_iter_value(entry) : json_array_get(value, i),
                              indent + JSON_STEP);
        if (is_object) entry = json_object_iter_next(value, entry);
    }
    fprintf(stream, "\n%*s%c", indent, "", is_object ? '}' : ']');
    return done;
}

int cli_print_json(FILE *stream, json_t *value, bool indent) {
    if (!value) return cli_fail_memory();
    bool done = indent ? write_indented(stream, value, 0)
                       : json_dumpf(value, stream, json_flags | JSON_COMPACT) == 0;
    json_decref(value);
    /* A failed write shows at the stream when it is closed. */
    if (!done && !ferror(stream)) return cli_fail_memory();
    fputc('\n', stream);
    return CLI_OK;
}

json_t *cli_metrics_json(const mmoe_task_metrics *metrics) {
    cli_figure figure;
    json_t *object = json_object();
    for (size_t i = 0; cli_figure_at((int)metrics->type, i, &figure); i++)
        if (cli_figure_is_of(metrics, &figure))
            json_object_set_new(object, figure.name, cli_json_number(cli_figure_value(metrics, i)));
    if (metrics->why) json_object_set_new(object, "why", json_string(metrics->why));
    return object;
}

static json_t *groups_json(const mmoe_task_metrics *m) {
    return json_pack("{s:o, s:I, s:I, s:I, s:I, s:I}", "column", cli_json_text(m->group), "count",
                     (json_int_t)m->groups, "one_class", (json_int_t)m->one_class_groups,
                     "one_class_rows", (json_int_t)m->one_class_group_rows, "single",
                     (json_int_t)m->single_groups, "rows_without", (json_int_t)m->no_group_rows);
}

static json_t *task_json(const mmoe_task_metrics *m) {
    json_t *figures = cli_metrics_json(m), *task = json_pack("{s:s, s:s}", "name", m->name, "type",
                                                             mmoe_task_type_name((int)m->type));
    if (task && figures) json_object_update(task, figures);
    json_decref(figures);
    if (!task) return NULL;
    json_object_set_new(task, "constant", cli_json_number(m->constant));
    json_object_set_new(task, "constant_is_of_training", json_boolean(!m->constant_is_of_rows));
    json_object_set_new(task, "rows", json_integer(m->rows));
    if (m->group) json_object_set_new(task, "groups", groups_json(m));
    if (m->auc_bound > 0) json_object_set_new(task, "auc_bound", cli_json_number(m->auc_bound));
    return task;
}

json_t *cli_report_json(int64_t rows, const mmoe_task_metrics *metrics, int32_t n_task) {
    json_t *tasks = json_array();
    for (int32_t t = 0; t < n_task; t++) json_array_append_new(tasks, task_json(&metrics[t]));
    return json_pack("{s:I, s:o}", "rows", (json_int_t)rows, "tasks", tasks);
}

/* ---- Tables ---- */

static bool is_blank(char c) { return c == ' ' || c == '\t'; }

void cli_write_field(FILE *stream, const char *text) {
    const size_t length = strlen(text);
    const bool has_edge = length && (is_blank(*text) || is_blank(text[length - 1]));
    if (!strpbrk(text, ",\"\r\n") && !has_edge) {
        fputs(text, stream);
        return;
    }
    fputc('"', stream);
    for (; *text; text++) fprintf(stream, *text == '"' ? "\"%c" : "%c", *text);
    fputc('"', stream);
}

const char *cli_figure_text(double value, char text[CLI_FIGURE_SIZE]) {
    const double size = fabs(value);
    if (!isfinite(value))
        snprintf(text, CLI_FIGURE_SIZE, "undefined");
    else if (size != 0 && (size < 1e-3 || size >= 1e7))
        snprintf(text, CLI_FIGURE_SIZE, "%.4e", value);
    else
        snprintf(text, CLI_FIGURE_SIZE, "%.*f", size < 1 ? 5 : (int)fmax(0, 4 - floor(log10(size))),
                 value);
    return text;
}

static int widest(int width, const char *text) {
    return (int)strlen(text) > width ? (int)strlen(text) : width;
}

/* The widths of a type's figures over its tasks; 0: none can have it. */
static void measure_figures(int type, const mmoe_task_metrics *metrics, int32_t n_task,
                            int widths[CLI_MAX_FIGURES]) {
    cli_figure figure;
    char cell[CLI_FIGURE_SIZE];
    for (size_t i = 0; cli_figure_at(type, i, &figure); i++) {
        widths[i] = 0;
        for (int32_t t = 0; t < n_task; t++) {
            if ((int)metrics[t].type != type || !cli_figure_is_of(&metrics[t], &figure)) continue;
            widths[i] = widest(widths[i], figure.name);
            widths[i] = widest(widths[i], cli_figure_text(cli_figure_value(&metrics[t], i), cell));
        }
    }
}

static void print_figures(const mmoe_task_metrics *of, const int widths[CLI_MAX_FIGURES]) {
    cli_figure figure;
    char cell[CLI_FIGURE_SIZE];
    for (size_t i = 0; cli_figure_at((int)of->type, i, &figure); i++)
        if (widths[i]) printf("  %*s", widths[i], cli_figure_text(cli_figure_value(of, i), cell));
    printf("%s%s\n", of->why ? "  " : "", of->why ? of->why : "");
}

/* What stands before the figures of a line. */
static void print_start(const char *name, const char *type, int width) {
    printf("%-*s", width, name);
    if (type) printf("  %-14s", type);
}

/* Lines of a type, below the names of its figures. */
static void print_type(int type, const cli_lines *lines, int width) {
    const mmoe_task_metrics *metrics = lines->metrics;
    cli_figure figure;
    int widths[CLI_MAX_FIGURES];
    bool has_head = false;
    measure_figures(type, metrics, lines->count, widths);
    for (int32_t t = 0; t < lines->count; t++) {
        if ((int)metrics[t].type != type) continue;
        if (!has_head) {
            print_start(lines->head, lines->with_types ? "type" : NULL, width);
            printf("  %10s", "rows");
            for (size_t i = 0; cli_figure_at(type, i, &figure); i++)
                if (widths[i]) printf("  %*s", widths[i], figure.name);
            putchar('\n');
        }
        has_head = true;
        print_start(metrics[t].name, lines->with_types ? mmoe_task_type_name(type) : NULL, width);
        printf("  %10" PRId64, metrics[t].rows);
        print_figures(&metrics[t], widths);
    }
}

void cli_print_lines(const cli_lines *lines) {
    int width = widest(4, lines->head);
    for (int32_t t = 0; t < lines->count; t++) width = widest(width, lines->metrics[t].name);
    for (int type = 0; type < MMOE_TASK_TYPE_COUNT; type++) print_type(type, lines, width);
}

/* What the AUC within groups is of. */
static void print_groups(const mmoe_task_metrics *m) {
    const int64_t rows = m->rows - m->one_class_group_rows - m->no_group_rows;
    printf("gauc of %s: %" PRId64 " of %" PRId64 " rows, %" PRId64 " of %" PRId64
           " groups by \"%s\"; %" PRId64 " have one class only, %" PRId64 " of them one row\n",
           m->name, rows, m->rows, m->groups - m->one_class_groups, m->groups, cli_plain(m->group),
           m->one_class_groups, m->single_groups);
}

void cli_print_metrics(const mmoe_task_metrics *metrics, int32_t n_task) {
    cli_print_lines(&(cli_lines){"task", metrics, n_task, true});
    for (int32_t t = 0; t < n_task; t++)
        if (metrics[t].auc_bound > 0)
            printf("auc of %s is binned: it is within %.1e of the exact one\n", metrics[t].name,
                   metrics[t].auc_bound);
    for (int32_t t = 0; t < n_task; t++)
        if (metrics[t].group) print_groups(&metrics[t]);
}
