/* Sums over a batch in segments: the order of a tree, the same numbers as without but for rounding,
 * and the same bits whatever the threads. */
#include "check_main.h"
#include "segments_support.h"

#include "math/tree.h"

enum { BATCH = 700 };

/* ---- The tree ---- */

/* Parts [first, end) that are there, as the formula has it; false: none is. */
static bool sum_by_halves(const double *parts, const bool *there, int first, int end, double *sum) {
    if (end - first == 1) {
        *sum = parts[first];
        return there[first];
    }
    const int middle = (first + end) / 2;
    double left, right;
    const bool has_left = sum_by_halves(parts, there, first, middle, &left),
               has_right = sum_by_halves(parts, there, middle, end, &right);
    *sum = has_left ? left : right;
    if (has_left && has_right) *sum = left + right;
    return has_left || has_right;
}

/* Numbers whose sum is another in any other order, all, none or some of them there. */
START_TEST(sums_are_of_a_tree) {
    for (int parts = 1; parts <= MMOE_TREE_PARTS; parts *= 2)
        for (unsigned kind = 0; kind < 40; kind++) {
            double x[MMOE_TREE_PARTS], want = 0;
            bool there[MMOE_TREE_PARTS];
            mmoe_tree_number sum = {0};
            for (int i = 0; i < parts; i++) {
                x[i] = ldexp(1.0 + i / 100.0, (int)(i * 7 + kind) % 60) * (i % 3 ? 1 : -1);
                there[i] =
                    kind == 0 || (kind > 1 && (i * 7919u + kind * 104729u) % kind > kind / 3);
                if (there[i]) mmoe_tree_add(&sum, i, x[i]);
            }
            if (!sum_by_halves(x, there, 0, parts, &want)) want = 0;
            const double got = mmoe_tree_end(&sum);
            ck_assert_msg(memcmp(&got, &want, sizeof got) == 0, "%d parts, kind %u: %g, not %g",
                          parts, kind, got, want);
        }
}
END_TEST

/* Arrays, in no more memory than said; -0 becomes 0, none is 0. */
START_TEST(arrays_are_summed) {
    enum { N = 37, PARTS = 8, STRIDE = 48 };
    float sums[4 * STRIDE + 1], minus = -0.0f;
    ck_assert_int_eq(mmoe_tree_depth(PARTS), 4);
    for (int count = 0; count <= PARTS; count++) {
        mmoe_tree_sum all = {.parts = PARTS, .sums = sums, .count = N, .stride = STRIDE};
        sums[4 * STRIDE] = 5;
        for (int i = 0; i < N; i++) sums[i] = NAN;
        for (int k = 0; k < count; k++) {
            float *part = mmoe_tree_next(&all, k);
            for (int i = 0; i < N; i++) part[i] = i ? (float)(i * (k + 1)) : minus;
        }
        const float *got = mmoe_tree_total(&all);
        ck_assert_ptr_eq(got, sums);
        for (int i = 0; i < N; i++) {
            ck_assert_float_eq(got[i], (float)(i * count * (count + 1) / 2));
            ck_assert(!signbit(got[i]));
        }
        ck_assert_float_eq(sums[4 * STRIDE], 5);
    }
}
END_TEST

/* ---- The cut ---- */

START_TEST(batches_are_cut_by_their_size) {
    for (int segments = 1; segments <= MMOE_TREE_PARTS; segments *= 2)
        for (int32_t rows = 1; rows < 20000; rows += rows < 2000 ? 1 : 13) {
            const mmoe_cut one = mmoe_plan_cut(&(mmoe_plan){.segments = 1}, rows),
                           c = mmoe_plan_cut(&(mmoe_plan){.segments = segments}, rows);
            ck_assert_int_eq(c.rows, rows);
            ck_assert_int_eq(c.chunk % 16, 0);
            ck_assert_int_le(c.chunk, one.chunk);
            ck_assert_int_eq(c.segment % c.chunk, 0);
            ck_assert_int_le(c.segments, segments);
            ck_assert_int_gt(mmoe_segment_rows(&c, c.segments - 1), 0);
            ck_assert_int_le(mmoe_segment_rows(&c, c.segments - 1), c.segment);
            ck_assert_int_eq(mmoe_segment_chunk(&c, c.segments), c.chunks);
            ck_assert_int_eq((c.chunks - 1) * c.chunk + mmoe_chunk_rows(&c, c.chunks - 1), rows);
            ck_assert_int_le(c.chunks, one.chunks > segments ? one.chunks : segments);
        }
}
END_TEST

