/* mmoe_model_shrink: a copy of a model that knows only the values that some rows have. */
#include <inttypes.h>
#include <string.h>

#include "base/error.h"
#include "data/dataset.h"
#include "data/source.h"
#include "mmoe/train.h"
#include "model/members.h"

/* Of the tables of a schema, those whose kind keeps values by their rows. */
typedef struct shrinking {
    const mmoe_schema *schema;
    const mmoe_allocator *alloc;
    int64_t *
        *counts;    /* [tables] [rows of the table]: how often each stands; NULL: it stays whole */
    int32_t **rows; /* [tables] [rows]: where each goes, 0 of a value that does not stay */
    mmoe_schema *shrunk; /* what each member has a copy of; NULL until it stands */
} shrinking;

static const mmoe_encoder *encoder_of(const shrinking *s, int32_t table) {
    return s->schema->tables[table].encoder;
}

static void finish(shrinking *s) {
    for (int32_t i = 0; i < s->schema->n_table; i++) {
        if (s->counts) mmoe_release(s->alloc, s->counts[i]);
        if (s->rows) mmoe_release(s->alloc, s->rows[i]);
    }
    mmoe_release(s->alloc, s->counts);
    mmoe_release(s->alloc, s->rows);
    mmoe_schema_free(s->shrunk);
}

static mmoe_status start(shrinking *s, mmoe_error *err) {
    const size_t n = (size_t)s->schema->n_table;
    int32_t shrinks = 0;
    s->counts = mmoe_alloc_zero(s->alloc, n, sizeof *s->counts);
    s->rows = mmoe_alloc_zero(s->alloc, n, sizeof *s->rows);
    if (!s->counts || !s->rows) return mmoe_fail_memory(err, n * sizeof *s->rows);
    for (size_t i = 0; i < n; i++) {
        const mmoe_encoder *e = encoder_of(s, (int32_t)i);
        if (!e->kind->keep) continue;
        shrinks++;
        s->counts[i] = mmoe_alloc_zero(s->alloc, (size_t)e->rows, sizeof **s->counts);
        s->rows[i] = mmoe_alloc_zero(s->alloc, (size_t)e->rows, sizeof **s->rows);
        if (!s->counts[i] || !s->rows[i])
            return mmoe_fail_memory(err, (size_t)e->rows * sizeof **s->counts);
    }
    return shrinks ? MMOE_OK
                   : mmoe_fail(err, MMOE_E_ARGUMENT,
                               "no feature has learned a vocabulary, so there is nothing that "
                               "shrinks");
}

/* ---- Counting ---- */

static void count_ids(int64_t *counts, const mmoe_rows *rows, int32_t column) {
    const int32_t *id = rows->ids + column;
    for (int32_t r = 0; r < rows->rows; r++, id += rows->id_stride) counts[*id]++;
}

static void count_lists(int64_t *counts, const mmoe_rows *rows, int32_t list) {
    for (int32_t r = 0; r < rows->rows; r++) {
        const mmoe_list l = mmoe_list_of(&rows->lists, (size_t)r, list);
        for (int64_t k = 0; k < l.count; k++) counts[l.ids[k]]++;
    }
}

static void count_rows(const shrinking *s, const mmoe_rows *rows) {
    for (int32_t i = 0; i < s->schema->n_sparse; i++) {
        const mmoe_sparse_column *c = &s->schema->sparse[i];
        int64_t *counts = s->counts[c->table];
        if (counts && c->list < 0) count_ids(counts, rows, i);
        if (counts && c->list >= 0) count_lists(counts, rows, c->list);
    }
}

static mmoe_status count_values(const shrinking *s, const mmoe_dataset *set, mmoe_error *err) {
    const mmoe_source_order as_they_are = {.set = set, .most = MMOE_SLICE_ROWS};
    mmoe_source *source = NULL;
    mmoe_status status = mmoe_source_open(&as_they_are, s->alloc, &source, err);
    if (!status) status = mmoe_source_begin(source, 1, err);
    while (!status) {
        mmoe_rows rows;
        status = mmoe_source_next(source, MMOE_SLICE_ROWS, &rows, err);
        if (status || rows.rows == 0) break;
        count_rows(s, &rows);
    }
    mmoe_source_free(source);
    return status;
}

/* ---- Keeping ---- */

/* The last row that a configuration names by its number. */
static int64_t last_named(const mmoe_schema *s, int32_t table) {
    int64_t last = s->tables[table].padding;
    for (int32_t i = 0; i < s->n_sparse; i++)
        if (s->sparse[i].table == table && s->sparse[i].padding > last) last = s->sparse[i].padding;
    return last;
}

