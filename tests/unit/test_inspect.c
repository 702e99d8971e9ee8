/* What gates and experts do: figures by hand, names, threads, the report of an epoch, collapse. */
#include "inspect_support.h"

static void check_gate(const mmoe_gate_use *g, const hand *want, double tolerance) {
    for (int e = 0; e < 3; e++) {
        ck_assert_double_eq_tol(g->mean_weight[e], want->weight[e], tolerance);
        ck_assert_double_eq_tol(g->largest[e], want->largest[e], 1e-9);
    }
    ck_assert_double_eq_tol(g->entropy, want->entropy, tolerance);
    ck_assert_double_eq_tol(g->normalised_entropy, want->entropy / log(3), tolerance);
}

/* More rows than are run in one go; the second gate is the same in every row. */
START_TEST(gates_by_hand) {
    world w = by_hand("", 66000);
    set_gates(&w);
    mmoe_inspection *in = inspect(&w, 2);
    ck_assert_int_eq(in->rows, 66000);
    ck_assert_int_eq(in->sampled, 2048);
    ck_assert_int_eq(in->n_gate, 2);
    for (int t = 0; t < 2; t++) {
        const hand want = gate_by_hand(&w, t, 0);
        check_gate(&in->gates[t], &want, 1e-6);
        ck_assert_str_eq(in->gates[t].name, t ? "gates.1" : "gates.0");
        ck_assert_str_eq(in->gates[t].task, t ? "y" : "x");
        ck_assert_str_eq(in->gates[t].experts[2], "experts.2");
        ck_assert_int_eq(in->gates[t].level, 1);
        ck_assert_int_eq(in->gates[t].collapsed, 0);
        ck_assert_int_eq(in->gates[t].n_unused, 0);
    }
    const double s = 2 + exp(1);
    ck_assert_double_eq_tol(in->gates[1].mean_weight[1], exp(1) / s, 1e-6);
    ck_assert_double_eq(in->gates[1].largest[1], 1);
    ck_assert_double_eq_tol(in->gates[1].entropy, log(s) - exp(1) / s, 1e-6);
    mmoe_inspection_free(in);
    world_end(&w);
}
END_TEST

/* The gates' own node gives the weights; experts of equal logits share a row. */
START_TEST(gates_that_choose) {
    world w = by_hand(", \"top_k\": 1", 300);
    set_gates(&w);
    mmoe_inspection *in = inspect(&w, 1);
    for (int t = 0; t < 2; t++) {
        const hand want = gate_by_hand(&w, t, 1);
        check_gate(&in->gates[t], &want, 1e-6);
        ck_assert_str_eq(in->gates[t].name, t ? "gates.1" : "gates.0");
    }
    ck_assert_double_eq(in->gates[1].entropy, 0);
    ck_assert_int_eq(in->gates[1].collapsed, 1); /* expert 1 in every row */
    mmoe_inspection_free(in);
    world_end(&w);
}
END_TEST

