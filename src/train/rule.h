/* Optimizers: how a step moves values by their gradients. A kind is a record of functions; a rule
 * is a kind with its settings and what the step under way is to it. Adam (Kingma and Ba 2015) with
 * coupled L2, AdamW (Loshchilov and Hutter 2019), SGD with momentum and Adagrad (Duchi et al. 2011)
 * as PyTorch has them, Adagrad of rows as FBGEMM has (EXACT_ROWWISE_ADAGRAD). */
#ifndef MMOE_TRAIN_RULE_H
#define MMOE_TRAIN_RULE_H

#include <stdbool.h>

#include "config/config.h"
#include "math/kernels.h"

typedef struct mmoe_rule_kind mmoe_rule_kind;

typedef struct mmoe_rule {
    const mmoe_rule_kind *kind;
    const mmoe_kernels *kernels;
    mmoe_optimizer_config settings;
    bool is_lazy; /* rows that are not read miss nothing */
    uint64_t step;
    mmoe_rate rate;
    union {
        mmoe_adam_args adam;
        mmoe_sgd_args sgd;
        mmoe_adagrad_args adagrad;
    } args; /* of the kind's kernels, in this step */
} mmoe_rule;

/* Values and what is kept of them, 0 before the first step. Of rows that have one number, m is
 * that, and n a row's width. */
typedef struct mmoe_moved {
    float *w, *m, *v; /* v: NULL of kinds that have none */
    size_t n;
} mmoe_moved;

struct mmoe_rule_kind {
    int32_t moments; /* m, or m and v */
    bool is_of_rows; /* m is one number a row */
    /* Does a step move values that have no gradient? */
    bool (*moves_idle)(const mmoe_optimizer_config *c);
    /* What a step without a gradient leaves of m and of v, where nothing but m and a decay of the
     * weight itself moves a weight then; false: that is not so. */
    bool (*fades)(const mmoe_optimizer_config *c, double kept[2]);
    /* The rate of step `step`, lr being what the schedule makes of the learning rate. */
    mmoe_rate (*rate)(const mmoe_optimizer_config *c, uint64_t step, float lr);
    void (*begin)(mmoe_rule *r); /* a step: its args */
    /* Tells whether a weight is not finite then. `of` is what becomes of the gradient before it is
     * used, of kinds of rows alone; others have had it done. */
    bool (*move)(const mmoe_rule *r, const mmoe_penalty_args *of, const mmoe_moved *to,
                 const float *g);
    /* The same of `count` rows of n values at once; NULL: of kinds that have no such kernel. */
    bool (*move_rows)(const mmoe_rule *r, size_t n, const mmoe_adam_row *rows, size_t count);
    /* Steps without a gradient, one by one: what `move` makes of them, to the bit. */
    void (*idle)(const mmoe_rule *r, const mmoe_idle_args *steps, const mmoe_moved *to);
};

#define MMOE_RULE_RECORD(name, word) extern const mmoe_rule_kind mmoe_rule_##word;
MMOE_OPTIMIZERS(MMOE_RULE_RECORD)
#undef MMOE_RULE_RECORD

/* Before its first step. */
mmoe_rule mmoe_rule_of(const mmoe_optimizer_config *settings, bool is_lazy);
/* The next step's number is `step`. */
static inline void mmoe_rule_begin(mmoe_rule *r, uint64_t step, float lr) {
    r->step = step;
    r->rate = r->kind->rate(&r->settings, step, lr);
    r->kind->begin(r);
}
/* Floats that are kept of n values, of rows of `dim`. */
static inline int64_t mmoe_rule_kept(const mmoe_rule *r, int64_t n, int32_t dim) {
    return r->kind->is_of_rows ? n / dim : n * r->kind->moments;
}

#endif
