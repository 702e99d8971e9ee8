/* Adam (Kingma and Ba 2015) with coupled L2, AdamW (Loshchilov and Hutter 2019), SGD with momentum;
 * as PyTorch has them. */
#ifndef MMOE_TRAIN_OPTIMIZER_H
#define MMOE_TRAIN_OPTIMIZER_H

#include <stdatomic.h>

#include "graph/plan.h"
#include "math/kernels.h"
#include "config/config.h"
#include "train/history.h"

/* l1 sum |w| + l2 sum w^2 added to what is minimised. */
typedef struct mmoe_penalty {
    float l1, l2;
} mmoe_penalty;
enum { MMOE_PENALTY_NONE, MMOE_PENALTY_TABLE, MMOE_PENALTY_DENSE, MMOE_PENALTIES };

/* A block of the parameters with its moments; a frozen one is empty. */
typedef struct mmoe_optimizer_block {
    float *values; /* the model's, written */
    int64_t count;
    float *m, *v;        /* [count]; SGD has m alone */
    float *records;      /* of a deferred table, which has neither: [rows, record] */
    int32_t dim, record; /* of it: floats of a row, and of a record */
    uint8_t penalty;     /* one of the above, of all values where penalty_of is NULL */
    uint8_t *penalty_of; /* of each line of 16 values */
} mmoe_optimizer_block;

/* What a deferred table's row has beside its weights: m [dim], v [dim] (not of SGD), and the step
 * behind which they are, its last 32 bits; 0: it never had a gradient. Unpadded, so that a table
 * takes its weights, its moments and a step a row. Apart from the weights, which stay where every
 * reader of a model finds them, in a mapped file, too: the second place in memory costs little
 * (measured, rows in random order brought up to date: 60 ns instead of 54 at a width of 16, 41
 * instead of 34 at 8). */
enum { MMOE_RECORDS_AHEAD = 8 };
static inline uint32_t *mmoe_record_step(const mmoe_optimizer_block *b, int64_t row) {
    return (uint32_t *)(void *)(b->records + row * b->record + b->record - 1);
}
/* Asks for a row ahead of its use: rows lie anywhere. */
static inline void mmoe_record_ask(const mmoe_optimizer_block *b, int64_t row) {
    const float *record = b->records + row * b->record, *values = b->values + row * b->dim;
    for (int32_t i = 0; i < b->record + 15; i += 16)
        __builtin_prefetch(record + (i < b->record ? i : b->record - 1), 1);
    for (int32_t i = 0; i < b->dim; i += 16) __builtin_prefetch(values + i, 1);
}
static inline mmoe_idle_row mmoe_record_row(const mmoe_optimizer_block *b, int64_t row,
                                            bool has_v) {
    float *m = b->records + row * b->record;
    return (mmoe_idle_row){b->values + row * b->dim, m, has_v ? m + b->dim : NULL, (size_t)b->dim};
}

typedef struct mmoe_optimizer {
    mmoe_allocator alloc;
    const mmoe_kernels *kernels;
    mmoe_optimizer_kind kind;
    mmoe_adam_args adam; /* lr and weight_decay serve SGD too */
    float momentum;
    float scale;    /* of this step's gradients, before penalties and decay */
    uint64_t steps; /* done or under way */
    mmoe_penalty penalties[MMOE_PENALTIES];
    bool has_penalties;
    int32_t n_block;
    mmoe_optimizer_block *blocks; /* the parameters' trained ones */
    atomic_bool not_finite;       /* a weight, in this step */
    bool is_lazy;                 /* rows that are not read miss nothing */
    mmoe_history history;         /* of the steps, where they have; else zero */
} mmoe_optimizer;

mmoe_status mmoe_optimizer_init(mmoe_optimizer *o, const mmoe_trainer_config *config,
                                const mmoe_params *params, const mmoe_tensors *tensors,
                                const mmoe_allocator *alloc, mmoe_error *err);
void mmoe_optimizer_finish(mmoe_optimizer *o);
size_t mmoe_optimizer_block_memory(const mmoe_optimizer_block *b); /* bytes of its moments */
size_t mmoe_optimizer_memory(const mmoe_optimizer *o); /* bytes of moments, and of the history */
void mmoe_optimizer_restart(mmoe_optimizer *o);        /* as one that has taken no step */
void mmoe_optimizer_begin(mmoe_optimizer *o);          /* a step, of scale 1 */
void mmoe_optimizer_end(mmoe_optimizer *o);            /* it, whatever became of it */
/* The update without penalties of n values that are not the model's, with moments of their own; v
 * is not read by SGD. Tells whether one of them is not finite then. */
bool mmoe_optimizer_move(const mmoe_optimizer *o, size_t n, float *w, const float *g, float *m,
                         float *v);
/* An mmoe_gradient_sink: updates the values that the gradient is of. `context` is the optimizer. */
void mmoe_optimizer_apply(void *context, const mmoe_gradient *gradient);

#endif
