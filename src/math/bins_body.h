/* Scores of a task, counted by bins: each becomes its bin's byte, and then the bytes are counted.
 */
#ifndef MMOE_MATH_BINS_BODY_H
#define MMOE_MATH_BINS_BODY_H

#include <math.h>

#include "math/gradient_body.h"
#include "math/kernels.h"
#include "math/simd.h"

enum { BIN_BYTES = 4 * W, BIN_VECTORS = (MMOE_BINS_ROWS + BIN_BYTES - 1) / BIN_BYTES };
typedef uint8_t bin_vector __attribute__((vector_size(BIN_BYTES)));

/* ---- Scores ---- */

/* The first n scores of a task, zeros behind them; no other task's beyond the last is read. */
static inline __attribute__((always_inline)) vf load_column(const float *x, int32_t stride, int n) {
    vf v = {0};
    if (n <= 0) return v;
    if (stride == 1) return n < W ? load_n(x, n) : load(x);
#if W == 16
    if (stride == 2 && n >= W)
        return __builtin_shufflevector(load(x), load(x + W - 1), 0, 2, 4, 6, 8, 10, 12, 14, 17, 19,
                                       21, 23, 25, 27, 29, 31);
#elif W == 8
    if (stride == 2 && n >= W)
        return __builtin_shufflevector(load(x), load(x + W - 1), 0, 2, 4, 6, 9, 11, 13, 15);
#endif
    for (int l = 0; l < W && l < n; l++) v[l] = x[l * stride];
    return v;
}

static inline double_vector widen_low(vf x) {
#if defined(__AVX512F__)
    return (double_vector)_mm512_cvtps_pd(_mm512_castps512_ps256((__m512)x));
#elif defined(__AVX2__)
    return (double_vector)_mm256_cvtps_pd(_mm256_castps256_ps128((__m256)x));
#else
    return __builtin_convertvector((half_vector){x[0], x[1]}, double_vector);
#endif
}
static inline double_vector widen_high(vf x) {
#if defined(__AVX512F__)
    return (double_vector)_mm512_cvtps_pd(_mm512_extractf32x8_ps((__m512)x, 1));
#elif defined(__AVX2__)
    return (double_vector)_mm256_cvtps_pd(_mm256_extractf128_ps((__m256)x, 1));
#else
    return __builtin_convertvector((half_vector){x[2], x[3]}, double_vector);
#endif
}

/* ---- Bins ---- */

/* MMOE_SERVED_BINS x, rounded down: whether x is below a bin's end is then right to the bit. Of a
 * product that was rounded up the error is below 0; its parts are exact. */
static inline vf times_bins(vf x) {
#if defined(__AVX512F__)
    return (vf)_mm512_mul_round_ps((__m512)x, _mm512_set1_ps(MMOE_SERVED_BINS),
                                   _MM_FROUND_TO_ZERO | _MM_FROUND_NO_EXC);
#else
    _Static_assert(MMOE_SERVED_BINS == 16 + 4, "parts that are exact");
    const vf product = x * (float)MMOE_SERVED_BINS, error = 16.0f * x - product + 4.0f * x;
    return (vf)((vi)product + ((vi)error >> 31));
#endif
}

/* The bin, or a number beyond it for the last or the first one. */
static inline vi bins_of(vf x, bool is_probability) {
    return is_probability ? __builtin_convertvector(times_bins(x), vi)
                          : ((vi)x >> 23) - (127 + MMOE_SERVED_EXPONENT - 1);
}

/* As bytes, in some order; those below 0 are 0. */
static inline bin_vector pack_bins(const vi v[4]) {
#if defined(__AVX512F__)
    return (bin_vector)_mm512_packus_epi16(_mm512_packs_epi32((__m512i)v[0], (__m512i)v[1]),
                                           _mm512_packs_epi32((__m512i)v[2], (__m512i)v[3]));
#elif defined(__AVX2__)
    return (bin_vector)_mm256_packus_epi16(_mm256_packs_epi32((__m256i)v[0], (__m256i)v[1]),
                                           _mm256_packs_epi32((__m256i)v[2], (__m256i)v[3]));
#else
    bin_vector bytes;
    for (int i = 0; i < BIN_BYTES; i++)
        bytes[i] = (uint8_t)(v[i / W][i % W] & -(v[i / W][i % W] > 0));
    return bytes;
#endif
}

