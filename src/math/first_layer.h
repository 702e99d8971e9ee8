/* How the first layer is computed. */
#ifndef MMOE_MATH_FIRST_LAYER_H
#define MMOE_MATH_FIRST_LAYER_H

#include "base/words.h"

#define MMOE_FIRST_LAYERS(X)                                                                       \
    X(MMOE_FIRST_LAYER_AUTO, auto)                                                                 \
    X(MMOE_FIRST_LAYER_DENSE, dense)                                                               \
    X(MMOE_FIRST_LAYER_DISTINCT, distinct)
typedef enum mmoe_first_layer { MMOE_FIRST_LAYERS(MMOE_ENUMERATOR) } mmoe_first_layer;

#endif
