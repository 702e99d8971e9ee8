/* Products with a matrix that was packed beforehand.
 *
 * B [k, n] stands in panels of one to TILE_VECTORS vectors of columns, each panel row after row, so
 * that the inner loop reads it in one stream; columns beyond n are zero. A tile of C stays in
 * registers while the loop goes down k: of each row of B the vectors are loaded once, each element
 * of A is spread over a vector and used for all of them. An element of C is the same sum in the
 * same order in whatever tile it stands. */
#ifndef MMOE_MATH_GEMM_BODY_H
#define MMOE_MATH_GEMM_BODY_H

#include "math/kernels.h"
#include "math/simd.h"

#if W == 16 || defined(MMOE_NEON)
#define TILE_VECTORS 3 /* 8 rows of 3: 24 of 32 registers */
#define TILE_ROWS 12
#define MOST_ROWS(vectors) ((vectors) == 3 ? 8 : 12)
#elif W == 8
#define TILE_VECTORS 2 /* 6 x 16: 12 of 16 registers */
#define TILE_ROWS 6
#define MOST_ROWS(vectors) 6
#else
#define TILE_VECTORS 2 /* 4 x 8: 8 of 16 registers */
#define TILE_ROWS 4
#define MOST_ROWS(vectors) 4
#endif

enum {
    DEPTH = 256
}; /* rows of a panel that serve all rows of A before the next ones do: they stay in L1 */

static inline int32_t parts_of(int32_t whole, int32_t most) { return (whole + most - 1) / most; }

/* `whole` in nearly equal parts, one after the other: part i ends at whole (i + 1) / parts. (A
 * division a part would take as long as a small tile.) */
typedef struct cut {
    int32_t parts, size, more, over; /* a part has `size`, and 1 whenever `over` is whole */
    int32_t begin, end;              /* of the part that came last */
} cut;

static inline cut cut_of(int32_t whole, int32_t parts) {
    if (parts == 0) return (cut){0};
    return (cut){.parts = parts, .size = whole / parts, .more = whole % parts};
}

/* Its size. */
static inline int32_t next_part(cut *c) {
    c->begin = c->end;
    c->end += c->size;
    c->over += c->more;
    if (c->over >= c->parts) {
        c->over -= c->parts;
        c->end++;
    }
    return c->end - c->begin;
}

static size_t packed_size(int32_t n, int32_t k) { return (size_t)parts_of(n, W) * W * (size_t)k; }

/* One of a transposition's stages: what stands `step` lanes apart changes places with what stands
 * `step` vectors apart. */
static inline __attribute__((always_inline)) void transpose_stage(vf v[W], int step) {
    const vi low = (lane & step) == 0;
#pragma GCC unroll 16
    for (int i = 0; i < W; i++) {
        if (i & step) continue;
        const vf a = v[i], b = v[i + step];
        v[i] = choose(low, a, swap(b, step));
        v[i + step] = choose(low, swap(a, step), b);
    }
}

/* Lane j of vector i and lane i of vector j change places. */
static inline __attribute__((always_inline)) void transpose_block(vf v[W]) {
    transpose_stage(v, 1);
    transpose_stage(v, 2);
#if W >= 8
    transpose_stage(v, 4);
#endif
#if W >= 16
    transpose_stage(v, 8);
#endif
}

/* `rows` rows of `cols` columns, both at most W; zeros in the place of others. */
static inline __attribute__((always_inline)) void load_block(const float *x, size_t ldx, int rows,
                                                             int cols, vf v[W]) {
#pragma GCC unroll 16
    for (int i = 0; i < W; i++) v[i] = i < rows ? load_n(x + (size_t)i * ldx, cols) : (vf){0};
}

static inline __attribute__((always_inline)) void
transpose_part(const mmoe_transpose_args *a, int32_t row, int32_t col, int rows, int cols) {
    vf v[W];
    float *y = a->y + (size_t)col * (size_t)a->ldy + row;
    load_block(a->x + (size_t)row * (size_t)a->ldx + col, (size_t)a->ldx, rows, cols, v);
    transpose_block(v);
#pragma GCC unroll 16
    for (int i = 0; i < W; i++)
        if (i < cols) store_n(y + (size_t)i * (size_t)a->ldy, v[i], rows);
}

static void transpose(const mmoe_transpose_args *a) {
    for (int32_t row = 0; row < a->rows; row += W)
        for (int32_t col = 0; col < a->cols; col += W) {
            const int rows = MIN(a->rows - row, W), cols = MIN(a->cols - col, W);
            if (rows == W && cols == W)
                transpose_part(a, row, col, W, W);
            else
                transpose_part(a, row, col, rows, cols);
        }
}

/* Some of B: `rows` rows from i on of columns [c, c + cols). */
typedef struct pack_part {
    int32_t c, i;
    int cols, rows;
} pack_part;

