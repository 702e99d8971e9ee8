/* A file that is cut or written to while it is read is an error that says so, whenever that happens
 * and whoever takes the rows. */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "csv_read_support.h"
#include "data/row_sink.h"

/* Rows of 600 KB: a reader in sequence takes 256 KB at a time, and flows of blocks of 4 KB are at
 * most 110 KB ahead of the rows that a sink has. */
enum { MANY = 8000, BLOCK = 4096 };
static char csv[MANY * 200];
static size_t used, near_end; /* a row ends there */

static void begin_rows(void) {
    begin();
    used = (size_t)sprintf(csv, "%s\n", header);
    for (int i = 0; i < MANY; i++) {
        if (i == MANY / 8 * 7) near_end = used;
        used += (size_t)put_row(csv + used, i % ROWS);
    }
    ck_assert_uint_gt(used, 500000);
    put_file(path, csv, used);
}

/* ---- What happens to the file ---- */

static void cut_at(size_t size) { ck_assert_int_eq(truncate(path, (off_t)size), 0); }
static void cut_a_row(void) { cut_at(near_end + 9); }
static void cut_rows(void) { cut_at(near_end); }
static void cut_what_was_read(void) { cut_at(10); }

static void add_rows(void) {
    FILE *f = fopen(path, "ab");
    ck_assert_ptr_nonnull(f);
    ck_assert_uint_eq(fwrite(csv + near_end, 1, used - near_end, f), used - near_end);
    ck_assert_int_eq(fclose(f), 0);
}

/* As many bytes as before, at another time. */
static void write_over(void) {
    const struct timespec times[] = {{1, 1}, {1, 1}};
    ck_assert_int_eq(utimensat(AT_FDCWD, path, times, 0), 0);
}

static const struct {
    void (*happen)(void);
    const char *said;
} changes[] = {{cut_a_row, "it was cut while it was read"},
               {cut_rows, "it was cut while it was read"},
               {cut_what_was_read, "has 10 now: it was cut while it was read"},
               {add_rows, "it was written to while it was read"},
               {write_over, "the file was written to while it was read"}};
enum { CHANGES = sizeof changes / sizeof *changes };

/* ---- When ---- */

typedef struct moment {
    int change;
    int64_t behind; /* so many times, or rows, what follows happens */
    int64_t so_far;
} moment;

static void pass(moment *m, int64_t some) {
    if (m->so_far <= m->behind && m->so_far + some > m->behind) changes[m->change].happen();
    m->so_far += some;
}

/* Told before the first read, and then behind each one of a reader in sequence. */
static void on_work(void *user, const mmoe_work *work) {
    (void)work;
    pass(user, 1);
}

static mmoe_status take(void *user, const struct mmoe_dataset *rows, mmoe_error *err) {
    (void)err;
    pass(user, rows->rows);
    return MMOE_OK;
}

static mmoe_status begin_taking(void *user, const struct mmoe_schema *schema, mmoe_error *err) {
    (void)user;
    (void)schema;
    (void)err;
    return MMOE_OK;
}

/* Rows that do not all come settle nothing. */
static mmoe_status settle(void *user, const mmoe_row_settling *how, mmoe_error *err) {
    (void)user;
    (void)how;
    return mmoe_fail(err, MMOE_E_DATA, "all rows have come");
}

static void is_told(outcome *o, const char *said) {
    ck_assert_msg(o->status == MMOE_E_IO, "%d: %s", o->status, o->err.message);
    ck_assert_msg(strstr(o->err.message, said), "%s", o->err.message);
    ck_assert_str_eq(o->err.file, path);
    ck_assert_ptr_null(o->set);
    ck_assert_ptr_null(o->schema);
    put_file(path, csv, used);
}

/* Before the first read, by any number of threads; in sequence behind the first one, too. */
START_TEST(rows_in_memory) {
    for (int change = 0; change < CHANGES; change++)
        for (int threads = 0; threads < 4; threads++)
            for (int behind = 0; behind < (threads ? 1 : 2); behind++) {
                moment m = {.change = change, .behind = behind};
                const mmoe_watcher watcher = {on_work, &m};
                outcome o = fit((mmoe_csv_how){.threads = threads, .watcher = &watcher}, NULL);
                is_told(&o, changes[change].said);
            }
}
END_TEST

/* When the first row has come, and when half of them have. */
START_TEST(rows_of_a_sink) {
    outcome whole = fit((mmoe_csv_how){0}, NULL);
    ck_assert_msg(!whole.status, "%s", whole.err.message);
    for (int change = 0; change < CHANGES; change++)
        for (int k = 0; k < 8; k++) {
            moment m = {.change = change, .behind = k % 2 ? MANY / 2 : 0};
            const mmoe_row_sink sink = {&m, folder, begin_taking, take, settle};
            const mmoe_csv_how how = {.threads = k % 4 < 2 ? 1 : 3, .block = BLOCK, .sink = &sink};
            outcome o = k < 4 ? fit(how, NULL) : read_by(whole.schema, how);
            ck_assert_int_gt(m.so_far, m.behind);
            is_told(&o, changes[change].said);
        }
    drop(&whole);
}
END_TEST

void add_cases(TCase *c) {
    tcase_add_checked_fixture(c, begin_rows, end);
    tcase_add_test(c, rows_in_memory);
    tcase_add_test(c, rows_of_a_sink);
}
