/* Telling a caller's watcher (mmoe/train.h) how far work has come. */
#ifndef MMOE_BASE_WATCHER_H
#define MMOE_BASE_WATCHER_H

#include "base/error.h"
#include "mmoe/train.h"

/* `watcher` may be NULL. */
static inline void mmoe_tell(const mmoe_watcher *watcher, const mmoe_work *work) {
    if (watcher) watcher->on_work(watcher->user, work);
}

/* MMOE_E_CANCELLED, once *stop is other than 0 (mmoe_read_options.stop); `stop` may be NULL. */
static inline mmoe_status mmoe_check_stop(const int *stop, mmoe_error *err) {
    return stop && __atomic_load_n(stop, __ATOMIC_RELAXED)
               ? mmoe_fail(err, MMOE_E_CANCELLED, "reading was stopped")
               : MMOE_OK;
}

/* Work on rows, `total` of them. */
static inline void mmoe_tell_rows(const mmoe_watcher *watcher, const char *what, int64_t done,
                                  int64_t total) {
    const mmoe_work work = {.what = what, .done = done, .total = total, .unit = "rows"};
    mmoe_tell(watcher, &work);
}

/* A file that is written, which will have `total` bytes. */
static inline void mmoe_tell_written(const mmoe_watcher *watcher, size_t done, size_t total) {
    const mmoe_work work = {
        .what = "writing", .done = (int64_t)done, .total = (int64_t)total, .unit = "bytes"};
    mmoe_tell(watcher, &work);
}

#endif
