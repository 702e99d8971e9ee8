/* Where fields end, many bytes at a time: once for each instruction set (csv_scan_body.h). */
#ifndef MMOE_BASE_CSV_SCAN_H
#define MMOE_BASE_CSV_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/csv_rows.h"

/* Bytes are read in vectors: this many behind the last must be there, whatever they are; and places
 * are written several at a time: so many more than bytes, of each kind. */
enum { MMOE_SCAN_SLACK = 64 };

typedef struct mmoe_csv_places {
    uint32_t *ends; /* of separators, CR and LF that are not within quotes */
    uint32_t
        *doubled; /* of quotes that stand behind another within quotes: the second of each pair */
    uint32_t *lines; /* which of the ends are CR or LF, by their index; of plain bytes alone */
    size_t n_ends, n_doubled, n_lines;
    bool are_plain; /* the bytes have no quotes, and no field begins or ends with a blank: fields
                       are all that stands between two ends */
} mmoe_csv_places;

/* Cells, what stands before and behind each among bytes; 64 bytes of each can be read. */
typedef struct mmoe_csv_cells {
    const char *bytes;
    const uint32_t *before, *ends; /* [count], `stride` apart */
    size_t stride, count;
} mmoe_csv_cells;

/* The cells from `first` on, at most `most` of them. */
static inline mmoe_csv_cells mmoe_csv_cells_from(const mmoe_csv_cells *c, size_t first,
                                                 size_t most) {
    const size_t left = c->count - first;
    return (mmoe_csv_cells){c->bytes, c->before + first * c->stride, c->ends + first * c->stride,
                            c->stride, left < most ? left : most};
}

/* A cell's text, which is not terminated. */
static inline mmoe_csv_field mmoe_csv_cells_at(const mmoe_csv_cells *c, size_t index) {
    const uint32_t begin = c->before[index * c->stride] + 1;
    return (mmoe_csv_field){c->bytes + begin, c->ends[index * c->stride] - begin};
}

enum { MMOE_CELLS_AT_ONCE = 64 };

typedef struct mmoe_csv_scanner {
    const char *name;
    /* Writes the places in bytes[0, length), which begin with a field, in order: those before the
     * first quote that is malformed or might be: one that opens behind something of its field, or
     * that closes before something of it. */
    void (*find)(const char *bytes, uint32_t length, char separator, mmoe_csv_places *out);
    /* Cuts bytes[begin, end) at each separator, into at least one part; returns how many. out[0]
     * gets what stands before each part, begin - 1 first, out[1] what stands behind it, `end` last;
     * slack as above. */
    size_t (*split)(const char *bytes, uint32_t begin, uint32_t end, char separator,
                    uint32_t *const out[2]);
    /* Of at most MMOE_CELLS_AT_ONCE cells those that are integers as they print, or decimals that
     * begin with a digit, of 8 characters at most: a bit for each in its place. */
    uint64_t (*integers)(const mmoe_csv_cells *cells, uint32_t out[MMOE_CELLS_AT_ONCE]);
    uint64_t (*decimals)(const mmoe_csv_cells *cells, double out[MMOE_CELLS_AT_ONCE]);
} mmoe_csv_scanner;

/* The fastest for this processor, or that of its own which the environment variable MMOE_KERNELS
 * names. */
const mmoe_csv_scanner *mmoe_csv_scanner_best(void);
/* Those of this processor, the fastest last; NULL past it. */
const mmoe_csv_scanner *mmoe_csv_scanner_at(size_t index);

#endif
