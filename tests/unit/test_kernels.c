/* The kernels over matrices, each table that the processor runs against formulas in double
 * precision: every width around the vectors', strides, gaps that must stay as they are.
 * test_kernels_math.c has exp, losses, dropout and optimizers. */
#include "check_main.h"
#include "kernels_support.h"

enum { MOST_COLS = 70 };

static const int32_t some_rows[] = {1, 2, 3, 5, 16, 33};
enum { SOME_ROWS = sizeof some_rows / sizeof *some_rows };

/* ---- Batch norm ---- */

typedef struct column_sum {
    double sum, size; /* size: the sum of the terms' magnitudes */
} column_sum;

static void add_term(column_sum *s, double term) {
    s->sum += term;
    s->size += fabs(term);
}

static void check_sum(const char *what, double got, column_sum want, int32_t n) {
    check_near(what, got, want.sum, sum_error(n) * want.size);
}

static void check_column_stats(const mmoe_kernels *k, int32_t rows, int32_t cols) {
    matrix z = matrix_drawn(rows, cols, some_stride(cols), -3, 5), before = matrix_copy(&z);
    matrix out = matrix_new(3, cols, cols + 17); /* pivot, sum, square */
    k->column_stats(&(mmoe_stats_args){rows, cols, z.at, z.ld, out.at, matrix_cell(&out, 1, 0),
                                       matrix_cell(&out, 2, 0)});
    for (int32_t c = 0; c < cols; c++) {
        const float pivot = *matrix_cell(&z, 0, c);
        column_sum sum = {0}, square = {0};
        for (int32_t b = 0; b < rows; b++) {
            const double d = (double)*matrix_cell(&z, b, c) - (double)pivot;
            add_term(&sum, d);
            add_term(&square, d * d);
        }
        REQUIRE(*matrix_cell(&out, 0, c) == pivot, "wrong bits");
        check_sum("sum", *matrix_cell(&out, 1, c), sum, rows);
        check_sum("square", *matrix_cell(&out, 2, c), square, rows);
    }
    check_gaps(&out);
    check_same_bits(&z, &before);
    free(z.at);
    free(before.at);
    free(out.at);
}

START_TEST(column_stats) {
    for (int32_t cols = 0; cols <= MOST_COLS; cols++)
        for (int r = 0; r < SOME_ROWS; r++) check_column_stats(table_at(_i), some_rows[r], cols);
    check_column_stats(table_at(_i), 256, 200);
}
END_TEST

/* The variance of a column far from 0 keeps its digits. */
START_TEST(column_stats_do_not_cancel) {
    enum { ROWS = 64 };
    float z[ROWS], pivot, sum, square;
    double exact = 0;
    for (int b = 0; b < ROWS; b++) z[b] = 1e6f + (float)(b % 8);
    for (int b = 0; b < 8; b++) exact += (b - 3.5) * (b - 3.5) / 8;
    table_at(_i)->column_stats(&(mmoe_stats_args){ROWS, 1, z, 1, &pivot, &sum, &square});
    const double mean = (double)sum / ROWS;
    check_near("variance", (double)square / ROWS - mean * mean, exact, 1e-12);
}
END_TEST

static void check_column_sums(const mmoe_kernels *k, int32_t rows, int32_t cols, int centred) {
    matrix da = matrix_drawn(rows, cols, some_stride(cols), -1, 2),
           z = matrix_drawn(rows, cols, some_stride(cols), -3, 3);
    matrix mean = matrix_drawn(1, cols, cols, -1, 1), out = matrix_new(2, cols, cols + 17);
    k->column_sums(&(mmoe_sums_args){rows, cols, da.at, da.ld, z.at, z.ld, centred ? mean.at : NULL,
                                     out.at, matrix_cell(&out, 1, 0)});
    for (int32_t c = 0; c < cols; c++) {
        column_sum plain = {0}, product = {0};
        for (int32_t b = 0; b < rows; b++) {
            const double d = *matrix_cell(&da, b, c);
            add_term(&plain, d);
            add_term(&product, d * ((double)*matrix_cell(&z, b, c) - (double)mean.at[c]));
        }
        check_sum("sum da", *matrix_cell(&out, 0, c), plain, rows);
        if (centred)
            check_sum("sum da (z - mean)", *matrix_cell(&out, 1, c), product, rows);
        else
            REQUIRE(is_gap(matrix_cell(&out, 1, c)), "wrong bits");
    }
    check_gaps(&out);
    free(da.at);
    free(z.at);
    free(mean.at);
    free(out.at);
}

