/* Models that are read while others take their place.
 *
 *   publish
 *      |
 *      v       replaced           a sweep
 *   current ------------> retired -------> waiting ------> destroyed, once it is nobody's `active`
 *    [v4]                  [v3]            [v2] [v1]
 *      ^                                    ^
 *      |                                    |
 *   active of reader B                   active of reader A          active of reader C: NULL,
 *                                                                    it holds none
 *
 * A reader announces the version that it takes (`active`) and looks again whether that is still the
 * current one: then whoever replaces it later will find the announcement. A replaced version is
 * destroyed by the sweep that finds no announcement of it. A sweep follows each publication and
 * each departure from a version that is not current any more, so one comes after the last reader
 * has left. All of this stands on the single order of sequentially consistent operations. */
#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "serve/layouts.h"
#include "serve/predictor.h"
#include "serve/same_columns.h"

typedef struct owned {
    mmoe_predictor *predictor;
    struct owned *next;
} owned;

typedef struct version {
    uint64_t number;
    mmoe_model *model;
    mmoe_program *program;       /* of the readers' predictors */
    _Atomic(owned *) predictors; /* the readers' */
    const mmoe_layout *layout;   /* of its columns */
    struct version *next;        /* retired or waiting */
} version;

/* A reader's, of all models of a layout. */
typedef struct counters {
    const mmoe_layout *layout;
    mmoe_counter counter;
    struct counters *next;
} counters;

struct mmoe_reader {
    _Alignas(64) _Atomic(version *) active; /* NULL: outside */
    mmoe_slot *slot;
    uint64_t version; /* that `predictor` was made for; 0: none */
    mmoe_predictor *predictor;
    _Atomic bool taken;
    _Atomic(counters *) counters; /* of all its predictors; grows only */
    mmoe_scratch scratch; /* of the newest one, which alone is run; counters are its allocator's */
    mmoe_reader *next;
};

struct mmoe_slot {
    mmoe_allocator alloc;
    mmoe_predictor_options options; /* of every version's predictors */
    mmoe_layouts layouts;           /* while a publisher has its turn */
    _Alignas(64) _Atomic(version *) current;
    _Alignas(64) _Atomic(mmoe_reader *)
        readers;                    /* grows only; those that were freed are given out again */
    _Atomic(version *) retired;     /* replaced, not yet seen by a sweep */
    _Atomic uint32_t sweeps_wanted; /* not 0: one thread sweeps, and owns `waiting` */
    version *waiting;               /* replaced, and still read when last swept */
    _Atomic size_t n_replaced;      /* and not destroyed: current no more, or about to be */
    _Atomic bool is_collected;      /* by mmoe_slot_collect: readers do not sweep */
    pthread_mutex_t publishing;
};

/* Of no other slot's, and of no trainer's. */
static mmoe_status claim(mmoe_model *model, const char *call, mmoe_error *err) {
    if (atomic_load(&model->trainers))
        return mmoe_fail(err, MMOE_E_ARGUMENT,
                         "%s: the model has a trainer, which may change it; free that one first, "
                         "or give the slot a copy (mmoe_trainer_publish, mmoe_model_clone)",
                         call);
    if (!atomic_exchange(&model->is_served, true)) return MMOE_OK;
    return mmoe_fail(err, MMOE_E_ARGUMENT, "%s: the model is a slot's already", call);
}

/* But for the model and the readers' predictors. */
static void drop_version(const mmoe_slot *s, version *v) {
    mmoe_program_leave(v->program);
    mmoe_release(&s->alloc, v);
}

static void destroy(mmoe_slot *s, version *v) {
    mmoe_model *model = v->model;
    for (owned *o = atomic_load(&v->predictors); o;) {
        owned *next = o->next;
        mmoe_predictor_free(o->predictor);
        mmoe_release(&s->alloc, o);
        o = next;
    }
    drop_version(s, v);
    mmoe_model_free(model);
}

/* ---- Sweeping ---- */

static bool is_read(mmoe_slot *s, const version *v) {
    for (mmoe_reader *r = atomic_load(&s->readers); r; r = r->next)
        if (atomic_load(&r->active) == v) return true;
    return false;
}

