/* mmoe/input.h: the caller's values, columns and batches. See mmoe/mmoe.h for the conventions. */
#ifndef MMOE_INPUT_H
#define MMOE_INPUT_H

#include "model.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The type of a column's values.
 *
 * Raw values, as in a training file, go through the model's vocabularies and transforms. They
 * mean the same as their text in a file: an id is 7 as the integer 7, as the double 7.0, and as
 * the texts "7", "7.0" and " 7". An unknown id takes row 0 of a learned vocabulary. In a table
 * with vocab_size it takes the row oov_id, or is an error if there is none. A hash knows every
 * id. The values of a sparse column with bins are numbers.
 *
 * A missing value, like the empty cell of a file, is a NaN, the integer MMOE_MISSING_INT64, or
 * one of the texts listed below. It takes row 0 of a table whose rows are learned, hashed or
 * bins. In a table with vocab_size it takes the row oov_id, or is an error if there is none. For
 * a number, "missing" in the configuration of the feature decides; without it, it is an error.
 * Values that "gaps" of a numeric feature names are missing values of that feature. */
typedef enum mmoe_value_type {
    MMOE_VALUE_ROW = 0,   /* sparse: int32_t, a row number of the embedding table */
    MMOE_VALUE_INT64 = 1, /* int64_t, raw; MMOE_MISSING_INT64 is missing */
    MMOE_VALUE_TEXT = 2, /* const char *, raw; NULL, "" and the words of data.missing are missing */
    /* For a dense column: the finite floats [mmoe_model_dense_width] that a value has become by
     * its transform or encoding. */
    MMOE_VALUE_INPUT = 3,
    MMOE_VALUE_FLOAT = 4,  /* float, raw */
    MMOE_VALUE_DOUBLE = 5, /* double, raw */
    /* For a cross: the values are mmoe_column [mmoe_model_sparse_columns], with the raw values
     * of the columns that the cross is made of. */
    MMOE_VALUE_PARTS = 6
} mmoe_value_type;

/* The integer that means a missing value, since an int64_t has no bits left for it. Pass an id
 * with this value as a text. */
#define MMOE_MISSING_INT64 INT64_MIN

/* The values of one column, in any layout: an array of its own, a column of a row-major array,
 * or a member in an array of structures. The value of row r is at (const char *)values + r *
 * stride; it need not be aligned. The numbers of a vector (mmoe_model_dense_dim) are
 * consecutive, or in one text; the vector is missing if all of them are. */
typedef struct mmoe_column {
    mmoe_value_type type;
    const void *values;
    /* In bytes, at least the size of a value with all of its numbers. 0: exactly this size, for
     * an array of its own. MMOE_STRIDE_SAME: one value for all rows. */
    size_t stride;
} mmoe_column;
#define MMOE_STRIDE_SAME SIZE_MAX

/* The lists of a sparse column. Row r has the values offsets[r] to offsets[r + 1] - 1, each with
 * its weight. There is no padding. */
typedef struct mmoe_list_column {
    const size_t *offsets; /* [rows + 1], not decreasing, the last at most `count` */
    /* [count], from 0 to 1e18, if the column has a "weight_separator"; in other columns all must
     * be 1. NULL: all are 1. */
    const float *weights;
    size_t count; /* number of values of the column */
} mmoe_list_column;

/* The lists of encoded rows. List l of row r has the elements offsets[r * count + l] to
 * offsets[r * count + l + 1] - 1. No padding is stored. */
typedef struct mmoe_lists {
    int32_t count; /* number of lists of a row */
    const int64_t *offsets;
    const int32_t *ids;   /* row numbers of the tables */
    const float *weights; /* weights of elements, as in mmoe_list_column; NULL: all are 1 */
    size_t elements;      /* in `ids` and `weights`; at least the end of the last list */
} mmoe_lists;

/* ---- Input ---- */

/* A column that a caller gives, with its name in files (mmoe_model_sparse_column). A list that
 * is made of several columns of a file (mmoe_model_sparse_columns) has the name of its feature. */
typedef struct mmoe_input_column {
    const char *name;
    /* Any type but MMOE_VALUE_PARTS. For a cross, give the columns that it is made of. */
    mmoe_value_type type;
    /* Which batch has the column when a user's items are ranked. A column can be the user's here
     * and the items' for the model: its value is then the same for every item. A list of the
     * user must be the user's for the model, too. */
    mmoe_side side;
    int32_t dim;     /* number of values of a vector; 0: 1 */
    int is_list;     /* 1: a row has any number of values */
    int is_optional; /* 1: the model need not use this column */
} mmoe_input_column;

/* The columns that a caller gives, in the caller's order, which is independent of the order of a
 * model's columns. It is created once. A predictor, or all predictors of a slot, are bound to it
 * by mmoe_predictor_options; from then on they take batches with this input and `columns`.
 * Immutable; any number of threads and predictors may share it. The caller frees it after them. */
typedef struct mmoe_input mmoe_input;
/* Creates an input. Names are copied. MMOE_E_ARGUMENT: an argument is NULL, a name occurs twice,
 * or a column is impossible; _MEMORY. */
MMOE_API mmoe_status mmoe_input_create(const mmoe_input_column *columns, size_t count,
                                       const mmoe_allocator *alloc, mmoe_input **out,
                                       mmoe_error *err);
