/* Wrong columns are an error, never another score: counts of a batch, models of other columns. */
#include <stdio.h>
#include <string.h>

#include "check_main.h"
#include "succeeds.h"
#include "mmoe/train.h"

#define A "{\"name\": \"a\", \"vocab_size\": 9, \"embed_dim\": 4, \"side\": \"user\"}"
#define B "{\"name\": \"b\", \"vocab_size\": 9, \"embed_dim\": 4}"
#define C "{\"name\": \"c\", \"vocab_size\": 9, \"embed_dim\": 4}"
#define D0 "{\"name\": \"d0\"}"
#define D1 "{\"name\": \"d1\"}"
#define D2 "{\"name\": \"d2\", \"side\": \"user\"}"
#define X "{\"name\": \"x\", \"label\": \"x\", \"tower_params\": {\"dims\": [4]}}"
#define Y "{\"name\": \"y\", \"label\": \"y\", \"tower_params\": {\"dims\": [4]}}"

/* `score`: a member of the configuration, or "". */
static mmoe_model *scored_model(const char *sparse, const char *dense, const char *tasks,
                                const char *score) {
    static const char *const columns[] = {"a", "b", "c", "d0", "d1", "d2"};
    char json[2048];
    mmoe_config *config;
    mmoe_schema *schema;
    mmoe_model *model;
    snprintf(json, sizeof json,
             "{\"features\": {\"sparse\": [%s], \"dense\": [%s]}, \"tasks\": [%s], %s\"model\": "
             "{\"name\": \"mmoe\", \"n_expert\": 2, \"expert_params\": {\"dims\": [4]}}}",
             sparse, dense, tasks, score);
    SUCCEEDS(mmoe_config_parse(json, strlen(json), NULL, NULL, &config, &err));
    SUCCEEDS(mmoe_schema_create(config, columns, 6, NULL, &schema, &err));
    SUCCEEDS(mmoe_model_create(config, schema, NULL, &model, &err));
    mmoe_schema_free(schema);
    mmoe_config_free(config);
    return model;
}

static mmoe_model *model_of(const char *sparse, const char *dense, const char *tasks) {
    return scored_model(sparse, dense, tasks, "");
}

static mmoe_model *usual_model(void) { return model_of(A "," B "," C, D0 "," D1 "," D2, X "," Y); }

/* ---- Models of other columns ---- */

static const struct {
    const char *sparse, *dense, *tasks, *column, *message;
} others[] = {
    {A "," C "," B, D0 "," D1 "," D2, X "," Y, "c",
     "sparse column 1 of the slot's models is \"b\", of this one \"c\""},
    {B "," A "," C, D0 "," D1 "," D2, X "," Y, "b",
     "sparse column 0 of the slot's models is \"a\""},
    {A "," B, D0 "," D1 "," D2, X "," Y, "c", "the model lacks this sparse column"},
    {"{\"name\": \"a\", \"vocab_size\": 9, \"embed_dim\": 4}," B "," C, D0 "," D1 "," D2, X "," Y,
     "a", "this sparse column is \"user\" in the slot's models, and \"item\" in this one"},
    {A "," B "],\"sequence\": [" C, D0 "," D1 "," D2, X "," Y, "c",
     "this sparse column is \"one value\" in the slot's models, and \"a list\" in this one"},
    {A "," B "," C, D1 "," D0 "," D2, X "," Y, "d1",
     "dense column 0 of the slot's models is \"d0\", of this one \"d1\""},
    {A "," B "," C, D0 "," D1, X "," Y, "d2", "the model lacks this dense column"},
    {A "," B "," C, D0 "," D1 ",{\"name\": \"d2\"}", X "," Y, "d2",
     "this dense column is \"user\" in the slot's models, and \"item\" in this one"},
    {A "," B "," C, D0 "," D1 "," D2, Y "," X, "",
     "mmoe_slot_publish: task 0 of the slot's models is \"x\", of this one \"y\""},
    {A "," B "," C, D0 "," D1 "," D2, X, "", "the model lacks the task \"y\""},
    {A "," B "," C, D0 "," D1 "," D2,
     X "," Y ",{\"name\": \"z\", \"label\": \"z\", \"tower_params\": {\"dims\": [4]}}", "",
     "the slot's models lack the task \"z\""},
    {A "," B "," C, D0 "," D1 "," D2,
     X
     ",{\"name\": \"y\", \"label\": \"y\", \"type\": \"regression\", \"tower_params\": {\"dims\": "
     "[4]}}",
     "",
     "the task \"y\" is \"classification\" in the slot's models, and \"regression\" in this one"},
};

