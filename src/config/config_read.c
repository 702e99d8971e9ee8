/* A configuration from its text and back, and keys that are set by their paths. */
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/rounding.h"
#include "base/text.h"
#include "base/utf8.h"
#include "config/config_json.h"
#include "data/texts.h"
#include "base/json_text.h"

enum { MMOE_CONFIG_MAX_BYTES = 1 << 24 };

static const char default_name[] = "configuration";

static void free_sparse(mmoe_sparse_spec *specs, int32_t count, const mmoe_allocator *a) {
    for (int32_t i = 0; i < count; i++) {
        char *const texts[] = {specs[i].name,      specs[i].column,           specs[i].shared_with,
                               specs[i].separator, specs[i].weight_separator, specs[i].pretrained};
        for (size_t t = 0; t < sizeof texts / sizeof *texts; t++) mmoe_release(a, texts[t]);
        mmoe_texts_finish(&specs[i].columns, a);
        mmoe_encoder_free(specs[i].encoder);
    }
    mmoe_release(a, specs);
}

void mmoe_config_free(mmoe_config *config) {
    if (!config) return;
    const mmoe_allocator a = config->alloc;
    free_sparse(config->features.sparse, config->features.n_sparse, &a);
    free_sparse(config->features.sequence, config->features.n_sequence, &a);
    for (int32_t i = 0; i < config->features.n_dense; i++) {
        mmoe_release(&a, config->features.dense[i].name);
        mmoe_release(&a, config->features.dense[i].column);
        mmoe_encoder_free(config->features.dense[i].encoder);
    }
    for (int32_t i = 0; i < config->n_task; i++) {
        mmoe_release(&a, config->tasks[i].name);
        mmoe_release(&a, config->tasks[i].label);
        mmoe_release(&a, config->tasks[i].positive);
        mmoe_release(&a, config->tasks[i].text.strip);
        mmoe_release(&a, config->tasks[i].text.decimal);
        mmoe_texts_finish(&config->tasks[i].text.gaps, &a);
    }
    mmoe_release(&a, config->features.dense);
    mmoe_release(&a, config->features.weight);
    mmoe_reading_finish(&config->features.reading, &a);
    mmoe_release(&a, config->group);
    mmoe_release(&a, config->tasks);
    mmoe_release(&a, config->score);
    mmoe_release(&a, config->json);
    mmoe_release(&a, config->source);
    mmoe_release(&a, config);
}

static mmoe_status keep_texts(mmoe_config *config, const json_t *root, mmoe_error *err) {
    json_t *whole = mmoe_config_to_json(config);
    /* 9 digits give back a float's shortest text; see mmoe_key_load. */
    if (whole)
        config->json =
            mmoe_json_print(whole, JSON_INDENT(2) | JSON_REAL_PRECISION(9), &config->alloc);
    json_decref(whole);
    config->source = mmoe_json_print(root, JSON_COMPACT, &config->alloc);
    return config->json && config->source ? MMOE_OK : mmoe_fail_memory(err, 0);
}

static mmoe_status from_tree(const json_t *root, const char *name, const mmoe_allocator *alloc,
                             mmoe_config **out, mmoe_error *err) {
    mmoe_config *config = mmoe_alloc_zero(alloc, 1, sizeof *config);
    if (!config) return mmoe_fail_memory(err, sizeof *config);
    config->alloc = *alloc;
    const int callers = mmoe_rounding_nearest();
    mmoe_status status = mmoe_config_from_json(root, config, &(mmoe_key_place){name, err});
    if (status == MMOE_OK) status = keep_texts(config, root, err);
    mmoe_rounding_restore(callers);
    if (status == MMOE_OK)
        *out = config;
    else
        mmoe_config_free(config);
    return status;
}

mmoe_status mmoe_config_parse(const char *json, size_t length, const char *name,
                              const mmoe_allocator *alloc, mmoe_config **out, mmoe_error *err) {
    static const char byte_order_mark[] = "\xef\xbb\xbf";
    if (!json || !out)
        return mmoe_fail(err, MMOE_E_ARGUMENT, "mmoe_config_parse: an argument is NULL");
    if (mmoe_allocator_check(alloc, "mmoe_config_parse", err)) return MMOE_E_ARGUMENT;
    const mmoe_allocator a = mmoe_allocator_or_default(alloc);
    if (!name) name = default_name;
    if (length >= 3 && memcmp(json, byte_order_mark, 3) == 0) {
        json += 3;
        length -= 3;
    }
    if (length > MMOE_CONFIG_MAX_BYTES)
        return mmoe_fail_at(err, MMOE_E_CONFIG, name, 0, NULL,
                            "the configuration has more than %d bytes", MMOE_CONFIG_MAX_BYTES);
    json_t *root;
    json_error_t syntax;
    mmoe_status status = mmoe_json_parse(json, length, JSON_REJECT_DUPLICATES, &a, &root, &syntax);
    if (status == MMOE_E_MEMORY) return mmoe_fail_memory(err, length);
    if (status)
        return mmoe_fail_at(err, MMOE_E_CONFIG, name, 0, NULL, "line %d, column %d: %s",
                            syntax.line, syntax.column, syntax.text);
    status = from_tree(root, name, &a, out, err);
    json_decref(root);
    return status;
}

