/* The activations of a layer, forward and backward, each table that the processor runs against
 * formulas in double precision, whose derivatives are taken by finite differences. */
#include "check_main.h"
#include "kernels_support.h"

enum { MOST_GROUP = 70 };

typedef struct layer {
    mmoe_act_args a;
    matrix z, u, du, before; /* before: du on entry */
    matrix scale, shift, slope, dslope, dslope_before;
} layer;

static int has_slope(mmoe_activation act) { return act == MMOE_ACT_PRELU || act == MMOE_ACT_DICE; }
static int by_group(mmoe_activation act) { return act == MMOE_ACT_DICE || act == MMOE_ACT_SOFTMAX; }

static double scaled(const layer *l, int32_t b, int32_t c) {
    return (double)*matrix_cell(&l->z, b, c) * (double)l->scale.at[c] + (double)l->shift.at[c];
}

/* Magnitude of what a = z scale + shift is rounded from. */
static double magnitude(const layer *l, int32_t b, int32_t c) {
    return fabs((double)*matrix_cell(&l->z, b, c) * (double)l->scale.at[c]) +
           fabs((double)l->shift.at[c]);
}

/* No a stands so near to a kink that rounding chooses the side. */
static void avoid_kinks(layer *l) {
    for (int32_t b = 0; b < l->z.rows; b++)
        for (int32_t c = 0; c < l->z.cols; c++)
            while (fabs(scaled(l, b, c)) < 1e-4) *matrix_cell(&l->z, b, c) = draw(-3, 3);
}

static void layer_init(layer *l, mmoe_activation act, int32_t rows, int32_t cols, int32_t group) {
    l->scale = matrix_drawn(1, cols, cols, 0.25f, 2);
    l->shift = matrix_drawn(1, cols, cols, -1, 1);
    l->slope = matrix_drawn(1, cols / group, cols / group, -0.5f, 1.5f);
    l->dslope = matrix_drawn(1, cols / group, cols / group, -1, 1);
    l->dslope_before = matrix_copy(&l->dslope);
    l->z = matrix_drawn(rows, cols, some_stride(cols), -3, 3);
    l->u = matrix_new(rows, cols, some_stride(cols));
    l->du = matrix_drawn(rows, cols, some_stride(cols), -1, 1);
    l->before = matrix_copy(&l->du);
    l->a = (mmoe_act_args){.act = act, .rows = rows, .cols = cols, .group = group};
    l->a.scale = l->scale.at;
    l->a.shift = l->shift.at;
    l->a.slope = has_slope(act) ? l->slope.at : NULL;
    l->a.z = l->z.at;
    l->a.ldz = l->z.ld;
    l->a.u = l->u.at;
    l->a.ldu = l->u.ld;
    l->a.du = l->du.at;
    l->a.lddu = l->du.ld;
    l->a.dslope = has_slope(act) ? l->dslope.at : NULL;
    avoid_kinks(l);
}

static void layer_finish(layer *l) {
    const matrix all[] = {l->z,     l->u,     l->du,     l->before,       l->scale,
                          l->shift, l->slope, l->dslope, l->dslope_before};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) free(all[i].at);
}

/* ---- The formulas, over the n columns of a module, or of one column ---- */

static double sigmoid(double x) { return 1 / (1 + exp(-x)); }

static double one_value(mmoe_activation act, double a, double slope) {
    switch (act) {
    case MMOE_ACT_RELU:
        return a > 0 ? a : 0;
    case MMOE_ACT_SIGMOID:
        return sigmoid(a);
    case MMOE_ACT_TANH:
        return tanh(a);
    case MMOE_ACT_PRELU:
        return a > 0 ? a : slope * a;
    default:
        return a;
    }
}

static void softmax(int n, const double *a, double *u) {
    double most = a[0], sum = 0;
    for (int i = 1; i < n; i++) most = fmax(most, a[i]);
    for (int i = 0; i < n; i++) sum += u[i] = exp(a[i] - most);
    for (int i = 0; i < n; i++) u[i] /= sum;
}

