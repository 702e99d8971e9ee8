#include "config/config_compare.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/json_text.h"
#include "base/utf8.h"
#include "config/config_json.h"

typedef struct comparison {
    const mmoe_allocator *alloc;
    char *text;
    size_t count; /* keys that differ */
    bool failed;  /* memory is out */
} comparison;

static bool may_differ(const char *path) {
    const mmoe_key *key;
    for (size_t i = 0; (key = mmoe_key_at(i)); i++)
        if (strcmp(key->doc.path, path) == 0) return key->may_differ;
    return false;
}

enum { SHOWN = 80 };

/* A value as the configuration has it, cut where it is long. */
static void show_value(comparison *c, const json_t *value, char out[SHOWN]) {
    const size_t flags = JSON_ENCODE_ANY | JSON_COMPACT | JSON_REAL_PRECISION(9);
    char *text = value ? mmoe_json_print(value, flags, c->alloc) : NULL;
    c->failed |= value && !text;
    const char *shown = text ? text : "not set";
    const size_t length = strlen(shown), most = SHOWN - sizeof "...";
    const bool cut = length > most;
    snprintf(out, SHOWN, "%.*s%s", (int)(cut ? mmoe_utf8_cut(shown, length, most) : length), shown,
             cut ? "..." : "");
    mmoe_release(c->alloc, text);
}

static void note_difference(comparison *c, const char *path, const json_t *own,
                            const json_t *other) {
    char x[SHOWN], y[SHOWN];
    if (c->count++) return;
    show_value(c, own, x);
    show_value(c, other, y);
    snprintf(c->text, MMOE_DIFFERENCE_SIZE, "%s is %s, the checkpoint's is %s", path, x, y);
}

static bool is_list(const json_t *value) {
    return json_is_array(value) && json_is_object(json_array_get(value, 0));
}

static void compare_objects(comparison *c, const char *path, json_t *own, json_t *other);

/* NULL: it is not there. */
static void compare_values(comparison *c, const char *path, json_t *own, json_t *other) {
    if (json_is_object(own) || json_is_object(other)) {
        compare_objects(c, path, own, other);
    } else if (is_list(own) && is_list(other) && json_array_size(own) == json_array_size(other)) {
        for (size_t i = 0; i < json_array_size(own); i++) {
            char item[MMOE_PATH_SIZE];
            snprintf(item, sizeof item, "%s[%zu]", path, i);
            compare_objects(c, item, json_array_get(own, i), json_array_get(other, i));
        }
    } else if (!(own && other && json_equal(own, other)) && !may_differ(path)) {
        note_difference(c, path, own, other);
    }
}

/* The keys of both, those of `own` first. */
static void compare_objects(comparison *c, const char *path, json_t *own, json_t *other) {
    char below[MMOE_PATH_SIZE];
    const char *key;
    json_t *value;
    json_object_foreach(own, key, value) {
        snprintf(below, sizeof below, "%s%s%s", path, *path ? "." : "", key);
        compare_values(c, below, value, json_object_get(other, key));
    }
    json_object_foreach(other, key, value) {
        if (json_object_get(own, key)) continue;
        snprintf(below, sizeof below, "%s%s%s", path, *path ? "." : "", key);
        compare_values(c, below, NULL, value);
    }
}

mmoe_status mmoe_config_compare(const mmoe_config *own, const mmoe_config *checkpoint, char *text,
                                mmoe_error *err) {
    json_t *x = mmoe_config_to_json(own), *y = mmoe_config_to_json(checkpoint);
    comparison c = {.alloc = &own->alloc, .text = text};
    *text = '\0';
    if (x && y) compare_objects(&c, "", x, y);
    if (c.count > 1) {
        const size_t used = strlen(text);
        snprintf(text + used, MMOE_DIFFERENCE_SIZE - used, " (and %zu keys more differ)",
                 c.count - 1);
    }
    json_decref(x);
    json_decref(y);
    return x && y && !c.failed ? MMOE_OK : mmoe_fail_memory(err, 0);
}
