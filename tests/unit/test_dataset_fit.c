/* Columns that a data set fits: counted, cut and hashed values, widths by rows; what files keep. */
#include <jansson.h>

#include "dataset_support.h"
#include "failing.h"
#include "file/schema_json.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

static features fitted_features(void) {
    features f = {
        .n_sparse = 4,
        .sparse = {learned("u", NULL), learned("v", "u"), learned("q", NULL), learned("h", NULL)},
        .n_label = 1,
        .labels = {label("y", MMOE_CLASSIFICATION)}};
    set_key(f.sparse[0].encoder, "min_count", 2);
    f.sparse[0].embed_dim = f.sparse[1].embed_dim = 0;
    f.sparse[2].encoder = new_encoder(&mmoe_column_quantiles);
    set_key(f.sparse[2].encoder, "quantiles", 4);
    f.sparse[3].encoder = new_encoder(&mmoe_column_hash);
    set_key(f.sparse[3].encoder, "hash_bucket_size", 15);
    f.sparse[3].embed_dim = 0;
    return f;
}

static const char fitted_csv[] = "u,v,q,h,y\n"
                                 "a,b,1,7,0\n"
                                 "c,a,2,red,1\n"
                                 "NA,d,3,,0\n"
                                 "d,,NA,7.0,1\n"
                                 "a,e,3,blue,0\n";

static void same_ids(const mmoe_dataset *x, const mmoe_dataset *y) {
    ck_assert_int_eq(x->rows, y->rows);
    ck_assert_int_eq(x->schema_hash, y->schema_hash);
    for (int64_t i = 0; i < x->rows * x->n_sparse; i++) ck_assert_int_eq(x->ids[i], y->ids[i]);
}

START_TEST(a_data_set_has_the_settled_rows) {
    const features f = fitted_features();
    mmoe_schema *schema;
    mmoe_dataset *set, *read;
    mmoe_error err = {0};
    fit(&f, fitted_csv, &schema, &set);
    const int32_t wanted[] = {1, 0, 1, 0, 0, 1, 2, 0, 0, 2, 3, 0, 2, 0, 0, 0, 1, 0, 3, 0};
    for (int i = 0; i < 20; i++)
        if (i % 4 != 3) ck_assert_msg(set->ids[i] == wanted[i], "%d: %d", i, set->ids[i]);
    ck_assert_int_eq(set->ids[3], set->ids[15]);
    ck_assert_int_eq(set->ids[11], 0);
    ck_assert_int_eq(set->notes[0].counts.missing, 1);
    ck_assert_int_eq(set->notes[0].counts.unknown, 1);
    ck_assert_int_eq(set->notes[1].counts.unknown, 2);
    ck_assert_int_eq(set->notes[2].counts.missing, 1);
    ck_assert_int_eq(set->notes[2].counts.unknown, 0);
    ck_assert_int_eq(schema->tables[0].rows, 3);
    ck_assert_int_eq(schema->tables[0].dim, 7);  /* floor(6 * 3^0.25), 7.89 */
    ck_assert_int_eq(schema->tables[1].rows, 4); /* quantiles 4 of 3 values */
    ck_assert_int_eq(schema->tables[2].dim, 12); /* floor(6 * 16^0.25) */
    ck_assert_str_eq(mmoe_dataset_warning(set, 0)->message,
                     "column \"u\": 2 of 5 values have own rows; the others, 38 % of the cells, "
                     "take row 0");
    ck_assert_int_eq(mmoe_dataset_warning(set, 0)->count, 3);
    ck_assert_str_eq(mmoe_dataset_warning(set, 1)->message,
                     "column \"q\": 4 quantiles have 2 different boundaries, not 3: 3 bins");
    for (int32_t i = 0; i < schema->n_table; i++)
        ck_assert_ptr_null(schema->tables[i].encoder->learning);
    ck_assert_int_eq(
        mmoe_dataset_read_csv(schema, file_of(fitted_csv), MMOE_LABELS_REQUIRED, NULL, &read, &err),
        MMOE_OK);
    same_ids(set, read);
    mmoe_dataset_free(read);
    free_both(schema, set);
}
END_TEST

