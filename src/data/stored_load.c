/* Stored rows into memory. */
#include <stdatomic.h>

#include "base/error.h"
#include "base/pool.h"
#include "base/watcher.h"
#include "data/dataset.h"

static int64_t elements_of(const mmoe_stored *s) {
    int64_t sum = 0;
    for (int64_t b = 0; b < mmoe_blocks_of(s->rows); b++) sum += s->elements[b];
    return sum;
}

static mmoe_status take_arrays(struct mmoe_dataset *set, mmoe_error *err) {
    const mmoe_stored *s = set->stored;
    const mmoe_allocator *a = &set->alloc;
    const size_t rows = (size_t)set->rows, elements = (size_t)elements_of(s),
                 row = (size_t)set->n_id + (size_t)set->dense_width + (size_t)set->n_label;
    set->ids = mmoe_alloc_aligned(a, rows, (size_t)set->n_id * sizeof *set->ids);
    set->dense = mmoe_alloc_aligned(a, rows, (size_t)set->dense_width * sizeof *set->dense);
    set->labels = mmoe_alloc_aligned(a, rows, (size_t)set->n_label * sizeof *set->labels);
    bool good = set->ids && set->dense && set->labels;
    if (s->has_weights) good &= (set->weights = mmoe_alloc_aligned(a, rows, sizeof(float))) != NULL;
    if (s->n_list) {
        set->offsets = mmoe_alloc_aligned(a, rows * (size_t)s->n_list + 1, sizeof *set->offsets);
        set->elements = mmoe_alloc_aligned(a, elements, sizeof *set->elements);
        good &= set->offsets && set->elements;
    }
    if (s->has_element_weights) {
        set->element_weights = mmoe_alloc_aligned(a, elements, sizeof(float));
        good &= set->element_weights != NULL;
    }
    for (int32_t i = 0; i < s->n_kept; i++) {
        set->kept[i].values = mmoe_alloc(a, rows, sizeof(int32_t));
        good &= set->kept[i].values != NULL;
    }
    return good ? MMOE_OK : mmoe_fail_memory(err, 4 * (rows * row + 2 * elements));
}

/* ---- Blocks side by side ---- */

/* What a worker reads with, and the first block of its own that could not be read. */
typedef struct desk {
    mmoe_stored_reader reader;
    int64_t block;
    mmoe_status status;
    mmoe_error err;
} desk;

typedef struct loading {
    struct mmoe_dataset *set;
    const mmoe_watcher *watcher;
    mmoe_pool *pool;
    int workers;
    desk *desks;                  /* [workers] */
    int32_t **kept;               /* [n_kept] */
    _Atomic int64_t done, failed; /* how many blocks; the first that could not be read */
} loading;

static mmoe_block_room room_of(const loading *l, int64_t block) {
    const struct mmoe_dataset *set = l->set;
    const size_t row = (size_t)block * MMOE_BLOCK_ROWS;
    mmoe_block_room to = {.ids = set->ids + row * (size_t)set->n_id,
                          .inputs = set->dense + row * (size_t)set->dense_width,
                          .labels = set->labels + row * (size_t)set->n_label,
                          .elements = set->elements,
                          .element_weights = set->element_weights,
                          .kept = l->kept,
                          .first_kept = (int64_t)row,
                          .last_stands = true};
    if (set->weights) to.weights = set->weights + row;
    if (set->offsets) to.offsets = set->offsets + row * (size_t)set->stored->n_list;
    return to;
}

/* Where the blocks' first lists begin among all elements, and the last ends. */
static void place_blocks(const struct mmoe_dataset *set) {
    const mmoe_stored *s = set->stored;
    int64_t before = 0;
    for (int64_t b = 0; b < mmoe_blocks_of(s->rows); before += s->elements[b++])
        set->offsets[b * MMOE_BLOCK_ROWS * s->n_list] = before;
    set->offsets[s->rows * s->n_list] = before;
}

/* A task. All blocks before one that cannot be read are read, so that the first is the same
 * whatever the number of workers. */
