#include "data/csv_bad.h"

#include "base/error.h"

void mmoe_csv_bad_begin(mmoe_csv_bad *bad) {
    bad->known = bad->count;
    bad->next = 0;
    bad->is_first = false;
}

bool mmoe_csv_bad_has(mmoe_csv_bad *bad, int64_t row) {
    if (bad->next == bad->known || bad->rows[bad->next] != row) return false;
    bad->next++;
    return true;
}

mmoe_status mmoe_csv_bad_add(mmoe_csv_bad *bad, const mmoe_error *fault,
                             const mmoe_allocator *alloc, mmoe_error *err) {
    if (bad->is_first) return MMOE_OK;
    if ((int64_t)bad->count >= bad->most) {
        bad->is_full = true;
        if (err) *err = *fault;
        return fault->code;
    }
    if (bad->count == bad->room) {
        const size_t room = 2 * bad->room + 16;
        int64_t *rows = mmoe_resize(alloc, bad->rows, bad->room, room, sizeof *rows);
        if (!rows) return mmoe_fail_memory(err, room * sizeof *rows);
        bad->rows = rows;
        bad->room = room;
    }
    if (bad->count == 0) bad->first = *fault;
    bad->rows[bad->count++] = fault->row;
    return MMOE_OK;
}
