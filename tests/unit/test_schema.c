/* configurations' features against a file's columns */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "check_main.h"
#include "data/columns.h"
#include "columns_support.h"
#include "data/schema.h"
#include "failing.h"
#include "mmoe/train.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* Names in the tests are literals, and the specs are not written to. */
static mmoe_sparse_spec sparse(const char *name, const char *shared_with) {
    mmoe_sparse_spec s = {
        .embed_dim = 4, .padding_idx = -1, .encoder = new_encoder(&mmoe_column_vocabulary)};
    memcpy(&s.name, &name, sizeof name);
    memcpy(&s.shared_with, &shared_with, sizeof shared_with);
    return s;
}

static mmoe_dense_spec dense(const char *name) {
    mmoe_dense_spec s = {.encoder = number_encoder(MMOE_TRANSFORM_STANDARDIZE)};
    memcpy(&s.name, &name, sizeof name);
    return s;
}

/* Features that read a column not of their name. */
static mmoe_sparse_spec sparse_of(const char *name, const char *column) {
    mmoe_sparse_spec s = sparse(name, NULL);
    memcpy(&s.column, &column, sizeof column);
    return s;
}

static mmoe_dense_spec dense_of(const char *name, const char *column) {
    mmoe_dense_spec s = dense(name);
    memcpy(&s.column, &column, sizeof column);
    return s;
}

static mmoe_label_column label(const char *name) {
    mmoe_label_column l = {.type = MMOE_REGRESSION};
    const char *task = "task";
    memcpy(&l.name, &name, sizeof name);
    memcpy(&l.task, &task, sizeof task);
    return l;
}

typedef struct setup {
    mmoe_sparse_spec sparse[6];
    mmoe_dense_spec dense[6];
    int32_t n_sparse, n_dense;
    const char *weight;
    const char *label;
    const char *columns[12];
} setup;

static mmoe_status bind(const setup *s, const mmoe_allocator *a, mmoe_schema **out,
                        mmoe_error *err) {
    setup copy = *s;
    mmoe_feature_specs specs = {copy.n_sparse, copy.n_dense, copy.sparse, copy.dense, NULL};
    memcpy(&specs.weight, &copy.weight, sizeof copy.weight);
    mmoe_label_column labels[1] = {label(s->label ? s->label : "")};
    size_t n = 0;
    while (n < COUNT(s->columns) && s->columns[n]) n++;
    const mmoe_schema_wanted wanted = {&specs, labels, s->label ? 1 : 0, "a.csv"};
    return mmoe_schema_bind(&wanted, s->columns, n, a, out, err);
}

static mmoe_schema *bound(const setup *s) {
    mmoe_schema *schema = NULL;
    mmoe_error err = {0};
    ck_assert_msg(bind(s, NULL, &schema, &err) == MMOE_OK, "%s", err.message);
    return schema;
}

static void refused(const setup *s, mmoe_status status, const char *message) {
    mmoe_schema *schema = NULL;
    mmoe_error err = {0};
    ck_assert_int_eq(bind(s, NULL, &schema, &err), status);
    ck_assert_str_eq(err.message, message);
    ck_assert_str_eq(err.file, "a.csv");
    ck_assert_ptr_null(schema);
}

