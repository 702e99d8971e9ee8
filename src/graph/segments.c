#include "graph/segments.h"

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

/* One of the two is NULL. */
static inline __attribute__((always_inline)) double
sum_chunks(const mmoe_cut *c, const float *floats, const double *doubles, size_t stride) {
    mmoe_tree_number all = {0};
    for (int32_t s = 0; s < c->segments; s++) {
        double sum = 0;
        for (int32_t k = mmoe_segment_chunk(c, s); k < mmoe_segment_chunk(c, s + 1); k++)
            sum += floats ? (double)floats[(size_t)k * stride] : doubles[(size_t)k * stride];
        mmoe_tree_add(&all, s, sum);
    }
    return mmoe_tree_end(&all);
}

double mmoe_cut_sum(const mmoe_cut *c, const float *parts, size_t stride) {
    return sum_chunks(c, parts, NULL, stride);
}

double mmoe_cut_sum_doubles(const mmoe_cut *c, const double *parts, size_t stride) {
    return sum_chunks(c, NULL, parts, stride);
}
