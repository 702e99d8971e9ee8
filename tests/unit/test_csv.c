/* CSV, row by row */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "csv_support.h"
#include "failing.h"

static void refused(const char *csv, size_t length, int64_t row, const char *message) {
    seen s = {0};
    mmoe_error err = {0};
    ck_assert_int_eq(parse(csv, length, &s, &err), MMOE_E_FORMAT);
    ck_assert_int_eq(err.code, MMOE_E_FORMAT);
    ck_assert_str_eq(err.message, message);
    ck_assert_str_eq(err.file, "a.csv");
    ck_assert_int_eq(err.row, row);
}
#define REFUSED(csv, row, message) refused(csv, sizeof(csv) - 1, row, message)

START_TEST(rows_and_fields) {
    gives("a,b\n1,2\n3,4\n", "1:[a][b]2:[1][2]3:[3][4]");
    gives("a,b\n1,2\n3,4", "1:[a][b]2:[1][2]3:[3][4]");
    gives("a,b\n1,\n,4\n,\n", "1:[a][b]2:[1][]3:[][4]4:[][]");
    gives("a,b\n1,", "1:[a][b]2:[1][]");
    gives("a\n1\n2", "1:[a]2:[1]3:[2]");
}
END_TEST

START_TEST(crlf_and_blank_lines) {
    gives("a,b\r\n1,2\r\n3,4\r\n", "1:[a][b]2:[1][2]3:[3][4]");
    gives("a,b\r\n1,2\r\n3,4", "1:[a][b]2:[1][2]3:[3][4]");
    gives("a,b\r1,2\r", "1:[a][b]2:[1][2]");
    gives("\n\r\n  \na,b\n\n1,2\n\t\n\n3,4\n\n\n",
          "1:[a][b]2:[1][2]3:[3][4]"); /* blank lines are no records and have no number */
}
END_TEST

START_TEST(byte_order_mark) {
    gives("\xEF\xBB\xBF"
          "a,b\n1,2\n",
          "1:[a][b]2:[1][2]");
    gives("\xEF\xBB\xBF\"a\",b\n1,2\n", "1:[a][b]2:[1][2]");
    gives("a,b\n\xEF\xBB\xBF"
          "1,2\n",
          "1:[a][b]2:[\xEF\xBB\xBF"
          "1][2]"); /* at the start only */
    REFUSED("\xEF\xBB\xBF", 0, "a.csv: the file is empty: it has no header");
}
END_TEST

START_TEST(quoted_fields) {
    gives("a,\"b,c\"\n\"x\ny\",\"say \"\"hi\"\"\"\n\"\",z\n",
          "1:[a][b,c]2:[x\ny][say \"hi\"]3:[][z]");
    gives("a,b\r\n\"1\r\n2\",3\r\n4,5\r\n",
          "1:[a][b]2:[1\r\n2][3]3:[4][5]"); /* a newline in quotes begins no row */
    gives("a,b\n\" 1 \", 2 \n\"x\" , \"y\"", "1:[a][b]2:[ 1 ][2]3:[x][y]");
    gives("a\n\"\"\n", "1:[a]2:[]");
    gives("a\n\"x\"", "1:[a]2:[x]");
}
END_TEST

START_TEST(malformed_quotes) {
    REFUSED("a,b\n1,2\n3,x\"y\n", 3, "a.csv: row 3: malformed quotes in field 2");
    REFUSED("a,b\n\"1\"x,2\n", 2, "a.csv: row 2: malformed quotes in field 1");
    REFUSED("a,b\n1,2\n3,\"4\n5,6\n", 3, "a.csv: row 3: the file ends within quotes, in field 2");
    REFUSED("a,\"b", 1, "a.csv: row 1: the file ends within quotes, in field 2");
    REFUSED("a\"b,c\n", 1, "a.csv: row 1: malformed quotes in field 1");
}
END_TEST

START_TEST(ragged_rows) {
    REFUSED("a,b,c\n1,2,3\n4,5\n", 3, "a.csv: row 3: 2 fields, but the header has 3");
    REFUSED("a,b\n1,2\n\"x\n\n\ny\",4\n\n5,6,7\n", 4,
            "a.csv: row 4: 3 fields, but the header has 2");
    REFUSED("a,b\n1,2\n3", 3, "a.csv: row 3: 1 fields, but the header has 2");
    REFUSED("a\n1,2\n", 2, "a.csv: row 2: 2 fields, but the header has 1");
}
END_TEST

