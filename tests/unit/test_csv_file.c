/* CSV from files, of any size, and from pipes */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "csv_support.h"
#include "failing.h"

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

static const char *changing;
enum { CUT, GROWN, WRITTEN };

/* Changes the file while its first row is read. */
static mmoe_status on_changing_row(void *user, int64_t row, const mmoe_csv_field *fields,
                                   mmoe_error *err) {
    const int file = open(changing, O_WRONLY | O_APPEND);
    (void)fields;
    (void)err;
    ck_assert_int_ge(file, 0);
    if (row == 2 && *(int *)user == CUT) ck_assert_int_eq(ftruncate(file, 300000), 0);
    if (row == 2 && *(int *)user == GROWN) ck_assert_int_eq(write(file, "1\n", 2), 2);
    if (row == 2 && *(int *)user == WRITTEN) ck_assert_int_eq(futimens(file, NULL), 0);
    close(file);
    return MMOE_OK;
}

static mmoe_status on_any_header(void *user, const mmoe_csv_field *fields, size_t n,
                                 mmoe_error *err) {
    (void)user;
    (void)fields;
    (void)n;
    (void)err;
    return MMOE_OK;
}

START_TEST(a_file_that_changes_is_none) {
    static const char *const said[] = {
        "the file had 400000 bytes when it was opened, and has 300000 now: it was cut while it was "
        "read",
        "the file had 400000 bytes when it was opened, and has 400002 now: it was written to while "
        "it was read",
        "the file was written to while it was read"};
    const size_t length = 400000;
    char *csv = malloc(length), text[256];
    for (size_t i = 0; i < length; i++) csv[i] = i % 1000 == 999 ? '\n' : '1';
    changing = temporary_file(csv, length);
    const struct timespec long_ago[2] = {{1, 0}, {1, 0}};
    ck_assert_int_eq(utimensat(AT_FDCWD, changing, long_ago, 0), 0);
    const mmoe_csv_handler handler = {&(int){_i}, on_any_header, on_changing_row};
    mmoe_error err = {0};
    ck_assert_int_eq(mmoe_csv_read(changing, &handler, NULL, &err), MMOE_E_IO);
    snprintf(text, sizeof text, "%s: %s", changing, said[_i]);
    ck_assert_str_eq(err.message, text);
    unlink(changing);
    free(csv);
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
    tcase_add_test(c, files_are_read_in_blocks);
    tcase_add_test(c, a_mark_within_the_file_stays);
    tcase_add_test(c, a_field_of_ten_megabytes);
    tcase_add_test(c, many_columns);
    tcase_add_test(c, files_that_cannot_be_read);
    tcase_add_test(c, pipes_are_read);
    tcase_add_loop_test(c, a_file_that_changes_is_none, CUT, WRITTEN + 1);
    tcase_add_loop_test(c, every_allocation_may_fail, 0, 2);
}
