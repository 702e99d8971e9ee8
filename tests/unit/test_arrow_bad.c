/* Streams of Arrow that fail, or contradict themselves: each is an error that says where, nothing
 * is given out, and all that was given is released once. */
#include <stdio.h>

#include "arrow_support.h"
#include "failing.h"
#include "files.h"
#include "succeeds.h"

static mmoe_config *config;

static void set_features(const char *features) {
    char json[1000];
    mmoe_config_free(config);
    snprintf(json, sizeof json,
             "{\"features\": {%s}, \"tasks\": [{\"name\": \"t\", \"label\": \"y\"}]}", features);
    SUCCEEDS(mmoe_config_parse(json, strlen(json), NULL, NULL, &config, &err));
}

static void begin(void) {
    memset(&arrow, 0, sizeof arrow);
    set_features("\"sparse\": [{\"name\": \"x\"}]");
}

static void end(void) {
    mmoe_config_free(config);
    config = NULL;
    nothing_is_left();
}

/* ---- A stream of x, two rows a batch, and the label ---- */

static const double both[] = {0, 1};

static void add_rows(batches *b, struct ArrowArray *x) {
    struct ArrowArray *batch = add_batch(b, 2);
    add_array(batch, x);
    add_array(batch, numbers("c", 2, both));
}

static batches *open_rows(struct ArrowArrayStream *stream, const char *format) {
    batches *b = open_stream(stream);
    add_form(b, form("x", format, NULL, NULL));
    add_form(b, form("y", "c", NULL, NULL));
    return b;
}

static void refused(struct ArrowArrayStream *stream, mmoe_status status, int64_t row,
                    const char *message) {
    mmoe_schema *schema = NULL;
    mmoe_dataset *set = NULL;
    mmoe_error err = {0};
    ck_assert_int_eq(mmoe_dataset_fit_arrow(config, stream, NULL, &schema, &set, &err), status);
    ck_assert_str_eq(err.message, message);
    ck_assert_int_eq(err.row, row);
    ck_assert(!schema && !set && !stream->release);
    nothing_is_left();
}

/* ---- The stream ---- */

START_TEST(a_stream_that_fails_is_an_error) {
    struct ArrowArrayStream stream;
    batches *b = open_rows(&stream, "i");
    for (int i = 0; i < 4; i++) add_rows(b, numbers("i", 2, both));
    b->fail_at = 3;
    refused(&stream, MMOE_E_IO, 0, "Arrow stream, batch 3: the stream failed: the disk is gone");
    b = open_rows(&stream, "i");
    b->fail_at = -1;
    refused(&stream, MMOE_E_IO, 0, "Arrow stream: the stream failed: Input/output error");
    open_rows(&stream, "i");
    refused(&stream, MMOE_E_FORMAT, 0, "Arrow stream: the stream has no rows");
    b = open_rows(&stream, "i");
    b->schema->format = "i";
    refused(&stream, MMOE_E_FORMAT, 0,
            "Arrow stream: the stream is of \"i\", not of structs (\"+s\")");
}
END_TEST

START_TEST(arguments_are_checked) {
    struct ArrowArrayStream stream = {.release = NULL};
    mmoe_schema *schema = NULL;
    mmoe_dataset *set = NULL;
    mmoe_error err;
    ck_assert_int_eq(mmoe_dataset_fit_arrow(config, NULL, NULL, &schema, &set, &err),
                     MMOE_E_ARGUMENT);
    ck_assert_str_eq(err.message, "mmoe_dataset_fit_arrow: the stream is NULL");
    ck_assert_int_eq(mmoe_dataset_from_arrow(schema, &stream, 0, NULL, &set, &err),
                     MMOE_E_ARGUMENT);
    ck_assert_str_eq(err.message, "mmoe_dataset_from_arrow: the stream is released already");
    open_rows(&stream, "i");
    ck_assert_int_eq(mmoe_dataset_from_arrow(schema, &stream, 0, NULL, &set, &err),
                     MMOE_E_ARGUMENT);
    ck_assert_str_eq(err.message, "mmoe_dataset_from_arrow: schema or out is NULL");
    open_rows(&stream, "i");
    ck_assert_int_eq(mmoe_dataset_fit_arrow(NULL, &stream, NULL, &schema, &set, &err),
                     MMOE_E_ARGUMENT);
    ck_assert_str_eq(err.message, "mmoe_dataset_fit_arrow: an argument is NULL");
    open_rows(&stream, "i");
    stream.get_schema = NULL;
    refused(&stream, MMOE_E_ARGUMENT, 0, "Arrow stream: the stream's function get_schema is NULL");
    open_rows(&stream, "i");
    stream.get_next = NULL;
    refused(&stream, MMOE_E_ARGUMENT, 0, "Arrow stream: the stream's function get_next is NULL");
}
END_TEST

