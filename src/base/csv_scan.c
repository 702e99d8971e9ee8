#include "base/csv_scan.h"

#include <stdlib.h>
#include <string.h>

extern const mmoe_csv_scanner mmoe_csv_scanner_generic;
#ifdef MMOE_X86
extern const mmoe_csv_scanner mmoe_csv_scanner_avx2, mmoe_csv_scanner_avx512;
#endif
#ifdef MMOE_AARCH64
extern const mmoe_csv_scanner mmoe_csv_scanner_neon;
#endif

const mmoe_csv_scanner *mmoe_csv_scanner_at(size_t index) {
    const mmoe_csv_scanner *found[3] = {&mmoe_csv_scanner_generic};
    size_t count = 1;
#ifdef MMOE_X86
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi") &&
        __builtin_cpu_supports("popcnt")) {
        found[count++] = &mmoe_csv_scanner_avx2;
        if (__builtin_cpu_supports("avx512bw")) found[count++] = &mmoe_csv_scanner_avx512;
    }
#endif
#ifdef MMOE_AARCH64
    found[count++] = &mmoe_csv_scanner_neon; /* no processor of it is without */
#endif
    return index < count ? found[index] : NULL;
}

/* A name that no processor has is an error elsewhere: who computes asks first. */
const mmoe_csv_scanner *mmoe_csv_scanner_best(void) {
    const char *wanted = getenv("MMOE_KERNELS");
    const mmoe_csv_scanner *best = NULL, *next;
    for (size_t i = 0; (next = mmoe_csv_scanner_at(i)); i++) {
        best = next;
        if (wanted && strcmp(wanted, best->name) == 0) break;
    }
    return best;
}
