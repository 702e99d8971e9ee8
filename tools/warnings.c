#include "warnings.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/raw_bytes.h"
#include "output.h"

static json_t *said;                                           /* sentences; NULL: none yet */
static pthread_mutex_t said_mutex = PTHREAD_MUTEX_INITIALIZER; /* a sweep's runs warn at once */

static bool was_said(json_t *text) {
    for (size_t i = 0; i < json_array_size(said); i++)
        if (json_equal(json_array_get(said, i), text)) return true;
    return false;
}

void cli_warn(const char *format, ...) {
    char *text = NULL;
    va_list args;
    va_start(args, format);
    const int length = vasprintf(&text, format, args);
    va_end(args);
    if (length < 0) {
        cli_fail_memory();
        return;
    }
    pthread_mutex_lock(&said_mutex);
    if (!said) said = json_array();
    json_t *json = cli_json_text(text);
    if (!was_said(json)) {
        cli_note("warning: %s", text);
        json_array_append(said, json);
    }
    json_decref(json);
    pthread_mutex_unlock(&said_mutex);
    free(text);
}

static void warn_of_file(void *file, const mmoe_warning *warning) {
    cli_warn("%s: %s", mmoe_raw_bytes_name(file), warning->message);
}

void cli_warn_of_data(const char *file, const mmoe_dataset *data) {
    const mmoe_warning *warning;
    for (size_t i = 0; (warning = mmoe_dataset_warning(data, i)); i++)
        warn_of_file((void *)(uintptr_t)file, warning);
}

void cli_warn_of_labels(const char *file, const mmoe_model *model, const mmoe_dataset *data) {
    mmoe_error err;
    if (mmoe_model_check_labels(model, data, warn_of_file, (void *)(uintptr_t)file, &err))
        cli_warn("%s: %s", mmoe_raw_bytes_name(file), err.message);
}

void cli_warn_of_weights(const char *file, const mmoe_model *model) {
    const mmoe_warning *warning;
    for (size_t i = 0; (warning = mmoe_model_warning(model, i)); i++)
        cli_warn("%s: %s", file, warning->message);
}

void cli_warn_of_training(void *user, const mmoe_warning *warning) {
    (void)user;
    cli_warn("%s", warning->message);
}

void cli_warn_of_metrics(const char *file, const char *rows, const mmoe_task_metrics *metrics,
                         int32_t n_task) {
    mmoe_error err;
    if (mmoe_metrics_check(metrics, n_task, rows, file ? warn_of_file : cli_warn_of_training,
                           (void *)(uintptr_t)file, &err))
        cli_warn("%s", err.message);
}

json_t *cli_warnings_since(size_t first) {
    json_t *list = json_array();
    pthread_mutex_lock(&said_mutex);
    for (size_t i = first; i < json_array_size(said); i++)
        json_array_append(list, json_array_get(said, i));
    pthread_mutex_unlock(&said_mutex);
    return list;
}

json_t *cli_with_warnings(json_t *result) {
    json_t *list = said ? json_deep_copy(said) : json_array();
    if (result && json_object_set_new(result, "warnings", list)) {
        json_decref(result);
        return NULL;
    }
    return result;
}
