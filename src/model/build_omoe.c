/* OMoE: an MMoE of one gate. */
#include "model/build.h"

mmoe_status mmoe_build_omoe(mmoe_graph *g, const mmoe_config *config, const mmoe_schema *schema,
                            mmoe_error *err) {
    return mmoe_build_mmoe(g, config, schema, err);
}
