/* data sets from files and from memory */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dataset_support.h"
#include "failing.h"

/* ---- Good files ---- */

START_TEST(a_file_is_encoded) {
    features f = usual();
    mmoe_schema *schema;
    mmoe_dataset *set;
    fit(&f,
        "w,extra,y,n,d,s,r\n1,?,0,4,0.5,red,-2.5\n0.5,?,1.0,0,-1e-3,blue,NA\n2,?,,3.0,7,red,\n0,?,"
        "NA,1,1e3,NA,4\n",
        &schema, &set);
    ck_assert_int_eq(mmoe_dataset_rows(set), 4);
    const int32_t ids[] = {1, 4, 2, 0, 1, 3, 0, 1};
    ck_assert_mem_eq(set->ids, ids, sizeof ids);
    const float values[] = {0.5f, -1e-3f, 7, 1e3f}, weights[] = {1, 0.5f, 2, 0};
    ck_assert_mem_eq(set->dense, values, sizeof values);
    ck_assert_mem_eq(set->weights, weights, sizeof weights);
    ck_assert(mmoe_dataset_label(set, 0, 0) == 0 && mmoe_dataset_label(set, 1, 0) == 1);
    ck_assert(isnan(mmoe_dataset_label(set, 2, 0)) && isnan(mmoe_dataset_label(set, 3, 0)));
    ck_assert(mmoe_dataset_label(set, 0, 1) == -2.5f && mmoe_dataset_label(set, 3, 1) == 4);
    ck_assert(isnan(mmoe_dataset_label(set, 1, 1)) && isnan(mmoe_dataset_label(set, 2, 1)));
    ck_assert(set->any_missing_label);
    ck_assert_int_eq(schema->tables[0].rows, 3);
    ck_assert_int_eq(schema->tables[1].rows, 5);
    ck_assert(schema->labels[0].has_mean && schema->labels[0].mean == 0.5 / 1.5);
    ck_assert(schema->labels[1].has_mean && schema->labels[1].mean == -2.5);
    free_both(schema, set);
}
END_TEST

START_TEST(batches_point_into_the_set) {
    features f = usual();
    f.weight = NULL;
    mmoe_schema *schema;
    mmoe_dataset *set;
    mmoe_batch b = {0};
    mmoe_error err;
    fit(&f, "y,n,d,s,r\n0,4,1,a,0\n1,3,2,b,0\n1,2,3,c,0\n", &schema, &set);
    ck_assert_ptr_null(set->weights);
    ck_assert(!set->any_missing_label);
    ck_assert_int_eq(mmoe_dataset_batch(set, 1, 2, &b, &err), MMOE_OK);
    ck_assert_uint_eq(b.rows, 2);
    ck_assert_int_eq(b.ids[b.id_stride + 1], 2);
    ck_assert(b.dense[0] == 2 && b.dense[b.dense_stride] == 3);
    ck_assert_int_eq(mmoe_dataset_batch(set, 3, 0, &b, &err), MMOE_OK);
    ck_assert_int_eq(mmoe_dataset_batch(set, 1, 3, &b, &err), MMOE_E_ARGUMENT);
    ck_assert_int_eq(mmoe_dataset_batch(set, -1, 1, &b, &err), MMOE_E_ARGUMENT);
    ck_assert_int_eq(mmoe_dataset_batch(set, 4, 0, &b, &err), MMOE_E_ARGUMENT);
    ck_assert_int_eq(mmoe_dataset_batch(set, 0, SIZE_MAX, &b, &err), MMOE_E_ARGUMENT);
    ck_assert_int_eq(mmoe_dataset_batch(NULL, 0, 1, &b, &err), MMOE_E_ARGUMENT);
    ck_assert_int_eq(mmoe_dataset_batch(set, 0, 1, NULL, &err), MMOE_E_ARGUMENT);
    ck_assert(isnan(mmoe_dataset_label(set, 3, 0)) && isnan(mmoe_dataset_label(set, -1, 0)) &&
              isnan(mmoe_dataset_label(set, 0, 2)));
    ck_assert(isnan(mmoe_dataset_label(set, 0, -1)) && isnan(mmoe_dataset_label(NULL, 0, 0)));
    ck_assert(mmoe_dataset_weight(set, 2) == 1 && isnan(mmoe_dataset_weight(set, 3)) &&
              isnan(mmoe_dataset_weight(set, -1)));
    ck_assert(isnan(mmoe_dataset_weight(NULL, 0)));
    ck_assert_int_eq(mmoe_dataset_rows(NULL), 0);
    free_both(schema, set);
}
END_TEST

