/* What parts teach a schema behind all of them, in a file without a name instead of memory: numbers
 * that wait for it, labels and weights. */
#ifndef MMOE_DATA_CSV_SPILL_H
#define MMOE_DATA_CSV_SPILL_H

#include "data/csv_part.h"

typedef struct mmoe_csv_spill {
    const char *folder;
    int file;
    int64_t size;
} mmoe_csv_spill;

/* The file lies on the folder's file system. MMOE_E_IO. */
mmoe_status mmoe_csv_spill_open(const char *folder, mmoe_csv_spill *out, mmoe_error *err);
void mmoe_csv_spill_close(mmoe_csv_spill *s);

/* Writes a part's arrays. Its labels and weights are shortened in place, and must not be used until
 * they are read back. MMOE_E_IO. */
mmoe_status mmoe_csv_spill_put(mmoe_csv_spill *s, mmoe_csv_part *part, mmoe_error *err);
/* Gives it back what was written. MMOE_E_IO, _MEMORY. */
mmoe_status mmoe_csv_spill_get(const mmoe_csv_spill *s, mmoe_csv_part *part, mmoe_error *err);
/* It has none of that. */
void mmoe_csv_spill_drop(mmoe_csv_part *part);

#endif
