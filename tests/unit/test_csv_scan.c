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

static bool is_blank_at(const char *bytes, uint32_t i) {
    return bytes[i] == ' ' || bytes[i] == '\t';
}

static bool are_plain(const char *bytes, uint32_t length) {
    bool plain = true;
    for (uint32_t i = 0; i < length; i++) {
        const bool begins = i == 0 || ends_a_field(bytes[i - 1]),
                   ends = i + 1 < length && ends_a_field(bytes[i + 1]);
        plain = plain && bytes[i] != '"' && !(is_blank_at(bytes, i) && (begins || ends));
    }
    return plain;
}

static void same_lines(const char *bytes, const mmoe_csv_places *is) {
    size_t n = 0;
    for (uint32_t i = 0; i < is->n_ends; i++) {
        if (bytes[is->ends[i]] == '|') continue;
        ck_assert_uint_lt(n, is->n_lines);
        ck_assert_uint_eq(is->lines[n++], i);
    }
    ck_assert_uint_eq(n, is->n_lines);
}

static void same_places(const char *bytes, uint32_t length) {
    static uint32_t found[3][200 + MMOE_SCAN_SLACK], wanted[3][200];
    mmoe_csv_places is = {.ends = found[0], .doubled = found[1], .lines = found[2]},
                    want = {.ends = wanted[0], .doubled = wanted[1]};
    find_slowly(bytes, length, &want);
    mmoe_csv_scanner_best()->find(bytes, length, '|', &is);
    ck_assert_uint_eq(is.n_ends, want.n_ends);
    ck_assert_uint_eq(is.n_doubled, want.n_doubled);
    ck_assert_mem_eq(is.ends, want.ends, is.n_ends * sizeof *is.ends);
    ck_assert_mem_eq(is.doubled, want.doubled, is.n_doubled * sizeof *is.doubled);
    ck_assert_int_eq(is.are_plain, are_plain(bytes, length));
    if (is.are_plain) same_lines(bytes, &is);
}

