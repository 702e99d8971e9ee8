/* A model whose columns are learned, and requests to it. */
#ifndef MMOE_TESTS_PREDICTOR_INPUT_SUPPORT_H
#define MMOE_TESTS_PREDICTOR_INPUT_SUPPORT_H

#include <unistd.h>

#include "check_main.h"
#include "predictor_support.h"

/* city: strings; user: integers; slot: row numbers with an oov_id; page: row numbers without one.
 */
static const char config_text[] =
    "{\"features\": {\"sparse\": [{\"name\": \"city\"}, {\"name\": \"user\", \"side\": \"user\"}, "
    "{\"name\": \"slot\", \"vocab_size\": 5, \"oov_id\": 3},"
    " {\"name\": \"page\", \"vocab_size\": 9, \"embed_dim\": 2}], \"dense\": [{\"name\": \"age\", "
    "\"transform\": \"standardize\", \"side\": \"user\"},"
    " {\"name\": \"price\", \"transform\": \"log1p_standardize\"}, {\"name\": \"share\", "
    "\"transform\": \"minmax\"}, {\"name\": \"plain\"}]},"
    " \"tasks\": [{\"name\": \"ctr\", \"label\": \"click\"}, {\"name\": \"cvr\", \"label\": "
    "\"buy\"}], \"score\": \"ctr * cvr^0.5\"}";
static const char training_text[] = "city,user,slot,page,age,price,share,plain,click,buy\n"
                                    "Rome,7,0,8,30,0,0.5,-2,1,0\n"
                                    "Oslo,-12,4,0,41.5,12.25,0.25,3,0,0\n"
                                    "New York,9000000000,2,3,18,1e6,1,0.125,1,1\n"
                                    ",7,1,1,66,3,0,1e3,0,0\n";
/* As a service gets them: known, unknown and missing values. */
static const char request_text[] = "city,user,slot,page,age,price,share,plain\n"
                                   "Oslo,7,4,8,30,0,0.5,-2\n"
                                   "Bern,-12,0,0,99,7,0.75,4\n"
                                   "NA,8,5,1,1e-3,1e9,-3,0\n"
                                   ",9000000000,-1,7,-5,-0.5,2,1e30\n"
                                   "New York,,2,2,20,20,20,20\n";

enum { COLUMNS = 4, REQUESTS = 5, TASKS = 2 };
typedef struct request {
    int64_t user, slot;
    double plain;
    char padding;
    const char *city, *user_text, *slot_text;
    int64_t page;
    float age, price, share;
} request;
/* The last row's user is missing: an id that no training row has. */
static const request requests[REQUESTS] = {
    {7, 4, -2, 0, "Oslo", "7", "4", 8, 30, 0, 0.5f},
    {-12, 0, 4, 0, "Bern", "-12.0", "+0", 0, 99, 7, 0.75f},
    {8, 5, 0, 0, "NA", "8", "5", 1, 1e-3f, 1e9f, -3},
    {9000000000, -1, 1e30, 0, "", " 9000000000", "-1", 7, -5, -0.5f, 2},
    {0, 2, 20, 0, "New York", NULL, "2", 2, 20, 20, 20}};

static char folder[] = "/tmp/mmoe-predictor-XXXXXX", training_path[64], request_path[64];
static mmoe_model *model;
static mmoe_predictor *predictor;
static mmoe_dataset *encoded;
static mmoe_batch plain_batch;
static float expected[REQUESTS * TASKS], scores[REQUESTS * TASKS];
static mmoe_error err;

static inline void write_text(const char *path, const char *text) {
    FILE *file = fopen(path, "w");
    ck_assert_ptr_nonnull(file);
    ck_assert_int_ge(fputs(text, file), 0);
    ck_assert_int_eq(fclose(file), 0);
}

static inline void set_up(void) {
    mmoe_config *config;
    mmoe_schema *schema;
    mmoe_dataset *training;
    snprintf(folder, sizeof folder, "/tmp/mmoe-predictor-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(training_path, sizeof training_path, "%s/t.csv", folder);
    snprintf(request_path, sizeof request_path, "%s/r.csv", folder);
    write_text(training_path, training_text);
    write_text(request_path, request_text);
    ok(mmoe_config_parse(config_text, strlen(config_text), NULL, NULL, &config, &err), &err);
    ok(mmoe_dataset_fit_csv(config, training_path, NULL, &schema, &training, &err), &err);
    ok(mmoe_model_create(config, schema, NULL, &model, &err), &err);
    scatter_weights(model);
    ok(mmoe_dataset_read_csv(schema, request_path, MMOE_LABELS_OPTIONAL, NULL, &encoded, &err),
       &err);
    ok(mmoe_dataset_batch(encoded, 0, REQUESTS, &plain_batch, &err), &err);
    ok(mmoe_predictor_create(model, NULL, &predictor, &err), &err);
    ok(mmoe_predictor_run(predictor, &plain_batch, expected, &err), &err);
    mmoe_dataset_free(training);
    mmoe_schema_free(schema);
    mmoe_config_free(config);
    memset(scores, 0xff, sizeof scores);
}

static inline void tear_down(void) {
    mmoe_predictor_free(predictor);
    mmoe_dataset_free(encoded);
    mmoe_model_free(model);
    remove(training_path);
    remove(request_path);
    rmdir(folder);
}

#define MEMBER(type_, member)                                                                      \
    { type_, &requests[0].member, sizeof(request) }

static inline void same_scores(const mmoe_batch *batch) {
    memset(scores, 0xff, sizeof scores);
    ok(mmoe_predictor_run(predictor, batch, scores, &err), &err);
    ck_assert_mem_eq(scores, expected, sizeof scores);
}

/* Rows whose ids are handed over so, and whose inputs are plain. */
static inline mmoe_batch batch_of(const mmoe_column *sparse) {
    return (mmoe_batch){.rows = REQUESTS,
                        .sparse_columns = sparse,
                        .dense = plain_batch.dense,
                        .dense_stride = plain_batch.dense_stride};
}

#endif
