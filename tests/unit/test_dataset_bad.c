/* what a data set refuses, in which words */
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dataset_support.h"

/* ---- Bad files ---- */

static const struct {
    const char *column, *text, *message;
    mmoe_transform transform; /* of the column d */
} bad_fields[] = {
    {"n", "5", "\"5\" is outside of the table's rows 0 to 4"},
    {"n", "-1", "\"-1\" is outside of the table's rows 0 to 4"},
    {"n", "4294967297", "\"4294967297\" is outside of the table's rows 0 to 4"},
    {"n", "99999999999999999999", "\"99999999999999999999\" is outside of the table's rows 0 to 4"},
    {"n", "", "an empty value is outside of the table's rows 0 to 4"},
    {"n", "NA", "\"NA\" is outside of the table's rows 0 to 4"},
    {"n", "1.5", "\"1.5\" is not an integer, but the column's ids are row numbers"},
    {"n", "two", "\"two\" is not an integer, but the column's ids are row numbers"},
    {"d", "abc", "\"abc\" is not a number"},
    {"d", "", "an empty value is not a number"},
    {"d", "NA", "\"NA\" is not a number"},
    {"d", "nan", "\"nan\" is not finite"},
    {"d", "-inf", "\"-inf\" is not finite"},
    {"d", "1e999", "\"1e999\" is not finite"},
    {"d", "1e39", "\"1e39\" is too large for single precision after the column's transform"},
    {"d", "\"1,5\"", "\"1,5\" is not a number"},
    {"d", "-1", "\"-1\" is not above -1, as log1p needs", MMOE_TRANSFORM_LOG1P_STANDARDIZE},
    {"d", "-2.5", "\"-2.5\" is not above -1, as log1p needs", MMOE_TRANSFORM_LOG1P_STANDARDIZE},
    {"y", "2", "\"2\" is neither 0 nor 1"},
    {"y", "0.5", "\"0.5\" is neither 0 nor 1"},
    {"y", "-1", "\"-1\" is neither 0 nor 1"},
    {"y", "-nan", "\"-nan\" is neither 0 nor 1"},
    {"y", "?", "\"?\" is not a number"},
    {"y", "yes", "\"yes\" is not a number"},
    {"r", "x", "\"x\" is not a number"},
    {"r", "inf", "\"inf\" is not finite"},
    {"r", "+NaN", "\"+NaN\" is not finite"},
    {"r", "-1e39", "\"-1e39\" is too large for single precision"},
    {"w", "-0.5", "\"-0.5\" is a weight less than 0"},
    {"w", "inf", "\"inf\" is not finite"},
    {"w", "nan", "\"nan\" is not finite"},
    {"w", "1e39", "\"1e39\" is too large for single precision"},
    {"w", "", "an empty value is not a number"},
    {"w", "NA", "\"NA\" is not a number"},
};

START_TEST(a_bad_field_is_named) {
    static const char *const good[] = {"a", "1", "2", "0", "3", "1"};
    features f = usual();
    char row[300] = "";
    f.dense[0] = dense("d", bad_fields[_i].transform);
    for (int c = 0; c < 6; c++) {
        const bool is_bad = HEADER[2 * c] == *bad_fields[_i].column;
        snprintf(row + strlen(row), sizeof row - strlen(row), "%s%s", c ? "," : "",
                 is_bad ? bad_fields[_i].text : good[c]);
    }
    field_refused(&f, HEADER, GOOD, row, bad_fields[_i].column, bad_fields[_i].message);
}
END_TEST

/* Whatever is read first. */
START_TEST(the_first_row_and_its_first_column_are_named) {
    features f = usual();
    fit_refused(&f, HEADER "\n" GOOD "\na,1,2,0,x,1\na,9,2,0,3,1\n", MMOE_E_DATA, 3, "r",
                "row 3: column \"r\": \"x\" is not a number");
    fit_refused(&f, HEADER "\n" GOOD "\na,1,2,0,3,1\na,1,x,0,y,z\na,9,2,0,3,1\n", MMOE_E_DATA, 4,
                "d", "row 4: column \"d\": \"x\" is not a number");
}
END_TEST

