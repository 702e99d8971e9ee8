/* Inputs whose size is far from 1: weights are drawn, and learning rates chosen, for such of about
 * that size. Transforms bring them there; those of a feature that is standardised are. */
#include <math.h>

#include "base/text.h"
#include "train/checks.h"

static const double most_root = 10; /* of the mean square */
static const double least_size = 0.01;

static mmoe_status check_feature(mmoe_checks *c, mmoe_checked *f, const void *user,
                                 mmoe_error *err) {
    (void)user;
    if (!f->dense || f->n_number < 2) return MMOE_OK;
    const mmoe_rows *rows = &c->of_train.rows;
    const int32_t width = mmoe_checked_width(f);
    double low = INFINITY, high = -INFINITY, squares = 0;
    char count[MMOE_NUMBER_SIZE];
    for (int32_t b = 0; b < rows->rows; b++) {
        const float *inputs = mmoe_checked_inputs(f, rows, b);
        for (int32_t i = 0; i < width; i++) {
            const double x = (double)inputs[i];
            low = fmin(low, x);
            high = fmax(high, x);
            squares += x * x;
        }
    }
    const double root = sqrt(squares / ((double)rows->rows * width));
    if (root <= most_root && fmax(-low, high) >= least_size) return MMOE_OK;
    mmoe_format_count(rows->rows, count);
    return mmoe_warn(&c->list, (mmoe_warning){NULL, f->name, rows->rows, 0}, err,
                     "%s: its inputs go from %.4g to %.4g and have a root mean square of %.2g in "
                     "%s training rows compared, far from 1: \"transform\": \"standardize\" scales "
                     "a number",
                     f->shown, low, high, root, count);
}

mmoe_status mmoe_check_scale(mmoe_checks *c, mmoe_error *err) {
    return mmoe_checked_each(c, check_feature, NULL, err);
}
