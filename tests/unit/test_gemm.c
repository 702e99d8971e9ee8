/* Products with a packed matrix, of every instruction set, against plain loops in double. */
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "check_main.h"
#include "math/kernels.h"

enum { MOST_ROWS = 40, MOST_N = 160, MOST_K = 700, PAD = 5 };
static const float guard = 12345.0f;

static float a[MOST_ROWS * (MOST_K + PAD)], w[MOST_N * MOST_K], scale[MOST_N],
    start[MOST_ROWS * (MOST_N + PAD)], least[MOST_N];
static float c[(MOST_ROWS + 1) * (MOST_N + PAD)], other[(MOST_ROWS + 1) * (MOST_N + PAD)];

static float draw(void) {
    static uint64_t state = 1;
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (float)((double)(state >> 40) / (1 << 23) - 1);
}

static void fill(float *x, size_t count) {
    for (size_t i = 0; i < count; i++) x[i] = draw();
}

static void set_up(void) {
    fill(a, sizeof a / sizeof *a);
    fill(w, sizeof w / sizeof *w);
    fill(scale, MOST_N);
    fill(start, sizeof start / sizeof *start);
    for (int i = 0; i < MOST_N; i++) least[i] = i % 3 == 0 ? -INFINITY : draw();
}

static void clear(float *x) {
    for (size_t i = 0; i < sizeof c / sizeof *c; i++) x[i] = guard;
}

static float *packed_of(const mmoe_kernels *t, int32_t n, int32_t k) {
    const size_t count = t->packed_size(n, k);
    ck_assert_uint_ge(count, (size_t)n * (size_t)k);
    float *packed = aligned_alloc(64, (count * sizeof *packed / 64 + 1) * 64);
    ck_assert_ptr_nonnull(packed);
    for (size_t i = 0; i < count; i++) packed[i] = NAN;
    t->pack(&(mmoe_pack_args){n, k, 0, k, w, MOST_K, scale, packed});
    for (size_t i = 0; i < count; i++)
        if (isnan(packed[i])) ck_abort_msg("n %d, k %d: %zu was not written", n, k, i);
    return packed;
}

static mmoe_packed_gemm product_of(int32_t rows, int32_t n, int32_t k, const float *packed) {
    return (mmoe_packed_gemm){.rows = rows,
                              .n = n,
                              .k = k,
                              .count = k,
                              .a = a,
                              .lda = MOST_K + PAD,
                              .packed = packed,
                              .start = start,
                              .floor = least,
                              .c = c,
                              .ldc = MOST_N + PAD};
}

/* Each element within the rounding of its sum; nothing beyond the matrix is touched. */
static void check(const mmoe_kernels *t, const mmoe_packed_gemm *g) {
    for (int32_t r = 0; r <= g->rows; r++)
        for (int32_t j = 0; j < g->ldc; j++) {
            const float got = g->c[r * g->ldc + j];
            if (r == g->rows || j >= g->n) {
                if (got != guard)
                    ck_abort_msg("%s: %d x %d x %d writes beyond at %d, %d", t->name, g->rows, g->n,
                                 g->k, r, j);
                continue;
            }
            double sum = (double)start[r * g->ldstart + j], size = fabs(sum);
            for (int32_t i = 0; i < g->count; i++) {
                const double term =
                    (double)a[r * g->lda + i] * (double)(w[j * MOST_K + g->first + i] * scale[j]);
                sum += term;
                size += fabs(term);
            }
            if (g->floor && sum < (double)g->floor[j]) sum = (double)g->floor[j];
            if (fabs(sum - (double)got) <= 1e-7 * (4 + sqrt(g->count)) * size) continue;
            ck_abort_msg("%s: %d x %d x %d at %d, %d: %.9g, want %.9g", t->name, g->rows, g->n,
                         g->k, r, j, (double)got, sum);
        }
}

START_TEST(agrees_with_plain_loops) {
    static const int32_t depths[] = {1, 2, 3, 16, 67, 131};
    const mmoe_kernels *t = mmoe_kernels_at((size_t)_i);
    if (!t) return;
    for (int32_t n = 1; n <= 150; n += n < 70 ? 1 : 7)
        for (int d = 0; d < 6; d++) {
            float *packed = packed_of(t, n, depths[d]);
            for (int32_t rows = 1; rows <= 30; rows += n % 16 < 3 ? 1 : 7) {
                mmoe_packed_gemm g = product_of(rows, n, depths[d], packed);
                if ((n + rows) % 3 == 0) g.floor = NULL;
                if ((n + rows) % 2) g.ldstart = MOST_N;
                clear(c);
                t->gemm(&g);
                check(t, &g);
            }
            free(packed);
        }
}
END_TEST

