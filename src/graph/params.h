/* Named tensors and the storage behind them. The layers' trained values stand in one block; a fused
 * layer's tensors (every expert's first layer, every gate) are neighbours, so they are one matrix
 * for a GEMM. Embedding tables are things of their own (table/table.h).
 *
 * The whole is the sequence of all trained values, table after table and then the layers:
 *
 *   | table 0 | table 1 | ... | 0 to 15 unused | layers' values, with gaps between tensors |
 *   place 0                                     place of the layers, a multiple of 16
 *
 * No memory need look like this; it is the order of sums over all values, and of gradients that are
 * kept whole. */
#ifndef MMOE_GRAPH_PARAMS_H
#define MMOE_GRAPH_PARAMS_H

#include <assert.h>

#include "base/alloc.h"
#include "base/mapping.h"
#include "table/table.h"

typedef enum mmoe_tensor_kind {
    MMOE_TENSOR_VALUE,   /* of a layer, trained; offset into values */
    MMOE_TENSOR_STATE,   /* running statistics; offset into states */
    MMOE_TENSOR_COUNTER, /* int64 scalar num_batches_tracked; offset into counters */
    MMOE_TENSOR_TABLE    /* the rows of a table, trained unless it is frozen; offset is their place
                            in the whole */
} mmoe_tensor_kind;

typedef enum mmoe_init_kind {
    MMOE_INIT_CONSTANT,  /* `a` */
    MMOE_INIT_NORMAL,    /* N(0, a^2) */
    MMOE_INIT_UNIFORM,   /* U(-a, a) */
    MMOE_INIT_STITCH,    /* square: `a` on the diagonal, the rest of 1 in equal parts beside it */
    MMOE_INIT_ORTHOGONAL /* rows, or columns where there are fewer of them, that are orthonormal */
} mmoe_init_kind;

/* What a tensor is to its model: how it may be drawn, and how it is regularised. Tensors of
 * different roles share no 16 values (64 bytes). */
typedef enum mmoe_tensor_role {
    MMOE_ROLE_OTHER,
    MMOE_ROLE_WEIGHT, /* of a Linear, [out, in] */
    MMOE_ROLE_BIAS,   /* of a Linear */
    MMOE_ROLE_NORM    /* of a batch norm */
} mmoe_tensor_role;

typedef struct mmoe_tensor {
    char *name;    /* torch-rechub's state_dict name, behind that of a member */
    size_t prefix; /* length of the latter, by which it is not drawn or found */
    mmoe_tensor_kind kind;
    mmoe_tensor_role role;
    int32_t rank; /* 0, 1 or 2 */
    int64_t shape[2];
    int64_t offset; /* of its first element in its block */
    int32_t table;  /* its index, of MMOE_TENSOR_TABLE */
    int64_t count;  /* elements */
    mmoe_init_kind init;
    float init_a;
    int64_t padding; /* of a table: the row that no gradient reaches, if it has one */
    bool has_padding;
    bool is_frozen;   /* of a table: it stays as it is */
    bool is_deferred; /* of a table: a step updates the rows that its batch reads, and no others */
    mmoe_deal deal;   /* and which of its rows are here */
} mmoe_tensor;

/* What each tensor is; grows while a model is built. */
typedef struct mmoe_tensors {
    mmoe_allocator alloc;
    mmoe_tensor *items;
    size_t count, capacity;
    int64_t n_value, n_state, n_counter; /* sizes of the blocks */
    int64_t n_row_value;                 /* of all tables */
    int32_t n_table;
} mmoe_tensors;

/* The trained ones stand first: each table's rows, then the layers' values. A frozen table stands
 * among them and has its place, but is no part of what mmoe_params_next goes over. */
typedef struct mmoe_params_block {
    mmoe_block memory; /* a table's rows; named as its tensor, or "layers.values", "layers.states",
                          "layers.counters" */
    int64_t place;     /* of its first value in the whole; -1: it is not trained */
    bool is_frozen;
} mmoe_params_block;

