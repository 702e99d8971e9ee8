#include "table/table.h"

static const mmoe_table_kind *const kinds[] = {
#define TABLE_ROW(name) &mmoe_table_##name,
    MMOE_TABLE_KINDS(TABLE_ROW)
#undef TABLE_ROW
};

const mmoe_table_kind *mmoe_table_kind_for(const mmoe_embedding *t) {
    size_t i = 0;
    while (!kinds[i]->suits(t)) i++; /* the last suits all */
    return kinds[i];
}
