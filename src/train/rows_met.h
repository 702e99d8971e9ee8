/* How many distinct rows of each table a batch reads: those are what ranks exchange. */
#ifndef MMOE_TRAIN_ROWS_MET_H
#define MMOE_TRAIN_ROWS_MET_H

#include "mmoe/estimate.h"

#include "config/config.h"
#include "data/schema.h"

/* The expected number of distinct rows among `reads` rows that are drawn evenly from `rows`. */
double mmoe_rows_met_evenly(double reads, double rows);

/* Writes to met [tables][MMOE_RANK_SHARES] the distinct rows that a share of a batch reads (of one
 * of 1, 2, 4 .. ranks), on average over some whole batches of an epoch of `set`, which it reads.
 * Writes nothing if `set` has no whole batch. MMOE_E_MEMORY, and the errors of reading rows. */
mmoe_status mmoe_rows_met(const mmoe_trainer_config *c, const mmoe_schema *schema,
                          const mmoe_dataset *set, const mmoe_allocator *alloc,
                          double (*met)[MMOE_RANK_SHARES], mmoe_error *err);

#endif
