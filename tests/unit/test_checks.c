/* Checks of rows before the first step: their figures, and that rows without fault give none. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "check_main.h"
#include "succeeds.h"

#include "base/rng.h"
#include "mmoe/train.h"
#include "train/checks.h"

enum { ROWS = 4000, VALID = 1500, SPARSE = 4, DENSE = 3, TASKS = 2, MOST = 20 };

static const char *const columns[] = {"few", "many", "rare", "each", "x", "flag", "line"};
static mmoe_config *config;
static mmoe_schema *schema;
static mmoe_model *model;
static int32_t ids[2][ROWS * SPARSE];
static float dense[2][ROWS * DENSE], labels[2][ROWS * TASKS];
static char said[MOST][400];
static int n_said;

/* In [0, 1). */
static double draw(int set, int64_t row, int what) {
    uint32_t words[4];
    mmoe_philox(7, (uint64_t)(set * 100 + what), (uint64_t)row, words);
    return words[0] / 4294967296.;
}

/* A frequent and a heavy-tailed id, one that is nearly always 0, one a row; numbers; labels that a
 * few features tell something of. */
static void make_rows(int set) {
    for (int64_t r = 0; r < (set ? VALID : ROWS); r++) {
        int32_t *id = ids[set] + r * SPARSE;
        float *d = dense[set] + r * DENSE, *y = labels[set] + r * TASKS;
        id[0] = (int32_t)(draw(set, r, 0) * 12);
        id[1] = (int32_t)(1 / (draw(set, r, 1) + 1 / 3e3));
        id[2] = draw(set, r, 2) < 0.01;
        id[3] = (int32_t)r;
        d[0] = (float)(draw(set, r, 3) - 0.5);
        d[1] = draw(set, r, 4) < 0.02;
        d[2] = (float)log(draw(set, r, 5) + 1e-6);
        y[0] = draw(set, r, 6) < 0.1 + 0.3 * (id[0] == 3) + 0.3 * (d[0] > 0.2F);
        y[1] = r % 9 ? (float)(draw(set, r, 7) < 0.02 + 0.3 * (double)y[0]) : NAN;
    }
}

static void set_up(void) {
    static const char json[] =
        "{\"features\": {\"sparse\": [{\"name\": \"few\", \"vocab_size\": 12}, {\"name\": \"many\","
        " \"vocab_size\": 3001}, {\"name\": \"rare\", \"vocab_size\": 2}, {\"name\": \"each\", "
        "\"vocab_size\": 4000}], \"dense\": [{\"name\": \"*\"}]}, \"tasks\": [{\"name\": \"y\", "
        "\"label\": \"y\"}, {\"name\": \"z\", \"label\": \"z\"}], \"model\": {\"n_expert\": 2, "
        "\"expert_params\": {\"dims\": [4]}}}";
    SUCCEEDS(mmoe_config_parse(json, strlen(json), NULL, NULL, &config, &err));
    SUCCEEDS(mmoe_schema_create(config, columns, SPARSE + DENSE, NULL, &schema, &err));
    SUCCEEDS(mmoe_model_create(config, schema, NULL, &model, &err));
    make_rows(0);
    make_rows(1);
}

static void tear_down(void) {
    mmoe_model_free(model);
    mmoe_schema_free(schema);
    mmoe_config_free(config);
}

static mmoe_dataset *set_of(int set) {
    const mmoe_batch batch = {set ? VALID : ROWS, ids[set], SPARSE, dense[set], DENSE};
    mmoe_dataset *made;
    SUCCEEDS(mmoe_dataset_create(schema, &batch, labels[set], NULL, NULL, &made, &err));
    return made;
}

static void hear(void *user, const mmoe_warning *warning) {
    (void)user;
    ck_assert_int_lt(n_said, MOST);
    snprintf(said[n_said++], sizeof *said, "%s", warning->message);
}

static void check_rows(void) {
    mmoe_dataset *train = set_of(0), *valid = set_of(1);
    const mmoe_checks_request of = {model, train, valid, hear, NULL};
    n_said = 0;
    SUCCEEDS(mmoe_checks_make(&of, &err));
    mmoe_dataset_free(train);
    mmoe_dataset_free(valid);
}

/* One sentence, which begins so and has this. */
static void expect_one(const char *begin, const char *part) {
    check_rows();
    ck_assert_msg(n_said == 1, "%d sentences, %s", n_said, n_said ? said[0] : "");
    ck_assert_msg(strncmp(said[0], begin, strlen(begin)) == 0 && strstr(said[0], part),
                  "%s\nhas not\n%s... %s", said[0], begin, part);
}

START_TEST(rows_without_fault_give_no_warning) {
    check_rows();
    ck_assert_msg(n_said == 0, "%s", said[0]);
}
END_TEST

