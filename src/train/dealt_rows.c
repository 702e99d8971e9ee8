#include "train/dealt_rows.h"

#include <string.h>

#include "base/error.h"

/* Rows [first, end): first is a multiple of the owners' number. */
typedef struct row_range {
    int64_t first, end;
} row_range;

/* Those that have any of bytes [at, end). */
static row_range range_of(const mmoe_dealt_rows *d, size_t at, size_t end) {
    const int64_t first = (int64_t)(at / d->size),
                  behind = (int64_t)((end + d->size - 1) / d->size);
    return (row_range){first >> d->deal.shift << d->deal.shift, behind};
}

/* Bytes of them that an owner has. */
static uint64_t bytes_of(const mmoe_dealt_rows *d, row_range rows, int owner) {
    const int64_t count = rows.end - rows.first - owner;
    if (owner >= 1 << d->deal.shift || count <= 0) return 0;
    return ((uint64_t)((count - 1) >> d->deal.shift) + 1) * d->size;
}

/* What bytes [at, end) have of a row that begins at byte `place`. */
static void put(char *window, size_t at, size_t end, size_t place, const char *row, size_t size) {
    const size_t low = place > at ? place : at, high = place + size < end ? place + size : end;
    if (low < high) memcpy(window + (low - at), row + (low - place), high - low);
}

/* Some of this rank's own, in memory, which is *room's where they are of a file. */
static mmoe_status take_own(const mmoe_dealing *by, const mmoe_dealt_rows *d, row_range rows,
                            char **room, const char **out, mmoe_error *err) {
    const size_t at = (size_t)(rows.first >> d->deal.shift) * d->size;
    *room = NULL;
    *out = d->own.data ? d->own.data + at : NULL;
    const size_t bytes = bytes_of(d, rows, by->comm->rank);
    if (d->own.data || !bytes) return MMOE_OK;
    *out = *room = mmoe_alloc(by->alloc, 1, bytes);
    if (!*room) return mmoe_fail_memory(err, bytes);
    mmoe_stretch from = d->own;
    from.place += (int64_t)at;
    from.bytes = bytes;
    const mmoe_stretch to = {.data = *room, .file = -1, .bytes = bytes};
    const mmoe_status status = mmoe_stretches_run(
        &(mmoe_stretch_work){.from = &from, .to = &to, .count = 1}, by->pool, by->alloc);
    return status ? mmoe_fail_system(err, "the best weights", "cannot read their temporary file")
                  : MMOE_OK;
}

static mmoe_status exchange(const mmoe_dealing *by, const mmoe_dealt_rows *d, row_range rows,
                            const char *own, uint64_t *to_at, mmoe_error *err) {
    mmoe_comm *c = by->comm;
    uint64_t from_at[MMOE_MOST_RANKS] = {0}, from_bytes[MMOE_MOST_RANKS] = {0};
    uint64_t to_bytes[MMOE_MOST_RANKS] = {0}, placed = 0;
    from_bytes[0] = bytes_of(d, rows, c->rank);
    for (int q = 0; q < c->size; q++) {
        to_at[q] = placed;
        if (c->rank == 0) to_bytes[q] = bytes_of(d, rows, q);
        placed += to_bytes[q];
    }
    const mmoe_exchange e = {"rows for a file", own,   from_at, from_bytes,
                             by->room,          to_at, to_bytes};
    return mmoe_comm_exchange(c, &e, err);
}

mmoe_status mmoe_dealt_rows_gather(const mmoe_dealing *by, const mmoe_dealt_rows *d, size_t at,
                                   size_t end, char *window, mmoe_error *err) {
    const row_range rows = range_of(d, at, end);
    uint64_t to_at[MMOE_MOST_RANKS];
    const char *own;
    char *room;
    mmoe_status status = take_own(by, d, rows, &room, &own, err);
    if (!status) status = exchange(by, d, rows, own, to_at, err);
    mmoe_release(by->alloc, room);
    if (status || by->comm->rank) return status;
    for (int64_t r = rows.first; r < rows.end; r++) {
        const int64_t in_rows = r - rows.first, owner = in_rows & ((1 << d->deal.shift) - 1);
        put(window, at, end, (size_t)r * d->size,
            by->room + to_at[owner] + (size_t)(in_rows >> d->deal.shift) * d->size, d->size);
    }
    return MMOE_OK;
}

