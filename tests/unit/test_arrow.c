/* The same rows by CSV and by Arrow give the same schema and the same data set. */
#include <stdio.h>

#include "arrow_support.h"
#include "data/dataset.h"
#include "files.h"
#include "succeeds.h"

/* ---- What is compared ---- */

static void same_bytes(const char *what, const void *a, const void *b, size_t size) {
    ck_assert_msg(!a == !b && (!a || memcmp(a, b, size) == 0), "%s differ", what);
}

static void same_counts(const mmoe_dataset *a, const mmoe_dataset *b) {
    for (int32_t i = 0; i < a->n_sparse + a->n_dense; i++) {
        const mmoe_note *x = &a->notes[i], *y = &b->notes[i];
        ck_assert_int_eq(x->counts.missing, y->counts.missing);
        ck_assert_int_eq(x->counts.unknown, y->counts.unknown);
        ck_assert_int_eq(x->counts.values, y->counts.values);
        ck_assert_int_eq(x->counts.cut, y->counts.cut);
    }
}

static void same_sets(const mmoe_dataset *a, const mmoe_dataset *b) {
    const size_t rows = (size_t)a->rows, lists = (size_t)(a->n_sparse - a->n_id) * rows;
    ck_assert_int_eq(a->rows, b->rows);
    ck_assert_int_eq(a->dense_width, b->dense_width);
    ck_assert_int_eq((int64_t)a->schema_hash, (int64_t)b->schema_hash);
    ck_assert_int_eq(a->any_missing_label, b->any_missing_label);
    ck_assert_int_eq(a->n_lacking, b->n_lacking);
    same_bytes("ids", a->ids, b->ids, rows * (size_t)a->n_id * 4);
    same_bytes("numbers", a->dense, b->dense, rows * (size_t)a->dense_width * 4);
    same_bytes("labels", a->labels, b->labels, rows * (size_t)a->n_label * 4);
    same_bytes("weights", a->weights, b->weights, rows * 4);
    same_bytes("offsets", a->offsets, b->offsets, lists ? (lists + 1) * 8 : 0);
    const size_t elements = lists ? (size_t)a->offsets[lists] : 0;
    same_bytes("elements", a->elements, b->elements, elements * 4);
    same_bytes("their weights", a->element_weights, b->element_weights, elements * 4);
    same_counts(a, b);
}

typedef void (*add_columns)(batches *b);

static void open_with(struct ArrowArrayStream *stream, add_columns add) {
    add(open_stream(stream));
}

static mmoe_config *config_of(const char *features, const char *label) {
    char json[1500];
    mmoe_config *config = NULL;
    snprintf(json, sizeof json, "{\"features\": {%s}, \"tasks\": [{\"name\": \"t\", %s}]}",
             features, label);
    SUCCEEDS(mmoe_config_parse(json, strlen(json), NULL, NULL, &config, &err));
    return config;
}

/* Both ways of fitting, and both ways of reading by both schemas. */
static void compare(const mmoe_config *config, const char *csv, add_columns add) {
    struct ArrowArrayStream stream;
    mmoe_schema *schemas[2];
    mmoe_dataset *sets[2], *read[2];
    put_text(in_folder("d.csv"), csv);
    SUCCEEDS(mmoe_dataset_fit_csv(config, in_folder("d.csv"), NULL, &schemas[0], &sets[0], &err));
    open_with(&stream, add);
    SUCCEEDS(mmoe_dataset_fit_arrow(config, &stream, NULL, &schemas[1], &sets[1], &err));
    ck_assert(!stream.release);
    same_sets(sets[0], sets[1]);
    for (int i = 0; i < 2; i++) {
        SUCCEEDS(mmoe_dataset_read_csv(schemas[i], in_folder("d.csv"), MMOE_LABELS_REQUIRED, NULL,
                                       &read[0], &err));
        open_with(&stream, add);
        SUCCEEDS(mmoe_dataset_from_arrow(schemas[i], &stream, MMOE_LABELS_REQUIRED, NULL, &read[1],
                                         &err));
        same_sets(read[0], read[1]);
        same_bytes("what was fitted", read[0]->ids, sets[0]->ids,
                   (size_t)sets[0]->rows * (size_t)sets[0]->n_id * 4);
        for (int k = 0; k < 2; k++) mmoe_dataset_free(read[k]);
    }
    for (int i = 0; i < 2; i++) mmoe_dataset_free(sets[i]);
    for (int i = 0; i < 2; i++) mmoe_schema_free(schemas[i]);
    nothing_is_left();
}

