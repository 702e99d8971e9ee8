/* MMoE: E experts and T gates read x; y_t = sum_e gate_t(x)_e expert_e(x); output_t = tower_t(y_t). */
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "model/layers.h"

static mmoe_module module_of(const char *kind, int32_t index, mmoe_view in, const mmoe_mlp_config *mlp) {
    mmoe_module m = {.in = in, .n_dims = mlp->n_dims, .dims = mlp->dims, .activation = mlp->activation, .dropout = mlp->dropout, .batch_norm = mlp->batch_norm};
    snprintf(m.name, sizeof m.name, "%s.%d", kind, (int)index);
    return m;
}

/* Experts first, then gates; those with batch norm first where they differ. */
static mmoe_status add_experts(mmoe_graph *g, const mmoe_config *config, mmoe_view x, mmoe_module *modules, mmoe_module **experts, mmoe_module **gates,
                               mmoe_error *err) {
    const int32_t n_expert = config->n_expert, n_task = config->n_task;
    bool gates_first = config->gate_batch_norm && !config->expert.batch_norm;
    *gates = gates_first ? modules : modules + n_expert;
    *experts = gates_first ? modules + n_task : modules;
    mmoe_mlp_config gate = {.n_dims = 1, .activation = MMOE_ACT_SOFTMAX, .batch_norm = config->gate_batch_norm};
    for (int32_t i = 0; i < n_expert; i++) (*experts)[i] = module_of("experts", i, x, &config->expert);
    for (int32_t i = 0; i < n_task; i++) {
        (*gates)[i] = module_of("gates", i, x, &gate);
        (*gates)[i].dims = &config->n_expert; /* outlives this function, as `gate` does not */
    }
    mmoe_status status = mmoe_add_level(g, "experts+gates", modules, n_expert + n_task, 0, err);
    for (int32_t level = 1; level < config->expert.n_dims && !status; level++) status = mmoe_add_level(g, "experts", *experts, n_expert, level, err);
    return status;
}

static mmoe_status add_mix(mmoe_graph *g, const mmoe_config *config, const mmoe_module *experts, const mmoe_module *gates, mmoe_view *y, mmoe_error *err) {
    const int32_t n_expert = config->n_expert, n_task = config->n_task;
    int32_t *gate_col = mmoe_alloc(&g->alloc, (size_t)n_task, sizeof *gate_col);
    int32_t *expert_col = mmoe_alloc(&g->alloc, (size_t)n_task * (size_t)n_expert, sizeof *expert_col);
    mmoe_status status = gate_col && expert_col ? MMOE_OK : mmoe_fail_memory(err, (size_t)n_task * (size_t)(n_expert + 1) * sizeof *gate_col);
    if (!status) {
        for (int32_t t = 0; t < n_task; t++) {
            gate_col[t] = gates[t].in.col;
            for (int32_t e = 0; e < n_expert; e++) expert_col[t * n_expert + e] = experts[e].in.col;
        }
        mmoe_view all_gates = {gates[0].in.value, 0, 0}, all_experts = {experts[0].in.value, 0, 0};
        status = mmoe_graph_mix(g, "mix", all_gates, gate_col, all_experts, expert_col, n_task, n_expert, experts[0].in.cols, y, err);
    }
    mmoe_release(&g->alloc, gate_col);
    mmoe_release(&g->alloc, expert_col);
    return status;
}

/* `order`: tasks whose towers have batch norm first. */
static mmoe_status add_towers(mmoe_graph *g, const mmoe_config *config, mmoe_view y, int32_t cols, mmoe_module *towers, int32_t *order, mmoe_view *logits,
                              mmoe_error *err) {
    int32_t n = 0, levels = 0;
    for (int norm = 1; norm >= 0; norm--)
        for (int32_t t = 0; t < config->n_task; t++) {
            const mmoe_mlp_config *mlp = &config->tasks[t].tower;
            if (mlp->batch_norm != norm) continue;
            order[n] = t;
            towers[n++] = module_of("towers", t, (mmoe_view){y.value, t * cols, cols}, mlp);
            if (mlp->n_dims > levels) levels = mlp->n_dims;
        }
    mmoe_status status = MMOE_OK;
    for (int32_t level = 0; level < levels && !status; level++) status = mmoe_add_level(g, "towers", towers, n, level, err);
    return status ? status : mmoe_add_heads(g, towers, n, logits, err);
}

static mmoe_status add_loss(mmoe_graph *g, const mmoe_config *config, const int32_t *order, const mmoe_view *logits, mmoe_error *err) {
    const size_t n = (size_t)config->n_task;
    mmoe_view *by_task = mmoe_alloc(&g->alloc, n, sizeof *by_task);
    int *classification = mmoe_alloc(&g->alloc, n, sizeof *classification);
    float *weight = mmoe_alloc(&g->alloc, n, sizeof *weight);
    mmoe_status status = by_task && classification && weight ? MMOE_OK : mmoe_fail_memory(err, n * sizeof *by_task);
    if (!status) {
        for (size_t i = 0; i < n; i++) {
            by_task[order[i]] = logits[i];
            classification[i] = config->tasks[i].type == MMOE_CLASSIFICATION;
            weight[i] = config->tasks[i].loss_weight;
        }
        status = mmoe_graph_loss(g, "loss", by_task, classification, weight, config->n_task, err);
    }
    mmoe_release(&g->alloc, by_task);
    mmoe_release(&g->alloc, classification);
    mmoe_release(&g->alloc, weight);
    return status;
}

mmoe_status mmoe_build_mmoe(mmoe_graph *g, const mmoe_config *config, const mmoe_schema *schema, mmoe_error *err) {
    const size_t n_task = (size_t)config->n_task, n_module = (size_t)config->n_expert + n_task;
    mmoe_module *modules = mmoe_alloc(&g->alloc, n_module, sizeof *modules), *towers = mmoe_alloc(&g->alloc, n_task, sizeof *towers);
    int32_t *order = mmoe_alloc(&g->alloc, n_task, sizeof *order);
    mmoe_view *logits = mmoe_alloc(&g->alloc, n_task, sizeof *logits), x, y;
    mmoe_module *experts, *gates;
    mmoe_status status = modules && towers && order && logits ? MMOE_OK : mmoe_fail_memory(err, (n_module + n_task) * sizeof *modules);
    if (!status) status = mmoe_add_input(g, schema, &x, err);
    if (!status) status = add_experts(g, config, x, modules, &experts, &gates, err);
    if (!status) status = add_mix(g, config, experts, gates, &y, err);
    if (!status) status = add_towers(g, config, y, experts[0].in.cols, towers, order, logits, err);
    if (!status) status = add_loss(g, config, order, logits, err);
    mmoe_release(&g->alloc, modules);
    mmoe_release(&g->alloc, towers);
    mmoe_release(&g->alloc, order);
    mmoe_release(&g->alloc, logits);
    return status;
}
