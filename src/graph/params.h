/* Named tensors and the storage behind them. All trainable values stand in one block, so an
 * optimizer is one flat loop; a fused layer's tensors (every expert's first layer, every gate) are
 * neighbours, so they are one matrix for a GEMM. */
#ifndef MMOE_GRAPH_PARAMS_H
#define MMOE_GRAPH_PARAMS_H

#include "base/alloc.h"
#include "base/mapping.h"

typedef enum mmoe_tensor_kind {
    MMOE_TENSOR_VALUE,  /* trained; offset into values */
    MMOE_TENSOR_STATE,  /* running statistics; offset into states */
    MMOE_TENSOR_COUNTER /* int64 scalar num_batches_tracked; offset into counters */
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
    MMOE_ROLE_TABLE,  /* embeddings, [rows, dim] */
    MMOE_ROLE_NORM    /* of a batch norm */
} mmoe_tensor_role;

typedef struct mmoe_tensor {
    char *name; /* torch-rechub's state_dict name */
    mmoe_tensor_kind kind;
    mmoe_tensor_role role;
    int32_t rank; /* 0, 1 or 2 */
    int64_t shape[2];
    int64_t offset; /* of its first element in its block */
    int64_t count;  /* elements */
    mmoe_init_kind init;
    float init_a;
} mmoe_tensor;

/* What each tensor is; grows while a model is built. */
typedef struct mmoe_tensors {
    mmoe_allocator alloc;
    mmoe_tensor *items;
    size_t count, capacity;
    int64_t n_value, n_state, n_counter; /* sizes of the blocks */
} mmoe_tensors;

/* The blocks. */
typedef struct mmoe_params {
    mmoe_allocator alloc;
    int64_t n_value, n_state, n_counter;
    float *values; /* 64-byte aligned */
    float *states;
    int64_t *counters;
    mmoe_mapping map; /* that values stand in; without data: they are the allocator's */
} mmoe_params;

/* Makes room for `count` elements of a kind at the end of its block and returns the offset, of
 * floats a multiple of 16 (64 bytes). A size that overflows makes mmoe_params_init fail. */
int64_t mmoe_tensors_reserve(mmoe_tensors *t, mmoe_tensor_kind kind, int64_t count);
/* Adds a tensor that stands at `offset`, in reserved room; its count follows from its shape; `name`
 * is formatted. MMOE_E_MEMORY. */
mmoe_status mmoe_tensors_add(mmoe_tensors *t, mmoe_tensor tensor, mmoe_error *err, const char *name,
                             ...) __attribute__((format(printf, 4, 5)));
const mmoe_tensor *mmoe_tensors_find(const mmoe_tensors *t, const char *name); /* NULL: none */
void mmoe_tensors_finish(mmoe_tensors *t);

mmoe_status mmoe_params_init(mmoe_params *p, const mmoe_tensors *t, const mmoe_allocator *alloc,
                             mmoe_error *err); /* zeroed */
/* The same, but for the values, which are `map` (at least n_value floats, 64-byte aligned); taken
 * over on success. */
mmoe_status mmoe_params_init_mapped(mmoe_params *p, const mmoe_tensors *t, const mmoe_mapping *map,
                                    const mmoe_allocator *alloc, mmoe_error *err);
void mmoe_params_finish(mmoe_params *p);
void mmoe_params_copy(mmoe_params *to, const mmoe_params *from); /* of the same sizes */
/* draw.c, no part of a serving build: draws every tensor from `seed`; a tensor's numbers depend on
 * the seed, its name and its shape alone. MMOE_E_MEMORY. */
mmoe_status mmoe_params_draw(mmoe_params *p, const mmoe_tensors *t, uint64_t seed, mmoe_error *err);

/* First element of a tensor: float, or int64_t for a counter. */
static inline void *mmoe_params_at(const mmoe_params *p, const mmoe_tensor *tensor) {
    switch (tensor->kind) {
    case MMOE_TENSOR_VALUE:
        return p->values + tensor->offset;
    case MMOE_TENSOR_STATE:
        return p->states + tensor->offset;
    default:
        return p->counters + tensor->offset;
    }
}

#endif
