/* Weights and losses that are not finite end training, say where they began, and cost no weights.
 */
#include "check_main.h"
#include "training_support.h"

/* Weights are NaN from the start, but for what no row reads. */
START_TEST(a_weight_that_is_not_finite_is_named) {
    set_up("", "", "");
    for (int threads = 1; threads <= 3; threads++) {
        mmoe_model *model = new_model();
        mmoe_trainer *trainer = new_trainer(model, threads);
        mmoe_error why = {0};
        double losses[TASKS];
        SUCCEEDS(mmoe_trainer_step(trainer, rows, 0, BATCH, losses, &err));
        values_of(model, "embedding.embed_dict.b.weight")[6 * 3 + 1] = NAN;
        ck_assert_int_eq(mmoe_trainer_step(trainer, rows, BATCH, BATCH, losses, &why),
                         MMOE_E_NUMERIC);
        ck_assert(isfinite(losses[0]) && isfinite(losses[1]));
        ck_assert_str_eq(why.message,
                         "the weights \"embedding.embed_dict.b.weight\" have a value that is not "
                         "finite since the update at step 2, epoch 1, from "
                         "row 101 of the epoch's order");
        values_of(model, "embedding.embed_dict.a.weight")[49 * 4] = INFINITY;
        ck_assert_int_eq(mmoe_trainer_step(trainer, rows, 0, BATCH, NULL, &why), MMOE_E_NUMERIC);
        ck_assert_ptr_nonnull(strstr(
            why.message, "\"embedding.embed_dict.a.weight\" (and 1 tensors more) have a value"));
        values_of(model, "embedding.embed_dict.a.weight")[49 * 4] = 0;
        values_of(model, "embedding.embed_dict.b.weight")[6 * 3 + 1] = 0;
        mmoe_trainer_free(trainer);
        mmoe_model_free(model);
    }
    tear_down();
}
END_TEST

/* A column of 1e30: its variance is infinite from the first step on, and all losses are finite. */
START_TEST(running_statistics_are_checked) {
    static const char *const trainers[] = {"", ", \"clip_norm\": 1", ", \"ema_decay\": 0.9",
                                           ", \"adaptive_params\": {\"method\": \"uwl\"}"};
    set_up("", "", trainers[_i]);
    mmoe_dataset *huge;
    float wide[ROWS * DENSE];
    for (int i = 0; i < ROWS * DENSE; i++) wide[i] = dense[i] * (i % DENSE ? 1 : 1e30F);
    mmoe_batch part = batch;
    part.dense = wide;
    SUCCEEDS(mmoe_dataset_create(schema, &part, labels, NULL, NULL, &huge, &err));
    mmoe_model *model = new_model(), *start = new_model();
    mmoe_trainer *trainer = new_trainer(model, 2);
    mmoe_error why = {0};
    ck_assert_int_eq(mmoe_trainer_fit(trainer, huge, valid, &why), MMOE_E_NUMERIC);
    ck_assert_msg(
        strstr(why.message, "the running statistics \"experts.0.mlp.1.running_var\" (and"), "%s",
        why.message);
    ck_assert_msg(strstr(why.message, "at step 1, epoch 1, from row 1 of"), "%s", why.message);
    assert_same_models(model, start);
    /* Statistics that someone else spoiled are found as well. */
    SUCCEEDS(mmoe_trainer_step(trainer, rows, 0, BATCH, NULL, &err));
    values_of(model, "towers.1.mlp.5.running_mean")[1] = NAN;
    ck_assert_int_eq(mmoe_trainer_step(trainer, rows, 0, BATCH, NULL, &why), MMOE_E_NUMERIC);
    ck_assert_msg(
        strstr(why.message, "the running statistics \"towers.1.mlp.5.running_mean\" have"), "%s",
        why.message);
    mmoe_dataset_free(huge);
    mmoe_trainer_free(trainer);
    mmoe_model_free(model);
    mmoe_model_free(start);
    tear_down();
}
END_TEST

/* What is wrong with the loss is said as well. */
START_TEST(a_loss_that_is_not_finite_is_named) {
    set_up("", "", "");
    mmoe_model *model = new_model();
    mmoe_trainer *trainer = new_trainer(model, 1);
    mmoe_error why = {0};
    double losses[TASKS] = {0};
    values_of(model, "towers.1.mlp.8.bias")[0] = NAN;
    ck_assert_int_eq(mmoe_trainer_step(trainer, rows, 0, BATCH, losses, &why), MMOE_E_NUMERIC);
    ck_assert(isfinite(losses[0]) && isnan(losses[1]));
    ck_assert_ptr_nonnull(
        strstr(why.message, "the loss of task \"y\" is not finite at step 1, epoch 1, from row 1 "
                            "of the epoch's order, nor, since its "
                            "update, are the weights \"embedding.embed_dict.a.weight\" (and "));
    mmoe_trainer_free(trainer);
    mmoe_model_free(model);
    tear_down();
}
END_TEST

