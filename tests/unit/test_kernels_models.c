/* The kernels of single models against their formulas in double precision: attention of two items,
 * the logit of a product. */
#include "check_main.h"
#include "kernels_support.h"

/* Columns of an item's query, key and value. */
enum { Q, K, V };

static double part(const matrix *x, int32_t row, int item, int which, int32_t c, int32_t dim) {
    return (double)*matrix_cell(x, row, (3 * item + which) * dim + c);
}

static double dot(const matrix *x, int32_t row, int item, int32_t dim) {
    double sum = 0;
    for (int32_t c = 0; c < dim; c++)
        sum += part(x, row, item, Q, c, dim) * part(x, row, item, K, c, dim);
    return sum / sqrt(dim);
}

static void check_attention(const mmoe_kernels *k, int32_t rows, int32_t dim) {
    matrix x = matrix_drawn(rows, 6 * dim, some_stride(6 * dim), -2, 2),
           dy = matrix_drawn(rows, dim, some_stride(dim), -2, 2);
    matrix y = matrix_new(rows, dim, dy.ld), dx = matrix_new(rows, 6 * dim, some_stride(6 * dim)),
           before = matrix_copy(&x);
    mmoe_attend_args a = {.rows = rows,
                          .dim = dim,
                          .x = x.at,
                          .ldx = x.ld,
                          .y = y.at,
                          .dy = dy.at,
                          .ldy = dy.ld,
                          .dx = dx.at,
                          .lddx = dx.ld};
    k->attend_forward(&a);
    k->attend_backward(&a);
    const double error = 16 * sum_error(dim) * sqrt(dim);
    for (int32_t b = 0; b < rows; b++) {
        double share[2], da[2] = {0, 0};
        for (int i = 0; i < 2; i++) {
            share[i] = 1 / (1 + exp(dot(&x, b, 1 - i, dim) - dot(&x, b, i, dim)));
            for (int32_t c = 0; c < dim; c++)
                da[i] += (double)*matrix_cell(&dy, b, c) * part(&x, b, i, V, c, dim);
        }
        const double mean = share[0] * da[0] + share[1] * da[1];
        for (int32_t c = 0; c < dim; c++) {
            check_near("y", *matrix_cell(&y, b, c),
                       share[0] * part(&x, b, 0, V, c, dim) + share[1] * part(&x, b, 1, V, c, dim),
                       error);
            for (int i = 0; i < 2; i++) {
                const double ds = share[i] * (da[i] - mean) / sqrt(dim);
                check_near("dq", part(&dx, b, i, Q, c, dim), ds * part(&x, b, i, K, c, dim), error);
                check_near("dk", part(&dx, b, i, K, c, dim), ds * part(&x, b, i, Q, c, dim), error);
                check_near("dv", part(&dx, b, i, V, c, dim),
                           share[i] * (double)*matrix_cell(&dy, b, c), error);
            }
        }
    }
    check_gaps(&y);
    check_gaps(&dx);
    check_same_bits(&x, &before);
    const matrix *all[] = {&x, &dy, &y, &dx, &before};
    for (size_t i = 0; i < 5; i++) free(all[i]->at);
}

START_TEST(attention) {
    for (int32_t dim = 1; dim <= 70; dim++) check_attention(table_at(_i), 1 + draw_below(20), dim);
}
END_TEST

static void check_joint(const mmoe_kernels *k, int32_t n, const float *a, const float *b) {
    matrix z = matrix_new(2, n, n + 1), da = matrix_new(2, n, n + 1),
           db = matrix_new(2, n, n + 1); /* the second row is a gap */
    k->joint_logit(n, a, b, z.at, da.at, db.at);
    for (int32_t i = 0; i < n; i++) {
        const double x = (double)a[i], y = (double)b[i], m = fmax(fmax(-x, -y), -x - y);
        const double first = exp(-x - m), second = exp(-y - m), both = exp(-x - y - m),
                     sum = first + second + both;
        check_near("z", z.at[i], -(m + log(sum)), 4 * U * (1 + fabs(x) + fabs(y)));
        check_near("dz/da", da.at[i], (first + both) / sum, 8 * U * (1 + fabs(x) + fabs(y)));
        check_near("dz/db", db.at[i], (second + both) / sum, 8 * U * (1 + fabs(x) + fabs(y)));
    }
    REQUIRE(is_gap(&z.at[n]) && is_gap(&da.at[n]) && is_gap(&db.at[n]), "written beyond %d", n);
    free(z.at);
    free(da.at);
    free(db.at);
}

START_TEST(joint_logit) {
    static const float sizes[] = {0.01f, 1, 20, 500};
    float a[70], b[70];
    for (int32_t n = 1; n <= 70; n++)
        for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
            for (int32_t i = 0; i < n; i++) {
                a[i] = draw(-sizes[s], sizes[s]);
                b[i] = draw(-sizes[s], sizes[s]);
            }
            check_joint(table_at(_i), n, a, b);
        }
    const float ends[] = {0, -0.0f, 90, -90, 1e6f, -1e6f, 1e-30f};
    for (size_t i = 0; i < 49; i++) check_joint(table_at(_i), 1, &ends[i / 7], &ends[i % 7]);
    const float nan = NAN, one = 1;
    float z, da, db;
    table_at(_i)->joint_logit(1, &nan, &one, &z, &da, &db);
    ck_assert(isnan(z) && isnan(da) && isnan(db));
    table_at(_i)->joint_logit(1, &one, &nan, &z, &da, &db);
    ck_assert(isnan(z) && isnan(da) && isnan(db));
}
END_TEST

void add_cases(TCase *c) {
    tcase_add_loop_test(c, attention, 0, table_count());
    tcase_add_loop_test(c, joint_logit, 0, table_count());
}