/* Counts of a value's rows; where it has none, half a row keeps the index finite. */
static double part_of_index(double train, double valid, int bins) {
    const double p = (train + .5) / (ROWS + .5 * bins), q = (valid + .5) / (VALID + .5 * bins);
    return (q - p) * log(q / p);
}

START_TEST(drift_of_ids_has_its_index) {
    char figure[40];
    for (int64_t r = 0; r < ROWS; r++) ids[0][r * SPARSE] = (int32_t)(r % 4);
    for (int64_t r = 0; r < VALID; r++)
        ids[1][r * SPARSE] = (int32_t)(r % 5 < 2 ? r % 2 : 4 + r % 3);
    double index = part_of_index(0, 900, 5); /* of values that training rows have not */
    for (int v = 0; v < 4; v++) index += part_of_index(1000, v < 2 ? 300 : 0, 5);
    snprintf(figure, sizeof figure, "4,000 and 1,500 rows is %.2f, and", index);
    expect_one("column \"few\": its values in the validation rows", figure);
}
END_TEST

START_TEST(drift_of_numbers_has_its_index) {
    char figure[40];
    /* Boundaries are -1 and 1 alone. */
    for (int64_t r = 0; r < ROWS; r++) dense[0][r * DENSE + 2] = r % 4 ? 1 : -1;
    for (int64_t r = 0; r < VALID; r++) dense[1][r * DENSE + 2] = r % 5 ? -1 : 1;
    const double index = part_of_index(1000, 1200, 2) + part_of_index(3000, 300, 2);
    snprintf(figure, sizeof figure, "1,500 rows is %.2f, and", index);
    expect_one("column \"line\": its values", figure);
}
END_TEST

/* By chance the index of few rows is large. */
START_TEST(few_rows_do_not_drift) {
    static const int32_t values[] = {5, 5, 7, 1, 5, 7, 7, 7, 5, 5, 7, 5};
    mmoe_dataset *train = set_of(0), *valid;
    for (int64_t r = 0; r < 12; r++) ids[1][r * SPARSE] = values[r];
    const mmoe_batch batch = {12, ids[1], SPARSE, dense[1], DENSE};
    SUCCEEDS(mmoe_dataset_create(schema, &batch, labels[1], NULL, NULL, &valid, &err));
    const mmoe_checks_request of = {model, train, valid, hear, NULL};
    n_said = 0;
    SUCCEEDS(mmoe_checks_make(&of, &err));
    ck_assert_int_eq(n_said, 0);
    mmoe_dataset_free(train);
    mmoe_dataset_free(valid);
}
END_TEST

/* Pairs of a positive and a negative row in which the number is on the wrong side. */
static void tell_by_number(int wrong) {
    for (int64_t r = 0; r < ROWS; r++) {
        labels[0][r * TASKS] = r % 10 == 0; /* 400 and 3,600 */
        dense[0][r * DENSE] = (float)(r % 10 == 0) + (float)r / (2 * ROWS);
    }
    for (int64_t r = 1; r <= wrong; r++) dense[0][r * 10 * DENSE] = -1; /* under all */
    for (int64_t r = 0; r < VALID; r++) dense[1][r * DENSE] = dense[0][r * 2 * DENSE + DENSE];
}

START_TEST(a_leak_has_its_area) {
    tell_by_number(0);
    check_rows();
    ck_assert_int_ge(n_said, 1);
    ck_assert_ptr_nonnull(strstr(said[0], "alone it tells the label of task \"y\" with an AUC of "
                                          "1.00000 in 4,000 training rows"));
    tell_by_number(1); /* 1 - 1 / 400 is less than .999 */
    check_rows();
    for (int i = 0; i < n_said; i++) ck_assert_ptr_null(strstr(said[i], "alone it tells"));
}
END_TEST

/* An id's mean label, of rows that are not judged. */
START_TEST(an_id_that_gives_the_label_is_told) {
    for (int64_t r = 0; r < ROWS; r++) labels[0][r * TASKS] = ids[0][r * SPARSE] % 3 == 1;
    check_rows();
    ck_assert_int_eq(n_said, 1);
    ck_assert_ptr_nonnull(strstr(said[0], "column \"few\": alone it tells the label of task \"y\" "
                                          "with an AUC of 1.00000 in "));
}
END_TEST

START_TEST(a_line_is_a_copy) {
    for (int set = 0; set < 2; set++)
        for (int64_t r = 0; r < (set ? VALID : ROWS); r++)
            dense[set][r * DENSE + 2] = 0.25F - 3 * dense[set][r * DENSE];
    expect_one("column \"line\": in all 4,000 training rows compared each of its values stands",
               "with one of column \"x\"");
    dense[0][100 * DENSE] += 0.01F;
    check_rows();
    ck_assert_int_eq(n_said, 0);
}
END_TEST

