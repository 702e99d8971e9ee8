/* Columns bound by name: in whatever order the caller and the model have them, a score is that of a
 * batch by number, or there is none. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "check_main.h"
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

static void write_training(void) {
    strcpy(path, "/tmp/mmoe-input-XXXXXX");
    const int fd = mkstemp(path);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, training_text, strlen(training_text)), (int)strlen(training_text));
    close(fd);
}

static void remove_training(void) { remove(path); }

static mmoe_model *model_of(const char *sparse, const char *lists, const char *dense, int seed) {
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
static mmoe_model *usual_model(void) { return model_of(ALL_SPARSE, ALL_LISTS, ALL_DENSE, 1); }
static mmoe_model *other_order(void) {
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

static mmoe_input *input_from(size_t first) {
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

static void fill(request *q, const mmoe_input *input, size_t first, int side, size_t rows) {
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

/* The same rows by the usual model's numbers. */
static const mmoe_batch *batch_by_number(void) {
    static const mmoe_column parts[] = {{MMOE_VALUE_INT64, user_ids, 0},
                                        {MMOE_VALUE_INT64, slots, 0}};
    static const mmoe_column sparse[] = {
        {MMOE_VALUE_TEXT, cities, 0}, {MMOE_VALUE_INT64, user_ids, 0}, {MMOE_VALUE_INT64, slots, 0},
        {MMOE_VALUE_INT64, slots, 0}, {MMOE_VALUE_PARTS, parts, 0},    {MMOE_VALUE_INT64, seen, 0},
        {MMOE_VALUE_INT64, tags, 0}};
    static const mmoe_column dense[] = {
        {MMOE_VALUE_FLOAT, ages, 0}, {MMOE_VALUE_DOUBLE, prices, 0}, {MMOE_VALUE_FLOAT, places, 0}};
    static const mmoe_list_column lists[] = {{seen_ends, NULL, 6}, {tag_ends, NULL, 4}};
    static const mmoe_batch batch = {.rows = ITEMS,
                                     .sparse_columns = sparse,
                                     .dense_columns = dense,
                                     .sparse_count = 7,
                                     .dense_count = 3,
                                     .list_columns = lists};
    return &batch;
}

static void scores_by_number(const mmoe_model *model, float scores[ITEMS * TASKS]) {
    mmoe_predictor *predictor;
    SUCCEEDS(mmoe_predictor_create(model, NULL, &predictor, &err));
    SUCCEEDS(mmoe_predictor_run(predictor, batch_by_number(), scores, &err));
    mmoe_predictor_free(predictor);
}

static void same_by_name(mmoe_predictor *predictor, const mmoe_input *input, size_t first,
                         const float *expected) {
    float scores[ITEMS * TASKS];
    request rows, user, items;
    fill(&rows, input, first, -1, ITEMS);
    SUCCEEDS(mmoe_predictor_run(predictor, &rows.batch, scores, &err));
    ck_assert_mem_eq(scores, expected, sizeof scores);
    fill(&user, input, first, MMOE_SIDE_USER, 1);
    fill(&items, input, first, MMOE_SIDE_ITEM, ITEMS);
    SUCCEEDS(mmoe_predictor_rank(predictor, &user.batch, &items.batch, scores, &err));
    ck_assert_mem_eq(scores, expected, sizeof scores);
}

START_TEST(any_order_gives_the_scores_of_numbers) {
    float expected[ITEMS * TASKS];
    mmoe_model *model = usual_model();
    mmoe_predictor *predictor, *clone;
    mmoe_input *input = input_from((size_t)_i);
    SUCCEEDS(mmoe_predictor_create_with(model, &(mmoe_predictor_options){.input = input}, NULL,
                                        &predictor, &err));
    scores_by_number(model, expected);
    same_by_name(predictor, input, (size_t)_i, expected);
    SUCCEEDS(mmoe_predictor_clone(predictor, NULL, &clone, &err));
    mmoe_predictor_free(predictor);
    same_by_name(clone, input, (size_t)_i, expected);
    mmoe_predictor_free(clone);
    mmoe_model_free(model);
    mmoe_input_free(input);
}
END_TEST

