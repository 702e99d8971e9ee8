/* Scores counted by bins, by every instruction set, against mmoe_served_bin one by one. */
#include "check_main.h"
#include "kernels_support.h"

enum { MOST_STRIDE = 5 };

/* Ends of bins and their neighbours, and what lies between and beyond. */
static float some_score(int type) {
    const float end = (float)mmoe_served_bin(type, draw_below(MMOE_SERVED_BINS - 1));
    switch (draw_below(5)) {
    case 0:
        return end;
    case 1:
        return nextafterf(end, 0);
    case 2:
        return nextafterf(end, 1000);
    case 3:
        return (float)draw_below(2);
    default:
        break;
    }
    if (type == MMOE_CLASSIFICATION) return draw(0, 1);
    return ldexpf(draw(-1, 1), draw_below(60) - 30);
}

static int bin_of(int type, float score) {
    int bin = 0;
    while (bin < MMOE_SERVED_BINS - 1 && (double)score >= mmoe_served_bin(type, bin)) bin++;
    return bin;
}

/* A column of a matrix whose memory ends with its last score. */
static void check_column(const mmoe_kernels *kernels, int type, int32_t rows, int32_t stride) {
    const size_t size = (size_t)(rows - 1) * (size_t)stride + 1;
    float *x = malloc(size * sizeof *x);
    int32_t counts[MMOE_SERVED_BINS], want[MMOE_SERVED_BINS] = {0};
    double sum = 3, want_sum = 3, size_of_all = 3;
    for (size_t i = 0; i < size; i++) x[i] = NAN;
    for (int32_t r = 0; r < rows; r++) {
        float *score = &x[(size_t)r * (size_t)stride];
        if (rows % 7 == 0 && draw_below(9) == 0) continue;
        *score = some_score(type);
        want[bin_of(type, *score)]++;
        want_sum += (double)*score;
        size_of_all += fabs((double)*score);
    }
    kernels->count_scores(&(mmoe_bins_args){.rows = rows,
                                            .stride = stride,
                                            .x = x,
                                            .is_probability = type == MMOE_CLASSIFICATION,
                                            .counts = counts,
                                            .sum = &sum});
    for (int b = 0; b < MMOE_SERVED_BINS; b++)
        REQUIRE(counts[b] == want[b], "%s, %d rows, stride %d: bin %d has %d, not %d",
                kernels->name, (int)rows, (int)stride, b, (int)counts[b], (int)want[b]);
    check_near("the sum", sum, want_sum, 2 * U * size_of_all);
    free(x);
}

START_TEST(scores_are_in_their_bins) {
    static const int types[] = {MMOE_CLASSIFICATION, MMOE_REGRESSION};
    for (int32_t stride = 1; stride <= MOST_STRIDE; stride++)
        for (int32_t rows = 1; rows <= MMOE_BINS_ROWS; rows += rows < 70 ? 1 : 17)
            for (int t = 0; t < 2; t++) check_column(table_at(_i), types[t], rows, stride);
}
END_TEST

void add_cases(TCase *c) { tcase_add_loop_test(c, scores_are_in_their_bins, 0, table_count()); }
