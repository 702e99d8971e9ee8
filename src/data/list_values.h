/* The lists of a caller's columns. */
#ifndef MMOE_DATA_LIST_VALUES_H
#define MMOE_DATA_LIST_VALUES_H

#include "data/lists.h"

/* Elements [begin, end) of a column's values. */
typedef struct mmoe_list_span {
    size_t begin, end;
} mmoe_list_span;

/* Those that max_len leaves of a list. */
mmoe_list_span mmoe_list_kept(const mmoe_list_how *how, size_t begin, size_t end);
/* What is wrong with a row's list ("its offsets descend"); NULL: nothing. */
const char *mmoe_list_fault(const mmoe_list_how *how, const mmoe_list_column *c, size_t row);
/* Likewise with elements' weights, which may be NULL. Lists that are encoded together have weights
 * if one of them has; 1 is none. */
const char *mmoe_list_weight_fault(const mmoe_list_how *how, const float *weights,
                                   mmoe_list_span span);
/* An encoded list, `index` being its row * lists->count + list: the elements that max_len leaves,
 * and what is wrong with it; NULL: nothing. */
mmoe_list_span mmoe_list_encoded(const mmoe_list_how *how, const mmoe_lists *lists, size_t index);
const char *mmoe_list_encoded_fault(const mmoe_list_how *how, const mmoe_lists *lists,
                                    size_t index);

#endif
