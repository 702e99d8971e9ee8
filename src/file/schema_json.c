#include "file/schema_json.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/words.h"
#include "data/texts.h"
#include "file/encoder_json.h"
#include "file/reading_json.h"
#include "file/label_json.h"
#include "file/list_json.h"
#include "mmoe/train.h"

static const char *const sides[] = {MMOE_SIDES(MMOE_WORD)};

#define COUNT(array) ((int32_t)(sizeof(array) / sizeof *(array)))

/* ---- Writing ---- */

static json_t *table_json(const mmoe_schema *schema, int32_t i) {
    const mmoe_table *t = schema->tables + i;
    json_t *json = mmoe_padding_to_json(
        mmoe_encoder_to_json(json_pack("{s:s, s:I, s:i}", "name", t->name, "rows",
                                       (json_int_t)t->rows, "dim", (int)t->dim),
                             t->encoder),
        t->padding);
    if (!json || !t->is_frozen || json_object_set_new(json, "frozen", json_true()) == 0)
        return json;
    json_decref(json);
    return NULL;
}

/* The side is written where it is the user's, the column where it is not of the feature's name: a
 * file without them is one that older versions read. Takes `json`. */
static json_t *with_place(json_t *json, mmoe_side side, const char *column) {
    bool ok = json;
    if (ok && side != MMOE_SIDE_ITEM)
        ok = json_object_set_new(json, "side", json_string(sides[side])) == 0;
    if (ok && column) ok = json_object_set_new(json, "column", json_string(column)) == 0;
    if (ok) return json;
    json_decref(json);
    return NULL;
}

static json_t *sparse_json(const mmoe_schema *schema, int32_t i) {
    const mmoe_sparse_column *c = schema->sparse + i;
    return mmoe_list_to_json(
        with_place(json_pack("{s:s, s:i}", "name", c->name, "table", (int)c->table), c->side,
                   c->column),
        c);
}

/* What stands for a missing number, and whether it is told; nothing where it is an error. */
static bool put_missing(json_t *json, const mmoe_dense_column *d) {
    const int32_t width = mmoe_encoder_width(d->encoder);
    if (!d->gap.fill) return true;
    json_t *array = json_array();
    bool ok = json_object_set_new(json, "missing", array) == 0;
    for (int32_t i = 0; ok && i < width; i++)
        ok = json_array_append_new(array, mmoe_double_to_json((double)d->gap.fill[i])) == 0;
    return ok && (!d->indicator || json_object_set_new(json, "indicator", json_true()) == 0);
}

static json_t *dense_json(const mmoe_schema *schema, int32_t i) {
    const mmoe_dense_column *d = schema->dense + i;
    json_t *json = with_place(mmoe_encoder_to_json(json_pack("{s:s}", "name", d->name), d->encoder),
                              d->side, d->column);
    if (!json || put_missing(json, d)) return json;
    json_decref(json);
    return NULL;
}

static json_t *label_json(const mmoe_schema *schema, int32_t i) {
    return mmoe_label_to_json(schema->labels + i);
}

static int put_array(json_t *json, const char *key, const mmoe_schema *schema, int32_t count,
                     json_t *(*entry)(const mmoe_schema *, int32_t)) {
    json_t *array = json_array();
    if (json_object_set_new(json, key, array)) return -1;
    for (int32_t i = 0; i < count; i++)
        if (json_array_append_new(array, entry(schema, i))) return -1;
    return 0;
}

json_t *mmoe_schema_to_json(const mmoe_schema *schema) {
    json_t *json = json_object();
    if (!json) return NULL;
    if (put_array(json, "tables", schema, schema->n_table, table_json) ||
        put_array(json, "sparse", schema, schema->n_sparse, sparse_json) ||
        put_array(json, "dense", schema, schema->n_dense, dense_json) ||
        put_array(json, "labels", schema, schema->n_label, label_json) ||
        (schema->weight && json_object_set_new(json, "weight", json_string(schema->weight))) ||
        mmoe_reading_to_json(json, &schema->reading)) {
        json_decref(json);
        return NULL;
    }
    return json;
}

/* ---- Reading ---- */

