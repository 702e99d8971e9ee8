/* A model of every kind of sparse column, saved and loaded: the same scores whatever type a
 * request's values are of. */
#include <math.h>
#include <string.h>

#include "check_main.h"
#include "files.h"
#include "mmoe/train.h"
#include "predictor_support.h"

enum { ROWS = 6, COLUMNS = 5 };

static const char config_text[] =
    "{\"features\": {\"sparse\": ["
    "{\"name\": \"user\", \"hash_bucket_size\": 1000, \"hash_seed\": 7, \"embed_dim\": \"auto\"}, "
    "{\"name\": \"town\", \"min_count\": 2, \"embed_dim\": \"auto\"}, "
    "{\"name\": \"age\", \"quantiles\": 3}, "
    "{\"name\": \"pay\", \"boundaries\": [0, 2.5], \"embed_dim\": 2}, "
    "{\"name\": \"slot\", \"vocab_size\": 9, \"oov_id\": 6}]},"
    " \"tasks\": [{\"name\": \"ctr\", \"label\": \"click\"}]}";
static const char training_text[] = "user,town,age,pay,slot,click\n"
                                    "7,30,18,0.5,0,1\n"
                                    "-12,30,41.5,12.25,4,0\n"
                                    "9000000000,20,18,1e6,2,1\n"
                                    "red,20,66,-3,1,0\n"
                                    "7.0,10,30,,8,0\n"
                                    ",NA,,0,8,0\n";

static const char *const kinds[COLUMNS] = {"hash", "vocabulary", "quantiles", "boundaries", "row"};
static const int64_t rows_of_tables[COLUMNS] = {1001, 3, 4, 4, 9};

/* As a request has them: what is no number is a text alone, and NULL is missing. */
static const struct {
    const char *text;
    double number; /* NAN: missing, or none */
} cells[COLUMNS][ROWS] = {
    {{"7", 7}, {" -12.0", -12}, {"9000000000", 9e9}, {"8", 8}, {"-5", -5}, {NULL, (double)NAN}},
    {{"30.0", 30}, {" 30", 30}, {"20", 20}, {"10", 10}, {"99", 99}, {"NA", (double)NAN}},
    {{"18", 18}, {"29", 29}, {" 30 ", 30}, {"1e3", 1000}, {"-5", -5}, {NULL, (double)NAN}},
    {{"0", 0}, {"-0.5", -0.5}, {"2.5", 2.5}, {"2.25", 2.25}, {"1e9", 1e9}, {"", (double)NAN}},
    {{"0", 0}, {"1.0", 1}, {"2", 2}, {"+3", 3}, {"04", 4}, {NULL, (double)NAN}},
};
static const int32_t rows_of_cells[COLUMNS][ROWS] = {{-1, -1, -1, -1, -1, 0},
                                                     {1, 1, 2, 0, 0, 0},
                                                     {1, 1, 2, 3, 1, 0},
                                                     {2, 1, 3, 2, 3, 0},
                                                     {0, 1, 2, 3, 4, 6}};

static mmoe_model *loaded(mmoe_dataset **requests) {
    mmoe_error err = {0};
    mmoe_config *config;
    mmoe_schema *schema;
    mmoe_dataset *training;
    mmoe_model *model, *again;
    char csv[400] = "user,town,age,pay,slot\n";
    const char *data = in_folder("t.csv"), *path = in_folder("m"), *request = in_folder("r.csv");
    put_text(data, training_text);
    for (int r = 0; r < ROWS; r++)
        for (int c = 0; c < COLUMNS; c++)
            snprintf(csv + strlen(csv), sizeof csv - strlen(csv), "%s%s",
                     cells[c][r].text ? cells[c][r].text : "", c + 1 < COLUMNS ? "," : "\n");
    put_text(request, csv);
    ok(mmoe_config_parse(config_text, strlen(config_text), NULL, NULL, &config, &err), &err);
    ok(mmoe_dataset_fit_csv(config, data, NULL, &schema, &training, &err), &err);
    ok(mmoe_model_create(config, schema, NULL, &model, &err), &err);
    scatter_weights(model);
    ok(mmoe_model_save(model, path, &err), &err);
    ok(mmoe_model_load(path, NULL, &again, &err), &err);
    ok(mmoe_dataset_read_csv(mmoe_model_schema(again), request, MMOE_LABELS_IGNORED, NULL, requests,
                             &err),
       &err);
    mmoe_model_free(model);
    mmoe_dataset_free(training);
    mmoe_schema_free(schema);
    mmoe_config_free(config);
    return again;
}