enum { FIRST_TASKS = 8 }; /* of those that have the columns, and other tasks */

START_TEST(a_model_of_other_columns_is_not_published) {
    mmoe_model *first = usual_model(),
               *other = model_of(others[_i].sparse, others[_i].dense, others[_i].tasks);
    mmoe_slot *slot;
    mmoe_reader *reader;
    mmoe_served now;
    mmoe_error fault = {0};
    uint64_t version = 77;
    SUCCEEDS(mmoe_slot_create(first, NULL, &slot, &err));
    SUCCEEDS(mmoe_reader_create(slot, &reader, &err));
    ck_assert_int_eq(mmoe_slot_publish(slot, other, &version, &fault), MMOE_E_ARGUMENT);
    ck_assert_str_eq(fault.column, others[_i].column);
    ck_assert_msg(strstr(fault.message, others[_i].message) != NULL, "%s", fault.message);
    ck_assert_ptr_nonnull(strstr(fault.message, "mmoe_slot_publish: "));
    ck_assert_int_eq(mmoe_slot_publish(slot, other, NULL, NULL), MMOE_E_ARGUMENT);
    ck_assert_uint_eq(version, 77);
    mmoe_model_free(other); /* it stayed the caller's */
    SUCCEEDS(mmoe_reader_enter(reader, &now, &err));
    ck_assert_uint_eq(now.version, 1);
    ck_assert_ptr_eq(now.model, first);
    mmoe_reader_leave(reader);
    SUCCEEDS(mmoe_slot_publish(slot, usual_model(), &version, &err));
    ck_assert_uint_eq(version, 2);
    mmoe_reader_free(reader);
    mmoe_slot_free(slot);
}
END_TEST

/* By name the columns may stand anywhere, but scores are known by their numbers. */
START_TEST(a_model_of_other_tasks_is_not_published_by_name) {
    static const mmoe_input_column given[] = {{"a", MMOE_VALUE_INT64, MMOE_SIDE_USER, 0, 0, 0},
                                              {"b", MMOE_VALUE_INT64, MMOE_SIDE_USER, 0, 0, 0},
                                              {"c", MMOE_VALUE_INT64, MMOE_SIDE_USER, 0, 0, 0},
                                              {"d0", MMOE_VALUE_FLOAT, MMOE_SIDE_USER, 0, 0, 0},
                                              {"d1", MMOE_VALUE_FLOAT, MMOE_SIDE_USER, 0, 0, 0},
                                              {"d2", MMOE_VALUE_FLOAT, MMOE_SIDE_USER, 0, 0, 0}};
    mmoe_input *input;
    mmoe_slot *slot;
    mmoe_error fault = {0};
    mmoe_model *other = model_of(others[_i].sparse, others[_i].dense, others[_i].tasks);
    SUCCEEDS(mmoe_input_create(given, 6, NULL, &input, &err));
    const mmoe_predictor_options options = {.input = input};
    SUCCEEDS(mmoe_slot_create_with(usual_model(), &options, NULL, &slot, &err));
    SUCCEEDS(mmoe_input_check(input, other, &err));
    ck_assert_int_eq(mmoe_slot_publish(slot, other, NULL, &fault), MMOE_E_ARGUMENT);
    ck_assert_str_eq(fault.column, others[_i].column);
    ck_assert_msg(strstr(fault.message, others[_i].message) != NULL, "%s", fault.message);
    mmoe_model_free(other);
    mmoe_slot_free(slot);
    mmoe_input_free(input);
}
END_TEST

