/* CGC: a PLE of one level. */
#include "model/build.h"

mmoe_status mmoe_build_cgc(mmoe_graph *g, const mmoe_config *config, const mmoe_schema *schema,
                           mmoe_error *err) {
    return mmoe_build_ple(g, config, schema, err);
}
