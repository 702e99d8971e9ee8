#include "train/ranking.h"

#include <math.h>

double mmoe_ranked_prediction(uint32_t key) {
    float value;
    key ^= key >> 31 ? UINT32_C(1) << 31 : UINT32_MAX;
    memcpy(&value, &key, sizeof value);
    return (double)value;
}

/* ---- AUC ---- */

void mmoe_ranking_end_tie(mmoe_ranking *r) {
    r->twice += (mmoe_pairs)r->tied[1] * (2 * r->rows[0] + r->tied[0]);
    if (r->is_weighed) r->area += r->tied_weight[1] * (r->weight[0] + 0.5 * r->tied_weight[0]);
    for (int c = 0; c < 2; c++) {
        r->rows[c] += r->tied[c];
        r->weight[c] += r->tied_weight[c];
        r->tied[c] = 0;
        r->tied_weight[c] = 0;
    }
}

double mmoe_ranking_area(mmoe_ranking *r) {
    mmoe_ranking_end_tie(r);
    if (r->is_weighed)
        return r->weight[0] > 0 && r->weight[1] > 0 ? r->area / (r->weight[1] * r->weight[0])
                                                    : (double)NAN;
    if (!r->rows[0] || !r->rows[1]) return (double)NAN;
    return (double)r->twice / (2.0 * (double)r->rows[1] * (double)r->rows[0]);
}

/* ---- Calibration ---- */

static int64_t end_of(const mmoe_tenths *t, int bin) {
    return t->n / MMOE_TENTHS * (bin + 1) + t->n % MMOE_TENTHS * (bin + 1) / MMOE_TENTHS;
}

void mmoe_tenths_turn(mmoe_tenths *t) {
    for (; t->bin + 1 < MMOE_TENTHS && t->at >= end_of(t, t->bin); t->bin++) {
        t->sum += fabs(t->excess);
        t->excess = 0;
    }
}

double mmoe_tenths_error(const mmoe_tenths *t) {
    return t->weight > 0 ? (t->sum + fabs(t->excess)) / t->weight : (double)NAN;
}
