#include "base/rng.h"

#include <math.h>

#define TWO_PI 6.283185307179586476925

void mmoe_philox(uint64_t seed, uint64_t stream, uint64_t index, uint32_t out[4]) {
    uint32_t c0 = (uint32_t)index, c1 = (uint32_t)(index >> 32), c2 = (uint32_t)stream,
             c3 = (uint32_t)(stream >> 32);
    uint32_t k0 = (uint32_t)seed, k1 = (uint32_t)(seed >> 32);
    for (int round = 0; round < 10; round++) {
        uint64_t p0 = (uint64_t)0xD2511F53u * c0, p1 = (uint64_t)0xCD9E8D57u * c2;
        uint32_t n0 = (uint32_t)(p1 >> 32) ^ c1 ^ k0, n2 = (uint32_t)(p0 >> 32) ^ c3 ^ k1;
        c1 = (uint32_t)p1;
        c3 = (uint32_t)p0;
        c0 = n0;
        c2 = n2;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    out[0] = c0;
    out[1] = c1;
    out[2] = c2;
    out[3] = c3;
}

static uint64_t pair(const uint32_t r[2]) { return (uint64_t)r[1] << 32 | r[0]; }

uint64_t mmoe_random_bits(uint64_t seed, uint64_t stream, uint64_t index) {
    uint32_t r[4];
    mmoe_philox(seed, stream, index, r);
    return pair(r);
}

static double unit_of(uint64_t bits) { return (double)(bits >> 11) * 0x1p-53; }

double mmoe_random_uniform(uint64_t seed, uint64_t stream, uint64_t index) {
    return unit_of(mmoe_random_bits(seed, stream, index));
}

double mmoe_random_normal(uint64_t seed, uint64_t stream, uint64_t index) {
    uint32_t r[4];
    mmoe_philox(seed, stream, index, r);
    double u = unit_of(pair(r)) + 0x1p-54; /* in (0, 1): the logarithm is finite */
    return sqrt(-2.0 * log(u)) * cos(TWO_PI * unit_of(pair(r + 2)));
}

uint64_t mmoe_random_below(uint64_t seed, uint64_t stream, uint64_t index, uint64_t n) {
    __extension__ typedef unsigned __int128 wide;
    return (uint64_t)(((wide)mmoe_random_bits(seed, stream, index) * n) >> 64);
}
