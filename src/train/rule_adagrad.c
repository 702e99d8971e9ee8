/* Adagrad. A decay is a part of the gradient, so its sum takes that up: what a row has missed has
 * no formula. Without one a row misses nothing. */
#include "train/rule.h"

static bool moves_idle(const mmoe_optimizer_config *c) { return c->weight_decay > 0; }

static bool fades(const mmoe_optimizer_config *c, double kept[2]) {
    (void)c;
    kept[0] = kept[1] = 1;
    return false;
}

static mmoe_rate rate(const mmoe_optimizer_config *c, uint64_t step, float lr) {
    const double fall = 1 + ((double)step - 1) * (double)c->lr_decay;
    return (mmoe_rate){(float)((double)lr / fall), 1, 1};
}

static void begin(mmoe_rule *r) {
    const mmoe_optimizer_config *c = &r->settings;
    r->args.adagrad =
        (mmoe_adagrad_args){r->rate.lr, c->eps, c->weight_decay, c->initial_accumulator};
}

static bool move(const mmoe_rule *r, const mmoe_penalty_args *of, const mmoe_moved *to,
                 const float *g) {
    (void)of;
    return r->kernels->adagrad(&r->args.adagrad, to->n, to->w, g, to->m);
}

static void idle(const mmoe_rule *r, const mmoe_idle_args *steps, const mmoe_moved *to) {
    r->kernels->adagrad_idle(&r->args.adagrad, steps, to->n, to->w, to->m);
}

const mmoe_rule_kind mmoe_rule_adagrad = {.moments = 1,
                                          .moves_idle = moves_idle,
                                          .fades = fades,
                                          .rate = rate,
                                          .begin = begin,
                                          .move = move,
                                          .idle = idle};
