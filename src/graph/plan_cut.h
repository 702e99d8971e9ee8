/* Which rows of a batch are whose. */
#ifndef MMOE_GRAPH_PLAN_CUT_H
#define MMOE_GRAPH_PLAN_CUT_H

#include "graph/state.h"

enum {
    MMOE_CHUNK = 256, /* rows: GEMMs of 256 rows run within 4 % of the whole batch's, and stay in a
                    core's L2 */
    MMOE_MOST_CHUNK = 1024
};

/* How a batch of `rows` rows is cut in training, and which rows of it a rank has: from *first on,
 * if any. */
mmoe_cut mmoe_plan_cut(const mmoe_plan *plan, int32_t rows);
mmoe_cut mmoe_plan_share(const mmoe_plan *plan, const mmoe_cut *whole, int32_t rank,
                         int32_t *first);

#endif
