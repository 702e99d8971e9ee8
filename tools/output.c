#include "output.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

json_t *cli_config_json(const mmoe_config *config) {
    char *text = NULL;
    if (mmoe_config_text(config, &text, NULL)) return NULL;
    json_t *value = json_loads(text, 0, NULL);
    mmoe_config_text_free(config, text);
    return value;
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

const char *cli_task_type_name(int type) {
    return type == MMOE_CLASSIFICATION ? "classification" : "regression";
}

typedef struct figure {
    const char *name;
    double value;
    bool applies;
} figure;

enum { N_FIGURE = 6 };

static void list_figures(const mmoe_task_metrics *m, figure out[N_FIGURE]) {
    bool c = m->type == MMOE_CLASSIFICATION;
    const figure figures[N_FIGURE] = {{"auc", m->auc, c},  {"logloss", m->logloss, c},
                                      {"mse", m->mse, !c}, {"rmse", m->rmse, !c},
                                      {"mae", m->mae, !c}, {"calibration", m->calibration, true}};
    memcpy(out, figures, sizeof figures);
}

json_t *cli_metrics_json(const mmoe_task_metrics *metrics) {
    figure figures[N_FIGURE];
    list_figures(metrics, figures);
    json_t *object = json_object();
    for (int i = 0; i < N_FIGURE; i++)
        if (figures[i].applies)
            json_object_set_new(object, figures[i].name, cli_json_number(figures[i].value));
    if (metrics->why) json_object_set_new(object, "why", json_string(metrics->why));
    return object;
}

json_t *cli_report_json(int64_t rows, const mmoe_task_metrics *metrics, int32_t n_task) {
    json_t *tasks = json_array();
    for (int32_t t = 0; t < n_task; t++) {
        json_t *task = json_pack("{s:s, s:s}", "name", metrics[t].name, "type",
                                 cli_task_type_name((int)metrics[t].type));
        json_t *figures = cli_metrics_json(&metrics[t]);
        if (task && figures) json_object_update(task, figures);
        json_decref(figures);
        if (task) json_object_set_new(task, "rows", json_integer(metrics[t].rows));
        json_array_append_new(tasks, task);
    }
    return json_pack("{s:I, s:o}", "rows", (json_int_t)rows, "tasks", tasks);
}

void cli_print_metrics(const mmoe_task_metrics *metrics, int32_t n_task) {
    bool wanted[N_FIGURE] = {false};
    figure figures[N_FIGURE];
    int width = 4;
    for (int32_t t = 0; t < n_task; t++) {
        list_figures(&metrics[t], figures);
        for (int i = 0; i < N_FIGURE; i++) wanted[i] |= figures[i].applies;
        if ((int)strlen(metrics[t].name) > width) width = (int)strlen(metrics[t].name);
    }
    printf("%-*s  %-14s  %10s", width, "task", "type", "rows");
    for (int i = 0; i < N_FIGURE; i++)
        if (wanted[i]) printf("  %11s", figures[i].name);
    putchar('\n');
    for (int32_t t = 0; t < n_task; t++) {
        list_figures(&metrics[t], figures);
        printf("%-*s  %-14s  %10" PRId64, width, metrics[t].name,
               cli_task_type_name((int)metrics[t].type), metrics[t].rows);
        for (int i = 0; i < N_FIGURE; i++) {
            if (!wanted[i]) continue;
            if (figures[i].applies && isfinite(figures[i].value))
                printf("  %11.6g", figures[i].value);
            else
                printf("  %11s", figures[i].applies ? "undefined" : "-");
        }
        printf("%s%s\n", metrics[t].why ? "  " : "", metrics[t].why ? metrics[t].why : "");
    }
}