/* Where final scores are wanted a model without them is refused before a request asks for one. */
START_TEST(a_model_without_a_final_score_is_not_published) {
    static const char columns[] = D0 "," D1 "," D2,
                      lacks[] = "the model has 2 tasks and no \"score\"";
    const mmoe_predictor_options options = {.final_scores = 1};
    mmoe_model *first = scored_model(A, columns, X "," Y, "\"score\": \"x * y\", "),
               *next = model_of(A, columns, X "," Y), *single = model_of(A, columns, X);
    mmoe_predictor *predictor = NULL;
    mmoe_slot *slot, *of_any;
    mmoe_error fault = {0};
    SUCCEEDS(mmoe_slot_create_with(first, &options, NULL, &slot, &err));
    ck_assert_int_eq(mmoe_slot_publish(slot, next, NULL, &fault), MMOE_E_ARGUMENT);
    ck_assert_msg(strstr(fault.message, "mmoe_slot_publish: ") && strstr(fault.message, lacks),
                  "%s", fault.message);
    ck_assert_int_eq(mmoe_predictor_create_with(next, &options, NULL, &predictor, &fault),
                     MMOE_E_ARGUMENT);
    ck_assert_ptr_null(predictor);
    ck_assert_ptr_nonnull(strstr(fault.message, lacks));
    SUCCEEDS(mmoe_predictor_create_with(single, &options, NULL, &predictor, &err));
    mmoe_predictor_free(predictor);
    SUCCEEDS(mmoe_slot_create(next, NULL, &of_any, &err));
    mmoe_slot_free(of_any);
    mmoe_slot_free(slot);
    mmoe_model_free(single);
}
END_TEST

/* What readers do not number may differ. */
START_TEST(other_sizes_may_be_published) {
    mmoe_slot *slot;
    uint64_t version;
    SUCCEEDS(mmoe_slot_create(usual_model(), NULL, &slot, &err));
    mmoe_model *larger =
        model_of(A "," B ",{\"name\": \"c\", \"vocab_size\": 99, \"embed_dim\": 2}",
                 D0 "," D1 "," D2, X "," Y);
    SUCCEEDS(mmoe_slot_publish(slot, larger, &version, &err));
    ck_assert_uint_eq(version, 2);
    mmoe_slot_free(slot);
}
END_TEST

/* ---- Counts of a batch ---- */

static mmoe_model *model;
static mmoe_predictor *predictor;
static float scores[8];
static const int32_t ids[8] = {1, 2, 3, 4};
static const float dense[8];
static const mmoe_column sparse_columns[] = {
    {MMOE_VALUE_ROW, ids, 0}, {MMOE_VALUE_ROW, ids, 0}, {MMOE_VALUE_ROW, ids, 0}};
static const mmoe_column dense_columns[] = {
    {MMOE_VALUE_INPUT, dense, 0}, {MMOE_VALUE_INPUT, dense, 0}, {MMOE_VALUE_INPUT, dense, 0}};

static void set_up(void) {
    model = usual_model();
    SUCCEEDS(mmoe_predictor_create(model, NULL, &predictor, &err));
}

static void tear_down(void) {
    mmoe_predictor_free(predictor);
    mmoe_model_free(model);
}

/* As arrays, or as columns. */
static mmoe_batch counted(int as_columns, size_t sparse, size_t dense_count) {
    mmoe_batch b = {.rows = 1, .sparse_count = sparse, .dense_count = dense_count};
    if (as_columns) {
        b.sparse_columns = sparse_columns;
        b.dense_columns = dense_columns;
    } else {
        b.ids = ids;
        b.dense = dense;
        b.id_stride = b.dense_stride = 4;
    }
    return b;
}

static void refused(mmoe_status status, const mmoe_error *err, const char *message) {
    ck_assert_int_eq(status, MMOE_E_ARGUMENT);
    ck_assert_msg(strstr(err->message, message) != NULL, "%s", err->message);
    for (int i = 0; i < 8; i++) ck_assert(scores[i] == -7);
}

