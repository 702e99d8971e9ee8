#include "graph/shared_rows.h"

#include <string.h>

#include "base/ask.h"
#include "base/error.h"

enum { AHEAD = 16 }; /* rows */

/* ---- Room ---- */

static int64_t floats_of(const mmoe_input_state *own) {
    int64_t floats = 0;
    for (int32_t u = 0; u < own->n_use; u++) {
        const mmoe_embedding *t = own->uses[u].table;
        if (t->kind->parts) floats += t->kind->most(&own->uses[u]) * t->dim;
    }
    return floats;
}

mmoe_status mmoe_shared_rows_admit(const mmoe_plan *p, mmoe_input_state *own, mmoe_error *err) {
    mmoe_shared_rows *s = own->shared;
    const int64_t floats = floats_of(own);
    if (floats <= s->room) return MMOE_OK;
    mmoe_release_aligned(&p->alloc, s->values);
    s->room = 0;
    s->values = mmoe_alloc_aligned(&p->alloc, (size_t)floats, sizeof *s->values);
    if (!s->values) return mmoe_fail_memory(err, (size_t)floats * sizeof *s->values);
    s->room = floats;
    return MMOE_OK;
}

void mmoe_shared_rows_leave(const mmoe_plan *p, mmoe_input_state *own) {
    mmoe_release_aligned(&p->alloc, own->shared->values);
    own->shared->values = NULL;
}

/* ---- Places ---- */

static void add_count(void *context, const mmoe_rows_read *read) {
    int64_t *rows = context;
    *rows += read->count;
}

/* One rank's parts of a use, from `at` on; returns where they end. */
static int64_t place_parts(const mmoe_plan *p, const mmoe_input_state *own, int32_t use,
                           int32_t rank, int64_t at) {
    const mmoe_embedding *t = own->uses[use].table;
    for (int32_t part = rank; part < t->kind->parts; part += p->ranks) {
        int64_t rows = 0;
        own->shared->places[(int64_t)use * MMOE_TABLE_PARTS + part] = at;
        t->kind->tell(&own->uses[use], part, add_count, &rows);
        at += rows * t->dim;
    }
    return at;
}

void mmoe_shared_rows_place(const mmoe_plan *p, const mmoe_input_state *own) {
    int64_t at = 0;
    for (int32_t q = 0; q < p->ranks; q++) {
        own->shared->from[q] = at;
        for (int32_t u = 0; u < own->n_use; u++) at = place_parts(p, own, u, q, at);
    }
    own->shared->from[p->ranks] = at;
}

/* ---- Values ---- */

typedef struct row_copy {
    float *values, *rows; /* those of a part, and the table's */
    int32_t dim;
} row_copy;

static row_copy copy_of(const mmoe_plan *p, const mmoe_input_state *own,
                        const mmoe_weight_task *prepare) {
    const mmoe_table_use *use = &own->uses[prepare->first];
    return (row_copy){mmoe_shared_rows_at(own->shared, prepare->first, prepare->row),
                      mmoe_params_rows(p->params, use->index), use->table->dim};
}

static void give_rows(void *context, const mmoe_rows_read *read) {
    const row_copy *c = context;
    const size_t bytes = (size_t)c->dim * sizeof *c->rows;
    for (int32_t i = 0; i < read->count; i++) {
        if (i + AHEAD < read->count) mmoe_ask(c->rows + (int64_t)read->rows[i + AHEAD] * c->dim);
        memcpy(c->values + (int64_t)i * c->dim, c->rows + (int64_t)read->rows[i] * c->dim, bytes);
    }
}

static void take_rows(void *context, const mmoe_rows_read *read) {
    const row_copy *c = context;
    const size_t bytes = (size_t)c->dim * sizeof *c->rows;
    for (int32_t i = 0; i < read->count; i++) {
        if (i + AHEAD < read->count) mmoe_ask(c->rows + (int64_t)read->rows[i + AHEAD] * c->dim);
        memcpy(c->rows + (int64_t)read->rows[i] * c->dim, c->values + (int64_t)i * c->dim, bytes);
    }
}

static void tell(const mmoe_input_state *own, const mmoe_weight_task *prepare,
                 mmoe_rows_visit visit, row_copy *copy) {
    const mmoe_table_use *use = &own->uses[prepare->first];
    use->table->kind->tell(use, (int32_t)prepare->row, visit, copy);
}

void mmoe_shared_rows_give(const mmoe_plan *p, const mmoe_input_state *own,
                           const mmoe_weight_task *prepare) {
    row_copy copy = copy_of(p, own, prepare);
    tell(own, prepare, give_rows, &copy);
}

void mmoe_shared_rows_take(const mmoe_plan *p, const mmoe_input_state *own,
                           const mmoe_weight_task *prepare) {
    row_copy copy = copy_of(p, own, prepare);
    tell(own, prepare, take_rows, &copy);
}