START_TEST(exact_names_then_patterns_then_the_rest) {
    setup s = {
        .n_sparse = 4,
        .n_dense = 3,
        .sparse = {sparse("*", NULL), sparse("D1", NULL), sparse("u*id", NULL), sparse("z", NULL)},
        .dense = {dense("D*"), dense("uid"), dense("*_x")},
        .weight = "w",
        .label = "D_label",
        .columns = {"D2", "D_label", "b", "uxid", "D1", "w", "D_x", "uid", "a", "z", "u_x"}};
    mmoe_schema *m = bound(&s);
    const char *const names[] = {"b", "a", "D1", "uxid", "z"}, *const numbers[] = {"D2", "D_x",
                                                                                   "uid", "u_x"};
    ck_assert_int_eq(m->n_sparse, COUNT(names));
    ck_assert_int_eq(m->n_dense, COUNT(numbers));
    for (size_t i = 0; i < COUNT(names); i++) {
        ck_assert_str_eq(m->sparse[i].name, names[i]);
        ck_assert_int_eq(m->sparse[i].table, (int)i);
        ck_assert_str_eq(m->tables[i].name, names[i]);
    }
    for (size_t i = 0; i < COUNT(numbers); i++) {
        ck_assert_str_eq(m->dense[i].name, numbers[i]);
        ck_assert_int_eq(mmoe_number_of(m->dense[i].encoder)->transform,
                         MMOE_TRANSFORM_STANDARDIZE);
        ck_assert(mmoe_number_of(m->dense[i].encoder)->shift == 0 &&
                  mmoe_number_of(m->dense[i].encoder)->scale == 1);
    }
    ck_assert_int_eq(m->n_label, 1);
    ck_assert_str_eq(m->labels[0].name, "D_label");
    ck_assert_str_eq(m->labels[0].task, "task");
    ck_assert_int_eq(m->labels[0].type, MMOE_REGRESSION);
    ck_assert_str_eq(m->weight, "w");
    mmoe_schema_free(m);
}
END_TEST

START_TEST(several_features_read_one_column) {
    setup s = {.n_sparse = 3,
               .n_dense = 3,
               .sparse = {sparse_of("a1_id", "a1"), sparse_of("b", "b"), sparse("*", NULL)},
               .dense = {dense("a*"), dense_of("a1_log", "a1"), dense_of("x", "c")},
               .columns = {"c", "a1", "b", "a2", "d"}};
    mmoe_schema *m = bound(&s);
    const char *const ids[][2] = {{"a1_id", "a1"}, {"b", NULL}, {"d", NULL}},
                      *const numbers[][2] = {
                          {"a1", NULL}, {"a2", NULL}, {"a1_log", "a1"}, {"x", "c"}};
    ck_assert_int_eq(m->n_sparse, COUNT(ids));
    ck_assert_int_eq(m->n_dense, COUNT(numbers));
    for (size_t i = 0; i < COUNT(ids); i++) {
        ck_assert_str_eq(m->sparse[i].name, ids[i][0]);
        ck_assert_str_eq(m->tables[m->sparse[i].table].name, ids[i][0]);
        ck_assert_pstr_eq(m->sparse[i].column, ids[i][1]);
    }
    for (size_t i = 0; i < COUNT(numbers); i++) {
        ck_assert_str_eq(m->dense[i].name, numbers[i][0]);
        ck_assert_pstr_eq(m->dense[i].column, numbers[i][1]);
    }
    for (int32_t i = 0; i < m->n_table; i++)
        mmoe_vocab_finish(mmoe_encoder_vocab(m->tables[i].encoder), NULL);
    const uint64_t before = mmoe_schema_fingerprint(m);
    memcpy(m->dense[2].column, "a2", 2);
    ck_assert_uint_ne(mmoe_schema_fingerprint(m), before);
    mmoe_schema_free(m);
}
END_TEST

START_TEST(bad_columns_of_features) {
    setup s = {.n_sparse = 1,
               .n_dense = 1,
               .sparse = {sparse("a", NULL)},
               .dense = {dense_of("x", "b")},
               .label = "y",
               .weight = "w",
               .columns = {"a", "y", "w"}};
    refused(
        &s, MMOE_E_CONFIG,
        "a.csv: column \"b\": the configuration's feature \"x\" reads a column that is not there");
    s.dense[0] = dense_of("x", "y");
    refused(&s, MMOE_E_CONFIG, "a.csv: column \"y\": a label column cannot be a feature");
    s.dense[0] = dense_of("x", "w");
    refused(&s, MMOE_E_CONFIG, "a.csv: column \"w\": the weight column cannot be a feature");
    s.dense[0] = dense_of("a", "a");
    refused(&s, MMOE_E_CONFIG, "a.csv: column \"a\": two features have this name");
    s.dense[0] = dense_of("y", "a");
    refused(&s, MMOE_E_CONFIG, "a.csv: column \"y\": a feature has the name of a label column");
    s.dense[0] = dense_of("w", "a");
    refused(&s, MMOE_E_CONFIG, "a.csv: column \"w\": a feature has the name of the weight column");
}
END_TEST

