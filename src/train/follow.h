/* What of a trainer has the size of the model's tables follows those of its schema, which have
 * other rows than before. Memory of tables, moments and best weights is given room ahead; all that
 * depends on sizes alone is made anew. */
#ifndef MMOE_TRAIN_FOLLOW_H
#define MMOE_TRAIN_FOLLOW_H

#include "train/trainer.h"

typedef struct mmoe_following {
    mmoe_trainer *t;
    int64_t *before; /* [tables] rows */
    bool may_go_back;
    /* What was there before, as far as it has been made anew. */
    mmoe_run *run;
    mmoe_whole_gradient gradient;
    mmoe_balancer balancer;
    mmoe_best best; /* of one that may go back */
} mmoe_following;

/* Rows that a table keeps have their weights and moments, others have any. No best weights are
 * kept. Not for a model of which several ranks have one. MMOE_E_ARGUMENT (the model has other
 * trainers), _MEMORY: sizes are as they were, and there is nothing to end. */
mmoe_status mmoe_follow_begin(mmoe_trainer *t, bool may_go_back, mmoe_following *out,
                              mmoe_error *err);
/* `back`, of one that may: all is as it was, but for the weights and moments of rows that there are
 * in both. */
void mmoe_follow_end(mmoe_following *f, bool back);

#endif
