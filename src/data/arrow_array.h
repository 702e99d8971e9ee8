/* The values of an Arrow array, which is one batch of one column, as texts. */
#ifndef MMOE_DATA_ARROW_ARRAY_H
#define MMOE_DATA_ARROW_ARRAY_H

#include "base/alloc.h"
#include "base/text.h"
#include "data/arrow_type.h"

static inline bool mmoe_arrow_bit(const void *bits, int64_t i) {
    return ((const uint8_t *)bits)[i / 8] >> (i % 8) & 1;
}

/* An array that has been checked. Index i of it is entry offset + i of its buffers. */
typedef struct mmoe_arrow_array {
    mmoe_arrow_form form;
    int64_t offset, length;
    const uint8_t *valid; /* bits; NULL: no value is NULL */
    const char *entries;  /* numbers, bits, views, or offsets of texts and lists */
    const char *bytes;    /* of texts */
    /* Of views: the buffers that they point into, and how many bytes these have. */
    int64_t n_buffer;
    const void *const *buffers;
    const char *sizes;
} mmoe_arrow_array;

/* The arrays of a column. */
typedef struct mmoe_arrow_batch {
    const mmoe_arrow_type *type;
    mmoe_arrow_array list, value, word; /* those that the type has */
} mmoe_arrow_batch;

/* NULL, or in what the array contradicts its type, a sentence; `rows` that it must have at least.
 */
const char *mmoe_arrow_batch_open(const mmoe_arrow_type *type, const struct ArrowArray *array,
                                  int64_t rows, mmoe_arrow_batch *out);

/* How true and false are written. */
typedef struct mmoe_arrow_truth {
    const char *words[2]; /* false, true */
} mmoe_arrow_truth;

/* A text, which may stand in the array or in `room`; a value that is NULL, or NaN, has none: "". */
typedef struct mmoe_arrow_text {
    const mmoe_arrow_truth *truth;
    const char *text;
    size_t length;
    char room[MMOE_NUMBER_SIZE];
} mmoe_arrow_text;

/* A row's list, [begin, end) of the column's values; that of NULL is empty. A fault as above. */
const char *mmoe_arrow_list(const mmoe_arrow_batch *batch, int64_t row, int64_t *begin,
                            int64_t *end);
/* The value of a row, or number `index` of the lists' elements. A fault as above. */
const char *mmoe_arrow_value(const mmoe_arrow_batch *batch, int64_t index, mmoe_arrow_text *out);

#endif
