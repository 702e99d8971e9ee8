/* named tensors, their blocks, and what they are drawn from */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "check_main.h"
#include "graph/params.h"

typedef struct countdown {
    int64_t left; /* allocations that still succeed */
    int64_t live;
} countdown;

static void *count_alloc(void *user, size_t size) {
    countdown *c = user;
    if (c->left-- <= 0) return NULL;
    void *p = malloc(size);
    c->live += p != NULL;
    return p;
}

static void *count_resize(void *user, void *memory, size_t old_size, size_t new_size) {
    countdown *c = user;
    (void)old_size;
    return c->left-- <= 0 ? NULL : realloc(memory, new_size);
}

static void count_release(void *user, void *memory) {
    countdown *c = user;
    c->live -= memory != NULL;
    free(memory);
}

static mmoe_tensors new_tensors(const mmoe_allocator *alloc) {
    return (mmoe_tensors){.alloc = mmoe_allocator_or_default(alloc)};
}

typedef struct tensor_shape {
    int32_t rank;
    int64_t rows, columns;
} tensor_shape;

static mmoe_status add(mmoe_tensors *t, const char *name, mmoe_tensor_kind kind, tensor_shape s,
                       mmoe_init_kind init, float a) {
    int64_t count = (s.rank > 0 ? s.rows : 1) * (s.rank > 1 ? s.columns : 1);
    mmoe_tensor tensor = {
        .kind = kind, .rank = s.rank, .shape = {s.rows, s.columns}, .init = init, .init_a = a};
    tensor.offset = mmoe_tensors_reserve(t, kind, count);
    return mmoe_tensors_add(t, tensor, NULL, "%s", name);
}

START_TEST(blocks_are_aligned_and_apart) {
    mmoe_tensors t = new_tensors(NULL);
    ck_assert_int_eq(mmoe_tensors_reserve(&t, MMOE_TENSOR_VALUE, 1), 0);
    ck_assert_int_eq(mmoe_tensors_reserve(&t, MMOE_TENSOR_VALUE, 16), 16);
    ck_assert_int_eq(mmoe_tensors_reserve(&t, MMOE_TENSOR_VALUE, 17), 32);
    ck_assert_int_eq(mmoe_tensors_reserve(&t, MMOE_TENSOR_VALUE, 0), 64);
    ck_assert_int_eq(mmoe_tensors_reserve(&t, MMOE_TENSOR_STATE, 5), 0);
    ck_assert_int_eq(mmoe_tensors_reserve(&t, MMOE_TENSOR_COUNTER, 1), 0);
    ck_assert_int_eq(mmoe_tensors_reserve(&t, MMOE_TENSOR_COUNTER, 1), 1);
    ck_assert_int_eq(t.n_value, 64);
    ck_assert_int_eq(t.n_state, 16);
    ck_assert_int_eq(t.n_counter, 2);
    mmoe_params p;
    ck_assert_int_eq(mmoe_params_init(&p, &t, NULL, NULL), MMOE_OK);
    ck_assert_uint_eq((uintptr_t)p.values % 64, 0);
    ck_assert_uint_eq((uintptr_t)p.states % 64, 0);
    ck_assert_uint_eq((uintptr_t)p.counters % 64, 0);
    for (int64_t i = 0; i < p.n_value; i++) ck_assert(p.values[i] == 0);
    for (int64_t i = 0; i < p.n_state; i++) ck_assert(p.states[i] == 0);
    for (int64_t i = 0; i < p.n_counter; i++) ck_assert_int_eq(p.counters[i], 0);
    mmoe_params_finish(&p);
    mmoe_params_finish(&p);
    mmoe_tensors_finish(&t);
}
END_TEST

