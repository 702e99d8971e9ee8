/* The reference's balancing methods: their gradients by finite differences, their weights by what
 * makes them the best. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cases.h"
#include "check_main.h"
#include "compare.h"
#include "reference_balance.h"

enum { MOST = REFERENCE_MAX_TASKS };

#define EXPERTS(levels_, specific_, shared_)                                                       \
    .levels = levels_, .specific = specific_, .shared_experts = shared_

/* name, rows, tasks, experts, depth, activation, norm, gate_norm */
static const reference_case cases[] = {
    {"mmoe", 17, 3, 3, 1, REFERENCE_TANH, true, true, .regression = 2, .weighted = true},
    {"mmoe, missing labels", 33, 3, 3, 2, REFERENCE_TANH, false, false, .regression = 2,
     .missing = true, .shared = true},
    {"omoe", 17, 2, 3, 1, REFERENCE_TANH, true, true, .kind = REFERENCE_OMOE, .regression = 1},
    {"single task", 17, 3, 0, 1, REFERENCE_TANH, true, true, .kind = REFERENCE_SINGLE_TASK,
     .regression = 4},
    {"shared bottom", 17, 3, 0, 2, REFERENCE_TANH, true, true, .kind = REFERENCE_SHARED_BOTTOM,
     .regression = 2, .weighted = true},
    {"cgc", 17, 2, 0, 1, REFERENCE_TANH, true, true, .kind = REFERENCE_CGC, EXPERTS(1, 2, 1)},
    {"ple", 17, 2, 0, 1, REFERENCE_TANH, true, true, .kind = REFERENCE_PLE, EXPERTS(2, 2, 1),
     .regression = 1},
    {"ple, three levels", 17, 3, 0, 1, REFERENCE_TANH, false, false, .kind = REFERENCE_PLE,
     EXPERTS(3, 1, 1)},
    {"esmm", 17, 2, 0, 1, REFERENCE_TANH, true, true, .kind = REFERENCE_ESMM},
    {"aitm", 17, 3, 0, 1, REFERENCE_TANH, true, true, .kind = REFERENCE_AITM},
    {"cross-stitch", 17, 3, 0, 2, REFERENCE_TANH, true, true, .kind = REFERENCE_CROSS_STITCH,
     .regression = 1},
};
enum { CASES = sizeof cases / sizeof *cases };

static const double kink_distance = 2e-4;

static double *numbers(size_t count) {
    double *p = calloc(count + 1, sizeof *p);
    ck_assert_ptr_nonnull(p);
    return p;
}

/* SplitMix64, as a number of [-1, 1). */
static double draw(uint64_t *state) {
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return (double)((z ^ (z >> 31)) >> 11) * 0x1p-52 - 1;
}

/* ---- The seam ---- */

static double *shared_values(reference_problem *p) {
    const size_t size = reference_shared_size(p->model, p->batch.rows);
    double *values = numbers(size);
    reference_forward(p->model, &p->batch, NULL, NULL);
    memcpy(values, reference_shared_values(p->model), size * sizeof *values);
    reference_forget(p->model);
    return values;
}

/* Shared parameters are those that move the representation. A bias in front of a batch norm moves
 * nothing. */
START_TEST(shared_parameters_move_the_representation) {
    reference_problem p;
    reference_problem_init(&p, &cases[_i], kink_distance);
    const size_t size = reference_shared_size(p.model, p.batch.rows);
    double *before = shared_values(&p);
    size_t n_shared = 0, n_own = 0;
    for (size_t k = 0; k < reference_tensor_count(p.model); k++) {
        reference_tensor *t = reference_tensor_at(p.model, k);
        if (!t->trainable || t->in_front_of_norm) continue;
        for (size_t i = 0; i < t->count; i++) t->value[i] += 0.1 + 0.01 * (double)i;
        double *after = shared_values(&p), most = 0;
        for (size_t i = 0; i < t->count; i++) t->value[i] -= 0.1 + 0.01 * (double)i;
        for (size_t i = 0; i < size; i++) most = fmax(most, fabs(after[i] - before[i]));
        ck_assert_msg(reference_is_shared(p.model, t) ? most > 1e-3 : most < 1e-12,
                      "%s: %s moves it by %g", cases[_i].name, t->name, most);
        *(reference_is_shared(p.model, t) ? &n_shared : &n_own) += 1;
        free(after);
    }
    ck_assert(n_shared > 0 && n_own > 0);
    free(before);
    reference_problem_finish(&p);
}
END_TEST

