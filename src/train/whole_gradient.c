#include "train/whole_gradient.h"

#include <math.h>
#include <string.h>

#include "base/error.h"

enum { BLOCK = 1 << 14 };

static int block_count(const mmoe_whole_gradient *g) {
    return (int)((g->n_value + BLOCK - 1) / BLOCK);
}

static size_t block_size(const mmoe_whole_gradient *g, int64_t first) {
    return (size_t)(g->n_value - first < BLOCK ? g->n_value - first : BLOCK);
}

mmoe_status mmoe_whole_gradient_init(mmoe_whole_gradient *g, int64_t n_value,
                                     const mmoe_allocator *alloc, mmoe_error *err) {
    *g = (mmoe_whole_gradient){.alloc = *alloc, .n_value = n_value};
    g->values = mmoe_alloc_aligned(alloc, (size_t)n_value, sizeof *g->values);
    g->parts = mmoe_alloc(alloc, (size_t)block_count(g), sizeof *g->parts);
    if (!g->values || !g->parts) {
        mmoe_whole_gradient_finish(g);
        return mmoe_fail_memory(err, (size_t)n_value * sizeof *g->values);
    }
    memset(g->values, 0, (size_t)n_value * sizeof *g->values);
    return MMOE_OK;
}

void mmoe_whole_gradient_finish(mmoe_whole_gradient *g) {
    mmoe_release_aligned(&g->alloc, g->values);
    mmoe_release(&g->alloc, g->parts);
    g->values = NULL;
    g->parts = NULL;
}

void mmoe_whole_gradient_keep(void *context, int64_t offset, int64_t rows, int64_t cols,
                              const float *gradient, int64_t ld) {
    float *values = context;
    for (int64_t r = 0; r < rows; r++)
        memcpy(values + offset + r * cols, gradient + r * ld, (size_t)cols * sizeof *values);
}

static void sum_block(void *context, int worker, int block) {
    (void)worker;
    const mmoe_whole_gradient *g = context;
    const int64_t first = (int64_t)block * BLOCK;
    g->parts[block] =
        mmoe_kernels_best()->dot(block_size(g, first), g->values + first, g->values + first);
}

double mmoe_whole_gradient_norm(const mmoe_whole_gradient *g, mmoe_pool *pool) {
    double sum = 0;
    mmoe_pool_run(pool, block_count(g), sum_block, (void *)(uintptr_t)g);
    for (int i = 0; i < block_count(g); i++) sum += g->parts[i];
    return sqrt(sum);
}

typedef struct application {
    const mmoe_whole_gradient *gradient;
    mmoe_optimizer *optimizer;
} application;

static void apply_block(void *context, int worker, int block) {
    (void)worker;
    const application *a = context;
    const int64_t first = (int64_t)block * BLOCK, n = (int64_t)block_size(a->gradient, first);
    mmoe_optimizer_apply(a->optimizer, first, 1, n, a->gradient->values + first, n);
}

void mmoe_whole_gradient_apply(const mmoe_whole_gradient *g, mmoe_pool *pool,
                               mmoe_optimizer *optimizer) {
    application a = {g, optimizer};
    mmoe_pool_run(pool, block_count(g), apply_block, &a);
}
