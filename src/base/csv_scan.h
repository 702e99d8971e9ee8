/* Where fields end, many bytes at a time: once for each instruction set (csv_scan_body.h). */
#ifndef MMOE_BASE_CSV_SCAN_H
#define MMOE_BASE_CSV_SCAN_H

#include <stddef.h>
#include <stdint.h>

/* Bytes are read in vectors: this many behind the last must be there, whatever they are; and ends
 * are written several at a time: so many places more than bytes. */
enum { MMOE_SCAN_SLACK = 64 };

typedef struct mmoe_csv_scanner {
    const char *name;
    /* Writes where in bytes[0, length) separators, CR and LF stand before the first double quote,
     * in order; returns how many. */
    size_t (*ends)(const char *bytes, uint32_t length, char separator, uint32_t *out);
} mmoe_csv_scanner;

/* The fastest for this processor, or that of its own which the environment variable MMOE_KERNELS
 * names. */
const mmoe_csv_scanner *mmoe_csv_scanner_best(void);
/* Those of this processor, the fastest last; NULL past it. */
const mmoe_csv_scanner *mmoe_csv_scanner_at(size_t index);

#endif
