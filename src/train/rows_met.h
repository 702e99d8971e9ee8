/* How many rows of its tables a batch reads, as each rank exchanges those of its share. */
#ifndef MMOE_TRAIN_ROWS_MET_H
#define MMOE_TRAIN_ROWS_MET_H

#include "mmoe/estimate.h"

#include "config/config.h"
#include "data/schema.h"

/* Rows of a table of so many that `reads` meet which are drawn evenly, on average. */
double mmoe_rows_met_evenly(double reads, double rows);

/* Writes to met [tables][MMOE_RANK_SHARES] the distinct rows that a share of a batch reads, on
 * average: of some whole batches of an epoch of `set`, whose rows are read for it. Nothing is
 * written where it has not one. MMOE_E_MEMORY, and the errors of reading rows. */
mmoe_status mmoe_rows_met(const mmoe_trainer_config *c, const mmoe_schema *schema,
                          const mmoe_dataset *set, const mmoe_allocator *alloc,
                          double (*met)[MMOE_RANK_SHARES], mmoe_error *err);

#endif
