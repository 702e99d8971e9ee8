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

static void see_ends(mmoe_far_value *f, const double *x, size_t stride, int64_t rows) {
    if (f->rows == 0 && rows) f->low = f->high = *x;
    for (int64_t r = 0; r < rows; r++, x += stride) {
        if (f->rows + r < 3) f->first[f->rows + r] = *x;
        f->low = fmin(f->low, *x);
        f->high = fmax(f->high, *x);
    }
    f->rows += rows;
}

static void see_near(mmoe_far_value *f, const double *x, size_t stride, int64_t rows) {
    const double center = center_of(f), radius = near_part * (f->high - f->low);
    mmoe_far_value all = *f;
    if (all.near == 0) all.near_low = all.near_high = all.value = center;
    for (int64_t r = 0; r < rows; r++, x += stride) {
        const double distance = fabs(*x - center);
        if (distance <= radius) {
            all.near++;
            all.near_low = fmin(all.near_low, *x);
            all.near_high = fmax(all.near_high, *x);
        } else if (distance > fabs(all.value - center)) {
            all.value = *x;
        }
    }
    *f = all;
}

void mmoe_far_value_see(mmoe_far_value *f, int32_t pass, const double *x, size_t stride,
                        int64_t rows) {
    if (pass == 0) see_ends(f, x, stride, rows);
    if (pass == 1) see_near(f, x, stride, rows);
}

bool mmoe_far_value_is(const mmoe_far_value *f, double unit) {
    const double spread = f->near_high - f->near_low;
    const int64_t far = f->rows - f->near;
    return far > 0 && f->near >= LEAST_NEAR && (far == 1 || SHARE_OF_FAR * far <= f->rows) &&
           spread > 0 && spread <= least_spread * unit;
}
