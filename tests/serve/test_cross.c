/* Crosses: one value of several columns, the same from a file and from a caller's columns. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check_main.h"
#include "files.h"
#include "succeeds.h"
#include "mmoe/train.h"

enum { ROWS = 6, FEATURES = 3, BUCKETS = 1000 };

static const char config_text[] =
    "{\"features\": {\"sparse\": ["
    "{\"name\": \"pair\", \"cross\": [\"age\", \"cate\"], \"hash_bucket_size\": 1000},"
    "{\"name\": \"cate\", \"hash_bucket_size\": 9, \"side\": \"user\"},"
    "{\"name\": \"three\", \"cross\": [\"age\", \"cate\", \"x\"], \"hash_bucket_size\": 1000}]},"
    "\"tasks\": [{\"name\": \"y\", \"label\": \"y\"}],"
    "\"model\": {\"name\": \"mmoe\", \"n_expert\": 2, \"embedding_init_scale\": 1}}";

static const char file_text[] = "age,cate,x,y\n"
                                "7,red,-3,1\n"
                                "7.0, red,-3.0,1\n"
                                "8,red,-3,1\n"
                                ",red,-3,1\n"
                                "7,NA,-3,1\n"
                                "7,red,nan,1\n";
/* XXH64 of "7" 0x1F "red", and of that with 0x1F "-3", modulo BUCKETS. */
static const int32_t pair_rows[ROWS] = {754, 754, -1, 0, 0, 754},
                     three_rows[ROWS] = {51, 51, -1, 0, 0, 0};

/* The same values, of every type. */
static const int64_t ints[ROWS] = {7, 7, 8, 0, 7, 7};
static const double doubles[ROWS] = {-3, -3, -3, -3, -3, (double)NAN};
static const char *const ages[ROWS] = {"7", " 7", "8", "", "7.0", "7"};
static const char *const cates[ROWS] = {"red", "red ", "red", "red", NULL, "red"};
static float floats[ROWS];

static mmoe_schema *schema;
static mmoe_model *model;
static mmoe_predictor *predictor;
static mmoe_dataset *set;

static const char *const names[] = {"age", "cate", "x", "y"};

static void set_up(void) {
    mmoe_config *config;
    make_folder();
    const char *path = in_folder("cross.csv");
    put_text(path, file_text);
    SUCCEEDS(mmoe_config_parse(config_text, strlen(config_text), NULL, NULL, &config, &err));
    SUCCEEDS(mmoe_schema_create(config, names, 4, NULL, &schema, &err));
    SUCCEEDS(mmoe_model_create(config, schema, NULL, &model, &err));
    SUCCEEDS(mmoe_predictor_create(model, NULL, &predictor, &err));
    SUCCEEDS(mmoe_dataset_read_csv(schema, path, MMOE_LABELS_OPTIONAL, NULL, &set, &err));
    mmoe_config_free(config);
    remove_folder();
    for (int i = 0; i < ROWS; i++) floats[i] = (float)ints[i];
    floats[3] = NAN;
}

static void tear_down(void) {
    mmoe_dataset_free(set);
    mmoe_predictor_free(predictor);
    mmoe_model_free(model);
    mmoe_schema_free(schema);
}

START_TEST(a_file_s_crosses_have_the_documented_rows) {
    mmoe_batch b;
    SUCCEEDS(mmoe_dataset_batch(set, 0, ROWS, &b, &err));
    for (size_t r = 0; r < ROWS; r++) {
        const int32_t *ids = b.ids + r * b.id_stride;
        if (pair_rows[r] >= 0) ck_assert_int_eq(ids[0], pair_rows[r]);
        if (three_rows[r] >= 0) ck_assert_int_eq(ids[2], three_rows[r]);
    }
    ck_assert(b.ids[2 * b.id_stride] > 0 && b.ids[2 * b.id_stride] != pair_rows[0]);
    const mmoe_column_counts *pair = mmoe_dataset_column(set, 0);
    ck_assert_str_eq(pair->name, "pair");
    ck_assert_int_eq(pair->missing, 2);
    const char *const *columns;
    ck_assert_uint_eq(mmoe_model_sparse_columns(model, 2, &columns), 3);
    ck_assert_str_eq(columns[2], "x");
    ck_assert_uint_eq(mmoe_model_sparse_columns(model, 1, &columns), 0);
    ck_assert_ptr_null(columns);
}
END_TEST

