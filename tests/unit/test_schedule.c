/* The learning rate: PyTorch's schedules and a warm-up, as numbers, and in a run. */
#include "check_main.h"
#include "training_support.h"

#include "train/schedule.h"

static const mmoe_trainer_config base = {.t_max = 10,
                                         .optimizer.lr = 0.5F,
                                         .gamma = 0.25F,
                                         .step_size = 3,
                                         .patience = 2,
                                         .factor = 0.5F};

static double rate_of(const mmoe_trainer_config *c, int32_t epoch, uint64_t step) {
    mmoe_schedule s;
    mmoe_schedule_init(&s, c);
    return mmoe_schedule_rate(&s, c, epoch, step);
}

START_TEST(rates_by_the_epoch) {
    mmoe_trainer_config c = base;
    for (int32_t epoch = 0; epoch < 10; epoch++) ck_assert_double_eq(rate_of(&c, epoch, 1), 0.5);
    c.scheduler = MMOE_SCHEDULER_STEP;
    static const double steps[] = {0.5,   0.5,     0.5,     0.125,   0.125,
                                   0.125, 0.03125, 0.03125, 0.03125, 0.0078125};
    for (int32_t epoch = 0; epoch < 10; epoch++)
        ck_assert_double_eq(rate_of(&c, epoch, 1), steps[epoch]);
    c.scheduler = MMOE_SCHEDULER_EXPONENTIAL;
    for (int32_t epoch = 0; epoch < 10; epoch++)
        ck_assert_double_eq(rate_of(&c, epoch, 1), ldexp(0.5, -2 * epoch));
    c.scheduler = MMOE_SCHEDULER_COSINE;
    ck_assert_double_eq(rate_of(&c, 0, 1), 0.5);
    ck_assert_double_eq_tol(rate_of(&c, 5, 1), 0.25, 1e-16);
    ck_assert_double_eq_tol(rate_of(&c, 9, 1), 0.5 * (1 + cos(0.9 * M_PI)) / 2, 1e-16);
    c.t_max = 4;
    c.min_lr = 0.125F;
    static const double quarters[] = {0.5,    0.125 + 0.375 * 0.85355339059327373,
                                      0.3125, 0.125 + 0.375 * 0.14644660940672624,
                                      0.125,  0.125 + 0.375 * 0.14644660940672624};
    for (int32_t epoch = 0; epoch < 6; epoch++)
        ck_assert_double_eq_tol(rate_of(&c, epoch, 1), quarters[epoch],
                                1e-15); /* it rises again, as PyTorch's */
}
END_TEST

START_TEST(warm_up_is_on_top) {
    mmoe_trainer_config c = base;
    c.warmup_steps = 8;
    for (uint64_t step = 1; step <= 8; step++)
        ck_assert_double_eq(rate_of(&c, 0, step), (double)step / 16);
    ck_assert_double_eq(rate_of(&c, 0, 9), 0.5);
    c.scheduler = MMOE_SCHEDULER_EXPONENTIAL;
    ck_assert_double_eq(rate_of(&c, 1, 4), 0.0625);
    ck_assert_double_eq(rate_of(&c, 1, 80), 0.125);
}
END_TEST

/* The rates after each score. */
static void check_plateau(const mmoe_trainer_config *c, bool larger, const double *scores,
                          const double *rates, int n) {
    mmoe_schedule s;
    mmoe_schedule_init(&s, c);
    for (int i = 0; i < n; i++) {
        mmoe_schedule_watch(&s, c, scores[i], larger);
        ck_assert_msg(mmoe_schedule_rate(&s, c, i + 1, 100) == rates[i],
                      "score %d: rate %g, want %g", i, mmoe_schedule_rate(&s, c, i + 1, 100),
                      rates[i]);
    }
}

START_TEST(plateaus) {
    mmoe_trainer_config c = base;
    c.scheduler = MMOE_SCHEDULER_PLATEAU;
    /* The third epoch without a better score is one too many; then the count begins anew. */
    check_plateau(&c, false, (const double[]){4, 3, 3, 3.5, 3, 9, 9, 9, 2, 2},
                  (const double[]){.5, .5, .5, .5, .25, .25, .25, .125, .125, .125}, 10);
    check_plateau(&c, true, (const double[]){.6, .7, .6, .7, .5, .5, .9, .9, .9, .9},
                  (const double[]){.5, .5, .5, .5, .25, .25, .25, .25, .25, .125}, 10);
    /* Better by less than a ten-thousandth is not better. */
    check_plateau(&c, true, (const double[]){.7, .70006, .70006, .70006},
                  (const double[]){.5, .5, .5, .25}, 4);
    check_plateau(&c, true, (const double[]){.7, .70008, .70006, .70006},
                  (const double[]){.5, .5, .5, .5}, 4);
    check_plateau(&c, false, (const double[]){.7, .69994, .69994, .69994},
                  (const double[]){.5, .5, .5, .25}, 4);
    /* What is undefined is no wait. */
    check_plateau(&c, true, (const double[]){.7, NAN, .7, NAN, NAN, .7, NAN, .7},
                  (const double[]){.5, .5, .5, .5, .5, .5, .5, .25}, 8);
    c.patience = 0;
    c.min_lr = 0.2F;
    check_plateau(&c, false, (const double[]){1, 1, 1, 1},
                  (const double[]){.5, .25, (double)0.2F, (double)0.2F}, 4);
}
END_TEST

