/* The kernels over plain arrays, each table that the processor runs: exp, sigmoid, tanh and the
 * cross-entropy by units in the last place. */
#include <float.h>

#include "check_main.h"
#include "kernels_support.h"

enum { MOST = 70 };

/* |got - want| in units of the last place of a float of that size. */
static double ulps(float got, double want) {
    if ((double)got == want) return 0;
    int e;
    frexp(want, &e);
    return fabs((double)got - want) / ldexp(1, (e < -125 ? -125 : e) - 24);
}

static float float_of(int32_t bits) {
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static int32_t bits_of(float x) {
    int32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

/* Calls `run` with blocks of floats from `low` to `high` (0 < low < high or both below 0, low the
 * smaller magnitude), each `step`-th; returns the largest error. */
typedef struct sweep {
    const mmoe_kernels *k;
    void (*run)(const mmoe_kernels *k, int32_t n, const float *x, float *y);
    double (*want)(double x);
} sweep;

enum { BLOCK = 1000 };

static double block_error(const sweep *s, int32_t n, const float *x) {
    float y[BLOCK];
    double most = 0;
    s->run(s->k, n, x, y);
    for (int32_t i = 0; i < n; i++) {
        const double error = ulps(y[i], s->want((double)x[i]));
        REQUIRE(error < 1e9, "%.9g gives %.9g", (double)x[i], (double)y[i]);
        if (error > most) most = error;
    }
    return most;
}

static double largest_error(const sweep *s, float low, float high, int32_t step) {
    float x[BLOCK];
    double most = 0;
    int32_t n = 0;
    for (int64_t bits = bits_of(low), end = bits_of(high); bits <= end; bits += step) {
        x[n++] = float_of((int32_t)bits);
        if (n < BLOCK && bits + step <= end) continue;
        const double error = block_error(s, n, x);
        if (error > most) most = error;
        n = 0;
    }
    return most;
}

static void run_exp(const mmoe_kernels *k, int32_t n, const float *x, float *y) { k->exp(n, x, y); }
static void run_sigmoid(const mmoe_kernels *k, int32_t n, const float *x, float *y) {
    k->sigmoid(n, x, y);
}

static void run_tanh(const mmoe_kernels *k, int32_t n, const float *x, float *y) {
    float one[BLOCK], zero[BLOCK];
    for (int32_t i = 0; i < n; i++) {
        one[i] = 1;
        zero[i] = -0.0f; /* x + -0 is x, be it 0 or -0 */
    }
    const mmoe_act_args a = {.act = MMOE_ACT_TANH,
                             .rows = 1,
                             .cols = n,
                             .group = n,
                             .scale = one,
                             .shift = zero,
                             .z = x,
                             .ldz = n,
                             .u = y,
                             .ldu = n};
    k->act_forward(&a);
}

/* loss of label 1 at z >= 0: log1p(exp(-z)) alone */
static void run_loss(const mmoe_kernels *k, int32_t n, const float *x, float *y) {
    float label[BLOCK], dz[BLOCK];
    for (int32_t i = 0; i < n; i++) label[i] = 1;
    k->bce(n, x, label, y, dz);
}

static double sigmoid(double x) { return 1 / (1 + exp(-x)); }
static double loss_of_one(double z) { return log1p(exp(-z)); }

static void check_error(const char *what, double error, double allowed) {
    ck_assert_msg(error <= allowed, "%s: %.2f ulp, allowed %.2f", what, error, allowed);
}

START_TEST(exp_in_ulps) {
    const sweep s = {table_at(_i), run_exp, exp};
    check_error("exp, positive", largest_error(&s, 1e-10f, 88, 911), 2);
    check_error("exp, negative", largest_error(&s, -1e-10f, -87, 911), 2);
    check_error("exp, denormal results", largest_error(&s, -87, -103, 7), 2);
    check_error("exp, last finite", largest_error(&s, 88, 88.722839f, 3), 2);
}
END_TEST

START_TEST(exp_at_the_ends) {
    static const float x[] = {0,        -0.0f,   88.72284f, 89,          200,      FLT_MAX,
                              INFINITY, -104,    -110,      -1000,       -FLT_MAX, -INFINITY,
                              NAN,      FLT_MIN, -FLT_MIN,  FLT_TRUE_MIN};
    static const float want[] = {1, 1, INFINITY, INFINITY, INFINITY, INFINITY, INFINITY, 0,
                                 0, 0, 0,        0,        NAN,      1,        1,        1};
    enum { N = sizeof x / sizeof *x };
    float y[N];
    for (int32_t n = 1; n <= N; n++) { /* each in the vectors and behind them */
        table_at(_i)->exp(n, x + N - n, y);
        for (int32_t i = 0; i < n; i++)
            ck_assert_msg(isnan(want[N - n + i]) ? isnan(y[i]) : y[i] == want[N - n + i],
                          "exp(%g) is %g", (double)x[N - n + i], (double)y[i]);
    }
}
END_TEST

START_TEST(sigmoid_in_ulps) {
    const sweep s = {table_at(_i), run_sigmoid, sigmoid};
    check_error("sigmoid, positive", largest_error(&s, 1e-10f, 120, 911), 3);
    check_error("sigmoid, negative", largest_error(&s, -1e-10f, -87, 911), 3);
    check_error("sigmoid, denormal results", largest_error(&s, -87, -103, 7), 3);
    static const float x[] = {INFINITY, -INFINITY, NAN, 0, 1000, -1000};
    float y[6];
    table_at(_i)->sigmoid(6, x, y);
    ck_assert(y[0] == 1 && y[1] == 0 && isnan(y[2]) && y[3] == 0.5f && y[4] == 1 && y[5] == 0);
}
END_TEST

START_TEST(tanh_in_ulps) {
    const sweep s = {table_at(_i), run_tanh, tanh};
    check_error("tanh, positive", largest_error(&s, 1e-30f, 100, 911), 3);
    check_error("tanh, negative", largest_error(&s, -1e-30f, -100, 911), 3);
    static const float x[] = {INFINITY, -INFINITY, NAN, 0, -0.0f, FLT_TRUE_MIN};
    float y[6];
    run_tanh(table_at(_i), 6, x, y);
    ck_assert(y[0] == 1 && y[1] == -1 && isnan(y[2]) && y[3] == 0 && y[4] == 0 &&
              y[5] == FLT_TRUE_MIN);
    ck_assert(signbit(y[4]) && !signbit(y[3]));
}
END_TEST

/* A value's result depends neither on its place nor on how many stand beside it. */
START_TEST(values_stand_alone) {
    float x[MOST], all[MOST], part[MOST];
    const sweep s[] = {{table_at(_i), run_exp, exp},
                       {table_at(_i), run_sigmoid, sigmoid},
                       {table_at(_i), run_loss, loss_of_one}};
    for (int which = 0; which < 3; which++) {
        for (int i = 0; i < MOST; i++) x[i] = draw(-20, 20);
        s[which].run(s[which].k, MOST, x, all);
        for (int32_t first = 0; first < MOST; first++)
            for (int32_t n = 1; first + n <= MOST; n += 3) {
                s[which].run(s[which].k, n, x + first, part);
                REQUIRE(memcmp(part, all + first, (size_t)n * sizeof *part) == 0, "differs alone");
            }
    }
}
END_TEST

/* ---- Cross-entropy ---- */

START_TEST(loss_in_ulps) {
    const sweep s = {table_at(_i), run_loss, loss_of_one};
    check_error("log1p(exp(-z))", largest_error(&s, 1e-10f, 87, 911), 3);
}
END_TEST

START_TEST(bce) {
    for (int32_t n = 0; n <= MOST; n++) {
        matrix in = matrix_new(2, n, n + 5), out = matrix_new(2, n, n + 5); /* z, y; loss, dz */
        for (int32_t i = 0; i < n; i++) {
            *matrix_cell(&in, 0, i) = 0;
            if (i % 5 == 0)
                *matrix_cell(&in, 0, i) = draw(-1e4f, 1e4f);
            else if (i % 7 != 0)
                *matrix_cell(&in, 0, i) = draw(-12, 12);
            *matrix_cell(&in, 1, i) = i % 3 == 0 ? draw(0, 1) : (float)(i % 2);
        }
        table_at(_i)->bce(n, in.at, matrix_cell(&in, 1, 0), out.at, matrix_cell(&out, 1, 0));
        for (int32_t i = 0; i < n; i++) {
            const double z = *matrix_cell(&in, 0, i), y = *matrix_cell(&in, 1, i),
                         tail = log1p(exp(-fabs(z)));
            const double loss = fmax(z, 0) - z * y + tail, soft = y != 0 && y != 1 ? fabs(z) : 0;
            check_near("loss", *matrix_cell(&out, 0, i), loss,
                       U * (2 * loss + 2 * soft + 6 * tail) + (double)FLT_TRUE_MIN);
            check_near("dz", *matrix_cell(&out, 1, i), sigmoid(z) - y, U * (6 * sigmoid(z) + 1));
        }
        check_gaps(&out);
        free(in.at);
        free(out.at);
    }
}
END_TEST

START_TEST(bce_of_extremes) {
    static const float z[] = {1e4f, 1e4f, -1e4f, -1e4f, FLT_MAX, -FLT_MAX, 0, 0, NAN, 1},
                       y[] = {1, 0, 1, 0, 1, 0, 1, 0, 1, NAN};
    static const double loss[] = {0, 1e4, 1e4, 0, 0, 0, 0.69314718055994531, 0.69314718055994531},
                        dz[] = {0, 1, -1, 0, 0, 0, -0.5, 0.5};
    float got[10], d[10];
    table_at(_i)->bce(10, z, y, got, d);
    for (int i = 0; i < 8; i++) {
        check_near("loss", got[i], loss[i], 2 * U * loss[i]);
        ck_assert((double)d[i] == dz[i]);
    }
    for (int i = 8; i < 10; i++) ck_assert(isnan(got[i]) && isnan(d[i]));
}
END_TEST

/* The formula of kernels.h, as it stands, where a double's p and 1 - p lose nothing that counts. */
static void check_shaped(const mmoe_kernels *k, const mmoe_loss_shape *shape, int32_t n) {
    const double e = shape->smoothing, w = shape->positive_weight, g = shape->gamma;
    matrix in = matrix_new(2, n, n + 5), out = matrix_new(2, n, n + 5);
    for (int32_t i = 0; i < n; i++) {
        *matrix_cell(&in, 0, i) = i % 5 == 0 ? 0 : draw(-15, 15);
        *matrix_cell(&in, 1, i) = i % 3 == 0 ? draw(0, 1) : (float)(i % 2);
    }
    k->shaped_bce(shape, n, in.at, matrix_cell(&in, 1, 0), out.at, matrix_cell(&out, 1, 0));
    for (int32_t i = 0; i < n; i++) {
        const double z = *matrix_cell(&in, 0, i),
                     y = (double)*matrix_cell(&in, 1, i) * (1 - e) + e / 2, p = sigmoid(z),
                     q = sigmoid(-z);
        const double positive = w * y * pow(q, g), negative = (1 - y) * pow(p, g);
        const double loss = -positive * log(p) - negative * log(q),
                     terms = positive * (q - g * p * log(p)) + negative * (p - g * q * log(q));
        /* the exponent g log p is rounded before it is raised */
        const double relative = U * (20 + 3 * g * (1 + fabs(z)));
        check_near("loss", *matrix_cell(&out, 0, i), loss,
                   relative * (loss + w * 1e-6) + (double)FLT_MIN);
        check_near("dz", *matrix_cell(&out, 1, i),
                   negative * (p - g * q * log(q)) - positive * (q - g * p * log(p)),
                   relative * terms + (double)FLT_MIN);
    }
    check_gaps(&out);
    free(in.at);
    free(out.at);
}

START_TEST(shaped_bce) {
    static const mmoe_loss_shape shapes[] = {{0, 1, 0},    {0.1f, 1, 0},     {0, 25, 0}, {0, 1, 2},
                                             {0, 1, 0.5f}, {0.2f, 0.25f, 3}, {0, 1, 20}};
    for (int32_t n = 0; n <= MOST; n++)
        for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
            check_shaped(table_at(_i), &shapes[i], n);
}
END_TEST

/* Nothing overflows on the way to a loss that is finite; what is right with certainty has no loss.
 */
START_TEST(shaped_bce_of_extremes) {
    static const float z[] = {1e4f, 1e4f, -1e4f, -1e4f, FLT_MAX, -FLT_MAX, NAN, 1},
                       y[] = {1, 0, 1, 0, 1, 0, 1, NAN};
    static const double loss[] = {0, 1e4, 1e4, 0, 0, 0}, dz[] = {0, 1, -1, 0, 0, 0};
    static const mmoe_loss_shape shapes[] = {{0, 1, 0}, {0, 1, 2}, {0, 1, 20}};
    for (int s = 0; s < 3; s++) {
        float got[8], d[8];
        table_at(_i)->shaped_bce(&shapes[s], 8, z, y, got, d);
        for (int i = 0; i < 6; i++) ck_assert((double)got[i] == loss[i] && (double)d[i] == dz[i]);
        for (int i = 6; i < 8; i++) ck_assert(isnan(got[i]) && isnan(d[i]));
    }
}
END_TEST

START_TEST(best_is_the_last) {
    unsetenv("MMOE_KERNELS");
    ck_assert_str_eq(table_at(0)->name, "generic");
    ck_assert_ptr_eq(mmoe_kernels_best(), table_at(table_count() - 1));
    ck_assert_ptr_null(mmoe_kernels_at(SIZE_MAX));
}
END_TEST

START_TEST(each_has_a_name) {
    mmoe_error err;
    setenv("MMOE_KERNELS", table_at(_i)->name, 1);
    ck_assert_int_eq(mmoe_kernels_check(&err), MMOE_OK);
    ck_assert_ptr_eq(mmoe_kernels_best(), table_at(_i));
}
END_TEST

START_TEST(no_other_has) {
    mmoe_error err;
    setenv("MMOE_KERNELS", "sse", 1);
    ck_assert_int_eq(mmoe_kernels_check(&err), MMOE_E_ARGUMENT);
    for (int i = 0; i < table_count(); i++)
        ck_assert_ptr_nonnull(strstr(err.message, table_at(i)->name));
    ck_assert_ptr_eq(mmoe_kernels_best(), table_at(table_count() - 1));
    setenv("MMOE_KERNELS", "", 1);
    ck_assert_int_eq(mmoe_kernels_check(&err), MMOE_OK);
}
END_TEST

void add_cases(TCase *c) {
    const int tables = table_count();
    tcase_add_loop_test(c, exp_in_ulps, 0, tables);
    tcase_add_loop_test(c, exp_at_the_ends, 0, tables);
    tcase_add_loop_test(c, sigmoid_in_ulps, 0, tables);
    tcase_add_loop_test(c, tanh_in_ulps, 0, tables);
    tcase_add_loop_test(c, values_stand_alone, 0, tables);
    tcase_add_loop_test(c, loss_in_ulps, 0, tables);
    tcase_add_loop_test(c, bce, 0, tables);
    tcase_add_loop_test(c, bce_of_extremes, 0, tables);
    tcase_add_loop_test(c, shaped_bce, 0, tables);
    tcase_add_loop_test(c, shaped_bce_of_extremes, 0, tables);
    tcase_add_test(c, best_is_the_last);
    tcase_add_loop_test(c, each_has_a_name, 0, tables);
    tcase_add_test(c, no_other_has);
}
