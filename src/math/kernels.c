#include "math/kernels.h"

#include <stdatomic.h>

extern const mmoe_kernels mmoe_kernels_generic;
#ifdef MMOE_X86
extern const mmoe_kernels mmoe_kernels_avx2, mmoe_kernels_avx512;
#endif

const mmoe_kernels *mmoe_kernels_at(size_t index) {
    const mmoe_kernels *found[3] = {&mmoe_kernels_generic};
    size_t count = 1;
#ifdef MMOE_X86
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
        found[count++] = &mmoe_kernels_avx2;
        if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
            __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl"))
            found[count++] = &mmoe_kernels_avx512;
    }
#endif
    return index < count ? found[index] : NULL;
}

/* Looked up with every small product: the choice is kept. Any thread may make it, and all make the
 * same. */
const mmoe_kernels *mmoe_kernels_best(void) {
    static _Atomic(const mmoe_kernels *) best;
    const mmoe_kernels *known = atomic_load_explicit(&best, memory_order_relaxed);
    if (known) return known;
    size_t last = 0;
    while (mmoe_kernels_at(last + 1)) last++;
    known = mmoe_kernels_at(last);
    atomic_store_explicit(&best, known, memory_order_relaxed);
    return known;
}
