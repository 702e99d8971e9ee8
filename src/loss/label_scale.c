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

/* Adds the weighted sum of (g(label) - less)^power. */
static void add_powers(mmoe_label_fit *to, const mmoe_label_scale *s, const mmoe_label_run *run,
                       double less, int power) {
    mmoe_label_fit f = *to;
    for (int64_t r = 0; r < run->rows; r++) {
        const double y = (double)run->labels[(size_t)r * run->stride],
                     w = run->weights ? (double)run->weights[r] : 1;
        if (isnan(y)) continue;
        const double d = transformed(s, y) - less;
        f.sum += w * (power == 2 ? d * d : d);
        f.weights += w;
    }
    *to = f;
}

static double mean_of(const mmoe_label_fit *f) { return f->weights > 0 ? f->sum / f->weights : 0; }

bool mmoe_label_mean(const mmoe_label_scale *s, const mmoe_label_run *run, double *out) {
    mmoe_label_fit f = {0};
    add_powers(&f, s, run, 0, 1);
    *out = mean_of(&f);
    return f.weights > 0;
}

/* Passes of what is standardized: its mean, its deviation, and the mean of what comes of it. */
enum { SHIFT_PASS, UNIT_PASS };

int32_t mmoe_label_fit_passes(const mmoe_label_scale *s) {
    return s->transform == MMOE_LABEL_STANDARDIZE ? 3 : 1;
}

void mmoe_label_fit_see(mmoe_label_fit *f, const mmoe_label_scale *s, int32_t pass,
                        const mmoe_label_run *run) {
    const mmoe_label_scale plain = {.unit = 1};
    if (pass == mmoe_label_fit_passes(s) - 1)
        add_powers(f, s, run, 0, 1);
    else if (pass == SHIFT_PASS)
        add_powers(f, &plain, run, 0, 1);
    else
        add_powers(f, &plain, run, s->shift, 2);
}

bool mmoe_label_fit_end(mmoe_label_fit *f, mmoe_label_scale *s, int32_t pass, double *mean) {
    const bool weighs = f->weights > 0;
    const double found = mean_of(f);
    *f = (mmoe_label_fit){0};
    if (pass == 0) {
        s->shift = 0;
        s->unit = 1;
    }
    if (pass == mmoe_label_fit_passes(s) - 1)
        *mean = found;
    else if (pass == SHIFT_PASS)
        s->shift = found;
    else if (sqrt(found) > 0)
        s->unit = sqrt(found);
    return weighs;
}

double mmoe_label_scaled(const mmoe_label_scale *s, double label) { return transformed(s, label); }

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
