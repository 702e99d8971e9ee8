/* Which embedding tables a step updates whole, and which settings allow what. */
#ifndef MMOE_CONFIG_CONFIG_UPDATE_H
#define MMOE_CONFIG_CONFIG_UPDATE_H

#include "config/config.h"

/* Does a step update the rows of such a table that its batch reads, and no others? */
bool mmoe_config_is_deferred(const mmoe_trainer_config *c, int64_t rows, int32_t dim);
/* Why: a sentence, as a table's that is or is not. */
const char *mmoe_config_update_why(const mmoe_trainer_config *c, int64_t rows, int32_t dim);
/* What updates the tables: an optimizer of their own, or that of the other weights. */
const mmoe_optimizer_config *mmoe_config_embedding_optimizer(const mmoe_trainer_config *c);
/* Is the decay of the weights a part of the gradient, which moments take up? A row that has no
 * other gradient is then moved by every step: Adam shrinks it by about the learning rate, whatever
 * the decay. */
bool mmoe_config_couples_decay(const mmoe_optimizer_config *o);

/* What of the settings an update cannot honour. */
typedef struct mmoe_update_fault {
    const char *key; /* NULL: nothing */
    const char *why; /* a sentence about it */
    bool is_decay;
} mmoe_update_fault;
mmoe_update_fault mmoe_config_update_fault(const mmoe_trainer_config *c,
                                           mmoe_embedding_update update);

#endif
