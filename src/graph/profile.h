/* What a plan's steps cost. Workers write to their own slices and sums; nothing here is locked. */
#ifndef MMOE_GRAPH_PROFILE_H
#define MMOE_GRAPH_PROFILE_H

#include "graph/state.h"
#include "mmoe/train.h"

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
    const struct mmoe_op_kind **ops;
    mmoe_worker_log *logs;
    double begin;
};

/* Makes room for a plan's nodes and workers; forgets what stood there. On
 * MMOE_E_MEMORY it is as it was. */
mmoe_status mmoe_profile_attach(mmoe_profile *p, const mmoe_plan *plan, mmoe_error *err);
/* Name of a node's pass; NULL: it has none. Static. */
const char *mmoe_profile_pass(const mmoe_profile *p, int32_t node, int pass);
/* Adds a slice that ends now. `chunk` -1: none. */
void mmoe_profile_add(mmoe_profile *p, int worker, const mmoe_slice *slice);

#endif
