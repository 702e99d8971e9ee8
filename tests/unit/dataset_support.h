/* Data sets of few features, from files that are written for them. */
#ifndef MMOE_TESTS_DATASET_SUPPORT_H
#define MMOE_TESTS_DATASET_SUPPORT_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "check_main.h"
#include "columns_support.h"
#include "data/dataset.h"

#define HEADER "s,n,d,y,r,w"
#define GOOD "a,1,2,0,3,1"

/* Names in the tests are literals, and what bears them is not written to. */
static inline char *literal(const char *name) {
    char *p;
    memcpy(&p, &name, sizeof p);
    return p;
}

static char path[64];
static mmoe_csv_how how_to_read; /* by fit_with */

static const char *file_of(const char *csv) {
    if (*path) unlink(path);
    strcpy(path, "/tmp/mmoe-dataset-XXXXXX");
    int file = mkstemp(path);
    ck_assert_int_ge(file, 0);
    ck_assert_int_eq(write(file, csv, strlen(csv)), (ssize_t)strlen(csv));
    close(file);
    return path;
}

static inline void remove_file(void) {
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
    mmoe_reading reading;
} features;

static inline mmoe_sparse_spec learned(const char *name, const char *with) {
    return (mmoe_sparse_spec){.name = literal(name),
                              .embed_dim = 4,
                              .shared_with = literal(with),
                              .padding_idx = -1,
                              .encoder = new_encoder(&mmoe_column_vocabulary)};
}
static inline mmoe_sparse_spec numbered(const char *name, int64_t oov) {
    return (mmoe_sparse_spec){
        .name = literal(name), .embed_dim = 4, .padding_idx = -1, .encoder = row_encoder(5, oov)};
}
static inline mmoe_dense_spec dense(const char *name, mmoe_transform transform) {
    return (mmoe_dense_spec){.name = literal(name), .encoder = number_encoder(transform)};
}
static inline mmoe_label_column label(const char *name, mmoe_task_type type) {
    return (mmoe_label_column){literal(name), literal("task"), type};
}

static inline features usual(void) {
    return (features){.n_sparse = 2,
                      .sparse = {learned("s", NULL), numbered("n", -1)},
                      .n_dense = 1,
                      .dense = {dense("d", MMOE_TRANSFORM_NONE)},
                      .n_label = 2,
                      .labels = {label("y", MMOE_CLASSIFICATION), label("r", MMOE_REGRESSION)},
                      .weight = "w"};
}

static inline mmoe_status fit_with(const features *f, const char *name, const mmoe_allocator *a,
                                   mmoe_schema **schema, mmoe_dataset **set, mmoe_error *err) {
    features copy = *f;
    mmoe_feature_specs specs = {f->n_sparse, f->n_dense,         copy.sparse,
                                copy.dense,  literal(f->weight), f->reading};
    const mmoe_schema_wanted wanted = {&specs, copy.labels, f->n_label, name};
    return mmoe_dataset_fit(&wanted, &how_to_read, a, schema, set, err);
}

static inline void fit(const features *f, const char *csv, mmoe_schema **schema,
                       mmoe_dataset **set) {
    mmoe_error err = {0};
    ck_assert_msg(fit_with(f, file_of(csv), NULL, schema, set, &err) == MMOE_OK, "%s", err.message);
}

static inline void free_both(mmoe_schema *schema, mmoe_dataset *set) {
    mmoe_schema_free(schema);
    mmoe_dataset_free(set);
}

static inline mmoe_schema *memory_schema(int64_t oov) {
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

/* The message without the file's name in front. */
static inline void said(const mmoe_error *err, const char *name, int64_t row, const char *column,
                        const char *message) {
    ck_assert_str_eq(err->file, name);
    ck_assert_int_eq(strncmp(err->message, name, strlen(name)), 0);
    ck_assert_str_eq(err->message + strlen(name) + 2, message);
    ck_assert_int_eq(err->row, row);
    ck_assert_str_eq(err->column, column);
}

static inline void fit_refused(const features *f, const char *csv, mmoe_status status, int64_t row,
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
static inline void field_refused(const features *f, const char *header, const char *good,
                                 const char *bad, const char *column, const char *message) {
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

#endif
