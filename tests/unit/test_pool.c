/* The worker pool. Tasks write plain memory, so that a thread sanitizer sees a task that runs twice
 * or late. */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/pool.h"
#include "check_main.h"
#include "failing.h"

enum { MOST_WORKERS = 8, MOST_TASKS = 1000 };

static mmoe_pool *pool_of(int workers) {
    mmoe_pool *pool = NULL;
    mmoe_error err = {0};
    const mmoe_status status = mmoe_pool_create(workers, NULL, &pool, &err);
    ck_assert_msg(status == MMOE_OK, "%s", err.message);
    ck_assert_int_eq(mmoe_pool_workers(pool), workers);
    return pool;
}

/* A loop over `tasks` tasks; it is over once mmoe_pool_run has returned. */
typedef struct loop {
    int workers, tasks, number, over;
    pthread_t caller;
    int runs[MOST_TASKS + 1]; /* of a task; a task beyond the last counts at the end */
    int by[MOST_WORKERS];     /* tasks of a worker */
    int wrong; /* runs of tasks that are none, by workers that are none, or too late */
} loop;

static void count_run(void *context, int worker, int task) {
    loop *l = context;
    if (l->over || task < 0 || task >= l->tasks || worker < 0 || worker >= l->workers ||
        (worker == 0) != pthread_equal(pthread_self(), l->caller))
        l->wrong = 1;
    else {
        l->runs[task] += l->number;
        l->by[worker]++;
    }
}

static void loop_begin(loop *l, int workers, int tasks, int number) {
    *l = (loop){.workers = workers, .tasks = tasks, .number = number};
    l->caller = pthread_self();
}

/* Every task ran once. */
static void loop_end(loop *l) {
    l->over = 1;
    int sum = 0;
    for (int t = 0; t < l->tasks; t++)
        if (l->runs[t] != l->number)
            ck_abort_msg("task %d of %d, %d workers: %d / %d runs", t, l->tasks, l->workers,
                         l->runs[t], l->number);
    for (int w = 0; w < l->workers; w++) sum += l->by[w];
    if (sum != l->tasks || l->wrong)
        ck_abort_msg("%d of %d tasks, %d workers: a run of no task, by no worker, or too late", sum,
                     l->tasks, l->workers);
}

/* Each in a number of its own, so that a late run shows in the sum. */
static void run_loop(mmoe_pool *pool, loop *l, int tasks, int number) {
    loop_begin(l, mmoe_pool_workers(pool), tasks, number);
    mmoe_pool_run(pool, tasks, count_run, l);
    loop_end(l);
}

START_TEST(every_task_runs_once) {
    mmoe_pool *pool = pool_of(_i);
    static loop l;
    for (int tasks = 0; tasks <= MOST_TASKS; tasks += tasks < 70 || tasks >= 990 ? 1 : 23)
        run_loop(pool, &l, tasks, 1);
    mmoe_pool_free(pool);
}
END_TEST

/* Loops of changing sizes follow each other at once; a worker that is late for one finds another.
 * The contexts alternate, and one that is over must stay as it was. */
START_TEST(late_workers_run_nothing_of_another_loop) {
    mmoe_pool *pool = pool_of(_i);
    static loop l[4];
    for (int n = 0; n < 4000; n++) {
        loop *now = &l[n % 4], *before = &l[(n + 3) % 4];
        int tasks = n % 11 == 0 ? 100 : n % 13;
        if (n % 7 == 0) tasks = 1;
        run_loop(pool, now, tasks, n + 1);
        if (n) loop_end(before);
    }
    for (int k = 0; k < 4; k++) loop_end(&l[k]);
    mmoe_pool_free(pool);
}
END_TEST

/* With a task a worker, each of which waits for all others, every worker must take part, and takes
 * its own task. */
typedef struct meeting {
    pthread_barrier_t all;
    int worker_of[MOST_WORKERS];
} meeting;

static void meet(void *context, int worker, int task) {
    meeting *m = context;
    m->worker_of[task] = worker;
    pthread_barrier_wait(&m->all);
}