START_TEST(long_and_strange_values_are_cut) {
    features f = usual();
    char *csv = malloc(20000100), *at = csv + sprintf(csv, HEADER "\n" GOOD "\na,1,");
    for (int i = 0; i < 10000000; i++) memcpy(at + 2 * i + 1, "\xC3\xA4", 2);
    *at = 'x';
    strcpy(at + 20000001, ",0,3,1\n");
    char message[300] = "row 3: column \"d\": \"x";
    for (int i = 0; i < 31; i++) strcat(message, "\xC3\xA4"); /* whole characters within 64 bytes */
    strcat(message, "...\" is not a number");
    fit_refused(&f, csv, MMOE_E_DATA, 3, "d", message);
    free(csv);
}
END_TEST

START_TEST(values_too_large_after_a_transform_that_stands) {
    features f = {.n_dense = 1, .dense = {dense("d", MMOE_TRANSFORM_MINMAX)}};
    mmoe_schema *schema;
    mmoe_dataset *set, *read = NULL;
    mmoe_error err;
    fit(&f, "d\n0\n1e-30\n", &schema, &set);
    ck_assert_int_eq(mmoe_dataset_read_csv(schema, file_of("d\n1\n1e10\n"), 0, NULL, &read, &err),
                     MMOE_E_DATA);
    said(&err, path, 3, "d",
         "row 3: column \"d\": \"1e10\" is too large for single precision after the column's "
         "transform");
    ck_assert_ptr_null(read);
    free_both(schema, set);
    fit_refused(
        &f, "d\n-1.5e308\n1.5e308\n", MMOE_E_DATA, 0, "d",
        "column \"d\": values from -1.5e+308 to 1.5e+308 cannot be scaled in double precision");
}
END_TEST

START_TEST(columns_that_the_training_file_lacks) {
    features f = usual();
    f.sparse[0] = learned("*", NULL);
    fit_refused(&f, "caf\xe9,n,d,y,r,w\na,1,2,0,3,1\n", MMOE_E_FORMAT, 1, "",
                "row 1: the name of column 1 is not UTF-8");
    f = usual();
    fit_refused(&f, "s,n,d,r,w\na,1,2,3,1\n", MMOE_E_CONFIG, 0, "y",
                "column \"y\": the file has no such column");
    fit_refused(&f, "s,n,d,y,r\na,1,2,0,3\n", MMOE_E_CONFIG, 0, "w",
                "column \"w\": the file has no such column");
    fit_refused(&f, "s,n,y,r,w\na,1,0,3,1\n", MMOE_E_CONFIG, 0, "d",
                "column \"d\": the configuration names a column that is not there");
    fit_refused(&f, "s,n,d,y,r,w,d\na,1,2,0,3,1,2\n", MMOE_E_FORMAT, 1, "d",
                "row 1: column \"d\": columns 3 and 7 have the same name");
}
END_TEST

START_TEST(columns_that_another_file_lacks) {
    features f = usual();
    mmoe_schema *schema;
    mmoe_dataset *set, *read = NULL;
    mmoe_error err;
    fit(&f, HEADER "\n" GOOD "\n", &schema, &set);
    const char *const columns[] = {"s", "n", "d", "y", "r", "w"};
    const char *const headers[] = {"z,n,d,y,r,w", "s,z,d,y,r,w", "s,n,z,y,r,w",
                                   "s,n,d,z,r,w", "s,n,d,y,z,w", "s,n,d,y,r,z"};
    for (int i = 0; i < 6; i++) {
        char csv[100], message[100];
        snprintf(csv, sizeof csv, "%s\n" GOOD "\n", headers[i]);
        snprintf(message, sizeof message, "column \"%s\": the file has no such column", columns[i]);
        ck_assert_int_eq(
            mmoe_dataset_read_csv(schema, file_of(csv), MMOE_LABELS_REQUIRED, NULL, &read, &err),
            MMOE_E_FORMAT);
        said(&err, path, 0, columns[i], message);
        mmoe_status status =
            mmoe_dataset_read_csv(schema, path, MMOE_LABELS_OPTIONAL, NULL, &read, &err);
        ck_assert_int_eq(status, i < 3 ? MMOE_E_FORMAT : MMOE_OK);
        if (!status) mmoe_dataset_free(read);
        read = NULL;
    }
    ck_assert_int_eq(
        mmoe_dataset_read_csv(schema, file_of(HEADER ",q,q\n" GOOD ",1,1\n"), 0, NULL, &read, &err),
        MMOE_E_FORMAT);
    said(&err, path, 1, "q", "row 1: column \"q\": columns 7 and 8 have the same name");
    free_both(schema, set);
}
END_TEST

