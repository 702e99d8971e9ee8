/* What growing takes, and what it leaves where there is no memory. */
#include "failing.h"
#include "growing_support.h"

/* One row after another: a table moves seldom, and steps take no memory. */
START_TEST(growing_takes_little_time) {
    failing memory = {0};
    const mmoe_allocator a = failing_allocator(&memory);
    begin_with("", ", \"embedding_update\": \"deferred\"");
    mmoe_model *model = model_of(schema, &a);
    mmoe_trainer *t = trainer_of(model, &a);
    enum { MANY = 3000 };
    static int64_t users[MANY];
    const int64_t one = 1;
    const char *const text = "t1";
    int moves = 0;
    const float *last = NULL;
    step(t, 0, BATCH);
    for (int i = 0; i < MANY; i++) users[i] = 1000 + i;
    for (int i = 0; i < MANY; i++) {
        mmoe_batch *b = post(&rows, 0, 1);
        rows.columns[2] = (mmoe_column){MMOE_VALUE_INT64, &users[i], 0};
        rows.columns[4] = (mmoe_column){MMOE_VALUE_INT64, &one, 0};
        rows.columns[1] = (mmoe_column){MMOE_VALUE_TEXT, &text, 0};
        SUCCEEDS(mmoe_trainer_grow(t, b, NULL, NULL, &err));
        moves += mmoe_params_rows(&model->params, 0) != last;
        last = mmoe_params_rows(&model->params, 0);
    }
    ck_assert_int_eq(mmoe_model_sparse_rows(model, 0), 11 + MANY);
    ck_assert_int_lt(moves, 20);
    mmoe_dataset *set;
    post(&rows, 0, BATCH);
    SUCCEEDS(mmoe_dataset_create(model->schema, &rows.batch, rows.labels, NULL, NULL, &set, &err));
    const long calls = memory.calls;
    SUCCEEDS(mmoe_trainer_step(t, set, 0, BATCH, NULL, &err));
    ck_assert_int_eq(memory.calls, calls);
    mmoe_dataset_free(set);
    mmoe_trainer_free(t);
    mmoe_model_free(model);
    ck_assert_int_eq(memory.live, 0);
    end_all();
}
END_TEST

/* Without memory nothing has changed: what follows is what would have, in steps and files. */
static void try_to_grow(failing *memory, const mmoe_allocator *a) {
    mmoe_error why = {0};
    memory->paused = 1;
    mmoe_model *model = model_of(schema, a);
    mmoe_trainer *t = trainer_of(model, a);
    step(t, 0, BATCH);
    mmoe_batch *b = post(&rows, OLD, OLD + 2 * BATCH);
    memory->paused = 0;
    const mmoe_status status = mmoe_trainer_grow(t, b, NULL, NULL, &why);
    memory->paused = 1;
    failing_check(memory, status, &why);
    if (status) grow(t, OLD, OLD + 2 * BATCH, 0);
    learn(t, OLD + BATCH, OLD + NEW);
    save(t, "failed");
    same_files("behind", "failed");
    mmoe_trainer_free(t);
    mmoe_model_free(model);
    memory->paused = 0;
    ck_assert_int_eq(memory->live, 0);
}

START_TEST(every_allocation_may_fail) {
    failing memory = {0};
    const mmoe_allocator a = failing_allocator(&memory);
    static const int settings[] = {1, 6, 7}; /* deferred; an average and a norm; balancing */
    begin_with("", kept[settings[_i]]);
    mmoe_model *model = model_of(schema, NULL);
    mmoe_trainer *t = trainer_of(model, NULL);
    step(t, 0, BATCH);
    grow(t, OLD, OLD + 2 * BATCH, 0);
    learn(t, OLD + BATCH, OLD + NEW);
    save(t, "behind");
    while (failing_next(&memory)) try_to_grow(&memory, &a);
    ck_assert_int_gt(memory.calls, 30);
    mmoe_trainer_free(t);
    mmoe_model_free(model);
    end_all();
}
END_TEST

void add_cases(TCase *c) {
    tcase_add_checked_fixture(c, make_folder, remove_folder);
    tcase_add_test(c, growing_takes_little_time);
    tcase_add_loop_test(c, every_allocation_may_fail, 0, 3);
}
