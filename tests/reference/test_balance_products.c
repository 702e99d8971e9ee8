/* The reference's weights by the gradients' products, by what makes them the best. */
#include <math.h>
#include <string.h>

#include "check_main.h"
#include "compare.h"
#include "reference_balance.h"

enum { MOST = REFERENCE_MAX_TASKS };

/* SplitMix64, as a number of [-1, 1). */
static double draw(uint64_t *state) {
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return (double)((z ^ (z >> 31)) >> 11) * 0x1p-52 - 1;
}

enum { DRAWS = 200, LENGTH = 6 };

/* T vectors, some much longer than others, many in conflict. */
typedef struct vectors {
    int n;
    double g[MOST][LENGTH];
    reference_gram gram;
} vectors;

static vectors vectors_draw(int n, uint64_t seed) {
    vectors v = {.n = n};
    uint64_t state = seed * 1000003;
    for (int t = 0; t < n; t++) {
        const double length = pow(10, 1.5 * draw(&state));
        for (int i = 0; i < LENGTH; i++) v.g[t][i] = length * draw(&state);
    }
    v.gram.n = n;
    for (int s = 0; s < n; s++)
        for (int t = 0; t < n; t++)
            for (int i = 0; i < LENGTH; i++) v.gram.of[s][t] += v.g[s][i] * v.g[t][i];
    return v;
}

static void combined(const vectors *v, const double *weights, double *d) {
    memset(d, 0, LENGTH * sizeof *d);
    for (int t = 0; t < v->n; t++)
        for (int i = 0; i < LENGTH; i++) d[i] += weights[t] * v->g[t][i];
}

static double dot(const double *u, const double *v) {
    double sum = 0;
    for (int i = 0; i < LENGTH; i++) sum += u[i] * v[i];
    return sum;
}

/* The nearest point d of a convex hull: no corner lies on the near side of the plane through d. */
START_TEST(mgda_is_the_nearest_point) {
    const int n = _i;
    int inside = 0, outside = 0;
    for (uint64_t seed = 1; seed <= DRAWS; seed++) {
        const vectors v = vectors_draw(n, seed);
        double w[MOST], d[LENGTH], sum = 0;
        reference_mgda(&v.gram, w);
        combined(&v, w, d);
        for (int t = 0; t < n; t++) {
            ck_assert(w[t] >= 0);
            sum += w[t];
            ck_assert_double_ge(dot(d, v.g[t]), dot(d, d) * (1 - 1e-9));
            *(w[t] > 0 ? &inside : &outside) += 1;
        }
        ck_assert_double_eq_tol(sum, 1, 1e-12);
    }
    ck_assert(inside > DRAWS / 4 && (n < 2 || outside > DRAWS / 10));
}
END_TEST

static double worst_of(const vectors *v, const double *d) {
    double worst = HUGE_VAL;
    for (int t = 0; t < v->n; t++) worst = fmin(worst, dot(d, v->g[t]));
    return worst;
}

/* d stays in the ball, and no other does better for its worst task: neither many that are drawn,
 * nor, by duality, any. */
START_TEST(cagrad_is_best_for_the_worst_task) {
    const int n = _i;
    for (uint64_t seed = 1; seed <= DRAWS / 2; seed++) {
        const vectors v = vectors_draw(n, seed);
        uint64_t state = seed;
        double w[MOST], d[LENGTH], mean[LENGTH], away[LENGTH], equal[MOST];
        const double c = 0.1 + 0.8 * fabs(draw(&state));
        for (int t = 0; t < n; t++) equal[t] = 1.0 / n;
        combined(&v, equal, mean);
        reference_cagrad(&v.gram, c, w);
        combined(&v, w, d);
        for (int i = 0; i < LENGTH; i++) {
            d[i] *= 1 + c * c;
            away[i] = d[i] - mean[i];
        }
        const double radius = c * sqrt(dot(mean, mean)), best = worst_of(&v, d);
        ck_assert_double_le(sqrt(dot(away, away)), radius * (1 + 1e-9));
        const double scale = radius * sqrt(v.gram.of[0][0]);
        for (int k = 0; k < 1000; k++) {
            double other[LENGTH], length;
            for (int i = 0; i < LENGTH; i++)
                other[i] = k % 2 ? draw(&state) : away[i] / radius + 0.1 * draw(&state);
            length = sqrt(dot(other, other));
            for (int i = 0; i < LENGTH; i++) other[i] = mean[i] + radius / length * other[i];
            ck_assert_double_le(worst_of(&v, other), best + 1e-6 * scale);
        }
        /* What is added to the mean, at its full length, points along g_w, w on the simplex: any
         * feasible d has a worst task of at most g_w . g0 + radius |g_w|. */
        double direction[MOST], sum = 0, gw[LENGTH];
        for (int t = 0; t < n; t++) direction[t] = w[t] * (1 + c * c) - 1.0 / n;
        for (int t = 0; t < n; t++) sum += direction[t];
        for (int t = 0; t < n; t++) {
            direction[t] /= sum;
            ck_assert_double_ge(direction[t], -1e-9);
        }
        combined(&v, direction, gw);
        const double bound = dot(gw, mean) + radius * sqrt(dot(gw, gw));
        ck_assert_msg(fabs(bound - best) <= 1e-6 * (fabs(bound) + radius * sqrt(dot(gw, gw))),
                      "worst task %.12g, bound %.12g", best, bound);
    }
}
END_TEST

