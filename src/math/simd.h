/* Vectors of W floats, W as wide as the instruction set that this file is compiled for. aarch64 has
 * NEON always; MMOE_NEON tells the set that is written for it from the plain one. */
#ifndef MMOE_MATH_SIMD_H
#define MMOE_MATH_SIMD_H

#include <stdint.h>
#include <string.h>

#if defined(__AVX512F__) || defined(__AVX2__)
#include <immintrin.h>
#elif defined(MMOE_NEON)
#include <arm_neon.h>
#endif

#if defined(__AVX512F__)
#define W 16
#elif defined(__AVX2__)
#define W 8
#else
#define W 4
#endif

#define MIN(a, b) ((a) < (b) ? (a) : (b))

/* Does what stands in the braces for columns c .. c + n - 1, a vector at a time; n is a constant W
 * but for the last ones, so the compiler sees two texts, of which the first is free of masks. */
#define FOR_COLUMNS(cols, c, n, ...)                                                               \
    do {                                                                                           \
        int32_t c = 0;                                                                             \
        for (; c + W <= (cols); c += W) {                                                          \
            const int n = W;                                                                       \
            __VA_ARGS__                                                                            \
        }                                                                                          \
        if (c < (cols)) {                                                                          \
            const int n = (cols)-c;                                                                \
            __VA_ARGS__                                                                            \
        }                                                                                          \
    } while (0)

typedef float vf __attribute__((vector_size(4 * W)));
typedef int32_t vi __attribute__((vector_size(4 * W)));
typedef float vf_unaligned __attribute__((vector_size(4 * W), aligned(4), may_alias));

#if W == 16
static const vi lane = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
#elif W == 8
static const vi lane = {0, 1, 2, 3, 4, 5, 6, 7};
#else
static const vi lane = {0, 1, 2, 3};
#endif

static inline vf load(const float *p) { return *(const vf_unaligned *)p; }
static inline void store(float *p, vf v) { *(vf_unaligned *)p = v; }

/* The first n of W elements, 0 < n <= W; those beyond are read as 0 and not written. With a
 * constant n = W these are load and store. */
static inline vf load_n(const float *p, int n) {
    if (__builtin_constant_p(n) && n == W) return load(p);
#if defined(__AVX512F__)
    return (vf)_mm512_maskz_loadu_ps((__mmask16)((1u << n) - 1), p);
#elif defined(__AVX2__)
    return (vf)_mm256_maskload_ps(p, (__m256i)(lane < n));
#elif defined(MMOE_NEON)
    if (n == W) return load(p);
    if (n == 1) return (vf)vld1q_lane_f32(p, vdupq_n_f32(0), 0);
    const float32x4_t two = vcombine_f32(vld1_f32(p), vdup_n_f32(0));
    return (vf)(n == 2 ? two : vld1q_lane_f32(p + 2, two, 2));
#else
    vf v = {0};
    for (int i = 0; i < n; i++) v[i] = p[i];
    return v;
#endif
}

static inline void store_n(float *p, vf v, int n) {
    if (__builtin_constant_p(n) && n == W) {
        store(p, v);
        return;
    }
#if defined(__AVX512F__)
    _mm512_mask_storeu_ps(p, (__mmask16)((1u << n) - 1), (__m512)v);
#elif defined(__AVX2__)
    /* (A store under a mask takes AMD's processors as long as ten others.) */
    if (n == W) {
        store(p, v);
        return;
    }
    __m128 part = _mm256_castps256_ps128((__m256)v);
    if (n & 4) {
        _mm_storeu_ps(p, part);
        part = _mm256_extractf128_ps((__m256)v, 1);
        p += 4;
    }
    if (n & 2) {
        _mm_storel_pi((__m64 *)(void *)p, part);
        part = _mm_movehl_ps(part, part);
        p += 2;
    }
    if (n & 1) _mm_store_ss(p, part);
#elif defined(MMOE_NEON)
    if (n == W) {
        store(p, v);
        return;
    }
    if (n >= 2) vst1_f32(p, vget_low_f32((float32x4_t)v));
    if (n == 1) vst1q_lane_f32(p, (float32x4_t)v, 0);
    if (n == 3) vst1q_lane_f32(p + 2, (float32x4_t)v, 2);
#else
    for (int i = 0; i < n; i++) p[i] = v[i];
#endif
}

static inline vf splat(float x) { return x - (vf){0}; } /* x - 0 keeps every x, -0 too */
static inline vf choose(vi mask, vf a, vf b) {
#if defined(MMOE_NEON)
    return (vf)vbslq_f32((uint32x4_t)mask, (float32x4_t)a, (float32x4_t)b);
#elif W == 8
    return (vf)_mm256_blendv_ps((__m256)b, (__m256)a, (__m256)mask);
#else
    return (vf)((mask & (vi)a) | (~mask & (vi)b));
#endif
}
static inline vf keep(vi mask, vf a) { return (vf)(mask & (vi)a); }
/* The larger, the smaller; b where one of them is NaN, or both are zeros. (NEON's own would give
 * the NaN, and a zero by its sign.) */
