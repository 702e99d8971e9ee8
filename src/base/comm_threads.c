#include "base/comm_threads.h"

#include <math.h>
#include <pthread.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/error.h"

typedef struct rank {
    mmoe_comm comm; /* first: a comm is a rank */
    mmoe_comm_group *group;
    pthread_t thread;
    mmoe_error *err;
    mmoe_status status;
    uint64_t n_begun, n_done[MMOE_N_WAY]; /* calls of start; exchanges that were finished */
    bool has_ended, is_waiting;
    int readers; /* that copy from what it has posted */
    struct {
        const mmoe_exchange *exchange;
        uint64_t number; /* of postings so far */
        uint64_t taken;  /* bit r: rank r has copied its bytes */
    } posted[MMOE_N_WAY];
} rank;

struct mmoe_comm_group {
    mmoe_allocator alloc;
    mmoe_comm_group_options options;
    mmoe_rank_fn work;
    void *context;
    pthread_mutex_t mutex; /* of all that follows, and of the ranks */
    pthread_cond_t changed;
    mmoe_error failure; /* code 0: none so far; else why exchanges fail, but for those that */
    uint64_t finishable[MMOE_N_WAY]; /* are numbered up to here: they can still be finished */
    rank ranks[];
};

static uint64_t bit(int r) { return (uint64_t)1 << r; }

/* Makes the first failure that of all ranks. The others can still finish what this rank has
 * finished: all ranks then agree on what an exchange told them (that all are to stop, say), however
 * quick each of them was. */
static void fail_group(rank *me, const mmoe_error *failure) {
    mmoe_comm_group *g = me->group;
    for (int w = 0; w < MMOE_N_WAY; w++)
        if (!g->failure.code || me->n_done[w] < g->finishable[w]) g->finishable[w] = me->n_done[w];
    if (!g->failure.code) g->failure = *failure;
    pthread_cond_broadcast(&g->changed);
}

static void fail_by(rank *me, const char *message) {
    mmoe_error failure;
    mmoe_fail(&failure, MMOE_E_IO, "rank %d: %s", me->comm.rank, message);
    fail_group(me, &failure);
}

/* Why exchange `number` by this way fails, if it does. */
static mmoe_status report_failure(const mmoe_comm_group *g, mmoe_comm_way way, uint64_t number,
                                  mmoe_error *err) {
    if (!g->failure.code || number <= g->finishable[way]) return MMOE_OK;
    if (err) *err = g->failure;
    return g->failure.code;
}

static mmoe_status report_posted(const rank *me, mmoe_comm_way way, mmoe_error *err) {
    return report_failure(me->group, way, me->posted[way].number, err);
}

static mmoe_status start(mmoe_comm *c, mmoe_comm_way way, const mmoe_exchange *e, mmoe_error *err) {
    rank *me = (rank *)c;
    mmoe_comm_group *g = me->group;
    if (g->options.before) g->options.before(g->options.context, c->rank, me->n_begun++);
    pthread_mutex_lock(&g->mutex);
    const mmoe_status status = report_failure(g, way, me->posted[way].number + 1, err);
    if (!status) {
        me->posted[way].exchange = e;
        me->posted[way].number++;
        me->posted[way].taken = bit(c->rank);
        pthread_cond_broadcast(&g->changed);
    }
    pthread_mutex_unlock(&g->mutex);
    return status;
}

/* Ranks whose bytes are not there yet; else those that have not taken this one's. */
static uint64_t awaited(const rank *me, mmoe_comm_way way) {
    const mmoe_comm_group *g = me->group;
    uint64_t absent = 0, slow = 0;
    for (int r = 0; r < me->comm.size; r++) {
        if (g->ranks[r].posted[way].number < me->posted[way].number) absent |= bit(r);
        if (!(me->posted[way].taken & bit(r))) slow |= bit(r);
    }
    return absent ? absent : slow;
}

static void fail_late(rank *me, mmoe_comm_way way) {
    mmoe_error failure;
    mmoe_comm_fail_late(&me->comm, awaited(me, way), me->posted[way].exchange->what, &failure);
    fail_group(me, &failure);
}

