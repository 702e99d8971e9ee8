/* What a gate of the reference makes of its logits. */
#ifndef REFERENCE_GATE_H
#define REFERENCE_GATE_H

#include "reference_layers.h"

/* In place, one row: g = softmax(a / temperature) over the top_k largest of n logits. */
void reference_weigh(const reference_gating *gating, double *row, int n, reference_kinks *kinks);
/* In place, one row: dg -> da. */
void reference_weigh_backward(const reference_gating *gating, const double *g, double *dg, int n);

/* The squared coefficient of variation of the sums over the rows of g [B, n], and its gradient
 * times `factor`, which is added to dg [B, n]. */
double reference_imbalance(const double *g, int B, int n);
void reference_imbalance_backward(const double *g, int B, int n, double factor, double *dg);

#endif