MMOE_API void mmoe_input_free(mmoe_input *input);
/* Checks whether predictors of the model can be bound to the input. MMOE_E_ARGUMENT, with the
 * column, if
 *
 * - the model reads a column that is not given, or does not use one that is not optional;
 * - the model cannot know any value of the column's type: for integers, a vocabulary of texts
 *   none of which is an integer; for floats, one none of which is a number (rows to learn from
 *   may have such a column);
 * - one has a list where the other has one value, or another dim;
 * - a column is the items' here and the user's for the model, or a list is the user's here and
 *   the items' for the model. */
MMOE_API mmoe_status mmoe_input_check(const mmoe_input *input, const mmoe_model *model,
                                      mmoe_error *err);

/* ---- Texts that are objects of another language ---- */

/* How the runtime of a language stores its texts in memory: as objects with the same layout at
 * their beginning, such as CPython's `str`. The `..._at` members are offsets in bytes from the
 * address of an object. */
typedef struct mmoe_text_layout {
    size_t type_at;   /* of a const void *, which equals `type` for texts and for nothing else */
    size_t length_at; /* of an int64_t, the number of characters */
    /* Of a uint32_t; its bits in state_mask tell how the characters are stored. */
    size_t state_at;
    const void *type;
    uint32_t state_mask;
    /* The values of these bits for ASCII, and for code points of 1, 2 and 4 bytes. Texts with
     * other states are not read. */
    uint32_t states[4];
    size_t text_at[4]; /* of the first character, for each of these states */
    /* [n_missing] Objects that mean a missing value; NULL always does. */
    const void *const *missing;
    size_t n_missing;
} mmoe_text_layout;

/* The result of mmoe_text_copy_objects. */
typedef struct mmoe_text_copies {
    /* [count] UTF-8 with a NUL at the end, within `bytes`; "" for a missing value. */
    const char **texts;
    /* [count] The numbers, in ascending order, of the objects that could not be copied, and
     * whose texts are "": objects that are neither a text with such a state nor a missing value,
     * texts with a NUL, and texts that UTF-8 cannot represent. */
    size_t *others;
    size_t n_other; /* set by the call, like `needed` */
    char *bytes;    /* [size] memory of the caller */
    size_t size;
    /* The number of bytes that is enough for these objects. If it is above `size`, no other
     * member is valid. */
    size_t needed;
} mmoe_text_copies;
/* Copies texts to a form that columns of MMOE_VALUE_TEXT can use. The address of object r is at
 * (const char *)objects + r * stride; `stride` is in bytes and may be negative. Nothing is kept.
 * The caller must make sure that the objects stay alive meanwhile (for CPython: hold the
 * interpreter's lock). May be called from any thread. MMOE_E_ARGUMENT: an argument is NULL. */
MMOE_API mmoe_status mmoe_text_copy_objects(const mmoe_text_layout *layout, const void *objects,
                                            ptrdiff_t stride, size_t count, mmoe_text_copies *out,
                                            mmoe_error *err);

/* Collects errors of single rows. */
typedef struct mmoe_bad_rows {
    /* [capacity] One for each bad row, with its number in `row`, in no particular order; may be
     * NULL. */
    mmoe_error *errors;
    size_t capacity;
    /* Set by the call: the number of bad rows, which may be larger than `capacity`. */
    size_t count;
} mmoe_bad_rows;

/* Rows to score.
 *
 * The sparse columns are the model's sparse features in their order (mmoe_model_sparse_name).
 * They are either encoded in `ids`, or described one by one in `sparse_columns`. The same holds
 * for the dense columns. If several features read one column of a file, they are several columns
 * here, which may share their values. A cross is one column here, of the type MMOE_VALUE_PARTS:
 * the caller gives the columns that it is made of, and the library computes its value.
 *
 * The arrays belong to the caller. A zeroed structure in which only the used members are set is
 * valid. mmoe_dataset_batch makes an encoded batch from a data set. */
typedef struct mmoe_batch {
    size_t rows;
    /* [rows, id_stride] Row numbers; the first sparse_count of each row are read. May be NULL if
     * there are no sparse columns. */
    const int32_t *ids;
    size_t id_stride;
    /* [rows, dense_stride] The inputs of all dense columns side by side
     * (mmoe_model_dense_width). May be NULL if there are no dense columns. */
    const float *dense;
    size_t dense_stride;
    const mmoe_column *sparse_columns; /* [sparse_count]; if not NULL, used instead of ids */
    const mmoe_column *dense_columns;  /* [dense_count]; if not NULL, used instead of dense */
    /* The numbers of columns of these arrays. If they are not what the call needs, it returns
     * MMOE_E_ARGUMENT. If both are 0 although columns are needed, they are not checked, and the
     * arrays are read as if they were right; so set them. */
    size_t sparse_count, dense_count;
    /* The sparse columns that are lists; these come behind the columns with one value for each
     * row. With `ids`, which does not contain them: the encoded lists. With `sparse_columns`:
     * one entry for each list. */
    mmoe_lists lists;
    const mmoe_list_column *list_columns;
    /* For a predictor that is bound to an input, or for rows to learn from by the names of an
     * input (mmoe_dataset_create in mmoe/data.h). Of the members above, set only `rows`, and for
     * columns that are lists `list_columns`, with one entry for each of them. */
    const mmoe_input *input;
    /* [column_count] The columns of the input in its order: all of them, or, when a user's items
     * are ranked, those of the user or of the items. */
    const mmoe_column *columns;
    size_t column_count;
    /* Only for rows to score, not for a user. If not NULL: a row with an invalid value gets NaN
     * as its scores and is counted here; the other rows get their scores. NULL: an invalid value
     * is the error of the call. */
    mmoe_bad_rows *bad;
} mmoe_batch;

#ifdef __cplusplus
}
#endif

#endif
