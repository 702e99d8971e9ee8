/* The vocabularies of a checkpoint whose trainer had grown: tensors as a model file has them
 * (file/schema_tensors.h). */
#ifndef MMOE_TRAIN_CHECKPOINT_VOCABS_H
#define MMOE_TRAIN_CHECKPOINT_VOCABS_H

#include "file/container.h"
#include "train/follow.h"

typedef struct mmoe_regrowth {
    mmoe_trainer *t;
    mmoe_vocab **vocabs; /* [tables] of the file, then those in whose place they stand; NULL: the
                            table has none, or keeps it */
    mmoe_following sizes;
    bool is_grown; /* the file has vocabularies */
    bool is_there; /* the trainer has others now */
} mmoe_regrowth;

/* The trainer has the file's vocabularies, and room for what their rows had. Each begins with the
 * model's own, or the model has grown beyond it. Of a file that has none those with which the
 * trainer began. To be ended on success. MMOE_E_ARGUMENT: they are none of these; _FORMAT, _IO,
 * _MEMORY. */
mmoe_status mmoe_regrowth_begin(mmoe_trainer *t, mmoe_container *file, const char *path,
                                mmoe_regrowth *out, mmoe_error *err);
/* `back`: the trainer has its own again. */
void mmoe_regrowth_end(mmoe_regrowth *r, bool back);

#endif