/* Columns of the caller's, the age as text or as a number. */
static const mmoe_column parts_of_text[] = {
    {MMOE_VALUE_TEXT, ages, 0}, {MMOE_VALUE_TEXT, cates, 0}, {MMOE_VALUE_DOUBLE, doubles, 0}};
static const mmoe_column parts_of_numbers[] = {
    {MMOE_VALUE_FLOAT, floats, 0}, {MMOE_VALUE_TEXT, cates, 0}, {MMOE_VALUE_DOUBLE, doubles, 0}};
static const mmoe_column *const parts[] = {parts_of_text, parts_of_numbers};

static const mmoe_column *columns_of(const mmoe_column *of_cross) {
    static mmoe_column columns[FEATURES];
    columns[0] = columns[2] = (mmoe_column){MMOE_VALUE_PARTS, of_cross, 0};
    columns[1] = (mmoe_column){MMOE_VALUE_TEXT, cates, 0};
    return columns;
}

static mmoe_batch raw_batch(const mmoe_column *columns) {
    return (mmoe_batch){.rows = ROWS, .sparse_columns = columns, .sparse_count = FEATURES};
}

START_TEST(a_caller_s_columns_score_as_the_file_s) {
    const mmoe_batch raw = raw_batch(columns_of(parts[_i]));
    mmoe_batch encoded, again;
    mmoe_dataset *taken;
    float wanted[ROWS], scores[ROWS];
    SUCCEEDS(mmoe_dataset_batch(set, 0, ROWS, &encoded, &err));
    SUCCEEDS(mmoe_predictor_run(predictor, &encoded, wanted, &err));
    SUCCEEDS(mmoe_predictor_run(predictor, &raw, scores, &err));
    ck_assert_mem_eq(scores, wanted, sizeof wanted);
    ck_assert(wanted[0] == wanted[1] && wanted[0] != wanted[2] && wanted[0] != wanted[3]);
    const float labels[ROWS] = {0, 1};
    SUCCEEDS(mmoe_dataset_create(schema, &raw, labels, NULL, NULL, &taken, &err));
    SUCCEEDS(mmoe_dataset_batch(taken, 0, ROWS, &again, &err));
    ck_assert_mem_eq(again.ids, encoded.ids, ROWS * FEATURES * sizeof *again.ids);
    ck_assert_int_eq(mmoe_dataset_column(taken, 0)->missing, 2);
    mmoe_dataset_free(taken);
}
END_TEST

/* Of many rows each is encoded when its turn comes; of a member of a structure the stride leads. */
START_TEST(any_number_of_rows_from_anywhere) {
    enum { MANY = 5000 };
    typedef struct person {
        int64_t age;
        const char *cate;
        float x;
    } person;
    person *people = malloc(MANY * sizeof *people);
    float *scores = malloc(MANY * sizeof *scores), one;
    for (int i = 0; i < MANY; i++) people[i] = (person){i % 90, cates[i % 3], (float)(i % 7)};
    mmoe_column of[3] = {{MMOE_VALUE_INT64, &people->age, sizeof *people},
                         {MMOE_VALUE_TEXT, &people->cate, sizeof *people},
                         {MMOE_VALUE_FLOAT, &people->x, sizeof *people}};
    mmoe_column columns[FEATURES] = {{MMOE_VALUE_PARTS, of, 0},
                                     {MMOE_VALUE_TEXT, &people->cate, sizeof *people},
                                     {MMOE_VALUE_PARTS, of, 0}};
    mmoe_batch batch = {.rows = MANY, .sparse_columns = columns, .sparse_count = FEATURES};
    SUCCEEDS(mmoe_predictor_run(predictor, &batch, scores, &err));
    of[0].values = &people[MANY - 1].age;
    of[1].values = columns[1].values = &people[MANY - 1].cate;
    of[2].values = &people[MANY - 1].x;
    batch.rows = 1;
    SUCCEEDS(mmoe_predictor_run(predictor, &batch, &one, &err));
    ck_assert(one == scores[MANY - 1]);
    free(people);
    free(scores);
}
END_TEST

