#include "train/history.h"

#include <math.h>

#include "base/error.h"

enum { FEW = 4 }; /* steps that are run one by one */
enum { LOW = MMOE_HISTORY_LOW, NEAR = MMOE_HISTORY_NEAR };

static const double least = 1e-12, /* of b1^j, what a float does not keep */
    error = 1e-5;                  /* of a row's way, at most, and near eps alone */

/* ---- Life ---- */

/* u_s rises by kappa a step, and the weights of the sums have the mean 1 / (1 - b1): M_4 of a
 * geometric distribution is 9 of its mean to the power of 4. */
static bool formula_holds(const mmoe_history *h) {
    if (!h->has_v) return true;
    const double kappa = -log(h->fade2) / 2, spread = kappa / (1 - h->fade1);
    return 0.11 * 9 * spread * spread * spread * spread < error;
}

void mmoe_history_expect(mmoe_history *h, double most) {
    const mmoe_optimizer_config *c = &h->rule.settings;
    double kept[2];
    const bool fades = h->rule.kind->fades(c, kept);
    h->has_v = h->rule.kind->moments == 2;
    h->fade1 = kept[0];
    h->fade2 = kept[1];
    h->decay = (double)c->weight_decay;
    h->window = fades && h->fade1 > 0 ? (int64_t)ceil(log(least) / log(h->fade1)) : 1;
    if (h->window > MMOE_HISTORY_STEPS) h->window = MMOE_HISTORY_STEPS;
    h->early = h->has_v ? (int64_t)ceil(5 / (1 - h->fade1)) : 0;
    /* A decay by which a step could turn a weight's sign has no logarithm. */
    h->fades = fades && most * h->decay < 0.5;
    h->is_closed = h->fades && formula_holds(h);
}

static void fill_powers(mmoe_history *h) {
    for (int64_t j = 1; j <= h->window; j++) {
        h->powers1[h->window - j] = pow(h->fade1, (double)j);
        h->powers2[h->window - j] = h->has_v ? pow(h->fade2, (double)-j / 2) : 1;
    }
    for (int i = 0; i <= LOW; i++) {
        h->faded[0][i] = pow(h->fade2, i);
        h->faded[1][i] = pow(h->fade2, (double)i * LOW);
    }
}

static size_t bytes_of(size_t window) {
    return MMOE_HISTORY_STEPS * (sizeof(mmoe_history_sums) + sizeof(mmoe_rate)) +
           2 * window * sizeof(double) + (NEAR + 1) * sizeof(mmoe_leap_args);
}

mmoe_status mmoe_history_init(mmoe_history *h, const mmoe_rule *rule, double most,
                              const mmoe_allocator *alloc, mmoe_error *err) {
    enum { STEPS = MMOE_HISTORY_STEPS };
    *h = (mmoe_history){.alloc = *alloc, .rule = *rule};
    mmoe_history_expect(h, most);
    const size_t window = (size_t)h->window;
    h->rates = mmoe_alloc(alloc, STEPS, sizeof *h->rates);
    h->sums = mmoe_alloc_aligned(alloc, STEPS + 1, sizeof *h->sums);
    h->powers1 = mmoe_alloc(alloc, window, sizeof *h->powers1);
    h->powers2 = mmoe_alloc(alloc, window, sizeof *h->powers2);
    h->near = mmoe_alloc_aligned(alloc, NEAR + 1, sizeof *h->near);
    if (!h->rates || !h->sums || !h->powers1 || !h->powers2 || !h->near) {
        mmoe_history_finish(h);
        return mmoe_fail_memory(err, bytes_of(window));
    }
    fill_powers(h);
    mmoe_history_restart(h, 0);
    return MMOE_OK;
}

void mmoe_history_finish(mmoe_history *h) {
    mmoe_release(&h->alloc, h->rates);
    mmoe_release_aligned(&h->alloc, h->sums);
    mmoe_release(&h->alloc, h->powers1);
    mmoe_release(&h->alloc, h->powers2);
    mmoe_release_aligned(&h->alloc, h->near);
    *h = (mmoe_history){.alloc = h->alloc};
}

size_t mmoe_history_memory(const mmoe_history *h) {
    return h->rates ? bytes_of((size_t)h->window) : 0;
}

/* ---- Steps ---- */

static double c2_of(const mmoe_history *h, uint64_t step) {
    return !h->has_v || step == 0 ? 1 : 1 / sqrt(1 - pow(h->fade2, (double)step));
}

/* Of step base + at, behind which no other has come. */
static void begin_sums(mmoe_history *h, int64_t at, double kept) {
    h->sums[at] = (mmoe_history_sums){.c2 = c2_of(h, h->base + (uint64_t)at), .kept = kept};
}

void mmoe_history_restart(mmoe_history *h, uint64_t step) {
    h->base = step;
    h->count = 0;
    begin_sums(h, 0, 0);
}

/* Step base + now's term to the sums of t0 from `first` on. */
static void add_terms(mmoe_history *h, int64_t first, int64_t now, double weight, double keep) {
    const int64_t shift = h->window - now;
    const double *powers1 = h->powers1, *powers2 = h->powers2,
                 inverse = 1 / c2_of(h, h->base + (uint64_t)now);
    for (int64_t i = first; i < now; i++) {
        double *r = h->sums[i].r, a = weight * powers1[i + shift];
        const double u = powers2[i + shift] * inverse * h->sums[i].c2;
        for (int p = 0; p < MMOE_HISTORY_POWERS; p++, a *= u) r[p] = keep * r[p] + a;
    }
}

