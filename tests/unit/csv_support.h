/* What a reader of CSV was told, as text. */
#ifndef MMOE_TESTS_CSV_SUPPORT_H
#define MMOE_TESTS_CSV_SUPPORT_H

#include <stdio.h>
#include <string.h>

#include "base/csv.h"
#include "check_main.h"

/* What the handler saw: fields in brackets, "R:" before each row. */
typedef struct seen {
    char text[4096];
    size_t used, longest;
    int64_t rows, stop_at;
    size_t n_fields;
    int32_t failed_calls;
} seen;

static inline void put(seen *s, const char *text, size_t length) {
    if (length > 200) length = 200;
    if (s->used + length + 1 > sizeof s->text) return;
    memcpy(s->text + s->used, text, length);
    s->used += length;
    s->text[s->used] = '\0';
}

static inline void put_row(seen *s, int64_t row, const mmoe_csv_field *fields) {
    char number[32];
    put(s, number, (size_t)snprintf(number, sizeof number, "%lld:", (long long)row));
    for (size_t i = 0; i < s->n_fields; i++) {
        ck_assert_int_eq(fields[i].text[fields[i].length], '\0');
        put(s, "[", 1);
        put(s, fields[i].text, fields[i].length);
        put(s, "]", 1);
        if (fields[i].length > s->longest) s->longest = fields[i].length;
    }
}

static inline mmoe_status on_header(void *user, const mmoe_csv_field *fields, size_t n,
                                    mmoe_error *err) {
    seen *s = user;
    (void)err;
    ck_assert_int_eq(s->rows, 0);
    s->n_fields = n;
    put_row(s, 1, fields);
    return MMOE_OK;
}

static inline mmoe_status on_row(void *user, int64_t row, const mmoe_csv_field *fields,
                                 mmoe_error *err) {
    seen *s = user;
    ck_assert_int_eq(s->failed_calls, 0); /* a handler that failed is not called again */
    ck_assert_int_eq(row, s->rows + 2);
    s->rows++;
    if (s->stop_at && row == s->stop_at) {
        s->failed_calls++;
        if (err) strcpy(err->message, "stopped");
        return MMOE_E_CANCELLED;
    }
    put_row(s, row, fields);
    return MMOE_OK;
}

static inline mmoe_status parse(const char *bytes, size_t length, seen *s, mmoe_error *err) {
    mmoe_csv_handler handler = {s, on_header, on_row};
    *s = (seen){.stop_at = s->stop_at};
    return mmoe_csv_parse(bytes, length, "a.csv", &handler, NULL, err);
}

static inline void gives(const char *csv, const char *rows) {
    seen s = {0};
    mmoe_error err = {0};
    ck_assert_msg(parse(csv, strlen(csv), &s, &err) == MMOE_OK, "%s: %s", csv, err.message);
    ck_assert_str_eq(s.text, rows);
}

#endif