START_TEST(other_counts_are_refused) {
    mmoe_error fault = {0};
    size_t row;
    for (int i = 0; i < 8; i++) scores[i] = -7;
    const mmoe_batch all = counted(_i, 3, 3), user = counted(_i, 1, 1), items = counted(_i, 2, 2),
                     fewer = counted(_i, 2, 3), more = counted(_i, 3, 4), lacks = counted(_i, 3, 0);
    refused(mmoe_predictor_run(predictor, &fewer, scores, &fault), &fault,
            "mmoe_predictor_run: the batch has 2 sparse columns, not 3 (a, b, c)");
    refused(mmoe_predictor_run(predictor, &more, scores, &fault), &fault,
            "the batch has 4 dense columns, not 3 (d0, d1, d2)");
    refused(mmoe_predictor_run(predictor, &lacks, scores, &fault), &fault,
            "the batch has 0 dense columns, not 3 (d0, d1, d2)");
    refused(mmoe_predictor_rank(predictor, &user, &all, scores, &fault), &fault,
            "mmoe_predictor_rank: the items have 3 sparse columns, not 2 (b, c)");
    refused(mmoe_predictor_rank(predictor, &all, &items, scores, &fault), &fault,
            "the user has 3 sparse columns, not 1 (a)");
    refused(mmoe_predictor_rank(predictor, &items, &items, scores, &fault), &fault,
            "the user has 2 sparse columns, not 1 (a)");
    refused(mmoe_predictor_rank(predictor, &user, &user, scores, &fault), &fault,
            "the items have 1 sparse columns, not 2 (b, c)");
    ck_assert_int_eq(mmoe_predictor_top(predictor, &user, &all, 1, &row, scores, &fault),
                     MMOE_E_ARGUMENT);
    ck_assert_int_eq(mmoe_predictor_score(predictor, &user, &all, scores, &fault), MMOE_E_ARGUMENT);
}
END_TEST

START_TEST(right_counts_and_none_are_taken) {
    const mmoe_batch all = counted(_i, 3, 3), user = counted(_i, 1, 1), items = counted(_i, 2, 2),
                     none = counted(_i, 0, 0);
    float again[2], wanted[2];
    SUCCEEDS(mmoe_predictor_run(predictor, &all, wanted, &err));
    SUCCEEDS(mmoe_predictor_run(predictor, &none, again, &err));
    ck_assert_mem_eq(again, wanted, sizeof wanted);
    SUCCEEDS(mmoe_predictor_rank(predictor, &user, &items, wanted, &err));
    SUCCEEDS(mmoe_predictor_rank(predictor, &none, &none, again, &err));
    ck_assert_mem_eq(again, wanted, sizeof wanted);
}
END_TEST

START_TEST(data_sets_count_too) {
    const float labels[2] = {0, 1};
    mmoe_dataset *set = NULL;
    mmoe_error fault = {0};
    const mmoe_batch fewer = counted(_i, 3, 2), right = counted(_i, 3, 3);
    ck_assert_int_eq(
        mmoe_dataset_create(mmoe_model_schema(model), &fewer, labels, NULL, NULL, &set, &fault),
        MMOE_E_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(fault.message, "are 3 and 2; the schema has 3 and 3 columns"));
    SUCCEEDS(mmoe_dataset_create(mmoe_model_schema(model), &right, labels, NULL, NULL, &set, &err));
    mmoe_batch out;
    SUCCEEDS(mmoe_dataset_batch(set, 0, 1, &out, &err));
    ck_assert_uint_eq(out.sparse_count, 3);
    ck_assert_uint_eq(out.dense_count, 3);
    mmoe_dataset_free(set);
}
END_TEST

void add_cases(TCase *c) {
    tcase_add_checked_fixture(c, set_up, tear_down);
    tcase_add_loop_test(c, a_model_of_other_columns_is_not_published, 0,
                        (int)(sizeof others / sizeof *others));
    tcase_add_loop_test(c, a_model_of_other_tasks_is_not_published_by_name, FIRST_TASKS,
                        sizeof others / sizeof *others);
    tcase_add_test(c, a_model_without_a_final_score_is_not_published);
    tcase_add_test(c, other_sizes_may_be_published);
    tcase_add_loop_test(c, other_counts_are_refused, 0, 2);
    tcase_add_loop_test(c, right_counts_and_none_are_taken, 0, 2);
    tcase_add_loop_test(c, data_sets_count_too, 0, 2);
}