/* ---- Columns ---- */

static struct ArrowSchema *plain(const char *format) { return form("", format, NULL, NULL); }

START_TEST(other_formats_are_refused) {
    static const struct {
        const char *format, *item, *words, *what;
    } cases[] = {{"e", NULL, NULL, "\"e\""},
                 {"n", NULL, NULL, "\"n\""},
                 {"z", NULL, NULL, "\"z\""},
                 {"vz", NULL, NULL, "\"vz\""},
                 {"tdD", NULL, NULL, "\"tdD\""},
                 {"d:10,2", NULL, NULL, "\"d:10,2\""},
                 {"+s", "i", NULL, "\"+s\""},
                 {"+r", NULL, NULL, "\"+r\""},
                 {"+vl", "i", NULL, "\"+vl\""},
                 {"+w:", "i", NULL, "\"+w:\""},
                 {"+w:-1", "i", NULL, "\"+w:-1\""},
                 {"+w:2x", "i", NULL, "\"+w:2x\""},
                 {"+l", "+s", NULL, "\"+l\" of \"+s\""},
                 {"+l", NULL, NULL, "\"+l\""},
                 {"i", NULL, "z", "\"i\" into \"z\""},
                 {"f", NULL, "u", "\"f\" into \"u\""},
                 {"+L", "i", "+l", "\"+L\" of \"i\" into \"+l\""}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct ArrowArrayStream stream;
        struct ArrowSchema *words = cases[i].words ? plain(cases[i].words) : NULL, *item = NULL;
        char message[300];
        batches *b = open_stream(&stream);
        if (cases[i].item) item = form("", cases[i].item, NULL, words);
        add_form(b, form("x", cases[i].format, item, item ? NULL : words));
        add_form(b, form("y", "c", NULL, NULL));
        snprintf(
            message, sizeof message,
            "Arrow stream: column \"x\": its Arrow format %s cannot be read: integers, floats, "
            "booleans, texts, dictionaries and lists of these can",
            cases[i].what);
        refused(&stream, MMOE_E_FORMAT, 0, message);
    }
}
END_TEST

static void refused_of(const char *features, const char *format, const char *item,
                       const char *message) {
    struct ArrowArrayStream stream;
    batches *b = open_stream(&stream);
    set_features(features);
    add_form(b, form("x", format, item ? plain(item) : NULL, NULL));
    add_form(b, form("y", "c", NULL, NULL));
    refused(&stream, MMOE_E_FORMAT, 0, message);
}

