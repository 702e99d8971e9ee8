/* Blocks of a CSV file that are parsed at once, each into a part with a schema of its own to learn
 * in, and the parts then joined to those before in the order of the file: what comes out is what
 * one reader of the whole file would have made. */
#ifndef MMOE_DATA_CSV_BATCH_H
#define MMOE_DATA_CSV_BATCH_H

#include "base/csv_blocks.h"
#include "base/pool.h"
#include "data/csv_join.h"

/* A block and what becomes of it. */
typedef struct mmoe_csv_piece {
    mmoe_csv_block block;
    mmoe_csv_part *part;   /* of the parts when it is added */
    mmoe_csv_part *before; /* of the batch before, in its place; NULL: there is none */
    bool is_added;
    struct mmoe_schema *learned; /* the part's own; NULL: nothing is learned */
    int32_t **ids;               /* [n_table] while it is joined: of column.h's merge */
    mmoe_csv_form form;          /* behind its rows */
    mmoe_status status;
    mmoe_error err;
} mmoe_csv_piece;

typedef struct mmoe_csv_batch {
    const mmoe_csv_file *file;
    struct mmoe_schema *schema;     /* the file's, which learns; NULL: it stands */
    const mmoe_csv_handler *reader; /* of the whole file */
    mmoe_csv_form form;             /* of a block: as if it were the first behind the header, which
                                       it may have */
    mmoe_csv_form after;            /* mmoe_csv_batch_run: behind the last */
    mmoe_csv_passed passed;         /* what the first block's goes on from */
    int64_t skip_bad;               /* so many rows of all may be at fault, and are left out */
    bool keeps;                     /* parts that were added stay until all are read */
    mmoe_pool *pool;
    mmoe_csv_piece *pieces; /* [count] */
    size_t count;
} mmoe_csv_batch;

/* Parses the blocks, which are released, and adds the parts. MMOE_E_FORMAT, _DATA, _MEMORY: of the
 * first row that is at fault and is not left out. */
mmoe_status mmoe_csv_batch_run(mmoe_csv_batch *batch, mmoe_csv_parts *parts, mmoe_error *err);

#endif