START_TEST(files_without_rows_and_ragged_rows) {
    features f = usual();
    fit_refused(&f, "", MMOE_E_FORMAT, 0, "", "the file is empty: it has no header");
    fit_refused(&f, HEADER "\n", MMOE_E_FORMAT, 0, "", "the file has a header but no rows");
    fit_refused(&f, HEADER "\n" GOOD "\n" GOOD ",1\n", MMOE_E_FORMAT, 3, "",
                "row 3: 7 fields, but the header has 6");
    fit_refused(&f, HEADER "\n" GOOD "\na\n", MMOE_E_FORMAT, 3, "",
                "row 3: 1 fields, but the header has 6");
    mmoe_schema *schema;
    mmoe_dataset *set, *read = NULL;
    mmoe_error err;
    fit(&f, HEADER "\n" GOOD "\n", &schema, &set);
    ck_assert_int_eq(mmoe_dataset_read_csv(schema, file_of(""), 1, NULL, &read, &err),
                     MMOE_E_FORMAT);
    said(&err, path, 0, "", "the file is empty: it has no header");
    ck_assert_int_eq(mmoe_dataset_read_csv(schema, file_of(HEADER), 0, NULL, &read, &err),
                     MMOE_E_FORMAT);
    said(&err, path, 0, "", "the file has a header but no rows");
    mmoe_batch batch; /* where labels need not be there, no rows are no fault */
    for (int labels = MMOE_LABELS_OPTIONAL; labels <= MMOE_LABELS_IGNORED; labels++) {
        ck_assert_int_eq(mmoe_dataset_read_csv(schema, path, labels, NULL, &read, &err), MMOE_OK);
        ck_assert_int_eq(mmoe_dataset_rows(read), 0);
        ck_assert_int_eq(mmoe_dataset_batch(read, 0, 0, &batch, &err), MMOE_OK);
        ck_assert_int_eq(mmoe_dataset_check(read, schema, mmoe_schema_fingerprint(schema), &err),
                         MMOE_E_ARGUMENT);
        ck_assert_str_eq(err.message, "the data set has no rows");
        mmoe_dataset_free(read);
        read = NULL;
    }
    ck_assert_int_eq(mmoe_dataset_read_csv(schema, "/nowhere/x.csv", 1, NULL, &read, &err),
                     MMOE_E_IO);
    said(&err, "/nowhere/x.csv", 0, "", "cannot open: No such file or directory");
    ck_assert_int_eq(mmoe_dataset_read_csv(NULL, path, 1, NULL, &read, &err), MMOE_E_ARGUMENT);
    ck_assert_int_eq(mmoe_dataset_read_csv(schema, NULL, 1, NULL, &read, &err), MMOE_E_ARGUMENT);
    ck_assert_int_eq(mmoe_dataset_read_csv(schema, path, 1, NULL, NULL, &err), MMOE_E_ARGUMENT);
    ck_assert_int_eq(mmoe_dataset_read_csv(schema, path, 4, NULL, &read, &err), MMOE_E_ARGUMENT);
    ck_assert_ptr_null(read);
    free_both(schema, set);
}
END_TEST

/* ---- From memory ---- */

