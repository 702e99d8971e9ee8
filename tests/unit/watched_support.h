/* A watcher that keeps what it was told. */
#ifndef MMOE_TESTS_WATCHED_SUPPORT_H
#define MMOE_TESTS_WATCHED_SUPPORT_H

#include <pthread.h>

#include "check_main.h"
#include "mmoe/train.h"

static struct {
    int times;
    mmoe_work last; /* all of one piece of work */
    pthread_t thread;
} watched;

/* Work begins at 0 and only goes on, in the thread that called. */
static inline void watch_work(void *user, const mmoe_work *work) {
    ck_assert_ptr_eq(user, &watched);
    if (watched.times++ == 0) {
        ck_assert_int_eq(work->done, 0);
        watched.thread = pthread_self();
    } else {
        ck_assert_str_eq(work->what, watched.last.what);
        ck_assert_str_eq(work->unit, watched.last.unit);
        ck_assert_int_ge(work->done, watched.last.done);
        ck_assert_int_ge(work->rows, watched.last.rows);
        ck_assert_int_eq(work->total, watched.last.total);
    }
    ck_assert(pthread_equal(pthread_self(), watched.thread));
    watched.last = *work;
}

static const mmoe_watcher watcher = {watch_work, &watched};

#endif
