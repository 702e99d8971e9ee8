/* The line that says how far work has come: when it is written, what it says, how it goes. */
#include <check.h>
#include <string.h>
#include <unistd.h>

#include "../../tools/progress.h"
#include "check_main.h"

enum { WIDE = 200 };

/* What stands in the file that a line is written to, which is empty again then. */
static const char *written(progress_line *line) {
    static char text[2000];
    fflush(line->out);
    rewind(line->out);
    const size_t n = fread(text, 1, sizeof text - 1, line->out);
    text[n] = '\0';
    rewind(line->out);
    ck_assert_int_eq(ftruncate(fileno(line->out), 0), 0);
    return text;
}

static progress_line new_line(void) {
    const progress_line line = {.out = tmpfile()};
    ck_assert_ptr_nonnull(line.out);
    return line;
}

static mmoe_work reading(int64_t done, int64_t total) {
    return (mmoe_work){"reading", "a.csv", done / 100, done, total, "bytes"};
}

static void tell(progress_line *line, mmoe_work work, double now) {
    progress_tell(line, &work, now, WIDE);
}

START_TEST(work_of_a_second_has_no_line) {
    progress_line line = new_line();
    for (int i = 0; i < 10; i++) tell(&line, reading(i * 1000000, 20000000), 50 + 0.1 * i);
    progress_clear(&line);
    ck_assert_str_eq(written(&line), "");
    fclose(line.out);
}
END_TEST

START_TEST(longer_work_has_one_a_fifth_of_a_second) {
    progress_line line = new_line();
    tell(&line, reading(0, 400000000), 50);
    tell(&line, reading(100000000, 400000000), 52);
    ck_assert_str_eq(written(&line), "reading a.csv  25 %  1M rows  50 MB/s  6 s left");
    tell(&line, reading(102000000, 400000000), 52.19);
    ck_assert_str_eq(written(&line), "");
    tell(&line, reading(200000000, 400000000), 54);
    ck_assert_str_eq(written(&line), "\r\033[Kreading a.csv  50 %  2M rows  50 MB/s  4 s left");
    progress_clear(&line);
    ck_assert_str_eq(written(&line), "\r\033[K");
    progress_clear(&line);
    ck_assert_str_eq(written(&line), "");
    tell(&line, reading(300000000, 400000000), 56);
    ck_assert_str_eq(written(&line), "reading a.csv  75 %  3M rows  50 MB/s  2 s left");
    fclose(line.out);
}
END_TEST

START_TEST(other_work_begins_anew) {
    progress_line line = new_line();
    mmoe_work work = {"evaluating", NULL, 0, 0, 1000, "rows"};
    tell(&line, reading(0, 100), 10);
    tell(&line, work, 20);
    work.done = 900;
    tell(&line, work, 20.9);
    ck_assert_str_eq(written(&line), "");
    tell(&line, work, 21);
    ck_assert_str_eq(written(&line), "evaluating  90 %  900 rows/s  1 s left");
    work.done = 0; /* the same once more */
    tell(&line, work, 22);
    work.done = 500;
    tell(&line, work, 22.5);
    ck_assert_str_eq(written(&line), "");
    progress_show(&line, "training", "epoch 1/3", 30, WIDE);
    progress_show(&line, "training", "epoch 1/3", 31, WIDE);
    ck_assert_str_eq(written(&line), "\r\033[Kepoch 1/3");
    fclose(line.out);
}
END_TEST

START_TEST(what_is_not_known_is_not_said) {
    progress_line line = new_line();
    tell(&line, reading(0, 0), 0);
    tell(&line, reading(3000000, 0), 2);
    ck_assert_str_eq(written(&line), "reading a.csv  30k rows  2 MB/s");
    tell(&line, reading(3000000, 2000000), 3); /* a file that grows */
    ck_assert_str_eq(written(&line), "\r\033[Kreading a.csv  30k rows  1 MB/s");
    fclose(line.out);
}
END_TEST

START_TEST(a_line_fits_and_moves_no_cursor) {
    progress_line line = new_line();
    mmoe_work work = {"reading", "\xc3\xa9\033[2J\n.csv", 0, 0, 100, "rows"};
    progress_tell(&line, &work, 0, 80);
    progress_tell(&line, &work, 1, 16);
    ck_assert_str_eq(written(&line), "reading \xc3\xa9?[2J?.");
    progress_tell(&line, &work, 2, 1);
    ck_assert_str_eq(written(&line), "\r\033[K");
    fclose(line.out);
}
END_TEST

START_TEST(nothing_is_said_without_a_terminal) {
    progress_line line = {.out = NULL};
    tell(&line, reading(0, 100), 0);
    tell(&line, reading(50, 100), 5);
    progress_show(&line, "training", "epoch", 9, WIDE);
    progress_clear(&line);
    ck_assert(!line.is_open);
}
END_TEST

START_TEST(times_and_counts_are_short) {
    char text[CLI_TIME_SIZE];
    static const struct {
        double seconds;
        const char *text;
    } times[] = {{0, "0 s"}, {0.2, "1 s"}, {99.5, "100 s"}, {100, "2 min"}, {6000, "1.7 h"}};
    static const struct {
        double count;
        const char *text;
    } counts[] = {{87, "87"},       {9999, "9999"},         {10000, "10k"},     {339400, "339k"},
                  {999400, "999k"}, {999600, "1M"},         {3014000, "3.01M"}, {42e6, "42M"},
                  {999.7e6, "1G"},  {123456e9, "1.23e+05G"}};
    for (size_t i = 0; i < sizeof times / sizeof *times; i++)
        ck_assert_str_eq(cli_time_text(times[i].seconds, text), times[i].text);
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
        ck_assert_str_eq(cli_count_text(counts[i].count, text), counts[i].text);
}
END_TEST

void add_cases(TCase *c) {
    tcase_add_test(c, work_of_a_second_has_no_line);
    tcase_add_test(c, longer_work_has_one_a_fifth_of_a_second);
    tcase_add_test(c, other_work_begins_anew);
    tcase_add_test(c, what_is_not_known_is_not_said);
    tcase_add_test(c, a_line_fits_and_moves_no_cursor);
    tcase_add_test(c, nothing_is_said_without_a_terminal);
    tcase_add_test(c, times_and_counts_are_short);
}
