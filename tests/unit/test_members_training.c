/* Training of models of several members: each is the model of its own seed. */
#include <unistd.h>

#include "base/comm_threads.h"
#include "check_main.h"
#include "model/model.h"
#include "training_support.h"

enum { MEMBERS = 3, SEED = 5 };

static mmoe_error why;

/* Keys beside the usual ones, and a model of one member of that seed. */
static mmoe_model *begin(int members, int seed, const char *keys) {
    char model[64], trainer[256];
    snprintf(model, sizeof model, ", \"members\": %d", members);
    snprintf(trainer, sizeof trainer, ", \"seed\": %d%s", seed, keys);
    set_up("", model, trainer);
    return new_model();
}

static void same_numbers(const mmoe_params *a, const mmoe_params *b) {
    ck_assert_int_eq(a->n_value, b->n_value);
    ck_assert_mem_eq(a->values, b->values, (size_t)a->n_value * sizeof *a->values);
    ck_assert_mem_eq(a->states, b->states, (size_t)a->n_state * sizeof *a->states);
    for (int32_t i = 0; i < a->n_table; i++)
        ck_assert_mem_eq(mmoe_params_rows(a, i), mmoe_params_rows(b, i),
                         (size_t)(a->tables[i].rows * a->tables[i].dim) * sizeof(float));
}

static const mmoe_model *member_of(const mmoe_model *model, int member) {
    for (; member; member--) model = model->next;
    return model;
}

static void step(mmoe_trainer *trainer, int first, int count, double *losses) {
    for (int i = first; i < first + count; i++)
        SUCCEEDS(mmoe_trainer_step(trainer, rows, i % 7 * BATCH, BATCH, losses, &err));
}

START_TEST(members_are_models_of_their_seeds) {
    mmoe_model *whole = begin(MEMBERS, SEED, ", \"n_epoch\": 4, \"earlystop_patience\": 2");
    mmoe_trainer *trainer = new_trainer(whole, 1);
    SUCCEEDS(mmoe_trainer_fit(trainer, rows, valid, &err));
    mmoe_trainer_free(trainer);
    tear_down();
    for (int m = 0; m < MEMBERS; m++) {
        mmoe_model *one = begin(1, SEED + m, ", \"n_epoch\": 4, \"earlystop_patience\": 2");
        trainer = new_trainer(one, 1);
        SUCCEEDS(mmoe_trainer_fit(trainer, rows, valid, &err));
        same_numbers(&member_of(whole, m)->params, &one->params);
        ck_assert_int_eq(mmoe_model_parameter_count(whole),
                         MEMBERS * mmoe_model_parameter_count(one));
        mmoe_trainer_free(trainer);
        mmoe_model_free(one);
        tear_down();
    }
    ck_assert_ptr_nonnull(tensor_named(whole, "member.3.towers.1.mlp.0.weight").data);
    mmoe_model_free(whole);
}
END_TEST

static const char *const updates[] = {"", ", \"embedding_update\": \"deferred\""};

START_TEST(steps_train_all) {
    mmoe_model *whole = begin(MEMBERS, SEED, updates[_i]);
    mmoe_trainer *trainer = new_trainer(whole, 1);
    double mean[TASKS] = {0}, losses[TASKS];
    SUCCEEDS(mmoe_trainer_set_lr(trainer, 0.02, &err));
    step(trainer, 0, 5, losses);
    mmoe_model *copy = NULL;
    SUCCEEDS(mmoe_model_clone(whole, NULL, &copy, &err));
    assert_same_models(whole, copy);
    mmoe_slot *slot = NULL;
    SUCCEEDS(mmoe_slot_create(copy, NULL, &slot, &err));
    SUCCEEDS(mmoe_trainer_publish(trainer, slot, NULL, &err));
    mmoe_slot_free(slot);
    tear_down();
    for (int m = 0; m < MEMBERS; m++) {
        double own[TASKS];
        mmoe_model *one = begin(1, SEED + m, updates[_i]);
        mmoe_trainer *alone = new_trainer(one, 1);
        SUCCEEDS(mmoe_trainer_set_lr(alone, 0.02, &err));
        step(alone, 0, 5, own);
        mmoe_trainer_free(alone);
        same_numbers(&member_of(whole, m)->params, &one->params);
        for (int t = 0; t < TASKS; t++) mean[t] += own[t] / MEMBERS;
        mmoe_model_free(one);
        tear_down();
    }
    for (int t = 0; t < TASKS; t++) ck_assert_double_eq_tol(losses[t], mean[t], 1e-12);
    mmoe_trainer_free(trainer);
    mmoe_model_free(whole);
}
END_TEST

