/* Learning on in a service: models that are copied, trained apart and put into a slot; steps that
 * are saved and gone on with; a learning rate that is set. */
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
    SUCCEEDS(mmoe_model_set_meta(model, "git", "bd7a5f1", &err));
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

/* ---- Saved, and gone on with ---- */

static const char path_form[] = "/tmp/mmoe-learning-XXXXXX";
static char saved[sizeof path_form];

static void new_path(void) {
    memcpy(saved, path_form, sizeof saved);
    ck_assert_int_eq(close(mkstemp(saved)), 0);
}

static mmoe_trainer *resumed(mmoe_model *model) {
    mmoe_trainer *trainer = new_trainer(model, 3);
    SUCCEEDS(mmoe_trainer_resume(trainer, saved, &err));
    return trainer;
}

/* All that a step remembers: moments of each optimizer, rows that are behind, an average, a
 * balancing method, a rate that was set, warm-up. */
#define SGD "\"optimizer\": \"sgd\", \"optimizer_params\": {\"lr\": 0.1, \"momentum\": 0.9}"
static const char *const kept[] = {
    ", \"ema_decay\": 0.9, \"clip_norm\": 0.3, \"optimizer\": \"adamw\"",
    ", \"embedding_update\": \"deferred\", \"warmup_steps\": 7",
    ", \"embedding_update\": \"lazy\", \"optimizer_params\": {\"weight_decay\": 0}",
    (", " SGD ", \"embedding_update\": \"deferred\""),
    ", \"adaptive_params\": {\"method\": \"gradnorm\"}, \"optimizer\": \"adagrad\"",
};
enum { KEPT = sizeof kept / sizeof *kept };

START_TEST(steps_go_on_from_what_was_saved) {
    set_up("", "", kept[_i]);
    new_path();
    mmoe_model *model = new_model(), *fresh = new_model();
    mmoe_trainer *trainer = new_trainer(model, 1);
    step(trainer, 0, 3);
    SUCCEEDS(mmoe_trainer_set_lr(trainer, 0.004, &err));
    step(trainer, 3, 2);
    SUCCEEDS(mmoe_trainer_save(trainer, saved, &err));
    step(trainer, 5, 5);
    mmoe_trainer *again = resumed(fresh);
    step(again, 5, 5);
    same_saved(model, fresh);
    mmoe_trainer_free(trainer);
    mmoe_trainer_free(again);
    mmoe_model_free(model);
    mmoe_model_free(fresh);
    unlink(saved);
    tear_down();
}
END_TEST

/* How the first layer is multiplied depends on the lists that a trainer saw first: long ones here,
 * and behind the restart short ones. */
START_TEST(lists_are_what_they_were) {
    enum { MANY = 64, LONG = 6 };
    static const char json[] =
        "{\"features\": {\"sequence\": [{\"name\": \"l\", \"vocab_size\": 6, \"embed_dim\": 8, "
        "\"separator\": \"|\"}]}, \"tasks\": [{\"name\": \"x\", \"label\": \"x\"}], "
        "\"model\": {\"n_expert\": 3, \"expert_params\": {\"dims\": [8]}}, "
        "\"trainer\": {\"batch_size\": 64}}";
    static const char *const columns[] = {"l"};
    static int64_t elements[MANY * LONG];
    static size_t ends[2][MANY + 1];
    mmoe_dataset *lists[2];
    SUCCEEDS(mmoe_config_parse(json, strlen(json), NULL, NULL, &config, &err));
    SUCCEEDS(mmoe_schema_create(config, columns, 1, NULL, &schema, &err));
    for (int i = 0; i < MANY * LONG; i++) elements[i] = i * 7 % 6;
    for (int i = 0; i < MANY; i++) labels[i] = (float)(i % 3 == 0);
    for (size_t k = 0; k < 2; k++) {
        for (size_t i = 0; i <= MANY; i++) ends[k][i] = k ? i : i * LONG;
        const mmoe_column values = {MMOE_VALUE_INT64, elements, 0};
        const mmoe_list_column list = {ends[k], NULL, MANY * LONG};
        const mmoe_batch given = {.rows = MANY, .sparse_columns = &values, .list_columns = &list};
        SUCCEEDS(mmoe_dataset_create(schema, &given, labels, NULL, NULL, &lists[k], &err));
    }
    new_path();
    mmoe_model *model = new_model(), *fresh = new_model();
    mmoe_trainer *trainer = new_trainer(model, 1);
    SUCCEEDS(mmoe_trainer_step(trainer, lists[0], 0, MANY, NULL, &err));
    SUCCEEDS(mmoe_trainer_save(trainer, saved, &err));
    mmoe_trainer *again = resumed(fresh);
    for (int i = 0; i < 5; i++) {
        SUCCEEDS(mmoe_trainer_step(trainer, lists[1], 0, MANY, NULL, &err));
        SUCCEEDS(mmoe_trainer_step(again, lists[1], 0, MANY, NULL, &err));
    }
    same_saved(model, fresh);
    mmoe_trainer_free(trainer);
    mmoe_trainer_free(again);
    mmoe_model_free(model);
    mmoe_model_free(fresh);
    for (int k = 0; k < 2; k++) mmoe_dataset_free(lists[k]);
    mmoe_schema_free(schema);
    mmoe_config_free(config);
    unlink(saved);
}
END_TEST

