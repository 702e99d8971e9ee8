/* A pool of workers for short parallel loops. */
#ifndef MMOE_BASE_POOL_H
#define MMOE_BASE_POOL_H

#include "base/alloc.h"

typedef struct mmoe_pool mmoe_pool;

enum { MMOE_MOST_WORKERS = 256 };
/* Checks the number of threads that a caller of the public function `call` asks for: 0 (one a
 * processor) to MMOE_MOST_WORKERS, else MMOE_E_ARGUMENT. */
mmoe_status mmoe_check_threads(int threads, const char *call, mmoe_error *err);

/* `task` of a loop, run by `worker` (0 is the calling thread). */
typedef void (*mmoe_pool_fn)(void *context, int worker, int task);

/* Starts workers - 1 threads. MMOE_E_MEMORY, or MMOE_E_IO when the system gives no thread. */
mmoe_status mmoe_pool_create(int workers, const mmoe_allocator *alloc, mmoe_pool **out,
                             mmoe_error *err);
void mmoe_pool_free(mmoe_pool *pool);
int mmoe_pool_workers(const mmoe_pool *pool);

/* Runs fn(context, ., 0 .. tasks-1) and returns when all are done. Task t belongs to worker t *
 * workers / tasks, so that loops over the same chunks find them in the same cache. A worker that
 * has finished its own tasks takes tasks of others, the last ones first, so that most tasks stay
 * with their worker. Which worker runs a task must not change its result. Tasks take subnormal
 * numbers for 0. One loop at a time. */
void mmoe_pool_run(mmoe_pool *pool, int tasks, mmoe_pool_fn fn, void *context);

/* The same, but tasks take subnormal numbers as the calling thread does. `pool` NULL: that runs
 * them alone. */
void mmoe_pool_run_exact(mmoe_pool *pool, int tasks, mmoe_pool_fn fn, void *context);

/* Workers for a request of `threads`: itself, or for 0 one a processor that the process may use
 * (processors.h), at most 256. */
int mmoe_worker_count(int threads);

#endif
