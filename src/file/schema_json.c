#include "file/schema_json.h"

#include <assert.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/text.h"
#include "base/words.h"
#include "data/column_kinds.h"
#include "mmoe/train.h"

#define TASK_TYPE_WORD(name, word, labels, metrics) #word,
static const char *const task_types[] = {MMOE_TASK_TYPES(TASK_TYPE_WORD)};
static const char *const label_transforms[] = {MMOE_LABEL_TRANSFORMS(MMOE_WORD)};
static const char *const sides[] = {MMOE_SIDES(MMOE_WORD)};

#define VOCABULARIES(X) X(VOCABULARY_NONE, none) X(VOCABULARY_INT, int) X(VOCABULARY_STRING, string)
enum { VOCABULARIES(MMOE_ENUMERATOR) };
static const char *const vocabularies[] = {VOCABULARIES(MMOE_WORD)};

#define COUNT(array) ((int32_t)(sizeof(array) / sizeof *(array)))

/* ---- Writing ---- */

static json_t *double_text(double value) {
    char text[MMOE_NUMBER_SIZE];
    return json_stringn(text, mmoe_format_double(value, text));
}

/* ---- Encoders ---- */

/* Tables of these two kinds were once the only ones: their entries bear no kind, but both oov_id
 * and vocabulary, which tell them apart. Numbers of no named kind are of the kind "number". */
static bool is_unnamed(const mmoe_column_kind *kind) {
    return kind == &mmoe_column_row || kind == &mmoe_column_vocabulary ||
           kind == &mmoe_column_number;
}

static const mmoe_key *key_of(const mmoe_column_kind *kind, int32_t i) {
    return i < kind->n_key ? kind->keys + i : kind->fitted + (i - kind->n_key);
}

static int32_t n_keys(const mmoe_column_kind *kind) { return kind->n_key + kind->n_fitted; }

/* What stands in each entry of a table is not repeated among the keys of its kind. */
static bool is_written(const mmoe_key *key, const mmoe_column_kind *kind) {
    return kind->shape != MMOE_SHAPE_ID || key->offset != offsetof(mmoe_encoder, rows);
}

static json_t *numbers_json(const mmoe_numbers *numbers) {
    json_t *array = json_array();
    for (size_t i = 0; array && i < numbers->count; i++)
        if (json_array_append_new(array, double_text(numbers->items[i]))) {
            json_decref(array);
            array = NULL;
        }
    return array;
}

static json_t *word_json(const mmoe_key *key, int32_t value) {
    size_t length;
    const char *word = mmoe_key_word_of(key->doc.allowed, value - key->first, &length);
    return json_stringn(word, length);
}

static json_t *value_json(const mmoe_encoder *e, const mmoe_key *key) {
    const void *at = (const char *)e + key->offset;
    switch (key->kind) {
    case MMOE_KEY_INT32:
        return json_integer(*(const int32_t *)at);
    case MMOE_KEY_INT64:
        return json_integer(*(const int64_t *)at);
    case MMOE_KEY_UINT64:
        return json_integer((json_int_t) * (const uint64_t *)at);
    case MMOE_KEY_FLOAT:
        return double_text((double)*(const float *)at);
    case MMOE_KEY_DOUBLE:
        return double_text(*(const double *)at);
    case MMOE_KEY_BOOL:
        return json_boolean(*(const bool *)at);
    case MMOE_KEY_WORD:
        return word_json(key, *(const int32_t *)at);
    case MMOE_KEY_TEXT:
        return json_string(*(char *const *)at);
    case MMOE_KEY_NUMBERS:
        return numbers_json(at);
    case MMOE_KEY_VOCABULARY:
        return json_string(mmoe_vocab_is_int(*(mmoe_vocab *const *)at) ? "int" : "string");
    default:
        assert(!"a type that no column kind has");
        return NULL;
    }
}