static void sweep_once(mmoe_slot *s) {
    for (version *v = atomic_exchange(&s->retired, NULL); v;) {
        version *next = v->next;
        v->next = s->waiting;
        s->waiting = v;
        v = next;
    }
    for (version **at = &s->waiting; *at;) {
        version *v = *at;
        if (is_read(s, v)) {
            at = &v->next;
            continue;
        }
        *at = v->next;
        destroy(s, v);
        atomic_fetch_sub(&s->n_replaced, 1);
    }
}

/* Whoever comes while another thread sweeps leaves the work to it: that one sees the higher count
 * and sweeps again. */
static void sweep(mmoe_slot *s) {
    if (atomic_fetch_add(&s->sweeps_wanted, 1)) return;
    uint32_t seen = 1;
    do sweep_once(s);
    while (!atomic_compare_exchange_strong(&s->sweeps_wanted, &seen, 0));
}

/* By a reader. */
static void sweep_behind(mmoe_slot *s) {
    if (!atomic_load(&s->is_collected)) sweep(s);
}

size_t mmoe_slot_collect(mmoe_slot *s) {
    if (!s) return 0;
    atomic_store(&s->is_collected, true);
    sweep(s);
    return atomic_load(&s->n_replaced);
}

/* ---- The slot ---- */

/* One that readers have not seen; its model is the caller's again. */
static void undo_version(const mmoe_slot *s, version *v) {
    atomic_store(&v->model->is_served, false);
    drop_version(s, v);
}

static mmoe_status new_version(const mmoe_slot *s, mmoe_model *model, const char *call,
                               version **out, mmoe_error *err) {
    version *v = mmoe_alloc_zero(&s->alloc, 1, sizeof *v);
    if (!v) return mmoe_fail_memory(err, sizeof *v);
    v->model = model;
    mmoe_status status = claim(model, call, err);
    if (status) {
        drop_version(s, v);
        return status;
    }
    status = mmoe_predictor_program(call, model, &s->options, &s->alloc, &v->program, err);
    if (status)
        undo_version(s, v);
    else
        *out = v;
    return status;
}

static mmoe_status create_slot(const char *call, mmoe_model *model,
                               const mmoe_predictor_options *options, const mmoe_allocator *alloc,
                               mmoe_slot **out, mmoe_error *err) {
    if (!model || !out)
        return mmoe_fail(err, MMOE_E_ARGUMENT, "%s: %s is NULL", call, model ? "out" : "model");
    if (mmoe_allocator_check(alloc, call, err)) return MMOE_E_ARGUMENT;
    const mmoe_allocator a = mmoe_allocator_or_default(alloc);
    mmoe_slot *s = mmoe_alloc_aligned(&a, 1, sizeof *s);
    if (!s) return mmoe_fail_memory(err, sizeof *s);
    memset(s, 0, sizeof *s);
    s->alloc = s->layouts.alloc = a;
    if (options) s->options = *options;
    version *first = NULL;
    mmoe_status status = new_version(s, model, call, &first, err);
    if (!status) status = mmoe_layouts_find(&s->layouts, model->schema, &first->layout, err);
    if (status) {
        if (first) undo_version(s, first);
        mmoe_release_aligned(&a, s);
        return status;
    }
    first->number = 1;
    atomic_store(&s->current, first);
    pthread_mutex_init(&s->publishing, NULL);
    *out = s;
    return MMOE_OK;
}

mmoe_status mmoe_slot_create(mmoe_model *model, const mmoe_allocator *alloc, mmoe_slot **out,
                             mmoe_error *err) {
    return create_slot("mmoe_slot_create", model, NULL, alloc, out, err);
}

mmoe_status mmoe_slot_create_with(mmoe_model *model, const mmoe_predictor_options *options,
                                  const mmoe_allocator *alloc, mmoe_slot **out, mmoe_error *err) {
    return create_slot("mmoe_slot_create_with", model, options, alloc, out, err);
}

