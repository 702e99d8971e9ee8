#include "serve/counter.h"

bool mmoe_counter_init(mmoe_counter *c, const mmoe_counted *of, const mmoe_allocator *alloc) {
    const size_t n_task = (size_t)of->n_task;
    *c = (mmoe_counter){.of = of};
    c->columns =
        mmoe_alloc_zero(alloc, (size_t)of->n_column * MMOE_COLUMN_SUMS, sizeof *c->columns);
    c->bins = mmoe_alloc_zero(alloc, n_task * MMOE_SERVED_BINS, sizeof *c->bins);
    c->scores = mmoe_alloc_zero(alloc, n_task, sizeof *c->scores);
    c->aside = mmoe_alloc_zero(alloc, n_task * MMOE_ASIDE_ROWS, sizeof *c->aside);
    if (c->columns && c->bins && c->scores && c->aside) return true;
    mmoe_counter_finish(c, alloc);
    return false;
}

void mmoe_counter_finish(mmoe_counter *c, const mmoe_allocator *alloc) {
    mmoe_release(alloc, (void *)(uintptr_t)c->columns);
    mmoe_release(alloc, (void *)(uintptr_t)c->bins);
    mmoe_release(alloc, (void *)(uintptr_t)c->scores);
    mmoe_release(alloc, (void *)(uintptr_t)c->aside);
    *c = (mmoe_counter){0};
}

bool mmoe_counting_init(mmoe_counting *c, const mmoe_counted *of, mmoe_counter *counter,
                        const mmoe_allocator *alloc) {
    *c = (mmoe_counting){.to = counter ? counter : &c->own, .n_seen = of->n_column};
    c->seen = mmoe_alloc_zero(alloc, (size_t)of->n_column, sizeof *c->seen);
    for (int32_t i = 0; c->seen && i < c->n_seen; i++) c->seen[i].any = &c->any;
    if (c->seen && (counter || mmoe_counter_init(&c->own, of, alloc))) return true;
    mmoe_counting_finish(c, alloc);
    return false;
}

void mmoe_counting_finish(mmoe_counting *c, const mmoe_allocator *alloc) {
    mmoe_counter_finish(&c->own, alloc);
    mmoe_release(alloc, c->seen);
    *c = (mmoe_counting){.n_seen = 0};
}

static void forget(mmoe_seen *seen) { seen->elements = seen->missing = seen->unknown = 0; }

void mmoe_counting_drop(mmoe_counting *c) {
    for (int32_t i = 0; c->any && i < c->n_seen; i++) forget(&c->seen[i]);
    c->any = false;
}

/* Nobody else writes: no locked addition is needed. A release orders it within a turn. */
static void add(mmoe_sum *sum, int64_t n) {
    const int64_t now = atomic_load_explicit(sum, memory_order_relaxed);
    atomic_store_explicit(sum, now + n, memory_order_release);
}

static void add_seen(mmoe_counting *c) {
    c->any = false;
    for (int32_t i = 0; i < c->n_seen; i++) {
        const mmoe_seen s = c->seen[i];
        if (!(s.elements | s.missing | s.unknown)) continue;
        forget(&c->seen[i]);
        mmoe_sum *sums = c->to->columns + (size_t)i * MMOE_COLUMN_SUMS;
        add(&sums[MMOE_SUM_ELEMENTS], s.elements);
        add(&sums[MMOE_SUM_MISSING], s.missing);
        add(&sums[MMOE_SUM_UNKNOWN], s.unknown);
    }
}

/* ---- Scores ---- */

