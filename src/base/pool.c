#include "base/pool.h"

#include <assert.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>

#include "base/error.h"
#include "base/processors.h"
#include "base/subnormals.h"

enum { TASK_BITS = 20, MOST_TASKS = (1 << TASK_BITS) - 1 };

/* A worker's share of a loop: its tasks [next, end). All of it stands in one word, the loop's
 * number in the high bits, so that a claim is one compare-and-swap: a worker that comes late to a
 * loop cannot take a task of the next one. */
typedef struct share {
    _Alignas(64) _Atomic uint64_t word;
} share;

static inline uint64_t share_of(uint32_t loop, int next, int end) {
    return (uint64_t)loop << 2 * TASK_BITS | (uint64_t)next << TASK_BITS | (uint64_t)end;
}
static inline int next_of(uint64_t word) { return (int)(word >> TASK_BITS & MOST_TASKS); }
static inline int end_of(uint64_t word) { return (int)(word & MOST_TASKS); }
/* A word has the last 24 bits of the loop's number: to mistake one loop for another, a worker would
 * have to be late by 16 million loops. */
static inline bool is_of(uint64_t word, uint32_t loop) {
    return ((share_of(loop, 0, 0) ^ word) >> 2 * TASK_BITS) == 0;
}

typedef struct worker {
    mmoe_pool *pool;
    int index;
    pthread_t thread;
} worker;

struct mmoe_pool {
    mmoe_allocator alloc;
    int workers, started;
    worker *threads;                    /* [workers]; entry 0 is the caller and has no thread */
    share *shares;                      /* [workers] */
    _Alignas(64) _Atomic uint32_t loop; /* number of the current loop */
    _Atomic(mmoe_pool_fn) fn;
    _Atomic(void *) context;
    _Alignas(64) _Atomic int left; /* tasks not yet done */
    _Atomic int stop, sleeping;
    pthread_mutex_t mutex;
    pthread_cond_t wake;
};

static inline void relax(void) {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#endif
}

static int share_begin(int tasks, int workers, int w) {
    return (int)((int64_t)tasks * w / workers);
}

/* What a worker knows of a loop. */
typedef struct loop_view {
    uint32_t number;
    mmoe_pool_fn fn;
    void *context;
} loop_view;

/* Claims and runs what is left of worker `w`'s share. A worker takes its own tasks from the front,
 * and another's from the back, where the owner would come last. So when loops run over the same
 * tasks, each worker mostly runs the same ones, and finds their data in its cache. */
static void drain(mmoe_pool *p, const loop_view *loop, int w, int self) {
    _Atomic uint64_t *word = &p->shares[w].word;
    uint64_t seen = atomic_load_explicit(word, memory_order_acquire);
    while (is_of(seen, loop->number) && next_of(seen) < end_of(seen)) {
        const int task = w == self ? next_of(seen) : end_of(seen) - 1;
        const uint64_t left = w == self ? seen + share_of(0, 1, 0) : seen - 1;
        if (!atomic_compare_exchange_weak_explicit(word, &seen, left, memory_order_acq_rel,
                                                   memory_order_acquire))
            continue;
        loop->fn(loop->context, self, task);
        atomic_fetch_sub_explicit(&p->left, 1, memory_order_acq_rel);
        seen = atomic_load_explicit(word, memory_order_acquire);
    }
}

/* fn and context may already be those of a later loop. Then its shares are closed or open under its
 * own number, which was stored before them, and no claim under `number` succeeds. */
static void work_on(mmoe_pool *p, uint32_t number, int self) {
    loop_view loop = {.number = number};
    loop.fn = atomic_load_explicit(&p->fn, memory_order_acquire);
    loop.context = atomic_load_explicit(&p->context, memory_order_acquire);
    for (int i = 0; i < p->workers; i++) drain(p, &loop, (self + i) % p->workers, self);
}

/* Spins, then yields, then sleeps until the loop's number is not `seen`. A step's phases follow
 * each other within microseconds, so a worker seldom gets beyond spinning. */