/* Of tables that are dealt to ranks: how the rows come to one, from the first rank on, which writes
 * files. All ranks make the same calls. */
typedef struct mmoe_collector {
    /* Bytes [at, end) of a table's rows, at most MMOE_COLLECTED, come to the first rank's `window`.
     * Other ranks failed, or memory is out. */
    mmoe_status (*collect)(void *context, int32_t table, size_t at, size_t end, char *window,
                           mmoe_error *err);
    /* How a call ends that is all ranks': where one of them fails, so do the others. */
    mmoe_status (*end)(void *context, mmoe_status status, const mmoe_error *why, mmoe_error *err);
    bool (*may)(void *context); /* do all ranks make the call? Not where one alone is called back */
    void *context;
    bool is_first;
} mmoe_collector;
enum { MMOE_COLLECTED = 4 << 20 }; /* bytes */

typedef struct mmoe_params {
    mmoe_allocator alloc;
    int64_t n_value, n_state, n_counter;
    float *values; /* 64-byte aligned */
    float *states;
    int64_t *counters;
    int32_t n_table, n_trained, n_block;
    mmoe_embedding *tables;
    mmoe_params_block *blocks; /* all of the above */
    int64_t n_whole;           /* length of the whole */
    mmoe_mapping map;          /* that tables stand in */
    /* Brings rows that lag behind up to date (mmoe_params_settle); NULL: none do. Set by the
     * trainer, for as long as there is one. */
    bool (*settle)(void *context);
    void *settle_context;
    mmoe_collector collector; /* without functions: nobody has joined the ranks. Set by the trainer,
                                 too */
} mmoe_params;

/* What stands in memory of a table already. */
typedef struct mmoe_lent_table {
    mmoe_dtype dtype;               /* of its rows, whether they do or not */
    void *blocks[MMOE_MOST_BLOCKS]; /* each NULL: it does not */
    bool is_mapped; /* they stand in the mapping; else in memory of mmoe_alloc_aligned, which
                       becomes the table's */
} mmoe_lent_table;

typedef struct mmoe_lent_tables {
    mmoe_mapping map;
    mmoe_lent_table (*lend)(void *context, const mmoe_tensor *table); /* NULL: nothing is lent */
    void *context;
} mmoe_lent_tables;

/* Makes room for `count` elements of a kind at the end of its block and returns the offset, of
 * floats a multiple of 16 (64 bytes). A size that overflows makes mmoe_params_init fail. */
int64_t mmoe_tensors_reserve(mmoe_tensors *t, mmoe_tensor_kind kind, int64_t count);
/* Adds a tensor that stands at `offset`, in reserved room; a table gets its room, its offset and
 * its index here. Its count follows from its shape; `name` is formatted. MMOE_E_MEMORY. */
mmoe_status mmoe_tensors_add(mmoe_tensors *t, mmoe_tensor tensor, mmoe_error *err, const char *name,
                             ...) __attribute__((format(printf, 4, 5)));
/* A table has so many rows: the places of what stands behind it follow. */
void mmoe_tensors_set_rows(mmoe_tensors *t, int32_t table, int64_t rows);
/* Names so far begin with `prefix`. MMOE_E_MEMORY. */
mmoe_status mmoe_tensors_prefix(mmoe_tensors *t, const char *prefix, mmoe_error *err);
/* By its name without a prefix; NULL: none. */
const mmoe_tensor *mmoe_tensors_find(const mmoe_tensors *t, const char *name);
void mmoe_tensors_finish(mmoe_tensors *t);
/* Where a trained tensor begins in the whole. */
int64_t mmoe_tensors_place(const mmoe_tensors *t, const mmoe_tensor *tensor);
static inline bool mmoe_tensor_is_trained(const mmoe_tensor *t) {
    return t->kind == MMOE_TENSOR_VALUE || (t->kind == MMOE_TENSOR_TABLE && !t->is_frozen);
}