static mmoe_status read_all(FILE *file, const char *path, const mmoe_allocator *alloc, char **text,
                            size_t *length, mmoe_error *err) {
    size_t capacity = 0, used = 0, got;
    do {
        const size_t wanted = capacity ? 2 * capacity : 4096;
        char *grown = mmoe_resize(alloc, *text, capacity, wanted, 1);
        if (!grown) return mmoe_fail_memory(err, wanted);
        *text = grown;
        capacity = wanted;
        got = fread(grown + used, 1, capacity - used, file);
        used += got;
    } while (used == capacity && used <= MMOE_CONFIG_MAX_BYTES + 3);
    *length = used;
    return ferror(file) ? mmoe_fail_system(err, path, "cannot read") : MMOE_OK;
}

mmoe_status mmoe_config_read(const char *path, const mmoe_allocator *alloc, mmoe_config **out,
                             mmoe_error *err) {
    if (!path || !out)
        return mmoe_fail(err, MMOE_E_ARGUMENT, "mmoe_config_read: an argument is NULL");
    if (mmoe_allocator_check(alloc, "mmoe_config_read", err)) return MMOE_E_ARGUMENT;
    const mmoe_allocator a = mmoe_allocator_or_default(alloc);
    FILE *file = fopen(path, "rbe");
    if (!file) return mmoe_fail_system(err, path, "cannot open");
    char *text = NULL;
    size_t length = 0;
    mmoe_status status = read_all(file, path, &a, &text, &length, err);
    fclose(file);
    if (status == MMOE_OK) status = mmoe_config_parse(text, length, path, alloc, out, err);
    mmoe_release(&a, text);
    return status;
}

void mmoe_config_set_member(mmoe_config *config, int32_t member) {
    config->member = member;
    config->trainer.seed += (uint64_t)member;
}

mmoe_status mmoe_config_copy_member(const mmoe_config *config, int32_t member,
                                    const mmoe_allocator *alloc, mmoe_config **out,
                                    mmoe_error *err) {
    const mmoe_status status =
        mmoe_config_parse(config->source, strlen(config->source), NULL, alloc, out, err);
    if (!status) mmoe_config_set_member(*out, member);
    return status;
}

mmoe_status mmoe_config_copy(const mmoe_config *config, const mmoe_allocator *alloc,
                             mmoe_config **out, mmoe_error *err) {
    return mmoe_config_copy_member(config, config->member, alloc, out, err);
}

mmoe_status mmoe_config_text(const mmoe_config *config, char **out, mmoe_error *err) {
    if (!config || !out)
        return mmoe_fail(err, MMOE_E_ARGUMENT, "mmoe_config_text: an argument is NULL");
    char *text = mmoe_copy_text(&config->alloc, config->json, strlen(config->json));
    if (!text) return mmoe_fail_memory(err, strlen(config->json) + 1);
    *out = text;
    return MMOE_OK;
}

void mmoe_config_text_free(const mmoe_config *config, char *text) {
    if (config) mmoe_release(&config->alloc, text);
}

/* The entry of an array: by its number, or the object whose "name" is `key`; -1: there is none. */
static int64_t array_index(const json_t *array, const char *key) {
    const size_t n = json_array_size(array);
    int64_t index;
    if (mmoe_parse_int64(key, strlen(key), &index))
        return index >= 0 && (uint64_t)index < n ? index : -1;
    for (size_t i = 0; i < n; i++) {
        const char *name = json_string_value(json_object_get(json_array_get(array, i), "name"));
        if (name && strcmp(name, key) == 0) return (int64_t)i;
    }
    return -1;
}

/* Sets `value` at the keys text .. (NUL-separated, ended by an empty one) below `node`, making
 * objects on the way. */
static mmoe_status set_below(json_t *node, const char *key, json_t *value,
                             const mmoe_key_place *place, const char *path) {
    for (;;) {
        const char *next = key + strlen(key) + 1;
        const bool is_last = *next == '\0';
        int64_t index = -1;
        json_t *child = NULL;
        if (json_is_array(node)) {
            index = array_index(node, key);
            if (index < 0)
                return mmoe_key_fail(place, path,
                                     "\"%s\" is not one of the %zu entries, by number or name", key,
                                     json_array_size(node));
            child = json_array_get(node, (size_t)index);
        } else if (json_is_object(node)) {
            child = json_object_get(node, key);
        } else {
            return mmoe_key_fail(place, path, "\"%s\" would stand in a value that has no keys",
                                 key);
        }
        if (is_last) {
            const int failed = index < 0 ? json_object_set(node, key, value)
                                         : json_array_set(node, (size_t)index, value);
            return failed ? MMOE_E_MEMORY : MMOE_OK;
        }
        if (!child && (json_object_set_new(node, key, json_object()) ||
                       !(child = json_object_get(node, key))))
            return MMOE_E_MEMORY;
        node = child;
        key = next;
    }
}

