/* Where fields end, many bytes at a time: once for each instruction set (csv_scan_body.h). */
#ifndef MMOE_BASE_CSV_SCAN_H
#define MMOE_BASE_CSV_SCAN_H

#include <stddef.h>
#include <stdint.h>

/* Bytes are read in vectors: this many behind the last must be there, whatever they are; and places
 * are written several at a time: so many more than bytes, of each kind. */
enum { MMOE_SCAN_SLACK = 64 };

typedef struct mmoe_csv_places {
    uint32_t *ends; /* of separators, CR and LF that are not within quotes */
    uint32_t
        *doubled; /* of quotes that stand behind another within quotes: the second of each pair */
    size_t n_ends, n_doubled;
} mmoe_csv_places;

typedef struct mmoe_csv_scanner {
    const char *name;
    /* Writes the places in bytes[0, length), which begin with a field, in order: those before the
     * first quote that is malformed or might be: one that opens behind something of its field, or
     * that closes before something of it. */
    void (*find)(const char *bytes, uint32_t length, char separator, mmoe_csv_places *out);
} mmoe_csv_scanner;

/* The fastest for this processor, or that of its own which the environment variable MMOE_KERNELS
 * names. */
const mmoe_csv_scanner *mmoe_csv_scanner_best(void);
/* Those of this processor, the fastest last; NULL past it. */
const mmoe_csv_scanner *mmoe_csv_scanner_at(size_t index);

#endif
