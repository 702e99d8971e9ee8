#include "data/growing.h"

#include "base/error.h"
#include "data/encode.h"
#include "data/list_values.h"

/* ---- Before and behind ---- */

static bool grows(const mmoe_table *t) { return t->encoder->kind->add && !t->is_frozen; }

mmoe_status mmoe_growing_begin(mmoe_growing *g, struct mmoe_schema *schema, int64_t most,
                               const mmoe_allocator *alloc, mmoe_error *err) {
    const size_t n = (size_t)schema->n_table;
    *g = (mmoe_growing){.alloc = *alloc, .schema = schema, .most = most};
    g->before = mmoe_alloc_zero(alloc, n, sizeof *g->before);
    if (!g->before) return mmoe_fail_memory(err, n * sizeof *g->before);
    for (size_t i = 0; i < n; i++)
        if (grows(&schema->tables[i]))
            g->before[i] = mmoe_vocab_at(mmoe_encoder_vocab(schema->tables[i].encoder));
    return MMOE_OK;
}

int64_t mmoe_growing_rows(const mmoe_growing *g) {
    int64_t rows = 0;
    for (int32_t i = 0; i < g->schema->n_table; i++)
        if (g->before[i].rows) rows += g->schema->tables[i].encoder->rows - g->before[i].rows;
    return rows;
}

void mmoe_growing_count(const mmoe_growing *g) {
    for (int32_t i = 0; i < g->schema->n_table; i++)
        if (g->before[i].rows) g->schema->tables[i].rows = g->schema->tables[i].encoder->rows;
}

static void end_table(mmoe_table *t, mmoe_vocab_place before, bool back) {
    mmoe_vocab *v = mmoe_encoder_vocab(t->encoder);
    const mmoe_vocab_place now = mmoe_vocab_at(v);
    if (back && (now.rows != before.rows || now.is_int != before.is_int))
        mmoe_vocab_retreat(v, before);
    else
        mmoe_vocab_settle(v);
    t->rows = t->encoder->rows = mmoe_vocab_rows(v);
}

void mmoe_growing_end(mmoe_growing *g, bool back) {
    for (int32_t i = 0; g->before && i < g->schema->n_table; i++)
        if (g->before[i].rows) end_table(&g->schema->tables[i], g->before[i], back);
    mmoe_release(&g->alloc, g->before);
    g->before = NULL;
}

/* ---- Values ---- */

/* Of a column, and whom its unknown values are given to. */
typedef struct learner {
    mmoe_growing *growing;
    mmoe_table *table;
} learner;

static const char *add_value(void *context, mmoe_part value, mmoe_cell *cell) {
    const learner *l = context;
    mmoe_encoder *e = l->table->encoder;
    const char *fault =
        grows(l->table) ? e->kind->add(e, value.text, value.length, l->growing->most, cell) : NULL;
    l->growing->left_out += !fault && cell->state == MMOE_CELL_UNKNOWN;
    return fault;
}

static mmoe_values values_of(const mmoe_growing *g, const mmoe_batch *batch, int32_t column) {
    const mmoe_sparse_column *c = &g->schema->sparse[column];
    return (mmoe_values){.encoder = g->schema->tables[c->table].encoder,
                         .name = c->name,
                         .column = &batch->sparse_columns[column],
                         .rows = c->list < 0 ? batch->rows : batch->list_columns[c->list].count,
                         .reading = &g->schema->reading};
}

static mmoe_status fail_list(const mmoe_sparse_column *c, size_t row, const char *fault,
                             mmoe_error *err) {
    return mmoe_fail_at(err, MMOE_E_ARGUMENT, NULL, (int64_t)row + 1, c->name, "%s", fault);
}

/* Row `row` of a column, one value or a list. */
static mmoe_status learn_cell(mmoe_growing *g, const mmoe_batch *batch, int32_t column, size_t row,
                              mmoe_error *err) {
    const mmoe_sparse_column *c = &g->schema->sparse[column];
    learner l = {g, &g->schema->tables[c->table]};
    const mmoe_unknown unknown = {add_value, &l};
    mmoe_values v = values_of(g, batch, column);
    v.unknown = &unknown;
    v.first = row;
    v.rows = 1;
    if (c->list >= 0) {
        const mmoe_list_column *list = &batch->list_columns[c->list];
        const char *fault = mmoe_list_fault(&c->how, list, row);
        if (fault) return fail_list(c, row, fault, err);
        const mmoe_list_span kept =
            mmoe_list_kept(&c->how, list->offsets[row], list->offsets[row + 1]);
        v.first = kept.begin;
        v.rows = kept.end - kept.begin;
        v.is_list = true;
        v.row = row;
    }
    return mmoe_encode_ids(&v, NULL, 0, err);
}

