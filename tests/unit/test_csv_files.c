/* Several CSV files are read as one that has all their rows, with any number of threads and
 * whatever the cuts; faults and warnings have the file and the row in it. */
#include "base/error.h"
#include "base/raw_bytes.h"
#include "base/utf8.h"
#include "csv_read_support.h"
#include "failing.h"

static char names[4][96];
static const char *const more[] = {names[1], names[2], names[3]};
static const mmoe_csv_how sequence = {.more = more, .n_more = 3};
static const int first_of[] = {0, 13, 41, 41, ROWS}; /* rows; the third file has none */

static void begin_files(void) {
    begin();
    for (int i = 0; i < 4; i++) strcpy(names[i], in_folder((char[]){(char)('a' + i), '\0'}));
    path = in_folder("data.csv");
}

/* A row whose last column, the weight, stands first. */
static int put_turned(char *to, const char *row) {
    const char *last = strrchr(row, ',');
    const size_t weight = strcspn(last + 1, "\r\n");
    return sprintf(to, "%.*s,%.*s%s", (int)weight, last + 1, (int)(last - row), row,
                   last + 1 + weight);
}

/* Rows [from, to), or in other columns' order, and behind them a text. */
static void put_some(const char *name, int from, int to, bool turned, const char *text) {
    static char csv[ROWS * 200];
    char row[400], line[400];
    sprintf(line, "%s\n", header);
    int used = turned ? put_turned(csv, line) : sprintf(csv, "%s", line);
    for (int i = from; i < to; i++) {
        put_row(row, i);
        used += turned ? put_turned(csv + used, row) : sprintf(csv + used, "%s", row);
    }
    used += sprintf(csv + used, "%s", text);
    put_file(name, csv, (size_t)used);
}

static void put_all(void) {
    put_some(path, 0, ROWS, false, "");
    for (int i = 0; i < 4; i++) put_some(names[i], first_of[i], first_of[i + 1], i == 1, "");
}

static mmoe_csv_how how_of(int threads, size_t block) {
    return (mmoe_csv_how){.threads = threads, .block = block, .more = more, .n_more = 3};
}

static outcome fit_files(mmoe_csv_how how, const mmoe_allocator *a) {
    const char *one = path;
    path = names[0];
    outcome o = fit(how, a);
    path = one;
    return o;
}

static outcome read_files(const mmoe_schema *schema, mmoe_csv_how how) {
    const char *one = path;
    path = names[0];
    outcome o = read_by(schema, how);
    path = one;
    return o;
}

static const size_t sizes[] = {1, 400, 100000};
static const int threads[] = {1, 2, 3, 7};

START_TEST(rows_are_the_same) {
    put_all();
    outcome one = fit((mmoe_csv_how){0}, NULL), whole = fit_files(sequence, NULL);
    ck_assert_msg(!whole.status, "%s", whole.err.message);
    ck_assert_int_eq(whole.set->rows, ROWS);
    same_data(&one, &whole);
    outcome read = read_files(one.schema, sequence);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        outcome parts = fit_files(how_of(threads[_i], sizes[i]), NULL);
        same(&whole, &parts);
        drop(&parts);
        parts = read_files(one.schema, how_of(threads[_i], sizes[i]));
        same(&read, &parts);
        drop(&parts);
    }
    drop(&read);
    drop(&whole);
    drop(&one);
}
END_TEST

static bool is_said(const mmoe_dataset *set, const char *text, const char *file) {
    for (size_t i = 0; i < set->warnings.count; i++) {
        const mmoe_warning *w = &set->warnings.items[i];
        if (strstr(w->message, text))
            return file ? w->file && strcmp(w->file, file) == 0 : !w->file;
    }
    return false;
}

