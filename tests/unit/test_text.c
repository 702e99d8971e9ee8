/* numbers to and from text */
#include <float.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/rng.h"
#include "base/sentence.h"
#include "base/text.h"
#include "base/utf8.h"
#include "base/warnings.h"
#include "check_main.h"
#include "comma_support.h"

static int parse(const char *text, double *out) {
    return mmoe_parse_double(text, strlen(text), out);
}

static void same_bits(double a, double b, const char *text) {
    ck_assert_msg(memcmp(&a, &b, sizeof a) == 0, "%s: %.17g is not %.17g", text, a, b);
}

START_TEST(integers) {
    const struct {
        const char *text;
        int64_t value;
    } good[] = {{"0", 0},
                {"-0", 0},
                {"+7", 7},
                {"007", 7},
                {" \t-12 ", -12},
                {"9223372036854775807", INT64_MAX},
                {"-9223372036854775808", INT64_MIN}};
    const char *bad[] = {"",
                         " ",
                         "-",
                         "+",
                         "1.0",
                         "1e3",
                         "0x10",
                         "1 2",
                         "--1",
                         "9223372036854775808",
                         "-9223372036854775809",
                         "99999999999999999999999",
                         "abc",
                         "1,0"};
    int64_t value;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        ck_assert(mmoe_parse_int64(good[i].text, strlen(good[i].text), &value));
        ck_assert_int_eq(value, good[i].value);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        value = 77;
        ck_assert_msg(!mmoe_parse_int64(bad[i], strlen(bad[i]), &value), "%s", bad[i]);
        ck_assert_int_eq(value, 77);
    }
    ck_assert(mmoe_parse_int64("12345", 2, &value)); /* no terminator is looked for */
    ck_assert_int_eq(value, 12);
}
END_TEST

START_TEST(integers_as_pandas_writes_them) {
    int64_t value;
    ck_assert_int_eq(mmoe_parse_integral("5.0", 3, &value), 1);
    ck_assert_int_eq(value, 5);
    ck_assert_int_eq(mmoe_parse_integral(" -50.000 ", 9, &value), 1);
    ck_assert_int_eq(value, -50);
    ck_assert_int_eq(mmoe_parse_integral("9007199254740993.0", 18, &value), 1);
    ck_assert_int_eq(value, 9007199254740993);
    ck_assert_int_eq(mmoe_parse_integral("100", 3, &value), 1);
    ck_assert_int_eq(value, 100);
    ck_assert_int_eq(mmoe_parse_integral("9223372036854775808", 19, &value), -1);
    ck_assert_int_eq(mmoe_parse_integral("-99999999999999999999.0", 23, &value), -1);
    ck_assert_int_eq(mmoe_parse_integral("1e+05", 5, &value), 1);
    ck_assert_int_eq(value, 100000);
    ck_assert_int_eq(mmoe_parse_integral("-1.5E+06 ", 9, &value), 1);
    ck_assert_int_eq(value, -1500000);
    ck_assert_int_eq(mmoe_parse_integral("1e+20", 5, &value), -1);
    const char *bad[] = {"",
                         "5.",
                         ".0",
                         "-.0",
                         "5.5",
                         "5.00x",
                         "x",
                         "5.0.0",
                         "5e0",
                         "12e45",
                         "e+05",
                         "1e+",
                         "1.5e+0",
                         "0x1e+5",
                         "1e+05x",
                         "1e-05",
                         "99999999999999999999x"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        ck_assert_msg(mmoe_parse_integral(bad[i], strlen(bad[i]), &value) == 0, "%s", bad[i]);
}
END_TEST

static const char *const numbers[] = {
    "0",
    "-0",
    "0.0",
    "1",
    "-1.5",
    "+2",
    "5.",
    ".5",
    "1e3",
    "1E-3",
    "1e+05",
    "0.1",
    "123456.789",
    "1e22",
    "1e23",
    "9007199254740993",
    "9007199254740992.5",
    "0.30000000000000004",
    "1.7976931348623157e308",
    "2.2250738585072011e-308",
    "4.9e-324",
    "2.4703282292062328e-324",
    "1e-400",
    "1e400",
    "0e999999999999999999999",
    "0000000000000000000000000000000000000000.00000000000000000000000000000001",
    "123456789012345678901234567890",
    "1.00000000000000011102230246251565404236316680908203125",
    "1.00000000000000011102230246251565404236316680908203124",
    "1.00000000000000011102230246251565404236316680908203126",
    "8.5e-310",
    "6.0221407600000003e23",
    "179769313486231580793728971405301e276"};

/* The C library's own answer, in its own locale, is correctly rounded. */
START_TEST(doubles_agree_with_strtod) {
    double value;
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        ck_assert_msg(parse(numbers[i], &value), "%s", numbers[i]);
        same_bits(value, strtod(numbers[i], NULL), numbers[i]);
    }
    char text[64];
    for (uint64_t i = 0; i < 20000; i++) {
        uint64_t bits = mmoe_random_bits(1, 2, i);
        double random;
        memcpy(&random, &bits, sizeof random);
        if (!isfinite(random)) continue;
        if (i & 1) random = mmoe_random_normal(1, 3, i);
        snprintf(text, sizeof text, i & 2 ? "%.*e" : "%.*g", (int)(i % 21), random);
        ck_assert(parse(text, &value));
        same_bits(value, strtod(text, NULL), text);
    }
}
END_TEST

