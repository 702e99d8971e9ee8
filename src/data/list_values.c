#include "data/list_values.h"

#include <math.h>
#include <stdbool.h>

mmoe_list_span mmoe_list_kept(const mmoe_list_how *how, size_t begin, size_t end) {
    const size_t most = (size_t)how->max_len;
    if (most == 0 || end - begin <= most) return (mmoe_list_span){begin, end};
    return how->truncate == MMOE_KEEP_LAST ? (mmoe_list_span){end - most, end}
                                           : (mmoe_list_span){begin, begin + most};
}

const char *mmoe_list_weight_fault(const mmoe_list_how *how, const float *weights,
                                   mmoe_list_span span) {
    const bool takes = how->pooling == MMOE_POOL_MEAN || how->pooling == MMOE_POOL_SUM;
    for (size_t i = span.begin; weights && i < span.end; i++) {
        if (!isfinite(weights[i]) || weights[i] < 0)
            return "a weight is not a number of at least 0";
        if (!takes && weights[i] != 1)
            return "lists that are pooled by max or concat have no weights but 1";
        if (!how->weight_separator && weights[i] != 1)
            return "it has no weights but 1: the configuration gives it no weight_separator";
        if (weights[i] > MMOE_MOST_WEIGHT) return "a weight is more than 1e18";
    }
    return NULL;
}

const char *mmoe_list_fault(const mmoe_list_how *how, const mmoe_list_column *c, size_t row) {
    const mmoe_list_span span = {c->offsets[row], c->offsets[row + 1]};
    if (span.end < span.begin) return "its offsets descend";
    if (span.end > c->count) return "its offsets pass the values";
    return mmoe_list_weight_fault(how, c->weights, span);
}

mmoe_list_span mmoe_list_encoded(const mmoe_list_how *how, const mmoe_lists *lists, size_t index) {
    return mmoe_list_kept(how, (size_t)lists->offsets[index], (size_t)lists->offsets[index + 1]);
}

const char *mmoe_list_encoded_fault(const mmoe_list_how *how, const mmoe_lists *lists,
                                    size_t index) {
    const int64_t *at = lists->offsets + index;
    if (at[0] < 0 || at[1] < at[0]) return "its offsets descend";
    if ((uint64_t)at[1] > lists->elements) return "its offsets pass the elements";
    const mmoe_list_span span = mmoe_list_encoded(how, lists, index);
    if (span.begin < span.end && !lists->ids) return "its elements are NULL";
    return mmoe_list_weight_fault(how, lists->weights, span);
}
