#include "table/pooling.h"

#include <stdbool.h>
#include <string.h>

static bool is_part(const mmoe_bag *bag, const mmoe_list *l, int64_t i) {
    return l->ids[i] != bag->dropped;
}

static float weight_of(const mmoe_list *l, int64_t i) { return l->weights ? l->weights[i] : 1; }

/* ---- Forward ---- */

/* The first element is not added to a zero: a list of one is what its id alone would be, to the
 * bit. */
static void add_weighed(const mmoe_bag *bag, const mmoe_list *l, const mmoe_bag_table *t, float *x,
                        mmoe_bag_state *state) {
    for (int64_t i = 0; i < l->count; i++) {
        if (!is_part(bag, l, i)) continue;
        const float *row = t->rows + (int64_t)l->ids[i] * t->dim, w = weight_of(l, i);
        if (state->parts++ == 0)
            for (int32_t c = 0; c < t->dim; c++) x[c] = w * row[c];
        else
            for (int32_t c = 0; c < t->dim; c++) x[c] += w * row[c];
        state->total += w;
    }
}

/* Of a mean with weights: whether one element has all of them. */
static void count_heavy(const mmoe_bag *bag, const mmoe_list *l, const mmoe_bag_table *t,
                        mmoe_bag_state *state) {
    for (int64_t i = 0; i < l->count; i++) {
        if (l->ids[i] == bag->dropped || !(l->weights[i] > 0)) continue;
        state->heavy++;
        state->heavy_row = t->rows + (int64_t)l->ids[i] * t->dim;
    }
}

static void take_largest(const mmoe_bag *bag, const mmoe_list *l, const mmoe_bag_table *t, float *x,
                         mmoe_bag_state *state) {
    for (int64_t i = 0; i < l->count; i++) {
        if (!is_part(bag, l, i)) continue;
        const float *row = t->rows + (int64_t)l->ids[i] * t->dim;
        const bool is_first = state->parts++ == 0;
        for (int32_t c = 0; c < t->dim; c++) {
            if (!is_first && !(row[c] > x[c])) continue;
            x[c] = row[c];
            if (state->chosen) state->chosen[c] = (int32_t)i;
        }
    }
}

static void copy_parts(const mmoe_bag *bag, const mmoe_list *l, const mmoe_bag_table *t, float *x,
                       mmoe_bag_state *state) {
    const size_t dim = (size_t)t->dim;
    for (int64_t i = 0; i < l->count && state->parts < bag->max_len; i++) {
        if (!is_part(bag, l, i)) continue;
        memcpy(x + (size_t)state->parts++ * dim, t->rows + (int64_t)l->ids[i] * t->dim,
               dim * sizeof *x);
    }
}

void mmoe_bag_begin(const mmoe_bag *bag, const mmoe_bag_table *table, float *x,
                    mmoe_bag_state *state) {
    const int32_t width = mmoe_bag_width(bag->how, table->dim, bag->max_len);
    state->total = 0;
    state->parts = 0;
    state->heavy = 0;
    memset(x, 0, (size_t)width * sizeof *x);
    for (int32_t c = 0; state->chosen && c < table->dim; c++) state->chosen[c] = -1;
}

void mmoe_bag_add(const mmoe_bag *bag, const mmoe_list *list, const mmoe_bag_table *table, float *x,
                  mmoe_bag_state *state) {
    switch (bag->how) {
    case MMOE_POOL_MAX:
        take_largest(bag, list, table, x, state);
        break;
    case MMOE_POOL_CONCAT:
        copy_parts(bag, list, table, x, state);
        break;
    default:
        if (bag->how == MMOE_POOL_MEAN && list->weights) count_heavy(bag, list, table, state);
        add_weighed(bag, list, table, x, state);
    }
}

void mmoe_bag_end(const mmoe_bag *bag, const mmoe_bag_table *table, float *x,
                  const mmoe_bag_state *state) {
    if (bag->how != MMOE_POOL_MEAN) return;
    if (state->heavy == 1) { /* to the bit; w e / w is e but for rounding */
        memcpy(x, state->heavy_row, (size_t)table->dim * sizeof *x);
        return;
    }
    for (int32_t c = 0; c < table->dim; c++) x[c] = state->total > 0 ? x[c] / state->total : 0;
}

void mmoe_bag_forward(const mmoe_bag *bag, const mmoe_list *list, const mmoe_bag_table *table,
                      float *x, int32_t *chosen) {
    mmoe_bag_state state = {.chosen = chosen};
    mmoe_bag_begin(bag, table, x, &state);
    mmoe_bag_add(bag, list, table, x, &state);
    mmoe_bag_end(bag, table, x, &state);
}

/* ---- Backward ---- */

/* Sum of the weights; 0: the list is empty, or as good as. */
static float total_of(const mmoe_bag *bag, const mmoe_list *l) {
    float total = 0;
    for (int64_t i = 0; i < l->count; i++)
        if (is_part(bag, l, i)) total += weight_of(l, i);
    return total;
}

/* The sums of an element's row; NULL: it is not among the rows, or no part of the list. */
static float *sums_of(const mmoe_bag *bag, const mmoe_list *l, int64_t i, const mmoe_bag_sums *to) {
    const int64_t row = l->ids[i] - to->first;
    return row < 0 || row >= to->count || !is_part(bag, l, i) ? NULL : to->sums + row * to->dim;
}

/* d(sum of w e / total) / de = w / total; of a sum, the total is 1. A mean's is not added up before
 * an element is among the rows: of a large table, cut into ranges, most lists have none there. */
static void spread(const mmoe_bag *bag, const mmoe_list *l, const float *dx,
                   const mmoe_bag_sums *to) {
    bool is_known = bag->how != MMOE_POOL_MEAN;
    float total = 1;
    for (int64_t i = 0; i < l->count; i++) {
        float *sums = sums_of(bag, l, i, to);
        if (!sums) continue;
        if (!is_known) total = total_of(bag, l);
        is_known = true;
        if (!(total > 0)) return;
        const float share = weight_of(l, i) / total;
        for (int32_t c = 0; c < to->dim; c++) sums[c] += share * dx[c];
    }
}

static void spread_chosen(const mmoe_bag *bag, const mmoe_list *l, const float *dx,
                          const int32_t *chosen, const mmoe_bag_sums *to) {
    for (int32_t c = 0; c < to->dim; c++) {
        float *sums = chosen[c] < 0 ? NULL : sums_of(bag, l, chosen[c], to);
        if (sums) sums[c] += dx[c];
    }
}

static void spread_copies(const mmoe_bag *bag, const mmoe_list *l, const float *dx,
                          const mmoe_bag_sums *to) {
    int32_t placed = 0;
    for (int64_t i = 0; i < l->count && placed < bag->max_len; i++) {
        if (!is_part(bag, l, i)) continue;
        float *sums = sums_of(bag, l, i, to);
        const float *from = dx + (size_t)placed++ * (size_t)to->dim;
        for (int32_t c = 0; sums && c < to->dim; c++) sums[c] += from[c];
    }
}

void mmoe_bag_backward(const mmoe_bag *bag, const mmoe_list *list, const float *dx,
                       const int32_t *chosen, const mmoe_bag_sums *to) {
    switch (bag->how) {
    case MMOE_POOL_MAX:
        spread_chosen(bag, list, dx, chosen, to);
        break;
    case MMOE_POOL_CONCAT:
        spread_copies(bag, list, dx, to);
        break;
    default:
        spread(bag, list, dx, to);
    }
}
