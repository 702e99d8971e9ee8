/* Rows that are at fault may be left out: what comes of the others is what would have come of them
 * alone, with any number of threads and whatever the cuts. */
#include "csv_read_support.h"
#include "failing.h"

/* Cells before the fault are new values, and the first other text of a label. */
static const char *const bad[] = {
    "9999,new,77,new,8,6,.001,8|1,9,0,1|2,2020-02-29,maybe,1,-1,\n",
    "9999,1,77,new,8,6,.001,8|1,9,0,1|2,2020-02-29,maybe,1,-1\n",
    "1,2,3\n",
    "5,new2,2,zz,4,6,.001,8|1:x,9,0,1|2,2020-02-29,yes,1,1\n",
    "5,8,2,a,4,6,.001,8|1:2,9,0,1|2,2020-02-29,never,1,1\n",
    "1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17\n",
};
static const int before[] = {0, 0, 7, 7, 31, ROWS}; /* rows of those that are read */
enum { BAD = sizeof bad / sizeof *bad };

/* The rows [from, to), with the bad ones among them or without. */
static void put_rows(const char *name, int from, int to, bool with_bad) {
    static char csv[(ROWS + BAD) * 200];
    int used = sprintf(csv, "\n\n%s\n", header);
    for (int i = from; i <= to; i++) {
        for (int k = 0; k < BAD && with_bad; k++)
            if (before[k] == i && (i < to || to == ROWS)) used += sprintf(csv + used, "%s", bad[k]);
        if (i < to) used += put_row(csv + used, i);
    }
    put_file(name, csv, (size_t)used);
}

/* Two tasks and a column that may have so many values. */
static void configure_bound(int most) {
    char json[400];
    mmoe_error err = {0};
    const int n = sprintf(json,
                          "{\"features\": {\"sparse\": [{\"name\": \"user\", \"max_distinct\": "
                          "%d}]}, \"tasks\": [{\"name\": \"buy\", \"label\": \"y\"}, {\"name\": "
                          "\"stay\", \"label\": \"r\"}]}",
                          most);
    mmoe_config_free(config);
    config = NULL;
    ck_assert_msg(!mmoe_config_parse(json, (size_t)n, NULL, NULL, &config, &err), "%s",
                  err.message);
}

static mmoe_csv_how how_of(int threads, size_t block, int64_t skip_bad) {
    return (mmoe_csv_how){.threads = threads, .block = block, .skip_bad = skip_bad};
}

static const size_t sizes[] = {1, 90, 400, 3000, 0};
static const int threads[] = {1, 2, 3, 7};

/* But for the warning of them, the first. */
static void check_as_alone(const outcome *alone, const outcome *o) {
    char text[300];
    ck_assert_msg(!o->status, "%s", o->err.message);
    same_data(alone, o);
    sprintf(text, "6 of %d rows are at fault and left out, the first for: %s: row 2: column ",
            ROWS + BAD, path);
    ck_assert_ptr_nonnull(strstr(o->set->warnings.items[0].message, text));
    ck_assert_int_eq(o->set->warnings.items[0].count, BAD);
    ck_assert_int_eq(o->set->warnings.items[0].row, 2);
    for (int i = 0, k = 0; i < ROWS; i++) {
        while (k < BAD && before[k] <= i) k++;
        ck_assert_int_eq(mmoe_dataset_place(o->set, i, NULL), i + k + 2);
    }
}

START_TEST(rows_are_as_if_others_were_not_there) {
    put_rows(path, 0, ROWS, false);
    outcome alone = fit((mmoe_csv_how){0}, NULL);
    ck_assert_msg(!alone.status, "%s", alone.err.message);
    outcome read = read_by(alone.schema, (mmoe_csv_how){0});
    put_rows(path, 0, ROWS, true);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        outcome o = fit(how_of(threads[_i], sizes[i], BAD), NULL);
        check_as_alone(&alone, &o);
        drop(&o);
        o = read_by(alone.schema, how_of(threads[_i], sizes[i], BAD + 1));
        check_as_alone(&read, &o);
        drop(&o);
    }
    drop(&read);
    drop(&alone);
}
END_TEST