START_TEST(running_statistics_are_not_shared_parameters) {
    reference_problem p;
    reference_problem_init(&p, &cases[_i], kink_distance);
    for (size_t k = 0; k < reference_tensor_count(p.model); k++) {
        const reference_tensor *t = reference_tensor_at(p.model, k);
        ck_assert(t->trainable || !reference_is_shared(p.model, t));
    }
    reference_problem_finish(&p);
}
END_TEST

/* ---- Slopes of each task's loss, through the representation and past it ---- */

/* Entries that are looked at: a few of each tensor. */
enum { PROBES = 5 };

typedef struct probe {
    size_t tensor, entry, at; /* `at`: among all entries of all tensors */
    double through[MOST], past[MOST];
} probe;

typedef struct slopes {
    size_t n;
    probe *probes;
} slopes;

static void losses_of(reference_problem *p, double *losses) {
    reference_forward(p->model, &p->batch, NULL, losses);
    reference_forget(p->model);
    for (int t = 0; t < p->spec.n_task; t++) losses[t] *= p->spec.tasks[t].loss_weight;
}

/* L_t where only the representation, or only all else, is that of t[i] = value. */
static void losses_at(reference_problem *p, reference_tensor *t, size_t i, double value,
                      const double *home, double *through, double *past) {
    const double old = t->value[i];
    t->value[i] = value;
    double *values = shared_values(p);
    reference_hold_shared(p->model, home);
    losses_of(p, past);
    t->value[i] = old;
    reference_hold_shared(p->model, values);
    losses_of(p, through);
    reference_hold_shared(p->model, NULL);
    free(values);
}

/* Central differences over four points, of the fourth order. */
static void probe_slopes(reference_problem *p, const double *home, probe *at) {
    static const double steps[] = {1, -1, 2, -2}, shares[] = {8, -8, -1, 1};
    const double h = 1e-4;
    reference_tensor *t = reference_tensor_at(p->model, at->tensor);
    for (int k = 0; k < 4; k++) {
        double through[MOST], past[MOST];
        losses_at(p, t, at->entry, t->value[at->entry] + steps[k] * h, home, through, past);
        for (int s = 0; s < p->spec.n_task; s++) {
            at->through[s] += shares[k] * through[s] / (12 * h);
            at->past[s] += shares[k] * past[s] / (12 * h);
        }
    }
}

static slopes slopes_of(reference_problem *p) {
    slopes s = {0, calloc(reference_tensor_count(p->model) * PROBES, sizeof *s.probes)};
    ck_assert_ptr_nonnull(s.probes);
    double *home = shared_values(p);
    size_t first = 0;
    for (size_t k = 0; k < reference_tensor_count(p->model); k++) {
        const reference_tensor *t = reference_tensor_at(p->model, k);
        const size_t stride = t->count > PROBES ? t->count / PROBES : 1;
        for (size_t i = 0, n = 0; t->trainable && i < t->count && n < PROBES; i += stride, n++) {
            s.probes[s.n] = (probe){.tensor = k, .entry = i, .at = first + i};
            probe_slopes(p, home, &s.probes[s.n++]);
        }
        first += t->count;
    }
    free(home);
    return s;
}

/* ---- Gradients ---- */

static const double slope_tolerance = 1e-7;

static bool has_label(const reference_problem *p, int t) {
    return reference_label_weight(p->model, &p->batch, t) > 0;
}

