/* Numbers as a vector of T inputs, by the edges b_0 < ... < b_T of T bins that are quantiles of the
 * training rows (Gorishniy, Rubachev and Babenko, NeurIPS 2022, section 3.2.1): input t is 0 below
 * its bin, 1 above it, and (x - b_t) / (b_(t+1) - b_t) within; the first goes on below, and the
 * last above. */
#ifndef MMOE_DATA_COLUMN_PIECEWISE_LINEAR_H
#define MMOE_DATA_COLUMN_PIECEWISE_LINEAR_H

#include <assert.h>

#include "data/column_kinds.h"

typedef struct mmoe_piecewise_encoder {
    mmoe_encoder head; /* learning: the values so far */
    int32_t encoding;  /* the deciding word */
    int64_t bins;      /* wanted */
    mmoe_number_text text;
    mmoe_numbers edges; /* [T + 1] */
} mmoe_piecewise_encoder;

static inline mmoe_piecewise_encoder *mmoe_piecewise_of(mmoe_encoder *e) {
    assert(e->kind == &mmoe_column_piecewise_linear);
    return (mmoe_piecewise_encoder *)e;
}

#endif
