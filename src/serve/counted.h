/* What is counted of requests: columns and tasks. */
#ifndef MMOE_SERVE_COUNTED_H
#define MMOE_SERVE_COUNTED_H

#include "math/kernels.h"
#include "model/model.h"

/* Columns that are counted: the sparse ones of a model, then the dense ones. */
typedef struct mmoe_counted_column {
    char *name;
    bool is_list, is_user;
} mmoe_counted_column;

typedef struct mmoe_counted_task {
    char *name;
    bool is_probability;
} mmoe_counted_task;

/* Of whatever became of the model that said it. */
typedef struct mmoe_counted {
    mmoe_allocator alloc;
    const mmoe_kernels *kernels;
    int32_t n_column, n_task;
    mmoe_counted_column *columns;
    mmoe_counted_task *tasks;
} mmoe_counted;

/* MMOE_E_MEMORY. */
mmoe_status mmoe_counted_init(mmoe_counted *counted, const struct mmoe_schema *schema,
                              const mmoe_allocator *alloc, mmoe_error *err);
void mmoe_counted_finish(mmoe_counted *counted);
/* Are these the columns that a schema has, each of the same form and side, in the same order? */
bool mmoe_counted_is_of(const mmoe_counted *counted, const struct mmoe_schema *schema);

#endif