/* All types of values are what the file's texts were. */
START_TEST(callers_values_take_the_same_rows) {
    const features f = fitted_features();
    mmoe_schema *schema;
    mmoe_dataset *set, *made;
    mmoe_error err = {0};
    fit(&f, fitted_csv, &schema, &set);
    const char *const u[] = {"a", "c", NULL, "d", "a"}, *const v[] = {"b", "a", "d", "", "e"},
                      *const h[] = {"7", "red", "NA", " 7", "blue"};
    const double q[] = {1, 2, 3, (double)NAN, 3};
    const float q_floats[] = {1, 2, 3, NAN, 3}, labels[] = {0, 1, 0, 1, 0};
    for (int how = 0; how < 2; how++) {
        mmoe_column columns[] = {{MMOE_VALUE_TEXT, u, 0},
                                 {MMOE_VALUE_TEXT, v, 0},
                                 {MMOE_VALUE_DOUBLE, q, 0},
                                 {MMOE_VALUE_TEXT, h, 0}};
        if (how) columns[2] = (mmoe_column){MMOE_VALUE_FLOAT, q_floats, 0};
        const mmoe_batch batch = {
            .rows = 5, .sparse_columns = columns, .sparse_count = 4, .dense_count = 0};
        ck_assert_msg(mmoe_dataset_create(schema, &batch, labels, NULL, NULL, &made, &err) ==
                          MMOE_OK,
                      "%s", err.message);
        same_ids(set, made);
        mmoe_dataset_free(made);
    }
    free_both(schema, set);
}
END_TEST

START_TEST(columns_that_cannot_be_fitted) {
    features f = fitted_features();
    fit_refused(&f, "u,v,q,h,y\na,b,5,1,0\nb,a,5.0,2,1\n", MMOE_E_DATA, 0, "q",
                "column \"q\": all its values are 5, so there are no quantiles");
    fit_refused(&f, "u,v,q,h,y\na,b,5,1,0\nc,d,6,2,1\n", MMOE_E_DATA, 0, "u",
                "column \"u\": none of its 4 values stands there min_count times, 2");
    fit_refused(&f, "u,v,q,h,y\na,b,5,1,0\nb,a,six,2,1\n", MMOE_E_DATA, 3, "q",
                "row 3: column \"q\": \"six\" is not a number");
    set_key(f.sparse[1].encoder, "min_count", 3);
    fit_refused(&f, fitted_csv, MMOE_E_CONFIG, 0, "v",
                "column \"v\": shares the table of \"u\", which has another min_count");
}
END_TEST

/* A width by the rows is the owner's to decide. */
START_TEST(widths_by_rows) {
    static const struct {
        int64_t rows;
        int32_t dim;
    } cases[] = {{1, 6},   {2, 7},      {16, 12},       {80, 17},
                 {81, 18}, {10000, 60}, {3078306, 251}, {INT32_MAX, 1291}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        mmoe_table t = {.padding = -1, .encoder = row_encoder(cases[i].rows, -1)};
        mmoe_table_settle(&t);
        ck_assert_int_eq(t.dim, cases[i].dim);
        ck_assert_int_eq(t.rows, cases[i].rows);
    }
    features f = fitted_features();
    mmoe_schema *schema;
    mmoe_dataset *set;
    f.sparse[0].embed_dim = 5; /* the owner's; the other one's is auto */
    fit(&f, fitted_csv, &schema, &set);
    ck_assert_int_eq(schema->tables[0].dim, 5);
    free_both(schema, set);
    f.sparse[0].embed_dim = 0;
    f.sparse[1].embed_dim = 5;
    fit_refused(&f, fitted_csv, MMOE_E_CONFIG, 0, "v",
                "column \"v\": shares the table of \"u\", which has another embed_dim");
}
END_TEST

