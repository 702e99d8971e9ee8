/* Every type of task: its word, labels, loss and slope, link, and the figures that it is judged by.
 */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "loss/loss.h"

static const mmoe_loss_kind *kind_at(int type) { return mmoe_loss_kind_of((mmoe_task_type)type); }

/* ---- Tables ---- */

static const char *allowed_of(const char *path) {
    const mmoe_config_key *key;
    for (size_t i = 0; (key = mmoe_config_key_at(i)); i++)
        if (strcmp(key->path, path) == 0) return key->allowed;
    ck_abort_msg("no key %s", path);
    return NULL;
}

START_TEST(words_are_those_of_the_configuration) {
    char words[200] = "";
    for (int t = 0; t < MMOE_TASK_TYPE_COUNT; t++) {
        ck_assert_ptr_nonnull(kind_at(t));
        strcat(words, t ? " | " : "");
        strcat(words, mmoe_task_type_name(t));
    }
    ck_assert_str_eq(allowed_of("tasks[].type"), words);
    ck_assert_ptr_null(mmoe_task_type_name(-1));
    ck_assert_ptr_null(mmoe_task_type_name(MMOE_TASK_TYPE_COUNT));
    ck_assert_str_eq(mmoe_task_type_name(MMOE_CLASSIFICATION), "classification");
    ck_assert_str_eq(mmoe_task_type_name(MMOE_REGRESSION), "regression");
}
END_TEST

START_TEST(early_stopping_watches_every_metric_with_a_direction) {
    char words[200] = "auto | relative";
    const mmoe_metric_kind *watched;
    size_t directed = 0;
    for (size_t i = 0; (watched = mmoe_loss_watched(-1, i)); i++) {
        ck_assert_int_ne(watched->doc.better, 0);
        strcat(strcat(words, " | "), watched->doc.name);
        directed += watched->how != MMOE_METRIC_COMPARISON;
    }
    ck_assert_str_eq(allowed_of("trainer.earlystop_metric"), words);
    for (size_t i = 0; mmoe_metric_at(-1, i); i++) /* those without a direction come last */
        ck_assert((mmoe_metric_at(-1, i)->better != 0) == (i < directed));
    ck_assert_ptr_null(mmoe_loss_watched(MMOE_TASK_TYPE_COUNT, 0));
}
END_TEST

START_TEST(early_stopping_watches_comparisons_with_the_constant) {
    for (int t = 0; t < MMOE_TASK_TYPE_COUNT; t++) {
        const mmoe_baseline *baseline = mmoe_baseline_of(t);
        size_t count = 0;
        while (mmoe_loss_watched(t, count)) count++;
        const mmoe_metric_kind *last = mmoe_loss_watched(t, count - 1);
        ck_assert_int_eq(last->how, MMOE_METRIC_COMPARISON);
        ck_assert_str_eq(last->doc.name, baseline->ratio);
        ck_assert_str_eq(last->doc.title, baseline->ratio_title);
        ck_assert_int_eq(last->doc.better, baseline->better);
    }
}
END_TEST

static bool is_in(int type, const mmoe_metric *metric) {
    for (size_t i = 0; mmoe_metric_at(type, i); i++)
        if (mmoe_metric_at(type, i) == metric) return true;
    return false;
}

