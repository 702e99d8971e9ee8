/* The door to BLAS: products of every shape, transposed or not, set or added to. */
#ifndef WITHOUT_BLAS
#include <cblas.h>
#include <pthread.h>
#include <stdatomic.h>
#endif

#include "check_main.h"
#include "kernels_support.h"
#include "math/blas.h"

typedef struct product {
    mmoe_gemm g;
    matrix a, b, c, before; /* as they are stored */
} product;

/* flags: 1 transposes A, 2 transposes B, 4 adds to C. */
static void product_init(product *p, int32_t m, int32_t n, int32_t k, int flags) {
    const int ta = flags & 1, tb = flags & 2;
    const float beta = flags & 4 ? 1 : 0;
    const int32_t a_cols = ta ? m : k, b_cols = tb ? k : n;
    p->a = matrix_drawn(ta ? k : m, a_cols, some_stride(a_cols), -1, 1);
    p->b = matrix_drawn(tb ? n : k, b_cols, some_stride(b_cols), -1, 1);
    p->c = matrix_drawn(m, n, some_stride(n), -1, 1);
    if (beta == 0) fill(&p->c, NAN, NAN); /* must not be read */
    p->before = matrix_copy(&p->c);
    p->g = (mmoe_gemm){ta != 0, tb != 0, m,       n,    k,       p->a.at,
                       p->a.ld, p->b.at, p->b.ld, beta, p->c.at, p->c.ld};
}

static void product_finish(product *p) {
    free(p->a.at);
    free(p->b.at);
    free(p->c.at);
    free(p->before.at);
}

static double a_at(const product *p, int32_t i, int32_t l) {
    return *(p->g.ta ? matrix_cell(&p->a, l, i) : matrix_cell(&p->a, i, l));
}
static double b_at(const product *p, int32_t l, int32_t j) {
    return *(p->g.tb ? matrix_cell(&p->b, j, l) : matrix_cell(&p->b, l, j));
}

static void check_elements(const product *p) {
    for (int32_t i = 0; i < p->g.m; i++)
        for (int32_t j = 0; j < p->g.n; j++) {
            double sum = p->g.beta == 0 ? 0 : *matrix_cell(&p->before, i, j), size = fabs(sum);
            for (int32_t l = 0; l < p->g.k; l++) {
                sum += a_at(p, i, l) * b_at(p, l, j);
                size += fabs(a_at(p, i, l) * b_at(p, l, j));
            }
            check_near("c", *matrix_cell(&p->c, i, j), sum, sum_error(p->g.k) * size);
        }
}

/* C t = A (B t) + beta C t for a vector t of signs, which costs no product of matrices. */
static void check_along_a_vector(const product *p) {
    double *t = malloc((size_t)p->g.n * sizeof *t), *bt = calloc((size_t)p->g.k, sizeof *bt);
    REQUIRE(t && bt, "out of memory");
    for (int32_t j = 0; j < p->g.n; j++) t[j] = draw_below(2) ? 1 : -1;
    for (int32_t l = 0; l < p->g.k; l++)
        for (int32_t j = 0; j < p->g.n; j++) bt[l] += b_at(p, l, j) * t[j];
    for (int32_t i = 0; i < p->g.m; i++) {
        double want = 0, got = 0;
        for (int32_t l = 0; l < p->g.k; l++) want += a_at(p, i, l) * bt[l];
        for (int32_t j = 0; j < p->g.n; j++) {
            if (p->g.beta != 0) want += (double)*matrix_cell(&p->before, i, j) * t[j];
            got += (double)*matrix_cell(&p->c, i, j) * t[j];
        }
        check_near("c t", got, want,
                   sum_error(p->g.k) * (p->g.k + 1) *
                       sqrt(p->g.n)); /* entries up to k + 1, signs at random */
    }
    free(t);
    free(bt);
}

static void check_product(int32_t m, int32_t n, int32_t k, int flags,
                          void (*check)(const product *p)) {
    product p;
    product_init(&p, m, n, k, flags);
    matrix a = matrix_copy(&p.a), b = matrix_copy(&p.b);
    mmoe_gemm_run(&p.g);
    check(&p);
    check_gaps(&p.c);
    check_same_bits(&a, &p.a);
    check_same_bits(&b, &p.b);
    free(a.at);
    free(b.at);
    product_finish(&p);
}

