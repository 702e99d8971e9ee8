/* data sets from files and from memory */
#include <float.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "check_main.h"
#include "columns_support.h"
#include "data/dataset.h"
#include "failing.h"

/* Names in the tests are literals, and what bears them is not written to. */
static char *literal(const char *name) {
    char *p;
    memcpy(&p, &name, sizeof p);
    return p;
}

static char path[64];

static const char *file_of(const char *csv) {
    if (*path) unlink(path);
    strcpy(path, "/tmp/mmoe-dataset-XXXXXX");
    int file = mkstemp(path);
    ck_assert_int_ge(file, 0);
    ck_assert_int_eq(write(file, csv, strlen(csv)), (ssize_t)strlen(csv));
    close(file);
    return path;
}

static void remove_file(void) {
    if (*path) unlink(path);
}

/* Features in few words: a learned column, a table of 5 row numbers, a dense column; two labels; a
 * weight. */
typedef struct features {
    mmoe_sparse_spec sparse[4];
    mmoe_dense_spec dense[4];
    int32_t n_sparse, n_dense, n_label;
    mmoe_label_column labels[2];
    const char *weight;
} features;

static mmoe_sparse_spec learned(const char *name, const char *with) {
    return (mmoe_sparse_spec){.name = literal(name),
                              .embed_dim = 4,
                              .shared_with = literal(with),
                              .encoder = new_encoder(&mmoe_column_vocabulary)};
}
static mmoe_sparse_spec numbered(const char *name, int64_t oov) {
    return (mmoe_sparse_spec){
        .name = literal(name), .embed_dim = 4, .encoder = row_encoder(5, oov)};
}
static mmoe_dense_spec dense(const char *name, mmoe_transform transform) {
    return (mmoe_dense_spec){.name = literal(name), .encoder = number_encoder(transform)};
}
static mmoe_label_column label(const char *name, mmoe_task_type type) {
    return (mmoe_label_column){literal(name), literal("task"), type};
}

static features usual(void) {
    return (features){.n_sparse = 2,
                      .sparse = {learned("s", NULL), numbered("n", -1)},
                      .n_dense = 1,
                      .dense = {dense("d", MMOE_TRANSFORM_NONE)},
                      .n_label = 2,
                      .labels = {label("y", MMOE_CLASSIFICATION), label("r", MMOE_REGRESSION)},
                      .weight = "w"};
}

static mmoe_status fit_with(const features *f, const char *name, const mmoe_allocator *a,
                            mmoe_schema **schema, mmoe_dataset **set, mmoe_error *err) {
    features copy = *f;
    mmoe_feature_specs specs = {f->n_sparse, f->n_dense, copy.sparse, copy.dense,
                                literal(f->weight)};
    return mmoe_dataset_fit(&specs, copy.labels, f->n_label, name, a, schema, set, err);
}

static void fit(const features *f, const char *csv, mmoe_schema **schema, mmoe_dataset **set) {
    mmoe_error err = {0};
    ck_assert_msg(fit_with(f, file_of(csv), NULL, schema, set, &err) == MMOE_OK, "%s", err.message);
}

static void free_both(mmoe_schema *schema, mmoe_dataset *set) {
    mmoe_schema_free(schema);
    mmoe_dataset_free(set);
}

/* The message without the file's name in front. */
static void said(const mmoe_error *err, const char *name, int64_t row, const char *column,
                 const char *message) {
    ck_assert_str_eq(err->file, name);
    ck_assert_int_eq(strncmp(err->message, name, strlen(name)), 0);
    ck_assert_str_eq(err->message + strlen(name) + 2, message);
    ck_assert_int_eq(err->row, row);
    ck_assert_str_eq(err->column, column);
}

static void fit_refused(const features *f, const char *csv, mmoe_status status, int64_t row,
                        const char *column, const char *message) {
    mmoe_schema *schema = NULL;
    mmoe_dataset *set = NULL;
    mmoe_error err = {0};
    ck_assert_int_eq(fit_with(f, file_of(csv), NULL, &schema, &set, &err), status);
    ck_assert_int_eq(err.code, status);
    said(&err, path, row, column, message);
    ck_assert_ptr_null(schema);
    ck_assert_ptr_null(set);
}

/* A field that fitting refuses is one that reading refuses, and in the same words. */
static void field_refused(const features *f, const char *header, const char *good, const char *bad,
                          const char *column, const char *message) {
    char csv[1000], place[700];
    snprintf(place, sizeof place, "row 3: column \"%s\": %s", column, message);
    snprintf(csv, sizeof csv, "%s\n%s\n%s\n%s\n", header, good, bad, good);
    fit_refused(f, csv, MMOE_E_DATA, 3, column, place);
    mmoe_schema *schema;
    mmoe_dataset *set, *read = NULL;
    mmoe_error err = {0};
    snprintf(csv, sizeof csv, "%s\n%s\n%s\n", header, good, good);
    fit(f, csv, &schema, &set);
    snprintf(csv, sizeof csv, "%s\n%s\n%s\n", header, good, bad);
    for (int labels = 0; labels < 2; labels++) {
        ck_assert_int_eq(mmoe_dataset_read_csv(schema, file_of(csv), labels, NULL, &read, &err),
                         MMOE_E_DATA);
        said(&err, path, 3, column, place);
        ck_assert_ptr_null(read);
    }
    free_both(schema, set);
}

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
    ck_assert_int_eq(mmoe_dataset_read_csv(schema, path, 3, NULL, &read, &err), MMOE_E_ARGUMENT);
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
    for (int i = 0; i < ROWS; i++)
        sum += (double)set->dense[4 * i],
            square += (double)set->dense[4 * i] * (double)set->dense[4 * i];
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