START_TEST(column_sums) {
    for (int32_t cols = 0; cols <= MOST_COLS; cols++)
        for (int r = 0; r < SOME_ROWS; r++)
            check_column_sums(table_at(_i), some_rows[r], cols, (cols + r) % 2);
    check_column_sums(table_at(_i), 0, 5, 1);
}
END_TEST

enum { INTO_DA, INTO_Z, INTO_PLACES };

/* dz takes the place of da, or of z. */
static void check_norm_backward(const mmoe_kernels *kernels, int32_t rows, int32_t cols, int into) {
    matrix da = matrix_drawn(rows, cols, some_stride(cols), -1, 1), before = matrix_copy(&da);
    matrix z = matrix_drawn(rows, cols, some_stride(cols), -3, 3), z_before = matrix_copy(&z),
           k = matrix_drawn(3, cols, cols, -2, 2);
    const matrix *dz = into == INTO_DA ? &da : &z;
    kernels->norm_backward(&(mmoe_norm_args){rows, cols, da.at, da.ld, z.at, z.ld, k.at,
                                             k.at + cols, k.at + 2 * cols, dz->at, dz->ld});
    for (int32_t b = 0; b < rows; b++)
        for (int32_t c = 0; c < cols; c++) {
            const double term[3] = {(double)k.at[c] * (double)*matrix_cell(&before, b, c),
                                    (double)k.at[cols + c] * (double)*matrix_cell(&z_before, b, c),
                                    (double)k.at[2 * cols + c]};
            check_near("dz", *matrix_cell(dz, b, c), term[0] + term[1] + term[2],
                       3 * U * (fabs(term[0]) + fabs(term[1]) + fabs(term[2])));
        }
    check_gaps(&da);
    check_gaps(&z);
    free(da.at);
    free(before.at);
    free(z.at);
    free(z_before.at);
    free(k.at);
}

START_TEST(norm_backward) {
    for (int32_t cols = 0; cols <= MOST_COLS; cols++)
        for (int r = 0; r < SOME_ROWS; r++)
            check_norm_backward(table_at(_i), some_rows[r], cols, (cols + r) % INTO_PLACES);
    check_norm_backward(table_at(_i), 0, 5, INTO_Z);
}
END_TEST

/* ---- Mixing ---- */

/* A pool of experts, of which every task reads `n_expert`; gates and experts stand in one matrix,
 * as after a fused layer, or in two. */
typedef struct mixture {
    mmoe_mix_args a;
    int32_t n_pool;
    int32_t gate_col[4], expert_col[4 * 80], expert[4 * 80];
    uint8_t add[4 * 80];
    matrix g, x, y, dy, dg, dx, before; /* g, dg: empty where they are part of x, dx */
} mixture;

/* Experts in an order of their own a task; the first contribution to an expert is added only where
 * something was there. */
static void choose_experts(mixture *m, int32_t first_col) {
    uint8_t there[80];
    for (int32_t e = 0; e < m->n_pool; e++) there[e] = draw_below(4) == 0;
    for (int32_t t = 0; t < m->a.n_task; t++) {
        int32_t order[80];
        for (int32_t e = 0; e < m->n_pool; e++) order[e] = e;
        for (int32_t k = 0; k < m->a.n_expert; k++) {
            const int32_t pick = k + draw_below(m->n_pool - k), e = order[pick],
                          at = t * m->a.n_expert + k;
            order[pick] = order[k];
            m->expert[at] = e;
            m->expert_col[at] = first_col + e * m->a.cols;
            m->add[at] = there[e];
            there[e] = 1;
        }
    }
}

typedef struct mixture_shape {
    int32_t rows, n_task, n_expert, n_pool, cols;
    int together; /* gates and experts are columns of one matrix */
} mixture_shape;

