/* A network a task, which share the embeddings alone: output_t = tower_t(expert_t(x)). */
#include "base/error.h"
#include "model/build.h"

mmoe_status mmoe_build_single_task(mmoe_graph *g, const mmoe_config *config,
                                   const mmoe_schema *schema, mmoe_error *err) {
    const int32_t n_task = config->n_task;
    mmoe_module *experts = mmoe_alloc(&g->alloc, (size_t)n_task + 1, sizeof *experts);
    mmoe_view *y = mmoe_alloc(&g->alloc, (size_t)n_task, sizeof *y), x;
    mmoe_status status =
        experts && y ? mmoe_add_input(g, schema, &x, err)
                     : mmoe_fail_memory(err, (size_t)n_task * (sizeof *experts + sizeof *y));
    for (int32_t t = 0; t < n_task && !status; t++)
        experts[t] = mmoe_expert_of("experts", t, x, &config->expert);
    if (!status) status = mmoe_share_input(g, x, err);
    const int32_t n_module = status ? 0 : mmoe_place_linear(config, x, experts, n_task);
    if (!status) status = mmoe_add_levels(g, "experts", experts, n_module, 0, err);
    for (int32_t t = 0; t < n_task && !status; t++) y[t] = experts[t].in;
    if (!status) status = mmoe_add_towers(g, config, y, experts + n_task, err);
    mmoe_release(&g->alloc, experts);
    mmoe_release(&g->alloc, y);
    return status;
}
