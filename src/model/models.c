/* The table of models: a row a kind. */
#include "model/build.h"

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

mmoe_status mmoe_build_graph(mmoe_graph *g, const mmoe_config *config, const mmoe_schema *schema,
                             mmoe_error *err) {
    const mmoe_status status = builders[config->model](g, config, schema, err);
    for (int32_t i = 0; i < schema->n_label && !status; i++)
        mmoe_graph_losses(g)->scale[i] = schema->labels[i].scale;
    return status;
}
