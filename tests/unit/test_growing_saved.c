/* What has grown is saved, gone on with and published; predictors know when it has. */
#include "growing_support.h"

/* ---- Saved, and published ---- */

START_TEST(a_run_goes_on_with_what_it_knew) {
    begin_with("", kept[_i]);
    mmoe_model *model = model_of(schema, NULL), *fresh = model_of(schema, NULL);
    mmoe_trainer *t = trainer_of(model, NULL), *again = trainer_of(fresh, NULL);
    learn(t, 0, 3 * BATCH);
    save(t, "half");
    learn(t, 3 * BATCH, OLD + NEW);
    save(t, "whole");
    SUCCEEDS(mmoe_trainer_resume(again, in_folder("half"), &err));
    save(again, "half again");
    same_files("half", "half again");
    learn(again, 3 * BATCH, OLD + NEW);
    save(again, "whole again");
    same_files("whole", "whole again");
    SUCCEEDS(mmoe_trainer_resume(again, in_folder("half"), &err)); /* and back */
    learn(again, 3 * BATCH, OLD + NEW);
    save(again, "whole again");
    same_files("whole", "whole again");
    mmoe_trainer_free(t);
    mmoe_trainer_free(again);
    mmoe_model_free(model);
    mmoe_model_free(fresh);
    end_all();
}
END_TEST

/* A run of before the first growth brings back the vocabularies that the trainer began with, of
 * which it is. */
START_TEST(a_run_goes_back_before_it_grew) {
    begin_with("", kept[_i]);
    mmoe_model *model = model_of(schema, NULL), *fresh = model_of(schema, NULL);
    mmoe_trainer *t = trainer_of(model, NULL), *again = trainer_of(fresh, NULL);
    for (int i = 0; i < 3; i++) step(t, 0, BATCH);
    save(t, "few");
    SUCCEEDS(mmoe_trainer_resume(again, in_folder("few"), &err));
    learn(t, 0, OLD + NEW);
    save(t, "whole");
    SUCCEEDS(mmoe_trainer_resume(t, in_folder("few"), &err));
    ck_assert_uint_eq(mmoe_schema_fingerprint(model->schema), mmoe_schema_fingerprint(schema));
    save(t, "few again");
    same_files("few", "few again");
    SUCCEEDS(mmoe_trainer_step(t, old_rows, 0, BATCH, NULL, &err)); /* they are of this schema */
    SUCCEEDS(mmoe_trainer_step(again, old_rows, 0, BATCH, NULL, &err));
    same_blocks(model, fresh);
    SUCCEEDS(mmoe_trainer_resume(t, in_folder("whole"), &err)); /* and on */
    SUCCEEDS(mmoe_trainer_resume(t, in_folder("few"), &err));
    learn(t, 0, OLD + NEW);
    save(t, "whole again");
    same_files("whole", "whole again");
    mmoe_trainer_free(t);
    mmoe_trainer_free(again);
    mmoe_model_free(model);
    mmoe_model_free(fresh);
    end_all();
}
END_TEST