START_TEST(bad_sets_from_memory) {
    mmoe_schema *schema = memory_schema(-1);
    const struct {
        int32_t ids[2];
        float dense, labels[2], weight;
        const char *message;
    } bad[] = {
        {{5, 0}, 0, {0, 0}, 1, "row 2: column \"n\": 5 is outside of the table's rows 0 to 4"},
        {{-1, 0}, 0, {0, 0}, 1, "row 2: column \"n\": -1 is outside of the table's rows 0 to 4"},
        {{0, 3}, 0, {0, 0}, 1, "row 2: column \"s\": 3 is outside of the table's rows 0 to 2"},
        {{0, 0}, NAN, {0, 0}, 1, "row 2: column \"d\": nan is not finite"},
        {{0, 0}, -INFINITY, {0, 0}, 1, "row 2: column \"d\": -inf is not finite"},
        {{0, 0}, 0, {0.5f, 0}, 1, "row 2: column \"y\": 0.5 is neither 0 nor 1 (task \"task\")"},
        {{0, 0}, 0, {0, INFINITY}, 1, "row 2: column \"r\": inf is not finite (task \"task\")"},
        {{0, 0}, 0, {0, 0}, -1, "row 2: column \"weight\": -1 is a weight less than 0"},
        {{0, 0}, 0, {0, 0}, NAN, "row 2: column \"weight\": nan is not finite"}};
    mmoe_dataset *set = NULL;
    mmoe_error err;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        const int32_t ids[] = {0, 0, bad[i].ids[0], bad[i].ids[1]};
        const float values[] = {0, bad[i].dense},
                    labels[] = {0, 0, bad[i].labels[0], bad[i].labels[1]},
                    weights[] = {1, bad[i].weight};
        mmoe_batch batch = {2, ids, 2, values, 1};
        ck_assert_int_eq(mmoe_dataset_create(schema, &batch, labels, weights, NULL, &set, &err),
                         MMOE_E_DATA);
        ck_assert_str_eq(err.message, bad[i].message);
        ck_assert_int_eq(err.row, 2);
    }
    const int32_t ids[2] = {0};
    const float values[1] = {0}, labels[2] = {0};
    const mmoe_batch wrong[] = {
        {0, ids, 2, values, 1}, {1, NULL, 2, values, 1}, {1, ids, 1, values, 1},
        {1, ids, 2, NULL, 1},   {1, ids, 2, values, 0},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        ck_assert_int_eq(mmoe_dataset_create(schema, &wrong[i], labels, NULL, NULL, &set, &err),
                         MMOE_E_ARGUMENT);
    mmoe_batch batch = {1, ids, 2, values, 1};
    ck_assert_int_eq(mmoe_dataset_create(NULL, &batch, labels, NULL, NULL, &set, &err),
                     MMOE_E_ARGUMENT);
    ck_assert_int_eq(mmoe_dataset_create(schema, NULL, labels, NULL, NULL, &set, &err),
                     MMOE_E_ARGUMENT);
    ck_assert_int_eq(mmoe_dataset_create(schema, &batch, NULL, NULL, NULL, &set, &err),
                     MMOE_E_ARGUMENT);
    ck_assert_int_eq(mmoe_dataset_create(schema, &batch, labels, NULL, NULL, NULL, &err),
                     MMOE_E_ARGUMENT);
    batch.rows = SIZE_MAX / 2;
    ck_assert_int_eq(mmoe_dataset_create(schema, &batch, labels, NULL, NULL, &set, &err),
                     MMOE_E_MEMORY);
    ck_assert_ptr_null(set);
    mmoe_schema_free(schema);
}
END_TEST

void add_cases(TCase *c) {
    tcase_add_checked_fixture(c, NULL, remove_file);
    tcase_add_loop_test(c, a_bad_field_is_named, 0, sizeof bad_fields / sizeof *bad_fields);
    tcase_add_test(c, the_first_row_and_its_first_column_are_named);
    tcase_add_test(c, long_and_strange_values_are_cut);
    tcase_add_test(c, values_too_large_after_a_transform_that_stands);
    tcase_add_test(c, columns_that_the_training_file_lacks);
    tcase_add_test(c, columns_that_another_file_lacks);
    tcase_add_test(c, files_without_rows_and_ragged_rows);
    tcase_add_test(c, bad_sets_from_memory);
}
