#include "config/config_json.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "config/config_check.h"
#include "config/config_peers.h"

typedef struct reader {
    mmoe_config *config;
    mmoe_key_place place;
} reader;

/* An object of the tree: its path, the same with "[]" for every index, and the structure that its
 * values go to. */
typedef struct node {
    const char *path, *pattern;
    void *scope;
} node;

static void join(char out[MMOE_PATH_SIZE], const char *parent, const char *key) {
    snprintf(out, MMOE_PATH_SIZE, "%s%s%s", parent, *parent ? "." : "", key);
}

/* The part of `path` that names a key of the object `pattern`, and its length; NULL when there is
 * none. */
static const char *child_of(const char *path, const char *pattern, size_t *length) {
    const size_t n = strlen(pattern);
    if (strncmp(path, pattern, n) != 0) return NULL;
    const char *child = path + n;
    if (n > 0 && *child++ != '.') return NULL;
    *length = strcspn(child, ".[");
    return child;
}

/* Levenshtein's distance; `b` is one of our keys, so short. */
static size_t distance(const char *a, const char *b, size_t b_length) {
    enum { MOST = 64 };
    size_t row[MOST + 1];
    assert(b_length <= MOST);
    for (size_t j = 0; j <= b_length; j++) row[j] = j;
    for (size_t i = 1; a[i - 1]; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b_length; j++) {
            const size_t change = diagonal + (a[i - 1] != b[j - 1]);
            const size_t step = (row[j] < row[j - 1] ? row[j] : row[j - 1]) + 1;
            diagonal = row[j];
            row[j] = change < step ? change : step;
        }
    }
    return row[b_length];
}

/* The pattern of the keys that an object takes beside its own; NULL: there are none. */
static const char *base_pattern(const char *pattern, char out[MMOE_PATH_SIZE]) {
    const mmoe_key_list *list = mmoe_key_list_at(pattern);
    if (!list || !list->base) return NULL;
    snprintf(out, MMOE_PATH_SIZE, "%s[]", list->base->path);
    return out;
}

/* As child_of, of keys that the object takes beside its own, too. */
static const char *taken_child(const mmoe_key *key, const char *pattern, size_t *length) {
    char base[MMOE_PATH_SIZE];
    const char *child = child_of(key->doc.path, pattern, length);
    return !child && !key->is_own && base_pattern(pattern, base)
               ? child_of(key->doc.path, base, length)
               : child;
}

/* The path of our key, below the object that was asked for where that takes it. */
static void show_ours(const char *ours, const char *pattern, char out[MMOE_PATH_SIZE]) {
    const mmoe_key *key;
    size_t length;
    snprintf(out, MMOE_PATH_SIZE, "%s", ours);
    if (child_of(ours, pattern, &length)) return;
    for (size_t i = 0; (key = mmoe_key_at(i)); i++) {
        const char *child = strcmp(key->doc.path, ours) ? NULL : taken_child(key, pattern, &length);
        if (child) snprintf(out, MMOE_PATH_SIZE, "%s.%s", pattern, child);
    }
}

static mmoe_status unknown_key(const reader *r, const node *parent, const char *key,
                               const char *path) {
    char allowed[400] = "";
    const char *nearest = "", *previous = "";
    size_t nearest_length = 0, previous_length = 0, best = SIZE_MAX, used = 0;
    const mmoe_key *entry;
    for (size_t i = 0; (entry = mmoe_key_at(i)); i++) {
        size_t length;
        const char *child = taken_child(entry, parent->pattern, &length);
        if (!child || entry->is_again ||
            (length == previous_length && strncmp(child, previous, length) == 0))
            continue;
        used += (size_t)snprintf(allowed + used, sizeof allowed - used, "%s%.*s", used ? ", " : "",
                                 (int)length, child);
        assert(used < sizeof allowed);
        const size_t d = strlen(key) <= 256 ? distance(key, child, length) : SIZE_MAX - 1;
        if (d < best) {
            best = d;
            nearest = child;
            nearest_length = length;
        }
        previous = child;
        previous_length = length;
    }
    const char *ours = mmoe_peer_word_ours(parent->pattern, key);
    if (ours) {
        char shown[MMOE_PATH_SIZE];
        show_ours(ours, parent->pattern, shown);
        return mmoe_key_fail(&r->place, path, "unknown key; here it is %s. Allowed are %s", shown,
                             allowed);
    }
    return mmoe_key_fail(&r->place, path, "unknown key; did you mean \"%.*s\"? Allowed are %s",
                         (int)nearest_length, nearest, allowed);
}

