#include "model/meta.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/json_text.h"
#include "base/text.h"
#include "base/utf8.h"
#include "mmoe/train.h"

enum { MOST_KEYS = 256, MOST_KEY_BYTES = 128, MOST_VALUE_BYTES = 65536 };

static bool begins(const char *key, const char *prefix) {
    return strncmp(key, prefix, strlen(prefix)) == 0;
}

/* ---- Texts by key ---- */

static void release(mmoe_meta_entry *e, const mmoe_allocator *alloc) {
    mmoe_release(alloc, e->key);
    mmoe_release(alloc, e->value);
}

void mmoe_meta_finish(mmoe_meta *m, const mmoe_allocator *alloc) {
    for (size_t i = 0; i < m->count; i++) release(&m->entries[i], alloc);
    mmoe_release(alloc, m->entries);
    *m = (mmoe_meta){0};
}

/* Where the key stands, or would. */
static size_t place_of(const mmoe_meta *m, const char *key) {
    size_t at = 0;
    while (at < m->count && strcmp(m->entries[at].key, key) < 0) at++;
    return at;
}

static bool stands_at(const mmoe_meta *m, size_t at, const char *key) {
    return at < m->count && strcmp(m->entries[at].key, key) == 0;
}

const char *mmoe_meta_find(const mmoe_meta *m, const char *key) {
    const size_t at = place_of(m, key);
    return stands_at(m, at, key) ? m->entries[at].value : NULL;
}

double mmoe_meta_share(const mmoe_meta *m, const char *feature, const char *what) {
    char key[256];
    double share = 0;
    const int length = snprintf(key, sizeof key, MMOE_META_COLUMN "%s.%s", feature, what);
    const bool knows = mmoe_meta_find(m, MMOE_META_ROWS) && length < (int)sizeof key;
    const char *text = knows ? mmoe_meta_find(m, key) : NULL;
    if (text && !mmoe_parse_double(text, strlen(text), &share)) return (double)NAN;
    return knows ? share : (double)NAN;
}

static void take_out(mmoe_meta *m, size_t at, const mmoe_allocator *alloc) {
    release(&m->entries[at], alloc);
    m->count--;
    memmove(m->entries + at, m->entries + at + 1, (m->count - at) * sizeof *m->entries);
}

static bool insert(mmoe_meta *m, size_t at, mmoe_meta_entry entry, const mmoe_allocator *alloc) {
    if (m->count == m->room) {
        mmoe_meta_entry *entries =
            mmoe_resize(alloc, m->entries, m->room, m->room + 1, sizeof *entries);
        if (!entries) return false;
        m->entries = entries;
        m->room++;
    }
    memmove(m->entries + at + 1, m->entries + at, (m->count - at) * sizeof *m->entries);
    m->entries[at] = entry;
    m->count++;
    return true;
}

mmoe_status mmoe_meta_put(mmoe_meta *m, const char *key, const char *value,
                          const mmoe_allocator *alloc, mmoe_error *err) {
    const size_t at = place_of(m, key);
    const bool stands = stands_at(m, at, key);
    if (!value) {
        if (stands) take_out(m, at, alloc);
        return MMOE_OK;
    }
    mmoe_meta_entry e = {mmoe_copy_text(alloc, key, strlen(key)),
                         mmoe_copy_text(alloc, value, strlen(value))};
    bool ok = e.key && e.value;
    if (ok && stands) {
        const mmoe_meta_entry old = m->entries[at];
        m->entries[at] = e;
        e = old;
    } else if (ok && insert(m, at, e, alloc)) {
        return MMOE_OK;
    } else {
        ok = false;
    }
    release(&e, alloc);
    return ok ? MMOE_OK : mmoe_fail_memory(err, strlen(key) + strlen(value));
}

void mmoe_meta_clear(mmoe_meta *m, const char *prefix, const mmoe_allocator *alloc) {
    for (size_t i = m->count; i-- > 0;)
        if (begins(m->entries[i].key, prefix)) take_out(m, i, alloc);
}

mmoe_status mmoe_meta_merge(mmoe_meta *m, const mmoe_meta *from, const char *prefix,
                            const mmoe_allocator *alloc, mmoe_error *err) {
    mmoe_status status = MMOE_OK;
    for (size_t i = 0; !status && i < from->count; i++)
        if (begins(from->entries[i].key, prefix))
            status = mmoe_meta_put(m, from->entries[i].key, from->entries[i].value, alloc, err);
    return status;
}

/* ---- What the caller may keep ---- */

static bool is_key(const char *key) {
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                  "0123456789._-/:";
    const size_t length = strspn(key, allowed);
    return length > 0 && length <= MOST_KEY_BYTES && !key[length];
}

/* The sentence that names it has no room for more. */
static int shown(const char *key) { return mmoe_utf8_fit(key, MOST_KEY_BYTES); }

