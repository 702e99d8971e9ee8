/* Whether all ranks have the same before them: files, configuration, library, processor. */
#ifndef MMOE_BASE_COMM_AGREE_H
#define MMOE_BASE_COMM_AGREE_H

#include <stdbool.h>

#include "base/comm.h"

/* What a rank has: "kernels", "avx512". A long text is better given as its hash. */
typedef struct mmoe_comm_fact {
    const char *name, *text;
} mmoe_comm_fact;

/* Names of facts that say how numbers are rounded, and nothing else. */
#define MMOE_FACT_KERNELS "kernels"
#define MMOE_FACT_BLAS "BLAS core"
#define MMOE_FACT_PATCH "library's patch"
bool mmoe_comm_fact_rounds(const char *name);

/* Told of a fact that is unlike: "ranks have unlike \"kernels\": \"avx512\" on ranks 0-2, \"avx2\"
 * on rank 3". Returns whether it may be; all ranks must say the same. */
typedef bool (*mmoe_unlike_fn)(void *context, const char *name, const char *sentence);

typedef struct mmoe_comm_facts {
    const mmoe_comm_fact *facts; /* [n]; other ranks may have other names */
    int n;
    mmoe_unlike_fn allow; /* NULL: unlike facts are an error */
    void *context;
} mmoe_comm_facts;

/* Compares the facts of all ranks by their names. MMOE_E_CONFIG, with the sentence of the first
 * that is unlike and may not be, on every rank; MMOE_E_MEMORY; and as mmoe_comm_exchange. */
mmoe_status mmoe_comm_agree(mmoe_comm *c, const mmoe_comm_facts *own, const mmoe_allocator *alloc,
                            mmoe_error *err);

#endif
