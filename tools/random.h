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

/* What the numbers of a stream are drawn by. */
static inline uint64_t random_stream(uint64_t seed, uint64_t stream) {
    return random_mix(random_mix(seed) ^ stream);
}

/* In (0, 1). */
static inline double random_uniform_of(uint64_t stream, uint64_t index) {
    return ((double)(random_mix(stream ^ index) >> 11) + 0.5) * 0x1p-53;
}

static inline double random_uniform(uint64_t seed, uint64_t stream, uint64_t index) {
    return random_uniform_of(random_stream(seed, stream), index);
}

/* N(0, 1), by Box and Muller. */
static inline double random_normal(uint64_t seed, uint64_t stream, uint64_t index) {
    double u = random_uniform(seed, stream, 2 * index),
           v = random_uniform(seed, stream, 2 * index + 1);
    return sqrt(-2 * log(u)) * cos(6.283185307179586 * v);
}

#endif