/* torch-rechub's Dice: var = sum over the columns of ((a - avg)^2 + 1e-3). */
static double dice_rstd(int n, const double *a, double *avg) {
    double var = 0;
    *avg = 0;
    for (int i = 0; i < n; i++) *avg += a[i] / n;
    for (int i = 0; i < n; i++) var += (a[i] - *avg) * (a[i] - *avg) + 1e-3;
    return 1 / sqrt(var);
}

static void formula(mmoe_activation act, int n, const double *a, double slope, double *u) {
    double avg, rstd;
    if (act == MMOE_ACT_SOFTMAX) {
        softmax(n, a, u);
    } else if (act == MMOE_ACT_DICE) {
        rstd = dice_rstd(n, a, &avg);
        for (int i = 0; i < n; i++)
            u[i] = a[i] * (slope + (1 - slope) * sigmoid((a[i] - avg) * rstd));
    } else {
        for (int i = 0; i < n; i++) u[i] = one_value(act, a[i], slope);
    }
}

/* sum_i du_i (u_i(x + h) - u_i(x - h)) / 2h, x being a[j], or the slope for j = -1 */
static double slope_of_sum(mmoe_activation act, int n, const double *a, double slope,
                           const double *du, int j) {
    const double h = 1e-6;
    double up[MOST_GROUP], down[MOST_GROUP], moved[MOST_GROUP], sum = 0;
    memcpy(moved, a, (size_t)n * sizeof *a);
    if (j >= 0) moved[j] = a[j] + h;
    formula(act, n, moved, j >= 0 ? slope : slope + h, up);
    if (j >= 0) moved[j] = a[j] - h;
    formula(act, n, moved, j >= 0 ? slope : slope - h, down);
    for (int i = 0; i < n; i++) sum += du[i] * (up[i] - down[i]) / (2 * h);
    return sum;
}

/* ---- Comparison ---- */

/* A module of a row, or one column of it, in double precision. */
typedef struct module {
    int32_t row, col, n;
    double a[MOST_GROUP], u[MOST_GROUP], du[MOST_GROUP];
    double slope, size, rstd; /* size: largest magnitude; rstd: dice */
} module;

static void module_read(module *m, const layer *l, int32_t row, int32_t col, int32_t n) {
    m->row = row;
    m->col = col;
    m->n = n;
    m->slope = has_slope(l->a.act) ? l->slope.at[col / l->a.group] : 0;
    m->size = 0;
    for (int32_t i = 0; i < n; i++) {
        m->a[i] = scaled(l, row, col + i);
        m->du[i] = *matrix_cell(&l->before, row, col + i);
        const double size = magnitude(l, row, col + i);
        if (size > m->size) m->size = size; /* no fmax: gcc 12 for aarch64 fails on it */
    }
    double avg;
    m->rstd = dice_rstd(n, m->a, &avg);
    formula(l->a.act, n, m->a, m->slope, m->u);
}

/* Rounding errors: of a, twice its size; carried through the function; of the function's own few
 * operations. */
static double allowed_forward(const module *m, mmoe_activation act, int32_t i) {
    switch (act) {
    case MMOE_ACT_RELU:
    case MMOE_ACT_NONE:
        return 2 * U * m->size;
    case MMOE_ACT_PRELU:
        return (2 * U * m->size + U * fabs(m->a[i])) * fmax(1, fabs(m->slope));
    case MMOE_ACT_SIGMOID:
        return U * (m->size / 2 + 6 * m->u[i]);
    case MMOE_ACT_TANH:
        return U * (2 * m->size * (1 - m->u[i] * m->u[i]) + 10 * fabs(m->u[i]));
    case MMOE_ACT_SOFTMAX:
        return m->u[i] * (U * (4 * m->size + 8) + sum_error(m->n));
    default:
        return (1 + fabs(m->slope)) * m->size *
               (6 * U + m->rstd * m->size * (sum_error(m->n) + 2 * U));
    }
}