/* Of a model that has grown since, and so began with more, it is none. */
START_TEST(a_run_does_not_go_back_further) {
    mmoe_model *model, *saved;
    mmoe_error why = {0};
    begin_with("", "");
    model = model_of(schema, NULL);
    mmoe_trainer *t = trainer_of(model, NULL);
    save(t, "none");
    learn(t, OLD, OLD + BATCH);
    save(t, "some");
    learn(t, OLD + BATCH, OLD + 2 * BATCH);
    SUCCEEDS(mmoe_model_save(model, in_folder("model"), &err));
    learn(t, OLD + 2 * BATCH, OLD + NEW);
    save(t, "run");
    SUCCEEDS(mmoe_model_load(in_folder("model"), NULL, &saved, &err));
    mmoe_trainer *again = trainer_of(saved, NULL);
    SUCCEEDS(mmoe_trainer_resume(again, in_folder("run"), &err));
    ck_assert_int_eq(mmoe_trainer_resume(again, in_folder("none"), &why), MMOE_E_FORMAT);
    ck_assert_ptr_nonnull(strstr(why.message, "has not the size of this model"));
    same_blocks(model, saved);
    SUCCEEDS(mmoe_trainer_resume(again, in_folder("some"), &err));
    ck_assert_int_eq(mmoe_trainer_resume(again, in_folder("none"), &why), MMOE_E_ARGUMENT);
    ck_assert_str_eq(why.column, "user");
    ck_assert_ptr_nonnull(strstr(why.message, "gone back to fewer values than it began with"));
    learn(again, OLD + 2 * BATCH, OLD + NEW); /* as many, and more, but others */
    ck_assert_int_eq(mmoe_trainer_resume(again, in_folder("none"), &why), MMOE_E_ARGUMENT);
    SUCCEEDS(mmoe_trainer_resume(again, in_folder("some"), &err));
    SUCCEEDS(mmoe_trainer_resume(t, in_folder("some"), &err));
    same_blocks(model, saved);
    mmoe_trainer_free(t);
    mmoe_trainer_free(again);
    mmoe_model_free(model);
    mmoe_model_free(saved);
    end_all();
}
END_TEST

/* Into a model that was saved meanwhile, too; not into one that began with other values. */
START_TEST(a_run_is_of_its_vocabulary) {
    mmoe_model *model, *saved, *other;
    mmoe_schema *others;
    mmoe_dataset *set;
    mmoe_error why = {0};
    begin_with("", "");
    model = model_of(schema, NULL);
    mmoe_trainer *t = trainer_of(model, NULL);
    learn(t, OLD, OLD + BATCH);
    SUCCEEDS(mmoe_model_save(model, in_folder("model"), &err));
    learn(t, OLD + BATCH, OLD + NEW);
    save(t, "run");
    SUCCEEDS(mmoe_model_load(in_folder("model"), NULL, &saved, &err));
    mmoe_trainer *again = trainer_of(saved, NULL);
    SUCCEEDS(mmoe_trainer_resume(again, in_folder("run"), &err));
    same_blocks(model, saved);
    put_rows("other.csv", 1, OLD);
    SUCCEEDS(mmoe_dataset_fit_csv(config, in_folder("other.csv"), NULL, &others, &set, &err));
    other = model_of(others, NULL);
    mmoe_trainer *wrong = trainer_of(other, NULL);
    ck_assert_int_eq(mmoe_trainer_resume(wrong, in_folder("run"), &why), MMOE_E_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(why.message, "the checkpoint is of another vocabulary: column "
                                              "\"user\": value 1 of its vocabulary is"));
    mmoe_trainer_free(t);
    mmoe_trainer_free(again);
    mmoe_trainer_free(wrong);
    mmoe_model_free(model);
    mmoe_model_free(saved);
    mmoe_model_free(other);
    mmoe_dataset_free(set);
    mmoe_schema_free(others);
    end_all();
}
END_TEST

/* What a resume that fails leaves is what there was, whose steps go on. */
START_TEST(a_resume_that_fails_changes_nothing) {
    begin_with("", ", \"ema_decay\": 0.9, \"clip_norm\": 0.3");
    mmoe_model *model = model_of(schema, NULL), *same = model_of(schema, NULL);
    mmoe_trainer *t = trainer_of(model, NULL), *twin = trainer_of(same, NULL);
    mmoe_error why = {0};
    size_t size;
    learn(t, 0, 2 * BATCH);
    save(t, "small");
    learn(t, 2 * BATCH, OLD + NEW);
    save(t, "large");
    char *bytes = get_file(in_folder("large"), &size);
    bytes[size - 300] ^= 1; /* of the last tensors */
    put_file(in_folder("broken"), bytes, size);
    free(bytes);
    learn(twin, 0, 2 * BATCH);
    SUCCEEDS(mmoe_trainer_resume(t, in_folder("small"), &err));
    ck_assert_int_eq(mmoe_trainer_resume(t, in_folder("broken"), &why), MMOE_E_FORMAT);
    save(t, "small again");
    same_files("small", "small again");
    learn(t, 2 * BATCH, 4 * BATCH);
    learn(twin, 2 * BATCH, 4 * BATCH);
    same_blocks(model, same);
    mmoe_trainer_free(t);
    mmoe_trainer_free(twin);
    mmoe_model_free(model);
    mmoe_model_free(same);
    end_all();
}
END_TEST