START_TEST(ranking_takes_crosses_of_the_candidates) {
    mmoe_column columns[FEATURES];
    float wanted[ROWS], scores[ROWS];
    memcpy(columns, columns_of(parts_of_text), sizeof columns);
    static const char *const same[ROWS] = {"red", "red", "red", "red", "red", "red"};
    columns[1].values = same;
    const mmoe_batch all = raw_batch(columns);
    SUCCEEDS(mmoe_predictor_run(predictor, &all, wanted, &err));
    const mmoe_column user_column = columns[1], item_columns[] = {columns[0], columns[2]};
    const mmoe_batch user = {.rows = 1, .sparse_columns = &user_column, .sparse_count = 1},
                     items = {.rows = ROWS, .sparse_columns = item_columns, .sparse_count = 2};
    SUCCEEDS(mmoe_predictor_rank(predictor, &user, &items, scores, &err));
    ck_assert_mem_eq(scores, wanted, sizeof wanted);
}
END_TEST

static void refused(const mmoe_column *columns, const char *column, const char *message) {
    const mmoe_batch raw = raw_batch(columns);
    float scores[ROWS];
    mmoe_dataset *taken = NULL;
    mmoe_error fault = {0};
    ck_assert_int_eq(mmoe_predictor_run(predictor, &raw, scores, &fault), MMOE_E_ARGUMENT);
    ck_assert_str_eq(fault.column, column);
    ck_assert_msg(strstr(fault.message, message) != NULL, "%s", fault.message);
    ck_assert_int_eq(mmoe_dataset_create(schema, &raw, scores, NULL, NULL, &taken, &fault),
                     MMOE_E_ARGUMENT);
    ck_assert_str_eq(fault.column, column);
}

START_TEST(what_is_no_cross_is_refused) {
    mmoe_column columns[FEATURES], of[3] = {{0}};
    static const int32_t too_far[ROWS] = {0, BUCKETS, BUCKETS + 1};
    memcpy(columns, columns_of(of), sizeof columns);
    memcpy(of, parts_of_text, sizeof of);
    columns[1] = columns[0];
    refused(columns, "cate", "6 is no type of a sparse column's values");
    memcpy(columns, columns_of(of), sizeof columns);
    columns[0] = (mmoe_column){MMOE_VALUE_INT64, ints, 0};
    refused(columns, "pair", "1 is no type of a cross's values");
    columns[0] = (mmoe_column){MMOE_VALUE_ROW, too_far, 0};
    refused(columns, "pair", "row number 1001 is outside 0 to 1000");
    columns[0] = (mmoe_column){MMOE_VALUE_PARTS, of, sizeof *of};
    refused(columns, "pair", "a cross has no stride; its columns have their own");
    columns[0] = (mmoe_column){MMOE_VALUE_PARTS, NULL, 0};
    refused(columns, "pair", "the columns of the cross are NULL");
    columns[0].values = of;
    of[2].values = NULL;
    refused(columns, "three", "the column's values are NULL");
    of[2] = (mmoe_column){MMOE_VALUE_ROW, too_far, 0};
    refused(columns, "three", "0 is no type of the values of a cross's column 2");
    of[2] = (mmoe_column){MMOE_VALUE_DOUBLE, doubles, 4};
    refused(columns, "three", "the column's stride, 4 bytes, is less than a value's 8");
}
END_TEST

