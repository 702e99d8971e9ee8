#include "data/list_take.h"

#include "base/error.h"
#include "data/encode.h"
#include "data/list_values.h"

typedef struct taking {
    const struct mmoe_schema *schema;
    const mmoe_batch *batch;
    mmoe_note *notes;
    mmoe_list_store *store;
} taking;

static mmoe_status fail_list(const taking *t, int32_t column, size_t row, const char *fault,
                             mmoe_error *err) {
    return mmoe_fail_at(err, MMOE_E_ARGUMENT, NULL, (int64_t)row + 1,
                        t->schema->sparse[column].name, "%s", fault);
}

static mmoe_status keep(taking *t, const int32_t *ids, const float *weights, size_t count,
                        mmoe_error *err) {
    for (size_t i = 0; i < count; i++)
        if (!mmoe_list_store_add(t->store, ids[i], weights ? weights[i] : 1))
            return mmoe_fail_memory(err, count * sizeof *ids);
    return MMOE_OK;
}

/* A row's list of raw values, a piece at a time. */
static mmoe_status take_raw(taking *t, int32_t column, size_t row, mmoe_error *err) {
    enum { PIECE = 64 };
    const mmoe_sparse_column *c = &t->schema->sparse[column];
    const mmoe_list_column *list = &t->batch->list_columns[c->list];
    const char *fault = mmoe_list_fault(&c->how, list, row);
    if (fault) return fail_list(t, column, row, fault, err);
    const mmoe_list_span all = mmoe_list_kept(&c->how, list->offsets[row], list->offsets[row + 1]);
    mmoe_note *note = &t->notes[column];
    if (all.end - all.begin < list->offsets[row + 1] - list->offsets[row])
        mmoe_note_cut(note, (int64_t)row + 1);
    mmoe_status status = MMOE_OK;
    int32_t ids[PIECE];
    for (size_t at = all.begin, some; !status && at < all.end; at += some) {
        some = all.end - at < PIECE ? all.end - at : PIECE;
        const mmoe_values v = {.encoder = t->schema->tables[c->table].encoder,
                               .name = c->name,
                               .column = &t->batch->sparse_columns[column],
                               .first = at,
                               .rows = some,
                               .reading = &t->schema->reading,
                               .note = note,
                               .is_list = true,
                               .row = row};
        status = mmoe_encode_ids(&v, ids, 1, err);
        if (!status) status = keep(t, ids, list->weights ? list->weights + at : NULL, some, err);
        note->counts.values += (int64_t)some;
    }
    return status;
}

static mmoe_status take_encoded(taking *t, int32_t column, size_t row, mmoe_error *err) {
    const mmoe_sparse_column *c = &t->schema->sparse[column];
    const mmoe_lists *lists = &t->batch->lists;
    const size_t index = row * (size_t)lists->count + (size_t)c->list;
    const char *fault = mmoe_list_encoded_fault(&c->how, lists, index);
    if (fault) return fail_list(t, column, row, fault, err);
    const mmoe_list_span all = mmoe_list_encoded(&c->how, lists, index);
    const int64_t length = lists->offsets[index + 1] - lists->offsets[index];
    if ((int64_t)(all.end - all.begin) < length) mmoe_note_cut(&t->notes[column], (int64_t)row + 1);
    if (length == 0) return MMOE_OK;
    const mmoe_encoder *e = t->schema->tables[c->table].encoder;
    for (size_t i = all.begin; i < all.end; i++)
        if (lists->ids[i] < 0 || lists->ids[i] >= e->rows)
            return mmoe_fail_row_number(&(mmoe_values){.encoder = e, .name = c->name}, row,
                                        lists->ids[i], err);
    t->notes[column].counts.values += (int64_t)(all.end - all.begin);
    return keep(t, lists->ids + all.begin, lists->weights ? lists->weights + all.begin : NULL,
                all.end - all.begin, err);
}

static mmoe_status check_lists(const taking *t, mmoe_error *err) {
    static const char call[] = "mmoe_dataset_create";
    const mmoe_batch *b = t->batch;
    const int32_t n_list = t->schema->n_list;
    mmoe_status status = MMOE_OK;
    if (!b->sparse_columns && n_list && b->lists.count == n_list && !b->lists.offsets)
        return mmoe_fail(err, MMOE_E_ARGUMENT, "%s: the batch lacks the offsets of its lists",
                         call);
    if (!b->sparse_columns && b->lists.count != n_list)
        return mmoe_fail(err, MMOE_E_ARGUMENT, "%s: the batch has %d encoded lists, not %d", call,
                         (int)b->lists.count, (int)n_list);
    for (int32_t i = 0; !status && b->sparse_columns && i < t->schema->n_sparse; i++) {
        const mmoe_sparse_column *c = &t->schema->sparse[i];
        if (c->list < 0) continue;
        const mmoe_list_column *list = b->list_columns ? &b->list_columns[c->list] : NULL;
        if (!list || !list->offsets)
            return mmoe_fail_at(err, MMOE_E_ARGUMENT, NULL, 0, c->name,
                                "%s: the column is a list and lacks offsets", call);
        const mmoe_values v = {.encoder = t->schema->tables[c->table].encoder,
                               .name = c->name,
                               .column = &b->sparse_columns[i],
                               .rows = list->count};
        status = mmoe_values_check(&v, call, err);
    }
    return status;
}

static mmoe_status take_row(taking *t, size_t row, mmoe_error *err) {
    mmoe_status status = MMOE_OK;
    for (int32_t i = 0; !status && i < t->schema->n_sparse; i++) {
        if (t->schema->sparse[i].list < 0) continue;
        status = t->batch->sparse_columns ? take_raw(t, i, row, err) : take_encoded(t, i, row, err);
        if (!status && !mmoe_list_store_end(t->store))
            status = mmoe_fail_memory(err, sizeof(int64_t));
    }
    return status;
}

mmoe_status mmoe_list_take(const mmoe_list_source *from, mmoe_list_store *to, mmoe_error *err) {
    taking t = {from->schema, from->batch, from->notes, to};
    const int32_t n_list = from->schema->n_list;
    to->is_weighed = from->batch->lists.weights != NULL;
    for (int32_t i = 0; from->batch->list_columns && i < n_list; i++)
        to->is_weighed |= from->batch->list_columns[i].weights != NULL;
    mmoe_status status = check_lists(&t, err);
    for (size_t row = 0; !status && row < from->batch->rows; row++) status = take_row(&t, row, err);
    return status;
}
