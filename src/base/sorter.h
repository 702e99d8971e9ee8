/* Records of a few words in ascending order, however many. As many as a bound allows are sorted in
 * memory; where there are more, each such run goes to a temporary file without a name, and all runs
 * are merged. What comes out is the same to the bit, in one run or many. */
#ifndef MMOE_BASE_SORTER_H
#define MMOE_BASE_SORTER_H

#include "base/alloc.h"

enum { MMOE_SORTER_WORDS = 4 }; /* of a record, at most */

typedef struct mmoe_sorter mmoe_sorter;

/* For records of 2 to 4 words, which all but the last word order, the first one first; records that
 * these do not tell apart stay in the order in which they come. A run is of `run` records, at least
 * 1. MMOE_E_MEMORY. */
mmoe_status mmoe_sorter_create(int words, size_t run, const mmoe_allocator *alloc,
                               mmoe_sorter **out, mmoe_error *err);
void mmoe_sorter_free(mmoe_sorter *s);
/* Bytes of memory for a record of a run. */
static inline size_t mmoe_sorter_bytes(int words) { return 2 * (size_t)words * sizeof(uint32_t); }

/* Forgets all records. */
void mmoe_sorter_clear(mmoe_sorter *s);
/* Adds n records. MMOE_E_IO: the file cannot be written, as where the disk is full. */
mmoe_status mmoe_sorter_add(mmoe_sorter *s, const uint32_t *records, size_t n, mmoe_error *err);
/* Ends adding: the first of all records come next. MMOE_E_IO; _MEMORY, too: there are more runs
 * than a run has records. */
mmoe_status mmoe_sorter_begin(mmoe_sorter *s, mmoe_error *err);
/* The next of all records, which stay until the next call; *n is 0 behind the last. MMOE_E_IO. */
mmoe_status mmoe_sorter_next(mmoe_sorter *s, const uint32_t **records, size_t *n, mmoe_error *err);

#endif