/* A newer model has its columns elsewhere: its readers find them. */
START_TEST(readers_find_the_columns_of_a_newer_model) {
    float expected[ITEMS * TASKS], scores[ITEMS * TASKS];
    mmoe_input *input = input_from(3);
    const mmoe_predictor_options options = {.input = input};
    mmoe_model *first = usual_model(), *next = other_order();
    mmoe_predictor *reference;
    mmoe_slot *slot;
    mmoe_reader *reader;
    mmoe_served now;
    request rows;
    fill(&rows, input, 3, -1, ITEMS);
    scores_by_number(first, expected);
    SUCCEEDS(mmoe_slot_create_with(first, &options, NULL, &slot, &err));
    SUCCEEDS(mmoe_reader_create(slot, &reader, &err));
    SUCCEEDS(mmoe_reader_enter(reader, &now, &err));
    same_by_name(now.predictor, input, 3, expected);
    mmoe_reader_leave(reader);
    SUCCEEDS(mmoe_predictor_create_with(next, &options, NULL, &reference, &err));
    SUCCEEDS(mmoe_predictor_run(reference, &rows.batch, scores, &err));
    ck_assert_mem_ne(scores, expected, sizeof scores);
    mmoe_predictor_free(reference);
    SUCCEEDS(mmoe_slot_publish(slot, next, NULL, &err));
    SUCCEEDS(mmoe_reader_enter(reader, &now, &err));
    same_by_name(now.predictor, input, 3, scores);
    mmoe_reader_leave(reader);
    mmoe_reader_free(reader);
    mmoe_slot_free(slot);
    mmoe_input_free(input);
}
END_TEST

/* ---- Models that do not fit ---- */

static const struct {
    const char *sparse, *lists, *dense, *column, *message;
} misfits[] = {
    {CITY "," USER "," SLOT "," SLOT_AGAIN, ALL_LISTS, AGE "," PLACE, "price",
     "the input has this column, and the model does not read it"},
    {ALL_SPARSE ",{\"name\": \"extra\", \"vocab_size\": 3}", ALL_LISTS, ALL_DENSE, "extra",
     "the model reads this column, and the input has none"},
    {ALL_SPARSE,
     TAGS ",{\"name\": \"old\", \"column\": \"seen\", \"vocab_size\": 9, "
          "\"separator\": \"|\"}",
     ALL_DENSE, "seen", "the lists are the user's in the input, and the items' in the model"},
    {ALL_SPARSE, ALL_LISTS, AGE "," PLACE ",{\"name\": \"price\", \"side\": \"user\"}", "price",
     "the column is the items' in the input, and the user's in the model"},
    {ALL_SPARSE ",{\"name\": \"more\", \"column\": \"tags\"}", SEEN, ALL_DENSE, "tags",
     "the input has lists, and the model reads one value"},
    {CITY "," USER "," BOTH,
     ALL_LISTS ",{\"name\": \"more\", \"column\": \"slot\", \"vocab_size\": 5, \"separator\": "
               "\"|\"}",
     ALL_DENSE, "slot", "the input has one value, and the model reads lists"},
};

START_TEST(a_model_that_does_not_fit_is_refused) {
    mmoe_input *input = input_from(0);
    mmoe_slot *slot;
    mmoe_error fault = {0};
    mmoe_predictor *predictor = NULL;
    const mmoe_predictor_options options = {.input = input};
    mmoe_model *other = model_of(misfits[_i].sparse, misfits[_i].lists, misfits[_i].dense, 1);
    SUCCEEDS(mmoe_slot_create_with(usual_model(), &options, NULL, &slot, &err));
    ck_assert_int_eq(mmoe_input_check(input, other, &fault), MMOE_E_ARGUMENT);
    ck_assert_str_eq(fault.column, misfits[_i].column);
    ck_assert_msg(strstr(fault.message, misfits[_i].message) != NULL, "%s", fault.message);
    ck_assert_int_eq(mmoe_slot_publish(slot, other, NULL, &fault), MMOE_E_ARGUMENT);
    ck_assert_int_eq(mmoe_predictor_create_with(other, &options, NULL, &predictor, NULL),
                     MMOE_E_ARGUMENT);
    ck_assert_ptr_null(predictor);
    mmoe_model_free(other);
    mmoe_slot_free(slot);
    mmoe_input_free(input);
}
END_TEST

/* ---- Inputs that do not fit ---- */

/* The usual columns, of which one is another. */
static mmoe_status with(mmoe_input_column column, size_t count, mmoe_input **out,
                        mmoe_error *fault) {
    mmoe_input_column columns[GIVEN + 1];
    for (size_t i = 0; i < GIVEN; i++) {
        const int replaces = column.name && strcmp(all[i].column.name, column.name) == 0;
        columns[i] = replaces && count == GIVEN ? column : all[i].column;
    }
    columns[GIVEN] = column;
    return mmoe_input_create(columns, count, NULL, out, fault);
}