static void mixture_init(mixture *m, mixture_shape s) {
    const int32_t rows = s.rows, n_task = s.n_task, n_expert = s.n_expert, n_pool = s.n_pool;
    const int32_t cols = s.cols;
    const int together = s.together;
    const int32_t gates = n_task * n_expert, width = n_pool * cols + (together ? gates : 0);
    *m = (mixture){.a = {.rows = rows, .n_task = n_task, .n_expert = n_expert, .cols = cols},
                   .n_pool = n_pool};
    const int gates_first = together && draw_below(2);
    choose_experts(m, gates_first ? gates : 0);
    m->x = matrix_drawn(rows, width, some_stride(width), -2, 2);
    m->dx = matrix_drawn(rows, width, some_stride(width), -2, 2);
    m->before = matrix_copy(&m->dx);
    m->g = matrix_drawn(rows, together ? 0 : gates, some_stride(gates), 0, 1);
    m->dg = matrix_new(rows, together ? 0 : gates, some_stride(gates));
    m->y = matrix_new(rows, n_task * cols, some_stride(n_task * cols));
    m->dy = matrix_drawn(rows, n_task * cols, m->y.ld, -1, 1);
    const int32_t first_gate = together && !gates_first ? n_pool * cols : 0;
    for (int32_t t = 0; t < n_task; t++) m->gate_col[t] = first_gate + (n_task - 1 - t) * n_expert;
    m->a.gate_col = m->gate_col;
    m->a.expert_col = m->expert_col;
    m->a.g = together ? m->x.at : m->g.at;
    m->a.ldg = together ? m->x.ld : m->g.ld;
    m->a.x = m->x.at;
    m->a.ldx = m->x.ld;
    m->a.y = m->y.at;
    m->a.dy = m->dy.at;
    m->a.ldy = m->y.ld;
    m->a.dg = together ? m->dx.at : m->dg.at;
    m->a.lddg = together ? m->dx.ld : m->dg.ld;
    m->a.dx = m->dx.at;
    m->a.lddx = m->dx.ld;
    m->a.add = m->add;
}

/* What is written before it is read, first holds NaN: gates' gradients, and experts' whose first
 * contribution is not added. */
static void spoil_outputs(mixture *m) {
    for (int32_t b = 0; b < m->a.rows; b++)
        for (int32_t i = 0; i < m->a.n_task * m->a.n_expert; i++) {
            const int32_t t = i / m->a.n_expert, k = i % m->a.n_expert;
            m->a.dg[(size_t)b * (size_t)m->a.lddg + (size_t)(m->gate_col[t] + k)] = NAN;
            int first = !m->add[i];
            for (int32_t c = 0; first && c < m->a.cols; c++)
                *matrix_cell(&m->dx, b, m->expert_col[i] + c) = NAN;
        }
}

static void mixture_finish(mixture *m) {
    const matrix all[] = {m->g, m->x, m->y, m->dy, m->dg, m->dx, m->before};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) free(all[i].at);
}

static double gate_of(const mixture *m, int32_t b, int32_t t, int32_t k) {
    return m->a.g[(size_t)b * (size_t)m->a.ldg + (size_t)(m->gate_col[t] + k)];
}
static int32_t expert_col(const mixture *m, int32_t t, int32_t k) {
    return m->expert_col[t * m->a.n_expert + k];
}

static void check_mixed(const mixture *m) {
    for (int32_t b = 0; b < m->a.rows; b++)
        for (int32_t t = 0; t < m->a.n_task; t++)
            for (int32_t c = 0; c < m->a.cols; c++) {
                column_sum y = {0};
                for (int32_t k = 0; k < m->a.n_expert; k++)
                    add_term(&y, gate_of(m, b, t, k) *
                                     (double)*matrix_cell(&m->x, b, expert_col(m, t, k) + c));
                check_sum("y", *matrix_cell(&m->y, b, t * m->a.cols + c), y, m->a.n_expert);
            }
    check_gaps(&m->y);
}

static void check_gate_gradients(const mixture *m, int32_t b) {
    for (int32_t t = 0; t < m->a.n_task; t++)
        for (int32_t k = 0; k < m->a.n_expert; k++) {
            column_sum dot = {0};
            for (int32_t c = 0; c < m->a.cols; c++)
                add_term(&dot, (double)*matrix_cell(&m->dy, b, t * m->a.cols + c) *
                                   (double)*matrix_cell(&m->x, b, expert_col(m, t, k) + c));
            check_sum("dg", m->a.dg[(size_t)b * (size_t)m->a.lddg + (size_t)(m->gate_col[t] + k)],
                      dot, m->a.cols);
        }
}

