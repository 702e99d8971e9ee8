/* The predictor: against the plan that evaluation uses, in any number of rows, and ranking against
 * plain scoring. */
#include <pthread.h>

#include "check_main.h"
#include "failing.h"
#include "math/blas.h"
#include "graph/run.h"
#include "math/blas.h"
#include "model/model.h"
#include "predictor_support.h"

typedef struct shape {
    const char *sides; /* of the columns a..e, d0..d3 */
    const char *tasks, *rest;
} shape;

#define TASK(name, more) "{\"name\": \"" name "\", \"label\": \"" name "\"" more "}"
#define TOWER(dims) ", \"tower_params\": {\"dims\": " dims "}"
#define REGRESSION ", \"type\": \"regression\""

static const shape shapes[] = {
    {"uiuiiuiui", TASK("x", "") ", " TASK("y", ""),
     "\"model\": {\"n_expert\": 8, \"expert_params\": {\"dims\": [16]}}"},
    {"iiiiiiiii", TASK("x", ""),
     "\"model\": {\"n_expert\": 1, \"expert_params\": {\"dims\": [5]}}"},
    {"uuuuuuuuu", TASK("x", TOWER("[]")),
     "\"model\": {\"n_expert\": 3, \"expert_params\": {\"dims\": [7, 4]}}"},
    {"iiiiiuuii",
     TASK("x", TOWER("[6, 5, 3]")) ", " TASK("y", REGRESSION TOWER("[]")) ", " TASK("z",
                                                                                    TOWER("[9]")),
     "\"model\": {\"n_expert\": 3, \"expert_params\": {\"dims\": [10, 6, 3], \"batch_norm\": "
     "false}}"},
    {"uuiiuiiii",
     TASK("x", ", \"tower_params\": {\"dims\": [4], \"batch_norm\": false, \"activation\": "
               "\"tanh\"}") ", " TASK("y", REGRESSION),
     "\"model\": {\"n_expert\": 5, \"expert_params\": {\"dims\": [13], \"activation\": \"prelu\"}, "
     "\"gate_params\": {\"batch_norm\": false}}"},
    {"iuiuiuiui",
     TASK("x", ", \"tower_params\": {\"dims\": [8, 4], \"activation\": \"dice\"}") ", " TASK("y",
                                                                                             ""),
     "\"model\": {\"n_expert\": 4, \"expert_params\": {\"dims\": [16, 8], \"activation\": "
     "\"dice\", \"dropout\": 0.3}}"},
    {"uuuuiuuuu",
     TASK("x", ", \"tower_params\": {\"dims\": [3], \"activation\": \"prelu\", \"batch_norm\": "
               "false}") ", " TASK("y", ""),
     "\"model\": {\"n_expert\": 6, \"expert_params\": {\"dims\": [9], \"activation\": \"tanh\", "
     "\"batch_norm\": false}, \"gate_params\": {\"batch_norm\": "
     "true}}"},
    {"iiuiiiiiu", TASK("x", TOWER("[64]")) ", " TASK("y", REGRESSION TOWER("[33]")),
     "\"model\": {\"n_expert\": 17, \"expert_params\": {\"dims\": [48, 31], \"activation\": "
     "\"sigmoid\"}}"},
    {"uiuiuiuiu", TASK("x", TOWER("[300]")) ", " TASK("y", ""),
     "\"model\": {\"n_expert\": 2, \"expert_params\": {\"dims\": [520]}}"},
};
enum { SHAPES = sizeof shapes / sizeof *shapes, ROWS = 1100 };

static mmoe_model *model;
static mmoe_predictor *predictor;
static test_rows rows;
static size_t n_task;
static float expected[ROWS * MOST_TASKS], scores[ROWS * MOST_TASKS];

static void set_up(int i) {
    mmoe_error err = {0};
    model = build_model(shapes[i].sides, shapes[i].tasks, shapes[i].rest);
    scatter_weights(model);
    n_task = (size_t)mmoe_model_task_count(model);
    rows = draw_rows(ROWS);
    ok(mmoe_predictor_create(model, NULL, &predictor, &err), &err);
}

static void tear_down(void) {
    mmoe_predictor_free(predictor);
    mmoe_model_free(model);
    free_rows(&rows);
}

static void run(mmoe_predictor *p, const mmoe_batch *batch, float *out) {
    mmoe_error err = {0};
    for (size_t i = 0; i < batch->rows * n_task; i++) out[i] = NAN;
    ok(mmoe_predictor_run(p, batch, out, &err), &err);
}