START_TEST(a_schema_reads_other_files) {
    features f = usual();
    mmoe_schema *schema;
    mmoe_dataset *set, *read;
    mmoe_error err = {0};
    fit(&f, "y,n,d,s,r,w\n0,4,1,7,0,1\n1,3,2,-8,0,1\n", &schema, &set);
    /* another order, columns too many, none of the labels, unknown and missing values */
    file_of("\xEF\xBB\xBFzzz,d,s,n\r\n\"x,\ny\",5,-8,0\r\n,6,9,1\r\n,7,NA,2\r\n,8,7.0,3\r\n,9,,"
            "4\r\n,10,x,4");
    ck_assert_msg(mmoe_dataset_read_csv(schema, path, MMOE_LABELS_OPTIONAL, NULL, &read, &err) ==
                      MMOE_OK,
                  "%s", err.message);
    const int32_t ids[] = {2, 0, 0, 1, 0, 2, 1, 3, 0, 4, 0, 4};
    ck_assert_int_eq(mmoe_dataset_rows(read), 6);
    ck_assert_mem_eq(read->ids, ids, sizeof ids);
    for (int row = 0; row < 6; row++) {
        ck_assert(read->dense[row] == (float)(5 + row));
        for (int task = 0; task < 2; task++) ck_assert(isnan(mmoe_dataset_label(read, row, task)));
    }
    ck_assert_ptr_null(read->weights);
    ck_assert(read->any_missing_label);
    mmoe_dataset_free(read);
    /* labels that are there are read even so */
    file_of("d,s,n,y\n5,-8,0,1\n");
    ck_assert_int_eq(mmoe_dataset_read_csv(schema, path, MMOE_LABELS_OPTIONAL, NULL, &read, &err),
                     MMOE_OK);
    ck_assert(mmoe_dataset_label(read, 0, 0) == 1 && isnan(mmoe_dataset_label(read, 0, 1)));
    mmoe_dataset_free(read);
    /* and unless they are ignored, must be labels, as weights must be weights */
    file_of("d,s,n,y,r,w\n5,-8,0,-1,nan,-5\n5,-8,0,?,1e999,\n");
    ck_assert_int_eq(mmoe_dataset_read_csv(schema, path, MMOE_LABELS_OPTIONAL, NULL, &read, &err),
                     MMOE_E_DATA);
    ck_assert_int_eq(mmoe_dataset_read_csv(schema, path, MMOE_LABELS_IGNORED, NULL, &read, &err),
                     MMOE_OK);
    ck_assert_ptr_null(read->weights);
    for (int i = 0; i < 4; i++) ck_assert(isnan(mmoe_dataset_label(read, i / 2, i % 2)));
    mmoe_dataset_free(read);
    ck_assert_int_eq(mmoe_dataset_read_csv(schema, path, 4, NULL, &read, &err), MMOE_E_ARGUMENT);
    free_both(schema, set);
}
END_TEST

