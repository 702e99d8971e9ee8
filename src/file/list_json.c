#include "file/list_json.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/json_text.h"
#include "base/words.h"
#include "data/texts.h"

static const char *const truncations[] = {MMOE_TRUNCATIONS(MMOE_WORD)}, *const poolings[] = {
                                                                            MMOE_POOLINGS(
                                                                                MMOE_WORD)};

#define COUNT(array) ((int32_t)(sizeof(array) / sizeof *(array)))

/* Takes both. */
static json_t *with(json_t *json, const char *key, json_t *value) {
    if (!json)
        json_decref(value);
    else if (json_object_set_new(json, key, value) == 0)
        return json;
    json_decref(json);
    return NULL;
}

json_t *mmoe_padding_to_json(json_t *json, int64_t padding) {
    return padding < 0 ? json : with(json, "padding", json_integer(padding));
}

json_t *mmoe_list_to_json(json_t *json, const mmoe_sparse_column *c) {
    const mmoe_list_how *how = &c->how;
    const char separators[] = {how->separator, how->weight_separator, '\0'};
    json = mmoe_padding_to_json(json, c->padding);
    if (c->columns.items)
        json = with(json, "columns", mmoe_json_texts(c->columns.items, c->columns.count));
    if (c->list < 0) return json;
    json_t *list = json_pack("{s:i, s:s, s:s}", "max_len", (int)how->max_len, "truncate",
                             truncations[how->truncate], "pooling", poolings[how->pooling]);
    if (!c->columns.items) list = with(list, "separators", json_string(separators));
    if (how->brackets) list = with(list, "brackets", json_true());
    return with(json, "list", list);
}

mmoe_status mmoe_padding_from_json(const mmoe_entry *e, int64_t *out) {
    *out = -1;
    return json_object_get(e->json, "padding")
               ? mmoe_entry_integer(e, "padding", 0, INT32_MAX - 1, out)
               : MMOE_OK;
}

/* One character between elements, and another between element and weight. */
static mmoe_status read_separators(const mmoe_entry *e, mmoe_list_how *how) {
    const char *text = json_string_value(json_object_get(e->json, "separators"));
    if (!text || strlen(text) < 1 || strlen(text) > 2)
        return mmoe_entry_fail(e, "separators", "a string of one or two characters is needed");
    how->separator = text[0];
    how->weight_separator = text[1];
    return MMOE_OK;
}

/* The columns that a feature is made of. */
static mmoe_status read_columns(const mmoe_entry *e, mmoe_sparse_column *c) {
    const json_t *array = json_object_get(e->json, "columns");
    const bool is_list = json_object_get(e->json, "list");
    const size_t n = json_array_size(array), least = is_list ? 1 : 2,
                 most = is_list ? 1 << 20 : MMOE_MOST_PARTS;
    if (!array) return MMOE_OK;
    if (n < least || n > most || c->column)
        return mmoe_entry_fail(e, "columns", "an array of %zu to %zu names is needed", least, most);
    if (!is_list && !e->r->schema->tables[c->table].encoder->kind->join)
        return mmoe_entry_fail(e, "columns", "its table has rows of one value each");
    if (!mmoe_texts_start(&c->columns, n, &e->r->alloc))
        return mmoe_fail_memory(e->r->err, n * sizeof(char *));
    for (size_t i = 0; i < n; i++) {
        const json_t *name = json_array_get(array, i);
        const char *text = json_string_value(name);
        if (!text || !*text || strlen(text) != json_string_length(name))
            return mmoe_entry_fail(e, "columns", "string %zu is no name", i + 1);
        if (!mmoe_texts_add(&c->columns, text, strlen(text), &e->r->alloc))
            return mmoe_fail_memory(e->r->err, strlen(text) + 1);
    }
    return MMOE_OK;
}

mmoe_status mmoe_list_from_json(const mmoe_entry *e, mmoe_sparse_column *c) {
    int64_t max_len = 0;
    int32_t truncate = 0, pooling = 0;
    c->list = -1;
    mmoe_status status = mmoe_padding_from_json(e, &c->padding);
    if (!status) status = read_columns(e, c);
    const json_t *list = json_object_get(e->json, "list");
    if (status || !list) return status;
    mmoe_entry inner = {e->r, list, "", e->index, 0};
    snprintf(inner.at, sizeof inner.at, "%.30s.list", e->at);
    if (!c->columns.items) status = read_separators(&inner, &c->how);
    if (!status) status = mmoe_entry_integer(&inner, "max_len", 0, 65536, &max_len);
    if (!status)
        status = mmoe_entry_word(&inner, "truncate", truncations, COUNT(truncations), &truncate);
    if (!status) status = mmoe_entry_word(&inner, "pooling", poolings, COUNT(poolings), &pooling);
    if (status) return status;
    const json_t *brackets = json_object_get(list, "brackets");
    if (brackets && (!json_is_true(brackets) || c->columns.items || c->how.weight_separator))
        return mmoe_entry_fail(&inner, "brackets",
                               "only true, of cells without weights, is allowed");
    c->how.brackets = brackets;
    if (json_object_size(list) != (c->columns.items ? 3U : 4U) + (brackets != NULL))
        return mmoe_entry_fail(&inner, "", "a key is unknown");
    if (pooling == MMOE_POOL_CONCAT && max_len == 0)
        return mmoe_entry_fail(&inner, "max_len", "concat needs a length of at least 1");
    c->how.max_len = (int32_t)max_len;
    c->how.truncate = (mmoe_truncation)truncate;
    c->how.pooling = (mmoe_pooling)pooling;
    c->list = e->r->schema->n_list++;
    return MMOE_OK;
}
