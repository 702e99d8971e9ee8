#include "math/tree.h"

#include <string.h>

#include "math/kernels.h"

static void merge(mmoe_tree_sum *s, int32_t part) {
    while (mmoe_tree_merges(&s->tree, part)) {
        float *below = s->sums + (size_t)(s->tree.depth - 1) * s->stride;
        mmoe_kernels_best()->add(s->count, below + s->stride, below);
    }
}

float *mmoe_tree_next(mmoe_tree_sum *s, int32_t part) {
    merge(s, part);
    return s->sums + (size_t)mmoe_tree_push(&s->tree, part) * s->stride;
}

float *mmoe_tree_total(mmoe_tree_sum *s) {
    if (s->tree.depth == 0) memset(s->sums, 0, s->count * sizeof *s->sums);
    const bool is_alone = s->tree.depth == 1;
    merge(s, MMOE_TREE_PARTS);
    for (size_t i = 0; is_alone && s->parts > 1 && i < s->count; i++) s->sums[i] += 0.0f;
    return s->sums;
}