/* All rows of a column of one value, which nobody shares the table with. */
static mmoe_status learn_column(mmoe_growing *g, const mmoe_batch *batch, int32_t column,
                                mmoe_error *err) {
    learner l = {g, &g->schema->tables[g->schema->sparse[column].table]};
    const mmoe_unknown unknown = {add_value, &l};
    mmoe_values v = values_of(g, batch, column);
    v.unknown = &unknown;
    return mmoe_encode_ids(&v, NULL, 0, err);
}

/* ---- Columns ---- */

/* Raw values of a table that has a vocabulary. */
static bool is_learned(const mmoe_growing *g, const mmoe_batch *batch, int32_t column) {
    return g->schema->tables[g->schema->sparse[column].table].encoder->kind->add &&
           mmoe_value_is_raw(batch->sparse_columns[column].type);
}

static bool is_alone(const struct mmoe_schema *s, int32_t column) {
    int32_t sharing = 0;
    for (int32_t i = 0; i < s->n_sparse; i++)
        sharing += s->sparse[i].table == s->sparse[column].table;
    return sharing == 1 && s->sparse[column].list < 0;
}

static mmoe_status check_columns(const mmoe_growing *g, const mmoe_batch *batch, const char *call,
                                 mmoe_error *err) {
    const struct mmoe_schema *s = g->schema;
    if (s->n_sparse && !batch->sparse_columns)
        return mmoe_fail(err, MMOE_E_ARGUMENT,
                         "%s: the batch has row numbers; values are learned as they stand in files "
                         "(columns)",
                         call);
    if ((batch->sparse_count || batch->dense_count) && batch->sparse_count != (size_t)s->n_sparse)
        return mmoe_fail(err, MMOE_E_ARGUMENT,
                         "%s: batch.sparse_count is %zu; the schema has %d columns", call,
                         batch->sparse_count, (int)s->n_sparse);
    mmoe_status status = MMOE_OK;
    for (int32_t i = 0; !status && i < s->n_sparse; i++) {
        const mmoe_sparse_column *c = &s->sparse[i];
        if (!is_learned(g, batch, i)) continue;
        if (c->list >= 0 && (!batch->list_columns || !batch->list_columns[c->list].offsets))
            return mmoe_fail_at(err, MMOE_E_ARGUMENT, NULL, 0, c->name,
                                "%s: the column is a list and lacks offsets", call);
        const mmoe_values v = values_of(g, batch, i);
        status = mmoe_values_check(&v, call, err);
    }
    return status;
}

/* Columns that have a vocabulary in common, and lists: row after row, as in a file. */
static mmoe_status learn_rows(mmoe_growing *g, const mmoe_batch *batch, const int32_t *columns,
                              int32_t count, mmoe_error *err) {
    mmoe_status status = MMOE_OK;
    for (size_t row = 0; !status && count && row < batch->rows; row++)
        for (int32_t i = 0; !status && i < count; i++)
            status = learn_cell(g, batch, columns[i], row, err);
    return status;
}

mmoe_status mmoe_growing_learn(mmoe_growing *g, const mmoe_batch *batch, const char *call,
                               mmoe_error *err) {
    const struct mmoe_schema *s = g->schema;
    mmoe_status status = check_columns(g, batch, call, err);
    if (status || !s->n_sparse) return status;
    int32_t *others = mmoe_alloc(&g->alloc, (size_t)s->n_sparse, sizeof *others), count = 0;
    if (!others) return mmoe_fail_memory(err, (size_t)s->n_sparse * sizeof *others);
    for (int32_t i = 0; !status && i < s->n_sparse; i++) {
        if (!is_learned(g, batch, i)) continue;
        if (is_alone(s, i))
            status = learn_column(g, batch, i, err);
        else
            others[count++] = i;
    }
    if (!status) status = learn_rows(g, batch, others, count, err);
    mmoe_release(&g->alloc, others);
    return status;
}
