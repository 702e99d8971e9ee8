/* The models: each builder adds a graph to an empty one. */
#ifndef MMOE_MODEL_BUILD_H
#define MMOE_MODEL_BUILD_H

#include "model/layers.h"

typedef mmoe_status mmoe_builder(mmoe_graph *g, const mmoe_config *config,
                                 const mmoe_schema *schema, mmoe_error *err);

/* Adds the model of config->model. */
mmoe_builder mmoe_build_graph;
/* Whether a graph of these tables, of as many rows as the schema has now, would be built:
 * MMOE_E_CONFIG where "auto" has no update for one. */
mmoe_status mmoe_check_updates(const mmoe_graph *g, const mmoe_trainer_config *c,
                               const mmoe_schema *schema, mmoe_error *err);

#define MMOE_BUILDER(name, word) mmoe_builder mmoe_build_##word;
MMOE_MODELS(MMOE_BUILDER)
#undef MMOE_BUILDER

/* "KIND.INDEX", or "KIND" with the index -1. */
mmoe_module mmoe_module_of(const char *kind, int32_t index, mmoe_view in,
                           const mmoe_mlp_config *mlp);
/* The same of an expert, or of what stands in its place: a bottom, the network of a task. */
mmoe_module mmoe_expert_of(const char *kind, int32_t index, mmoe_view in,
                           const mmoe_mlp_config *mlp);
/* A gate over n_expert experts. */
mmoe_module mmoe_gate_of(const char *kind, int32_t index, mmoe_view in, int32_t n_expert,
                         const mmoe_gate_config *config);
/* Gates side by side, of all that a graph has. */
typedef struct mmoe_gate_row {
    mmoe_view *gates; /* [count] */
    int32_t count, n_in_graph;
} mmoe_gate_row;
/* Behind the gates' last layer: their views are that layer's columns, and become the experts'
 * weights. */
mmoe_status mmoe_add_weighing(mmoe_graph *g, const char *name, const mmoe_gate_config *config,
                              const mmoe_gate_row *row, mmoe_error *err);

/* The representation that the tasks share last: the embeddings of x, or what the modules give. */
mmoe_status mmoe_share_input(mmoe_graph *g, mmoe_view x, mmoe_error *err);
mmoe_status mmoe_share_modules(mmoe_graph *g, const mmoe_module *modules, int32_t count,
                               mmoe_error *err);

/* Adds levels `first` and later of all modules. */
mmoe_status mmoe_add_levels(mmoe_graph *g, const char *name, mmoe_module *modules, int32_t count,
                            int32_t first, mmoe_error *err);
/* Adds the loss: the mean of the tasks' weighted losses, or their sum. */
mmoe_status mmoe_add_loss(mmoe_graph *g, const mmoe_config *config, mmoe_view *logits, bool sum,
                          mmoe_error *err);
/* The linear part of a configuration that has one (Cheng et al., DLRS 2016): beside what a tower
 * gives, a task's logit is w_t . x + c_t. All tasks' are one module of the first level, whose
 * product they join: its place is behind the `count` others that read x. The new count. */
int32_t mmoe_place_linear(const mmoe_config *config, mmoe_view x, mmoe_module *modules,
                          int32_t count);
/* Adds the towers' last layers and, from behind the first level, that module: logits [n_task]. */
mmoe_status mmoe_add_logits(mmoe_graph *g, const mmoe_config *config, const mmoe_module *towers,
                            const mmoe_module *linear, mmoe_view *logits, mmoe_error *err);
/* Adds the tasks' towers on in[t], their logits, and the mean of their losses. `linear` is read
 * where the configuration has it. */
mmoe_status mmoe_add_towers(mmoe_graph *g, const mmoe_config *config, const mmoe_view *in,
                            const mmoe_module *linear, mmoe_error *err);

/* A network a task, in the place of experts. */
typedef struct mmoe_networks {
    mmoe_view x;          /* which they read */
    mmoe_module *experts; /* [n_task + 1], the last one the linear part, if there is one */
    int32_t count;        /* of these, for the first level */
} mmoe_networks;
/* Adds the input; no level yet. However it ends, mmoe_end_networks is to be called. */
mmoe_status mmoe_begin_networks(mmoe_graph *g, const mmoe_config *config, const mmoe_schema *schema,
                                mmoe_networks *out, mmoe_error *err);
/* Adds the towers on what the networks have come to, unless `status` is a failure, which it then
 * returns; and frees them. */
mmoe_status mmoe_end_networks(mmoe_graph *g, const mmoe_config *config, mmoe_networks *n,
                              mmoe_status status, mmoe_error *err);

#endif