/* Inputs are not negative: relu is the identity on these weights. */
START_TEST(experts_by_hand) {
    world w = by_hand("", 3000);
    const float zero[4] = {0, 0, 0, 0}, plain[8] = {1, 0, 0, 1, 1, 0, 0, -1},
                scaled[8] = {0, 3, 3, 0, -2, 0, 0, 3}, none[8] = {0};
    const float bias[4] = {1, 0, 2, -1};
    set(&w, "experts.0.mlp.0.weight", plain); /* d0, d1, d0, 0 */
    set(&w, "experts.0.mlp.0.bias", zero);
    set(&w, "experts.1.mlp.0.weight", scaled); /* 3 d1, 3 d0, 0, 3 d1 */
    set(&w, "experts.1.mlp.0.bias", zero);
    set(&w, "experts.2.mlp.0.weight", none);
    set(&w, "experts.2.mlp.0.bias", bias); /* the same in every row; two units dead */
    mmoe_inspection *in = inspect(&w, 2);
    const int dead[] = {1, 1, 2};
    for (int e = 0; e < 3; e++) {
        char name[16];
        snprintf(name, sizeof name, "experts.%d", e);
        ck_assert_str_eq(in->experts[e].name, name);
        ck_assert_int_eq(in->experts[e].width, 4);
        ck_assert_int_eq(in->experts[e].n_unit, 4);
        ck_assert_int_eq(in->experts[e].n_dead, dead[e]);
        ck_assert_int_eq(in->experts[e].unused, 0);
    }
    /* Expert 0 is (d0, d1, d0), in singular values those of (sqrt 2 d0, d1); expert 1 of (d0, sqrt
     * 2 d1). By hand for rows floor(i 3000 / 2048). */
    double mean[2] = {0}, c[3] = {0};
    for (int i = 0; i < 2048; i++)
        for (int k = 0; k < 2; k++)
            mean[k] += (double)w.rows->dense[2 * (i * 3000 / 2048) + k] / 2048;
    for (int i = 0; i < 2048; i++) {
        const double x = (double)w.rows->dense[2 * (i * 3000 / 2048)] - mean[0],
                     y = (double)w.rows->dense[2 * (i * 3000 / 2048) + 1] - mean[1];
        c[0] += x * x;
        c[1] += x * y;
        c[2] += y * y;
    }
    for (int e = 0; e < 2; e++) {
        const double p = c[0] * (e ? 1 : 2), q = c[1] * sqrt(2), r = c[2] * (e ? 2 : 1),
                     root = sqrt((p - r) * (p - r) + 4 * q * q);
        const double s1 = sqrt((p + r + root) / 2), s2 = sqrt((p + r - root) / 2),
                     share = s1 / (s1 + s2);
        ck_assert_double_eq_tol(in->experts[e].effective_rank,
                                exp(-share * log(share) - (1 - share) * log(1 - share)), 1e-9);
    }
    /* |X^T Y|^2 of (d0, d1, d0) and (d1, d0, d1), the factor 3 away */
    const double cross = 2 * c[0] * c[0] + c[2] * c[2] * 2 + 5 * c[1] * c[1];
    const double a = sqrt(4 * c[0] * c[0] + 4 * c[1] * c[1] + c[2] * c[2]),
                 b = sqrt(c[0] * c[0] + 4 * c[1] * c[1] + 4 * c[2] * c[2]);
    ck_assert_double_eq_tol(in->similarity[1], cross / (a * b), 1e-9);
    ck_assert_double_eq(in->experts[2].effective_rank, 0);
    ck_assert(isnan(in->similarity[2]) && in->similarity[0] == 1 &&
              in->similarity[3] == in->similarity[1]);
    mmoe_inspection_free(in);
    world_end(&w);
}
END_TEST

static world of_shape(int which, int32_t rows) {
    char json[1024];
    models_json(json, which, 0, 64);
    return world_of(json, 3, 2, rows);
}

/* ---- All models ---- */

START_TEST(parts_of_ple) {
    world w = of_shape(find_shape("ple", 0), 500); /* 2 levels, 1 specific, 2 shared */
    mmoe_inspection *in = inspect(&w, 1);
    ck_assert_int_eq(in->n_gate, 5);
    ck_assert_int_eq(in->n_expert, 8);
    const char *const gates[] = {"cgc_layers.0.gate_shared", "cgc_layers.0.gates_specific.0",
                                 "cgc_layers.0.gates_specific.1", "cgc_layers.1.gates_specific.0",
                                 "cgc_layers.1.gates_specific.1"};
    const char *const tasks[] = {NULL, "x", "y", "x", "y"};
    for (int g = 0; g < 5; g++) {
        ck_assert_str_eq(in->gates[g].name, gates[g]);
        ck_assert_pstr_eq(in->gates[g].task, tasks[g]);
        ck_assert_int_eq(in->gates[g].level, 1 + g / 3);
        ck_assert_int_eq(in->gates[g].n_expert, g ? 3 : 4);
    }
    ck_assert_str_eq(in->gates[2].experts[0], "cgc_layers.0.experts_specific.1");
    ck_assert_str_eq(in->gates[4].experts[2], "cgc_layers.1.experts_shared.1");
    for (int e = 0; e < 8; e++) {
        ck_assert_int_eq(in->experts[e].level, 1 + e / 4);
        ck_assert_int_eq(in->experts[e].width, 6);
        ck_assert_int_eq(in->experts[e].n_unit, 18);
        for (int f = 0; f < 8; f++)
            ck_assert_int_eq(isnan(in->similarity[e * 8 + f]) != 0, e / 4 != f / 4);
    }
    mmoe_inspection_free(in);
    world_end(&w);
}
END_TEST

