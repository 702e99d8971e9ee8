/* Lists of ids as columns of x; see reference_list_spec. */
#ifndef REFERENCE_LISTS_H
#define REFERENCE_LISTS_H

#include "reference_layers.h"

/* List `list` of row `row` of a batch, and its table [rows, dim]. */
typedef struct reference_list {
    const reference_list_spec *spec;
    int count, dim;
    const int32_t *ids;
    const double *weights; /* NULL: all 1 */
    reference_tensor *table;
} reference_list;

reference_list reference_list_of(const reference_spec *spec, const reference_batch *batch, int row,
                                 int list, reference_tensor *const *tables);
int reference_list_width(const reference_spec *spec, int list);

/* x [width]; dx [width], which is added to the table's gradient. */
void reference_list_forward(const reference_list *list, double *x);
void reference_list_backward(const reference_list *list, const double *dx);

#endif
