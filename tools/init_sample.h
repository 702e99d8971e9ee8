/* Rows of a file that are kept whole while it is read, evenly spread over it: what is between two
 * columns, and how values are spread, is looked for in them. */
#ifndef MMOE_TOOLS_INIT_SAMPLE_H
#define MMOE_TOOLS_INIT_SAMPLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct cli_cell {
    double number; /* NaN: it is none */
    uint64_t hash; /* of its text; 0: it is missing */
} cli_cell;

typedef struct cli_sample {
    size_t columns, room; /* of a row; rows at most */
    size_t rows;
    int64_t seen, stride; /* rows of the file so far, of which every `stride`-th is kept */
    cli_cell *cells;      /* [rows, columns] */
} cli_sample;

/* False: memory is out. */
bool cli_sample_begin(cli_sample *s, size_t columns);
void cli_sample_free(cli_sample *s);
/* Where the next row's cells go; NULL: it is not kept. */
cli_cell *cli_sample_next(cli_sample *s);

static inline const cli_cell *cli_sample_at(const cli_sample *s, size_t row, size_t column) {
    return s->cells + row * s->columns + column;
}

typedef struct cli_moments {
    size_t rows; /* that have a number */
    double mean, deviation, skewness;
} cli_moments;
cli_moments cli_sample_moments(const cli_sample *s, size_t column);
/* Where a bin begins, and the number before it. */
typedef struct cli_step {
    double value, before;
} cli_step;
/* Of at most `most` different numbers: those, ascending, at which a bin of some rows begins, the
 * first one apart, in out [most]; how many they are. -1: there are more numbers, or memory is
 * out. */
int cli_sample_steps(const cli_sample *s, size_t column, int most, cli_step *out);
/* Into how many bins of as many rows the numbers can be cut without one value falling in two: the
 * first of `counts`, which a 0 ends; 0: into none of them, or memory is out. are_ids: by
 * "quantiles" of a sparse feature, else by those of pieces. */
int cli_sample_bins(const cli_sample *s, size_t column, bool are_ids, const int *counts);

#endif
