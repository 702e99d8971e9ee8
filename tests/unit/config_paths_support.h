/* Keys by their paths: the row of a key, its value in a text, the word that takes it. */
#ifndef MMOE_TESTS_CONFIG_PATHS_SUPPORT_H
#define MMOE_TESTS_CONFIG_PATHS_SUPPORT_H

#include <jansson.h>
#include <stdio.h>

#include "config_support.h"

static inline const mmoe_key *key_at_path(const char *path) {
    const mmoe_key *key = NULL;
    for (size_t i = 0; (key = mmoe_key_at(i)) && strcmp(key->doc.path, path) != 0;) i++;
    ck_assert_ptr_nonnull(key);
    return key;
}

/* Chooses the word of an enumerator. */
static inline void choose(mmoe_config *config, const mmoe_chooser *chooser, int32_t enumerator) {
    mmoe_error err = {0};
    int length;
    char word[32];
    const char *at = mmoe_key_word(key_at_path(chooser->path), enumerator, &length);
    snprintf(word, sizeof word, "%.*s", length, at);
    ck_assert_msg(mmoe_config_set(config, chooser->path, word, &err) == MMOE_OK, "%s", err.message);
}

static inline const json_t *lookup(const json_t *json, const char *path) {
    char keys[128], *save = NULL;
    snprintf(keys, sizeof keys, "%s", path);
    for (char *key = strtok_r(keys, ".", &save); key && json; key = strtok_r(NULL, ".", &save)) {
        char *bracket = strstr(key, "[]");
        if (bracket) *bracket = '\0';
        json = json_object_get(json, key);
        if (bracket) json = json_array_get(json, 0);
    }
    return json;
}

#endif