START_TEST(rows_have_the_places_of_their_files) {
    char text[200];
    put_all();
    outcome o = fit_files(how_of(2, 400), NULL);
    ck_assert_msg(!o.status, "%s", o.err.message);
    const mmoe_places *places = &o.set->places;
    ck_assert_uint_eq(places->n_origin, 4);
    for (int i = 0; i < ROWS; i++) {
        int file = 0;
        while (first_of[file + 1] <= i) file++;
        const mmoe_place at = mmoe_places_find(places, i + 1);
        ck_assert_str_eq(at.file, names[file]);
        ck_assert_int_eq(at.row, i - first_of[file] + 2);
        ck_assert_int_gt(places->origins[file].bytes, 0);
        ck_assert_int_gt(places->origins[file].modified, 0);
    }
    sprintf(text, "the first behind row 4 of %s", names[0]);
    ck_assert(is_said(o.set, text, names[0]));
    sprintf(text, "more than max_len, 3, elements, the first in row 5 of %s", names[0]);
    ck_assert(is_said(o.set, text, names[0]));
    sprintf(text, "%s has a header and 0 rows", names[2]);
    ck_assert(is_said(o.set, text, names[2]));
    ck_assert(!mmoe_dataset_keep_csv(o.set, o.schema, names[0], "top", &o.err));
    put_some(path, 0, ROWS, false, "");
    outcome one = read_by(o.schema, (mmoe_csv_how){0});
    ck_assert(!mmoe_dataset_keep_csv(one.set, o.schema, path, "top", &o.err));
    same_bytes(one.set->kept->values, o.set->kept->values, ROWS * sizeof(int32_t));
    ck_assert_int_eq(mmoe_dataset_keep_csv(o.set, o.schema, names[1], "e", &o.err),
                     MMOE_E_ARGUMENT);
    put_some(names[3], 41, ROWS - 1, false, "");
    ck_assert_int_eq(mmoe_dataset_keep_csv(o.set, o.schema, names[0], "e", &o.err), MMOE_E_IO);
    drop(&one);
    drop(&o);
}
END_TEST

/* Behind the rows of the second file, whose weight stands first, or of the last one. */
static const struct {
    int file;
    const char *text, *said;
    mmoe_status status;
} faults[] = {
    {1, "1,5,x1,2,c,4,6,7,8|1,9,0,1|2,2020-02-29,yes,x\n", "row 30: column \"r\": \"x\" is not",
     MMOE_E_DATA},
    {1, "1,2,3\n", "row 30: 3 fields, but the header has 15", MMOE_E_FORMAT},
    {1, "1,5,x1,2,c,4,6,7,8|1,9,0,1|2,2020-02-29,never,1\n", "row 30: column \"y\": \"never\"",
     MMOE_E_DATA},
    {1, "1,\"5", "row 30: the file ends within quotes, in field 2", MMOE_E_FORMAT},
    {3, "5,x1,2,c,4,6,7,8|1,9,0,1|2,yes,yes,1,1\n", "row 21: column \"day\"", MMOE_E_DATA},
};

START_TEST(faults_have_their_files) {
    char said[300];
    const int f = faults[_i].file;
    put_all();
    put_some(names[f], first_of[f], first_of[f + 1], f == 1, faults[_i].text);
    outcome whole = fit_files(sequence, NULL), parts = fit_files(how_of(3, 400), NULL);
    ck_assert_int_eq(whole.status, faults[_i].status);
    sprintf(said, "%s: %s", names[f], faults[_i].said);
    ck_assert_msg(strstr(whole.err.message, said) == whole.err.message, "%s", whole.err.message);
    same(&whole, &parts);
}
END_TEST

START_TEST(files_have_the_columns_that_are_read) {
    char text[300];
    put_all();
    put_text(names[2], "user,item,like,row,d,e,seen,h1,h2,v,day,y,r,w\n");
    outcome o = fit_files(sequence, NULL);
    ck_assert_int_eq(o.status, MMOE_E_FORMAT);
    sprintf(text, "%s: column \"top\": the file has no such column, and %s, whose rows come before",
            names[2], names[0]);
    ck_assert_msg(strstr(o.err.message, text) == o.err.message, "%s", o.err.message);
    put_text(names[2], "more,user,item,like,top,row,d,e,seen,h1,h2,v,day,y,r,w,\"a, b\"\n");
    put_text(names[3], "");
    o = fit_files(sequence, NULL);
    sprintf(text, "%s: the file is empty: it has no header", names[3]);
    ck_assert_str_eq(o.err.message, text);
    put_some(names[3], 41, ROWS, false, "");
    o = fit_files(sequence, NULL);
    ck_assert_msg(!o.status, "%s", o.err.message);
    sprintf(text, "2 columns of %s are not in %s (\"more\", \"a, b\"), and not read", names[2],
            names[0]);
    ck_assert(is_said(o.set, text, names[2]));
    drop(&o);
}
END_TEST

