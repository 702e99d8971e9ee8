/* mmoe/input.h: values, columns and batches of the caller. See mmoe/mmoe.h for the conventions. */
#ifndef MMOE_INPUT_H
#define MMOE_INPUT_H

#include "model.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What the values of a column are. Raw values, as a training file has them, pass through the
 * model's vocabularies and transforms, and mean what their text means in a file: an id is 7 as the
 * integer 7, the double 7.0, and the texts "7", "7.0" and " 7". Unknown ids take row 0 of a learned
 * vocabulary; of a table with vocab_size, the row oov_id, without which they are an error; to a
 * hash none is unknown. What a sparse column cuts into bins is a number.
 *
 * A value that is missing, as an empty cell of a file is, is a NaN, the integer MMOE_MISSING_INT64,
 * or one of the texts below. It takes row 0 of a table whose rows are learned, hashed or bins; of
 * one with vocab_size the row oov_id, without which it is an error; of a number, what its feature
 * says ("missing" in the configuration), and if it says nothing it is an error. */
typedef enum mmoe_value_type {
    MMOE_VALUE_ROW = 0,    /* sparse: int32_t, a row number of the embedding table */
    MMOE_VALUE_INT64 = 1,  /* int64_t, raw; MMOE_MISSING_INT64: missing */
    MMOE_VALUE_TEXT = 2,   /* const char *, raw; NULL, "" and the words of data.missing: missing */
    MMOE_VALUE_INPUT = 3,  /* dense: the floats [mmoe_model_dense_width] that a value has become by
                              its transform or encoding, and which are finite */
    MMOE_VALUE_FLOAT = 4,  /* float, raw */
    MMOE_VALUE_DOUBLE = 5, /* double, raw */
    MMOE_VALUE_PARTS = 6   /* of a cross: the values are mmoe_column [mmoe_model_sparse_columns],
                              with the raw values of the columns that it is of */
} mmoe_value_type;

/* The integer that stands for none, since no bits of an int64_t are left over. (An id that is this
 * number comes as a text.) */
#define MMOE_MISSING_INT64 INT64_MIN

/* The values of one column, wherever they stand: an array of its own, a column of a row-major
 * array, a member of an array of structures. Row r's value is at (const char *)values + r * stride;
 * it need not be aligned. A vector's numbers (mmoe_model_dense_dim) stand one behind the other, or
 * in one text; it is missing where all of them are. */
typedef struct mmoe_column {
    mmoe_value_type type;
    const void *values;
    size_t stride; /* in bytes, at least a value's size, all numbers of it; 0: this size, the column
                      being an array of its own; MMOE_STRIDE_SAME: one value for all rows */
} mmoe_column;
#define MMOE_STRIDE_SAME SIZE_MAX

/* How the values of a sparse column that is a list are lists: row r has the values offsets[r] to
 * offsets[r + 1] - 1, each with its weight; no padding. */
typedef struct mmoe_list_column {
    const size_t *offsets; /* [rows + 1], not descending, the last at most `count` */
    const float *weights;  /* [count], 0 to 1e18, of a column that has a "weight_separator", others
                              have 1; NULL: all 1 */
    size_t count;          /* of the column's values */
} mmoe_list_column;

/* The lists of encoded rows, ragged: list l of row r is elements [offsets[r * count + l],
 * offsets[r * count + l + 1]). No padding is stored. */
typedef struct mmoe_lists {
    int32_t count; /* a row */
    const int64_t *offsets;
    const int32_t *ids;   /* rows of tables */
    const float *weights; /* of elements, as of mmoe_list_column; NULL: all 1 */
    size_t elements;      /* in `ids` and in `weights`: where the last list ends, or more */
} mmoe_lists;

/* ---- Input ---- */

/* A column that a caller gives, by its name in files (mmoe_model_sparse_column); a list that is
 * made of several columns there (mmoe_model_sparse_columns) by that of its feature. */
typedef struct mmoe_input_column {
    const char *name;
    mmoe_value_type type; /* any but MMOE_VALUE_PARTS: of a cross, give the columns it is of */
    /* In whose batch the column is when a user's items are ranked. A user's column may be the
     * items' to the model: it then has the same value for every item. A list cannot: a user's list
     * must be the user's to the model, too. */
    mmoe_side side;
    int32_t dim;     /* numbers of a value; 0: 1 */
    int is_list;     /* 1: a row has any number of values */
    int is_optional; /* 1: a model that has no use for it is right, too */
} mmoe_input_column;

/* What a caller gives, in the caller's order, whatever the order of a model's columns is. It is
 * made once; a predictor, or all those of a slot, are bound to it by mmoe_predictor_options, and
 * from then on take batches that have it and `columns`. Immutable; any number of threads and
 * predictors share it, and the caller frees it after them. */
typedef struct mmoe_input mmoe_input;
/* Names are copied. MMOE_E_ARGUMENT (NULL, a name that stands twice, what a column cannot be),
 * _MEMORY. */
MMOE_API mmoe_status mmoe_input_create(const mmoe_input_column *columns, size_t count,
                                       const mmoe_allocator *alloc, mmoe_input **out,
                                       mmoe_error *err);