static mmoe_status read_object(const reader *r, const json_t *object, const node *at);

/* `list` NULL: of the configuration itself. */
static mmoe_status store_defaults(const reader *r, const mmoe_key_list *list, void *item) {
    mmoe_status status = MMOE_OK;
    const mmoe_key *key;
    for (size_t i = 0; status == MMOE_OK && (key = mmoe_key_at(i)); i++) {
        const bool is_taken =
            list ? mmoe_key_list_takes(list, key) : key->scope == MMOE_SCOPE_CONFIG;
        void *home = is_taken ? mmoe_key_home(key, item) : NULL;
        if (home) status = mmoe_key_store_default(key, &r->config->alloc, home);
    }
    return status ? mmoe_fail_memory(r->place.err, 0) : MMOE_OK;
}

/* The kind of a column: that of the deciding key which is there, of which there may be one. */
static mmoe_status choose_kind(const reader *r, const mmoe_key_list *list, const json_t *item,
                               const char *path, const mmoe_column_kind **out) {
    const char *decides = NULL;
    const mmoe_column_kind *kind;
    *out = mmoe_column_kind_default(list->shape);
    for (int32_t i = 0; (kind = mmoe_column_kind_at(i)); i++) {
        const char *key = kind->is_decided ? mmoe_key_name(kind->keys) : NULL;
        if (kind->shape != list->shape || !key || !json_object_get(item, key)) continue;
        if (decides)
            return mmoe_key_fail(&r->place, path,
                                 "\"%s\" and \"%s\" both say what becomes of a value; give one",
                                 decides, key);
        decides = key;
        *out = kind;
    }
    return MMOE_OK;
}

/* Gives a column its encoder; the defaults of the list's own keys stand already. */
static mmoe_status begin_item(const reader *r, const mmoe_key_list *list, const json_t *item,
                              const node *at) {
    const mmoe_column_kind *kind;
    mmoe_status status = list->has_kinds ? choose_kind(r, list, item, at->path, &kind) : MMOE_OK;
    if (status || !list->has_kinds) return status;
    mmoe_encoder *encoder = mmoe_encoder_create(kind, &r->config->alloc);
    *mmoe_key_encoder(list, at->scope) = encoder;
    for (int32_t i = 0; encoder && !status && i < kind->n_key; i++)
        status = mmoe_key_store_default(kind->keys + i, &r->config->alloc, encoder);
    return encoder && !status ? MMOE_OK : mmoe_fail_memory(r->place.err, kind->size);
}

/* The key of a list's items that has the name text[0 .. length). */
static const mmoe_key *key_named(const mmoe_key_list *list, const char *text, size_t length) {
    const mmoe_key *key;
    for (size_t i = 0; (key = mmoe_key_at(i)); i++) {
        const char *name = mmoe_key_name(key);
        if (mmoe_key_list_takes(list, key) && strlen(name) == length &&
            strncmp(name, text, length) == 0)
            break;
    }
    return key;
}

/* Beside a key that is there, those in whose place it stands are not. */
static mmoe_status replace_keys(const reader *r, const mmoe_key_list *list, const mmoe_key *key,
                                const json_t *item, const node *at) {
    const char *name = mmoe_key_name(key);
    size_t length;
    if (!key->instead || !json_object_get(item, name)) return MMOE_OK;
    for (const char *other = key->instead; *other; other += length + (other[length] != '\0')) {
        length = strcspn(other, " ");
        const mmoe_key *replaced = key_named(list, other, length);
        if (json_object_get(item, mmoe_key_name(replaced)))
            return mmoe_key_fail(&r->place, at->path,
                                 "\"%s\" stands in the place of \"%s\"; give one", name,
                                 mmoe_key_name(replaced));
        mmoe_key_clear(replaced, &r->config->alloc, at->scope);
    }
    return MMOE_OK;
}