static void assert_bits(const float *got, const float *want, size_t n_rows, const char *what) {
    for (size_t i = 0; i < n_rows * n_task; i++)
        if (memcmp(&got[i], &want[i], sizeof *got) != 0)
            ck_abort_msg("%s: row %zu of %zu, task %zu: %.9g, not %.9g", what, i / n_task, n_rows,
                         i % n_task, (double)got[i], (double)want[i]);
}

/* ---- Scores ---- */

START_TEST(agrees_with_the_plan) {
    set_up(_i);
    mmoe_error err = {0};
    mmoe_run *planned;
    ok(mmoe_run_create(
           &(mmoe_plan_request){model->graph, &model->params, NULL, MMOE_PLAN_PREDICT, ROWS},
           &planned, &err),
       &err);
    mmoe_blas_begin_single();
    mmoe_run_fold(planned);
    const mmoe_rows batch = {.rows = ROWS,
                             .ids = rows.ids,
                             .dense = rows.dense,
                             .id_stride = SPARSE,
                             .dense_stride = DENSE};
    mmoe_run_predict(planned, &batch, expected);
    run(predictor, &rows.batch, scores);
    double spread = 0;
    for (size_t i = 0; i < ROWS * n_task; i++) {
        const double want = (double)expected[i], got = (double)scores[i];
        if (!(fabs(got - want) <= 1e-6 * fmax(1, fabs(want))))
            ck_abort_msg("row %zu, task %zu: %.9g, not %.9g", i / n_task, i % n_task, got, want);
        spread = fmax(spread, fabs(want - (double)expected[i % n_task]));
    }
    ck_assert_double_gt(spread, 1e-2);
    mmoe_run_free(planned);
    tear_down();
}
END_TEST

/* Every route gives the same bits. */
START_TEST(any_number_of_rows) {
    set_up(_i);
    run(predictor, &rows.batch, expected);
    for (size_t n = 0, first = 0; n <= 260;
         n += n < 70 ? 1 : 63, first = (first + 37) % (ROWS - 300)) {
        const mmoe_batch part = rows_of(&rows, first, n);
        scores[n * n_task] = 99;
        run(predictor, &part, scores);
        assert_bits(scores, expected + first * n_task, n, "run");
        ck_assert(scores[n * n_task] == 99);
    }
    tear_down();
}
END_TEST

START_TEST(the_weights_are_those_of_creation) {
    set_up(_i);
    run(predictor, &rows.batch, expected);
    mmoe_tensor_info info;
    for (size_t i = 0; mmoe_model_tensor(model, i, &info) == 0; i++) {
        if (info.is_integer || strstr(info.name, "embedding")) continue;
        const int64_t count = info.shape[0] * (info.rank > 1 ? info.shape[1] : 1);
        for (int64_t k = 0; k < count; k++) ((float *)(uintptr_t)info.data)[k] += 1;
    }
    mmoe_predictor *clone, *anew;
    mmoe_error err = {0};
    ok(mmoe_predictor_clone(predictor, NULL, &clone, &err), &err);
    ok(mmoe_predictor_create(model, NULL, &anew, &err), &err);
    run(clone, &rows.batch, scores);
    assert_bits(scores, expected, ROWS, "clone");
    run(anew, &rows.batch, scores);
    ck_assert(memcmp(scores, expected, ROWS * n_task * sizeof *scores) != 0);
    mmoe_predictor_free(anew);
    mmoe_predictor_free(clone);
    tear_down();
}
END_TEST

/* ---- Ranking ---- */

START_TEST(ranking_gives_the_same_bits) {
    static const size_t sizes[] = {0, 1, 2, 7, 8, 9, 48, 240, 241, ROWS};
    set_up(_i);
    same_user(&rows, shapes[_i].sides);
    run(predictor, &rows.batch, expected);
    test_rows user = side_of(&rows, shapes[_i].sides, true, 0, 1);
    mmoe_error err = {0};
    for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
        const size_t n = sizes[k], first = n == ROWS ? 0 : 11 * k;
        test_rows items = side_of(&rows, shapes[_i].sides, false, first, n);
        memset(scores, 0xff, sizeof scores);
        ok(mmoe_predictor_rank(predictor, &user.batch, &items.batch, scores, &err), &err);
        assert_bits(scores, expected + first * n_task, n, "rank");
        free_rows(&items);
    }
    free_rows(&user);
    tear_down();
}
END_TEST

