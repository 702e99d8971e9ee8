/* Rows by libcsv, which says what the fields of any bytes are, or what is wrong with them. */
#ifndef MMOE_BASE_CSV_EXACT_H
#define MMOE_BASE_CSV_EXACT_H

#include "base/csv_lines.h"

typedef struct mmoe_csv_exact mmoe_csv_exact;

/* By the handler and the form of `lines`, which must outlast it. MMOE_E_MEMORY. */
mmoe_status mmoe_csv_exact_create(mmoe_csv_lines *lines, mmoe_csv_exact **out);
/* What separates fields from now on. */
void mmoe_csv_exact_separate(mmoe_csv_exact *x, char separator);
/* Takes the bytes; a fault is the status of its lines. */
void mmoe_csv_exact_take(mmoe_csv_exact *x, const char *bytes, size_t length);
/* Has a row begun that is yet to end, by a line feed? */
bool mmoe_csv_exact_is_within_row(const mmoe_csv_exact *x);
/* The file ends, unless there was a fault; so does this. */
void mmoe_csv_exact_finish(mmoe_csv_exact *x);

#endif