/* A balancer hands on no gradient of a loss that is not finite: such a step moves rows that are
 * behind no more than others. */
START_TEST(a_step_without_a_gradient_moves_no_row) {
    static const char *const updates[] = {"dense", "deferred"};
    mmoe_model *models[2];
    for (int i = 0; i < 2; i++) {
        char keys[256];
        mmoe_error why = {0};
        snprintf(keys, sizeof keys,
                 ", \"adaptive_params\": {\"method\": \"uwl\"}, \"embedding_update\": \"%s\"",
                 updates[i]);
        set_up("", ", \"first_layer\": \"dense\"", keys);
        models[i] = new_model();
        mmoe_trainer *trainer = new_trainer(models[i], 1);
        float *bias = values_of(models[i], "towers.1.mlp.8.bias"), kept;
        for (int k = 0; k < 6; k++) {
            SUCCEEDS(mmoe_trainer_step(trainer, rows, k * 8, 8, NULL, &err));
            if (k != 3) continue;
            kept = *bias;
            *bias = NAN;
            ck_assert_int_eq(mmoe_trainer_step(trainer, rows, 90, 8, NULL, &why), MMOE_E_NUMERIC);
            *bias = kept;
        }
        mmoe_trainer_free(trainer);
        tear_down();
    }
    assert_same_models(models[0], models[1]);
    mmoe_model_free(models[0]);
    mmoe_model_free(models[1]);
}
END_TEST

/* The first epoch stands; in a later one the weights fly off, in the update itself. */
typedef struct spoiler {
    mmoe_model *model;
    double *kept;
    size_t count;
} spoiler;

static int spoil(void *user, const mmoe_epoch_report *report) {
    spoiler *s = user;
    ck_assert_int_eq(report->epoch, 1);
    s->kept = numbers_of(s->model, &s->count);
    values_of(s->model, "embedding.embed_dict.b.weight")[6 * 3] =
        3e38F; /* weight decay makes it infinite */
    return 0;
}

START_TEST(the_best_weights_stay) {
    set_up("", "",
           ", \"n_epoch\": 3, \"optimizer\": \"sgd\", \"optimizer_params\": {\"lr\": 0.1, "
           "\"weight_decay\": 30}");
    for (int threads = 1; threads <= 2; threads++) {
        mmoe_model *model = new_model();
        spoiler s = {.model = model};
        mmoe_trainer *trainer;
        const mmoe_trainer_options options = {
            .threads = threads, .single_threaded_blas = 1, .user = &s, .on_epoch = spoil};
        mmoe_error why = {0};
        SUCCEEDS(mmoe_trainer_create(model, &options, NULL, &trainer, &err));
        ck_assert_int_eq(mmoe_trainer_fit(trainer, rows, valid, &why), MMOE_E_NUMERIC);
        ck_assert_str_eq(why.message,
                         "the weights \"embedding.embed_dict.b.weight\" have a value that is not "
                         "finite since the update at step 8, epoch 2, from "
                         "row 1 of the epoch's order");
        size_t n;
        double *now = numbers_of(model, &n);
        ck_assert_uint_eq(n, s.count);
        ck_assert(memcmp(now, s.kept, n * sizeof *now) == 0);
        free(now);
        free(s.kept);
        mmoe_trainer_free(trainer);
        mmoe_model_free(model);
    }
    tear_down();
}
END_TEST

/* A rate that no model stands: what it began with stays. */
START_TEST(a_rate_that_is_too_large_ends_training) {
    set_up(
        "", "",
        ", \"optimizer\": \"sgd\", \"optimizer_params\": {\"lr\": 1000, \"weight_decay\": 1000}");
    mmoe_model *model = new_model(), *start = new_model();
    mmoe_trainer *trainer = new_trainer(model, 2);
    mmoe_error why = {0};
    ck_assert_int_eq(mmoe_trainer_fit(trainer, rows, NULL, &why), MMOE_E_NUMERIC);
    ck_assert_ptr_nonnull(strstr(why.message, "not finite"));
    ck_assert_ptr_nonnull(strstr(why.message, "epoch 1, from row"));
    assert_same_models(model, start);
    mmoe_trainer_free(trainer);
    mmoe_model_free(model);
    mmoe_model_free(start);
    tear_down();
}
END_TEST

void add_cases(TCase *c) {
    tcase_add_test(c, a_weight_that_is_not_finite_is_named);
    tcase_add_loop_test(c, running_statistics_are_checked, 0, 4);
    tcase_add_test(c, a_loss_that_is_not_finite_is_named);
    tcase_add_test(c, a_step_without_a_gradient_moves_no_row);
    tcase_add_test(c, the_best_weights_stay);
    tcase_add_test(c, a_rate_that_is_too_large_ends_training);
}
