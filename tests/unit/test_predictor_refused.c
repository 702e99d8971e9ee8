/* What a batch may not look like. */
#include "predictor_input_support.h"

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
    refuse(&batch, MMOE_E_DATA, 2, "page", "a missing value is outside");
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
    sparse[3] = (mmoe_column){MMOE_VALUE_INT64, &requests[0].page, 1}; /* in values */
    refuse(&batch, MMOE_E_ARGUMENT, 0, "page", "stride, 1 bytes, is less than a value's 8");
    batch = plain_batch;
    batch.dense_columns = dense;
    refuse(&batch, MMOE_E_ARGUMENT, 0, "share", "is no type of a dense column");
    dense[2] = (mmoe_column){MMOE_VALUE_FLOAT, &requests[0].share, 3};
    refuse(&batch, MMOE_E_ARGUMENT, 0, "share", "stride, 3 bytes, is less than a value's 4");
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
    dense[1].stride = 2;
    ck_assert_int_eq(mmoe_dataset_create(schema, &batch, labels, NULL, NULL, &set, &err),
                     MMOE_E_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(err.message, "stride, 2 bytes, is less than a value's 4"));
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

START_TEST(kernels_that_are_not_there) {
    mmoe_predictor *none = NULL;
    setenv("MMOE_KERNELS", "none", 1);
    ck_assert_int_eq(mmoe_predictor_create(model, NULL, &none, &err), MMOE_E_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(err.message, "MMOE_KERNELS is \"none\""));
    ck_assert_ptr_null(none);
    unsetenv("MMOE_KERNELS");
}
END_TEST

void add_cases(TCase *c) {
    tcase_add_checked_fixture(c, set_up, tear_down);
    tcase_add_test(c, encoded_values);
    tcase_add_test(c, raw_values);
    tcase_add_test(c, raw_texts);
    tcase_add_test(c, shapes_and_types);
    tcase_add_test(c, a_data_set_takes_columns);
    tcase_add_test(c, users_and_items);
    tcase_add_test(c, null_arguments);
    tcase_add_test(c, kernels_that_are_not_there);
}