/* An expert that no task reads keeps its gradient. */
static void check_expert_gradients(const mixture *m, int32_t b, int32_t e, int32_t first_col) {
    for (int32_t c = 0; c < m->a.cols; c++) {
        column_sum dx = {0};
        int32_t reads = 0;
        for (int32_t i = 0; i < m->a.n_task * m->a.n_expert; i++) {
            if (m->expert[i] != e) continue;
            const int32_t t = i / m->a.n_expert, k = i % m->a.n_expert;
            if (!reads++ && m->add[i])
                add_term(&dx, *matrix_cell(&m->before, b, m->expert_col[i] + c));
            add_term(&dx, gate_of(m, b, t, k) * (double)*matrix_cell(&m->dy, b, t * m->a.cols + c));
        }
        const int32_t col = first_col + e * m->a.cols + c;
        if (!reads)
            REQUIRE(*matrix_cell(&m->dx, b, col) == *matrix_cell(&m->before, b, col), "wrong bits");
        else
            check_sum("dx", *matrix_cell(&m->dx, b, col), dx, reads + 1);
    }
}

static void check_mixture(const mmoe_kernels *k, mixture_shape shape) {
    mixture m;
    mixture_init(&m, shape);
    matrix x = matrix_copy(&m.x), g = matrix_copy(&m.g), dy = matrix_copy(&m.dy);
    k->mix_forward(&m.a);
    check_mixed(&m);
    spoil_outputs(&m);
    k->mix_backward(&m.a);
    const int32_t first_col = m.expert_col[0] - m.expert[0] * shape.cols;
    for (int32_t b = 0; b < shape.rows; b++) {
        check_gate_gradients(&m, b);
        for (int32_t e = 0; e < shape.n_pool; e++) check_expert_gradients(&m, b, e, first_col);
    }
    check_gaps(&m.dg);
    check_gaps(&m.dx);
    check_same_bits(&x, &m.x);
    check_same_bits(&g, &m.g);
    check_same_bits(&dy, &m.dy);
    free(x.at);
    free(g.at);
    free(dy.at);
    mixture_finish(&m);
}

START_TEST(mix) {
    for (int32_t cols = 1; cols <= MOST_COLS; cols++)
        for (int r = 0; r < 4; r++) {
            const int32_t n_task = 1 + draw_below(4), n_expert = 1 + draw_below(9);
            check_mixture(table_at(_i),
                          (mixture_shape){some_rows[r], n_task, n_expert, n_expert, cols, r % 2});
            check_mixture(table_at(_i), (mixture_shape){some_rows[r], n_task, n_expert,
                                                        n_expert + draw_below(5), cols, r % 2});
        }
    for (int32_t n_expert = 1; n_expert <= 70; n_expert++)
        check_mixture(table_at(_i),
                      (mixture_shape){2, 2, n_expert, n_expert, 1 + draw_below(20), n_expert % 2});
    check_mixture(table_at(_i), (mixture_shape){0, 2, 3, 3, 4, 1});
}
END_TEST

/* A row's result does not depend on the rows around it. */
START_TEST(mixed_rows_stand_alone) {
    for (int32_t cols = 1; cols <= MOST_COLS; cols++) {
        mixture m;
        mixture_init(&m, (mixture_shape){5, 2, 1 + draw_below(8), 8, cols, cols % 2});
        table_at(_i)->mix_forward(&m.a);
        matrix row = matrix_new(1, m.y.cols, m.y.cols);
        for (int32_t b = 0; b < 5; b++) {
            mmoe_mix_args one = m.a;
            one.rows = 1;
            one.g += (size_t)b * (size_t)one.ldg;
            one.x += (size_t)b * (size_t)one.ldx;
            one.y = row.at;
            one.ldy = row.ld;
            table_at(_i)->mix_forward(&one);
            REQUIRE(memcmp(row.at, matrix_cell(&m.y, b, 0), (size_t)m.y.cols * sizeof *row.at) == 0,
                    "differs alone");
        }
        free(row.at);
        mixture_finish(&m);
    }
}
END_TEST

/* ---- Mixing experts whose relu is taken in ---- */

/* Every task mixes all experts in their order; norm: [5, cols of x] scale, shift, mean, and the
 * sums of da and of da (z - mean). */