static inline vf vmax(vf a, vf b) {
#if W == 16
    return (vf)_mm512_max_ps((__m512)a, (__m512)b);
#elif W == 8
    return (vf)_mm256_max_ps((__m256)a, (__m256)b);
#else
    return choose(a > b, a, b);
#endif
}
static inline vf vmin(vf a, vf b) {
#if W == 16
    return (vf)_mm512_min_ps((__m512)a, (__m512)b);
#elif W == 8
    return (vf)_mm256_min_ps((__m256)a, (__m256)b);
#else
    return choose(a < b, a, b);
#endif
}
static inline vf vabs(vf a) { return (vf)((vi)a & 0x7fffffff); }

/* Lane i with lane i ^ step, step a power of two below W. */
#if W == 16
#define SWAP1 1, 0, 3, 2, 5, 4, 7, 6, 9, 8, 11, 10, 13, 12, 15, 14
#define SWAP2 2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13
#define SWAP4 4, 5, 6, 7, 0, 1, 2, 3, 12, 13, 14, 15, 8, 9, 10, 11
#define SWAP8 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7
#define EVEN 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30
#define ODD 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31
#elif W == 8
#define SWAP1 1, 0, 3, 2, 5, 4, 7, 6
#define SWAP2 2, 3, 0, 1, 6, 7, 4, 5
#define SWAP4 4, 5, 6, 7, 0, 1, 2, 3
#define EVEN 0, 2, 4, 6, 8, 10, 12, 14
#define ODD 1, 3, 5, 7, 9, 11, 13, 15
#else
#define SWAP1 1, 0, 3, 2
#define SWAP2 2, 3, 0, 1
#define EVEN 0, 2, 4, 6
#define ODD 1, 3, 5, 7
#endif
static inline vf swap(vf v, int step) {
    switch (step) {
    case 1:
        return __builtin_shufflevector(v, v, SWAP1);
    case 2:
        return __builtin_shufflevector(v, v, SWAP2);
#if W >= 8
    case 4:
        return __builtin_shufflevector(v, v, SWAP4);
#endif
#if W >= 16
    case 8:
        return __builtin_shufflevector(v, v, SWAP8);
#endif
    default:
        return v;
    }
}

#if W >= 8
/* Lane i: lane from[i] of v, from[i] in [0, W). */
static inline vf take_lanes(vf v, vi from) {
#if W == 16
    return (vf)_mm512_permutexvar_ps((__m512i)from, (__m512)v);
#else
    return (vf)_mm256_permutevar8x32_ps((__m256)v, (__m256i)from);
#endif
}
#endif

/* Every lane: the sum, the maximum, over its group of lanes (a power of two, at most W). */
static inline vf group_sum(vf v, int group) {
    for (int step = 1; step < group; step *= 2) v += swap(v, step);
    return v;
}
static inline vf group_max(vf v, int group) {
    for (int step = 1; step < group; step *= 2) v = vmax(v, swap(v, step));
    return v;
}

static inline float hsum(vf v) { return group_sum(v, W)[0]; }
static inline float hmax(vf v) { return group_max(v, W)[0]; }

/* Neighbours' sums: of a in the lower half of the lanes, of b in the upper. */
static inline vf add_pairs(vf a, vf b) {
#if defined(MMOE_NEON)
    return (vf)vpaddq_f32((float32x4_t)a, (float32x4_t)b);
#else
    return __builtin_shufflevector(a, b, EVEN) + __builtin_shufflevector(a, b, ODD);
#endif
}

#if W >= 8
/* The same in each four lanes, which no shuffle leaves. */
static inline vf add_pairs_of_fours(vf a, vf b) {
#if W == 16
    return (vf)(_mm512_shuffle_ps((__m512)a, (__m512)b, 0x88) +
                _mm512_shuffle_ps((__m512)a, (__m512)b, 0xdd));
#else
    return (vf)(_mm256_shuffle_ps((__m256)a, (__m256)b, 0x88) +
                _mm256_shuffle_ps((__m256)a, (__m256)b, 0xdd));
#endif
}
#else
#define add_pairs_of_fours add_pairs
#endif

#if W == 16
/* Neighbouring fours' sums: of a in the lower half of the lanes, of b in the upper. */
static inline vf add_fours(vf a, vf b) {
    return (vf)(_mm512_shuffle_f32x4((__m512)a, (__m512)b, 0x88) +
                _mm512_shuffle_f32x4((__m512)a, (__m512)b, 0xdd));
}
#endif

/* Lane i: the sum of v[i]'s lanes; a tree over all vectors at once. */
static inline vf sum_each(const vf v[W]) {
    vf l1[W / 2], l2[W / 4];
#pragma GCC unroll 4
    for (int i = 0; i < W / 4; i++) {
        l1[2 * i] = add_pairs_of_fours(v[4 * i], v[4 * i + 1]);
        l1[2 * i + 1] = add_pairs_of_fours(v[4 * i + 2], v[4 * i + 3]);
        l2[i] = add_pairs_of_fours(l1[2 * i], l1[2 * i + 1]);
    }
#if W == 4
    return l2[0];
#elif W == 8
    return __builtin_shufflevector(l2[0], l2[1], 0, 1, 2, 3, 8, 9, 10, 11) +
           __builtin_shufflevector(l2[0], l2[1], 4, 5, 6, 7, 12, 13, 14, 15);
#else
    return add_fours(add_fours(l2[0], l2[1]), add_fours(l2[2], l2[3]));
#endif
}

