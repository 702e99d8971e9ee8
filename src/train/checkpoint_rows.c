#include "train/checkpoint_rows.h"

#include <string.h>

enum { ROOM = 4 << 20 }; /* bytes that are read at a time, or a record of each owner */

/* Rows [first, end): first is a multiple of the owners' number. */
typedef struct record_rows {
    int64_t first, end;
    size_t size; /* bytes of a record */
} record_rows;

static size_t size_of(const mmoe_optimizer_block *b) {
    return (size_t)b->record * sizeof *b->records;
}

/* Those that have any of bytes [at, end). */
static record_rows rows_of(const mmoe_optimizer_block *b, size_t at, size_t end) {
    const size_t size = size_of(b);
    const int64_t first = (int64_t)(at / size), behind = (int64_t)((end + size - 1) / size);
    return (record_rows){first >> b->shift << b->shift, behind, size};
}

/* How many of them an owner has. */
static uint64_t count_of(const record_rows *rows, const mmoe_optimizer_block *b, int owner) {
    const int64_t count = rows->end - rows->first - owner;
    return owner < 1 << b->shift && count > 0 ? (uint64_t)((count - 1) >> b->shift) + 1 : 0;
}

/* What bytes [at, end) have of a record that begins at byte `place`. */
static void put(char *window, size_t at, size_t end, size_t place, const char *record,
                size_t size) {
    const size_t low = place > at ? place : at, high = place + size < end ? place + size : end;
    if (low < high) memcpy(window + (low - at), record + (low - place), high - low);
}

mmoe_status mmoe_records_gather(const mmoe_trainer *t, const mmoe_optimizer_block *b, size_t at,
                                size_t end, char *window, mmoe_error *err) {
    mmoe_comm *c = t->ranks->comm;
    const record_rows rows = rows_of(b, at, end);
    uint64_t from_at[MMOE_MOST_RANKS] = {0}, from_bytes[MMOE_MOST_RANKS] = {0};
    uint64_t to_at[MMOE_MOST_RANKS] = {0}, to_bytes[MMOE_MOST_RANKS] = {0}, placed = 0;
    from_at[0] = (uint64_t)(rows.first >> b->shift) * rows.size;
    from_bytes[0] = count_of(&rows, b, c->rank) * rows.size;
    for (int q = 0; q < c->size && c->rank == 0; q++) {
        to_at[q] = placed;
        to_bytes[q] = count_of(&rows, b, q) * rows.size;
        placed += to_bytes[q];
    }
    const mmoe_exchange e = {"moments for the checkpoint", b->records, from_at, from_bytes,
                             (char *)t->rows_room,         to_at,      to_bytes};
    const mmoe_status status = mmoe_comm_exchange(c, &e, err);
    if (status || c->rank) return status;
    for (int64_t r = rows.first; r < rows.end; r++) {
        const int64_t in_rows = r - rows.first, owner = in_rows & ((1 << b->shift) - 1);
        put(window, at, end, (size_t)r * rows.size,
            (const char *)t->rows_room + to_at[owner] + (size_t)(in_rows >> b->shift) * rows.size,
            rows.size);
    }
    return MMOE_OK;
}

static void take_own(const mmoe_optimizer_block *b, const record_rows *rows, const char *from) {
    for (int64_t r = rows->first + b->owner; r < rows->end; r += (int64_t)1 << b->shift)
        memcpy(mmoe_record_at(b, r), from + (size_t)(r - rows->first) * rows->size, rows->size);
}

mmoe_status mmoe_records_read(const mmoe_trainer *t, const mmoe_optimizer_block *b,
                              const mmoe_stretch *stored) {
    const int64_t rows = b->count / b->dim, owners = (int64_t)1 << b->shift,
                  fitting = ROOM / (int64_t)size_of(b) / owners * owners,
                  most = fitting > owners ? fitting : owners;
    mmoe_status status = MMOE_OK;
    for (int64_t first = 0; first < rows && !status && b->owner >= 0; first += most) {
        const record_rows some = {first, first + most < rows ? first + most : rows, size_of(b)};
        const size_t before = (size_t)first * some.size,
                     bytes = (size_t)(some.end - first) * some.size;
        mmoe_stretch from = *stored, to = {.data = (char *)t->rows_room, .file = -1};
        from.place += (int64_t)before;
        if (from.data) from.data += before;
        from.bytes = to.bytes = bytes;
        status = mmoe_stretches_run(&(mmoe_stretch_work){.from = &from, .to = &to, .count = 1},
                                    t->pool, &t->alloc);
        if (!status) take_own(b, &some, to.data);
    }
    return status;
}
