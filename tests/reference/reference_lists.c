#include "reference_lists.h"

#include <assert.h>

reference_list reference_list_of(const reference_spec *spec, const reference_batch *batch, int row,
                                 int list, reference_tensor *const *tables) {
    const reference_list_spec *s = &spec->lists[list];
    const int64_t *at = batch->list_offsets + row * spec->n_list + list;
    return (reference_list){s,
                            (int)(at[1] - at[0]),
                            spec->tables[s->table].dim,
                            batch->list_ids + at[0],
                            batch->list_weights ? batch->list_weights + at[0] : NULL,
                            tables[s->table]};
}

int reference_list_width(const reference_spec *spec, int list) {
    const reference_list_spec *s = &spec->lists[list];
    return spec->tables[s->table].dim * (s->pooling == REFERENCE_CONCAT ? s->max_len : 1);
}

static bool is_dropped(const reference_list *l, int i) {
    return l->spec->has_padding && l->ids[i] == l->spec->padding;
}

static double weight_of(const reference_list *l, int i) { return l->weights ? l->weights[i] : 1; }

static double value_of(const reference_list *l, int i, int j) {
    assert(l->ids[i] >= 0 && (size_t)(l->ids[i] * l->dim) < l->table->count);
    return l->table->value[l->ids[i] * l->dim + j];
}

/* What the element i that is the n-th of those that count has in column j of the list. */
static double share_of(const reference_list *l, int i, int n, int j) {
    double total = 0;
    int first = -1;
    switch (l->spec->pooling) {
    case REFERENCE_MEAN:
        for (int k = 0; k < l->count; k++)
            if (!is_dropped(l, k)) total += weight_of(l, k);
        return total > 0 ? weight_of(l, i) / total : 0;
    case REFERENCE_SUM:
        return weight_of(l, i);
    case REFERENCE_MAX:
        for (int k = 0; k < l->count; k++)
            if (!is_dropped(l, k) && (first < 0 || value_of(l, k, j) > value_of(l, first, j)))
                first = k;
        return i == first;
    default:
        return j / l->dim == n;
    }
}

void reference_list_forward(const reference_list *l, double *x) {
    const int width = l->dim * (l->spec->pooling == REFERENCE_CONCAT ? l->spec->max_len : 1);
    for (int j = 0; j < width; j++) {
        x[j] = 0;
        for (int i = 0, n = 0; i < l->count; i++) {
            if (is_dropped(l, i)) continue;
            x[j] += share_of(l, i, n, j) * value_of(l, i, j % l->dim);
            n++;
        }
    }
}

void reference_list_backward(const reference_list *l, const double *dx) {
    const int width = l->dim * (l->spec->pooling == REFERENCE_CONCAT ? l->spec->max_len : 1);
    for (int j = 0; j < width; j++)
        for (int i = 0, n = 0; i < l->count; i++) {
            if (is_dropped(l, i)) continue;
            const double share = share_of(l, i, n, j);
            reference_add_term(l->table, l->ids[i] * l->dim + j % l->dim, share * dx[j]);
            n++;
        }
}