/* Adds the values of an encoder to its entry. Takes `json`. */
static json_t *with_encoder(json_t *json, const mmoe_encoder *e) {
    const mmoe_column_kind *kind = e->kind;
    bool ok = json;
    if (ok && !is_unnamed(kind))
        ok = json_object_set_new(json, "kind", json_string(kind->word)) == 0;
    if (ok && kind == &mmoe_column_vocabulary)
        ok = json_object_set_new(json, "oov_id", json_integer(-1)) == 0;
    for (int32_t i = 0; ok && i < n_keys(kind); i++) {
        const mmoe_key *key = key_of(kind, i);
        if (is_written(key, kind))
            ok = json_object_set_new(json, mmoe_key_name(key), value_json(e, key)) == 0;
    }
    if (ok && kind == &mmoe_column_row)
        ok = json_object_set_new(json, "vocabulary", json_string("none")) == 0;
    if (ok) return json;
    json_decref(json);
    return NULL;
}

/* ---- Entries ---- */

static json_t *table_json(const mmoe_schema *schema, int32_t i) {
    const mmoe_table *t = schema->tables + i;
    return with_encoder(json_pack("{s:s, s:I, s:i}", "name", t->name, "rows", (json_int_t)t->rows,
                                  "dim", (int)t->dim),
                        t->encoder);
}

/* The side is written where it is the user's: a file without sides is one that older versions read.
 * Takes `json`. */
static json_t *with_side(json_t *json, mmoe_side side) {
    if (!json || side == MMOE_SIDE_ITEM ||
        json_object_set_new(json, "side", json_string(sides[side])) == 0)
        return json;
    json_decref(json);
    return NULL;
}

static json_t *sparse_json(const mmoe_schema *schema, int32_t i) {
    const mmoe_sparse_column *c = schema->sparse + i;
    return with_side(json_pack("{s:s, s:i}", "name", c->name, "table", (int)c->table), c->side);
}

static json_t *dense_json(const mmoe_schema *schema, int32_t i) {
    const mmoe_dense_column *d = schema->dense + i;
    return with_side(with_encoder(json_pack("{s:s}", "name", d->name), d->encoder), d->side);
}

/* What not all labels have is written where they have it, as sides are. Both take `json`. */
static json_t *with_texts(json_t *json, const mmoe_label_column *l) {
    if (json &&
        (!l->positive || !json_object_set_new(json, "positive", json_string(l->positive))) &&
        (!l->negative || !json_object_set_new(json, "negative", json_string(l->negative))))
        return json;
    json_decref(json);
    return NULL;
}

static json_t *with_scale(json_t *json, const mmoe_label_scale *scale) {
    if (!json || scale->transform == MMOE_LABEL_NONE ||
        !json_object_set_new(
            json, "label_transform",
            json_pack("{s:s, s:o, s:o}", "transform", label_transforms[scale->transform], "shift",
                      double_text(scale->shift), "unit", double_text(scale->unit))))
        return json;
    json_decref(json);
    return NULL;
}

static json_t *label_json(const mmoe_schema *schema, int32_t i) {
    const mmoe_label_column *l = schema->labels + i;
    json_t *json = json_pack("{s:s, s:s, s:s}", "name", l->name, "task", l->task, "type",
                             mmoe_task_type_name((int)l->type));
    return with_scale(with_texts(json, l), &l->scale);
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
        (schema->weight && json_object_set_new(json, "weight", json_string(schema->weight)))) {
        json_decref(json);
        return NULL;
    }
    return json;
}

/* ---- Reading ---- */

typedef struct reader {
    const char *file;
    mmoe_error *err;
    mmoe_allocator alloc;
    mmoe_schema *schema;
    mmoe_vocab_source vocab;
    void *user;
} reader;

/* An object of the tree; `at` is its place, "tables[3]". */
typedef struct entry {
    const reader *r;
    const json_t *json;
    char at[40];
    int32_t index; /* in its array */
    size_t n_keys; /* that it may have */
} entry;

