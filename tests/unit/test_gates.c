/* Gates: the kernel against its formulas in double precision; which experts are dropped; what
 * balances them. */
#include "check_main.h"
#include "kernels_support.h"
#include "plan_support.h"

#include "graph/op.h"
#include "graph/run.h"
#include "model/model.h"
#include "train/trainer.h"

/* ---- The kernel ---- */

enum { GATES = 3, MOST_EXPERTS = 70 };

typedef struct gates {
    int32_t rows, col[GATES], n_expert[GATES], width;
    matrix a, g, dg, da, mask; /* logits of gates stand apart, the last gate's first */
    float more[GATES * MOST_EXPERTS];
    mmoe_gate_args args;
} gates;

static void gates_init(gates *t, int32_t n_expert) {
    *t = (gates){.rows = 1 + draw_below(20)};
    int32_t at = 0;
    for (int i = 0; i < GATES; i++)
        t->width += t->n_expert[i] = 1 + (n_expert - 1 + 17 * i) % MOST_EXPERTS;
    for (int i = GATES - 1; i >= 0; at += t->n_expert[i] + 3, i--) t->col[i] = at;
    t->a = matrix_drawn(t->rows, at, some_stride(at), -3, 3);
    t->da = matrix_new(t->rows, at, some_stride(at));
    t->g = matrix_new(t->rows, t->width, some_stride(t->width));
    t->dg = matrix_drawn(t->rows, t->width, some_stride(t->width), -1, 1);
    for (int32_t c = 0; c < t->width; c++) t->more[c] = draw(-1, 1);
    t->args = (mmoe_gate_args){
        .rows = t->rows, .n_gate = GATES, .col = t->col, .n_expert = t->n_expert, .temperature = 1};
    t->args.a = t->a.at;
    t->args.lda = t->a.ld;
    t->args.g = t->g.at;
    t->args.ldg = t->g.ld;
    t->args.dg = t->dg.at;
    t->args.lddg = t->dg.ld;
    t->args.da = t->da.at;
    t->args.ldda = t->da.ld;
}

static void gates_finish(const gates *t) {
    const matrix *all[] = {&t->a, &t->g, &t->dg, &t->da, &t->mask};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) free(all[i]->at);
}

static void mask_gates(gates *t, float dropped) {
    t->args.masked = 1;
    for (int32_t b = 0; b < t->rows; b++)
        for (int32_t c = 0; c < t->width; c++)
            *matrix_cell(&t->g, b, c) = draw(0, 1) < dropped ? 0.0f : 1.5f;
    t->mask = matrix_copy(&t->g);
}

/* Some logits of a gate are the same. */
static void tie_logits(gates *t) {
    for (int32_t b = 0; b < t->rows; b++)
        for (int32_t c = 0; c < t->a.cols; c++)
            *matrix_cell(&t->a, b, c) = (float)(draw_below(5) - 2) * (draw_below(2) ? 1.0f : -1.0f);
}

/* How many are larger decides which are the k largest. */
static int takes_part(const gates *t, const float *a, const float *mask, int32_t n, int32_t e) {
    int larger = 0;
    for (int32_t i = 0; i < n; i++) larger += a[i] > a[e];
    return (!t->args.top_k || larger < t->args.top_k) && (!mask || mask[e] != 0);
}

static void check_row(const gates *t, int gate, int32_t first, int32_t b) {
    const int32_t n = t->n_expert[gate];
    const float *a = matrix_cell(&t->a, b, t->col[gate]),
                *mask = t->args.masked ? matrix_cell(&t->mask, b, first) : NULL;
    const float *got = matrix_cell(&t->g, b, first), *dg = matrix_cell(&t->dg, b, first),
                *da = matrix_cell(&t->da, b, t->col[gate]);
    double g[MOST_EXPERTS], d[MOST_EXPERTS], top = -INFINITY, sum = 0, mean = 0;
    int left = 0;
    for (int32_t e = 0; e < n; e++) left += takes_part(t, a, mask, n, e);
    if (!left) mask = NULL;
    for (int32_t e = 0; e < n; e++)
        top = takes_part(t, a, mask, n, e) ? fmax(top, (double)a[e]) : top;
    for (int32_t e = 0; e < n; e++)
        sum += g[e] = takes_part(t, a, mask, n, e)
                          ? exp(((double)a[e] - top) / (double)t->args.temperature)
                          : 0;
    const double error = 4 * U * (4 + 6 / (double)t->args.temperature) + sum_error(n);
    double total = 0;
    for (int32_t e = 0; e < n; e++) {
        g[e] /= sum;
        d[e] = (double)dg[e] + (t->args.more ? (double)t->more[first + e] : 0);
        mean += g[e] * d[e];
        REQUIRE((g[e] == 0) <= (got[e] == 0), "row %d: %.9g of what takes no part", b,
                (double)got[e]);
        check_near("g", (double)got[e], g[e], error * g[e] + 0x1p-126);
        total += (double)got[e];
    }
    check_near("sum", total, 1, sum_error(n));
    for (int32_t e = 0; e < n; e++) {
        const double want = g[e] * (d[e] - mean) / (double)t->args.temperature;
        check_near("da", (double)da[e], want,
                   8 * error * g[e] / (double)t->args.temperature + 0x1p-126);
        REQUIRE(takes_part(t, a, mask, n, e) || da[e] == 0,
                "row %d: a gradient of what takes no part", b);
    }
}

