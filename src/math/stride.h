/* How rows of floats lie in memory. */
#ifndef MMOE_MATH_STRIDE_H
#define MMOE_MATH_STRIDE_H

#include <stddef.h>
#include <stdint.h>

/* Floats in whole cache lines. */
static inline size_t mmoe_line_floats(size_t count) { return (count + 15) / 16 * 16; }

/* Row strides are whole cache lines, but no large multiple of 512 bytes: rows would then meet in
 * the same cache sets, which costs a product that walks down columns a sixth of its speed. */
static inline int32_t mmoe_row_stride(int32_t width) {
    int32_t ld = (width + 15) / 16 * 16;
    return ld >= 256 && ld % 128 == 0 ? ld + 16 : ld;
}

#endif
