#include "data/cells.h"

#include "base/error.h"

mmoe_status mmoe_cell_fail(const mmoe_cells *c, mmoe_cell_place at, const mmoe_csv_field *f,
                           const char *fault, mmoe_error *err) {
    char shown[MMOE_SHOWN_SIZE];
    if (fault == mmoe_column_no_memory) return mmoe_fail_memory(err, f->length);
    if (c->is_blank) *c->is_blank = mmoe_cell_is_missing(c, f);
    const char *value = mmoe_text_show(f->text, f->length, shown);
    if (!at.feature)
        return mmoe_fail_at(err, MMOE_E_DATA, c->path, at.row, at.column, "%s %s", value, fault);
    return mmoe_fail_at(err, MMOE_E_DATA, c->path, at.row, at.column, "%s %s (feature \"%.100s\")",
                        value, fault, at.feature);
}
