/* What stands between x and the towers of the reference: levels of nets and of what mixes them. */
#ifndef REFERENCE_BODY_H
#define REFERENCE_BODY_H

#include "reference_gate.h"
#include "reference_transfer.h"

/* Input i goes to the nets and gates that read it. Output k is sum over e of weight(gate_k(in))_e
 * net_e(in), e over the gate's list; without gates the nets' outputs, or, with a stitch, sum_e
 * stitch[k, e] net_e(in). */
typedef struct reference_level {
    int n_input, n_net, n_gate, n_output, width; /* columns of every output */
    reference_mlp *nets, *gates;
    int *net_input, *gate_input;
    int *n_mixed, **mixed; /* [n_gate] the nets that a gate mixes */
    reference_gating gating;
    double imbalance;         /* factor of each gate's */
    reference_tensor *stitch; /* [n_net, n_net] or NULL */
    double **u, **g;          /* of the last forward pass: [n_net], [n_gate] */
} reference_level;

typedef enum reference_seam {
    REFERENCE_AT_INPUT,
    REFERENCE_AT_NETS,
    REFERENCE_AT_MIXTURE
} reference_seam;

typedef struct reference_body {
    reference_seam seam; /* where the shared representation stands */
    int n_level;         /* 0: the towers read x */
    int input_width;
    reference_level *levels;
    int n_task;
    int read[REFERENCE_MAX_TASKS];   /* the last level's output that a task's tower reads */
    reference_transfer transfer;     /* of what the towers read */
    reference_tensor *weight, *bias; /* of the linear part, [T, D], [T]; NULL: there is none */
    double *x;                       /* [B, D] that it read in the last forward pass */
    int n_embedding;                 /* columns of x that tables give; the first ones */
    double *shared;                  /* [reference_body_shared_size] of the last forward pass */
    const double *held;              /* taken in its place; NULL: none */
} reference_body;

reference_body reference_body_create(reference_model *m, const reference_spec *spec,
                                     int input_width);
void reference_body_free(reference_body *body);
int reference_body_width(const reference_body *body); /* columns that a tower reads */

/* x [B, D] -> y[t] [B, width], the caller's to free; keeps what the backward pass needs until
 * `forget`. */
void reference_body_forward(reference_body *body, const double *x, int B, bool training,
                            reference_kinks *kinks, double *y[]);
/* Adds the linear part of the last forward pass to logits[t] [B]. */
void reference_body_add_linear(const reference_body *body, int B, double *const logits[]);
/* dy[t], which may be replaced, and dz[t] of the logits -> a new array, the gradient of x; adds to
 * the tensors' gradients. The gradient of the shared representation is added to `at_shared`, if not
 * NULL, then multiplied by `through`. */
double *reference_body_backward(reference_body *body, double *dy[], double *const dz[], int B,
                                double through, double *at_shared);
/* What is shared is cut out of the columns of x, the nets or the mixture of the last level:
 * reference.h says of which model. */
size_t reference_body_shared_size(const reference_body *body, int B);
/* Of the last forward pass: what the gates add to the loss. */
double reference_body_imbalance(const reference_body *body, int B);
void reference_body_forget(reference_body *body);

#endif
