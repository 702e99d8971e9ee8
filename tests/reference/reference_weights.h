/* How much of each task's gradient a balanced step takes, from the gradients' products alone: each
 * function gives the combination sum_t weights[t] g_t that its paper names. T <=
 * REFERENCE_MAX_TASKS. */
#ifndef REFERENCE_WEIGHTS_H
#define REFERENCE_WEIGHTS_H

#include "reference.h"

/* gram[i][j] = g_i . g_j */
typedef struct reference_gram {
    int n;
    double of[REFERENCE_MAX_TASKS][REFERENCE_MAX_TASKS];
} reference_gram;

/* sum_ij u_i v_j g_i . g_j */
double reference_gram_product(const reference_gram *gram, const double *u, const double *v);

/* The point of the gradients' convex hull that is nearest to 0; by all sets of active tasks.
 * (Desideri 2012.) */
void reference_mgda(const reference_gram *gram, double *weights);
/* The d that is best for the worst task within c |g0| around the mean gradient g0, divided by 1 +
 * c^2; by nested golden sections. (Liu et al. 2021.) */
void reference_cagrad(const reference_gram *gram, double c, double *weights);
/* Sum of the gradients, of each of which the conflicting part of the others has been taken away;
 * order[i] lists the tasks that task i meets, itself passed over. (Yu et al. 2020.) */
void reference_pcgrad(const reference_gram *gram, int order[][REFERENCE_MAX_TASKS],
                      double *weights);
/* The mean of the gradients, made orthogonal and of one length; by Jacobi rotations. (Senushkin et
 * al. 2023.) */
void reference_aligned(const reference_gram *gram, double *weights);

/* gram = sum_k values[k] vectors[.][k] vectors[.][k]^T */
void reference_eigen(const reference_gram *gram, double *values,
                     double vectors[][REFERENCE_MAX_TASKS]);
/* sqrt(lambda_min) V diag(lambda^-1/2) V^T: row i combines the gradients to the i-th aligned one.
 */
void reference_alignment(const reference_gram *gram, double rows[][REFERENCE_MAX_TASKS]);

#endif
