/* SGD with momentum. */
#include "config/config_update.h"
#include "train/rule.h"

static bool moves_idle(const mmoe_optimizer_config *c) {
    return c->momentum > 0 || c->weight_decay > 0;
}

static bool fades(const mmoe_optimizer_config *c, double kept[2]) {
    kept[0] = (double)c->momentum;
    kept[1] = 1;
    return !mmoe_config_couples_decay(c);
}

static mmoe_rate rate(const mmoe_optimizer_config *c, uint64_t step, float lr) {
    (void)c;
    (void)step;
    return (mmoe_rate){lr, 1, 1};
}

static void begin(mmoe_rule *r) {
    r->args.sgd =
        (mmoe_sgd_args){r->rate.lr, r->settings.momentum, r->settings.weight_decay, r->step == 1};
}

static bool move(const mmoe_rule *r, const mmoe_penalty_args *of, const mmoe_moved *to,
                 const float *g) {
    (void)of;
    return r->kernels->sgd(&r->args.sgd, to->n, to->w, g, to->m);
}

static void idle(const mmoe_rule *r, const mmoe_idle_args *steps, const mmoe_moved *to) {
    mmoe_sgd_args a = r->args.sgd;
    a.first = 0;
    r->kernels->sgd_idle(&a, steps, to->n, to->w, to->m);
}

const mmoe_rule_kind mmoe_rule_sgd = {.moments = 1,
                                      .moves_idle = moves_idle,
                                      .fades = fades,
                                      .rate = rate,
                                      .begin = begin,
                                      .move = move,
                                      .idle = idle};