/* ---- Reading ---- */

/* Rows of the range that a deal gives to its owner, and the first one's place among all of his. */
static size_t count_of(mmoe_deal deal, row_range rows, size_t *first) {
    *first = (size_t)(rows.first >> deal.shift);
    return (size_t)mmoe_deal_count(deal, rows.end - rows.first);
}

/* Bytes between two stretches, from a place in each. */
typedef struct copying {
    mmoe_stretch from, to;
    size_t from_at, to_at, bytes;
} copying;

/* *failed: `part`, where that cannot be read. */
static mmoe_status copy(const mmoe_dealing *by, const copying *c, int32_t part, int32_t *failed) {
    mmoe_stretch from = c->from, to = c->to;
    const size_t from_at = c->from_at, to_at = c->to_at;
    bool cannot_read = false;
    from.place += (int64_t)from_at;
    to.place += (int64_t)to_at;
    if (from.data) from.data += from_at;
    if (to.data) to.data += to_at;
    from.bytes = to.bytes = c->bytes;
    const mmoe_stretch_work work = {
        .from = &from, .to = &to, .count = 1, .cannot_read = &cannot_read};
    const mmoe_status status = mmoe_stretches_run(&work, by->pool, by->alloc);
    *failed = cannot_read ? part : -1;
    return status;
}

/* What is this rank's of a stored part's rows, to their places among its own. */
static void sort_in(const mmoe_dealt_rows *d, mmoe_deal part, const char *rows, size_t count,
                    char *own) {
    for (size_t i = 0; i < count; i++) {
        const int64_t row = mmoe_deal_number(part, (int64_t)i);
        if ((row & (((int64_t)1 << d->deal.shift) - 1)) == d->deal.owner)
            memcpy(own + (size_t)(row >> d->deal.shift) * d->size, rows + i * d->size, d->size);
    }
}

static mmoe_status read_range(const mmoe_dealing *by, const mmoe_dealt_rows *d,
                              const mmoe_dealt_parts *stored, row_range rows, int32_t *failed) {
    size_t own_first, first;
    const size_t own = count_of(d->deal, rows, &own_first) * d->size;
    const mmoe_stretch sorted = {.data = by->room, .file = -1},
                       read = {.data = by->room + own, .file = -1};
    mmoe_status status = MMOE_OK;
    for (int32_t o = 0; o < 1 << stored->shift && !status; o++) {
        const mmoe_deal part = {stored->shift, o};
        const size_t count = count_of(part, rows, &first);
        if (!count || !mmoe_deals_meet(d->deal, part)) continue;
        status = copy(by, &(copying){stored->parts[o], read, first * d->size, 0, count * d->size},
                      o, failed);
        if (!status) sort_in(d, part, read.data, count, sorted.data);
    }
    if (status || !own) return status;
    return copy(by, &(copying){sorted, d->own, 0, own_first * d->size, own}, -1, failed);
}

mmoe_status mmoe_dealt_rows_read(const mmoe_dealing *by, const mmoe_dealt_rows *d,
                                 const mmoe_dealt_parts *stored, int32_t *failed) {
    const int32_t shift = d->deal.shift > stored->shift ? d->deal.shift : stored->shift;
    const int64_t least = (int64_t)1 << shift,
                  fitting = MMOE_DEALT_WINDOW / 2 / (int64_t)d->size / least * least,
                  most = fitting > least ? fitting : least;
    *failed = -1;
    if (d->deal.owner < 0) return MMOE_OK;
    if (d->deal.shift == stored->shift) {
        const size_t bytes = (size_t)mmoe_deal_count(d->deal, d->rows) * d->size;
        return copy(by, &(copying){stored->parts[d->deal.owner], d->own, 0, 0, bytes},
                    d->deal.owner, failed);
    }
    mmoe_status status = MMOE_OK;
    for (int64_t first = 0; first < d->rows && !status; first += most)
        status =
            read_range(by, d, stored,
                       (row_range){first, d->rows - first < most ? d->rows : first + most}, failed);
    return status;
}