static void check_gates(const mmoe_kernels *k, gates *t) {
    const matrix a = matrix_copy(&t->a), dg = matrix_copy(&t->dg);
    k->gate_forward(&t->args);
    k->gate_backward(&t->args);
    for (int32_t b = 0; b < t->rows; b++)
        for (int i = 0, first = 0; i < GATES; first += t->n_expert[i++]) check_row(t, i, first, b);
    check_gaps(&t->g);
    for (int32_t b = 0; b < t->rows; b++) /* between the gates, too */
        for (int i = 0; i < GATES; i++)
            if (i)
                REQUIRE(is_gap(matrix_cell(&t->da, b, t->col[i] + t->n_expert[i])),
                        "written beyond gate %d", i);
    check_same_bits(&a, &t->a);
    check_same_bits(&dg, &t->dg);
    free(a.at);
    free(dg.at);
    gates_finish(t);
}

START_TEST(weights_are_their_formula) {
    for (int32_t n = 1; n <= MOST_EXPERTS; n++)
        for (int kind = 0; kind < 32; kind++) {
            gates t;
            gates_init(&t, n);
            if (kind & 1) t.args.temperature = kind & 2 ? 0.1f : 7;
            if (kind & 4) t.args.top_k = 1 + draw_below(n);
            if (kind & 8) t.args.more = t.more;
            if (kind & 2) tie_logits(&t);
            if (kind & 16) mask_gates(&t, kind & 4 ? 0.9f : 0.4f);
            check_gates(table_at(_i), &t);
        }
}
END_TEST

/* The largest logit is 1 of its own, however low the temperature; very large and equal ones share.
 */
START_TEST(ends_of_the_range) {
    const mmoe_kernels *k = table_at(_i);
    const int32_t col = 0, n = 5;
    const float logits[][5] = {{1, 2, 2.0001f, -3, 0},
                               {3e38f, -3e38f, 3e38f, 1, 3e38f},
                               {0, -0.0f, -1, -1, -1},
                               {-INFINITY, 1, -INFINITY, -INFINITY, 0}};
    const float temperature[] = {1e-45f, 1000, 1, 1},
                want[][5] = {{0, 0, 1, 0, 0},
                             {1 / 3.0f, 0, 1 / 3.0f, 0, 1 / 3.0f},
                             {0.5f, 0.5f, 0, 0, 0},
                             {0, 1, 0, 0, 0}};
    const int32_t top_k[] = {0, 0, 1, 1};
    for (int i = 0; i < 4; i++) {
        float g[5], da[5];
        const float dg[5] = {1, -1, 1, 2, 3};
        mmoe_gate_args a = {.rows = 1,
                            .n_gate = 1,
                            .col = &col,
                            .n_expert = &n,
                            .temperature = temperature[i],
                            .top_k = top_k[i],
                            .a = logits[i],
                            .g = g};
        k->gate_forward(&a);
        a.dg = dg;
        a.da = da;
        k->gate_backward(&a);
        for (int e = 0; e < 5; e++)
            REQUIRE(fabs((double)(g[e] - want[i][e])) <= 2 * U && isfinite(da[e]),
                    "%d, %d: %.9g, %.9g", i, e, (double)g[e], (double)da[e]);
    }
}
END_TEST

