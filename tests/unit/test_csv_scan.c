/* The scanner of CSV against libcsv alone, the specification; and cells of lists as they are cut
 * where 64 bytes of a text can be read, against a byte at a time. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/csv_scan.h"
#include "base/csv_stretch.h"
#include "check_main.h"
#include "csv_told.h"
#include "data/list_cell.h"

static void same_by(const char *bytes, size_t length, mmoe_csv_handler how) {
    char *wanted, *told = csv_tells_otherwise(bytes, length, how, &wanted);
    ck_assert_msg(!told, "the reader tells:\n%s\nlibcsv:\n%s\nof: %.*s", told, wanted, (int)length,
                  bytes);
}

static void same(const char *bytes, size_t length) {
    for (int i = 0; i < 4; i++)
        same_by(bytes, length, (mmoe_csv_handler){.lenient = i & 1, .headless = i & 2});
    same_by(bytes, length, (mmoe_csv_handler){.separator = ';'});
    same_by(bytes, length, (mmoe_csv_handler){.separator = '\t'});
    same_by(bytes, length, (mmoe_csv_handler){.separator = ' '});
}

/* The instructions that the tests of a loop run with. */
enum { MOST_SETS = 3 };
static bool choose_set(int index) {
    const mmoe_csv_scanner *scanner = mmoe_csv_scanner_at((size_t)index);
    if (scanner) setenv("MMOE_KERNELS", scanner->name, 1);
    return scanner;
}

START_TEST(sets_are_chosen_by_name) {
    const mmoe_csv_scanner *last = NULL;
    ck_assert_ptr_null(mmoe_csv_scanner_at(MOST_SETS));
    for (int i = 0; choose_set(i); i++) {
        last = mmoe_csv_scanner_at((size_t)i);
        ck_assert_ptr_eq(mmoe_csv_scanner_best(), last);
    }
    setenv("MMOE_KERNELS", "sse", 1);
    ck_assert_ptr_eq(mmoe_csv_scanner_best(), last);
    unsetenv("MMOE_KERNELS");
    ck_assert_ptr_eq(mmoe_csv_scanner_best(), last);
    ck_assert_str_eq(mmoe_csv_scanner_at(0)->name, "generic");
}
END_TEST

static bool ends_a_field(char c) { return c == '|' || c == '\n' || c == '\r'; }

/* The same places, a byte after the other. */
static void find_slowly(const char *bytes, uint32_t length, mmoe_csv_places *out) {
    bool is_within = false;
    out->n_ends = out->n_doubled = 0;
    for (uint32_t i = 0; i < length; i++) {
        const bool begins = i == 0 || ends_a_field(bytes[i - 1]),
                   is_behind_quote = i > 0 && bytes[i - 1] == '"';
        if (!is_within && ends_a_field(bytes[i])) out->ends[out->n_ends++] = i;
        if (bytes[i] != '"') continue;
        if (!is_within && !begins && !is_behind_quote) return;
        if (!is_within && is_behind_quote) out->doubled[out->n_doubled++] = i;
        is_within = !is_within;
        if (!is_within && !ends_a_field(bytes[i + 1]) && bytes[i + 1] != '"') return;
    }
}

static void same_places(const char *bytes, uint32_t length) {
    static uint32_t found[2][200 + MMOE_SCAN_SLACK], wanted[2][200];
    mmoe_csv_places is = {.ends = found[0], .doubled = found[1]},
                    want = {.ends = wanted[0], .doubled = wanted[1]};
    find_slowly(bytes, length, &want);
    mmoe_csv_scanner_best()->find(bytes, length, '|', &is);
    ck_assert_uint_eq(is.n_ends, want.n_ends);
    ck_assert_uint_eq(is.n_doubled, want.n_doubled);
    ck_assert_mem_eq(is.ends, want.ends, is.n_ends * sizeof *is.ends);
    ck_assert_mem_eq(is.doubled, want.doubled, is.n_doubled * sizeof *is.doubled);
}

/* Each field, each quote and each end stands at each place of 64 bytes in turn. */
START_TEST(places_are_found) {
    static const char *const texts[] = {"|x\n\r,",          "\"\"|",      "\"|\n\"\n",
                                        "|\"a\"\"b\"\r\n",  "\"\"\"\"|",  "\"a|\"|x\"|\n",
                                        "|\"a\"b|\"c|\"\n", "\"\"\"|\n,", "\"a\" |\n",
                                        "x\ny| \"a\"\n"};
    char bytes[200 + MMOE_SCAN_SLACK];
    if (!choose_set(_i)) return;
    for (size_t t = 0; t < sizeof texts / sizeof *texts; t++)
        for (uint32_t before = 0; before < 70; before++) {
            const uint32_t length = 130 + before;
            memset(bytes, '|', sizeof bytes); /* what stands behind does not count */
            for (uint32_t i = before; i < length; i++)
                bytes[i] = texts[t][(i - before) % strlen(texts[t])];
            same_places(bytes, length);
        }
}
END_TEST

