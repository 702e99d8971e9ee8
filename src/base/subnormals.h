/* Numbers below the normal ones, which processors take a hundred times as long for: rare ids'
 * embeddings and moments decay into them. A thread may take them for 0. */
#ifndef MMOE_BASE_SUBNORMALS_H
#define MMOE_BASE_SUBNORMALS_H

#include <stdint.h>

#if defined(__SSE__)
#include <xmmintrin.h>
#endif

/* From here on, results that would be subnormal are 0 in this thread, and operands count as 0.
 * Returns what mmoe_subnormals_restore takes. A processor without that does as it did. */
static inline uint64_t mmoe_subnormals_flush(void) {
    uint64_t before = 0;
#if defined(__SSE__)
    enum { DENORMALS_ARE_ZERO = 0x40, FLUSH_TO_ZERO = 0x8000 };
    before = _mm_getcsr();
    _mm_setcsr((unsigned)before | DENORMALS_ARE_ZERO | FLUSH_TO_ZERO);
#elif defined(__aarch64__)
    enum { FLUSH_TO_ZERO = 1 << 24 };
    __asm__ volatile("mrs %0, fpcr" : "=r"(before));
    __asm__ volatile("msr fpcr, %0" ::"r"(before | FLUSH_TO_ZERO));
#endif
    return before;
}

static inline void mmoe_subnormals_restore(uint64_t before) {
#if defined(__SSE__)
    _mm_setcsr((unsigned)before);
#elif defined(__aarch64__)
    __asm__ volatile("msr fpcr, %0" ::"r"(before));
#else
    (void)before;
#endif
}

#endif