static double allowed_backward(const module *m, mmoe_activation act, int32_t i) {
    double all = 0, own = fabs(m->du[i]);
    for (int32_t k = 0; k < m->n; k++)
        all += fabs(m->du[k]) * (act == MMOE_ACT_SOFTMAX ? m->u[k] : 1);
    switch (act) {
    case MMOE_ACT_RELU:
    case MMOE_ACT_NONE:
        return 1e-9 * own;
    case MMOE_ACT_PRELU:
        return 2 * U * own + 1e-9;
    case MMOE_ACT_SIGMOID:
        return own * U * (m->size / 4 + 4) + 1e-9;
    case MMOE_ACT_TANH:
        return own * U * (4 * m->size + 16) + 1e-9;
    case MMOE_ACT_SOFTMAX:
        return m->u[i] * (own + all) * (U * (4 * m->size + 8) + 2 * sum_error(m->n)) + 1e-9;
    default:
        return (1 + fabs(m->slope)) * (own + m->rstd * m->size * (all / m->n + sqrt(all))) *
                   (1 + m->rstd * m->size) * (sum_error(m->n) + 6 * U) +
               1e-8;
    }
}

typedef struct slope_sum {
    double sum, size, allowed;
    int32_t terms;
} slope_sum;

static void add_slope_terms(slope_sum *s, const module *m, mmoe_activation act) {
    s->sum += slope_of_sum(act, m->n, m->a, m->slope, m->du, -1);
    for (int32_t i = 0; i < m->n; i++) {
        s->size += fabs(m->du[i] * m->a[i]);
        s->allowed +=
            fabs(m->du[i]) *
            (U * (2 * m->size + 4 * fabs(m->a[i])) +
             (act == MMOE_ACT_DICE ? m->rstd * m->size * m->size * sum_error(m->n) : 0) + 1e-9);
    }
    s->terms += m->n;
}

static void check_module_backward(const module *m, const layer *l) {
    for (int32_t i = 0; i < m->n; i++)
        check_near("da", *matrix_cell(&l->du, m->row, m->col + i),
                   slope_of_sum(l->a.act, m->n, m->a, m->slope, m->du, i),
                   allowed_backward(m, l->a.act, i));
}

static void check_layer(const mmoe_kernels *k, mmoe_activation act, int32_t rows, int32_t cols,
                        int32_t group) {
    layer l;
    layer_init(&l, act, rows, cols, group);
    matrix z = matrix_copy(&l.z);
    k->act_forward(&l.a);
    matrix u = matrix_copy(&l.u);
    k->act_backward(&l.a);
    check_gaps(&l.u);
    check_gaps(&l.du);
    check_same_bits(&z, &l.z);
    check_same_bits(&u, &l.u);
    const int32_t n = by_group(act) ? group : 1;
    for (int32_t first = 0; first < cols; first += group) {
        slope_sum s = {0};
        for (int32_t b = 0; b < rows; b++)
            for (int32_t c = first; c < first + group; c += n) {
                module m;
                module_read(&m, &l, b, c, n);
                for (int32_t i = 0; i < n; i++)
                    check_near("u", *matrix_cell(&l.u, b, c + i), m.u[i],
                               allowed_forward(&m, act, i));
                check_module_backward(&m, &l);
                if (has_slope(act)) add_slope_terms(&s, &m, act);
            }
        const double before = l.dslope_before.at[first / group], got = l.dslope.at[first / group];
        if (has_slope(act))
            check_near("dslope", got, before + s.sum,
                       sum_error(s.terms) * s.size + s.allowed + 2 * U);
        else
            ck_assert(got == before);
    }
    free(z.at);
    free(u.at);
    layer_finish(&l);
}

START_TEST(activations) {
    const mmoe_activation act = (mmoe_activation)(_i % 7);
    const mmoe_kernels *k = table_at(_i / 7);
    for (int32_t group = 1; group <= MOST_GROUP; group++)
        check_layer(k, act, 1 + group % 4, group * (group < 20 ? 1 + group % 3 : 1), group);
    for (int32_t modules = 1; modules <= 20; modules++) check_layer(k, act, 2, 3 * modules, 3);
    check_layer(k, act, 33, 48, 16);
    check_layer(k, act, 40, 37, 37);
    check_layer(k, act, 0, 8, 4);
}
END_TEST