/* ---- In a run ---- */

enum { MOST_EPOCHS = 16 };

typedef struct seen {
    int n;
    double lr[MOST_EPOCHS], score[MOST_EPOCHS];
} seen;

static int look(void *user, const mmoe_epoch_report *report) {
    seen *s = user;
    s->lr[s->n] = report->lr;
    s->score[s->n++] = report->score;
    return 0;
}

static seen run(const char *keys, bool judged) {
    seen s = {0};
    mmoe_trainer *trainer;
    set_up("", "", keys);
    mmoe_model *model = new_model();
    const mmoe_trainer_options options = {
        .threads = 1, .single_threaded_blas = 1, .user = &s, .on_epoch = look};
    SUCCEEDS(mmoe_trainer_create(model, &options, NULL, &trainer, &err));
    SUCCEEDS(mmoe_trainer_fit(trainer, rows, judged ? valid : NULL, &err));
    mmoe_trainer_free(trainer);
    mmoe_model_free(model);
    tear_down();
    return s;
}

START_TEST(reports_have_the_rate) {
    seen s = run(", \"n_epoch\": 4, \"optimizer_params\": {\"lr\": 0.5}, \"scheduler\": \"step\", "
                 "\"scheduler_params\": {\"step_size\": 2, \"gamma\": 0.5},"
                 " \"warmup_steps\": 14",
                 false);
    const double want[] = {0.25, 0.5, 0.25, 0.25}; /* seven steps an epoch */
    ck_assert_int_eq(s.n, 4);
    for (int i = 0; i < 4; i++) ck_assert_double_eq(s.lr[i], want[i]);
}
END_TEST

/* The plateau follows the figure that early stopping watches: AUC up, log-loss down. */
START_TEST(a_plateau_follows_what_is_watched) {
    for (int loss = 0; loss < 2; loss++) {
        char keys[512];
        snprintf(keys, sizeof keys,
                 ", \"n_epoch\": 14, \"optimizer_params\": {\"lr\": 0.0625}, \"scheduler\": "
                 "\"plateau\", \"scheduler_params\": {\"patience\": 0, \"factor\": 0.5},"
                 " \"earlystop_patience\": 0, \"earlystop_metric\": \"%s\"",
                 loss ? "logloss" : "auc");
        const seen s = run(keys, true);
        ck_assert_int_eq(s.n, 14);
        double best = s.score[0], lr = 0.0625;
        int fell = 0, stood = 0;
        for (int i = 1; i < s.n; i++) {
            ck_assert_double_eq(s.lr[i], lr);
            const bool better =
                loss ? s.score[i] < best * (1 - 1e-4) : s.score[i] > best * (1 + 1e-4);
            if (better)
                best = s.score[i];
            else
                lr /= 2;
            fell += !better;
            stood += better;
        }
        ck_assert(fell > 0 && stood > 0);
    }
}
END_TEST

START_TEST(a_plateau_needs_validation_rows) {
    set_up("", "", ", \"scheduler\": \"plateau\"");
    mmoe_model *model = new_model();
    mmoe_trainer *trainer = new_trainer(model, 1);
    mmoe_error why = {0};
    ck_assert_int_eq(mmoe_trainer_fit(trainer, rows, NULL, &why), MMOE_E_ARGUMENT);
    ck_assert_str_eq(
        why.message,
        "trainer.scheduler: \"plateau\" watches a metric of validation rows, and there are none");
    SUCCEEDS(mmoe_trainer_fit(trainer, rows, valid, &err));
    mmoe_trainer_free(trainer);
    mmoe_model_free(model);
    tear_down();
}
END_TEST

/* Two steps of plain descent, of which the first moves by half of the second's rate. */
START_TEST(a_step_uses_its_rate) {
    mmoe_model *models[2];
    for (int i = 0; i < 2; i++) {
        set_up("", "",
               i ? ", \"optimizer\": \"sgd\", \"optimizer_params\": {\"lr\": 0.25, "
                   "\"weight_decay\": 0}, \"warmup_steps\": 2"
                 : ", \"optimizer\": \"sgd\", \"optimizer_params\": {\"lr\": 0.125, "
                   "\"weight_decay\": 0}");
        models[i] = new_model();
        mmoe_trainer *trainer = new_trainer(models[i], 1);
        SUCCEEDS(mmoe_trainer_step(trainer, rows, 0, BATCH, NULL, &err));
        mmoe_trainer_free(trainer);
        tear_down();
    }
    assert_same_models(models[0], models[1]);
    mmoe_model_free(models[0]);
    mmoe_model_free(models[1]);
}
END_TEST

void add_cases(TCase *c) {
    tcase_add_test(c, rates_by_the_epoch);
    tcase_add_test(c, warm_up_is_on_top);
    tcase_add_test(c, plateaus);
    tcase_add_test(c, reports_have_the_rate);
    tcase_add_test(c, a_plateau_follows_what_is_watched);
    tcase_add_test(c, a_plateau_needs_validation_rows);
    tcase_add_test(c, a_step_uses_its_rate);
}
