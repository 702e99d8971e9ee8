/* Final scores: the expression's grammar and values, and the best candidates by them. */
#include "check_main.h"
#include "config/score.h"
#include "data/schema.h"
#include "failing.h"
#include "predictor_support.h"

/* ---- Expressions ---- */

static const char *const tasks[] = {"ctr", "cvr", "ctr-cvr", "e1", "_x"};
enum { N_TASK = 5, ROWS = 3 };
static const float values[ROWS * N_TASK] = {0.5f, 0.25f, 2, 3, -1, 0.1f, 0.9f, -4,
                                            10,   0.3f,  1, 0, 7,  -2,   5};

static mmoe_status compile(const char *text, mmoe_score **out, char fault[MMOE_SCORE_FAULT]) {
    const mmoe_allocator alloc = mmoe_allocator_or_default(NULL);
    return mmoe_score_compile(text, tasks, N_TASK, &alloc, out, fault);
}

static void evaluate(const char *text, float out[ROWS]) {
    const mmoe_allocator alloc = mmoe_allocator_or_default(NULL);
    mmoe_score *score;
    char fault[MMOE_SCORE_FAULT] = "";
    ck_assert_msg(compile(text, &score, fault) == MMOE_OK, "%s: %s", text, fault);
    ck_assert_str_eq(score->text, text);
    float stack[MMOE_SCORE_DEPTH * ROWS];
    mmoe_score_run(score, ROWS, values, N_TASK, stack, out);
    mmoe_score_free(score, &alloc);
}

#define IS(text, expression)                                                                       \
    do {                                                                                           \
        float out[ROWS];                                                                           \
        evaluate(text, out);                                                                       \
        for (int r = 0; r < ROWS; r++) {                                                           \
            const volatile float *v =                                                              \
                values + r * N_TASK; /* else clang folds, and rounds a product and a sum once */   \
            const float ctr = v[0], cvr = v[1], both = v[2], e1 = v[3], x = v[4];                  \
            (void)ctr, (void)cvr, (void)both, (void)e1, (void)x;                                   \
            const float want = (expression);                                                       \
            ck_assert_msg(out[r] == want || (isnan(out[r]) && isnan(want)),                        \
                          "%s, row %d: %.9g, not %.9g", text, r, (double)out[r], (double)want);    \
        }                                                                                          \
    } while (0)

START_TEST(expressions_have_their_values) {
    IS("ctr", ctr);
    IS("7", 7);
    IS(" .5 ", 0.5f);
    IS("1.5e-2", 1.5e-2f);
    IS("2E+2", 200);
    IS("ctr * cvr^0.5", ctr * powf(cvr, 0.5f));
    IS("0.7*ctr + 0.3*cvr", 0.7f * ctr + 0.3f * cvr);
    IS("ctr+cvr*e1", ctr + cvr * e1);
    IS("(ctr+cvr)*e1", (ctr + cvr) * e1);
    IS("ctr - cvr - e1", ctr - cvr - e1);
    IS("ctr/e1/2", ctr / e1 / 2);
    IS("2^3^2", 512);
    IS("-2^2", -4);
    IS("2^-1", 0.5f);
    IS("--ctr", ctr);
    IS("ctr*-cvr", ctr * -cvr);
    IS("-(ctr)+-1", -ctr - 1);
    IS("_x", x);
    IS("2*e1", 2 * e1);
    IS("\t1+\t1", 2);
    IS("1/(cvr-cvr)", INFINITY);
    IS("_x^0.5", powf(x, 0.5f));
}
END_TEST

/* "ctr-cvr" is the name of a task, and longer than "ctr". */
START_TEST(names_may_have_a_minus) {
    IS("ctr-cvr", both);
    IS("ctr - cvr", ctr - cvr);
    IS("ctr-cvr-ctr", both - ctr);
    IS("cvr-ctr", cvr - ctr);
    IS("ctr-cvr-cvr", both - cvr);
    IS("ctr-e1", ctr - e1);
}
END_TEST

