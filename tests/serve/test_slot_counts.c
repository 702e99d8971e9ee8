/* What a slot counts while its models change, and beside what they were trained on. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "check_main.h"
#include "files.h"
#include "mmoe/train.h"
#include "succeeds.h"

enum { ROWS = 200, COLUMNS = 4, TASKS = 1 };

static int64_t users[ROWS], items[ROWS], brands[ROWS];
static float prices[ROWS], scores[ROWS];
static mmoe_column_served columns[COLUMNS];
static mmoe_task_served tasks[TASKS];
static mmoe_counts counts;
static mmoe_slot *slot;
static mmoe_input *input;

/* One in 4 users is unknown, one in 5 brands, and one in 10 prices is missing. */
static void set_up(void) {
    static const mmoe_input_column given[COLUMNS] = {
        {"price", MMOE_VALUE_FLOAT, MMOE_SIDE_ITEM, 0, 0, 1},
        {"brand", MMOE_VALUE_INT64, MMOE_SIDE_ITEM, 0, 0, 1},
        {"item", MMOE_VALUE_INT64, MMOE_SIDE_ITEM, 0, 0, 0},
        {"user", MMOE_VALUE_INT64, MMOE_SIDE_USER, 0, 0, 1}};
    SUCCEEDS(mmoe_input_create(given, COLUMNS, NULL, &input, &err));
    for (int r = 0; r < ROWS; r++) {
        users[r] = r % 4 ? r % 9 : 77;
        items[r] = r % 50;
        brands[r] = r % 5 ? 3 : 1000;
        prices[r] = r % 10 ? 2.5f : NAN;
    }
}

static void tear_down(void) { mmoe_input_free(input); }

#define USER "{\"name\": \"user\", \"vocab_size\": 9, \"oov_id\": 0, \"side\": \"user\"}"
#define ITEM "{\"name\": \"item\", \"vocab_size\": 50}"
#define BRAND "{\"name\": \"brand\", \"vocab_size\": 7, \"oov_id\": 1}"
#define PRICE "{\"name\": \"price\", \"missing\": 1.5}"

static mmoe_model *model_of(const char *sparse, const char *dense) {
    static const char *const names[] = {"price", "brand", "item", "user", "y"};
    char json[1024];
    mmoe_config *config;
    mmoe_schema *schema;
    mmoe_model *made;
    snprintf(json, sizeof json,
             "{\"features\": {\"sparse\": [%s], \"dense\": [%s]}, \"tasks\": [{\"name\": \"ctr\", "
             "\"label\": \"y\"}], \"model\": {\"name\": \"mmoe\", \"n_expert\": 2, "
             "\"expert_params\": {\"dims\": [8]}}}",
             sparse, dense);
    SUCCEEDS(mmoe_config_parse(json, strlen(json), NULL, NULL, &config, &err));
    SUCCEEDS(mmoe_schema_create(config, names, 5, NULL, &schema, &err));
    SUCCEEDS(mmoe_model_create(config, schema, NULL, &made, &err));
    mmoe_schema_free(schema);
    mmoe_config_free(config);
    return made;
}

static void score(mmoe_reader *reader, size_t rows) {
    const mmoe_column given[COLUMNS] = {{MMOE_VALUE_FLOAT, prices, 0},
                                        {MMOE_VALUE_INT64, brands, 0},
                                        {MMOE_VALUE_INT64, items, 0},
                                        {MMOE_VALUE_INT64, users, 0}};
    const mmoe_batch batch = {
        .rows = rows, .input = input, .columns = given, .column_count = COLUMNS};
    mmoe_served now;
    SUCCEEDS(mmoe_reader_enter(reader, &now, &err));
    SUCCEEDS(mmoe_predictor_run(now.predictor, &batch, scores, &err));
    mmoe_reader_leave(reader);
}

static mmoe_status count(size_t n_column, mmoe_error *err) {
    counts = (mmoe_counts){columns, tasks, n_column, TASKS, 0, 0, 0, 0};
    return mmoe_slot_counts(slot, &counts, err);
}

static void column_is(int i, const char *name, int64_t values, int64_t missing, int64_t unknown) {
    ck_assert_str_eq(columns[i].name, name);
    ck_assert_int_eq(columns[i].values, values);
    ck_assert_int_eq(columns[i].missing, missing);
    ck_assert_int_eq(columns[i].unknown, unknown);
}

static void publish(mmoe_model *model) { SUCCEEDS(mmoe_slot_publish(slot, model, NULL, &err)); }

START_TEST(columns_are_united_by_name) {
    const mmoe_predictor_options options = {.input = input};
    mmoe_reader *readers[2];
    SUCCEEDS(mmoe_slot_create_with(model_of(USER "," ITEM, ""), &options, NULL, &slot, &err));
    for (int i = 0; i < 2; i++) SUCCEEDS(mmoe_reader_create(slot, &readers[i], &err));
    for (int i = 0; i < 2; i++) score(readers[i], 100);
    SUCCEEDS(count(2, &err));
    column_is(0, "user", 200, 0, 50);
    column_is(1, "item", 200, 0, 0);

    publish(model_of(ITEM "," BRAND, PRICE));
    ck_assert_int_eq(count(2, NULL), MMOE_E_ARGUMENT);
    SUCCEEDS(count(4, &err));
    column_is(0, "user", 200, 0, 50);
    column_is(3, "price", 0, 0, 0);
    score(readers[0], 40);
    SUCCEEDS(count(4, &err));
    column_is(0, "user", 200, 0, 50);
    column_is(1, "item", 240, 0, 0);
    column_is(2, "brand", 40, 0, 8);
    column_is(3, "price", 40, 4, 0);

    publish(model_of(USER "," ITEM, "")); /* as the first one, another in its place */
    for (int i = 0; i < 2; i++) score(readers[i], 20);
    SUCCEEDS(count(4, &err));
    column_is(0, "user", 240, 0, 60);
    column_is(1, "item", 280, 0, 0);
    column_is(2, "brand", 40, 0, 8);
    ck_assert_int_eq(counts.rows, 280);
    int64_t scored = 0;
    for (int b = 0; b < MMOE_SERVED_BINS; b++) scored += tasks[0].bins[b];
    ck_assert_int_eq(scored, 280);
    for (int i = 0; i < 2; i++) mmoe_reader_free(readers[i]);
    mmoe_slot_free(slot);
}
END_TEST

