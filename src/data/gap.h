/* What a missing number becomes. The kinds of numbers know nothing of it: who reads cells and
 * values asks here first, and what is missing comes to no kind. */
#ifndef MMOE_DATA_GAP_H
#define MMOE_DATA_GAP_H

#include "base/words.h"
#include "data/column.h"

/* "missing" of a feature: a word of these, or a value that stands for each that is missing. */
#define MMOE_MISSING(X) X(MMOE_MISSING_ERROR, error) X(MMOE_MISSING_MEAN, mean)
enum { MMOE_MISSING(MMOE_ENUMERATOR) };

typedef struct mmoe_gap_mean {
    double sum, rest; /* of the values, and of their distances from sum / rows */
} mmoe_gap_mean;

typedef struct mmoe_gap {
    mmoe_choice rule; /* while `fill` is not known */
    float *fill;      /* [width of the encoder] the inputs that stand for a missing value; NULL: it
                         is an error */
    int64_t rows;     /* learning: whose value is there */
    mmoe_gap_mean *mean; /* [span of the encoder] learning a mean */
} mmoe_gap;

static inline bool mmoe_gap_is_open(const mmoe_gap *g) {
    return g->fill || g->rule.word != MMOE_MISSING_ERROR;
}

/* A deep copy of what stands for missing values of an encoder that has settled; false when memory
 * is out. */
bool mmoe_gap_copy(const mmoe_gap *from, const mmoe_encoder *e, mmoe_gap *to);
void mmoe_gap_finish(mmoe_gap *g, const mmoe_allocator *alloc);

/* Makes it ready to learn beside an encoder that has started; MMOE_E_MEMORY. */
mmoe_status mmoe_gap_start(mmoe_gap *g, const mmoe_encoder *e, mmoe_error *err);
/* Learned cells of an encoder, their first number NaN where a value is missing, for a gap that is
 * open; as measure of a kind, which sees those that are there. Passes are those of the kind, and
 * MMOE_GAP_PASSES. */
enum { MMOE_GAP_PASSES = 2 };
void mmoe_gap_measure(mmoe_gap *g, mmoe_encoder *e, int32_t pass, const double *learned,
                      size_t stride, int64_t rows);
/* Fills `fill` when the encoder has settled, or needs no learning. A fault is of the column;
 * mmoe_column_no_memory. */
const char *mmoe_gap_settle(mmoe_gap *g, const mmoe_encoder *e, char room[MMOE_FAULT_SIZE]);

#endif
