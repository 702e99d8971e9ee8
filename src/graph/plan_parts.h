/* What plan.c and its parts have in common. */
#ifndef MMOE_GRAPH_PLAN_PARTS_H
#define MMOE_GRAPH_PLAN_PARTS_H

#include "graph/plan.h"

/* Row strides are whole cache lines, but no large multiple of 512 bytes: rows would then meet in
 * the same cache sets, which costs a product that walks down columns a sixth of its speed. */
static inline int32_t mmoe_plan_stride(int32_t width) {
    int32_t ld = (width + 15) / 16 * 16;
    return ld >= 256 && ld % 128 == 0 ? ld + 16 : ld;
}

/* Floats in whole cache lines. */
static inline size_t mmoe_plan_rounded(size_t count) { return (count + 15) / 16 * 16; }

/* Lists the weight tasks of a plan that trains, and takes their scratch. MMOE_E_MEMORY. */
mmoe_status mmoe_plan_tasks(mmoe_plan *p, mmoe_error *err);

#endif