/* What needs no file has its rows and its width at once. */
START_TEST(schemas_without_a_file) {
    static const char pattern[] = "{\"features\": {\"sparse\": [{\"name\": \"a\", %s, "
                                  "\"embed_dim\": \"auto\"}]}, \"tasks\": [{\"name\": \"t\", "
                                  "\"label\": \"l\"}]}";
    static const struct {
        const char *key;
        int64_t rows;
        int32_t dim;
        const char *fault;
    } cases[] = {
        {"\"hash_bucket_size\": 80", 81, 18, NULL},
        {"\"boundaries\": [1, 2]", 4, 8, NULL},
        {"\"vocab_size\": 16", 16, 12, NULL},
        {"\"quantiles\": 4", 0, 0,
         "a schema without a file needs boundaries, for quantiles are of a file's values"},
        {"\"min_count\": 4", 0, 0, "a schema without a file needs vocab_size"},
    };
    for (size_t c = 0; c < COUNT(cases); c++) {
        char text[300];
        const char *const columns[] = {"a"};
        mmoe_config *config = NULL;
        mmoe_schema *schema = NULL;
        mmoe_error err = {0};
        snprintf(text, sizeof text, pattern, cases[c].key);
        ck_assert_msg(mmoe_config_parse(text, strlen(text), NULL, NULL, &config, &err) == MMOE_OK,
                      "%s", err.message);
        const mmoe_status status = mmoe_schema_create(config, columns, 1, NULL, &schema, &err);
        if (cases[c].fault) {
            ck_assert_int_eq(status, MMOE_E_CONFIG);
            ck_assert_msg(strstr(err.message, cases[c].fault), "%s", err.message);
        } else {
            ck_assert_msg(status == MMOE_OK, "%s", err.message);
            ck_assert_int_eq(schema->tables[0].rows, cases[c].rows);
            ck_assert_int_eq(schema->tables[0].dim, cases[c].dim);
        }
        mmoe_schema_free(schema);
        mmoe_config_free(config);
    }
}
END_TEST

static mmoe_status no_vocabulary(void *user, const mmoe_vocab_wanted *wanted, mmoe_vocab **out,
                                 mmoe_error *err) {
    const int64_t keys[] = {10, 11, 12};
    (void)user;
    return mmoe_vocab_from_ints(keys, (size_t)wanted->rows - 1, NULL, out, err);
}

