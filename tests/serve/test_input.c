/* Columns bound by name: in whatever order the caller and the model have them, a score is that of a
 * batch by number, or there is none. */
#include "check_main.h"
#include "input_support.h"

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

void add_cases(TCase *c) {
    tcase_add_checked_fixture(c, write_training, remove_training);
    tcase_add_loop_test(c, any_order_gives_the_scores_of_numbers, 0, GIVEN);
    tcase_add_loop_test(c, any_order_is_learned_from, 0, GIVEN);
    tcase_add_test(c, readers_find_the_columns_of_a_newer_model);
}