__attribute__((format(printf, 3, 4))) static mmoe_status fail(const entry *e, const char *key,
                                                              const char *format, ...) {
    char sentence[300];
    va_list args;
    va_start(args, format);
    vsnprintf(sentence, sizeof sentence, format, args);
    va_end(args);
    return mmoe_fail_at(e->r->err, MMOE_E_FORMAT, e->r->file, 0, NULL, "schema: %s%s%s: %s", e->at,
                        *e->at && *key ? "." : "", key, sentence);
}

static mmoe_status get_text(const entry *e, const char *key, char **out) {
    const json_t *value = json_object_get(e->json, key);
    const char *text = json_string_value(value);
    if (!text || strlen(text) != json_string_length(value))
        return fail(e, key, "a string is needed");
    *out = mmoe_copy_text(&e->r->alloc, text, strlen(text));
    return *out ? MMOE_OK : mmoe_fail_memory(e->r->err, strlen(text) + 1);
}

static mmoe_status get_integer(const entry *e, const char *key, int64_t low, int64_t high,
                               int64_t *out) {
    const json_t *value = json_object_get(e->json, key);
    if (!json_is_integer(value) || json_integer_value(value) < low ||
        json_integer_value(value) > high)
        return fail(e, key, "an integer from %lld to %lld is needed", (long long)low,
                    (long long)high);
    *out = json_integer_value(value);
    return MMOE_OK;
}

static bool is_double(const json_t *value, double *out) {
    const char *text = json_string_value(value);
    return text && mmoe_parse_double(text, json_string_length(value), out) && isfinite(*out);
}

static mmoe_status get_double(const entry *e, const char *key, double *out) {
    return is_double(json_object_get(e->json, key), out)
               ? MMOE_OK
               : fail(e, key, "a string with a finite number is needed");
}

static mmoe_status get_word(const entry *e, const char *key, const char *const *words,
                            int32_t n_words, int32_t *out) {
    const char *text = json_string_value(json_object_get(e->json, key));
    for (int32_t i = 0; text && i < n_words; i++) {
        if (strcmp(text, words[i]) != 0) continue;
        *out = i;
        return MMOE_OK;
    }
    return fail(e, key, "\"%.60s\" is none of its words", text ? text : "");
}

/* ---- Reading encoders ---- */

static mmoe_status get_vocabulary(const entry *e, int64_t rows, mmoe_vocab **out) {
    int32_t kind = VOCABULARY_NONE;
    mmoe_status status = get_word(e, "vocabulary", vocabularies, COUNT(vocabularies), &kind);
    if (status) return status;
    const bool is_text = kind == VOCABULARY_STRING;
    const char *name = json_string_value(json_object_get(e->json, "name"));
    status = e->r->vocab(e->r->user, e->index, name, is_text, rows, out, e->r->err);
    if (status) return status;
    if (mmoe_vocab_rows(*out) != rows)
        return fail(e, "rows", "%lld rows, but the vocabulary has %lld", (long long)rows,
                    (long long)mmoe_vocab_rows(*out));
    if (mmoe_vocab_is_int(*out) == is_text)
        return fail(e, "vocabulary", "its keys are of another type");
    return MMOE_OK;
}

static mmoe_status get_numbers(const entry *e, const mmoe_key *key, mmoe_numbers *out) {
    const char *name = mmoe_key_name(key);
    const json_t *array = json_object_get(e->json, name);
    const size_t n = json_array_size(array);
    if (!json_is_array(array) || n < (size_t)key->least || n > (size_t)key->most)
        return fail(e, name, "an array of %d to %d numbers is needed", (int)key->least,
                    (int)key->most);
    out->items = mmoe_alloc(&e->r->alloc, n, sizeof *out->items);
    if (!out->items) return mmoe_fail_memory(e->r->err, n * sizeof *out->items);
    out->count = n;
    for (size_t i = 0; i < n; i++)
        if (!is_double(json_array_get(array, i), &out->items[i]))
            return fail(e, name, "number %zu is no string with a finite number", i + 1);
    return MMOE_OK;
}