/* What the first file has no label or weight of has none at all. */
START_TEST(labels_are_those_of_the_first_file) {
    put_all();
    outcome fitted = fit_files(sequence, NULL);
    const char *unlabelled = "user,item,like,top,row,d,e,seen,h1,h2,v,day,y\n"
                             "5,x1,2,c,4,6,.001,8|1,9,0,1|2,2020-02-29,yes\n";
    put_text(names[0], unlabelled);
    mmoe_csv_how how = sequence;
    how.labels = MMOE_LABELS_OPTIONAL;
    outcome o = read_files(fitted.schema, how);
    ck_assert_msg(!o.status, "%s", o.err.message);
    ck_assert_ptr_null(o.set->weights);
    ck_assert(isnan(mmoe_dataset_label(o.set, 20, 1)));
    ck_assert(is_said(o.set, "are not in", names[1]));
    drop(&o);
    put_some(names[0], 0, 13, false, "");
    put_text(names[2], unlabelled);
    o = read_files(fitted.schema, how);
    ck_assert_int_eq(o.status, MMOE_E_FORMAT);
    drop(&fitted);
}
END_TEST

START_TEST(every_allocation_may_fail) {
    failing memory = {0};
    const mmoe_allocator a = failing_allocator(&memory);
    for (int i = 0; i < 4; i++)
        put_some(names[i], 0, 0, i == 1,
                 i == 1 ? "0.5,5,x1,2,c,4,6,7,8|1,9,0,1|2,2020-02-29,yes,1\n"
                        : "5,x1,2,c,4,6,8,8|1,9,0,1|2,2020-02-29,no,1,1\n");
    while (failing_next(&memory)) {
        outcome o = fit_files(how_of(1, 1), &a);
        const mmoe_error err = o.err;
        const mmoe_status status = o.status;
        drop(&o);
        ck_assert_int_eq(memory.live, 0);
        if (status || !memory.refused) failing_check(&memory, status, &err);
    }
    ck_assert_int_gt(memory.calls, 300);
}
END_TEST

/* Names of bytes that are two a character. */
START_TEST(long_names_are_cut_between_characters) {
    char name[402] = "", shown[MMOE_PLACE_SIZE], room[MMOE_FILES_SIZE];
    mmoe_error err;
    strcpy(name, "x");
    for (size_t i = 1; i < sizeof name - 1; i++) name[i] = i % 2 ? '\xc3' : '\xa9';
    mmoe_place_show((mmoe_place){name, 7}, shown);
    ck_assert(mmoe_utf8_is(shown, strlen(shown)));
    ck_assert_uint_eq(strlen(shown), strlen("row 7 of ") + 199);
    mmoe_files_name(name, 2, room);
    ck_assert(mmoe_utf8_is(room, strlen(room)));
    mmoe_fail_at(&err, MMOE_E_DATA, name + 1, 0, name + 1, "text");
    ck_assert(mmoe_utf8_is(err.file, strlen(err.file)));
    ck_assert(mmoe_utf8_is(err.column, strlen(err.column)));
    ck_assert_uint_eq(strlen(err.file), sizeof err.file - 2);
}
END_TEST

START_TEST(options_are_checked) {
    mmoe_schema *schema = NULL;
    mmoe_dataset *set = NULL;
    mmoe_error err;
    put_all();
    mmoe_read_options options = {.threads = 2, .more = more, .n_more = 3};
    ck_assert_int_eq(
        mmoe_dataset_fit_csv_with(config, names[0], &options, NULL, &schema, &set, &err), MMOE_OK);
    ck_assert_int_eq(mmoe_dataset_rows(set), ROWS);
    mmoe_dataset_free(set);
    options.more = NULL;
    ck_assert_int_eq(mmoe_dataset_read_csv_with(schema, path, &options, NULL, &set, &err),
                     MMOE_E_ARGUMENT);
    ck_assert_str_eq(err.message, "mmoe_dataset_read_csv_with: more[0] of the options is NULL");
    mmoe_schema_free(schema);
}
END_TEST

void add_cases(TCase *c) {
    tcase_add_checked_fixture(c, begin_files, end);
    tcase_add_loop_test(c, rows_are_the_same, 0, sizeof threads / sizeof *threads);
    tcase_add_test(c, rows_have_the_places_of_their_files);
    tcase_add_loop_test(c, faults_have_their_files, 0, sizeof faults / sizeof *faults);
    tcase_add_test(c, files_have_the_columns_that_are_read);
    tcase_add_test(c, labels_are_those_of_the_first_file);
    tcase_add_test(c, every_allocation_may_fail);
    tcase_add_test(c, long_names_are_cut_between_characters);
    tcase_add_test(c, options_are_checked);
}
