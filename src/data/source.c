#include "data/source.h"

static const mmoe_source_kind *const kinds[] = {
#define SOURCE_ROW(name) &mmoe_source_##name,
    MMOE_SOURCE_KINDS(SOURCE_ROW)
#undef SOURCE_ROW
};

mmoe_status mmoe_source_open(const mmoe_source_order *order, const mmoe_allocator *alloc,
                             mmoe_source **out, mmoe_error *err) {
    size_t i = 0;
    while (!kinds[i]->suits(order->set)) i++; /* the last suits all */
    return kinds[i]->open(order, alloc, out, err);
}
