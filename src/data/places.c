#include "data/places.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/raw_bytes.h"
#include "base/utf8.h"

mmoe_status mmoe_places_open(mmoe_places *p, mmoe_origin origin, const mmoe_allocator *a,
                             mmoe_error *err) {
    const size_t n = p->n_origin;
    mmoe_origin *origins = mmoe_resize(a, p->origins, n, n + 1, sizeof *origins);
    if (!origins) return mmoe_fail_memory(err, (n + 1) * sizeof *origins);
    p->origins = origins;
    origin.path = mmoe_copy_text(a, origin.path, strlen(origin.path));
    if (!origin.path) return mmoe_fail_memory(err, sizeof *origins);
    origins[p->n_origin++] = origin;
    return MMOE_OK;
}

mmoe_status mmoe_places_go_on(mmoe_places *p, int64_t row, int64_t number, const mmoe_allocator *a,
                              mmoe_error *err) {
    if (p->n_run == p->room) {
        const size_t room = 2 * p->room + 8;
        mmoe_row_run *runs = mmoe_resize(a, p->runs, p->room, room, sizeof *runs);
        if (!runs) return mmoe_fail_memory(err, room * sizeof *runs);
        p->runs = runs;
        p->room = room;
    }
    p->runs[p->n_run++] = (mmoe_row_run){row, number, p->n_origin ? p->n_origin - 1 : 0};
    return MMOE_OK;
}

void mmoe_places_finish(mmoe_places *p, const mmoe_allocator *a) {
    for (size_t i = 0; i < p->n_origin; i++) mmoe_release(a, p->origins[i].path);
    mmoe_release(a, p->origins);
    mmoe_release(a, p->runs);
    *p = (mmoe_places){0};
}

/* How many runs begin before row `row`, from 0, or with it. */
static size_t runs_until(const mmoe_places *p, int64_t row) {
    size_t low = 0, high = p->n_run;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (p->runs[middle].row <= row)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

mmoe_place mmoe_places_find(const mmoe_places *p, int64_t row) {
    const size_t runs = runs_until(p, row - 1);
    const mmoe_row_run run = runs ? p->runs[runs - 1] : (mmoe_row_run){0, p->first_row, 0};
    if (row == 0) return (mmoe_place){NULL, 0};
    return (mmoe_place){p->n_origin > 1 ? mmoe_raw_bytes_name(p->origins[run.origin].path) : NULL,
                        run.number + row - 1 - run.row};
}

bool mmoe_places_left_out(const mmoe_places *p, int64_t row, const char *path, int64_t number) {
    for (size_t i = runs_until(p, row); i && p->runs[i - 1].row == row; i--) {
        const mmoe_row_run *run = &p->runs[i - 1];
        if (run->number > number && strcmp(p->origins[run->origin].path, path) == 0) return true;
    }
    return false;
}

const char *mmoe_place_show(mmoe_place at, char room[MMOE_PLACE_SIZE]) {
    if (at.file)
        snprintf(room, MMOE_PLACE_SIZE, "row %" PRId64 " of %.*s", at.row,
                 mmoe_utf8_fit(at.file, 200), at.file);
    else
        snprintf(room, MMOE_PLACE_SIZE, "row %" PRId64, at.row);
    return room;
}
