#include "table/pooling.h"

#include <string.h>

/* ---- Forward ---- */

/* A list that is added to what x has of it so far. */
typedef struct addition {
    const mmoe_bag *bag;
    const mmoe_list *l;
    const mmoe_vectors *t;
    bool is_first;
} addition;

/* Columns [first, first + width), `width` and `dtype` being constants. What nothing is added to is
 * -0, for that leaves every number, and -0 too, as it is: a list of one is what its id alone would
 * be, to the bit. */
static inline __attribute__((always_inline)) void
add_columns(const addition *a, mmoe_dtype dtype, int32_t first, int32_t width, float *x) {
    const mmoe_list *l = a->l;
    float sums[16], wide[16];
    for (int32_t c = 0; c < width; c++) sums[c] = a->is_first ? -0.0f : x[first + c];
    for (int64_t i = 0; i < l->count; i++) {
        if (!mmoe_bag_has(a->bag, l, i)) continue;
        const float *row = mmoe_vectors_at(a->t, dtype, l->ids[i], first, width, wide),
                    w = mmoe_list_weight(l, i);
        for (int32_t c = 0; c < width; c++) sums[c] += w * row[c];
    }
    for (int32_t c = 0; c < width; c++) x[first + c] = sums[c];
}

static inline __attribute__((always_inline)) void add_rows(const addition *a, mmoe_dtype dtype,
                                                           float *x) {
    const int32_t dim = a->t->dim;
    int32_t c = 0;
    for (; c + 16 <= dim; c += 16) add_columns(a, dtype, c, 16, x);
    for (; c + 4 <= dim; c += 4) add_columns(a, dtype, c, 4, x);
    for (; c < dim; c++) add_columns(a, dtype, c, 1, x);
}

static int64_t count_parts(const mmoe_bag *bag, const mmoe_list *l) {
    int64_t parts = 0;
    if (bag->dropped < 0) return l->count;
    for (int64_t i = 0; i < l->count; i++) parts += mmoe_bag_has(bag, l, i);
    return parts;
}

/* Sum of the weights, onto `total`. */
static float add_weights(const mmoe_bag *bag, const mmoe_list *l, float total) {
    if (!l->weights) return total + (float)count_parts(bag, l);
    for (int64_t i = 0; i < l->count; i++)
        if (mmoe_bag_has(bag, l, i)) total += l->weights[i];
    return total;
}

static void add_weighed(const mmoe_bag *bag, const mmoe_list *l, const mmoe_vectors *t, float *x,
                        mmoe_bag_state *state) {
    const int64_t parts = count_parts(bag, l);
    const addition a = {bag, l, t, state->parts == 0};
    if (parts == 0) return;
    state->parts += parts;
    state->total = add_weights(bag, l, state->total);
    if (t->dtype == MMOE_F32)
        add_rows(&a, MMOE_F32, x);
    else if (t->dtype == MMOE_BF16)
        add_rows(&a, MMOE_BF16, x);
    else
        add_rows(&a, MMOE_I8, x);
}

/* Whether one element has all of the weight. */
static void count_heavy(const mmoe_bag *bag, const mmoe_list *l, mmoe_bag_state *state) {
    if (!l->weights && bag->dropped < 0) { /* all of them count */
        state->heavy += l->count;
        if (l->count) state->heavy_row = l->ids[l->count - 1];
        return;
    }
    for (int64_t i = 0; i < l->count; i++) {
        if (!mmoe_bag_has(bag, l, i) || !(mmoe_list_weight(l, i) > 0)) continue;
        state->heavy++;
        state->heavy_row = l->ids[i];
    }
}

/* n columns of element i. */
static void take_larger(const float *row, int32_t n, bool is_first, int64_t i, float *x,
                        int32_t *chosen) {
    for (int32_t c = 0; c < n; c++) {
        if (!is_first && !(row[c] > x[c])) continue;
        x[c] = row[c];
        if (chosen) chosen[c] = (int32_t)i;
    }
}

static void take_largest(const mmoe_bag *bag, const mmoe_list *l, const mmoe_vectors *t, float *x,
                         mmoe_bag_state *state) {
    enum { TOGETHER = 16 };
    float wide[TOGETHER];
    for (int64_t i = 0; i < l->count; i++) {
        if (!mmoe_bag_has(bag, l, i)) continue;
        const bool is_first = state->parts++ == 0;
        for (int32_t c = 0, n; c < t->dim; c += n) {
            n = t->dim - c < TOGETHER ? t->dim - c : TOGETHER;
            take_larger(mmoe_vectors_at(t, t->dtype, l->ids[i], c, n, wide), n, is_first, i, x + c,
                        state->chosen ? state->chosen + c : NULL);
        }
    }
}

static void copy_parts(const mmoe_bag *bag, const mmoe_list *l, const mmoe_vectors *t, float *x,
                       mmoe_bag_state *state) {
    for (int64_t i = 0; i < l->count && state->parts < bag->max_len; i++)
        if (mmoe_bag_has(bag, l, i))
            mmoe_vectors_read(t, l->ids[i], 1, x + state->parts++ * t->dim);
}

