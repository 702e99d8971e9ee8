/* Values that are so far from all others that a transform by the mean, or by the ends, leaves the
 * others no room: 1e39 in one row makes one number of the rest. */
#ifndef MMOE_DATA_FAR_VALUE_H
#define MMOE_DATA_FAR_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Begins as zeros. A value is near where it is within a thousandth of the range of the middle one
 * of the first three. */
typedef struct mmoe_far_value {
    double first[3];
    int64_t rows, seen;         /* of passes 0 and 1 */
    double near_low, near_high; /* of those that are near */
    int64_t near;
    double value; /* the first of the farthest */
} mmoe_far_value;

/* Sees values twice, in their order: the first ones, and when the range of all is known all. */
void mmoe_far_value_begin(mmoe_far_value *f, const double *x, size_t stride, int64_t rows);
void mmoe_far_value_see(mmoe_far_value *f, double range, const double *x, size_t stride,
                        int64_t rows);
/* Are all values but one near, or 99 % and more, not all of these the same, and within a hundredth
 * of `unit`, what becomes 1? */
bool mmoe_far_value_is(const mmoe_far_value *f, double unit);

#endif
