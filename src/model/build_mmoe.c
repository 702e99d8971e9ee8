/* MMoE (Ma et al., KDD 2018): E experts and a gate a task read x; y_t = sum_e gate_t(x)_e
 * expert_e(x); output_t = tower_t(y_t). OMoE: one gate, whose y all towers read. */
#include "base/error.h"
#include "model/build.h"

typedef struct gated_parts {
    int32_t n_expert, n_gate;
    mmoe_module *modules, *experts, *gates, *linear; /* experts first, the linear part last */
    int32_t n_module;
    int32_t *gate_col, *expert_col; /* [n_gate], [n_gate, n_expert] */
    mmoe_view *weights, *y;         /* [n_gate], [n_task] */
} gated_parts;

static mmoe_status add_gated_mix(mmoe_graph *g, const mmoe_config *config, const gated_parts *p,
                                 mmoe_error *err) {
    const int32_t cols = p->experts[0].in.cols;
    for (int32_t t = 0; t < p->n_gate; t++) {
        p->gate_col[t] = p->weights[t].col;
        for (int32_t e = 0; e < p->n_expert; e++)
            p->expert_col[t * p->n_expert + e] = p->experts[e].in.col;
    }
    mmoe_view y;
    const mmoe_mixing mixing = {.gates = p->weights[0].value,
                                .experts = p->experts[0].in.value,
                                .gate_col = p->gate_col,
                                .expert_col = p->expert_col,
                                .n_task = p->n_gate,
                                .n_expert = p->n_expert,
                                .cols = cols};
    mmoe_status status = mmoe_graph_mix(g, "mix", &mixing, &y, err);
    for (int32_t t = 0; t < config->n_task && !status; t++)
        p->y[t] = (mmoe_view){y.value, p->n_gate > 1 ? t * cols : 0, cols};
    return status;
}

static mmoe_status add_gated_layers(mmoe_graph *g, const gated_parts *p, mmoe_error *err) {
    const int32_t experts = mmoe_module_depth(p->experts), gates = mmoe_module_depth(p->gates),
                  both = experts < gates ? experts : gates;
    mmoe_status status = MMOE_OK;
    for (int32_t level = 0; level < both && !status; level++)
        status = mmoe_add_level(g, "experts+gates", p->modules, p->n_module, level, err);
    if (!status) status = mmoe_add_levels(g, "experts", p->experts, p->n_expert, both, err);
    return status ? status : mmoe_add_levels(g, "gates", p->gates, p->n_gate, both, err);
}

static mmoe_status add_gated_nodes(mmoe_graph *g, const mmoe_config *config,
                                   const mmoe_schema *schema, gated_parts *p, mmoe_error *err) {
    mmoe_view x;
    mmoe_status status = mmoe_add_input(g, schema, &x, err);
    if (status) return status;
    for (int32_t e = 0; e < p->n_expert; e++)
        p->experts[e] = mmoe_expert_of("experts", e, x, &config->expert);
    for (int32_t t = 0; t < p->n_gate; t++)
        p->gates[t] = mmoe_gate_of("gates", t, x, p->n_expert, &config->gate);
    p->n_module = mmoe_place_linear(config, x, p->modules, p->n_expert + p->n_gate);
    status = add_gated_layers(g, p, err);
    for (int32_t t = 0; t < p->n_gate; t++) p->weights[t] = p->gates[t].in;
    if (!status)
        status = mmoe_add_weighing(g, "gates", &config->gate,
                                   &(mmoe_gate_row){p->weights, p->n_gate, p->n_gate}, err);
    for (int32_t t = 0; t < p->n_gate && !status; t++)
        status = mmoe_graph_mark_gate(g, p->gates[t].name, p->weights[t],
                                      config->model == MMOE_MODEL_OMOE ? -1 : t, err);
    if (!status && config->model != MMOE_MODEL_OMOE)
        status = mmoe_share_modules(g, p->experts, p->n_expert, err);
    if (!status) status = add_gated_mix(g, config, p, err);
    if (!status && config->model == MMOE_MODEL_OMOE) status = mmoe_graph_share(g, &p->y[0], 1, err);
    return status ? status : mmoe_add_towers(g, config, p->y, p->linear, err);
}

mmoe_status mmoe_build_mmoe(mmoe_graph *g, const mmoe_config *config, const mmoe_schema *schema,
                            mmoe_error *err) {
    gated_parts p = {.n_expert = config->n_expert,
                     .n_gate = config->model == MMOE_MODEL_OMOE ? 1 : config->n_task};
    const size_t experts = (size_t)p.n_expert, gates = (size_t)p.n_gate;
    p.modules = mmoe_alloc(&g->alloc, experts + gates + 1, sizeof *p.modules);
    p.gate_col = mmoe_alloc(&g->alloc, gates, sizeof *p.gate_col);
    p.expert_col = mmoe_alloc(&g->alloc, gates * experts, sizeof *p.expert_col);
    p.weights = mmoe_alloc(&g->alloc, gates, sizeof *p.weights);
    p.y = mmoe_alloc(&g->alloc, (size_t)config->n_task, sizeof *p.y);
    mmoe_status status = MMOE_E_MEMORY;
    if (p.modules && p.gate_col && p.expert_col && p.weights && p.y) {
        p.experts = p.modules;
        p.gates = p.modules + experts;
        p.linear = p.gates + gates;
        status = add_gated_nodes(g, config, schema, &p, err);
    } else {
        mmoe_fail_memory(err, (experts + gates + 1) * sizeof *p.modules);
    }
    mmoe_release(&g->alloc, p.modules);
    mmoe_release(&g->alloc, p.gate_col);
    mmoe_release(&g->alloc, p.expert_col);
    mmoe_release(&g->alloc, p.weights);
    mmoe_release(&g->alloc, p.y);
    return status;
}
