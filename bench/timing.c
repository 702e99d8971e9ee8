#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/clock.h"
#include "common.h"

static int compare_seconds(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double bench_quantile(bench_samples *s, double q) {
    if (!s->count) bench_fail("nothing was measured");
    qsort(s->seconds, s->count, sizeof *s->seconds, compare_seconds);
    return s->seconds[(size_t)(q * (double)(s->count - 1) + 0.5)];
}

void bench_samples_free(bench_samples *s) {
    free(s->seconds);
    *s = (bench_samples){0};
}

static void take_turn(bench_racer *r, int calls) {
    bench_samples *s = &r->samples;
    if (s->count + (size_t)calls > s->size) {
        s->size = 2 * (s->count + (size_t)calls);
        double *grown = realloc(s->seconds, s->size * sizeof *grown);
        if (!grown) bench_fail("out of memory");
        s->seconds = grown;
    }
    r->turn(r->context, calls, s->seconds + s->count);
    s->count += (size_t)calls;
}

/* Calls of a turn, by the median of a warm-up. */
static int calibrate(bench_racer *r, double seconds, double turn) {
    double begin = mmoe_clock();
    while (r->samples.count < 3 || mmoe_clock() - begin < seconds / 8) take_turn(r, 1);
    double calls = turn / (bench_quantile(&r->samples, 0.5) + 1e-9);
    r->samples.count = 0;
    if (calls < 1) return 1;
    return calls > 65536 ? 65536 : (int)calls;
}

void bench_race(bench_racer *racers, size_t count, double seconds) {
    double turn = seconds / 8 < 0.03 ? seconds / 8 : 0.03;
    int *calls = bench_alloc(count, sizeof *calls);
    for (size_t i = 0; i < count; i++) calls[i] = calibrate(&racers[i], seconds, turn);
    double begin = mmoe_clock();
    for (int turns = 0; turns < 3 || mmoe_clock() - begin < seconds * (double)count; turns++)
        for (size_t i = 0; i < count; i++) take_turn(&racers[i], calls[i]);
    free(calls);
}

struct bench_crew {
    int workers, calls;
    bench_work work;
    void *context;
    _Alignas(64) _Atomic unsigned arrived;
};

typedef struct member {
    bench_crew *crew;
    int worker;
    pthread_t thread;
} member;

int bench_crew_size(const bench_crew *crew) { return crew->workers; }

void bench_crew_meet(bench_crew *crew) {
    const unsigned n = (unsigned)crew->workers;
    unsigned all = atomic_fetch_add(&crew->arrived, 1) / n * n + n;
    for (int i = 0; atomic_load(&crew->arrived) < all; i++)
        if (i > 2000) sched_yield();
}

static void *member_main(void *argument) {
    member *m = argument;
    for (int i = 0; i < m->crew->calls; i++) {
        bench_crew_meet(m->crew);
        m->crew->work(m->crew->context, m->crew, m->worker);
        bench_crew_meet(m->crew);
    }
    return NULL;
}

void bench_crew_run(int workers, bench_work work, void *context, int calls, double *seconds) {
    bench_crew crew = {.workers = workers, .calls = calls, .work = work, .context = context};
    member members[BENCH_MAX_THREADS];
    for (int w = 1; w < workers; w++) {
        members[w] = (member){.crew = &crew, .worker = w};
        if (pthread_create(&members[w].thread, NULL, member_main, &members[w]))
            bench_fail("the system gives no thread");
    }
    for (int i = 0; i < calls; i++) {
        bench_crew_meet(&crew);
        double begin = mmoe_clock();
        work(context, &crew, 0);
        bench_crew_meet(&crew);
        seconds[i] = mmoe_clock() - begin;
    }
    for (int w = 1; w < workers; w++) pthread_join(members[w].thread, NULL);
}