START_TEST(reading_the_training_file_gives_the_same_bits) {
    features f = usual();
    const mmoe_transform transforms[] = {MMOE_TRANSFORM_STANDARDIZE, MMOE_TRANSFORM_MINMAX,
                                         MMOE_TRANSFORM_LOG1P_STANDARDIZE, MMOE_TRANSFORM_NONE};
    const char *names[] = {"d", "e", "g", "h"};
    f.n_dense = 4;
    for (int i = 0; i < 4; i++) f.dense[i] = dense(names[i], transforms[i]);
    enum { ROWS = 5000 };
    char *csv = malloc(ROWS * 100);
    size_t n = (size_t)sprintf(csv, "s,n,d,e,g,h,y,r,w\n");
    for (int i = 0; i < ROWS; i++)
        n += (size_t)sprintf(csv + n, "v%d,%d,%.17g,%d.25,%d,%g,%d,%g,%g\n", i * i % 701, i % 5,
                             sin(i), i, i % 977, i * 1e-3, i % 2, cos(i), i % 7 / 4.0);
    mmoe_schema *schema;
    mmoe_dataset *set, *read;
    fit(&f, csv, &schema, &set);
    ck_assert_int_eq(mmoe_dataset_read_csv(schema, path, MMOE_LABELS_REQUIRED, NULL, &read, NULL),
                     MMOE_OK);
    ck_assert_int_eq(mmoe_dataset_rows(set), ROWS);
    ck_assert_int_eq(mmoe_dataset_rows(read), ROWS);
    ck_assert_mem_eq(set->ids, read->ids, ROWS * 2 * sizeof(int32_t));
    ck_assert_mem_eq(set->dense, read->dense, ROWS * 4 * sizeof(float));
    ck_assert_mem_eq(set->labels, read->labels, ROWS * 2 * sizeof(float));
    ck_assert_mem_eq(set->weights, read->weights, ROWS * sizeof(float));
    double sum = 0, square = 0;
    for (int i = 0; i < ROWS; i++) {
        sum += (double)set->dense[4 * i];
        square += (double)set->dense[4 * i] * (double)set->dense[4 * i];
    }
    ck_assert_double_eq_tol(sum / ROWS, 0, 1e-7);
    ck_assert_double_eq_tol(square / ROWS, 1, 1e-7);
    ck_assert(set->dense[1] == 0 && set->dense[4 * (ROWS - 1) + 1] == 1); /* minmax */
    free(csv);
    mmoe_dataset_free(read);
    free_both(schema, set);
}
END_TEST

START_TEST(transforms_are_fitted_on_the_training_rows) {
    features f = {.n_dense = 4,
                  .dense = {dense("a", MMOE_TRANSFORM_STANDARDIZE),
                            dense("b", MMOE_TRANSFORM_MINMAX),
                            dense("c", MMOE_TRANSFORM_LOG1P_STANDARDIZE),
                            dense("k", MMOE_TRANSFORM_STANDARDIZE)}};
    mmoe_schema *schema;
    mmoe_dataset *set, *read;
    fit(&f, "a,b,c,k\n1,10,0,0.1\n3,30,1.718281828459045,0.1\n", &schema, &set);
    const float expected[] = {-1, 0, -1, 0, 1, 1, 1, 0};
    for (int i = 0; i < 8; i++)
        ck_assert_msg(set->dense[i] == expected[i], "%d: %g", i, (double)set->dense[i]);
    ck_assert_int_eq(
        mmoe_dataset_read_csv(schema, file_of("k,b,a,c\n5,20,5,0\n"), 0, NULL, &read, NULL),
        MMOE_OK);
    ck_assert(read->dense[0] == 3 && read->dense[1] == 0.5f && read->dense[2] == -1 &&
              read->dense[3] == 0);
    mmoe_dataset_free(read);
    free_both(schema, set);
}
END_TEST

START_TEST(shared_vocabularies_hold_the_values_of_all_their_columns) {
    features f = {.n_sparse = 3,
                  .sparse = {learned("a", "c"), learned("b", NULL), learned("c", NULL)}};
    mmoe_schema *schema;
    mmoe_dataset *set, *read;
    fit(&f, "a,b,c\nx,x,y\nz,q,x\n,x,z\n", &schema, &set);
    const int32_t ids[] = {1, 1, 2, 3, 2,
                           1, 0, 1, 3}; /* a row's columns in the order of the schema */
    ck_assert_mem_eq(set->ids, ids, sizeof ids);
    ck_assert_int_eq(schema->n_table, 2);
    ck_assert_int_eq(schema->tables[schema->sparse[0].table].rows, 4);
    ck_assert_int_eq(schema->tables[schema->sparse[1].table].rows, 3);
    ck_assert_int_eq(mmoe_dataset_read_csv(schema, file_of("c,b,a\nz,z,y\n"), 0, NULL, &read, NULL),
                     MMOE_OK);
    ck_assert(read->ids[0] == 2 && read->ids[1] == 0 && read->ids[2] == 3);
    mmoe_dataset_free(read);
    free_both(schema, set);
}
END_TEST

