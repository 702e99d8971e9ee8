/* Adagrad with one sum a row: the same rates, and a row's own move. */
#include "train/rule.h"

static bool moves_idle(const mmoe_optimizer_config *c) { return mmoe_rule_adagrad.moves_idle(c); }

static bool fades(const mmoe_optimizer_config *c, double kept[2]) {
    return mmoe_rule_adagrad.fades(c, kept);
}

static mmoe_rate rate(const mmoe_optimizer_config *c, uint64_t step, float lr) {
    return mmoe_rule_adagrad.rate(c, step, lr);
}

static void begin(mmoe_rule *r) { mmoe_rule_adagrad.begin(r); }

static bool move(const mmoe_rule *r, const mmoe_penalty_args *of, const mmoe_moved *to,
                 const float *g) {
    return r->kernels->adagrad_row(&r->args.adagrad, of, to->n, to->w, g, to->m);
}

static void idle(const mmoe_rule *r, const mmoe_idle_args *steps, const mmoe_moved *to) {
    r->kernels->adagrad_row_idle(&r->args.adagrad, steps, to->n, to->w, to->m);
}

const mmoe_rule_kind mmoe_rule_rowwise_adagrad = {.moments = 1,
                                                  .is_of_rows = true,
                                                  .moves_idle = moves_idle,
                                                  .fades = fades,
                                                  .rate = rate,
                                                  .begin = begin,
                                                  .move = move,
                                                  .idle = idle};