static void drop_counters(const mmoe_reader *r) {
    for (counters *c = atomic_load(&r->counters), *next; c; c = next) {
        next = c->next;
        mmoe_counter_finish(&c->counter, &r->scratch.alloc);
        mmoe_release(&r->scratch.alloc, c);
    }
}

void mmoe_slot_free(mmoe_slot *s) {
    if (!s) return;
    sweep(s);
    assert(!s->waiting);
    destroy(s, atomic_load(&s->current));
    for (mmoe_reader *r = atomic_load(&s->readers); r;) {
        mmoe_reader *next = r->next;
        assert(!atomic_load(&r->taken));
        drop_counters(r);
        mmoe_scratch_finish(&r->scratch);
        mmoe_tally_end(&r->scratch.alloc);
        mmoe_release_aligned(&s->alloc, r);
        r = next;
    }
    mmoe_layouts_finish(&s->layouts);
    pthread_mutex_destroy(&s->publishing);
    mmoe_allocator a = s->alloc;
    mmoe_release_aligned(&a, s);
}

mmoe_status mmoe_slot_publish(mmoe_slot *s, mmoe_model *model, uint64_t *number, mmoe_error *err) {
    if (!s || !model)
        return mmoe_fail(err, MMOE_E_ARGUMENT, "mmoe_slot_publish: %s is NULL",
                         s ? "model" : "slot");
    version *next = NULL;
    mmoe_status status = new_version(s, model, "mmoe_slot_publish", &next, err);
    if (status) return status;
    pthread_mutex_lock(&s->publishing);
    version *old = atomic_load(&s->current);
    status = s->options.input ? mmoe_check_same_tasks(old->model, model, err)
                              : mmoe_check_same_columns(old->model, model, err);
    if (!status) status = mmoe_layouts_find(&s->layouts, model->schema, &next->layout, err);
    if (status) {
        pthread_mutex_unlock(&s->publishing);
        undo_version(s, next);
        return status;
    }
    next->number = old->number + 1;
    if (number) *number = next->number;
    atomic_fetch_add(&s->n_replaced, 1);
    atomic_store(&s->current, next);
    old->next = atomic_load(&s->retired);
    while (!atomic_compare_exchange_weak(&s->retired, &old->next, old)) continue;
    pthread_mutex_unlock(&s->publishing);
    sweep(s);
    return MMOE_OK;
}

/* ---- Readers ---- */

mmoe_status mmoe_reader_create(mmoe_slot *s, mmoe_reader **out, mmoe_error *err) {
    if (!s || !out)
        return mmoe_fail(err, MMOE_E_ARGUMENT, "mmoe_reader_create: %s is NULL",
                         s ? "out" : "slot");
    for (mmoe_reader *r = atomic_load(&s->readers); r; r = r->next) {
        bool free_one = false;
        if (!atomic_compare_exchange_strong(&r->taken, &free_one, true)) continue;
        *out = r;
        return MMOE_OK;
    }
    mmoe_reader *r = mmoe_alloc_aligned(&s->alloc, 1, sizeof *r);
    if (!r) return mmoe_fail_memory(err, sizeof *r);
    memset(r, 0, sizeof *r);
    if (!mmoe_tally_begin(&s->alloc, &r->scratch.alloc)) {
        mmoe_release_aligned(&s->alloc, r);
        return mmoe_fail_memory(err, sizeof *r);
    }
    r->slot = s;
    atomic_store(&r->taken, true);
    mmoe_reader *first = atomic_load(&s->readers);
    do r->next = first;
    while (!atomic_compare_exchange_weak(&s->readers, &first, r));
    *out = r;
    return MMOE_OK;
}

void mmoe_reader_free(mmoe_reader *r) {
    if (!r) return;
    assert(!atomic_load(&r->active));
    atomic_store(&r->taken, false);
}

/* The reader's of a layout; NULL: memory is out. */
static mmoe_counter *counter_of(mmoe_reader *r, const mmoe_layout *layout) {
    const mmoe_allocator *a = &r->scratch.alloc;
    counters *c = atomic_load(&r->counters);
    while (c && c->layout != layout) c = c->next;
    if (c) return &c->counter;
    c = mmoe_alloc(a, 1, sizeof *c);
    if (!c || !mmoe_counter_init(&c->counter, &layout->counted, a)) {
        mmoe_release(a, c);
        return NULL;
    }
    c->layout = layout;
    c->next = atomic_load(&r->counters);
    atomic_store(&r->counters, c);
    return &c->counter;
}