static int64_t rows_served(mmoe_slot *slot, const mmoe_model *as) {
    mmoe_reader *reader = NULL;
    mmoe_served now;
    SUCCEEDS(mmoe_reader_create(slot, &reader, &err));
    SUCCEEDS(mmoe_reader_enter(reader, &now, &err));
    const int64_t count = mmoe_model_sparse_rows(now.model, 0);
    if (as) same_blocks(now.model, as);
    mmoe_reader_leave(reader);
    mmoe_reader_free(reader);
    return count;
}

START_TEST(what_was_published_stays) {
    begin_with("", kept[_i]);
    mmoe_model *model = model_of(schema, NULL), *first, *then;
    mmoe_trainer *t = trainer_of(model, NULL);
    mmoe_slot *slot = NULL;
    const int64_t few = mmoe_model_sparse_rows(model, 0);
    SUCCEEDS(mmoe_model_clone(model, NULL, &first, &err));
    SUCCEEDS(mmoe_slot_create(first, NULL, &slot, &err));
    learn(t, 0, 3 * BATCH);
    ck_assert_int_eq(rows_served(slot, NULL), few);
    SUCCEEDS(mmoe_trainer_publish(t, slot, NULL, &err));
    const int64_t more = mmoe_model_sparse_rows(model, 0);
    ck_assert_int_gt(more, few);
    SUCCEEDS(mmoe_model_clone(model, NULL, &then, &err));
    if (!t->average.values) ck_assert_int_eq(rows_served(slot, then), more);
    learn(t, 3 * BATCH, OLD + NEW);
    ck_assert_int_eq(rows_served(slot, t->average.values ? NULL : then), more);
    SUCCEEDS(mmoe_trainer_publish(t, slot, NULL, &err));
    ck_assert_int_eq(rows_served(slot, NULL), mmoe_model_sparse_rows(model, 0));
    mmoe_trainer_free(t);
    mmoe_model_free(model);
    mmoe_model_free(then);
    mmoe_slot_free(slot);
    end_all();
}
END_TEST

/* ---- Predictors of the trainer's own model ---- */

typedef struct scorer {
    mmoe_predictor *first, *clone; /* which read tables, and have no products of them */
} scorer;

static scorer scorer_of(const mmoe_model *model) {
    const mmoe_predictor_options options = {.input = input, .product_bytes = 1};
    scorer s = {NULL, NULL};
    SUCCEEDS(mmoe_predictor_create_with(model, &options, NULL, &s.first, &err));
    SUCCEEDS(mmoe_predictor_clone(s.first, NULL, &s.clone, &err));
    return s;
}

static void scorer_free(scorer s) {
    mmoe_predictor_free(s.first);
    mmoe_predictor_free(s.clone);
}

/* By each way into a predictor. */
static void scores(const mmoe_model *model, scorer s, bool is_right) {
    static float out[2 * (OLD + NEW)];
    const mmoe_status wanted = is_right ? MMOE_OK : MMOE_E_ARGUMENT;
    mmoe_predictor *clone = NULL;
    mmoe_batch *b = post(&rows, 0, OLD + NEW);
    mmoe_error why = {0};
    mmoe_expression *sum;
    SUCCEEDS(mmoe_expression_create(model, "y * z", NULL, &sum, &err));
    const mmoe_scoring scoring = {.scores = out, .expression = sum};
    ck_assert_int_eq(mmoe_predictor_run(s.first, b, out, &why), wanted);
    ck_assert_int_eq(mmoe_predictor_run(s.clone, b, out, &why), wanted);
    ck_assert_int_eq(mmoe_predictor_score_with(s.clone, NULL, b, &scoring, &why), wanted);
    ck_assert_int_eq(mmoe_predictor_clone(s.clone, NULL, &clone, &why), wanted);
    if (!is_right) ck_assert_ptr_nonnull(strstr(why.message, "the predictor was made"));
    mmoe_expression_free(sum);
    mmoe_predictor_free(clone);
}

