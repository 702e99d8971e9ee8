#include "data/schema_adopt.h"

#include "base/error.h"
#include "data/texts.h"
#include "mmoe/train.h"

typedef struct mmoe_schema schema;

/* ---- The columns of the file that was learned from ---- */

static bool add_name(mmoe_texts *names, const char *name, const mmoe_allocator *alloc) {
    return mmoe_texts_have(names, name) || mmoe_texts_add(names, name, strlen(name), alloc);
}

static bool add_sparse_names(mmoe_texts *names, const mmoe_sparse_column *c,
                             const mmoe_allocator *alloc) {
    if (!c->columns.items) return add_name(names, mmoe_feature_column(c->name, c->column), alloc);
    bool ok = true;
    for (size_t i = 0; ok && i < c->columns.count; i++)
        ok = add_name(names, c->columns.items[i], alloc);
    return ok;
}

static bool list_names(const schema *s, const mmoe_allocator *alloc, mmoe_texts *names) {
    size_t count = (size_t)s->n_dense + (size_t)s->n_label + 1;
    for (int32_t i = 0; i < s->n_sparse; i++) count += s->sparse[i].columns.count + 1;
    bool ok = mmoe_texts_start(names, count, alloc);
    for (int32_t i = 0; ok && i < s->n_sparse; i++)
        ok = add_sparse_names(names, &s->sparse[i], alloc);
    for (int32_t i = 0; ok && i < s->n_dense; i++)
        ok = add_name(names, mmoe_feature_column(s->dense[i].name, s->dense[i].column), alloc);
    for (int32_t i = 0; ok && i < s->n_label; i++) ok = add_name(names, s->labels[i].name, alloc);
    return ok && (!s->weight || add_name(names, s->weight, alloc));
}

/* ---- What differs ---- */

static bool are_same(const char *a, const char *b) { return !a || !b ? a == b : !strcmp(a, b); }

static bool have_same_texts(const mmoe_texts *a, const mmoe_texts *b) {
    bool same = a->count == b->count;
    for (size_t i = 0; same && i < a->count; i++) same = are_same(a->items[i], b->items[i]);
    return same;
}

static bool have_same_columns(const mmoe_sparse_column *a, const mmoe_sparse_column *b) {
    return are_same(a->column, b->column) && have_same_texts(&a->columns, &b->columns);
}

const char *mmoe_sparse_difference(const schema *bound, const schema *learned, int32_t i) {
    const mmoe_sparse_column *a = &bound->sparse[i], *b = &learned->sparse[i];
    if (!have_same_columns(a, b)) return "column";
    if (a->table != b->table) return "shared_with";
    if ((a->list < 0) != (b->list < 0)) return "separator";
    if (a->how.separator != b->how.separator) return "separator";
    if (a->how.weight_separator != b->how.weight_separator) return "weight_separator";
    if (a->how.brackets != b->how.brackets) return "brackets";
    if (a->how.max_len != b->how.max_len) return "max_len";
    if (a->how.truncate != b->how.truncate) return "truncate";
    const mmoe_encoder *x = bound->tables[a->table].encoder, *y = learned->tables[b->table].encoder;
    const char *key = mmoe_encoder_difference(x, y);
    return key ? key : mmoe_encoder_difference(y, x);
}

/* What stands for a missing number, which is the mean or a value. */
static bool have_same_gap(const mmoe_dense_column *bound, const mmoe_dense_column *learned) {
    char room[MMOE_FAULT_SIZE];
    mmoe_gap gap = {.rule = bound->gap.rule};
    if (mmoe_gap_is_open(&gap) != (learned->gap.fill != NULL)) return false;
    if (!learned->gap.fill || gap.rule.word == MMOE_MISSING_MEAN) return true;
    const size_t size = (size_t)mmoe_encoder_width(learned->encoder) * sizeof *gap.fill;
    const bool same = !mmoe_gap_settle(&gap, learned->encoder, room) && gap.fill &&
                      memcmp(gap.fill, learned->gap.fill, size) == 0;
    mmoe_gap_finish(&gap, &learned->encoder->alloc);
    return same;
}

static const char *dense_difference(const mmoe_dense_column *a, const mmoe_dense_column *b) {
    if (!are_same(a->column, b->column)) return "column";
    if (a->indicator != b->indicator) return "indicator";
    const char *key = mmoe_encoder_difference(a->encoder, b->encoder);
    if (!key) key = mmoe_encoder_difference(b->encoder, a->encoder);
    return key || have_same_gap(a, b) ? key : "missing";
}

