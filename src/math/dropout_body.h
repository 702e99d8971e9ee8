/* Dropout, and its random numbers. */
#ifndef MMOE_MATH_DROPOUT_BODY_H
#define MMOE_MATH_DROPOUT_BODY_H

#include "math/kernels.h"
#include "math/simd.h"

/* Philox4x32-10 (base/rng.h) at counters first .. first + n - 1: word l of counter j goes to out[l
 * * MMOE_PHILOX_BLOCK + j]. */
static void philox(uint64_t seed, uint64_t stream, uint64_t first, int n, uint32_t *out) {
    uint32_t *restrict c0 = out, *restrict c1 = out + MMOE_PHILOX_BLOCK,
                       *restrict c2 = out + 2 * MMOE_PHILOX_BLOCK,
                       *restrict c3 = out + 3 * MMOE_PHILOX_BLOCK;
    for (int j = 0; j < n; j++) {
        uint64_t index = first + (uint64_t)j;
        c0[j] = (uint32_t)index;
        c1[j] = (uint32_t)(index >> 32);
        c2[j] = (uint32_t)stream;
        c3[j] = (uint32_t)(stream >> 32);
    }
    uint32_t k0 = (uint32_t)seed, k1 = (uint32_t)(seed >> 32);
    for (int round = 0; round < 10; round++) {
        for (int j = 0; j < n; j++) {
            uint64_t p0 = (uint64_t)0xD2511F53u * c0[j], p1 = (uint64_t)0xCD9E8D57u * c2[j];
            c0[j] = (uint32_t)(p1 >> 32) ^ c1[j] ^ k0;
            c2[j] = (uint32_t)(p0 >> 32) ^ c3[j] ^ k1;
            c1[j] = (uint32_t)p1;
            c3[j] = (uint32_t)p0;
        }
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
}

static void dropout(const mmoe_dropout_args *a) {
    uint32_t words[4 * MMOE_PHILOX_BLOCK];
    const int32_t rows = a->rows, cols = a->cols;
    const int32_t q = (cols + 3) / 4;
    const uint32_t least = (uint32_t)((double)a->p * 4294967296.0);
    const float scale = 1.0f / (1.0f - a->p);
    const int32_t most = q && q < MMOE_PHILOX_BLOCK
                             ? MMOE_PHILOX_BLOCK / q
                             : 1; /* narrow rows, whose counters follow each other, share a block */
    for (int32_t b = 0, together; b < rows; b += together) {
        together = MIN(most, rows - b);
        for (int32_t j = 0; j < q; j += MMOE_PHILOX_BLOCK) {
            const int n = MIN(MMOE_PHILOX_BLOCK, q - j);
            philox(a->seed, a->stream, (a->first_row + (uint64_t)b) * (uint64_t)q + (uint64_t)j,
                   together * n, words);
            for (int32_t r = 0; r < together; r++)
                for (int l = 0; l < 4; l++) {
                    const uint32_t *word = words + l * MMOE_PHILOX_BLOCK + r * n;
                    float *x = a->u + (size_t)(b + r) * (size_t)a->ldu + l * q + j;
                    const int32_t m = MIN(n, cols - l * q - j);
                    for (int32_t i = 0; i < m; i++) x[i] = word[i] >= least ? x[i] * scale : 0.0f;
                }
        }
    }
}

#endif
