/* Which key of two configurations differs, and what a continued run may have otherwise. */
#include <stdio.h>
#include <string.h>

#include "check_main.h"
#include "succeeds.h"
#include "config/config_compare.h"

static const char json[] =
    "{\"features\": {\"sparse\": [{\"name\": \"a\", \"vocab_size\": 9}, {\"name\": \"b\"}]},"
    " \"tasks\": [{\"name\": \"x\", \"label\": \"x\"}, {\"name\": \"y\", \"label\": \"y\"}],"
    " \"model\": {\"expert_params\": {\"dims\": [8, 4]}},"
    " \"trainer\": {\"scheduler\": \"step\"}}";

static mmoe_config *config_with(const char *key, const char *value) {
    mmoe_config *config = NULL;
    SUCCEEDS(mmoe_config_parse(json, strlen(json), NULL, NULL, &config, &err));
    if (key) SUCCEEDS(mmoe_config_set(config, key, value, &err));
    return config;
}

static void compare(mmoe_config *own, mmoe_config *began, const char *wanted) {
    char text[MMOE_DIFFERENCE_SIZE];
    SUCCEEDS(mmoe_config_compare(own, began, text, &err));
    ck_assert_str_eq(text, wanted);
}

static const struct {
    const char *key, *value, *wanted;
} cases[] = {
    {"trainer.n_epoch", "20", ""},
    {"trainer.earlystop_patience", "3", ""},
    {"score", "x * y", ""},
    {"trainer.optimizer_params.lr", "0.01",
     "trainer.optimizer_params.lr is 0.01, the checkpoint's is 0.001"},
    {"trainer.optimizer_params.betas", "[0.5, 0.999]",
     "trainer.optimizer_params.betas is [0.5,0.999], the checkpoint's is [0.9,0.999]"},
    {"model.expert_params.dims", "[8]",
     "model.expert_params.dims is [8], the checkpoint's is [8,4]"},
    {"tasks.1.tower_params.dropout", "0.5",
     "tasks[1].tower_params.dropout is 0.5, the checkpoint's is 0.0"},
    {"features.sparse.b.shared_with", "a",
     "features.sparse[1].shared_with is \"a\", the checkpoint's is not set"},
    {"features.dense", "[{\"name\": \"d\"}]",
     "features.dense is "
     "[{\"name\":\"d\",\"transform\":\"none\",\"missing\":\"error\",\"indicator\":false,\"side\":"
     "\"..., the checkpoint's is []"},
    {"features.sparse.1", "{\"name\": \"c\", \"vocab_size\": 5}",
     "features.sparse[1].name is \"c\", the checkpoint's is \"b\" (and 1 keys more differ)"},
    {"trainer.earlystop_task", "y", "trainer.earlystop_task is \"y\", the checkpoint's is \"x\""},
    {"trainer.scheduler_params.step_size", "3",
     "trainer.scheduler_params.step_size is 3, the checkpoint's is 10"},
    {"trainer.embedding_optimizer", "adagrad",
     "trainer.embedding_optimizer is \"adagrad\", the checkpoint's is \"same\" (and 5 keys more "
     "differ)"},
    {"trainer.seed", "1", "trainer.seed is 1, the checkpoint's is 2022"},
};

START_TEST(the_key_that_differs_is_named) {
    mmoe_config *own = config_with(cases[_i].key, cases[_i].value);
    mmoe_config *began = config_with(NULL, NULL);
    compare(own, began, cases[_i].wanted);
    compare(own, own, "");
    mmoe_config_free(own);
    mmoe_config_free(began);
}
END_TEST

/* A default that follows from a key that may differ is one that differs, if it is used. */
START_TEST(t_max_follows_the_epochs) {
    mmoe_config *began = config_with("trainer.scheduler", "cosine");
    mmoe_config *own = config_with("trainer.scheduler", "cosine");
    SUCCEEDS(mmoe_config_set(own, "trainer.n_epoch", "20", &err));
    compare(own, began, "trainer.scheduler_params.t_max is 20, the checkpoint's is 10");
    SUCCEEDS(mmoe_config_set(own, "trainer.scheduler_params.t_max", "10", &err));
    compare(own, began, "");
    mmoe_config_free(own);
    mmoe_config_free(began);
}
END_TEST

/* A text that is cut stays within its memory. */
START_TEST(long_values_are_cut) {
    char name[1001];
    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    mmoe_config *own = config_with("tasks.0.label", name), *began = config_with(NULL, NULL);
    char text[MMOE_DIFFERENCE_SIZE];
    SUCCEEDS(mmoe_config_compare(own, began, text, &err));
    ck_assert_msg(strstr(text, "nnn..., the checkpoint's is \"x\"") != NULL, "%s", text);
    mmoe_config_free(own);
    mmoe_config_free(began);
}
END_TEST

void add_cases(TCase *c) {
    tcase_add_loop_test(c, the_key_that_differs_is_named, 0, sizeof cases / sizeof *cases);
    tcase_add_test(c, t_max_follows_the_epochs);
    tcase_add_test(c, long_values_are_cut);
}
