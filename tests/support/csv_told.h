/* All that a reader of CSV tells its caller, as one text: for comparing the reader with libcsv
 * alone, its specification. */
#ifndef MMOE_TESTS_CSV_TOLD_H
#define MMOE_TESTS_CSV_TOLD_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/csv.h"

typedef struct csv_told {
    FILE *to;
    size_t n_fields;
} csv_told;

static inline void tell_row(csv_told *t, int64_t row, const mmoe_csv_field *fields) {
    fprintf(t->to, "%lld:", (long long)row);
    for (size_t i = 0; i < t->n_fields; i++) {
        if (fields[i].text[fields[i].length]) abort(); /* it is terminated, too */
        fprintf(t->to, "%zu[%s]", fields[i].length, fields[i].text);
    }
}

static inline mmoe_status tell_header(void *user, const mmoe_csv_field *fields, size_t n,
                                      mmoe_error *err) {
    csv_told *t = user;
    (void)err;
    t->n_fields = n;
    tell_row(t, 0, fields);
    return MMOE_OK;
}

static inline mmoe_status tell_data(void *user, int64_t row, const mmoe_csv_field *fields,
                                    mmoe_error *err) {
    (void)err;
    tell_row(user, row, fields);
    return MMOE_OK;
}

static inline mmoe_status tell_rows(void *user, const mmoe_csv_rows *rows, mmoe_error *err) {
    (void)err;
    for (size_t i = 0; i < rows->count; i++) {
        const mmoe_csv_rows row = mmoe_csv_row_of(rows, i);
        mmoe_csv_field *fields = calloc(rows->columns + 1, sizeof *fields);
        for (size_t c = 0; c < rows->columns; c++) fields[c] = mmoe_csv_cell(&row, 0, c);
        tell_row(user, row.first, fields);
        free(fields);
    }
    return MMOE_OK;
}

typedef mmoe_status csv_reading(const char *bytes, size_t length, const char *name,
                                const mmoe_csv_handler *handler, const mmoe_allocator *alloc,
                                mmoe_error *err);

/* `how`: a handler without functions. The caller's to free. */
static inline char *csv_tells(csv_reading *reading, const char *bytes, size_t length,
                              mmoe_csv_handler how) {
    char *text = NULL;
    size_t size;
    csv_told t = {.to = open_memstream(&text, &size)};
    mmoe_error err = {0};
    mmoe_csv_passed passed = {0};
    if (!t.to) abort();
    how.user = &t;
    how.header = tell_header;
    how.row = tell_data;
    if (reading == mmoe_csv_parse) how.rows = tell_rows;
    how.passed = &passed;
    const int status = reading(bytes, length, "a.csv", &how, NULL, &err);
    fprintf(t.to, "\n%d %lld \"%s\", %lld blank behind %lld, %lld commas, quotes %lld, '%c'",
            status, (long long)err.row, err.message, (long long)passed.blank_lines,
            (long long)passed.blank_behind, (long long)passed.commas, (long long)passed.quotes_row,
            passed.separator ? passed.separator : '0');
    if (fclose(t.to)) abort();
    return text;
}

/* What the reader tells; NULL: the same as libcsv alone, else that is *wanted. */
static inline char *csv_tells_otherwise(const char *bytes, size_t length, mmoe_csv_handler how,
                                        char **wanted) {
    char *told = csv_tells(mmoe_csv_parse, bytes, length, how);
    *wanted = csv_tells(mmoe_csv_parse_exact, bytes, length, how);
    if (strcmp(told, *wanted)) return told;
    free(told);
    free(*wanted);
    return *wanted = NULL;
}

#endif