static const char *const plain_label = "\"label\": \"y\"";

static void same(const char *features, const char *csv, add_columns add) {
    mmoe_config *config = config_of(features, plain_label);
    compare(config, csv, add);
    mmoe_config_free(config);
}

/* ---- Numbers ---- */

static const char any_of_x[] =
    "\"sparse\": [{\"name\": \"x\"}, {\"name\": \"h\", \"column\": \"x\", \"hash_bucket_size\": "
    "99}, "
    "{\"name\": \"c\", \"cross\": [\"x\", \"y2\"], \"hash_bucket_size\": 99}, {\"name\": \"y2\"}], "
    "\"dense\": [{\"name\": \"d\", \"column\": \"x\", \"missing\": \"mean\", \"transform\": "
    "\"standardize\"}]";

enum { ROWS = 9 };
static const char *x_format;
static const double *x_values;
static const double ys[ROWS] = {0, 1, 1, 0, 1, 0, 0, 1, 1};

static void add_x(batches *b) {
    add_batch(b, ROWS);
    add_column(b, form("x", x_format, NULL, NULL), numbers(x_format, ROWS, x_values));
    add_column(b, form("unread", "tdD", NULL, NULL), numbers("i", ROWS, ys));
    add_column(b, form("y", "c", NULL, NULL), numbers("c", ROWS, ys));
    add_column(b, form("y2", "c", NULL, NULL), numbers("c", ROWS, ys));
}

/* Offsets within a byte of bits, and beyond one. */
START_TEST(numbers_are_their_texts) {
    static const double integers[ROWS] = {7, 100, NAN, 0, 100, 1, NAN, 7, 127},
                        floats[ROWS] = {0.1, 7, NAN, -1e-5, 1e20, 3.25, 7, -2, 16777216},
                        booleans[ROWS] = {1, 0, NAN, 1, 1, NAN, 0, 0, 1};
    static const char *const formats[] = {"c", "C", "s", "S", "i", "I", "l", "L", "f", "g", "b"};
    static const char of_integers[] = "x,y,y2\n7,0,0\n100,1,1\n,1,1\n0,0,0\n100,1,1\n1,0,0\n,0,0\n"
                                      "7,1,1\n127,1,1\n",
                      of_floats[] = "x,y,y2\n0.1,0,0\n7.0,1,1\n,1,1\n-1e-05,0,0\n1e+20,1,1\n"
                                    "3.25,0,0\n7,0,0\n-2.0,1,1\n16777216,1,1\n",
                      of_booleans[] = "x,y,y2\n1,0,0\n0,1,1\n,1,1\n1,0,0\n1,1,1\n,0,0\n0,0,0\n"
                                      "0,1,1\n1,1,1\n";
    const char *csv = of_integers;
    x_format = formats[_i];
    x_values = integers;
    if (strpbrk(x_format, "fg")) {
        x_values = floats;
        csv = of_floats;
    }
    if (*x_format == 'b') {
        x_values = booleans;
        csv = of_booleans;
    }
    for (arrow.offset = 0; arrow.offset < 12; arrow.offset += 5) {
        arrow.unknown_nulls = arrow.offset == 5;
        same(any_of_x, csv, add_x);
    }
}
END_TEST

/* A column that is read with a comma before the fraction has it in Arrow's numbers, too. */
START_TEST(numbers_have_commas) {
    static const double floats[ROWS] = {0.1, 7, NAN, -1e-5, 1e20, 3.25, 7, -2.5, 16777216};
    static const char csv[] = "x,y,y2\n\"0,1\",0,0\n7,1,1\n,1,1\n-1e-05,0,0\n1e+20,1,1\n"
                              "\"3,25\",0,0\n7,0,0\n\"-2,5\",1,1\n16777216,1,1\n";
    static const char feature[] =
        "\"dense\": [{\"name\": \"x\", \"missing\": \"mean\", \"strip\": \"$.\", "
        "\"decimal\": \",\"}]";
    x_format = "g";
    x_values = floats;
    same(feature, csv, add_x);
    mmoe_config *config = config_of(
        "\"sparse\": [{\"name\": \"y2\"}]",
        "\"label\": \"x\", \"type\": \"regression\", \"strip\": \"$\", \"decimal\": \",\"");
    compare(config, csv, add_x);
    mmoe_config_free(config);
}
END_TEST

