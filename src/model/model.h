/* A model: configuration, schema, the graph that they make, and its weights. */
#ifndef MMOE_MODEL_MODEL_H
#define MMOE_MODEL_MODEL_H

#include <stdatomic.h>

#include "base/tally.h"
#include "base/warnings.h"
#include "graph/graph.h"
#include "graph/params.h"
#include "config/config.h"
#include "model/meta.h"

struct mmoe_model {
    mmoe_allocator alloc;
    mmoe_config *config;
    mmoe_schema *schema;
    mmoe_graph *graph; /* nodes and graph->tensors */
    mmoe_params params;
    mmoe_score *score;      /* NULL: none */
    mmoe_warnings warnings; /* of what its weights began with */
    mmoe_meta meta;
    mmoe_watcher watcher;  /* of writing; without a function: nobody asks */
    atomic_int trainers;   /* that may change it */
    atomic_bool is_served; /* by a slot: nobody may */
    atomic_uint moves;     /* how often its tables have got other rows, and may stand elsewhere */
    mmoe_model *next;      /* member (members.h); NULL: there is no other */
};

/* A model of a configuration, with all its members: both are copied, the graph and its tensors
 * built, weights zero.
 * MMOE_E_CONFIG when a layer would be wider than 2^24 columns; _MEMORY; and what
 * mmoe_pretrained_settle returns. */
mmoe_status mmoe_model_blank(const mmoe_config *config, const mmoe_schema *schema,
                             const mmoe_allocator *alloc, mmoe_model **out, mmoe_error *err);
/* Which of several ranks this one is. */
typedef struct mmoe_among {
    int32_t rank, ranks;
} mmoe_among;
/* The same of one of several ranks, whose large tables of deferred rows (mmoe_table_is_dealt) have
 * this one's rows alone. */
mmoe_status mmoe_model_blank_among(const mmoe_config *config, const mmoe_schema *schema,
                                   mmoe_among own, const mmoe_allocator *alloc, mmoe_model **out,
                                   mmoe_error *err);
/* deal.c: says which tables these are, and which rows. */
void mmoe_model_deal(mmoe_graph *graph, const mmoe_schema *schema, mmoe_among own);
/* Draws the weights of a model that was built as its configuration and its losses say; tables may
 * begin with vectors of a file. */
mmoe_status mmoe_model_draw(mmoe_model *model, mmoe_error *err);
/* What of that is said of its tensors, before they are drawn. */
void mmoe_model_choose_inits(mmoe_model *model);

/* Memory of a model's own over the caller's, NULL: malloc's: each model and all that it holds are
 * made by such a one, which counts (base/tally.h). Its maker ends it. MMOE_E_MEMORY. */
mmoe_status mmoe_model_begin(const mmoe_allocator *alloc, mmoe_allocator *out, mmoe_error *err);

/* What a model is put together from. */
typedef struct mmoe_model_parts {
    mmoe_config *config;
    mmoe_schema *schema;
    mmoe_graph *graph;
    mmoe_lent_tables tables;
} mmoe_model_parts;

/* Parts of a schema, which is taken over, on failure too, and of a copy of a configuration: with
 * their graph, and no tables. MMOE_E_CONFIG when a layer would be wider than 2^24 columns. */
mmoe_status mmoe_model_parts_make(const mmoe_config *config, mmoe_schema *schema,
                                  const mmoe_allocator *alloc, mmoe_model_parts *out,
                                  mmoe_error *err);
void mmoe_model_parts_free(mmoe_model_parts *parts);

/* A model of parts, which it takes over, on failure too. Weights that no table has are zero. */
mmoe_status mmoe_model_assemble(const mmoe_model_parts *parts, const mmoe_allocator *alloc,
                                mmoe_model **out, mmoe_error *err);

/* clone.c: a model of copies of another's configuration and schema; of its tables `tables` tells
 * the types. Weights are zero. */
mmoe_status mmoe_model_like(const mmoe_model *model, mmoe_lent_tables tables,
                            const mmoe_allocator *alloc, mmoe_model **out, mmoe_error *err);
/* mmoe_params_settle. MMOE_E_IO, which begins with `what` has not been done: another rank's rows
 * are old. */
mmoe_status mmoe_model_settle(const mmoe_params *p, const char *what, mmoe_error *err);
/* Weights of each member, of the same tensors. */
typedef struct mmoe_weights_source {
    const mmoe_params *(*weights)(void *context, const mmoe_model *member);
    void *context;
} mmoe_weights_source;
/* A copy of the model but for its weights. */
mmoe_status mmoe_model_clone_with(const mmoe_model *model, const mmoe_weights_source *from,
                                  const mmoe_allocator *alloc, mmoe_model **out, mmoe_error *err);

/* MMOE_E_ARGUMENT, in the name of a `call`: configuration and schema are of other tasks. */
mmoe_status mmoe_model_check_tasks(const mmoe_config *config, const mmoe_schema *schema,
                                   const char *call, mmoe_error *err);
/* MMOE_E_ARGUMENT, in the name of a `call` that changes weights: a slot has the model. */
mmoe_status mmoe_model_check_unserved(const mmoe_model *model, const char *call, mmoe_error *err);
/* MMOE_E_ARGUMENT, in the name of a `call` that needs all weights: ranks have parts of them. */
mmoe_status mmoe_model_check_whole(const mmoe_model *model, const char *call, mmoe_error *err);
/* MMOE_E_ARGUMENT, in the name of a `call` that needs floats: the model has narrow tables. */
mmoe_status mmoe_model_check_learns(const mmoe_model *model, const char *call, mmoe_error *err);
/* Both. */
mmoe_status mmoe_model_check_floats(const mmoe_model *model, const char *call, mmoe_error *err);

/* Who is told when the model is written; NULL: nobody. */
static inline const mmoe_watcher *mmoe_model_watcher(const mmoe_model *model) {
    return model->watcher.on_work ? &model->watcher : NULL;
}

#endif