START_TEST(patterns_pass_over_columns_without_a_name) {
    setup s = {.n_sparse = 1, .sparse = {sparse("*", NULL)}, .columns = {"", "a", "", "b"}};
    mmoe_schema *m = bound(&s);
    ck_assert_int_eq(m->n_sparse, 2);
    ck_assert_str_eq(m->sparse[0].name, "a");
    mmoe_schema_free(m);
}
END_TEST

START_TEST(a_column_may_bear_a_star) {
    setup s = {.n_sparse = 1,
               .n_dense = 1,
               .sparse = {sparse("a*", NULL)},
               .dense = {dense("*b")},
               .columns = {"a*", "ab", "xb"}};
    mmoe_schema *m = bound(&s);
    ck_assert_int_eq(m->n_sparse, 1);
    ck_assert_str_eq(m->sparse[0].name, "a*");
    ck_assert_int_eq(m->n_dense, 2);
    mmoe_schema_free(m);
}
END_TEST

START_TEST(a_pattern_does_not_overlap_itself) {
    setup s = {.n_sparse = 2,
               .sparse = {sparse("aba*aba", NULL), sparse("*", NULL)},
               .columns = {"ababa", "abaaba", "aba_aba"}};
    mmoe_schema *m = bound(&s);
    ck_assert_str_eq(m->sparse[0].name, "abaaba");
    ck_assert_str_eq(m->sparse[1].name, "aba_aba");
    ck_assert_str_eq(m->sparse[2].name, "ababa");
    mmoe_schema_free(m);
}
END_TEST

START_TEST(labels_and_weight_need_not_be_there) {
    setup s = {.n_dense = 1, .dense = {dense("a")}, .label = "y", .weight = "w", .columns = {"a"}};
    mmoe_schema *m = bound(&s);
    ck_assert_str_eq(m->labels[0].name, "y");
    ck_assert_str_eq(m->weight, "w");
    mmoe_schema_free(m);
}
END_TEST

START_TEST(tables_are_shared) {
    /* with a column before, one after, and along a chain */
    setup s = {.n_sparse = 4,
               .sparse = {sparse("a", "c"), sparse("b", NULL), sparse("c", NULL), sparse("d", "a")},
               .columns = {"d", "c", "b", "a"}};
    mmoe_schema *m = bound(&s);
    ck_assert_int_eq(m->n_table, 2);
    ck_assert_str_eq(m->tables[0].name, "b");
    ck_assert_str_eq(m->tables[1].name, "c");
    const int32_t tables[] = {1, 0, 1, 1};
    for (int i = 0; i < 4; i++) ck_assert_int_eq(m->sparse[i].table, tables[i]);
    ck_assert_ptr_nonnull(mmoe_encoder_vocab(m->tables[1].encoder));
    ck_assert_int_eq(m->tables[1].rows, 1);
    ck_assert_int_eq(m->tables[1].encoder->oov_id, -1);
    mmoe_schema_free(m);
    /* a pattern with one of its own columns */
    setup p = {.n_sparse = 1, .sparse = {sparse("h*", "h2")}, .columns = {"h1", "h2", "h3"}};
    m = bound(&p);
    ck_assert_int_eq(m->n_table, 1);
    ck_assert_str_eq(m->tables[0].name, "h2");
    mmoe_schema_free(m);
    /* a table of row numbers; the one that shares need not repeat its size */
    setup v = {.n_sparse = 3,
               .sparse = {sparse("a", NULL), sparse("b", "a"), sparse("c", "a")},
               .columns = {"a", "b", "c"}};
    v.sparse[0].encoder = row_encoder(9, 8);
    v.sparse[1].encoder = row_encoder(9, 8);
    m = bound(&v);
    ck_assert_int_eq(m->n_table, 1);
    ck_assert_int_eq(m->tables[0].rows, 9);
    ck_assert_int_eq(m->tables[0].dim, 4);
    ck_assert_int_eq(m->tables[0].encoder->oov_id, 8);
    ck_assert_ptr_null(mmoe_encoder_vocab(m->tables[0].encoder));
    mmoe_schema_free(m);
}
END_TEST

