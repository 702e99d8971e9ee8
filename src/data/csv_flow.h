/* Blocks of a CSV file on all workers, who wait for no one but for what they need next:
 *
 *   cut      one at a time, in order     a block is read, to where a row ends
 *   parse    all at once                 into a part
 *   join     one at a time, in order     the schema learns, the part is added, rows get their place
 *   carry    all at once                 ids become the schema's, rows go to the set
 *   deliver  the caller, in order        or to the sink
 *
 * A worker cuts a block and parses it, or joins one that was parsed and carries its rows. The
 * caller does as they do, but where a sink has the rows: there it delivers before all else. */
#ifndef MMOE_DATA_CSV_FLOW_H
#define MMOE_DATA_CSV_FLOW_H

#include "data/csv_piece.h"
#include "data/loader.h"

/* Begins with the first five. */
typedef struct mmoe_csv_flow {
    mmoe_loader *loader;
    const mmoe_csv_job *job;
    mmoe_bytes *from;
    mmoe_csv_blocks *blocks;
    size_t block_size;
    mmoe_csv_block open; /* behind all rows that were read: it ends where none does; its memory is
                            the caller's; without bytes: there is none */
} mmoe_csv_flow;

/* How many blocks are there at once, of so many workers. */
static inline size_t mmoe_csv_flow_blocks(size_t workers) { return 2 * workers; }

/* All blocks that are left, up to one that is open. The fault is the file's first; rows before a
 * block that cannot be read are read. MMOE_E_IO, _FORMAT, _DATA, _MEMORY; and of the sink. */
mmoe_status mmoe_csv_flow_run(mmoe_csv_flow *flow, mmoe_error *err);

#endif
