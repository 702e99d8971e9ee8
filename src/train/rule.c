#include "train/rule.h"

#define ROW(name, word) [name] = &mmoe_rule_##word,
static const mmoe_rule_kind *const kinds[] = {MMOE_OPTIMIZERS(ROW)};
#undef ROW

mmoe_rule mmoe_rule_of(const mmoe_optimizer_config *settings, bool is_lazy) {
    mmoe_rule r = {.kind = kinds[settings->kind],
                   .kernels = mmoe_kernels_best(),
                   .settings = *settings,
                   .is_lazy = is_lazy};
    r.kind->begin(&r); /* steps without a gradient bring rates of their own */
    return r;
}