static struct timespec time_of(double seconds) {
    const double whole = floor(seconds);
    return (struct timespec){(time_t)whole, (long)(1e9 * (seconds - whole))};
}

/* Until something has changed; fails when a rank of `wanted` has ended, or the time is over. */
static mmoe_status wait_once(rank *me, double until, uint64_t wanted, mmoe_comm_way way,
                             mmoe_error *err) {
    mmoe_comm_group *g = me->group;
    uint64_t ended = 0;
    for (int r = 0; r < me->comm.size; r++)
        if (g->ranks[r].has_ended) ended |= wanted & bit(r);
    if (ended) {
        mmoe_error failure;
        mmoe_comm_fail_ended(ended, me->posted[way].exchange->what, &failure);
        fail_group(me, &failure);
    }
    if (until > 0 && mmoe_clock() >= until) fail_late(me, way);
    const mmoe_status status = report_posted(me, way, err);
    if (status) return status;
    const struct timespec end = time_of(until);
    me->is_waiting = true;
    if (until > 0)
        pthread_cond_timedwait(&g->changed, &g->mutex, &end);
    else
        pthread_cond_wait(&g->changed, &g->mutex);
    me->is_waiting = false;
    return report_posted(me, way, err);
}

/* Copies what rank r has posted; without the lock, which is there again afterwards. */
static mmoe_status take(rank *me, mmoe_comm_way way, rank *from, mmoe_error *err) {
    mmoe_comm_group *g = me->group;
    const mmoe_status failed = report_posted(me, way, err);
    if (failed) return failed; /* what it has posted may be gone */
    const mmoe_exchange *to_here = me->posted[way].exchange;
    const mmoe_exchange *sent = from->posted[way].exchange;
    const int r = from->comm.rank;
    const uint64_t bytes = sent->from_bytes[me->comm.rank], wanted = to_here->to_bytes[r];
    if (bytes != wanted) {
        mmoe_error failure;
        mmoe_comm_fail_unlike(&me->comm, r, bytes, to_here, &failure);
        fail_group(me, &failure);
        return report_posted(me, way, err);
    }
    if (bytes > 0) {
        const char *source = (const char *)sent->from + sent->from_at[me->comm.rank];
        char *target = (char *)to_here->to + to_here->to_at[r];
        from->readers++;
        pthread_mutex_unlock(&g->mutex);
        if (source != target) memcpy(target, source, bytes);
        pthread_mutex_lock(&g->mutex);
        from->readers--;
    }
    from->posted[way].taken |= bit(me->comm.rank);
    pthread_cond_broadcast(&g->changed);
    return MMOE_OK;
}

static mmoe_status exchange(rank *me, mmoe_comm_way way, mmoe_error *err) {
    mmoe_comm_group *g = me->group;
    const double until = me->comm.seconds > 0 ? mmoe_clock() + me->comm.seconds : 0;
    const uint64_t all = ~(uint64_t)0 >> (64 - me->comm.size);
    uint64_t got = 0;
    mmoe_status status = report_posted(me, way, err);
    while (!status && (got != all || me->posted[way].taken != all)) {
        bool has_come = false;
        for (int r = 0; !status && r < me->comm.size; r++) {
            rank *from = &g->ranks[r];
            if ((got & bit(r)) || from->has_ended) continue;
            if (from->posted[way].number < me->posted[way].number) continue;
            status = take(me, way, from, err);
            got |= bit(r);
            has_come = true;
        }
        if (status || has_come) continue;
        status = wait_once(me, until, all & ~(got & me->posted[way].taken), way, err);
    }
    if (!status) me->n_done[way] = me->posted[way].number;
    return status;
}

static mmoe_status finish(mmoe_comm *c, mmoe_comm_way way, mmoe_error *err) {
    rank *me = (rank *)c;
    mmoe_comm_group *g = me->group;
    pthread_mutex_lock(&g->mutex);
    const mmoe_status status = exchange(me, way, err);
    while (me->readers > 0) pthread_cond_wait(&g->changed, &g->mutex);
    pthread_mutex_unlock(&g->mutex);
    return status;
}