/* Bins and pieces of a number: what is so of the column is said of it alone. */
START_TEST(a_column_is_told_of_once) {
    static const char json[] =
        "{\"features\": {\"sparse\": [{\"name\": \"bins\", \"column\": \"x\", \"boundaries\": "
        "[-0.3, "
        "0, 0.3]}], \"dense\": [{\"name\": \"x\"}, {\"name\": \"twice\", \"column\": \"x\"}]}, "
        "\"tasks\": [{\"name\": \"y\", \"label\": \"y\"}, {\"name\": \"z\", \"label\": \"z\"}], "
        "\"model\": {\"n_expert\": 2, \"expert_params\": {\"dims\": [4]}}}";
    static const char *const one[] = {"x"};
    tear_down();
    SUCCEEDS(mmoe_config_parse(json, strlen(json), NULL, NULL, &config, &err));
    SUCCEEDS(mmoe_schema_create(config, one, 1, NULL, &schema, &err));
    SUCCEEDS(mmoe_model_create(config, schema, NULL, &model, &err));
    mmoe_dataset *sets[2];
    for (int set = 0; set < 2; set++) {
        const int rows = set ? VALID : ROWS;
        for (int64_t r = 0; r < rows; r++) {
            const float x = (float)(draw(set, r, 3) - (set ? 0.1 : 0.5));
            ids[set][r] = (x >= -0.3F) + (x >= 0) + (x >= 0.3F);
            dense[set][2 * r] = dense[set][2 * r + 1] = x;
            labels[set][r * TASKS] = x > 0;
        }
        const mmoe_batch batch = {(size_t)rows, ids[set], 1, dense[set], 2};
        SUCCEEDS(mmoe_dataset_create(schema, &batch, labels[set], NULL, NULL, &sets[set], &err));
    }
    const mmoe_checks_request of = {model, sets[0], sets[1], hear, NULL};
    n_said = 0;
    SUCCEEDS(mmoe_checks_make(&of, &err));
    ck_assert_int_eq(n_said, 2);
    ck_assert_ptr_nonnull(strstr(said[0], "column \"x\": alone it tells the label of task \"y\""));
    ck_assert_ptr_nonnull(strstr(said[1], "column \"x\": its values in the validation rows"));
    for (int set = 0; set < 2; set++) mmoe_dataset_free(sets[set]);
}
END_TEST

START_TEST(a_renaming_is_a_copy) {
    for (int set = 0; set < 2; set++)
        for (int64_t r = 0; r < (set ? VALID : ROWS); r++)
            ids[set][r * SPARSE + 1] = 7 * ids[set][r * SPARSE] % 12;
    expect_one("column \"many\": in all", "with one of column \"few\"");
    ids[0][SPARSE * 100 + 1] = ids[0][SPARSE * 100 + 1] == 7 ? 14 : 7;
    check_rows();
    ck_assert_int_eq(n_said, 0);
}
END_TEST

START_TEST(sizes_have_their_figures) {
    for (int set = 0; set < 2; set++)
        for (int64_t r = 0; r < (set ? VALID : ROWS); r++)
            dense[set][r * DENSE] = r % 2 ? 300 : -400;
    expect_one("column \"x\": its inputs go from -400 to 300 and have a root mean square of 3.5e+02"
               " in 4,000",
               "\"transform\"");
    for (int set = 0; set < 2; set++)
        for (int64_t r = 0; r < (set ? VALID : ROWS); r++)
            dense[set][r * DENSE] = r % 2 ? 0.002F : -0.001F;
    expect_one("column \"x\": its inputs go from -0.001 to 0.002", "");
}
END_TEST

START_TEST(tasks_of_one_label_are_told) {
    for (int64_t r = 0; r < ROWS; r++) labels[0][r * TASKS + 1] = labels[0][r * TASKS];
    expect_one("task \"z\": in all 4,000 training rows compared its label is that of \"y\"", "");
    labels[0][TASKS * 77 + 1] = NAN;
    check_rows();
    ck_assert_int_eq(n_said, 0);
}
END_TEST

void add_cases(TCase *c) {
    tcase_add_checked_fixture(c, set_up, tear_down);
    tcase_add_test(c, rows_without_fault_give_no_warning);
    tcase_add_test(c, drift_of_ids_has_its_index);
    tcase_add_test(c, drift_of_numbers_has_its_index);
    tcase_add_test(c, few_rows_do_not_drift);
    tcase_add_test(c, a_leak_has_its_area);
    tcase_add_test(c, an_id_that_gives_the_label_is_told);
    tcase_add_test(c, a_line_is_a_copy);
    tcase_add_test(c, a_column_is_told_of_once);
    tcase_add_test(c, a_renaming_is_a_copy);
    tcase_add_test(c, sizes_have_their_figures);
    tcase_add_test(c, tasks_of_one_label_are_told);
}
