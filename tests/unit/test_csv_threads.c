/* A CSV file that several threads read in blocks is what one reads in sequence: the schema, the
 * rows, the warnings, the faults. */
#include "csv_read_support.h"
#include "failing.h"
#include "gathering_support.h"

/* A file of the rows, in whose row `bad`, if there is one, `from` is `to`. */
static void put_rows(int bad, const char *from, const char *to) {
    static char csv[ROWS * 200];
    int used = sprintf(csv, "\xEF\xBB\xBF\n%s\r\n", header);
    for (int i = 0; i < ROWS; i++) {
        char row[400], *at;
        put_row(row, i);
        if (i == bad) {
            ck_assert_ptr_nonnull((at = strstr(row, from)));
            used += sprintf(csv + used, "%.*s%s%s", (int)(at - row), row, to, at + strlen(from));
        } else {
            used += sprintf(csv + used, "%s", row);
        }
    }
    put_file(path, csv, (size_t)used);
}

static const size_t sizes[] = {1, 90, 400, 3000, 100000};
enum { SIZES = sizeof sizes / sizeof *sizes };

/* How a file is read: a schema is fitted, or `schema` stands, or a copy of `known` grows. */
typedef struct reading {
    const mmoe_schema *schema, *known;
} reading;

static outcome read_so(reading r, mmoe_csv_how how) {
    if (r.known) return grow_by(r.known, how, NULL);
    return r.schema ? read_by(r.schema, how) : fit(how, NULL);
}

/* Rows that a sink takes are the same, too. */
static void check_sink(const outcome *whole, reading r, mmoe_csv_how how) {
    gathering rows = {NULL, 0};
    const mmoe_row_sink sink = {&rows, folder, gathering_begin, gathering_take, gathering_settle};
    how.sink = &sink;
    outcome parts = read_so(r, how);
    if (!parts.status) gathering_end(&rows, parts.set);
    if (how.block == 1 && parts.status == MMOE_OK && parts.set->rows > 8)
        ck_assert_int_gt(rows.times, 4);
    same(whole, &parts);
    drop(&parts);
    mmoe_dataset_free(rows.set);
}

/* In blocks of many sizes, by `threads`, as in sequence. */
static outcome check(reading r, mmoe_csv_how how, int threads) {
    outcome whole = read_so(r, how);
    how.threads = threads;
    for (size_t i = 0; i < SIZES; i++) {
        how.block = sizes[i];
        outcome parts = read_so(r, how);
        same(&whole, &parts);
        drop(&parts);
        check_sink(&whole, r, how);
    }
    return whole;
}

static outcome check_file(int threads) {
    return check((reading){NULL, NULL}, (mmoe_csv_how){0}, threads);
}

static outcome check_reading(const mmoe_schema *schema, int labels, int threads) {
    return check((reading){schema, NULL}, (mmoe_csv_how){.labels = labels}, threads);
}

static const int threads[] = {1, 2, 3, 7};

START_TEST(rows_are_the_same) {
    put_rows(-1, "", "");
    outcome whole = check_file(threads[_i]);
    ck_assert_msg(!whole.status, "%s", whole.err.message);
    ck_assert_int_eq(whole.set->rows, ROWS);
    ck_assert_int_gt(whole.set->warnings.count, 2);
    for (int labels = MMOE_LABELS_REQUIRED; labels <= MMOE_ROWS_TO_SCORE; labels++) {
        outcome read = check_reading(whole.schema, labels, threads[_i]);
        ck_assert_msg(!read.status, "%s", read.err.message);
        drop(&read);
    }
    drop(&whole);
}
END_TEST

/* Columns that are kept while rows are read are those that are kept afterwards. */
START_TEST(kept_columns_are_the_same) {
    static const char *const keep[] = {"top", "item", "d", NULL}, *const none[] = {"no", NULL};
    put_rows(-1, "", "");
    outcome whole = fit((mmoe_csv_how){0}, NULL);
    for (size_t k = 0; keep[k]; k++)
        ck_assert(!mmoe_dataset_keep_csv(whole.set, whole.schema, path, keep[k], &whole.err));
    for (size_t i = 0; i <= SIZES; i++) {
        const size_t block = i < SIZES ? sizes[i] : 0;
        outcome parts = fit((mmoe_csv_how){.threads = 1, .block = block, .keep = keep}, NULL);
        ck_assert_msg(!parts.status, "%s", parts.err.message);
        ck_assert_uint_eq(parts.set->n_kept, 3);
        for (size_t k = 0; keep[k]; k++) {
            const mmoe_kept *a = &whole.set->kept[k], *b = &parts.set->kept[k];
            ck_assert_str_eq(a->name, b->name);
            ck_assert_mem_eq(a->values, b->values, ROWS * sizeof *a->values);
            ck_assert_uint_eq(mmoe_vocab_hash(a->vocab), mmoe_vocab_hash(b->vocab));
        }
        drop(&parts);
    }
    outcome bad = read_by(whole.schema, (mmoe_csv_how){.keep = none});
    ck_assert_int_eq(bad.status, MMOE_E_FORMAT);
    ck_assert_ptr_nonnull(strstr(bad.err.message, "column \"no\": the file has no such column"));
    drop(&whole);
}
END_TEST