/* More rows of B than stay in L1. */
START_TEST(long_sums) {
    static const int32_t depths[] = {255, 256, 257, 511, 513, 700};
    const mmoe_kernels *t = mmoe_kernels_at((size_t)_i);
    if (!t) return;
    for (int d = 0; d < 6; d++)
        for (int32_t n = 1; n <= 60; n += 29) {
            float *packed = packed_of(t, n, depths[d]);
            for (int32_t rows = 1; rows <= 30; rows += 9) {
                const mmoe_packed_gemm g = product_of(rows, n, depths[d], packed);
                clear(c);
                t->gemm(&g);
                check(t, &g);
            }
            free(packed);
        }
}
END_TEST

/* No term at all: C is the start, or the floor above it. */
START_TEST(empty_sums) {
    const mmoe_kernels *t = mmoe_kernels_at((size_t)_i);
    if (!t) return;
    for (int32_t n = 1; n <= 50; n += 7) {
        float *packed = packed_of(t, n, 9);
        for (int32_t first = 0; first <= 9; first += 9) {
            mmoe_packed_gemm g = product_of(13, n, 9, packed);
            g.first = first;
            g.count = 0;
            clear(c);
            t->gemm(&g);
            check(t, &g);
        }
        free(packed);
    }
}
END_TEST

/* The same bits in whatever number of rows, and when the sum is taken in two pieces, in place. */
START_TEST(bits_do_not_depend_on_the_way) {
    const mmoe_kernels *t = mmoe_kernels_at((size_t)_i);
    if (!t) return;
    for (int32_t n = 1; n <= 150; n += 13)
        for (int32_t k = 5; k <= 600; k += 119) {
            float *packed = packed_of(t, n, k);
            mmoe_packed_gemm g = product_of(MOST_ROWS, n, k, packed);
            clear(c);
            t->gemm(&g);
            for (int32_t rows = 1, first = 0; first < MOST_ROWS; first += rows, rows++) {
                mmoe_packed_gemm piece = g;
                piece.rows = first + rows > MOST_ROWS ? MOST_ROWS - first : rows;
                piece.a += first * g.lda;
                piece.c = other;
                clear(other);
                t->gemm(&piece);
                for (int32_t r = 0; r < piece.rows; r++)
                    ck_assert_mem_eq(other + r * g.ldc, c + (first + r) * g.ldc,
                                     (size_t)n * sizeof *c);
            }
            for (int32_t split = 0; split <= k; split += k / 3) {
                mmoe_packed_gemm before = g, behind = g;
                before.count = behind.first = split;
                before.floor = NULL;
                before.c = behind.c = other;
                behind.count = k - split;
                behind.a += split;
                behind.start = other;
                behind.ldstart = g.ldc;
                clear(other);
                t->gemm(&before);
                t->gemm(&behind);
                ck_assert_mem_eq(other, c, sizeof c);
            }
            free(packed);
        }
}
END_TEST

/* Rows of B that come from several places. */
START_TEST(packed_in_pieces) {
    const mmoe_kernels *t = mmoe_kernels_at((size_t)_i);
    if (!t) return;
    for (int32_t n = 1; n <= 120; n += 17) {
        enum { K = 23 };
        float *whole = packed_of(t, n, K), *pieces = packed_of(t, n, K);
        const size_t size = t->packed_size(n, K) * sizeof *whole;
        memset(pieces, 0, size);
        for (int32_t first = 0, count = 1; first < K; first += count, count++) {
            const int32_t take = first + count > K ? K - first : count;
            t->pack(&(mmoe_pack_args){n, K, first, take, w + first, MOST_K, scale, pieces});
        }
        ck_assert_mem_eq(whole, pieces, size);
        free(whole);
        free(pieces);
    }
}
END_TEST

START_TEST(a_nan_stays) {
    const mmoe_kernels *t = mmoe_kernels_at((size_t)_i);
    if (!t) return;
    enum { N = 50, ROWS = 11, K = 20 };
    float *packed = packed_of(t, N, K);
    const mmoe_packed_gemm g = product_of(ROWS, N, K, packed);
    a[3 * g.lda + 7] = NAN;
    t->gemm(&g);
    for (int32_t r = 0; r < ROWS; r++)
        for (int32_t j = 0; j < N; j++) ck_assert_int_eq(isnan(c[r * g.ldc + j]) != 0, r == 3);
    free(packed);
}
END_TEST

