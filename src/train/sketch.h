/* Model and trainer as they would be, in memory that is reserved and hardly taken. */
#ifndef MMOE_TRAIN_SKETCH_H
#define MMOE_TRAIN_SKETCH_H

#include "base/reserve.h"
#include "train/trainer.h"
#include "train/whole_batch.h"

typedef struct mmoe_sketch {
    int64_t available;    /* bytes of memory, before it was made */
    mmoe_reserve reserve; /* the bytes of both */
    mmoe_model *model;    /* its weights are 0 */
    mmoe_trainer *trainer;
    mmoe_whole_batch whole; /* of several that read lanes: what they tell each other */
    mmoe_comm comm;         /* of several ranks, which exchange nothing; of one, of size 1 */
} mmoe_sketch;

/* Of one of several ranks. At a place where it stays: it is where its memory is counted. To be
 * finished after a failure, too. The errors of mmoe_model_create and mmoe_trainer_create;
 * MMOE_E_MEMORY where there are not even addresses. */
mmoe_status mmoe_sketch_make(const mmoe_config *config, const mmoe_schema *schema, mmoe_among own,
                             int threads, mmoe_sketch *out, mmoe_error *err);
void mmoe_sketch_finish(mmoe_sketch *s);
/* A table becomes one of so many rows, if it has more, whose file it does not begin with. */
void mmoe_sketch_cut_table(mmoe_schema *schema, int32_t table, int64_t most);

/* Bytes of block i of the parameters: of its weights, of its moments, and of copies that are kept
 * of it. */
int64_t mmoe_sketch_weights(const mmoe_sketch *s, int32_t block);
int64_t mmoe_sketch_moments(const mmoe_sketch *s, int32_t block);
int64_t mmoe_sketch_copies(const mmoe_sketch *s, int32_t block);

#endif
