/* Random numbers of the synthetic data: a value is a function of (seed, stream, index), so row i is
 * the same whichever rows are written. The mixing is that of SplitMix64 (Steele, Lea and Flood,
 * OOPSLA 2014). */
#ifndef MMOE_TOOLS_RANDOM_H
#define MMOE_TOOLS_RANDOM_H

#include <math.h>
#include <stdint.h>

static inline uint64_t random_mix(uint64_t z) {
    z += 0x9E3779B97F4A7C15u;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

static inline uint64_t random_bits(uint64_t seed, uint64_t stream, uint64_t index) {
    return random_mix(random_mix(random_mix(seed) ^ stream) ^ index);
}

/* In (0, 1). */
static inline double random_uniform(uint64_t seed, uint64_t stream, uint64_t index) {
    return ((double)(random_bits(seed, stream, index) >> 11) + 0.5) * 0x1p-53;
}

/* N(0, 1), by Box and Muller. */
static inline double random_normal(uint64_t seed, uint64_t stream, uint64_t index) {
    double u = random_uniform(seed, stream, 2 * index),
           v = random_uniform(seed, stream, 2 * index + 1);
    return sqrt(-2 * log(u)) * cos(6.283185307179586 * v);
}

/* Zipf's law over `ids` values: value i is drawn with a weight of (i + 1)^-exponent. Cumulative. */
static inline void random_zipf(double exponent, int ids, double *cumulative) {
    double sum = 0;
    for (int i = 0; i < ids; i++) cumulative[i] = sum += pow(i + 1, -exponent);
    for (int i = 0; i < ids; i++) cumulative[i] /= sum;
}

/* The value that a uniform number draws. */
static inline int random_pick(const double *cumulative, int ids, double u) {
    int low = 0, high = ids - 1;
    while (low < high) {
        const int middle = (low + high) / 2;
        if (cumulative[middle] < u)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

#endif
