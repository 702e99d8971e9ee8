/* Features of numbers that a configuration describes, through all doors: rows of a file that is
 * learned from, of a file that is read, and of memory. */
#ifndef MMOE_TESTS_NUMBERS_SUPPORT_H
#define MMOE_TESTS_NUMBERS_SUPPORT_H

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check_main.h"
#include "files.h"
#include "data/dataset.h"
#include "failing.h"
#include "mmoe/train.h"
#include "model/model.h"

typedef struct numbers {
    mmoe_config *config;
    mmoe_schema *schema;
    mmoe_dataset *set;
} numbers;

static inline const char *file_of(const char *csv) {
    const char *path = in_folder("data.csv");
    put_text(path, csv);
    return path;
}

/* The entries of features.dense; the label's column is y. */
static inline mmoe_status fit_with(const char *dense, const char *csv, const mmoe_allocator *a,
                                   numbers *n, mmoe_error *err) {
    char text[2000];
    snprintf(text, sizeof text,
             "{\"features\": {\"dense\": [%s]}, \"tasks\": [{\"name\": \"t\", \"label\": \"y\"}]}",
             dense);
    *n = (numbers){NULL, NULL, NULL};
    mmoe_status status = mmoe_config_parse(text, strlen(text), "c.json", NULL, &n->config, err);
    if (!status)
        status = mmoe_dataset_fit_csv(n->config, file_of(csv), a, &n->schema, &n->set, err);
    return status;
}

static inline void free_numbers(numbers *n) {
    mmoe_dataset_free(n->set);
    mmoe_schema_free(n->schema);
    mmoe_config_free(n->config);
}

static inline numbers fit(const char *dense, const char *csv) {
    numbers n;
    mmoe_error err = {0};
    ck_assert_msg(fit_with(dense, csv, NULL, &n, &err) == MMOE_OK, "%s", err.message);
    return n;
}

/* The message without the file's name. */
static inline void fit_refused(const char *dense, const char *csv, const char *message) {
    numbers n;
    mmoe_error err = {0};
    ck_assert_msg(fit_with(dense, csv, NULL, &n, &err) != MMOE_OK, "accepted: %s", dense);
    const char *said = strstr(err.message, ": ");
    ck_assert_msg(said && strcmp(said + 2, message) == 0, "\"%s\", not \"%s\"", err.message,
                  message);
    ck_assert_ptr_null(n.set);
    free_numbers(&n);
}

/* Fits and copies the schema, while one allocation after the other fails. There are more than
 * `least`; libcsv asks again for less, twice. */
static inline void fit_without_memory(const char *dense, const char *csv, long least) {
    failing memory = {0};
    const mmoe_allocator a = failing_allocator(&memory);
    long attempts = 0, recovered = 0;
    for (; failing_next(&memory); attempts++) {
        mmoe_error err = {0};
        numbers n;
        mmoe_schema *copy = NULL;
        mmoe_status status = fit_with(dense, csv, &a, &n, &err);
        if (!status) status = mmoe_schema_copy(n.schema, &a, &copy, &err);
        if (status == MMOE_OK && memory.refused)
            recovered++;
        else
            failing_check(&memory, status, &err);
        mmoe_schema_free(copy);
        free_numbers(&n);
        ck_assert_int_eq(memory.live, 0);
    }
    ck_assert_int_gt(attempts, least);
    ck_assert_int_le(recovered, 2);
}

/* All inputs of a data set, as texts that give the bits back. */
static inline void has_inputs(const mmoe_dataset *set, size_t count, const float *wanted) {
    mmoe_batch b;
    mmoe_error err = {0};
    ck_assert_int_eq(mmoe_dataset_batch(set, 0, (size_t)mmoe_dataset_rows(set), &b, &err), MMOE_OK);
    ck_assert_uint_eq(b.rows * b.dense_stride, count);
    for (size_t i = 0; i < count; i++)
        ck_assert_msg(b.dense[i] == wanted[i], "%zu: %.9g, not %.9g", i, (double)b.dense[i],
                      (double)wanted[i]);
}

static inline mmoe_dataset *read_rows(const numbers *n, const char *csv) {
    mmoe_dataset *set = NULL;
    mmoe_error err = {0};
    ck_assert_msg(mmoe_dataset_read_csv(n->schema, file_of(csv), MMOE_LABELS_OPTIONAL, NULL, &set,
                                        &err) == MMOE_OK,
                  "%s", err.message);
    return set;
}

static inline mmoe_status take_rows(const numbers *n, const mmoe_column *columns, size_t rows,
                                    mmoe_dataset **set, mmoe_error *err) {
    float *labels = calloc(rows, sizeof *labels);
    ck_assert_ptr_nonnull(labels);
    const mmoe_batch b = {.rows = rows, .dense_columns = columns};
    const mmoe_status status = mmoe_dataset_create(n->schema, &b, labels, NULL, NULL, set, err);
    free(labels);
    return status;
}

/* One feature's values from memory become these inputs. */
static inline void takes(const numbers *n, mmoe_value_type type, const void *values, size_t rows,
                         size_t count, const float *wanted) {
    const mmoe_column column = {type, values, 0};
    mmoe_dataset *set = NULL;
    mmoe_error err = {0};
    ck_assert_msg(take_rows(n, &column, rows, &set, &err) == MMOE_OK, "%s", err.message);
    has_inputs(set, count, wanted);
    mmoe_dataset_free(set);
}

static inline void take_refused(const numbers *n, mmoe_value_type type, const void *values,
                                size_t rows, const char *message) {
    const mmoe_column column = {type, values, 0};
    mmoe_dataset *set = NULL;
    mmoe_error err = {0};
    ck_assert_int_ne(take_rows(n, &column, rows, &set, &err), MMOE_OK);
    ck_assert_str_eq(err.message, message);
    ck_assert_ptr_null(set);
}

#endif