START_TEST(predictors_know_that_tables_have_moved) {
    mmoe_growth none = {.max_rows = 1};
    begin_with("", kept[_i]);
    mmoe_model *model = model_of(schema, NULL);
    mmoe_trainer *t = trainer_of(model, NULL);
    save(t, "before");
    scorer old = scorer_of(model);
    step(t, 0, BATCH);
    grow(t, 0, BATCH, 0); /* which knows all of them */
    SUCCEEDS(mmoe_trainer_grow(t, post(&rows, OLD, OLD + NEW), &none, NULL, &err));
    scores(model, old, true);
    grow(t, OLD, OLD + NEW, 0);
    scores(model, old, false);
    scorer_free(old);
    old = scorer_of(model);
    scores(model, old, true);
    save(t, "behind");
    static const char *const runs[] = {"behind", "before", "behind"};
    for (int i = 0; i < 3; i++) {
        SUCCEEDS(mmoe_trainer_resume(t, in_folder(runs[i]), &err));
        scores(model, old, false);
        scorer_free(old);
        old = scorer_of(model);
        scores(model, old, true);
    }
    mmoe_trainer_free(t);
    scores(model, old, true);
    scorer_free(old);
    mmoe_model_free(model);
    end_all();
}
END_TEST

/* ---- Fits ---- */

/* A fit of the schema as it is now begins a run of its own; a model that is saved is as large. */
START_TEST(fits_follow) {
    mmoe_dataset *set;
    mmoe_model *model, *loaded;
    mmoe_error why = {0};
    begin_with("", ", \"n_epoch\": 2");
    model = model_of(schema, NULL);
    mmoe_trainer *t = trainer_of(model, NULL);
    SUCCEEDS(mmoe_trainer_fit(t, old_rows, old_rows, &err));
    learn(t, OLD, OLD + NEW);
    ck_assert_int_eq(mmoe_trainer_fit(t, old_rows, NULL, &why), MMOE_E_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(why.message, "of another schema"));
    SUCCEEDS(mmoe_dataset_read_csv(model->schema, in_folder("new.csv"), MMOE_LABELS_REQUIRED, NULL,
                                   &set, &err));
    SUCCEEDS(mmoe_trainer_fit(t, set, set, &err));
    SUCCEEDS(mmoe_model_save(model, in_folder("model"), &err));
    SUCCEEDS(mmoe_model_load(in_folder("model"), NULL, &loaded, &err));
    ck_assert_uint_eq(mmoe_schema_fingerprint(model->schema),
                      mmoe_schema_fingerprint(loaded->schema));
    same_blocks(model, loaded);
    mmoe_dataset_free(set);
    mmoe_trainer_free(t);
    mmoe_model_free(model);
    mmoe_model_free(loaded);
    end_all();
}
END_TEST

void add_cases(TCase *c) {
    tcase_add_checked_fixture(c, make_folder, remove_folder);
    tcase_add_loop_test(c, a_run_goes_on_with_what_it_knew, 0, KEPT);
    tcase_add_loop_test(c, a_run_goes_back_before_it_grew, 0, KEPT);
    tcase_add_test(c, a_run_does_not_go_back_further);
    tcase_add_test(c, a_run_is_of_its_vocabulary);
    tcase_add_test(c, a_resume_that_fails_changes_nothing);
    tcase_add_loop_test(c, what_was_published_stays, 0, KEPT);
    tcase_add_loop_test(c, predictors_know_that_tables_have_moved, 0, KEPT);
    tcase_add_test(c, fits_follow);
}
