#include "reading_memory.h"

#include <pthread.h>
#include <stdbool.h>
#include <string.h>

#include "base/memory.h"
#include "base/raw_bytes.h"
#include "progress.h"
#include "warnings.h"

/* Shares of the file between two looks; of the memory that was there, what has to be taken before
 * rows tell what others will take; of what these seem to take, what they do at least, since most
 * values that are learned are met early. */
static const double between = 0.01, telling = 0.2, at_least = 0.9;

/* The reading that is watched, since its first rows: by then buffers have their memory. */
static struct reading {
    const char *file;
    double first, last; /* shares of the file */
    int64_t taken, available;
    bool is_said;
} reading;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

static void look(const mmoe_work *work) {
    struct reading *r = &reading;
    const double share = (double)work->done / (double)work->total;
    if (work->file != r->file || share < r->last) {
        *r = (struct reading){
            work->file, share, share, mmoe_memory_taken(), mmoe_memory_available(0), false};
        return;
    }
    if (r->is_said || share - r->last < between) return;
    r->last = share;
    const double taken = (double)(mmoe_memory_taken() - r->taken),
                 more = taken / (share - r->first) * (1 - share);
    if (taken < telling * (double)r->available) return;
    const double available = (double)mmoe_memory_available(0);
    r->is_said = at_least * more > available;
    if (r->is_said)
        cli_warn("%s: the rest of its rows seems to take some %.1f MB of memory, and %.1f MB are "
                 "available to this process, which the system may end",
                 mmoe_raw_bytes_name(work->file), more / 1e6, available / 1e6);
}

static void watch(void *user, const mmoe_work *work) {
    (void)user;
    cli_progress(work);
    /* What is loaded, or encoded, has its memory before. */
    if (!work->file || strcmp(work->what, "reading") != 0) return;
    if (work->rows <= 0 || work->total <= 0 || pthread_mutex_trylock(&mutex)) return;
    look(work);
    pthread_mutex_unlock(&mutex);
}

const mmoe_watcher cli_memory_watcher = {.on_work = watch};