/* Files keep what was fitted; what cannot be is refused, and what older files lack is absent. */
START_TEST(schemas_keep_what_was_fitted) {
    static const char pattern[] = "{\"tables\": [{\"name\": \"a\", \"rows\": %s}], \"sparse\": "
                                  "[{\"name\": \"a\", \"table\": 0}], \"dense\": [], \"labels\": "
                                  "[{\"name\": \"l\", \"task\": \"t\", \"type\": \"regression\"}]}";
#define KIND(word) ", \"dim\": 2, \"kind\": \"" word "\", "
#define LEARNED ", \"dim\": 2, \"oov_id\": -1, \"vocabulary\": \"int\""
    static const struct {
        const char *entry, *fault; /* NULL: it is good */
    } cases[] = {
        {"6" KIND("hash") "\"hash_bucket_size\": 5, \"hash_seed\": 3", NULL},
        {"5" KIND("hash") "\"hash_bucket_size\": 5, \"hash_seed\": 3",
         "tables[0].hash_bucket_size: 5 buckets are no table of 5 rows"},
        {"1" KIND("hash") "\"hash_bucket_size\": 0, \"hash_seed\": 3", "0 buckets are no table"},
        {"6" KIND("hash") "\"hash_bucket_size\": 5", "hash_seed: an integer"},
        {"4" KIND("quantiles") "\"quantiles\": 10, \"boundaries\": [\"0.1\", \"1e+300\"]", NULL},
        {"4" KIND("quantiles") "\"quantiles\": 2, \"boundaries\": [\"0.1\", \"1e+300\"]",
         "tables[0].quantiles: 2 bins have no 2 boundaries"},
        {"5" KIND("quantiles") "\"quantiles\": 10, \"boundaries\": [\"0.1\", \"1e+300\"]",
         "tables[0].boundaries: 2 of them are no table of 5 rows"},
        {"4" KIND("quantiles") "\"quantiles\": 10, \"boundaries\": [\"0.1\", \"0.1\"]",
         "0.10000000000000001 stands behind 0.10000000000000001: they must ascend"},
        {"2" KIND("quantiles") "\"quantiles\": 10, \"boundaries\": []", "1 to 65535 numbers"},
        {"3" KIND("quantiles") "\"quantiles\": 1, \"boundaries\": [\"1\"]", "quantiles"},
        {"3" KIND("boundaries") "\"boundaries\": [\"1\"]", NULL},
        {"2" KIND("boundaries") "\"boundaries\": [\"1\"]",
         "tables[0].boundaries: 1 of them are no table of 2 rows"},
        {"4" LEARNED, NULL},
        {"4" LEARNED ", \"min_count\": 5", NULL},
        {"4" LEARNED ", \"min_count\": 5, \"max_vocab\": 3", NULL},
        {"4" LEARNED ", \"min_count\": 0", "min_count: an integer"},
        {"4" LEARNED ", \"max_vocab\": -1", "max_vocab: an integer"},
        {"4" LEARNED ", \"quantiles\": 4", "a key is unknown"},
    };
    for (size_t c = 0; c < COUNT(cases); c++) {
        char text[600];
        snprintf(text, sizeof text, pattern, cases[c].entry);
        json_t *json = json_loads(text, 0, NULL), *back = NULL;
        mmoe_schema *schema = NULL;
        mmoe_error err = {0};
        ck_assert_msg(json != NULL, "%s", text);
        const mmoe_status status = mmoe_schema_from_json(
            json, "m", (mmoe_vocab_source){no_vocabulary, NULL}, NULL, &schema, &err);
        if (cases[c].fault) {
            ck_assert_msg(status == MMOE_E_FORMAT && strstr(err.message, cases[c].fault), "%s: %s",
                          text, err.message);
        } else {
            ck_assert_msg(status == MMOE_OK, "%s: %s", text, err.message);
            back = mmoe_schema_to_json(schema);
            ck_assert_msg(json_equal(json, back), "%s", text);
            mmoe_schema_free(schema);
        }
        json_decref(json);
        json_decref(back);
    }
}
END_TEST

/* ---- Memory ---- */

START_TEST(every_allocation_may_fail) {
    const features f = fitted_features();
    failing memory = {0};
    const mmoe_allocator a = failing_allocator(&memory);
    const char *name = file_of(fitted_csv);
    long attempts = 0;
    for (; failing_next(&memory); attempts++) {
        mmoe_schema *schema = NULL;
        mmoe_dataset *set = NULL;
        mmoe_error err = {0};
        const mmoe_status status = fit_with(&f, name, &a, &schema, &set, &err);
        if (status == MMOE_OK)
            free_both(schema, set);
        else
            ck_assert(status == MMOE_E_MEMORY && !schema && !set);
        ck_assert_int_eq(memory.live, 0);
    }
    ck_assert_int_gt(attempts, 50);
}
END_TEST

void add_cases(TCase *c) {
    tcase_add_checked_fixture(c, NULL, remove_file);
    tcase_add_test(c, a_data_set_has_the_settled_rows);
    tcase_add_test(c, callers_values_take_the_same_rows);
    tcase_add_test(c, columns_that_cannot_be_fitted);
    tcase_add_test(c, widths_by_rows);
    tcase_add_test(c, schemas_without_a_file);
    tcase_add_test(c, schemas_keep_what_was_fitted);
    tcase_add_test(c, every_allocation_may_fail);
}