static mmoe_status read_item(const reader *r, const mmoe_key_list *list, const json_t *item,
                             const node *at) {
    if (!json_is_object(item))
        return mmoe_key_fail(&r->place, at->path, "an object is needed here");
    mmoe_status status = begin_item(r, list, item, at);
    if (status == MMOE_OK) status = read_object(r, item, at);
    const mmoe_key *key;
    for (size_t i = 0; status == MMOE_OK && (key = mmoe_key_at(i)); i++) {
        if (!mmoe_key_list_takes(list, key)) continue;
        const char *name = strstr(key->doc.path, "[].") + 3;
        if (key->required && !json_object_get(item, name))
            status = mmoe_key_fail(&r->place, at->path, "\"%s\" is missing", name);
        else
            status = replace_keys(r, list, key, item, at);
    }
    return status;
}

static mmoe_status read_list(const reader *r, const mmoe_key_list *list, const json_t *array,
                             const char *path) {
    const size_t n = json_array_size(array);
    if (!json_is_array(array) || n > (size_t)list->most)
        return mmoe_key_fail(&r->place, path, "an array of at most %d objects is needed here",
                             list->most);
    char *items = mmoe_alloc_zero(&r->config->alloc, n, list->size);
    if (!items) return mmoe_fail_memory(r->place.err, n * list->size);
    const int32_t count = (int32_t)n;
    memcpy((char *)r->config + list->items, &items, sizeof items);
    memcpy((char *)r->config + list->count, &count, sizeof count);
    mmoe_status status = MMOE_OK;
    for (size_t i = 0; status == MMOE_OK && i < n; i++)
        status = store_defaults(r, list, items + i * list->size);
    char item_path[MMOE_PATH_SIZE + 32], pattern[MMOE_PATH_SIZE];
    snprintf(pattern, sizeof pattern, "%s[]", list->path);
    for (size_t i = 0; status == MMOE_OK && i < n; i++) {
        snprintf(item_path, sizeof item_path, "%s[%zu]", path, i);
        status = read_item(r, list, json_array_get(array, i),
                           &(node){item_path, pattern, items + i * list->size});
    }
    return status;
}

/* The kind of the column that has a key. */
static const mmoe_column_kind *kind_of(const mmoe_key *key, void *item) {
    return (*mmoe_key_encoder(mmoe_key_list_of(key->scope), item))->kind;
}

static mmoe_status store_value(const reader *r, const mmoe_key *key, const json_t *value,
                               void *item, const char *path) {
    void *home = mmoe_key_home(key, item);
    if (home) return mmoe_key_store(key, value, &r->config->alloc, home, &r->place, path);
    /* It belongs to another kind of column. */
    const mmoe_column_kind *owner = mmoe_key_owner(key);
    if (!owner->is_decided)
        return mmoe_key_fail(&r->place, path,
                             "\"%s\" says already what becomes of a value; without it this key is "
                             "allowed",
                             mmoe_key_name(kind_of(key, item)->keys));
    char shown[40] = "";
    const size_t n = json_dumpb(value, shown, sizeof shown - 1, JSON_ENCODE_ANY | JSON_COMPACT);
    return mmoe_key_fail(&r->place, path, "%s needs %s beside it",
                         n < sizeof shown ? shown : "this value", mmoe_key_name(owner->keys));
}

static mmoe_status read_value(const reader *r, const char *name, const json_t *value,
                              const node *parent) {
    char path[MMOE_PATH_SIZE], pattern[MMOE_PATH_SIZE];
    join(path, parent->path, name);
    join(pattern, parent->pattern, name);
    const mmoe_key *key, *others = NULL; /* of another kind of column */
    for (size_t i = 0; (key = mmoe_key_at(i)); i++) {
        size_t length;
        const char *child = taken_child(key, parent->pattern, &length);
        if (!child || strlen(name) != length || strncmp(child, name, length) != 0) continue;
        if (child[length] == '\0' && !mmoe_key_home(key, parent->scope)) {
            if (!others) others = key;
            continue;
        }
        if (child[length] == '\0') return store_value(r, key, value, parent->scope, path);
        if (child[length] == '[') return read_list(r, mmoe_key_list_of(key->scope), value, path);
        if (!json_is_object(value))
            return mmoe_key_fail(&r->place, path, "an object is needed here");
        return read_object(r, value, &(node){path, pattern, parent->scope});
    }
    return others ? store_value(r, others, value, parent->scope, path)
                  : unknown_key(r, parent, name, path);
}

