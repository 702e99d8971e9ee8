#include "train/agree.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/checksum.h"
#include "math/blas.h"
#include "math/kernels.h"

static bool allow(void *context, const char *name, const char *sentence) {
    const mmoe_agreement *a = context;
    if (!mmoe_comm_fact_rounds(name)) return false;
    a->allow(a->context, sentence);
    return true;
}

uint64_t mmoe_agree_hash(const char *text) {
    return text ? mmoe_checksum_hash(0, text, strlen(text)) : mmoe_checksum_hash(0, "", 0);
}

mmoe_status mmoe_agree(const mmoe_agreement *a, const mmoe_allocator *alloc, mmoe_error *err) {
    enum { TEXTS = 5 };
    char texts[MMOE_AGREE_NUMBERS][24], version[24];
    assert(a->n <= MMOE_AGREE_NUMBERS);
    snprintf(version, sizeof version, "%d.%d", MMOE_VERSION_MAJOR, MMOE_VERSION_MINOR);
    mmoe_comm_fact facts[TEXTS + MMOE_AGREE_NUMBERS] = {
        {"library", version},
        {MMOE_FACT_KERNELS, mmoe_kernels_best()->name},
        {MMOE_FACT_BLAS, mmoe_blas_core()},
        {MMOE_FACT_PATCH, mmoe_version()},
        {"leave to be unlike", a->allow ? "given" : "none"}};
    for (int i = 0; i < a->n; i++) {
        snprintf(texts[i], sizeof texts[i], "%llx", (unsigned long long)a->numbers[i].value);
        facts[TEXTS + i] = (mmoe_comm_fact){a->numbers[i].name, texts[i]};
    }
    const mmoe_comm_facts own = {facts, TEXTS + a->n, a->allow ? allow : NULL,
                                 (void *)(uintptr_t)a};
    return mmoe_comm_agree(a->comm, &own, alloc, err);
}