START_TEST(bad_sharing) {
    setup s = {.n_sparse = 2,
               .sparse = {sparse("a", "x"), sparse("b", NULL)},
               .n_dense = 1,
               .dense = {dense("x")},
               .columns = {"a", "b", "x"}};
    refused(&s, MMOE_E_CONFIG,
            "a.csv: column \"a\": shared_with names \"x\", which is no sparse column");
    s.sparse[0] = sparse("a", "a");
    refused(&s, MMOE_E_CONFIG,
            "a.csv: column \"a\": shared_with runs in a circle: no column owns the table");
    s.sparse[0] = sparse("a", "b");
    s.sparse[1] = sparse("b", "a");
    refused(&s, MMOE_E_CONFIG,
            "a.csv: column \"a\": shared_with runs in a circle: no column owns the table");
    s.sparse[1] = sparse("b", NULL);
    s.sparse[0].embed_dim = 5;
    refused(&s, MMOE_E_CONFIG,
            "a.csv: column \"a\": shares the table of \"b\", which has another embed_dim");
    s.sparse[0] = sparse("a", "b");
    s.sparse[0].encoder = row_encoder(5, -1);
    refused(&s, MMOE_E_CONFIG,
            "a.csv: column \"a\": shares the table of \"b\", which has another vocab_size");
    s.sparse[1].encoder = row_encoder(5, -1);
    s.sparse[0].encoder = row_encoder(5, 0);
    refused(&s, MMOE_E_CONFIG,
            "a.csv: column \"a\": shares the table of \"b\", which has another oov_id");
}
END_TEST

START_TEST(bad_features) {
    setup s = {.columns = {"a", "b", "y"}, .label = "y"};
    refused(&s, MMOE_E_CONFIG, "a.csv: the configuration names no feature");
    s.n_sparse = 1;
    s.sparse[0] = sparse("c", NULL);
    refused(&s, MMOE_E_CONFIG,
            "a.csv: column \"c\": the configuration names a column that is not there");
    s.sparse[0] = sparse("", NULL);
    s.columns[1] = "";
    refused(&s, MMOE_E_CONFIG, "a.csv: the configuration names a column that is not there");
    s.columns[1] = "b";
    s.sparse[0] = sparse("*a*", NULL);
    refused(&s, MMOE_E_CONFIG, "a.csv: column \"*a*\": a pattern may have one '*' only");
    s.sparse[0] = sparse("y*", NULL); /* the label is no feature */
    refused(&s, MMOE_E_CONFIG, "a.csv: column \"y*\": the pattern matches no column that is left");
    s.sparse[0] = sparse("y", NULL);
    refused(&s, MMOE_E_CONFIG, "a.csv: column \"y\": a label column cannot be a feature");
    s.weight = "b";
    s.sparse[0] = sparse("b", NULL);
    refused(&s, MMOE_E_CONFIG, "a.csv: column \"b\": the weight column cannot be a feature");
    s.weight = "y";
    refused(&s, MMOE_E_CONFIG,
            "a.csv: column \"y\": the column is named as a label and as the weight");
    s.weight = NULL;
    s.n_dense = 1;
    s.dense[0] = dense("b");
    refused(&s, MMOE_E_CONFIG, "a.csv: column \"b\": the configuration names the column twice");
    s.sparse[0] = sparse("*", NULL);
    s.dense[0] = dense("*");
    refused(&s, MMOE_E_CONFIG, "a.csv: column \"*\": the pattern matches no column that is left");
    s.n_dense = 0;
    s.sparse[0].embed_dim = -1;
    refused(&s, MMOE_E_CONFIG, "a.csv: column \"*\": embed_dim is -1, not at least 1");
    s.sparse[0] = sparse("*", NULL);
    s.sparse[0].encoder = row_encoder((int64_t)INT32_MAX + 1, -1);
    refused(&s, MMOE_E_CONFIG,
            "a.csv: column \"*\": vocab_size: 2147483648 is not 1 to 2147483647");
    s.sparse[0].encoder = row_encoder(3, 3);
    refused(&s, MMOE_E_CONFIG, "a.csv: column \"*\": oov_id: 3 is no row of the table: 0 to 2");
}
END_TEST

