#include "data/far_value.h"

#include <math.h>

static const double near_part = 1e-3, least_spread = 1e-2;
enum { SHARE_OF_FAR = 100, LEAST_NEAR = 10 };

/* The middle one of the first three. */
static double center_of(const mmoe_far_value *f) {
    const double a = f->first[0], b = f->rows > 1 ? f->first[1] : a,
                 c = f->rows > 2 ? f->first[2] : a;
    return fmax(fmin(a, b), fmin(fmax(a, b), c));
}

void mmoe_far_value_begin(mmoe_far_value *f, const double *x, size_t stride, int64_t rows) {
    for (int64_t r = 0; r < rows && f->rows + r < 3; r++)
        f->first[f->rows + r] = x[(size_t)r * stride];
    f->rows += rows;
}

void mmoe_far_value_see(mmoe_far_value *f, double range, const double *x, size_t stride,
                        int64_t rows) {
    const double center = center_of(f), radius = near_part * range;
    if (f->seen == 0) f->near_low = f->near_high = f->value = center;
    f->seen += rows;
    double farthest = fabs(f->value - center);
    for (int64_t r = 0; r < rows; r++, x += stride) {
        const double distance = fabs(*x - center);
        if (distance <= radius) {
            f->near++;
            f->near_low = fmin(f->near_low, *x);
            f->near_high = fmax(f->near_high, *x);
        } else if (distance > farthest) {
            farthest = distance;
            f->value = *x;
        }
    }
}

bool mmoe_far_value_is(const mmoe_far_value *f, double unit) {
    const double spread = f->near_high - f->near_low;
    const int64_t far = f->rows - f->near;
    return far > 0 && f->near >= LEAST_NEAR && (far == 1 || SHARE_OF_FAR * far <= f->rows) &&
           spread > 0 && spread <= least_spread * unit;
}
