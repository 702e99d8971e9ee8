#include "base/bytes.h"

#include "base/unpacking.h"
#include "base/watcher.h"

mmoe_status mmoe_bytes_open(const char *path, const int *stop, const mmoe_allocator *alloc,
                            mmoe_bytes *out, mmoe_error *err) {
    mmoe_bytes b = {NULL};
    mmoe_status status = mmoe_raw_bytes_open(path, stop, &b.raw, err);
    if (status) return status;
    b.name = b.raw.name;
    const mmoe_allocator a = mmoe_allocator_or_default(alloc);
    const mmoe_packing *kind = mmoe_packing_of(b.raw.first, b.raw.n_first);
    if (kind) status = mmoe_unpacking_create(kind, b.raw, &a, &b.unpacking, err);
    if (!status) *out = b;
    return status;
}

/* Of a packed file, what it has that stands unpacked: not what the thread reads ahead. */
int64_t mmoe_bytes_given(const mmoe_bytes *from) {
    return from->unpacking ? mmoe_unpacking_taken(from->unpacking) : from->raw.n_read;
}

void mmoe_bytes_tell(const mmoe_bytes *from, const mmoe_watcher *watcher, int64_t rows,
                     int64_t given) {
    const mmoe_work work = {.what = "reading",
                            .file = from->name,
                            .rows = rows,
                            .done = given,
                            .total = from->raw.state.bytes,
                            .unit = "bytes"};
    mmoe_tell(watcher, &work);
}

static void tell(const mmoe_bytes *from) {
    mmoe_bytes_tell(from, from->watcher, from->rows, mmoe_bytes_given(from));
}

void mmoe_bytes_watch(mmoe_bytes *from, const mmoe_watcher *watcher) {
    from->watcher = watcher;
    tell(from);
}

void mmoe_bytes_count(mmoe_bytes *from, int64_t rows) {
    from->rows = rows;
    tell(from);
}

mmoe_status mmoe_bytes_read(mmoe_bytes *from, char *to, size_t size, size_t *n, mmoe_error *err) {
    mmoe_status status = mmoe_check_stop(from->raw.stop, err);
    if (status) return status;
    status = from->unpacking ? mmoe_unpacking_read(from->unpacking, to, size, n, err)
                             : mmoe_raw_bytes_read(&from->raw, to, size, n, err);
    if (!status) tell(from);
    if (!status && *n) from->last = to[*n - 1];
    return status || *n == size ? status : mmoe_raw_bytes_check(&from->raw, err);
}

double mmoe_bytes_share(const mmoe_bytes *from) {
    const double all = (double)from->raw.state.bytes,
                 given = from->unpacking ? mmoe_unpacking_used(from->unpacking, from->held)
                                         : (double)(from->raw.n_read - (int64_t)from->held);
    return given < all ? given / all : all > 0;
}

bool mmoe_bytes_may_be_cut(const mmoe_bytes *from) {
    const bool is_regular = from->raw.state.bytes > 0;
    return !is_regular && !from->unpacking && from->last != '\n' && from->last != '\r';
}

void mmoe_bytes_close(mmoe_bytes *bytes) {
    if (bytes->unpacking)
        mmoe_unpacking_free(bytes->unpacking);
    else
        mmoe_raw_bytes_close(&bytes->raw);
}
