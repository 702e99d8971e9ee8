#include "data/id_rows.h"

const char *mmoe_read_id_value(const mmoe_id_rows *r, size_t row, const mmoe_id_place *p,
                               const mmoe_csv_field *value, mmoe_cell *out) {
    const bool missing = mmoe_cell_is_missing(r->cells, value);
    const mmoe_csv_field f = missing ? (mmoe_csv_field){"", 0} : *value;
    out->state = MMOE_CELL_KNOWN;
    const char *fault = mmoe_cell_read(r->cells, p->encoder, &f, out);
    if (!fault) {
        mmoe_note_add(&r->notes[p->feature], out->state, r->placed + (int64_t)row);
        mmoe_note_text(&r->notes[p->feature], out->state, f.text, f.length);
    } else if (out->state == MMOE_CELL_TOO_MANY && r->cells->is_of_column)
        *r->cells->is_of_column = true;
    return fault;
}
