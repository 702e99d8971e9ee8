/* Cross-stitch networks (Misra et al., CVPR 2016): a network a task; behind each of their layers l,
 * what task t's next layer reads is sum_k stitches_l[t, k] u_k, u_k the layer's output of task k.
 */
#include <stdio.h>

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
    const int32_t n_task = config->n_task, n_level = config->expert.n_dims;
    mmoe_networks n;
    mmoe_status status = mmoe_begin_networks(g, config, schema, &n, err);
    for (int32_t level = 0; level < n_level && !status; level++) {
        status = mmoe_add_level(g, "experts", n.experts, n.count, level, err);
        if (!status && level + 1 == n_level) status = mmoe_share_modules(g, n.experts, n_task, err);
        if (!status) status = add_stitch(g, n.experts, n_task, level, err);
    }
    return mmoe_end_networks(g, config, &n, status, err);
}
