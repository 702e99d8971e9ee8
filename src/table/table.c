#include "table/table.h"

#include <string.h>

static const mmoe_table_kind *const kinds[] = {
#define TABLE_ROW(name) &mmoe_table_##name,
    MMOE_TABLE_KINDS(TABLE_ROW)
#undef TABLE_ROW
};
static const char *const names[] = {
#define TABLE_NAME(name) #name,
    MMOE_TABLE_KINDS(TABLE_NAME)
#undef TABLE_NAME
};
enum { KINDS = sizeof kinds / sizeof *kinds };

const mmoe_table_kind *mmoe_table_kind_for(const mmoe_embedding *t) {
    size_t i = 0;
    while (!kinds[i]->suits(t)) i++; /* the last suits all */
    return kinds[i];
}

const mmoe_table_kind *mmoe_table_kind_named(const char *name) {
    for (size_t i = 0; i < KINDS; i++)
        if (kinds[i]->put && !strcmp(names[i], name)) return kinds[i];
    return NULL;
}

bool mmoe_table_has_rows_of(mmoe_dtype dtype) {
    for (size_t i = 0; i < KINDS; i++)
        if (kinds[i]->dtype == dtype) return true;
    return false;
}