/* "tasks[0].name" or "tasks.0.name" as "tasks\0" "0\0" "name\0" "\0". */
static char *split_path(const char *path, const mmoe_allocator *alloc) {
    char *keys = mmoe_alloc(alloc, strlen(path) + 2, 1), *end = keys;
    if (!keys) return NULL;
    for (const char *c = path; *c; c++) {
        if (!strchr(".[]", *c))
            *end++ = *c;
        else if (end > keys && end[-1])
            *end++ = '\0';
    }
    if (end > keys && end[-1]) *end++ = '\0';
    *end = '\0';
    return keys;
}

static mmoe_status parse_value(const char *text, const mmoe_allocator *alloc, json_t **out) {
    json_error_t error;
    const mmoe_status status = mmoe_json_parse(
        text, strlen(text), JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, alloc, out, &error);
    if (status != MMOE_E_FORMAT) return status;
    *out = json_string_nocheck(text);
    return *out ? MMOE_OK : MMOE_E_MEMORY;
}

static mmoe_status set_in_tree(const mmoe_config *config, json_t *root, const char *key,
                               const char *text, const mmoe_key_place *place) {
    json_t *value;
    char *keys = split_path(key, &config->alloc);
    mmoe_status status = keys ? parse_value(text, &config->alloc, &value) : MMOE_E_MEMORY;
    if (status == MMOE_OK) {
        status = *keys ? set_below(root, keys, value, place, key)
                       : mmoe_key_fail(place, key, "the key is empty");
        json_decref(value);
    }
    mmoe_release(&config->alloc, keys);
    return status == MMOE_E_MEMORY ? mmoe_fail_memory(place->err, strlen(key) + strlen(text))
                                   : status;
}

static mmoe_status check_setting(const mmoe_setting *s, const mmoe_key_place *place) {
    if (!s->key || !s->value)
        return mmoe_fail(place->err, MMOE_E_ARGUMENT,
                         "mmoe_config_set_all: a key or value is NULL");
    if (!mmoe_utf8_is(s->key, strlen(s->key)))
        return mmoe_key_fail(place, "", "the key to set is not UTF-8");
    if (!mmoe_utf8_is(s->value, strlen(s->value)))
        return mmoe_key_fail(place, s->key, "the value is not UTF-8");
    return MMOE_OK;
}

/* The configuration that settings make of `config`; *failed counts those that could be set. */
static mmoe_status make_changed(const mmoe_config *config, const mmoe_setting *settings,
                                size_t count, size_t *failed, mmoe_config **out, mmoe_error *err) {
    json_t *root;
    json_error_t syntax;
    const mmoe_key_place place = {default_name, err};
    if (mmoe_json_parse(config->source, strlen(config->source), 0, &config->alloc, &root, &syntax))
        return mmoe_fail_memory(err, strlen(config->source));
    mmoe_status status = MMOE_OK;
    for (*failed = 0; *failed < count; ++*failed) {
        const mmoe_setting *s = &settings[*failed];
        status = check_setting(s, &place);
        if (!status) status = set_in_tree(config, root, s->key, s->value, &place);
        if (status) break;
    }
    if (!status) status = from_tree(root, default_name, &config->alloc, out, err);
    json_decref(root);
    return status;
}

/* The setting that by itself makes the fault which all together make; `count`: none does. */
static size_t find_failed(const mmoe_config *config, const mmoe_setting *settings, size_t count,
                          const mmoe_error *fault) {
    mmoe_config *changed = NULL;
    mmoe_error err;
    size_t i = 0, one;
    for (; i < count; i++) {
        const mmoe_status status = make_changed(config, &settings[i], 1, &one, &changed, &err);
        if (status && strcmp(err.message, fault->message) == 0) break;
        if (!status) mmoe_config_free(changed);
    }
    return i;
}

mmoe_status mmoe_config_set_all(mmoe_config *config, const mmoe_setting *settings, size_t count,
                                size_t *failed, mmoe_error *err) {
    if (!config || (count && !settings))
        return mmoe_fail(err, MMOE_E_ARGUMENT, "mmoe_config_set_all: an argument is NULL");
    mmoe_config *changed;
    mmoe_error fault;
    size_t at;
    const mmoe_status status = make_changed(config, settings, count, &at, &changed, &fault);
    if (status) {
        if (failed) *failed = at < count ? at : find_failed(config, settings, count, &fault);
        if (err) *err = fault;
        return status;
    }
    const mmoe_config old = *config;
    *config = *changed;
    *changed = old;
    mmoe_config_free(changed);
    return MMOE_OK;
}

mmoe_status mmoe_config_set(mmoe_config *config, const char *key, const char *value,
                            mmoe_error *err) {
    if (!config || !key || !value)
        return mmoe_fail(err, MMOE_E_ARGUMENT, "mmoe_config_set: an argument is NULL");
    return mmoe_config_set_all(config, &(mmoe_setting){key, value}, 1, NULL, err);
}