static void add_large(batches *b) {
    struct ArrowArray *x = numbers("L", ROWS, ys), *z = numbers("l", ROWS, ys);
    memcpy((void *)(uintptr_t)x->buffers[1], &(uint64_t){UINT64_MAX}, 8);
    memcpy((void *)(uintptr_t)z->buffers[1], &(int64_t){INT64_MIN + 1}, 8);
    add_batch(b, ROWS);
    add_column(b, form("x", "L", NULL, NULL), x);
    add_column(b, form("z", "l", NULL, NULL), z);
    add_column(b, form("y", "g", NULL, NULL), numbers("g", ROWS, ys));
}

START_TEST(the_largest_integers_stay_whole) {
    same("\"sparse\": [{\"name\": \"x\"}, {\"name\": \"z\"}]",
         "x,z,y\n18446744073709551615,-9223372036854775807,0\n1,1,1\n1,1,1\n0,0,0\n1,1,1\n0,0,0\n"
         "0,0,0\n1,1,1\n1,1,1\n",
         add_large);
}
END_TEST

/* ---- Texts, dictionaries ---- */

static const char *const words[] = {"red",
                                    NULL,
                                    "a text of more than twelve bytes",
                                    "",
                                    "7.0",
                                    "NA",
                                    "red",
                                    "another of more than twelve",
                                    "exactly 12 b"};
static const char of_words[] =
    "x,y,y2\nred,0,0\n,1,1\na text of more than twelve bytes,1,1\n,0,0\n7.0,1,1\nNA,0,0\n"
    "red,0,0\nanother of more than twelve,1,1\nexactly 12 b,1,1\n";

static void add_words(batches *b) {
    add_batch(b, ROWS);
    add_column(b, form("x", x_format, NULL, NULL), texts(x_format, ROWS, words));
    add_column(b, form("y", "s", NULL, NULL), numbers("s", ROWS, ys));
    add_column(b, form("y2", x_format, NULL, NULL), texts(x_format, ROWS, words));
}

START_TEST(texts_are_cells) {
    static const char *const formats[] = {"u", "U", "vu"};
    x_format = formats[_i];
    for (arrow.offset = 0; arrow.offset < 12; arrow.offset += 5)
        same("\"sparse\": [{\"name\": \"x\"}, {\"name\": \"h\", \"column\": \"x\", "
             "\"hash_bucket_size\": 9}]",
             of_words, add_words);
}
END_TEST

/* Words of a file's own do not take NULL's meaning from it. */
START_TEST(null_is_missing_whatever_words_are) {
    mmoe_config *config = config_of("\"sparse\": [{\"name\": \"x\"}]", plain_label);
    SUCCEEDS(mmoe_config_set(config, "data.missing", "[\"red\"]", &err));
    x_format = "vu";
    compare(config, of_words, add_words);
    mmoe_config_free(config);
}
END_TEST

/* NULLs among the places, and among the words. */
static void add_coded(batches *b) {
    static const double places[ROWS] = {0, NAN, 2, 1, 4, 5, 0, 7, 8};
    static const double more[ROWS] = {0, 1, 1, 0, 1, 0, 0, 1, 1}, values[2] = {2.5, NAN};
    add_batch(b, ROWS);
    add_column(b, form("x", "C", NULL, form("", x_format, NULL, NULL)),
               coded("C", ROWS, places, texts(x_format, ROWS, words)));
    add_column(b, form("y", "l", NULL, NULL), numbers("l", ROWS, ys));
    add_column(b, form("y2", "s", NULL, form("", "g", NULL, NULL)),
               coded("s", ROWS, more, numbers("g", 2, values)));
}

START_TEST(dictionaries_are_their_words) {
    static const char *const formats[] = {"u", "U", "vu"};
    static const char csv[] =
        "x,y,y2\nred,0,2.5\n,1,\na text of more than twelve bytes,1,\n,0,2.5\n"
        "7.0,1,\nNA,0,2.5\nred,0,2.5\nanother of more than twelve,1,\n"
        "exactly 12 b,1,\n";
    x_format = formats[_i];
    for (arrow.offset = 0; arrow.offset < 12; arrow.offset += 5)
        same("\"sparse\": [{\"name\": \"x\"}], \"dense\": [{\"name\": \"y2\", \"missing\": 9}]",
             csv, add_coded);
}
END_TEST

/* ---- Lists ---- */

