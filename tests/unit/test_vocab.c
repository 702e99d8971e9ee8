/* vocabularies of sparse columns */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "check_main.h"
#include "data/vocab.h"
#include "failing.h"

static mmoe_vocab *make(void) {
    mmoe_vocab *v = NULL;
    ck_assert_int_eq(mmoe_vocab_create(NULL, &v, NULL), MMOE_OK);
    return v;
}

static int32_t add(mmoe_vocab *v, const char *text) {
    int32_t row = -1;
    ck_assert_int_eq(mmoe_vocab_add(v, text, strlen(text), &row, NULL), MMOE_OK);
    return row;
}

static int32_t find(const mmoe_vocab *v, const char *text) {
    return mmoe_vocab_find(v, text, strlen(text));
}

static mmoe_vocab *learn(const char *const *texts, size_t n) {
    mmoe_vocab *v = make();
    for (size_t i = 0; i < n; i++) add(v, texts[i]);
    ck_assert_int_eq(mmoe_vocab_finish(v, NULL), MMOE_OK);
    return v;
}

START_TEST(rows_come_in_order_of_first_appearance) {
    mmoe_vocab *v = make();
    ck_assert_int_eq(mmoe_vocab_rows(v), 1);
    ck_assert_int_eq(add(v, "30"), 1);
    ck_assert_int_eq(add(v, "-7"), 2);
    ck_assert_int_eq(add(v, "30"), 1);
    ck_assert_int_eq(add(v, ""), 0);
    ck_assert_int_eq(add(v, " \t"), 0);
    ck_assert_int_eq(add(v, "0"), 3);
    ck_assert_int_eq(mmoe_vocab_finish(v, NULL), MMOE_OK);
    ck_assert_int_eq(mmoe_vocab_rows(v), 4);
    ck_assert(mmoe_vocab_is_int(v));
    ck_assert_int_eq(mmoe_vocab_int_key(v, 1), 30);
    ck_assert_int_eq(mmoe_vocab_int_key(v, 2), -7);
    ck_assert_int_eq(mmoe_vocab_int_key(v, 3), 0);
    mmoe_vocab_free(v);
}
END_TEST

START_TEST(integers_are_found_however_they_are_written) {
    const char *const texts[] = {"7", "-9223372036854775808", "9223372036854775807"};
    mmoe_vocab *v = learn(texts, 3);
    ck_assert(mmoe_vocab_is_int(v));
    const char *const sevens[] = {"7", "+7", "007", "7.0", "7.000", " 7 "};
    for (size_t i = 0; i < sizeof sevens / sizeof *sevens; i++)
        ck_assert_msg(find(v, sevens[i]) == 1, "%s", sevens[i]);
    ck_assert_int_eq(find(v, "-9223372036854775808"), 2);
    ck_assert_int_eq(find(v, "9223372036854775807.0"), 3);
    const char *const unknown[] = {
        "8", "", "NA", "7.5", "seven", "9223372036854775808", "-9223372036854775809", "7e0"};
    for (size_t i = 0; i < sizeof unknown / sizeof *unknown; i++)
        ck_assert_msg(find(v, unknown[i]) == 0, "%s", unknown[i]);
    ck_assert_int_eq(mmoe_vocab_find_int(v, 7), 1);
    ck_assert_int_eq(mmoe_vocab_find_int(v, INT64_MIN), 2);
    ck_assert_int_eq(mmoe_vocab_find_int(v, 70), 0);
    mmoe_vocab_free(v);
}
END_TEST

/* Of small integers a table tells the rows, which grows with what is learned; of others hashes do.
 */