/* The word as the enumerator of its key. */
static mmoe_status get_key_word(const entry *e, const mmoe_key *key, int32_t *out) {
    const char *text = json_string_value(json_object_get(e->json, mmoe_key_name(key)));
    const int32_t index = text ? mmoe_key_word_index(key->doc.allowed, text) : -1;
    if (index < 0)
        return fail(e, mmoe_key_name(key), "\"%.60s\" is none of its words", text ? text : "");
    *out = key->first + index;
    return MMOE_OK;
}

static mmoe_status get_key_integer(const entry *e, const mmoe_key *key, int64_t *out) {
    const json_t *value = json_object_get(e->json, mmoe_key_name(key));
    if (json_is_integer(value) && !key->doc.default_value &&
        json_integer_value(value) == key->absent) {
        *out = key->absent;
        return MMOE_OK;
    }
    return get_integer(e, mmoe_key_name(key), (int64_t)key->low, (int64_t)key->high, out);
}

static mmoe_status get_value(const entry *e, const mmoe_key *key, mmoe_encoder *encoder) {
    void *at = (char *)encoder + key->offset;
    int64_t integer = 0;
    double number = 0;
    mmoe_status status = MMOE_OK;
    switch (key->kind) {
    case MMOE_KEY_INT32:
        if (!(status = get_key_integer(e, key, &integer))) *(int32_t *)at = (int32_t)integer;
        return status;
    case MMOE_KEY_INT64:
        return get_key_integer(e, key, at);
    case MMOE_KEY_UINT64:
        if (!(status = get_key_integer(e, key, &integer))) *(uint64_t *)at = (uint64_t)integer;
        return status;
    case MMOE_KEY_FLOAT:
        if (!(status = get_double(e, mmoe_key_name(key), &number))) *(float *)at = (float)number;
        return status;
    case MMOE_KEY_DOUBLE:
        return get_double(e, mmoe_key_name(key), at);
    case MMOE_KEY_BOOL:
        *(bool *)at = json_is_true(json_object_get(e->json, mmoe_key_name(key)));
        return MMOE_OK;
    case MMOE_KEY_WORD:
        return get_key_word(e, key, at);
    case MMOE_KEY_TEXT:
        return get_text(e, mmoe_key_name(key), at);
    case MMOE_KEY_NUMBERS:
        return get_numbers(e, key, at);
    case MMOE_KEY_VOCABULARY:
        return get_vocabulary(e, encoder->rows, at);
    default:
        assert(!"a type that no column kind has");
        return MMOE_E_FORMAT;
    }
}

/* The kind of an entry, and how many of its keys say it. */
static mmoe_status find_kind(const entry *e, mmoe_column_shape shape, const mmoe_column_kind **out,
                             size_t *keys) {
    const json_t *word = json_object_get(e->json, "kind");
    int32_t vocabulary = VOCABULARY_NONE;
    *keys = 1;
    if (word) {
        const char *text = json_string_value(word);
        *out = text ? mmoe_column_kind_named(text) : NULL;
        if (!*out || (*out)->shape != shape || is_unnamed(*out))
            return fail(e, "kind", "\"%.60s\" is none of its words", text ? text : "");
        return MMOE_OK;
    }
    *out = &mmoe_column_number;
    *keys = 0;
    if (shape == MMOE_SHAPE_NUMBER) return MMOE_OK;
    const mmoe_status status =
        get_word(e, "vocabulary", vocabularies, COUNT(vocabularies), &vocabulary);
    *out = vocabulary == VOCABULARY_NONE ? &mmoe_column_row : &mmoe_column_vocabulary;
    *keys = 1; /* oov_id of the one, vocabulary of the other */
    if (status || vocabulary == VOCABULARY_NONE) return status;
    int64_t none;
    if (get_integer(e, "oov_id", -1, -1, &none))
        return fail(e, "oov_id", "a table with a vocabulary has none");
    return MMOE_OK;
}

