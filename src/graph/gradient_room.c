#include "graph/gradient_room.h"

#include <string.h>

void mmoe_gradient_keep(void *context, const mmoe_gradient *g) {
    const mmoe_gradient_room *room = context;
    float *to = room->values + room->params->blocks[g->block].place + (g->at ? 0 : g->offset);
    for (int64_t r = 0; r < g->rows; r++)
        memcpy(to + (g->at ? g->at[r] : r) * g->cols, g->values + r * g->ld,
               (size_t)g->cols * sizeof *to);
}

/* A table's row belongs to the part that it begins in. */
static mmoe_params_part whole_rows(const mmoe_params *p, const mmoe_params_part *part) {
    if (part->block >= p->n_table) return *part;
    const int64_t dim = p->tables[part->block].dim, first = (part->offset + dim - 1) / dim * dim,
                  end = (part->offset + part->count + dim - 1) / dim * dim;
    return (mmoe_params_part){part->block, first, end - first, part->place + first - part->offset};
}

void mmoe_gradient_hand_on(const mmoe_gradient_room *room, int64_t place, int64_t count,
                           mmoe_gradient_sink sink, void *context) {
    mmoe_params_part some;
    for (int64_t at = place; mmoe_params_next(room->params, &at, place + count, &some);) {
        const mmoe_params_part part = whole_rows(room->params, &some);
        if (part.count)
            sink(context, &(mmoe_gradient){part.block, part.offset, 1, part.count,
                                           room->values + part.place, part.count, NULL});
    }
}
