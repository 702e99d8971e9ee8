#include "train/kept_rows.h"

#include <assert.h>
#include <string.h>

#include "base/error.h"
#include "math/kernels.h"

/* A quarter more than what is asked for, where lists are longer than any before. */
static mmoe_status make_room(mmoe_kept_rows *k, int64_t reads, const mmoe_allocator *alloc,
                             mmoe_error *err) {
    const size_t room = (size_t)(k->room ? reads + reads / 4 : reads);
    mmoe_kept_rows_finish(k, alloc);
    k->values = mmoe_alloc_aligned(alloc, room, (size_t)k->dim * sizeof *k->values);
    k->at = mmoe_alloc(alloc, room, sizeof *k->at);
    if (!k->values || !k->at) {
        mmoe_kept_rows_finish(k, alloc);
        return mmoe_fail_memory(err, room * ((size_t)k->dim + 1) * sizeof *k->values);
    }
    k->room = (int64_t)room;
    return MMOE_OK;
}

mmoe_status mmoe_kept_rows_begin(mmoe_kept_rows *k, int64_t reads, const mmoe_allocator *alloc,
                                 mmoe_error *err) {
    memset(k->parts, 0, sizeof k->parts);
    return reads <= k->room ? MMOE_OK : make_room(k, reads, alloc, err);
}

void mmoe_kept_rows_finish(mmoe_kept_rows *k, const mmoe_allocator *alloc) {
    mmoe_release_aligned(alloc, k->values);
    mmoe_release(alloc, k->at);
    k->values = NULL;
    k->at = NULL;
    k->room = 0;
}

/* A padding row may be left out among them. */
void mmoe_kept_rows_add(mmoe_kept_rows *k, const mmoe_gradient *g) {
    mmoe_kept_part *p = &k->parts[g->at[0] % MMOE_TOUCH_PARTS];
    const int64_t place = g->offset / g->cols;
    if (!p->count) p->first = place;
    const int64_t to = p->first + p->count;
    assert(to <= place && place + g->rows <= k->room);
    for (int64_t r = 0; r < g->rows; r++)
        memcpy(k->values + (to + r) * k->dim, g->values + r * g->ld,
               (size_t)k->dim * sizeof *k->values);
    memcpy(k->at + to, g->at, (size_t)g->rows * sizeof *k->at);
    p->count += g->rows;
}

double mmoe_kept_rows_squares(const mmoe_kept_rows *k, int32_t part) {
    const mmoe_kept_part *p = &k->parts[part];
    const float *x = k->values + p->first * k->dim;
    return p->count ? mmoe_kernels_best()->dot((size_t)(p->count * k->dim), x, x) : 0;
}

void mmoe_kept_rows_hand_on(mmoe_kept_rows *k, int32_t part, float scale, mmoe_gradient_sink sink,
                            void *context) {
    const mmoe_kept_part *p = &k->parts[part];
    float *x = k->values + p->first * k->dim;
    if (!p->count) return;
    for (int64_t i = 0; scale != 1 && i < p->count * k->dim; i++) x[i] *= scale;
    sink(context, &(mmoe_gradient){k->table, p->first * k->dim, p->count, k->dim, x, k->dim,
                                   k->at + p->first});
}
