#include "graph/shared_rows.h"

#include "base/error.h"

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
