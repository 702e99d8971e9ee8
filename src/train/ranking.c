#include "train/ranking.h"

#include <math.h>

/* ---- AUC ---- */

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

void mmoe_tenths_move_on(mmoe_tenths *t) {
    for (; t->bin + 1 < MMOE_TENTHS && t->at >= end_of(t, t->bin); t->bin++) {
        t->sum += fabs(t->excess);
        t->excess = 0;
    }
    t->next = t->bin + 1 < MMOE_TENTHS ? end_of(t, t->bin) : INT64_MAX;
}

double mmoe_tenths_error(const mmoe_tenths *t) {
    return t->weight > 0 ? (t->sum + fabs(t->excess)) / t->weight : (double)NAN;
}