static void take_relu(mixture *m, const matrix *norm) {
    const int32_t first = m->expert_col[0] - m->expert[0] * m->a.cols;
    for (int32_t i = 0; i < m->a.n_task * m->a.n_expert; i++)
        m->expert_col[i] = first + i % m->a.n_expert * m->a.cols;
    float *at[5];
    for (int i = 0; i < 5; i++) at[i] = norm->at + (size_t)i * (size_t)norm->ld;
    m->a.relu = (mmoe_mix_relu){at[0], at[1], at[2], at[3], at[4]};
}

static void check_relu_sums(const mixture *m, const matrix *norm) {
    const int32_t first = m->expert_col[0];
    for (int32_t c = first; c < first + m->a.n_expert * m->a.cols; c++) {
        column_sum da = {0}, daz = {0};
        for (int32_t b = 0; b < m->a.rows; b++) {
            const double d = (double)*matrix_cell(&m->dx, b, c),
                         z = (double)*matrix_cell(&m->x, b, c);
            add_term(&da, d);
            add_term(&daz, d * (z - (double)*matrix_cell(norm, 2, c)));
        }
        check_sum("sum of da", *matrix_cell(norm, 3, c), da, m->a.rows);
        check_sum("sum of da z", *matrix_cell(norm, 4, c), daz, m->a.rows + 2);
    }
}

/* Rows and experts side by side are what each row is alone, but for rounding; what a relu holds
 * back is 0. */
static void check_relu_row(const mmoe_kernels *k, const mixture *m, const matrix *norm, int32_t b) {
    const int32_t first = m->expert_col[0];
    matrix row = matrix_new(1, m->dx.cols, m->dx.cols), sums = matrix_new(2, norm->ld, norm->ld);
    mmoe_mix_args one = m->a;
    one.rows = 1;
    one.g += (size_t)b * (size_t)one.ldg;
    one.x += (size_t)b * (size_t)one.ldx;
    one.dy += (size_t)b * (size_t)one.ldy;
    one.dg = one.dx = row.at;
    one.relu.sum_da = sums.at;
    one.relu.sum_daz = sums.at + sums.ld;
    k->mix_backward(&one);
    for (int32_t c = 0; c < row.cols; c++)
        check_near("alone", *matrix_cell(&m->dx, b, c), (double)row.at[c], 8 * U * m->a.cols);
    for (int32_t c = first; c < first + m->a.n_expert * m->a.cols; c++) {
        const double a =
            (double)one.x[c] * (double)*matrix_cell(norm, 0, c) + (double)*matrix_cell(norm, 1, c);
        REQUIRE(a > -1e-5 || row.at[c] == 0, "passes a relu");
    }
    free(row.at);
    free(sums.at);
}

static void check_relu_mixture(const mmoe_kernels *k, mixture_shape shape) {
    mixture m;
    mixture_init(&m, shape);
    matrix norm = matrix_drawn(5, m.x.cols, m.x.cols, -1, 1);
    take_relu(&m, &norm);
    spoil_outputs(&m);
    k->mix_backward(&m.a);
    check_relu_sums(&m, &norm);
    for (int32_t b = 0; b < shape.rows; b++) check_relu_row(k, &m, &norm, b);
    check_gaps(&m.dx);
    free(norm.at);
    mixture_finish(&m);
}

START_TEST(mixed_relu) {
    const mmoe_kernels *k = table_at(_i);
    for (int32_t vectors = 1; vectors <= 8; vectors += vectors < 4 ? 1 : 4)
        for (int32_t n_expert = 1; n_expert <= 19; n_expert += 6)
            for (int32_t n_task = 1; n_task <= 3; n_task++)
                check_relu_mixture(k, (mixture_shape){2 * k->mix_cols + 3, n_task, n_expert,
                                                      n_expert, vectors * k->mix_cols, 1});
}
END_TEST

void add_cases(TCase *c) {
    const int tables = table_count();
    tcase_add_loop_test(c, column_stats, 0, tables);
    tcase_add_loop_test(c, column_stats_do_not_cancel, 0, tables);
    tcase_add_loop_test(c, column_sums, 0, tables);
    tcase_add_loop_test(c, norm_backward, 0, tables);
    tcase_add_loop_test(c, mix, 0, tables);
    tcase_add_loop_test(c, mixed_rows_stand_alone, 0, tables);
    tcase_add_loop_test(c, mixed_relu, 0, tables);
}
