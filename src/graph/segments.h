/* How a batch is cut, by its size and the number of segments alone: into chunks, which workers
 * take, and those into segments. What is summed over the batch is summed over each segment's rows
 * in their order, and then over segments in a tree (math/tree.h).
 *
 *     rows      0                                                          rows
 *     chunks    |  0  |  1  |  2  |  3  |  4  |  5  |  6  |  7  |  8  |  9 |
 *     segments  |     segment 0         |     segment 1         |    2     |    and 3 is empty
 */
#ifndef MMOE_GRAPH_SEGMENTS_H
#define MMOE_GRAPH_SEGMENTS_H

#include "math/tree.h"

typedef struct mmoe_cut {
    int32_t rows;              /* of the batch */
    int32_t chunk, chunks;     /* rows of a chunk, but for the last */
    int32_t segment, segments; /* rows of a segment, whole chunks but for the last; those with rows
                                  alone */
} mmoe_cut;

/* Of a batch in `segments` segments, a power of two, whose chunks have `chunk` rows at most. */
mmoe_cut mmoe_cut_rows(int32_t rows, int32_t chunk, int32_t segments);

/* Of a batch that is cut so, some of its segments, one behind the other, of `rows` rows. */
mmoe_cut mmoe_cut_share(const mmoe_cut *whole, int32_t rows);

static inline int32_t mmoe_cut_left(int32_t rows, int32_t part, int32_t index) {
    const int32_t left = rows - index * part;
    return left < part ? left : part;
}
static inline int32_t mmoe_chunk_rows(const mmoe_cut *c, int32_t chunk) {
    return mmoe_cut_left(c->rows, c->chunk, chunk);
}
static inline int32_t mmoe_segment_rows(const mmoe_cut *c, int32_t segment) {
    return mmoe_cut_left(c->rows, c->segment, segment);
}
/* The chunks of a segment: from the one on, up to the other. */
static inline int32_t mmoe_segment_chunk(const mmoe_cut *c, int32_t segment) {
    const int32_t first = segment * (c->segment / c->chunk);
    return first < c->chunks ? first : c->chunks;
}

/* The sum over the batch of what each chunk k has at parts[k * stride]. */
double mmoe_cut_sum_doubles(const mmoe_cut *c, const double *parts, size_t stride);
/* Of `cols` columns, which a chunk has beside each other from there on, to out [cols]. */
void mmoe_cut_sum_columns(const mmoe_cut *c, const float *parts, size_t stride, int32_t cols,
                          double *out);

#endif
