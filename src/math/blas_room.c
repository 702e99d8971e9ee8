#include "math/blas_room.h"

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/mman.h>

#include "base/error.h"
#include "base/pool.h"

enum { BUFFER_MB = 128, MOST = MMOE_MOST_WORKERS }; /* MB: of x86-64; of others no more */

/* OpenBLAS's own, which its headers do not declare; where another BLAS has none, nothing is taken.
 */
void *blas_memory_alloc(int place) __attribute__((weak));
void blas_memory_free(void *buffer) __attribute__((weak));

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int claimed, taken; /* by all owners; buffers that OpenBLAS has */

/* Would the system give so many buffers? One by one, as they will be asked for. */
static bool has_memory(int count) {
    static const size_t size = (size_t)(BUFFER_MB + 1) << 20;
    void *all[MOST];
    int got = 0;
    for (; got < count; got++) {
        all[got] = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (all[got] == MAP_FAILED) break;
    }
    const bool is_there = got == count;
    while (got-- > 0) munmap(all[got], size);
    return is_there;
}

/* Those that it has come first. */
static void take(int count) {
    void *all[MOST];
    if (!blas_memory_alloc || !blas_memory_free) return;
    for (int i = 0; i < count; i++) all[i] = blas_memory_alloc(0);
    for (int i = 0; i < count; i++) blas_memory_free(all[i]);
}

mmoe_status mmoe_blas_claim(int workers, mmoe_error *err) {
    pthread_mutex_lock(&lock);
    const int all = claimed + workers, wanted = all < MOST ? all : MOST;
    const bool is_there = wanted <= taken || has_memory(wanted - taken);
    if (is_there) claimed = all;
    if (is_there && wanted > taken) {
        take(wanted);
        taken = wanted;
    }
    pthread_mutex_unlock(&lock);
    if (is_there) return MMOE_OK;
    return mmoe_fail(
        err, MMOE_E_MEMORY,
        "out of memory: OpenBLAS takes %d MB of addresses a thread, of %d here, and the "
        "system does not give them (ulimit -v); fewer threads take less",
        BUFFER_MB, workers);
}

int64_t mmoe_blas_addresses(int workers) {
    pthread_mutex_lock(&lock);
    const int64_t more = workers - taken;
    pthread_mutex_unlock(&lock);
    return more > 0 ? more * BUFFER_MB << 20 : 0;
}

void mmoe_blas_release(int workers) {
    pthread_mutex_lock(&lock);
    claimed -= workers;
    pthread_mutex_unlock(&lock);
}
