#include "math/kernels.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"

extern const mmoe_kernels mmoe_kernels_generic;
#ifdef MMOE_X86
extern const mmoe_kernels mmoe_kernels_avx2, mmoe_kernels_avx512;
#endif
#ifdef MMOE_AARCH64
extern const mmoe_kernels mmoe_kernels_neon;
#endif

enum { MOST_TABLES = 3 };

const mmoe_kernels *mmoe_kernels_at(size_t index) {
    const mmoe_kernels *found[MOST_TABLES] = {&mmoe_kernels_generic};
    size_t count = 1;
#ifdef MMOE_X86
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
        found[count++] = &mmoe_kernels_avx2;
        if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
            __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl"))
            found[count++] = &mmoe_kernels_avx512;
    }
#endif
#ifdef MMOE_AARCH64
    found[count++] = &mmoe_kernels_neon; /* no processor of it is without */
#endif
    return index < count ? found[index] : NULL;
}

const mmoe_kernels *mmoe_kernels_named(const char *name) {
    const mmoe_kernels *table;
    for (size_t i = 0; (table = mmoe_kernels_at(i)); i++)
        if (strcmp(table->name, name) == 0) break;
    return table;
}

/* The name that the environment asks for; NULL: none. */
static const char *wanted_name(void) {
    const char *name = getenv("MMOE_KERNELS");
    return name && *name ? name : NULL;
}

mmoe_status mmoe_kernels_check(mmoe_error *err) {
    const char *name = wanted_name();
    if (!name || mmoe_kernels_named(name)) return MMOE_OK;
    char names[16 * MOST_TABLES] = "";
    for (size_t i = 0, at = 0; mmoe_kernels_at(i); i++)
        at += (size_t)snprintf(names + at, sizeof names - at, "%s%s", i ? ", " : "",
                               mmoe_kernels_at(i)->name);
    return mmoe_fail(err, MMOE_E_ARGUMENT,
                     "MMOE_KERNELS is \"%s\": the sets of kernels that this processor runs are %s",
                     name, names);
}

static const mmoe_kernels *fastest(void) {
    size_t last = 0;
    while (mmoe_kernels_at(last + 1)) last++;
    return mmoe_kernels_at(last);
}

/* Looked up with every small product: the choice is kept. Any thread may make it, and all make the
 * same. */
const mmoe_kernels *mmoe_kernels_best(void) {
    static _Atomic(const mmoe_kernels *) best;
    const mmoe_kernels *known = atomic_load_explicit(&best, memory_order_relaxed);
    if (known) return known;
    const char *name = wanted_name();
    if (name) known = mmoe_kernels_named(name);
    if (!known) known = fastest();
    atomic_store_explicit(&best, known, memory_order_relaxed);
    return known;
}
