/* Learning on in a service: models that are copied, trained apart and put into a slot. */
#include <unistd.h>

#include "check_main.h"
#include "training_support.h"

static void step(mmoe_trainer *trainer, int first, int count) {
    for (int i = first; i < first + count; i++)
        SUCCEEDS(mmoe_trainer_step(trainer, rows, i % 7 * BATCH, BATCH, NULL, &err));
}

static mmoe_model *clone_of(const mmoe_model *model) {
    mmoe_model *clone = NULL;
    SUCCEEDS(mmoe_model_clone(model, NULL, &clone, &err));
    return clone;
}

static void same_saved(const mmoe_model *a, const mmoe_model *b) {
    char paths[2][64] = {"/tmp/mmoe-clone-XXXXXX", "/tmp/mmoe-clone-XXXXXX"}, command[160];
    const mmoe_model *models[] = {a, b};
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(close(mkstemp(paths[i])), 0);
        SUCCEEDS(mmoe_model_save(models[i], paths[i], &err));
    }
    snprintf(command, sizeof command, "cmp -s %s %s", paths[0], paths[1]);
    ck_assert_int_eq(system(command), 0);
    for (int i = 0; i < 2; i++) unlink(paths[i]);
}

/* ---- A copy ---- */

static const char *const updates[] = {"dense", "deferred", "lazy"};

START_TEST(a_clone_goes_its_own_way) {
    char keys[128];
    snprintf(keys, sizeof keys,
             ", \"embedding_update\": \"%s\", \"optimizer_params\": {\"weight_decay\": 0}",
             updates[_i]);
    set_up("", "", keys);
    mmoe_model *model = new_model();
    mmoe_trainer *trainer = new_trainer(model, 1);
    SUCCEEDS(mmoe_trainer_step(trainer, rows, 0, BATCH, NULL, &err));
    SUCCEEDS(mmoe_trainer_step(trainer, rows, 300, 3, NULL, &err)); /* the other rows are behind */
    mmoe_model *clone = clone_of(model), *again = clone_of(clone);
    same_saved(model, clone);
    step(trainer, 0, 2);
    assert_same_models(clone, again); /* whatever becomes of the model */
    mmoe_trainer_free(trainer);
    mmoe_model_free(model);
    trainer = new_trainer(again, 1);
    step(trainer, 0, 1);
    mmoe_trainer_free(trainer);
    same_saved(clone, clone);
    mmoe_model_free(again);
    mmoe_model_free(clone);
    tear_down();
}
END_TEST

START_TEST(narrow_tables_are_cloned) {
    static const char *const types[] = {"bf16", "int8"};
    set_up("", "", "");
    mmoe_model *model = new_model(), *narrow = NULL;
    SUCCEEDS(mmoe_model_with_tables(model, types[_i], NULL, &narrow, &err));
    mmoe_model *clone = clone_of(narrow);
    mmoe_model_free(model);
    same_saved(narrow, clone);
    mmoe_model_free(narrow);
    mmoe_model_free(clone);
    tear_down();
}
END_TEST

/* ---- Into a slot ---- */

/* What a reader of the slot gets is `model`, to the bit. */
static void serves(mmoe_slot *slot, uint64_t version, const mmoe_model *model) {
    mmoe_reader *reader = NULL;
    mmoe_served now;
    SUCCEEDS(mmoe_reader_create(slot, &reader, &err));
    SUCCEEDS(mmoe_reader_enter(reader, &now, &err));
    ck_assert_uint_eq(now.version, version);
    assert_same_models(now.model, model);
    mmoe_reader_leave(reader);
    mmoe_reader_free(reader);
}

