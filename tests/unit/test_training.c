/* What steps keep whatever they do: the same bits for any number of workers; and what losses and
 * clipping do not touch. */
#include <pthread.h>

#include "check_main.h"
#include "models_support.h"
#include "training_support.h"

/* Every update there is: each set of keys on each optimizer. */
static const char *const updates[] = {
    "",
    ", \"clip_norm\": 0.05",
    ", \"regularization_params\": {\"embedding_l1\": 0.001, \"dense_l2\": 0.01}",
    (", \"clip_norm\": 0.05, \"regularization_params\": {\"embedding_l2\": 0.01, \"dense_l1\": "
     "0.002}"),
};
static const char *const optimizers[] = {"adam", "adamw", "sgd"};
enum { UPDATES = sizeof updates / sizeof *updates };

static void train(mmoe_model *model, int threads, int steps) {
    mmoe_trainer *trainer = new_trainer(model, threads);
    for (int i = 0; i < steps; i++) {
        const size_t n = i % 3 == 2 ? 37 : BATCH;
        SUCCEEDS(mmoe_trainer_step(trainer, rows, i % 7 * BATCH, n, NULL, &err));
    }
    mmoe_trainer_free(trainer);
}

START_TEST(threads_change_no_bit) {
    char keys[512];
    snprintf(keys, sizeof keys, ", \"optimizer\": \"%s\"%s", optimizers[_i % 3], updates[_i / 3]);
    set_up(", \"focal_gamma\": 2, \"label_smoothing\": 0.1", "", keys);
    SUCCEEDS(mmoe_config_set(config, "model.expert_params.dims", "[600, 40]",
                             &err)); /* more than one block of values */
    SUCCEEDS(mmoe_config_set(config, "model.first_layer", _i % 2 ? "distinct" : "dense", &err));
    mmoe_model *start = new_model(), *one = new_model();
    const int steps = THREADS_ALONE ? 4 : 9;
    train(one, 1, steps);
    size_t n;
    double *before = numbers_of(start, &n), *after = numbers_of(one, &n);
    ck_assert(memcmp(before, after, n * sizeof *before) != 0);
    free(before);
    free(after);
    static const int workers[2][2] = {{2, 7}, {3, 4}};
    for (int i = 0; i < 2; i++) {
        mmoe_model *other = new_model();
        train(other, workers[_i / 2 % 2][i], steps);
        assert_same_models(one, other);
        mmoe_model_free(other);
    }
    mmoe_model_free(one);
    mmoe_model_free(start);
    tear_down();
}
END_TEST

/* A gradient that is kept and then applied updates as one that is applied where it arises, in every
 * model: none of its parts is missing, and none is there twice. */
START_TEST(clipping_far_away_changes_no_bit) {
    char json[1024];
    models_json(json, _i, 0, BATCH);
    set_up("", "", ""); /* its rows */
    tear_down();
    SUCCEEDS(mmoe_config_parse(json, strlen(json), NULL, NULL, &config, &err));
    SUCCEEDS(mmoe_schema_create(config, models_columns, MODELS_COLUMNS, NULL, &schema, &err));
    static int32_t three[ROWS * 3];
    for (int i = 0; i < ROWS * 3; i++) three[i] = ids[i / 3 * SPARSE + (i % 3 == 1)];
    const mmoe_batch of_model = {ROWS, three, 3, dense, DENSE};
    SUCCEEDS(mmoe_dataset_create(schema, &of_model, labels, NULL, NULL, &rows, &err));
    SUCCEEDS(mmoe_dataset_create(schema, &of_model, labels, NULL, NULL, &valid, &err));
    mmoe_model *plain = new_model();
    train(plain, 1, 7);
    SUCCEEDS(mmoe_config_set(config, "trainer.clip_norm", "1000000", &err));
    mmoe_model *kept = new_model();
    train(kept, 2, 7);
    assert_same_models(plain, kept);
    SUCCEEDS(mmoe_config_set(config, "trainer.clip_norm", "0.001", &err));
    SUCCEEDS(mmoe_config_set(config, "trainer.optimizer", "sgd", &err));
    mmoe_model *clipped = new_model();
    train(clipped, 2, 7);
    size_t n;
    double *a = numbers_of(plain, &n), *b = numbers_of(clipped, &n);
    ck_assert(memcmp(a, b, n * sizeof *a) != 0);
    free(a);
    free(b);
    mmoe_model_free(plain);
    mmoe_model_free(kept);
    mmoe_model_free(clipped);
    tear_down();
}
END_TEST

