/* What a batch may look like: encoded or raw, in arrays or columns; and what it may not. */
#include <unistd.h>

#include "check_main.h"
#include "predictor_support.h"

/* ---- A model whose columns are learned ---- */

/* city: strings; user: integers; slot: row numbers with an oov_id; page: row numbers without one.
 */
static const char config_text[] =
    "{\"features\": {\"sparse\": [{\"name\": \"city\"}, {\"name\": \"user\", \"side\": \"user\"}, "
    "{\"name\": \"slot\", \"vocab_size\": 5, \"oov_id\": 3},"
    " {\"name\": \"page\", \"vocab_size\": 9, \"embed_dim\": 2}], \"dense\": [{\"name\": \"age\", "
    "\"transform\": \"standardize\", \"side\": \"user\"},"
    " {\"name\": \"price\", \"transform\": \"log1p_standardize\"}, {\"name\": \"share\", "
    "\"transform\": \"minmax\"}, {\"name\": \"plain\"}]},"
    " \"tasks\": [{\"name\": \"ctr\", \"label\": \"click\"}, {\"name\": \"cvr\", \"label\": "
    "\"buy\"}], \"score\": \"ctr * cvr^0.5\"}";
static const char training_text[] = "city,user,slot,page,age,price,share,plain,click,buy\n"
                                    "Rome,7,0,8,30,0,0.5,-2,1,0\n"
                                    "Oslo,-12,4,0,41.5,12.25,0.25,3,0,0\n"
                                    "New York,9000000000,2,3,18,1e6,1,0.125,1,1\n"
                                    ",7,1,1,66,3,0,1e3,0,0\n";
/* As a service gets them: known, unknown and missing values. */
static const char request_text[] = "city,user,slot,page,age,price,share,plain\n"
                                   "Oslo,7,4,8,30,0,0.5,-2\n"
                                   "Bern,-12,0,0,99,7,0.75,4\n"
                                   "NA,8,5,1,1e-3,1e9,-3,0\n"
                                   ",9000000000,-1,7,-5,-0.5,2,1e30\n"
                                   "New York,,2,2,20,20,20,20\n";

enum { COLUMNS = 4, REQUESTS = 5, TASKS = 2 };
typedef struct request {
    int64_t user, slot;
    double plain;
    char padding;
    const char *city, *user_text, *slot_text;
    int64_t page;
    float age, price, share;
} request;
/* The last row's user is missing: an id that no training row has. */
static const request requests[REQUESTS] = {
    {7, 4, -2, 0, "Oslo", "7", "4", 8, 30, 0, 0.5f},
    {-12, 0, 4, 0, "Bern", "-12.0", "+0", 0, 99, 7, 0.75f},
    {8, 5, 0, 0, "NA", "8", "5", 1, 1e-3f, 1e9f, -3},
    {9000000000, -1, 1e30, 0, "", " 9000000000", "-1", 7, -5, -0.5f, 2},
    {0, 2, 20, 0, "New York", NULL, "2", 2, 20, 20, 20}};

static char folder[] = "/tmp/mmoe-predictor-XXXXXX", training_path[64], request_path[64];
static mmoe_model *model;
static mmoe_predictor *predictor;
static mmoe_dataset *encoded;
static mmoe_batch plain_batch;
static float expected[REQUESTS * TASKS], scores[REQUESTS * TASKS];
static mmoe_error err;

static void write_text(const char *path, const char *text) {
    FILE *file = fopen(path, "w");
    ck_assert_ptr_nonnull(file);
    ck_assert_int_ge(fputs(text, file), 0);
    ck_assert_int_eq(fclose(file), 0);
}

