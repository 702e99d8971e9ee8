/* Linear, BatchNorm1d and the activations of the reference, forward and backward; see reference.h.
 */
#ifndef REFERENCE_LAYERS_H
#define REFERENCE_LAYERS_H

#include "reference.h"

enum { REFERENCE_NO_ACTIVATION = -1 };

/* Adds a row's term to an entry of a gradient. */
static inline void reference_add_term(reference_tensor *t, int i, double term) {
    t->gradient[i] += term;
    t->squares[i] += term * term;
}

typedef struct reference_norm {
    reference_tensor *scale, *shift, *mean, *variance, *batches; /* NULL: no batch norm */
    bool constant;   /* the last forward pass took its statistics as given */
    double *xhat;    /* [B, out] */
    double *inverse; /* [out] 1 / sqrt(variance + eps) */
} reference_norm;

typedef struct reference_layer {
    int in, out;
    int activation;
    reference_tensor *weight, *bias; /* [out, in], [out] */
    reference_norm norm;
    reference_tensor *slope; /* of prelu or dice, [1] */
    double *x;               /* [B, in] what came in */
    double *a;               /* [B, out] what the activation saw */
} reference_layer;

typedef struct reference_mlp {
    int n_layer;
    reference_layer layers[REFERENCE_MAX_DEPTH + 1];
} reference_mlp;

typedef struct reference_kinks {
    double distance;
    uint64_t signs;
} reference_kinks;

/* The Sequential's entries of each layer: Linear, (BatchNorm1d,) activation, dropout; then
 * Linear(., 1) where asked. */
void reference_add_mlp(reference_model *m, reference_mlp *mlp, const char *prefix, int in,
                       const reference_mlp_spec *spec, bool output_layer);
/* Hidden layers, then a Linear of n outputs, (BatchNorm1d); the softmax is the caller's. */
void reference_add_gate(reference_model *m, reference_mlp *gate, const char *prefix, int in, int n,
                        const reference_spec *spec);

reference_tensor *reference_add_matrix(reference_model *m, const char *name, int rows, int columns);
reference_tensor *reference_add_vector(reference_model *m, const char *name, int count);

/* x [B, in] -> a new array [B, out], the caller's to free; keeps what the backward pass needs until
 * `forget`. */
double *reference_mlp_forward(reference_mlp *mlp, const double *x, int B, bool training,
                              reference_kinks *kinks);
/* Gradient of the output [B, out] -> a new array, the gradient of the input [B, in]; adds to the
 * tensors' gradients. */
double *reference_mlp_backward(reference_mlp *mlp, const double *dy, int B);
void reference_mlp_forget(reference_mlp *mlp);

#endif