/* Of 54 bits, the last of which is half of a double's last: the even neighbour; of 19 digits any.
 */
START_TEST(halves_round_to_even) {
    char text[64];
    double value;
    for (uint64_t i = 0; i < 20000; i++) {
        const uint64_t bits = mmoe_random_bits(4, 2, i),
                       half = 2 * (bits >> 11 | (uint64_t)1 << 52) + 1,
                       any = bits % UINT64_C(10000000000000000000);
        snprintf(text, sizeof text, "%llue%d", (unsigned long long)(i & 1 ? half : any),
                 (int)(bits % 100) - 65);
        ck_assert(parse(text, &value));
        same_bits(value, strtod(text, NULL), text);
    }
}
END_TEST

static int integral(const char *text, int64_t *out) {
    return mmoe_parse_integral(text, strlen(text), out);
}

static int printed(const char *text, int64_t *out) {
    return mmoe_parse_printed(text, strlen(text), out);
}

/* Short numbers are read by a way of their own, which a blank or an exponent bars: what the text
 * means stays. */
START_TEST(short_numbers_agree_with_long_ones) {
    static const char letters[] = "0123456789012345678900112233.//::-+ ex";
    for (uint64_t i = 0; i < 50000; i++) {
        char text[24] = "", blank[26], power[26];
        const uint64_t n = mmoe_random_bits(5, 6, i) % 20, kinds = i % 3 ? 28 : sizeof letters - 1;
        for (uint64_t k = 0; k < n; k++) text[k] = letters[mmoe_random_bits(i, 7, k) % kinds];
        if (i % 2 && n > 1) text[mmoe_random_bits(5, 8, i) % n] = '.';
        int64_t a = 7, b = 7;
        double x = 7, y = 7;
        snprintf(blank, sizeof blank, "%s ", text);
        snprintf(power, sizeof power, "%se0", text);
        ck_assert_msg(integral(text, &a) == integral(blank, &b) && a == b, "\"%s\"", text);
        ck_assert_msg(printed(text, &a) == printed(blank, &b) && a == b, "\"%s\"", text);
        if (strpbrk(text, "ex ")) continue;
        ck_assert_msg(parse(text, &x) == parse(power, &y), "\"%s\"", text);
        same_bits(x, y, text);
    }
}
END_TEST

/* 1 + 2^-53 lies halfway between two doubles: a digit far behind decides. */
START_TEST(thousands_of_digits_round_correctly) {
    const char *half = "1.00000000000000011102230246251565404236316680908203125";
    size_t n = strlen(half), length = 20000;
    char *text = malloc(length);
    memset(text, '0', length);
    memcpy(text, half, n);
    double value;
    ck_assert(mmoe_parse_double(text, length, &value));
    same_bits(value, 1, "tie to even");
    text[length - 1] = '1';
    ck_assert(mmoe_parse_double(text, length, &value));
    same_bits(value, 1 + DBL_EPSILON, "above the tie");
    memset(text, '9', length);
    ck_assert(mmoe_parse_double(text, length, &value));
    ck_assert(isinf(value));
    memset(text, '0', length);
    text[1] = '.';
    text[length - 1] = '1';
    ck_assert(mmoe_parse_double(text, length, &value));
    same_bits(value, 0, "underflow");
    memcpy(text + length - 6, "1e19994", 6);
    ck_assert(mmoe_parse_double(text, length, &value)); /* 1e-19993 * 10^1999 */
    same_bits(value, 0, "underflow");
    memset(text, '0', length);
    text[0] = '1';
    memcpy(text + length - 7, "e-19992", 7);
    ck_assert(mmoe_parse_double(text, length, &value)); /* 10^19992 * 10^-19992 */
    same_bits(value, 1, "large digits, small exponent");
    free(text);
}
END_TEST