/* What the formula takes of sums that stand. */
static void conclude(const mmoe_history *h, mmoe_history_sums *s) {
    const double r0 = s->r[0], r1 = s->r[1], u = h->has_v && r0 > 0 ? r1 / r0 : 1;
    s->u = u;
    s->inverse = 1 / u;
    if (h->has_v && r0 > 0) {
        s->r[1] = s->r[2] - u * r1;
        s->r[2] = s->r[3] - u * (3 * s->r[2] - 2 * u * r1);
    } else {
        s->r[1] = s->r[2] = 0;
    }
    s->r[0] = h->has_v ? r1 : r0;
}

/* What decay leaves of a weight from step base + from to base + to. */
static double keep_of(const mmoe_history *h, int64_t from, int64_t to) {
    return h->decay == 0 || from == to ? 1 : exp(h->sums[to].kept - h->sums[from].kept);
}

/* What is left of the moments behind k steps. */
static void fade_moments(const mmoe_history *h, int64_t k, mmoe_leap_args *a) {
    a->keep_m = k <= h->window ? (float)h->powers1[h->window - k] : 0;
    a->keep_v = (float)(h->faded[0][k % LOW] * h->faded[1][k / LOW]);
}

/* Of rows behind step base + at. */
static mmoe_leap_args leap_args(const mmoe_history *h, int64_t at) {
    const int64_t k = h->count - at, live = k < h->window ? k : h->window;
    const double shrink = keep_of(h, at + live, h->count);
    mmoe_history_sums s = h->sums[at];
    if (k < h->window) conclude(h, &s);
    mmoe_leap_args a = {.keep = (float)keep_of(h, at, h->count),
                        .root = (float)s.c2,
                        .eps = (float)(s.u * (double)h->rule.settings.eps),
                        .pull = (float)(shrink * s.r[0]),
                        .second = (float)(shrink * s.r[1] * s.inverse),
                        .third = (float)(shrink * s.r[2] * s.inverse * s.inverse)};
    fade_moments(h, k, &a);
    return a;
}

void mmoe_history_add(mmoe_history *h, const mmoe_rate *rate) {
    const int64_t now = h->count + 1, first = now > h->window ? now - h->window : 0;
    const double lr = (double)rate->lr, step = (double)(h->base + (uint64_t)now),
                 c1 = h->has_v ? 1 / (1 - pow(h->fade1, step)) : 1,
                 keep = h->fades ? log1p(-lr * h->decay) : 0;
    h->rates[h->count] = *rate;
    if (h->is_closed) add_terms(h, first, now, lr * c1, 1 - lr * h->decay);
    begin_sums(h, now, h->sums[h->count].kept + keep);
    h->count = now;
    if (!h->is_closed) return;
    if (now >= h->window) conclude(h, &h->sums[now - h->window]);
    for (int64_t k = FEW + 1; k <= NEAR && k <= now; k++) h->near[k] = leap_args(h, now - k);
}

/* ---- A row ---- */

/* Steps that are run one by one before the formula holds for the rest, of a row behind base + at.
 */
static int64_t early_of(const mmoe_history *h, int64_t at) {
    const int64_t early = h->early - (int64_t)h->base - at;
    return early > 0 ? early : 0;
}

const mmoe_leap_args *mmoe_history_leap(const mmoe_history *h, int64_t at, mmoe_leap_args *room) {
    const int64_t k = h->count - at;
    if (!h->is_closed || k <= FEW || early_of(h, at)) return NULL;
    if (k <= NEAR) return &h->near[k];
    *room = leap_args(h, at);
    return room;
}

static void leap(const mmoe_history *h, const mmoe_leap_args *args, const mmoe_moved *row) {
    h->rule.kernels->leap(row->n, &(mmoe_leap_row){args, row->w, row->m, row->v}, 1);
}

static void run_steps(const mmoe_history *h, int64_t at, int64_t count, const mmoe_moved *row) {
    h->rule.kind->idle(&h->rule, &(mmoe_idle_args){h->rates + at, count}, row);
}

/* Moments that have faded move nothing any more. */
void mmoe_history_catch_up(const mmoe_history *h, int64_t at, const mmoe_moved *row) {
    const int64_t k = h->count - at, most = h->fades && k > h->window ? h->window : k;
    if (k <= 0) return;
    const int64_t early = early_of(h, at);
    if (h->is_closed && k - early > FEW) {
        mmoe_leap_args room;
        if (early) run_steps(h, at, early, row);
        leap(h, mmoe_history_leap(h, at + early, &room), row);
        return;
    }
    run_steps(h, at, most, row);
    if (most == k) return;
    mmoe_leap_args rest = {.keep = (float)keep_of(h, at + most, h->count),
                           .eps = h->rule.settings.eps};
    fade_moments(h, k - most, &rest);
    rest.keep_m = 0;
    leap(h, &rest, row);
}

void mmoe_history_decay(const mmoe_history *h, int64_t at, const mmoe_moved *row) {
    if (!h->fades) {
        mmoe_history_catch_up(h, at, row);
        return;
    }
    const float keep = (float)keep_of(h, at, h->count);
    for (size_t i = 0; keep != 1 && i < row->n; i++) row->w[i] *= keep;
}
