#include "data/most_ids.h"

#include "math/kernels.h"

static int32_t larger(int32_t a, int32_t b) { return a > b ? a : b; }

void mmoe_most_ids_raise(const mmoe_row_ids *at, int32_t *most) {
    const int64_t *end = at->ends;
    int64_t element = at->first;
    mmoe_kernels_best()->raise_most(most, at->ids, (size_t)at->n_id, (size_t)at->rows);
    for (int64_t row = 0; end && row < at->rows; row++)
        for (int32_t *list = most + at->n_id; list < most + at->n_id + at->n_list; list++, end++) {
            int32_t found = *list;
            for (; element < *end; element++) found = larger(found, at->elements[element]);
            *list = found;
        }
}

/* As if they stood in rows. */
void mmoe_most_id_raise(const int32_t *ids, size_t count, int32_t *most) {
    enum { WIDTH = 16 };
    int32_t found[WIDTH] = {0};
    const size_t rows = count / WIDTH;
    mmoe_kernels_best()->raise_most(found, ids, WIDTH, rows);
    for (size_t i = rows * WIDTH; i < count; i++) found[0] = larger(found[0], ids[i]);
    for (size_t i = 0; i < WIDTH; i++) *most = larger(*most, found[i]);
}