MMOE_API void mmoe_input_free(mmoe_input *input);
/* Whether predictors of the model can be bound to it: MMOE_E_ARGUMENT, with the column, where the
 * model reads one that is not given, has no use for one that is not optional, or cannot know any
 * value of its type (of integers, a vocabulary of texts none of which is one; of floats, none of
 * which is a number; rows to learn from may have it); a list and one value, another dim, an item's
 * column that is the user's to the model, a user's list that is the items' to it. */
MMOE_API mmoe_status mmoe_input_check(const mmoe_input *input, const mmoe_model *model,
                                      mmoe_error *err);

/* ---- Texts that are another language's objects ---- */

/* How the runtime of a language has its texts in memory: objects that all begin alike, as CPython's
 * `str` do. Where something stands is in bytes behind an object's address. */
typedef struct mmoe_text_layout {
    size_t type_at;   /* const void *: `type` of a text, and of nothing else */
    size_t length_at; /* int64_t: characters */
    size_t state_at;  /* uint32_t: under state_mask how the characters are stored */
    const void *type;
    uint32_t state_mask;
    uint32_t states[4]; /* of ASCII; of code points of 1, 2 and 4 bytes. Texts of other states are
                           not read */
    size_t text_at[4];  /* their first character */
    const void *const *missing; /* [n_missing] objects that stand for no value; NULL always does */
    size_t n_missing;
} mmoe_text_layout;

/* What becomes of objects. */
typedef struct mmoe_text_copies {
    const char **texts; /* [count] UTF-8 with a NUL behind it, within `bytes`; "" of no value */
    size_t *others; /* [count] the numbers, ascending, of objects that are no text of such a state
                       and no missing value, of texts that have a NUL, and of those that UTF-8 has
                       not; their texts are "" */
    size_t n_other; /* set by the call, as what follows */
    char *bytes;    /* [size] of the caller's */
    size_t size;
    size_t needed; /* bytes that suffice for these objects; above `size`: nothing else is right */
} mmoe_text_copies;
/* Copies texts to where values of MMOE_VALUE_TEXT stand: object r's address is at
 * (const char *)objects + r * stride, a stride in bytes that may be negative. Nothing is kept; the
 * caller sees to it that the objects stay meanwhile (of CPython: has the interpreter's lock). Any
 * thread. MMOE_E_ARGUMENT: NULL. */
MMOE_API mmoe_status mmoe_text_copy_objects(const mmoe_text_layout *layout, const void *objects,
                                            ptrdiff_t stride, size_t count, mmoe_text_copies *out,
                                            mmoe_error *err);

/* Of rows of which each may be at fault alone. */
typedef struct mmoe_bad_rows {
    mmoe_error *errors; /* [capacity] one a row, its number in `row`, in no order; may be NULL */
    size_t capacity;
    size_t count; /* set by the call: rows at fault, more than have found room, too */
} mmoe_bad_rows;

/* Rows to score. The sparse columns are the model's sparse features in their order
 * (mmoe_model_sparse_name), encoded in `ids`, or described one by one in `sparse_columns`; likewise
 * the dense ones. (Features that read one column of a file are as many columns here; they may have
 * the same values. A cross is one column here, too, of the type MMOE_VALUE_PARTS: the caller gives
 * the columns that it is of, and the library makes its value of theirs.) The arrays belong to the
 * caller; a zeroed structure with the members that are used set is valid. (mmoe_dataset_batch makes
 * an encoded one from a data set.) */
typedef struct mmoe_batch {
    size_t rows;
    const int32_t *ids; /* [rows, id_stride], row numbers, the first sparse_count of each row are
                           read; may be NULL without sparse columns */
    size_t id_stride;
    const float *dense; /* [rows, dense_stride], the inputs of all dense columns side by side
                           (mmoe_model_dense_width); may be NULL without dense columns */
    size_t dense_stride;
    const mmoe_column *sparse_columns; /* [sparse_count]; not NULL: in the place of ids */
    const mmoe_column *dense_columns;  /* [dense_count]; not NULL: in the place of dense */
    /* How many columns these arrays have: others than the call wants are MMOE_E_ARGUMENT. Both 0
     * (unless neither is wanted): not checked, and read as if they were right. Set them. */
    size_t sparse_count, dense_count;
    /* Of the sparse columns that are lists, which stand behind those of one value a row: beside
     * `ids`, which has none of them, the lists encoded; beside sparse_columns, one for each. */
    mmoe_lists lists;
    const mmoe_list_column *list_columns;
    /* Of a predictor that is bound to an input, or of rows to learn from by the names of one
     * (mmoe_dataset_create in mmoe/train.h): nothing of the above but `rows`, and of columns
     * that are lists `list_columns`, one for each of them. */
    const mmoe_input *input;
    const mmoe_column *columns; /* [column_count] of the input in its order: all of them, or, when a
                                   user's items are ranked, those of the user or of the items */
    size_t column_count;
    /* Of rows to score, not of a user: not NULL: a row with a value that is an error gets NaN for
     * its scores and is counted here, and the others get theirs. NULL: it is the call's error. */
    mmoe_bad_rows *bad;
} mmoe_batch;

#ifdef __cplusplus
}
#endif

#endif