START_TEST(words_and_what_is_no_number) {
    double value;
    const char *infinite[] = {"inf",  "INF",         "Infinity", "+inf",
                              "-inf", " -Infinity ", "1e999",    "-1e999"};
    for (size_t i = 0; i < sizeof infinite / sizeof *infinite; i++) {
        ck_assert_msg(parse(infinite[i], &value), "%s", infinite[i]);
        ck_assert(isinf(value));
        ck_assert_int_eq(signbit(value) != 0, strchr(infinite[i], '-') != NULL);
    }
    const char * not [] = {"nan", "NaN", "-NAN"};
    for (size_t i = 0; i < sizeof not / sizeof *not ; i++) {
        ck_assert(parse(not [i], &value));
        ck_assert(isnan(value));
    }
    const char *bad[] = {"",     " ",    ".",     "-",      "e5",   "1e",   "1e+", "1.2.3",
                         "1,5",  "0x10", "0x1p3", "x",      "1x",   "1 2",  "--1", "+-1",
                         "infx", "in",   "nanx",  "nan(0)", "1e5.", "1e5x", "$",   "1_0",
                         "NA",   "1d5",  "None",  "- 1",    "1e 5"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        value = 77;
        ck_assert_msg(!parse(bad[i], &value), "%s", bad[i]);
        ck_assert(value == 77);
    }
    ck_assert(!mmoe_parse_double("1\0002", 3, &value));
    ck_assert(mmoe_parse_double("1.25e3", 4, &value)); /* no terminator is looked for */
    ck_assert(value == 1.25);
}
END_TEST

static void formats_as(double value, const char *text) {
    char out[MMOE_NUMBER_SIZE];
    ck_assert_uint_eq(mmoe_format_double(value, out), strlen(text));
    ck_assert_str_eq(out, text);
}

static void float_formats_as(float value, const char *text) {
    char out[MMOE_NUMBER_SIZE];
    ck_assert_uint_eq(mmoe_format_float(value, out), strlen(text));
    ck_assert_str_eq(out, text);
}

START_TEST(texts_are_the_shortest) {
    formats_as(0, "0");
    formats_as(-0.0, "-0");
    formats_as(0.1, "0.1");
    formats_as(-0.25, "-0.25");
    formats_as(0.1 + 0.2, "0.30000000000000004");
    formats_as(1.0 / 3, "0.3333333333333333");
    formats_as(100, "100");
    formats_as(123456.789, "123456.789");
    formats_as(1e15, "1000000000000000");
    formats_as(1e16, "1e+16");
    formats_as(1e23, "1e+23");
    formats_as(1e-4, "0.0001");
    formats_as(1e-5, "1e-05");
    formats_as(-1.25e-7, "-1.25e-07");
    formats_as(5e-324, "5e-324");
    formats_as(DBL_MAX, "1.7976931348623157e+308");
    formats_as(DBL_MIN, "2.2250738585072014e-308");
    formats_as(9007199254740993.0, "9007199254740992");
    formats_as(9.5367431640625e-07, "9.5367431640625e-07");
    formats_as((double)NAN, "nan");
    formats_as((double)INFINITY, "inf");
    formats_as(-(double)INFINITY, "-inf");
    float_formats_as(0.1f, "0.1");
    float_formats_as(1.0f / 3, "0.33333334");
    float_formats_as(16777216.0f, "16777216");
    float_formats_as(FLT_MAX, "3.4028235e+38");
    float_formats_as(1e-45f, "1e-45");
    float_formats_as(-0.0f, "-0");
    float_formats_as(NAN, "nan");
    /* Powers of two, where the nearest of 8 and of 16 digits do not read back but the ones above
     * do. */
    float_formats_as(0x1p-96f, "1.2621775e-29");
    formats_as(0x1p-44, "5.684341886080802e-14");
    formats_as(0x1p+89, "6.189700196426902e+26");
}
END_TEST

