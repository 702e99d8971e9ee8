#include "graph/segments.h"

#include <string.h>

mmoe_cut mmoe_cut_rows(int32_t rows, int32_t chunk, int32_t segments) {
    const int32_t even = (rows + segments - 1) / segments, lines = (even + 15) / 16 * 16;
    mmoe_cut c = {.rows = rows, .chunk = segments > 1 && lines < chunk ? lines : chunk};
    c.chunks = (rows + c.chunk - 1) / c.chunk;
    c.segment = (even + c.chunk - 1) / c.chunk * c.chunk;
    c.segments = (rows + c.segment - 1) / c.segment;
    return c;
}

mmoe_cut mmoe_cut_share(const mmoe_cut *whole, int32_t rows) {
    mmoe_cut c = *whole;
    c.rows = rows;
    c.chunks = (rows + c.chunk - 1) / c.chunk;
    c.segments = (rows + c.segment - 1) / c.segment;
    return c;
}

double mmoe_cut_sum_doubles(const mmoe_cut *c, const double *parts, size_t stride) {
    mmoe_tree_number all = {0};
    for (int32_t s = 0; s < c->segments; s++) {
        double sum = 0;
        for (int32_t k = mmoe_segment_chunk(c, s); k < mmoe_segment_chunk(c, s + 1); k++)
            sum += parts[(size_t)k * stride];
        mmoe_tree_add(&all, s, sum);
    }
    return mmoe_tree_end(&all);
}

/* Columns that are added side by side. */
enum { SIDE = 32 };

static void merge_side(mmoe_tree *tree, double sums[][SIDE], int32_t part) {
    while (mmoe_tree_merges(tree, part)) {
        double *below = sums[tree->depth - 1];
        for (int32_t i = 0; i < SIDE; i++) below[i] += below[SIDE + i];
    }
}

static void sum_side(const mmoe_cut *c, const float *parts, size_t stride, int32_t cols,
                     double *out) {
    mmoe_tree tree = {0};
    double sums[MMOE_TREE_DEPTH][SIDE];
    for (int32_t s = 0; s < c->segments; s++) {
        merge_side(&tree, sums, s);
        double *own = sums[mmoe_tree_push(&tree, s)];
        memset(own, 0, SIDE * sizeof *own);
        for (int32_t k = mmoe_segment_chunk(c, s); k < mmoe_segment_chunk(c, s + 1); k++)
            for (int32_t i = 0; i < cols; i++)
                own[i] += (double)parts[(size_t)k * stride + (size_t)i];
    }
    merge_side(&tree, sums, MMOE_TREE_PARTS);
    for (int32_t i = 0; i < cols; i++) out[i] = c->segments ? sums[0][i] : 0;
}

void mmoe_cut_sum_columns(const mmoe_cut *c, const float *parts, size_t stride, int32_t cols,
                          double *out) {
    for (int32_t i = 0; i < cols; i += SIDE)
        sum_side(c, parts + i, stride, cols - i < SIDE ? cols - i : SIDE, out + i);
}