/* Fills *out, which its entry owns at once; adds its keys to *count. */
static mmoe_status read_encoder(const entry *e, mmoe_column_shape shape, int64_t rows,
                                mmoe_encoder **out, size_t *count) {
    const mmoe_column_kind *kind;
    size_t keys;
    mmoe_status status = find_kind(e, shape, &kind, &keys);
    if (status) return status;
    *out = mmoe_encoder_create(kind, &e->r->alloc);
    if (!*out) return mmoe_fail_memory(e->r->err, kind->size);
    (*out)->rows = rows;
    for (int32_t i = 0; !status && i < n_keys(kind); i++) {
        if (!is_written(key_of(kind, i), kind)) continue;
        status = get_value(e, key_of(kind, i), *out);
        keys++;
    }
    *count += keys;
    const char *fault = NULL, *key = "";
    char room[MMOE_FAULT_SIZE];
    if (!status && kind->check) fault = kind->check(*out, room, &key);
    return fault ? fail(e, key, "%s", fault) : status;
}

static mmoe_status read_table(entry *e, int32_t i) {
    mmoe_table *table = e->r->schema->tables + i;
    int64_t dim = 0;
    mmoe_status status = get_text(e, "name", &table->name);
    if (status == MMOE_OK) status = get_integer(e, "rows", 1, INT32_MAX, &table->rows);
    if (status == MMOE_OK) status = get_integer(e, "dim", 1, 65536, &dim);
    if (status) return status;
    table->dim = (int32_t)dim;
    return read_encoder(e, MMOE_SHAPE_ID, table->rows, &table->encoder, &e->n_keys);
}

static mmoe_status read_side(const entry *e, mmoe_side *out) {
    int32_t side = MMOE_SIDE_ITEM;
    mmoe_status status = json_object_get(e->json, "side")
                             ? get_word(e, "side", sides, COUNT(sides), &side)
                             : MMOE_OK;
    *out = (mmoe_side)side;
    return status;
}

static mmoe_status read_sparse(entry *e, int32_t i) {
    mmoe_sparse_column *column = e->r->schema->sparse + i;
    int64_t table = 0;
    mmoe_status status = get_text(e, "name", &column->name);
    if (status == MMOE_OK) status = read_side(e, &column->side);
    if (status == MMOE_OK)
        status = get_integer(e, "table", 0, (int64_t)e->r->schema->n_table - 1, &table);
    if (status == MMOE_OK) column->table = (int32_t)table;
    return status;
}

static mmoe_status read_dense(entry *e, int32_t i) {
    mmoe_dense_column *column = e->r->schema->dense + i;
    mmoe_status status = get_text(e, "name", &column->name);
    if (status == MMOE_OK) status = read_side(e, &column->side);
    if (status) return status;
    return read_encoder(e, MMOE_SHAPE_NUMBER, 0, &column->encoder, &e->n_keys);
}

static mmoe_status read_scale(const entry *e, mmoe_label_scale *out) {
    entry of = {e->r, json_object_get(e->json, "label_transform"), ""};
    int32_t transform = 0;
    snprintf(of.at, sizeof of.at, "%.20s.label_transform", e->at);
    *out = (mmoe_label_scale){.unit = 1};
    if (!of.json) return MMOE_OK;
    if (!json_is_object(of.json) || json_object_size(of.json) != 3)
        return fail(&of, "", "an object of three keys is needed");
    mmoe_status status =
        get_word(&of, "transform", label_transforms, COUNT(label_transforms), &transform);
    if (status == MMOE_OK) status = get_double(&of, "shift", &out->shift);
    if (status == MMOE_OK) status = get_double(&of, "unit", &out->unit);
    if (status) return status;
    out->transform = (mmoe_label_transform)transform;
    return out->unit > 0 ? MMOE_OK : fail(&of, "unit", "a number above 0 is needed");
}

