/* The table of models: each row of MMOE_MODELS has a builder of its word. */
#include "model/build.h"

#define ROW(name, word) [name] = mmoe_build_##word,
static mmoe_builder *const builders[] = {MMOE_MODELS(ROW)};
#undef ROW

mmoe_status mmoe_build_graph(mmoe_graph *g, const mmoe_config *config, const mmoe_schema *schema,
                             mmoe_error *err) {
    const mmoe_status status = builders[config->model](g, config, schema, err);
    for (int32_t i = 0; i < schema->n_label && !status; i++)
        mmoe_graph_losses(g)->scale[i] = schema->labels[i].scale;
    return status;
}