/* Each field, each quote and each end stands at each place of 64 bytes in turn. */
START_TEST(places_are_found) {
    static const char *const texts[] = {
        "|x\n\r,",   "\"\"|",         "\"|\n\"\n",        "|\"a\"\"b\"\r\n",
        "\"\"\"\"|", "\"a|\"|x\"|\n", "|\"a\"b|\"c|\"\n", "\"\"\"|\n,",
        "\"a\" |\n", "x\ny| \"a\"\n", "x|y z|\n",         " x|",
        "x |",       "|x\t\n",        "\r\n\tx",          "x\n|y\r\n"};
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

/* ---- Numbers ---- */

enum { CELLS = MMOE_CELLS_AT_ONCE, CELL_SIZE = 12 };

/* Cells one behind another, of letters that are drawn; most of them are numbers; or, `are_short`,
 * integers of few digits, and now and then one of other letters or none. */
static void draw_cells(char *bytes, uint32_t before[CELLS], uint32_t ends[CELLS], bool are_short) {
    static const char letters[] = "0123456789012345678901234567890123456789........-+e /:,";
    uint32_t at = 0;
    for (int k = 0; k < CELLS; k++) {
        before[k] = at++ - 1;
        const bool is_short = are_short && below(100) > 0;
        const uint32_t other = below(4) ? below(6) : below(CELL_SIZE - 1),
                       length = is_short ? 1 + below(4) : other,
                       kinds = is_short || below(3) ? 40 : sizeof letters - 1;
        for (uint32_t i = 0; i < length; i++) bytes[at - 1 + i] = letters[below(kinds)];
        ends[k] = at - 1 + length;
        at = ends[k] + 1;
        bytes[at - 1] = ',';
    }
}

/* Of `points` points at most. */
static bool is_short_number(const mmoe_csv_field *f, int points) {
    bool good = f->length >= 1 && f->length <= 8 && *f->text != '.';
    for (size_t i = 0; good && i < f->length; i++)
        good = (f->text[i] == '.' && points-- > 0) || (f->text[i] >= '0' && f->text[i] <= '9');
    return good;
}

START_TEST(cells_are_numbers_alike) {
    static char bytes[CELLS * CELL_SIZE + MMOE_SCAN_SLACK];
    uint32_t before[CELLS], ends[CELLS], integers[CELLS];
    double decimals[CELLS];
    if (!choose_set(_i)) return;
    const mmoe_csv_scanner *scanner = mmoe_csv_scanner_best();
    for (int round = 0; round < 600; round++) {
        draw_cells(bytes, before, ends, round % 2);
        const size_t stride = 1 + (size_t)round % 3, count = 1 + (size_t)round % (CELLS / stride);
        const mmoe_csv_cells cells = {bytes, before, ends, stride, count};
        const uint64_t are_integers = scanner->integers(&cells, integers),
                       are_decimals = scanner->decimals(&cells, decimals);
        ck_assert(count == CELLS || (are_integers | are_decimals) >> count == 0);
        for (size_t k = 0; k < count; k++) {
            const mmoe_csv_field f = mmoe_csv_cells_at(&cells, k);
            const bool is_integer = is_short_number(&f, 0) && (f.length == 1 || *f.text != '0');
            char text[CELL_SIZE + 1] = "";
            memcpy(text, f.text, f.length);
            ck_assert_msg((are_integers >> k & 1) == is_integer, "\"%s\"", text);
            ck_assert_msg((are_decimals >> k & 1) == is_short_number(&f, 1), "\"%s\"", text);
            if (is_integer) ck_assert_uint_eq(integers[k], strtoul(text, NULL, 10));
            if (is_short_number(&f, 1))
                ck_assert_msg(decimals[k] == strtod(text, NULL), "%s", text);
        }
    }
}
END_TEST

/* ---- Lists ---- */

/* Behind another cell, as the walk has them. */
static void cut_alike(const mmoe_list_how *how, const char *bytes, uint32_t begin, uint32_t end) {
    static uint32_t room[5][1000];
    bool is_cut[2];
    mmoe_list_cuts cuts = {.bytes = bytes,
                           .before = room[0],
                           .ends = how->weight_separator ? room[1] : room[2],
                           .tails = room[2],
                           .others = {room[3], room[4]}};
    const size_t before =
                     mmoe_list_cut(&cuts, mmoe_csv_scanner_best(), how, begin, begin + 1, is_cut),
                 n = mmoe_list_cut(&cuts, mmoe_csv_scanner_best(), how, begin, end, is_cut + 1);
    mmoe_list_walk walk = mmoe_list_walk_begin(how, (mmoe_csv_field){bytes + begin, end - begin});
    mmoe_element e;
    ck_assert_int_eq(is_cut[1], walk.is_cut);
    ck_assert_uint_eq(cuts.n, before + n);
    for (size_t i = before; i < cuts.n; i++) {
        ck_assert(mmoe_list_walk_next(&walk, &e));
        ck_assert_ptr_eq(bytes + (uint32_t)(cuts.before[i] + 1), e.value.text);
        ck_assert_ptr_eq(bytes + cuts.ends[i], e.value.text + e.value.length);
        ck_assert_int_eq(cuts.tails[i] > cuts.ends[i], e.weight.text != NULL);
        if (e.weight.text) ck_assert_ptr_eq(bytes + cuts.ends[i] + 1, e.weight.text);
        if (e.weight.text) ck_assert_ptr_eq(bytes + cuts.tails[i], e.weight.text + e.weight.length);
    }
    ck_assert(!mmoe_list_walk_next(&walk, &e));
}

START_TEST(lists_are_cut_alike) {
    static const char letters[] = "||:12";
    static const int32_t lengths[] = {0, 1, 3, 63, 64, 65, 500};
    static char text[1 + 400 + MMOE_SCAN_SLACK];
    uint32_t x = 1;
    if (!choose_set(_i)) return;
    for (int round = 0; round < 6000; round++) {
        const uint32_t length = 1 + (x = x * 69069 + 1) / 65536 % (round % 2 ? 20 : 400),
                       letter = round % 5 ? sizeof letters - 1 : 3, /* or hardly a digit */
            begin = 1 + (uint32_t)round % 2;
        for (size_t i = 0; i < length; i++)
            text[begin + i] = letters[(x = x * 69069 + 1) / 65536 % letter];
        const mmoe_list_how how = {.separator = '|',
                                   .weight_separator = round % 3 ? '\0' : ':',
                                   .max_len = lengths[round % 7],
                                   .truncate = round % 11 % 2 ? MMOE_KEEP_LAST : MMOE_KEEP_FIRST};
        cut_alike(&how, text + begin * (round % 4 / 2), begin * (1 - round % 4 / 2),
                  begin * (1 - round % 4 / 2) + length);
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
    tcase_add_loop_test(c, cells_are_numbers_alike, 0, MOST_SETS);
    tcase_add_loop_test(c, lists_are_cut_alike, 0, MOST_SETS);
}
