/* Lists of a data set that is made from memory. */
#ifndef MMOE_DATA_DATASET_LISTS_H
#define MMOE_DATA_DATASET_LISTS_H

#include "data/dataset.h"

/* Takes the lists of a batch, encoded or raw, into the data set, which has none yet.
 * MMOE_E_ARGUMENT, _DATA, _MEMORY. */
mmoe_status mmoe_dataset_take_lists(struct mmoe_dataset *set, const struct mmoe_schema *schema,
                                    const mmoe_batch *batch, mmoe_error *err);

#endif
