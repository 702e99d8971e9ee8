/* A model: configuration, schema, the graph that they make, and its weights. */
#ifndef MMOE_MODEL_MODEL_H
#define MMOE_MODEL_MODEL_H

#include "graph/graph.h"
#include "graph/params.h"
#include "model/config.h"

struct mmoe_model {
    mmoe_allocator alloc;
    mmoe_config *config;
    mmoe_schema *schema;
    mmoe_graph *graph; /* nodes and graph->tensors */
    mmoe_params params;
};

#endif