/* Steps behind a fit, and the fit behind them, which is a run of its own. */
START_TEST(what_follows_a_fit_goes_on_too) {
    set_up("", "", ", \"n_epoch\": 2, \"ema_decay\": 0.9, \"scheduler\": \"exponential\"");
    new_path();
    mmoe_model *model = new_model(), *fresh = new_model();
    mmoe_trainer *trainer = new_trainer(model, 1);
    SUCCEEDS(mmoe_trainer_fit(trainer, rows, valid, &err));
    step(trainer, 0, 2);
    SUCCEEDS(mmoe_trainer_save(trainer, saved, &err));
    mmoe_trainer *again = resumed(fresh);
    step(trainer, 2, 1);
    step(again, 2, 1);
    assert_same_models(model, fresh);
    SUCCEEDS(mmoe_trainer_fit(trainer, valid, NULL, &err));
    SUCCEEDS(mmoe_trainer_fit(again, valid, NULL, &err));
    assert_same_models(model, fresh);
    mmoe_trainer_free(trainer);
    mmoe_trainer_free(again);
    mmoe_model_free(model);
    mmoe_model_free(fresh);
    unlink(saved);
    tear_down();
}
END_TEST

static int resume_within(void *user, const mmoe_epoch_report *report) {
    mmoe_trainer *const *trainer = user;
    mmoe_error fault = {0};
    (void)report;
    ck_assert_int_eq(mmoe_trainer_resume(*trainer, saved, &fault), MMOE_E_ARGUMENT);
    ck_assert_str_eq(fault.message, "mmoe_trainer_resume: a fit is under way");
    return 0;
}

START_TEST(no_run_is_taken_up_within_another) {
    set_up("", "", ", \"n_epoch\": 2");
    new_path();
    mmoe_model *model = new_model();
    mmoe_trainer *trainer;
    const mmoe_trainer_options options = {
        .threads = 1, .user = &trainer, .on_epoch = resume_within};
    SUCCEEDS(mmoe_trainer_create(model, &options, NULL, &trainer, &err));
    SUCCEEDS(mmoe_trainer_save(trainer, saved, &err));
    SUCCEEDS(mmoe_trainer_fit(trainer, rows, NULL, &err));
    SUCCEEDS(mmoe_trainer_resume(trainer, saved, &err));
    mmoe_trainer_free(trainer);
    mmoe_model_free(model);
    unlink(saved);
    tear_down();
}
END_TEST

static int save_within(void *user, const mmoe_epoch_report *report) {
    mmoe_trainer *const *trainer = user;
    mmoe_error fault = {0};
    (void)report;
    ck_assert_int_eq(mmoe_trainer_save(*trainer, saved, &fault), MMOE_E_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(fault.message, "checkpoint_path"));
    return 0;
}

START_TEST(what_cannot_be_saved) {
    set_up("", "", ", \"n_epoch\": 1");
    new_path();
    mmoe_model *model = new_model();
    mmoe_trainer *trainer;
    mmoe_error fault = {0};
    const mmoe_trainer_options options = {.threads = 1, .user = &trainer, .on_epoch = save_within};
    SUCCEEDS(mmoe_trainer_create(model, &options, NULL, &trainer, &err));
    SUCCEEDS(mmoe_trainer_fit(trainer, rows, NULL, &err));
    ck_assert_int_eq(mmoe_trainer_save(trainer, "/nowhere/at/all", NULL), MMOE_E_IO);
    ck_assert_int_eq(mmoe_trainer_save(trainer, NULL, NULL), MMOE_E_ARGUMENT);
    ck_assert_int_eq(mmoe_trainer_save(NULL, saved, NULL), MMOE_E_ARGUMENT);
    values_of(model, "towers.0.mlp.0.weight")[0] = INFINITY;
    ck_assert_int_eq(mmoe_trainer_save(trainer, saved, &fault), MMOE_E_NUMERIC);
    ck_assert_ptr_nonnull(strstr(fault.message, "not saved: tensor \"towers.0.mlp.0.weight\""));
    mmoe_trainer_free(trainer);
    mmoe_model_free(model);
    unlink(saved);
    tear_down();
}
END_TEST

