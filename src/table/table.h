/* An embedding table while a model runs: rows of numbers behind a record of functions, one a kind.
 * Its definition in a schema is mmoe_table (data/schema.h). Whoever holds tables knows no kind, and
 * of their memory no more than its blocks. */
#ifndef MMOE_TABLE_TABLE_H
#define MMOE_TABLE_TABLE_H

#include <stdbool.h>

#include "base/alloc.h"
#include "base/dtype.h"

/* A piece of memory that is copied, averaged, kept and written as a whole. */
typedef struct mmoe_block {
    const char *name; /* among its owner's */
    mmoe_dtype dtype;
    int64_t count; /* elements */
    void *data;
} mmoe_block;

enum { MMOE_MOST_BLOCKS = 4 }; /* of a table */

typedef struct mmoe_table_kind mmoe_table_kind;

typedef struct mmoe_embedding {
    const mmoe_table_kind *kind;
    mmoe_allocator alloc;
    int64_t rows;
    int32_t dim;
    void *data; /* the kind's; NULL: not open */
    bool is_lent;
} mmoe_embedding;

struct mmoe_table_kind {
    /* Takes memory for the table's rows, zeroed, or the block that is lent to it. `t` has kind,
     * alloc, rows and dim. MMOE_E_MEMORY. */
    mmoe_status (*open)(mmoe_embedding *t, void *lent, mmoe_error *err);
    /* Its memory, to out [MMOE_MOST_BLOCKS]; the first block is the rows that a model file has,
     * [rows, dim]. Returns how many. */
    int32_t (*blocks)(const mmoe_embedding *t, mmoe_block *out);
    void (*close)(mmoe_embedding *t); /* one that is not open, too */
};

/* Rows of floats, every one of them updated in every step. */
extern const mmoe_table_kind mmoe_table_dense;

#endif