/* It must not be lost among those that take no part. */
START_TEST(a_nan_spoils_its_gate_alone) {
    const uint32_t bits[] = {0x7fc00000u, 0xffc00000u};
    for (int i = 0; i < 6; i++) {
        gates t;
        gates_init(&t, 9);
        t.args.top_k = i / 2 ? 2 * (i / 2) : 0;
        memcpy(matrix_cell(&t.a, 0, t.col[0] + 4), &bits[i % 2], sizeof *bits);
        table_at(_i)->gate_forward(&t.args);
        for (int32_t c = 0; c < t.width; c++)
            REQUIRE(isnan(*matrix_cell(&t.g, 0, c)) == (c < t.n_expert[0]), "column %d", c);
        gates_finish(&t);
    }
}
END_TEST

/* ---- Experts that are dropped ---- */

enum { EXPERTS = 4, TASKS = 2, BATCH = 500, COLS = TASKS * EXPERTS };

static mmoe_run *run_of(const bench *b, int32_t *gate) {
    mmoe_run *run;
    SUCCEEDS(mmoe_run_create(
        &(mmoe_plan_request){b->model->graph, &b->model->params, NULL, MMOE_PLAN_TRAIN, ROWS}, &run,
        &err));
    for (*gate = 0; b->model->graph->nodes[*gate].op != MMOE_OP_GATE;) ++*gate;
    return run;
}

/* The gate node alone over all rows, `slice` rows at a time; g [ROWS, COLS]. */
static void weigh(mmoe_run *r, int32_t gate, uint64_t seed, uint64_t step, int32_t slice,
                  float g[ROWS * COLS]) {
    const mmoe_plan *p = r->plan;
    const mmoe_node *n = &p->graph->nodes[gate];
    const mmoe_buffer *a = &p->values[n->in], *out = &p->values[n->out];
    r->seed = seed;
    r->step = step;
    for (size_t b = 0; b < ROWS; b++)
        for (size_t c = 0; c < COLS; c++)
            a->base[b * (size_t)a->ld + (size_t)n->u.gate.col[c / EXPERTS] + c % EXPERTS] =
                (float)(3 * drawn(20, b * COLS + c));
    for (int32_t first = 0; first < ROWS; first += slice) {
        const mmoe_span s = {
            .first = first, .rows = ROWS - first < slice ? ROWS - first : slice, .row = first};
        mmoe_ops[MMOE_OP_GATE]->forward(r, gate, &s);
    }
    for (size_t b = 0; b < ROWS; b++)
        memcpy(g + b * COLS, out->base + b * (size_t)out->ld, COLS * sizeof *g);
}

static int differ(const float *x, const float *y) {
    int n = 0;
    for (int i = 0; i < ROWS * COLS; i++) n += (x[i] == 0) != (y[i] == 0);
    return n;
}

/* Each gate of a row drops on its own; the others' weights are as they were, but for a factor;
 * where all would go, none goes. */
static void check_dropped(const float *g, const float *whole, double p, double kept_of_all) {
    double kept = 0, alike = 0, full = 0;
    for (int b = 0; b < ROWS * TASKS; b++) {
        const float *x = g + b * EXPERTS, *y = whole + b * EXPERTS;
        double sum = 0, was = 0;
        int n = 0;
        for (int e = 0; e < EXPERTS; e++) {
            sum += (double)x[e];
            if (x[e] != 0) was += (double)y[e];
            n += x[e] != 0;
            if (b % TASKS) alike += (x[e] != 0) == (x[e - EXPERTS] != 0);
        }
        if (!(fabs(sum - 1) < 1e-6)) ck_abort_msg("row %d: weights sum to %.9g", b, sum);
        for (int e = 0; e < EXPERTS; e++)
            if (x[e] != 0 && !(fabs((double)x[e] - (double)y[e] / was) < 1e-6))
                ck_abort_msg("row %d, expert %d: %.9g", b, e, (double)x[e]);
        kept += n;
        full += n == EXPERTS;
    }
    const double some = pow(1 - p, EXPERTS) + pow(p, EXPERTS),
                 same = kept_of_all * kept_of_all + (1 - kept_of_all) * (1 - kept_of_all);
    const double all = ROWS * TASKS;
    ck_assert_double_eq_tol(kept / (all * EXPERTS), kept_of_all, 4 * sqrt(0.25 / (all * EXPERTS)));
    ck_assert_double_eq_tol(full / all, some, 4 * sqrt(some * (1 - some) / all));
    ck_assert_double_eq_tol(alike / (ROWS * EXPERTS), same, 4 * sqrt(0.25 / (ROWS * EXPERTS)));
}

static const shape dropping = {"dropping",
                               TASKS,
                               EXPERTS,
                               "\"dims\": [6]",
                               "\"expert_dropout\": 0.4",
                               {"\"dims\": [5]", "\"dims\": [5]"}};
