/* Final scores with those of the tasks, expressions of the caller's, and rows that are at fault
 * alone. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "check_main.h"
#include "mmoe/train.h"
#include "succeeds.h"

enum { ROWS = 600, TASKS = 2, BEST = 7 };

static mmoe_model *model;
static mmoe_predictor *predictor;
static int32_t ids[ROWS * 2];
static int64_t numbers[2][ROWS], elements[ROWS];
static size_t offsets[ROWS + 1];
static float inputs[ROWS], tasks[ROWS * TASKS], finals[ROWS];

static void set_up(void) {
    static const char json[] =
        "{\"features\": {\"sparse\": [{\"name\": \"a\", \"vocab_size\": 50}, {\"name\": \"b\", "
        "\"vocab_size\": 9}], \"sequence\": [{\"name\": \"l\", \"vocab_size\": 30, \"separator\": "
        "\"|\"}], \"dense\": [{\"name\": \"d\"}]}, \"tasks\": [{\"name\": \"ctr\", \"label\": "
        "\"x\"}, {\"name\": \"cvr\", \"label\": \"y\"}], \"score\": \"ctr * cvr\", \"model\": "
        "{\"name\": \"mmoe\", \"n_expert\": 2, \"expert_params\": {\"dims\": [8]}}}";
    static const char *const columns[] = {"a", "b", "l", "d"};
    mmoe_config *config;
    mmoe_schema *schema;
    SUCCEEDS(mmoe_config_parse(json, strlen(json), NULL, NULL, &config, &err));
    SUCCEEDS(mmoe_schema_create(config, columns, 4, NULL, &schema, &err));
    SUCCEEDS(mmoe_model_create(config, schema, NULL, &model, &err));
    SUCCEEDS(mmoe_predictor_create(model, NULL, &predictor, &err));
    mmoe_schema_free(schema);
    mmoe_config_free(config);
    for (int r = 0; r < ROWS; r++) {
        ids[2 * r] = r * 7 % 50;
        ids[2 * r + 1] = r % 9;
        numbers[0][r] = ids[2 * r];
        numbers[1][r] = ids[2 * r + 1];
        elements[r] = r % 30;
        offsets[r + 1] = (size_t)r + 1;
        inputs[r] = (float)(r % 13) / 4;
    }
}

static void tear_down(void) {
    mmoe_predictor_free(predictor);
    mmoe_model_free(model);
}

/* Rows of raw values. */
static mmoe_column sparse[3], dense[1];
static mmoe_list_column lists[1];
static mmoe_batch raw_batch(size_t rows) {
    for (int i = 0; i < 2; i++) sparse[i] = (mmoe_column){MMOE_VALUE_INT64, numbers[i], 0};
    sparse[2] = (mmoe_column){MMOE_VALUE_INT64, elements, 0};
    dense[0] = (mmoe_column){MMOE_VALUE_FLOAT, inputs, 0};
    lists[0] = (mmoe_list_column){offsets, NULL, ROWS};
    return (mmoe_batch){.rows = rows,
                        .sparse_columns = sparse,
                        .dense_columns = dense,
                        .list_columns = lists,
                        .sparse_count = 3,
                        .dense_count = 1};
}

/* ---- One pass ---- */

static void score_apart(const mmoe_batch *batch) {
    SUCCEEDS(mmoe_predictor_run(predictor, batch, tasks, &err));
    SUCCEEDS(mmoe_predictor_score(predictor, NULL, batch, finals, &err));
}

START_TEST(task_scores_come_with_final_ones) {
    const mmoe_batch batch = raw_batch(ROWS);
    static float scores[ROWS], of_tasks[ROWS * TASKS];
    size_t rows[BEST], wanted[BEST];
    float best[BEST], wanted_best[BEST];
    const mmoe_scoring all = {.scores = scores, .task_scores = of_tasks},
                       top = {.scores = best, .task_scores = of_tasks, .rows = rows, .k = BEST};
    score_apart(&batch);
    SUCCEEDS(mmoe_predictor_score_with(predictor, NULL, &batch, &all, &err));
    ck_assert_mem_eq(scores, finals, sizeof scores);
    ck_assert_mem_eq(of_tasks, tasks, sizeof tasks);
    SUCCEEDS(mmoe_predictor_top(predictor, NULL, &batch, BEST, wanted, wanted_best, &err));
    SUCCEEDS(mmoe_predictor_score_with(predictor, NULL, &batch, &top, &err));
    ck_assert_mem_eq(rows, wanted, sizeof rows);
    ck_assert_mem_eq(best, wanted_best, sizeof best);
    for (int i = 0; i < BEST; i++)
        ck_assert_mem_eq(of_tasks + TASKS * i, tasks + TASKS * rows[i], TASKS * sizeof *tasks);
}
END_TEST

/* Deeper than the model's own, and of all rows at once. */
START_TEST(an_expression_of_the_caller_is_computed) {
    static const char text[] = "ctr ^ (1 / (2 + (cvr - (0.5 * (ctr + (cvr * (1 - ctr)))))))";
    const mmoe_batch batch = raw_batch(ROWS);
    static float scores[ROWS];
    mmoe_expression *expression;
    score_apart(&batch);
    SUCCEEDS(mmoe_expression_create(model, text, NULL, &expression, &err));
    const mmoe_scoring wanted = {.expression = expression, .scores = scores};
    SUCCEEDS(mmoe_predictor_score_with(predictor, NULL, &batch, &wanted, &err));
    for (int r = 0; r < ROWS; r++) {
        const double ctr = tasks[TASKS * r], cvr = tasks[TASKS * r + 1],
                     power = 1 / (2 + (cvr - 0.5 * (ctr + cvr * (1 - ctr))));
        ck_assert_double_eq_tol(scores[r], pow(ctr, power), 1e-6);
    }
    mmoe_expression_free(expression);
}
END_TEST