START_TEST(small_integers_stand_among_large_ones) {
    enum { RANGE = 1 << 17, VALUES = 30000 };
    static const int64_t ranges[] = {1, 200, 256, 1000, 5000, 65536, RANGE};
    static int32_t rows[RANGE];
    static int64_t keys[VALUES];
    int32_t count = 0;
    memset(rows, 0, sizeof rows);
    mmoe_vocab *v = make(), *again = NULL, *copy = NULL;
    for (uint64_t i = 0; i < VALUES; i++) {
        const uint64_t range = (uint64_t)ranges[i * 7 / VALUES];
        const int64_t value = (int64_t)(mmoe_random_bits(3, 1, i) % range);
        int32_t row = -1;
        ck_assert_int_eq(mmoe_vocab_add_int(v, value, &row, NULL), MMOE_OK);
        if (!rows[value]) keys[count++] = value;
        if (!rows[value]) rows[value] = count;
        ck_assert_int_eq(row, rows[value]);
    }
    mmoe_vocab_finish(v, NULL);
    ck_assert_int_eq(mmoe_vocab_copy(v, NULL, &copy, NULL), MMOE_OK);
    ck_assert_int_eq(mmoe_vocab_from_ints(keys, (size_t)count, NULL, &again, NULL), MMOE_OK);
    for (int64_t i = 0; i < RANGE; i++) {
        ck_assert_int_eq(mmoe_vocab_find_int(v, i), rows[i]);
        ck_assert_int_eq(mmoe_vocab_find_int(copy, i), rows[i]);
        ck_assert_int_eq(mmoe_vocab_find_int(again, i), rows[i]);
    }
    mmoe_vocab_free(v);
    mmoe_vocab_free(copy);
    mmoe_vocab_free(again);
}
END_TEST

/* What is 7 to one who learns is 7 to one who looks for it, be the keys integers or strings. */
START_TEST(an_integer_has_one_form) {
    const char *const forms[] = {"7", "7.0", " 7", "7 ", "\t7.00 "};
    const size_t n = sizeof forms / sizeof *forms;
    for (size_t first = 0; first < n; first++)
        for (int strings = 0; strings < 3; strings++) {
            mmoe_vocab *v = make();
            if (strings == 1) ck_assert_int_eq(add(v, "x"), 1);
            const int32_t row = add(v, forms[first]);
            for (size_t i = 0; i < n; i++) ck_assert_int_eq(add(v, forms[i]), row);
            ck_assert_int_eq(add(v, "-12.0"), row + 1);
            if (strings == 2) ck_assert_int_eq(add(v, "007"), row + 2);
            for (size_t i = 0; i < n; i++) ck_assert_int_eq(add(v, forms[i]), row);
            mmoe_vocab_finish(v, NULL);
            ck_assert_int_eq(mmoe_vocab_is_int(v), strings == 0);
            for (size_t i = 0; i < n; i++) ck_assert_int_eq(find(v, forms[i]), row);
            ck_assert_int_eq(mmoe_vocab_find_int(v, 7), row);
            ck_assert_int_eq(mmoe_vocab_find_int(v, -12), row + 1);
            ck_assert_int_eq(find(v, "-12"), row + 1);
            ck_assert_int_eq(find(v, "7.5"), 0);
            const int32_t code[] = {row, 0, row + 2};
            ck_assert_int_eq(find(v, "007"), code[strings]);
            mmoe_vocab_free(v);
        }
}
END_TEST

/* Keys of version 0.1 stand as they were learned. */
START_TEST(old_keys_are_found_as_they_stand) {
    mmoe_vocab *v = NULL;
    ck_assert_int_eq(mmoe_vocab_from_texts(
                         &(mmoe_packed_texts){"7.07x8.0", 8, (const int64_t[]){0, 3, 4, 5, 8}, 4},
                         NULL, &v, NULL),
                     MMOE_OK);
    ck_assert_int_eq(find(v, "7.0"), 1);
    ck_assert_int_eq(find(v, "7"), 2);
    ck_assert_int_eq(find(v, " 7"), 2);
    ck_assert_int_eq(find(v, "8.0"), 4);
    ck_assert_int_eq(find(v, "8"), 0);
    mmoe_vocab_free(v);
}
END_TEST

