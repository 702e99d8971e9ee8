/* An allocator that counts, checks that everything comes back whole, and fails its n-th call. */
#ifndef MMOE_TESTS_FAILING_H
#define MMOE_TESTS_FAILING_H

#include <check.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "mmoe/mmoe.h"

typedef struct failing {
    long fail_at;        /* the call that fails, from 1; 0: none */
    int and_after;       /* 1: every later call fails, too ... */
    int may_shrink;      /* ... 1: but for those that make a block smaller, which are no calls */
    long stride;         /* from one failing call to that of the next attempt; 0: 1 */
    int paused;          /* 1: nothing fails nor counts as a call for now */
    atomic_long calls;   /* allocations and changes of size so far */
    atomic_long refused; /* those that failed */
    atomic_long live;    /* blocks not yet released */
    atomic_size_t bytes; /* that were asked for of these */
} failing;

mmoe_allocator failing_allocator(failing *f);

/* From now on jansson's allocations are f's, too; NULL: they are malloc's again. */
void failing_json(failing *f);

/* Readies an attempt of what allocates by `f`: the first call fails, in the next attempt the
 * second, and so on to the attempt in which none fails. False behind that one: while
 * (failing_next(&f)) { ... } */
bool failing_next(failing *f);
/* Whether it makes each call fail; under sanitizers and emulators some are left out. */
bool failing_tries_each(void);

/* What an attempt must give: MMOE_E_MEMORY, said as it is, exactly where a call failed. */
void failing_check(const failing *f, mmoe_status status, const mmoe_error *err);

#endif