/* How many of them `byte` is. */
static inline int32_t count_bytes(const bin_vector *v, int vectors, uint8_t byte) {
#if defined(__AVX512F__) || defined(__AVX2__)
    int32_t count = 0;
    for (int i = 0; i < vectors; i++)
#if defined(__AVX512F__)
        count += __builtin_popcountll(
            _mm512_cmpeq_epi8_mask((__m512i)v[i], _mm512_set1_epi8((char)byte)));
#else
        count += __builtin_popcount((unsigned)_mm256_movemask_epi8(
            _mm256_cmpeq_epi8((__m256i)v[i], _mm256_set1_epi8((char)byte))));
#endif
    return count;
#else
    _Static_assert(BIN_VECTORS * BIN_BYTES < 256, "the sum of all lanes is a byte");
    uint64_t halves[2];
    bin_vector sums = {0};
    for (int i = 0; i < vectors; i++) sums -= (bin_vector)(v[i] == byte);
    memcpy(halves, &sums, sizeof sums);
    return (int32_t)((halves[0] + halves[1]) * 0x0101010101010101u >> 56);
#endif
}

/* ---- Both ---- */

/* What is of no other bin is of the last one; the zeros behind the last score go again. */
static inline __attribute__((always_inline)) void
count_column(const mmoe_bins_args *a, int32_t stride, bool is_probability, double *sum) {
    bin_vector bytes[BIN_VECTORS];
    double_vector low = {0}, high = {0};
    const float *x = a->x;
    int n = 0;
    for (int32_t left = a->rows; left > 0; left -= BIN_BYTES) {
        vf v[4];
        vi bins[4];
        for (int k = 0; k < 4; k++, x += W * stride) {
            v[k] = load_column(x, stride, left >= BIN_BYTES ? W : left - k * W);
            bins[k] = bins_of(v[k], is_probability);
        }
        bytes[n++] = pack_bins(bins);
        const vf sums = (v[0] + v[1]) + (v[2] + v[3]);
        low += widen_low(sums);
        high += widen_high(sums);
    }
    int32_t rest = n * BIN_BYTES;
    memset(a->counts, 0, MMOE_SERVED_BINS * sizeof *a->counts);
    for (int b = 0; rest && b < MMOE_SERVED_BINS - 1; b++) {
        a->counts[b] = count_bytes(bytes, n, (uint8_t)b);
        rest -= a->counts[b];
    }
    a->counts[MMOE_SERVED_BINS - 1] = rest;
    a->counts[0] -= n * BIN_BYTES - a->rows;
    low += high;
    for (int l = 0; l < W / 2; l++) *sum += low[l];
}

static void count_probabilities(const mmoe_bins_args *a, double *sum) {
    if (a->stride == 1)
        count_column(a, 1, true, sum);
    else if (a->stride == 2)
        count_column(a, 2, true, sum);
    else
        count_column(a, a->stride, true, sum);
}

static void count_numbers(const mmoe_bins_args *a, double *sum) {
    count_column(a, a->stride, false, sum);
}

static void count_scores(const mmoe_bins_args *a) {
    void (*const count)(const mmoe_bins_args *, double *) =
        a->is_probability ? count_probabilities : count_numbers;
    double sum = 0;
    count(a, &sum);
    if (isnan(sum)) { /* NaNs, which are rare, go by as zeros */
        float numbers[MMOE_BINS_ROWS];
        mmoe_bins_args known = *a;
        int32_t nans = 0;
        for (int32_t r = 0; r < a->rows; r++) {
            const float x = a->x[r * a->stride];
            nans += isnan(x) != 0;
            numbers[r] = isnan(x) ? 0 : x;
        }
        known.x = numbers;
        known.stride = 1;
        sum = 0;
        count(&known, &sum);
        a->counts[0] -= nans;
    }
    *a->sum += sum;
}

#endif