START_TEST(texts_read_back) {
    char text[MMOE_NUMBER_SIZE];
    double back;
    for (uint64_t i = 0; i < 20000; i++) {
        uint64_t bits = mmoe_random_bits(7, 1, i);
        double value;
        float single;
        memcpy(&value, &bits, sizeof value);
        memcpy(&single, &bits, sizeof single);
        if (i % 4 == 0) value = ldexp(1, (int)(i % 2000) - 1074);
        if (i % 4 == 1) {
            value = mmoe_random_uniform(7, 2, i);
            single = (float)value;
        }
        if (isfinite(value)) {
            ck_assert_uint_eq(mmoe_format_double(value, text), strlen(text));
            ck_assert(parse(text, &back));
            same_bits(value, back, text);
        }
        if (isfinite(single)) {
            mmoe_format_float(single, text);
            ck_assert(parse(text, &back));
            ck_assert_msg((float)back == single, "%s", text);
            ck_assert_msg(strtof(text, NULL) == single, "%s", text);
        }
    }
}
END_TEST

/* Found without a text, they are what printf says of as many digits as survive. */
START_TEST(short_decimals_are_as_printed) {
    char text[MMOE_NUMBER_SIZE], printed[64];
    for (uint64_t i = 0; i < 4000; i++) {
        const double whole = (double)(mmoe_random_bits(11, 1, i) % 1000000);
        const double value = whole / pow(10, (double)(i % 9));
        if (value != 0 && value < 1e-4) continue;
        mmoe_format_double(value, text);
        snprintf(printed, sizeof printed, "%.15g", value);
        ck_assert_str_eq(text, printed);
        mmoe_format_float((float)value, text);
        snprintf(printed, sizeof printed, "%.6g", (double)(float)value);
        ck_assert_str_eq(text, printed);
    }
    formats_as(999999999999999, "999999999999999");
    formats_as(99999999999999.9, "99999999999999.9");
    formats_as(0.000123456789012345, "0.000123456789012345");
    float_formats_as(999999.5f, "999999.5");
    float_formats_as(0.0001f, "0.0001");
    float_formats_as(0.00009999f, "9.999e-05");
}
END_TEST

static int significant_digits(const char *text) {
    int digits = 0, zeros = 0;
    for (; *text && *text != 'e'; text++) {
        if (*text < '0' || *text > '9' || (*text == '0' && !digits)) continue;
        zeros = *text == '0' ? zeros + 1 : 0;
        digits++;
    }
    return digits - zeros;
}

START_TEST(no_shorter_text_reads_back) {
    char text[MMOE_NUMBER_SIZE], shorter[64];
    for (uint64_t i = 0; i < 3000; i++) {
        double value = i % 3 ? mmoe_random_normal(9, 1, i) : ldexp(1, (int)(i % 600) - 300);
        mmoe_format_double(value, text);
        for (int n = 1; n < significant_digits(text); n++) {
            snprintf(shorter, sizeof shorter, "%.*e", n - 1, value);
            ck_assert_msg(strtod(shorter, NULL) != value, "%s is shorter than %s", shorter, text);
        }
    }
}
END_TEST

/* Of errors, of warnings and of what is put together for them. */
static void sentences_have_points(void) {
    mmoe_error err;
    char text[8];
    mmoe_warnings list = {.alloc = mmoe_allocator_or_default(NULL)};
    mmoe_fail(&err, MMOE_E_DATA, "%.1f, and %g", 1.5, 0.25);
    ck_assert_str_eq(err.message, "1.5, and 0.25");
    ck_assert_int_eq(mmoe_warn(&list, (mmoe_warning){0}, &err, "%.1f %%", 12.5), MMOE_OK);
    ck_assert_str_eq(list.items[0].message, "12.5 %");
    ck_assert_int_eq(mmoe_say(text, sizeof text, "%.2g", 0.5), 3);
    ck_assert_str_eq(text, "0.5");
    mmoe_warnings_finish(&list);
}

