/* Predictors of models of several members: the means of what each member scores. */
#include <unistd.h>

#include "check_main.h"
#include "failing.h"
#include "predictor_support.h"

enum { MEMBERS = 3, ROWS = 500, TASKS = 2, SEED = 11 };

static const char sides[] = "uiuiiuiui";
static const char tasks[] = "{\"name\": \"x\", \"label\": \"x\"}, {\"name\": \"y\", \"label\": "
                            "\"y\", \"type\": \"regression\"}";
static mmoe_error err;
static test_rows rows;

static mmoe_model *model_of(int members, int seed) {
    char rest[256];
    snprintf(rest, sizeof rest,
             "\"score\": \"x * y\", \"model\": {\"members\": %d, \"n_expert\": 4, "
             "\"embedding_init_scale\": 0.5}, \"trainer\": {\"seed\": %d}",
             members, seed);
    return build_model(sides, tasks, rest);
}

static mmoe_predictor *predictor_of(const mmoe_model *model, size_t product_bytes) {
    const mmoe_predictor_options options = {.product_bytes = product_bytes};
    mmoe_predictor *p = NULL;
    ok(mmoe_predictor_create_with(model, &options, NULL, &p, &err), &err);
    return p;
}

/* The members' scores [count], added in their order and divided. */
static void add(float *sum, const float *scores, size_t count, int member) {
    for (size_t i = 0; i < count; i++) {
        sum[i] = member ? sum[i] + scores[i] : scores[i];
        if (member == MEMBERS - 1) sum[i] /= MEMBERS;
    }
}

static void same(const float *a, const float *b, size_t count) {
    for (size_t i = 0; i < count; i++)
        ck_assert_msg(a[i] == b[i], "score %zu: %.9g and %.9g", i, (double)a[i], (double)b[i]);
}

/* With and without products that were made beforehand. */
static const size_t product_bytes[] = {0, 1};

START_TEST(scores_are_means) {
    mmoe_model *whole = model_of(MEMBERS, SEED);
    ck_assert_int_eq(mmoe_model_member_count(whole), MEMBERS);
    rows = draw_rows(ROWS);
    same_user(&rows, sides);
    test_rows user = side_of(&rows, sides, true, 0, 1),
              items = side_of(&rows, sides, false, 0, ROWS);
    float mean[ROWS * TASKS], ranked_mean[ROWS * TASKS], scores[ROWS * TASKS], finals[ROWS];
    for (int m = 0; m < MEMBERS; m++) {
        mmoe_model *one = model_of(1, SEED + m);
        mmoe_predictor *p = predictor_of(one, product_bytes[_i]);
        ok(mmoe_predictor_run(p, &rows.batch, scores, &err), &err);
        add(mean, scores, ROWS * TASKS, m);
        ok(mmoe_predictor_rank(p, &user.batch, &items.batch, scores, &err), &err);
        add(ranked_mean, scores, ROWS * TASKS, m);
        mmoe_predictor_free(p);
        mmoe_model_free(one);
    }
    mmoe_predictor *p = predictor_of(whole, product_bytes[_i]);
    const size_t calls[] = {1, 7, 200, ROWS};
    for (size_t c = 0; c < sizeof calls / sizeof *calls; c++) {
        const mmoe_batch some = rows_of(&rows, 0, calls[c]);
        ok(mmoe_predictor_run(p, &some, scores, &err), &err);
        same(scores, mean, calls[c] * TASKS);
    }
    ok(mmoe_predictor_rank(p, &user.batch, &items.batch, scores, &err), &err);
    same(scores, ranked_mean, ROWS * TASKS);
    ok(mmoe_predictor_score(p, NULL, &rows.batch, finals, &err), &err);
    for (size_t i = 0; i < ROWS; i++)
        ck_assert_float_eq_tol(finals[i], mean[2 * i] * mean[2 * i + 1], 1e-6F);
    size_t best[3];
    float best_scores[3];
    ok(mmoe_predictor_top(p, &user.batch, &items.batch, 3, best, best_scores, &err), &err);
    for (size_t i = 0; i < ROWS; i++)
        ck_assert(ranked_mean[2 * i] * ranked_mean[2 * i + 1] <= best_scores[0] + 1e-6F);
    mmoe_predictor_free(p);
    free_rows(&user);
    free_rows(&items);
    free_rows(&rows);
    mmoe_model_free(whole);
}
END_TEST

