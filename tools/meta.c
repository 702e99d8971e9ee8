#include "meta.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/text.h"

static const char date_key[] = "date";
enum { DATE_SIZE = sizeof "9999-12-31T23:59:59Z" };

/* A text's key, for the caller to free; its value goes to *value. NULL: memory is out. */
static char *key_of(const char *text, const char **value) {
    const char *end = strchr(text, '=');
    if (end) *value = end + 1;
    return end ? strndup(text, (size_t)(end - text)) : NULL;
}

/* As ISO 8601 has it. */
static int date_now(char out[DATE_SIZE]) {
    const char *epoch = getenv("SOURCE_DATE_EPOCH");
    int64_t seconds = (int64_t)time(NULL);
    struct tm now;
    if (epoch && !mmoe_parse_int64(epoch, strlen(epoch), &seconds))
        return cli_usage("SOURCE_DATE_EPOCH is \"%.40s\", and must be seconds since 1970", epoch);
    const time_t at = (time_t)seconds;
    if (seconds < 0 || !gmtime_r(&at, &now) ||
        strftime(out, DATE_SIZE, "%Y-%m-%dT%H:%M:%SZ", &now) != DATE_SIZE - 1)
        return cli_usage("SOURCE_DATE_EPOCH is no time of the years 1970 to 9999");
    return CLI_OK;
}

/* Does an earlier text have the key, or the date? */
static bool stands(const cli_meta *m, size_t count, const char *key) {
    const size_t length = strlen(key);
    bool found = m->dated && strcmp(key, date_key) == 0;
    for (size_t i = 0; i < count; i++)
        found |= strncmp(m->texts.items[i], key, length) == 0 && m->texts.items[i][length] == '=';
    return found;
}

static int check_text(const cli_meta *m, size_t i) {
    const char *value;
    mmoe_error err;
    if (!strchr(m->texts.items[i], '='))
        return cli_usage("--meta %.100s: KEY=VALUE is needed", m->texts.items[i]);
    char *key = key_of(m->texts.items[i], &value);
    if (!key) return cli_fail_memory();
    int status = CLI_OK;
    if (mmoe_meta_check(key, value, &err))
        status = cli_usage("--meta: %s", err.message);
    else if (stands(m, i, key))
        status = cli_usage("--meta: the key \"%s\" stands twice", key);
    free(key);
    return status;
}

int cli_check_meta(const cli_meta *m) {
    char date[DATE_SIZE];
    int status = m->dated ? date_now(date) : CLI_OK;
    for (size_t i = 0; !status && i < m->texts.count; i++) status = check_text(m, i);
    return status;
}

int cli_put_meta(const cli_meta *m, mmoe_model *model) {
    char date[DATE_SIZE];
    const char *value;
    mmoe_error err;
    int status = m->dated ? date_now(date) : CLI_OK;
    if (!status && m->dated && mmoe_model_set_meta(model, date_key, date, &err))
        status = cli_fail("%s", err.message);
    for (size_t i = 0; !status && i < m->texts.count; i++) {
        char *key = key_of(m->texts.items[i], &value);
        if (!key) return cli_fail_memory();
        if (mmoe_model_set_meta(model, key, value, &err))
            status = cli_fail("--meta: %s", err.message);
        free(key);
    }
    return status;
}
