/* AdamW: rule_adam.c sees by the settings that the decay is of the weight itself. */
#include "train/rule.h"

static bool moves_idle(const mmoe_optimizer_config *c) { return mmoe_rule_adam.moves_idle(c); }

static bool fades(const mmoe_optimizer_config *c, double kept[2]) {
    return mmoe_rule_adam.fades(c, kept);
}

static mmoe_rate rate(const mmoe_optimizer_config *c, uint64_t step, float lr) {
    return mmoe_rule_adam.rate(c, step, lr);
}

static void begin(mmoe_rule *r) { mmoe_rule_adam.begin(r); }

static bool move(const mmoe_rule *r, const mmoe_penalty_args *of, const mmoe_moved *to,
                 const float *g) {
    return mmoe_rule_adam.move(r, of, to, g);
}

static bool move_rows(const mmoe_rule *r, size_t n, const mmoe_adam_row *rows, size_t count) {
    return mmoe_rule_adam.move_rows(r, n, rows, count);
}

static void idle(const mmoe_rule *r, const mmoe_idle_args *steps, const mmoe_moved *to) {
    mmoe_rule_adam.idle(r, steps, to);
}

const mmoe_rule_kind mmoe_rule_adamw = {.moments = 2,
                                        .moves_idle = moves_idle,
                                        .fades = fades,
                                        .rate = rate,
                                        .begin = begin,
                                        .move = move,
                                        .move_rows = move_rows,
                                        .idle = idle};