/* ---- The learning rate ---- */

/* A rate that is set is that of a configuration that has it, with warm-up and a scheduler on top,
 * and the tables' in the same ratio. */
START_TEST(a_rate_is_set) {
    static const char keys[] =
        ", \"n_epoch\": 2, \"warmup_steps\": 3, \"scheduler\": \"%s\", "
        "\"optimizer_params\": {\"lr\": %g}, "
        "\"embedding_optimizer\": \"adam\", \"embedding_optimizer_params\": {\"lr\": %g}";
    static const char *const schedulers[] = {"none", "cosine", "plateau"};
    mmoe_model *models[2];
    for (int i = 0; i < 2; i++) {
        char text[256];
        snprintf(text, sizeof text, keys, schedulers[_i], i ? 0.25 : 0.125, i ? 0.5 : 0.25);
        set_up("", "", text);
        models[i] = new_model();
        mmoe_trainer *trainer = new_trainer(models[i], 1);
        SUCCEEDS(mmoe_trainer_set_lr(trainer, 0.25, &err));
        step(trainer, 0, 2);
        SUCCEEDS(mmoe_trainer_fit(trainer, rows, valid, &err));
        SUCCEEDS(mmoe_trainer_fit(trainer, rows, valid, &err));
        mmoe_trainer_free(trainer);
        tear_down();
    }
    assert_same_models(models[0], models[1]);
    for (int i = 0; i < 2; i++) mmoe_model_free(models[i]);
}
END_TEST

START_TEST(a_rate_of_nothing_moves_nothing) {
    set_up("", "", _i ? ", \"embedding_update\": \"deferred\"" : "");
    mmoe_model *model = new_model();
    mmoe_trainer *trainer = new_trainer(model, 1);
    step(trainer, 0, 2);
    mmoe_model *before = clone_of(model);
    SUCCEEDS(mmoe_trainer_set_lr(trainer, 0, &err));
    SUCCEEDS(mmoe_trainer_step(trainer, rows, 300, 3, NULL, &err));
    for (int i = 0; i < 8; i++) SUCCEEDS(mmoe_trainer_step(trainer, rows, 0, 3, NULL, &err));
    const char *const names[] = {"embedding.embed_dict.a.weight", "towers.0.mlp.0.weight"};
    for (int i = 0; i < 2; i++) {
        const mmoe_tensor_info now = tensor_named(model, names[i]),
                               then = tensor_named(before, names[i]);
        ck_assert_mem_eq(now.data, then.data, count_of(&now) * sizeof(float));
    }
    mmoe_trainer_free(trainer);
    mmoe_model_free(model);
    mmoe_model_free(before);
    tear_down();
}
END_TEST

START_TEST(no_other_rate_is_set) {
    static const double rates[] = {-0.001, 1001, NAN, INFINITY, -INFINITY};
    mmoe_error fault = {0};
    set_up("", "", "");
    mmoe_model *model = new_model();
    mmoe_trainer *trainer = new_trainer(model, 1);
    for (int i = 0; i < 5; i++) {
        ck_assert_int_eq(mmoe_trainer_set_lr(trainer, rates[i], &fault), MMOE_E_ARGUMENT);
        ck_assert_ptr_nonnull(strstr(fault.message, "it may be 0 to 1000"));
    }
    ck_assert_int_eq(mmoe_trainer_set_lr(NULL, 0.1, NULL), MMOE_E_ARGUMENT);
    mmoe_trainer_free(trainer);
    mmoe_model_free(model);
    tear_down();
}
END_TEST

void add_cases(TCase *c) {
    tcase_add_loop_test(c, a_clone_goes_its_own_way, 0, 3);
    tcase_add_loop_test(c, narrow_tables_are_cloned, 0, 2);
    tcase_add_test(c, steps_are_published);
    tcase_add_test(c, an_average_is_what_is_published);
    tcase_add_test(c, what_is_not_finite_is_not_published);
    tcase_add_loop_test(c, steps_go_on_from_what_was_saved, 0, KEPT);
    tcase_add_test(c, lists_are_what_they_were);
    tcase_add_test(c, what_follows_a_fit_goes_on_too);
    tcase_add_test(c, no_run_is_taken_up_within_another);
    tcase_add_test(c, what_cannot_be_saved);
    tcase_add_loop_test(c, a_rate_is_set, 0, 3);
    tcase_add_loop_test(c, a_rate_of_nothing_moves_nothing, 0, 2);
    tcase_add_test(c, no_other_rate_is_set);
}