static mmoe_csv_passed passed_of(const char *csv, const char *rows) {
    seen s = {0};
    mmoe_error err = {0};
    mmoe_csv_passed passed = {0};
    const mmoe_csv_handler handler = {&s, on_header, on_row, .passed = &passed};
    ck_assert_msg(mmoe_csv_parse(csv, strlen(csv), "a.csv", &handler, NULL, &err) == MMOE_OK,
                  "%s: %s", csv, err.message);
    ck_assert_str_eq(s.text, rows);
    return passed;
}

START_TEST(a_blank_line_is_a_row_of_one_field) {
    gives("a\n1\n\n2\n", "1:[a]2:[1]3:[]4:[2]");
    gives("a\r\n1\r\n\r\n2\r\n", "1:[a]2:[1]3:[]4:[2]");
    gives("a\r1\r\r2\r", "1:[a]2:[1]3:[]4:[2]");
    gives("a\n\"\"\n  \n\t\n\n", "1:[a]2:[]3:[]4:[]5:[]");
    gives("\n\na\n\n", "1:[a]2:[]");
    gives("sep=,\na\n\n1", "1:[a]2:[]3:[1]");
    gives("a\r\n\"1\r\n\r\n\"\r\n\r\n", "1:[a]2:[1\r\n\r\n]3:[]");
}
END_TEST

START_TEST(what_is_passed_over_is_counted) {
    mmoe_csv_passed passed =
        passed_of("a,b\r\n1,2\r\n\r\n \r\n3,4\r\n\r\n", "1:[a][b]2:[1][2]3:[3][4]");
    ck_assert_int_eq(passed.blank_lines, 3);
    ck_assert_int_eq(passed.blank_behind, 2);
    ck_assert_int_eq(passed.commas, 0);
    passed = passed_of("a,b\r\n1,2\r\n3,4\r\n", "1:[a][b]2:[1][2]3:[3][4]");
    ck_assert_int_eq(passed.blank_lines, 0);
    passed = passed_of("\na,b\n1,2\n", "1:[a][b]2:[1][2]");
    ck_assert_int_eq(passed.blank_lines, 1);
    ck_assert_int_eq(passed.blank_behind, 0);
    passed = passed_of("a\n1\n\n", "1:[a]2:[1]3:[]");
    ck_assert_int_eq(passed.blank_lines, 0);
}
END_TEST

START_TEST(a_comma_may_end_every_row) {
    mmoe_csv_passed passed = passed_of("a,b\n1,2,\n3,,\n5,6\n", "1:[a][b]2:[1][2]3:[3][]4:[5][6]");
    ck_assert_int_eq(passed.commas, 2);
    passed = passed_of("a\n1,\n,\n", "1:[a]2:[1]3:[]");
    ck_assert_int_eq(passed.commas, 2);
    passed = passed_of("a,b,\n1,2,\n", "1:[a][b][]2:[1][2][]"); /* a column without a name */
    ck_assert_int_eq(passed.commas, 0);
    REFUSED("a,b\n1,2\n3,4,\n", 3, "a.csv: row 3: 3 fields, but the header has 2");
    REFUSED("a,b\n1,2,\n3,4,5\n", 3, "a.csv: row 3: 3 fields, but the header has 2");
    REFUSED("a,b\n1,2,,\n", 2, "a.csv: row 2: 4 fields, but the header has 2");
}
END_TEST

START_TEST(a_first_line_may_name_the_separator) {
    gives("sep=,\na,b\n1,2\n", "1:[a][b]2:[1][2]");
    gives("sep=;\r\na;b\r\n1;2,5\r\n", "1:[a][b]2:[1][2,5]");
    gives("\xEF\xBB\xBFsep=\t\na\tb\n1\t2\n", "1:[a][b]2:[1][2]");
    gives("\"sep=|\"\n\"a\"|b\n1|\"2|3\"\n", "1:[a][b]2:[1][2|3]");
    gives("sep=x,b\n1,2\n", "1:[sep=x][b]2:[1][2]"); /* a column's name */
    gives("sep=,b\n1,2\n", "1:[sep=][b]2:[1][2]");
}
END_TEST

static mmoe_status refuse_header(void *user, const mmoe_csv_field *fields, size_t n,
                                 mmoe_error *err) {
    (void)user, (void)fields, (void)n;
    if (err) strcpy(err->message, "no such column");
    return MMOE_E_CONFIG;
}

static void guesses(const char *csv, const char *message) {
    mmoe_error err = {0};
    const mmoe_csv_handler handler = {NULL, refuse_header, on_row};
    ck_assert_int_ne(mmoe_csv_parse(csv, strlen(csv), "a.csv", &handler, NULL, &err), MMOE_OK);
    ck_assert_str_eq(err.message, message);
}