START_TEST(steps_are_published) {
    set_up("", "", "");
    mmoe_model *model = new_model(), *first = clone_of(model);
    mmoe_trainer *trainer = new_trainer(model, 1);
    mmoe_slot *slot = NULL;
    uint64_t version = 0;
    SUCCEEDS(mmoe_slot_create(first, NULL, &slot, &err));
    step(trainer, 0, 2);
    SUCCEEDS(mmoe_trainer_publish(trainer, slot, &version, &err));
    ck_assert_uint_eq(version, 2);
    serves(slot, 2, model);
    mmoe_model *then = clone_of(model);
    step(trainer, 2, 1);
    serves(slot, 2, then);
    mmoe_model_free(then);
    SUCCEEDS(mmoe_trainer_publish(trainer, slot, NULL, &err));
    serves(slot, 3, model);
    mmoe_trainer_free(trainer);
    mmoe_model_free(model);
    mmoe_slot_free(slot);
    tear_down();
}
END_TEST

/* The average of steps, and of a run: what a fit of the same steps leaves. */
START_TEST(an_average_is_what_is_published) {
    set_up("", "", ", \"ema_decay\": 0.5, \"shuffle\": false, \"n_epoch\": 1");
    mmoe_model *model = new_model(), *fitted = new_model();
    mmoe_trainer *trainer = new_trainer(model, 1), *fit = new_trainer(fitted, 1);
    mmoe_slot *slot = NULL;
    SUCCEEDS(mmoe_slot_create(clone_of(model), NULL, &slot, &err));
    SUCCEEDS(mmoe_trainer_publish(trainer, slot, NULL, &err)); /* there is no average yet */
    serves(slot, 2, model);
    step(trainer, 0, 7);
    SUCCEEDS(mmoe_trainer_fit(fit, rows, NULL, &err));
    SUCCEEDS(mmoe_trainer_publish(trainer, slot, NULL, &err));
    serves(slot, 3, fitted);
    SUCCEEDS(mmoe_trainer_publish(fit, slot, NULL, &err));
    serves(slot, 4, fitted);
    mmoe_trainer_free(trainer);
    mmoe_trainer_free(fit);
    mmoe_model_free(model);
    mmoe_model_free(fitted);
    mmoe_slot_free(slot);
    tear_down();
}
END_TEST

START_TEST(what_is_not_finite_is_not_published) {
    set_up("", "", "");
    mmoe_model *model = new_model();
    mmoe_trainer *trainer = new_trainer(model, 1);
    mmoe_slot *slot = NULL;
    mmoe_error fault = {0};
    uint64_t version = 7;
    SUCCEEDS(mmoe_slot_create(clone_of(model), NULL, &slot, &err));
    mmoe_model *first = clone_of(model);
    values_of(model, "towers.0.mlp.0.weight")[0] = NAN;
    ck_assert_int_eq(mmoe_trainer_publish(trainer, slot, &version, &fault), MMOE_E_NUMERIC);
    ck_assert_ptr_nonnull(strstr(fault.message, "not published: tensor \"towers.0.mlp.0.weight\""));
    ck_assert_int_eq(mmoe_trainer_publish(NULL, slot, NULL, NULL), MMOE_E_ARGUMENT);
    ck_assert_int_eq(mmoe_trainer_publish(trainer, NULL, NULL, NULL), MMOE_E_ARGUMENT);
    ck_assert_int_eq(mmoe_model_clone(NULL, NULL, &model, NULL), MMOE_E_ARGUMENT);
    ck_assert_int_eq(mmoe_model_clone(model, NULL, NULL, NULL), MMOE_E_ARGUMENT);
    serves(slot, 1, first);
    ck_assert_uint_eq(version, 7);
    mmoe_trainer_free(trainer);
    mmoe_model_free(model);
    mmoe_model_free(first);
    mmoe_slot_free(slot);
    tear_down();
}
END_TEST

void add_cases(TCase *c) {
    tcase_add_loop_test(c, a_clone_goes_its_own_way, 0, 3);
    tcase_add_loop_test(c, narrow_tables_are_cloned, 0, 2);
    tcase_add_test(c, steps_are_published);
    tcase_add_test(c, an_average_is_what_is_published);
    tcase_add_test(c, what_is_not_finite_is_not_published);
}