void mmoe_bag_begin(const mmoe_bag *bag, const mmoe_vectors *table, float *x,
                    mmoe_bag_state *state) {
    const int32_t width = mmoe_bag_width(bag->how, table->dim, bag->max_len);
    state->total = 0;
    state->parts = 0;
    state->heavy = 0;
    memset(x, 0, (size_t)width * sizeof *x);
    for (int32_t c = 0; state->chosen && c < table->dim; c++) state->chosen[c] = -1;
}

void mmoe_bag_add(const mmoe_bag *bag, const mmoe_list *list, const mmoe_vectors *table, float *x,
                  mmoe_bag_state *state) {
    count_heavy(bag, list, state);
    switch (bag->how) {
    case MMOE_POOL_MAX:
        take_largest(bag, list, table, x, state);
        break;
    case MMOE_POOL_CONCAT:
        copy_parts(bag, list, table, x, state);
        break;
    default:
        add_weighed(bag, list, table, x, state);
    }
}

void mmoe_bag_end(const mmoe_bag *bag, const mmoe_vectors *table, float *x,
                  const mmoe_bag_state *state) {
    if (bag->how != MMOE_POOL_MEAN) return;
    if (state->heavy == 1) { /* to the bit; w e / w is e but for rounding */
        mmoe_vectors_read(table, state->heavy_row, 1, x);
        return;
    }
    for (int32_t c = 0; c < table->dim; c++) x[c] = state->total > 0 ? x[c] / state->total : 0;
}

int32_t mmoe_bag_only(const mmoe_bag *bag, const mmoe_bag_state *state) {
    const bool as_it_is = bag->how != MMOE_POOL_SUM || state->total == 1;
    return state->heavy == 1 && as_it_is ? state->heavy_row : -1;
}

void mmoe_bag_forward(const mmoe_bag *bag, const mmoe_list *list, const mmoe_vectors *table,
                      float *x, int32_t *chosen) {
    mmoe_bag_state state = {.chosen = chosen};
    mmoe_bag_begin(bag, table, x, &state);
    mmoe_bag_add(bag, list, table, x, &state);
    mmoe_bag_end(bag, table, x, &state);
}

/* ---- Backward ---- */

float mmoe_bag_total(const mmoe_bag *bag, const mmoe_list *l) {
    return bag->how == MMOE_POOL_SUM ? 1 : add_weights(bag, l, 0);
}

/* The sums of an element's row; NULL: it is not among the rows, or no part of the list. */
static float *sums_of(const mmoe_bag *bag, const mmoe_list *l, int64_t i, const mmoe_bag_sums *to) {
    const int64_t row = l->ids[i] - to->first;
    return row < 0 || row >= to->count || !mmoe_bag_has(bag, l, i) ? NULL
                                                                   : to->sums + row * to->dim;
}

/* d(sum of w e / total) / de = w / total. */
static void spread(const mmoe_bag *bag, const mmoe_list *l, const float *dx,
                   const mmoe_bag_sums *to) {
    const float total = mmoe_bag_total(bag, l);
    if (!(total > 0)) return;
    for (int64_t i = 0; i < l->count; i++) {
        float *sums = sums_of(bag, l, i, to);
        if (sums) mmoe_add_share(sums, mmoe_list_weight(l, i) / total, dx, to->dim);
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
        if (!mmoe_bag_has(bag, l, i)) continue;
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

/* ---- Elements one by one ---- */

mmoe_bag_walk mmoe_bag_walk_of(const mmoe_bag *bag, const mmoe_list *list) {
    mmoe_bag_walk walk = {.bag = bag, .list = list, .most = INT32_MAX, .total = 1};
    if (mmoe_bag_adds(bag)) walk.total = mmoe_bag_total(bag, list);
    if (!(walk.total > 0)) walk.most = 0;
    if (bag->how == MMOE_POOL_CONCAT) walk.most = bag->max_len;
    return walk;
}

int32_t mmoe_bag_step(mmoe_bag_walk *w, mmoe_bag_share *of) {
    while (w->next < w->list->count && !mmoe_bag_has(w->bag, w->list, w->next)) w->next++;
    if (w->next >= w->list->count || w->placed >= w->most) return -1;
    const int64_t i = w->next++;
    if (mmoe_bag_adds(w->bag))
        of->part = mmoe_list_weight(w->list, i) / w->total;
    else
        of->place = w->bag->how == MMOE_POOL_CONCAT ? w->placed : (int32_t)i;
    w->placed++;
    return w->list->ids[i];
}

void mmoe_bag_add_part(const mmoe_bag *bag, mmoe_bag_share of, const float *dx,
                       const int32_t *chosen, const mmoe_bag_sums *to) {
    switch (bag->how) {
    case MMOE_POOL_MAX:
        for (int32_t c = 0; c < to->dim; c++)
            if (chosen[c] == of.place) to->sums[c] += dx[c];
        break;
    case MMOE_POOL_CONCAT:
        mmoe_add(to->sums, dx + (size_t)of.place * (size_t)to->dim, to->dim);
        break;
    default:
        mmoe_add_share(to->sums, of.part, dx, to->dim);
    }
}