START_TEST(a_refused_model_adds_no_columns) {
    const mmoe_predictor_options options = {.input = input};
    mmoe_model *first = model_of(USER "," ITEM, "");
    SUCCEEDS(mmoe_slot_create_with(first, &options, NULL, &slot, &err));
    ck_assert_int_eq(mmoe_slot_publish(slot, first, NULL, NULL), MMOE_E_ARGUMENT);
    mmoe_model *bad = model_of(BRAND, ""); /* it has no use for items */
    ck_assert_int_eq(mmoe_slot_publish(slot, bad, NULL, NULL), MMOE_E_ARGUMENT);
    counts = (mmoe_counts){0};
    SUCCEEDS(mmoe_slot_counts(slot, &counts, &err));
    ck_assert_uint_eq(counts.n_column, 2);
    mmoe_model_free(bad);
    mmoe_slot_free(slot);
}
END_TEST

/* ---- Beside the training rows ---- */

static const char training_text[] = "item,price,y\np,1,1\np,2,0\nq,3,0\nq,4,1\np,5,0\nq,6,0\n"
                                    "seldom,,0\nonce,8,0\n";

/* Trains, and writes the model's file. */
static void train(const char *path) {
    static const char json[] =
        "{\"features\": {\"sparse\": [{\"name\": \"item\", \"min_count\": 2}], \"dense\": "
        "[{\"name\": \"price\", \"missing\": \"mean\"}]}, \"tasks\": [{\"name\": \"ctr\", "
        "\"label\": \"y\"}], \"trainer\": {\"n_epoch\": 1, \"batch_size\": 4}}";
    mmoe_config *config;
    mmoe_schema *schema;
    mmoe_dataset *set;
    mmoe_trainer *trainer;
    mmoe_model *trained;
    put_text(in_folder("t.csv"), training_text);
    SUCCEEDS(mmoe_config_parse(json, strlen(json), NULL, NULL, &config, &err));
    SUCCEEDS(mmoe_dataset_fit_csv(config, in_folder("t.csv"), NULL, &schema, &set, &err));
    SUCCEEDS(mmoe_model_create(config, schema, NULL, &trained, &err));
    SUCCEEDS(mmoe_trainer_create(trained, NULL, NULL, &trainer, &err));
    SUCCEEDS(mmoe_trainer_fit(trainer, set, NULL, &err));
    SUCCEEDS(mmoe_model_save(trained, path, &err));
    mmoe_trainer_free(trainer);
    mmoe_model_free(trained);
    mmoe_dataset_free(set);
    mmoe_schema_free(schema);
    mmoe_config_free(config);
}

/* The share of those that were served over that of those that were trained on. */
static double unknown_ratio(const mmoe_column_served *c) {
    return (double)c->unknown / (double)c->values / c->trained_unknown;
}

START_TEST(a_share_that_doubled_is_seen) {
    static const char *const usual[] = {"p", "new", "q", "p"}, *const unusual[] = {"p", "new", "q",
                                                                                   "newer"};
    static const float some[] = {1, 2, NAN, 4};
    mmoe_model *model;
    mmoe_reader *reader;
    mmoe_served now;
    char path[256];
    make_folder();
    snprintf(path, sizeof path, "%s", in_folder("m.safetensors"));
    train(path);
    SUCCEEDS(mmoe_model_load(path, NULL, &model, &err));
    SUCCEEDS(mmoe_slot_create(model, NULL, &slot, &err));
    SUCCEEDS(mmoe_reader_create(slot, &reader, &err));
    for (int day = 0; day < 2; day++) {
        const mmoe_column item = {MMOE_VALUE_TEXT, day ? unusual : usual, 0},
                          price = {MMOE_VALUE_FLOAT, some, 0};
        const mmoe_batch batch = {.rows = 4, .sparse_columns = &item, .dense_columns = &price};
        SUCCEEDS(count(2, &err));
        const int64_t values = columns[0].values, unknown = columns[0].unknown;
        SUCCEEDS(mmoe_reader_enter(reader, &now, &err));
        SUCCEEDS(mmoe_predictor_run(now.predictor, &batch, scores, &err));
        mmoe_reader_leave(reader);
        SUCCEEDS(count(2, &err));
        columns[0].values -= values;
        columns[0].unknown -= unknown;
        ck_assert_double_eq(unknown_ratio(&columns[0]), day ? 2 : 1);
        ck_assert_double_eq(columns[1].trained_missing, .125);
        ck_assert_int_eq(columns[1].missing, day + 1);
        ck_assert_double_eq(tasks[0].base_rate, .25);
    }
    mmoe_reader_free(reader);
    mmoe_slot_free(slot);
    empty_folder();
    remove_folder();
}
END_TEST

void add_cases(TCase *c) {
    tcase_add_checked_fixture(c, set_up, tear_down);
    tcase_add_test(c, columns_are_united_by_name);
    tcase_add_test(c, a_refused_model_adds_no_columns);
    tcase_add_test(c, a_share_that_doubled_is_seen);
}