static mmoe_status read_optional(const entry *e, const char *key, char **out) {
    return json_object_get(e->json, key) ? get_text(e, key, out) : MMOE_OK;
}

static mmoe_status read_label(entry *e, int32_t i) {
    mmoe_label_column *label = e->r->schema->labels + i;
    int32_t type = 0;
    mmoe_status status = get_text(e, "name", &label->name);
    if (status == MMOE_OK) status = get_text(e, "task", &label->task);
    if (status == MMOE_OK) status = get_word(e, "type", task_types, COUNT(task_types), &type);
    if (status == MMOE_OK) status = read_optional(e, "positive", &label->positive);
    if (status == MMOE_OK) status = read_optional(e, "negative", &label->negative);
    if (status == MMOE_OK) status = read_scale(e, &label->scale);
    if (status == MMOE_OK) label->type = (mmoe_task_type)type;
    return status;
}

/* An array of objects and where it goes in the schema. */
typedef struct part {
    const char *key;
    size_t n_keys, size, items, count;
    const char *const *optional; /* keys that may be absent, NULL behind the last */
    mmoe_status (*read)(entry *, int32_t);
} part;

#define PART(key_, n_keys_, type, items_, count_, optional_, read_)                                \
    {                                                                                              \
        key_, n_keys_, sizeof(type), offsetof(struct mmoe_schema, items_),                         \
            offsetof(struct mmoe_schema, count_), optional_, read_                                 \
    }
static const char *const no_keys[] = {NULL}, *const side_keys[] = {"side", NULL},
                         *const label_keys[] = {"positive", "negative", "label_transform", NULL};

/* Columns name tables, so tables come first. */
static const part parts[] = {
    PART("tables", 3, mmoe_table, tables, n_table, no_keys, read_table),
    PART("sparse", 2, mmoe_sparse_column, sparse, n_sparse, side_keys, read_sparse),
    PART("dense", 1, mmoe_dense_column, dense, n_dense, side_keys, read_dense),
    PART("labels", 3, mmoe_label_column, labels, n_label, label_keys, read_label),
};

/* The array is zero and in the schema before it is filled, so that a schema half read can be freed.
 */
static mmoe_status read_part(const entry *root, const part *p) {
    enum { MOST = 1 << 20 };
    const reader *r = root->r;
    const json_t *array = json_object_get(root->json, p->key);
    const size_t n = json_array_size(array);
    if (!json_is_array(array) || n > MOST)
        return fail(root, p->key, "an array of at most %d objects is needed", MOST);
    void *items = mmoe_alloc_zero(&r->alloc, n, p->size);
    if (!items) return mmoe_fail_memory(r->err, n * p->size);
    const int32_t count = (int32_t)n;
    memcpy((char *)r->schema + p->items, &items, sizeof items);
    memcpy((char *)r->schema + p->count, &count, sizeof count);
    mmoe_status status = MMOE_OK;
    for (size_t i = 0; status == MMOE_OK && i < n; i++) {
        entry e = {r, json_array_get(array, i), "", (int32_t)i, p->n_keys};
        snprintf(e.at, sizeof e.at, "%s[%zu]", p->key, i);
        if (!json_is_object(e.json)) return fail(&e, "", "an object is needed");
        status = p->read(&e, (int32_t)i);
        for (const char *const *key = p->optional; *key; key++)
            e.n_keys += json_object_get(e.json, *key) != NULL;
        if (status == MMOE_OK && json_object_size(e.json) != e.n_keys)
            status = fail(&e, "", "a key is unknown");
    }
    return status;
}

static mmoe_status enter(const entry *root, json_t *names, const char *name) {
    if (json_object_get(names, name))
        return fail(root, "", "the name \"%.60s\" stands twice", name);
    return json_object_set_new(names, name, json_true())
               ? mmoe_fail_memory(root->r->err, strlen(name))
               : MMOE_OK;
}

