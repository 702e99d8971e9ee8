/* What both kinds of Adagrad hand to their kernels. */
#ifndef MMOE_TRAIN_RULE_ADAGRAD_H
#define MMOE_TRAIN_RULE_ADAGRAD_H

#include "train/rule.h"

static inline mmoe_adagrad_args mmoe_adagrad_args_of(const mmoe_rule *r) {
    const mmoe_optimizer_config *c = &r->settings;
    return (mmoe_adagrad_args){r->rate.lr, c->eps, c->weight_decay, c->initial_accumulator};
}

#endif