/* So it is where vocabularies grow. */
START_TEST(growing_rows_are_as_if_others_were_not_there) {
    put_rows(path, 0, 20, false);
    outcome known = fit((mmoe_csv_how){0}, NULL);
    put_rows(path, 0, ROWS, false);
    outcome alone = grow_by(known.schema, (mmoe_csv_how){0}, NULL);
    ck_assert_msg(!alone.status, "%s", alone.err.message);
    put_rows(path, 0, ROWS, true);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        outcome o = grow_by(known.schema, how_of(threads[_i], sizes[i], BAD), NULL);
        check_as_alone(&alone, &o);
        drop(&o);
        o = grow_by(known.schema, how_of(threads[_i], sizes[i], BAD - 1), NULL);
        ck_assert_ptr_nonnull(strstr(o.err.message, "; 5 rows before it were at fault, too"));
        drop(&o);
    }
    drop(&alone);
    drop(&known);
}
END_TEST

START_TEST(one_more_is_the_error) {
    static const int rows[] = {2, 3, 11, 12, 37, 67};
    char text[100];
    put_rows(path, 0, ROWS, true);
    for (int most = 1; most < BAD; most++) {
        sprintf(text, "; %d %s at fault, too, and left out", most,
                most == 1 ? "row before it was" : "rows before it were");
        for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
            outcome o = fit(how_of(2, sizes[i], most), NULL);
            ck_assert(o.status == MMOE_E_DATA || o.status == MMOE_E_FORMAT);
            ck_assert_int_eq(o.err.row, rows[most]);
            ck_assert_msg(strstr(o.err.message, text) != NULL, "%s", o.err.message);
        }
    }
}
END_TEST

/* Of two files together, the second of which has the last four. */
START_TEST(several_files_may_have_so_many_together) {
    char second[96];
    strcpy(second, in_folder("second"));
    path = in_folder("data.csv");
    const char *const more[] = {second};
    put_rows(path, 0, 5, false);
    put_rows(second, 5, ROWS, false);
    mmoe_csv_how how = {.threads = 2, .block = 400, .more = more, .n_more = 1};
    outcome alone = fit(how, NULL);
    ck_assert_msg(!alone.status, "%s", alone.err.message);
    ck_assert(!mmoe_dataset_keep_csv(alone.set, alone.schema, path, "user", &alone.err));
    put_rows(path, 0, 5, true);
    put_rows(second, 5, ROWS, true);
    how.skip_bad = BAD;
    outcome o = fit(how, NULL);
    ck_assert_msg(!o.status, "%s", o.err.message);
    same_data(&alone, &o);
    ck_assert_str_eq(o.set->warnings.items[0].file, path);
    const char *file;
    ck_assert_int_eq(mmoe_dataset_place(o.set, 0, &file), 4);
    ck_assert_str_eq(file, path);
    ck_assert_int_eq(mmoe_dataset_place(o.set, 7, &file), 6);
    ck_assert_str_eq(file, second);
    ck_assert(!mmoe_dataset_keep_csv(o.set, o.schema, path, "user", &o.err));
    same_bytes(alone.set->kept->values, o.set->kept->values, ROWS * sizeof(int32_t));
    drop(&o);
    how.skip_bad = BAD - 1;
    o = fit(how, NULL);
    ck_assert_str_eq(o.err.file, second);
    ck_assert_int_eq(o.err.row, ROWS - 5 + 5);
    drop(&alone);
}
END_TEST