/* A step of plain descent is as long as the norm allows. */
START_TEST(a_clipped_step_has_its_length) {
    set_up("", "",
           ", \"clip_norm\": 0.01, \"optimizer\": \"sgd\", \"optimizer_params\": {\"lr\": 1, "
           "\"weight_decay\": 0}");
    mmoe_model *model = new_model(), *start = new_model();
    mmoe_trainer *trainer = new_trainer(model, 2);
    SUCCEEDS(mmoe_trainer_step(trainer, rows, 0, BATCH, NULL, &err));
    mmoe_tensor_info now, before;
    double square = 0;
    for (size_t i = 0; mmoe_model_tensor(model, i, &now) == 0; i++) {
        mmoe_model_tensor(start, i, &before);
        for (size_t k = 0; now.trainable && k < count_of(&now); k++)
            square += pow(
                (double)((const float *)now.data)[k] - (double)((const float *)before.data)[k], 2);
    }
    ck_assert_double_eq_tol(sqrt(square), 0.01, 1e-5);
    mmoe_trainer_free(trainer);
    mmoe_model_free(model);
    mmoe_model_free(start);
    tear_down();
}
END_TEST

/* Losses are shaped in training alone; penalties stand in no loss. */
START_TEST(evaluation_stays_plain) {
    mmoe_task_metrics plain[TASKS], shaped[TASKS];
    double losses[2][TASKS];
    const char *const keys[] = {
        "", ", \"label_smoothing\": 0.2, \"positive_weight\": 4, \"focal_gamma\": 1"};
    for (int i = 0; i < 2; i++) {
        set_up(keys[i], "", ", \"regularization_params\": {\"dense_l1\": 1, \"embedding_l2\": 1}");
        mmoe_model *model = new_model();
        SUCCEEDS(mmoe_evaluate(model, rows, 1, NULL, i ? shaped : plain, &err));
        mmoe_trainer *trainer = new_trainer(model, 1);
        SUCCEEDS(mmoe_trainer_step(trainer, rows, 0, BATCH, losses[i], &err));
        mmoe_trainer_free(trainer);
        mmoe_model_free(model);
        tear_down();
    }
    for (int t = 0; t < TASKS; t++) {
        ck_assert(plain[t].logloss == shaped[t].logloss && plain[t].auc == shaped[t].auc);
        ck_assert_double_gt(fabs(losses[0][t] - losses[1][t]), 0.01);
        ck_assert_double_lt(losses[0][t], 1); /* the penalties would be more */
    }
}
END_TEST

/* The same columns, two of them in each other's place: all counts and ids fit. */
START_TEST(rows_of_another_schema_are_refused) {
    static const char *const swapped[] = {"a", "b", "d1", "d0"};
    mmoe_schema *other;
    mmoe_dataset *theirs;
    mmoe_task_metrics metrics[TASKS];
    mmoe_inspection *inspection;
    set_up("", "", "");
    mmoe_model *model = new_model();
    mmoe_trainer *trainer = new_trainer(model, 1);
    SUCCEEDS(mmoe_schema_create(config, swapped, 4, NULL, &other, &err));
    SUCCEEDS(mmoe_dataset_create(other, &batch, labels, NULL, NULL, &theirs, &err));
    const mmoe_status statuses[] = {
        mmoe_trainer_fit(trainer, theirs, NULL, NULL),
        mmoe_trainer_fit(trainer, rows, theirs, NULL),
        mmoe_trainer_step(trainer, theirs, 0, BATCH, NULL, NULL),
        mmoe_trainer_step(trainer, rows, INT64_MAX, BATCH, NULL, NULL),
        mmoe_trainer_step(trainer, rows, 0, SIZE_MAX, NULL, NULL),
        mmoe_evaluate(model, theirs, 1, NULL, metrics, NULL),
        mmoe_inspect(model, theirs, 1, NULL, &inspection, NULL),
    };
    for (size_t i = 0; i < sizeof statuses / sizeof *statuses; i++)
        ck_assert_int_eq(statuses[i], MMOE_E_ARGUMENT);
    mmoe_error why;
    mmoe_evaluate(model, theirs, 1, NULL, metrics, &why);
    ck_assert_ptr_nonnull(strstr(why.message, "another schema"));
    SUCCEEDS(mmoe_evaluate(model, rows, 1, NULL, metrics, &err));
    mmoe_dataset_free(theirs);
    mmoe_schema_free(other);
    mmoe_trainer_free(trainer);
    mmoe_model_free(model);
    tear_down();
}
END_TEST

