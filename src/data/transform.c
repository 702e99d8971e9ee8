#include "data/transform.h"

#include <math.h>

#include "base/error.h"
#include "base/text.h"

double mmoe_transform_prepare(mmoe_transform transform, double value) {
    return transform == MMOE_TRANSFORM_LOG1P_STANDARDIZE ? log1p(value) : value;
}

float mmoe_transform_scale(const mmoe_dense_column *column, double prepared) {
    return (float)((prepared - column->shift) * column->scale);
}

float mmoe_dense_apply(const mmoe_dense_column *column, double value) {
    return mmoe_transform_scale(column, mmoe_transform_prepare(column->transform, value));
}

typedef struct moments {
    double min, max, mean;
    double rest, square; /* sums of the distances from the mean and of their squares */
} moments;

/* Two passes; the second corrects the first one's rounding (Chan, Golub and LeVeque, 1983). */
static void measure(const double *prepared, int64_t rows, size_t n, moments *m) {
    for (size_t c = 0; c < n; c++) m[c] = (moments){prepared[c], prepared[c], 0, 0, 0};
    const double *x = prepared;
    for (int64_t r = 0; r < rows; r++)
        for (size_t c = 0; c < n; c++, x++) {
            m[c].min = fmin(m[c].min, *x);
            m[c].max = fmax(m[c].max, *x);
            m[c].mean += *x;
        }
    for (size_t c = 0; c < n; c++) m[c].mean /= (double)rows;
    x = prepared;
    for (int64_t r = 0; r < rows; r++)
        for (size_t c = 0; c < n; c++, x++) {
            double distance = *x - m[c].mean;
            m[c].rest += distance;
            m[c].square += distance * distance;
        }
}

static mmoe_status set_column(mmoe_dense_column *column, const moments *m, double rows,
                              const char *file, mmoe_error *err) {
    if (column->transform == MMOE_TRANSFORM_NONE) return MMOE_OK;
    double spread = m->max - m->min;
    bool minmax = column->transform == MMOE_TRANSFORM_MINMAX;
    column->shift = minmax || spread == 0 ? m->min : m->mean + m->rest / rows;
    if (!minmax)
        spread = m->min == m->max ? 0 : sqrt((m->square - m->rest * m->rest / rows) / rows);
    column->scale = m->min == m->max ? 0 : 1 / spread;
    if (isfinite(column->shift) && isfinite(spread) && isfinite(column->scale)) return MMOE_OK;
    char low[MMOE_NUMBER_SIZE], high[MMOE_NUMBER_SIZE];
    mmoe_format_double(m->min, low);
    mmoe_format_double(m->max, high);
    return mmoe_fail_at(err, MMOE_E_DATA, file, 0, column->name,
                        "values from %s to %s cannot be scaled in double precision", low, high);
}

mmoe_status mmoe_transform_fit(mmoe_dense_column *columns, int32_t n, const double *prepared,
                               int64_t rows, const char *file, const mmoe_allocator *alloc,
                               mmoe_error *err) {
    mmoe_allocator a = mmoe_allocator_or_default(alloc);
    moments *m = mmoe_alloc(&a, (size_t)n, sizeof *m);
    if (!m) return mmoe_fail_memory(err, (size_t)n * sizeof *m);
    measure(prepared, rows, (size_t)n, m);
    mmoe_status status = MMOE_OK;
    for (int32_t i = 0; !status && i < n; i++)
        status = set_column(&columns[i], &m[i], (double)rows, file, err);
    mmoe_release(&a, m);
    return status;
}