/* What ends a row is not known. */
START_TEST(quotes_are_no_row_to_leave_out) {
    static const char *const ends[] = {"5,\"x\"1,2,c,4\n", "5,x\"1,2,c,4\n", "5,\"x,2\n"};
    char csv[4000];
    int used = sprintf(csv, "%s\n", header);
    for (int i = 0; i < 4; i++) used += put_row(csv + used, 6 * i);
    used += sprintf(csv + used, "%s%s", bad[2], ends[_i]);
    put_file(path, csv, (size_t)used);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        outcome o = fit(how_of(2, sizes[i], 5), NULL);
        ck_assert_int_eq(o.status, MMOE_E_FORMAT);
        ck_assert_int_eq(o.err.row, 7);
        ck_assert_msg(strstr(o.err.message, "; such a row is not left out, for where it ends is "
                                            "not known") != NULL,
                      "%s", o.err.message);
    }
}
END_TEST

/* It is read in sequence, and so are those behind it. */
START_TEST(rows_of_megabytes_leave_none_out) {
    enum { LONG = 3 << 20 };
    static char csv[LONG + 100];
    configure_bound(9);
    int used = sprintf(csv, "user,y,r\na,1,0\na,x,0\nb,0,1\na,1,0\nb,0,1\na,1,0\nb,0,1\n");
    memset(csv + used, 'c', LONG);
    used += LONG + sprintf(csv + used + LONG, ",0,1\na,x,1\n");
    put_file(path, csv, (size_t)used);
    outcome o = fit(how_of(2, 40, 5), NULL);
    ck_assert_int_eq(o.status, MMOE_E_DATA);
    ck_assert_int_eq(o.err.row, 10);
    ck_assert_ptr_nonnull(strstr(o.err.message, "; from a row of many megabytes on no row is"));
}
END_TEST

START_TEST(quotes_that_are_text_leave_none_out) {
    configure("\"data\": {\"quotes\": \"lenient\"}, ");
    put_rows(path, 0, ROWS, false);
    outcome o = fit(how_of(2, 0, 5), NULL);
    ck_assert_int_eq(o.status, MMOE_E_ARGUMENT);
}
END_TEST

/* A row that is left out says neither that rows end without a comma more, nor what a label's other
 * text is. */
START_TEST(a_row_says_nothing_of_the_others) {
    const char *row = "5,x1,2,c,4,6,8,8|1,9,0,1|2,2020-02-29,no,1,1,\n",
               *other = "5,x2,3,c,4,6,7,8|1,9,0,1|2,2020-02-28,yes,2,1,\n";
    char csv[1000];
    if (_i == 0)
        sprintf(csv, "%s\n%s%s%s%s", header, bad[1], row, other, row);
    else
        sprintf(csv, "%s\n%s%s%s%s", header, other, bad[0], row, row);
    put_text(path, csv);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        outcome o = fit(how_of(2, sizes[i], 1), NULL);
        ck_assert_msg(!o.status, "%s", o.err.message);
        ck_assert_int_eq(o.set->rows, 3);
        drop(&o);
    }
}
END_TEST

START_TEST(nothing_but_bad_rows_is_nothing) {
    char csv[1000];
    sprintf(csv, "%s\n%s%s", header, bad[1], bad[2]);
    put_text(path, csv);
    outcome o = fit(how_of(1, 0, 5), NULL);
    ck_assert_int_eq(o.status, MMOE_E_FORMAT);
    ck_assert_ptr_nonnull(strstr(o.err.message, "no rows"));
    put_text(path, "");
    o = fit(how_of(1, 0, 5), NULL);
    ck_assert_ptr_nonnull(strstr(o.err.message, "the file is empty"));
    put_text(path, "user,item\n1,2\n");
    o = fit(how_of(1, 0, 5), NULL);
    ck_assert_int_eq(o.status, MMOE_E_CONFIG);
}
END_TEST

/* ---- Too many values ---- */

