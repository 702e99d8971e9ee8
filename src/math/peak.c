/* The machine's GEMM peak, as the roof over a profile. */

#include "base/clock.h"
#include "base/error.h"
#include "base/pool.h"
#include "math/blas.h"
#include "math/kernels.h"
#include "mmoe/train.h"

enum { N = 512, REPEATS = 4, RUNS = 40 };

typedef struct peak_job {
    float *a, *b, *c; /* [workers, N, N] c, [N, N] a and b */
} peak_job;

static void multiply_square(void *context, int worker, int task) {
    (void)worker;
    peak_job *j = context;
    mmoe_gemm g = {.m = N,
                   .n = N,
                   .k = N,
                   .a = j->a,
                   .lda = N,
                   .b = j->b,
                   .ldb = N,
                   .c = j->c + (size_t)task * N * N,
                   .ldc = N};
    for (int i = 0; i < REPEATS; i++) mmoe_gemm_run(&g);
}

static double best_rate(mmoe_pool *pool, int threads, peak_job *job) {
    double best = 0, flops = 2.0 * N * N * N * REPEATS * threads;
    mmoe_blas_begin_single();
    for (int i = 0; i < RUNS; i++) {
        double start = mmoe_clock();
        mmoe_pool_run(pool, threads, multiply_square, job);
        double rate = flops / (mmoe_clock() - start);
        if (rate > best) best = rate;
    }
    mmoe_blas_end_single();
    return best;
}

mmoe_status mmoe_gemm_peak(int threads, const mmoe_allocator *alloc, double *flops_per_second,
                           mmoe_error *err) {
    if (!flops_per_second || threads < 1)
        return mmoe_fail(err, MMOE_E_ARGUMENT,
                         "mmoe_gemm_peak: flops_per_second must not be NULL, threads not below 1");
    if (mmoe_check_threads(threads, "mmoe_gemm_peak", err)) return MMOE_E_ARGUMENT;
    if (mmoe_allocator_check(alloc, "mmoe_gemm_peak", err)) return MMOE_E_ARGUMENT;
    mmoe_allocator a = mmoe_allocator_or_default(alloc);
    mmoe_pool *pool;
    mmoe_status status = mmoe_pool_create(threads, &a, &pool, err);
    if (status) return status;
    size_t floats = (size_t)N * N * (2 + (size_t)threads);
    float *memory = mmoe_alloc_aligned(&a, floats, sizeof *memory);
    if (memory) {
        for (size_t i = 0; i < floats; i++) memory[i] = (float)(i % 17) / 17.0f;
        peak_job job = {memory, memory + (size_t)N * N, memory + (size_t)2 * N * N};
        *flops_per_second = best_rate(pool, threads, &job);
    } else {
        status = mmoe_fail_memory(err, floats * sizeof *memory);
    }
    mmoe_release_aligned(&a, memory);
    mmoe_pool_free(pool);
    return status;
}

const char *mmoe_blas_version(void) { return mmoe_blas_config(); }
const char *mmoe_blas_core_type(void) { return mmoe_blas_core(); }
const char *mmoe_kernel_set(void) { return mmoe_kernels_best()->name; }
mmoe_status mmoe_kernel_set_check(mmoe_error *err) { return mmoe_kernels_check(err); }
