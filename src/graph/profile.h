/* What a plan's steps cost. Workers write to their own slices and sums; nothing here is locked. */
#ifndef MMOE_GRAPH_PROFILE_H
#define MMOE_GRAPH_PROFILE_H

#include "graph/graph.h"
#include "mmoe/train.h"

enum {
    MMOE_PASS_FORWARD,
    MMOE_PASS_BARRIER,
    MMOE_PASS_BACKWARD,
    MMOE_PASS_BACKWARD_BARRIER,
    MMOE_PASS_WEIGHTS,
    MMOE_PASS_UPDATE,
    MMOE_PASS_COUNT
};

typedef struct mmoe_slice {
    double start, end, flops, bytes;
    int32_t node, chunk;
    int32_t pass, unused;
} mmoe_slice;

typedef struct mmoe_worker_log {
    mmoe_slice *slices; /* [max_slices] */
    size_t count;
    mmoe_profile_entry *sums; /* [nodes, passes] */
} mmoe_worker_log;

struct mmoe_profile {
    mmoe_allocator alloc;
    size_t max_slices, n_node;
    int workers;
    char (*names)[32]; /* [nodes] */
    mmoe_op *ops;
    mmoe_worker_log *logs;
    double begin;
};

/* Makes room for a graph's nodes and a number of workers; forgets what stood there. MMOE_E_MEMORY.
 */
mmoe_status mmoe_profile_attach(mmoe_profile *p, const mmoe_graph *graph, int workers,
                                mmoe_error *err);
/* Name of a node's pass; NULL: it has none. Static. */
const char *mmoe_profile_pass(const mmoe_profile *p, int32_t node, int pass);
/* Adds a slice that began at `start` and ends now. `chunk` -1: none. */
void mmoe_profile_add(mmoe_profile *p, int worker, int32_t node, int pass, int32_t chunk,
                      double start, double flops, double bytes);

#endif