/* ---- Bad files ---- */

#define HEADER "s,n,d,y,r,w"
#define GOOD "a,1,2,0,3,1"

START_TEST(bad_ids) {
    features f = usual();
    field_refused(&f, HEADER, GOOD, "a,5,2,0,3,1", "n",
                  "\"5\" is outside of the table's rows 0 to 4");
    field_refused(&f, HEADER, GOOD, "a,-1,2,0,3,1", "n",
                  "\"-1\" is outside of the table's rows 0 to 4");
    field_refused(&f, HEADER, GOOD, "a,4294967297,2,0,3,1", "n",
                  "\"4294967297\" is outside of the table's rows 0 to 4");
    field_refused(&f, HEADER, GOOD, "a,99999999999999999999,2,0,3,1", "n",
                  "\"99999999999999999999\" is outside of the table's rows 0 to 4");
    field_refused(&f, HEADER, GOOD, "a,,2,0,3,1", "n",
                  "an empty value is outside of the table's rows 0 to 4");
    field_refused(&f, HEADER, GOOD, "a,NA,2,0,3,1", "n",
                  "\"NA\" is outside of the table's rows 0 to 4");
    field_refused(&f, HEADER, GOOD, "a,1.5,2,0,3,1", "n",
                  "\"1.5\" is not an integer, but the column's ids are row numbers");
    field_refused(&f, HEADER, GOOD, "a,two,2,0,3,1", "n",
                  "\"two\" is not an integer, but the column's ids are row numbers");
}
END_TEST

