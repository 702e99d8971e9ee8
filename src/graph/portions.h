/* What each rank has of the whole (graph/params.h): the values that it updates, and so keeps
 * moments of. All ranks have all values; the gradient is summed for each where it is needed.
 *
 *     whole     |  table 0  |    table 1    |  layers   |
 *     portions  |     rank 0     |     rank 1     |         where rows of tables begin
 */
#ifndef MMOE_GRAPH_PORTIONS_H
#define MMOE_GRAPH_PORTIONS_H

#include "graph/params.h"
#include "math/tree.h"

typedef struct mmoe_portions {
    int64_t from[MMOE_TREE_PARTS + 1]; /* rank r has the places from[r] to from[r + 1] */
    int64_t cut[MMOE_TREE_PARTS + 1];  /* and the pieces from cut[r] to cut[r + 1] of the gradient,
                                          which is where from[r] would be but for rows */
} mmoe_portions;

/* For so many ranks, each but the last of whole pieces of so many places. */
mmoe_portions mmoe_portions_of(const mmoe_params *params, int32_t ranks, int64_t piece);

#endif
