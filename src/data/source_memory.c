/* A data set as a source: its own order, or one drawn for each epoch. */
#include "base/checksum.h"
#include "base/error.h"
#include "data/dataset.h"
#include "data/order.h"
#include "data/source.h"

typedef struct memory_source {
    mmoe_source source; /* first */
    mmoe_allocator alloc;
    const struct mmoe_dataset *set;
    mmoe_order order;
    uint32_t *rows;       /* of the epoch, in its order; NULL: in the data set's */
    const int32_t **kept; /* [n_kept] from the place on; NULL: not asked for */
    int64_t place;
} memory_source;

/* The rows of the epoch, in its order. */
static void draw_rows(memory_source *s, int32_t epoch) {
    uint32_t *rows = s->rows;
    mmoe_order_begin(&s->order, epoch);
    for (int64_t window = 0; window < s->order.windows; window++) {
        const int32_t count = mmoe_order_window_rows(&s->order, window);
        uint32_t first[MMOE_WINDOW_BLOCKS]; /* rows */
        for (int32_t slot = 0; slot < MMOE_WINDOW_BLOCKS; slot++)
            first[slot] = (uint32_t)(mmoe_order_block(&s->order, window, slot) * MMOE_BLOCK_ROWS);
        mmoe_order_window(&s->order, window, rows);
        for (int32_t i = 0; i < count; i++)
            rows[i] = first[rows[i] / MMOE_BLOCK_ROWS] + rows[i] % MMOE_BLOCK_ROWS;
        rows += count;
    }
}

static mmoe_status memory_begin(mmoe_source *source, int32_t epoch, mmoe_error *err) {
    (void)err;
    memory_source *s = (memory_source *)source;
    s->place = 0;
    if (s->rows) draw_rows(s, epoch);
    return MMOE_OK;
}

static mmoe_status memory_next(mmoe_source *source, int32_t most, mmoe_rows *out, mmoe_error *err) {
    (void)err;
    memory_source *s = (memory_source *)source;
    const int64_t left = s->set->rows - s->place;
    const int32_t rows = left < most ? (int32_t)left : most;
    *out = s->rows ? mmoe_dataset_rows_of(s->set, 0, rows, s->rows + s->place)
                   : mmoe_dataset_rows_of(s->set, s->place, rows, NULL);
    for (size_t i = 0; s->kept && i < s->set->n_kept; i++)
        s->kept[i] = s->set->kept[i].values + s->place;
    out->kept = s->kept;
    s->place += rows;
    return MMOE_OK;
}

static int64_t memory_count(const mmoe_source *source) {
    return ((const memory_source *)source)->set->rows;
}

static int64_t memory_place(const mmoe_source *source) {
    return ((const memory_source *)source)->place;
}

static mmoe_status memory_seek(mmoe_source *source, int64_t place, mmoe_error *err) {
    memory_source *s = (memory_source *)source;
    if (place < 0 || place > s->set->rows)
        return mmoe_fail(err, MMOE_E_ARGUMENT, "row %lld is not among the %lld rows",
                         (long long)place, (long long)s->set->rows);
    s->place = place;
    return MMOE_OK;
}

static uint64_t hash_lists(uint64_t h, const struct mmoe_dataset *d) {
    const size_t lists = (size_t)(d->rows * (d->n_sparse - d->n_id)),
                 elements = lists ? (size_t)d->offsets[lists] : 0;
    if (!lists) return h;
    h = mmoe_checksum_hash(h, d->offsets, (lists + 1) * sizeof *d->offsets);
    h = mmoe_checksum_hash(h, d->elements, elements * sizeof *d->elements);
    return d->element_weights
               ? mmoe_checksum_hash(h, d->element_weights, elements * sizeof *d->element_weights)
               : h;
}

