#include "model/build.h"

#include <stdio.h>

#include "base/error.h"

mmoe_module mmoe_module_of(const char *kind, int32_t index, mmoe_view in,
                           const mmoe_mlp_config *mlp) {
    mmoe_module m = {.in = in,
                     .n_dims = mlp->n_dims,
                     .dims = mlp->dims,
                     .activation = mlp->activation,
                     .dropout = mlp->dropout,
                     .batch_norm = mlp->batch_norm};
    if (index < 0)
        snprintf(m.name, sizeof m.name, "%s", kind);
    else
        snprintf(m.name, sizeof m.name, "%s.%d", kind, (int)index);
    return m;
}

mmoe_module mmoe_expert_of(const char *kind, int32_t index, mmoe_view in,
                           const mmoe_mlp_config *mlp) {
    mmoe_module m = mmoe_module_of(kind, index, in, mlp);
    m.is_expert = true;
    return m;
}

/* A plain softmax is the gates' last activation; all else is a node of its own. */
static bool is_plain(const mmoe_gate_config *c) {
    return c->temperature == 1 && !c->top_k && c->expert_dropout == 0 && c->load_balance == 0;
}

mmoe_module mmoe_gate_of(const char *kind, int32_t index, mmoe_view in, int32_t n_expert,
                         const mmoe_gate_config *config) {
    mmoe_module m = mmoe_module_of(kind, index, in, &config->layers);
    m.n_expert = n_expert;
    m.weighing = is_plain(config) ? MMOE_ACT_SOFTMAX : MMOE_ACT_NONE;
    return m;
}

mmoe_status mmoe_add_weighing(mmoe_graph *g, const char *name, const mmoe_gate_config *config,
                              const mmoe_gate_row *row, mmoe_error *err) {
    if (is_plain(config)) return MMOE_OK;
    const mmoe_gating how = {config->temperature, config->expert_dropout,
                             config->load_balance / (float)row->n_in_graph, (int32_t)config->top_k};
    return mmoe_graph_gate(g, name, row->gates, row->count, &how, err);
}

mmoe_status mmoe_add_levels(mmoe_graph *g, const char *name, mmoe_module *modules, int32_t count,
                            int32_t first, mmoe_error *err) {
    int32_t levels = 0;
    for (int32_t i = 0; i < count; i++)
        if (mmoe_module_depth(&modules[i]) > levels) levels = mmoe_module_depth(&modules[i]);
    mmoe_status status = MMOE_OK;
    for (int32_t level = first; level < levels && !status; level++)
        status = mmoe_add_level(g, name, modules, count, level, err);
    return status;
}

mmoe_status mmoe_share_input(mmoe_graph *g, mmoe_view x, mmoe_error *err) {
    x.cols = g->values[x.value].grad_cols;
    return mmoe_graph_share(g, &x, 1, err);
}

mmoe_status mmoe_share_modules(mmoe_graph *g, const mmoe_module *modules, int32_t count,
                               mmoe_error *err) {
    mmoe_view *views = mmoe_alloc(&g->alloc, (size_t)count, sizeof *views);
    if (!views) return mmoe_fail_memory(err, (size_t)count * sizeof *views);
    for (int32_t i = 0; i < count; i++) views[i] = modules[i].in;
    const mmoe_status status = mmoe_graph_share(g, views, count, err);
    mmoe_release(&g->alloc, views);
    return status;
}

mmoe_status mmoe_add_loss(mmoe_graph *g, const mmoe_config *config, mmoe_view *logits, bool sum,
                          mmoe_error *err) {
    const size_t n = (size_t)config->n_task;
    mmoe_losses losses = {.n_task = config->n_task, .logits = logits};
    losses.divisor = sum ? 1 : config->n_task;
    losses.kinds = mmoe_alloc(&g->alloc, n, sizeof *losses.kinds);
    losses.weight = mmoe_alloc(&g->alloc, n, sizeof *losses.weight);
    losses.shape = mmoe_alloc(&g->alloc, n, sizeof *losses.shape);
    const size_t size = sizeof *losses.kinds + sizeof *losses.weight + sizeof *losses.shape;
    mmoe_status status =
        losses.kinds && losses.weight && losses.shape ? MMOE_OK : mmoe_fail_memory(err, n * size);
    for (size_t i = 0; i < n && !status; i++) {
        const mmoe_task_config *task = &config->tasks[i];
        losses.kinds[i] = mmoe_loss_kind_of(task->type);
        losses.weight[i] = task->loss_weight;
        losses.shape[i] =
            (mmoe_loss_shape){task->label_smoothing, task->positive_weight, task->focal_gamma};
    }
    if (!status) status = mmoe_graph_loss(g, "loss", &losses, err);
    mmoe_release(&g->alloc, losses.kinds);
    mmoe_release(&g->alloc, losses.weight);
    mmoe_release(&g->alloc, losses.shape);
    return status;
}

