/* The activations that a layer can have. */
#ifndef MMOE_MATH_ACTIVATION_H
#define MMOE_MATH_ACTIVATION_H

typedef enum mmoe_activation {
    MMOE_ACT_NONE, /* identity: not a word of the configuration */
    MMOE_ACT_RELU,
    MMOE_ACT_SIGMOID,
    MMOE_ACT_TANH,
    MMOE_ACT_PRELU,
    MMOE_ACT_DICE,
    MMOE_ACT_SOFTMAX /* gates alone */
} mmoe_activation;

#endif