/* _i: bit 0 transposes A, bit 1 B, bit 2 adds to C; the rest is the set of kernels, each of which
 * has its own products beside BLAS. */
START_TEST(small_products) {
    static const int32_t sizes[] = {1, 2, 3, 5, 8, 15, 16, 17, 33, 64};
    enum { N = sizeof sizes / sizeof *sizes };
    const mmoe_kernels *set = mmoe_kernels_at((size_t)_i / 8);
    if (!set) return;
    setenv("MMOE_KERNELS", set->name, 1);
    for (int i = 0; i < N * N * N; i++)
        check_product(sizes[i % N], sizes[i / N % N], sizes[i / N / N], _i % 8, check_elements);
}
END_TEST

START_TEST(large_products) {
    check_product(256, 272, 135, _i, check_along_a_vector);
    check_product(144, 16, 1500, _i, check_along_a_vector);
    check_product(1, 300, 700, _i, check_along_a_vector);
    check_product(300, 1, 700, _i, check_along_a_vector);
    check_product(515, 129, 390, _i, check_along_a_vector);
}
END_TEST

START_TEST(empty_products) {
    float c[2] = {3, 4};
    mmoe_gemm g = {.m = 0, .n = 2, .k = 1, .lda = 1, .ldb = 2, .ldc = 2, .c = c, .a = c, .b = c};
    mmoe_gemm_run(&g);
    g.m = 1;
    g.n = 0;
    mmoe_gemm_run(&g);
    ck_assert(c[0] == 3 && c[1] == 4);
}
END_TEST

#ifndef WITHOUT_BLAS
START_TEST(one_thread_while_it_is_asked_for) {
    const int before = openblas_get_num_threads();
    for (int n = 2; n >= 1; n--) {
        openblas_set_num_threads(n);
        ck_assert_int_eq(openblas_get_num_threads(), n);
        check_product(200, 200, 200, 0, check_along_a_vector);
        mmoe_blas_begin_single();
        ck_assert_int_eq(openblas_get_num_threads(), 1);
        check_product(200, 200, 200, 0, check_along_a_vector);
        mmoe_blas_end_single();
        ck_assert_int_eq(openblas_get_num_threads(), n);
    }
    openblas_set_num_threads(before);
    ck_assert_ptr_nonnull(strstr(mmoe_blas_config(), "OpenBLAS"));
    ck_assert_uint_gt(strlen(mmoe_blas_core()), 0);
}
END_TEST

/* In whatever order they leave. */
START_TEST(the_last_user_puts_threads_back) {
    const int before = openblas_get_num_threads();
    openblas_set_num_threads(3);
    for (int round = 0; round < 2; round++) {
        for (int users = 0; users < 3; users++) mmoe_blas_begin_single();
        for (int users = 3; users > 0; users--) {
            ck_assert_int_eq(openblas_get_num_threads(), 1);
            mmoe_blas_end_single();
        }
        ck_assert_int_eq(openblas_get_num_threads(), 3);
    }
    openblas_set_num_threads(before);
}
END_TEST

static void *come_and_go(void *wrong) {
    for (int i = 0; i < 2000; i++) {
        mmoe_blas_begin_single();
        if (openblas_get_num_threads() != 1) atomic_fetch_add((atomic_int *)wrong, 1);
        mmoe_blas_end_single();
    }
    return NULL;
}

START_TEST(users_in_many_threads) {
    enum { USERS = 4 };
    const int before = openblas_get_num_threads();
    pthread_t threads[USERS];
    atomic_int wrong = 0;
    openblas_set_num_threads(2);
    for (int i = 0; i < USERS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, come_and_go, &wrong), 0);
    for (int i = 0; i < USERS; i++) pthread_join(threads[i], NULL);
    ck_assert_int_eq(atomic_load(&wrong), 0);
    ck_assert_int_eq(openblas_get_num_threads(), 2);
    openblas_set_num_threads(before);
}
END_TEST
#endif

void add_cases(TCase *c) {
    tcase_add_loop_test(c, small_products, 0, 3 * 8);
    tcase_add_loop_test(c, large_products, 0, 8);
    tcase_add_test(c, empty_products);
#ifndef WITHOUT_BLAS
    tcase_add_test(c, one_thread_while_it_is_asked_for);
    tcase_add_test(c, the_last_user_puts_threads_back);
    tcase_add_test(c, users_in_many_threads);
#endif
}