START_TEST(faults_are_named) {
    static const struct {
        const char *text, *fault;
    } cases[] = {
        {"", "column 1: a number, a task or ( is needed, but the expression ends"},
        {"ctr *", "column 6: a number, a task or ( is needed, but the expression ends"},
        {"ctr cvr", "column 5: an operator is needed, not \"c\""},
        {"ctr * clicks", "column 7: no task is named \"clicks\""},
        {"ctrx", "column 1: no task is named \"ctrx\""},
        {"(ctr + cvr", "column 11: a ) is needed"},
        {"ctr)", "column 4: an operator is needed, not \")\""},
        {"ctr ** 2", "column 6: a number, a task or ( is needed, not \"*\""},
        {"ctr \xc3\xa9", "column 5: an operator is needed, not \"\xc3\xa9\""},
        {"+ctr", "column 1: a number, a task or ( is needed, not \"+\""},
        {"1.2.3", "column 1: \"1.2.3\" is not a number"},
        {".", "column 1: \".\" is not a number"},
        {"1e39", "column 1: \"1e39\" is not a number that fits"},
        {"2e1x", "column 4: an operator is needed"},
        {"ctr, cvr", "column 4: an operator is needed, not \",\""},
        {"inf", "column 1: no task is named \"inf\""},
        {"0x10", "column 2: an operator is needed"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        mmoe_score *score = NULL;
        char fault[MMOE_SCORE_FAULT] = "";
        ck_assert_msg(compile(cases[i].text, &score, fault) == MMOE_E_CONFIG, "%s was accepted",
                      cases[i].text);
        ck_assert_ptr_null(score);
        ck_assert_msg(strncmp(fault, cases[i].fault, strlen(cases[i].fault)) == 0,
                      "%s: \"%s\", not \"%s\"", cases[i].text, fault, cases[i].fault);
    }
}
END_TEST

static void repeat(char *out, const char *part, int times, const char *end) {
    for (int i = 0; i < times; i++) out += sprintf(out, "%s", part);
    strcpy(out, end);
}

START_TEST(size_is_bounded) {
    static char text[100000];
    mmoe_score *score = NULL;
    char fault[MMOE_SCORE_FAULT];
    repeat(text, "(", 20000, "1");
    ck_assert_int_eq(compile(text, &score, fault), MMOE_E_CONFIG);
    ck_assert_ptr_nonnull(strstr(fault, "levels"));
    repeat(text, "-", 20000, "1");
    ck_assert_int_eq(compile(text, &score, fault), MMOE_E_CONFIG);
    repeat(text, "2^", 20000, "1");
    ck_assert_int_eq(compile(text, &score, fault), MMOE_E_CONFIG);
    repeat(text, "1+", 20000, "1");
    ck_assert_int_eq(compile(text, &score, fault), MMOE_E_CONFIG);
    ck_assert_ptr_nonnull(strstr(fault, "operations"));
    repeat(text, "1+", 100, "1");
    IS(text, 101);
    repeat(text, "(1+", 25, "1");
    strcat(text, ")))))))))))))))))))))))))");
    IS(text, 26);
}
END_TEST

START_TEST(allocations_that_fail) {
    for (long n = 1; n <= 3; n++) {
        failing f = {.fail_at = n};
        const mmoe_allocator alloc = failing_allocator(&f);
        mmoe_score *score = NULL;
        char fault[MMOE_SCORE_FAULT];
        const mmoe_status status = mmoe_score_compile("ctr", tasks, N_TASK, &alloc, &score, fault);
        ck_assert_int_eq(status, n < 3 ? MMOE_E_MEMORY : MMOE_OK);
        mmoe_score_free(score, &alloc);
        ck_assert_int_eq(f.live, 0);
    }
}
END_TEST

/* ---- Of a model ---- */

#define TWO_TASKS                                                                                  \
    "{\"name\": \"x\", \"label\": \"x\"}, {\"name\": \"y\", \"label\": \"y\", \"type\": "          \
    "\"regression\"}"
#define SMALL "\"model\": {\"n_expert\": 3, \"expert_params\": {\"dims\": [6]}}"

static const char sides[] = "uiuiiuiui";
enum { CANDIDATES = 700 };
static float finals[CANDIDATES], best[CANDIDATES + 1], scores[CANDIDATES * 2];
static size_t order[CANDIDATES + 1];

static mmoe_model *model;
static mmoe_predictor *predictor;
static test_rows rows, user, items;
static mmoe_error err;

static void set_up(const char *task_list, const char *rest) {
    model = build_model(sides, task_list, rest);
    scatter_weights(model);
    ok(mmoe_predictor_create(model, NULL, &predictor, &err), &err);
    rows = draw_rows(CANDIDATES);
    same_user(&rows, sides);
    user = side_of(&rows, sides, true, 0, 1);
    items = side_of(&rows, sides, false, 0, CANDIDATES);
}

static void tear_down(void) {
    mmoe_predictor_free(predictor);
    mmoe_model_free(model);
    free_rows(&rows);
    free_rows(&user);
    free_rows(&items);
}

START_TEST(final_scores_of_tasks) {
    set_up(TWO_TASKS, SMALL ", \"score\": \"x^0.5 - 2*y\"");
    ck_assert_str_eq(mmoe_model_score(model), "x^0.5 - 2*y");
    ok(mmoe_predictor_run(predictor, &rows.batch, scores, &err), &err);
    for (int i = 0; i < 2; i++) {
        memset(finals, 0xff, sizeof finals);
        ok(mmoe_predictor_score(predictor, i ? &user.batch : NULL, i ? &items.batch : &rows.batch,
                                finals, &err),
           &err);
        for (size_t r = 0; r < CANDIDATES; r++)
            ck_assert_float_eq(finals[r], powf(scores[2 * r], 0.5f) - 2 * scores[2 * r + 1]);
    }
    tear_down();
}
END_TEST

START_TEST(the_only_task) {
    set_up("{\"name\": \"x\", \"label\": \"x\"}", SMALL);
    ck_assert_ptr_null(mmoe_model_score(model));
    ck_assert_ptr_null(mmoe_model_score(NULL));
    ok(mmoe_predictor_run(predictor, &rows.batch, scores, &err), &err);
    ok(mmoe_predictor_score(predictor, &user.batch, &items.batch, finals, &err), &err);
    ck_assert_mem_eq(finals, scores, sizeof finals);
    tear_down();
}
END_TEST

START_TEST(several_tasks_need_an_expression) {
    set_up(TWO_TASKS, SMALL);
    best[0] = finals[0] = 5;
    ck_assert_int_eq(mmoe_predictor_score(predictor, NULL, &rows.batch, finals, &err),
                     MMOE_E_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(err.message, "2 tasks and no \"score\""));
    ck_assert_int_eq(mmoe_predictor_top(predictor, NULL, &rows.batch, 1, order, best, &err),
                     MMOE_E_ARGUMENT);
    ck_assert(finals[0] == 5 && best[0] == 5);
    tear_down();
}
END_TEST

static void check_top(size_t k, bool ranked) {
    size_t want[CANDIDATES];
    const size_t n = k < CANDIDATES ? k : CANDIDATES;
    for (size_t r = 0; r < CANDIDATES; r++) { /* insertion keeps equal ones in their order */
        size_t at = r;
        for (; at > 0 && !isnan(finals[r]) &&
               (isnan(finals[want[at - 1]]) || finals[want[at - 1]] < finals[r]);
             at--)
            want[at] = want[at - 1];
        want[at] = r;
    }
    memset(order, 0xff, sizeof order);
    best[n] = 99;
    ok(mmoe_predictor_top(predictor, ranked ? &user.batch : NULL,
                          ranked ? &items.batch : &rows.batch, k, order, best, &err),
       &err);
    for (size_t i = 0; i < n; i++) {
        if (order[i] != want[i])
            ck_abort_msg("k %zu: place %zu has row %zu, not %zu", k, i, order[i], want[i]);
        if (memcmp(&best[i], &finals[want[i]], sizeof *best) != 0)
            ck_abort_msg("k %zu: place %zu has score %g", k, i, (double)best[i]);
    }
    ck_assert_uint_eq(order[n], SIZE_MAX);
    ck_assert(best[n] == 99);
}

/* Of a score that differs, one with ties (it has two values), and one that is often no number. */
START_TEST(the_best_candidates) {
    static const char *const expressions[] = {"x*y", "(x*0 + 1) / (y*0 + 1)", "(y + 0.5)^0.5"};
    static const size_t sizes[] = {1, 2, 3, 10, 64, 333, 699, 700, 2000};
    char rest[300];
    snprintf(rest, sizeof rest, SMALL ", \"score\": \"%s\"", expressions[_i]);
    set_up(TWO_TASKS, rest);
    ok(mmoe_predictor_score(predictor, NULL, &rows.batch, finals, &err), &err);
    size_t numbers = 0;
    for (size_t r = 0; r < CANDIDATES; r++) numbers += !isnan(finals[r]);
    ck_assert((_i == 2) == (numbers > 0 && numbers < CANDIDATES));
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) check_top(sizes[i], i % 2);
    tear_down();
}
END_TEST

