/* What a step would take on several hosts: a cost model, nothing that is measured. */
#ifndef MMOE_TOOLS_PLAN_RANKS_H
#define MMOE_TOOLS_PLAN_RANKS_H

#include <jansson.h>

#include "cli.h"
#include "plan_wire.h"

/* How hosts are joined. */
typedef struct plan_network {
    double bytes_a_second; /* of a host, each way */
    double latency;        /* seconds of half a round trip of an empty message, over MPI */
    plan_wire wire;
} plan_network;

/* Of a step on so many hosts, a rank each. */
typedef struct plan_ranks {
    int hosts;
    double bytes;                                /* that a rank sends */
    double computing, sending, copying, waiting; /* seconds */
    double seconds;                              /* the four */
    double epoch;                                /* seconds; 0: of no known rows */
} plan_ranks;

/* Whether hosts exchange the rows that a batch reads, and no others. */
bool plan_is_dealt(const mmoe_table_estimate *t);
plan_ranks plan_ranks_of(const mmoe_estimate *e, const plan_network *n, int hosts);

/* For 1, 2, 4 .. `most` hosts. */
void plan_ranks_print(const mmoe_estimate *e, const plan_network *n, int most);
json_t *plan_ranks_json(const mmoe_estimate *e, const plan_network *n, int most);

#endif
