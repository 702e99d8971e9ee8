/* Moments of tables that get more rows. */
#include <string.h>

#include "base/error.h"
#include "train/optimizer.h"

/* Floats of a row in each of a table's arrays, which it may not have. */
typedef struct row_array {
    float **at;
    size_t floats;
} row_array;

enum { ARRAYS = 3 };

static void arrays_of(mmoe_optimizer_block *b, row_array out[ARRAYS]) {
    const size_t dim = (size_t)b->dim;
    out[0] = (row_array){&b->m, b->rule->kind->is_of_rows ? 1 : dim};
    out[1] = (row_array){&b->v, dim};
    out[2] = (row_array){&b->records, (size_t)b->record};
}

mmoe_status mmoe_optimizer_reserve(mmoe_optimizer *o, int32_t i, int64_t rows, mmoe_error *err) {
    mmoe_optimizer_block *b = &o->blocks[i];
    if (!b->values) return MMOE_OK; /* it does not learn */
    const int64_t own = b->count / b->dim, have = b->room > own ? b->room : own,
                  room = mmoe_wider_rows(have, rows);
    row_array arrays[ARRAYS];
    if (rows <= have) return MMOE_OK;
    arrays_of(b, arrays);
    for (int k = 0; k < ARRAYS; k++) {
        const size_t size = arrays[k].floats * sizeof(float);
        if (!*arrays[k].at) continue;
        float *wide =
            mmoe_widen_aligned_zero(&o->alloc, *arrays[k].at, (size_t)own, (size_t)room, size);
        if (!wide) return mmoe_fail_memory(err, (size_t)room * size);
        *arrays[k].at = wide;
    }
    b->room = room;
    return MMOE_OK;
}

void mmoe_optimizer_follow(mmoe_optimizer *o, const mmoe_params *params) {
    for (int32_t i = 0; i < o->n_block; i++) {
        if (!o->blocks[i].values) continue;
        o->blocks[i].values = params->blocks[i].memory.data;
        o->blocks[i].count = o->blocks[i].kept = params->blocks[i].memory.count;
    }
}

void mmoe_optimizer_begin_rows(mmoe_optimizer *o, int32_t i, int64_t first) {
    mmoe_optimizer_block *b = &o->blocks[i];
    const int64_t rows = b->values ? b->count / b->dim : 0;
    row_array arrays[ARRAYS];
    if (first >= rows) return;
    arrays_of(b, arrays);
    for (int k = 0; k < ARRAYS; k++)
        if (*arrays[k].at)
            memset(*arrays[k].at + (size_t)first * arrays[k].floats, 0,
                   (size_t)(rows - first) * arrays[k].floats * sizeof(float));
    for (int64_t row = first; b->has_step && row < rows; row++)
        *mmoe_record_step(b, row) = (uint32_t)o->steps;
}
