/* Counter-based random numbers: Philox4x32-10 (Salmon et al., SC 2011). A number depends on (seed,
 * stream, index) alone, so any thread can draw any of them in any order, and a run that is resumed
 * draws the same ones. */
#ifndef MMOE_BASE_RNG_H
#define MMOE_BASE_RNG_H

#include <stdint.h>

/* The 128 random bits at counter (index, stream) under key `seed`. */
void mmoe_philox(uint64_t seed, uint64_t stream, uint64_t index, uint32_t out[4]);

/* A stream's number from the names of its parts, so that streams of different uses never meet. */
enum {
    MMOE_STREAM_INIT = 1,
    MMOE_STREAM_SHUFFLE = 2,
    MMOE_STREAM_DROPOUT = 3,
    MMOE_STREAM_SYNTH = 4,
    MMOE_STREAM_BALANCE = 5
};
static inline uint64_t mmoe_stream(unsigned use, uint64_t part) {
    return ((uint64_t)use << 56) | (part & 0xffffffffffffffULL);
}

/* One draw at `index`: 64 bits; uniform in [0, 1) with 53 bits; standard normal (Box-Muller);
 * integer in [0, n), n > 0, without bias worth 2^-64 n. */
uint64_t mmoe_random_bits(uint64_t seed, uint64_t stream, uint64_t index);
double mmoe_random_uniform(uint64_t seed, uint64_t stream, uint64_t index);
double mmoe_random_normal(uint64_t seed, uint64_t stream, uint64_t index);
uint64_t mmoe_random_below(uint64_t seed, uint64_t stream, uint64_t index, uint64_t n);

#endif
