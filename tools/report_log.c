#include "report_log.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "task_types.h"

double cli_json_at(const json_t *object, ...) {
    va_list keys;
    va_start(keys, object);
    const char *key;
    while ((key = va_arg(keys, const char *)) != NULL) object = json_object_get(object, key);
    va_end(keys);
    return json_is_number(object) ? json_number_value(object) : (double)NAN;
}

const char *cli_json_text_at(const json_t *object, const char *key) {
    return json_string_value(json_object_get(object, key));
}

/* Epoch 0 is what a linear part begins as; -1: the line is of none. */
static int64_t epoch_of(const json_t *line) {
    const json_t *epoch = json_object_get(line, "epoch");
    return json_is_integer(epoch) && json_integer_value(epoch) >= 0 ? json_integer_value(epoch)
                                                                    : -1;
}

int64_t cli_log_epoch_at(const report_log *log, size_t index) {
    return epoch_of(json_array_get(log->epochs, index));
}

/* ---- Reading ---- */

static void start_over(report_log *log) {
    log->other_runs++;
    json_array_clear(log->epochs);
    json_array_clear(log->starts);
    json_decref(log->result);
    json_decref(log->profile);
    log->result = log->profile = NULL;
}

static void take_head(report_log *log, json_t *line) {
    const size_t count = json_array_size(log->epochs);
    const json_t *format = json_object_get(line, "format");
    const bool is_resumed = json_is_true(json_object_get(line, "resumed"));
    if (!is_resumed && (log->head || count)) start_over(log);
    if (is_resumed && count)
        json_array_append_new(log->starts, json_integer(cli_log_epoch_at(log, count - 1)));
    log->format = json_is_integer(format) ? json_integer_value(format) : 0;
    json_decref(log->head);
    log->head = json_incref(line);
}

/* Of several members (model.members) the page shows the first. */
static void take_epoch(report_log *log, json_t *line) {
    if (json_integer_value(json_object_get(line, "member")) > 1) return;
    while (json_array_size(log->epochs) &&
           cli_log_epoch_at(log, json_array_size(log->epochs) - 1) >= epoch_of(line))
        json_array_remove(log->epochs, json_array_size(log->epochs) - 1);
    json_array_append(log->epochs, line);
}

/* False: it is no line of a log. */
static bool take_line(report_log *log, json_t *line) {
    json_t *result = json_object_get(line, "result"), *profile = json_object_get(line, "profile");
    if (json_is_object(json_object_get(line, "config")) && cli_json_text_at(line, "version"))
        take_head(log, line);
    else if (epoch_of(line) >= 0)
        take_epoch(log, line);
    else if (json_is_object(result)) {
        json_decref(log->result);
        json_decref(log->profile);
        log->result = json_incref(result);
        log->profile = json_is_object(profile) ? json_incref(profile) : NULL;
    } else
        return false;
    return true;
}

static void read_line(report_log *log, const char *text, size_t length) {
    json_t *line = json_loadb(text, length, 0, NULL);
    const bool is_good = take_line(log, line);
    log->lines++;
    log->is_cut = !is_good && text[length - 1] != '\n';
    if (!is_good && !log->is_cut) {
        if (!log->bad_line) log->bad_line = log->lines;
        log->n_bad++;
    }
    json_decref(line);
}

static int check_log(const report_log *log) {
    if (!log->lines) return cli_fail("--log: %s is empty", log->path);
    if (log->head || json_array_size(log->epochs)) return CLI_OK;
    if (log->is_cut && log->lines == 1)
        return cli_fail("--log: %s: line 1 is cut off, or is no line of a log of mmoe train",
                        log->path);
    return cli_fail("--log: %s: line 1 is no line of a log of mmoe train", log->path);
}

enum { MAX_LINE = 1 << 26 };

/* Up to and with the next newline, of a line of at most MAX_LINE bytes one more; 0: the end, or
 * what errno has. */
