/* What the order of a task's predictions says: AUC, and calibration by tenths of the rows. */
#ifndef MMOE_TRAIN_RANKING_H
#define MMOE_TRAIN_RANKING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum { MMOE_RANKING_BINS = 10 };

/* A labelled row for the sort: `key` orders as its prediction does, the sign of `weight` is the
 * class. */
typedef struct mmoe_scored {
    uint32_t key;
    float weight;
} mmoe_scored;

/* Rows of one task, in order once they are sorted. */
typedef struct mmoe_ranking {
    mmoe_scored *rows, *spare; /* [n] */
    size_t n;
    size_t *histograms;
    bool is_weighed; /* a weight may be other than 1 */
} mmoe_ranking;

/* Bytes of scratch for `rows` rows. */
size_t mmoe_ranking_scratch(int64_t rows);
/* No rows, room for `rows` of them in `scratch`, aligned to 8. */
mmoe_ranking mmoe_ranking_begin(void *scratch, int64_t rows, bool is_weighed);

/* Unsigned order of the result is the order of the values; the two zeros are one. */
static inline uint32_t mmoe_ranked_bits(float value) {
    uint32_t bits;
    value += 0.0F;
    memcpy(&bits, &value, sizeof bits);
    return bits ^ (bits >> 31 ? UINT32_MAX : UINT32_C(1) << 31);
}

static inline void mmoe_ranking_add(mmoe_ranking *o, float prediction, float label, float weight) {
    o->rows[o->n++] = (mmoe_scored){mmoe_ranked_bits(prediction), label > 0 ? weight : -weight};
}

void mmoe_ranking_sort(mmoe_ranking *o);
/* Mann-Whitney, weighted, ties count half; NaN unless both classes have weight. */
double mmoe_ranking_area(const mmoe_ranking *sorted);
/* The mean over bins, by their weight, of the distance of mean prediction and share of positives;
 * NaN without weight. A bin is a tenth of the rows; equal predictions share the first one's. */
double mmoe_ranking_calibration_error(const mmoe_ranking *sorted);

#endif
