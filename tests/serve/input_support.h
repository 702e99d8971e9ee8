/* A model that reads columns of all kinds, and a caller's columns of the same names. */
#ifndef MMOE_TESTS_INPUT_SUPPORT_H
#define MMOE_TESTS_INPUT_SUPPORT_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mmoe/train.h"
#include "succeeds.h"

/* What a model reads, an entry a feature. */
#define CITY "{\"name\": \"city\"}"
#define USER "{\"name\": \"user\", \"side\": \"user\"}"
#define SLOT "{\"name\": \"slot\", \"vocab_size\": 5}"
#define SLOT_AGAIN "{\"name\": \"slot_bins\", \"column\": \"slot\", \"boundaries\": [1, 3]}"
#define BOTH                                                                                       \
    "{\"name\": \"both\", \"cross\": [\"user\", \"slot\"], \"hash_bucket_size\": 11, "             \
    "\"embed_dim\": 4}"
#define SEEN                                                                                       \
    "{\"name\": \"seen\", \"vocab_size\": 9, \"embed_dim\": 4, \"separator\": \"|\", \"side\": "   \
    "\"user\"}"
#define TAGS "{\"name\": \"tags\", \"vocab_size\": 9, \"embed_dim\": 4, \"separator\": \"|\"}"
#define AGE "{\"name\": \"age\", \"side\": \"user\"}"
#define PRICE "{\"name\": \"price\"}"
#define PLACE "{\"name\": \"place\", \"dim\": 2}"

static const char training_text[] = "city,user,slot,seen,tags,age,price,place,extra,click,buy\n"
                                    "Rome,7,0,1|2,3,30,0.5,1|2,1,1,0\n"
                                    "Oslo,12,4,5,3|4|5,41.5,12.25,3|4,2,0,0\n"
                                    "Bern,7,2,,8,18,1e3,-1|0,1,1,1\n";

enum { ITEMS = 3, TASKS = 2 };
/* One user, and the items. */
static const int64_t user_ids[ITEMS] = {7, 7, 7}, slots[ITEMS] = {4, 1, 0};
static const char *const cities[ITEMS] = {"Oslo", "Paris", "Bern"};
static const float ages[ITEMS] = {33, 33, 33}, places[2 * ITEMS] = {1, 2, 3, 4, -5, 6};
static const double prices[ITEMS] = {2, 9.5, 400};
static const int64_t seen[6] = {1, 5, 1, 5, 1, 5}, tags[4] = {3, 8, 8, 1};
static const size_t seen_ends[ITEMS + 1] = {0, 2, 4, 6}, tag_ends[ITEMS + 1] = {0, 1, 1, 4};

static char path[] = "/tmp/mmoe-input-XXXXXX";

static inline void write_training(void) {
    strcpy(path, "/tmp/mmoe-input-XXXXXX");
    const int fd = mkstemp(path);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, training_text, strlen(training_text)), (int)strlen(training_text));
    close(fd);
}

static inline void remove_training(void) { remove(path); }

static inline mmoe_model *model_of(const char *sparse, const char *lists, const char *dense,
                                   int seed) {
    char json[4096];
    mmoe_config *config;
    mmoe_schema *schema;
    mmoe_dataset *rows;
    mmoe_model *model;
    snprintf(json, sizeof json,
             "{\"trainer\": {\"seed\": %d}, \"features\": {\"sparse\": [%s], \"sequence\": [%s], "
             "\"dense\": [%s]}, "
             "\"tasks\": [{\"name\": \"ctr\", \"label\": \"click\"}, {\"name\": \"cvr\", "
             "\"label\": \"buy\"}], \"score\": \"ctr * cvr\", \"model\": {\"name\": \"mmoe\", "
             "\"n_expert\": 2, \"expert_params\": {\"dims\": [4]}}}",
             seed, sparse, lists, dense);
    SUCCEEDS(mmoe_config_parse(json, strlen(json), NULL, NULL, &config, &err));
    SUCCEEDS(mmoe_dataset_fit_csv(config, path, NULL, &schema, &rows, &err));
    SUCCEEDS(mmoe_model_create(config, schema, NULL, &model, &err));
    mmoe_dataset_free(rows);
    mmoe_schema_free(schema);
    mmoe_config_free(config);
    return model;
}

#define ALL_SPARSE CITY "," USER "," SLOT "," SLOT_AGAIN "," BOTH
#define ALL_LISTS SEEN "," TAGS
#define ALL_DENSE AGE "," PRICE "," PLACE
static inline mmoe_model *usual_model(void) {
    return model_of(ALL_SPARSE, ALL_LISTS, ALL_DENSE, 1);
}
static inline mmoe_model *other_order(void) {
    return model_of(BOTH "," SLOT_AGAIN "," SLOT "," USER "," CITY, TAGS "," SEEN,
                    PLACE "," PRICE "," AGE, 2);
}

/* ---- The caller's ---- */

/* Every column that a caller can have, with its values. */
typedef struct given {
    mmoe_input_column column;
    const void *values;
    size_t stride;
    mmoe_list_column list;
} given;
static const given all[] = {
    {{"price", MMOE_VALUE_DOUBLE, MMOE_SIDE_ITEM, 0, 0, 0}, prices, 0, {0}},
    {{"seen", MMOE_VALUE_INT64, MMOE_SIDE_USER, 0, 1, 0}, seen, 0, {seen_ends, NULL, 6}},
    {{"slot", MMOE_VALUE_INT64, MMOE_SIDE_ITEM, 1, 0, 0}, slots, 0, {0}},
    {{"user", MMOE_VALUE_INT64, MMOE_SIDE_USER, 0, 0, 0}, user_ids, 0, {0}},
    {{"tags", MMOE_VALUE_INT64, MMOE_SIDE_ITEM, 0, 1, 0}, tags, 0, {tag_ends, NULL, 4}},
    {{"city", MMOE_VALUE_TEXT, MMOE_SIDE_ITEM, 0, 0, 0}, cities, 0, {0}},
    {{"place", MMOE_VALUE_FLOAT, MMOE_SIDE_ITEM, 2, 0, 0}, places, 0, {0}},
    {{"age", MMOE_VALUE_FLOAT, MMOE_SIDE_USER, 0, 0, 0}, ages, 0, {0}},
};
enum { GIVEN = sizeof all / sizeof *all };

static inline mmoe_input *input_from(size_t first) {
    mmoe_input_column columns[GIVEN];
    mmoe_input *input;
    for (size_t i = 0; i < GIVEN; i++) columns[i] = all[(first + i) % GIVEN].column;
    SUCCEEDS(mmoe_input_create(columns, GIVEN, NULL, &input, &err));
    return input;
}

/* A batch of the input that begins with column `first`: side -1: all columns. */
typedef struct request {
    mmoe_column columns[GIVEN];
    mmoe_list_column lists[2];
    mmoe_batch batch;
} request;

static inline void fill(request *q, const mmoe_input *input, size_t first, int side, size_t rows) {
    size_t lists = 0;
    q->batch =
        (mmoe_batch){.rows = rows, .input = input, .columns = q->columns, .list_columns = q->lists};
    for (size_t i = 0; i < GIVEN; i++) {
        const given *g = &all[(first + i) % GIVEN];
        if (side >= 0 && (int)g->column.side != side) continue;
        q->columns[q->batch.column_count++] = (mmoe_column){g->column.type, g->values, g->stride};
        if (g->column.is_list) q->lists[lists++] = g->list;
    }
}

static const float labels[ITEMS * TASKS] = {0, 1, 1, 0, 0, 0};

#endif