/* A state that no task shares with another, and that moves every factor. */
static void set_state(reference_balance *b) {
    static const double weight[] = {0.3, -0.4, 0.7}, first[] = {0.5, 1.25, 2},
                        drawn[] = {0.6, 1.9, 0.5}, last[] = {0.5, 0.7, 0.4};
    for (int t = 0; t < reference_spec_of(b->model)->n_task; t++) {
        b->weight[t] = weight[t];
        b->first_loss[t] = first[t];
        b->drawn[t] = drawn[t];
        b->epoch_loss[t][0] = last[t];
        b->epoch_loss[t][1] = 1;
        for (size_t k = 0; k < reference_tensor_count(b->model); k++)
            b->mean_norms[t][k] = 0.01 * (t + 1);
    }
    b->epoch = 2;
}

/* What the balanced gradient must be, of the slopes and the factors. */
static double balanced_slope(const reference_balance *b, const reference_problem *p,
                             const probe *at) {
    const reference_tensor *t = reference_tensor_at(p->model, at->tensor);
    const bool gradients = reference_balance_sees_gradients(b->spec.method),
               shared = reference_is_shared(p->model, t);
    double sum = 0;
    for (int s = 0; s < p->spec.n_task; s++) {
        if (!has_label(p, s)) continue;
        double through = b->factors[s], past = b->factors[s];
        if (gradients && !b->spec.at_parameters) past = 1;
        if (gradients && b->spec.at_parameters) through = past = shared ? b->factors[s] : 1;
        if (b->spec.method == REFERENCE_METABALANCE && b->spec.at_parameters)
            through = past = b->tensor_factors[s][at->tensor];
        sum += (through * at->through[s] + past * at->past[s]) / reference_divisor(p->model);
    }
    return sum;
}

static void check_method(const reference_case *c, reference_problem *p, const slopes *s,
                         const reference_balance_spec *spec) {
    reference_balance b;
    reference_balance_init(&b, spec, p->model);
    set_state(&b);
    reference_balance_gradient(&b, &p->batch, NULL);
    double *got = numbers(s->n), *want = numbers(s->n), *factors = b.factors;
    for (size_t i = 0; i < s->n; i++) {
        got[i] = reference_tensor_at(p->model, s->probes[i].tensor)->gradient[s->probes[i].entry];
        want[i] = balanced_slope(&b, p, &s->probes[i]);
    }
    comparison r =
        compare_tensors(reference_method_names[spec->method], got, want, s->n, slope_tolerance, 0);
    ck_assert_msg(r.agrees, "%s, at parameters %d: %s", c->name, spec->at_parameters, r.message);
    ck_assert_msg(factors[0] != 1 || factors[1] != 1 || spec->method == REFERENCE_PLAIN ||
                      spec->method == REFERENCE_PCGRAD,
                  "%s: %s: nothing is balanced", c->name, reference_method_names[spec->method]);
    free(got);
    free(want);
    reference_balance_finish(&b);
}

START_TEST(balanced_gradients_are_slopes) {
    const reference_case *c = &cases[_i];
    reference_problem p;
    reference_problem_init(&p, c, kink_distance);
    slopes s = slopes_of(&p);
    for (int m = 0; m < REFERENCE_METHODS; m++)
        for (int at = 0; at <= reference_balance_sees_gradients(m); at++) {
            reference_balance_spec spec = reference_balance_default(m);
            spec.at_parameters = at;
            check_method(c, &p, &s, &spec);
        }
    free(s.probes);
    reference_problem_finish(&p);
}
END_TEST