/* A row that is left out is none of them; one that is good and one value too many is the error. */
START_TEST(a_bound_on_values_leaves_no_row_out) {
    configure_bound(3);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        put_text(path, "user,y,r\na,1,0\nz,x,0\nb,0,1\nzz,x,1\nc,1,0\na,1,0\nb,1,x\n");
        outcome o = fit(how_of(threads[_i], sizes[i], 3), NULL);
        ck_assert_msg(!o.status, "%s", o.err.message);
        ck_assert_int_eq(o.set->rows, 4);
        drop(&o);
        put_text(path, "user,y,r\na,1,0\nz,x,0\nb,0,1\nc,1,0\na,1,0\nd,1,1\na,0,1\n");
        o = fit(how_of(threads[_i], sizes[i], 3), NULL);
        ck_assert_int_eq(o.status, MMOE_E_DATA);
        ck_assert_str_eq(o.err.column, "user");
        ck_assert_ptr_nonnull(strstr(o.err.message, " more than 3 different values"));
        ck_assert_ptr_null(strstr(o.err.message, "left out"));
    }
}
END_TEST

/* A value too many and rows at fault: what is told is what stands first, however the file is cut.
 */
START_TEST(the_first_fault_is_told) {
    static const struct {
        const char *rows, *said;
        int row;
    } files[] = {
        {"a,1,0\nb,0,1\nc,1,0\na,0,1\nd,1,1\nb,x,0\n", "one more than 3", 6},
        {"a,1,0\nb,0,1\nb,0,1\nc,1,0\na,x,0\nd,1,1\n", "is not a number", 6},
        {"a,1,0\nb,0,1\nc,1,0\nd,x,1\na,0,0\ne,0\n", "one more than 3", 5},
        {"a,1,0\nb,0,1\nc,1,0\nb,0,1\nd,1,1\na,1\n", "one more than 3", 6},
        {"a,1,0\nb,0,1\nc,1,0\na,1\nd,1,1\n", "2 fields", 5},
        {"a,1,0\nb,0,1\nc,1,0\nb,0,1\na,1,1\nd,1,0\n", "one more than 3", 7},
    };
    char text[200];
    configure_bound(3);
    sprintf(text, "user,y,r\n%s", files[_i].rows);
    put_text(path, text);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        outcome o = fit(how_of(1 + (int)i % 3, sizes[i], 0), NULL);
        ck_assert_ptr_nonnull(strstr(o.err.message, files[_i].said));
        ck_assert_int_eq(o.err.row, files[_i].row);
    }
}
END_TEST

/* Calls of the allocator for so many rows that are at fault between others, in blocks of ten. */
static long calls_for(const char *row, int rows) {
    static char csv[4000];
    failing memory = {0};
    const mmoe_allocator a = failing_allocator(&memory);
    int used = sprintf(csv, "user,y,r\n");
    for (int i = 0; i < 30; i++) used += sprintf(csv + used, "a,1,0\n");
    for (int i = 0; i < rows; i++) used += sprintf(csv + used, "%s", row);
    put_text(path, csv);
    outcome o = fit(how_of(1, 60, 1000), &a);
    ck_assert_msg(!o.status, "%s", o.err.message);
    drop(&o);
    return memory.calls;
}

/* But for the first of the file, rows at the begin of a block are found together; parsed once for
 * each of ten rows, a block would make ten times the calls. */
START_TEST(a_block_is_parsed_twice) {
    configure_bound(3);
    ck_assert_int_lt(calls_for("a,x,0\n", 200), 5 * calls_for("a,1,0\n", 200));
}
END_TEST

START_TEST(every_allocation_may_fail) {
    failing memory = {0};
    const mmoe_allocator a = failing_allocator(&memory);
    char csv[2000];
    const char *row = "5,x1,2,c,4,6,8,8|1,9,0,1|2,2020-02-29,no,1,1\n",
               *other = "5,x2,3,c,4,6,7,8|1,9,0,1|2,2020-02-28,yes,2,1\n";
    sprintf(csv, "%s\n%s%s%s%s%s%s", header, bad[0], row, other, bad[3], row, other);
    put_text(path, csv);
    while (failing_next(&memory)) {
        outcome o = fit(how_of(1, 90, 3), &a);
        const mmoe_error err = o.err;
        const mmoe_status status = o.status;
        drop(&o);
        ck_assert_int_eq(memory.live, 0);
        if (status || !memory.refused) failing_check(&memory, status, &err);
    }
    ck_assert_int_gt(memory.calls, 300);
}
END_TEST