static mmoe_status read_table(mmoe_entry *e, int32_t i) {
    mmoe_table *table = e->r->schema->tables + i;
    int64_t dim = 0;
    mmoe_status status = mmoe_entry_text(e, "name", &table->name);
    if (status == MMOE_OK) status = mmoe_entry_integer(e, "rows", 1, INT32_MAX, &table->rows);
    if (status == MMOE_OK) status = mmoe_entry_integer(e, "dim", 1, 65536, &dim);
    if (status) return status;
    table->dim = (int32_t)dim;
    const json_t *frozen = json_object_get(e->json, "frozen");
    if (frozen && !json_is_true(frozen)) return mmoe_entry_fail(e, "frozen", "true is needed");
    table->is_frozen = frozen != NULL;
    status = mmoe_padding_from_json(e, &table->padding);
    return status ? status : mmoe_encoder_from_json(e, MMOE_SHAPE_ID, table->rows, &table->encoder);
}

static mmoe_status read_place(const mmoe_entry *e, mmoe_side *out, char **column) {
    int32_t side = MMOE_SIDE_ITEM;
    mmoe_status status = json_object_get(e->json, "side")
                             ? mmoe_entry_word(e, "side", sides, COUNT(sides), &side)
                             : MMOE_OK;
    *out = (mmoe_side)side;
    if (status == MMOE_OK && json_object_get(e->json, "column"))
        status = mmoe_entry_text(e, "column", column);
    return status;
}

static mmoe_status read_sparse(mmoe_entry *e, int32_t i) {
    mmoe_sparse_column *column = e->r->schema->sparse + i;
    int64_t table = 0;
    mmoe_status status = mmoe_entry_text(e, "name", &column->name);
    if (status == MMOE_OK) status = read_place(e, &column->side, &column->column);
    if (status == MMOE_OK)
        status = mmoe_entry_integer(e, "table", 0, (int64_t)e->r->schema->n_table - 1, &table);
    if (status == MMOE_OK) column->table = (int32_t)table;
    return status ? status : mmoe_list_from_json(e, column);
}

/* Of an encoder that stands. */
static mmoe_status read_missing(const mmoe_entry *e, mmoe_dense_column *c) {
    const json_t *array = json_object_get(e->json, "missing"),
                 *indicator = json_object_get(e->json, "indicator");
    const size_t width = (size_t)mmoe_encoder_width(c->encoder);
    if (indicator && (!json_is_true(indicator) || !array))
        return mmoe_entry_fail(e, "indicator", "true, beside \"missing\", is needed");
    if (!array && mmoe_encoder_has_gaps(c->encoder))
        return mmoe_entry_fail(e, "gaps", "\"missing\" beside it is needed");
    c->indicator = indicator;
    if (!array) return MMOE_OK;
    if (json_array_size(array) != width)
        return mmoe_entry_fail(e, "missing", "an array of %zu numbers is needed", width);
    c->gap.fill = mmoe_alloc(&e->r->alloc, width, sizeof *c->gap.fill);
    if (!c->gap.fill) return mmoe_fail_memory(e->r->err, width * sizeof *c->gap.fill);
    for (size_t i = 0; i < width; i++) {
        double input;
        if (!mmoe_double_from_json(json_array_get(array, i), &input) || !isfinite((float)input))
            return mmoe_entry_fail(
                e, "missing", "number %zu is no string with a number of single precision", i + 1);
        c->gap.fill[i] = (float)input;
    }
    return MMOE_OK;
}

static mmoe_status read_dense(mmoe_entry *e, int32_t i) {
    mmoe_dense_column *column = e->r->schema->dense + i;
    mmoe_status status = mmoe_entry_text(e, "name", &column->name);
    if (status == MMOE_OK) status = read_place(e, &column->side, &column->column);
    if (status == MMOE_OK)
        status = mmoe_encoder_from_json(e, MMOE_SHAPE_NUMBER, 0, &column->encoder);
    return status ? status : read_missing(e, column);
}

static mmoe_status read_label(mmoe_entry *e, int32_t i) {
    return mmoe_label_from_json(e, e->r->schema->labels + i);
}

/* An array of objects and where it goes in the schema. */
typedef struct part {
    const char *key;
    size_t n_keys, size, items, count;
    const char *const *optional; /* keys that may be absent, NULL behind the last */
    mmoe_status (*read)(mmoe_entry *, int32_t);
} part;

