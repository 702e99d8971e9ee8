#include "run_config.h"

#include <stdlib.h>
#include <string.h>

/* --set KEY=VALUE, as `settings` [count]; keys are copies. */
static int read_settings(const cli_list *set, mmoe_setting *settings) {
    for (size_t i = 0; i < set->count; i++) {
        const char *text = set->items[i], *equals = strchr(text, '=');
        if (!equals || equals == text) return cli_usage("--set: \"%s\" is not KEY=VALUE", text);
        char *key = strndup(text, (size_t)(equals - text));
        if (!key) return cli_fail_memory();
        settings[i] = (mmoe_setting){key, equals + 1};
    }
    return CLI_OK;
}

int cli_read_config(const char *path, const cli_list *set, mmoe_config **out) {
    mmoe_error err;
    size_t failed;
    if (mmoe_config_read(path, NULL, out, &err)) return cli_fail("%s", err.message);
    mmoe_setting *settings = calloc(set->count + 1, sizeof *settings);
    int status = settings ? read_settings(set, settings) : cli_fail_memory();
    if (!status && mmoe_config_set_all(*out, settings, set->count, &failed, &err)) {
        if (failed < set->count)
            status = cli_usage("--set %s: %s", set->items[failed], err.message);
        else
            status = cli_usage("--set, all together: %s", err.message);
    }
    for (size_t i = 0; settings && i < set->count; i++) free((char *)(uintptr_t)settings[i].key);
    free(settings);
    return status;
}