/* B packed as it stands gives the bits of B packed from its transpose. */
START_TEST(packed_by_rows) {
    const mmoe_kernels *t = mmoe_kernels_at((size_t)_i);
    if (!t) return;
    for (int32_t n = 1; n <= 150; n += 7)
        for (int32_t k = 1; k <= 300; k += 97) {
            float *turned = malloc((size_t)n * (size_t)k * sizeof *turned);
            for (int32_t j = 0; j < n; j++)
                for (int32_t i = 0; i < k; i++) turned[j * k + i] = w[i * MOST_N + j];
            const size_t count = t->packed_size(n, k);
            float *rows = malloc(count * sizeof *rows), *columns = malloc(count * sizeof *columns);
            t->pack_rows(n, k, w, MOST_N, rows);
            t->pack(&(mmoe_pack_args){n, k, 0, k, turned, k, NULL, columns});
            ck_assert_mem_eq(rows, columns, count * sizeof *rows);
            free(turned);
            free(rows);
            free(columns);
        }
}
END_TEST

static void check_outer(const mmoe_kernels *t, const mmoe_gemm *g) {
    clear(c);
    t->gemm_outer(g);
    for (int32_t i = 0; i <= g->m; i++)
        for (int32_t j = 0; j < g->ldc; j++) {
            double sum = 0, size = 0;
            for (int32_t b = 0; b < g->k && i < g->m && j < g->n; b++) {
                const float x = g->ta ? a[b * g->lda + i] : a[i * g->lda + b];
                const double term = (double)x * (double)w[b * g->ldb + j];
                sum += term;
                size += fabs(term);
            }
            const double got = (double)c[i * g->ldc + j];
            if (i == g->m || j >= g->n ? c[i * g->ldc + j] != guard
                                       : !(fabs(sum - got) <= 1e-7 * (4 + sqrt(g->k)) * size))
                ck_abort_msg("%s: %d x %d x %d at %d, %d: %.9g, want %.9g", t->name, g->m, g->n,
                             g->k, i, j, got, sum);
        }
}

/* A^T B of [k, m] and [k, n] as they stand, and A B: k across the slabs, rows near and far apart,
 * more rows of C than a block has. */
START_TEST(outer_products) {
    static const int32_t depths[] = {1, 2, 33, 255, 256, 257, 600};
    const mmoe_kernels *t = mmoe_kernels_at((size_t)_i);
    if (!t) return;
    mmoe_gemm g = {.ta = true, .a = a, .b = w, .c = c};
    for (int d = 0; d < 7; d++)
        for (g.m = 1; g.m <= 30; g.m += d < 3 ? 1 : 9)
            for (g.n = t->mix_cols; g.n <= 144; g.n += t->mix_cols * (d < 3 ? 1 : 3)) {
                const bool far = depths[d] <= 33 && g.m % 2;
                g.k = depths[d];
                g.lda = far ? MOST_K : 33;
                g.ldb = far ? 2 * MOST_N + 200 : MOST_N;
                g.ldc = MOST_N + PAD;
                check_outer(t, &g);
                g.lda = g.k + g.m % 3;
                g.ta = false;
                check_outer(t, &g);
                g.ta = true;
            }
    g = (mmoe_gemm){.ta = true,
                    .m = 200,
                    .n = 16,
                    .k = 130,
                    .a = a,
                    .lda = 200,
                    .b = w,
                    .ldb = MOST_N,
                    .c = c,
                    .ldc = 33};
    check_outer(t, &g);
}
END_TEST

void add_cases(TCase *cases) {
    enum { SETS = 3 };
    tcase_add_checked_fixture(cases, set_up, NULL);
    tcase_add_loop_test(cases, agrees_with_plain_loops, 0, SETS);
    tcase_add_loop_test(cases, long_sums, 0, SETS);
    tcase_add_loop_test(cases, empty_sums, 0, SETS);
    tcase_add_loop_test(cases, bits_do_not_depend_on_the_way, 0, SETS);
    tcase_add_loop_test(cases, packed_in_pieces, 0, SETS);
    tcase_add_loop_test(cases, a_nan_stays, 0, SETS);
    tcase_add_loop_test(cases, packed_by_rows, 0, SETS);
    tcase_add_loop_test(cases, outer_products, 0, SETS);
}