/* An element that is NULL is a missing one, a list that is NULL an empty one. */
static void add_lists(batches *b) {
    static const double ids[] = {0, 0, 7, 8, 9, NAN, NAN, 7, 0},
                        own[] = {1, 2, 3, 4, NAN, NAN, 5, 6.5}, dense[] = {0, 1, 2, 3, 4, 5, 6.5};
    static const char *const weighed[] = {"a:0.5", "b:2", "c", "a"};
    static const int x[] = {2, 0, 1, 3}, w[] = {1, 2, -1, 1}, v[] = {2, 2, -1, 2};
    const bool fixed = x_format[1] == 'w';
    const char *format = fixed ? "+l" : x_format;
    double padded[MOST] = {0};
    memcpy(padded + 2 * arrow.offset, own, sizeof own);
    add_batch(b, 4);
    add_column(b, form("x", format, form("item", "i", NULL, NULL), NULL),
               lists(format, 4, x, 2, numbers("i", 9, ids)));
    add_column(b, form("w", format, form("item", "vu", NULL, NULL), NULL),
               lists(format, 4, w, 0, texts("vu", 4, weighed)));
    /* Of fixed lists a NULL has elements, too. */
    add_column(
        b, form("v", x_format, form("item", "f", NULL, NULL), NULL),
        lists(x_format, 4, v, 1,
              fixed ? numbers("f", 2 * (arrow.offset + 4), padded) : numbers("f", 7, dense)));
    add_column(b, form("y", "C", NULL, NULL), numbers("C", 4, ys));
}

START_TEST(lists_are_lists) {
    static const char *const formats[] = {"+l", "+L", "+w:2"};
    static const char csv[] = "x,v,w,y\n7|8,1|2,a:0.5,0\n,3|4,b:2|c,1\n9,,,1\n||7,5|6.5,a,0\n";
    x_format = formats[_i];
    for (arrow.offset = 0; arrow.offset < 10; arrow.offset += 3)
        same(
            "\"sequence\": [{\"name\": \"x\", \"max_len\": 2}, {\"name\": \"w\", "
            "\"weight_separator\": \":\"}], \"dense\": [{\"name\": \"v\", \"dim\": 2, \"missing\": "
            "\"mean\"}]",
            csv, add_lists);
}
END_TEST

/* What no text with separators says: separators within elements, a list of one missing element. */
static void add_odd_lists(batches *b) {
    static const char *const odd[] = {"a|b", "a", NULL};
    static const double places[] = {0, 1, 0, 2};
    static const int x[] = {3, 0, 1};
    add_batch(b, 3);
    add_column(b, form("x", "+l", form("item", "i", NULL, form("", "u", NULL, NULL)), NULL),
               lists("+l", 3, x, 0, coded("i", 4, places, texts("u", 3, odd))));
    add_column(b, form("y", "i", NULL, NULL), numbers("i", 3, ys));
}

START_TEST(elements_are_whole) {
    static const int64_t offsets[] = {0, 3, 3, 4};
    static const int32_t elements[] = {1, 2, 1, 0};
    mmoe_config *config = config_of("\"sequence\": [{\"name\": \"x\"}]", plain_label);
    struct ArrowArrayStream stream;
    mmoe_schema *schema;
    mmoe_dataset *set;
    open_with(&stream, add_odd_lists);
    SUCCEEDS(mmoe_dataset_fit_arrow(config, &stream, NULL, &schema, &set, &err));
    same_bytes("offsets", set->offsets, offsets, sizeof offsets);
    same_bytes("elements", set->elements, elements, sizeof elements);
    mmoe_dataset_free(set);
    mmoe_schema_free(schema);
    mmoe_config_free(config);
}
END_TEST

/* ---- Labels, weights, batches ---- */

static void add_labels(batches *b) {
    static const double weights[] = {1, 0.5, 2, 1, 0, 1, 1, 3, 1},
                        labels[] = {0, 1, NAN, 0, 1, NAN, 0, 1, 1};
    add_batch(b, ROWS);
    add_column(b, form("x", "i", NULL, NULL), numbers("i", ROWS, ys));
    add_column(b, form("y", "b", NULL, NULL), numbers("b", ROWS, labels));
    add_column(b, form("w", "f", NULL, NULL), numbers("f", ROWS, weights));
}

/* As pandas, DuckDB and R write booleans, and as numbers. */
START_TEST(booleans_are_labels) {
    static const struct {
        const char *label, *yes, *no;
    } ways[] = {{"\"label\": \"y\", \"positive\": \"True\"", "True", "False"},
                {"\"label\": \"y\", \"positive\": \"false\"", "true", "false"},
                {"\"label\": \"y\", \"positive\": \"TRUE\"", "TRUE", "FALSE"},
                {"\"label\": \"y\", \"positive\": \"1.0\"", "1", "0"},
                {"\"label\": \"y\"", "1", "0"}};
    const char *yes = ways[_i].yes, *no = ways[_i].no;
    mmoe_config *config =
        config_of("\"sparse\": [{\"name\": \"x\"}], \"weight\": \"w\"", ways[_i].label);
    char csv[300];
    snprintf(csv, sizeof csv,
             "x,y,w\n0,%s,1\n1,%s,0.5\n1,,2\n0,%s,1\n1,%s,0\n0,,1\n0,%s,1\n1,%s,3\n1,%s,1\n", no,
             yes, no, yes, no, yes, yes);
    compare(config, csv, add_labels);
    mmoe_config_free(config);
}
END_TEST