static mmoe_identity memory_identity(const mmoe_source *source) {
    const struct mmoe_dataset *d = ((const memory_source *)source)->set;
    if (d->identity) return (mmoe_identity){d->schema_hash, d->identity};
    uint64_t h =
        mmoe_checksum_hash((uint64_t)d->rows, d->ids, (size_t)(d->rows * d->n_id) * sizeof *d->ids);
    h = hash_lists(h, d);
    h = mmoe_checksum_hash(h, d->dense, (size_t)(d->rows * d->dense_width) * sizeof *d->dense);
    h = mmoe_checksum_hash(h, d->labels, (size_t)(d->rows * d->n_label) * sizeof *d->labels);
    if (d->weights) h = mmoe_checksum_hash(h, d->weights, (size_t)d->rows * sizeof *d->weights);
    return (mmoe_identity){d->schema_hash, h ? h : 1};
}

static size_t memory_bytes(const mmoe_source *source) {
    const memory_source *s = (const memory_source *)source;
    const struct mmoe_dataset *d = s->set;
    const size_t rows = (size_t)d->rows, lists = (size_t)(d->n_sparse - d->n_id) * rows,
                 elements = lists ? (size_t)d->offsets[lists] : 0;
    size_t words = (size_t)d->n_id + (size_t)d->dense_width + (size_t)d->n_label;
    words += (d->weights != NULL) + (s->rows != NULL);
    return 4 * (rows * words + elements * (d->element_weights ? 2 : 1)) +
           lists * sizeof *d->offsets;
}

static void memory_free(mmoe_source *source) {
    memory_source *s = (memory_source *)source;
    mmoe_allocator a = s->alloc;
    mmoe_order_finish(&s->order, &a);
    mmoe_release(&a, s->rows);
    mmoe_release(&a, (void *)s->kept);
    mmoe_release(&a, s);
}

static bool suits_all(const struct mmoe_dataset *set) {
    (void)set;
    return true;
}

static mmoe_status open_memory(const mmoe_source_order *order, const mmoe_allocator *alloc,
                               mmoe_source **out, mmoe_error *err) {
    const int64_t rows = order->set->rows;
    if (order->shuffles && rows > (int64_t)UINT32_MAX)
        return mmoe_fail(err, MMOE_E_ARGUMENT, "%lld rows are too many to shuffle; %u can be",
                         (long long)rows, UINT32_MAX);
    memory_source *s = mmoe_alloc_zero(alloc, 1, sizeof *s);
    if (!s) return mmoe_fail_memory(err, sizeof *s);
    s->source.kind = &mmoe_source_memory;
    s->alloc = *alloc;
    s->set = order->set;
    s->order = (mmoe_order){
        .rows = rows, .lanes = order->lanes, .shuffles = order->shuffles, .seed = order->seed};
    s->order.lanes.first = 0; /* all are here */
    s->order.lanes.count = order->lanes.segments;
    mmoe_status status = mmoe_order_create(&s->order, alloc, err);
    if (!status && order->shuffles) {
        s->rows = mmoe_alloc(alloc, (size_t)rows, sizeof *s->rows);
        if (!s->rows) status = mmoe_fail_memory(err, (size_t)rows * sizeof *s->rows);
    }
    if (!status && order->keeps) {
        s->kept = mmoe_alloc_zero(alloc, order->set->n_kept, sizeof *s->kept);
        if (!s->kept) status = mmoe_fail_memory(err, order->set->n_kept * sizeof *s->kept);
    }
    if (status) {
        memory_free(&s->source);
        return status;
    }
    *out = &s->source;
    return MMOE_OK;
}

const mmoe_source_kind mmoe_source_memory = {.suits = suits_all,
                                             .open = open_memory,
                                             .begin = memory_begin,
                                             .next = memory_next,
                                             .count = memory_count,
                                             .place = memory_place,
                                             .seek = memory_seek,
                                             .identity = memory_identity,
                                             .bytes = memory_bytes,
                                             .free = memory_free};
