/* Columns of a batch that each of several ranks looks at whole, though it has rows of its own. */
#ifndef MMOE_GRAPH_TOLD_COLUMNS_H
#define MMOE_GRAPH_TOLD_COLUMNS_H

#include "graph/plan.h"

/* Of tables whose rows a step must know before it gathers them: sets ids [ids of a batch's row] and
 * lists [lists], which are false. Returns whether there are some. */
bool mmoe_plan_told_columns(const mmoe_plan *plan, bool *ids, bool *lists);

#endif
