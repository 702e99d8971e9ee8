/* What the steps of a run do to a row that has no gradient, so that a row which was left alone for
 * any number of them is brought up to date at once.
 *
 * Adam moves a weight of moments m, v, last updated at step t0, in step s = t0 + j by
 *
 *     -lr_s c1_s b1^j m u_s / (x + eps u_s),   x = sqrt(v) c2_t0,   u_s = c2_t0 / (c2_s b2^(j/2))
 *
 * c1, c2 being its corrections. u_s does not depend on the row, and changes little while b1^j
 * counts. With R_p = the sum over s of lr_s c1_s b1^j u_s^p, u = R_1 / R_0, M_2 and M_3 the sums of
 * the same weights times (u_s / u - 1)^2 and ^3, d = x + eps u, r = x / d and t = 1 - r, all of
 * them are
 *
 *     -(m u / d) (R_0 - r t M_2 + r t^2 M_3)
 *
 * but for r t^3 M_4, at most 0.11 M_4: and nothing where eps is nothing beside x, or x beside eps.
 * (An expansion in 1 / u_s, the first that comes to mind, lacks r^4 M_4.) R_p is kept for each step
 * t0 since one at which all rows were up to date, whatever the schedule of lr; behind `window`
 * steps, when b1^j is below what a float keeps, it stands. AdamW's decay shrinks what was added
 * before, and R_p with it. Of SGD's momentum there is R_0 alone.
 *
 * Where this does not hold, a row's steps are run one by one: those of a decay that is a part of
 * the gradient, of any optimizer; of rates b1, b2 that are too near each other; the first ones of a
 * run, in which c2 changes fast, up to where the formula holds; and a few steps, for which it does
 * not pay. */
#ifndef MMOE_TRAIN_HISTORY_H
#define MMOE_TRAIN_HISTORY_H

#include <stdbool.h>

#include "base/alloc.h"
#include "base/ask.h"
#include "train/rule.h"

enum {
    MMOE_HISTORY_STEPS = 1 << 16,
    MMOE_HISTORY_POWERS = 4,
    MMOE_HISTORY_LOW = 1 << 8,
    MMOE_HISTORY_NEAR = 1 << 8 /* steps behind; for more, the formula is worked out for each row */
};

/* What is kept of a step t0, a cache line. */
typedef struct mmoe_history_sums {
    double r[MMOE_HISTORY_POWERS]; /* R_p; when they stand, R_1 (or SGD's R_0), M_2 and M_3 */
    double u, inverse;             /* then; 1 / u */
    double c2;
    double kept; /* log of what decay has left of a weight since `base` */
} mmoe_history_sums;

typedef struct mmoe_history {
    mmoe_allocator alloc;
    mmoe_rule rule; /* without rates */
    bool has_v;     /* beside m */
    bool fades;     /* nothing but a decay of the weight itself is left behind the window */
    bool is_closed; /* and the formula holds */
    double fade1, fade2, decay;            /* b1 or the momentum, b2; of the weight itself */
    int64_t window, early;                 /* early: steps t0 before it are run one by one */
    uint64_t base;                         /* all rows are as of this step, or a later one */
    int64_t count;                         /* steps since */
    mmoe_rate *rates;                      /* [STEPS] of step base + 1 + i */
    mmoe_history_sums *sums;               /* [STEPS + 1] of t0 = base + i */
    double *powers1, *powers2;             /* [window] b1^j, b2^(-j/2) of j = window - i */
    double faded[2][MMOE_HISTORY_LOW + 1]; /* b2^i, b2^(LOW i) */
    mmoe_leap_args *near; /* [NEAR + 1] what the formula comes to, by steps that a row is behind */
} mmoe_history;

/* Of a rule, from step 0 on; no step's learning rate is above `most`. MMOE_E_MEMORY. */
mmoe_status mmoe_history_init(mmoe_history *h, const mmoe_rule *rule, double most,
                              const mmoe_allocator *alloc, mmoe_error *err);
/* No later step's rate is above `most`; all rows are up to date. */
void mmoe_history_expect(mmoe_history *h, double most);
void mmoe_history_finish(mmoe_history *h);
size_t mmoe_history_memory(const mmoe_history *h); /* bytes that it keeps */
/* All rows are as of this step. */
void mmoe_history_restart(mmoe_history *h, uint64_t step);
/* Another step is done, of this rate. Not when the history is full. */
void mmoe_history_add(mmoe_history *h, const mmoe_rate *rate);
static inline bool mmoe_history_is_full(const mmoe_history *h) {
    return h->count == MMOE_HISTORY_STEPS;
}

/* Asks for what is kept of step base + at. */
static inline void mmoe_history_ask(const mmoe_history *h, int64_t at) { mmoe_ask(&h->sums[at]); }
/* What a row of which the steps up to base + at are done leaps by to come behind the last step:
 * kept here, or made in *room; NULL: it has nothing to leap, or not at once. */
const mmoe_leap_args *mmoe_history_leap(const mmoe_history *h, int64_t at, mmoe_leap_args *room);
/* A row of which the steps up to base + at are done is brought behind the last step. */
void mmoe_history_catch_up(const mmoe_history *h, int64_t at, const mmoe_moved *row);
/* The same of a row without moments, which decay alone has moved. */
void mmoe_history_decay(const mmoe_history *h, int64_t at, const mmoe_moved *row);
static inline bool mmoe_history_decays(const mmoe_history *h) { return h->decay > 0; }

#endif
