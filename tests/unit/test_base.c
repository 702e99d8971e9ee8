/* status, errors, allocator, random numbers */
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/rng.h"
#include "base/utf8.h"
#include "base/warnings.h"
#include "check_main.h"

START_TEST(status_string_is_total) {
    const int codes[] = {0, -1, -9, -10, 1, INT_MIN, INT_MAX};
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
        ck_assert_ptr_nonnull(mmoe_status_string(codes[i]));
    for (int a = 0; a >= -9; a--)
        for (int b = a - 1; b >= -9; b--)
            ck_assert_str_ne(mmoe_status_string(a), mmoe_status_string(b));
    ck_assert_str_eq(mmoe_status_string(-10), "unknown status");
}
END_TEST

START_TEST(error_names_its_place) {
    mmoe_error err = {0};
    ck_assert_int_eq(
        mmoe_fail_at(&err, MMOE_E_DATA, "a.csv", 7, "click", "%d is neither 0 nor 1", 5),
        MMOE_E_DATA);
    ck_assert_str_eq(err.message, "a.csv: row 7: column \"click\": 5 is neither 0 nor 1");
    ck_assert_int_eq(err.row, 7);
    ck_assert_str_eq(err.column, "click");
    ck_assert_str_eq(err.file, "a.csv");
    ck_assert_int_eq(mmoe_fail(NULL, MMOE_E_IO, "x"), MMOE_E_IO);
}
END_TEST

START_TEST(long_names_are_cut_and_control_characters_replaced) {
    char path[1000], column[1000];
    memset(path, 'p', sizeof path - 1);
    memset(column, 'c', sizeof column - 1);
    path[999] = column[999] = '\0';
    mmoe_error err;
    mmoe_fail_at(&err, MMOE_E_DATA, path, INT64_MAX, column, "a\nb%s", path);
    ck_assert_uint_eq(strlen(err.file), sizeof err.file - 1);
    ck_assert_uint_eq(strlen(err.column), sizeof err.column - 1);
    ck_assert_ptr_null(strchr(err.message, '\n'));
}
END_TEST

