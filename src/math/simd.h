/* Vectors of W floats, W as wide as the instruction set that this file is compiled for. */
#ifndef MMOE_MATH_SIMD_H
#define MMOE_MATH_SIMD_H

#include <stdint.h>
#include <string.h>

#if defined(__AVX512F__) || defined(__AVX2__)
#include <immintrin.h>
#endif

#if defined(__AVX512F__)
#define W 16
#elif defined(__AVX2__)
#define W 8
#else
#define W 4
#endif

typedef float vf __attribute__((vector_size(4 * W)));
typedef int32_t vi __attribute__((vector_size(4 * W)));
typedef float vf_unaligned __attribute__((vector_size(4 * W), aligned(4), may_alias));

static inline vf load(const float *p) { return *(const vf_unaligned *)p; }
static inline void store(float *p, vf v) { *(vf_unaligned *)p = v; }

/* The first n of W elements, 0 < n <= W; those beyond are read as 0 and not written. With a constant n = W these are
 * load and store. */
static inline vf load_n(const float *p, int n) {
    if (__builtin_constant_p(n) && n == W) return load(p);
#if defined(__AVX512F__)
    return (vf)_mm512_maskz_loadu_ps((__mmask16)((1u << n) - 1), p);
#elif defined(__AVX2__)
    const vi lane = {0, 1, 2, 3, 4, 5, 6, 7};
    return (vf)_mm256_maskload_ps(p, (__m256i)(lane < n));
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
    const vi lane = {0, 1, 2, 3, 4, 5, 6, 7};
    _mm256_maskstore_ps(p, (__m256i)(lane < n), (__m256)v);
#else
    for (int i = 0; i < n; i++) p[i] = v[i];
#endif
}

static inline vf splat(float x) { return x - (vf){0}; } /* x - 0 keeps every x, -0 too */
static inline vf choose(vi mask, vf a, vf b) { return (vf)((mask & (vi)a) | (~mask & (vi)b)); }
static inline vf keep(vi mask, vf a) { return (vf)(mask & (vi)a); }
static inline vf vmax(vf a, vf b) { return choose(a > b, a, b); }
static inline vf vabs(vf a) { return (vf)((vi)a & 0x7fffffff); }

/* The horizontal sum, always in the same order. */
static inline float hsum(vf v) {
#if W == 16
    return _mm512_reduce_add_ps((__m512)v);
#else
    float part[W];
    memcpy(part, &v, sizeof part);
    for (int step = W / 2; step >= 1; step /= 2)
        for (int i = 0; i < step; i++) part[i] += part[i + step];
    return part[0];
#endif
}

static inline vf vsqrt(vf a) {
#if defined(__AVX512F__)
    return (vf)_mm512_sqrt_ps((__m512)a);
#elif defined(__AVX2__)
    return (vf)_mm256_sqrt_ps((__m256)a);
#else
    for (int i = 0; i < W; i++) a[i] = __builtin_sqrtf(a[i]);
    return a;
#endif
}

/* exp: n = round(x log2 e), exp(x) = 2^n exp(r), r = x - n ln 2 in two parts, |r| <= 0.3466; Taylor's series to r^7,
 * whose remainder is below 1e-8 of the value. 2^n is applied in two halves, so results near the ends are right. */
static inline vf vexp(vf x) {
    vf c = choose(x > 89.0f, splat(89.0f), x);
    c = choose(c < -104.0f, splat(-104.0f), c);
    c = choose(x != x, splat(0.0f), c);
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

/* log of a normal positive x: x = 2^e m, m in [sqrt(1/2), sqrt(2)); log m by Cephes' polynomial in m - 1. */
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
    vf a = vabs(x), a2 = a * a;
    vf e = vexp(-2.0f * a);
    vf big = (1.0f - e) / (1.0f + e);
    /* below 0.25 the difference 1 - e loses digits: tanh's series, its next term below 1e-8 of the value */
    vf small = a + a * a2 * (-1.0f / 3 + a2 * (2.0f / 15 + a2 * (-17.0f / 315 + a2 * (62.0f / 2835 + a2 * (-1382.0f / 155925)))));
    vf y = choose(a < 0.25f, small, big);
    return (vf)((vi)y | ((vi)x & (int32_t)0x80000000));
}

#endif
