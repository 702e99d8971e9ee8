#include "compare.h"

#include <math.h>
#include <stdio.h>

comparison compare_tensors(const char *name, const double *got, const double *want, size_t count,
                           double tolerance, double floor) {
    comparison c = {.agrees = false};
    double scale = floor, worst = -1;
    for (size_t i = 0; i < count; i++) scale = fmax(scale, fabs(want[i]));
    for (size_t i = 0; i < count; i++) {
        double difference = fabs(got[i] - want[i]);
        if (!isfinite(got[i]) || !isfinite(want[i])) difference = HUGE_VAL;
        if (difference > worst) {
            worst = difference;
            c.worst = i;
        }
    }
    if (count == 0) {
        snprintf(c.message, sizeof c.message, "%s: nothing to compare", name);
        c.error = HUGE_VAL;
        return c;
    }
    c.error = scale == 0 ? HUGE_VAL : worst / scale;
    if (worst == 0) c.error = 0;
    c.agrees = c.error <= tolerance;
    snprintf(c.message, sizeof c.message,
             "%s[%zu]: got %.9g, want %.9g: error %.3g of the largest entry, allowed %.3g", name,
             c.worst, got[c.worst], want[c.worst], c.error, tolerance);
    return c;
}