/* Each task's own gradient, and its product at the seam by a step along it. */
START_TEST(task_gradients_are_slopes) {
    const reference_case *c = &cases[_i];
    reference_problem p;
    reference_problem_init(&p, c, kink_distance);
    slopes s = slopes_of(&p);
    reference_balance_spec spec = reference_balance_default(REFERENCE_GRADNORM);
    reference_balance b;
    reference_balance_init(&b, &spec, p.model);
    reference_balance_gradient(&b, &p.batch, NULL);
    double *got = numbers(s.n), *want = numbers(s.n);
    for (int t = 0; t < c->tasks; t++) {
        if (!has_label(&p, t)) continue;
        for (size_t i = 0; i < s.n; i++) {
            got[i] = b.gradient[t][s.probes[i].at];
            want[i] = s.probes[i].through[t] + s.probes[i].past[t];
        }
        comparison r = compare_tensors("task's gradient", got, want, s.n, slope_tolerance, 0);
        ck_assert_msg(r.agrees, "%s: task %d: %s", c->name, t, r.message);
    }
    free(got);
    free(want);
    free(s.probes);
    reference_balance_finish(&b);
    reference_problem_finish(&p);
}
END_TEST

/* |d_t|^2 and d_s . d_t are the slopes of L_s along d_t. */
START_TEST(products_are_slopes_of_the_representation) {
    const reference_case *c = &cases[_i];
    reference_problem p;
    reference_problem_init(&p, c, kink_distance);
    const size_t size = reference_shared_size(p.model, p.batch.rows);
    double *home = shared_values(&p), *there = numbers(size);
    reference_balance_spec spec = reference_balance_default(REFERENCE_MGDA);
    reference_balance b;
    reference_balance_init(&b, &spec, p.model);
    reference_balance_gradient(&b, &p.batch, NULL);
    for (int t = 0, row = 0; t < c->tasks; t++) {
        if (!has_label(&p, t)) continue;
        double alone[MOST] = {0}, slope[MOST] = {0}, *d = numbers(size);
        static const double steps[] = {1, -1, 2, -2}, shares[] = {8, -8, -1, 1};
        alone[t] = 1;
        reference_forward(p.model, &p.batch, NULL, NULL);
        reference_backward(p.model, &p.batch, alone, 1, d);
        reference_forget(p.model);
        const double h = 1e-3;
        for (int k = 0; k < 4; k++) {
            double losses[MOST];
            for (size_t i = 0; i < size; i++) there[i] = home[i] + steps[k] * h * d[i];
            reference_hold_shared(p.model, there);
            losses_of(&p, losses);
            for (int s = 0; s < c->tasks; s++) slope[s] += shares[k] * losses[s] / (12 * h);
        }
        reference_hold_shared(p.model, NULL);
        for (int s = 0, column = 0; s < c->tasks; s++)
            if (has_label(&p, s)) {
                const double want = b.gram.of[row][column++];
                ck_assert_msg(fabs(slope[s] - want) <= 1e-6 * b.norms[s] * b.norms[t],
                              "%s: d_%d . d_%d: slope %.12g, product %.12g", c->name, s, t,
                              slope[s], want);
            }
        row++;
        free(d);
    }
    free(home);
    free(there);
    reference_balance_finish(&b);
    reference_problem_finish(&p);
}
END_TEST

/* Factors of 1, which gradnorm begins with, are the plain step. */
START_TEST(factors_of_one_are_the_plain_gradient) {
    const reference_case *c = &cases[_i];
    reference_problem p;
    reference_problem_init(&p, c, kink_distance);
    for (int at = 0; at < 2; at++) {
        reference_balance_spec spec = reference_balance_default(REFERENCE_GRADNORM);
        spec.at_parameters = at;
        reference_balance b;
        reference_balance_init(&b, &spec, p.model);
        reference_balance_gradient(&b, &p.batch, NULL);
        reference_model *plain = reference_create(&p.spec);
        for (size_t k = 0; k < reference_tensor_count(plain); k++)
            memcpy(reference_tensor_at(plain, k)->value, reference_tensor_at(p.model, k)->value,
                   reference_tensor_at(plain, k)->count * sizeof(double));
        reference_gradient(plain, &p.batch, NULL, NULL);
        for (size_t k = 0; k < reference_tensor_count(plain); k++) {
            const reference_tensor *want = reference_tensor_at(plain, k),
                                   *got = reference_tensor_at(p.model, k);
            comparison r = compare_tensors(got->name, got->gradient, want->gradient, want->count,
                                           1e-12, reference_gradient_scale(want));
            ck_assert_msg(!got->trainable || r.agrees, "%s: %s", c->name, r.message);
        }
        reference_free(plain);
        reference_balance_finish(&b);
    }
    reference_problem_finish(&p);
}
END_TEST

