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
static inline double mmoe_ranked_prediction(uint32_t key) {
    float value;
    key ^= key >> 31 ? UINT32_C(1) << 31 : UINT32_MAX;
    memcpy(&value, &key, sizeof value);
    return (double)value;
}
/* A row's weight, whose sign is the class: positive or not. */
static inline float mmoe_signed_weight(float label, float weight) {
    uint32_t bits;
    memcpy(&bits, &weight, sizeof bits);
    bits ^= (uint32_t) !(label > 0) << 31; /* classes come at random: a branch is often missed */
    memcpy(&weight, &bits, sizeof weight);
    return weight;
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
static inline void mmoe_ranking_end_tie(mmoe_ranking *r) {
    r->twice += (mmoe_pairs)r->tied[1] * (2 * r->rows[0] + r->tied[0]);
    for (int c = 0; c < 2; c++) {
        r->rows[c] += r->tied[c];
        r->tied[c] = 0;
    }
    if (!r->is_weighed) return;
    r->area += r->tied_weight[1] * (r->weight[0] + 0.5 * r->tied_weight[0]);
    for (int c = 0; c < 2; c++) {
        r->weight[c] += r->tied_weight[c];
        r->tied_weight[c] = 0;
    }
}
static inline void mmoe_ranking_add(mmoe_ranking *r, uint32_t key, float weight) {
    if (key != r->key) {
        mmoe_ranking_end_tie(r);
        r->key = key;
    }
    r->n++;
    r->tied[0] += !(weight > 0);
    r->tied[1] += weight > 0;
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
    int64_t next;  /* rows with which another bin may begin */
    double excess; /* of its predictions over its labels, in sum */
    double sum, weight;
} mmoe_tenths;

/* The row that comes next is predicted otherwise than the one before. */
void mmoe_tenths_move_on(mmoe_tenths *t);
static inline void mmoe_tenths_turn(mmoe_tenths *t) {
    if (t->at < t->next) return;
    mmoe_tenths moved = *t; /* so that *t may stay in registers */
    mmoe_tenths_move_on(&moved);
    *t = moved;
}
static inline void mmoe_tenths_add(mmoe_tenths *t, int64_t rows, double weight, double excess) {
    t->at += rows;
    t->weight += weight;
    t->excess += excess;
}
/* NaN without weight. */
double mmoe_tenths_error(const mmoe_tenths *t);

#endif