START_TEST(ids_outside_take_the_row_that_is_given) {
    features f = {.n_sparse = 1, .sparse = {numbered("n", 4)}};
    mmoe_schema *schema;
    mmoe_dataset *set, *read;
    fit(&f, "n,z\n3,\n5,\n-1,\n,\nNA,\n99999999999999999999999,\n0.0,\n", &schema, &set);
    const int32_t ids[] = {3, 4, 4, 4, 4, 4, 0};
    ck_assert_mem_eq(set->ids, ids, sizeof ids);
    ck_assert_int_eq(mmoe_dataset_read_csv(schema, path, 0, NULL, &read, NULL), MMOE_OK);
    ck_assert_mem_eq(read->ids, ids, sizeof ids);
    mmoe_dataset_free(read);
    free_both(schema, set);
    field_refused(&f, "n", "1", "1.5", "n",
                  "\"1.5\" is not an integer, but the column's ids are row numbers");
    field_refused(&f, "n", "1", "x", "n",
                  "\"x\" is not an integer, but the column's ids are row numbers");
}
END_TEST

/* A column n of ids, whose training rows have these values, and what a file's become. */
static void ids_of(const mmoe_reading *reading, const char *values, const char *wanted) {
    features f = {.n_sparse = 1, .sparse = {learned("n", NULL)}, .reading = *reading};
    mmoe_schema *schema;
    mmoe_dataset *set;
    char csv[400], ids[200] = "";
    snprintf(csv, sizeof csv, "n,z\n%s", values);
    fit(&f, csv, &schema, &set);
    for (int64_t r = 0; r < mmoe_dataset_rows(set); r++)
        snprintf(ids + strlen(ids), sizeof ids - strlen(ids), "%d ", (int)set->ids[r]);
    ck_assert_str_eq(ids, wanted);
    free_both(schema, set);
}

static void warns(const char *csv, const char *message, int64_t count, int64_t row) {
    const features f = {.n_sparse = 1, .sparse = {learned("n", NULL)}};
    mmoe_schema *schema;
    mmoe_dataset *set;
    fit(&f, csv, &schema, &set);
    const mmoe_warning *w = mmoe_dataset_warning(set, 0);
    ck_assert_int_eq(w != NULL, message != NULL);
    if (message) {
        ck_assert_str_eq(w->message, message);
        ck_assert_int_eq(w->count, count);
        ck_assert_int_eq(w->row, row);
    }
    free_both(schema, set);
}

START_TEST(what_is_passed_over_is_said) {
    warns("n,z\n1,\n2,\n", NULL, 0, 0);
    warns("n,z\n1,\n\n2,\n", "1 blank line is no row, the first behind row 2", 1, 2);
    warns("\nn,z\n1,\n\n2,\n\n", "3 blank lines are no rows, the first before row 1", 3, 0);
    warns("n\n1\n\n2\n", NULL, 0, 0);
    warns("n,z\n1,2,\n2,3,\n",
          "2 rows end with a comma behind the last column, which is passed over", 2, 2);
}
END_TEST

START_TEST(words_stand_for_missing_values) {
    const mmoe_reading usual = {0};
    ids_of(&usual, "7,\nNA,\nN/A,\nnan,\nNaN,\nnull,\nNULL,\nNone,\n\\N,\n\" null \",\n7.0,\n",
           "1 0 0 0 0 0 0 0 0 0 1 ");
    ids_of(&usual, "7,\n?,\nnone,\n-,\nNA.,\nN,\n", "1 2 3 4 5 6 ");
    char any[] = "?", minus[] = "-1", empty[] = "", *words[] = {any, minus, empty};
    const mmoe_reading own = {.missing = {words, 3}}, none = {.missing = {words, 0}};
    ids_of(&own, "7,\nNA,\n?,\n-1,\n,\nnull,\n-12,\n\" ? \",\n\"\t \",\n", "1 2 0 0 0 3 4 0 0 ");
    ids_of(&none, "NA,\nUS,\n,\n\"NA\",\n?,\n", "1 2 0 1 3 ");
}
END_TEST