/* Rows to score that are at fault keep their places, and have no scores. Labels are none of their
 * faults. */
START_TEST(rows_to_score_keep_their_places) {
    enum { SCORED_BAD = 3 };
    put_rows(path, 0, ROWS, false);
    outcome whole = fit((mmoe_csv_how){0}, NULL);
    ck_assert_msg(!whole.status, "%s", whole.err.message);
    put_rows(path, 0, ROWS, true);
    outcome first = {.status = MMOE_OK};
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        mmoe_csv_how how = how_of(threads[_i], sizes[s], SCORED_BAD);
        how.labels = MMOE_ROWS_TO_SCORE;
        outcome o = read_by(whole.schema, how);
        ck_assert_msg(!o.status, "%s", o.err.message);
        ck_assert_int_eq(o.set->rows, ROWS + BAD);
        ck_assert_int_eq(o.set->n_lacking, SCORED_BAD);
        ck_assert_int_eq(o.set->lacking[0], 9);
        ck_assert_int_eq(mmoe_dataset_place(o.set, ROWS + BAD - 1, NULL), ROWS + BAD + 1);
        ck_assert_ptr_nonnull(strstr(o.set->warnings.items[0].message,
                                     "rows are at fault and have no scores, the first for: "));
        if (s) same_data(&first, &o);
        how.skip_bad--;
        outcome full = read_by(whole.schema, how);
        ck_assert_int_eq(full.status, MMOE_E_FORMAT);
        ck_assert_int_eq(full.err.row, ROWS + BAD + 1);
        ck_assert_ptr_nonnull(strstr(full.err.message, "; 2 rows before it were at fault, too"));
        if (s)
            drop(&o);
        else
            first = o;
    }
    drop(&first);
    drop(&whole);
}
END_TEST

START_TEST(options_are_checked) {
    mmoe_schema *schema = NULL;
    mmoe_dataset *set = NULL;
    mmoe_error err;
    put_rows(path, 0, ROWS, true);
    mmoe_read_options options = {.skip_bad = BAD};
    ck_assert_int_eq(mmoe_dataset_fit_csv_with(config, path, &options, NULL, &schema, &set, &err),
                     MMOE_OK);
    mmoe_dataset_free(set);
    options = (mmoe_read_options){.skip_bad = -1};
    ck_assert_int_eq(mmoe_dataset_read_csv_with(schema, path, &options, NULL, &set, &err),
                     MMOE_E_ARGUMENT);
    mmoe_schema_free(schema);
}
END_TEST

void add_cases(TCase *c) {
    tcase_add_checked_fixture(c, begin, end);
    tcase_add_loop_test(c, rows_are_as_if_others_were_not_there, 0,
                        sizeof threads / sizeof *threads);
    tcase_add_loop_test(c, growing_rows_are_as_if_others_were_not_there, 0,
                        sizeof threads / sizeof *threads);
    tcase_add_test(c, one_more_is_the_error);
    tcase_add_test(c, several_files_may_have_so_many_together);
    tcase_add_loop_test(c, quotes_are_no_row_to_leave_out, 0, 3);
    tcase_add_test(c, rows_of_megabytes_leave_none_out);
    tcase_add_test(c, quotes_that_are_text_leave_none_out);
    tcase_add_loop_test(c, a_row_says_nothing_of_the_others, 0, 2);
    tcase_add_test(c, nothing_but_bad_rows_is_nothing);
    tcase_add_loop_test(c, a_bound_on_values_leaves_no_row_out, 0,
                        sizeof threads / sizeof *threads);
    tcase_add_test(c, a_block_is_parsed_twice);
    tcase_add_loop_test(c, the_first_fault_is_told, 0, 6);
    tcase_add_test(c, every_allocation_may_fail);
    tcase_add_loop_test(c, rows_to_score_keep_their_places, 0, sizeof threads / sizeof *threads);
    tcase_add_test(c, options_are_checked);
}