static inline __attribute__((always_inline)) void pack_block(const mmoe_pack_args *a, pack_part p,
                                                             float *to, size_t width) {
    vf v[W];
    load_block(a->w + (size_t)p.c * (size_t)a->ldw + p.i, (size_t)a->ldw, p.cols, p.rows, v);
    if (a->scale)
        for (int l = 0; l < p.cols; l++) v[l] *= a->scale[p.c + l];
    transpose_block(v);
#pragma GCC unroll 16
    for (int k = 0; k < W; k++)
        if (k < p.rows) store(to + (size_t)k * width, v[k]);
}

/* W of each, as many as there are. */
static inline void pack_any(const mmoe_pack_args *a, int32_t c, int32_t i, float *to,
                            size_t width) {
    const int cols = MIN(a->n - c, W), rows = MIN(a->count - i, W);
    if (cols == W && rows == W)
        pack_block(a, (pack_part){c, i, W, W}, to, width);
    else
        pack_block(a, (pack_part){c, i, cols, rows}, to, width);
}

static void pack(const mmoe_pack_args *a) {
    const int32_t n = a->n, vectors = parts_of(n, W), panels = parts_of(vectors, TILE_VECTORS);
    cut all = cut_of(vectors, panels);
    for (int32_t p = 0; p < panels; p++) {
        const int32_t width = next_part(&all) * W, begin = all.begin * W;
        float *to = a->packed + (size_t)begin * (size_t)a->k + (size_t)a->first * (size_t)width;
        for (int32_t c = begin; c < begin + width; c += W, to += W)
            for (int32_t i = 0; i < a->count; i += W)
                pack_any(a, c, i, to + (size_t)i * (size_t)width, (size_t)width);
    }
}

static void pack_rows(int32_t n, int32_t k, const float *b, int32_t ldb, float *packed) {
    const int32_t vectors = parts_of(n, W), panels = parts_of(vectors, TILE_VECTORS);
    cut all = cut_of(vectors, panels);
    for (int32_t p = 0; p < panels; p++) {
        const int32_t width = next_part(&all) * W, begin = all.begin * W;
        const float *from = b + begin;
        for (int32_t i = 0; i < k; i++, from += ldb, packed += width)
            FOR_COLUMNS(MIN(n - begin, width), c, some, {
                store(packed + c, load_n(from + c, some)); /* 0 beyond n */
            });
    }
}

/* Row r of A is at a + r * a_row, its elements a_step apart; rows of B are b_step apart. */
typedef struct tile_args {
    int32_t k, a_row, a_step, b_step, ldc, ldstart, tail; /* lanes of the last vector */
    const float *a, *b, *start, *floor;
    float *c;
} tile_args;

static inline __attribute__((always_inline)) void tile(const tile_args *t, int rows, int vectors) {
    vf acc[TILE_ROWS][TILE_VECTORS];
#pragma GCC unroll 12
    for (int r = 0; r < rows; r++)
#pragma GCC unroll 3
        for (int v = 0; v < vectors; v++)
            acc[r][v] = load_n(t->start + (size_t)r * (size_t)t->ldstart + v * W,
                               v == vectors - 1 ? t->tail : W);
    const float *a = t->a, *b = t->b;
    const size_t a_row = (size_t)t->a_row, a_step = (size_t)t->a_step, b_step = (size_t)t->b_step;
    for (int32_t k = 0; k < t->k; k++, a += a_step, b += b_step) {
        vf row[TILE_VECTORS];
#pragma GCC unroll 3
        for (int v = 0; v < vectors; v++) row[v] = load(b + v * W);
#pragma GCC unroll 12
        for (int r = 0; r < rows; r++) {
            const vf x = splat(a[(size_t)r * a_row]);
#pragma GCC unroll 3
            for (int v = 0; v < vectors; v++) acc[r][v] = vfma(x, row[v], acc[r][v]);
        }
    }
#pragma GCC unroll 3
    for (int v = 0; v < vectors; v++) {
        const int n = v == vectors - 1 ? t->tail : W;
        const vf least = t->floor ? load_n(t->floor + v * W, n) : splat(-__builtin_inff());
#pragma GCC unroll 12
        for (int r = 0; r < rows; r++)
            store_n(t->c + (size_t)r * (size_t)t->ldc + v * W, vmax(least, acc[r][v]),
                    n); /* NaN stays */
    }
}

#define TILE(r, v)                                                                                 \
    static void tile_##r##x##v(const tile_args *t) { tile(t, r, v); }