START_TEST(a_column_of_missing_values_has_a_table_of_one_row) {
    features f = {.n_sparse = 1, .sparse = {learned("s", NULL)}};
    mmoe_schema *schema;
    mmoe_dataset *set;
    fit(&f, "s,z\n,1\nNA,2\n", &schema, &set);
    ck_assert_int_eq(schema->tables[0].rows, 1);
    ck_assert(set->ids[0] == 0 && set->ids[1] == 0);
    free_both(schema, set);
}
END_TEST

/* ---- From memory ---- */

START_TEST(sets_from_memory) {
    mmoe_schema *schema = memory_schema(-1);
    const int32_t ids[] = {4, 2, 99, 0, 1, 99};
    const float values[] = {0.5f, 9, -1, 9}, labels[] = {1, -2, NAN, NAN}, weights[] = {0, 2};
    mmoe_batch batch = {2, ids, 3, values, 2}, back;
    mmoe_dataset *set = NULL;
    mmoe_error err = {0};
    ck_assert_msg(mmoe_dataset_create(schema, &batch, labels, weights, NULL, &set, &err) == MMOE_OK,
                  "%s", err.message);
    ck_assert_int_eq(mmoe_dataset_rows(set), 2);
    ck_assert_int_eq(mmoe_dataset_batch(set, 0, 2, &back, NULL), MMOE_OK);
    ck_assert(back.ids[0] == 4 && back.ids[1] == 2 && back.ids[2] == 0 && back.ids[3] == 1);
    ck_assert(back.dense[0] == 0.5f && back.dense[1] == -1);
    ck_assert(mmoe_dataset_label(set, 0, 1) == -2 && isnan(mmoe_dataset_label(set, 1, 0)) &&
              set->any_missing_label);
    ck_assert(set->weights[0] == 0 && set->weights[1] == 2);
    ck_assert(mmoe_dataset_weight(set, 0) == 0 && mmoe_dataset_weight(set, 1) == 2);
    mmoe_dataset_free(set);
    ck_assert_int_eq(
        mmoe_dataset_create(schema, &batch, (const float[]){0, 0, 1, 1}, NULL, NULL, &set, NULL),
        MMOE_OK);
    ck_assert(!set->any_missing_label && !set->weights);
    mmoe_dataset_free(set);
    mmoe_dataset_free(NULL);
    mmoe_schema_free(schema);
    schema = memory_schema(3); /* as in a file */
    const int32_t outside[] = {-7, 0, 5, 2};
    batch = (mmoe_batch){2, outside, 2, values, 1};
    ck_assert_int_eq(mmoe_dataset_create(schema, &batch, labels, NULL, NULL, &set, NULL), MMOE_OK);
    ck_assert(set->ids[0] == 3 && set->ids[2] == 3 && set->ids[3] == 2);
    mmoe_dataset_free(set);
    mmoe_schema_free(schema);
}
END_TEST

/* ---- Fingerprints ---- */

static uint64_t fingerprint_of(const features *f, const char *csv) {
    mmoe_schema *schema, *copy;
    mmoe_dataset *set, *read;
    fit(f, csv, &schema, &set);
    const uint64_t hash = mmoe_schema_fingerprint(schema);
    ck_assert(hash != 0 && set->schema_hash == hash);
    ck_assert_int_eq(mmoe_dataset_read_csv(schema, path, 0, NULL, &read, NULL), MMOE_OK);
    ck_assert(read->schema_hash == hash);
    ck_assert_int_eq(mmoe_schema_copy(schema, NULL, &copy, NULL), MMOE_OK);
    ck_assert(mmoe_schema_fingerprint(copy) == hash);
    mmoe_dataset_free(read);
    mmoe_schema_free(copy);
    free_both(schema, set);
    return hash;
}