START_TEST(parts_of_others) {
    static const struct {
        const char *shape, *expert;
        int gates, experts, width;
        const char *task;
    } wanted[] = {{"single_task", "experts.0", 0, 2, 6, NULL},
                  {"shared_bottom", "bottom_mlp", 0, 1, 12, NULL},
                  {"omoe", "experts.0", 1, 3, 16, NULL},
                  {"mmoe", "experts.0", 2, 3, 16, "x"},
                  {"cgc", "cgc_layers.0.experts_specific.0", 2, 5, 16, "x"},
                  {"esmm", NULL, 0, 0, 0, NULL},
                  {"aitm", "bottoms.0", 0, 2, 12, NULL},
                  {"cross_stitch", "experts.0", 0, 2, 6, NULL}};
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
        world w = of_shape(find_shape(wanted[i].shape, 0), 300);
        mmoe_inspection *in = inspect(&w, 1);
        ck_assert_msg(in->n_gate == wanted[i].gates && in->n_expert == wanted[i].experts,
                      "%s: %d gates, %d experts", wanted[i].shape, in->n_gate, in->n_expert);
        if (in->n_expert) ck_assert_str_eq(in->experts[0].name, wanted[i].expert);
        for (int e = 0; e < in->n_expert; e++) {
            ck_assert_int_eq(in->experts[e].width, wanted[i].width);
            ck_assert(in->experts[e].effective_rank >= 1 &&
                      in->experts[e].effective_rank <= wanted[i].width);
        }
        if (in->n_gate) ck_assert_pstr_eq(in->gates[0].task, wanted[i].task);
        mmoe_inspection_free(in);
        world_end(&w);
    }
}
END_TEST

/* The names stand for themselves; an inspection may outlive its model. */
START_TEST(threads_change_no_bit) {
    world w = of_shape(_i, 1500);
    mmoe_inspection *one = inspect(&w, 1), *four = inspect(&w, 4);
    world_end(&w);
    ck_assert_int_eq(one->n_gate, four->n_gate);
    for (int g = 0; g < one->n_gate; g++) {
        const mmoe_gate_use *a = &one->gates[g], *b = &four->gates[g];
        ck_assert_pstr_eq(a->task, b->task);
        ck_assert_str_eq(a->name, b->name);
        ck_assert_mem_eq(a->mean_weight, b->mean_weight, (size_t)a->n_expert * sizeof(double));
        ck_assert_mem_eq(a->largest, b->largest, (size_t)a->n_expert * sizeof(double));
        ck_assert_mem_eq(&a->entropy, &b->entropy, sizeof(double));
        double sum = 0;
        for (int e = 0; e < a->n_expert; e++) sum += a->mean_weight[e];
        ck_assert_double_eq_tol(sum, 1, 1e-6);
    }
    for (int e = 0; e < one->n_expert; e++) {
        ck_assert_int_eq(one->experts[e].n_dead, four->experts[e].n_dead);
        ck_assert_mem_eq(&one->experts[e].effective_rank, &four->experts[e].effective_rank,
                         sizeof(double));
    }
    ck_assert_mem_eq(one->similarity, four->similarity,
                     (size_t)one->n_expert * (size_t)one->n_expert * sizeof(double));
    mmoe_inspection_free(one);
    mmoe_inspection_free(four);
}
END_TEST