/* A model whose cross is of other columns would read the caller's as these. */
START_TEST(other_crosses_are_not_published) {
    static const char *const crosses[][2] = {
        {"\"cross\": [\"cate\", \"age\"]",
         "the cross is of other columns in the slot's models than in "
         "this one, from number 0 on"},
        {"\"cross\": [\"age\", \"cate\", \"x\"]", "from number 2 on"},
        {"\"column\": \"age\"",
         "this sparse column is \"a cross\" in the slot's models, and \"one value\" in this one"}};
    char json[sizeof config_text + 100];
    const char *at = strstr(config_text, "\"cross\""), *end = strchr(at, ']') + 1;
    snprintf(json, sizeof json, "%.*s%s%s", (int)(at - config_text), config_text, crosses[_i][0],
             end);
    mmoe_config *config;
    mmoe_schema *other_schema;
    mmoe_model *other, *first;
    mmoe_slot *slot;
    mmoe_error fault = {0};
    SUCCEEDS(mmoe_config_parse(json, strlen(json), NULL, NULL, &config, &err));
    SUCCEEDS(mmoe_schema_create(config, names, 4, NULL, &other_schema, &err));
    SUCCEEDS(mmoe_model_create(config, other_schema, NULL, &other, &err));
    SUCCEEDS(mmoe_model_create(mmoe_model_config(model), schema, NULL, &first, &err));
    SUCCEEDS(mmoe_slot_create(first, NULL, &slot, &err));
    ck_assert_int_eq(mmoe_slot_publish(slot, other, NULL, &fault), MMOE_E_ARGUMENT);
    ck_assert_str_eq(fault.column, "pair");
    ck_assert_msg(strstr(fault.message, crosses[_i][1]) != NULL, "%s", fault.message);
    mmoe_slot_free(slot);
    mmoe_model_free(other);
    mmoe_schema_free(other_schema);
    mmoe_config_free(config);
}
END_TEST

/* As of one value: an integer is its digits, whatever type it is of. */
START_TEST(zeros_are_one_value) {
    static const int64_t zeros[ROWS] = {0};
    static const double negative_zeros[ROWS] = {-0.0, -0.0, -0.0, -0.0, -0.0, -0.0};
    mmoe_column of[] = {
        {MMOE_VALUE_INT64, zeros, 0}, {MMOE_VALUE_TEXT, cates, 0}, {MMOE_VALUE_DOUBLE, doubles, 0}};
    const mmoe_batch raw = raw_batch(columns_of(of));
    float wanted[ROWS], scores[ROWS];
    SUCCEEDS(mmoe_predictor_run(predictor, &raw, wanted, &err));
    of[0] = (mmoe_column){MMOE_VALUE_DOUBLE, negative_zeros, 0};
    SUCCEEDS(mmoe_predictor_run(predictor, &raw, scores, &err));
    ck_assert_mem_eq(scores, wanted, sizeof wanted);
    ck_assert(wanted[0] != wanted[4]); /* is not missing */
}
END_TEST

/* Row numbers score, too. */
START_TEST(row_numbers_are_taken) {
    mmoe_column columns[FEATURES];
    mmoe_batch encoded;
    float wanted[ROWS], scores[ROWS];
    SUCCEEDS(mmoe_dataset_batch(set, 0, ROWS, &encoded, &err));
    SUCCEEDS(mmoe_predictor_run(predictor, &encoded, wanted, &err));
    memcpy(columns, columns_of(parts_of_text), sizeof columns);
    columns[2] =
        (mmoe_column){MMOE_VALUE_ROW, encoded.ids + 2, encoded.id_stride * sizeof(int32_t)};
    mmoe_batch mixed = raw_batch(columns);
    SUCCEEDS(mmoe_predictor_run(predictor, &mixed, scores, &err));
    ck_assert_mem_eq(scores, wanted, sizeof wanted);
    mixed.rows = 0;
    columns[0].values = NULL;
    SUCCEEDS(mmoe_predictor_run(predictor, &mixed, NULL, &err));
}
END_TEST

void add_cases(TCase *c) {
    tcase_add_checked_fixture(c, set_up, tear_down);
    tcase_add_test(c, a_file_s_crosses_have_the_documented_rows);
    tcase_add_loop_test(c, a_caller_s_columns_score_as_the_file_s, 0, 2);
    tcase_add_test(c, any_number_of_rows_from_anywhere);
    tcase_add_test(c, ranking_takes_crosses_of_the_candidates);
    tcase_add_test(c, what_is_no_cross_is_refused);
    tcase_add_loop_test(c, other_crosses_are_not_published, 0, 3);
    tcase_add_test(c, zeros_are_one_value);
    tcase_add_test(c, row_numbers_are_taken);
}