START_TEST(neighbours_share_a_reservation) {
    mmoe_tensors t = new_tensors(NULL);
    int64_t offset = mmoe_tensors_reserve(&t, MMOE_TENSOR_VALUE, 3 * 6);
    for (int e = 0; e < 3; e++) {
        mmoe_tensor expert = {.kind = MMOE_TENSOR_VALUE,
                              .rank = 2,
                              .shape = {2, 3},
                              .offset = offset + 6 * e,
                              .init = MMOE_INIT_CONSTANT,
                              .init_a = (float)e + 1};
        ck_assert_int_eq(mmoe_tensors_add(&t, expert, NULL, "experts.%d.mlp.%d.weight", e, 0),
                         MMOE_OK);
    }
    ck_assert_int_eq(add(&t, "experts.0.mlp.1.num_batches_tracked", MMOE_TENSOR_COUNTER,
                         (tensor_shape){0, 0, 0}, MMOE_INIT_CONSTANT, 0),
                     MMOE_OK);
    ck_assert_int_eq(add(&t, "experts.0.mlp.1.running_var", MMOE_TENSOR_STATE,
                         (tensor_shape){1, 2, 0}, MMOE_INIT_CONSTANT, 1),
                     MMOE_OK);
    const mmoe_tensor *second = mmoe_tensors_find(&t, "experts.1.mlp.0.weight");
    ck_assert_ptr_nonnull(second);
    ck_assert_int_eq(second->count, 6);
    ck_assert_ptr_null(mmoe_tensors_find(&t, "experts.3.mlp.0.weight"));
    mmoe_params p, q;
    ck_assert_int_eq(mmoe_params_init(&p, &t, NULL, NULL), MMOE_OK);
    ck_assert_int_eq(mmoe_params_init(&q, &t, NULL, NULL), MMOE_OK);
    ck_assert_int_eq(mmoe_params_draw(&p, &t, 5, NULL), MMOE_OK);
    for (int i = 0; i < 18; i++) ck_assert(p.values[i] == (float)(i / 6) + 1);
    for (int i = 18; i < p.n_value; i++) ck_assert(p.values[i] == 0);
    ck_assert_ptr_eq(mmoe_params_at(&p, second), p.values + 6);
    ck_assert(p.states[0] == 1 && p.states[1] == 1);
    p.counters[0] = 7;
    mmoe_params_copy(&q, &p);
    ck_assert_mem_eq(q.values, p.values, (size_t)p.n_value * sizeof *p.values);
    ck_assert_mem_eq(q.states, p.states, (size_t)p.n_state * sizeof *p.states);
    ck_assert_int_eq(q.counters[0], 7);
    mmoe_params_finish(&p);
    mmoe_params_finish(&q);
    mmoe_tensors_finish(&t);
}
END_TEST

/* ---- Tables, and the whole ---- */

/* Tables [5, 3] and [7, 4] between a layer's tensors, 18 values and 2. */
static mmoe_tensors tensors_with_tables(void) {
    mmoe_tensors t = new_tensors(NULL);
    const mmoe_tensor first = {.kind = MMOE_TENSOR_TABLE, .rank = 2, .shape = {5, 3}},
                      second = {.kind = MMOE_TENSOR_TABLE, .rank = 2, .shape = {7, 4}};
    ck_assert_int_eq(mmoe_tensors_add(&t, first, NULL, "first"), MMOE_OK);
    ck_assert_int_eq(
        add(&t, "a", MMOE_TENSOR_VALUE, (tensor_shape){1, 18, 0}, MMOE_INIT_CONSTANT, 1), MMOE_OK);
    ck_assert_int_eq(mmoe_tensors_add(&t, second, NULL, "second"), MMOE_OK);
    ck_assert_int_eq(
        add(&t, "b", MMOE_TENSOR_VALUE, (tensor_shape){1, 2, 0}, MMOE_INIT_CONSTANT, 2), MMOE_OK);
    ck_assert_int_eq(
        add(&t, "mean", MMOE_TENSOR_STATE, (tensor_shape){1, 3, 0}, MMOE_INIT_CONSTANT, 0),
        MMOE_OK);
    return t;
}

START_TEST(the_whole_is_tables_and_then_layers) {
    static const int64_t places[] = {0, 48, 15, 48 + 32}; /* of first, a, second, b */
    mmoe_tensors t = tensors_with_tables();
    mmoe_params p;
    ck_assert_int_eq(mmoe_params_init(&p, &t, NULL, NULL), MMOE_OK);
    ck_assert_int_eq(p.n_table, 2);
    ck_assert_int_eq(p.n_trained, 3);
    ck_assert_int_eq(p.n_block, 5);
    ck_assert_int_eq(p.n_whole, 48 + 48);
    for (int i = 0; i < 4; i++) ck_assert_int_eq(mmoe_tensors_place(&t, &t.items[i]), places[i]);
    ck_assert_str_eq(p.blocks[1].memory.name, "second");
    ck_assert_int_eq(p.blocks[1].place, 15);
    ck_assert_int_eq(p.blocks[2].place, 48);
    ck_assert_ptr_eq(p.blocks[2].memory.data, p.values);
    ck_assert_ptr_eq(mmoe_params_at(&p, &t.items[2]), mmoe_params_rows(&p, 1));
    ck_assert_ptr_eq(mmoe_params_at(&p, &t.items[3]), p.values + 32);
    for (int i = 3; i < 5; i++) ck_assert_int_eq(p.blocks[i].place, -1);
    mmoe_params_finish(&p);
    mmoe_tensors_finish(&t);
}
END_TEST