const char *mmoe_label_difference(const mmoe_label_column *a, const mmoe_label_column *b) {
    if (!are_same(a->name, b->name)) return "label";
    if (a->type != b->type) return "type";
    if (a->scale.transform != b->scale.transform) return "label_transform";
    if (!are_same(a->text.strip, b->text.strip)) return "strip";
    if (!are_same(a->text.decimal, b->text.decimal)) return "decimal";
    if (!have_same_texts(&a->text.gaps, &b->text.gaps)) return "gaps";
    return a->positive && !are_same(a->positive, b->positive) ? "positive" : NULL;
}

static mmoe_status fail_at(const char *file, const char *name, const char *key, mmoe_error *err) {
    return mmoe_fail_at(err, MMOE_E_CONFIG, file, 0, name,
                        "the rows were packed with another \"%s\": pack them anew", key);
}

static mmoe_status compare(const schema *bound, const schema *learned, const char *file,
                           mmoe_error *err) {
    if (bound->n_sparse != learned->n_sparse || bound->n_dense != learned->n_dense ||
        bound->n_label != learned->n_label || !are_same(bound->weight, learned->weight))
        return mmoe_fail_at(err, MMOE_E_CONFIG, file, 0, NULL,
                            "the rows were packed with %d sparse features, %d dense ones and %d "
                            "tasks%s; the configuration has %d, %d and %d%s: pack them anew",
                            (int)learned->n_sparse, (int)learned->n_dense, (int)learned->n_label,
                            learned->weight ? " and a weight" : "", (int)bound->n_sparse,
                            (int)bound->n_dense, (int)bound->n_label,
                            bound->weight ? " and a weight" : "");
    for (int32_t i = 0; i < bound->n_sparse; i++) {
        const char *key = are_same(bound->sparse[i].name, learned->sparse[i].name)
                              ? mmoe_sparse_difference(bound, learned, i)
                              : "name";
        if (key) return fail_at(file, bound->sparse[i].name, key, err);
    }
    for (int32_t i = 0; i < bound->n_dense; i++) {
        const char *key = are_same(bound->dense[i].name, learned->dense[i].name)
                              ? dense_difference(&bound->dense[i], &learned->dense[i])
                              : "name";
        if (key) return fail_at(file, bound->dense[i].name, key, err);
    }
    for (int32_t i = 0; i < bound->n_label; i++) {
        const char *key = mmoe_label_difference(&bound->labels[i], &learned->labels[i]);
        if (key) return fail_at(file, bound->labels[i].name, key, err);
    }
    return MMOE_OK;
}

/* ---- What is the model's ---- */

static bool take_text(schema *to, const char *from, char **text) {
    mmoe_release(&to->alloc, *text);
    return mmoe_schema_text(to, from, text);
}

bool mmoe_schema_take_model_side(const schema *bound, schema *to) {
    bool ok = true;
    for (int32_t i = 0; i < to->n_table; i++) {
        const mmoe_table *from = &bound->tables[i];
        mmoe_table *t = &to->tables[i];
        t->dim = from->dim;
        t->padding = from->padding;
        t->is_frozen = from->is_frozen;
        ok &= take_text(to, from->pretrained, &t->pretrained);
        mmoe_table_settle(t);
    }
    for (int32_t i = 0; i < to->n_sparse; i++) {
        to->sparse[i].side = bound->sparse[i].side;
        to->sparse[i].padding = bound->sparse[i].padding;
        to->sparse[i].how.pooling = bound->sparse[i].how.pooling;
    }
    for (int32_t i = 0; i < to->n_dense; i++) to->dense[i].side = bound->dense[i].side;
    for (int32_t i = 0; i < to->n_label; i++)
        ok &= take_text(to, bound->labels[i].task, &to->labels[i].task);
    mmoe_reading_finish(&to->reading, &to->alloc);
    return mmoe_reading_copy(&bound->reading, &to->alloc, &to->reading) && ok;
}

mmoe_status mmoe_schema_adopt(const mmoe_schema_wanted *wanted, const schema *learned,
                              const mmoe_allocator *alloc, schema **out, mmoe_error *err) {
    mmoe_texts names = {0};
    schema *bound = NULL, *made = NULL;
    mmoe_status status = list_names(learned, alloc, &names)
                             ? mmoe_schema_bind(wanted, (const char *const *)names.items,
                                                names.count, alloc, &bound, err)
                             : mmoe_fail_memory(err, sizeof names);
    if (!status) status = compare(bound, learned, wanted->file, err);
    if (!status) status = mmoe_schema_copy(learned, alloc, &made, err);
    if (!status && !mmoe_schema_take_model_side(bound, made))
        status = mmoe_fail_memory(err, sizeof *made);
    mmoe_schema_free(bound);
    mmoe_texts_finish(&names, alloc);
    if (status)
        mmoe_schema_free(made);
    else
        *out = made;
    return status;
}
