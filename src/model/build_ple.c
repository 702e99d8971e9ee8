/* PLE (Tang et al., RecSys 2020), as torch-rechub has it. Level l has experts of each task, which
 * read that task's y, and shared experts, which read the shared y; all of them x at the first
 * level. A task's next y is its gate's mixture of its own and the shared experts, the shared one
 * that of all experts; the last level has no shared gate. CGC: one level. */
#include <stdio.h>

#include "base/error.h"
#include "model/build.h"

typedef struct ple_parts {
    int32_t n_task, n_specific, n_shared, n_expert,
        n_mixed;                    /* all experts; a task's and the shared ones */
    mmoe_module *modules;           /* in the order of a level's columns */
    mmoe_module linear;             /* behind the first level */
    mmoe_view *experts;             /* [n_expert] the tasks' first */
    int32_t *expert_at, *gate_at;   /* [n_expert], [n_task + 1] places in `modules` */
    int32_t *gate_col, *expert_col; /* [n_task], [n_task, n_mixed] or [n_expert] */
    mmoe_view *weights, *y;         /* [n_task + 1] */
} ple_parts;

/* Those that read the same y stand together, its gate last; where all read x, all gates stand last,
 * to be one softmax. */
static int32_t place_modules(const ple_parts *p, bool first, bool last) {
    const int32_t n_gate = p->n_task + !last;
    int32_t at = 0;
    for (int32_t e = 0; e < p->n_expert; e++) {
        p->expert_at[e] = at++;
        const int32_t task = e / p->n_specific;
        if (!first && e % p->n_specific == p->n_specific - 1 && task < p->n_task)
            p->gate_at[task] = at++;
    }
    for (int32_t t = first ? 0 : p->n_task; t < n_gate; t++) p->gate_at[t] = at++;
    return at;
}

static void name_modules(const ple_parts *p, const mmoe_config *config, int32_t level, bool last) {
    const int32_t n_own = p->n_task * p->n_specific;
    char specific[48], shared[48], gates[48], gate[48];
    snprintf(specific, sizeof specific, "cgc_layers.%d.experts_specific", (int)level);
    snprintf(shared, sizeof shared, "cgc_layers.%d.experts_shared", (int)level);
    snprintf(gates, sizeof gates, "cgc_layers.%d.gates_specific", (int)level);
    snprintf(gate, sizeof gate, "cgc_layers.%d.gate_shared", (int)level);
    for (int32_t e = 0; e < n_own; e++)
        p->modules[p->expert_at[e]] =
            mmoe_expert_of(specific, e, p->y[e / p->n_specific], &config->expert);
    for (int32_t e = 0; e < p->n_shared; e++)
        p->modules[p->expert_at[n_own + e]] =
            mmoe_expert_of(shared, e, p->y[p->n_task], &config->expert);
    for (int32_t t = 0; t < p->n_task; t++)
        p->modules[p->gate_at[t]] = mmoe_gate_of(gates, t, p->y[t], p->n_mixed, &config->gate);
    if (!last)
        p->modules[p->gate_at[p->n_task]] =
            mmoe_gate_of(gate, -1, p->y[p->n_task], p->n_expert, &config->gate);
}

static mmoe_status mix_shared(mmoe_graph *g, const ple_parts *p, const char *name,
                              mmoe_error *err) {
    const mmoe_view gate = p->weights[p->n_task], experts = p->experts[0];
    for (int32_t e = 0; e < p->n_expert; e++) p->expert_col[e] = p->experts[e].col;
    const mmoe_mixing mixing = {.gates = gate.value,
                                .experts = experts.value,
                                .gate_col = &gate.col,
                                .expert_col = p->expert_col,
                                .n_task = 1,
                                .n_expert = p->n_expert,
                                .cols = experts.cols};
    return mmoe_graph_mix(g, name, &mixing, &p->y[p->n_task], err);
}

static mmoe_status mix_specific(mmoe_graph *g, const ple_parts *p, const char *name,
                                mmoe_error *err) {
    const mmoe_view gates = p->weights[0], experts = p->experts[0];
    for (int32_t t = 0, i = 0; t < p->n_task; t++) {
        p->gate_col[t] = p->weights[t].col;
        for (int32_t k = 0; k < p->n_mixed; k++, i++) {
            const int32_t e = k < p->n_specific ? t * p->n_specific + k
                                                : p->n_task * p->n_specific + k - p->n_specific;
            p->expert_col[i] = p->experts[e].col;
        }
    }
    mmoe_view y;
    const mmoe_mixing mixing = {.gates = gates.value,
                                .experts = experts.value,
                                .gate_col = p->gate_col,
                                .expert_col = p->expert_col,
                                .n_task = p->n_task,
                                .n_expert = p->n_mixed,
                                .cols = experts.cols};
    mmoe_status status = mmoe_graph_mix(g, name, &mixing, &y, err);
    for (int32_t t = 0; t < p->n_task && !status; t++)
        p->y[t] = (mmoe_view){y.value, t * experts.cols, experts.cols};
    return status;
}