static void fit(mmoe_trainer *trainer, const mmoe_dataset *train_rows) {
    SUCCEEDS(mmoe_trainer_fit(trainer, train_rows, valid, &err));
}

/* A trainer that has fitted begins anew: as one that is made for the model as it is now. */
START_TEST(a_second_fit_is_a_run_of_its_own) {
    static const char *const keys[] = {
        ", \"n_epoch\": 3, \"ema_decay\": 0.9, \"optimizer\": \"sgd\"",
        ", \"n_epoch\": 2, \"warmup_steps\": 9, \"scheduler\": \"cosine\"",
        ", \"n_epoch\": 2, \"adaptive_params\": {\"method\": \"gradnorm\"}",
    };
    set_up("", "", keys[_i]);
    mmoe_model *twice = new_model(), *once = new_model();
    mmoe_trainer *trainer = new_trainer(twice, 1), *first = new_trainer(once, 1);
    fit(trainer, rows);
    fit(trainer, valid);
    fit(first, rows);
    mmoe_trainer *second = new_trainer(once, 2);
    fit(second, valid);
    assert_same_models(twice, once);
    mmoe_trainer_free(trainer);
    mmoe_trainer_free(first);
    mmoe_trainer_free(second);
    mmoe_model_free(twice);
    mmoe_model_free(once);
    tear_down();
}
END_TEST

/* A stop ends one fit, whenever it was asked for. */
START_TEST(a_stop_is_heeded_once) {
    set_up("", "", ", \"n_epoch\": 2");
    mmoe_model *stopped = new_model();
    mmoe_trainer *trainer = new_trainer(stopped, 1);
    mmoe_trainer_stop(trainer);
    mmoe_error why;
    ck_assert_int_eq(mmoe_trainer_fit(trainer, rows, valid, &why), MMOE_E_CANCELLED);
    ck_assert_ptr_nonnull(strstr(why.message, "after 100 of 700 rows"));
    fit(trainer, rows);
    fit(trainer, rows);
    mmoe_trainer_free(trainer);
    mmoe_model_free(stopped);
    tear_down();
}
END_TEST

START_TEST(reserved_options_are_refused) {
    set_up("", "", "");
    mmoe_model *model = new_model();
    mmoe_trainer *trainer = NULL;
    mmoe_error why;
    const mmoe_trainer_options later = {.reserved = {[3] = &why}};
    ck_assert_int_eq(mmoe_trainer_create(model, &later, NULL, &trainer, &why), MMOE_E_ARGUMENT);
    ck_assert_str_eq(why.message,
                     "mmoe_trainer_create: the options' reserved members must be NULL");
    ck_assert_ptr_null(trainer);
    mmoe_model_free(model);
    tear_down();
}
END_TEST

START_TEST(kernels_that_are_not_there_are_refused) {
    set_up("", "", "");
    mmoe_model *model = new_model();
    mmoe_trainer *trainer = NULL;
    mmoe_error why;
    setenv("MMOE_KERNELS", "none", 1);
    ck_assert_int_eq(mmoe_trainer_create(model, NULL, NULL, &trainer, &why), MMOE_E_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(why.message, "MMOE_KERNELS is \"none\""));
    ck_assert_ptr_null(trainer);
    unsetenv("MMOE_KERNELS");
    mmoe_model_free(model);
    tear_down();
}
END_TEST

/* ---- Progressive figures ---- */

