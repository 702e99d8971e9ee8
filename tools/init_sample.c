#include "init_sample.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_ROWS = 8192, FEWEST_ROWS = 256, MOST_CELLS = 1 << 22 };
enum { LEAST_OF_BIN = 10 /* rows */ };

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

static size_t begin_of_run(const double *sorted, size_t r) {
    while (r > 0 && sorted[r - 1] == sorted[r]) r--;
    return r;
}

/* Has the library so many quantiles of them? (data/column_quantiles.c: a bin begins at the value
 * that has nearest to a part of the rows below it, the lower one of two.) */
static bool have_quantiles(const double *sorted, size_t rows, size_t bins) {
    size_t last = 0;
    for (size_t k = 1; k < bins; k++) {
        const size_t wanted = k * rows; /* rows below, times bins */
        size_t end = wanted / bins;
        while (end < rows && (end * bins < wanted || sorted[end] == sorted[end - 1])) end++;
        if (end == rows) end = begin_of_run(sorted, rows - 1);
        const size_t begin = end ? begin_of_run(sorted, end - 1) : 0;
        const bool is_lower = begin && wanted - begin * bins + wanted <= end * bins;
        if ((is_lower ? begin : end) <= last) return false;
        last = is_lower ? begin : end;
    }
    return true;
}

/* Ascending, for the caller to free; NULL: memory is out. */
static double *sort_numbers(const cli_sample *s, size_t column, size_t *rows) {
    double *numbers = malloc((s->rows + 1) * sizeof *numbers);
    *rows = 0;
    if (!numbers) return NULL;
    for (size_t r = 0; r < s->rows; r++) {
        numbers[*rows] = cli_sample_at(s, r, column)->number;
        *rows += !isnan(numbers[*rows]);
    }
    qsort(numbers, *rows, sizeof *numbers, compare_numbers);
    return numbers;
}

/* Where the run of equal numbers from `r` on ends. */
static size_t end_of_run(const double *sorted, size_t rows, size_t r) {
    size_t end = r + 1;
    while (end < rows && sorted[end] == sorted[r]) end++;
    return end;
}

int cli_sample_steps(const cli_sample *s, size_t column, int most, cli_step *out) {
    size_t rows, before = 0; /* rows of the bin so far */
    double *numbers = sort_numbers(s, column, &rows);
    int values = 0, count = 0;
    for (size_t r = 0, end; numbers && r < rows && values <= most; r = end, values++) {
        end = end_of_run(numbers, rows, r);
        if (before >= LEAST_OF_BIN && rows - r >= LEAST_OF_BIN && values < most) {
            out[count++] = (cli_step){numbers[r], numbers[r - 1]};
            before = 0;
        }
        before += end - r;
    }
    const bool is_known = numbers && values <= most;
    free(numbers);
    return is_known ? count : -1;
}

int cli_sample_bins(const cli_sample *s, size_t column, bool are_ids, const int *counts) {
    size_t rows;
    double *numbers = sort_numbers(s, column, &rows);
    if (!numbers) return 0;
    for (; *counts; counts++) {
        const size_t bins = (size_t)*counts;
        if (rows <= bins || !have_bins(numbers, rows, bins)) continue;
        if (!are_ids || have_quantiles(numbers, rows, bins)) break;
    }
    free(numbers);
    return *counts;
}
