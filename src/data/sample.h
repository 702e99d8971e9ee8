/* Some rows of a data set, spread evenly over it: for those who look at values before they train.
 */
#ifndef MMOE_DATA_SAMPLE_H
#define MMOE_DATA_SAMPLE_H

#include "data/dataset.h"

typedef struct mmoe_sample {
    mmoe_rows rows; /* with an index, in the order of the data set */
    mmoe_allocator alloc;
    uint32_t *index;
    mmoe_block_room read; /* of rows that are stored, a few of their blocks */
} mmoe_sample;

/* At most `most` rows; of a smaller data set all. In memory they are read in place. MMOE_E_MEMORY,
 * and where the rows are stored _IO, _FORMAT. */
mmoe_status mmoe_sample_take(const struct mmoe_dataset *set, int32_t most,
                             const mmoe_allocator *alloc, mmoe_sample *out, mmoe_error *err);
void mmoe_sample_finish(mmoe_sample *s);

#endif