#define SEPARATED(by)                                                                              \
    "a.csv: row 1: the file looks separated by " by ", but commas separate columns; a first line " \
    "of sep= and another character says what does"

START_TEST(a_refused_header_may_have_another_separator) {
    guesses("user;price;click\n1;2;0\n", SEPARATED("';'"));
    guesses("\"user\";\"price\"\n1;2\n", SEPARATED("';'"));
    guesses("user\tprice\n1\t2\n", SEPARATED("tabs"));
    guesses("user|price\n1|2\n", SEPARATED("'|'"));
    guesses("user,price;click\n1,2\n", "no such column");
    guesses("user\n1;2\n", "no such column");
    gives("a;b\n1;2\n", "1:[a;b]2:[1;2]"); /* a name, where it is taken */
}
END_TEST

START_TEST(packed_files_are_named) {
#define LOOKS(csv, what) REFUSED(csv, 1, "a.csv: row 1: the file looks " what)
#define IN_UTF16 "like UTF-16, but only UTF-8 is read: convert it first (iconv -t UTF-8)"
    LOOKS("\x1f\x8b\x08\0\0", "compressed by gzip: unpack it first");
    LOOKS("BZh91AY&SY..", "compressed by bzip2: unpack it first");
    LOOKS("\x28\xb5\x2f\xfd\x04", "compressed by zstd: unpack it first");
    LOOKS("\xfd\x37zXZ\0", "compressed by xz: unpack it first");
    LOOKS("\x04\x22\x4d\x18\x64", "compressed by LZ4: unpack it first");
    for (int i = 0; i < 2; i++) {
        char tar[512] = "a.csv";
        memcpy(tar + 257, i ? "ustar  " : "ustar\00000", 8);
        refused(tar, sizeof tar, 1,
                "a.csv: row 1: the file looks like a tar archive: unpack it first");
    }
    LOOKS("PK\x03\x04..", "like a zip archive, as spreadsheets are: save it as CSV first");
    LOOKS("PAR1..", "like a Parquet file: write it as CSV first");
    LOOKS("ARROW1\0\0", "like an Arrow file: write it as CSV first");
    LOOKS("\x93NUMPY\x01", "like an array of NumPy's: write it as CSV first");
    LOOKS("{\"a\":1,\"b\":2}\n", "like JSON: write it as CSV first");
    LOOKS("{ \"a\": 1}\n", "like JSON: write it as CSV first");
    LOOKS("[{\"a\":1}]\n", "like JSON: write it as CSV first");
    LOOKS("<!DOCTYPE html>\n",
          "like a page of HTML, perhaps one that says why the file is not there");
    LOOKS("<html><body>404\n",
          "like a page of HTML, perhaps one that says why the file is not there");
    LOOKS("version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 9\n",
          "like a pointer of Git LFS: fetch the file (git lfs pull)");
    gives("{a},version\n1,2\n", "1:[{a}][version]2:[1][2]");
    LOOKS("\xff\xfe"
          "a\0,\0b\0\n\0",
          IN_UTF16);
    LOOKS("\xfe\xff\0a\0,", IN_UTF16);
    LOOKS("a\0,\0b\0\n\0", IN_UTF16);
    LOOKS("\0a\0,\0b", IN_UTF16);
}
END_TEST

START_TEST(quotes_are_text_by_choice) {
    seen s = {0};
    mmoe_error err = {0};
    const mmoe_csv_handler handler = {&s, on_header, on_row, .lenient = true};
    static const char csv[] = "a,b\n5\" tv,2\n\"x\",\"5\"\" tv\"\n\"1 \"x\" 2\",a\"b\"\n";
    ck_assert_msg(mmoe_csv_parse(csv, sizeof csv - 1, "a.csv", &handler, NULL, &err) == MMOE_OK,
                  "%s", err.message);
    ck_assert_str_eq(s.text, "1:[a][b]2:[5\" tv][2]3:[x][5\" tv]4:[1 \"x\" 2][a\"b\"]");
    s = (seen){0};
    ck_assert_int_eq(mmoe_csv_parse("a\n\"1\n", 5, "a.csv", &handler, NULL, &err), MMOE_E_FORMAT);
}
END_TEST

START_TEST(no_rows) {
    REFUSED("", 0, "a.csv: the file is empty: it has no header");
    REFUSED("\n\r\n \n", 0, "a.csv: the file is empty: it has no header");
    gives("a,b\n", "1:[a][b]"); /* what a header without rows means, the caller says */
    gives("a,b", "1:[a][b]");
    gives("a,b\r\n\r\n", "1:[a][b]");
}
END_TEST