static void hold_meeting(mmoe_pool *pool) {
    const int workers = mmoe_pool_workers(pool);
    meeting m;
    memset(&m, 0xff, sizeof m);
    ck_assert_int_eq(pthread_barrier_init(&m.all, NULL, (unsigned)workers), 0);
    mmoe_pool_run(pool, workers, meet, &m);
    for (int w = 0; w < workers; w++) ck_assert_int_eq(m.worker_of[w], w);
    pthread_barrier_destroy(&m.all);
}

START_TEST(sleeping_workers_wake) {
    mmoe_pool *pool = pool_of(_i);
    for (int n = 0; n < 12; n++) {
        hold_meeting(pool);
        usleep(n % 3 ? 20000 : 0); /* spinning ends within a few milliseconds */
    }
    mmoe_pool_free(pool);
}
END_TEST

START_TEST(pools_come_and_go) {
    static loop l;
    for (int n = 0; n < 160; n++) {
        mmoe_pool *pool = pool_of(1 + n % MOST_WORKERS);
        for (int k = 0; k < n % 4; k++) run_loop(pool, &l, 20, n + 1);
        if (n % 40 == 1) usleep(20000); /* frees sleepers */
        mmoe_pool_free(pool);
    }
    mmoe_pool_free(NULL);
}
END_TEST

/* Where the first worker does not get beyond its first task, the other one takes what is left from
 * its share's end. */
typedef struct stealing {
    atomic_int done;
    int by[6], order[6];
} stealing;

static void wait_at_first(void *context, int worker, int task) {
    stealing *s = context;
    s->by[task] = worker;
    while (task == 0 && atomic_load(&s->done) < 5) usleep(100);
    s->order[task] = atomic_fetch_add(&s->done, 1);
}

START_TEST(others_shares_are_taken_from_their_ends) {
    mmoe_pool *pool = pool_of(2);
    stealing s = {0};
    mmoe_pool_run(pool, 6, wait_at_first, &s);
    for (int t = 1; t < 6; t++) ck_assert_int_eq(s.by[t], 1);
    ck_assert_int_lt(s.order[3], s.order[4]); /* its own, in their order */
    ck_assert_int_lt(s.order[5], s.order[2]);
    ck_assert_int_lt(s.order[2], s.order[1]);
    mmoe_pool_free(pool);
}
END_TEST

/* More than a share's numbers have bits for. */
enum { LARGE = (1 << 21) + 5 };

static void count_bytes(void *context, int worker, int task) {
    (void)worker;
    ((unsigned char *)context)[task]++;
}

START_TEST(large_loops_are_whole) {
    unsigned char *runs = calloc(LARGE + 1, 1);
    ck_assert_ptr_nonnull(runs);
    mmoe_pool *pool = pool_of(3);
    mmoe_pool_run(pool, LARGE, count_bytes, runs);
    for (int t = 0; t < LARGE; t++)
        if (runs[t] != 1) ck_abort_msg("task %d: %d runs", t, runs[t]);
    ck_assert_int_eq(runs[LARGE], 0);
    mmoe_pool_free(pool);
    free(runs);
}
END_TEST

static void *use_a_pool(void *context) {
    loop *l = context;
    mmoe_pool *pool = pool_of(3);
    for (int n = 1; n <= 500; n++) run_loop(pool, l, n % 50, n);
    mmoe_pool_free(pool);
    return NULL;
}

START_TEST(pools_do_not_meet) {
    static loop l[2];
    pthread_t other;
    ck_assert_int_eq(pthread_create(&other, NULL, use_a_pool, &l[1]), 0);
    use_a_pool(&l[0]);
    ck_assert_int_eq(pthread_join(other, NULL), 0);
}
END_TEST