/* Where nothing passes by the representation, both places give its parameters one gradient for the
 * same factors. */
START_TEST(one_way_through_makes_both_places_one) {
    reference_problem p;
    reference_problem_init(&p, &cases[4], kink_distance);
    ck_assert(p.spec.kind == REFERENCE_SHARED_BOTTOM);
    reference_balance_spec spec = reference_balance_default(REFERENCE_GRADNORM);
    reference_balance b[2];
    double *kept = NULL;
    for (int at = 0; at < 2; at++) {
        spec.at_parameters = at;
        reference_balance_init(&b[at], &spec, p.model);
        set_state(&b[at]);
        reference_balance_gradient(&b[at], &p.batch, NULL);
        double *gradients = numbers(1 << 14);
        size_t n = 0;
        for (size_t k = 0; k < reference_tensor_count(p.model); k++) {
            const reference_tensor *t = reference_tensor_at(p.model, k);
            for (size_t i = 0; t->trainable && i < t->count; i++) gradients[n++] = t->gradient[i];
        }
        if (at) {
            comparison r = compare_tensors("gradients", gradients, kept, n, 1e-12, 0);
            ck_assert_msg(r.agrees, "%s", r.message);
            free(gradients);
        } else {
            kept = gradients;
        }
        reference_balance_finish(&b[at]);
    }
    free(kept);
    reference_problem_finish(&p);
}
END_TEST

/* ---- Weights by the gradients' products ---- */

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

/* ---- Weights of their own ---- */

/* A problem, one gradient computed, its update done. */
typedef struct stepped {
    reference_problem p;
    reference_balance b;
} stepped;

static const reference_optimizer descent = {.kind = REFERENCE_SGD, .lr = 0.1};

static void step_init(stepped *s, const reference_case *c, const reference_balance_spec *spec) {
    reference_problem_init(&s->p, c, kink_distance);
    reference_balance_init(&s->b, spec, s->p.model);
    set_state(&s->b);
    reference_balance_gradient(&s->b, &s->p.batch, NULL);
    reference_update(s->p.model, &descent, 1);
}

static void step_finish(stepped *s) {
    reference_balance_finish(&s->b);
    reference_problem_finish(&s->p);
}

/* The methods' own objectives by their weights, from their papers. */
static double uwl_objective(const stepped *s, const double *w, bool clamp) {
    double sum = 0;
    for (int t = 0; t < s->p.spec.n_task; t++) {
        const double c = clamp && w[t] < 0 ? 0 : w[t];
        sum += 2 * s->b.losses[t] * exp(-c) + c;
    }
    return sum;
}

static double gradnorm_objective(const stepped *s, const double *w, const double *target) {
    double sum = 0;
    for (int t = 0; t < s->p.spec.n_task; t++) sum += fabs(exp(w[t]) * s->b.norms[t] - target[t]);
    return sum;
}

static double famo_objective(const stepped *s, const double *w, const double *after) {
    double sum = 0, z = 0, decay = 0;
    for (int t = 0; t < s->p.spec.n_task; t++) {
        z += exp(w[t]);
        sum += exp(w[t]) * log((s->b.losses[t] + 1e-8) / (after[t] + 1e-8));
        decay += 0.5 * s->b.spec.gamma * w[t] * w[t];
    }
    return sum / z + decay;
}

static double objective(const stepped *s, const double *w, const double *given) {
    switch (s->b.spec.method) {
    case REFERENCE_UWL:
        return uwl_objective(s, w, s->b.spec.clamp);
    case REFERENCE_GRADNORM:
        return gradnorm_objective(s, w, given);
    default:
        return famo_objective(s, w, given);
    }
}

