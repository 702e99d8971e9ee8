/* Adam, and what AdamW has in common with it: all but where the decay goes. */
#include <math.h>

#include "config/config_update.h"
#include "train/rule.h"

static bool moves_idle(const mmoe_optimizer_config *c) {
    (void)c;
    return true;
}

static bool fades(const mmoe_optimizer_config *c, double kept[2]) {
    kept[0] = (double)c->beta1;
    kept[1] = (double)c->beta2;
    return !mmoe_config_couples_decay(c);
}

static mmoe_rate rate(const mmoe_optimizer_config *c, uint64_t step, float lr) {
    const double t = (double)step;
    return (mmoe_rate){lr, (float)(1 / (1 - pow((double)c->beta1, t))),
                       (float)(1 / sqrt(1 - pow((double)c->beta2, t)))};
}

/* torch.optim.SparseAdam adds eps to the root of v before that is corrected. */
static void begin(mmoe_rule *r) {
    const mmoe_optimizer_config *c = &r->settings;
    r->args.adam = (mmoe_adam_args){.lr = r->rate.lr,
                                    .beta1 = c->beta1,
                                    .beta2 = c->beta2,
                                    .eps = r->is_lazy ? c->eps * r->rate.correction2 : c->eps,
                                    .weight_decay = c->weight_decay,
                                    .correction1 = r->rate.correction1,
                                    .correction2 = r->rate.correction2,
                                    .decoupled = c->kind == MMOE_ADAMW};
}

static bool move(const mmoe_rule *r, const mmoe_penalty_args *of, const mmoe_moved *to,
                 const float *g) {
    (void)of;
    return r->kernels->adam(&r->args.adam, to->n, to->w, g, to->m, to->v);
}

static bool move_rows(const mmoe_rule *r, size_t n, const mmoe_adam_row *rows, size_t count) {
    return r->kernels->adam_rows(&r->args.adam, n, rows, count);
}

static void idle(const mmoe_rule *r, const mmoe_idle_args *steps, const mmoe_moved *to) {
    r->kernels->adam_idle(&r->args.adam, steps, to->n, to->w, to->m, to->v);
}

const mmoe_rule_kind mmoe_rule_adam = {.moments = 2,
                                       .moves_idle = moves_idle,
                                       .fades = fades,
                                       .rate = rate,
                                       .begin = begin,
                                       .move = move,
                                       .move_rows = move_rows,
                                       .idle = idle};
