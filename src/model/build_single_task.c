/* A network a task, which share the embeddings alone: output_t = tower_t(expert_t(x)). */
#include "model/build.h"

mmoe_status mmoe_build_single_task(mmoe_graph *g, const mmoe_config *config,
                                   const mmoe_schema *schema, mmoe_error *err) {
    mmoe_networks n;
    mmoe_status status = mmoe_begin_networks(g, config, schema, &n, err);
    if (!status) status = mmoe_share_input(g, n.x, err);
    if (!status) status = mmoe_add_levels(g, "experts", n.experts, n.count, 0, err);
    return mmoe_end_networks(g, config, &n, status, err);
}