/* A column has one use, but several tasks may have one label. */
static mmoe_status check_names(const entry *root, json_t *columns, json_t *tasks) {
    const mmoe_schema *s = root->r->schema;
    mmoe_status status = MMOE_OK;
    for (int32_t i = 0; status == MMOE_OK && i < s->n_sparse; i++)
        status = enter(root, columns, s->sparse[i].name);
    for (int32_t i = 0; status == MMOE_OK && i < s->n_dense; i++)
        status = enter(root, columns, s->dense[i].name);
    if (status == MMOE_OK && s->weight) status = enter(root, columns, s->weight);
    for (int32_t i = 0; status == MMOE_OK && i < s->n_label; i++) {
        if (json_object_get(columns, s->labels[i].name))
            return fail(root, "", "the name \"%.60s\" stands twice", s->labels[i].name);
        status = enter(root, tasks, s->labels[i].task);
    }
    return status;
}

/* A table bears the name of a column that uses it. */
static mmoe_status check_tables(const entry *root) {
    const mmoe_schema *s = root->r->schema;
    int8_t *owned = mmoe_alloc_zero(&root->r->alloc, (size_t)s->n_table, 1);
    if (!owned) return mmoe_fail_memory(root->r->err, (size_t)s->n_table);
    for (int32_t i = 0; i < s->n_sparse; i++)
        if (strcmp(s->sparse[i].name, s->tables[s->sparse[i].table].name) == 0)
            owned[s->sparse[i].table] = 1;
    mmoe_status status = MMOE_OK;
    for (int32_t i = 0; status == MMOE_OK && i < s->n_table; i++)
        if (!owned[i])
            status = fail(root, "tables", "\"%.60s\" is not the name of a column that uses it",
                          s->tables[i].name);
    mmoe_release(&root->r->alloc, owned);
    return status;
}

static mmoe_status check_schema(const entry *root) {
    const mmoe_schema *s = root->r->schema;
    if (s->n_sparse + s->n_dense == 0) return fail(root, "", "it has no features");
    if (s->n_label == 0) return fail(root, "labels", "at least one is needed");
    json_t *columns = json_object(), *tasks = json_object();
    mmoe_status status =
        columns && tasks ? check_names(root, columns, tasks) : mmoe_fail_memory(root->r->err, 0);
    json_decref(columns);
    json_decref(tasks);
    return status ? status : check_tables(root);
}

static mmoe_status read_schema(const entry *root) {
    const reader *r = root->r;
    const json_t *json = root->json;
    if (!json_is_object(json)) return fail(root, "", "an object is needed");
    mmoe_status status = MMOE_OK;
    for (int32_t i = 0; status == MMOE_OK && i < COUNT(parts); i++)
        status = read_part(root, parts + i);
    const bool weighted = json_object_get(json, "weight") != NULL;
    if (status == MMOE_OK && weighted) status = get_text(root, "weight", &r->schema->weight);
    if (status == MMOE_OK && json_object_size(json) != (size_t)COUNT(parts) + weighted)
        status = fail(root, "", "a key is unknown");
    return status ? status : check_schema(root);
}

mmoe_status mmoe_schema_from_json(const json_t *json, const char *file, mmoe_vocab_source vocab,
                                  void *user, const mmoe_allocator *alloc, mmoe_schema **out,
                                  mmoe_error *err) {
    const mmoe_allocator a = mmoe_allocator_or_default(alloc);
    mmoe_schema *schema = mmoe_alloc_zero(&a, 1, sizeof *schema);
    if (!schema) return mmoe_fail_memory(err, sizeof *schema);
    schema->alloc = a;
    const reader r = {file, err, a, schema, vocab, user};
    const mmoe_status status = read_schema(&(entry){&r, json, "", 0, 0});
    if (status == MMOE_OK)
        *out = schema;
    else
        mmoe_schema_free(schema);
    return status;
}