/* What turns values into rows is part of it; what a model makes of the rows is not. */
START_TEST(a_fingerprint_is_of_what_encodes) {
    const char *csv = HEADER "\n" GOOD "\nb,2,3,1,1,1\n";
    features f = usual();
    f.dense[0].encoder = number_encoder(MMOE_TRANSFORM_STANDARDIZE);
    const uint64_t hash = fingerprint_of(&f, csv);
    features other = f;
    other.sparse[0].embed_dim = 9;
    other.sparse[0].side = MMOE_SIDE_USER;
    ck_assert(fingerprint_of(&other, csv) == hash);
    ck_assert(fingerprint_of(&f, HEADER "\n" GOOD "\nb,4,3,1,7,1\n") == hash);
    ck_assert(fingerprint_of(&f, HEADER "\n" GOOD "\nc,2,3,1,1,1\n") != hash);
    ck_assert(fingerprint_of(&f, HEADER "\nb,2,3,1,1,1\n" GOOD "\n") != hash);
    ck_assert(fingerprint_of(&f, HEADER "\n" GOOD "\nb,2,3.5,1,1,1\n") != hash);
    other = f;
    other.sparse[1].encoder = row_encoder(5, 1);
    ck_assert(fingerprint_of(&other, csv) != hash);
    other = f;
    other.sparse[1].encoder = row_encoder(6, -1);
    ck_assert(fingerprint_of(&other, csv) != hash);
    other = f;
    other.dense[0].encoder = number_encoder(MMOE_TRANSFORM_MINMAX);
    ck_assert(fingerprint_of(&other, csv) != hash);
    other = f;
    other.labels[0].type = MMOE_REGRESSION;
    ck_assert(fingerprint_of(&other, csv) != hash);
    other = f;
    other.labels[0] = f.labels[1];
    other.labels[1] = f.labels[0];
    ck_assert(fingerprint_of(&other, csv) != hash);
    other = f;
    other.labels[0].positive = literal("1");
    ck_assert(fingerprint_of(&other, csv) != hash);
    other = f; /* labels are kept as they stand */
    other.labels[1].scale.transform = MMOE_LABEL_STANDARDIZE;
    ck_assert(fingerprint_of(&other, csv) == hash);
    other.weight = NULL;
    ck_assert(fingerprint_of(&other, csv) != hash);
}
END_TEST

/* ---- Labels ---- */

/* A schema keeps which text is 1 and which 0, and what the labels are less and divided by. */
START_TEST(labels_are_learnt_with_their_schema) {
    features f = usual();
    mmoe_schema *schema, *copy;
    mmoe_dataset *set, *read = NULL;
    mmoe_error err;
    f.labels[0].positive = literal("b");
    f.labels[1].scale.transform = MMOE_LABEL_STANDARDIZE;
    fit(&f, "y,r,s,n,d,w\na b,2,v,1,1,1\nb,6,v,1,1,1\n,NA,v,1,1,1\n b,14,v,1,1,2\n", &schema, &set);
    const float labels[] = {0, 2, 1, 6, NAN, NAN, 1, 14};
    for (int i = 0; i < 8; i++)
        ck_assert(isnan(labels[i]) ? isnan(set->labels[i]) : set->labels[i] == labels[i]);
    ck_assert_int_eq(mmoe_schema_copy(schema, NULL, &copy, &err), MMOE_OK);
    ck_assert_str_eq(copy->labels[0].positive, "b");
    ck_assert_str_eq(copy->labels[0].negative, "a b");
    const mmoe_label_scale *scale = &copy->labels[1].scale; /* weights 1, 1, 2 */
    ck_assert_double_eq_tol(scale->shift, 9, 1e-12);
    ck_assert_double_eq_tol(scale->unit, sqrt((49 + 9 + 2 * 25) / 4.0), 1e-12);
    ck_assert(copy->labels[1].has_mean && fabs(copy->labels[1].mean) < 1e-12);
    mmoe_schema_free(copy);
    file_of("y,r,s,n,d,w\na b,2,v,1,1,1\nc,6,v,1,1,1\n");
    ck_assert_int_eq(mmoe_dataset_read_csv(schema, path, MMOE_LABELS_REQUIRED, NULL, &read, &err),
                     MMOE_E_DATA);
    said(&err, path, 3, "y",
         "row 3: column \"y\": \"c\" is neither \"b\", the task's positive label, nor \"a b\", its "
         "other one");
    free_both(schema, set);
}
END_TEST

