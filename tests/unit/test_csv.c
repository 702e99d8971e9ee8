/* CSV, row by row */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/csv.h"
#include "check_main.h"
#include "failing.h"

/* What the handler saw: fields in brackets, "R:" before each row. */
typedef struct seen {
    char text[4096];
    size_t used, longest;
    int64_t rows, stop_at;
    size_t n_fields;
    int32_t failed_calls;
} seen;

static void put(seen *s, const char *text, size_t length) {
    if (length > 200) length = 200;
    if (s->used + length + 1 > sizeof s->text) return;
    memcpy(s->text + s->used, text, length);
    s->used += length;
    s->text[s->used] = '\0';
}

static void put_row(seen *s, int64_t row, const mmoe_csv_field *fields) {
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

static mmoe_status on_header(void *user, const mmoe_csv_field *fields, size_t n, mmoe_error *err) {
    seen *s = user;
    (void)err;
    ck_assert_int_eq(s->rows, 0);
    s->n_fields = n;
    put_row(s, 1, fields);
    return MMOE_OK;
}

static mmoe_status on_row(void *user, int64_t row, const mmoe_csv_field *fields, mmoe_error *err) {
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

static mmoe_status parse(const char *bytes, size_t length, seen *s, mmoe_error *err) {
    mmoe_csv_handler handler = {s, on_header, on_row};
    *s = (seen){.stop_at = s->stop_at};
    return mmoe_csv_parse(bytes, length, "a.csv", &handler, NULL, err);
}

static void gives(const char *csv, const char *rows) {
    seen s = {0};
    mmoe_error err = {0};
    ck_assert_msg(parse(csv, strlen(csv), &s, &err) == MMOE_OK, "%s: %s", csv, err.message);
    ck_assert_str_eq(s.text, rows);
}

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
    LOOKS("PK\x03\x04..", "like a zip archive, as spreadsheets are: save it as CSV first");
    LOOKS("PAR1..", "like a Parquet file: write it as CSV first");
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

static char *temporary_file(const char *bytes, size_t length) {
    static char path[64];
    strcpy(path, "/tmp/mmoe-csv-XXXXXX");
    int file = mkstemp(path);
    ck_assert_int_ge(file, 0);
    while (length) {
        ssize_t n = write(file, bytes, length);
        ck_assert_int_gt(n, 0);
        bytes += n;
        length -= (size_t)n;
    }
    close(file);
    return path;
}

static mmoe_status read_path(const char *path, seen *s, mmoe_error *err) {
    mmoe_csv_handler handler = {s, on_header, on_row};
    return mmoe_csv_read(path, &handler, NULL, err);
}

START_TEST(files_are_read_in_blocks) {
    enum { ROWS = 60000 };
    size_t length = 0;
    char *csv = malloc(ROWS * 24 + 100);
    length += (size_t)sprintf(csv, "\xEF\xBB\xBFid,\"te,xt\"\r\n");
    for (int i = 0; i < ROWS; i++)
        length += (size_t)sprintf(csv + length, "%d,\"a\"\"b\n%d\"\r\n", i, i);
    char *path = temporary_file(csv, length);
    seen s = {0};
    mmoe_error err = {0};
    ck_assert_msg(read_path(path, &s, &err) == MMOE_OK, "%s", err.message);
    ck_assert_int_eq(s.rows, ROWS);
    ck_assert_mem_eq(s.text, "1:[id][te,xt]2:[0][a\"b\n0]3:", 27);
    /* a fault far behind has its row */
    csv[length - 3] = 'x';
    seen t = {0};
    ck_assert_int_eq(parse(csv, length, &t, &err), MMOE_E_FORMAT);
    ck_assert_int_eq(err.row, ROWS + 1);
    unlink(path);
    free(csv);
}
END_TEST

/* The bytes of a mark at the start of a block further on are text like any other. */
START_TEST(a_mark_within_the_file_stays) {
    const size_t block = 256 * 1024;
    char *csv = malloc(block + 10);
    memset(csv, 'x', block);
    memcpy(csv, "a\n", 2);
    memcpy(csv + block, "\xEF\xBB\xBF\n", 4);
    seen s = {0};
    ck_assert_int_eq(parse(csv, block + 4, &s, NULL), MMOE_OK);
    ck_assert_uint_eq(s.longest, block - 2 + 3);
    free(csv);
}
END_TEST

START_TEST(a_field_of_ten_megabytes) {
    const size_t size = 10000000;
    for (int quoted = 0; quoted < 2; quoted++) {
        char *csv = malloc(size + 100);
        size_t head = (size_t)sprintf(csv, quoted ? "a,b\n1,\"" : "a,b\n1,");
        memset(csv + head, 'x', size);
        if (quoted)
            for (size_t i = 1000; i < size; i += 1000) csv[head + i] = ',';
        size_t length =
            head + size + (size_t)sprintf(csv + head + size, quoted ? "\"\n2,y\n" : "\n2,y\n");
        char *path = temporary_file(csv, length);
        seen s = {0};
        ck_assert_int_eq(read_path(path, &s, NULL), MMOE_OK);
        ck_assert_uint_eq(s.longest, size);
        ck_assert_int_eq(s.rows, 2);
        unlink(path);
        free(csv);
    }
}
END_TEST

START_TEST(many_columns) {
    enum { COLUMNS = 20000 };
    char *csv = malloc(COLUMNS * 20);
    size_t length = 0;
    for (int row = 0; row < 2; row++)
        for (int i = 0; i < COLUMNS; i++)
            length += (size_t)sprintf(csv + length, "%d%c", i, i + 1 < COLUMNS ? ',' : '\n');
    seen s = {0};
    ck_assert_int_eq(parse(csv, length, &s, NULL), MMOE_OK);
    ck_assert_uint_eq(s.n_fields, COLUMNS);
    ck_assert_int_eq(s.rows, 1);
    free(csv);
}
END_TEST

START_TEST(files_that_cannot_be_read) {
    seen s = {0};
    mmoe_error err = {0};
    ck_assert_int_eq(read_path("/nowhere/a.csv", &s, &err), MMOE_E_IO);
    ck_assert_str_eq(err.message, "/nowhere/a.csv: cannot open: No such file or directory");
    ck_assert_str_eq(err.file, "/nowhere/a.csv");
    ck_assert_int_eq(read_path("/tmp", &s, &err), MMOE_E_IO);
    ck_assert_str_eq(err.message, "/tmp: cannot read: Is a directory");
    ck_assert_int_eq(read_path("/nowhere/a.csv", &s, NULL), MMOE_E_IO);
}
END_TEST

/* A pipe gives a few bytes at a time; the mark, quotes and line ends fall apart. */
START_TEST(pipes_are_read) {
    int ends[2];
    char path[64];
    ck_assert_int_eq(pipe(ends), 0);
    snprintf(path, sizeof path, "/dev/fd/%d", ends[0]);
    pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        const char *csv = "\xEF\xBB\xBF"
                          "a,b\r\n\"x\"\"y\",2\r\n";
        for (; *csv; csv++) {
            if (write(ends[1], csv, 1) != 1) _exit(1);
            usleep(500);
        }
        _exit(0);
    }
    close(ends[1]);
    seen s = {0};
    mmoe_error err = {0};
    ck_assert_msg(read_path(path, &s, &err) == MMOE_OK, "%s", err.message);
    ck_assert_str_eq(s.text, "1:[a][b]2:[x\"y][2]");
    close(ends[0]);
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

START_TEST(every_allocation_may_fail) {
    size_t size = 50000, length = 0;
    char *csv = malloc(2 * size);
    for (int i = 0; i < 200; i++)
        length += (size_t)sprintf(csv + length, "c%d%c", i, i < 199 ? ',' : '\n');
    memset(csv + length, 'x', size);
    length += size;
    for (int i = 0; i < 199; i++) csv[length++] = ',';
    char *path = temporary_file(csv, length);
    seen s = {0};
    mmoe_csv_handler handler = {&s, on_header, on_row};
    failing memory = {.and_after = _i};
    const mmoe_allocator a = failing_allocator(&memory);
    long attempts = 0;
    for (; failing_next(&memory); attempts++) {
        mmoe_error err = {0};
        s = (seen){0};
        const mmoe_status status = mmoe_csv_read(path, &handler, &a, &err);
        ck_assert_int_eq(memory.live, 0);
        /* libcsv asks again for less when its own buffer cannot grow */
        if (_i == 0 && status == MMOE_OK && s.rows == 1 && s.longest == size) continue;
        failing_check(&memory, status, &err);
    }
    ck_assert_int_gt(attempts, 8);
    unlink(path);
    free(csv);
}
END_TEST

void add_cases(TCase *c) {
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
    tcase_add_test(c, files_are_read_in_blocks);
    tcase_add_test(c, a_mark_within_the_file_stays);
    tcase_add_test(c, a_field_of_ten_megabytes);
    tcase_add_test(c, many_columns);
    tcase_add_test(c, files_that_cannot_be_read);
    tcase_add_test(c, pipes_are_read);
    tcase_add_test(c, reading_nests);
    tcase_add_loop_test(c, every_allocation_may_fail, 0, 2);
}