START_TEST(awkward_files_read_the_same) {
#define TEXT(text)                                                                                 \
    { text, sizeof text - 1 }
    static const struct {
        const char *bytes;
        size_t length;
    } texts[] = {
        TEXT(""),
        TEXT("\n"),
        TEXT("a"),
        TEXT("a,b\n1,2"),
        TEXT("a,b\r\n1,2\r\n\r\n3,4\r\n"),
        TEXT("a,b\r1,2\r\r3,4\r"),
        TEXT("a,b\n\r1,2\n\r\n3,4\r \n5,6\r\t\r\n"),
        TEXT("a\r\n\r\n1\r\n \r\n\n\r2\r \n3"),
        TEXT(" a , b\t\n \t1 2\t , \n,\n ,\t\n"),
        TEXT("a,b,\n1,2,\n3,,\n,,\n"),
        TEXT("a,b\n1,2,\n3,4, \n5,6\n"),
        TEXT("a,b\n1,2\n3,4,\n"),
        TEXT("a,b\n1,2\n3\n"),
        TEXT("a,b\n1,2\n\"3\",4\n5,6\n"),
        TEXT("a,b\n1,\"2\n\n,\r\n\"\n3,4\n\"\"\"\",5\r\n6,7"),
        TEXT("a,b\n1,\"2\r\"\r3,4\r\"5\",6\r"),
        TEXT("\"a\",\"b\"\r\n\"\",\"\"\r\n\"\"\"\",\" \"\r\n\"1\"\"\",\"\"\"2\"\r\n"),
        TEXT("a,b\n\"1,\",\",2\"\n\"\n\"\"\n\",\"\r\n\"\n\"x\"\"y\"\"\"\"z\",\"\"\"\"\"\"\n"),
        TEXT("a,b\n \"1\",2\n\"3\" ,4\n5,\t\"6\"\t\n\" 7 \",\"\t8\"\n"),
        TEXT("a,b\n1,\"2\""),
        TEXT("a,b\n1,\"2\"\"\"\n"),
        TEXT("a,b\n1,\"\"2\"\"\n3,\"4\"\n"),
        TEXT("a\n\"\"\n\"1\"\n\n \n\"\"\r\n\"\"\"\"\n"),
        TEXT("a,b\n\"1\",\"2\",\n\"3\",\"4\",\"\"\n"),
        TEXT("a,b\n1,2\n3,x\"y\n5,6\n"),
        TEXT("a,b\n\"1\"x,2\n"),
        TEXT("a,b\n1,2\n3,\"4\n5,6\n"),
        TEXT("a,b\n1,2\n3,\0\n"),
        TEXT("a,b\n1\n3,\0\n"),
        TEXT("a,b\n\"1\0\",2\n"),
        TEXT("\xEF\xBB\xBF"
             "a,b\n\xEF\xBB\xBF,2\n"),
        TEXT("\xEF\xBB\xBFsep=;\r\na;b\r\n1;2,5\r\n"),
        TEXT("sep= \na b\n1 2\n"),
        TEXT("sep=\t\na\tb\tc\n1\t\t2\n\t\t\n"),
        TEXT("\"sep=|\"\n\"a\"|b\n1|\"2|3\"\n4|5\n"),
        TEXT("a;b\n1;2\n"),
        TEXT("\x1f\x8b\x08"),
    };
    if (!choose_set(_i)) return;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) same(texts[i].bytes, texts[i].length);
}
END_TEST

/* ---- Random files ---- */

static uint32_t below(uint32_t n) {
    static uint32_t state = 1;
    state = state * 1664525u + 1013904223u;
    return (uint32_t)(((uint64_t)(state >> 8) * n) >> 24);
}

#define ONE_OF(list) list[below(sizeof list / sizeof *list)]

static size_t put(char *to, const char *text) {
    memcpy(to, text, strlen(text));
    return strlen(text);
}

START_TEST(random_letters_read_the_same) {
    static const char *const letters[] = {"a",  "1",  "1", ",",  ",", "\"",
                                          "\n", "\r", " ", "\t", ";", "\xEF\xBB\xBF"};
    char text[400];
    if (!choose_set(_i)) return;
    for (int k = 0; k < 700; k++) {
        size_t length = 0;
        for (uint32_t n = below(100); n; n--) length += put(text + length, ONE_OF(letters));
        if (length && below(20) == 0) text[below((uint32_t)length)] = '\0';
        same(text, length);
    }
}
END_TEST

/* Rows of as many fields, but for a few: most files are read to their end. */
static size_t put_random_rows(char *text, uint32_t columns, uint32_t rows) {
    static const char *const fields[] = {
        "",      "a",      "1234567", " 1 ", "1 2",    "\t",          "a;b", "\"a\"",
        "\",\"", "\"\n\"", "\"\"",    "11",  " \"x\"", "\"a\"\"b\" ", "12",  "\xEF\xBB\xBF"};
    static const char *const ends[] = {"\n", "\n", "\n", "\r\n", "\r\n", "\r", "\n\n", "\n \r\n"};
    size_t length = 0;
    for (; rows; rows--) {
        for (uint32_t i = 0; i < columns; i++) {
            if (i) text[length++] = ',';
            length += put(text + length, below(3) ? "12" : ONE_OF(fields));
        }
        if (below(100) == 0) text[length++] = ',';
        length += put(text + length, ONE_OF(ends));
    }
    return length;
}