/* What a terminal would obey, or what turns the order of characters, is a blank. */
START_TEST(a_message_changes_no_terminal) {
    static const struct {
        const char *name, *shown;
    } cases[] = {{"a\x1b[31mb", "a [31mb"},
                 {"a\tb\r\n", "a b  "},
                 {"\x7f", " "},
                 {"a\xc2\x9b"
                  "31m",
                  "a 31m"},
                 {"\xe2\x80\xae"
                  "fdp.csv",
                  " fdp.csv"},
                 {"\xe2\x81\xa6x\xe2\x81\xa9", " x "},
                 {"\xe2\x80\xa8", " "},
                 {"\xc2\xa0\xe2\x80\xaf\xe2\x81\xaa", "\xc2\xa0\xe2\x80\xaf\xe2\x81\xaa"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        mmoe_error err;
        mmoe_warnings list = {.alloc = mmoe_allocator_or_default(NULL)};
        mmoe_fail(&err, MMOE_E_CONFIG, "%s", cases[i].name);
        ck_assert_str_eq(err.message, cases[i].shown);
        ck_assert_int_eq(mmoe_warn(&list, (mmoe_warning){0}, &err, "%s", cases[i].name), MMOE_OK);
        ck_assert_str_eq(list.items[0].message, cases[i].shown);
        mmoe_warnings_finish(&list);
    }
}
END_TEST

START_TEST(a_warning_has_texts_of_its_own) {
    char subject[] = "age", file[] = "a.csv", key[] = "trainer.shrink";
    mmoe_error err;
    mmoe_warnings list = {.alloc = mmoe_allocator_or_default(NULL)};
    const mmoe_warning about = {NULL, subject, 3, 7, file, key};
    ck_assert_int_eq(mmoe_warn(&list, about, &err, "%d are", 3), MMOE_OK);
    subject[0] = file[0] = key[0] = '-';
    const mmoe_warning *w = &list.items[0];
    ck_assert_str_eq(w->message, "3 are");
    ck_assert_str_eq(w->subject, "age");
    ck_assert_str_eq(w->file, "a.csv");
    ck_assert_str_eq(w->key, "trainer.shrink");
    ck_assert(w->count == 3 && w->row == 7);
    mmoe_warnings_finish(&list);
}
END_TEST

START_TEST(a_message_is_cut_between_characters) {
    char accents[2 * 400 + 1] = "";
    mmoe_error err;
    for (size_t i = 0; i < 400; i++) strcat(accents, "\xc3\xa9");
    for (int shift = 0; shift < 2; shift++) {
        mmoe_fail(&err, MMOE_E_CONFIG, "%.*s%s", shift, "x", accents);
        ck_assert_uint_eq(strlen(err.message), sizeof err.message - 2 + (size_t)shift);
        ck_assert(mmoe_utf8_is(err.message, strlen(err.message)));
    }
    mmoe_fail_at(&err, MMOE_E_DATA, "\xe9.csv", 2, NULL, "\"%.4s\" is no \xffnumber", accents + 1);
    ck_assert_str_eq(err.message, "?.csv: row 2: \"?\xc3\xa9?\" is no ?number");
    ck_assert_str_eq(err.file, "\xe9.csv");
}
END_TEST

/* Known answers of Philox4x32-10 from the authors' Random123 distribution. */
START_TEST(philox_known_answers) {
    uint32_t r[4];
    mmoe_philox(0, 0, 0, r);
    ck_assert_uint_eq(r[0], 0x6627e8d5);
    ck_assert_uint_eq(r[1], 0xe169c58d);
    ck_assert_uint_eq(r[2], 0xbc57ac4c);
    ck_assert_uint_eq(r[3], 0x9b00dbd8);
    mmoe_philox(UINT64_MAX, UINT64_MAX, UINT64_MAX, r);
    ck_assert_uint_eq(r[0], 0x408f276d);
    ck_assert_uint_eq(r[1], 0x41c83b0e);
    ck_assert_uint_eq(r[2], 0xa20bc7c6);
    ck_assert_uint_eq(r[3], 0x6d5451fd);
}
END_TEST

START_TEST(draws_have_their_moments) {
    double sum = 0, square = 0, unit = 0;
    const int n = 100000;
    int seen[7] = {0};
    for (int i = 0; i < n; i++) {
        double z = mmoe_random_normal(1, 2, (uint64_t)i),
               u = mmoe_random_uniform(1, 3, (uint64_t)i);
        ck_assert(u >= 0 && u < 1);
        sum += z;
        square += z * z;
        unit += u;
        seen[mmoe_random_below(1, 4, (uint64_t)i, 7)]++;
    }
    ck_assert_double_eq_tol(sum / n, 0, 5 / sqrt(n));
    ck_assert_double_eq_tol(square / n, 1, 5 * sqrt(2.0 / n));
    ck_assert_double_eq_tol(unit / n, 0.5, 5 / sqrt(12.0 * n));
    for (int k = 0; k < 7; k++) ck_assert_double_eq_tol(seen[k], n / 7.0, 5 * sqrt(n / 7.0));
}
END_TEST

START_TEST(allocator_checks_overflow_and_aligns) {
    mmoe_allocator a = mmoe_allocator_or_default(NULL);
    ck_assert_ptr_null(mmoe_alloc(&a, SIZE_MAX / 2, 4));
    ck_assert_ptr_null(mmoe_alloc_aligned(&a, SIZE_MAX - 8, 1));
    void *zero = mmoe_alloc(&a, 0, 8);
    ck_assert_ptr_nonnull(zero);
    mmoe_release(&a, zero);
    for (size_t n = 1; n < 200; n += 13) {
        char *p = mmoe_alloc_aligned(&a, n, 3);
        ck_assert_uint_eq((uintptr_t)p % 64, 0);
        memset(p, 1, n * 3);
        mmoe_release_aligned(&a, p);
    }
    mmoe_release(&a, NULL);
    mmoe_release_aligned(&a, NULL);
}
END_TEST

static void *alloc_dirty(void *user, size_t size) {
    (void)user;
    char *p = malloc(size);
    if (p) memset(p, 0x55, size);
    return p;
}

/* By whomever it is given out; and the system's own pages stand for a large one. */
START_TEST(zeroed_memory_is_zero) {
    static const size_t sizes[] = {0, 5, 1000, (size_t)9 << 20};
    for (int way = 0; way < 2; way++)
        for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
            mmoe_allocator a = mmoe_allocator_or_default(NULL);
            if (way) a.alloc = alloc_dirty;
            char *p = mmoe_alloc_aligned_zero(&a, sizes[i], 1);
            ck_assert_uint_eq((uintptr_t)p % 64, 0);
            size_t n = 0;
            while (n < sizes[i] && p[n] == 0) n++;
            ck_assert_uint_eq(n, sizes[i]);
            mmoe_release_aligned(&a, p);
        }
}
END_TEST

void add_cases(TCase *c) {
    tcase_add_test(c, zeroed_memory_is_zero);
    tcase_add_test(c, status_string_is_total);
    tcase_add_test(c, error_names_its_place);
    tcase_add_test(c, long_names_are_cut_and_control_characters_replaced);
    tcase_add_test(c, a_message_changes_no_terminal);
    tcase_add_test(c, a_warning_has_texts_of_its_own);
    tcase_add_test(c, a_message_is_cut_between_characters);
    tcase_add_test(c, philox_known_answers);
    tcase_add_test(c, draws_have_their_moments);
    tcase_add_test(c, allocator_checks_overflow_and_aligns);
}