static mmoe_status choose_rows(const shrinking *s, int32_t table, int64_t least, mmoe_error *err) {
    const mmoe_table *t = &s->schema->tables[table];
    const int64_t named = last_named(s->schema, table);
    int32_t kept = 0;
    for (int64_t row = 1; row < t->rows; row++)
        if (s->counts[table][row] >= least || row <= named) s->rows[table][row] = ++kept;
    if (kept || t->rows == 1) return MMOE_OK;
    return mmoe_fail_at(err, MMOE_E_DATA, NULL, 0, t->name,
                        "none of its %" PRId64 " values stands %" PRId64 " times in the rows",
                        t->rows - 1, least);
}

static mmoe_status shrink_schema(const shrinking *s, int64_t least, mmoe_schema **out,
                                 mmoe_error *err) {
    mmoe_schema *made = NULL;
    mmoe_status status = MMOE_OK;
    for (int32_t i = 0; !status && i < s->schema->n_table; i++)
        if (s->counts[i]) status = choose_rows(s, i, least, err);
    if (!status) status = mmoe_schema_copy(s->schema, s->alloc, &made, err);
    if (status) return status;
    for (int32_t i = 0; !status && i < made->n_table; i++) {
        mmoe_table *t = &made->tables[i];
        if (s->rows[i]) status = t->encoder->kind->keep(t->encoder, s->rows[i], err);
        mmoe_table_settle(t);
    }
    if (status)
        mmoe_schema_free(made);
    else
        *out = made;
    return status;
}

static void copy_rows(const int32_t *rows, const mmoe_embedding *from, const float *x, float *to) {
    const size_t dim = (size_t)from->dim;
    for (int64_t r = 0; r < from->rows; r++)
        if (r == 0 || !rows || rows[r])
            memcpy(to + (size_t)(rows ? rows[r] : r) * dim, x + (size_t)r * dim, dim * sizeof *to);
}

static mmoe_status shrink_member(const mmoe_model *from, void *context, mmoe_model **out,
                                 mmoe_error *err) {
    const shrinking *s = context;
    mmoe_model_parts parts;
    mmoe_model *made;
    mmoe_schema *schema;
    mmoe_status status = mmoe_model_settle(&from->params, "the model is not shrunk", err);
    if (!status) status = mmoe_schema_copy(s->shrunk, s->alloc, &schema, err);
    if (!status) status = mmoe_model_parts_make(from->config, schema, s->alloc, &parts, err);
    if (!status) status = mmoe_model_assemble(&parts, s->alloc, &made, err);
    if (status) return status;
    mmoe_params *to = &made->params;
    mmoe_params_copy_layers(to, &from->params);
    for (int32_t i = 0; i < to->n_table; i++)
        copy_rows(s->rows[i], &from->params.tables[i], mmoe_params_rows(&from->params, i),
                  mmoe_params_rows(to, i));
    status = mmoe_meta_merge(&made->meta, &from->meta, "", s->alloc, err);
    mmoe_meta_clear(&made->meta, MMOE_META_TRAINING, s->alloc);
    if (status)
        mmoe_model_free(made);
    else
        *out = made;
    return status;
}

static mmoe_status shrink(const mmoe_model *model, const mmoe_dataset *rows, int64_t least,
                          const mmoe_allocator *a, mmoe_model **out, mmoe_error *err) {
    shrinking s = {.schema = model->schema, .alloc = a};
    mmoe_status status = start(&s, err);
    if (!status) status = count_values(&s, rows, err);
    if (!status) status = shrink_schema(&s, least, &s.shrunk, err);
    if (!status) status = mmoe_members_make(model, shrink_member, &s, out, err);
    finish(&s);
    return status;
}

mmoe_status mmoe_model_shrink(const mmoe_model *model, const mmoe_dataset *rows, int64_t least,
                              const mmoe_allocator *alloc, mmoe_model **out, mmoe_error *err) {
    static const char call[] = "mmoe_model_shrink";
    if (!model || !rows || !out || least < 1)
        return mmoe_fail(err, MMOE_E_ARGUMENT,
                         "%s: model, rows and out must not be NULL, and least at least 1", call);
    if (mmoe_allocator_check(alloc, call, err)) return MMOE_E_ARGUMENT;
    mmoe_allocator a;
    mmoe_status status = mmoe_model_check_floats(model, call, err);
    if (!status)
        status =
            mmoe_dataset_check(rows, model->schema, mmoe_schema_fingerprint(model->schema), err);
    if (!status) status = mmoe_model_begin(alloc, &a, err);
    if (status) return status;
    status = shrink(model, rows, least, &a, out, err);
    mmoe_tally_end(&a);
    return status;
}
