#include "base/rounding.h"

#include <fenv.h>

int mmoe_rounding_nearest(void) {
    const int before = fegetround();
    if (before != FE_TONEAREST) fesetround(FE_TONEAREST);
    return before;
}

void mmoe_rounding_restore(int before) {
    if (before != FE_TONEAREST) fesetround(before);
}