#define PART(key_, n_keys_, type, items_, count_, optional_, read_)                                \
    {                                                                                              \
        key_, n_keys_, sizeof(type), offsetof(struct mmoe_schema, items_),                         \
            offsetof(struct mmoe_schema, count_), optional_, read_                                 \
    }
static const char *const table_keys[] = {"padding", "frozen", NULL},
                         *const sparse_keys[] = {"side",    "column", "columns",
                                                 "padding", "list",   NULL},
                         *const dense_keys[] = {"side", "column", "missing", "indicator", NULL};

/* Columns name tables, so tables come first. */
static const part parts[] = {
    PART("tables", 3, mmoe_table, tables, n_table, table_keys, read_table),
    PART("sparse", 2, mmoe_sparse_column, sparse, n_sparse, sparse_keys, read_sparse),
    PART("dense", 1, mmoe_dense_column, dense, n_dense, dense_keys, read_dense),
    PART("labels", 3, mmoe_label_column, labels, n_label, mmoe_label_keys, read_label),
};

/* The array is zero and in the schema before it is filled, so that a schema half read can be freed.
 */
static mmoe_status read_part(const mmoe_entry *root, const part *p) {
    enum { MOST = 1 << 20 };
    const mmoe_schema_reader *r = root->r;
    const json_t *array = json_object_get(root->json, p->key);
    const size_t n = json_array_size(array);
    if (!json_is_array(array) || n > MOST)
        return mmoe_entry_fail(root, p->key, "an array of at most %d objects is needed", MOST);
    void *items = mmoe_alloc_zero(&r->alloc, n, p->size);
    if (!items) return mmoe_fail_memory(r->err, n * p->size);
    const int32_t count = (int32_t)n;
    memcpy((char *)r->schema + p->items, &items, sizeof items);
    memcpy((char *)r->schema + p->count, &count, sizeof count);
    mmoe_status status = MMOE_OK;
    for (size_t i = 0; status == MMOE_OK && i < n; i++) {
        mmoe_entry e = {r, json_array_get(array, i), "", (int32_t)i, p->n_keys};
        snprintf(e.at, sizeof e.at, "%s[%zu]", p->key, i);
        if (!json_is_object(e.json)) return mmoe_entry_fail(&e, "", "an object is needed");
        status = p->read(&e, (int32_t)i);
        for (const char *const *key = p->optional; *key; key++)
            e.n_keys += json_object_get(e.json, *key) != NULL;
        if (status == MMOE_OK && json_object_size(e.json) != e.n_keys)
            status = mmoe_entry_fail(&e, "", "a key is unknown");
    }
    return status;
}

static mmoe_status enter(const mmoe_entry *root, json_t *names, const char *name) {
    if (json_object_get(names, name))
        return mmoe_entry_fail(root, "", "the name \"%.60s\" stands twice", name);
    return json_object_set_new(names, name, json_true())
               ? mmoe_fail_memory(root->r->err, strlen(name))
               : MMOE_OK;
}

/* Whether a feature of another name reads the column. */
static bool is_read(const mmoe_schema *s, const char *column) {
    for (int32_t i = 0; i < s->n_sparse; i++)
        if ((s->sparse[i].column && strcmp(s->sparse[i].column, column) == 0) ||
            mmoe_texts_have(&s->sparse[i].columns, column))
            return true;
    for (int32_t i = 0; i < s->n_dense; i++)
        if (s->dense[i].column && strcmp(s->dense[i].column, column) == 0) return true;
    return false;
}

/* A label or weight is no feature, by its name or by the column that it reads; several tasks may
 * have one label. */
