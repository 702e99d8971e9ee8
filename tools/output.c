#include "output.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
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
    const mmoe_metric *metric;
    json_t *object = json_object();
    for (size_t i = 0; (metric = mmoe_metric_at((int)metrics->type, i)); i++)
        json_object_set_new(object, metric->name, cli_json_number(metrics->values[i]));
    if (metrics->why) json_object_set_new(object, "why", json_string(metrics->why));
    return object;
}

json_t *cli_report_json(int64_t rows, const mmoe_task_metrics *metrics, int32_t n_task) {
    json_t *tasks = json_array();
    for (int32_t t = 0; t < n_task; t++) {
        json_t *task = json_pack("{s:s, s:s}", "name", metrics[t].name, "type",
                                 mmoe_task_type_name((int)metrics[t].type));
        json_t *figures = cli_metrics_json(&metrics[t]);
        if (task && figures) json_object_update(task, figures);
        json_decref(figures);
        if (task) json_object_set_new(task, "rows", json_integer(metrics[t].rows));
        json_array_append_new(tasks, task);
    }
    return json_pack("{s:I, s:o}", "rows", (json_int_t)rows, "tasks", tasks);
}

static bool is_of_any(const mmoe_metric *metric, const mmoe_task_metrics *metrics, int32_t n_task) {
    for (int32_t t = 0; t < n_task; t++)
        if (cli_metric_place((int)metrics[t].type, metric->name) >= 0) return true;
    return false;
}

static void print_figure(const mmoe_metric *metric, const mmoe_task_metrics *of) {
    const int place = cli_metric_place((int)of->type, metric->name);
    if (place >= 0 && isfinite(of->values[place]))
        printf("  %11.6g", of->values[place]);
    else
        printf("  %11s", place >= 0 ? "undefined" : "-");
}

void cli_print_metrics(const mmoe_task_metrics *metrics, int32_t n_task) {
    const mmoe_metric *metric;
    int width = 4;
    for (int32_t t = 0; t < n_task; t++)
        if ((int)strlen(metrics[t].name) > width) width = (int)strlen(metrics[t].name);
    printf("%-*s  %-14s  %10s", width, "task", "type", "rows");
    for (size_t i = 0; (metric = mmoe_metric_at(-1, i)); i++)
        if (is_of_any(metric, metrics, n_task)) printf("  %11s", metric->name);
    putchar('\n');
    for (int32_t t = 0; t < n_task; t++) {
        const mmoe_task_metrics *of = &metrics[t];
        printf("%-*s  %-14s  %10" PRId64, width, of->name, mmoe_task_type_name((int)of->type),
               of->rows);
        for (size_t i = 0; (metric = mmoe_metric_at(-1, i)); i++)
            if (is_of_any(metric, metrics, n_task)) print_figure(metric, of);
        printf("%s%s\n", of->why ? "  " : "", of->why ? of->why : "");
    }
}
