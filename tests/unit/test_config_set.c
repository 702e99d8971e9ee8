/* Changes of a configuration, one key or several at once. */
#include <string.h>

#include "check_main.h"
#include "config_support.h"

START_TEST(set_reaches_every_place) {
    mmoe_config *config = parse(full);
    set(config, "trainer.n_epoch", "3");
    set(config, "tasks.ctr.loss_weight", "0.25");
    set(config, "tasks[0].loss_weight", "2");
    set(config, "tasks.0.label", "bought"); /* no JSON: a string */
    set(config, "tasks.1.label", "\"clicked\"");
    set(config, "model.gate_params.batch_norm", "false");
    set(config, "features.sparse.b*.shared_with", "a");
    ck_assert_int_eq(config->trainer.n_epoch, 3);
    ck_assert(config->tasks[0].loss_weight == 2.0f && config->tasks[1].loss_weight == 0.25f);
    ck_assert_str_eq(config->tasks[0].label, "bought");
    ck_assert_str_eq(config->tasks[1].label, "clicked");
    ck_assert(!config->gate.layers.batch_norm && config->expert.batch_norm);
    ck_assert_str_eq(config->features.sparse[1].shared_with, "a");
    set(config, "trainer", "{\"seed\": 5}");
    ck_assert_uint_eq(config->trainer.seed, 5);
    ck_assert_int_eq(config->trainer.n_epoch, 10);
    mmoe_config_free(config);
}
END_TEST

START_TEST(defaults_that_follow_a_key_stay_open) {
    mmoe_config *config = parse(minimal);
    set(config, "model.expert_params.batch_norm", "false");
    ck_assert(!config->gate.layers.batch_norm);
    set(config, "tasks.t.name", "renamed");
    ck_assert_int_eq(config->trainer.earlystop_task, 0);
    mmoe_config_free(config);
}
END_TEST

START_TEST(set_fails_cleanly) {
    mmoe_config *config = parse(full);
    refuse_set(config, "", "3", "", "empty");
    refuse_set(config, "..", "3", "..", "empty");
    refuse_set(config, "trainr.n_epoch", "3", "trainr", "did you mean \"trainer\"");
    refuse_set(config, "trainer.n_epoch.x", "3", "trainer.n_epoch", "");
    refuse_set(config, "tasks.2.loss_weight", "3", "tasks.2.loss_weight",
               "\"2\" is not one of the 2 entries");
    refuse_set(config, "tasks.-1.loss_weight", "3", "tasks.-1.loss_weight", "\"-1\"");
    refuse_set(config, "tasks.nobody.loss_weight", "3", "tasks.nobody.loss_weight", "\"nobody\"");
    refuse_set(config, "tasks.0.name.x", "3", "tasks.0.name.x", "no keys");
    refuse_set(config, "tasks.0", "3", "tasks[0]", "an object is needed");
    refuse_set(config, "tasks.0.name", "ctr", "tasks[1].name", "already tasks[0].name");
    refuse_set(config, "trainer.n_epoch", "\xff\xfe", "trainer.n_epoch", "");
    mmoe_error err;
    ck_assert_int_eq(mmoe_config_set(NULL, "a", "b", &err), MMOE_E_ARGUMENT);
    ck_assert_int_eq(mmoe_config_set(config, NULL, "b", &err), MMOE_E_ARGUMENT);
    ck_assert_int_eq(mmoe_config_set(config, "a", NULL, &err), MMOE_E_ARGUMENT);
    mmoe_config_free(config);
}
END_TEST

/* Of two keys that need each other any may come first; what is wrong by itself is named. */
START_TEST(settings_are_checked_together) {
    const mmoe_setting together[] = {{"features.sequence.0.pooling", "concat"},
                                     {"features.sequence.0.max_len", "3"},
                                     {"trainer.n_epoch", "7"}},
                       wrong[] = {{"trainer.n_epoch", "8"}, {"trainer.n_epoch", "-1"}},
                       unknown[] = {{"trainer.n_epoch", "8"}, {"tasks.9.name", "x"}},
                       clash[] = {{"features.sequence.0.pooling", "max"},
                                  {"features.sequence.0.weight_separator", ":"}},
                       none = {"trainer.n_epoch", NULL};
    mmoe_config *config = parse(minimal);
    mmoe_error err;
    size_t failed = 77;
    ck_assert_int_eq(mmoe_config_set_all(config, together, 3, &failed, &err), MMOE_OK);
    ck_assert_uint_eq(failed, 77);
    ck_assert(config->features.sequence[0].max_len == 3 && config->trainer.n_epoch == 7);
    ck_assert_int_eq(mmoe_config_set_all(config, together, 0, NULL, NULL), MMOE_OK);
    ck_assert_int_eq(mmoe_config_set_all(config, wrong, 2, &failed, &err), MMOE_E_CONFIG);
    ck_assert_uint_eq(failed, 1);
    ck_assert_str_eq(err.column, "trainer.n_epoch");
    ck_assert_int_eq(mmoe_config_set_all(config, unknown, 2, &failed, &err), MMOE_E_CONFIG);
    ck_assert_uint_eq(failed, 1);
    set(config, "features.sequence.0.pooling", "mean");
    ck_assert_int_eq(mmoe_config_set_all(config, clash, 2, &failed, &err), MMOE_E_CONFIG);
    ck_assert_uint_eq(failed, 2);
    ck_assert_str_eq(err.column, "features.sequence[0].pooling");
    ck_assert_int_eq(mmoe_config_set_all(config, clash, 2, NULL, NULL), MMOE_E_CONFIG);
    ck_assert_int_eq(config->trainer.n_epoch, 7);
    ck_assert_int_eq(mmoe_config_set_all(config, &none, 1, NULL, &err), MMOE_E_ARGUMENT);
    ck_assert_int_eq(mmoe_config_set_all(config, NULL, 1, NULL, &err), MMOE_E_ARGUMENT);
    ck_assert_int_eq(mmoe_config_set_all(NULL, together, 1, NULL, &err), MMOE_E_ARGUMENT);
    mmoe_config_free(config);
}
END_TEST

void add_cases(TCase *c) {
    tcase_add_test(c, set_reaches_every_place);
    tcase_add_test(c, defaults_that_follow_a_key_stay_open);
    tcase_add_test(c, set_fails_cleanly);
    tcase_add_test(c, settings_are_checked_together);
}
