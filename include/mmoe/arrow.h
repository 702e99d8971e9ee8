/* mmoe/arrow.h: data sets from streams of Apache Arrow record batches. Only Arrow's C data and
 * stream interfaces are used, so no Arrow library is needed. DuckDB, pyarrow, pandas, polars and
 * others provide such streams (docs/arrow.md). See mmoe/mmoe.h for the conventions. */
#ifndef MMOE_ARROW_H
#define MMOE_ARROW_H

#include "train.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The structures of Arrow's specification. If Arrow's own header, or the copy of another library,
 * is included before this one, its definitions are used.
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

/* mmoe_dataset_fit_arrow learns a schema from rows, as mmoe_dataset_fit_csv does from a file.
 * mmoe_dataset_from_arrow encodes rows with an existing schema, as mmoe_dataset_read_csv does. The
 * caller frees what they return.
 *
 * Both functions read a stream of structs ("+s"), whose children are the columns, to its end, one
 * batch at a time. They release it exactly once, also if they fail. A stream that has already been
 * released is MMOE_E_ARGUMENT.
 *
 * A value is read like the cell of a CSV file that shows it. So the same rows give the same schema
 * and the same data set from both:
 *   integers (c C s S i I l L), floats (f g; NaN is missing)
 *   booleans (b): 1 and 0; true and false in the spelling of the label's "positive"
 *   texts (u U vu): as they are; the words of data.missing are missing here, too
 *   any of these in a dictionary
 *   lists of any of these (+l +L +w:N): the elements of a sequence, where NULL is a missing
 *   element; the numbers of a vector ("dim")
 * NULL is missing, whatever data.missing says. data.separator, .header and .quotes apply only to
 * files. A column may have any other format if nothing reads it.
 *
 * Errors and warnings have "Arrow stream, batch N" as their file, with N from 1, and the row of the
 * whole stream, from 1. Error codes are those of mmoe_dataset_fit_csv and mmoe_dataset_read_csv;
 * MMOE_E_IO: the stream failed, with the stream's own message; _FORMAT: an array contradicts its
 * format, or a column that is read has a format not listed above. */
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