/* One user after another. */
START_TEST(users_do_not_mix) {
    set_up(_i);
    run(predictor, &rows.batch, expected);
    mmoe_error err = {0};
    for (size_t r = 0; r < 20; r++) {
        test_rows user = side_of(&rows, shapes[_i].sides, true, r, 1),
                  items = side_of(&rows, shapes[_i].sides, false, r, 1);
        ok(mmoe_predictor_rank(predictor, &user.batch, &items.batch, scores, &err), &err);
        assert_bits(scores, expected + r * n_task, 1, "rank");
        free_rows(&user);
        free_rows(&items);
    }
    tear_down();
}
END_TEST

/* ---- Threads ---- */

enum { THREADS = 8 };
static mmoe_predictor *clones[THREADS];
static int faults[THREADS];

/* The first half of the rows in pieces whose size differs from thread to thread; then the predictor
 * is freed. */
static void *score_rows(void *context) {
    const size_t me = (size_t)(uintptr_t)context, n = 3 + 17 * me;
    float *out = malloc(n * n_task * sizeof *out);
    for (size_t first = 0; out && first + n <= ROWS / 2; first += n) {
        const mmoe_batch part = rows_of(&rows, first, n);
        faults[me] += mmoe_predictor_run(clones[me], &part, out, NULL) != MMOE_OK ||
                      memcmp(out, expected + first * n_task, n * n_task * sizeof *out) != 0;
    }
    faults[me] += !out;
    free(out);
    mmoe_predictor_free(clones[me]);
    return NULL;
}

START_TEST(threads_share_the_weights) {
    set_up(0);
    mmoe_error err = {0};
    pthread_t threads[THREADS];
    run(predictor, &rows.batch, expected);
    for (int i = 0; i < THREADS; i++)
        ok(mmoe_predictor_clone(i ? clones[i - 1] : predictor, NULL, &clones[i], &err), &err);
    mmoe_predictor_free(predictor);
    predictor = NULL;
    for (int i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, score_rows, (void *)(uintptr_t)i), 0);
    for (int i = 0; i < THREADS; i++) ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
    for (int i = 0; i < THREADS; i++) ck_assert_int_eq(faults[i], 0);
    tear_down();
}
END_TEST

/* ---- Memory ---- */

START_TEST(allocations_that_fail) {
    set_up(_i);
    mmoe_predictor_free(predictor);
    predictor = NULL;
    failing f = {0};
    const mmoe_allocator alloc = failing_allocator(&f);
    mmoe_predictor *const untouched = (mmoe_predictor *)&f, *p, *q;
    long attempts = 0;
    for (; failing_next(&f); attempts++) {
        mmoe_error err = {0};
        p = q = untouched;
        mmoe_status status = mmoe_predictor_create(model, &alloc, &p, &err);
        ck_assert((status == MMOE_OK) == (p != untouched));
        if (status == MMOE_OK) status = mmoe_predictor_clone(p, &alloc, &q, &err);
        ck_assert((status == MMOE_OK) == (q != untouched));
        failing_check(&f, status, &err);
        if (p != untouched) mmoe_predictor_free(p);
        if (q != untouched) mmoe_predictor_free(q);
        ck_assert_int_eq(f.live, 0);
    }
    ck_assert_int_gt(attempts, 10);
    tear_down();
}
END_TEST

START_TEST(null_arguments) {
    set_up(0);
    mmoe_error err = {0};
    mmoe_predictor *p = NULL;
    ck_assert_int_eq(mmoe_predictor_create(NULL, NULL, &p, &err), MMOE_E_ARGUMENT);
    ck_assert_int_eq(mmoe_predictor_create(model, NULL, NULL, &err), MMOE_E_ARGUMENT);
    ck_assert_int_eq(mmoe_predictor_clone(NULL, NULL, &p, &err), MMOE_E_ARGUMENT);
    ck_assert_int_eq(mmoe_predictor_clone(predictor, NULL, NULL, &err), MMOE_E_ARGUMENT);
    ck_assert_ptr_null(p);
    mmoe_predictor_free(NULL);
    tear_down();
}
END_TEST

void add_cases(TCase *c) {
    tcase_add_test(c, threads_share_the_weights);
    if (THREADS_ALONE) return;
    tcase_add_loop_test(c, agrees_with_the_plan, 0, SHAPES);
    tcase_add_loop_test(c, any_number_of_rows, 0, SHAPES);
    tcase_add_loop_test(c, the_weights_are_those_of_creation, 0, SHAPES);
    tcase_add_loop_test(c, ranking_gives_the_same_bits, 0, SHAPES);
    tcase_add_loop_test(c, users_do_not_mix, 0, SHAPES);
    tcase_add_loop_test(c, allocations_that_fail, 0, SHAPES);
    tcase_add_test(c, null_arguments);
}
