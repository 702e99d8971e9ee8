/* The parameters as optimizers move them (train/rule.h): the tables by one, the layers by one. */
#ifndef MMOE_TRAIN_OPTIMIZER_H
#define MMOE_TRAIN_OPTIMIZER_H

#include <stdatomic.h>

#include "base/ask.h"
#include "graph/plan.h"
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
    int64_t room; /* of a table: rows that there are moments for; less: no more than it has */
    const mmoe_rule *rule;
    int32_t dim;         /* of a table: floats of a row */
    int64_t first, kept; /* values that it moves: kept of them from the first on, whole rows; of one
                            rank all */
    float *m, *v;        /* [kept]; NULL: it has none; of rules of rows m [kept / dim] */
    float *records;      /* of a deferred table, which has neither: [own rows, record] */
    int32_t record;      /* of it: floats of a record */
    int32_t shift;       /* and which rows' it has: those whose last `shift` bits are owner; of one
                            rank all, of some that are too many none: -1 */
    int32_t owner;
    int32_t values_shift; /* of its values: shift, where other ranks' are not here; else 0 */
    bool has_step;        /* in its records */
    uint8_t penalty;      /* one of the above, of all values where penalty_of is NULL */
    uint8_t *penalty_of;  /* of each line of 16 values */
} mmoe_optimizer_block;

/* Floats of m that `values` have, neighbours. */
static inline int64_t mmoe_optimizer_moments(const mmoe_optimizer_block *b, int64_t values) {
    return b->rule->kind->is_of_rows ? values / b->dim : values;
}

/* What a deferred table's row has beside its weights: m and v, as far as its rule has them, and,
 * where its rule's steps move values that have no gradient (of lazy tables, too, which go by none),
 * the step behind which it is, its last 32 bits; 0: it never had a gradient. Unpadded, so that a
 * table takes its weights, its moments and a step a row. Apart from the weights, which stay where
 * every reader of a model finds them, in a mapped file, too: the second place in memory costs
 * little (measured, rows in random order brought up to date: 60 ns instead of 54 at a width of 16,
 * 41 instead of 34 at 8). */
enum { MMOE_RECORDS_FAR = 32, MMOE_RECORDS_NEAR = 8 };
static inline float *mmoe_record_at(const mmoe_optimizer_block *b, int64_t row) {
    return b->records + (row >> b->shift) * b->record;
}
static inline uint32_t *mmoe_record_step(const mmoe_optimizer_block *b, int64_t row) {
    return (uint32_t *)(void *)(mmoe_record_at(b, row) + b->record - 1);
}
static inline float *mmoe_record_values(const mmoe_optimizer_block *b, int64_t row) {
    return b->values + (row >> b->values_shift) * b->dim;
}
/* How many rows' it has, and which the i-th is. */
static inline int64_t mmoe_record_count(const mmoe_optimizer_block *b) {
    const int64_t rows = b->records && b->owner >= 0 ? b->count / b->dim - b->owner : 0;
    return rows > 0 ? ((rows - 1) >> b->shift) + 1 : 0;
}
static inline int64_t mmoe_record_number(const mmoe_optimizer_block *b, int64_t i) {
    return (i << b->shift) + b->owner;
}
/* Asks for a row ahead of its use, by one of base/ask.h: rows lie anywhere. */
static inline void mmoe_record_ask(const mmoe_optimizer_block *b, int64_t row,
                                   void (*ask)(const void *address)) {
    const float *record = mmoe_record_at(b, row), *values = mmoe_record_values(b, row);
    for (int32_t i = 0; i < b->record + 15; i += 16)
        ask(record + (i < b->record ? i : b->record - 1));
    for (int32_t i = 0; i < b->dim; i += 16) ask(values + i);
}
static inline mmoe_moved mmoe_record_row(const mmoe_optimizer_block *b, int64_t row) {
    float *m = mmoe_record_at(b, row);
    return (mmoe_moved){mmoe_record_values(b, row), m,
                        b->rule->kind->moments == 2 ? m + b->dim : NULL, (size_t)b->dim};
}