int32_t mmoe_place_linear(const mmoe_config *config, mmoe_view x, mmoe_module *modules,
                          int32_t count) {
    if (!config->linear) return count;
    modules[count] = (mmoe_module){.name = "linear",
                                   .in = x,
                                   .n_dims = 1,
                                   .dims = &config->n_task,
                                   .activation = MMOE_ACT_NONE,
                                   .is_linear = true};
    return count + 1;
}

mmoe_status mmoe_add_logits(mmoe_graph *g, const mmoe_config *config, const mmoe_module *towers,
                            const mmoe_module *linear, mmoe_view *logits, mmoe_error *err) {
    const int32_t n = config->n_task;
    mmoe_status status = mmoe_add_heads(g, towers, n, logits, err);
    if (status || !config->linear) return status;
    mmoe_view sums;
    status = mmoe_graph_sum(g, "linear part", (mmoe_view){logits[0].value, 0, n}, linear->in, &sums,
                            err);
    for (int32_t t = 0; t < n && !status; t++) logits[t] = (mmoe_view){sums.value, t, 1};
    return status;
}

mmoe_status mmoe_add_towers(mmoe_graph *g, const mmoe_config *config, const mmoe_view *in,
                            const mmoe_module *linear, mmoe_error *err) {
    const size_t n = (size_t)config->n_task;
    mmoe_module *towers = mmoe_alloc(&g->alloc, n, sizeof *towers);
    mmoe_view *logits = mmoe_alloc(&g->alloc, n, sizeof *logits);
    mmoe_status status =
        towers && logits ? MMOE_OK : mmoe_fail_memory(err, n * (sizeof *towers + sizeof *logits));
    for (int32_t t = 0; t < config->n_task && !status; t++)
        towers[t] = mmoe_module_of("towers", t, in[t], &config->tasks[t].tower);
    if (!status) status = mmoe_add_levels(g, "towers", towers, config->n_task, 0, err);
    if (!status) status = mmoe_add_logits(g, config, towers, linear, logits, err);
    if (!status) status = mmoe_add_loss(g, config, logits, false, err);
    mmoe_release(&g->alloc, towers);
    mmoe_release(&g->alloc, logits);
    return status;
}

mmoe_status mmoe_begin_networks(mmoe_graph *g, const mmoe_config *config, const mmoe_schema *schema,
                                mmoe_networks *out, mmoe_error *err) {
    const int32_t n = config->n_task;
    const size_t room = (size_t)n + 1;
    *out = (mmoe_networks){.experts = mmoe_alloc(&g->alloc, room, sizeof *out->experts)};
    if (!out->experts) return mmoe_fail_memory(err, room * sizeof *out->experts);
    const mmoe_status status = mmoe_add_input(g, schema, &out->x, err);
    if (status) return status;
    for (int32_t t = 0; t < n; t++)
        out->experts[t] = mmoe_expert_of("experts", t, out->x, &config->expert);
    out->count = mmoe_place_linear(config, out->x, out->experts, n);
    return MMOE_OK;
}

mmoe_status mmoe_end_networks(mmoe_graph *g, const mmoe_config *config, mmoe_networks *n,
                              mmoe_status status, mmoe_error *err) {
    const size_t count = (size_t)config->n_task;
    mmoe_view *y = status ? NULL : mmoe_alloc(&g->alloc, count, sizeof *y);
    if (!status && !y) status = mmoe_fail_memory(err, count * sizeof *y);
    for (size_t t = 0; t < count && !status; t++) y[t] = n->experts[t].in;
    if (!status) status = mmoe_add_towers(g, config, y, n->experts + count, err);
    mmoe_release(&g->alloc, y);
    mmoe_release(&g->alloc, n->experts);
    return status;
}