START_TEST(bad_numbers) {
    features f = usual();
    field_refused(&f, HEADER, GOOD, "a,1,abc,0,3,1", "d", "\"abc\" is not a number");
    field_refused(&f, HEADER, GOOD, "a,1,,0,3,1", "d", "an empty value is not a number");
    field_refused(&f, HEADER, GOOD, "a,1,NA,0,3,1", "d", "\"NA\" is not a number");
    field_refused(&f, HEADER, GOOD, "a,1,nan,0,3,1", "d", "\"nan\" is not finite");
    field_refused(&f, HEADER, GOOD, "a,1,-inf,0,3,1", "d", "\"-inf\" is not finite");
    field_refused(&f, HEADER, GOOD, "a,1,1e999,0,3,1", "d", "\"1e999\" is not finite");
    field_refused(&f, HEADER, GOOD, "a,1,1e39,0,3,1", "d",
                  "\"1e39\" is too large for single precision after the column's transform");
    field_refused(&f, HEADER, GOOD, "a,1,\"1,5\",0,3,1", "d", "\"1,5\" is not a number");
    f.dense[0] = dense("d", MMOE_TRANSFORM_LOG1P_STANDARDIZE);
    field_refused(&f, HEADER, GOOD, "a,1,-1,0,3,1", "d", "\"-1\" is not above -1, as log1p needs");
    field_refused(&f, HEADER, GOOD, "a,1,-2.5,0,3,1", "d",
                  "\"-2.5\" is not above -1, as log1p needs");
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

START_TEST(bad_labels_and_weights) {
    features f = usual();
    field_refused(&f, HEADER, GOOD, "a,1,2,2,3,1", "y", "\"2\" is neither 0 nor 1");
    field_refused(&f, HEADER, GOOD, "a,1,2,0.5,3,1", "y", "\"0.5\" is neither 0 nor 1");
    field_refused(&f, HEADER, GOOD, "a,1,2,-1,3,1", "y", "\"-1\" is neither 0 nor 1");
    field_refused(&f, HEADER, GOOD, "a,1,2,nan,3,1", "y", "\"nan\" is neither 0 nor 1");
    field_refused(&f, HEADER, GOOD, "a,1,2,yes,3,1", "y", "\"yes\" is not a number");
    field_refused(&f, HEADER, GOOD, "a,1,2,0,x,1", "r", "\"x\" is not a number");
    field_refused(&f, HEADER, GOOD, "a,1,2,0,inf,1", "r", "\"inf\" is not finite");
    field_refused(&f, HEADER, GOOD, "a,1,2,0,NaN,1", "r", "\"NaN\" is not finite");
    field_refused(&f, HEADER, GOOD, "a,1,2,0,-1e39,1", "r",
                  "\"-1e39\" is too large for single precision");
    field_refused(&f, HEADER, GOOD, "a,1,2,0,3,-0.5", "w", "\"-0.5\" is a weight less than 0");
    field_refused(&f, HEADER, GOOD, "a,1,2,0,3,inf", "w", "\"inf\" is not finite");
    field_refused(&f, HEADER, GOOD, "a,1,2,0,3,nan", "w", "\"nan\" is not finite");
    field_refused(&f, HEADER, GOOD, "a,1,2,0,3,1e39", "w",
                  "\"1e39\" is too large for single precision");
    field_refused(&f, HEADER, GOOD, "a,1,2,0,3,", "w", "an empty value is not a number");
    field_refused(&f, HEADER, GOOD, "a,1,2,0,3,NA", "w", "\"NA\" is not a number");
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
    ck_assert_int_eq(mmoe_dataset_read_csv(schema, file_of(HEADER), 1, NULL, &read, &err),
                     MMOE_E_FORMAT);
    said(&err, path, 0, "", "the file has a header but no rows");
    ck_assert_int_eq(mmoe_dataset_read_csv(schema, "/nowhere/x.csv", 1, NULL, &read, &err),
                     MMOE_E_IO);
    said(&err, "/nowhere/x.csv", 0, "", "cannot open: No such file or directory");
    ck_assert_int_eq(mmoe_dataset_read_csv(NULL, path, 1, NULL, &read, &err), MMOE_E_ARGUMENT);
    ck_assert_int_eq(mmoe_dataset_read_csv(schema, NULL, 1, NULL, &read, &err), MMOE_E_ARGUMENT);
    ck_assert_int_eq(mmoe_dataset_read_csv(schema, path, 1, NULL, NULL, &err), MMOE_E_ARGUMENT);
    ck_assert_int_eq(mmoe_dataset_read_csv(schema, path, 3, NULL, &read, &err), MMOE_E_ARGUMENT);
    ck_assert_ptr_null(read);
    free_both(schema, set);
}
END_TEST

/* ---- From memory ---- */

static mmoe_schema *memory_schema(int64_t oov) {
    features f = {.n_sparse = 2,
                  .sparse = {numbered("n", oov), learned("s", NULL)},
                  .n_dense = 1,
                  .dense = {dense("d", MMOE_TRANSFORM_NONE)},
                  .n_label = 2,
                  .labels = {label("y", MMOE_CLASSIFICATION), label("r", MMOE_REGRESSION)}};
    mmoe_schema *schema;
    mmoe_dataset *set;
    fit(&f, "n,s,d,y,r\n1,a,0,0,0\n1,b,0,0,0\n", &schema, &set);
    mmoe_dataset_free(set);
    return schema;
}

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
        {{0, 0}, 0, {0.5f, 0}, 1, "row 2: column \"y\": 0.5 is neither 0 nor 1"},
        {{0, 0}, 0, {0, INFINITY}, 1, "row 2: column \"r\": inf is not finite"},
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
    other.weight = NULL;
    ck_assert(fingerprint_of(&other, csv) != hash);
}
END_TEST

/* ---- Memory ---- */

static mmoe_status everything(const char *name, const mmoe_allocator *a, mmoe_error *err) {
    features f = usual();
    f.dense[0].encoder = number_encoder(MMOE_TRANSFORM_STANDARDIZE);
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
    failing count = {0};
    mmoe_allocator a = failing_allocator(&count);
    ck_assert_int_eq(everything(path, &a, NULL), MMOE_OK);
    ck_assert_int_eq(count.live, 0);
    ck_assert_int_gt(count.calls, 90);
    int failures = 0;
    for (long k = 1; k <= count.calls; k++) {
        failing f = {.fail_at = k};
        mmoe_error err = {0};
        a = failing_allocator(&f);
        mmoe_status status = everything(path, &a, &err);
        ck_assert(status == MMOE_OK || (status == MMOE_E_MEMORY && err.code == status));
        failures += status != MMOE_OK;
        ck_assert_int_eq(f.live, 0);
    }
    /* What may fail without harm: a vocabulary's keys and texts give memory back; and libcsv asks
     * again for less, twice. */
    ck_assert_int_eq(failures, count.calls - 2 - 2);
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
    tcase_add_test(c, a_column_of_missing_values_has_a_table_of_one_row);
    tcase_add_test(c, bad_ids);
    tcase_add_test(c, bad_numbers);
    tcase_add_test(c, long_and_strange_values_are_cut);
    tcase_add_test(c, values_too_large_after_a_transform_that_stands);
    tcase_add_test(c, bad_labels_and_weights);
    tcase_add_test(c, columns_that_the_training_file_lacks);
    tcase_add_test(c, columns_that_another_file_lacks);
    tcase_add_test(c, files_without_rows_and_ragged_rows);
    tcase_add_test(c, sets_from_memory);
    tcase_add_test(c, bad_sets_from_memory);
    tcase_add_test(c, a_fingerprint_is_of_what_encodes);
    tcase_add_test(c, every_allocation_may_fail);
}