static const struct {
    mmoe_input_column column;
    const char *message; /* NULL: it fits */
} changes[] = {
    {{"place", MMOE_VALUE_FLOAT, MMOE_SIDE_ITEM, 3, 0, 0},
     "a value has 3 numbers in the input, and 2 in the model"},
    {{"city", MMOE_VALUE_INT64, MMOE_SIDE_ITEM, 0, 0, 0},
     "the input has integers, and the vocabulary has texts, none of which is an integer"},
    {{"city", MMOE_VALUE_DOUBLE, MMOE_SIDE_ITEM, 0, 0, 0}, "the input has numbers, and"},
    {{"user", MMOE_VALUE_TEXT, MMOE_SIDE_USER, 0, 0, 0}, NULL},
    {{"price", MMOE_VALUE_TEXT, MMOE_SIDE_ITEM, 0, 0, 0}, NULL},
};

START_TEST(a_column_of_another_kind_is_refused) {
    mmoe_model *model = usual_model();
    mmoe_input *input;
    mmoe_error fault = {0};
    SUCCEEDS(with(changes[_i].column, GIVEN, &input, &err));
    const mmoe_status status = mmoe_input_check(input, model, &fault);
    ck_assert_int_eq(status, changes[_i].message ? MMOE_E_ARGUMENT : MMOE_OK);
    if (changes[_i].message) {
        ck_assert_str_eq(fault.column, changes[_i].column.name);
        ck_assert_msg(strstr(fault.message, changes[_i].message) != NULL, "%s", fault.message);
    }
    mmoe_input_free(input);
    mmoe_model_free(model);
}
END_TEST

/* An optional column is read or not, by what the model is. */
START_TEST(a_model_may_do_without_an_optional_column) {
    mmoe_model *model = model_of(ALL_SPARSE, ALL_LISTS, AGE "," PLACE, 1);
    mmoe_input *input;
    mmoe_predictor *predictor;
    request rows;
    float scores[ITEMS * TASKS];
    SUCCEEDS(with((mmoe_input_column){"price", MMOE_VALUE_DOUBLE, MMOE_SIDE_ITEM, 0, 0, 1}, GIVEN,
                  &input, &err));
    SUCCEEDS(mmoe_predictor_create_with(model, &(mmoe_predictor_options){.input = input}, NULL,
                                        &predictor, &err));
    fill(&rows, input, 0, -1, ITEMS);
    SUCCEEDS(mmoe_predictor_run(predictor, &rows.batch, scores, &err));
    mmoe_predictor_free(predictor);
    mmoe_input_free(input);
    mmoe_model_free(model);
}
END_TEST

static const struct {
    mmoe_input_column column;
    const char *message;
} columns_of_no_input[] = {
    {{NULL, MMOE_VALUE_INT64, MMOE_SIDE_ITEM, 0, 0, 0}, "column 8 has no name"},
    {{"", MMOE_VALUE_INT64, MMOE_SIDE_ITEM, 0, 0, 0}, "column 8 has no name"},
    {{"age", MMOE_VALUE_INT64, MMOE_SIDE_ITEM, 0, 0, 0}, "two columns have this name"},
    {{"x", MMOE_VALUE_ROW, MMOE_SIDE_ITEM, 0, 0, 0}, "an input is of raw values"},
    {{"x", MMOE_VALUE_INT64, (mmoe_side)5, 0, 0, 0}, "there is no such side"},
    {{"x", MMOE_VALUE_INT64, MMOE_SIDE_ITEM, -1, 0, 0}, "dim is negative"},
    {{"x", MMOE_VALUE_FLOAT, MMOE_SIDE_ITEM, 2, 1, 0}, "a list's values are of one number"},
};

START_TEST(what_a_column_cannot_be_is_refused) {
    mmoe_input *input = NULL;
    mmoe_error fault = {0};
    ck_assert_int_eq(with(columns_of_no_input[_i].column, GIVEN + 1, &input, &fault),
                     MMOE_E_ARGUMENT);
    ck_assert_ptr_null(input);
    ck_assert_msg(strstr(fault.message, columns_of_no_input[_i].message) != NULL, "%s",
                  fault.message);
}
END_TEST

/* ---- Batches that are not of the input ---- */

static void refused(mmoe_predictor *predictor, const mmoe_batch *batch, const char *message) {
    float scores[ITEMS * TASKS] = {-7};
    mmoe_error fault = {0};
    ck_assert_int_eq(mmoe_predictor_run(predictor, batch, scores, &fault), MMOE_E_ARGUMENT);
    ck_assert_msg(strstr(fault.message, message) != NULL, "%s", fault.message);
    ck_assert(scores[0] == -7);
}

