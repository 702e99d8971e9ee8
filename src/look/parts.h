/* The parts of a model that one looks at: its experts (bottoms, networks), and the gates that mix
 * them, as its builder marked them in the graph. */
#ifndef MMOE_LOOK_PARTS_H
#define MMOE_LOOK_PARTS_H

#include "model/model.h"

typedef struct mmoe_expert_part {
    char *name;    /* "experts.3": of its tensors, in front of ".mlp" */
    int32_t level; /* from 1: of the mixtures that read it; 1 where none does */
    int32_t node;  /* the apply node of its last layer */
    int32_t col, cols;
    int32_t units; /* of all its layers */
} mmoe_expert_part;

/* Columns [col, col + cols) of an apply node are a layer of an expert. */
typedef struct mmoe_layer_part {
    int32_t expert, node, col, cols;
} mmoe_layer_part;

typedef struct mmoe_gate_part {
    char *name;
    int32_t task; /* -1: all */
    int32_t level;
    int32_t node, col; /* the mix node, and the gate's first column of the value that it reads */
    int32_t n_expert, first; /* its experts are entries [first, first + n_expert) of gate_experts */
} mmoe_gate_part;

typedef struct mmoe_parts {
    mmoe_allocator alloc;
    int32_t n_expert, n_layer, n_gate, n_weight; /* n_weight: of all gates' experts together */
    mmoe_expert_part *experts;
    mmoe_layer_part *layers;
    mmoe_gate_part *gates;
    int32_t *gate_experts; /* [n_weight] */
} mmoe_parts;

/* Fills *parts, to be finished also after a failure. MMOE_E_MEMORY. */
mmoe_status mmoe_parts_find(mmoe_parts *parts, const mmoe_model *model, const mmoe_allocator *alloc,
                            mmoe_error *err);
void mmoe_parts_finish(mmoe_parts *parts);

#endif