/* Rows 3 to 8 of the columns, in three batches, one of which has no row and no buffer. */
static void add_slices(batches *b) {
    static const int64_t first[] = {3, 0, 5}, rows[] = {2, 0, 4};
    add_form(b, form("x", "i", NULL, NULL));
    add_form(b, form("t", "u", NULL, NULL));
    add_form(b, form("y", "b", NULL, NULL));
    for (int i = 0; i < 3; i++) {
        struct ArrowArray *batch = add_batch(b, rows[i]);
        const int64_t n = rows[i] ? ROWS : 0;
        struct ArrowArray *t = rows[i] ? texts("u", ROWS, words) : new_array(0, 3, 0);
        batch->offset = first[i];
        add_array(batch, numbers("i", n, ys));
        add_array(batch, t);
        add_array(batch, numbers("b", n, ys));
        for (int64_t k = 0; k < 3 && !rows[i]; k++) batch->children[k]->length = batch->length;
    }
}

START_TEST(batches_follow_each_other) {
    for (arrow.offset = 0; arrow.offset < 2; arrow.offset++)
        same("\"sparse\": [{\"name\": \"t\"}, {\"name\": \"x\"}]",
             "t,x,y\n,0,0\n7.0,1,1\nNA,0,0\nred,0,0\nanother of more than twelve,1,1\n"
             "exactly 12 b,1,1\n",
             add_slices);
}
END_TEST

static void add_gaps(batches *b) {
    static const double d[] = {1, NAN, 3};
    add_batch(b, 3);
    add_column(b, form("d", "g", NULL, NULL), numbers("g", 3, d));
}

static void add_nothing(batches *b) { add_form(b, form("d", "g", NULL, NULL)); }

/* A row without a value that must be there; a stream without batches. */
START_TEST(rows_to_score) {
    static const char *const columns[] = {"d"};
    mmoe_config *config = config_of("\"dense\": [{\"name\": \"d\"}]", plain_label);
    mmoe_schema *schema;
    mmoe_dataset *set;
    struct ArrowArrayStream stream;
    SUCCEEDS(mmoe_schema_create(config, columns, 1, NULL, &schema, &err));
    open_with(&stream, add_gaps);
    SUCCEEDS(mmoe_dataset_from_arrow(schema, &stream, MMOE_ROWS_TO_SCORE, NULL, &set, &err));
    ck_assert_int_eq(mmoe_dataset_rows(set), 3);
    for (int i = 0; i < 3; i++) ck_assert_int_eq(mmoe_dataset_lacks(set, i), i == 1);
    ck_assert_int_eq(mmoe_dataset_warning(set, 0)->row, 2);
    mmoe_dataset_free(set);
    open_with(&stream, add_nothing);
    SUCCEEDS(mmoe_dataset_from_arrow(schema, &stream, MMOE_ROWS_TO_SCORE, NULL, &set, &err));
    ck_assert_int_eq(mmoe_dataset_rows(set), 0);
    mmoe_dataset_free(set);
    mmoe_schema_free(schema);
    mmoe_config_free(config);
}
END_TEST

static void begin(void) {
    memset(&arrow, 0, sizeof arrow);
    make_folder();
}

static void end(void) {
    nothing_is_left();
    remove_folder();
}

void add_cases(TCase *c) {
    tcase_add_checked_fixture(c, begin, end);
    tcase_add_loop_test(c, numbers_are_their_texts, 0, 11);
    tcase_add_test(c, numbers_have_commas);
    tcase_add_test(c, the_largest_integers_stay_whole);
    tcase_add_loop_test(c, texts_are_cells, 0, 3);
    tcase_add_test(c, null_is_missing_whatever_words_are);
    tcase_add_loop_test(c, dictionaries_are_their_words, 0, 3);
    tcase_add_loop_test(c, lists_are_lists, 0, 3);
    tcase_add_test(c, elements_are_whole);
    tcase_add_loop_test(c, booleans_are_labels, 0, 5);
    tcase_add_test(c, batches_follow_each_other);
    tcase_add_test(c, rows_to_score);
}
