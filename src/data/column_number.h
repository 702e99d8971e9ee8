/* Numbers: (f(value) - shift) * scale, f = log1p or identity; computed in double, stored as float.
 * Shift and scale are fitted on the training rows: mean and 1 / population standard deviation, or
 * minimum and 1 / range. A column constant there has scale 0. */
#ifndef MMOE_DATA_COLUMN_NUMBER_H
#define MMOE_DATA_COLUMN_NUMBER_H

#include <assert.h>

#include "base/words.h"
#include "data/column_kinds.h"
#include "data/number_text.h"

#define MMOE_TRANSFORMS(X)                                                                         \
    X(MMOE_TRANSFORM_NONE, none)                                                                   \
    X(MMOE_TRANSFORM_STANDARDIZE, standardize)                                                     \
    X(MMOE_TRANSFORM_MINMAX, minmax)                                                               \
    X(MMOE_TRANSFORM_LOG1P_STANDARDIZE, log1p_standardize)
typedef enum mmoe_transform { MMOE_TRANSFORMS(MMOE_ENUMERATOR) } mmoe_transform;

/* Of the values f(x) seen so far. */
typedef struct mmoe_moments {
    int64_t rows;
    double min, max, sum;
    double rest, square; /* sums of the distances from the mean and of their squares */
} mmoe_moments;

typedef struct mmoe_number_encoder {
    mmoe_encoder head;
    mmoe_transform transform;
    mmoe_number_text text;
    double shift, scale;
    mmoe_moments moments;
    mmoe_far_value far;
} mmoe_number_encoder;

static inline mmoe_number_encoder *mmoe_number_of(mmoe_encoder *e) {
    assert(e->kind == &mmoe_column_number);
    return (mmoe_number_encoder *)e;
}

#endif
