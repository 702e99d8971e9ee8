#include "data/csv_flow.h"

#include <pthread.h>

#include "base/error.h"

/* A block's place; it is free again when all has been done with its rows. */
typedef enum place_state { FREE, PARSING, PARSED, JOINED, CARRIED } place_state;

typedef struct place {
    mmoe_csv_piece piece;
    place_state state;
    double share;  /* of all rows those that have come with it; 0: nobody knows */
    int64_t first; /* the number of its first row; of a sink's */
} place;

typedef struct run {
    mmoe_csv_flow *flow;
    mmoe_loader *loader;
    const mmoe_csv_job *job;
    const mmoe_watcher *watcher;
    place *places; /* [n_place] block i is in place i % n_place */
    size_t n_place;
    /* Under the mutex, as the places' states are. */
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    size_t n_cut, n_joined, n_delivered;
    bool is_cutting, is_joining;
    bool has_ended; /* nothing more is cut */
    size_t n_carried_now;
    int64_t rows, given; /* for the watcher: joined, read */
    mmoe_status reading, joining, delivering;
    /* Who cuts, joins or delivers writes its own. */
    mmoe_error reading_err, joining_err, delivering_err;
} run;

static place *place_of(const run *r, size_t index) { return &r->places[index % r->n_place]; }

static void lock(run *r) { pthread_mutex_lock(&r->mutex); }

static void unlock(run *r) { pthread_mutex_unlock(&r->mutex); }

static void say(run *r) { pthread_cond_broadcast(&r->changed); }

/* What follows is called with the mutex, and has it again when it returns. */

/* ---- Cut, parse ---- */

static bool can_cut(const run *r) {
    return !r->is_cutting && !r->has_ended && place_of(r, r->n_cut)->state == FREE;
}

/* False: no block has come. */
static bool cut(run *r, place *p) {
    const mmoe_csv_flow *f = r->flow;
    mmoe_csv_block *block = &p->piece.block;
    r->is_cutting = true;
    unlock(r);
    const mmoe_status status =
        mmoe_csv_blocks_next(f->blocks, f->block_size, block, &r->reading_err);
    const int64_t given = mmoe_bytes_given(f->from);
    p->share = r->loader->from ? mmoe_bytes_share(r->loader->from) : 0;
    lock(r);
    r->is_cutting = false;
    r->given = given;
    r->reading = status;
    r->has_ended = r->has_ended || status || block->is_open || mmoe_csv_blocks_end(f->blocks);
    if (!status && block->is_open) {
        r->flow->open = *block;
        *block = (mmoe_csv_block){NULL};
    }
    return !status && block->bytes;
}

static void cut_and_parse(run *r) {
    place *p = place_of(r, r->n_cut);
    if (cut(r, p)) {
        p->state = PARSING;
        r->n_cut++;
        say(r);
        unlock(r);
        mmoe_csv_piece_parse(r->job, &p->piece);
        lock(r);
        p->state = PARSED;
    }
    say(r);
}

/* ---- Join, carry ---- */

static bool can_join(const run *r) {
    return !r->is_joining && !r->joining && r->n_joined < r->n_cut &&
           place_of(r, r->n_joined)->state == PARSED;
}

/* Whoever joins is the only one who may begin to carry. */
static void wait_for_carriers(run *r) {
    lock(r);
    while (r->n_carried_now) pthread_cond_wait(&r->changed, &r->mutex);
    unlock(r);
}

static mmoe_status join(run *r, place *p) {
    mmoe_loader *l = r->loader;
    mmoe_csv_piece *piece = &p->piece;
    mmoe_error *err = &r->joining_err;
    const int64_t rows = l->parts.rows;
    const mmoe_status status = mmoe_csv_piece_join(r->job, piece, &l->parts, err);
    if (!status && l->sink) p->first = mmoe_loader_number(l, rows);
    if (status || !mmoe_loader_places(l, p->share)) return status;
    if (!mmoe_loader_fits(l, piece->part)) wait_for_carriers(r);
    return mmoe_loader_place(l, piece->part, p->share, err);
}

static void carry(const run *r, place *p) {
    mmoe_csv_piece_place(r->job, &p->piece);
    if (mmoe_loader_places(r->loader, p->share)) mmoe_csv_take_part(r->loader->set, p->piece.part);
    if (!r->loader->sink) mmoe_csv_piece_finish(r->job, &p->piece);
}

