/* Rows of a caller teach a schema's vocabularies the values that they do not know, one after the
 * other: in the order of rows, of a row in that of the schema's features, of a list in its own.
 * That is the order in which a file's rows do (mmoe_learning_grow). */
#ifndef MMOE_DATA_GROWING_H
#define MMOE_DATA_GROWING_H

#include "data/schema.h"

typedef struct mmoe_growing {
    mmoe_allocator alloc;
    struct mmoe_schema *schema; /* whom nobody else reads meanwhile */
    int64_t most;               /* rows of a table */
    mmoe_vocab_place *before;   /* [n_table]; rows 0: the table does not grow */
    int64_t left_out;           /* values that stay unknown */
} mmoe_growing;

/* All of what follows is to be ended. MMOE_E_MEMORY. */
mmoe_status mmoe_growing_begin(mmoe_growing *g, struct mmoe_schema *schema, int64_t most,
                               const mmoe_allocator *alloc, mmoe_error *err);
/* Of a batch by the schema's numbers. MMOE_E_ARGUMENT, as mmoe_dataset_create has it, of the sparse
 * columns; _MEMORY. `call` begins messages. */
mmoe_status mmoe_growing_learn(mmoe_growing *g, const mmoe_batch *batch, const char *call,
                               mmoe_error *err);
int64_t mmoe_growing_rows(const mmoe_growing *g); /* that are new, of all tables */
/* Tables have the rows of their vocabularies, which may still go back. */
void mmoe_growing_count(const mmoe_growing *g);
/* Vocabularies settle, and tables have their rows; or, with `back`, all is as it was. */
void mmoe_growing_end(mmoe_growing *g, bool back);

#endif
