/* The other ranks of a run, as it sees them. Each rank has its share of a batch's segments, one
 * behind the other, so what it adds up is a subtree of the whole (graph/segments.h). All ranks call
 * the same in the same order, from the thread that runs. What fails is kept by who made this, and
 * no later call does anything: what a step computes then is nobody's. */
#ifndef MMOE_GRAPH_PEERS_H
#define MMOE_GRAPH_PEERS_H

#include <stdbool.h>
#include <stdint.h>

#include "graph/portions.h"

/* Floats [from_at[q], from_end[q]) of `from` are for rank q, whose come to [to_at[q], to_end[q]) of
 * `to`; what a rank has for itself stays where it is. */
typedef struct mmoe_peer_parts {
    const char *what; /* for messages */
    const float *from;
    float *to;
    const int64_t *from_at, *from_end, *to_at, *to_end; /* [size] */
} mmoe_peer_parts;

typedef struct mmoe_peers mmoe_peers;
struct mmoe_peers {
    int32_t rank, size;
    const mmoe_params *params; /* whose gradients a run keeps whole (mmoe_params_dense) */
    mmoe_portions portions;    /* of their whole */
    /* numbers [size, each]: this rank's are there, the others' come. */
    void (*gather)(mmoe_peers *p, double *numbers, int32_t each);
    /* Rows of `cols` floats, of which rank r has from[r] to from[r + 1]. */
    void (*gather_rows)(mmoe_peers *p, float *rows, const int32_t *from, int32_t cols);
    /* values[0, n) become the sums over ranks, in a tree. False: something has failed. */
    bool (*sum)(mmoe_peers *p, double *values, int64_t n);
    bool (*sum_gradient)(mmoe_peers *p, float *values, int64_t n);
    /* values[from[r], from[r + 1]) become so on rank r alone. */
    bool (*sum_parts)(mmoe_peers *p, float *values, const int64_t *from);
    bool (*exchange)(mmoe_peers *p, const mmoe_peer_parts *parts);
    /* The same, but on its way until it is finished, which is called where nothing was started, or
     * something has failed, too. Meanwhile what `parts` has of floats stays. */
    void (*start)(mmoe_peers *p, const mmoe_peer_parts *parts);
    bool (*finish)(mmoe_peers *p);
};

#endif
