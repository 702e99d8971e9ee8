/* Columns that are kept beside a data set's rows and are no part of a batch: their values tell
 * groups of rows apart. */
#ifndef MMOE_DATA_KEPT_H
#define MMOE_DATA_KEPT_H

#include "data/vocab.h"

typedef struct mmoe_kept {
    char *name;
    int32_t *values;   /* [rows] rows of `vocab`; 0: missing; NULL: of rows that are stored */
    mmoe_vocab *vocab; /* in the order of first appearance */
} mmoe_kept;

/* A column without values, whose vocabulary learns. MMOE_E_MEMORY; it is to be finished then. */
mmoe_status mmoe_kept_begin(mmoe_kept *kept, const char *name, const mmoe_allocator *alloc,
                            mmoe_error *err);
void mmoe_kept_finish(mmoe_kept *kept, const mmoe_allocator *alloc);

/* Enters the values of `from` in a vocabulary that learns: value v is row (*rows)[v] there. The
 * caller releases *rows. MMOE_E_MEMORY. */
mmoe_status mmoe_kept_merge(mmoe_vocab *vocab, const mmoe_kept *from, const mmoe_allocator *alloc,
                            int32_t **rows, mmoe_error *err);

/* A copy of a value's text, "7" of a number; NULL when memory is out. `value` is not 0. */
char *mmoe_kept_text(const mmoe_kept *kept, int32_t value, const mmoe_allocator *alloc);

#endif