START_TEST(columns_are_what_reads_them) {
    static const char lists[] =
        "Arrow stream: column \"x\": its values are lists, which a sequence "
        "reads, or a dense feature with \"dim\"",
                      two[] =
                          "Arrow stream: column \"x\": its lists are read by a sequence and by a "
                          "vector, or by two vectors of different separators";
    struct ArrowArrayStream stream;
    refused_of("\"sparse\": [{\"name\": \"x\"}]", "+l", "i", lists);
    refused_of("\"dense\": [{\"name\": \"x\"}]", "+l", "i", lists);
    refused_of("\"sequence\": [{\"name\": \"s\", \"columns\": [\"x\"]}]", "+l", "i", lists);
    refused_of(
        "\"sequence\": [{\"name\": \"x\"}], \"dense\": [{\"name\": \"v\", \"column\": \"x\", "
        "\"dim\": 2}]",
        "+l", "i", two);
    set_features("\"dense\": [{\"name\": \"x\"}]");
    batches *b = open_rows(&stream, "i");
    add_form(b, form("x", "i", NULL, NULL));
    refused(&stream, MMOE_E_FORMAT, 0, "column \"x\": columns 1 and 3 have the same name");
    set_features("\"dense\": [{\"name\": \"x\"}, {\"name\": \"z\"}]");
    open_rows(&stream, "i");
    refused(&stream, MMOE_E_CONFIG, 0,
            "column \"z\": the configuration names a column that is not there");
    set_features("\"sparse\": [{\"name\": \"*\"}]");
    b = open_rows(&stream, "i");
    add_form(b, form("\xff", "i", NULL, NULL));
    refused(&stream, MMOE_E_FORMAT, 0, "Arrow stream: the name of column 3 is not UTF-8");
    set_features("\"sparse\": [{\"name\": \"x\"}]");
    SUCCEEDS(mmoe_config_set(config, "tasks.0.positive", "yes", &err));
    b = open_stream(&stream);
    add_form(b, form("x", "i", NULL, NULL));
    add_form(b, form("y", "b", NULL, NULL));
    refused(&stream, MMOE_E_FORMAT, 0,
            "Arrow stream: column \"y\": its values are booleans, and the label's \"positive\" is "
            "neither true nor false");
}
END_TEST

/* ---- Values ---- */

/* The row is the stream's, whatever its batch. */
START_TEST(a_value_that_is_wrong_has_its_place) {
    static const double gap[] = {3, NAN};
    static const char *const vectors[] = {"1", "2|3"};
    static const int counts[] = {1, 1};
    struct ArrowArrayStream stream;
    set_features("\"dense\": [{\"name\": \"x\"}]");
    batches *b = open_rows(&stream, "f");
    add_rows(b, numbers("f", 2, both));
    add_rows(b, numbers("f", 2, gap));
    refused(&stream, MMOE_E_DATA, 4,
            "Arrow stream, batch 2: row 4: column \"x\": an empty value is not a number");
    set_features("\"dense\": [{\"name\": \"x\", \"dim\": 1}]");
    b = open_stream(&stream);
    add_form(b, form("x", "+l", plain("u"), NULL));
    add_form(b, form("y", "c", NULL, NULL));
    add_rows(b, lists("+l", 2, counts, 0, texts("u", 2, vectors)));
    refused(&stream, MMOE_E_FORMAT, 2,
            "Arrow stream, batch 1: row 2: column \"x\": an element of the list has the vector's "
            "separator");
}
END_TEST

/* ---- Arrays that contradict their formats ---- */

static const char *const words[] = {"a word of more than twelve", "b"};

static void *buffer(struct ArrowArray *a, int i) { return (void *)(uintptr_t)a->buffers[i]; }

static void put32(struct ArrowArray *a, int i, size_t at, int32_t value) {
    memcpy((char *)buffer(a, i) + at, &value, sizeof value);
}

static void drop(struct ArrowArray *a, int i) {
    free(buffer(a, i));
    a->buffers[i] = NULL;
}