START_TEST(aligned_gradients_are_orthogonal) {
    const int n = _i;
    for (uint64_t seed = 1; seed <= DRAWS; seed++) {
        const vectors v = vectors_draw(n, seed);
        double values[MOST], axes[MOST][MOST], rows[MOST][MOST], w[MOST], least = HUGE_VAL,
                                                                          most = 0;
        reference_eigen(&v.gram, values, axes);
        for (int k = 0; k < n; k++) {
            least = fmin(least, values[k]);
            most = fmax(most, values[k]);
        }
        for (int i = 0; i < n; i++)
            for (int j = 0; j < n; j++) {
                double sum = 0;
                for (int k = 0; k < n; k++) sum += values[k] * axes[i][k] * axes[j][k];
                ck_assert_double_eq_tol(sum, v.gram.of[i][j], 1e-12 * most);
            }
        reference_alignment(&v.gram, rows);
        reference_aligned(&v.gram, w);
        for (int i = 0; i < n; i++) {
            double mean = 0;
            for (int j = 0; j < n; j++) {
                ck_assert_double_eq_tol(reference_gram_product(&v.gram, rows[i], rows[j]),
                                        i == j ? least : 0, 1e-11 * most);
                mean += rows[j][i] / n;
            }
            ck_assert_double_eq_tol(w[i], mean, 1e-14);
        }
    }
}
END_TEST

/* Two tasks of one gradient span a line: what has no length is left out. */
START_TEST(aligned_leaves_out_what_has_no_length) {
    const reference_gram same = {2, {{4, 4}, {4, 4}}}, opposite = {2, {{4, -4}, {-4, 4}}};
    double w[MOST];
    reference_aligned(&same, w);
    ck_assert_double_eq_tol(w[0], 0.5, 1e-12);
    ck_assert_double_eq_tol(w[1], 0.5, 1e-12);
    reference_aligned(&opposite, w);
    ck_assert_double_eq_tol(w[0] - w[1], 0, 1e-12);
}
END_TEST

/* The same by vectors, projection after projection; with two tasks no conflict is left. */
START_TEST(pcgrad_takes_conflicts_away) {
    const int n = _i;
    int conflicts = 0;
    for (uint64_t seed = 1; seed <= DRAWS; seed++) {
        const vectors v = vectors_draw(n, seed);
        int order[MOST][MOST];
        for (int i = 0; i < n; i++)
            for (int k = 0; k < n; k++)
                order[i][k] = (int)(((uint64_t)k + seed * (uint64_t)(i + 1)) % (uint64_t)n);
        double w[MOST], got[LENGTH], want[LENGTH] = {0};
        reference_pcgrad(&v.gram, order, w);
        combined(&v, w, got);
        for (int i = 0; i < n; i++) {
            double p[LENGTH];
            memcpy(p, v.g[i], sizeof p);
            for (int k = 0; k < n; k++) {
                const double *g = v.g[order[i][k]], product = dot(p, g);
                if (order[i][k] == i || product >= 0) continue;
                conflicts++;
                for (int j = 0; j < LENGTH; j++) p[j] -= product / dot(g, g) * g[j];
            }
            for (int j = 0; j < LENGTH; j++) want[j] += p[j];
            if (n == 2)
                ck_assert_double_ge(dot(p, v.g[1 - i]),
                                    -1e-9 * sqrt(dot(p, p) * dot(v.g[1 - i], v.g[1 - i])));
        }
        comparison r = compare_tensors("pcgrad", got, want, LENGTH, 1e-10, 0);
        ck_assert_msg(r.agrees, "%s", r.message);
    }
    ck_assert(n < 2 || conflicts > DRAWS / 2);
}
END_TEST

/* g = (1, 0) and (-2, 1): products 1, -2, 5. */
START_TEST(two_gradients_by_hand) {
    const reference_gram gram = {2, {{1, -2}, {-2, 5}}};
    int order[MOST][MOST] = {{0, 1}, {1, 0}};
    double w[MOST];
    reference_mgda(&gram, w); /* (3, -1) . (g_2 + x (3, -1)) = 0 at x = 7/10 */
    ck_assert_double_eq_tol(w[0], 0.7, 1e-14);
    ck_assert_double_eq_tol(w[1], 0.3, 1e-14);
    reference_pcgrad(&gram, order, w); /* g_1 + 2/5 g_2 and g_2 + 2 g_1 */
    ck_assert_double_eq_tol(w[0], 3, 1e-14);
    ck_assert_double_eq_tol(w[1], 1.4, 1e-14);
    reference_cagrad(&gram, 0, w);
    ck_assert_double_eq_tol(w[0], 0.5, 1e-14);
    ck_assert_double_eq_tol(w[1], 0.5, 1e-14);
}
END_TEST

void add_cases(TCase *c) {
    tcase_add_loop_test(c, mgda_is_the_nearest_point, 1, MOST + 1);
    tcase_add_loop_test(c, cagrad_is_best_for_the_worst_task, 1, MOST);
    tcase_add_loop_test(c, aligned_gradients_are_orthogonal, 1, MOST + 1);
    tcase_add_test(c, aligned_leaves_out_what_has_no_length);
    tcase_add_loop_test(c, pcgrad_takes_conflicts_away, 1, MOST + 1);
    tcase_add_test(c, two_gradients_by_hand);
}
