/* A data set as a source: its own order, or one drawn for each epoch. */
#include "base/checksum.h"
#include "base/error.h"
#include "base/rng.h"
#include "data/dataset.h"
#include "data/source.h"
#include "math/kernels.h"

typedef struct memory_source {
    mmoe_source source; /* first */
    mmoe_allocator alloc;
    const struct mmoe_dataset *set;
    uint64_t seed;
    uint32_t *order; /* [rows] of the epoch; NULL: the data set's */
    int64_t place;
} memory_source;

__extension__ typedef unsigned __int128 wide;

/* Fisher and Yates, from the last row down; draw i of an epoch is the two words 2 (i % 2) of Philox
 * at counter i / 2. */
static void draw_order(uint32_t *order, int64_t rows, uint64_t seed, int32_t epoch) {
    uint32_t words[4 * MMOE_PHILOX_BLOCK];
    const mmoe_kernels *kernels = mmoe_kernels_best();
    const uint64_t stream = mmoe_stream(MMOE_STREAM_SHUFFLE, (uint64_t)epoch);
    for (int64_t i = 0; i < rows; i++) order[i] = (uint32_t)i;
    int64_t first = INT64_MAX; /* counter of the block's first */
    for (int64_t i = rows - 1; i > 0; i--) {
        if (i / 2 < first) {
            first = i / 2 / MMOE_PHILOX_BLOCK * MMOE_PHILOX_BLOCK;
            kernels->philox(seed, stream, (uint64_t)first, MMOE_PHILOX_BLOCK, words);
        }
        const uint32_t *word = words + i % 2 * 2 * MMOE_PHILOX_BLOCK + (i / 2 - first);
        const uint64_t bits = (uint64_t)word[MMOE_PHILOX_BLOCK] << 32 | word[0];
        const uint64_t j = (uint64_t)(((wide)bits * ((uint64_t)i + 1)) >> 64);
        const uint32_t swap = order[i];
        order[i] = order[j];
        order[j] = swap;
    }
}

static mmoe_status memory_begin(mmoe_source *source, int32_t epoch, mmoe_error *err) {
    (void)err;
    memory_source *s = (memory_source *)source;
    s->place = 0;
    if (s->order) draw_order(s->order, s->set->rows, s->seed, epoch);
    return MMOE_OK;
}

static mmoe_status memory_next(mmoe_source *source, int32_t most, mmoe_rows *out, mmoe_error *err) {
    (void)err;
    memory_source *s = (memory_source *)source;
    const int64_t left = s->set->rows - s->place;
    const int32_t rows = left < most ? (int32_t)left : most;
    *out = s->order ? mmoe_dataset_rows_of(s->set, 0, rows, s->order + s->place)
                    : mmoe_dataset_rows_of(s->set, s->place, rows, NULL);
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
    uint64_t h =
        mmoe_checksum_hash((uint64_t)d->rows, d->ids, (size_t)(d->rows * d->n_id) * sizeof *d->ids);
    h = hash_lists(h, d);
    h = mmoe_checksum_hash(h, d->dense, (size_t)(d->rows * d->dense_width) * sizeof *d->dense);
    h = mmoe_checksum_hash(h, d->labels, (size_t)(d->rows * d->n_label) * sizeof *d->labels);
    if (d->weights) h = mmoe_checksum_hash(h, d->weights, (size_t)d->rows * sizeof *d->weights);
    return (mmoe_identity){d->schema_hash, h ? h : 1};
}

static void memory_free(mmoe_source *source) {
    memory_source *s = (memory_source *)source;
    mmoe_allocator a = s->alloc;
    mmoe_release(&a, s->order);
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
    s->seed = order->seed;
    if (order->shuffles) {
        s->order = mmoe_alloc(alloc, (size_t)rows, sizeof *s->order);
        if (!s->order) {
            memory_free(&s->source);
            return mmoe_fail_memory(err, (size_t)rows * sizeof *s->order);
        }
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
                                             .free = memory_free};