static const shape keeping = {"keeping",
                              TASKS,
                              EXPERTS,
                              "\"dims\": [6]",
                              "\"expert_dropout\": 0.4, \"top_k\": 2",
                              {"\"dims\": [5]", "\"dims\": [5]"}};

START_TEST(experts_are_dropped_row_by_row) {
    static float whole[ROWS * COLS], first[ROWS * COLS], other[ROWS * COLS];
    const double p = 0.4;
    bench b;
    int32_t gate;
    bench_init(&b, &dropping, BATCH);
    mmoe_run *run = run_of(&b, &gate);
    mmoe_gating *how = &b.model->graph->nodes[gate].u.gate.how;
    how->dropout = 0;
    weigh(run, gate, 1, 1, ROWS, whole);
    how->dropout = 0.4f;
    weigh(run, gate, 1, 1, ROWS, first);
    check_dropped(first, whole, p, 1 - p + pow(p, EXPERTS));
    for (int32_t slice = 1; slice < ROWS; slice = 3 * slice + 1) {
        weigh(run, gate, 1, 1, slice, other);
        ck_assert_mem_eq(first, other, sizeof first);
    }
    weigh(run, gate, 2, 1, ROWS, other);
    ck_assert_int_gt(differ(first, other), ROWS);
    weigh(run, gate, 1, 2, ROWS, other);
    ck_assert_int_gt(differ(first, other), ROWS);
    mmoe_run_free(run);
    bench_finish(&b);
}
END_TEST

/* Of two that top-k keeps, one, the other or both take part. */
START_TEST(dropping_keeps_to_the_largest) {
    static float whole[ROWS * COLS], g[ROWS * COLS];
    const double p = 0.4;
    bench b;
    int32_t gate, count[3] = {0};
    bench_init(&b, &keeping, BATCH);
    mmoe_run *run = run_of(&b, &gate);
    mmoe_gating *how = &b.model->graph->nodes[gate].u.gate.how;
    how->dropout = 0;
    weigh(run, gate, 1, 1, ROWS, whole);
    how->dropout = 0.4f;
    weigh(run, gate, 1, 1, ROWS, g);
    for (int i = 0; i < ROWS * COLS; i += EXPERTS) {
        int n = 0, kept = 0;
        for (int e = 0; e < EXPERTS; e++) {
            kept += whole[i + e] != 0;
            n += g[i + e] != 0;
            if (g[i + e] != 0 && whole[i + e] == 0)
                ck_abort_msg("an expert that top-k left out takes part");
        }
        ck_assert_int_eq(kept, 2);
        ck_assert(n == 1 || n == 2);
        count[n]++;
    }
    const double all = ROWS * TASKS, one = 2 * p * (1 - p);
    ck_assert_double_eq_tol(count[1] / all, one, 4 * sqrt(one * (1 - one) / all));
    mmoe_run_free(run);
    bench_finish(&b);
}
END_TEST

/* Served and evaluated, nothing is dropped: both are tests of predictions that a training step's
 * mask would disturb. */
START_TEST(nothing_is_dropped_in_predictions) {
    static float dropped[ROWS * TASKS], plain[ROWS * TASKS];
    bench b;
    int32_t gate;
    mmoe_predictor *predictor;
    mmoe_batch batch;
    bench_init(&b, &dropping, BATCH);
    mmoe_run_free(run_of(&b, &gate));
    for (int k = 0; k < 2; k++) {
        mmoe_run *run;
        const mmoe_rows rows = mmoe_dataset_rows_of(b.data, 0, ROWS, NULL);
        SUCCEEDS(mmoe_run_create(
            &(mmoe_plan_request){b.model->graph, &b.model->params, NULL, MMOE_PLAN_PREDICT, ROWS},
            &run, &err));
        mmoe_run_fold(run);
        mmoe_run_predict(run, &rows, k ? plain : dropped);
        mmoe_run_free(run);
        b.model->graph->nodes[gate].u.gate.how.dropout = 0;
    }
    ck_assert_mem_eq(dropped, plain, sizeof plain);
    SUCCEEDS(mmoe_predictor_create(b.model, NULL, &predictor, &err));
    SUCCEEDS(mmoe_dataset_batch(b.data, 0, ROWS, &batch, &err));
    SUCCEEDS(mmoe_predictor_run(predictor, &batch, dropped, &err));
    for (int i = 0; i < ROWS * TASKS; i++)
        if (!(fabs((double)(dropped[i] - plain[i])) < 1e-5))
            ck_abort_msg("prediction %d: %.9g, %.9g", i, (double)dropped[i], (double)plain[i]);
    mmoe_predictor_free(predictor);
    bench_finish(&b);
}
END_TEST

