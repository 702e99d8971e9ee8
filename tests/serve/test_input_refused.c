/* Columns bound by name: models, columns, batches and rows that do not fit the input. */
#include "check_main.h"
#include "input_support.h"

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
     ALL_DENSE, "seen",
     "the input gives the lists with the user, which needs \"side\": \"user\" in the model's "
     "configuration"},
    {ALL_SPARSE, ALL_LISTS, AGE "," PLACE ",{\"name\": \"price\", \"side\": \"user\"}", "price",
     "the input gives the column with the items, and the model's configuration says"},
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
    tcase_add_test(c, what_cannot_be_learned_from_is_refused);
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