/* A row to score may lack a value that it must have. */
START_TEST(rows_that_lack_a_value_are_the_same) {
    put_rows(-1, "", "");
    outcome whole = fit((mmoe_csv_how){0}, NULL);
    ck_assert_msg(!whole.status, "%s", whole.err.message);
    put_rows(41, "2041-01-06", "");
    outcome read = check_reading(whole.schema, MMOE_ROWS_TO_SCORE, 3);
    ck_assert_msg(!read.status, "%s", read.err.message);
    ck_assert_int_eq(read.set->n_lacking, 1);
    drop(&read);
    read = check_reading(whole.schema, MMOE_LABELS_REQUIRED, 3);
    ck_assert_int_eq(read.status, MMOE_E_DATA);
    ck_assert_int_eq(read.err.row, 43);
    drop(&read);
    drop(&whole);
}
END_TEST

static const struct {
    int row;
    const char *from, *to;
    mmoe_status status;
} faults[] = {
    {50, "20", "x20", MMOE_E_DATA},
    {50, ",", ",,", MMOE_E_FORMAT},
    {51, "yes", "perhaps", MMOE_E_DATA},
    {0, "yes", "\" no \"", MMOE_OK},
    {1, " no", "never", MMOE_E_DATA},
    {30, ",", ",\"a\" b", MMOE_E_FORMAT},
    {30, ",", ",a\"b", MMOE_E_FORMAT},
    {30, ",", ",\"", MMOE_E_FORMAT},
    {56, "\"d\ne\"", "\"d\ne", MMOE_E_FORMAT},
    {30, "\n", "\n\n\n,\n", MMOE_E_FORMAT},
    {45, ":2", ":-2", MMOE_E_DATA},
    {52, "1e-40", "1e400", MMOE_E_DATA},
};

START_TEST(faults_are_the_same) {
    put_rows(faults[_i].row, faults[_i].from, faults[_i].to);
    outcome whole = check_file(3);
    ck_assert_msg(whole.status == faults[_i].status, "%s", whole.err.message);
    drop(&whole);
}
END_TEST

/* Small files: `more` of the configuration's, and of two faults the first. */
static const struct {
    const char *more, *csv;
    mmoe_status status;
} small[] = {
    {"", "", MMOE_E_FORMAT},
    {"", "\n\n\n", MMOE_E_FORMAT},
    {"", "H\n", MMOE_E_FORMAT},
    {"", "H\n\n\n", MMOE_E_FORMAT},
    {"", "user\n1\n", MMOE_E_CONFIG},
    {"", "H\n1,2,3,4,5,6,7,8,9,0,1|2,x,yes,1,1\n1,2,3\n", MMOE_E_DATA},
    {"", "H\n1,2,3\n1,2,3,4,5,6,7,8,9,0,1|2,x,yes,1,1\n", MMOE_E_FORMAT},
    {"", "H\nRR1,2\"\nRR", MMOE_E_FORMAT},
    {"", "H\nRN1,2,3\n", MMOE_E_FORMAT},
    {"", "H\nRNM", MMOE_E_DATA},
    {"", "H\nRNRNMQ", MMOE_E_DATA},
    {"", "H\nRRRRQMM", MMOE_E_FORMAT},
    {"", "H,\nC\nCC", MMOE_E_DATA},
    {"", "H\nCCNC", MMOE_OK},
    {"", "H\nRRNC", MMOE_E_FORMAT},
    {"", "H\nCCNCR", MMOE_OK},
    {"\"data\": {\"quotes\": \"lenient\"}, ", "H\nRNQRQNRN", MMOE_OK},
    {"\"data\": {\"separator\": \"tab\"}, ", "H\nR", MMOE_E_CONFIG},
};

