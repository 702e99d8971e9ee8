/* Matrices with something behind every row, and numbers to fill them, for the tests of the kernels.
 */
#ifndef MMOE_TESTS_KERNELS_SUPPORT_H
#define MMOE_TESTS_KERNELS_SUPPORT_H

#include <check.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "math/kernels.h"

/* ck_assert without the note that Check writes of every one that holds: there are millions. */
#define REQUIRE(condition, ...)                                                                    \
    do {                                                                                           \
        if (!(condition)) ck_abort_msg(__VA_ARGS__);                                               \
    } while (0)

#define U 0x1p-24 /* half a unit in the last place of 1: the relative error of one rounding */

/* The gaps between rows hold a NaN of their own bits: read, it would spoil a result; written, it
 * shows. The memory ends with the last row's last column. */
static const uint32_t gap_bits = 0x7fc5a5a5u;

typedef struct matrix {
    int32_t rows, cols, ld;
    float *at;
} matrix;

static inline size_t matrix_size(const matrix *m) {
    return m->rows ? (size_t)(m->rows - 1) * (size_t)m->ld + (size_t)m->cols : 0;
}

static inline matrix matrix_new(int32_t rows, int32_t cols, int32_t ld) {
    matrix m = {rows, cols, ld, NULL};
    const size_t n = matrix_size(&m);
    m.at = malloc((n + (n == 0)) * sizeof *m.at);
    REQUIRE(m.at, "out of memory");
    for (size_t i = 0; i < n; i++) memcpy(&m.at[i], &gap_bits, sizeof gap_bits);
    return m;
}

static inline float *matrix_cell(const matrix *m, int32_t r, int32_t c) {
    return m->at + (size_t)r * (size_t)m->ld + (size_t)c;
}

static inline int is_gap(const float *x) { return memcmp(x, &gap_bits, sizeof gap_bits) == 0; }

static inline void check_gaps(const matrix *m) {
    for (int32_t r = 0; r + 1 < m->rows; r++)
        for (int32_t c = m->cols; c < m->ld; c++)
            REQUIRE(is_gap(matrix_cell(m, r, c)), "row %d, %d beyond %d columns was written", r,
                    c - m->cols, m->cols);
}

static inline matrix matrix_copy(const matrix *m) {
    matrix copy = matrix_new(m->rows, m->cols, m->ld);
    memcpy(copy.at, m->at, matrix_size(m) * sizeof *m->at);
    return copy;
}

static inline void check_same_bits(const matrix *a, const matrix *b) {
    REQUIRE(memcmp(a->at, b->at, matrix_size(a) * sizeof *a->at) == 0,
            "a matrix that is only read was written, or two differ");
}

/* xorshift64*, of which the upper bits are good. */
static uint64_t random_state = 88172645463325252u;

static inline uint32_t draw_bits(void) {
    random_state ^= random_state >> 12;
    random_state ^= random_state << 25;
    random_state ^= random_state >> 27;
    return (uint32_t)(random_state * 2685821657736338717u >> 32);
}

static inline int32_t draw_below(int32_t n) {
    return (int32_t)((uint64_t)draw_bits() * (uint64_t)n >> 32);
}
static inline float draw(float low, float high) {
    return low + (high - low) * (float)(draw_bits() >> 8) * 0x1p-24f;
}

static inline void fill(const matrix *m, float low, float high) {
    for (int32_t r = 0; r < m->rows; r++)
        for (int32_t c = 0; c < m->cols; c++) *matrix_cell(m, r, c) = draw(low, high);
}

static inline matrix matrix_drawn(int32_t rows, int32_t cols, int32_t ld, float low, float high) {
    matrix m = matrix_new(rows, cols, ld);
    fill(&m, low, high);
    return m;
}

/* Strides of 0, 1, or some more than the columns. */
static inline int32_t some_stride(int32_t cols) {
    return cols + (draw_below(3) ? draw_below(20) : 0);
}

/* The error of `got`, in units of what is allowed; above 1 the test ends. */
static inline double check_near(const char *what, double got, double want, double allowed) {
    const double error = got == want ? 0 : fabs(got - want) / allowed;
    REQUIRE(error <= 1, "%s: %.9g, want %.9g +- %.3g", what, got, want, allowed);
    return error;
}

static inline const mmoe_kernels *table_at(int index) { return mmoe_kernels_at((size_t)index); }

static inline int table_count(void) {
    int n = 0;
    while (table_at(n)) n++;
    return n;
}

/* Rounding errors of a sum of n terms wander: sqrt(n), and some for luck. */
static inline double sum_error(int32_t n) { return (4 * sqrt(n) + 4) * U; }

#endif
