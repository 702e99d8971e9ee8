/* Words of the configuration, and what else each takes: models, methods, types of tasks. */
#include <jansson.h>
#include <stdio.h>

#include "check_main.h"
#include "config_paths_support.h"
#include "data/column_number.h"

START_TEST(words_are_their_enumerators) {
    mmoe_config *config = parse(full);
    const char *activations[] = {"relu", "sigmoid", "tanh", "prelu", "dice"};
    const mmoe_activation activation[] = {MMOE_ACT_RELU, MMOE_ACT_SIGMOID, MMOE_ACT_TANH,
                                          MMOE_ACT_PRELU, MMOE_ACT_DICE};
    for (int i = 0; i < 5; i++) {
        set(config, "model.expert_params.activation", activations[i]);
        set(config, "tasks.ctr.tower_params.activation", activations[i]);
        ck_assert_int_eq(config->expert.activation, activation[i]);
        ck_assert_int_eq(config->tasks[1].tower.activation, activation[i]);
    }
    const char *optimizers[] = {"adam", "adamw", "sgd", "adagrad", "rowwise_adagrad", "same"};
    const mmoe_optimizer_kind optimizer[] = {
        MMOE_ADAM, MMOE_ADAMW, MMOE_SGD, MMOE_ADAGRAD, MMOE_ROWWISE_ADAGRAD, MMOE_SAME_OPTIMIZER};
    for (int i = 0; i < 6; i++) {
        if (i < 4) set(config, "trainer.optimizer", optimizers[i]);
        ck_assert_int_eq(config->trainer.optimizer.kind, optimizer[i < 4 ? i : 3]);
        set(config, "trainer.embedding_optimizer", optimizers[i]);
        ck_assert_int_eq(config->trainer.embedding_optimizer.kind, optimizer[i]);
    }
    const char *transforms[] = {"none", "standardize", "minmax", "log1p_standardize"};
    const mmoe_transform transform[] = {MMOE_TRANSFORM_NONE, MMOE_TRANSFORM_STANDARDIZE,
                                        MMOE_TRANSFORM_MINMAX, MMOE_TRANSFORM_LOG1P_STANDARDIZE};
    for (int i = 0; i < 4; i++) {
        set(config, "features.dense.0.transform", transforms[i]);
        ck_assert_int_eq(mmoe_number_of(config->features.dense[0].encoder)->transform,
                         transform[i]);
    }
    const char *metrics[] = {"auto", "relative", "auc",  "logloss", "gauc", "ece",
                             "ne",   "mse",      "rmse", "mae",     "r2"};
    const mmoe_metric_kind *metric[] = {&mmoe_metric_auc,
                                        &mmoe_metric_relative,
                                        &mmoe_metric_auc,
                                        &mmoe_metric_logloss,
                                        &mmoe_metric_gauc,
                                        &mmoe_metric_ece,
                                        mmoe_baseline_logloss.comparison,
                                        &mmoe_metric_mse,
                                        &mmoe_metric_rmse,
                                        &mmoe_metric_mae,
                                        mmoe_baseline_rmse.comparison};
    set(config, "data.group", "user");
    set(config, "tasks.ctr.type", "regression");
    ck_assert_int_eq(config->tasks[0].type, MMOE_CLASSIFICATION);
    ck_assert_int_eq(config->tasks[1].type, MMOE_REGRESSION);
    for (int i = 0; i < 11; i++) {
        set(config, "trainer.earlystop_metric", "auto");
        set(config, "trainer.earlystop_task", i < 7 ? "cvr" : "ctr");
        set(config, "trainer.earlystop_metric", metrics[i]);
        ck_assert_int_eq(config->trainer.earlystop_metric, MMOE_WATCHED_AUTO + i);
        ck_assert_ptr_eq(mmoe_config_watched_metric(config), metric[i]);
        char *text;
        ck_assert_int_eq(mmoe_config_text(config, &text, NULL), MMOE_OK);
        ck_assert_ptr_nonnull(strstr(text, metrics[i]));
        mmoe_config_text_free(config, text);
    }
    refuse_set(config, "trainer.optimizer", "Adam", "trainer.optimizer",
               "\"Adam\" is not allowed here; allowed is a string: adam | adamw | sgd | adagrad");
    refuse_set(config, "trainer.optimizer", "adam | adamw", "trainer.optimizer",
               "adam | adamw | sgd | adagrad");
    refuse_set(config, "trainer.optimizer", "\"\"", "trainer.optimizer",
               "adam | adamw | sgd | adagrad");
    refuse_set(config, "trainer.embedding_optimizer", "sparse_adam", "trainer.embedding_optimizer",
               "allowed is a string: adam | adamw | sgd | adagrad | rowwise_adagrad | same");
    refuse_set(
        config, "model.name", "MMOE", "model.name",
        "single_task | shared_bottom | omoe | mmoe | cgc | ple | esmm | aitm | cross_stitch");
    mmoe_config_free(config);
}
END_TEST

/* Words of a chooser's key. */
static int count_words(const mmoe_chooser *chooser) {
    int n = 1;
    for (const char *at = key_at_path(chooser->path)->doc.allowed; (at = strstr(at, " | "));
         at += 3)
        n++;
    return n;
}

