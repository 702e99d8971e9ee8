/* A host may have set another rounding mode than the usual one. What is computed is computed in it;
 * but numbers that go to text and come back must be what they were. */
#ifndef MMOE_BASE_ROUNDING_H
#define MMOE_BASE_ROUNDING_H

#include <fenv.h>

/* From here on this thread rounds to nearest. Returns what mmoe_rounding_restore takes. */
static inline int mmoe_rounding_nearest(void) {
    const int before = fegetround();
    if (before != FE_TONEAREST) fesetround(FE_TONEAREST);
    return before;
}

static inline void mmoe_rounding_restore(int before) {
    if (before != FE_TONEAREST) fesetround(before);
}

#endif