static void gradnorm_targets(const stepped *s, double *target) {
    const int T = s->p.spec.n_task;
    double mean = 0, relative = 0;
    for (int t = 0; t < T; t++) {
        mean += exp(s->b.weight[t]) * s->b.norms[t] / T;
        relative += s->b.losses[t] / s->b.first_loss[t] / T;
    }
    for (int t = 0; t < T; t++)
        target[t] = mean * pow(s->b.losses[t] / s->b.first_loss[t] / relative, s->b.spec.alpha);
}

static const struct {
    reference_method method;
    bool clamp;
} of_their_own[] = {{REFERENCE_UWL, true},
                    {REFERENCE_UWL, false},
                    {REFERENCE_GRADNORM, false},
                    {REFERENCE_FAMO, false}};

START_TEST(weights_go_down_their_own_objective) {
    reference_balance_spec spec = reference_balance_default(of_their_own[_i].method);
    spec.clamp = of_their_own[_i].clamp;
    stepped s;
    step_init(&s, &cases[0], &spec);
    const int T = s.p.spec.n_task;
    double given[MOST] = {0}, slope[MOST], want[MOST], w[MOST];
    if (spec.method == REFERENCE_GRADNORM) gradnorm_targets(&s, given);
    if (spec.method == REFERENCE_FAMO) losses_of(&s.p, given);
    reference_balance_slope(&s.b, &s.p.batch, slope);
    const double h = 1e-5;
    for (int t = 0; t < T; t++) {
        memcpy(w, s.b.weight, sizeof w);
        w[t] += h;
        want[t] = objective(&s, w, given);
        w[t] -= 2 * h;
        want[t] = (want[t] - objective(&s, w, given)) / (2 * h);
    }
    comparison r =
        compare_tensors(reference_method_names[spec.method], slope, want, (size_t)T, 1e-8, 0);
    ck_assert_msg(r.agrees, "%s", r.message);
    step_finish(&s);
}
END_TEST

/* What FAMO does after the update leaves the model as it is; gradnorm's factors sum to T again. */
START_TEST(updates_keep_what_they_promise) {
    reference_balance_spec spec = reference_balance_default(REFERENCE_FAMO);
    stepped s;
    step_init(&s, &cases[0], &spec);
    reference_tensor *mean = reference_find(s.p.model, "experts.0.mlp.1.running_mean");
    const double before = mean->value[0], xi = s.b.weight[0];
    reference_balance_update(&s.b, &s.p.batch, &descent);
    ck_assert_double_eq(mean->value[0], before);
    ck_assert_double_eq_tol(fabs(s.b.weight[0] - xi), 0.025, 1e-5); /* Adam's first step */
    step_finish(&s);

    spec = reference_balance_default(REFERENCE_GRADNORM);
    step_init(&s, &cases[0], &spec);
    reference_balance_update(&s.b, &s.p.batch, &descent);
    double sum = 0;
    for (int t = 0; t < s.p.spec.n_task; t++) sum += exp(s.b.weight[t]);
    ck_assert_double_eq_tol(sum, s.p.spec.n_task, 1e-12);
    step_finish(&s);
}
END_TEST

/* The second case's last task has no label: it is in no formula. */
START_TEST(absent_tasks_are_left_alone) {
    for (int m = 0; m < REFERENCE_METHODS; m++)
        for (int at = 0; at <= reference_balance_sees_gradients(m); at++) {
            reference_balance_spec spec = reference_balance_default(m);
            spec.at_parameters = at;
            stepped s;
            step_init(&s, &cases[1], &spec);
            const double moment = s.b.moment1[2];
            reference_balance_update(&s.b, &s.p.batch, &descent);
            ck_assert(!s.b.present[2]);
            ck_assert_double_eq(s.b.factors[2], 1);
            ck_assert_double_eq(s.b.moment1[2], moment);
            ck_assert_double_eq(s.b.mean_norms[2][0], 0.03);
            if (m == REFERENCE_FAMO) ck_assert_double_eq(s.b.weight[2], 0.7);
            if (m == REFERENCE_MGDA)
                ck_assert_double_eq_tol(s.b.factors[0] + s.b.factors[1], 2, 1e-12);
            if (m == REFERENCE_FAMO)
                ck_assert_double_eq_tol((s.b.losses[0] * s.b.factors[0] * exp(-0.3)) /
                                            (s.b.losses[1] * s.b.factors[1] * exp(0.4)),
                                        1, 1e-6);
            step_finish(&s);
        }
}
END_TEST

