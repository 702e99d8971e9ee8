#include "base/packing.h"

static const mmoe_packing *const kinds[] = {
#define PACKING_ROW(name) &mmoe_packing_##name,
    MMOE_PACKINGS(PACKING_ROW)
#undef PACKING_ROW
};

const mmoe_packing *mmoe_packing_of(const char *bytes, size_t n) {
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (kinds[i]->is(bytes, n)) return kinds[i];
    return NULL;
}