/* Walked in steps of any size, the whole's parts are every block's values once, in order. */
START_TEST(parts_cover_the_blocks) {
    mmoe_tensors t = tensors_with_tables();
    mmoe_params p;
    ck_assert_int_eq(mmoe_params_init(&p, &t, NULL, NULL), MMOE_OK);
    for (int64_t step = 1; step <= 100; step++) {
        int64_t seen[3] = {0}, last = -1;
        for (int64_t first = 0; first < p.n_whole; first += step) {
            const int64_t end = first + step < p.n_whole ? first + step : p.n_whole;
            mmoe_params_part part;
            for (int64_t at = first; mmoe_params_next(&p, &at, end, &part);) {
                ck_assert_int_gt(part.count, 0);
                ck_assert_int_gt(part.place, last);
                ck_assert_int_le(first, part.place);
                ck_assert_int_le(part.place + part.count, end);
                ck_assert_int_eq(part.place, p.blocks[part.block].place + part.offset);
                ck_assert_int_eq(part.offset, seen[part.block]);
                seen[part.block] += part.count;
                last = part.place;
            }
        }
        for (int i = 0; i < 3; i++) ck_assert_int_eq(seen[i], p.blocks[i].memory.count);
    }
    mmoe_params_finish(&p);
    mmoe_tensors_finish(&t);
}
END_TEST

static _Alignas(64) float file[15 + 28];

static mmoe_lent_table lend_first(void *context, const mmoe_tensor *table) {
    const bool is_lent = table->table < *(const int32_t *)context;
    return (mmoe_lent_table){.blocks = {is_lent ? file + table->offset : NULL},
                             .is_mapped = is_lent};
}

START_TEST(lent_tables_are_used_where_they_stand) {
    mmoe_tensors t = tensors_with_tables();
    for (int32_t count = 0; count <= 2; count++) {
        mmoe_params p, copy;
        const mmoe_lent_tables lent = {.lend = lend_first, .context = &count};
        for (int i = 0; i < 15 + 28; i++) file[i] = (float)i;
        ck_assert_int_eq(mmoe_params_init_lent(&p, &t, &lent, NULL, NULL), MMOE_OK);
        ck_assert_int_eq(mmoe_params_init(&copy, &t, NULL, NULL), MMOE_OK);
        ck_assert((mmoe_params_rows(&p, 0) == file) == (count > 0));
        ck_assert((mmoe_params_rows(&p, 1) == file + 15) == (count > 1));
        mmoe_params_copy(&copy, &p);
        ck_assert(mmoe_params_rows(&copy, 0)[14] == (count > 0 ? 14 : 0));
        ck_assert(mmoe_params_rows(&copy, 1)[27] == (count > 1 ? 42 : 0));
        mmoe_params_finish(&copy);
        mmoe_params_finish(&p);
        ck_assert(file[42] == 42);
    }
    mmoe_tensors_finish(&t);
}
END_TEST

/* The same tensor drawn at two places of two models of different order, and under another name and
 * seed. */