static void abort_rank(mmoe_comm *c, const char *message) {
    rank *me = (rank *)c;
    pthread_mutex_lock(&me->group->mutex);
    fail_by(me, message);
    pthread_mutex_unlock(&me->group->mutex);
}

static const mmoe_comm_kind threads_kind = {"threads", start, finish, abort_rank};

mmoe_status mmoe_comm_group_create(const mmoe_comm_group_options *options,
                                   const mmoe_allocator *alloc, mmoe_comm_group **out,
                                   mmoe_error *err) {
    const mmoe_status status = mmoe_comm_check_size(options->size, err);
    if (status) return status;
    const mmoe_allocator a = mmoe_allocator_or_default(alloc);
    const size_t bytes = sizeof(mmoe_comm_group) + (size_t)options->size * sizeof(rank);
    mmoe_comm_group *g = mmoe_alloc_zero(&a, 1, bytes);
    if (!g) return mmoe_fail_memory(err, bytes);
    g->alloc = a;
    g->options = *options;
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&g->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    pthread_mutex_init(&g->mutex, NULL);
    for (int r = 0; r < options->size; r++) {
        g->ranks[r].group = g;
        g->ranks[r].comm = (mmoe_comm){
            .kind = &threads_kind, .rank = r, .size = options->size, .seconds = options->seconds};
    }
    *out = g;
    return MMOE_OK;
}

void mmoe_comm_group_free(mmoe_comm_group *g) {
    if (!g) return;
    const mmoe_allocator a = g->alloc;
    pthread_cond_destroy(&g->changed);
    pthread_mutex_destroy(&g->mutex);
    mmoe_release(&a, g);
}

static void *rank_main(void *argument) {
    rank *me = argument;
    mmoe_comm_group *g = me->group;
    mmoe_error err = {0};
    me->status = g->work(g->context, &me->comm, &err);
    if (me->err) *me->err = err;
    pthread_mutex_lock(&g->mutex);
    if (me->status) fail_by(me, err.message);
    me->has_ended = true;
    pthread_cond_broadcast(&g->changed);
    while (me->readers > 0) pthread_cond_wait(&g->changed, &g->mutex);
    pthread_mutex_unlock(&g->mutex);
    return NULL;
}

mmoe_status mmoe_comm_group_run(mmoe_comm_group *g, mmoe_rank_fn work, void *context,
                                mmoe_error *errors) {
    const int size = g->options.size;
    g->work = work;
    g->context = context;
    int n_started = 0;
    for (; n_started < size; n_started++) {
        rank *r = &g->ranks[n_started];
        r->err = errors ? &errors[n_started] : NULL;
        if (pthread_create(&r->thread, NULL, rank_main, r)) break;
    }
    mmoe_status status = MMOE_OK;
    if (n_started < size) {
        abort_rank(&g->ranks[n_started].comm, "the system gave no thread");
        status = report_failure(g, MMOE_WAY_NOW, 1, g->ranks[n_started].err);
    }
    for (int r = 0; r < n_started; r++) {
        pthread_join(g->ranks[r].thread, NULL);
        if (!status) status = g->ranks[r].status;
    }
    return status;
}

static bool waits_for(const rank *r, const rank *late) {
    return r->is_waiting && r->posted[MMOE_WAY_NOW].number > late->posted[MMOE_WAY_NOW].number;
}

int mmoe_comm_group_waiting(mmoe_comm *late) {
    mmoe_comm_group *g = ((rank *)late)->group;
    int n = 0;
    pthread_mutex_lock(&g->mutex);
    for (int r = 0; r < late->size; r++) n += waits_for(&g->ranks[r], (rank *)late);
    pthread_mutex_unlock(&g->mutex);
    return n;
}

void mmoe_comm_group_expire(mmoe_comm *late) {
    mmoe_comm_group *g = ((rank *)late)->group;
    pthread_mutex_lock(&g->mutex);
    for (int r = 0; r < late->size; r++)
        if (waits_for(&g->ranks[r], (rank *)late)) fail_late(&g->ranks[r], MMOE_WAY_NOW);
    pthread_mutex_unlock(&g->mutex);
}