/* ---- Balance ---- */

static void ignore(void *context, const mmoe_gradient *gradient) {
    (void)context;
    (void)gradient;
}

/* The mean over the gates of the squared coefficient of variation of what experts weigh, after some
 * training from a start at which each gate prefers its first expert. */
static double imbalance_after_training(const char *keys) {
    const shape s = {"balance",       TASKS, EXPERTS,
                     "\"dims\": [6]", keys,  {"\"dims\": [5]", "\"dims\": [5]"}};
    double loss[TASKS], weight[TASKS], imbalance = 0;
    bench b;
    int32_t gate;
    bench_init(&b, &s, 300);
    for (int t = 0; t < TASKS; t++) {
        char name[32];
        snprintf(name, sizeof name, "gates.%d.mlp.1.bias", t);
        b.model->params.values[mmoe_tensors_find(&b.model->graph->tensors, name)->offset] = 1;
    }
    take_steps(&b, 2, 150, 300, 300);
    mmoe_run *run = run_of(&b, &gate);
    const mmoe_rows rows = mmoe_dataset_rows_of(b.data, 0, ROWS, NULL);
    mmoe_run_train(run, &(mmoe_pass){&rows, 1, 1, loss, weight}, ignore, NULL);
    const mmoe_gate_state *own = run->plan->nodes[gate].own;
    const float *balance = own->balance; /* a multiple of the experts' shares */
    for (int t = 0; t < TASKS; t++, balance += EXPERTS) {
        double sum = 0, squares = 0;
        for (int e = 0; e < EXPERTS; e++) sum += (double)balance[e];
        for (int e = 0; e < EXPERTS; e++) squares += pow((double)balance[e] / sum, 2);
        imbalance += (EXPERTS * squares - 1) / TASKS;
    }
    mmoe_run_free(run);
    bench_finish(&b);
    return imbalance;
}

START_TEST(a_load_balance_evens_experts_out) {
    const double without = imbalance_after_training("\"load_balance\": 1e-9"),
                 with = imbalance_after_training("\"load_balance\": 10");
    ck_assert_double_gt(without, 0.1);
    ck_assert_double_lt(with, 0.01);
}
END_TEST

/* ---- The experts' relu ---- */

/* It stays with what mixes them, whatever reads the gates that stand beside them. */
START_TEST(gates_leave_the_experts_relu_where_it_is) {
    static const char *const keys[] = {"", "\"temperature\": 2", "\"dims\": [16]",
                                       "\"dims\": [16, 16], \"top_k\": 2",
                                       "\"batch_norm\": false, \"dims\": [16]"};
    const shape s = {"relu",           TASKS,    EXPERTS,
                     "\"dims\": [16]", keys[_i], {"\"dims\": [5]", "\"dims\": [5]"}};
    bench b;
    mmoe_run *run;
    int mixes = 0;
    bench_init(&b, &s, BATCH);
    SUCCEEDS(mmoe_run_create(
        &(mmoe_plan_request){b.model->graph, &b.model->params, NULL, MMOE_PLAN_TRAIN, BATCH}, &run,
        &err));
    for (int32_t i = 0; i < b.model->graph->n_node; i++) {
        if (b.model->graph->nodes[i].op != MMOE_OP_MIX) continue;
        const int32_t from = run->plan->nodes[i].relu_of;
        ck_assert_int_ge(from, 0);
        ck_assert_int_ge(run->plan->nodes[from].mixed_segment, 0);
        mixes++;
    }
    ck_assert_int_eq(mixes, 1);
    mmoe_run_free(run);
    bench_finish(&b);
}
END_TEST

void add_cases(TCase *c) {
    tcase_add_loop_test(c, weights_are_their_formula, 0, table_count());
    tcase_add_loop_test(c, ends_of_the_range, 0, table_count());
    tcase_add_loop_test(c, a_nan_spoils_its_gate_alone, 0, table_count());
    tcase_add_test(c, experts_are_dropped_row_by_row);
    tcase_add_test(c, dropping_keeps_to_the_largest);
    tcase_add_test(c, nothing_is_dropped_in_predictions);
    tcase_add_test(c, a_load_balance_evens_experts_out);
    tcase_add_loop_test(c, gates_leave_the_experts_relu_where_it_is, 0, 5);
}
