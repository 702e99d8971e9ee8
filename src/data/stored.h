/* Rows that lie in a folder, a file a column, and are read block by block. Each file is NumPy's: a
 * header of MMOE_STORED_HEADER bytes, then its values.
 *
 * A block's rows are dealt into MMOE_LANES lanes, row r of it to lane r % MMOE_LANES; in the file
 * lane stands behind lane, so that a reader of some lanes reads a piece of each block. */
#ifndef MMOE_DATA_STORED_H
#define MMOE_DATA_STORED_H

#include "base/checksum.h"
#include "data/batch.h"
#include "data/order.h"

enum { MMOE_STORED_HEADER = 128 };
#define MMOE_STORED_LANES "lanes.npy"

/* What a file has. */
typedef enum mmoe_stored_what {
    MMOE_STORED_IDS,             /* <i4 [rows] of a column */
    MMOE_STORED_OFFSETS,         /* <i8 [rows + 1] of a list, into the next two */
    MMOE_STORED_ELEMENTS,        /* <i4 [elements] */
    MMOE_STORED_ELEMENT_WEIGHTS, /* <f4 [elements] */
    MMOE_STORED_INPUTS,          /* <f4 [rows, width] of a dense column */
    MMOE_STORED_LABEL,           /* <f4 [rows], NaN: missing */
    MMOE_STORED_WEIGHT,          /* <f4 [rows] of the rows */
    MMOE_STORED_KEPT             /* <i4 [rows] of a column that is kept beside them (kept.h) */
} mmoe_stored_what;

typedef struct mmoe_stored_column {
    mmoe_stored_what what;
    int32_t at;    /* of the row's ids, lists, inputs, labels or kept columns: its first */
    int32_t width; /* values a row; of elements 1 */
    char *file;    /* its name in each part's folder */
} mmoe_stored_column;

/* Rows that were written in one go. Each part but the last has whole blocks: rows that its files
 * have behind them are the next part's first. */
typedef struct mmoe_stored_part {
    char *folder;
    int64_t rows, written, first_block; /* rows that count, and that its files have */
    uint64_t *checksums;                /* [blocks, columns] of each block's bytes in each file */
    uint64_t kept_sum; /* of the values that its rows brought to kept columns; 0: not known */
    int *files;     /* [columns] that have no names, open until the part is gone; NULL: they have */
    uint8_t *forms; /* [blocks, columns] of what such files have in a block's place
                       (short_words.h); NULL: files have names, and values as they are */
    bool has_lanes; /* a file MMOE_STORED_LANES, <u8 [whole blocks, columns, MMOE_LANES], has the
                       checksums of each lane's values (of lists' offsets, and of where its last
                       ends): its rows can be read alone */
} mmoe_stored_part;

typedef struct mmoe_stored {
    mmoe_allocator alloc;
    int64_t rows;
    int32_t n_id, n_list, dense_width, n_label, n_kept;
    bool has_weights, has_element_weights;
    int32_t n_column, n_part;
    mmoe_stored_column *columns; /* [n_column] a list's three one behind the other */
    mmoe_stored_part *parts;     /* [n_part] */
    int64_t *elements;           /* [blocks] of all lists */
    int64_t *apart;              /* [n_list] elements of lists that are not of one without weight */
    const int32_t *most_id;      /* [n_id + n_list] the data set's */
    int32_t *most_kept;          /* [n_kept] the last row of each one's vocabulary */
} mmoe_stored;

void mmoe_stored_free(mmoe_stored *s);
/* Opens files for a part that have no names, on the file system of its folder. MMOE_E_IO, _MEMORY.
 */
mmoe_status mmoe_stored_open_unnamed(const mmoe_stored *s, mmoe_stored_part *part, mmoe_error *err);
static inline size_t mmoe_stored_size(mmoe_stored_what what) {
    return what == MMOE_STORED_OFFSETS ? sizeof(int64_t) : sizeof(float);
}

/* Of a lane's values in a block and file. */
static inline uint64_t mmoe_stored_lane_sum(int64_t block, int32_t lane, const void *values,
                                            size_t size) {
    return mmoe_checksum_hash((uint64_t)block * MMOE_LANES + (uint64_t)lane, values, size);
}

/* Where a row of a block stands in a file, among the block's `rows`. */
static inline int32_t mmoe_lane_place(int32_t row, int32_t rows) {
    const int32_t lane = row % MMOE_LANES, each = rows / MMOE_LANES, more = rows % MMOE_LANES;
    return lane * each + (lane < more ? lane : more) + row / MMOE_LANES;
}

/* Where a block's rows are wanted: arrays of rows, of which row 0 is the block's first; a row's
 * values are as many as a data set has. */
typedef struct mmoe_block_room {
    int32_t *ids;
    float *inputs, *labels, *weights; /* NULL: they are not wanted */
    int64_t *offsets;                 /* [rows * lists + 1], of which the first stands */
    int32_t *elements; /* what offsets point into; as the next, room for all that the block has */
    float *element_weights;
    int32_t *const *kept; /* [n_kept] arrays, in which the block's first row is row first_kept; NULL
                             also for one of them */
    int64_t first_kept;
    bool last_stands; /* of offsets: it is the first of another reader's block by now */
} mmoe_block_room;

/* Memory that reading works with, for one reader at a time. */
typedef struct mmoe_stored_reader {
    const mmoe_stored *stored;
    int32_t first_lane, lanes; /* of whole blocks these are wanted: all, unless others are said */
    const int64_t *elements;   /* [blocks] of the lists of what is wanted: then it is said, too
                                  (mmoe_stored_count) */
    char *bytes;               /* of a column's block */
    int64_t *starts;           /* [lists, MMOE_BLOCK_ROWS + 1] */
    int32_t *places;           /* [MMOE_BLOCK_ROWS] of rows among the values that are read */
    int32_t placed;            /* for so many rows of a block, which are read from this one on */
    int32_t placed_from;
    size_t size; /* of bytes */
} mmoe_stored_reader;
mmoe_status mmoe_stored_reader_open(const mmoe_stored *s, mmoe_stored_reader *out, mmoe_error *err);
void mmoe_stored_reader_close(mmoe_stored_reader *reader);
/* Where a row of a block stands among those that the reader wants of it, and how many these are. */
static inline int32_t mmoe_stored_row(const mmoe_stored_reader *r, int32_t row, int32_t rows) {
    if (r->lanes == MMOE_LANES || rows < MMOE_BLOCK_ROWS) return row;
    return row / MMOE_LANES * r->lanes + row % MMOE_LANES - r->first_lane;
}
static inline int32_t mmoe_stored_rows(const mmoe_stored_reader *r, int32_t rows) {
    return rows < MMOE_BLOCK_ROWS ? rows : MMOE_LANE_ROWS * r->lanes;
}
/* Elements of the lists that are wanted of each block, to elements [blocks]. MMOE_E_IO, _FORMAT. */
mmoe_status mmoe_stored_count(mmoe_stored_reader *reader, int64_t *elements, mmoe_error *err);

/* Reads what of a block is wanted; of lanes, whose row 0 is the first one's. MMOE_E_IO: a file
 * cannot be read, or is cut off; _FORMAT: its bytes are not those that were written, or name a row
 * that no table has. */
mmoe_status mmoe_stored_read(mmoe_stored_reader *reader, int64_t block, const mmoe_block_room *to,
                             mmoe_error *err);

#endif