static void fails(mmoe_status status, mmoe_status wanted, const char *text) {
    ck_assert_int_eq(status, wanted);
    ck_assert_msg(strstr(why.message, text) != NULL, "%s", why.message);
}

START_TEST(steps_go_on_together) {
    char path[64] = "/tmp/mmoe-members-XXXXXX", second[80], old[80], third[80];
    ck_assert_int_eq(close(mkstemp(path)), 0);
    snprintf(second, sizeof second, "%s.member2", path);
    snprintf(third, sizeof third, "%s.member3", path);
    snprintf(old, sizeof old, "%s.old", path);
    mmoe_model *whole = begin(MEMBERS, SEED, ""), *other = new_model();
    mmoe_trainer *trainer = new_trainer(whole, 1), *resumed = new_trainer(other, 1);
    step(trainer, 0, 2, NULL);
    SUCCEEDS(mmoe_trainer_save(trainer, path, &err));
    ck_assert_int_eq(rename(second, old), 0);
    fails(mmoe_trainer_resume(resumed, path, &why), MMOE_E_IO, ".member2");
    ck_assert_int_eq(rename(old, second), 0);
    SUCCEEDS(mmoe_trainer_resume(resumed, path, &err));
    step(trainer, 2, 2, NULL);
    step(resumed, 2, 2, NULL);
    assert_same_models(whole, other);
    /* One of another save. */
    ck_assert_int_eq(rename(second, old), 0);
    SUCCEEDS(mmoe_trainer_save(trainer, path, &err));
    ck_assert_int_eq(rename(old, second), 0);
    fails(mmoe_trainer_resume(resumed, path, &why), MMOE_E_FORMAT, "not saved together");
    fails(mmoe_trainer_resume(resumed, third, &why), MMOE_E_FORMAT, "");
    mmoe_trainer_free(trainer);
    mmoe_trainer_free(resumed);
    mmoe_model_free(whole);
    mmoe_model_free(other);
    unlink(path);
    unlink(second);
    unlink(third);
    tear_down();
}
END_TEST

START_TEST(what_members_do_not) {
    mmoe_model *whole = begin(2, SEED, ", \"segments\": 2"), *dealt = NULL;
    mmoe_trainer *trainer = new_trainer(whole, 1);
    mmoe_comm two = {.rank = 0, .size = 2};
    fails(mmoe_trainer_join(trainer, &two, &why), MMOE_E_CONFIG, "model.members is 2");
    fails(mmoe_model_create_among(config, schema, &two, NULL, &dealt, &why), MMOE_E_CONFIG,
          "model.members is 2");
    fails(mmoe_trainer_grow(trainer, &batch, NULL, NULL, &why), MMOE_E_ARGUMENT,
          "several members train together");
    mmoe_trainer_free(trainer);
    mmoe_model_free(whole);
    tear_down();
}
END_TEST

static mmoe_estimate *estimate_of(int members) {
    mmoe_estimate *e = NULL;
    mmoe_model_free(begin(members, SEED, ""));
    const mmoe_estimate_options options = {.threads = 1, .data = rows};
    SUCCEEDS(mmoe_estimate_create(config, schema, &options, NULL, &e, &err));
    tear_down();
    return e;
}

START_TEST(memory_is_of_all) {
    mmoe_estimate *one = estimate_of(1), *all = estimate_of(MEMBERS);
    ck_assert_int_eq(all->parameters, MEMBERS * one->parameters);
    ck_assert_int_eq(all->table_bytes, MEMBERS * one->table_bytes);
    ck_assert_int_eq(all->layer_bytes, MEMBERS * one->layer_bytes);
    ck_assert_int_eq(all->moment_bytes, MEMBERS * one->moment_bytes);
    ck_assert(all->step_bytes > 2 * one->step_bytes);
    ck_assert(all->model_file > 2 * one->model_file);
    ck_assert(all->checkpoint_file > 2 * one->checkpoint_file);
    mmoe_estimate_free(one);
    mmoe_estimate_free(all);
}
END_TEST

static mmoe_trainer *under_way;
static mmoe_slot *slot;