static size_t next_line(FILE *file, char **text, size_t *room) {
    size_t length = 0;
    for (int c; length <= MAX_LINE && (c = getc_unlocked(file)) != EOF;) {
        if (length == *room) {
            char *grown = realloc(*text, 2 * *room + 4096);
            if (!grown) return 0;
            *text = grown;
            *room = 2 * *room + 4096;
        }
        (*text)[length++] = (char)c;
        if (c == '\n') break;
    }
    if (ferror(file)) return 0;
    errno = 0;
    return length;
}

int cli_log_read(report_log *log, const char *path) {
    *log = (report_log){.path = path, .epochs = json_array(), .starts = json_array()};
    if (!log->epochs || !log->starts) return cli_fail_memory();
    FILE *file = fopen(path, "r");
    if (!file) return cli_fail_system("--log: cannot read %s", path);
    char *text = NULL;
    size_t room = 0, length;
    while ((length = next_line(file, &text, &room)) > 0 && length <= MAX_LINE)
        read_line(log, text, length);
    const int reason = errno;
    free(text);
    fclose(file);
    errno = reason;
    if (reason) return cli_fail_system("--log: cannot read %s", path);
    if (length > MAX_LINE)
        return cli_fail("--log: %s: line %lld has more than %d bytes: it is none of a log of mmoe "
                        "train",
                        path, (long long)log->lines + 1, MAX_LINE);
    return check_log(log);
}

void cli_log_free(report_log *log) {
    json_decref(log->head);
    json_decref(log->epochs);
    json_decref(log->result);
    json_decref(log->profile);
    json_decref(log->starts);
    *log = (report_log){0};
}

/* ---- Tasks and epochs ---- */

/* The tasks stand in the configuration, else as keys of an epoch's losses. */
static const json_t *tasks_of(const report_log *log) {
    return json_object_get(json_object_get(log->head, "config"), "tasks");
}
static json_t *losses_of(const report_log *log) {
    return json_object_get(json_array_get(log->epochs, 0), "losses");
}

int cli_log_task_count(const report_log *log) {
    const size_t count = json_is_array(tasks_of(log)) ? json_array_size(tasks_of(log))
                                                      : json_object_size(losses_of(log));
    return (int)count;
}

const char *cli_log_task(const report_log *log, int task) {
    if (json_is_array(tasks_of(log))) {
        const char *name = cli_json_text_at(json_array_get(tasks_of(log), (size_t)task), "name");
        return name || task >= cli_log_task_count(log) ? name : "?";
    }
    void *entry = json_object_iter(losses_of(log));
    for (int i = 0; entry && i < task; i++) entry = json_object_iter_next(losses_of(log), entry);
    return entry ? json_object_iter_key(entry) : NULL;
}

int cli_log_task_type(const report_log *log, const char *task) {
    size_t i;
    json_t *entry;
    json_array_foreach(tasks_of(log), i, entry) {
        const char *name = cli_json_text_at(entry, "name");
        const int type = cli_task_type_of(cli_json_text_at(entry, "type"));
        if (name && type >= 0 && strcmp(name, task) == 0) return type;
    }
    const json_t *metrics =
        json_object_get(json_object_get(json_array_get(log->epochs, 0), "valid"), task);
    for (int type = 0; type < MMOE_TASK_TYPE_COUNT; type++)
        if (json_object_get(metrics, mmoe_metric_at(type, 0)->name)) return type;
    return 0;
}

int64_t cli_log_best(const report_log *log) {
    const size_t count = json_array_size(log->epochs);
    for (size_t i = count; i-- > 0;)
        if (json_is_true(json_object_get(json_array_get(log->epochs, i), "best")))
            return cli_log_epoch_at(log, i);
    return -1;
}

int cli_log_members(const report_log *log) {
    const double members = cli_json_at(log->head, "config", "model", "members", NULL);
    return members > 1 ? (int)members : 1;
}
