/* Transforms of dense columns, fitted in double. */
#ifndef MMOE_DATA_TRANSFORM_H
#define MMOE_DATA_TRANSFORM_H

#include "data/schema.h"

/* The two halves of mmoe_dense_apply: f(value), and (prepared - shift) * scale. */
double mmoe_transform_prepare(mmoe_transform transform, double value);
float mmoe_transform_scale(const mmoe_dense_column *column, double prepared);

/* Shift and scale of each column from prepared values [rows, n], rows > 0: mean and 1 / population
 * standard deviation, or minimum and 1 / range. MMOE_E_DATA: a column's values lie so far apart or
 * so close that double cannot scale them; `file` stands in the error. */
mmoe_status mmoe_transform_fit(mmoe_dense_column *columns, int32_t n, const double *prepared,
                               int64_t rows, const char *file, const mmoe_allocator *alloc,
                               mmoe_error *err);

#endif
