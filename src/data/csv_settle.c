#include "data/csv_settle.h"

#include <assert.h>
#include <math.h>

#include "base/error.h"

/* ---- Ids ---- */

static void place_id(mmoe_note *note, const int32_t *become, int64_t row, int32_t *id) {
    if (*id && !become[*id]) mmoe_note_add(note, MMOE_CELL_UNKNOWN, row);
    *id = become[*id];
}

/* List `list` of each row. */
static void place_lists(const mmoe_csv_ids *at, size_t n_list, size_t list, const int32_t *become,
                        mmoe_note *note) {
    for (int64_t r = 0; r < at->rows; r++) {
        const size_t l = (size_t)r * n_list + list;
        for (int64_t e = l ? at->ends[l - 1] : at->first; e < at->ends[l]; e++)
            place_id(note, become, r + 1, &at->elements[e]);
    }
}

/* Column by column, for most of them stay. */
void mmoe_csv_ids_place(const mmoe_csv_ids *at, const struct mmoe_schema *s,
                        const int32_t *const *become, mmoe_note *notes) {
    const int64_t n_list = s->n_list, n_id = s->n_sparse - n_list;
    for (int64_t i = 0; i < s->n_sparse; i++) {
        const int32_t *rows = become[s->sparse[i].table];
        if (!rows) continue;
        if (i >= n_id)
            place_lists(at, (size_t)n_list, (size_t)(i - n_id), rows, &notes[i]);
        else
            for (int64_t r = 0; r < at->rows; r++)
                place_id(&notes[i], rows, r + 1, &at->ids[r * n_id + i]);
    }
}

mmoe_status mmoe_csv_ids_become(const mmoe_csv_file *f, const int32_t ***out, mmoe_error *err) {
    const struct mmoe_schema *s = f->schema;
    const size_t n_table = (size_t)s->n_table;
    const int32_t **become = mmoe_alloc_zero(&f->alloc, n_table, sizeof *become);
    bool some_become = false;
    *out = NULL;
    if (!become) return mmoe_fail_memory(err, n_table * sizeof *become);
    for (size_t t = 0; t < n_table; t++) {
        const mmoe_encoder *e = s->tables[t].encoder;
        if ((f->wanted || e->kind->grow) && e->kind->become) become[t] = e->kind->become(e);
        some_become |= become[t] != NULL;
    }
    if (some_become)
        *out = become;
    else
        mmoe_release(&f->alloc, (void *)become);
    return MMOE_OK;
}

bool mmoe_csv_ids_wait(const struct mmoe_schema *s) {
    bool wait = false;
    for (int32_t t = 0; t < s->n_table; t++) {
        const mmoe_encoder *e = s->tables[t].encoder;
        wait |= e->kind->become && e->learning;
    }
    return wait;
}

/* ---- Numbers ---- */

/* A row's numbers as the model's inputs. */
static void finish_row(const struct mmoe_schema *s, const double *from, float *to) {
    for (const mmoe_dense_column *c = s->dense; c < s->dense + s->n_dense; c++) {
        const double *learned = from + c->first_number;
        const bool missing = isnan(*learned);
        if (!missing) c->encoder->kind->finish(c->encoder, learned, to + c->first);
        mmoe_dense_fill(c, to + c->first, missing);
        assert(isfinite(to[c->first]));
    }
}

void mmoe_csv_numbers_finish(const struct mmoe_schema *s, const double *numbers, int64_t rows,
                             float *inputs) {
    for (int64_t r = 0; r < rows; r++)
        finish_row(s, numbers + r * s->dense_span, inputs + r * s->dense_width);
}
