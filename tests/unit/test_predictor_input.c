/* What a batch may look like: encoded or raw, in arrays or columns. */
#include "predictor_input_support.h"

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
        char user[40] = "", slot[40] = "NA";
        if (!isnan(users[i])) snprintf(user, sizeof user, "%.1f", users[i]);
        if (!isnan(slots[i])) snprintf(slot, sizeof slot, "%.0f", slots[i]);
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

void add_cases(TCase *c) {
    tcase_add_checked_fixture(c, set_up, tear_down);
    tcase_add_test(c, members_of_structures);
    tcase_add_test(c, texts);
    tcase_add_test(c, arrays_of_their_own);
    tcase_add_test(c, a_row_major_array_of_raw_ids);
    tcase_add_test(c, addresses_that_are_not_aligned);
    tcase_add_test(c, raw_ranking);
    tcase_add_test(c, every_type_says_the_same);
}