START_TEST(duplicate_columns_are_named) {
    setup s = {.n_sparse = 1, .sparse = {sparse("a", NULL)}, .columns = {"a", "b", "c", "b"}};
    refused(&s, MMOE_E_FORMAT, "a.csv: row 1: column \"b\": columns 2 and 4 have the same name");
}
END_TEST

START_TEST(columns_are_found) {
    const char *const names[] = {"m", "", "a", "z", "aa", "", "b"};
    mmoe_columns *c = NULL;
    ck_assert_int_eq(mmoe_columns_create(names, COUNT(names), NULL, NULL, &c, NULL), MMOE_OK);
    for (int i = 0; i < 7; i++)
        if (*names[i]) ck_assert_int_eq(mmoe_columns_find(c, names[i]), i);
    ck_assert_int_eq(mmoe_columns_find(c, "ab"), -1);
    ck_assert_int_eq(mmoe_columns_find(c, "zz"), -1);
    mmoe_columns_free(c);
    mmoe_columns_free(NULL);
    ck_assert_int_eq(mmoe_columns_create(names, 0, NULL, NULL, &c, NULL), MMOE_OK);
    ck_assert_int_eq(mmoe_columns_find(c, "a"), -1);
    mmoe_columns_free(c);
}
END_TEST

/* ---- Names ---- */

/* Before a row is read: JSON holds no other names. */
START_TEST(names_are_utf8) {
    setup s = {.n_sparse = 1,
               .n_dense = 1,
               .sparse = {sparse("c*", NULL)},
               .dense = {dense("x")},
               .columns = {"x", "cafe", "caf\xe9", "\xff", "c\xc3\xa4"}};
    refused(&s, MMOE_E_FORMAT, "a.csv: row 1: the name of column 3 is not UTF-8");
    s.columns[2] = "d\xe9"; /* which no feature takes */
    mmoe_schema_free(bound(&s));
    s.dense[0] = dense("*");
    refused(&s, MMOE_E_FORMAT, "a.csv: row 1: the name of column 3 is not UTF-8");
}
END_TEST

/* ---- Copies ---- */

static const setup *everything_to_bind(void) {
    static setup s;
    s = (setup){.n_sparse = 3,
                .n_dense = 2,
                .sparse = {sparse("a", "b"), sparse("b", NULL), sparse("s*", NULL)},
                .dense = {dense("*"), dense_of("s1_log", "s1")},
                .weight = "w",
                .label = "y",
                .columns = {"a", "b", "s1", "s2", "d1", "d2", "y", "w"}};
    s.sparse[2].encoder = row_encoder(7, 2);
    return &s;
}