/* a b + c, rounded once where the instruction set has it; written so that no compiler chooses in
 * one place what it does not in another. */
static inline vf vfma(vf a, vf b, vf c) {
#if defined(__AVX512F__)
    return (vf)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c);
#elif defined(__AVX2__)
    return (vf)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c);
#elif defined(MMOE_NEON)
    return (vf)vfmaq_f32((float32x4_t)c, (float32x4_t)a, (float32x4_t)b);
#else
    return a * b + c;
#endif
}

static inline vf vsqrt(vf a) {
#if defined(__AVX512F__)
    return (vf)_mm512_sqrt_ps((__m512)a);
#elif defined(__AVX2__)
    return (vf)_mm256_sqrt_ps((__m256)a);
#elif defined(MMOE_NEON)
    return (vf)vsqrtq_f32((float32x4_t)a);
#else
    for (int i = 0; i < W; i++) a[i] = __builtin_sqrtf(a[i]);
    return a;
#endif
}

/* exp: n = round(x log2 e), exp(x) = 2^n exp(r), r = x - n ln 2 in two parts, |r| <= 0.3466;
 * Taylor's series to r^7, whose remainder is below 1e-8 of the value. 2^n is applied in two halves,
 * so results near the ends are right. */
static inline vf vexp(vf x) {
    vf c =
        vmin(vmax(x, splat(-104.0f)), splat(89.0f)); /* a NaN becomes -104, and is put back below */
    const vf magic = splat(12582912.0f); /* 1.5 * 2^23: adding it rounds to an integer */
    vf t = c * 1.44269504f + magic;
    vi n = (vi)t - (vi)magic;
    vf k = t - magic;
    vf r = c - k * 0.693359375f;
    r = r - k * -2.12194440e-4f;
    vf p = splat(1.0f / 5040);
    p = p * r + 1.0f / 720;
    p = p * r + 1.0f / 120;
    p = p * r + 1.0f / 24;
    p = p * r + 1.0f / 6;
    p = p * r + 0.5f;
    p = p * r + 1.0f;
    p = p * r + 1.0f;
    vi h = n >> 1;
    vf y = p * (vf)((h + 127) << 23) * (vf)((n - h + 127) << 23);
    return choose(x != x, x, y);
}

/* log of a normal positive x: x = 2^e m, m in [sqrt(1/2), sqrt(2)); log m by Cephes' polynomial in
 * m - 1. */
static inline vf vlog(vf x) {
    vi bits = (vi)x - 0x3f3504f3; /* sqrt(1/2) */
    vi e = bits >> 23;
    vf m = (vf)((bits & 0x7fffff) + 0x3f3504f3) - 1.0f;
    vf p = splat(7.0376836292e-2f);
    p = p * m - 1.1514610310e-1f;
    p = p * m + 1.1676998740e-1f;
    p = p * m - 1.2420140846e-1f;
    p = p * m + 1.4249322787e-1f;
    p = p * m - 1.6668057665e-1f;
    p = p * m + 2.0000714765e-1f;
    p = p * m - 2.4999993993e-1f;
    p = p * m + 3.3333331174e-1f;
    vf m2 = m * m, k = __builtin_convertvector(e, vf);
    return k * 0.693359375f + (m + (p * m * m2 - 0.5f * m2 + k * -2.12194440e-4f));
}

static inline vf vsigmoid(vf x) {
    vf e = vexp(-vabs(x)); /* in (0, 1]: no overflow */
    vf d = 1.0f / (1.0f + e);
    return choose(x < 0.0f, e * d, d);
}

static inline vf vtanh(vf x) {
    vf a = vabs(x);
    vf e = vexp(-2.0f * a);
    vf big = (1.0f - e) / (1.0f + e);
    /* below 0.25 the difference 1 - e loses digits: tanh's series, its next term below 1e-8 of the
     * value; above, where it is not taken, it must not overflow, which a process may trap */
    vf b = vmin(a, splat(1.0f)), b2 = b * b;
    vf small = b + b * b2 *
                       (-1.0f / 3 +
                        b2 * (2.0f / 15 + b2 * (-17.0f / 315 +
                                                b2 * (62.0f / 2835 + b2 * (-1382.0f / 155925)))));
    vf y = choose(a < 0.25f, small, big);
    return (vf)((vi)y | ((vi)x & (int32_t)0x80000000));
}

/* z scale + shift: what batch norm comes down to. */
static inline vf affine(const float *z, const float *scale, const float *shift, int n) {
    return load_n(z, n) * load_n(scale, n) + load_n(shift, n);
}

#endif