/* In a text, H is the header, and each other letter a row. */
static void put_small(const char *csv) {
    static const struct {
        char letter;
        const char *row;
    } rows[] = {
        {'R', "5,x1,2,c,4,6,7,8|1,9,0,1|2,2020-02-29,yes,1,1\n"},
        {'N', "6,x2,3,d,4,,8,8|3,9,0,,2021-02-28,no,2,0.5\r\n"},
        {'M', "5,x1,2,c,4,6,9,8|1,9,0,1|2,2020-02-29,maybe,1,1\n"},
        {'C', "5,x1,2,c,4,6,7,8|1,9,0,1|2,2020-02-29,,4,1,\n"},
        {'Q', "5,x\"1,2,c,4,6,7,8|1,9,0,1|2,2020-02-29,no,1,1\n"},
    };
    char text[4000];
    size_t used = 0;
    for (; *csv; csv++) {
        const char *row = *csv == 'H' ? header : NULL;
        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
            if (rows[i].letter == *csv) row = rows[i].row;
        if (!row) text[used++] = *csv;
        if (row) used += (size_t)sprintf(text + used, "%s", row);
    }
    put_file(path, text, used);
}

START_TEST(small_files_are_the_same) {
    configure(small[_i].more);
    put_small(small[_i].csv);
    outcome whole = check_file(2);
    ck_assert_msg(whole.status == small[_i].status, "%s", whole.err.message);
    drop(&whole);
}
END_TEST

/* A row of which no end is found in a megabyte. */
START_TEST(a_row_that_is_longer_than_blocks_is_the_same) {
    const size_t length = 3 << 20;
    char *csv = malloc(length);
    size_t used = (size_t)sprintf(csv, "%s\n", header);
    for (int i = 0; i < 12; i++) used += (size_t)put_row(csv + used, i % 6);
    memset(csv + used, 'x', length - used);
    csv[used] = '"';
    const char *rest = _i == 0 ? "\n\",1,2,a,4,6,7,8|1,9,0,1|2,2020-02-29,yes,1,1\n"
                               : "\n\",1,2,a,4,6,7,8|1,9,0,1|2,2020-02-29,maybe,1,1\n";
    memcpy(csv + length - strlen(rest), rest, strlen(rest));
    put_file(path, csv, length);
    free(csv);
    outcome whole = check_file(2);
    ck_assert_msg(whole.status == (_i ? MMOE_E_DATA : MMOE_OK), "%s", whole.err.message);
    drop(&whole);
}
END_TEST

/* ---- Growing ---- */

/* Of a file of the first rows, which has integers alone. */
static mmoe_schema *fit_known(void) {
    char csv[20 * 200];
    int used = sprintf(csv, "%s\n", header);
    for (int i = 0; i < 20; i++) used += put_row(csv + used, i);
    put_file(path, csv, (size_t)used);
    outcome o = fit((mmoe_csv_how){0}, NULL);
    ck_assert_msg(!o.status, "%s", o.err.message);
    mmoe_schema *schema = o.schema;
    o.schema = NULL;
    drop(&o);
    return schema;
}

/* Integers that are written so that those find them who read by integers, but no one learns them:
 * before and behind the first text, known ones and others. */
static const struct {
    int row;
    const char *to;
    mmoe_status status;
} loose[] = {
    {-1, "", MMOE_OK},           {5, ",00", MMOE_OK},
    {5, ",+99", MMOE_OK},        {39, ",00", MMOE_OK},
    {30, ",+", MMOE_OK},         {41, ",00", MMOE_OK},
    {59, ",+7,", MMOE_E_FORMAT}, {50, ",\"a\"b", MMOE_E_FORMAT},
};

START_TEST(growing_rows_are_the_same) {
    mmoe_schema *known = fit_known();
    const uint64_t before = mmoe_schema_fingerprint(known);
    for (size_t i = 0; i < sizeof threads / sizeof *threads; i++) {
        put_rows(loose[_i].row, ",", loose[_i].to);
        outcome whole = check((reading){.known = known}, (mmoe_csv_how){0}, threads[i]);
        ck_assert_msg(whole.status == loose[_i].status, "%s", whole.err.message);
        ck_assert_uint_eq(mmoe_schema_fingerprint(known), before);
        if (!whole.status) ck_assert_uint_ne(mmoe_schema_fingerprint(whole.schema), before);
        drop(&whole);
    }
    mmoe_schema_free(known);
}
END_TEST

/* So are they where a schema that has grown from texts grows again. */
START_TEST(rows_grow_once_more) {
    mmoe_schema *known = fit_known();
    put_rows(-1, "", "");
    outcome first = grow_by(known, (mmoe_csv_how){.threads = 2, .block = 400}, NULL);
    ck_assert_msg(!first.status, "%s", first.err.message);
    put_rows(7, ",", ",new");
    outcome second = check((reading){.known = first.schema}, (mmoe_csv_how){0}, 3);
    ck_assert_msg(!second.status, "%s", second.err.message);
    ck_assert_int_eq(second.schema->tables[second.schema->sparse[1].table].rows,
                     first.schema->tables[first.schema->sparse[1].table].rows + 1);
    drop(&second);
    drop(&first);
    mmoe_schema_free(known);
}
END_TEST