/* ---- Collapse ---- */

START_TEST(collapse) {
    static const struct {
        float bias[2][3];
        int collapsed[2], unused[2];
    } cases[] = {
        {{{0, 0, 0}, {0, 1, 0}}, {0, 0}, {0, 0}},
        {{{0, 0, 20}, {0, 0, 0}},
         {1, 0},
         {0, 0}}, /* one expert has one gate; the other gate uses all */
        {{{0, 0, 3.5F}, {0, 0, 0}}, {0, 0}, {0, 0}}, /* .943 */
        {{{0, 0, 3.7F}, {0, 0, 0}}, {1, 0}, {0, 0}}, /* .953 */
        {{{9, 9, 0}, {9, 9, 0}}, {0, 0}, {1, 1}},    /* one of three is not used */
        {{{20, 0, 0}, {0, 20, 0}}, {1, 1}, {1, 1}},  /* each has its own */
        {{{20, 0, 0}, {20, 0, 0}}, {1, 1}, {2, 2}},
        {{{0, 0, -4.9F}, {0, 0, -9}},
         {0, 0},
         {0, 0}}, /* .0037: a bit more than a hundredth of a third */
        {{{0, 0, -5.1F}, {0, 0, -9}}, {0, 0}, {1, 1}}, /* .0030: a bit less */
    };
    world w = constant_gates(cases[_i].bias, 100);
    mmoe_inspection *in = inspect(&w, 1);
    int unused = 0;
    for (int t = 0; t < 2; t++) {
        ck_assert_int_eq(in->gates[t].collapsed, cases[_i].collapsed[t]);
        ck_assert_int_eq(in->gates[t].n_unused, cases[_i].unused[t]);
    }
    for (int e = 0; e < 3; e++) unused += in->experts[e].unused;
    ck_assert_int_eq(unused, cases[_i].unused[0]);
    mmoe_inspection_free(in);
    world_end(&w);
}
END_TEST

START_TEST(bad_arguments) {
    world w = by_hand("", 20), other = of_shape(find_shape("mmoe", 0), 20);
    mmoe_inspection *in = NULL;
    mmoe_error err = {0};
    ck_assert_int_eq(mmoe_inspect(NULL, w.rows, 1, NULL, &in, &err), MMOE_E_ARGUMENT);
    ck_assert_int_eq(mmoe_inspect(w.model, NULL, 1, NULL, &in, &err), MMOE_E_ARGUMENT);
    ck_assert_int_eq(mmoe_inspect(w.model, w.rows, 1, NULL, NULL, &err), MMOE_E_ARGUMENT);
    ck_assert_int_eq(mmoe_inspect(w.model, w.rows, -1, NULL, &in, &err), MMOE_E_ARGUMENT);
    ck_assert_int_eq(mmoe_inspect(w.model, w.rows, 257, NULL, &in, &err), MMOE_E_ARGUMENT);
    ck_assert_int_eq(mmoe_inspect(w.model, other.rows, 1, NULL, &in, &err), MMOE_E_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(err.message, "sparse columns"));
    ck_assert_ptr_null(in);
    mmoe_inspection_free(NULL);
    world_end(&w);
    world_end(&other);
}
END_TEST

void add_cases(TCase *c) {
    tcase_add_loop_test(c, threads_change_no_bit, 0, MODELS);
    if (THREADS_ALONE) return;
    tcase_add_test(c, gates_by_hand);
    tcase_add_test(c, gates_that_choose);
    tcase_add_test(c, experts_by_hand);
    tcase_add_test(c, parts_of_ple);
    tcase_add_test(c, parts_of_others);
    tcase_add_loop_test(c, collapse, 0, 9);
    tcase_add_test(c, bad_arguments);
}
