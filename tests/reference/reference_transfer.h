/* AITM's transfers: from the second task on, what a tower reads is an attention over its own
 * bottom's output and what an info gate makes of what the tower before it reads. */
#ifndef REFERENCE_TRANSFER_H
#define REFERENCE_TRANSFER_H

#include "reference_layers.h"

typedef struct reference_attention {
    int dim;
    reference_tensor *weight[3]; /* of queries, keys, values: [dim, dim] */
    double *x[2], *part[3][2];   /* the items [B, dim], their queries, keys and values */
    double *share;               /* [B, 2] */
} reference_attention;

typedef struct reference_transfer {
    int n_task; /* 0: not AITM */
    reference_mlp gates[REFERENCE_MAX_TASKS];
    reference_attention attentions[REFERENCE_MAX_TASKS];
} reference_transfer;

void reference_transfer_init(reference_transfer *t, reference_model *m, const reference_spec *spec);
/* y[t] [B, dim] is replaced. */
void reference_transfer_forward(reference_transfer *t, double *y[], int B, bool training,
                                reference_kinks *kinks);
void reference_transfer_backward(reference_transfer *t, double *dy[], int B);
void reference_transfer_forget(reference_transfer *t);

#endif
