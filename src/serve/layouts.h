/* The columns of all models that a slot has had, united by name. A layout is the columns of some of
 * them, which are counted together; it stays as long as the slot. */
#ifndef MMOE_SERVE_LAYOUTS_H
#define MMOE_SERVE_LAYOUTS_H

#include "serve/counted.h"

typedef struct mmoe_layout {
    mmoe_counted counted;
    int32_t *places; /* [n_column] among the united ones */
    struct mmoe_layout *next;
} mmoe_layout;

typedef struct mmoe_layouts {
    mmoe_allocator alloc;
    mmoe_layout *newest;
    int32_t n_column; /* united, in the order in which they came */
} mmoe_layouts;

/* A schema's, to *out: a new one where there is none. MMOE_E_MEMORY: all is as it was. */
mmoe_status mmoe_layouts_find(mmoe_layouts *layouts, const struct mmoe_schema *schema,
                              const mmoe_layout **out, mmoe_error *err);
void mmoe_layouts_finish(mmoe_layouts *layouts);

#endif