static void join_and_carry(run *r) {
    place *p = place_of(r, r->n_joined);
    r->is_joining = true;
    unlock(r);
    const mmoe_status status = join(r, p);
    lock(r);
    r->is_joining = false;
    r->joining = status;
    r->has_ended = r->has_ended || status;
    say(r);
    if (status) return;
    r->rows = r->loader->parts.before;
    r->n_joined++;
    r->n_carried_now++;
    p->state = JOINED;
    unlock(r);
    carry(r, p);
    lock(r);
    r->n_carried_now--;
    p->state = r->loader->sink ? CARRIED : FREE;
    say(r);
}

/* ---- Deliver ---- */

static bool can_deliver(const run *r) {
    return r->loader->sink && !r->delivering && r->n_delivered < r->n_joined &&
           place_of(r, r->n_delivered)->state == CARRIED;
}

static void deliver(run *r) {
    place *p = place_of(r, r->n_delivered);
    unlock(r);
    const mmoe_status status =
        mmoe_loader_deliver(r->loader, p->piece.part, p->first, &r->delivering_err);
    mmoe_csv_piece_finish(r->job, &p->piece);
    lock(r);
    r->delivering = status;
    r->has_ended = r->has_ended || status;
    r->n_delivered++;
    p->state = FREE;
    say(r);
}

/* ---- All ---- */

/* Is nothing left for a worker? Where joining has failed, what was joined before is delivered: the
 * first fault of both is told. */
static bool is_over(const run *r, bool delivers) {
    if (!r->has_ended || r->is_cutting) return false;
    if (r->delivering) return true;
    if (!r->joining && r->n_joined < r->n_cut) return false;
    return !delivers || r->n_delivered == r->n_joined;
}

static void tell(run *r) {
    const int64_t rows = r->rows, given = r->given;
    if (!r->watcher) return;
    unlock(r);
    mmoe_bytes_tell(r->flow->from, r->watcher, rows, given);
    lock(r);
}

static void work(void *context, int worker, int task) {
    run *r = context;
    const bool is_caller = worker == 0, delivers = is_caller && r->loader->sink;
    (void)task;
    lock(r);
    while (!is_over(r, delivers)) {
        if (delivers && can_deliver(r))
            deliver(r);
        else if (can_join(r))
            join_and_carry(r);
        else if (can_cut(r))
            cut_and_parse(r);
        else
            pthread_cond_wait(&r->changed, &r->mutex);
        if (is_caller) tell(r);
    }
    unlock(r);
}

/* The first fault, in the order of the file and of what is done with a block. */
static mmoe_status end(const run *r, mmoe_error *err) {
    const mmoe_error *first = &r->reading_err;
    mmoe_status status = r->reading;
    if (r->joining) {
        status = r->joining;
        first = &r->joining_err;
    }
    if (r->delivering) {
        status = r->delivering;
        first = &r->delivering_err;
    }
    if (status && err) *err = *first;
    return status;
}

/* No piece will inherit the memory of that before. */
static void drop(const run *r, mmoe_csv_piece *p) {
    if (p->before) mmoe_csv_part_give_back(p->before);
    mmoe_csv_piece_drop(r->job, p);
}

mmoe_status mmoe_csv_flow_run(mmoe_csv_flow *f, mmoe_error *err) {
    mmoe_loader *l = f->loader;
    const mmoe_allocator *a = &l->file.alloc;
    const int workers = mmoe_pool_workers(l->pool);
    run r = {.flow = f, .loader = l, .job = f->job, .watcher = f->from->watcher};
    r.n_place = mmoe_csv_flow_blocks((size_t)workers);
    r.places = mmoe_alloc_zero(a, r.n_place, sizeof *r.places);
    if (!r.places) return mmoe_fail_memory(err, r.n_place * sizeof *r.places);
    r.given = mmoe_bytes_given(f->from);
    r.rows = l->parts.before;
    pthread_mutex_init(&r.mutex, NULL);
    pthread_cond_init(&r.changed, NULL);
    f->from->watcher = NULL; /* workers read */
    mmoe_pool_run_exact(l->pool, workers, work, &r);
    work(&r, 0, 0); /* where another worker had the caller's task, which began too late */
    f->from->watcher = r.watcher;
    pthread_cond_destroy(&r.changed);
    pthread_mutex_destroy(&r.mutex);
    for (size_t i = 0; i < r.n_place; i++) drop(&r, &r.places[i].piece);
    mmoe_release(a, r.places);
    mmoe_bytes_count(f->from, l->parts.before);
    return end(&r, err);
}