START_TEST(a_batch_of_another_input_is_refused) {
    mmoe_model *model = usual_model();
    mmoe_input *input = input_from(0), *other = input_from(1);
    mmoe_predictor *bound, *free_one;
    request rows;
    SUCCEEDS(mmoe_predictor_create_with(model, &(mmoe_predictor_options){.input = input}, NULL,
                                        &bound, &err));
    SUCCEEDS(mmoe_predictor_create(model, NULL, &free_one, &err));
    fill(&rows, other, 1, -1, ITEMS);
    refused(bound, &rows.batch, "the batch is of another input than the predictor's");
    rows.batch.input = NULL;
    refused(bound, &rows.batch, "the batch names no input, and the predictor has one");
    fill(&rows, input, 0, -1, ITEMS);
    refused(free_one, &rows.batch, "the batch is of an input, and the predictor has none");
    rows.batch.column_count--;
    refused(bound, &rows.batch, "the batch must have the input's 8 columns, not 7");
    fill(&rows, input, 0, -1, ITEMS);
    rows.batch.columns = NULL;
    refused(bound, &rows.batch, "the batch must have the input's 8 columns, not 0");
    fill(&rows, input, 0, -1, ITEMS);
    rows.columns[0].type = MMOE_VALUE_FLOAT;
    refused(bound, &rows.batch, "the column is of the type 4, and 5 in the input");
    fill(&rows, input, 0, -1, ITEMS);
    rows.batch.list_columns = NULL;
    refused(bound, &rows.batch, "the column is a list and lacks offsets");
    mmoe_predictor_free(bound);
    mmoe_predictor_free(free_one);
    mmoe_input_free(input);
    mmoe_input_free(other);
    mmoe_model_free(model);
}
END_TEST

/* A user and items are ranked where the input has a column of a user's, and each has all of its
 * side's. */
START_TEST(a_side_that_is_missing_is_refused) {
    static const mmoe_input_column one_side[] = {
        {"price", MMOE_VALUE_DOUBLE, MMOE_SIDE_ITEM, 0, 0, 0}};
    static const mmoe_column price = {MMOE_VALUE_DOUBLE, prices, 0};
    mmoe_model *all_sides = usual_model(), *of_items = model_of("", "", PRICE, 1);
    mmoe_input *input = input_from(0), *items_alone;
    mmoe_predictor *bound, *one_sided;
    mmoe_error fault = {0};
    request user, items;
    float scores[ITEMS * TASKS] = {-7};
    SUCCEEDS(mmoe_input_create(one_side, 1, NULL, &items_alone, &err));
    SUCCEEDS(mmoe_predictor_create_with(of_items, &(mmoe_predictor_options){.input = items_alone},
                                        NULL, &one_sided, &err));
    const mmoe_batch batch = {
        .rows = 1, .input = items_alone, .columns = &price, .column_count = 1};
    ck_assert_int_eq(mmoe_predictor_rank(one_sided, &batch, &batch, scores, &fault),
                     MMOE_E_ARGUMENT);
    ck_assert_str_eq(fault.message, "mmoe_predictor_rank: the input has no column of the user's");
    SUCCEEDS(mmoe_predictor_create_with(all_sides, &(mmoe_predictor_options){.input = input}, NULL,
                                        &bound, &err));
    fill(&user, input, 0, MMOE_SIDE_USER, 1);
    fill(&items, input, 0, MMOE_SIDE_ITEM, ITEMS);
    user.batch.column_count = 0;
    ck_assert_int_eq(mmoe_predictor_rank(bound, &user.batch, &items.batch, scores, &fault),
                     MMOE_E_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(fault.message, "the user must have the input's 3 columns, not 0"));
    fill(&user, input, 0, MMOE_SIDE_USER, 1);
    items.batch.columns = NULL;
    ck_assert_int_eq(mmoe_predictor_rank(bound, &user.batch, &items.batch, scores, &fault),
                     MMOE_E_ARGUMENT);
    ck_assert_ptr_nonnull(
        strstr(fault.message, "the items must have the input's 5 columns, not 0"));
    refused(bound, &items.batch, "the batch must have the input's 8 columns, not 0");
    ck_assert(scores[0] == -7);
    mmoe_predictor_free(bound);
    mmoe_predictor_free(one_sided);
    mmoe_input_free(input);
    mmoe_input_free(items_alone);
    mmoe_model_free(all_sides);
    mmoe_model_free(of_items);
}
END_TEST

