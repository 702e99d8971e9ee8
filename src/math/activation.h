/* The activations that a layer can have. */
#ifndef MMOE_MATH_ACTIVATION_H
#define MMOE_MATH_ACTIVATION_H

#include "base/words.h"

#define MMOE_ACTIVATIONS(X)                                                                        \
    X(MMOE_ACT_RELU, relu)                                                                         \
    X(MMOE_ACT_SIGMOID, sigmoid)                                                                   \
    X(MMOE_ACT_TANH, tanh)                                                                         \
    X(MMOE_ACT_PRELU, prelu)                                                                       \
    X(MMOE_ACT_DICE, dice)
typedef enum mmoe_activation {
    MMOE_ACT_NONE, /* identity: not a word of the configuration */
    MMOE_ACTIVATIONS(MMOE_ENUMERATOR) MMOE_ACT_SOFTMAX /* gates alone */
} mmoe_activation;

#endif
