/* What the order of a task's predictions says, of rows that come in that order: AUC, and
 * calibration by tenths of the rows. */
#ifndef MMOE_TRAIN_RANKING_H
#define MMOE_TRAIN_RANKING_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* ---- A row, as it is sorted ---- */

/* Unsigned order of the result is the order of the values; the two zeros are one. */
static inline uint32_t mmoe_ranked_bits(float value) {
    uint32_t bits;
    value += 0.0F;
    memcpy(&bits, &value, sizeof bits);
    return bits ^ (bits >> 31 ? UINT32_MAX : UINT32_C(1) << 31);
}
/* The prediction that gave a key. */
double mmoe_ranked_prediction(uint32_t key);
/* A row's weight, whose sign is the class: positive or not. */
static inline float mmoe_signed_weight(float label, float weight) {
    return label > 0 ? weight : -weight;
}

/* ---- AUC ---- */

__extension__ typedef unsigned __int128 mmoe_pairs;

/* Mann-Whitney, weighted, ties count half; of rows that weigh 1 each in whole numbers. */
typedef struct mmoe_ranking {
    bool is_weighed; /* a weight may be other than 1 */
    int64_t n;
    uint32_t key;              /* of the rows that are tied with the last one */
    uint64_t tied[2], rows[2]; /* by class */
    double tied_weight[2], weight[2];
    mmoe_pairs twice; /* so that a tie's half is whole */
    double area;
} mmoe_ranking;

/* Ends the rows that are tied. */
void mmoe_ranking_end_tie(mmoe_ranking *r);
static inline void mmoe_ranking_add(mmoe_ranking *r, uint32_t key, float weight) {
    if (key != r->key) {
        mmoe_ranking_end_tie(r);
        r->key = key;
    }
    r->n++;
    r->tied[weight > 0]++;
    if (r->is_weighed) r->tied_weight[weight > 0] += (double)(weight < 0 ? -weight : weight);
}
/* Of all rows; NaN unless both classes have weight. */
double mmoe_ranking_area(mmoe_ranking *r);

/* ---- Calibration ---- */

enum { MMOE_TENTHS = 10 };

/* The mean over bins, by their weight, of the distance of mean prediction and share of positives. A
 * bin is a tenth of the rows; equal predictions share the first one's. */
typedef struct mmoe_tenths {
    int64_t n, at; /* rows in all, and those that came */
    int bin;       /* from 0 */
    double excess; /* of its predictions over its labels, in sum */
    double sum, weight;
} mmoe_tenths;

/* The row that comes next is predicted otherwise than the one before. */
void mmoe_tenths_turn(mmoe_tenths *t);
static inline void mmoe_tenths_add(mmoe_tenths *t, int64_t rows, double weight, double excess) {
    t->at += rows;
    t->weight += weight;
    t->excess += excess;
}
/* NaN without weight. */
double mmoe_tenths_error(const mmoe_tenths *t);

#endif
