#include "init_sample.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_ROWS = 8192, FEWEST_ROWS = 256, MOST_CELLS = 1 << 22 };

bool cli_sample_begin(cli_sample *s, size_t columns) {
    size_t room = MOST_ROWS;
    while (room > FEWEST_ROWS && room * columns > MOST_CELLS) room /= 2;
    *s = (cli_sample){.columns = columns, .room = room, .stride = 1};
    s->cells = malloc(room * columns * sizeof *s->cells);
    return s->cells;
}

void cli_sample_free(cli_sample *s) {
    free(s->cells);
    s->cells = NULL;
}

/* Every second row goes. */
static void thin(cli_sample *s) {
    const size_t size = s->columns * sizeof *s->cells;
    for (size_t r = 1; 2 * r < s->rows; r++)
        memcpy(s->cells + r * s->columns, s->cells + 2 * r * s->columns, size);
    s->rows = (s->rows + 1) / 2;
    s->stride *= 2;
}

cli_cell *cli_sample_next(cli_sample *s) {
    const int64_t row = s->seen++;
    if (row % s->stride) return NULL;
    if (s->rows == s->room) thin(s);
    return row % s->stride ? NULL : s->cells + s->rows++ * s->columns;
}

cli_moments cli_sample_moments(const cli_sample *s, size_t column) {
    cli_moments m = {0, 0, 0, 0};
    double square = 0, cube = 0;
    for (size_t r = 0; r < s->rows; r++) {
        const double x = cli_sample_at(s, r, column)->number;
        if (isnan(x)) continue;
        m.rows++;
        m.mean += (x - m.mean) / (double)m.rows;
    }
    for (size_t r = 0; r < s->rows; r++) {
        const double d = cli_sample_at(s, r, column)->number - m.mean;
        if (isnan(d)) continue;
        square += d * d / (double)m.rows;
        cube += d * d * d / (double)m.rows;
    }
    m.deviation = sqrt(square);
    m.skewness = square > 0 ? cube / (square * m.deviation) : 0;
    return m;
}

static int compare_numbers(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static bool have_bins(const double *sorted, size_t rows, size_t bins) {
    for (size_t k = 0; k < bins; k++)
        if (!(sorted[k * (rows - 1) / bins] < sorted[(k + 1) * (rows - 1) / bins])) return false;
    return true;
}

int cli_sample_bins(const cli_sample *s, size_t column, const int *counts) {
    double *numbers = malloc((s->rows + 1) * sizeof *numbers);
    size_t rows = 0;
    if (!numbers) return 0;
    for (size_t r = 0; r < s->rows; r++) {
        numbers[rows] = cli_sample_at(s, r, column)->number;
        rows += !isnan(numbers[rows]);
    }
    qsort(numbers, rows, sizeof *numbers, compare_numbers);
    while (*counts && (rows <= (size_t)*counts || !have_bins(numbers, rows, (size_t)*counts)))
        counts++;
    free(numbers);
    return *counts;
}