static void add_task(mmoe_counter *c, int32_t task, int32_t rows, const float *scores) {
    mmoe_sum *bins = c->bins + (size_t)task * MMOE_SERVED_BINS;
    int32_t counts[MMOE_SERVED_BINS];
    double sum = atomic_load_explicit(&c->scores[task], memory_order_relaxed);
    c->of->kernels->count_scores(
        &(mmoe_bins_args){.rows = rows,
                          .stride = c->of->n_task,
                          .x = scores + task,
                          .is_probability = c->of->tasks[task].is_probability,
                          .counts = counts,
                          .sum = &sum});
    for (int b = 0; b < MMOE_SERVED_BINS; b++)
        if (counts[b]) add(&bins[b], counts[b]);
    atomic_store_explicit(&c->scores[task], sum, memory_order_release);
}

/* At most MMOE_BINS_ROWS. */
static void add_scores(mmoe_counter *c, int32_t rows, const float *scores) {
    for (int32_t t = 0; t < c->of->n_task; t++) add_task(c, t, rows, scores);
}

static void settle(mmoe_counter *c) {
    const int32_t rows = atomic_load_explicit(&c->n_aside, memory_order_relaxed);
    const uint32_t turn = atomic_load_explicit(&c->turn, memory_order_relaxed);
    atomic_store_explicit(&c->turn, turn + 1, memory_order_relaxed);
    add_scores(c, rows, (const float *)(uintptr_t)c->aside);
    atomic_store_explicit(&c->n_aside, 0, memory_order_release);
    atomic_store_explicit(&c->turn, turn + 2, memory_order_release);
}

/* There is room. */
static void lay_aside(mmoe_counter *c, int32_t rows, const float *x) {
    const int32_t n = c->of->n_task,
                  first = atomic_load_explicit(&c->n_aside, memory_order_relaxed);
    _Atomic float *to = c->aside + (size_t)first * (size_t)n;
    int32_t left = rows * n;
    for (; left >= 4; left -= 4, to += 4, x += 4) {
        atomic_store_explicit(&to[0], x[0], memory_order_release);
        atomic_store_explicit(&to[1], x[1], memory_order_release);
        atomic_store_explicit(&to[2], x[2], memory_order_release);
        atomic_store_explicit(&to[3], x[3], memory_order_release);
    }
    for (; left; left--) atomic_store_explicit(to++, *x++, memory_order_release);
    atomic_store_explicit(&c->n_aside, first + rows, memory_order_release);
}

/* ---- Rows ---- */

/* Rows whose scores are sooner laid aside than counted by themselves. */
enum { FEW = 32 };

static bool has_room(const mmoe_counter *c, int32_t rows) {
    return atomic_load_explicit(&c->n_aside, memory_order_relaxed) + rows <= MMOE_ASIDE_ROWS;
}

/* What is not done with each call. */
static __attribute__((noinline)) void add_more(mmoe_counting *counting, const float *scores,
                                               int32_t rows) {
    mmoe_counter *c = counting->to;
    if (counting->any) add_seen(counting);
    if (rows >= FEW) {
        add_scores(c, rows, scores);
        return;
    }
    if (!has_room(c, rows)) settle(c);
    lay_aside(c, rows, scores);
}

void mmoe_counting_add(mmoe_counting *counting, const float *scores, int32_t rows, bool ranked) {
    mmoe_counter *c = counting->to;
    add(&c->sums[MMOE_SUM_ROWS + ranked], rows);
    if (counting->any || rows >= FEW || !has_room(c, rows))
        add_more(counting, scores, rows);
    else
        lay_aside(c, rows, scores);
}

void mmoe_counting_add_around(mmoe_counting *counting, const int32_t *is_bad, const float *scores,
                              int32_t rows, bool ranked) {
    const int32_t n = counting->to->of->n_task;
    for (int32_t r = 0; r < rows; r++, scores += n)
        if (is_bad[r])
            add(&counting->to->sums[MMOE_SUM_BAD + ranked], 1);
        else
            mmoe_counting_add(counting, scores, 1, ranked);
    if (counting->any) add_seen(counting);
}

void mmoe_counting_user(mmoe_counting *c) { add(&c->to->sums[MMOE_SUM_USERS], 1); }
