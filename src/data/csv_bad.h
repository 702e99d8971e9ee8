/* Rows of a CSV file that are at fault and are left out. A row is known to be at fault only when
 * some of its cells may have taught something, so its block is parsed again, and passes it over.
 * Rows to score teach nothing: they keep their places, without scores. */
#ifndef MMOE_DATA_CSV_BAD_H
#define MMOE_DATA_CSV_BAD_H

#include <stdbool.h>

#include "base/alloc.h"

typedef struct mmoe_csv_bad {
    bool is_on;    /* they are left out */
    bool are_kept; /* or are rows without scores */
    int64_t most;  /* so many at most */
    int64_t *rows; /* [count] their numbers, ascending */
    size_t count, room;
    size_t known;      /* of them are passed over; the others were found since */
    size_t next;       /* of the known ones comes next */
    bool may_be_first; /* the first row of the block says what form all rows have */
    bool is_first;     /* the last one is that row: the others are not looked at */
    bool is_full;      /* there was one more than may be */
    mmoe_error first;  /* the fault of rows[0] */
} mmoe_csv_bad;

/* Before a block is parsed, again perhaps. */
void mmoe_csv_bad_begin(mmoe_csv_bad *bad);
/* Is this row, behind those that were asked for, to be passed over? */
bool mmoe_csv_bad_has(mmoe_csv_bad *bad, int64_t row);
/* A row has a fault. MMOE_OK: it is left out; else the fault's status, or MMOE_E_MEMORY. */
mmoe_status mmoe_csv_bad_add(mmoe_csv_bad *bad, const mmoe_error *fault,
                             const mmoe_allocator *alloc, mmoe_error *err);

#endif