/* Zeroed; `t` must outlive them. */
mmoe_status mmoe_params_init(mmoe_params *p, const mmoe_tensors *t, const mmoe_allocator *alloc,
                             mmoe_error *err);
/* The same, but for tables that are lent; their mapping is taken over on success. */
mmoe_status mmoe_params_init_lent(mmoe_params *p, const mmoe_tensors *t,
                                  const mmoe_lent_tables *lent, const mmoe_allocator *alloc,
                                  mmoe_error *err);
void mmoe_params_finish(mmoe_params *p);
/* Room for so many rows of a table, which keeps those that it has. MMOE_E_MEMORY. */
mmoe_status mmoe_params_reserve(mmoe_params *p, int32_t table, int64_t rows, mmoe_error *err);
/* Tables have the rows that their tensors have, for which there is room; those that are new have
 * any values. */
void mmoe_params_follow(mmoe_params *p, const mmoe_tensors *t);
void mmoe_params_copy(mmoe_params *to, const mmoe_params *from); /* of the same tensors */
/* Of all but the tables. */
void mmoe_params_copy_layers(mmoe_params *to, const mmoe_params *from);
/* For whoever reads or writes values outside a training step: rows of tables that a step leaves
 * behind are brought up to date. From any thread, but not beside a step; of several ranks by all of
 * them, from the thread that exchanges. False: other ranks' rows are old, for one has failed. */
static inline bool mmoe_params_settle(const mmoe_params *p) {
    return !p->settle || p->settle(p->settle_context);
}
/* draw.c, no part of a serving build: draws every tensor from `seed`; a tensor's numbers depend on
 * the seed, its name and its shape alone, and so do those of the rows of a table that are here.
 * MMOE_E_MEMORY. */
mmoe_status mmoe_params_draw(mmoe_params *p, const mmoe_tensors *t, uint64_t seed, mmoe_error *err);
/* Of one table the rows from `first` on alone, which get what mmoe_params_draw would give them. */
mmoe_status mmoe_params_draw_rows(const mmoe_params *p, const mmoe_tensor *table, int64_t first,
                                  uint64_t seed, mmoe_error *err);

/* A tensor's type: F32, I64 of a counter, or what the rows of a table are. */
mmoe_dtype mmoe_params_dtype(const mmoe_params *p, const mmoe_tensor *tensor);
/* Its first element. */
void *mmoe_params_at(const mmoe_params *p, const mmoe_tensor *tensor);
/* The first table that ranks have parts of; NULL: there is none. */
const mmoe_embedding *mmoe_params_dealt(const mmoe_params *p);
/* A table's rows, [rows, dim], which are floats, and all here. */
static inline float *mmoe_params_rows(const mmoe_params *p, int32_t index) {
    assert(p->blocks[index].memory.dtype == MMOE_F32 && !mmoe_table_is_dealt(&p->tables[index]));
    return p->blocks[index].memory.data;
}
/* A table that learns nothing, for its rows are no floats; NULL: there is none. */
const mmoe_embedding *mmoe_params_narrow(const mmoe_params *p);

/* Values of one block that are neighbours. */
typedef struct mmoe_params_part {
    int32_t block;
    int64_t offset, count; /* of the block */
    int64_t place;
} mmoe_params_part;
/* The first trained part of the whole's [*at, end), *at moved behind it; false: there is none left.
 *
 *   for (int64_t at = first; mmoe_params_next(p, &at, end, &part);) ... */
bool mmoe_params_next(const mmoe_params *p, int64_t *at, int64_t end, mmoe_params_part *part);

/* The same parameters, whose whole lacks the tables of which only some rows have a gradient, or
 * none: all else stands closer, in the same order. It has a list of blocks of its own, and of the
 * rest nothing; `p` must outlive it. MMOE_E_MEMORY. */
mmoe_status mmoe_params_dense(const mmoe_params *p, const mmoe_allocator *alloc, mmoe_params *out,
                              mmoe_error *err);
void mmoe_params_dense_finish(mmoe_params *dense);

#endif