/* A row's result does not depend on the rows around it. */
START_TEST(rows_stand_alone) {
    const mmoe_activation act = (mmoe_activation)(_i % 7);
    for (int32_t group = 1; group <= MOST_GROUP; group++) {
        layer l;
        layer_init(&l, act, 4, 2 * group, group);
        table_at(_i / 7)->act_forward(&l.a);
        matrix row = matrix_new(1, 2 * group, 2 * group);
        for (int32_t b = 0; b < 4; b++) {
            mmoe_act_args one = l.a;
            one.rows = 1;
            one.z = matrix_cell(&l.z, b, 0);
            one.u = row.at;
            one.ldu = row.ld;
            table_at(_i / 7)->act_forward(&one);
            REQUIRE(memcmp(row.at, matrix_cell(&l.u, b, 0), 2 * (size_t)group * sizeof *row.at) ==
                        0,
                    "differs alone");
        }
        free(row.at);
        layer_finish(&l);
    }
}
END_TEST

/* ---- Kinks, extremes, NaN ---- */

/* u = act(z) over one row of a.cols columns in modules of a.group; act, slope, z and u are a's. */
static void run_row(const mmoe_kernels *k, mmoe_act_args a) {
    const int32_t n = a.cols;
    matrix scale = matrix_drawn(1, n, n, 1, 1), shift = matrix_drawn(1, n, n, 0, 0);
    a.rows = 1;
    a.scale = scale.at;
    a.shift = shift.at;
    a.ldz = a.ldu = n;
    k->act_forward(&a);
    free(scale.at);
    free(shift.at);
}

/* At 0 the slope is the left one, as PyTorch's. */
START_TEST(kinks) {
    for (int32_t n = 1; n <= 40; n++) {
        float z[40], u[40], du[40], ones[40], zeros[40] = {0}, slope = 0.25f, dslope = 0;
        for (int32_t c = 0; c < n; c++) {
            ones[c] = 1;
            z[c] = (const float[]){0.0f, -0.0f, 2.0f}[c % 3];
            du[c] = 3;
        }
        mmoe_act_args a = {.act = MMOE_ACT_RELU,
                           .rows = 1,
                           .cols = n,
                           .group = n,
                           .scale = ones,
                           .shift = zeros,
                           .slope = &slope,
                           .z = z,
                           .ldz = n};
        a.u = u;
        a.ldu = a.lddu = n;
        a.du = du;
        a.dslope = &dslope;
        table_at(_i)->act_forward(&a);
        table_at(_i)->act_backward(&a);
        for (int32_t c = 0; c < n; c++)
            REQUIRE(u[c] == z[c] && du[c] == (c % 3 == 2 ? 3.0f : 0.0f), "wrong bits");
        a.act = MMOE_ACT_PRELU;
        for (int32_t c = 0; c < n; c++) du[c] = 3;
        table_at(_i)->act_forward(&a);
        table_at(_i)->act_backward(&a);
        for (int32_t c = 0; c < n; c++)
            REQUIRE(u[c] == z[c] && du[c] == (c % 3 == 2 ? 3.0f : 0.75f), "wrong bits");
        ck_assert(dslope == 0);
    }
}
END_TEST

START_TEST(softmax_of_extremes) {
    const mmoe_kernels *k = table_at(_i);
    for (int32_t n = 1; n <= MOST_GROUP; n++)
        for (int32_t at = 0; at < n; at++) {
            float z[MOST_GROUP], u[MOST_GROUP];
            for (int32_t c = 0; c < n; c++) z[c] = -1e4f;
            run_row(
                k,
                (mmoe_act_args){
                    .act = MMOE_ACT_SOFTMAX, .cols = n, .group = n, .slope = NULL, .z = z, .u = u});
            for (int32_t c = 0; c < n; c++) check_near("equal", u[c], 1.0 / n, 2 * U / n);
            z[at] = 1e4f;
            run_row(
                k,
                (mmoe_act_args){
                    .act = MMOE_ACT_SOFTMAX, .cols = n, .group = n, .slope = NULL, .z = z, .u = u});
            for (int32_t c = 0; c < n; c++) REQUIRE(u[c] == (c == at ? 1.0f : 0.0f), "wrong bits");
            for (int32_t c = 0; c < n; c++) z[c] = 1e4f;
            z[at] = -INFINITY;
            run_row(
                k,
                (mmoe_act_args){
                    .act = MMOE_ACT_SOFTMAX, .cols = n, .group = n, .slope = NULL, .z = z, .u = u});
            for (int32_t c = 0; n > 1 && c < n; c++)
                check_near("without one", u[c], c == at ? 0 : 1.0 / (n - 1), 2 * U / n);
            for (int32_t c = 0; c < n; c++) z[c] = c == at ? 0 : -80;
            run_row(
                k,
                (mmoe_act_args){
                    .act = MMOE_ACT_SOFTMAX, .cols = n, .group = n, .slope = NULL, .z = z, .u = u});
            for (int32_t c = 0; c < n; c++)
                check_near("far", u[c], c == at ? 1 : exp(-80), c == at ? U : 8 * U * exp(-80));
        }
}
END_TEST