/* A column is of integers only when each text is an integer's one form. */
START_TEST(one_other_text_makes_texts_of_all) {
    const char *const others[] = {"x",
                                  "07",
                                  "+1",
                                  "-0",
                                  "1.5",
                                  "1.",
                                  "1.0.0",
                                  "- 1",
                                  "1e0",
                                  "00",
                                  "00.0",
                                  "-0.0",
                                  "9223372036854775808",
                                  "-9223372036854775809",
                                  "-",
                                  "123456789012345678901"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        const char *const texts[] = {"12", "-5", "9223372036854775807", others[i], "12", "8"};
        mmoe_vocab *v = learn(texts, 6);
        ck_assert_msg(!mmoe_vocab_is_int(v), "%s", others[i]);
        ck_assert_int_eq(mmoe_vocab_rows(v), 6);
        const char *const keys[] = {"12", "-5", "9223372036854775807", others[i], "8"};
        for (int32_t row = 1; row < 6; row++) {
            size_t length;
            const char *key = mmoe_vocab_text_key(v, row, &length);
            ck_assert_uint_eq(length, strlen(keys[row - 1]));
            ck_assert_mem_eq(key, keys[row - 1], length);
            ck_assert_int_eq(find(v, keys[row - 1]), row);
        }
        ck_assert_int_eq(mmoe_vocab_find_int(v, -5), 2);
        ck_assert_int_eq(mmoe_vocab_find_int(v, 6), 0);
        ck_assert_int_eq(find(v, "012"), 0);
        ck_assert_int_eq(find(v, "NA"), 0);
        ck_assert_int_eq(find(v, ""), 0);
        mmoe_vocab_free(v);
    }
}
END_TEST

START_TEST(texts_may_be_any_bytes) {
    mmoe_vocab *v = make();
    int32_t row;
    char *huge = malloc(100000);
    memset(huge, 'h', 100000);
    const struct {
        const char *bytes;
        size_t length;
    } keys[] = {{"a", 1},       {"a\0", 2},      {"a\0b", 3},     {"na", 2},
                {"NA ", 3},     {"\xff\xfe", 2}, {"12345678", 8}, {"12345678x", 9},
                {huge, 100000}, {huge, 99999},   {"N", 1}};
    int32_t n = (int32_t)(sizeof keys / sizeof *keys);
    for (int round = 0; round < 2; round++)
        for (int32_t i = 0; i < n; i++) {
            ck_assert_int_eq(mmoe_vocab_add(v, keys[i].bytes, keys[i].length, &row, NULL), MMOE_OK);
            ck_assert_int_eq(row, i + 1);
        }
    mmoe_vocab_finish(v, NULL);
    for (int32_t i = 0; i < n; i++)
        ck_assert_int_eq(mmoe_vocab_find(v, keys[i].bytes, keys[i].length), i + 1);
    mmoe_vocab_free(v);
    free(huge);
}
END_TEST

static void number_text(char out[32], int i, int texts) {
    snprintf(out, 32, texts ? "value %d" : "%d", i * 7919 - 1000000);
}

START_TEST(many_values) {
    enum { N = 30000 };
    char text[32];
    mmoe_vocab *v = make();
    for (int i = 0; i < N; i++) {
        number_text(text, i, _i);
        ck_assert_int_eq(add(v, text), i + 1);
    }
    mmoe_vocab_finish(v, NULL);
    ck_assert_int_eq(mmoe_vocab_is_int(v), !_i);
    ck_assert_int_eq(mmoe_vocab_rows(v), N + 1);
    for (int i = 0; i < N; i++) {
        number_text(text, i, _i);
        ck_assert_int_eq(find(v, text), i + 1);
        number_text(text, i + N, _i);
        ck_assert_int_eq(find(v, text), 0);
    }
    mmoe_vocab_free(v);
}
END_TEST

START_TEST(blanks_around_a_text_are_not_part_of_it) {
    const char *const texts[] = {"red", " red", "blue\t ", "NA", "a b"};
    mmoe_vocab *v = learn(texts, 5);
    ck_assert_int_eq(mmoe_vocab_rows(v), 5);
    ck_assert_int_eq(find(v, "red "), 1);
    ck_assert_int_eq(find(v, "blue"), 2);
    ck_assert_int_eq(find(v, " NA"), 3); /* a text here */
    ck_assert_int_eq(find(v, "a b"), 4);
    ck_assert_int_eq(find(v, "ab"), 0);
    ck_assert_int_eq(find(v, "  "), 0);
    mmoe_vocab_free(v);
    /* A file of version 0.1 may have learned blanks. */
    ck_assert_int_eq(
        mmoe_vocab_from_texts(&(mmoe_packed_texts){"red red", 7, (const int64_t[]){0, 3, 7}, 2},
                              NULL, &v, NULL),
        MMOE_OK);
    ck_assert_int_eq(find(v, "red"), 1);
    ck_assert_int_eq(find(v, " red"), 2);
    ck_assert_int_eq(find(v, "red "), 1);
    mmoe_vocab_free(v);
}
END_TEST

