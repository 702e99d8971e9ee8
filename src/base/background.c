#include "base/background.h"

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>

#include "base/error.h"

struct mmoe_background {
    mmoe_allocator alloc;
    void (*work)(void *context);
    void *context;
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    bool is_wanted, is_over; /* the work, the thread */
};

static void *thread_main(void *argument) {
    mmoe_background *b = argument;
    pthread_mutex_lock(&b->mutex);
    for (;;) {
        while (!b->is_wanted && !b->is_over) pthread_cond_wait(&b->changed, &b->mutex);
        if (b->is_over) break;
        pthread_mutex_unlock(&b->mutex);
        b->work(b->context);
        pthread_mutex_lock(&b->mutex);
        b->is_wanted = false;
        pthread_cond_broadcast(&b->changed);
    }
    pthread_mutex_unlock(&b->mutex);
    return NULL;
}

/* Signals are the host's. */
static int start_thread(mmoe_background *b) {
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    const int failed = pthread_create(&b->thread, NULL, thread_main, b);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return failed;
}

static void release(mmoe_background *b) {
    const mmoe_allocator a = b->alloc;
    pthread_cond_destroy(&b->changed);
    pthread_mutex_destroy(&b->mutex);
    mmoe_release(&a, b);
}

mmoe_status mmoe_background_create(void (*work)(void *context), void *context,
                                   const mmoe_allocator *alloc, mmoe_background **out,
                                   mmoe_error *err) {
    mmoe_background *b = mmoe_alloc_zero(alloc, 1, sizeof *b);
    if (!b) return mmoe_fail_memory(err, sizeof *b);
    b->alloc = *alloc;
    b->work = work;
    b->context = context;
    pthread_mutex_init(&b->mutex, NULL);
    pthread_cond_init(&b->changed, NULL);
    if (start_thread(b)) {
        release(b);
        return mmoe_fail(err, MMOE_E_IO, "the system gave no thread");
    }
    *out = b;
    return MMOE_OK;
}

void mmoe_background_start(mmoe_background *b) {
    pthread_mutex_lock(&b->mutex);
    b->is_wanted = true;
    pthread_cond_broadcast(&b->changed);
    pthread_mutex_unlock(&b->mutex);
}

void mmoe_background_wait(mmoe_background *b) {
    pthread_mutex_lock(&b->mutex);
    while (b->is_wanted) pthread_cond_wait(&b->changed, &b->mutex);
    pthread_mutex_unlock(&b->mutex);
}

void mmoe_background_free(mmoe_background *b) {
    if (!b) return;
    mmoe_background_wait(b);
    pthread_mutex_lock(&b->mutex);
    b->is_over = true;
    pthread_cond_broadcast(&b->changed);
    pthread_mutex_unlock(&b->mutex);
    pthread_join(b->thread, NULL);
    release(b);
}
