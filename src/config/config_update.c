#include "config/config_update.h"

/* A table whose rows a step would visit in vain: it has left the cache, and a batch, were each of
 * its rows to read another, reads no more than a quarter of it. (Measured: dense is faster where a
 * quarter of the rows is read.) */
enum { LEAST_VALUES = 1 << 16, LEAST_ROWS_A_READ = 4 };

static bool is_read_rarely(const mmoe_trainer_config *c, int64_t rows) {
    return rows >= (int64_t)LEAST_ROWS_A_READ * c->batch_size;
}

static bool has_left_cache(int64_t rows, int32_t dim) { return rows >= LEAST_VALUES / dim; }

bool mmoe_config_is_deferred(const mmoe_trainer_config *c, int64_t rows, int32_t dim) {
    if (c->embedding_update != MMOE_UPDATE_AUTO) return c->embedding_update != MMOE_UPDATE_DENSE;
    return is_read_rarely(c, rows) && has_left_cache(rows, dim);
}

const char *mmoe_config_update_why(const mmoe_trainer_config *c, int64_t rows, int32_t dim) {
    if (c->embedding_update != MMOE_UPDATE_AUTO) return "trainer.embedding_update says so";
    if (!is_read_rarely(c, rows)) return "a batch may read more than a quarter of its rows";
    if (!has_left_cache(rows, dim)) return "it has fewer than 65,536 values, which stay in a cache";
    return "a batch reads at most a quarter of its rows, and to update all of them takes longer; "
           "the result is the same";
}

const mmoe_optimizer_config *mmoe_config_embedding_optimizer(const mmoe_trainer_config *c) {
    return c->embedding_optimizer.kind == MMOE_SAME_OPTIMIZER ? &c->optimizer
                                                              : &c->embedding_optimizer;
}

bool mmoe_config_couples_decay(const mmoe_optimizer_config *o) {
    return o->weight_decay > 0 && o->kind != MMOE_ADAMW && (o->kind != MMOE_SGD || o->momentum > 0);
}

mmoe_update_fault mmoe_config_update_fault(const mmoe_trainer_config *c,
                                           mmoe_embedding_update update) {
    const bool is_lazy = update == MMOE_UPDATE_LAZY, is_auto = update == MMOE_UPDATE_AUTO;
    const mmoe_optimizer_config *o = mmoe_config_embedding_optimizer(c);
    const char *decay = o == &c->optimizer ? "trainer.optimizer_params.weight_decay"
                                           : "trainer.embedding_optimizer_params.weight_decay";
    const struct {
        bool is_in_the_way;
        mmoe_update_fault fault;
    } settings[] = {
        {c->ema_decay > 0,
         {"trainer.ema_decay", "the average takes in every row in every step", false}},
        {c->embedding_l1 > 0,
         {"trainer.regularization_params.embedding_l1", "the penalty moves every row in every step",
          false}},
        {c->embedding_l2 > 0,
         {"trainer.regularization_params.embedding_l2", "the penalty moves every row in every step",
          false}},
        {c->balance.at == MMOE_AT_PARAMETERS,
         {"trainer.adaptive_params.at", "the tasks' gradients of all weights are kept whole",
          false}},
        {is_lazy && o->weight_decay > 0,
         {decay, "lazy does not decay rows that are not read", true}},
        {is_auto && mmoe_config_couples_decay(o),
         {decay, "the decay is a part of the gradient, by which every row moves in every step",
          true}}};
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++)
        if (settings[i].is_in_the_way) return settings[i].fault;
    return (mmoe_update_fault){NULL, NULL, false};
}
