/* A watcher that keeps what it was told. */
#ifndef MMOE_TESTS_WATCHED_SUPPORT_H
#define MMOE_TESTS_WATCHED_SUPPORT_H

#include <pthread.h>
#include <string.h>

#include "check_main.h"
#include "mmoe/train.h"

enum { MOST_WORKS = 4 };
static struct {
    struct {
        int times;
        mmoe_work last;
    } works[MOST_WORKS]; /* one after the other */
    int count;
} watched;

/* Work begins at 0 and only goes on, in the thread that called: that of the test. */
static inline void watch_work(void *user, const mmoe_work *work) {
    static pthread_t thread;
    ck_assert_ptr_eq(user, &watched);
    if (!watched.count) thread = pthread_self();
    ck_assert(pthread_equal(pthread_self(), thread));
    if (!watched.count || strcmp(watched.works[watched.count - 1].last.what, work->what) != 0) {
        ck_assert_int_lt(watched.count, MOST_WORKS);
        ck_assert_int_eq(work->done, 0);
        ck_assert_int_eq(work->rows, 0);
        watched.works[watched.count++].last = *work;
    }
    const int n = watched.count - 1;
    const mmoe_work *last = &watched.works[n].last;
    ck_assert_str_eq(work->unit, last->unit);
    ck_assert_int_ge(work->done, last->done);
    ck_assert_int_ge(work->rows, last->rows);
    ck_assert_int_eq(work->total, last->total);
    watched.works[n].times++;
    watched.works[n].last = *work;
}

/* It was told of this work, first, second and so on, `times` or more, and last when all was done.
 */
static inline void check_watched(int nth, const char *what, const char *unit, int64_t total,
                                 int times) {
    ck_assert_int_gt(watched.count, nth);
    const mmoe_work *last = &watched.works[nth].last;
    ck_assert_str_eq(last->what, what);
    ck_assert_str_eq(last->unit, unit);
    ck_assert_int_eq(last->done, total);
    ck_assert_int_eq(last->total, total);
    ck_assert_int_ge(watched.works[nth].times, times);
}

static const mmoe_watcher watcher = {watch_work, &watched};

#endif