/* The expression travels with the model's configuration. */
START_TEST(a_fault_is_one_of_the_configuration) {
    const char json[] = "{\"features\": {\"dense\": [{\"name\": \"d\"}]}, \"tasks\": [{\"name\": "
                        "\"x\", \"label\": \"x\"}], \"score\": \"x * z\"}";
    mmoe_config *config = NULL;
    ck_assert_int_eq(mmoe_config_parse(json, strlen(json), "c.json", NULL, &config, &err),
                     MMOE_E_CONFIG);
    ck_assert_ptr_null(config);
    ck_assert_str_eq(err.column, "score");
    ck_assert_str_eq(err.message, "c.json: score: column 5: no task is named \"z\"");
}
END_TEST

void add_cases(TCase *c) {
    tcase_add_test(c, expressions_have_their_values);
    tcase_add_test(c, names_may_have_a_minus);
    tcase_add_test(c, faults_are_named);
    tcase_add_test(c, size_is_bounded);
    tcase_add_test(c, allocations_that_fail);
    tcase_add_test(c, final_scores_of_tasks);
    tcase_add_test(c, the_only_task);
    tcase_add_test(c, several_tasks_need_an_expression);
    tcase_add_loop_test(c, the_best_candidates, 0, 3);
    tcase_add_test(c, a_fault_is_one_of_the_configuration);
}