static mmoe_status add_ple_level(mmoe_graph *g, ple_parts *p, const mmoe_config *config,
                                 int32_t level, int32_t n_level, mmoe_error *err) {
    const bool last = level + 1 == n_level;
    const int32_t n_gate = p->n_task + !last, n_mixing = place_modules(p, level == 0, last);
    int32_t n_module = n_mixing;
    char experts[32], gates[32], mix[32];
    snprintf(experts, sizeof experts, "cgc %d experts", (int)level + 1);
    snprintf(gates, sizeof gates, "cgc %d gates", (int)level + 1);
    snprintf(mix, sizeof mix, "cgc %d mix", (int)level + 1);
    name_modules(p, config, level, last);
    if (level == 0) n_module = mmoe_place_linear(config, p->y[0], p->modules, n_mixing);
    mmoe_status status = mmoe_add_levels(g, experts, p->modules, n_module, 0, err);
    if (n_module > n_mixing) p->linear = p->modules[n_mixing];
    for (int32_t e = 0; e < p->n_expert; e++) p->experts[e] = p->modules[p->expert_at[e]].in;
    for (int32_t t = 0; t < n_gate; t++) p->weights[t] = p->modules[p->gate_at[t]].in;
    const mmoe_gate_row row = {p->weights, n_gate, n_level * (p->n_task + 1) - 1};
    if (!status) status = mmoe_add_weighing(g, gates, &config->gate, &row, err);
    for (int32_t t = 0; t < n_gate && !status; t++)
        status = mmoe_graph_mark_gate(g, p->modules[p->gate_at[t]].name, p->weights[t],
                                      t < p->n_task ? t : -1, err);
    if (!status && last) status = mmoe_graph_share(g, p->experts, p->n_expert, err);
    if (!status && !last) status = mix_shared(g, p, mix, err);
    return status ? status : mix_specific(g, p, mix, err);
}

static mmoe_status add_ple_nodes(mmoe_graph *g, ple_parts *p, const mmoe_config *config,
                                 const mmoe_schema *schema, mmoe_error *err) {
    const int32_t n_level = config->model == MMOE_MODEL_CGC ? 1 : config->n_level;
    mmoe_view x;
    mmoe_status status = mmoe_add_input(g, schema, &x, err);
    for (int32_t t = 0; t <= p->n_task && !status; t++) p->y[t] = x;
    for (int32_t level = 0; level < n_level && !status; level++)
        status = add_ple_level(g, p, config, level, n_level, err);
    return status ? status : mmoe_add_towers(g, config, p->y, &p->linear, err);
}

mmoe_status mmoe_build_ple(mmoe_graph *g, const mmoe_config *config, const mmoe_schema *schema,
                           mmoe_error *err) {
    ple_parts p = {.n_task = config->n_task,
                   .n_specific = config->n_expert_specific,
                   .n_shared = config->n_expert_shared};
    p.n_expert = p.n_task * p.n_specific + p.n_shared;
    p.n_mixed = p.n_specific + p.n_shared;
    const size_t tasks = (size_t)p.n_task, experts = (size_t)p.n_expert,
                 pairs = tasks * (size_t)p.n_mixed;
    p.modules = mmoe_alloc(&g->alloc, experts + tasks + 2, sizeof *p.modules);
    p.experts = mmoe_alloc(&g->alloc, experts, sizeof *p.experts);
    p.expert_at = mmoe_alloc(&g->alloc, experts, sizeof *p.expert_at);
    p.gate_at = mmoe_alloc(&g->alloc, tasks + 1, sizeof *p.gate_at);
    p.gate_col = mmoe_alloc(&g->alloc, tasks, sizeof *p.gate_col);
    p.expert_col = mmoe_alloc(
        &g->alloc, pairs, sizeof *p.expert_col); /* n_expert, too: n_task n_specific + n_shared */
    p.weights = mmoe_alloc(&g->alloc, tasks + 1, sizeof *p.weights);
    p.y = mmoe_alloc(&g->alloc, tasks + 1, sizeof *p.y);
    const bool whole = p.modules && p.experts && p.expert_at && p.gate_at && p.gate_col &&
                       p.expert_col && p.weights && p.y;
    mmoe_status status = whole
                             ? add_ple_nodes(g, &p, config, schema, err)
                             : mmoe_fail_memory(err, (2 * experts + tasks + 2) * sizeof *p.modules);
    void *memory[] = {p.modules,  p.experts,    p.expert_at, p.gate_at,
                      p.gate_col, p.expert_col, p.weights,   p.y};
    for (size_t i = 0; i < sizeof memory / sizeof *memory; i++) mmoe_release(&g->alloc, memory[i]);
    return status;
}