/* The version owns the predictor: it may go while this thread is elsewhere. */
static mmoe_status make_predictor(mmoe_reader *r, version *v, mmoe_error *err) {
    const mmoe_allocator *a = &r->slot->alloc;
    const mmoe_shared shared = {&r->scratch, counter_of(r, v->layout)};
    owned *o = mmoe_alloc(a, 1, sizeof *o);
    mmoe_status status = MMOE_OK;
    if (!o || !shared.counter) status = mmoe_fail_memory(err, sizeof *o);
    if (!status) status = mmoe_predictor_of(v->program, &shared, a, &o->predictor, err);
    if (status) {
        mmoe_release(a, o);
        return status;
    }
    mmoe_program_share(v->program);
    o->next = atomic_load(&v->predictors);
    while (!atomic_compare_exchange_weak(&v->predictors, &o->next, o)) continue;
    r->predictor = o->predictor;
    r->version = v->number;
    return MMOE_OK;
}

mmoe_status mmoe_reader_enter(mmoe_reader *r, mmoe_served *out, mmoe_error *err) {
    if (!r || !out)
        return mmoe_fail(err, MMOE_E_ARGUMENT, "mmoe_reader_enter: %s is NULL",
                         r ? "out" : "reader");
    if (atomic_load_explicit(&r->active, memory_order_relaxed))
        return mmoe_fail(err, MMOE_E_ARGUMENT, "mmoe_reader_enter: the reader has not left");
    version *v = atomic_load(&r->slot->current);
    bool missed = false;
    for (;;) {
        atomic_store(&r->active, v);
        version *seen = atomic_load(&r->slot->current);
        if (seen == v) break;
        v = seen;
        missed = true;
    }
    /* What was announced in vain may have kept a sweep from destroying it. */
    if (missed) sweep_behind(r->slot);
    if (r->version != v->number) {
        mmoe_status status = make_predictor(r, v, err);
        if (status) {
            mmoe_reader_leave(r);
            return status;
        }
    }
    *out = (mmoe_served){v->number, v->model, r->predictor};
    return MMOE_OK;
}

void mmoe_reader_leave(mmoe_reader *r) {
    if (!r) return;
    version *v = atomic_load_explicit(&r->active, memory_order_relaxed);
    if (!v) return;
    atomic_store(&r->active, NULL);
    if (atomic_load(&r->slot->current) != v) sweep_behind(r->slot);
}

/* ---- Counts ---- */

/* While publishers wait, the current model and the columns stay. */
static mmoe_status begin_counts(mmoe_slot *s, mmoe_counts *out, mmoe_error *err) {
    const version *v = atomic_load(&s->current);
    const mmoe_status status =
        mmoe_counts_begin(s->layouts.n_column, v->layout->counted.n_task, out, err);
    if (status) return status;
    out->version = v->number;
    for (const mmoe_layout *l = s->layouts.newest; l; l = l->next)
        mmoe_counts_name(&l->counted, l->places, out);
    mmoe_counts_compare(v->model, v->layout->places, out);
    return MMOE_OK;
}

mmoe_status mmoe_slot_counts(mmoe_slot *s, mmoe_counts *out, mmoe_error *err) {
    if (!s || !out)
        return mmoe_fail(err, MMOE_E_ARGUMENT, "mmoe_slot_counts: %s is NULL", s ? "out" : "slot");
    pthread_mutex_lock(&s->publishing);
    const mmoe_status status = begin_counts(s, out, err);
    for (mmoe_reader *r = atomic_load(&s->readers); !status && r; r = r->next)
        for (const counters *c = atomic_load(&r->counters); c; c = c->next)
            mmoe_counts_add(&c->counter, c->layout->places, out);
    pthread_mutex_unlock(&s->publishing);
    return status;
}
