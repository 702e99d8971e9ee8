/* Cross-stitch networks (Misra et al., CVPR 2016): a network a task; behind each of their layers l,
 * what task t's next layer reads is sum_k stitches_l[t, k] u_k, u_k the layer's output of task k.
 */
#include <stdio.h>

#include "base/error.h"
#include "model/build.h"

/* Moves the experts' `in` to the stitched outputs. */
static mmoe_status add_stitch(mmoe_graph *g, mmoe_module *experts, int32_t n, int32_t level,
                              mmoe_error *err) {
    const int32_t cols = experts[0].in.cols;
    const mmoe_view all = {experts[0].in.value, 0, n * cols};
    mmoe_tensor w = {.kind = MMOE_TENSOR_VALUE,
                     .rank = 2,
                     .shape = {n, n},
                     .init = MMOE_INIT_STITCH,
                     .init_a = n > 1 ? 0.9f : 1};
    w.offset = mmoe_tensors_reserve(&g->tensors, MMOE_TENSOR_VALUE, (int64_t)n * n);
    mmoe_status status = mmoe_tensors_add(&g->tensors, w, err, "stitches.%d.weight", (int)level);
    char name[32];
    snprintf(name, sizeof name, "stitch %d", (int)level + 1);
    mmoe_view y;
    if (!status) status = mmoe_graph_stitch(g, name, &(mmoe_stitching){w.offset, all, n}, &y, err);
    for (int32_t t = 0; t < n && !status; t++) experts[t].in = (mmoe_view){y.value, t * cols, cols};
    return status;
}

mmoe_status mmoe_build_cross_stitch(mmoe_graph *g, const mmoe_config *config,
                                    const mmoe_schema *schema, mmoe_error *err) {
    const int32_t n_task = config->n_task;
    mmoe_module *experts = mmoe_alloc(&g->alloc, (size_t)n_task + 1, sizeof *experts);
    mmoe_view *y = mmoe_alloc(&g->alloc, (size_t)n_task, sizeof *y), x;
    mmoe_status status =
        experts && y ? mmoe_add_input(g, schema, &x, err)
                     : mmoe_fail_memory(err, (size_t)n_task * (sizeof *experts + sizeof *y));
    for (int32_t t = 0; t < n_task && !status; t++)
        experts[t] = mmoe_expert_of("experts", t, x, &config->expert);
    const int32_t n_module = status ? 0 : mmoe_place_linear(config, x, experts, n_task);
    for (int32_t level = 0; level < config->expert.n_dims && !status; level++) {
        status = mmoe_add_level(g, "experts", experts, n_module, level, err);
        if (!status && level + 1 == config->expert.n_dims)
            status = mmoe_share_modules(g, experts, n_task, err);
        if (!status) status = add_stitch(g, experts, n_task, level, err);
    }
    for (int32_t t = 0; t < n_task && !status; t++) y[t] = experts[t].in;
    if (!status) status = mmoe_add_towers(g, config, y, experts + n_task, err);
    mmoe_release(&g->alloc, experts);
    mmoe_release(&g->alloc, y);
    return status;
}