static int stop_in_second(void *user, const mmoe_epoch_report *report) {
    int *epochs = user;
    epochs[report->member - 1]++;
    fails(mmoe_trainer_save(under_way, "/tmp/none", &why), MMOE_E_ARGUMENT, "a fit is under way");
    fails(mmoe_trainer_resume(under_way, "/tmp/none", &why), MMOE_E_ARGUMENT, "a fit is under way");
    fails(mmoe_trainer_publish(under_way, slot, NULL, &why), MMOE_E_ARGUMENT,
          "a fit of several members is under way");
    ck_assert_int_eq(report->n_member, MEMBERS);
    return report->member == 2;
}

/* A fit that is stopped in the second member leaves the first as it is best; the next one is a run
 * of all. */
START_TEST(a_stop_is_of_the_whole_fit) {
    int epochs[MEMBERS] = {0};
    mmoe_model *whole = begin(MEMBERS, SEED, ", \"n_epoch\": 3");
    const mmoe_trainer_options options = {
        .threads = 1, .single_threaded_blas = 1, .user = epochs, .on_epoch = stop_in_second};
    mmoe_trainer *trainer = NULL;
    SUCCEEDS(mmoe_trainer_create(whole, &options, NULL, &trainer, &err));
    under_way = trainer;
    SUCCEEDS(mmoe_slot_create(new_model(), NULL, &slot, &err));
    fails(mmoe_trainer_fit(trainer, rows, valid, &why), MMOE_E_CANCELLED, "");
    ck_assert(epochs[0] == 3 && epochs[1] == 1 && epochs[2] == 0);
    mmoe_trainer_stop(trainer);
    fails(mmoe_trainer_fit(trainer, rows, valid, &why), MMOE_E_CANCELLED, "in epoch 1");
    fails(mmoe_trainer_fit(trainer, rows, valid, &why), MMOE_E_CANCELLED, "");
    ck_assert(epochs[0] == 6 && epochs[1] == 2 && epochs[2] == 0);
    ck_assert_ptr_null(mmoe_model_meta(whole, "training.x.auc"));
    mmoe_slot_free(slot);
    mmoe_trainer_free(trainer);
    mmoe_model_free(whole);
    tear_down();
}
END_TEST

/* Steps behind a fit that was stopped are saved and gone on with, too. */
START_TEST(what_follows_a_stop_goes_on) {
    int epochs[MEMBERS] = {0};
    char path[64] = "/tmp/mmoe-members-XXXXXX", other[80];
    ck_assert_int_eq(close(mkstemp(path)), 0);
    mmoe_model *whole = begin(MEMBERS, SEED, ", \"n_epoch\": 3"), *again = new_model();
    const mmoe_trainer_options options = {
        .threads = 1, .single_threaded_blas = 1, .user = epochs, .on_epoch = stop_in_second};
    mmoe_trainer *trainer = NULL, *resumed = new_trainer(again, 1);
    SUCCEEDS(mmoe_trainer_create(whole, &options, NULL, &trainer, &err));
    under_way = trainer;
    SUCCEEDS(mmoe_slot_create(new_model(), NULL, &slot, &err));
    fails(mmoe_trainer_fit(trainer, rows, valid, &why), MMOE_E_CANCELLED, "");
    step(trainer, 0, 3, NULL);
    SUCCEEDS(mmoe_trainer_save(trainer, path, &err));
    SUCCEEDS(mmoe_trainer_resume(resumed, path, &err));
    step(trainer, 3, 2, NULL);
    step(resumed, 3, 2, NULL);
    assert_same_models(whole, again);
    for (int m = 1; m <= MEMBERS; m++) {
        snprintf(other, sizeof other, "%s", path);
        if (m > 1) snprintf(other, sizeof other, "%s.member%d", path, m);
        ck_assert_int_eq(unlink(other), 0);
    }
    mmoe_trainer_free(trainer);
    mmoe_trainer_free(resumed);
    mmoe_slot_free(slot);
    mmoe_model_free(whole);
    mmoe_model_free(again);
    tear_down();
}
END_TEST

void add_cases(TCase *c) {
    tcase_add_test(c, members_are_models_of_their_seeds);
    tcase_add_loop_test(c, steps_train_all, 0, 2);
    tcase_add_test(c, steps_go_on_together);
    tcase_add_test(c, what_members_do_not);
    tcase_add_test(c, memory_is_of_all);
    tcase_add_test(c, a_stop_is_of_the_whole_fit);
    tcase_add_test(c, what_follows_a_stop_goes_on);
}
