/* Rows by the scanner: of bytes whose quotes, if there are any, enclose whole fields. */
#ifndef MMOE_BASE_CSV_STRETCH_H
#define MMOE_BASE_CSV_STRETCH_H

#include "base/csv_lines.h"
#include "base/csv_scan.h"

/* Bytes that are scanned at a time, which the cache has: a longer row is libcsv's. */
enum { MMOE_CSV_STRETCH = 64 * 1024 };

typedef struct mmoe_csv_stretch {
    const mmoe_csv_scanner *scanner;
    size_t most;    /* bytes at a time */
    uint32_t *cuts; /* -1, and behind it the places' ends */
    mmoe_csv_places places;
} mmoe_csv_stretch;

/* For bytes of which there are at most `size` at once. MMOE_E_MEMORY. */
mmoe_status mmoe_csv_stretch_start(mmoe_csv_stretch *s, size_t size, const mmoe_csv_lines *lines);
/* Takes whole rows of a stretch of the bytes, which begin with a row, and returns how many bytes
 * these are: none where the first row does not end in it, or is libcsv's to judge. The bytes become
 * the rows' texts, and MMOE_SCAN_SLACK more behind them are read. */
size_t mmoe_csv_stretch_take(mmoe_csv_stretch *s, mmoe_csv_lines *lines, char *bytes,
                             size_t length);
void mmoe_csv_stretch_finish(mmoe_csv_stretch *s, const mmoe_csv_lines *lines);

#endif