#define TILES_4(v) TILE(1, v) TILE(2, v) TILE(3, v) TILE(4, v)
#define TILES_6(v) TILES_4(v) TILE(5, v) TILE(6, v)
#define TILES_8(v) TILES_6(v) TILE(7, v) TILE(8, v)
#define TILES_12(v) TILES_8(v) TILE(9, v) TILE(10, v) TILE(11, v) TILE(12, v)
#define NAMES_4(v) tile_1x##v, tile_2x##v, tile_3x##v, tile_4x##v
#define NAMES_6(v) NAMES_4(v), tile_5x##v, tile_6x##v
#define NAMES_8(v) NAMES_6(v), tile_7x##v, tile_8x##v
#define NAMES_12(v) NAMES_8(v), tile_9x##v, tile_10x##v, tile_11x##v, tile_12x##v

typedef void (*tile_row[TILE_ROWS])(const tile_args *);
/* clang-format off */
#if W == 16 || defined(MMOE_NEON)
TILES_12(1) TILES_12(2) TILES_8(3)
static const tile_row tiles[TILE_VECTORS] = {{NAMES_12(1)}, {NAMES_12(2)}, {NAMES_8(3)}};
#elif W == 8
TILES_6(1) TILES_6(2)
static const tile_row tiles[TILE_VECTORS] = {{NAMES_6(1)}, {NAMES_6(2)}};
#else
TILES_4(1) TILES_4(2)
static const tile_row tiles[TILE_VECTORS] = {{NAMES_4(1)}, {NAMES_4(2)}};
#endif
/* clang-format on */

/* All rows of C's columns that a panel has; t, the first tile's, moves on. (Of a copy of t a
 * processor would load as one vector what it has just stored in parts, and wait for all stores
 * before: those of C, which may be far from cache.) */
static inline void gemm_panel(tile_args *t, int32_t all_rows, int32_t vectors) {
    const int32_t stripes = parts_of(all_rows, MOST_ROWS(vectors));
    cut all = cut_of(all_rows, stripes);
    for (int32_t s = 0; s < stripes; s++) {
        const int32_t rows = next_part(&all);
        tiles[vectors - 1][rows - 1](t);
        t->a += (size_t)rows * (size_t)t->a_row;
        t->c += (size_t)rows * (size_t)t->ldc;
        t->start += (size_t)rows * (size_t)t->ldstart;
    }
}

static void gemm(const mmoe_packed_gemm *g) {
    const int32_t vectors = parts_of(g->n, W), panels = parts_of(vectors, TILE_VECTORS),
                  slabs = g->count ? parts_of(g->count, DEPTH) : 1;
    if (g->rows == 0) return;
    cut depth = cut_of(g->count, slabs);
    for (int32_t s = 0; s < slabs; s++) {
        const int32_t k = next_part(&depth), from = depth.begin;
        cut all = cut_of(vectors, panels);
        for (int32_t p = 0; p < panels; p++) {
            const int32_t wide = next_part(&all), col = all.begin * W;
            tile_args t = {.k = k,
                           .a_row = g->across ? 1 : g->lda,
                           .a_step = g->across ? g->lda : 1,
                           .b_step = wide * W,
                           .ldc = g->ldc,
                           .tail = all.end * W > g->n ? g->n - (all.end - 1) * W : W};
            t.a = g->a + (size_t)from * (size_t)t.a_step;
            t.b = g->packed + (size_t)col * (size_t)g->k +
                  (size_t)(g->first + from) * (size_t)(wide * W);
            t.c = g->c + col;
            t.start = s ? t.c : g->start + col;
            t.ldstart = s ? g->ldc : g->ldstart;
            t.floor = g->floor && s == slabs - 1 ? g->floor + col : NULL;
            gemm_panel(&t, g->rows, wide);
        }
    }
}

/* C = op(A) B, as both stand: gradients of weights, and small products. n must be a multiple of W.
 */
static void gemm_outer(const mmoe_gemm *g) {
    static const float zeros[TILE_VECTORS * W];
    const int32_t vectors = g->n / W, panels = parts_of(vectors, TILE_VECTORS),
                  slabs = parts_of(g->k, DEPTH);
    if (g->m == 0 || slabs == 0) return;
    cut depth = cut_of(g->k, slabs);
    for (int32_t s = 0; s < slabs; s++) {
        const int32_t k = next_part(&depth), from = depth.begin;
        cut all = cut_of(vectors, panels);
        for (int32_t p = 0; p < panels; p++) {
            const int32_t wide = next_part(&all), first = all.begin * W;
            tile_args t = {.k = k,
                           .a_row = g->ta ? 1 : g->lda,
                           .a_step = g->ta ? g->lda : 1,
                           .b_step = g->ldb,
                           .ldc = g->ldc,
                           .tail = W};
            t.a = g->a + (size_t)from * (size_t)t.a_step;
            t.b = g->b + (size_t)from * (size_t)g->ldb + first;
            t.c = g->c + first;
            t.start = s ? t.c : zeros;
            t.ldstart = s ? g->ldc : 0;
            gemm_panel(&t, g->m, wide);
        }
    }
}

#endif
