/* The moving average of the weights: its numbers, and that it is what is judged and kept. */
#include <unistd.h>

#include "check_main.h"
#include "training_support.h"

enum { STEPS = 7, EPOCHS = 4 };

/* The average in double, from the weights after each step; running statistics as they are at the
 * end. */
static double *averaged(double decay, int epochs, size_t *count) {
    mmoe_model *model = new_model();
    mmoe_trainer *trainer = new_trainer(model, 1);
    double *average = numbers_of(model, count);
    for (int step = 1; step <= epochs * STEPS; step++) {
        SUCCEEDS(mmoe_trainer_step(trainer, rows, (step - 1) % STEPS * BATCH, BATCH, NULL, &err));
        const double d = fmin(decay, (1.0 + step) / (10.0 + step));
        double *now = numbers_of(model, count), *at = average;
        mmoe_tensor_info info;
        for (size_t i = 0, k = 0; mmoe_model_tensor(model, i, &info) == 0; i++)
            for (size_t n = count_of(&info); n > 0; n--, k++, at++)
                *at = info.trainable ? *at + (1 - d) * (now[k] - *at) : now[k];
        free(now);
    }
    mmoe_trainer_free(trainer);
    mmoe_model_free(model);
    return average;
}

static const char keys[] =
    ", \"shuffle\": false, \"n_epoch\": 2, \"optimizer_params\": {\"lr\": 0.05}, \"ema_decay\": %g";

START_TEST(the_average_is_recomputed) {
    static const double decays[] = {0.5, 0.999};
    char text[256];
    snprintf(text, sizeof text, keys, decays[_i]);
    set_up("", ", \"expert_params\": {\"dims\": [600, 40]}",
           text); /* more than one block of values */
    size_t n, m;
    double *want = averaged((double)(float)decays[_i], 2, &n);
    mmoe_model *one = new_model();
    for (int threads = 1; threads <= 4; threads += threads) {
        mmoe_model *model = threads == 1 ? one : new_model();
        mmoe_trainer *trainer = new_trainer(model, threads);
        SUCCEEDS(mmoe_trainer_fit(trainer, rows, NULL, &err));
        mmoe_trainer_free(trainer);
        if (model == one) continue;
        assert_same_models(one, model);
        mmoe_model_free(model);
    }
    double *got = numbers_of(one, &m);
    ck_assert_uint_eq(n, m);
    for (size_t i = 0; i < n; i++)
        ck_assert_msg(fabs(got[i] - want[i]) <= 1e-6 * fmax(1, fabs(want[i])),
                      "%zu: %.9g, want %.9g", i, got[i], want[i]);
    /* It is not what a run without it leaves. */
    SUCCEEDS(mmoe_config_set(config, "trainer.ema_decay", "0", &err));
    mmoe_model *plain = new_model();
    mmoe_trainer *trainer = new_trainer(plain, 1);
    SUCCEEDS(mmoe_trainer_fit(trainer, rows, NULL, &err));
    double *raw = numbers_of(plain, &m), most = 0;
    for (size_t i = 0; i < n; i++) most = fmax(most, fabs(raw[i] - got[i]));
    ck_assert_double_gt(most, 0.01);
    mmoe_trainer_free(trainer);
    mmoe_model_free(plain);
    mmoe_model_free(one);
    free(raw);
    free(got);
    free(want);
    tear_down();
}
END_TEST

/* ---- What is judged, and what goes on ---- */

typedef struct run_log {
    mmoe_trainer *trainer;
    int stop_after, stop_within; /* epochs; 0: never */
    double best_logloss;
} run_log;

static int watch(void *user, const mmoe_epoch_report *report) {
    run_log *log = user;
    if (report->is_best) log->best_logloss = report->valid[0].logloss;
    if (report->epoch == log->stop_within)
        mmoe_trainer_stop(log->trainer); /* in the next epoch's first step */
    return report->epoch == log->stop_after;
}

static mmoe_status fit(mmoe_model *model, run_log *log, const char *checkpoint, const char *from,
                       int threads) {
    const mmoe_trainer_options options = {.threads = threads,
                                          .single_threaded_blas = 1,
                                          .checkpoint_path = checkpoint,
                                          .user = log,
                                          .on_epoch = watch};
    mmoe_error why = {0};
    SUCCEEDS(mmoe_trainer_create(model, &options, NULL, &log->trainer, &err));
    if (from) SUCCEEDS(mmoe_trainer_resume(log->trainer, from, &err));
    const mmoe_status status = mmoe_trainer_fit(log->trainer, rows, valid, &why);
    mmoe_trainer_free(log->trainer);
    return status;
}

START_TEST(the_average_is_judged) {
    set_up("", "", ", \"n_epoch\": 4, \"ema_decay\": 0.9, \"optimizer_params\": {\"lr\": 0.02}");
    mmoe_model *model = new_model();
    run_log log = {0};
    mmoe_task_metrics metrics[TASKS];
    ck_assert_int_eq(fit(model, &log, NULL, NULL, 2), MMOE_OK);
    SUCCEEDS(mmoe_evaluate(model, valid, 1, NULL, metrics, &err));
    ck_assert_double_eq(metrics[0].logloss, log.best_logloss);
    mmoe_model_free(model);
    tear_down();
}
END_TEST

/* Everything that a step and an epoch remember, on each optimizer: cut off behind an epoch and
 * within one. */
START_TEST(a_run_goes_on_to_the_same_bits) {
    static const char *const words[] = {"adam", "adamw", "sgd"};
    char text[512], path[] = "/tmp/mmoe-ema-XXXXXX";
    const int file = mkstemp(path);
    ck_assert_int_ge(file, 0);
    ck_assert_int_eq(close(file), 0);
    snprintf(text, sizeof text,
             ", \"n_epoch\": %d, \"optimizer\": \"%s\", \"optimizer_params\": {\"lr\": 0.05}, "
             "\"ema_decay\": 0.95, \"clip_norm\": 0.3, \"warmup_steps\": 11,"
             " \"regularization_params\": {\"embedding_l1\": 0.0001, \"dense_l2\": 0.001}, "
             "\"scheduler\": \"plateau\", \"scheduler_params\": {\"patience\": 0}",
             2 * EPOCHS, words[_i]);
    set_up(", \"focal_gamma\": 1", "", text);
    mmoe_model *whole = new_model();
    run_log log = {0};
    ck_assert_int_eq(fit(whole, &log, NULL, NULL, 2), MMOE_OK);
    for (int within = 0; within < 2; within++) {
        mmoe_model *first = new_model(), *second = new_model();
        log = (run_log){.stop_after = within ? 0 : EPOCHS, .stop_within = within ? EPOCHS : 0};
        ck_assert_int_eq(fit(first, &log, path, NULL, 1), MMOE_E_CANCELLED);
        log = (run_log){0};
        ck_assert_int_eq(fit(second, &log, NULL, path, 3), MMOE_OK);
        assert_same_models(whole, second);
        mmoe_model_free(first);
        mmoe_model_free(second);
    }
    unlink(path);
    mmoe_model_free(whole);
    tear_down();
}
END_TEST

void add_cases(TCase *c) {
    tcase_add_loop_test(c, the_average_is_recomputed, 0, 2);
    tcase_add_test(c, the_average_is_judged);
    tcase_add_loop_test(c, a_run_goes_on_to_the_same_bits, 0, 3);
}