START_TEST(copies_are_whole) {
    const char *const ints[] = {"3", "1", "2"}, *const texts[] = {"c", "a", "", "b"};
    for (int kind = 0; kind < 3; kind++) {
        const char *const *const keys[] = {ints, texts, NULL};
        const size_t counts[] = {3, 4, 0};
        mmoe_vocab *v = learn(keys[kind], counts[kind]), *copy = NULL;
        ck_assert_int_eq(mmoe_vocab_copy(v, NULL, &copy, NULL), MMOE_OK);
        ck_assert_int_eq(mmoe_vocab_rows(copy), mmoe_vocab_rows(v));
        ck_assert_int_eq(mmoe_vocab_is_int(copy), mmoe_vocab_is_int(v));
        mmoe_vocab_free(v);
        ck_assert_int_eq(find(copy, "1"), kind == 0 ? 2 : 0);
        ck_assert_int_eq(find(copy, "b"), kind == 1 ? 3 : 0);
        mmoe_vocab_free(copy);
    }
    mmoe_vocab_free(NULL);
}
END_TEST

START_TEST(from_integer_keys) {
    mmoe_vocab *v = NULL;
    mmoe_error err;
    const int64_t keys[] = {5, INT64_MIN, 0};
    ck_assert_int_eq(mmoe_vocab_from_ints(keys, 3, NULL, &v, &err), MMOE_OK);
    ck_assert_int_eq(mmoe_vocab_rows(v), 4);
    ck_assert_int_eq(find(v, "5"), 1);
    ck_assert_int_eq(find(v, "0.0"), 3);
    ck_assert_int_eq(mmoe_vocab_int_key(v, 2), INT64_MIN);
    mmoe_vocab_free(v);
    ck_assert_int_eq(mmoe_vocab_from_ints(NULL, 0, NULL, &v, &err), MMOE_OK);
    ck_assert_int_eq(mmoe_vocab_rows(v), 1);
    mmoe_vocab_free(v);
    const int64_t twice[] = {5, 6, 5};
    v = NULL;
    ck_assert_int_eq(mmoe_vocab_from_ints(twice, 3, NULL, &v, &err), MMOE_E_FORMAT);
    ck_assert_str_eq(err.message, "the vocabulary has key 5 twice");
    ck_assert_int_eq(mmoe_vocab_from_ints(twice, (size_t)INT32_MAX, NULL, &v, &err), MMOE_E_FORMAT);
    ck_assert_ptr_null(v);
}
END_TEST

