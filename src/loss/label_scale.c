#include "loss/label_scale.h"

#include <float.h>
#include <math.h>

const char *mmoe_label_scale_fault(mmoe_label_transform transform, double label) {
    return transform == MMOE_LABEL_LOG1P && label <= -1 ? "is not above -1, as log1p needs" : NULL;
}

static double transformed(const mmoe_label_scale *s, double y) {
    switch (s->transform) {
    case MMOE_LABEL_NONE:
        break;
    case MMOE_LABEL_STANDARDIZE:
        return (y - s->shift) / s->unit;
    case MMOE_LABEL_LOG1P:
        return log1p(y);
    }
    return y;
}

/* The weighted mean of (g(label) - less)^power. */
static bool mean_power(const mmoe_label_scale *s, const mmoe_label_run *run, double less, int power,
                       double *out) {
    double sum = 0, weights = 0;
    for (int64_t r = 0; r < run->rows; r++) {
        const double y = (double)run->labels[(size_t)r * run->stride],
                     w = run->weights ? (double)run->weights[r] : 1;
        if (isnan(y)) continue;
        const double d = transformed(s, y) - less;
        sum += w * (power == 2 ? d * d : d);
        weights += w;
    }
    *out = weights > 0 ? sum / weights : 0;
    return weights > 0;
}

bool mmoe_label_mean(const mmoe_label_scale *s, const mmoe_label_run *run, double *out) {
    return mean_power(s, run, 0, 1, out);
}

void mmoe_label_scale_fit(mmoe_label_scale *s, const mmoe_label_run *run) {
    const mmoe_label_scale plain = {.unit = 1};
    double square;
    s->shift = 0;
    s->unit = 1;
    if (s->transform != MMOE_LABEL_STANDARDIZE) return;
    mean_power(&plain, run, 0, 1, &s->shift);
    mean_power(&plain, run, s->shift, 2, &square);
    if (sqrt(square) > 0) s->unit = sqrt(square);
}

float mmoe_label_scaled(const mmoe_label_scale *s, float label) {
    return (float)transformed(s, (double)label);
}

static float in_range(double score) {
    if (score > (double)FLT_MAX) return FLT_MAX;
    return score < -(double)FLT_MAX ? -FLT_MAX : (float)score;
}

void mmoe_label_unscale(const mmoe_label_scale *s, size_t n, float *scores) {
    if (s->transform == MMOE_LABEL_STANDARDIZE)
        for (size_t i = 0; i < n; i++) scores[i] = in_range(s->shift + s->unit * (double)scores[i]);
    if (s->transform == MMOE_LABEL_LOG1P)
        for (size_t i = 0; i < n; i++) scores[i] = in_range(expm1((double)scores[i]));
}
