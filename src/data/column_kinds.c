#include "data/column_kinds.h"

#include <string.h>

#define ADDRESS(name) &mmoe_column_##name,
static const mmoe_column_kind *const kinds[] = {MMOE_COLUMN_KINDS(ADDRESS)};
#undef ADDRESS

const mmoe_column_kind *mmoe_column_kind_at(int32_t index) {
    const int32_t count = sizeof kinds / sizeof *kinds;
    return index < count ? kinds[index] : NULL;
}

const mmoe_column_kind *mmoe_column_kind_named(const char *word) {
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (strcmp(kinds[i]->word, word) == 0) return kinds[i];
    return NULL;
}

const mmoe_column_kind *mmoe_column_kind_default(mmoe_column_shape shape) {
    const mmoe_column_kind *kind = NULL;
    for (int32_t i = 0; (kind = mmoe_column_kind_at(i)); i++)
        if (kind->shape == shape && !kind->is_decided) break;
    return kind;
}