/* ---- Memory ---- */

static mmoe_status everything(const char *name, const mmoe_allocator *a, mmoe_error *err) {
    features f = usual();
    f.dense[0].encoder = number_encoder(MMOE_TRANSFORM_STANDARDIZE);
    f.labels[0].positive = literal("1");
    f.labels[1].scale.transform = MMOE_LABEL_STANDARDIZE;
    mmoe_schema *schema = NULL;
    mmoe_dataset *set = NULL, *read = NULL, *copy = NULL;
    mmoe_batch batch;
    mmoe_status status = fit_with(&f, name, a, &schema, &set, err);
    if (!status) status = mmoe_dataset_read_csv(schema, name, MMOE_LABELS_REQUIRED, a, &read, err);
    if (!status) status = mmoe_dataset_batch(read, 0, 1500, &batch, err);
    if (!status)
        status = mmoe_dataset_create(schema, &batch, read->labels, read->weights, a, &copy, err);
    if (!status) {
        ck_assert_mem_eq(set->ids, read->ids, 1500 * 2 * sizeof(int32_t));
        ck_assert_mem_eq(set->dense, copy->dense, 1500 * sizeof(float));
        ck_assert_mem_eq(copy->labels, set->labels, 1500 * 2 * sizeof(float));
    }
    mmoe_schema_free(schema);
    mmoe_dataset_free(set);
    mmoe_dataset_free(read);
    mmoe_dataset_free(copy);
    return status;
}

START_TEST(every_allocation_may_fail) {
    char csv[60000];
    size_t n = (size_t)sprintf(csv, HEADER "\n");
    for (int i = 0; i < 1500; i++)
        n += (size_t)sprintf(csv + n, "%s%d,%d,%d,%d,%d,1\n", i < 300 ? "" : "v", i % 400, i % 5, i,
                             i % 2, i);
    file_of(csv);
    failing memory = {0};
    const mmoe_allocator a = failing_allocator(&memory);
    long attempts = 0, recovered = 0;
    for (; failing_next(&memory); attempts++) {
        mmoe_error err = {0};
        const mmoe_status status = everything(path, &a, &err);
        ck_assert_int_eq(memory.live, 0);
        if (status == MMOE_OK && memory.refused)
            recovered++;
        else
            failing_check(&memory, status, &err);
    }
    ck_assert_int_gt(attempts, 60);
    /* a vocabulary's keys and texts give memory back */
    if (failing_tries_each()) ck_assert_int_eq(recovered, 2);
}
END_TEST

void add_cases(TCase *c) {
    tcase_add_checked_fixture(c, NULL, remove_file);
    tcase_add_test(c, a_file_is_encoded);
    tcase_add_test(c, batches_point_into_the_set);
    tcase_add_test(c, a_schema_reads_other_files);
    tcase_add_test(c, reading_the_training_file_gives_the_same_bits);
    tcase_add_test(c, transforms_are_fitted_on_the_training_rows);
    tcase_add_test(c, shared_vocabularies_hold_the_values_of_all_their_columns);
    tcase_add_test(c, ids_outside_take_the_row_that_is_given);
    tcase_add_test(c, what_is_passed_over_is_said);
    tcase_add_test(c, words_stand_for_missing_values);
    tcase_add_test(c, a_column_of_missing_values_has_a_table_of_one_row);
    tcase_add_test(c, sets_from_memory);
    tcase_add_test(c, a_fingerprint_is_of_what_encodes);
    tcase_add_test(c, labels_are_learnt_with_their_schema);
    tcase_add_test(c, every_allocation_may_fail);
}