typedef struct mmoe_optimizer {
    mmoe_allocator alloc;
    mmoe_rule layers, tables; /* the blocks know them by their address */
    double tables_lr;         /* theirs as a multiple of the layers' */
    float scale;              /* of this step's gradients, before penalties and decay */
    uint64_t steps;           /* done or under way */
    mmoe_penalty penalties[MMOE_PENALTIES];
    bool has_penalties;
    int32_t n_block;
    mmoe_optimizer_block *blocks; /* the parameters' trained ones */
    atomic_bool not_finite;       /* a weight, in this step */
    mmoe_history history; /* of the steps, where rows that are not read miss any; else zero */
} mmoe_optimizer;

/* `o` stays where it is. */
mmoe_status mmoe_optimizer_init(mmoe_optimizer *o, const mmoe_trainer_config *config,
                                const mmoe_params *params, const mmoe_tensors *tensors,
                                const mmoe_allocator *alloc, mmoe_error *err);
void mmoe_optimizer_finish(mmoe_optimizer *o);
/* Of the block, which stands from `place` of the whole on, the values that are of the places
 * [first, end). */
typedef struct mmoe_value_range {
    int64_t first, count;
} mmoe_value_range;
mmoe_value_range mmoe_optimizer_range(const mmoe_optimizer_block *b, int64_t place, int64_t first,
                                      int64_t end);
/* What one of several ranks keeps of: the places [first, end) of the whole of `params`; and of
 * deferred tables the rows whose numbers modulo ranks, or modulo MMOE_TABLE_PARTS where there are
 * more ranks, are its own. */
typedef struct mmoe_optimizer_share {
    const mmoe_params *params;
    int64_t first, end;
    int32_t rank, ranks;
} mmoe_optimizer_share;
/* The blocks as they are with the moments and records of that alone, none of which has taken a
 * step; and those in the place of the ones that there are. MMOE_E_MEMORY. */
mmoe_status mmoe_optimizer_portion(const mmoe_optimizer *o, const mmoe_optimizer_share *own,
                                   mmoe_optimizer_block **out, mmoe_error *err);
void mmoe_optimizer_take(mmoe_optimizer *o, mmoe_optimizer_block *blocks);
/* Blocks that are not taken. */
void mmoe_optimizer_release(const mmoe_optimizer *o, mmoe_optimizer_block *blocks);
/* optimizer_grow.c: room for so many rows of table `i`, if it learns; those that it has keep their
 * moments. MMOE_E_MEMORY. */
mmoe_status mmoe_optimizer_reserve(mmoe_optimizer *o, int32_t i, int64_t rows, mmoe_error *err);
/* Blocks are where the parameters' are, and have their sizes, for which there is room. */
void mmoe_optimizer_follow(mmoe_optimizer *o, const mmoe_params *params);
/* Rows of table `i` from `first` on are new: without moments, as of the last step. */
void mmoe_optimizer_begin_rows(mmoe_optimizer *o, int32_t i, int64_t first);
bool mmoe_optimizer_has_records(const mmoe_optimizer *o);          /* of any table */
size_t mmoe_optimizer_block_memory(const mmoe_optimizer_block *b); /* bytes of its moments */
size_t mmoe_optimizer_memory(const mmoe_optimizer *o); /* bytes of moments, and of the history */
void mmoe_optimizer_restart(mmoe_optimizer *o);        /* as one that has taken no step */
/* No later step's lr is above `most`; all rows are up to date. */
void mmoe_optimizer_expect(mmoe_optimizer *o, double most);
/* A step, of scale 1; lr: the layers' learning rate in it. */
void mmoe_optimizer_begin(mmoe_optimizer *o, float lr);
void mmoe_optimizer_end(mmoe_optimizer *o); /* it, whatever became of it */
/* An mmoe_gradient_sink: updates the values that the gradient is of. `context` is the optimizer. */
void mmoe_optimizer_apply(void *context, const mmoe_gradient *gradient);

#endif