START_TEST(zero_bytes) {
    REFUSED("a,b\n1,2\n3,\0\n", 3, "a.csv: row 3: a zero byte: the file is no text in UTF-8");
    REFUSED("\0", 1, "a.csv: row 1: a zero byte: the file is no text in UTF-8");
    REFUSED("a,b\n1\n3,\0\n", 2,
            "a.csv: row 2: 1 fields, but the header has 2"); /* the first fault counts */
}
END_TEST

START_TEST(a_handler_may_stop) {
    seen s = {.stop_at = 3};
    mmoe_error err = {0};
    const char *csv = "a\n1\n2\n3\n4\nx\"";
    ck_assert_int_eq(parse(csv, strlen(csv), &s, &err), MMOE_E_CANCELLED);
    ck_assert_str_eq(s.text, "1:[a]2:[1]");
    ck_assert_str_eq(err.message, "stopped");
}
END_TEST

static mmoe_status read_within_row(void *user, int64_t row, const mmoe_csv_field *fields,
                                   mmoe_error *err) {
    (void)row;
    (void)fields;
    seen inner = {0};
    failing f = {0};
    mmoe_allocator a = failing_allocator(&f);
    mmoe_csv_handler handler = {&inner, on_header, on_row};
    ck_assert_int_eq(mmoe_csv_parse("i\n1\n2\n", 6, "inner", &handler, &a, err), MMOE_OK);
    ck_assert_int_eq(inner.rows, 2);
    ck_assert_int_eq(f.live, 0);
    *(int *)user += 1;
    return MMOE_OK;
}

static mmoe_status pass_header(void *user, const mmoe_csv_field *fields, size_t n,
                               mmoe_error *err) {
    (void)user;
    (void)fields;
    (void)n;
    (void)err;
    return MMOE_OK;
}

START_TEST(reading_nests) {
    int calls = 0;
    failing f = {0};
    mmoe_allocator a = failing_allocator(&f);
    char csv[9000] = "a\n1\n2\n";
    memset(csv + 6, 'x', sizeof csv - 6); /* grows after the rows within */
    mmoe_csv_handler handler = {&calls, pass_header, read_within_row};
    ck_assert_int_eq(mmoe_csv_parse(csv, sizeof csv, "outer", &handler, &a, NULL), MMOE_OK);
    ck_assert_int_eq(calls, 3);
    ck_assert_int_eq(f.live, 0);
}
END_TEST

static mmoe_status pass_row(void *user, int64_t row, const mmoe_csv_field *fields,
                            mmoe_error *err) {
    (void)user;
    (void)row;
    (void)fields;
    (void)err;
    return MMOE_OK;
}

START_TEST(a_row_that_finds_no_memory_has_its_place) {
    failing f = {0};
    const mmoe_allocator a = failing_allocator(&f);
    const mmoe_csv_handler handler = {NULL, pass_header, pass_row};
    char csv[9000] = "a\n1\n\"2\"\n";
    int placed = 0;
    memset(csv + 8, 'x', sizeof csv - 8);
    while (failing_next(&f)) {
        mmoe_error err = {0};
        const mmoe_status status = mmoe_csv_parse(csv, sizeof csv, "long.csv", &handler, &a, &err);
        if (status || !f.refused) failing_check(&f, status, &err);
        placed += err.row == 4 && strstr(err.message, "long.csv: row 4: out of memory: ");
    }
    ck_assert_int_gt(placed, 0);
}
END_TEST

void add_cases(TCase *c) {
    tcase_add_test(c, a_row_that_finds_no_memory_has_its_place);
    tcase_add_test(c, rows_and_fields);
    tcase_add_test(c, crlf_and_blank_lines);
    tcase_add_test(c, byte_order_mark);
    tcase_add_test(c, quoted_fields);
    tcase_add_test(c, malformed_quotes);
    tcase_add_test(c, ragged_rows);
    tcase_add_test(c, no_rows);
    tcase_add_test(c, zero_bytes);
    tcase_add_test(c, a_handler_may_stop);
    tcase_add_test(c, a_blank_line_is_a_row_of_one_field);
    tcase_add_test(c, what_is_passed_over_is_counted);
    tcase_add_test(c, a_comma_may_end_every_row);
    tcase_add_test(c, a_first_line_may_name_the_separator);
    tcase_add_test(c, a_refused_header_may_have_another_separator);
    tcase_add_test(c, packed_files_are_named);
    tcase_add_test(c, quotes_are_text_by_choice);
    tcase_add_test(c, reading_nests);
}