START_TEST(random_rows_read_the_same) {
    char text[40 * 8 * 12];
    if (!choose_set(_i)) return;
    for (int k = 0; k < 200; k++) same(text, put_random_rows(text, 1 + below(6), below(40)));
}
END_TEST

/* ---- What is taken at a time ---- */

/* The end of a block, or of a stretch that is scanned, at each place of a text. */
START_TEST(blocks_end_anywhere) {
    static const char text[] =
        "1,2\r\n3,\"4\n\r\"\"\n,\"\r\n\r\n \n 5 ,\"\"\n\"6\",\"\"\"\"\n\"8\" ,9\n";
    const size_t sizes[] = {MMOE_CSV_STRETCH, MMOE_CSV_BLOCK}, length = sizeof text - 1;
    char *csv = malloc(MMOE_CSV_BLOCK + length);
    for (size_t i = 0; i < length; i++) {
        memset(csv, '\n', MMOE_CSV_BLOCK);
        memcpy(csv, "a,b\n", 4);
        memcpy(csv + sizes[_i] - i, text, length);
        same_by(csv, sizes[_i] - i + length, (mmoe_csv_handler){.lenient = false});
    }
    free(csv);
}
END_TEST

START_TEST(long_rows_read_the_same) {
    const size_t length = 3 * MMOE_CSV_BLOCK;
    char *csv = malloc(length);
    memset(csv, 'x', length);
    memcpy(csv, "a,b\n1,2\n3,", 10);
    memcpy(csv + MMOE_CSV_BLOCK / 2, "\n4,5\n6", 6);
    memcpy(csv + MMOE_CSV_BLOCK, ",7\n8,9\n,10\r\n11,", 15);
    same(csv, length);
    for (size_t i = 10; i < length; i += 3) csv[i] = ',';
    same(csv, length);
    free(csv);
}
END_TEST

/* ---- Lists ---- */

/* Asked for a few elements at a time, or for many. */
static void cut_alike(const mmoe_list_how *how, mmoe_csv_field cell, size_t most) {
    mmoe_element fast[64], plain[1];
    mmoe_list_walk a = mmoe_list_walk_begin(how, cell, true),
                   b = mmoe_list_walk_begin(how, cell, false);
    ck_assert_int_eq(a.is_cut, b.is_cut);
    for (size_t n = most; n;) {
        n = mmoe_list_walk_next(&a, fast, most);
        ck_assert_uint_le(n, most);
        for (size_t i = 0; i < n; i++) {
            ck_assert_uint_eq(mmoe_list_walk_next(&b, plain, 1), 1);
            ck_assert_ptr_eq(fast[i].value.text, plain->value.text);
            ck_assert_uint_eq(fast[i].value.length, plain->value.length);
            ck_assert_ptr_eq(fast[i].weight.text, plain->weight.text);
            ck_assert_uint_eq(fast[i].weight.length, plain->weight.length);
        }
    }
    ck_assert_uint_eq(mmoe_list_walk_next(&b, plain, 1), 0);
}

START_TEST(lists_are_cut_alike) {
    static const char letters[] = "||:12";
    static const int32_t lengths[] = {0, 1, 3, 63, 64, 65, 500};
    static const size_t many[] = {1, 3, 64};
    static char text[400 + 64];
    uint32_t x = 1;
    for (int round = 0; round < 6000; round++) {
        const size_t length = 1 + (x = x * 69069 + 1) / 65536 % (round % 2 ? 20 : 400);
        const uint32_t letter = round % 5 ? sizeof letters - 1 : 3; /* or hardly a digit */
        for (size_t i = 0; i < length; i++) text[i] = letters[(x = x * 69069 + 1) / 65536 % letter];
        const mmoe_list_how how = {.separator = '|',
                                   .weight_separator = round % 3 ? '\0' : ':',
                                   .max_len = lengths[round % 7],
                                   .truncate = round % 11 % 2 ? MMOE_KEEP_LAST : MMOE_KEEP_FIRST};
        for (int i = 0; i < 3; i++) cut_alike(&how, (mmoe_csv_field){text, length}, many[i]);
    }
}
END_TEST

void add_cases(TCase *c) {
    tcase_add_test(c, sets_are_chosen_by_name);
    tcase_add_loop_test(c, places_are_found, 0, MOST_SETS);
    tcase_add_loop_test(c, awkward_files_read_the_same, 0, MOST_SETS);
    tcase_add_loop_test(c, random_letters_read_the_same, 0, MOST_SETS);
    tcase_add_loop_test(c, random_rows_read_the_same, 0, MOST_SETS);
    tcase_add_loop_test(c, blocks_end_anywhere, 0, 2);
    tcase_add_test(c, long_rows_read_the_same);
    tcase_add_test(c, lists_are_cut_alike);
}
