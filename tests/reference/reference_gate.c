#include "reference_gate.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static double *take(int n) {
    double *p = calloc((size_t)n, sizeof *p);
    if (!p) {
        fputs("reference: out of memory\n", stderr);
        exit(1);
    }
    return p;
}

static double temperature_of(const reference_gating *gating) {
    return gating->temperature > 0 ? gating->temperature : 1;
}

static int falling(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x < y) - (x > y);
}

/* The k-th largest; how far it is from the next is how far a change must go to choose others. */
static double least_kept(const double *row, int n, int k, reference_kinks *kinks) {
    double *sorted = take(n);
    memcpy(sorted, row, (size_t)n * sizeof *row);
    qsort(sorted, (size_t)n, sizeof *sorted, falling);
    const double least = sorted[k - 1];
    kinks->distance = fmin(kinks->distance, least - sorted[k]);
    for (int i = 0; i < n; i++) kinks->signs = (kinks->signs ^ (row[i] >= least)) * 1099511628211u;
    free(sorted);
    return least;
}

void reference_weigh(const reference_gating *gating, double *row, int n, reference_kinks *kinks) {
    const double least = gating->top_k > 0 && gating->top_k < n
                             ? least_kept(row, n, gating->top_k, kinks)
                             : -HUGE_VAL;
    double largest = row[0], sum = 0;
    for (int i = 1; i < n; i++) largest = fmax(largest, row[i]);
    for (int i = 0; i < n; i++)
        sum += row[i] = row[i] >= least ? exp((row[i] - largest) / temperature_of(gating)) : 0;
    for (int i = 0; i < n; i++) row[i] /= sum;
}

/* dg_i / da_j = g_i (delta_ij - g_j) / temperature, which is 0 for what is left out. */
void reference_weigh_backward(const reference_gating *gating, const double *g, double *dg, int n) {
    double mean = 0;
    for (int i = 0; i < n; i++) mean += g[i] * dg[i];
    for (int i = 0; i < n; i++) dg[i] = g[i] * (dg[i] - mean) / temperature_of(gating);
}

static double importance(const double *g, int B, int n, int e) {
    double sum = 0;
    for (int b = 0; b < B; b++) sum += g[b * n + e];
    return sum;
}

/* The variance of the importances over the square of their mean. */
double reference_imbalance(const double *g, int B, int n) {
    double mean = 0, variance = 0;
    for (int e = 0; e < n; e++) mean += importance(g, B, n, e) / n;
    for (int e = 0; e < n; e++) variance += pow(importance(g, B, n, e) - mean, 2) / n;
    return variance / (mean * mean);
}

/* The mean is B / n whatever the weights are, so that of the quotient the variance alone has a
 * gradient that matters: 2 (I_e - mean) / n by I_e. What is the same for all experts, the softmax
 * takes away. */
void reference_imbalance_backward(const double *g, int B, int n, double factor, double *dg) {
    const double mean = (double)B / n;
    for (int e = 0; e < n; e++) {
        const double slope = 2 * (importance(g, B, n, e) - mean) / n / (mean * mean);
        for (int b = 0; b < B; b++) dg[b * n + e] += factor * slope;
    }
}