/* A key that a model (a method, ...) does not take is an error that says what it takes; a text has
 * those keys alone. */
START_TEST(words_take_their_own_keys) {
    const mmoe_chooser *chooser = &mmoe_choosers[_i];
    int all = 0;
    for (int word = 0; word < count_words(chooser); word++) {
        char wanted[128];
        const mmoe_key *key;
        mmoe_config *config = parse(full);
        choose(config, chooser, word);
        json_t *json = json_loads(config->json, 0, NULL);
        snprintf(wanted, sizeof wanted, "the %s \"%s\" does not take this key", chooser->noun,
                 json_string_value(lookup(json, chooser->path)));
        for (size_t i = 0; (key = mmoe_key_at(i)); i++) {
            if (!key->takers || (int)key->chooser != _i) continue;
            const bool takes = mmoe_key_is_taken(key, config);
            const bool stands =
                lookup(json, key->doc.path) != NULL; /* a key without a default may be absent */
            ck_assert_msg(stands ? takes : !takes || !key->doc.default_value, "%s: %s", wanted,
                          key->doc.path);
            ck_assert_msg(strncmp(key->doc.path, chooser->section, strlen(chooser->section)) == 0,
                          "%s", key->doc.path);
            all += takes;
            if (!takes) {
                const char *any = strcmp(key->doc.type, "boolean") == 0 ? "true" : "1";
                refuse_set(config, key->doc.path,
                           key->doc.default_value ? key->doc.default_value : any, key->doc.path,
                           wanted);
            }
        }
        mmoe_config *again = parse(config->json);
        assert_same(config, again);
        mmoe_config_free(again);
        json_decref(json);
        mmoe_config_free(config);
    }
    ck_assert_int_gt(all, 0);
}
END_TEST

START_TEST(models_say_what_they_take) {
    mmoe_config *ple = parse(full);
    set(ple, "model.name", "ple");
    refuse_set(ple, "model.bottom_params.dims", "[3]", "model.bottom_params.dims",
               "it takes name, n_level, n_expert_specific, n_expert_shared, expert_params.dims, "
               "expert_params.activation, expert_params.dropout, "
               "expert_params.batch_norm, gate_params.dims, gate_params.activation, "
               "gate_params.batch_norm, gate_params.temperature, gate_params.top_k, "
               "gate_params.expert_dropout, gate_params.load_balance");
    refuse_set(ple, "model.n_expert_shared", "0", "model.n_expert_shared", "1 to 256");
    set(ple, "model.expert_params.batch_norm", "false");
    ck_assert(!ple->gate.layers.batch_norm);
    mmoe_config_free(ple);
}
END_TEST

/* A task that a model cannot carry. */
START_TEST(models_refuse_tasks) {
    mmoe_config *config = parse(full);
    set(config, "model.name", "esmm");
    refuse_set(config, "tasks.cvr.type", "regression", "tasks[0].type",
               "the model \"esmm\" takes classifications alone");
    refuse_set(config, "tasks.1.type", "regression", "tasks[1].type", "esmm");
    refuse_set(config, "tasks", "[{\"name\": \"ctr\", \"label\": \"click\"}]", "tasks",
               "has two tasks, the click and then the conversion; here are 1");
    refuse_set(config, "tasks",
               "[{\"name\": \"ctr\", \"label\": \"c\"}, {\"name\": \"cvr\", \"label\": \"b\"}, "
               "{\"name\": \"x\", \"label\": \"x\"}]",
               "tasks", "here are 3");
    set(config, "model.name", "aitm");
    refuse_set(config, "tasks.1.type", "regression", "tasks[1].type",
               "the model \"aitm\" takes classifications alone");
    set(config, "model.bottom_params.batch_norm", "false");
    ck_assert(!config->gate.layers.batch_norm);
    set(config, "model.gate_params.batch_norm", "true");
    ck_assert(config->gate.layers.batch_norm && !config->bottom.batch_norm);
    mmoe_config_free(config);
}
END_TEST

START_TEST(regressions_refuse_shaped_losses) {
    mmoe_config *config = parse(full);
    set(config, "tasks.ctr.type", "regression");
    refuse_set(config, "tasks.ctr.label_smoothing", "0.1", "tasks[1].label_smoothing",
               "\"ctr\" is of the type regression; only a classification takes this key");
    refuse_set(config, "tasks.1.positive_weight", "2", "tasks[1].positive_weight",
               "only a classification takes this key");
    refuse_set(config, "tasks.1.focal_gamma", "2", "tasks[1].focal_gamma",
               "only a classification takes this key");
    set(config, "tasks.1.positive_weight", "1");
    set(config, "tasks.cvr.focal_gamma", "2");
    refuse_set(config, "tasks.cvr.type", "regression", "tasks[0].focal_gamma",
               "\"cvr\" is of the type regression");
    mmoe_config_free(config);
}
END_TEST

void add_cases(TCase *c) {
    tcase_add_test(c, words_are_their_enumerators);
    tcase_add_loop_test(c, words_take_their_own_keys, 0, MMOE_CHOOSERS);
    tcase_add_test(c, models_say_what_they_take);
    tcase_add_test(c, models_refuse_tasks);
    tcase_add_test(c, regressions_refuse_shaped_losses);
}