START_TEST(a_decimal_comma_changes_nothing) {
    double expected[sizeof numbers / sizeof *numbers], value;
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        expected[i] = strtod(numbers[i], NULL);
    if (!take_comma_locale("a_decimal_comma_changes_nothing")) return;
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        ck_assert_msg(parse(numbers[i], &value), "%s", numbers[i]);
        same_bits(value, expected[i], numbers[i]);
    }
    ck_assert(!parse("1,5", &value));
    formats_as(0.1, "0.1");
    formats_as(1234567.5, "1234567.5");
    formats_as(1.25e-7, "1.25e-07");
    float_formats_as(1.0f / 3, "0.33333334");
    sentences_have_points();
    numbers_have_commas();
    setlocale(LC_ALL, "C");
}
END_TEST

/* Characters from their bytes; what is none has length 0. */
START_TEST(utf8_is_walked) {
    static const struct {
        const char *text;
        size_t bytes;
        uint32_t point;
    } cases[] = {{"a", 1, 'a'},
                 {"\xc2\x80", 2, 0x80},
                 {"\xdf\xbf", 2, 0x7ff},
                 {"\xe0\xa0\x80", 3, 0x800},
                 {"\xed\x9f\xbf", 3, 0xd7ff},
                 {"\xee\x80\x80", 3, 0xe000},
                 {"\xef\xbf\xbf", 3, 0xffff},
                 {"\xf0\x90\x80\x80", 4, 0x10000},
                 {"\xf4\x8f\xbf\xbf", 4, 0x10ffff},
                 {"\x80", 0, 0},     /* begins with what continues */
                 {"\xc1\xbf", 0, 0}, /* longer than needed */
                 {"\xe0\x9f\xbf", 0, 0},
                 {"\xf0\x8f\xbf\xbf", 0, 0},
                 {"\xed\xa0\x80", 0, 0},     /* a surrogate */
                 {"\xf4\x90\x80\x80", 0, 0}, /* above U+10FFFF */
                 {"\xf8\x88\x80\x80\x80", 0, 0},
                 {"\xff", 0, 0},
                 {"\xe2\x82", 0, 0}, /* cut off */
                 {"\xe2\x82x", 0, 0}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint32_t point = 0;
        const size_t length = strlen(cases[i].text);
        ck_assert_uint_eq(mmoe_utf8_next(cases[i].text, length, &point), cases[i].bytes);
        ck_assert_uint_eq(point, cases[i].point);
        ck_assert_int_eq(mmoe_utf8_is(cases[i].text, length), cases[i].bytes == length);
    }
    ck_assert_uint_eq(mmoe_utf8_next("", 0, NULL), 0);
    ck_assert(mmoe_utf8_is("", 0) && mmoe_utf8_is("a\xc3\xa9z", 4));
    ck_assert(!mmoe_utf8_is("a\xc3", 2) && !mmoe_utf8_is("caf\xe9", 4));
}
END_TEST

START_TEST(utf8_is_cut_between_characters) {
    const char *text = "a\xc3\xa9\xe2\x82\xac"; /* 1, 2 and 3 bytes */
    static const size_t cut[] = {0, 1, 1, 3, 3, 3, 6, 6};
    for (size_t most = 0; most < 8; most++)
        ck_assert_uint_eq(mmoe_utf8_cut(text, 6, most), cut[most]);
}
END_TEST

void add_cases(TCase *c) {
    tcase_add_test(c, integers);
    tcase_add_test(c, integers_as_pandas_writes_them);
    tcase_add_test(c, doubles_agree_with_strtod);
    tcase_add_test(c, halves_round_to_even);
    tcase_add_test(c, short_numbers_agree_with_long_ones);
    tcase_add_test(c, thousands_of_digits_round_correctly);
    tcase_add_test(c, words_and_what_is_no_number);
    tcase_add_test(c, texts_are_the_shortest);
    tcase_add_test(c, texts_read_back);
    tcase_add_test(c, short_decimals_are_as_printed);
    tcase_add_test(c, no_shorter_text_reads_back);
    tcase_add_test(c, a_decimal_comma_changes_nothing);
    tcase_add_test(c, utf8_is_walked);
    tcase_add_test(c, utf8_is_cut_between_characters);
}