START_TEST(metrics_of_types_and_of_all) {
    size_t all = 0;
    while (mmoe_metric_at(-1, all)) all++;
    for (size_t i = 0; i < all; i++) {
        bool of_a_type = false;
        for (int t = 0; t < MMOE_TASK_TYPE_COUNT; t++) of_a_type |= is_in(t, mmoe_metric_at(-1, i));
        ck_assert_msg(of_a_type, "%s", mmoe_metric_at(-1, i)->name);
        for (size_t j = 0; j < i; j++)
            ck_assert_str_ne(mmoe_metric_at(-1, i)->name, mmoe_metric_at(-1, j)->name);
    }
    for (int t = 0; t < MMOE_TASK_TYPE_COUNT; t++) {
        size_t count = 0;
        ck_assert_int_ne(mmoe_metric_at(t, 0)->better, 0); /* what early stopping watches */
        for (const mmoe_metric *m; (m = mmoe_metric_at(t, count)); count++) {
            ck_assert(is_in(-1, m) && *m->name && *m->title && *m->what && abs(m->better) <= 1);
            const mmoe_metric_kind *kind = mmoe_loss_metric(t, count);
            ck_assert((kind->how == MMOE_METRIC_MEAN) == (kind->rows != NULL));
        }
        ck_assert_uint_le(count, MMOE_MAX_METRICS);
        const mmoe_baseline *baseline = mmoe_baseline_of(t);
        const mmoe_loss_kind *kind = mmoe_loss_kind_of((mmoe_task_type)t);
        const mmoe_metric_kind *compared = kind->metrics[mmoe_loss_compared(kind)];
        ck_assert(compared == kind->baseline->metric && compared->doc.better < 0);
        ck_assert_str_eq(baseline->metric, compared->doc.name);
        ck_assert_int_eq(abs(baseline->better), 1);
    }
    ck_assert_ptr_null(mmoe_metric_at(MMOE_TASK_TYPE_COUNT, 0));
    ck_assert(!mmoe_baseline_of(MMOE_TASK_TYPE_COUNT) && !mmoe_baseline_of(-1));
    ck_assert_str_eq(mmoe_metric_at(MMOE_CLASSIFICATION, 0)->name, "auc");
    ck_assert_str_eq(mmoe_metric_at(MMOE_REGRESSION, 0)->name, "mse");
}
END_TEST

/* ---- Labels ---- */

static const struct {
    double label;
    const char *fault[2]; /* of a classification, a regression; "": none */
} faults[] = {
    {0, {"", ""}},
    {1, {"", ""}},
    {-0.0, {"", ""}},
    {2, {"is neither 0 nor 1", ""}},
    {.5, {"is neither 0 nor 1", ""}},
    {-3e38, {"is neither 0 nor 1", ""}},
    {1e39, {"is neither 0 nor 1", "is too large for single precision"}},
    {(double)INFINITY, {"is neither 0 nor 1", "is not finite"}},
    {(double)NAN, {"is neither 0 nor 1", "is not finite"}},
};

START_TEST(labels_and_their_faults) {
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++)
        for (int t = 0; t < 2; t++) {
            const char *fault = mmoe_label_fault(t, faults[i].label);
            ck_assert_str_eq(fault ? fault : "", faults[i].fault[t]);
        }
    for (int t = 0; t < MMOE_TASK_TYPE_COUNT; t++) {
        ck_assert_ptr_null(mmoe_label_fault(t, 1)); /* of any type, what the tests below need */
        ck_assert_ptr_nonnull(mmoe_label_fault(t, (double)INFINITY));
    }
    ck_assert_ptr_nonnull(mmoe_label_fault(-1, 0));
    ck_assert_ptr_nonnull(mmoe_label_fault(MMOE_TASK_TYPE_COUNT, 0));
}
END_TEST

/* ---- Loss and link ---- */

enum { LOGITS = 61 };
static const double labels[] = {0, 1, 3, .25, -2};

static double logit(int i) { return -3 + i * .1; }

static void run(const mmoe_loss_kind *kind, const mmoe_loss_shape *shape, double z, double y,
                double *loss, double *dz) {
    const float zs[] = {(float)z}, ys[] = {(float)y};
    float l[1], d[1];
    kind->run(&(mmoe_loss_rows){1, mmoe_kernels_best(), shape, zs, ys, l, d});
    *loss = (double)*l;
    *dz = (double)*d;
}

