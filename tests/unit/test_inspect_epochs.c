/* what an epoch reports of the gates */
#include "inspect_support.h"

typedef struct seen {
    int32_t epochs, n_gate, collapsed;
    double weight[8], entropy;
} seen;

static int see(void *user, const mmoe_epoch_report *report) {
    seen *s = user;
    s->epochs++;
    s->n_gate = report->n_gate;
    for (int i = 0; i < report->n_gate; i++) s->collapsed += report->gates[i].collapsed;
    if (!report->n_gate) return 0;
    for (int e = 0; e < report->gates[0].n_expert; e++)
        s->weight[e] = report->gates[0].mean_weight[e];
    s->entropy = report->gates[0].entropy;
    ck_assert_str_eq(report->gates[0].task, "x");
    return 0;
}

static seen fit(const world *w, const mmoe_dataset *valid, int threads) {
    seen s = {0};
    mmoe_trainer *trainer;
    const mmoe_trainer_options options = {
        .threads = threads, .single_threaded_blas = 1, .user = &s, .on_epoch = see};
    SUCCEEDS(mmoe_trainer_create(w->model, &options, NULL, &trainer, &err));
    SUCCEEDS(mmoe_trainer_fit(trainer, w->rows, valid, &err));
    mmoe_trainer_free(trainer);
    ck_assert_int_eq(s.epochs, 1);
    return s;
}

/* At a learning rate of nearly 0 the gates of an epoch are those of the model. Up to 256 rows all
 * count. */
START_TEST(epochs_report_gates) {
    for (int with_valid = 0; with_valid < 2; with_valid++) {
        world w = by_hand("", 200);
        set_gates(&w);
        const seen s = fit(&w, with_valid ? w.rows : NULL, 2);
        ck_assert_int_eq(s.n_gate, 2);
        ck_assert_int_eq(s.collapsed, 0);
        const hand want = gate_by_hand(&w, 0, 0);
        for (int e = 0; e < 3; e++) ck_assert_double_eq_tol(s.weight[e], want.weight[e], 1e-6);
        ck_assert_double_eq_tol(s.entropy, want.entropy, 1e-6);
        world_end(&w);
    }
}
END_TEST

/* Of more rows some count, and whatever the number of threads the same ones. */
START_TEST(epochs_sample_rows) {
    for (int with_valid = 0; with_valid < 2; with_valid++) {
        seen s[2];
        for (int k = 0; k < 2; k++) {
            world w = by_hand("", 5000);
            set_gates(&w);
            s[k] = fit(&w, with_valid ? w.rows : NULL, 1 + 2 * k);
            const hand want = gate_by_hand(&w, 0, 0);
            for (int e = 0; e < 3; e++)
                ck_assert_double_eq_tol(s[k].weight[e], want.weight[e], 0.02);
            world_end(&w);
        }
        ck_assert_mem_eq(s[0].weight, s[1].weight, sizeof s[0].weight);
        ck_assert_mem_eq(&s[0].entropy, &s[1].entropy, sizeof(double));
    }
}
END_TEST

START_TEST(epochs_report_collapse) {
    const float bias[2][3] = {{0, 20, 0}, {0, 0, 0}};
    for (int with_valid = 0; with_valid < 2; with_valid++) {
        world w = constant_gates(bias, 300);
        const seen s = fit(&w, with_valid ? w.rows : NULL, 1);
        ck_assert_int_eq(s.collapsed, 1);
        ck_assert_double_eq_tol(s.weight[1], 1, 1e-6);
        world_end(&w);
    }
}
END_TEST

START_TEST(epochs_without_gates) {
    char json[1024];
    models_json(json, find_shape("shared_bottom", 0), 0, 64);
    world w = world_of(json, 3, 2, 300);
    SUCCEEDS(mmoe_config_set(w.config, "trainer.n_epoch", "1", &err));
    mmoe_model_free(w.model);
    SUCCEEDS(mmoe_model_create(w.config, w.schema, NULL, &w.model, &err));
    ck_assert_int_eq(fit(&w, w.rows, 1).n_gate, 0);
    world_end(&w);
}
END_TEST

void add_cases(TCase *c) {
    tcase_add_test(c, epochs_report_gates);
    tcase_add_test(c, epochs_sample_rows);
    tcase_add_test(c, epochs_report_collapse);
    tcase_add_test(c, epochs_without_gates);
}
