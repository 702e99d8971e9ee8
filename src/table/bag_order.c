#include "table/bag_order.h"

#include <string.h>

static mmoe_list list_at(const mmoe_bag_chunk *c, int32_t b) {
    return mmoe_list_of(&c->batch->lists, mmoe_row_of(c->batch, c->first + b), c->list);
}

static int32_t *starts_of(const mmoe_bag_order *o, int32_t chunk) {
    return o->starts + (size_t)chunk * ((size_t)o->ranges + 2);
}

static mmoe_bag_part *parts_of(const mmoe_bag_order *o, const mmoe_bag_chunk *c) {
    return o->parts + (size_t)c->first * (size_t)o->room;
}

/* Counts a range's parts at counts[range], as far as there is room; how many rows' lists have it.
 */
static int32_t count_by_range(const mmoe_bag *bag, const mmoe_bag_chunk *c, int32_t *counts) {
    int64_t room = (int64_t)c->rows * bag->order->room;
    for (int32_t b = 0; b < c->rows; b++) {
        const mmoe_list l = list_at(c, b);
        if (l.count > room) return b;
        room -= l.count;
        if (!(mmoe_bag_total(bag, &l) > 0)) continue;
        for (int64_t i = 0; i < l.count; i++)
            counts[l.ids[i] >> bag->order->shift] += mmoe_bag_has(bag, &l, i);
    }
    return c->rows;
}

/* places[range]: of its next part. */
static void place_by_range(const mmoe_bag *bag, const mmoe_bag_chunk *c, int32_t sorted,
                           int32_t *places) {
    const mmoe_bag_order *o = bag->order;
    mmoe_bag_part *parts = parts_of(o, c);
    for (int32_t b = 0; b < sorted; b++) {
        const mmoe_list l = list_at(c, b);
        const float total = mmoe_bag_total(bag, &l);
        if (!(total > 0)) continue;
        for (int64_t i = 0; i < l.count; i++)
            if (mmoe_bag_has(bag, &l, i))
                parts[places[l.ids[i] >> o->shift]++] =
                    (mmoe_bag_part){c->first + b, l.ids[i], mmoe_list_weight(&l, i) / total};
    }
}

/* Counted two places further on, a range's count becomes the start of the next one, and, when its
 * parts are placed, its own end. */
void mmoe_bag_sort(const mmoe_bag *bag, const mmoe_bag_chunk *c) {
    const mmoe_bag_order *o = bag->order;
    int32_t *starts = starts_of(o, c->chunk);
    memset(starts, 0, ((size_t)o->ranges + 2) * sizeof *starts);
    o->sorted[c->chunk] = count_by_range(bag, c, starts + 2);
    for (int32_t r = 2; r < o->ranges + 2; r++) starts[r] += starts[r - 1];
    place_by_range(bag, c, o->sorted[c->chunk], starts + 1);
}

int32_t mmoe_bag_add_range(const mmoe_bag_order *o, const mmoe_bag_chunk *c, const float *dx,
                           int32_t ld, const mmoe_bag_sums *to) {
    const int32_t *starts = starts_of(o, c->chunk) + (to->first >> o->shift);
    const mmoe_bag_part *parts = parts_of(o, c);
    for (int32_t i = starts[0]; i < starts[1]; i++)
        mmoe_add_share(to->sums + (parts[i].id - to->first) * to->dim, parts[i].share,
                       dx + (size_t)parts[i].row * (size_t)ld, to->dim);
    return o->sorted[c->chunk];
}