static mmoe_status check_names(const mmoe_entry *root, json_t *columns, json_t *tasks) {
    const mmoe_schema *s = root->r->schema;
    mmoe_status status = MMOE_OK;
    for (int32_t i = 0; status == MMOE_OK && i < s->n_sparse; i++)
        status = enter(root, columns, s->sparse[i].name);
    for (int32_t i = 0; status == MMOE_OK && i < s->n_dense; i++)
        status = enter(root, columns, s->dense[i].name);
    if (status == MMOE_OK && s->weight) status = enter(root, columns, s->weight);
    if (status == MMOE_OK && s->weight && is_read(s, s->weight))
        status = mmoe_entry_fail(root, "weight", "\"%.60s\" is a feature's column", s->weight);
    for (int32_t i = 0; status == MMOE_OK && i < s->n_label; i++) {
        if (json_object_get(columns, s->labels[i].name))
            return mmoe_entry_fail(root, "", "the name \"%.60s\" stands twice", s->labels[i].name);
        if (is_read(s, s->labels[i].name))
            return mmoe_entry_fail(root, "", "the label \"%.60s\" is a feature's column",
                                   s->labels[i].name);
        status = enter(root, tasks, s->labels[i].task);
    }
    return status;
}

/* A table bears the name of a column that uses it. */
static mmoe_status check_tables(const mmoe_entry *root) {
    const mmoe_schema *s = root->r->schema;
    int8_t *owned = mmoe_alloc_zero(&root->r->alloc, (size_t)s->n_table, 1);
    if (!owned) return mmoe_fail_memory(root->r->err, (size_t)s->n_table);
    for (int32_t i = 0; i < s->n_sparse; i++)
        if (strcmp(s->sparse[i].name, s->tables[s->sparse[i].table].name) == 0)
            owned[s->sparse[i].table] = 1;
    mmoe_status status = MMOE_OK;
    for (int32_t i = 0; status == MMOE_OK && i < s->n_table; i++)
        if (!owned[i])
            status = mmoe_entry_fail(root, "tables",
                                     "\"%.60s\" is not the name of a column that uses it",
                                     s->tables[i].name);
    mmoe_release(&root->r->alloc, owned);
    return status;
}

static mmoe_status check_schema(const mmoe_entry *root) {
    const mmoe_schema *s = root->r->schema;
    if (s->n_sparse + s->n_dense == 0) return mmoe_entry_fail(root, "", "it has no features");
    if (s->n_label == 0) return mmoe_entry_fail(root, "labels", "at least one is needed");
    json_t *columns = json_object(), *tasks = json_object();
    mmoe_status status =
        columns && tasks ? check_names(root, columns, tasks) : mmoe_fail_memory(root->r->err, 0);
    json_decref(columns);
    json_decref(tasks);
    return status ? status : check_tables(root);
}

static mmoe_status read_schema(const mmoe_entry *root) {
    const mmoe_schema_reader *r = root->r;
    const json_t *json = root->json;
    if (!json_is_object(json)) return mmoe_entry_fail(root, "", "an object is needed");
    mmoe_status status = MMOE_OK;
    for (int32_t i = 0; status == MMOE_OK && i < COUNT(parts); i++)
        status = read_part(root, parts + i);
    const bool weighted = json_object_get(json, "weight") != NULL;
    if (status == MMOE_OK && weighted) status = mmoe_entry_text(root, "weight", &r->schema->weight);
    size_t count = (size_t)COUNT(parts) + weighted;
    if (status == MMOE_OK) status = mmoe_reading_from_json(root, &r->schema->reading, &count);
    if (status == MMOE_OK && json_object_size(json) != count)
        status = mmoe_entry_fail(root, "", "a key is unknown");
    if (status == MMOE_OK) status = check_schema(root);
    if (status == MMOE_OK && mmoe_schema_lay(r->schema, NULL))
        status = mmoe_entry_fail(root, "dense", "the features have too many numbers");
    return status;
}

mmoe_status mmoe_schema_from_json(const json_t *json, const char *file, mmoe_vocab_source vocabs,
                                  const mmoe_allocator *alloc, mmoe_schema **out, mmoe_error *err) {
    const mmoe_allocator a = mmoe_allocator_or_default(alloc);
    mmoe_schema *schema = mmoe_alloc_zero(&a, 1, sizeof *schema);
    if (!schema) return mmoe_fail_memory(err, sizeof *schema);
    schema->alloc = a;
    const mmoe_schema_reader r = {file, err, a, schema, vocabs};
    const mmoe_status status = read_schema(&(mmoe_entry){&r, json, "", 0, 0});
    if (status == MMOE_OK)
        *out = schema;
    else
        mmoe_schema_free(schema);
    return status;
}