/* A NaN spoils its own value, and its module where the module has a sum; nothing else. */
START_TEST(nan_stays) {
    const mmoe_activation act = (mmoe_activation)(_i % 7);
    const float slopes[3] = {0.25f, 0.25f, 0.25f};
    for (int32_t group = 1; group <= 23; group++)
        for (int32_t at = 0; at < 3 * group; at++) {
            float z[69], u[69];
            for (int32_t c = 0; c < 3 * group; c++) z[c] = draw(-2, 2);
            z[at] = NAN;
            run_row(table_at(_i / 7), (mmoe_act_args){.act = act,
                                                      .cols = 3 * group,
                                                      .group = group,
                                                      .slope = slopes,
                                                      .z = z,
                                                      .u = u});
            for (int32_t c = 0; c < 3 * group; c++) {
                const int hit = by_group(act) ? c / group == at / group : c == at;
                REQUIRE(!isnan(u[c]) == !hit, "modules of %d, NaN at %d: %g at %d", group, at,
                        (double)u[c], c);
            }
        }
}
END_TEST

/* ---- relu's backward with the sums of batch norm ---- */

static void check_relu_sums(const mmoe_kernels *k, int32_t rows, int32_t cols, int centred) {
    layer l;
    layer_init(&l, MMOE_ACT_RELU, rows, cols, cols);
    matrix mean = matrix_drawn(1, cols, cols, -1, 1), out = matrix_new(2, cols, cols + 17);
    k->relu_backward_sums(
        &l.a, &(mmoe_act_sums){centred ? mean.at : NULL, out.at, matrix_cell(&out, 1, 0)});
    for (int32_t c = 0; c < cols; c++) {
        double sum = 0, size = 0, product = 0, product_size = 0;
        for (int32_t b = 0; b < rows; b++) {
            const float da = scaled(&l, b, c) > 0 ? *matrix_cell(&l.before, b, c) : 0;
            const double d = da, centre = (double)*matrix_cell(&l.z, b, c) - (double)mean.at[c];
            REQUIRE(*matrix_cell(&l.du, b, c) == da, "wrong bits");
            sum += d;
            size += fabs(d);
            product += d * centre;
            product_size += fabs(d * centre);
        }
        check_near("sum da", *matrix_cell(&out, 0, c), sum, sum_error(rows) * size);
        if (centred)
            check_near("sum da (z - mean)", *matrix_cell(&out, 1, c), product,
                       sum_error(rows) * product_size);
        else
            REQUIRE(is_gap(matrix_cell(&out, 1, c)), "wrong bits");
    }
    check_gaps(&l.du);
    check_gaps(&out);
    free(mean.at);
    free(out.at);
    layer_finish(&l);
}

START_TEST(relu_backward_sums) {
    static const int32_t rows[] = {1, 2, 5, 33};
    for (int32_t cols = 1; cols <= MOST_GROUP; cols++)
        for (int r = 0; r < 4; r++) check_relu_sums(table_at(_i), rows[r], cols, (cols + r) % 2);
    check_relu_sums(table_at(_i), 100, 200, 1);
}
END_TEST

void add_cases(TCase *c) {
    const int tables = table_count();
    tcase_add_loop_test(c, activations, 0, 7 * tables);
    tcase_add_loop_test(c, rows_stand_alone, 0, 7 * tables);
    tcase_add_loop_test(c, kinks, 0, tables);
    tcase_add_loop_test(c, softmax_of_extremes, 0, tables);
    tcase_add_loop_test(c, nan_stays, 0, 7 * tables);
    tcase_add_loop_test(c, relu_backward_sums, 0, tables);
}