START_TEST(an_expression_of_nothing_is_refused) {
    mmoe_expression *expression = NULL;
    mmoe_error fault = {0};
    ck_assert_int_eq(mmoe_expression_create(model, "ctr * xyz", NULL, &expression, &fault),
                     MMOE_E_ARGUMENT);
    ck_assert_ptr_null(expression);
    ck_assert_ptr_nonnull(strstr(fault.message, "xyz"));
    ck_assert_int_eq(mmoe_expression_create(model, NULL, NULL, &expression, &fault),
                     MMOE_E_ARGUMENT);
}
END_TEST

/* ---- Rows at fault ---- */

enum { FAULTS = 4 };
static const size_t faulty[FAULTS] = {3, 250, 251, 599};

/* In a row each: an id outside its table, a number that is none, both, a list's element. */
static void break_rows(void) {
    numbers[1][3] = 9;
    inputs[250] = NAN;
    numbers[0][251] = -1;
    inputs[251] = INFINITY;
    elements[599] = 77;
}

static void only_faulty_rows_are_nan(mmoe_batch *batch) {
    static float scores[ROWS * TASKS];
    mmoe_error errors[FAULTS + 1];
    mmoe_bad_rows bad = {errors, FAULTS + 1, 99};
    size_t found = 0;
    batch->bad = &bad;
    SUCCEEDS(mmoe_predictor_run(predictor, batch, scores, &err));
    ck_assert_uint_eq(bad.count, FAULTS);
    for (size_t r = 0; r < ROWS; r++) {
        const int is_faulty = found < FAULTS && faulty[found] == r;
        found += (size_t)is_faulty;
        if (is_faulty)
            ck_assert(isnan(scores[TASKS * r]) && isnan(scores[TASKS * r + 1]));
        else
            ck_assert_mem_eq(scores + TASKS * r, tasks + TASKS * r, TASKS * sizeof *tasks);
    }
    for (size_t i = 0; i < FAULTS; i++) {
        static const char *const columns[FAULTS] = {"b", "d", "a", "l"};
        size_t at = 0;
        while (at < FAULTS && errors[at].row != (int64_t)faulty[i] + 1) at++;
        ck_assert_uint_lt(at, FAULTS);
        ck_assert_str_eq(errors[at].column, columns[i]);
    }
}

START_TEST(a_row_at_fault_is_nan_and_the_others_are_scored) {
    mmoe_batch batch = raw_batch(ROWS);
    score_apart(&batch);
    break_rows();
    ck_assert_int_eq(mmoe_predictor_run(predictor, &batch, finals, NULL), MMOE_E_DATA);
    only_faulty_rows_are_nan(&batch);
}
END_TEST

START_TEST(encoded_rows_at_fault_are_nan) {
    static int32_t rows[ROWS];
    static int64_t ends[ROWS + 1];
    mmoe_batch batch = raw_batch(ROWS);
    score_apart(&batch);
    for (int r = 0; r < ROWS; r++) {
        rows[r] = r % 30;
        ends[r + 1] = r + 1;
    }
    batch = (mmoe_batch){.rows = ROWS,
                         .ids = ids,
                         .id_stride = 2,
                         .dense = inputs,
                         .dense_stride = 1,
                         .lists = {1, ends, rows, NULL, ROWS}};
    ids[2 * 3 + 1] = 9;
    inputs[250] = NAN;
    ids[2 * 251] = -1;
    rows[599] = 30;
    only_faulty_rows_are_nan(&batch);
}
END_TEST

/* They come last, more than have room are counted, and what all rows share is the call's. */
START_TEST(rows_at_fault_are_counted_and_come_last) {
    mmoe_batch batch = raw_batch(ROWS);
    mmoe_error one[1], fault = {0};
    mmoe_bad_rows bad = {one, 1, 0}, uncounted = {NULL, 0, 0};
    static size_t rows[ROWS];
    static float scores[ROWS];
    break_rows();
    batch.bad = &bad;
    SUCCEEDS(mmoe_predictor_top(predictor, NULL, &batch, ROWS, rows, scores, &err));
    ck_assert_uint_eq(bad.count, FAULTS);
    for (size_t i = 0; i < FAULTS; i++) ck_assert_uint_eq(rows[ROWS - FAULTS + i], faulty[i]);
    ck_assert(!isnan(scores[ROWS - FAULTS - 1]) && isnan(scores[ROWS - FAULTS]));
    batch.bad = &uncounted;
    SUCCEEDS(mmoe_predictor_run(predictor, &batch, tasks, &err));
    ck_assert_uint_eq(uncounted.count, FAULTS);
    sparse[0].values = NULL;
    ck_assert_int_eq(mmoe_predictor_run(predictor, &batch, tasks, &fault), MMOE_E_ARGUMENT);
    ck_assert_str_eq(fault.column, "a");
}
END_TEST

void add_cases(TCase *c) {
    tcase_add_checked_fixture(c, set_up, tear_down);
    tcase_add_test(c, task_scores_come_with_final_ones);
    tcase_add_test(c, an_expression_of_the_caller_is_computed);
    tcase_add_test(c, an_expression_of_nothing_is_refused);
    tcase_add_test(c, a_row_at_fault_is_nan_and_the_others_are_scored);
    tcase_add_test(c, encoded_rows_at_fault_are_nan);
    tcase_add_test(c, rows_at_fault_are_counted_and_come_last);
}