mmoe_status mmoe_meta_check(const char *key, const char *value, mmoe_error *err) {
    if (!key) return mmoe_fail(err, MMOE_E_ARGUMENT, "metadata: the key is NULL");
    if (!is_key(key))
        return mmoe_fail(err, MMOE_E_ARGUMENT,
                         "metadata \"%.*s\": a key is 1 to %d letters, digits and any of ._-/:",
                         shown(key), key, MOST_KEY_BYTES);
    if (begins(key, MMOE_META_TRAINING))
        return mmoe_fail(err, MMOE_E_ARGUMENT,
                         "metadata \"%s\": keys that begin with \"" MMOE_META_TRAINING
                         "\" are those of training",
                         key);
    if (value && strlen(value) > MOST_VALUE_BYTES)
        return mmoe_fail(err, MMOE_E_ARGUMENT,
                         "metadata \"%s\": the value has %zu bytes, and may have %d", key,
                         strlen(value), MOST_VALUE_BYTES);
    if (value && !mmoe_utf8_is(value, strlen(value)))
        return mmoe_fail(err, MMOE_E_ARGUMENT, "metadata \"%s\": the value is not UTF-8", key);
    return MMOE_OK;
}

/* The caller's keys but this one. */
static size_t count_others(const mmoe_meta *m, const char *key) {
    size_t others = 0;
    for (size_t i = 0; i < m->count; i++)
        others +=
            !begins(m->entries[i].key, MMOE_META_TRAINING) && strcmp(m->entries[i].key, key) != 0;
    return others;
}

static mmoe_status check_room(size_t others, const char *key, mmoe_error *err) {
    if (others < MOST_KEYS) return MMOE_OK;
    return mmoe_fail(err, MMOE_E_ARGUMENT, "metadata \"%s\": a model keeps at most %d keys", key,
                     MOST_KEYS);
}

mmoe_status mmoe_meta_set(mmoe_meta *m, const char *key, const char *value,
                          const mmoe_allocator *alloc, mmoe_error *err) {
    mmoe_status status = mmoe_meta_check(key, value, err);
    if (!status && value) status = check_room(count_others(m, key), key, err);
    return status ? status : mmoe_meta_put(m, key, value, alloc, err);
}

/* ---- In files ---- */

mmoe_status mmoe_meta_text(const mmoe_meta *m, const mmoe_allocator *alloc, char **out,
                           mmoe_error *err) {
    *out = NULL;
    if (!m->count) return MMOE_OK;
    json_t *json = json_object();
    bool ok = json;
    for (size_t i = 0; ok && i < m->count; i++)
        ok = json_object_set_new(json, m->entries[i].key, json_string(m->entries[i].value)) == 0;
    if (ok) *out = mmoe_json_print(json, JSON_COMPACT, alloc);
    json_decref(json);
    return *out ? MMOE_OK : mmoe_fail_memory(err, 0);
}

/* What is read; `others` counts the caller's keys. */
typedef struct reading {
    mmoe_meta *meta;
    size_t others;
    const char *file;
    const mmoe_allocator *alloc;
    mmoe_error *err;
} reading;

static mmoe_status read_entry(reading *r, const char *key, const json_t *json) {
    const char *value = json_string_value(json);
    mmoe_error why;
    if (!value)
        return mmoe_fail_format(r->err, r->file, "metadata \"%.*s\": the value is no string",
                                shown(key), key);
    if (!begins(key, MMOE_META_TRAINING) &&
        (mmoe_meta_check(key, value, &why) || check_room(r->others++, key, &why)))
        return mmoe_fail_format(r->err, r->file, "%.400s", why.message);
    const mmoe_meta_entry e = {mmoe_copy_text(r->alloc, key, strlen(key)),
                               mmoe_copy_text(r->alloc, value, strlen(value))};
    r->meta->entries[r->meta->count++] = e;
    return e.key && e.value ? MMOE_OK : mmoe_fail_memory(r->err, strlen(key) + strlen(value));
}

static int compare(const void *left, const void *right) {
    return strcmp(((const mmoe_meta_entry *)left)->key, ((const mmoe_meta_entry *)right)->key);
}

static mmoe_status read_entries(reading *r, json_t *json) {
    if (!json_is_object(json))
        return mmoe_fail_format(r->err, r->file, "its metadata are no object");
    const size_t most = json_object_size(json);
    r->meta->entries = mmoe_alloc(r->alloc, most, sizeof *r->meta->entries);
    if (!r->meta->entries) return mmoe_fail_memory(r->err, most * sizeof *r->meta->entries);
    r->meta->room = most;
    mmoe_status status = MMOE_OK;
    for (void *i = json_object_iter(json); !status && i; i = json_object_iter_next(json, i))
        status = read_entry(r, json_object_iter_key(i), json_object_iter_value(i));
    if (!status) qsort(r->meta->entries, r->meta->count, sizeof *r->meta->entries, compare);
    return status;
}

mmoe_status mmoe_meta_read(const char *text, const char *file, const mmoe_allocator *alloc,
                           mmoe_meta *out, mmoe_error *err) {
    json_t *json;
    json_error_t error;
    mmoe_status status =
        mmoe_json_parse(text, strlen(text), JSON_REJECT_DUPLICATES, alloc, &json, &error);
    if (status == MMOE_E_MEMORY) return mmoe_fail_memory(err, strlen(text));
    if (status)
        return mmoe_fail_format(err, file, "its metadata are not valid JSON: %.200s", error.text);
    mmoe_meta meta = {0};
    reading r = {&meta, 0, file, alloc, err};
    status = read_entries(&r, json);
    json_decref(json);
    if (status)
        mmoe_meta_finish(&meta, alloc);
    else
        *out = meta;
    return status;
}