static mmoe_status read_object(const reader *r, const json_t *object, const node *at) {
    /* jansson's iterators take no const object, but only read it. */
    json_t *readable = json_incref((json_t *)(uintptr_t)object);
    mmoe_status status = MMOE_OK;
    for (void *entry = json_object_iter(readable); entry && status == MMOE_OK;
         entry = json_object_iter_next(readable, entry))
        status = read_value(r, json_object_iter_key(entry), json_object_iter_value(entry), at);
    json_decref(readable);
    return status;
}

mmoe_status mmoe_config_from_json(const json_t *root, mmoe_config *config,
                                  const mmoe_key_place *place) {
    const reader r = {config, *place};
    if (!json_is_object(root)) return mmoe_key_fail(place, "", "a configuration is an object");
    mmoe_status status = store_defaults(&r, NULL, config);
    if (status == MMOE_OK) status = read_object(&r, root, &(node){"", "", config});
    return status ? status : mmoe_config_check(root, config, place);
}

/* The object at the keys before the last one of `path`, made where it lacks; *last is that last
 * key. NULL: no memory. */
static json_t *make_objects(json_t *object, const char *path, const char **last) {
    for (const char *dot; object && (dot = strchr(path, '.')); path = dot + 1) {
        char name[MMOE_PATH_SIZE];
        snprintf(name, sizeof name, "%.*s", (int)(dot - path), path);
        json_t *child = json_object_get(object, name);
        if (!child && !json_object_set_new(object, name, json_object()))
            child = json_object_get(object, name);
        object = child;
    }
    *last = path;
    return object;
}

static bool put(json_t *object, const char *path, const mmoe_key *key, const void *scope,
                const mmoe_config *config) {
    json_t *value;
    const char *last;
    if (mmoe_key_load(key, scope, config, &value)) return false;
    if (!value) return true;
    object = make_objects(object, path, &last);
    if (object) return json_object_set_new(object, last, value) == 0;
    json_decref(value);
    return false;
}

static json_t *make_list(json_t *root, const mmoe_key_list *list, int32_t count) {
    const char *last;
    json_t *parent = make_objects(root, list->path, &last);
    json_t *array = parent ? json_object_get(parent, last) : NULL;
    if (!parent || array) return array;
    if (json_object_set_new(parent, last, json_array())) return NULL;
    array = json_object_get(parent, last);
    for (int32_t i = 0; i < count; i++)
        if (json_array_append_new(array, json_object())) return NULL;
    return array;
}

/* A key of all items of a list that takes it. A list that has a base is not written empty. */
static bool put_in_list(json_t *root, const mmoe_key *key, const mmoe_key_list *list,
                        const mmoe_config *config) {
    char *items;
    int32_t count;
    memcpy(&items, (const char *)config + list->items, sizeof items);
    memcpy(&count, (const char *)config + list->count, sizeof count);
    if (list->base && count == 0) return true;
    json_t *array = make_list(root, list, count);
    const char *path = strstr(key->doc.path, "[].") + 3;
    for (int32_t i = 0; array && i < count; i++) {
        const void *home = mmoe_key_home(key, items + (size_t)i * list->size);
        if (home && !put(json_array_get(array, (size_t)i), path, key, home, config)) return false;
    }
    return array != NULL;
}

static bool put_key(json_t *root, const mmoe_key *key, const mmoe_config *config) {
    if (key->scope == MMOE_SCOPE_CONFIG) return put(root, key->doc.path, key, config, config);
    bool is_put = true;
    for (size_t i = 0; is_put && i < MMOE_KEY_LISTS; i++)
        if (mmoe_key_list_takes(&mmoe_key_lists[i], key))
            is_put = put_in_list(root, key, &mmoe_key_lists[i], config);
    return is_put;
}

json_t *mmoe_config_to_json(const mmoe_config *config) {
    json_t *root = json_object();
    const mmoe_key *key;
    for (size_t i = 0; root && (key = mmoe_key_at(i)); i++) {
        if (!mmoe_key_is_taken(key, config) || put_key(root, key, config)) continue;
        json_decref(root);
        root = NULL;
    }
    return root;
}
