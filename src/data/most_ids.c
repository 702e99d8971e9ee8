#include "data/most_ids.h"

/* Compilers see vectors in it. */
static void raise_to(int32_t *restrict most, const int32_t *restrict ids, int32_t n) {
    for (int32_t i = 0; i < n; i++) most[i] = ids[i] > most[i] ? ids[i] : most[i];
}

void mmoe_most_ids_raise(const mmoe_row_ids *at, int32_t *most) {
    const int64_t *end = at->ends;
    int64_t element = at->first;
    for (int64_t row = 0; row < at->rows; row++) raise_to(most, at->ids + row * at->n_id, at->n_id);
    for (int64_t row = 0; end && row < at->rows; row++)
        for (int32_t *list = most + at->n_id; list < most + at->n_id + at->n_list; list++, end++)
            for (; element < *end; element++)
                if (at->elements[element] > *list) *list = at->elements[element];
}