START_TEST(a_loaded_model_finds_the_rows) {
    mmoe_dataset *requests;
    mmoe_model *model = loaded(&requests);
    mmoe_batch batch;
    const double *boundaries;
    ok(mmoe_dataset_batch(requests, 0, ROWS, &batch, NULL), NULL);
    for (int32_t c = 0; c < COLUMNS; c++) {
        ck_assert_str_eq(mmoe_model_sparse_kind(model, c), kinds[c]);
        ck_assert_int_eq(mmoe_model_sparse_rows(model, c), rows_of_tables[c]);
        for (size_t r = 0; r < ROWS; r++) {
            const int32_t id = batch.ids[r * batch.id_stride + (size_t)c];
            ck_assert_msg(rows_of_cells[c][r] < 0 ? id >= 1 && id <= 1000
                                                  : id == rows_of_cells[c][r],
                          "column %d, row %zu: %d", c, r, id);
        }
    }
    ck_assert_uint_eq(mmoe_model_sparse_boundaries(model, 2, &boundaries), 2);
    ck_assert(boundaries[0] == 30 && boundaries[1] == 41.5);
    ck_assert_uint_eq(mmoe_model_sparse_boundaries(model, 3, &boundaries), 2);
    ck_assert(boundaries[0] == 0 && boundaries[1] == 2.5);
    ck_assert_uint_eq(mmoe_model_sparse_boundaries(model, 3, NULL), 2);
    ck_assert_uint_eq(mmoe_model_sparse_boundaries(model, 0, &boundaries), 0);
    ck_assert_ptr_null(boundaries);
    ck_assert_uint_eq(mmoe_model_sparse_boundaries(model, COLUMNS, &boundaries), 0);
    ck_assert_uint_eq(mmoe_model_sparse_boundaries(NULL, 0, NULL), 0);
    ck_assert_ptr_null(mmoe_model_sparse_kind(model, -1));
    ck_assert_ptr_null(mmoe_model_sparse_kind(NULL, 0));
    mmoe_dataset_free(requests);
    mmoe_model_free(model);
}
END_TEST

typedef struct values {
    const char *texts[ROWS];
    double doubles[ROWS];
    float floats[ROWS];
    int64_t integers[ROWS];
} values;

/* The cells of column `c` as values of the type; false: one of them is not of this type. */
static bool fill(values *v, int c, mmoe_value_type type) {
    for (int r = 0; r < ROWS; r++) {
        const double number = cells[c][r].number;
        v->texts[r] = cells[c][r].text;
        v->doubles[r] = number;
        v->floats[r] = (float)number;
        v->integers[r] = isnan(number) ? MMOE_MISSING_INT64 : (int64_t)number;
        if (type == MMOE_VALUE_INT64 && !isnan(number) && (double)v->integers[r] != number)
            return false;
        if (type == MMOE_VALUE_FLOAT && !isnan(number) && (double)v->floats[r] != number)
            return false;
    }
    return true;
}

START_TEST(all_types_of_values_have_one_score) {
    static const mmoe_value_type types[] = {MMOE_VALUE_TEXT, MMOE_VALUE_DOUBLE, MMOE_VALUE_FLOAT,
                                            MMOE_VALUE_INT64};
    mmoe_dataset *requests;
    mmoe_model *model = loaded(&requests);
    mmoe_predictor *predictor;
    mmoe_batch batch;
    mmoe_error err = {0};
    float expected[ROWS], scores[ROWS];
    int compared = 0;
    ok(mmoe_predictor_create(model, NULL, &predictor, &err), &err);
    ok(mmoe_dataset_batch(requests, 0, ROWS, &batch, &err), &err);
    ok(mmoe_predictor_run(predictor, &batch, expected, &err), &err);
    for (int r = 1; r < ROWS; r++) ck_assert(expected[r] != expected[0]);
    for (int c = 0; c < COLUMNS; c++)
        for (size_t t = 0; t < sizeof types / sizeof *types; t++) {
            mmoe_column columns[COLUMNS];
            values all[COLUMNS];
            for (int k = 0; k < COLUMNS; k++) {
                fill(&all[k], k, MMOE_VALUE_TEXT);
                columns[k] = (mmoe_column){MMOE_VALUE_TEXT, all[k].texts, 0};
            }
            if (!fill(&all[c], c, types[t])) continue;
            const void *const places[] = {all[c].texts, all[c].doubles, all[c].floats,
                                          all[c].integers};
            columns[c] = (mmoe_column){types[t], places[t], 0};
            const mmoe_batch raw = {.rows = ROWS, .sparse_columns = columns};
            ok(mmoe_predictor_run(predictor, &raw, scores, &err), &err);
            ck_assert_msg(memcmp(scores, expected, sizeof scores) == 0, "%s by type %d", kinds[c],
                          (int)types[t]);
            compared++;
        }
    ck_assert_int_ge(compared, 18);
    mmoe_predictor_free(predictor);
    mmoe_dataset_free(requests);
    mmoe_model_free(model);
}
END_TEST

START_TEST(what_is_no_number_is_refused) {
    mmoe_dataset *requests;
    mmoe_model *model = loaded(&requests);
    mmoe_predictor *predictor;
    mmoe_error err = {0};
    float score;
    ok(mmoe_predictor_create(model, NULL, &predictor, &err), &err);
    for (int c = 2; c <= 3; c++) {
        const char *texts[COLUMNS] = {"7", "30", "18", "1", "0"};
        mmoe_column columns[COLUMNS];
        texts[c] = "old";
        for (int k = 0; k < COLUMNS; k++) columns[k] = (mmoe_column){MMOE_VALUE_TEXT, &texts[k], 0};
        const mmoe_batch raw = {.rows = 1, .sparse_columns = columns};
        ck_assert_int_eq(mmoe_predictor_run(predictor, &raw, &score, &err), MMOE_E_DATA);
        ck_assert_str_eq(err.column, c == 2 ? "age" : "pay");
        ck_assert_msg(strstr(err.message, "\"old\" is not a number"), "%s", err.message);
    }
    mmoe_predictor_free(predictor);
    mmoe_dataset_free(requests);
    mmoe_model_free(model);
}
END_TEST

void add_cases(TCase *c) {
    tcase_add_checked_fixture(c, make_folder, remove_folder);
    tcase_add_test(c, a_loaded_model_finds_the_rows);
    tcase_add_test(c, all_types_of_values_have_one_score);
    tcase_add_test(c, what_is_no_number_is_refused);
}