START_TEST(copies_are_whole) {
    mmoe_schema *m = bound(everything_to_bind()), *copy = NULL;
    int32_t row;
    mmoe_vocab *vocab = mmoe_encoder_vocab(m->tables[0].encoder);
    ck_assert_int_eq(mmoe_vocab_add(vocab, "x", 1, &row, NULL), MMOE_OK);
    mmoe_vocab_finish(vocab, NULL);
    m->tables[0].rows = 2;
    mmoe_number_of(m->dense[1].encoder)->shift = 3;
    mmoe_number_of(m->dense[1].encoder)->scale = 0.5;
    ck_assert_int_eq(mmoe_schema_copy(m, NULL, &copy, NULL), MMOE_OK);
    mmoe_schema_free(m);
    ck_assert_int_eq(copy->n_sparse, 4);
    ck_assert_int_eq(copy->n_dense, 3);
    ck_assert_str_eq(copy->dense[2].name, "s1_log");
    ck_assert_str_eq(copy->dense[2].column, "s1");
    ck_assert_ptr_null(copy->dense[1].column);
    ck_assert_int_eq(copy->n_table, 3);
    ck_assert_str_eq(copy->sparse[3].name, "s2");
    ck_assert_int_eq(copy->sparse[0].table, 0);
    ck_assert_int_eq(copy->sparse[3].table, 2);
    ck_assert_str_eq(copy->tables[0].name, "b");
    ck_assert_int_eq(copy->tables[0].rows, 2);
    ck_assert_int_eq(mmoe_vocab_find(mmoe_encoder_vocab(copy->tables[0].encoder), "x", 1), 1);
    ck_assert_int_eq(copy->tables[2].rows, 7);
    ck_assert_int_eq(copy->tables[2].encoder->oov_id, 2);
    ck_assert_ptr_null(mmoe_encoder_vocab(copy->tables[2].encoder));
    ck_assert_str_eq(copy->dense[1].name, "d2");
    const mmoe_number_encoder *number = mmoe_number_of(copy->dense[1].encoder);
    ck_assert(number->shift == 3 && number->scale == 0.5 &&
              number->transform == MMOE_TRANSFORM_STANDARDIZE);
    ck_assert_str_eq(copy->labels[0].name, "y");
    ck_assert_str_eq(copy->labels[0].task, "task");
    ck_assert_str_eq(copy->weight, "w");
    mmoe_schema_free(copy);
    mmoe_schema_free(NULL);
}
END_TEST

static mmoe_status bind_copy(const mmoe_allocator *a, mmoe_error *err) {
    mmoe_schema *m = NULL, *copy = NULL;
    mmoe_status status = bind(everything_to_bind(), a, &m, err);
    if (!status) status = mmoe_schema_copy(m, a, &copy, err);
    mmoe_schema_free(m);
    mmoe_schema_free(copy);
    return status;
}

START_TEST(every_allocation_may_fail) {
    failing memory = {0};
    const mmoe_allocator a = failing_allocator(&memory);
    long attempts = 0;
    for (; failing_next(&memory); attempts++) {
        mmoe_error err = {0};
        failing_check(&memory, bind_copy(&a, &err), &err);
        ck_assert_int_eq(memory.live, 0);
    }
    ck_assert_int_gt(attempts, 40);
}
END_TEST

void add_cases(TCase *c) {
    tcase_add_test(c, exact_names_then_patterns_then_the_rest);
    tcase_add_test(c, several_features_read_one_column);
    tcase_add_test(c, bad_columns_of_features);
    tcase_add_test(c, patterns_pass_over_columns_without_a_name);
    tcase_add_test(c, a_column_may_bear_a_star);
    tcase_add_test(c, a_pattern_does_not_overlap_itself);
    tcase_add_test(c, labels_and_weight_need_not_be_there);
    tcase_add_test(c, tables_are_shared);
    tcase_add_test(c, bad_sharing);
    tcase_add_test(c, bad_features);
    tcase_add_test(c, duplicate_columns_are_named);
    tcase_add_test(c, columns_are_found);
    tcase_add_test(c, names_are_utf8);
    tcase_add_test(c, copies_are_whole);
    tcase_add_test(c, every_allocation_may_fail);
}