static void lose_values(struct ArrowArray *a) { drop(a, 1); }
static void lose_bytes(struct ArrowArray *a) { drop(a, 2); }
static void lose_sizes(struct ArrowArray *a) { drop(a, 4); }
static void shorten(struct ArrowArray *a) { a->length = 1; }
static void shift(struct ArrowArray *a) { a->offset = -1; }
static void lengthen(struct ArrowArray *a) { a->length = INT64_MAX; }
static void claim_nulls(struct ArrowArray *a) { a->null_count = 1; }
static void fall(struct ArrowArray *a) { put32(a, 1, 4, 1); }
static void begin_below(struct ArrowArray *a) { put32(a, 1, 0, -1); }
static void put_zero(struct ArrowArray *a) { memset((char *)buffer(a, 2) + 3, 0, 1); }
static void leave_dictionary(struct ArrowArray *a) { memset(buffer(a, 1), 2, 1); }
static void go_below_dictionary(struct ArrowArray *a) { memset(buffer(a, 1), -1, 1); }
static void lengthen_view(struct ArrowArray *a) { put32(a, 1, 0, 300); }
static void empty_view(struct ArrowArray *a) { put32(a, 1, 0, -1); }
static void leave_buffers(struct ArrowArray *a) { put32(a, 1, 8, 2); }
static void go_below_buffer(struct ArrowArray *a) { put32(a, 1, 12, -1); }
static void drop_view_buffer(struct ArrowArray *a) { drop(a, 2); }
static void lengthen_list(struct ArrowArray *a) { put32(a, 1, 8, 3); }
static void lose_elements(struct ArrowArray *a) {
    a->children[0]->release(a->children[0]);
    free(a->children[0]);
    free(a->children);
    a->children = NULL;
}
static void shorten_elements(struct ArrowArray *a) { a->children[0]->length = 3; }

static struct ArrowArray *array_of(const char *format) {
    static const int counts[] = {1, 1};
    if (*format == '+')
        return lists(format, 2, counts, 0,
                     numbers("i", format[1] == 'w' ? 4 : 2, (const double[]){1, 2, 3, 4}));
    if (*format == 'c') return coded("c", 2, both, texts("u", 2, words));
    return strpbrk(format, "uU") ? texts(format, 2, words) : numbers(format, 2, both);
}

static const struct {
    const char *format;
    void (*spoil)(struct ArrowArray *a);
    int row;
    const char *message;
} spoils[] = {
    {"i", lose_values, 0, "its array has no values"},
    {"u", lose_bytes, 1, "its array of texts has no bytes"},
    {"vu", lose_sizes, 0, "its array has no sizes of its buffers"},
    {"i", shorten, 0, "its array is shorter than what refers to it"},
    {"i", shift, 0, "its array has no possible length"},
    {"g", lengthen, 0, "its array has no possible length"},
    {"b", claim_nulls, 0, "its array has NULLs and no bits of validity"},
    {"u", fall, 1, "its array's offsets fall, or begin below 0"},
    {"u", begin_below, 1, "its array's offsets fall, or begin below 0"},
    {"u", put_zero, 1, "a text has a zero byte"},
    {"c", leave_dictionary, 1, "its array has a place outside of its dictionary"},
    {"c", go_below_dictionary, 1, "its array has a place outside of its dictionary"},
    {"vu", lengthen_view, 1, "its array has a text that leaves its buffer"},
    {"vu", empty_view, 1, "its array has a text of less than no bytes"},
    {"vu", leave_buffers, 1, "its array has a text in none of its buffers"},
    {"vu", go_below_buffer, 1, "its array has a text in none of its buffers"},
    {"vu", drop_view_buffer, 1, "its array of texts has no bytes"},
    {"+l", begin_below, 1, "its array's offsets fall, or begin below 0"},
    {"+l", lengthen_list, 2, "its array of elements is shorter than its lists"},
    {"+l", lose_elements, 0, "its array of lists has no array of elements"},
    {"+w:2", shorten_elements, 0, "its array of elements is shorter than its lists"},
};
enum { SPOILS = sizeof spoils / sizeof *spoils };

START_TEST(an_array_that_contradicts_its_format_is_an_error) {
    const char *format = spoils[_i].format;
    const bool is_list = *format == '+', is_coded = *format == 'c';
    struct ArrowArrayStream stream;
    struct ArrowArray *x = array_of(format);
    char message[200] = "Arrow stream, batch 1: ";
    if (is_list) set_features("\"sequence\": [{\"name\": \"x\"}]");
    batches *b = open_stream(&stream);
    add_form(b, form("x", format, is_list ? plain("i") : NULL, is_coded ? plain("u") : NULL));
    add_form(b, form("y", "c", NULL, NULL));
    add_rows(b, x);
    spoils[_i].spoil(x);
    if (spoils[_i].row) sprintf(message + strlen(message), "row %d: ", spoils[_i].row);
    sprintf(message + strlen(message), "column \"x\": %s", spoils[_i].message);
    refused(&stream, MMOE_E_FORMAT, spoils[_i].row, message);
}
END_TEST