/* Known values, new ones, and a text behind them. */
static void put_few(void) {
    char csv[6 * 200];
    int used = sprintf(csv, "%s\n", header);
    for (int i = 0; i < 4; i++) used += put_row(csv + used, i < 2 ? i : 36 + i);
    put_file(path, csv, (size_t)used);
}

START_TEST(every_allocation_may_fail) {
    failing memory = {0};
    const mmoe_allocator a = failing_allocator(&memory);
    mmoe_schema *known = _i ? fit_known() : NULL;
    if (known)
        put_few();
    else
        put_small("H\nRNRN");
    long recovered = 0;
    while (failing_next(&memory)) {
        const mmoe_csv_how how = {.block = 1};
        outcome o = known ? grow_by(known, how, &a) : fit(how, &a);
        const mmoe_error err = o.err;
        const mmoe_status status = o.status;
        drop(&o);
        ck_assert_int_eq(memory.live, 0);
        if (status == MMOE_OK && memory.refused)
            recovered++; /* a vocabulary's that gives memory back; room for rows yet to come */
        else
            failing_check(&memory, status, &err);
    }
    ck_assert_int_gt(memory.calls, 300);
    ck_assert_int_le(recovered, 16);
    mmoe_schema_free(known);
}
END_TEST

/* ---- Memory ---- */

/* An allocator that knows its peak, and has no block of `most` bytes and more; `n_large` blocks
 * were asked for of `large` bytes and more. */
typedef struct limited {
    failing f;
    size_t most, large;
    atomic_size_t peak;
    atomic_int n_large;
} limited;

static void *limited_take(limited *l, void *block, size_t size) {
    const size_t bytes = l->f.bytes;
    if (bytes > l->peak) l->peak = bytes;
    l->n_large += size >= l->large;
    return block;
}

static void *limited_alloc(void *user, size_t size) {
    limited *l = user;
    const mmoe_allocator inner = failing_allocator(&l->f);
    return size < l->most ? limited_take(l, inner.alloc(inner.user, size), size) : NULL;
}

static void *limited_resize(void *user, void *memory, size_t before, size_t after) {
    limited *l = user;
    const mmoe_allocator inner = failing_allocator(&l->f);
    if (after >= l->most) return NULL;
    return limited_take(l, inner.resize(inner.user, memory, before, after), after);
}

static void limited_release(void *user, void *memory) {
    limited *l = user;
    const mmoe_allocator inner = failing_allocator(&l->f);
    inner.release(inner.user, memory);
}

static mmoe_allocator limited_allocator(limited *l) {
    return (mmoe_allocator){l, limited_alloc, limited_resize, limited_release};
}

enum { MANY = 6000 };

/* Of MANY rows a hundred blocks. */
static mmoe_csv_how put_many(void) {
    static char csv[MANY * 200];
    size_t used = (size_t)sprintf(csv, "%s\n", header);
    for (int i = 0; i < MANY; i++) used += (size_t)put_row(csv + used, i % ROWS);
    put_file(path, csv, used);
    return (mmoe_csv_how){.threads = 1, .block = used / 100};
}

static size_t peak_of(mmoe_csv_how how) {
    limited l = {.most = SIZE_MAX, .large = SIZE_MAX};
    const mmoe_allocator a = limited_allocator(&l);
    outcome o = fit(how, &a);
    ck_assert_msg(!o.status, "%s", o.err.message);
    drop(&o);
    ck_assert_int_eq(l.f.live, 0);
    return l.peak;
}

START_TEST(parts_give_their_rows_on) {
    static const char *const keep[] = {"item", NULL};
    mmoe_csv_how how = put_many();
    const size_t plain = peak_of(how);
    how.keep = keep;
    ck_assert_uint_lt(peak_of(how), plain + plain / 4);
}
END_TEST

/* Of a hundred blocks whose rows go to a sink a few take memory: others take over theirs. The least
 * room for a part's rows is some 1,024, of eight ids and more numbers. */
