/* Layers of modules side by side: one linear, one batch norm and one activation node for all
 * experts and gates that read the same input, or for all towers; each module's tensors bear
 * torch-rechub's names. */
#ifndef MMOE_MODEL_LAYERS_H
#define MMOE_MODEL_LAYERS_H

#include "config/config.h"
#include "graph/graph.h"

/* One MLP among several that are built level by level. */
typedef struct mmoe_module {
    char name[64]; /* "experts.3", "gates.0", "towers.1" */
    mmoe_view in;  /* what its next layer reads */
    int32_t n_dims;
    const int32_t *dims;
    mmoe_activation activation;
    float dropout;
    bool batch_norm;
    int32_t n_expert; /* of a gate: columns of one more layer, behind dims, without dropout; 0: it
                         is none */
    mmoe_activation weighing; /* of that layer */
    bool is_expert;           /* its layers are marked as such in the graph */
    bool is_linear;           /* the linear part: one layer, its tensors are named without "mlp" */
} mmoe_module;

static inline int32_t mmoe_module_depth(const mmoe_module *m) {
    return m->n_dims + (m->n_expert > 0);
}

/* Adds level `level` (0: the first) of every module that has it, and moves those modules' `in` to
 * its output. Modules that share an input, and stand together, share a GEMM; in the layer those
 * with batch norm stand before those without. `name` stands in profiles. */
mmoe_status mmoe_add_level(mmoe_graph *g, const char *name, mmoe_module *modules, int32_t count,
                           int32_t level, mmoe_error *err);

/* Adds Linear(., 1) for every module: logits[i] is module i's column. */
mmoe_status mmoe_add_heads(mmoe_graph *g, const mmoe_module *modules, int32_t count,
                           mmoe_view *logits, mmoe_error *err);

/* Adds the embeddings and dense inputs of a schema. */
mmoe_status mmoe_add_input(mmoe_graph *g, const mmoe_schema *schema, mmoe_view *x, mmoe_error *err);

#endif