START_TEST(a_batch_that_contradicts_the_schema_is_an_error) {
    struct ArrowArrayStream stream;
    batches *b = open_rows(&stream, "i");
    add_array(add_batch(b, 2), numbers("i", 2, both));
    refused(&stream, MMOE_E_FORMAT, 0,
            "Arrow stream, batch 1: the batch has other columns than the schema");
    b = open_rows(&stream, "i");
    add_rows(b, numbers("i", 2, both));
    b->items[0]->length = -1;
    refused(&stream, MMOE_E_FORMAT, 0, "Arrow stream, batch 1: the batch has no possible length");
    b = open_rows(&stream, "i");
    add_rows(b, numbers("i", 2, both));
    put_nulls(b->items[0], (const bool[]){false, true});
    refused(&stream, MMOE_E_FORMAT, 2, "Arrow stream, batch 1: row 2: the row is NULL");
    b = open_rows(&stream, "i");
    add_rows(b, numbers("i", 2, both));
    b->items[0]->null_count = 2;
    refused(&stream, MMOE_E_FORMAT, 0,
            "Arrow stream, batch 1: the batch has NULLs and no bits of validity");
    b = open_rows(&stream, "i");
    add_rows(b, texts("u", 2, words));
    refused(&stream, MMOE_E_FORMAT, 0,
            "Arrow stream, batch 1: column \"x\": its array has another number of buffers than "
            "its format");
}
END_TEST

/* ---- Memory ---- */

/* The n-th allocation fails, for every n, with lists that must grow. */
START_TEST(what_finds_no_memory_releases_all) {
    static failing memory;
    const mmoe_allocator alloc = failing_allocator(&memory);
    static const int counts[] = {2, 1};
    static const double ids[] = {5, 6, 7};
    set_features("\"sequence\": [{\"name\": \"x\"}], \"dense\": [{\"name\": \"v\", \"dim\": 2, "
                 "\"missing\": \"mean\"}]");
    while (failing_next(&memory)) {
        struct ArrowArrayStream stream;
        mmoe_schema *schema = NULL;
        mmoe_dataset *set = NULL;
        mmoe_error err = {0};
        batches *b = open_stream(&stream);
        add_batch(b, 2);
        add_column(b, form("x", "+l", plain("i"), NULL),
                   lists("+l", 2, counts, 0, numbers("i", 3, ids)));
        add_column(b, form("v", "+l", plain("i"), NULL),
                   lists("+l", 2, (const int[]){2, -1}, 0, numbers("i", 3, ids)));
        add_column(b, form("y", "c", NULL, NULL), numbers("c", 2, both));
        const mmoe_status status =
            mmoe_dataset_fit_arrow(config, &stream, &alloc, &schema, &set, &err);
        nothing_is_left();
        mmoe_dataset_free(set);
        mmoe_schema_free(schema);
        ck_assert_int_eq(memory.live, 0);
        ck_assert(status == MMOE_OK || status == MMOE_E_MEMORY);
        if (memory.refused == 0) ck_assert_int_eq(status, MMOE_OK);
    }
}
END_TEST

void add_cases(TCase *c) {
    tcase_add_checked_fixture(c, begin, end);
    tcase_add_test(c, a_stream_that_fails_is_an_error);
    tcase_add_test(c, arguments_are_checked);
    tcase_add_test(c, other_formats_are_refused);
    tcase_add_test(c, columns_are_what_reads_them);
    tcase_add_test(c, a_value_that_is_wrong_has_its_place);
    tcase_add_loop_test(c, an_array_that_contradicts_its_format_is_an_error, 0, SPOILS);
    tcase_add_test(c, a_batch_that_contradicts_the_schema_is_an_error);
    tcase_add_test(c, what_finds_no_memory_releases_all);
}