static void check_slopes(int type, const mmoe_loss_shape *shape) {
    const double h = 0x1p-6;
    for (size_t y = 0; y < sizeof labels / sizeof *labels; y++)
        for (int i = 0; i < LOGITS && !mmoe_label_fault(type, labels[y]); i++) {
            double below, above, here, dz, unused;
            run(kind_at(type), shape, logit(i) - h, labels[y], &below, &unused);
            run(kind_at(type), shape, logit(i) + h, labels[y], &above, &unused);
            run(kind_at(type), shape, logit(i), labels[y], &here, &dz);
            ck_assert_double_gt(here, -1e-5); /* methods of balancing take ratios and logarithms */
            const double slope = (above - below) / (2 * h);
            ck_assert_msg(fabs(dz - slope) < 1e-3 * (1 + fabs(slope)),
                          "%s, label %g, logit %g: slope %g, by differences %g",
                          mmoe_task_type_name(type), labels[y], logit(i), dz, slope);
        }
}

START_TEST(slopes_are_those_of_the_loss) {
    check_slopes(_i, &(mmoe_loss_shape){0, 1, 0});
    if (kind_at(_i)->is_shaped) check_slopes(_i, &(mmoe_loss_shape){.1F, 3, 2});
}
END_TEST

/* A row's loss is least where the link gives its label: else scores and labels are of two scales.
 */
START_TEST(the_link_gives_what_the_loss_is_least_at) {
    const mmoe_loss_kind *kind = kind_at(_i);
    const mmoe_loss_shape plain = {0, 1, 0};
    float z[LOGITS], score[LOGITS];
    for (int i = 0; i < LOGITS; i++) z[i] = (float)logit(i);
    memcpy(score, z, sizeof score);
    if (kind->link) kind->link(mmoe_kernels_best(), LOGITS, z, score);
    ck_assert((kind->link == NULL) == (kind->onnx == NULL));
    for (int i = 0; i < LOGITS; i++) {
        double loss, dz;
        run(kind, &plain, (double)z[i], (double)score[i], &loss, &dz);
        ck_assert_msg(fabs(dz) < 1e-5 * (1 + fabs((double)score[i])), "%s: slope %g at logit %g",
                      mmoe_task_type_name(_i), dz, (double)z[i]);
        ck_assert(!kind->is_probability || (score[i] > 0 && score[i] < 1));
        ck_assert(i == 0 || score[i] > score[i - 1]);
    }
    if (kind->link) kind->link(mmoe_kernels_best(), LOGITS, z, z); /* in place, the same */
    ck_assert_mem_eq(z, score, sizeof z);
}
END_TEST

START_TEST(known_values) {
    const mmoe_loss_shape plain = {0, 1, 0};
    double loss, dz;
    float p[2] = {0, 0};
    run(kind_at(MMOE_CLASSIFICATION), &plain, 0, 1, &loss, &dz);
    ck_assert_double_eq_tol(loss, log(2), 1e-6);
    ck_assert_double_eq_tol(dz, -.5, 1e-6);
    kind_at(MMOE_CLASSIFICATION)->link(mmoe_kernels_best(), 2, (float[]){0, logf(3)}, p);
    ck_assert_float_eq_tol(p[0], .5F, 1e-6F);
    ck_assert_float_eq_tol(p[1], .75F, 1e-6F);
    ck_assert_str_eq(kind_at(MMOE_CLASSIFICATION)->onnx, "Sigmoid");
    run(kind_at(MMOE_REGRESSION), &plain, 1.5, -1, &loss, &dz);
    ck_assert(loss == 6.25 && dz == 5);
}
END_TEST

int main(void) {
    Suite *s = suite_create("loss");
    TCase *c = tcase_create("loss");
    tcase_add_test(c, words_are_those_of_the_configuration);
    tcase_add_test(c, early_stopping_watches_every_metric_with_a_direction);
    tcase_add_test(c, early_stopping_watches_comparisons_with_the_constant);
    tcase_add_test(c, metrics_of_types_and_of_all);
    tcase_add_test(c, labels_and_their_faults);
    tcase_add_loop_test(c, slopes_are_those_of_the_loss, 0, MMOE_TASK_TYPE_COUNT);
    tcase_add_loop_test(c, the_link_gives_what_the_loss_is_least_at, 0, MMOE_TASK_TYPE_COUNT);
    tcase_add_test(c, known_values);
    suite_add_tcase(s, c);
    SRunner *runner = srunner_create(s);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
