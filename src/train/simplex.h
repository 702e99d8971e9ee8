/* Two convex problems over the simplex {w >= 0, sum w = 1}, of a few tasks. */
#ifndef MMOE_TRAIN_SIMPLEX_H
#define MMOE_TRAIN_SIMPLEX_H

#include <stdint.h>

/* w [n] that minimises w' M w, M [n, n] positive semidefinite: the shortest vector of the hull of
 * vectors whose products M has. gradient [n]: scratch. */
void mmoe_simplex_shortest(int32_t n, const double *products, double *w, double *gradient);

/* w [n] that minimises b' w + radius sqrt(w' M w), b [n], radius >= 0. */
void mmoe_simplex_support(int32_t n, const double *products, const double *b, double radius,
                          double *w, double *gradient);

#endif
