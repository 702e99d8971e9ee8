#include "data/cells.h"

#include <string.h>

#include "base/error.h"

/* Files that were put one behind another have as many headers. */
static const char again[] = ": it is the column's name, as in a header; files may be given one by "
                            "one";

static bool is_of_header(const char *column, const mmoe_csv_field *f) {
    return column && *column && strlen(column) == f->length &&
           memcmp(column, f->text, f->length) == 0;
}

mmoe_status mmoe_cell_fail(const mmoe_cells *c, mmoe_cell_place at, const mmoe_csv_field *f,
                           const char *fault, mmoe_error *err) {
    char shown[MMOE_SHOWN_SIZE];
    if (fault == mmoe_column_no_memory) return mmoe_fail_memory(err, f->length);
    if (c->is_blank) *c->is_blank = mmoe_cell_is_missing(c, f);
    const char *value = mmoe_text_show(f->text, f->length, shown),
               *hint = is_of_header(at.column, f) ? again : "";
    if (!at.feature)
        return mmoe_fail_at(err, MMOE_E_DATA, c->path, at.row, at.column, "%s %s%s", value, fault,
                            hint);
    return mmoe_fail_at(err, MMOE_E_DATA, c->path, at.row, at.column,
                        "%s %s (feature \"%.100s\")%s", value, fault, at.feature, hint);
}

/* ---- Of a column ---- */

/* Fields that are placed at once. */
enum { AT_ONCE = 128 };

/* Where they stand among bytes, which are returned: those of the first that has any. */
static const char *place_fields(const mmoe_csv_field *field, size_t stride, size_t count,
                                uint32_t *before, uint32_t *ends) {
    const mmoe_csv_field *first = field;
    for (size_t k = 1; !first->length && k < count; k++) first += stride;
    for (size_t k = 0; k < count; k++, field += stride) {
        const uint32_t begin = field->length ? (uint32_t)(field->text - first->text) : 0;
        before[k] = begin - 1;
        ends[k] = begin + (uint32_t)field->length;
    }
    return first->text;
}

static size_t known_fields(const mmoe_cells *c, const mmoe_encoder *e, mmoe_csv_column at,
                           mmoe_cell_run run, int64_t *texts) {
    const size_t columns = at.rows->columns, all = at.rows->count - at.first;
    uint32_t before[AT_ONCE], ends[AT_ONCE];
    size_t done = 0, known = AT_ONCE;
    run.cells = (mmoe_csv_cells){NULL, before, ends, 1, 0};
    for (; done < all && known == AT_ONCE; done += known) {
        const mmoe_csv_field *first = at.rows->fields + (at.first + done) * columns + at.column;
        run.cells.count = all - done < AT_ONCE ? all - done : AT_ONCE;
        run.cells.bytes = place_fields(first, columns, run.cells.count, before, ends);
        run.is_first = at.first + done == 0;
        known = mmoe_cells_known(c, e, run, texts);
        if (run.ids) run.ids += known * run.step;
        if (run.learned) run.learned += known * run.step;
        if (run.inputs) run.inputs += known * run.step;
    }
    return done;
}

size_t mmoe_cells_known_of(const mmoe_cells *c, const mmoe_encoder *e, mmoe_csv_column at,
                           mmoe_cell_run run, int64_t *texts) {
    const mmoe_csv_rows *rows = at.rows;
    const size_t first = at.first * rows->stride + at.column;
    if (!rows->is_readable) return 0;
    if (rows->fields) return known_fields(c, e, at, run, texts);
    run.cells = (mmoe_csv_cells){rows->bytes, rows->cuts + first, rows->cuts + first + 1,
                                 rows->stride, rows->count - at.first};
    run.is_first = at.first == 0;
    return mmoe_cells_known(c, e, run, texts);
}
