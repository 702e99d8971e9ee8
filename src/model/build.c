#include "model/build.h"

#include <stdio.h>

#include "base/error.h"

static mmoe_builder *const builders[] = {
    [MMOE_MODEL_SINGLE_TASK] = mmoe_build_single_task,
    [MMOE_MODEL_SHARED_BOTTOM] = mmoe_build_shared_bottom,
    [MMOE_MODEL_OMOE] = mmoe_build_mmoe,
    [MMOE_MODEL_MMOE] = mmoe_build_mmoe,
    [MMOE_MODEL_CGC] = mmoe_build_ple,
    [MMOE_MODEL_PLE] = mmoe_build_ple,
    [MMOE_MODEL_ESMM] = mmoe_build_esmm,
    [MMOE_MODEL_AITM] = mmoe_build_aitm,
    [MMOE_MODEL_CROSS_STITCH] = mmoe_build_cross_stitch,
};

mmoe_status mmoe_build_graph(mmoe_graph *g, const mmoe_config *config, const mmoe_schema *schema, mmoe_error *err) {
    return builders[config->model](g, config, schema, err);
}

mmoe_module mmoe_module_of(const char *kind, int32_t index, mmoe_view in, const mmoe_mlp_config *mlp) {
    mmoe_module m = {.in = in, .n_dims = mlp->n_dims, .dims = mlp->dims, .activation = mlp->activation, .dropout = mlp->dropout, .batch_norm = mlp->batch_norm};
    if (index < 0)
        snprintf(m.name, sizeof m.name, "%s", kind);
    else
        snprintf(m.name, sizeof m.name, "%s.%d", kind, (int)index);
    return m;
}

mmoe_module mmoe_gate_of(const char *kind, int32_t index, mmoe_view in, const int32_t *width, bool batch_norm) {
    const mmoe_mlp_config mlp = {.n_dims = 1, .activation = MMOE_ACT_SOFTMAX, .batch_norm = batch_norm};
    mmoe_module m = mmoe_module_of(kind, index, in, &mlp);
    m.dims = width;
    return m;
}

mmoe_status mmoe_add_levels(mmoe_graph *g, const char *name, mmoe_module *modules, int32_t count, int32_t first, mmoe_error *err) {
    int32_t levels = 0;
    for (int32_t i = 0; i < count; i++)
        if (modules[i].n_dims > levels) levels = modules[i].n_dims;
    mmoe_status status = MMOE_OK;
    for (int32_t level = first; level < levels && !status; level++) status = mmoe_add_level(g, name, modules, count, level, err);
    return status;
}

mmoe_status mmoe_add_loss(mmoe_graph *g, const mmoe_config *config, const mmoe_view *logits, bool sum, mmoe_error *err) {
    const size_t n = (size_t)config->n_task;
    int *classification = mmoe_alloc(&g->alloc, n, sizeof *classification);
    float *weight = mmoe_alloc(&g->alloc, n, sizeof *weight);
    mmoe_loss_shape *shape = mmoe_alloc(&g->alloc, n, sizeof *shape);
    const size_t size = sizeof *classification + sizeof *weight + sizeof *shape;
    mmoe_status status = classification && weight && shape ? MMOE_OK : mmoe_fail_memory(err, n * size);
    for (size_t i = 0; i < n && !status; i++) {
        classification[i] = config->tasks[i].type == MMOE_CLASSIFICATION;
        weight[i] = config->tasks[i].loss_weight * (sum ? (float)n : 1); /* the node takes the mean */
        shape[i] = (mmoe_loss_shape){config->tasks[i].label_smoothing, config->tasks[i].positive_weight, config->tasks[i].focal_gamma};
    }
    if (!status) status = mmoe_graph_loss(g, "loss", logits, classification, weight, shape, config->n_task, err);
    mmoe_release(&g->alloc, classification);
    mmoe_release(&g->alloc, weight);
    mmoe_release(&g->alloc, shape);
    return status;
}

mmoe_status mmoe_add_towers(mmoe_graph *g, const mmoe_config *config, const mmoe_view *in, mmoe_error *err) {
    const size_t n = (size_t)config->n_task;
    mmoe_module *towers = mmoe_alloc(&g->alloc, n, sizeof *towers);
    mmoe_view *logits = mmoe_alloc(&g->alloc, n, sizeof *logits);
    mmoe_status status = towers && logits ? MMOE_OK : mmoe_fail_memory(err, n * (sizeof *towers + sizeof *logits));
    for (int32_t t = 0; t < config->n_task && !status; t++) towers[t] = mmoe_module_of("towers", t, in[t], &config->tasks[t].tower);
    if (!status) status = mmoe_add_levels(g, "towers", towers, config->n_task, 0, err);
    if (!status) status = mmoe_add_heads(g, towers, config->n_task, logits, err);
    if (!status) status = mmoe_add_loss(g, config, logits, false, err);
    mmoe_release(&g->alloc, towers);
    mmoe_release(&g->alloc, logits);
    return status;
}