static uint32_t await_loop(mmoe_pool *p, uint32_t seen) {
    for (int i = 0; i < 4000; i++) {
        uint32_t now = atomic_load_explicit(&p->loop, memory_order_acquire);
        if (now != seen || atomic_load_explicit(&p->stop, memory_order_relaxed)) return now;
        if (i < 2000)
            relax();
        else
            sched_yield();
    }
    pthread_mutex_lock(&p->mutex);
    atomic_fetch_add(&p->sleeping, 1);
    while (atomic_load(&p->loop) == seen && !atomic_load(&p->stop))
        pthread_cond_wait(&p->wake, &p->mutex);
    atomic_fetch_sub(&p->sleeping, 1);
    pthread_mutex_unlock(&p->mutex);
    return atomic_load(&p->loop);
}

static void *thread_main(void *argument) {
    worker *self = argument;
    mmoe_pool *p = self->pool;
    mmoe_subnormals_flush();
    uint32_t seen = await_loop(p, 0);
    while (!atomic_load_explicit(&p->stop, memory_order_relaxed)) {
        work_on(p, seen, self->index);
        seen = await_loop(p, seen);
    }
    return NULL;
}

static void wake_sleepers(mmoe_pool *p) {
    if (!atomic_load(&p->sleeping)) return;
    pthread_mutex_lock(&p->mutex);
    pthread_cond_broadcast(&p->wake);
    pthread_mutex_unlock(&p->mutex);
}

/* A loop with more than MOST_TASKS tasks runs in several parts; this is the part that begins with
 * task `first`. */
typedef struct loop_part {
    mmoe_pool_fn fn;
    void *context;
    int first;
} loop_part;

static void run_of_part(void *context, int by, int task) {
    const loop_part *part = context;
    part->fn(part->context, by, part->first + task);
}

/* Runs at most MOST_TASKS tasks. */
static void run_tasks(mmoe_pool *p, int tasks, mmoe_pool_fn fn, void *context) {
    uint32_t loop = atomic_load_explicit(&p->loop, memory_order_relaxed) + 1;
    for (int w = 0; w < p->workers; w++)
        atomic_store_explicit(&p->shares[w].word, share_of(loop, 0, 0),
                              memory_order_relaxed); /* closed */
    atomic_store_explicit(&p->fn, fn, memory_order_release);
    atomic_store_explicit(&p->context, context, memory_order_release);
    atomic_store_explicit(&p->left, tasks, memory_order_relaxed);
    for (int w = 0; w < p->workers; w++)
        atomic_store_explicit(&p->shares[w].word,
                              share_of(loop, share_begin(tasks, p->workers, w),
                                       share_begin(tasks, p->workers, w + 1)),
                              memory_order_release);
    atomic_store(&p->loop, loop);
    wake_sleepers(p);
    work_on(p, loop, 0);
    for (int i = 0; atomic_load_explicit(&p->left, memory_order_acquire) > 0; i++) {
        if (i < 2000)
            relax();
        else
            sched_yield();
    }
}

static void run_loop(mmoe_pool *p, int tasks, mmoe_pool_fn fn, void *context) {
    if (p->workers == 1 || tasks == 1) {
        for (int t = 0; t < tasks; t++) fn(context, 0, t);
        return;
    }
    loop_part part = {fn, context, 0};
    for (; tasks - part.first > MOST_TASKS; part.first += MOST_TASKS)
        run_tasks(p, MOST_TASKS, run_of_part, &part);
    if (part.first)
        run_tasks(p, tasks - part.first, run_of_part, &part);
    else if (tasks > 0)
        run_tasks(p, tasks, fn, context);
}

void mmoe_pool_run(mmoe_pool *p, int tasks, mmoe_pool_fn fn, void *context) {
    const uint64_t callers = mmoe_subnormals_flush();
    run_loop(p, tasks, fn, context);
    mmoe_subnormals_restore(callers);
}