START_TEST(draw_depends_on_seed_and_name_alone) {
    mmoe_tensors t = new_tensors(NULL), u = new_tensors(NULL);
    ck_assert_int_eq(
        add(&t, "a", MMOE_TENSOR_VALUE, (tensor_shape){2, 5, 7}, MMOE_INIT_UNIFORM, 0.5f), MMOE_OK);
    ck_assert_int_eq(add(&t, "b", MMOE_TENSOR_VALUE, (tensor_shape){1, 33, 0}, MMOE_INIT_NORMAL, 2),
                     MMOE_OK);
    ck_assert_int_eq(add(&u, "b", MMOE_TENSOR_VALUE, (tensor_shape){1, 33, 0}, MMOE_INIT_NORMAL, 2),
                     MMOE_OK);
    ck_assert_int_eq(add(&u, "c", MMOE_TENSOR_VALUE, (tensor_shape){1, 33, 0}, MMOE_INIT_NORMAL, 2),
                     MMOE_OK);
    ck_assert_int_eq(
        add(&u, "a", MMOE_TENSOR_VALUE, (tensor_shape){2, 5, 7}, MMOE_INIT_UNIFORM, 0.5f), MMOE_OK);
    mmoe_params p, q;
    ck_assert_int_eq(mmoe_params_init(&p, &t, NULL, NULL), MMOE_OK);
    ck_assert_int_eq(mmoe_params_init(&q, &u, NULL, NULL), MMOE_OK);
    ck_assert_int_eq(mmoe_params_draw(&p, &t, 2022, NULL), MMOE_OK);
    ck_assert_int_eq(mmoe_params_draw(&q, &u, 2022, NULL), MMOE_OK);
    ck_assert_mem_eq(mmoe_params_at(&p, &t.items[0]), mmoe_params_at(&q, &u.items[2]),
                     35 * sizeof(float));
    ck_assert_mem_eq(mmoe_params_at(&p, &t.items[1]), mmoe_params_at(&q, &u.items[0]),
                     33 * sizeof(float));
    ck_assert_mem_ne(mmoe_params_at(&q, &u.items[0]), mmoe_params_at(&q, &u.items[1]),
                     33 * sizeof(float));
    ck_assert_int_eq(mmoe_params_draw(&q, &u, 2023, NULL), MMOE_OK);
    ck_assert_mem_ne(mmoe_params_at(&p, &t.items[0]), mmoe_params_at(&q, &u.items[2]),
                     35 * sizeof(float));
    mmoe_params_finish(&p);
    mmoe_params_finish(&q);
    mmoe_tensors_finish(&t);
    mmoe_tensors_finish(&u);
}
END_TEST

START_TEST(stitches_are_mostly_their_own) {
    for (int32_t n = 1; n <= 3; n++) {
        mmoe_tensors t = new_tensors(NULL);
        mmoe_params p;
        ck_assert_int_eq(add(&t, "stitches.0.weight", MMOE_TENSOR_VALUE, (tensor_shape){2, n, n},
                             MMOE_INIT_STITCH, n > 1 ? 0.9f : 1),
                         MMOE_OK);
        ck_assert_int_eq(mmoe_params_init(&p, &t, NULL, NULL), MMOE_OK);
        ck_assert_int_eq(mmoe_params_draw(&p, &t, 1, NULL), MMOE_OK);
        for (int32_t i = 0; i < n * n; i++) {
            const float *x = mmoe_params_at(&p, t.items);
            float wanted = 1;
            if (n > 1) wanted = i / n == i % n ? 0.9f : 0.1f / (float)(n - 1);
            ck_assert_float_eq_tol(x[i], wanted, 1e-7f);
        }
        mmoe_params_finish(&p);
        mmoe_tensors_finish(&t);
    }
}
END_TEST

/* Moments and the correlation of neighbours, each within five of its standard errors. */
static void check_moments(const float *x, int64_t n, double variance, double fourth) {
    double sum = 0, square = 0, lag1 = 0, lag2 = 0;
    for (int64_t i = 0; i < n; i++) {
        sum += (double)x[i];
        square += (double)x[i] * (double)x[i];
        if (i >= 1) lag1 += (double)x[i] * (double)x[i - 1];
        if (i >= 2) lag2 += (double)x[i] * (double)x[i - 2];
    }
    double root = sqrt((double)n);
    ck_assert_double_eq_tol(sum / (double)n, 0, 5 * sqrt(variance) / root);
    ck_assert_double_eq_tol(square / (double)n, variance,
                            5 * sqrt(fourth - variance * variance) / root);
    ck_assert_double_eq_tol(lag1 / (double)n, 0, 5 * variance / root);
    ck_assert_double_eq_tol(lag2 / (double)n, 0, 5 * variance / root);
}