START_TEST(nth_allocation_fails) {
    mmoe_pool *const untouched = (mmoe_pool *)(uintptr_t)64;
    failing f = {0};
    const mmoe_allocator a = failing_allocator(&f);
    long attempts = 0;
    for (; failing_next(&f); attempts++) {
        mmoe_error err = {0};
        mmoe_pool *pool = untouched;
        const mmoe_status status = mmoe_pool_create(3, &a, &pool, &err);
        failing_check(&f, status, &err);
        ck_assert((pool == untouched) == (status != MMOE_OK));
        if (pool != untouched) mmoe_pool_free(pool);
        ck_assert_int_eq(f.live, 0);
    }
    ck_assert_int_gt(attempts, 2);
}
END_TEST

/* A stack larger than the address space is one that the system refuses. */
START_TEST(no_thread_is_an_error) {
    pthread_attr_t before, huge;
    ck_assert_int_eq(pthread_getattr_default_np(&before), 0);
    ck_assert_int_eq(pthread_attr_init(&huge), 0);
    ck_assert_int_eq(pthread_attr_setstacksize(&huge, (size_t)1 << 50), 0);
    ck_assert_int_eq(pthread_setattr_default_np(&huge), 0);
    failing f = {0};
    const mmoe_allocator a = failing_allocator(&f);
    mmoe_error err = {0};
    mmoe_pool *pool = NULL;
    ck_assert_int_eq(mmoe_pool_create(3, &a, &pool, &err), MMOE_E_IO);
    ck_assert_str_eq(err.message, "the system gave no thread for worker 2 of 3");
    ck_assert_ptr_null(pool);
    ck_assert_int_eq(f.live, 0);
    ck_assert_int_eq(pthread_setattr_default_np(&before), 0);
    mmoe_pool_free(pool_of(3));
    pthread_attr_destroy(&huge);
    pthread_attr_destroy(&before);
}
END_TEST

/* A signal to the process waits for a thread of the host, and the caller's own mask stands. */
static volatile float least_normal = 1.17549435e-38f;

static void halve(void *context, int worker, int task) {
    (void)worker;
    ((float *)context)[task] = least_normal * 0.5f;
}

/* In the workers, not in the caller behind the loop. */
START_TEST(subnormal_numbers_are_0) {
    float halves[MOST_TASKS], own;
    mmoe_pool *pool = pool_of(_i);
    mmoe_pool_run(pool, MOST_TASKS, halve, halves);
    for (int t = 0; t < MOST_TASKS; t++) ck_assert(halves[t] == 0);
    halve(&own, 0, 0);
    ck_assert(own > 0);
    mmoe_pool_free(pool);
}
END_TEST

START_TEST(workers_take_no_signals) {
    sigset_t usr1, mask, pending;
    sigemptyset(&usr1);
    sigaddset(&usr1, SIGUSR1);
    mmoe_pool *pool = pool_of(3);
    pthread_sigmask(SIG_BLOCK, NULL, &mask);
    ck_assert_int_eq(sigismember(&mask, SIGUSR1), 0);
    pthread_sigmask(SIG_BLOCK, &usr1, NULL);
    ck_assert_int_eq(kill(getpid(), SIGUSR1), 0);
    hold_meeting(pool);
    sigpending(&pending);
    ck_assert_int_eq(sigismember(&pending, SIGUSR1), 1);
    int got;
    ck_assert_int_eq(sigwait(&usr1, &got), 0);
    mmoe_pool_free(pool);
}
END_TEST

void add_cases(TCase *c) {
    tcase_add_loop_test(c, every_task_runs_once, 1, MOST_WORKERS + 1);
    tcase_add_loop_test(c, late_workers_run_nothing_of_another_loop, 2, MOST_WORKERS + 1);
    tcase_add_loop_test(c, sleeping_workers_wake, 1, MOST_WORKERS + 1);
    tcase_add_loop_test(c, subnormal_numbers_are_0, 1, 4);
    tcase_add_test(c, others_shares_are_taken_from_their_ends);
    tcase_add_test(c, large_loops_are_whole);
    tcase_add_test(c, pools_come_and_go);
    tcase_add_test(c, pools_do_not_meet);
    tcase_add_test(c, nth_allocation_fails);
    tcase_add_test(c, no_thread_is_an_error);
    tcase_add_test(c, workers_take_no_signals);
}