/* ---- Rows to learn from ---- */

static const float labels[ITEMS * TASKS] = {0, 1, 1, 0, 0, 0};

/* The batch that is scored is the batch that is learned from: a step with it has a model where one
 * with the columns by number has it. */
START_TEST(any_order_is_learned_from) {
    mmoe_input *input = input_from((size_t)_i);
    request named;
    fill(&named, input, (size_t)_i, -1, ITEMS);
    const mmoe_batch *const batches[] = {batch_by_number(), &named.batch};
    float scores[2][ITEMS * TASKS];
    for (int i = 0; i < 2; i++) {
        mmoe_model *model = usual_model();
        mmoe_dataset *rows;
        mmoe_trainer *trainer;
        SUCCEEDS(mmoe_dataset_create(mmoe_model_schema(model), batches[i], labels, NULL, NULL,
                                     &rows, &err));
        SUCCEEDS(mmoe_trainer_create(model, &(mmoe_trainer_options){.threads = 1}, NULL, &trainer,
                                     &err));
        SUCCEEDS(mmoe_trainer_step(trainer, rows, 0, ITEMS, NULL, &err));
        scores_by_number(model, scores[i]);
        mmoe_trainer_free(trainer);
        mmoe_dataset_free(rows);
        mmoe_model_free(model);
    }
    ck_assert_mem_eq(scores[0], scores[1], sizeof scores[0]);
    mmoe_input_free(input);
}
END_TEST

static void not_learned(const mmoe_model *model, const mmoe_batch *batch, const float *y,
                        mmoe_status status, const char *text) {
    mmoe_dataset *rows = NULL;
    mmoe_error fault = {0};
    ck_assert_int_eq(
        mmoe_dataset_create(mmoe_model_schema(model), batch, y, NULL, NULL, &rows, &fault), status);
    ck_assert_msg(strstr(fault.message, text) != NULL, "\"%s\" is not in \"%s\"", text,
                  fault.message);
    ck_assert_ptr_null(rows);
}

START_TEST(what_cannot_be_learned_from_is_refused) {
    const float half[ITEMS * TASKS] = {0, 1, 1, 0.5F, 0, 0};
    mmoe_model *model = usual_model(),
               *other = model_of(CITY ", {\"name\": \"extra\"}", ALL_LISTS, ALL_DENSE, 1);
    mmoe_input *input = input_from(0);
    request q;
    fill(&q, input, 0, -1, ITEMS);
    not_learned(model, &q.batch, half, MMOE_E_DATA,
                "row 2: column \"buy\": 0.5 is neither 0 nor 1 (task \"cvr\")");
    not_learned(other, &q.batch, labels, MMOE_E_ARGUMENT,
                "column \"extra\": the model reads this column, and the input has none");
    q.columns[2].type = MMOE_VALUE_TEXT;
    not_learned(model, &q.batch, labels, MMOE_E_ARGUMENT,
                "column \"slot\": mmoe_dataset_create: the column is of the type 2, and 1 in");
    fill(&q, input, 0, MMOE_SIDE_ITEM, ITEMS);
    not_learned(model, &q.batch, labels, MMOE_E_ARGUMENT,
                "mmoe_dataset_create: the batch must have the input's 8 columns, not 5");
    mmoe_input_free(input);
    mmoe_model_free(other);
    mmoe_model_free(model);
}
END_TEST

void add_cases(TCase *c) {
    tcase_add_checked_fixture(c, write_training, remove_training);
    tcase_add_loop_test(c, any_order_gives_the_scores_of_numbers, 0, GIVEN);
    tcase_add_loop_test(c, any_order_is_learned_from, 0, GIVEN);
    tcase_add_test(c, what_cannot_be_learned_from_is_refused);
    tcase_add_test(c, readers_find_the_columns_of_a_newer_model);
    tcase_add_loop_test(c, a_model_that_does_not_fit_is_refused, 0,
                        sizeof misfits / sizeof *misfits);
    tcase_add_loop_test(c, a_column_of_another_kind_is_refused, 0,
                        sizeof changes / sizeof *changes);
    tcase_add_test(c, a_model_may_do_without_an_optional_column);
    tcase_add_loop_test(c, what_a_column_cannot_be_is_refused, 0,
                        sizeof columns_of_no_input / sizeof *columns_of_no_input);
    tcase_add_test(c, a_batch_of_another_input_is_refused);
    tcase_add_test(c, a_side_that_is_missing_is_refused);
}
