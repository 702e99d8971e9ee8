/* Where the rows of a data set come from: files, and numbers in them. */
#ifndef MMOE_DATA_PLACES_H
#define MMOE_DATA_PLACES_H

#include <stdbool.h>

#include "base/alloc.h"

/* A file that rows were read from, as it was then. */
typedef struct mmoe_origin {
    char *path;              /* "-": standard input */
    int64_t bytes, modified; /* seconds since 1970; 0 of a pipe */
} mmoe_origin;

/* Rows that stand one behind another in a file, up to the next run. */
typedef struct mmoe_row_run {
    int64_t row;    /* the first of them */
    int64_t number; /* its number in its file, as errors and warnings count rows */
    size_t origin;
} mmoe_row_run;

/* Begins as {.first_row = ...}. */
typedef struct mmoe_places {
    int64_t first_row; /* the number of the first row, whose run needs no entry */
    mmoe_origin *origins;
    size_t n_origin;
    mmoe_row_run *runs; /* [n_run] the others */
    size_t n_run, room;
} mmoe_places;

typedef struct mmoe_place {
    const char *file; /* the places' own; NULL: there are not several */
    int64_t row;      /* its number there; 0: none */
} mmoe_place;

/* Rows to come are of a file; the path is copied. MMOE_E_MEMORY. */
mmoe_status mmoe_places_open(mmoe_places *places, mmoe_origin origin, const mmoe_allocator *alloc,
                             mmoe_error *err);
/* Row `row`, from 0, has this number in the last file, and those behind it go on from there.
 * MMOE_E_MEMORY. */
mmoe_status mmoe_places_go_on(mmoe_places *places, int64_t row, int64_t number,
                              const mmoe_allocator *alloc, mmoe_error *err);
void mmoe_places_finish(mmoe_places *places, const mmoe_allocator *alloc);

/* Of row `row`, from 1 as notes count them; 0: of none. */
mmoe_place mmoe_places_find(const mmoe_places *places, int64_t row);
/* Was the row of this number, which would stand before row `row`, from 0, left out? `path`: of its
 * file. */
bool mmoe_places_left_out(const mmoe_places *places, int64_t row, const char *path, int64_t number);
/* "row 7", or "row 7 of day-2.csv". */
enum { MMOE_PLACE_SIZE = 240 };
const char *mmoe_place_show(mmoe_place place, char room[MMOE_PLACE_SIZE]);

#endif