START_TEST(draws_have_their_moments) {
    enum { N = 200001 };
    mmoe_tensors t = new_tensors(NULL);
    ck_assert_int_eq(
        add(&t, "uniform", MMOE_TENSOR_VALUE, (tensor_shape){1, N, 0}, MMOE_INIT_UNIFORM, 0.25f),
        MMOE_OK);
    ck_assert_int_eq(
        add(&t, "normal", MMOE_TENSOR_VALUE, (tensor_shape){1, N, 0}, MMOE_INIT_NORMAL, 3),
        MMOE_OK);
    mmoe_params p;
    ck_assert_int_eq(mmoe_params_init(&p, &t, NULL, NULL), MMOE_OK);
    ck_assert_int_eq(mmoe_params_draw(&p, &t, 1, NULL), MMOE_OK);
    const float *uniform = mmoe_params_at(&p, &t.items[0]),
                *normal = mmoe_params_at(&p, &t.items[1]);
    float low = 1, high = -1;
    for (int64_t i = 0; i < N; i++) {
        if (uniform[i] < low) low = uniform[i];
        if (uniform[i] > high) high = uniform[i];
    }
    ck_assert(low > -0.25f && low < -0.2499f);
    ck_assert(high < 0.25f && high > 0.2499f);
    check_moments(uniform, N, 0.0625 / 3, 0.00390625 / 5);
    check_moments(normal, N, 9, 243);
    int64_t beyond = 0; /* P(|z| > 2) = 0.0455003 */
    for (int64_t i = 0; i < N; i++) beyond += normal[i] > 6 || normal[i] < -6;
    ck_assert_double_eq_tol((double)beyond, 0.0455003 * N, 5 * sqrt(0.0455003 * N));
    ck_assert(normal[N - 1] != 0 && p.values[t.items[1].offset + N] == 0);
    mmoe_params_finish(&p);
    mmoe_tensors_finish(&t);
}
END_TEST

START_TEST(sizes_that_overflow_fail) {
    mmoe_tensors t = new_tensors(NULL);
    mmoe_tensor huge = {.kind = MMOE_TENSOR_VALUE, .rank = 2, .shape = {INT64_MAX / 2, 4}};
    mmoe_error err = {0};
    huge.offset = mmoe_tensors_reserve(&t, MMOE_TENSOR_VALUE, INT64_MAX / 2);
    ck_assert_int_eq(mmoe_tensors_add(&t, huge, &err, "huge"), MMOE_E_MEMORY);
    mmoe_tensors_reserve(&t, MMOE_TENSOR_VALUE, INT64_MAX / 2 + 2);
    ck_assert_int_eq(t.n_value, INT64_MAX);
    mmoe_tensors_reserve(&t, MMOE_TENSOR_VALUE, 16);
    ck_assert_int_eq(t.n_value, INT64_MAX);
    mmoe_params p;
    ck_assert_int_eq(mmoe_params_init(&p, &t, NULL, &err), MMOE_E_MEMORY);
    ck_assert_int_eq(err.code, MMOE_E_MEMORY);
    ck_assert_ptr_null(p.values);
    mmoe_tensors_finish(&t);
}
END_TEST

static mmoe_status build(const mmoe_allocator *alloc, mmoe_error *err) {
    mmoe_tensors t = new_tensors(alloc);
    mmoe_params p;
    mmoe_status status = MMOE_OK;
    for (int i = 0; i < 70 && !status; i++) {
        mmoe_tensor tensor = {.kind = MMOE_TENSOR_STATE, .rank = 1, .shape = {3}};
        tensor.offset = mmoe_tensors_reserve(&t, tensor.kind, 3);
        status = mmoe_tensors_add(&t, tensor, err, "t.%d", i);
    }
    if (!status) status = mmoe_params_init(&p, &t, alloc, err);
    if (!status) mmoe_params_finish(&p);
    mmoe_tensors_finish(&t);
    return status;
}

START_TEST(every_allocation_may_fail) {
    countdown c = {0};
    mmoe_allocator alloc = {&c, count_alloc, count_resize, count_release};
    int64_t n = 0;
    for (mmoe_status status = MMOE_E_MEMORY; status; n++) {
        mmoe_error err = {0};
        c = (countdown){.left = n};
        status = build(&alloc, &err);
        ck_assert(status == MMOE_OK || status == MMOE_E_MEMORY);
        ck_assert_int_eq(err.code, status);
        ck_assert_int_eq(c.live, 0);
    }
    /* names, the list twice, the blocks and tables that are there, three blocks; and the run that
     * succeeds */
    ck_assert_int_eq(n, 70 + 2 + 2 + 3 + 1);
}
END_TEST

void add_cases(TCase *c) {
    tcase_add_test(c, blocks_are_aligned_and_apart);
    tcase_add_test(c, neighbours_share_a_reservation);
    tcase_add_test(c, the_whole_is_tables_and_then_layers);
    tcase_add_test(c, parts_cover_the_blocks);
    tcase_add_test(c, lent_tables_are_used_where_they_stand);
    tcase_add_test(c, draw_depends_on_seed_and_name_alone);
    tcase_add_test(c, stitches_are_mostly_their_own);
    tcase_add_test(c, draws_have_their_moments);
    tcase_add_test(c, sizes_that_overflow_fail);
    tcase_add_test(c, every_allocation_may_fail);
}