START_TEST(from_text_keys) {
    mmoe_vocab *v = NULL;
    mmoe_error err;
    const int64_t offsets[] = {0, 1, 3, 6};
    ck_assert_int_eq(
        mmoe_vocab_from_texts(&(mmoe_packed_texts){"abb123", 6, offsets, 3}, NULL, &v, &err),
        MMOE_OK);
    ck_assert_int_eq(mmoe_vocab_rows(v), 4);
    ck_assert_int_eq(find(v, "bb"), 2);
    ck_assert_int_eq(find(v, "123"), 3);
    ck_assert_int_eq(mmoe_vocab_find_int(v, 123), 3);
    mmoe_vocab_free(v);
    const int64_t none[] = {0};
    ck_assert_int_eq(mmoe_vocab_from_texts(&(mmoe_packed_texts){"", 0, none, 0}, NULL, &v, &err),
                     MMOE_OK);
    ck_assert_int_eq(mmoe_vocab_rows(v), 1);
    ck_assert(!mmoe_vocab_is_int(v));
    mmoe_vocab_free(v);
    v = NULL;
    const int64_t bad[][4] = {{1, 1, 3, 6},  {0, 4, 3, 6}, {0, 1, 3, 7}, {0, 1, 3, 5},
                              {0, -1, 3, 6}, {0, 7, 3, 6}, {0, 1, 3, -6}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        ck_assert_int_eq(
            mmoe_vocab_from_texts(&(mmoe_packed_texts){"abb123", 6, bad[i], 3}, NULL, &v, &err),
            MMOE_E_FORMAT);
    ck_assert_int_eq(
        mmoe_vocab_from_texts(&(mmoe_packed_texts){"abbabb", 6, (const int64_t[]){0, 3, 6}, 2},
                              NULL, &v, &err),
        MMOE_E_FORMAT);
    ck_assert_str_eq(err.message, "the vocabulary's key 2 stands there twice");
    ck_assert_int_eq(
        mmoe_vocab_from_texts(&(mmoe_packed_texts){"a", 1, (const int64_t[]){0, 1, 1}, 2}, NULL, &v,
                              &err),
        MMOE_E_FORMAT);
    ck_assert_int_eq(mmoe_vocab_from_texts(&(mmoe_packed_texts){"", 0, (const int64_t[]){0, 0}, 1},
                                           NULL, &v, &err),
                     MMOE_E_FORMAT);
    ck_assert_str_eq(err.message, "key 1 of the vocabulary is the text of a missing value");
    ck_assert_ptr_null(v);
}
END_TEST

/* Everything that takes memory, in one go. */
static mmoe_status everything(const mmoe_allocator *a, mmoe_error *err) {
    mmoe_vocab *v = NULL, *copy = NULL, *ints = NULL, *texts = NULL;
    mmoe_status status = mmoe_vocab_create(a, &v, err);
    char text[32];
    int32_t row;
    for (int i = 0; !status && i < 400; i++) {
        number_text(text, i, i >= 300);
        status = mmoe_vocab_add(v, text, strlen(text), &row, err);
        if (!status) ck_assert_int_eq(row, i + 1);
    }
    if (!status) status = mmoe_vocab_finish(v, err);
    if (!status) status = mmoe_vocab_copy(v, a, &copy, err);
    if (!status) ck_assert_int_eq(find(copy, "value 1375700"), 301);
    int64_t keys[40], offsets[41] = {0};
    for (int i = 0; i < 40; i++) {
        keys[i] = i;
        offsets[i + 1] = i + 1;
    }
    if (!status) status = mmoe_vocab_from_ints(keys, 40, a, &ints, err);
    if (!status)
        status = mmoe_vocab_from_texts(
            &(mmoe_packed_texts){"abcdefghijklmnopqrstuvwxyz0123456789ABCD", 40, offsets, 40}, a,
            &texts, err);
    mmoe_vocab_free(v);
    mmoe_vocab_free(copy);
    mmoe_vocab_free(ints);
    mmoe_vocab_free(texts);
    return status;
}

START_TEST(every_allocation_may_fail) {
    failing memory = {0};
    const mmoe_allocator a = failing_allocator(&memory);
    long attempts = 0, recovered = 0;
    for (; failing_next(&memory); attempts++) {
        mmoe_error err = {0};
        const mmoe_status status = everything(&a, &err);
        ck_assert_int_eq(memory.live, 0);
        if (status == MMOE_OK && memory.refused)
            recovered++;
        else
            failing_check(&memory, status, &err);
    }
    ck_assert_int_gt(attempts, 20);
    /* those of finish only give memory back */
    if (failing_tries_each()) ck_assert_int_eq(recovered, 2);
}
END_TEST

void add_cases(TCase *c) {
    tcase_add_test(c, rows_come_in_order_of_first_appearance);
    tcase_add_test(c, integers_are_found_however_they_are_written);
    tcase_add_test(c, small_integers_stand_among_large_ones);
    tcase_add_test(c, an_integer_has_one_form);
    tcase_add_test(c, old_keys_are_found_as_they_stand);
    tcase_add_test(c, one_other_text_makes_texts_of_all);
    tcase_add_test(c, texts_may_be_any_bytes);
    tcase_add_loop_test(c, many_values, 0, 2);
    tcase_add_test(c, blanks_around_a_text_are_not_part_of_it);
    tcase_add_test(c, copies_are_whole);
    tcase_add_test(c, from_integer_keys);
    tcase_add_test(c, from_text_keys);
    tcase_add_test(c, every_allocation_may_fail);
}
