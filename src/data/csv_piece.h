/* Blocks of a CSV file that are parsed each by itself, into a part with a schema of its own to
 * learn in, and then joined in the order of the file: what comes out is what one reader of the
 * whole file would have made. */
#ifndef MMOE_DATA_CSV_PIECE_H
#define MMOE_DATA_CSV_PIECE_H

#include "base/csv_blocks.h"
#include "data/csv_join.h"

/* What is the same for all blocks. */
typedef struct mmoe_csv_job {
    const mmoe_csv_file *file;
    struct mmoe_schema *schema;      /* the file's, which learns or grows; NULL: it stands */
    const struct mmoe_schema *known; /* of what grows: as it was, which stays; NULL: it learns */
    const mmoe_csv_handler *reader;  /* of the whole file */
    mmoe_csv_form form;              /* of a block: as if it were the first behind the header, which
                                        it may have */
    mmoe_csv_passed passed;          /* what a block's goes on from */
    int64_t skip_bad;                /* so many rows of all may be at fault, and are left out */
    bool keeps;                      /* parts that were added stay until all are read */
} mmoe_csv_job;

/* A block and what becomes of it; begins as zeros, and is so again when it has been finished, but
 * for what the next one takes. */
typedef struct mmoe_csv_piece {
    mmoe_csv_block block;
    mmoe_csv_part *part;
    mmoe_csv_part *before; /* of the piece before in its place, whose rows were taken; NULL: none */
    bool owns_before;      /* that is none of the parts */
    bool is_added;         /* the part is one of the parts */
    struct mmoe_schema *learned; /* the part's own; NULL: it has none. It goes on with the
                                    next block here, which stands behind all that were joined, so
                                    that few values are new to it */
    mmoe_merged *merged;         /* [n_table] of it */
    const int32_t **become;      /* [n_table] ids of the part that change; NULL: those stay */
    bool goes_on;                /* it does */
    bool is_redone;              /* the part was read once more, with what stands before known */
    mmoe_csv_form form;          /* behind its rows */
    mmoe_status status;
    mmoe_error err;
} mmoe_csv_piece;

/* In any order, beside others: parses the block. */
void mmoe_csv_piece_parse(const mmoe_csv_job *job, mmoe_csv_piece *piece);
/* In the order of the file, one at a time: the schema takes over what the part has learned, and the
 * part is added. MMOE_E_FORMAT, _DATA, _MEMORY: of its first row that is at fault and is not left
 * out. */
mmoe_status mmoe_csv_piece_join(const mmoe_csv_job *job, mmoe_csv_piece *piece,
                                mmoe_csv_parts *parts, mmoe_error *err);
/* Behind that, beside others: the part's ids become the schema's. */
void mmoe_csv_piece_place(const mmoe_csv_job *job, mmoe_csv_piece *piece);
void mmoe_csv_piece_finish(const mmoe_csv_job *job, mmoe_csv_piece *piece);
/* Releases that, too. */
void mmoe_csv_piece_drop(const mmoe_csv_job *job, mmoe_csv_piece *piece);

#endif
