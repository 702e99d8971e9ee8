/* mmoe/arrow.h: data sets from streams of Apache Arrow's record batches, by Arrow's C data and
 * stream interfaces alone: no library of Arrow's is needed. DuckDB, pyarrow, pandas, polars and
 * others give such streams (docs/arrow.md). See mmoe/mmoe.h for the conventions. */
#ifndef MMOE_ARROW_H
#define MMOE_ARROW_H

#include "train.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The structures as Arrow's specification has them; whoever includes Arrow's own header, or
 * another library's copy, before this one has those.
 * https://arrow.apache.org/docs/format/CDataInterface.html */
#ifndef ARROW_C_DATA_INTERFACE
#define ARROW_C_DATA_INTERFACE

#define ARROW_FLAG_DICTIONARY_ORDERED 1
#define ARROW_FLAG_NULLABLE 2
#define ARROW_FLAG_MAP_KEYS_SORTED 4

struct ArrowSchema {
    const char *format;
    const char *name;
    const char *metadata;
    int64_t flags;
    int64_t n_children;
    struct ArrowSchema **children;
    struct ArrowSchema *dictionary;
    void (*release)(struct ArrowSchema *);
    void *private_data;
};

struct ArrowArray {
    int64_t length;
    int64_t null_count;
    int64_t offset;
    int64_t n_buffers;
    int64_t n_children;
    const void **buffers;
    struct ArrowArray **children;
    struct ArrowArray *dictionary;
    void (*release)(struct ArrowArray *);
    void *private_data;
};

#endif

#ifndef ARROW_C_STREAM_INTERFACE
#define ARROW_C_STREAM_INTERFACE

struct ArrowArrayStream {
    int (*get_schema)(struct ArrowArrayStream *, struct ArrowSchema *out);
    int (*get_next)(struct ArrowArrayStream *, struct ArrowArray *out);
    const char *(*get_last_error)(struct ArrowArrayStream *);
    void (*release)(struct ArrowArrayStream *);
    void *private_data;
};

#endif

/* Both read a stream of structs ("+s"), whose children are the columns, to its end, a batch at a
 * time, and release it: always, once, also where they fail. A stream that is released already is
 * MMOE_E_ARGUMENT.
 *
 * A column's values mean what the cells of a CSV file mean that shows them, so the same rows give
 * the same schema and the same data set from both:
 *   integers (c C s S i I l L), floats (f g; NaN is missing)
 *   booleans (b): 1 and 0; true and false as the label's "positive" writes them
 *   texts (u U vu): as they stand; the words of data.missing are missing there, too
 *   any of these in a dictionary
 *   lists of any of these (+l +L +w:N): of a sequence, an element each, one that is NULL being a
 *   missing value; of a vector ("dim"), its numbers
 * NULL is missing, whatever data.missing says; data.separator, .header and .quotes are of files. A
 * column of another format may be there as long as nothing reads it.
 *
 * Errors say "Arrow stream, batch N" for the file, N counting from 1, and a row of the whole
 * stream, counting from 1, as warnings do. MMOE_E_IO: the stream failed, in its own words;
 * _FORMAT: an array that contradicts its format, a column that is read and has a format not named
 * above; and those of mmoe_dataset_fit_csv and mmoe_dataset_read_csv, whose twins these are. */
MMOE_API mmoe_status mmoe_dataset_fit_arrow(const mmoe_config *config,
                                            struct ArrowArrayStream *stream,
                                            const mmoe_allocator *alloc, mmoe_schema **schema,
                                            mmoe_dataset **out, mmoe_error *err);
/* `labels`: MMOE_LABELS_REQUIRED, _OPTIONAL, _IGNORED or MMOE_ROWS_TO_SCORE. */
MMOE_API mmoe_status mmoe_dataset_from_arrow(const mmoe_schema *schema,
                                             struct ArrowArrayStream *stream, int labels,
                                             const mmoe_allocator *alloc, mmoe_dataset **out,
                                             mmoe_error *err);

#ifdef __cplusplus
}
#endif

#endif