/* ---- By hand ---- */

START_TEST(factors_by_hand) {
    const reference_case *c = &cases[2]; /* two tasks */
    const double *first, *losses;
    stepped s;
    reference_balance_spec spec = reference_balance_default(REFERENCE_DWA);
    step_init(&s, c, &spec); /* r = 0.5 and 0.7, temperature 2 */
    first = s.b.first_loss;
    ck_assert_double_eq_tol(s.b.factors[0] * first[0], 2 / (1 + exp(0.1)), 1e-12);
    ck_assert_double_eq_tol(s.b.factors[1] * first[1], 2 / (1 + exp(-0.1)), 1e-12);
    step_finish(&s);

    spec = reference_balance_default(REFERENCE_UWL);
    step_init(&s, c, &spec); /* w = 0.3 and -0.4, which the clamp lifts to 0; D = 2 */
    ck_assert_double_eq_tol(s.b.factors[0], 4 * exp(-0.3), 1e-12);
    ck_assert_double_eq_tol(s.b.factors[1], 4, 1e-12);
    step_finish(&s);

    spec = reference_balance_default(REFERENCE_FAMO);
    step_init(&s, c, &spec);
    losses = s.b.losses;
    ck_assert_double_eq_tol((s.b.factors[0] + s.b.factors[1]) / 2, 1, 1e-12);
    ck_assert_double_eq_tol(s.b.factors[0] * losses[0] / (s.b.factors[1] * losses[1]), exp(0.7),
                            1e-6);
    step_finish(&s);

    spec = reference_balance_default(REFERENCE_METABALANCE);
    spec.relax_factor = 0.25;
    step_init(&s, c, &spec);
    const double n0 = 0.9 * 0.01 + 0.1 * s.b.norms[0], n1 = 0.9 * 0.02 + 0.1 * s.b.norms[1];
    ck_assert_double_eq(s.b.factors[0], 1);
    ck_assert_double_eq_tol(s.b.factors[1], 0.25 * n0 / n1 + 0.75, 1e-12);
    step_finish(&s);
}
END_TEST

void add_cases(TCase *c) {
    tcase_add_loop_test(c, shared_parameters_move_the_representation, 0, CASES);
    tcase_add_loop_test(c, running_statistics_are_not_shared_parameters, 0, CASES);
    tcase_add_loop_test(c, task_gradients_are_slopes, 0, CASES);
    tcase_add_loop_test(c, balanced_gradients_are_slopes, 0, CASES);
    tcase_add_loop_test(c, products_are_slopes_of_the_representation, 0, CASES);
    tcase_add_loop_test(c, factors_of_one_are_the_plain_gradient, 0, CASES);
    tcase_add_test(c, one_way_through_makes_both_places_one);
    tcase_add_loop_test(c, mgda_is_the_nearest_point, 1, MOST + 1);
    tcase_add_loop_test(c, cagrad_is_best_for_the_worst_task, 1, MOST);
    tcase_add_loop_test(c, aligned_gradients_are_orthogonal, 1, MOST + 1);
    tcase_add_test(c, aligned_leaves_out_what_has_no_length);
    tcase_add_loop_test(c, pcgrad_takes_conflicts_away, 1, MOST + 1);
    tcase_add_test(c, two_gradients_by_hand);
    tcase_add_loop_test(c, weights_go_down_their_own_objective, 0,
                        (int)(sizeof of_their_own / sizeof *of_their_own));
    tcase_add_test(c, updates_keep_what_they_promise);
    tcase_add_test(c, absent_tasks_are_left_alone);
    tcase_add_test(c, factors_by_hand);
}