typedef struct exact_loop {
    mmoe_pool_fn fn;
    void *context;
    uint64_t mode; /* the calling thread's, of mmoe_subnormals_restore */
} exact_loop;

static void run_exact(void *context, int by, int task) {
    const exact_loop *l = context;
    const uint64_t pools = mmoe_subnormals_flush();
    mmoe_subnormals_restore(l->mode);
    l->fn(l->context, by, task);
    mmoe_subnormals_restore(pools);
}

void mmoe_pool_run_exact(mmoe_pool *p, int tasks, mmoe_pool_fn fn, void *context) {
    exact_loop l = {fn, context, mmoe_subnormals_flush()};
    mmoe_subnormals_restore(l.mode);
    if (p) {
        mmoe_pool_run(p, tasks, run_exact, &l);
        return;
    }
    for (int t = 0; t < tasks; t++) fn(context, 0, t);
}

int mmoe_pool_workers(const mmoe_pool *pool) { return pool->workers; }

void mmoe_pool_free(mmoe_pool *p) {
    if (!p) return;
    mmoe_allocator a = p->alloc;
    pthread_mutex_lock(&p->mutex);
    atomic_store(&p->stop, 1);
    pthread_cond_broadcast(&p->wake);
    pthread_mutex_unlock(&p->mutex);
    for (int i = 1; i <= p->started; i++) pthread_join(p->threads[i].thread, NULL);
    pthread_cond_destroy(&p->wake);
    pthread_mutex_destroy(&p->mutex);
    mmoe_release_aligned(&a, p->shares);
    mmoe_release(&a, p->threads);
    mmoe_release_aligned(&a, p);
}

/* Workers take no signals: those are the host's. */
static int start_threads(mmoe_pool *p) {
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = 0;
    for (int i = 1; i < p->workers && !failed; i++) {
        p->threads[i] = (worker){.pool = p, .index = i};
        failed = pthread_create(&p->threads[i].thread, NULL, thread_main, &p->threads[i]);
        if (!failed) p->started = i;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return failed;
}

mmoe_status mmoe_pool_create(int workers, const mmoe_allocator *alloc, mmoe_pool **out,
                             mmoe_error *err) {
    assert(workers >= 1);
    mmoe_allocator a = mmoe_allocator_or_default(alloc);
    mmoe_pool *p = mmoe_alloc_aligned(&a, 1, sizeof *p);
    if (!p) return mmoe_fail_memory(err, sizeof *p);
    memset(p, 0, sizeof *p);
    p->alloc = a;
    p->workers = workers;
    pthread_mutex_init(&p->mutex, NULL);
    pthread_cond_init(&p->wake, NULL);
    p->threads = mmoe_alloc_zero(&a, (size_t)workers, sizeof *p->threads);
    p->shares = mmoe_alloc_aligned(&a, (size_t)workers, sizeof *p->shares);
    if (!p->threads || !p->shares) {
        mmoe_pool_free(p);
        return mmoe_fail_memory(err, (size_t)workers * (sizeof *p->threads + sizeof *p->shares));
    }
    memset(p->shares, 0, (size_t)workers * sizeof *p->shares);
    if (start_threads(p)) {
        const int missing = p->started + 2;
        mmoe_pool_free(p);
        return mmoe_fail(err, MMOE_E_IO, "the system gave no thread for worker %d of %d", missing,
                         workers);
    }
    *out = p;
    return MMOE_OK;
}

mmoe_status mmoe_check_threads(int threads, const char *call, mmoe_error *err) {
    if (threads >= 0 && threads <= MMOE_MOST_WORKERS) return MMOE_OK;
    return mmoe_fail(err, MMOE_E_ARGUMENT, "%s: threads must be 0 to %d", call, MMOE_MOST_WORKERS);
}

int mmoe_worker_count(int threads) {
    if (threads > 0) return threads;
    const int count = mmoe_processors();
    return count > MMOE_MOST_WORKERS ? MMOE_MOST_WORKERS : count;
}