/* ---- Steps ---- */

/* Whole batches, short ones, and one of fewer rows than segments. */
static void take_steps(const problem *p, int threads) {
    static const size_t rows[] = {BATCH, 333, 5, BATCH, 1};
    const mmoe_trainer_options options = {.threads = threads, .single_threaded_blas = 1};
    mmoe_trainer *trainer;
    SUCCEEDS(mmoe_trainer_create(p->model, &options, NULL, &trainer, &err));
    for (size_t k = 0; k < sizeof rows / sizeof *rows; k++)
        SUCCEEDS(mmoe_trainer_step(trainer, p->rows, (int64_t)(k * 50), rows[k], NULL, &err));
    mmoe_trainer_free(trainer);
}

/* Infinite where one has a NaN that is not the other's, bit by bit. */
static double difference(const mmoe_model *a, const mmoe_model *b) {
    double largest = 0;
    for (int32_t k = 0; k < a->params.n_block; k++) {
        const mmoe_block *x = &a->params.blocks[k].memory, *y = &b->params.blocks[k].memory;
        const float *p = x->data, *q = y->data;
        if (x->dtype != MMOE_F32) ck_assert_mem_eq(x->data, y->data, mmoe_block_bytes(x));
        for (int64_t i = 0; x->dtype == MMOE_F32 && i < x->count; i++) {
            const double d = fabs((double)p[i] - (double)q[i]) / (1 + fabs((double)p[i]));
            if (memcmp(&p[i], &q[i], sizeof *p) == 0) continue;
            if (isnan(d)) return INFINITY;
            if (d > largest) largest = d;
        }
    }
    return largest;
}

static bool is_same(const mmoe_model *a, const mmoe_model *b) {
    for (int32_t k = 0; k < a->params.n_block; k++)
        if (memcmp(a->params.blocks[k].memory.data, b->params.blocks[k].memory.data,
                   mmoe_block_bytes(&a->params.blocks[k].memory)) != 0)
            return false;
    return true;
}

START_TEST(segments_change_rounding_alone) {
    if (IS_EMULATED && _i % 3) return;
    problem one = problem_of(&ways[_i], 1, BATCH);
    take_steps(&one, 1);
    for (int segments = 2; segments <= 64; segments *= segments < 8 ? 2 : 8) {
        problem some = problem_of(&ways[_i], segments, BATCH);
        take_steps(&some, 1);
        const double d = difference(one.model, some.model);
        ck_assert_msg(d < 2e-5 && d > 0, "%s %s, %d segments: %g", ways[_i].name, ways[_i].trainer,
                      segments, d);
        problem_finish(&some);
    }
    problem_finish(&one);
}
END_TEST

START_TEST(threads_change_no_bit) {
    if (IS_EMULATED && _i % 3) return;
    static const int threads[] = {2, 3, 7};
    const int segments = _i % 2 ? 4 : 16;
    problem one = problem_of(&ways[_i], segments, BATCH);
    take_steps(&one, 1);
    for (int k = 0; k < 3; k++) {
        problem many = problem_of(&ways[_i], segments, BATCH);
        take_steps(&many, threads[k]);
        ck_assert_msg(is_same(one.model, many.model), "%s %s, %d threads", ways[_i].name,
                      ways[_i].trainer, threads[k]);
        problem_finish(&many);
    }
    problem_finish(&one);
}
END_TEST

void add_cases(TCase *c) {
    tcase_add_test(c, sums_are_of_a_tree);
    tcase_add_test(c, arrays_are_summed);
    tcase_add_test(c, batches_are_cut_by_their_size);
    tcase_add_loop_test(c, segments_change_rounding_alone, 0, WAYS);
    tcase_add_loop_test(c, threads_change_no_bit, 0, WAYS);
}