/* Rows, unknown ids and rows at fault count once, not once a member. */
START_TEST(rows_count_once) {
    mmoe_model *whole = model_of(MEMBERS, SEED);
    mmoe_predictor *p = predictor_of(whole, 0), *clone = NULL;
    rows = draw_rows(5);
    rows.ids[2 * SPARSE] = 1000; /* of 50 */
    mmoe_error faults[5];
    mmoe_bad_rows bad = {.errors = faults, .capacity = 5};
    float scores[5 * TASKS];
    rows.batch.bad = &bad;
    ok(mmoe_predictor_run(p, &rows.batch, scores, &err), &err);
    ck_assert_uint_eq(bad.count, 1);
    ck_assert_int_eq(faults[0].row, 3);
    ck_assert(isnan(scores[2 * TASKS]) && isnan(scores[2 * TASKS + 1]));
    ck_assert(isfinite(scores[0]) && isfinite(scores[4 * TASKS]));
    rows.batch.bad = NULL;
    ck_assert_int_eq(mmoe_predictor_run(p, &rows.batch, scores, &err), MMOE_E_ARGUMENT);
    mmoe_task_served of_tasks[TASKS];
    mmoe_column_served of_columns[SPARSE + DENSE];
    mmoe_counts counts = {
        .tasks = of_tasks, .n_task = TASKS, .columns = of_columns, .n_column = SPARSE + DENSE};
    ok(mmoe_predictor_counts(p, &counts, &err), &err);
    ck_assert_int_eq(counts.rows, 4);
    ck_assert_int_eq(counts.bad_rows, 1);
    ok(mmoe_predictor_clone(p, NULL, &clone, &err), &err);
    mmoe_predictor_free(p);
    const mmoe_batch first = rows_of(&rows, 0, 1);
    float again[TASKS];
    ok(mmoe_predictor_run(clone, &first, again, &err), &err);
    same(again, scores, TASKS);
    mmoe_predictor_free(clone);
    free_rows(&rows);
    mmoe_model_free(whole);
}
END_TEST

/* A slot takes models of any number of members. */
START_TEST(slots_swap_them) {
    mmoe_slot *slot = NULL;
    mmoe_reader *reader = NULL;
    mmoe_served now;
    rows = draw_rows(9);
    float scores[9 * TASKS], wanted[9 * TASKS];
    ok(mmoe_slot_create(model_of(1, SEED), NULL, &slot, &err), &err);
    ok(mmoe_reader_create(slot, &reader, &err), &err);
    for (int members = 2; members < 5; members++) {
        mmoe_model *next = model_of(members, SEED);
        mmoe_predictor *p = predictor_of(next, 0);
        ok(mmoe_predictor_run(p, &rows.batch, wanted, &err), &err);
        mmoe_predictor_free(p);
        ok(mmoe_slot_publish(slot, next, NULL, &err), &err);
        ok(mmoe_reader_enter(reader, &now, &err), &err);
        ok(mmoe_predictor_run(now.predictor, &rows.batch, scores, &err), &err);
        same(scores, wanted, 9 * TASKS);
        mmoe_reader_leave(reader);
    }
    mmoe_reader_free(reader);
    mmoe_slot_free(slot);
    free_rows(&rows);
}
END_TEST

static mmoe_status make(const mmoe_allocator *a, const char *path, mmoe_error *why) {
    mmoe_model *loaded = NULL, *clone = NULL, *narrow = NULL;
    mmoe_predictor *p = NULL;
    mmoe_status status = mmoe_model_load(path, a, &loaded, why);
    if (!status) status = mmoe_model_clone(loaded, a, &clone, why);
    if (!status) status = mmoe_model_with_tables(clone, "int8", a, &narrow, why);
    if (!status) status = mmoe_predictor_create(narrow, a, &p, why);
    mmoe_predictor_free(p);
    mmoe_model_free(narrow);
    mmoe_model_free(clone);
    mmoe_model_free(loaded);
    return status;
}

START_TEST(each_allocation_may_fail) {
    failing memory = {.stride = 13};
    const mmoe_allocator a = failing_allocator(&memory);
    char path[] = "/tmp/mmoe-members-XXXXXX";
    ck_assert_int_eq(close(mkstemp(path)), 0);
    mmoe_model *whole = model_of(MEMBERS, SEED);
    ok(mmoe_model_save(whole, path, &err), &err);
    while (failing_next(&memory)) {
        mmoe_error why = {0};
        const mmoe_status status = make(&a, path, &why);
        failing_check(&memory, status, &why);
        ck_assert_int_eq(memory.live, 0);
    }
    unlink(path);
    mmoe_model_free(whole);
}
END_TEST

void add_cases(TCase *c) {
    tcase_add_loop_test(c, scores_are_means, 0, 2);
    tcase_add_test(c, rows_count_once);
    tcase_add_test(c, slots_swap_them);
    tcase_add_test(c, each_allocation_may_fail);
}