static mmoe_progressive seen[TASKS];
static int epochs_with;

static int keep_progressive(void *user, const mmoe_epoch_report *report) {
    (void)user;
    if (!report->progressive) return 0;
    epochs_with++;
    for (int t = 0; t < TASKS; t++) {
        seen[t] = report->progressive[t];
        ck_assert_double_eq(seen[t].loss, report->task_loss[t]);
    }
    return 0;
}

/* Of a run of one epoch; where a step moves nothing that is seen, they are the model's own. */
START_TEST(one_epoch_is_judged_as_it_goes) {
    const mmoe_trainer_options options = {.threads = 2, .on_epoch = keep_progressive};
    for (int epochs = 2; epochs >= 1; epochs--) {
        char keys[160];
        snprintf(keys, sizeof keys,
                 ", \"n_epoch\": %d, \"optimizer\": \"sgd\", "
                 "\"optimizer_params\": {\"lr\": 1e-30}",
                 epochs);
        set_up("", ", \"expert_params\": {\"dims\": [8], \"batch_norm\": false}", keys);
        mmoe_config_set(config, "tasks.0.tower_params.batch_norm", "false", NULL);
        mmoe_model *model = new_model();
        mmoe_trainer *trainer;
        mmoe_task_metrics metrics[TASKS];
        const mmoe_evaluate_options binned = {.threads = 1, .auc = "binned"};
        epochs_with = 0;
        SUCCEEDS(mmoe_trainer_create(model, &options, NULL, &trainer, &err));
        SUCCEEDS(mmoe_trainer_fit(trainer, rows, NULL, &err));
        ck_assert_int_eq(epochs_with, epochs == 1);
        SUCCEEDS(mmoe_evaluate_by(model, rows, &binned, NULL, metrics, NULL, &err));
        if (epochs == 1) {
            ck_assert_int_eq(seen[0].rows, mmoe_dataset_rows(rows));
            ck_assert_double_eq_tol(seen[0].auc, metrics[0].auc, 1e-3);
        }
        mmoe_trainer_free(trainer);
        mmoe_model_free(model);
        tear_down();
    }
}
END_TEST

static void *make_predictor(void *model) {
    mmoe_predictor *predictor;
    if (mmoe_predictor_create(model, NULL, &predictor, NULL)) return model;
    mmoe_predictor_free(predictor);
    return NULL;
}

/* Between steps, of a model some rows of which are behind. */
START_TEST(readers_may_come_at_once) {
    set_up("", "", ", \"optimizer\": \"adamw\", \"embedding_update\": \"deferred\"");
    mmoe_model *model = new_model();
    mmoe_trainer *trainer = new_trainer(model, 2);
    for (int i = 0; i < 10; i++) {
        pthread_t readers[2];
        void *failed[2];
        SUCCEEDS(mmoe_trainer_step(trainer, rows, i * 8, 8, NULL, &err));
        for (int k = 0; k < 2; k++)
            ck_assert_int_eq(pthread_create(&readers[k], NULL, make_predictor, model), 0);
        for (int k = 0; k < 2; k++) pthread_join(readers[k], &failed[k]);
        ck_assert(!failed[0] && !failed[1]);
    }
    mmoe_trainer_free(trainer);
    mmoe_model_free(model);
    tear_down();
}
END_TEST

void add_cases(TCase *c) {
    tcase_add_test(c, one_epoch_is_judged_as_it_goes);
    tcase_add_loop_test(c, threads_change_no_bit, 0, 3 * UPDATES);
    tcase_add_loop_test(c, clipping_far_away_changes_no_bit, 0, MODELS);
    tcase_add_test(c, a_clipped_step_has_its_length);
    tcase_add_test(c, evaluation_stays_plain);
    tcase_add_test(c, rows_of_another_schema_are_refused);
    tcase_add_loop_test(c, a_second_fit_is_a_run_of_its_own, 0, 3);
    tcase_add_test(c, a_stop_is_heeded_once);
    tcase_add_test(c, readers_may_come_at_once);
    tcase_add_test(c, reserved_options_are_refused);
    tcase_add_test(c, kernels_that_are_not_there_are_refused);
}
