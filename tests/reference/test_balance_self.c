/* The reference's balancing methods: their gradients by finite differences. */
#include <math.h>
#include <string.h>

#include "balance_support.h"

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

/* Of each task, where a value changes the representation alone, or all else alone. */
typedef struct split_losses {
    double through[MOST], past[MOST];
} split_losses;

typedef struct slopes {
    size_t n;
    probe *probes;
} slopes;

/* L_t where only the representation, or only all else, is that of t[i] = value. */
static void losses_at(reference_problem *p, reference_tensor *t, size_t i, double value,
                      const double *home, split_losses *out) {
    const double old = t->value[i];
    t->value[i] = value;
    double *values = shared_values(p);
    reference_hold_shared(p->model, home);
    losses_of(p, out->past);
    t->value[i] = old;
    reference_hold_shared(p->model, values);
    losses_of(p, out->through);
    reference_hold_shared(p->model, NULL);
    free(values);
}

/* Central differences over four points, of the fourth order. */
static void probe_slopes(reference_problem *p, const double *home, probe *at) {
    static const double steps[] = {1, -1, 2, -2}, shares[] = {8, -8, -1, 1};
    const double h = 1e-4;
    reference_tensor *t = reference_tensor_at(p->model, at->tensor);
    for (int k = 0; k < 4; k++) {
        split_losses losses;
        losses_at(p, t, at->entry, t->value[at->entry] + steps[k] * h, home, &losses);
        for (int s = 0; s < p->spec.n_task; s++) {
            at->through[s] += shares[k] * losses.through[s] / (12 * h);
            at->past[s] += shares[k] * losses.past[s] / (12 * h);
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

void add_cases(TCase *c) {
    tcase_add_loop_test(c, shared_parameters_move_the_representation, 0, CASES);
    tcase_add_loop_test(c, running_statistics_are_not_shared_parameters, 0, CASES);
    tcase_add_loop_test(c, task_gradients_are_slopes, 0, CASES);
    tcase_add_loop_test(c, balanced_gradients_are_slopes, 0, CASES);
    tcase_add_loop_test(c, products_are_slopes_of_the_representation, 0, CASES);
    tcase_add_loop_test(c, factors_of_one_are_the_plain_gradient, 0, CASES);
    tcase_add_test(c, one_way_through_makes_both_places_one);
}