START_TEST(parts_of_a_sink_take_over_memory) {
    mmoe_csv_how how = put_many();
    outcome whole = fit(how, NULL);
    ck_assert_msg(!whole.status, "%s", whole.err.message);
    for (int learns = 0; learns < 2; learns++) {
        limited l = {.most = SIZE_MAX, .large = 32000};
        const mmoe_allocator a = limited_allocator(&l);
        gathering rows = {NULL, 0};
        const mmoe_row_sink sink = {&rows, folder, gathering_begin, gathering_take,
                                    gathering_settle};
        outcome o = {.status = MMOE_OK};
        how.sink = &sink;
        if (learns) o = fit(how, &a);
        if (!learns) o.status = mmoe_dataset_read(whole.schema, path, &how, &a, &o.set, &o.err);
        ck_assert_msg(!o.status, "%s", o.err.message);
        ck_assert_int_gt(rows.times, 90);
        ck_assert_int_le(l.n_large, 40);
        drop(&o);
        ck_assert_int_eq(l.f.live, 0);
        mmoe_dataset_free(rows.set);
    }
    drop(&whole);
}
END_TEST

/* There is no memory for the rows that are expected, but for those that come. */
START_TEST(refused_rooms_grow_by_more_than_a_part) {
    const mmoe_csv_how how = put_many();
    outcome whole = fit(how, NULL);
    ck_assert_msg(!whole.status, "%s", whole.err.message);
    const size_t dense = MANY * (size_t)whole.set->dense_width * sizeof *whole.set->dense;
    limited l = {.most = dense + dense / 20, .large = dense / 4};
    const mmoe_allocator a = limited_allocator(&l);
    mmoe_dataset *set = NULL;
    mmoe_error err;
    ck_assert_msg(!mmoe_dataset_read(whole.schema, path, &how, &a, &set, &err), "%s", err.message);
    same_rows(whole.set, set);
    ck_assert_int_le(l.n_large, 50);
    mmoe_dataset_free(set);
    ck_assert_int_eq(l.f.live, 0);
    drop(&whole);
}
END_TEST

START_TEST(options_are_checked) {
    mmoe_schema *schema = NULL;
    mmoe_dataset *set = NULL;
    mmoe_read_options options = {.threads = 2};
    mmoe_error err;
    put_small("H\nRNRN");
    ck_assert_int_eq(mmoe_dataset_fit_csv_with(config, path, &options, NULL, &schema, &set, &err),
                     MMOE_OK);
    mmoe_dataset_free(set);
    options.labels = MMOE_ROWS_TO_SCORE;
    ck_assert_int_eq(mmoe_dataset_read_csv_with(schema, path, &options, NULL, &set, &err), MMOE_OK);
    mmoe_dataset_free(set);
    ck_assert_int_eq(mmoe_dataset_read_csv_with(schema, path, NULL, NULL, &set, &err), MMOE_OK);
    ck_assert(!isnan(mmoe_dataset_label(set, 0, 0)));
    mmoe_dataset_free(set);
    mmoe_schema *none = NULL;
#define REFUSED(o, words)                                                                          \
    ck_assert_int_eq(mmoe_dataset_fit_csv_with(config, path, &(o), NULL, &none, &set, &err),       \
                     MMOE_E_ARGUMENT);                                                             \
    ck_assert_str_eq(err.message, "mmoe_dataset_fit_csv_with: " words)
    REFUSED(options, "labels is 3, not MMOE_LABELS_REQUIRED");
    options.threads = 257;
    REFUSED(options, "threads must be 0 to 256");
    options.threads = -1;
    REFUSED(options, "threads must be 0 to 256");
    options.reserved[1] = &options;
    REFUSED(options, "the options' reserved members must be NULL");
    mmoe_schema_free(schema);
}
END_TEST

void add_cases(TCase *c) {
    tcase_add_checked_fixture(c, begin, end);
    tcase_add_loop_test(c, rows_are_the_same, 0, sizeof threads / sizeof *threads);
    tcase_add_test(c, kept_columns_are_the_same);
    tcase_add_test(c, rows_that_lack_a_value_are_the_same);
    tcase_add_loop_test(c, faults_are_the_same, 0, sizeof faults / sizeof *faults);
    tcase_add_loop_test(c, small_files_are_the_same, 0, sizeof small / sizeof *small);
    tcase_add_loop_test(c, a_row_that_is_longer_than_blocks_is_the_same, 0, 2);
    tcase_add_loop_test(c, growing_rows_are_the_same, 0, sizeof loose / sizeof *loose);
    tcase_add_test(c, rows_grow_once_more);
    tcase_add_loop_test(c, every_allocation_may_fail, 0, 2);
    tcase_add_test(c, parts_give_their_rows_on);
    tcase_add_test(c, parts_of_a_sink_take_over_memory);
    tcase_add_test(c, refused_rooms_grow_by_more_than_a_part);
    tcase_add_test(c, options_are_checked);
}
