/* Where the checkpoints of a model's members stand. */
#ifndef MMOE_TRAIN_CHECKPOINT_PATH_H
#define MMOE_TRAIN_CHECKPOINT_PATH_H

#include "model/model.h"

/* A member's, beside the first's at `path`: a text of the caller's. MMOE_E_MEMORY. */
mmoe_status mmoe_checkpoint_member_path(const char *path, const mmoe_model *member,
                                        const mmoe_allocator *alloc, char **out, mmoe_error *err);

#endif