static void read_block(void *context, int worker, int block) {
    loading *l = context;
    desk *d = &l->desks[worker];
    int64_t first = atomic_load(&l->failed);
    mmoe_error err;
    if (block > first) return;
    if (worker == 0)
        mmoe_tell_rows(l->watcher, "loading", atomic_load(&l->done) * MMOE_BLOCK_ROWS,
                       l->set->rows);
    const mmoe_block_room to = room_of(l, block);
    const mmoe_status status = mmoe_stored_read(&d->reader, block, &to, &err);
    atomic_fetch_add(&l->done, 1);
    if (!status) return;
    while (block < first && !atomic_compare_exchange_weak(&l->failed, &first, block)) continue;
    if (d->status && d->block < block) return;
    d->status = status;
    d->block = block;
    d->err = err;
}

static mmoe_status end(const loading *l, mmoe_error *err) {
    const desk *first = NULL;
    for (int w = 0; w < l->workers; w++)
        if (l->desks[w].status && (!first || l->desks[w].block < first->block))
            first = &l->desks[w];
    if (!first) mmoe_tell_rows(l->watcher, "loading", l->set->rows, l->set->rows);
    if (first && err) *err = first->err;
    return first ? first->status : MMOE_OK;
}

/* What workers work with. */
static mmoe_status start(loading *l, mmoe_error *err) {
    const struct mmoe_dataset *set = l->set;
    const size_t workers = (size_t)l->workers;
    l->kept = mmoe_alloc(&set->alloc, set->n_kept, sizeof *l->kept);
    l->desks = mmoe_alloc_zero(&set->alloc, workers, sizeof *l->desks);
    if (!l->kept || !l->desks)
        return mmoe_fail_memory(err, set->n_kept * sizeof *l->kept + workers * sizeof *l->desks);
    for (size_t i = 0; i < set->n_kept; i++) l->kept[i] = set->kept[i].values;
    mmoe_status status = MMOE_OK;
    for (size_t w = 0; !status && w < workers; w++)
        status = mmoe_stored_reader_open(set->stored, &l->desks[w].reader, err);
    if (!status && workers > 1) status = mmoe_pool_create(l->workers, &set->alloc, &l->pool, err);
    return status;
}

static mmoe_status read_blocks(struct mmoe_dataset *set, int threads, const mmoe_watcher *watcher,
                               mmoe_error *err) {
    const int64_t blocks = mmoe_blocks_of(set->rows), workers = mmoe_worker_count(threads);
    loading l = {.set = set,
                 .watcher = watcher,
                 .workers = (int)(workers < blocks ? workers : blocks),
                 .failed = blocks};
    mmoe_status status = start(&l, err);
    if (!status) {
        mmoe_tell_rows(watcher, "loading", 0, set->rows);
        mmoe_pool_run_exact(l.pool, (int)blocks, read_block, &l);
        status = end(&l, err);
    }
    mmoe_pool_free(l.pool);
    for (int w = 0; l.desks && w < l.workers; w++) mmoe_stored_reader_close(&l.desks[w].reader);
    mmoe_release(&set->alloc, l.desks);
    mmoe_release(&set->alloc, l.kept);
    return status;
}

mmoe_status mmoe_dataset_load(mmoe_dataset *set, int threads, const mmoe_watcher *watcher,
                              mmoe_error *err) {
    if (!set) return mmoe_fail(err, MMOE_E_ARGUMENT, "mmoe_dataset_load: dataset must not be NULL");
    if (mmoe_check_threads(threads, "mmoe_dataset_load", err)) return MMOE_E_ARGUMENT;
    if (!set->stored) return MMOE_OK;
    mmoe_status status = take_arrays(set, err);
    if (!status && set->offsets) place_blocks(set);
    if (!status) status = read_blocks(set, threads, watcher, err);
    if (status) return status;
    mmoe_stored_free(set->stored);
    set->stored = NULL;
    return MMOE_OK;
}