static void set_up(void) {
    mmoe_config *config;
    mmoe_schema *schema;
    mmoe_dataset *training;
    snprintf(folder, sizeof folder, "/tmp/mmoe-predictor-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(training_path, sizeof training_path, "%s/t.csv", folder);
    snprintf(request_path, sizeof request_path, "%s/r.csv", folder);
    write_text(training_path, training_text);
    write_text(request_path, request_text);
    ok(mmoe_config_parse(config_text, strlen(config_text), NULL, NULL, &config, &err), &err);
    ok(mmoe_dataset_fit_csv(config, training_path, NULL, &schema, &training, &err), &err);
    ok(mmoe_model_create(config, schema, NULL, &model, &err), &err);
    scatter_weights(model);
    ok(mmoe_dataset_read_csv(schema, request_path, MMOE_LABELS_OPTIONAL, NULL, &encoded, &err),
       &err);
    ok(mmoe_dataset_batch(encoded, 0, REQUESTS, &plain_batch, &err), &err);
    ok(mmoe_predictor_create(model, NULL, &predictor, &err), &err);
    ok(mmoe_predictor_run(predictor, &plain_batch, expected, &err), &err);
    mmoe_dataset_free(training);
    mmoe_schema_free(schema);
    mmoe_config_free(config);
    memset(scores, 0xff, sizeof scores);
}

static void tear_down(void) {
    mmoe_predictor_free(predictor);
    mmoe_dataset_free(encoded);
    mmoe_model_free(model);
    remove(training_path);
    remove(request_path);
    rmdir(folder);
}

#define MEMBER(type_, member)                                                                      \
    { type_, &requests[0].member, sizeof(request) }

static void same_scores(const mmoe_batch *batch) {
    memset(scores, 0xff, sizeof scores);
    ok(mmoe_predictor_run(predictor, batch, scores, &err), &err);
    ck_assert_mem_eq(scores, expected, sizeof scores);
}

/* Rows whose ids are handed over so, and whose inputs are plain. */
static mmoe_batch batch_of(const mmoe_column *sparse) {
    return (mmoe_batch){.rows = REQUESTS,
                        .sparse_columns = sparse,
                        .dense = plain_batch.dense,
                        .dense_stride = plain_batch.dense_stride};
}

/* ---- Ways to hand rows over ---- */

START_TEST(members_of_structures) {
    const mmoe_column sparse[COLUMNS] = {
        MEMBER(MMOE_VALUE_TEXT, city), MEMBER(MMOE_VALUE_INT64, user),
        MEMBER(MMOE_VALUE_INT64, slot), MEMBER(MMOE_VALUE_INT64, page)};
    const mmoe_column dense[COLUMNS] = {
        MEMBER(MMOE_VALUE_FLOAT, age), MEMBER(MMOE_VALUE_FLOAT, price),
        MEMBER(MMOE_VALUE_FLOAT, share), MEMBER(MMOE_VALUE_DOUBLE, plain)};
    const mmoe_batch batch = {.rows = REQUESTS, .sparse_columns = sparse, .dense_columns = dense};
    same_scores(&batch);
}
END_TEST

/* Integers as text go through integer vocabularies and row numbers. */
START_TEST(texts) {
    const mmoe_column sparse[COLUMNS] = {
        MEMBER(MMOE_VALUE_TEXT, city), MEMBER(MMOE_VALUE_TEXT, user_text),
        MEMBER(MMOE_VALUE_TEXT, slot_text), MEMBER(MMOE_VALUE_INT64, page)};
    const mmoe_batch batch = batch_of(sparse);
    same_scores(&batch);
}
END_TEST

START_TEST(arrays_of_their_own) {
    int32_t rows[COLUMNS][REQUESTS];
    float inputs[COLUMNS][REQUESTS];
    mmoe_column sparse[COLUMNS], dense[COLUMNS];
    for (size_t c = 0; c < COLUMNS; c++) {
        for (size_t r = 0; r < REQUESTS; r++) {
            rows[c][r] = plain_batch.ids[r * plain_batch.id_stride + c];
            inputs[c][r] = plain_batch.dense[r * plain_batch.dense_stride + c];
        }
        sparse[c] = (mmoe_column){MMOE_VALUE_ROW, rows[c], 0};
        dense[c] = (mmoe_column){MMOE_VALUE_INPUT, inputs[c], 0};
    }
    const mmoe_batch columns = {.rows = REQUESTS, .sparse_columns = sparse, .dense_columns = dense};
    same_scores(&columns);
    const mmoe_batch both = {.rows = REQUESTS,
                             .ids = plain_batch.ids,
                             .id_stride = plain_batch.id_stride,
                             .dense_columns = dense};
    same_scores(&both);
}
END_TEST

START_TEST(a_row_major_array_of_raw_ids) {
    int64_t raw[REQUESTS][3 + 2];
    const char *cities[REQUESTS];
    for (size_t r = 0; r < REQUESTS; r++) {
        cities[r] = requests[r].city;
        raw[r][0] = requests[r].user;
        raw[r][1] = requests[r].slot;
        raw[r][2] = requests[r].page;
    }
    const mmoe_column sparse[COLUMNS] = {{MMOE_VALUE_TEXT, cities, 0},
                                         {MMOE_VALUE_INT64, &raw[0][0], sizeof raw[0]},
                                         {MMOE_VALUE_INT64, &raw[0][1], sizeof raw[0]},
                                         {MMOE_VALUE_INT64, &raw[0][2], sizeof raw[0]}};
    const mmoe_batch batch = batch_of(sparse);
    same_scores(&batch);
}
END_TEST

START_TEST(addresses_that_are_not_aligned) {
    char bytes[REQUESTS * 9 + 1];
    for (size_t r = 0; r < REQUESTS; r++) memcpy(bytes + 1 + 9 * r, &requests[r].user, 8);
    const mmoe_column sparse[COLUMNS] = {MEMBER(MMOE_VALUE_TEXT, city),
                                         {MMOE_VALUE_INT64, bytes + 1, 9},
                                         MEMBER(MMOE_VALUE_INT64, slot),
                                         MEMBER(MMOE_VALUE_INT64, page)};
    const mmoe_batch batch = batch_of(sparse);
    same_scores(&batch);
}
END_TEST

/* The side of a column is asked for, and both batches are in the model's order. */
START_TEST(raw_ranking) {
    ck_assert_int_eq(mmoe_model_sparse_side(model, 0), MMOE_SIDE_ITEM);
    ck_assert_int_eq(mmoe_model_sparse_side(model, 1), MMOE_SIDE_USER);
    ck_assert_int_eq(mmoe_model_dense_side(model, 0), MMOE_SIDE_USER);
    ck_assert_int_eq(mmoe_model_dense_side(model, 3), MMOE_SIDE_ITEM);
    ck_assert_int_eq(mmoe_model_sparse_side(model, 4), -1);
    ck_assert_int_eq(mmoe_model_dense_side(NULL, 0), -1);
    const mmoe_column items[3] = {MEMBER(MMOE_VALUE_TEXT, city), MEMBER(MMOE_VALUE_INT64, slot),
                                  MEMBER(MMOE_VALUE_INT64, page)};
    const mmoe_column numbers[3] = {MEMBER(MMOE_VALUE_FLOAT, price),
                                    MEMBER(MMOE_VALUE_FLOAT, share),
                                    MEMBER(MMOE_VALUE_DOUBLE, plain)};
    const mmoe_batch candidates = {
        .rows = REQUESTS, .sparse_columns = items, .dense_columns = numbers};
    for (size_t r = 0; r < REQUESTS; r++) {
        const mmoe_column id = {MMOE_VALUE_INT64, &requests[r].user, 0},
                          age = {MMOE_VALUE_FLOAT, &requests[r].age, 0};
        const mmoe_batch user = {.rows = 1, .sparse_columns = &id, .dense_columns = &age};
        ok(mmoe_predictor_rank(predictor, &user, &candidates, scores, &err), &err);
        ck_assert_mem_eq(scores + r * TASKS, expected + r * TASKS, TASKS * sizeof *scores);
    }
}
END_TEST

/* ---- What is refused ---- */

static float untouched[REQUESTS * TASKS];

static void refused(mmoe_status got, mmoe_status want, int64_t row, const char *column,
                    const char *message) {
    ck_assert_msg(got == want, "status %d, not %d: %s", got, want, err.message);
    ck_assert_int_eq(err.code, want);
    ck_assert_int_eq(err.row, row);
    ck_assert_str_eq(err.column, column);
    ck_assert_msg(strstr(err.message, message), "\"%s\" lacks \"%s\"", err.message, message);
    ck_assert_mem_eq(scores, untouched, sizeof scores);
    err = (mmoe_error){0};
}

static void refuse(const mmoe_batch *batch, mmoe_status want, int64_t row, const char *column,
                   const char *message) {
    size_t best[REQUESTS];
    memset(untouched, 0x55, sizeof untouched);
    memset(scores, 0x55, sizeof scores);
    refused(mmoe_predictor_run(predictor, batch, scores, &err), want, row, column, message);
    refused(mmoe_predictor_score(predictor, NULL, batch, scores, &err), want, row, column, message);
    refused(mmoe_predictor_top(predictor, NULL, batch, 2, best, scores, &err), want, row, column,
            message);
    ck_assert_int_eq(mmoe_predictor_run(predictor, batch, scores, NULL), want);
}

START_TEST(encoded_values) {
    int32_t ids[REQUESTS * COLUMNS];
    float dense[REQUESTS * COLUMNS];
    memcpy(ids, plain_batch.ids, sizeof ids);
    memcpy(dense, plain_batch.dense, sizeof dense);
    const mmoe_batch batch = {.rows = REQUESTS,
                              .ids = ids,
                              .id_stride = COLUMNS,
                              .dense = dense,
                              .dense_stride = COLUMNS};
    same_scores(&batch);
    static const int32_t bad[] = {-1, 9, INT32_MIN, INT32_MAX};
    for (size_t i = 0; i < 4; i++) {
        ids[2 * COLUMNS + 3] = bad[i];
        refuse(&batch, MMOE_E_ARGUMENT, 3, "page", "outside 0 to 8");
    }
    ids[2 * COLUMNS + 3] = 8;
    static const float infinite[] = {NAN, INFINITY, -INFINITY};
    for (size_t i = 0; i < 3; i++) {
        dense[4 * COLUMNS] = infinite[i];
        refuse(&batch, MMOE_E_ARGUMENT, 5, "age", "not finite");
    }
}
END_TEST

START_TEST(raw_values) {
    request rows[REQUESTS];
    memcpy(rows, requests, sizeof rows);
#define HERE(type_, member) {type_, &rows[0].member, sizeof(request)}
    mmoe_column sparse[COLUMNS] = {HERE(MMOE_VALUE_TEXT, city), HERE(MMOE_VALUE_INT64, user),
                                   HERE(MMOE_VALUE_INT64, slot), HERE(MMOE_VALUE_INT64, page)};
    mmoe_column dense[COLUMNS] = {HERE(MMOE_VALUE_FLOAT, age), HERE(MMOE_VALUE_FLOAT, price),
                                  HERE(MMOE_VALUE_FLOAT, share), HERE(MMOE_VALUE_DOUBLE, plain)};
    const mmoe_batch batch = {.rows = REQUESTS, .sparse_columns = sparse, .dense_columns = dense};
    same_scores(&batch);
    rows[1].page = 9;
    refuse(&batch, MMOE_E_DATA, 2, "page", "9 is outside of the table's rows 0 to 8");
    rows[1].page = INT64_MIN;
    refuse(&batch, MMOE_E_DATA, 2, "page", "-9223372036854775808 is outside");
    rows[1].page = 0;
    rows[4].price = -1;
    refuse(&batch, MMOE_E_DATA, 5, "price", "-1 is not above -1");
    rows[4].price = 1;
    rows[0].share = NAN;
    refuse(&batch, MMOE_E_DATA, 1, "share", "nan is not finite");
    rows[0].share = 0;
    rows[3].plain = 1e39;
    refuse(&batch, MMOE_E_DATA, 4, "plain", "1e+39 is too large for single precision");
    rows[3].plain = (double)INFINITY;
    refuse(&batch, MMOE_E_DATA, 4, "plain", "inf is not finite");
}
END_TEST

START_TEST(raw_texts) {
    const char *pages[REQUESTS] = {"8", "0", "1", "7", "2"};
    const mmoe_column sparse[COLUMNS] = {MEMBER(MMOE_VALUE_TEXT, city),
                                         MEMBER(MMOE_VALUE_TEXT, user_text),
                                         MEMBER(MMOE_VALUE_TEXT, slot_text),
                                         {MMOE_VALUE_TEXT, pages, 0}};
    const mmoe_batch batch = batch_of(sparse);
    same_scores(&batch);
    pages[3] = "9";
    refuse(&batch, MMOE_E_DATA, 4, "page", "\"9\" is outside of the table's rows 0 to 8");
    pages[3] = "seven";
    refuse(&batch, MMOE_E_DATA, 4, "page", "\"seven\" is not an integer");
    pages[3] = "99999999999999999999";
    refuse(&batch, MMOE_E_DATA, 4, "page", "is outside of the table's rows");
    pages[3] = NULL;
    refuse(&batch, MMOE_E_DATA, 4, "page", "an empty value is outside of the table's rows");
}
END_TEST

START_TEST(shapes_and_types) {
    mmoe_batch batch = plain_batch;
    batch.ids = NULL;
    refuse(&batch, MMOE_E_ARGUMENT, 0, "", "lacks ids");
    batch = plain_batch;
    batch.dense = NULL;
    refuse(&batch, MMOE_E_ARGUMENT, 0, "", "lacks dense values");
    batch = plain_batch;
    batch.id_stride = 3;
    refuse(&batch, MMOE_E_ARGUMENT, 0, "", "id_stride of the batch is smaller than its 4 columns");
    batch = plain_batch;
    batch.dense_stride = 0;
    refuse(&batch, MMOE_E_ARGUMENT, 0, "",
           "dense_stride of the batch is smaller than its 4 columns");
    mmoe_column sparse[COLUMNS] = {MEMBER(MMOE_VALUE_TEXT, city), MEMBER(MMOE_VALUE_INT64, user),
                                   MEMBER(MMOE_VALUE_INT64, slot), MEMBER(MMOE_VALUE_INPUT, page)};
    mmoe_column dense[COLUMNS] = {MEMBER(MMOE_VALUE_FLOAT, age), MEMBER(MMOE_VALUE_FLOAT, price),
                                  MEMBER(MMOE_VALUE_ROW, share), MEMBER(MMOE_VALUE_DOUBLE, plain)};
    batch = plain_batch;
    batch.sparse_columns = sparse;
    refuse(&batch, MMOE_E_ARGUMENT, 0, "page", "is no type of a sparse column");
    sparse[3].type = (mmoe_value_type)77;
    refuse(&batch, MMOE_E_ARGUMENT, 0, "page", "77 is no type of a sparse column");
    sparse[3] = (mmoe_column){MMOE_VALUE_INT64, NULL, 0};
    refuse(&batch, MMOE_E_ARGUMENT, 0, "page", "values are NULL");
    batch = plain_batch;
    batch.dense_columns = dense;
    refuse(&batch, MMOE_E_ARGUMENT, 0, "share", "is no type of a dense column");
    dense[2] = (mmoe_column){MMOE_VALUE_DOUBLE, NULL, 0};
    refuse(&batch, MMOE_E_ARGUMENT, 0, "share", "values are NULL");
}
END_TEST

/* Raw values make the rows that the same values make in a file, to the bit. */
START_TEST(a_data_set_takes_columns) {
    const mmoe_column sparse[COLUMNS] = {
        MEMBER(MMOE_VALUE_TEXT, city), MEMBER(MMOE_VALUE_TEXT, user_text),
        MEMBER(MMOE_VALUE_INT64, slot), MEMBER(MMOE_VALUE_INT64, page)};
    mmoe_column dense[COLUMNS] = {MEMBER(MMOE_VALUE_FLOAT, age), MEMBER(MMOE_VALUE_FLOAT, price),
                                  MEMBER(MMOE_VALUE_FLOAT, share),
                                  MEMBER(MMOE_VALUE_DOUBLE, plain)};
    const float labels[REQUESTS * TASKS] = {0};
    const mmoe_batch batch = {.rows = REQUESTS, .sparse_columns = sparse, .dense_columns = dense};
    const mmoe_schema *schema = mmoe_model_schema(model);
    mmoe_dataset *set = NULL;
    mmoe_batch back;
    ok(mmoe_dataset_create(schema, &batch, labels, NULL, NULL, &set, &err), &err);
    ok(mmoe_dataset_batch(set, 0, REQUESTS, &back, &err), &err);
    ck_assert_mem_eq(back.ids, plain_batch.ids, REQUESTS * COLUMNS * sizeof *back.ids);
    ck_assert_mem_eq(back.dense, plain_batch.dense, REQUESTS * COLUMNS * sizeof *back.dense);
    mmoe_dataset_free(set);
    set = NULL;
    dense[1].type = MMOE_VALUE_ROW;
    ck_assert_int_eq(mmoe_dataset_create(schema, &batch, labels, NULL, NULL, &set, &err),
                     MMOE_E_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(err.message, "0 is no type of a dense column's values"));
    const double prices[REQUESTS] = {1, 2, -1, 3, 4};
    dense[1] = (mmoe_column){MMOE_VALUE_DOUBLE, prices, 0};
    ck_assert_int_eq(mmoe_dataset_create(schema, &batch, labels, NULL, NULL, &set, &err),
                     MMOE_E_DATA);
    ck_assert_str_eq(err.message, "row 3: column \"price\": -1 is not above -1, as log1p needs");
    ck_assert_ptr_null(set);
}
END_TEST

/* A file, a request of one chunk and one of many: each type of value that says the same. */
START_TEST(every_type_says_the_same) {
    enum { MANY = 1000 };
    static double users[MANY], slots[MANY];
    static float pages[MANY];
    static const char *ages[MANY];
    static int64_t prices[MANY];
    static double shares[MANY], plains[MANY];
    static const char *cities[MANY];
    static float got[MANY * TASKS], want[MANY * TASKS];
    static char written[MANY][16];
    for (int i = 0; i < MANY; i++) {
        users[i] = i % 2 ? 7 : -12;
        if (i % 3 == 0) users[i] = 9e9;
        slots[i] = i % 5;
        pages[i] = (float)(i % 9);
        snprintf(written[i], sizeof written[i], " %d.5", i % 50);
        ages[i] = written[i];
        prices[i] = i % 20;
        shares[i] = i % 4 / 4.0;
        plains[i] = i;
        cities[i] = i % 2 ? "Oslo" : "Rome";
    }
    users[5] = slots[6] = (double)NAN; /* missing */
    users[7] = 7.5;                    /* unknown */
    FILE *file = fopen(request_path, "w");
    ck_assert_ptr_nonnull(file);
    fputs("city,user,slot,page,age,price,share,plain\n", file);
    for (int i = 0; i < MANY; i++) {
        char user[40], slot[40];
        snprintf(user, sizeof user, isnan(users[i]) ? "" : "%.1f", users[i]);
        snprintf(slot, sizeof slot, isnan(slots[i]) ? "NA" : "%.0f", slots[i]);
        fprintf(file, "%s,%s,%s,%.1f,%s,%d.0,%g,%g\n", cities[i], user, slot, (double)pages[i],
                ages[i], (int)prices[i], shares[i], plains[i]);
    }
    ck_assert_int_eq(fclose(file), 0);
    const mmoe_column sparse[COLUMNS] = {{MMOE_VALUE_TEXT, cities, 0},
                                         {MMOE_VALUE_DOUBLE, users, 0},
                                         {MMOE_VALUE_DOUBLE, slots, 0},
                                         {MMOE_VALUE_FLOAT, pages, 0}};
    const mmoe_column dense[COLUMNS] = {{MMOE_VALUE_TEXT, ages, 0},
                                        {MMOE_VALUE_INT64, prices, 0},
                                        {MMOE_VALUE_DOUBLE, shares, 0},
                                        {MMOE_VALUE_DOUBLE, plains, 0}};
    mmoe_batch raw = {.rows = MANY, .sparse_columns = sparse, .dense_columns = dense}, read;
    mmoe_dataset *set;
    ok(mmoe_dataset_read_csv(mmoe_model_schema(model), request_path, MMOE_LABELS_OPTIONAL, NULL,
                             &set, &err),
       &err);
    ok(mmoe_dataset_batch(set, 0, MANY, &read, &err), &err);
    ok(mmoe_predictor_run(predictor, &read, want, &err), &err);
    ok(mmoe_predictor_run(predictor, &raw, got, &err), &err);
    ck_assert_mem_eq(got, want, sizeof got);
    raw.rows = 11;
    memset(got, 0, sizeof got);
    ok(mmoe_predictor_run(predictor, &raw, got, &err), &err);
    ck_assert_mem_eq(got, want, 11 * TASKS * sizeof *got);
    mmoe_dataset_free(set);
}
END_TEST

START_TEST(users_and_items) {
    const mmoe_column id = {MMOE_VALUE_INT64, &requests[0].user, 0},
                      age = {MMOE_VALUE_FLOAT, &requests[0].age, 0};
    mmoe_batch user = {.rows = 1, .sparse_columns = &id, .dense_columns = &age};
    int32_t ids[REQUESTS * 3] = {0};
    float dense[REQUESTS * 3] = {0};
    mmoe_batch items = {
        .rows = REQUESTS, .ids = ids, .id_stride = 3, .dense = dense, .dense_stride = 3};
    memset(untouched, 0x55, sizeof untouched);
    memset(scores, 0x55, sizeof scores);
    for (size_t n = 0; n <= 2; n += 2) {
        user.rows = n;
        refused(mmoe_predictor_rank(predictor, &user, &items, scores, &err), MMOE_E_ARGUMENT, 0, "",
                n ? "the user has 2 rows, not 1" : "the user has 0 rows");
    }
    user.rows = 1;
    const mmoe_column unknown = {MMOE_VALUE_DOUBLE, &(const double){(double)NAN}, 0};
    user.dense_columns = &unknown;
    refused(mmoe_predictor_rank(predictor, &user, &items, scores, &err), MMOE_E_DATA, 1, "age",
            "nan is not finite");
    user.dense_columns = &age;
    ids[3 * 4 + 1] = 5;
    refused(mmoe_predictor_rank(predictor, &user, &items, scores, &err), MMOE_E_ARGUMENT, 5, "slot",
            "row number 5 is outside 0 to 4");
    refused(mmoe_predictor_score(predictor, &user, &items, scores, &err), MMOE_E_ARGUMENT, 5,
            "slot", "row number 5 is outside 0 to 4");
    ids[3 * 4 + 1] = 0;
    user.sparse_columns = NULL;
    refused(mmoe_predictor_rank(predictor, &user, &items, scores, &err), MMOE_E_ARGUMENT, 0, "",
            "the user lacks ids");
    user.sparse_columns = &id;
    items.id_stride = 2;
    refused(mmoe_predictor_rank(predictor, &user, &items, scores, &err), MMOE_E_ARGUMENT, 0, "",
            "id_stride of the items is smaller than its 3 columns");
}
END_TEST

START_TEST(null_arguments) {
    size_t best[2];
    const mmoe_batch none = {.ids = plain_batch.ids,
                             .id_stride = COLUMNS,
                             .dense = plain_batch.dense,
                             .dense_stride = COLUMNS};
    memset(untouched, 0x55, sizeof untouched);
    memset(scores, 0x55, sizeof scores);
    refused(mmoe_predictor_run(NULL, &plain_batch, scores, &err), MMOE_E_ARGUMENT, 0, "", "NULL");
    refused(mmoe_predictor_run(predictor, NULL, scores, &err), MMOE_E_ARGUMENT, 0, "", "NULL");
    refused(mmoe_predictor_run(predictor, &plain_batch, NULL, &err), MMOE_E_ARGUMENT, 0, "",
            "NULL");
    refused(mmoe_predictor_rank(NULL, &plain_batch, &plain_batch, scores, &err), MMOE_E_ARGUMENT, 0,
            "", "NULL");
    refused(mmoe_predictor_rank(predictor, NULL, &plain_batch, scores, &err), MMOE_E_ARGUMENT, 0,
            "", "NULL");
    refused(mmoe_predictor_rank(predictor, &plain_batch, NULL, scores, &err), MMOE_E_ARGUMENT, 0,
            "", "NULL");
    refused(mmoe_predictor_rank(predictor, &plain_batch, &plain_batch, NULL, &err), MMOE_E_ARGUMENT,
            0, "", "NULL");
    refused(mmoe_predictor_score(NULL, NULL, &plain_batch, scores, &err), MMOE_E_ARGUMENT, 0, "",
            "NULL");
    refused(mmoe_predictor_score(predictor, NULL, NULL, scores, &err), MMOE_E_ARGUMENT, 0, "",
            "NULL");
    refused(mmoe_predictor_score(predictor, NULL, &plain_batch, NULL, &err), MMOE_E_ARGUMENT, 0, "",
            "NULL");
    refused(mmoe_predictor_top(NULL, NULL, &plain_batch, 2, best, scores, &err), MMOE_E_ARGUMENT, 0,
            "", "NULL");
    refused(mmoe_predictor_top(predictor, NULL, NULL, 2, best, scores, &err), MMOE_E_ARGUMENT, 0,
            "", "NULL");
    refused(mmoe_predictor_top(predictor, NULL, &plain_batch, 2, NULL, scores, &err),
            MMOE_E_ARGUMENT, 0, "", "NULL");
    refused(mmoe_predictor_top(predictor, NULL, &plain_batch, 2, best, NULL, &err), MMOE_E_ARGUMENT,
            0, "", "NULL");
    ok(mmoe_predictor_run(predictor, &none, NULL, &err), &err);
    ok(mmoe_predictor_top(predictor, NULL, &none, 2, NULL, NULL, &err), &err);
    ok(mmoe_predictor_top(predictor, NULL, &plain_batch, 0, NULL, NULL, &err), &err);
}
END_TEST

void add_cases(TCase *c) {
    tcase_add_checked_fixture(c, set_up, tear_down);
    tcase_add_test(c, members_of_structures);
    tcase_add_test(c, texts);
    tcase_add_test(c, arrays_of_their_own);
    tcase_add_test(c, a_row_major_array_of_raw_ids);
    tcase_add_test(c, addresses_that_are_not_aligned);
    tcase_add_test(c, raw_ranking);
    tcase_add_test(c, encoded_values);
    tcase_add_test(c, raw_values);
    tcase_add_test(c, raw_texts);
    tcase_add_test(c, shapes_and_types);
    tcase_add_test(c, a_data_set_takes_columns);
    tcase_add_test(c, every_type_says_the_same);
    tcase_add_test(c, users_and_items);
    tcase_add_test(c, null_arguments);
}
