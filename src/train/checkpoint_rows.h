/* A deferred table's records in a checkpoint: row behind row, as one process has them, of which
 * each of several ranks has those that it owns. */
#ifndef MMOE_TRAIN_CHECKPOINT_ROWS_H
#define MMOE_TRAIN_CHECKPOINT_ROWS_H

#include "base/stretch.h"
#include "train/trainer.h"

/* Bytes [at, end) of a block's records come to `window` of the first rank, by t->rows_room, which
 * is for windows of 4 MiB. All ranks call it. Errors as of mmoe_comm_exchange. */
mmoe_status mmoe_records_gather(const mmoe_trainer *t, const mmoe_optimizer_block *b, size_t at,
                                size_t end, char *window, mmoe_error *err);
/* Of all records, as they are stored, a block's own. Errors as of mmoe_stretches_run. */
mmoe_status mmoe_records_read(const mmoe_trainer *t, const mmoe_optimizer_block *b,
                              const mmoe_stretch *stored);

#endif
