/* mmoe: Multi-gate Mixture-of-Experts ranking models on CPUs.
 *
 * This header is what a service includes: status, errors, memory, a loaded model and a predictor.
 * Training stands in mmoe/train.h.
 *
 * Conventions of both headers:
 *  - Functions that can fail return an mmoe_status: MMOE_OK (0) or a negative code. Objects come
 * out through the last pointer before `err`, written only on success.
 *  - `mmoe_error *err` may be NULL. It is written only on failure.
 *  - Arrays are row-major: [rows, columns] means element (r, c) stands at r * columns + c.
 *  - Every `..._free` accepts NULL.
 *  - `const mmoe_allocator *alloc` may be NULL (malloc). The structure is copied; what `user`
 * points to must outlive every object made with it. A function of it that is NULL is
 * MMOE_E_ARGUMENT.
 *  - Functions that the library calls (an allocator's, those of mmoe_trainer_options) must return:
 * they must not throw a C++ exception, longjmp or end their thread.
 *  - The library never prints, exits or changes the process's BLAS threads, signal handlers, locale
 * or floating-point mode, except mmoe_trainer_options.single_threaded_blas, which asks for it.
 */
#ifndef MMOE_H
#define MMOE_H

#include <stddef.h>
#include <stdint.h>

#define MMOE_VERSION_MAJOR 0
#define MMOE_VERSION_MINOR 1
#define MMOE_VERSION_PATCH 0
/* Binary interface: changes when a program built against an older header would break. */
#define MMOE_SOVERSION 0

/* Empty (-DMMOE_API=), the functions are hidden with all else: for a static copy of the library
 * inside a plug-in, whose symbols must not meet another copy's. */
#ifndef MMOE_API
#if defined(__GNUC__)
#define MMOE_API __attribute__((visibility("default")))
#else
#define MMOE_API
#endif
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Status ---- */

typedef int mmoe_status;
enum {
    MMOE_OK = 0,
    MMOE_E_ARGUMENT = -1, /* a call's argument is wrong: NULL, out of range, of another schema */
    MMOE_E_MEMORY = -2,   /* an allocation failed */
    MMOE_E_IO = -3,       /* the operating system refused: missing file, full disk, no permission */
    MMOE_E_FORMAT = -4,  /* a file is not what it should be: truncated, tampered, not CSV or JSON */
    MMOE_E_VERSION = -5, /* a file was written by a newer version of this library */
    MMOE_E_CONFIG = -6,  /* a configuration names an unknown key or an impossible value */
    MMOE_E_DATA = -7,    /* a value in the data is not allowed by the schema */
    MMOE_E_NUMERIC = -8, /* training produced a value that is not finite */
    MMOE_E_CANCELLED = -9 /* a callback or mmoe_trainer_stop asked to stop */
};

/* A short description of a status; never NULL, for any int. Thread-safe; the string is static. */
MMOE_API const char *mmoe_status_string(mmoe_status status);

/* "0.1.0"; static. */
MMOE_API const char *mmoe_version(void);

/* What went wrong, and where. Fields that do not apply are "" or 0. */
typedef struct mmoe_error {
    mmoe_status code;
    int64_t row;      /* 1-based row of a file, its header being row 1 where it has one; blank lines
                       * that are no rows and newlines within quotes do not count. 0: none */
    char column[128]; /* name of a column or configuration key; long names are cut */
    char file[256];   /* the file's path as given; long paths are cut */
    char message[512]; /* a whole sentence, with the place in it, without newline */
} mmoe_error;

/* ---- Memory ---- */

/* Where the library takes its memory. Each function may be called from any thread at once. `alloc`
 * and `resize` return NULL when there is none; memory must be aligned as malloc's is. `resize` gets
 * the old size too. `release` accepts NULL. None of them may be NULL, nor throw. */
typedef struct mmoe_allocator {
    void *user;
    void *(*alloc)(void *user, size_t size);
    void *(*resize)(void *user, void *memory, size_t old_size, size_t new_size);
    void (*release)(void *user, void *memory);
} mmoe_allocator;

/* ---- Model ---- */

/* What a task learns to predict, a row a type: MMOE_CLASSIFICATION is 0, and so on; the word of
 * configurations and files; its labels and loss; the figures that it adds to those that early
 * stopping may watch (mmoe_metric_at in mmoe/train.h has all). */
#define MMOE_TASK_TYPES(X)                                                                         \
    X(CLASSIFICATION, classification, "0 and 1, cross-entropy",                                    \
      " | auc | logloss | gauc | ece | ne")                                                        \
    X(REGRESSION, regression, "numbers, squared error", " | mse | rmse | mae | r2")                \
    X(POISSON, poisson, "counts, half the deviance of Poisson's distribution", " | deviance | d2")

#define MMOE_TASK_TYPE_ENUMERATOR(name, word, labels, metrics) MMOE_##name,
#define MMOE_TASK_TYPE_ONE(name, word, labels, metrics) +1
typedef enum mmoe_task_type { MMOE_TASK_TYPES(MMOE_TASK_TYPE_ENUMERATOR) } mmoe_task_type;
enum { MMOE_TASK_TYPE_COUNT = 0 MMOE_TASK_TYPES(MMOE_TASK_TYPE_ONE) };
#undef MMOE_TASK_TYPE_ENUMERATOR
#undef MMOE_TASK_TYPE_ONE

/* "classification"; NULL where `type` is none. Static. */
MMOE_API const char *mmoe_task_type_name(int type);

/* Schema, configuration and weights. Once loaded it is immutable and may be shared by any number of
 * threads; only a trainer writes to the model it was given. */
typedef struct mmoe_model mmoe_model;

/* Reads a model file (.safetensors written by mmoe). MMOE_E_IO, _FORMAT, _VERSION, _MEMORY; nothing
 * is loaded on failure. The caller frees the model, after every predictor and trainer made from it.
 * Nothing of the model stands in the file then: whatever becomes of it, scores stay. A file that is
 * cut off or written to while it is read is an error. */
MMOE_API mmoe_status mmoe_model_load(const char *path, const mmoe_allocator *alloc,
                                     mmoe_model **out, mmoe_error *err);
/* A zeroed structure is what mmoe_model_load does. */
typedef struct mmoe_model_load_options {
    /* 1: embedding tables of 8 MB and more are not read but mapped, which is quicker, and processes
     * that load the same file share that memory. Such a file may be replaced or removed while a
     * model stands on it (mmoe_model_save and mv do that), but must never be written into, as cp
     * does: other scores, or the end of the process by SIGBUS, would be the consequence. */
    int map_tables;
    void *reserved[7]; /* NULL; else MMOE_E_ARGUMENT */
} mmoe_model_load_options;
/* `options` may be NULL. */
MMOE_API mmoe_status mmoe_model_load_with(const char *path, const mmoe_model_load_options *options,
                                          const mmoe_allocator *alloc, mmoe_model **out,
                                          mmoe_error *err);
/* A model file that stands in memory, [size] bytes: out of an archive, an object store, deciphered.
 * They are copied, and may go then. The same errors but MMOE_E_IO; `err->file` is empty. */
MMOE_API mmoe_status mmoe_model_load_bytes(const void *bytes, size_t size,
                                           const mmoe_allocator *alloc, mmoe_model **out,
                                           mmoe_error *err);
MMOE_API void mmoe_model_free(mmoe_model *model);

/* What to train and how: features, tasks, model, trainer. Not thread-safe while it is being changed
 * (mmoe/train.h). */
typedef struct mmoe_config mmoe_config;
/* The model's; belongs to it. */
MMOE_API const mmoe_config *mmoe_model_config(const mmoe_model *model);
/* The whole configuration, defaults filled in, as JSON text; the caller releases it with
 * mmoe_config_text_free. MMOE_E_ARGUMENT, _MEMORY. */
MMOE_API mmoe_status mmoe_config_text(const mmoe_config *config, char **out, mmoe_error *err);
/* Frees a text that mmoe_config_text returned for `config`. Both may be NULL. */
MMOE_API void mmoe_config_text_free(const mmoe_config *config, char *text);
/* Trainable values. */
MMOE_API int64_t mmoe_model_parameter_count(const mmoe_model *model);

/* Texts that a model and its file keep: the caller's (mmoe_model_set_meta in mmoe/train.h, `mmoe
 * train --meta`), and of the fit that its weights are of, numbers of
 *   training.rows, training.epoch   training rows; the epoch, from 1, whose weights these are
 *   training.data                   16 hexadecimal digits, others for rows of other columns,
 *                                   vocabularies, transforms, counts or mean labels
 *   training.valid_rows             validation rows, if there were any, and of each task
 *   training.TASK.METRIC            its figures on them that are defined (mmoe_metric_at)
 *   training.TASK.base_rate         the mean label of the training rows
 *   training.column.NAME.missing    the share of a feature's values that were missing, and .unknown
 *                                   of those that had no row of their own; of none there is no key
 * No time is among them: the same data and seed give the same file. The value of a key, UTF-8,
 * which belongs to the model; NULL: it has none. */
MMOE_API const char *mmoe_model_meta(const mmoe_model *model, const char *key);
/* Key `index`, in the order of their bytes, and its value to `value`, which may be NULL; NULL past
 * the last. */
MMOE_API const char *mmoe_model_meta_at(const mmoe_model *model, size_t index, const char **value);

/* Columns of the model's input and output: its features, in the order of the configuration, and its
 * tasks. Names belong to the model; NULL or -1 for an index out of range. */
MMOE_API int32_t mmoe_model_task_count(const mmoe_model *model);
MMOE_API const char *mmoe_model_task_name(const mmoe_model *model, int32_t task);
MMOE_API int mmoe_model_task_type(const mmoe_model *model,
                                  int32_t task); /* an mmoe_task_type or -1 */
MMOE_API int32_t mmoe_model_sparse_count(const mmoe_model *model);
MMOE_API const char *mmoe_model_sparse_name(const mmoe_model *model, int32_t column);
/* The column of files that the feature reads: by default the one of its name; several features may
 * read one. */
MMOE_API const char *mmoe_model_sparse_column(const mmoe_model *model, int32_t column);
MMOE_API const char *mmoe_model_dense_column(const mmoe_model *model, int32_t column);
/* The columns of files that a feature of several is made of ("columns" of a sequence, an element of
 * the list each; what a "cross" is of): *out (may be NULL) is an array of the model's. Returns how
 * many; 0: it reads one column, mmoe_model_sparse_column, which of a feature of several is its
 * name. */
MMOE_API size_t mmoe_model_sparse_columns(const mmoe_model *model, int32_t column,
                                          const char *const **out);
/* Rows of the column's embedding table; ready row numbers are 0 .. rows-1. */
MMOE_API int64_t mmoe_model_sparse_rows(const mmoe_model *model, int32_t column);
/* Inputs that its value becomes: its table's width, or of a list that is pooled by concat max_len
 * times that. */
MMOE_API int32_t mmoe_model_sparse_width(const mmoe_model *model, int32_t column);
/* What makes rows of its values: "row", "vocabulary", "hash", "boundaries" or "quantiles". */
MMOE_API const char *mmoe_model_sparse_kind(const mmoe_model *model, int32_t column);
/* Where the bins of "boundaries" and "quantiles" begin, the first apart: *out (may be NULL) is an
 * ascending array of the model's. Returns how many; 0: the column is of another kind. A number
 * takes row 1 + how many of them are not above it, a missing one row 0. */
MMOE_API size_t mmoe_model_sparse_boundaries(const mmoe_model *model, int32_t column,
                                             const double **out);
/* How a sparse column is a list of ids. */
typedef struct mmoe_list_format {
    const char *pooling;   /* "mean", "sum", "max" or "concat"; static */
    const char *truncate;  /* which elements stay of a longer list, "last" or "first"; static */
    int32_t max_len;       /* elements that are read, at most; 0: all */
    int64_t padding_idx;   /* a row number whose elements are no part of the list; -1: none */
    char separator;        /* of elements in a file's cell; '\0': each has a column */
    char weight_separator; /* of an element and its weight; '\0': all weigh 1 */
} mmoe_list_format;
/* Returns 1, and fills *out (may be NULL), where the column is a list, else 0. */
MMOE_API int mmoe_model_sparse_list(const mmoe_model *model, int32_t column, mmoe_list_format *out);
MMOE_API int32_t mmoe_model_dense_count(const mmoe_model *model);
MMOE_API const char *mmoe_model_dense_name(const mmoe_model *model, int32_t column);
/* Inputs that a value becomes: 1, or more where the feature is a vector, has an encoding or an
 * indicator; and the numbers that a raw value consists of: 1, or a vector's "dim". */
MMOE_API int32_t mmoe_model_dense_width(const mmoe_model *model, int32_t column);
MMOE_API int32_t mmoe_model_dense_dim(const mmoe_model *model, int32_t column);

/* ---- Predictor ---- */

/* Of a request to rank: the user's columns are given once, the items' for every candidate ("side"
 * in the configuration). */
typedef enum mmoe_side { MMOE_SIDE_ITEM = 0, MMOE_SIDE_USER = 1 } mmoe_side;
/* With their words. */
#define MMOE_SIDES(X) X(MMOE_SIDE_ITEM, item) X(MMOE_SIDE_USER, user)
/* A column's side, or -1. */
MMOE_API int mmoe_model_sparse_side(const mmoe_model *model, int32_t column);
MMOE_API int mmoe_model_dense_side(const mmoe_model *model, int32_t column);
/* The expression of the final score over the tasks ("score" in the configuration: "ctr * cvr^0.5"),
 * or NULL; belongs to the model. */
MMOE_API const char *mmoe_model_score(const mmoe_model *model);

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
    mmoe_side side;       /* in whose batch it is when a user's items are ranked; what is the user's
                             here and the items' to the model is the same for every item */
    int32_t dim;          /* numbers of a value; 0: 1 */
    int is_list;          /* 1: a row has any number of values */
    int is_optional;      /* 1: a model that has no use for it is right, too */
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
 * value of its type (of integers, a vocabulary of texts none of which is an integer); a list and
 * one value, another dim, an item's column that is the user's to the model. */
MMOE_API mmoe_status mmoe_input_check(const mmoe_input *input, const mmoe_model *model,
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

/* Scores rows with one model. It has a private copy of the layers' weights, batch norm folded in,
 * laid out for its own matrix products: it calls no BLAS, takes no lock and, once made, allocates
 * nothing, so any number of threads may run at once. A predictor serves one thread at a time: make
 * one with create, and one a further thread with clone, which shares the weights. A row's scores
 * are the same to the bit in whatever batch, predictor and call (run or rank) it stands, under one
 * rounding mode: the library computes in the caller's, and sets none. */
typedef struct mmoe_predictor mmoe_predictor;

/* Takes the weights as they are now; embeddings are read in the model, which must outlive the
 * predictor. After training make a new one. MMOE_E_ARGUMENT, _MEMORY. (MMOE_E_ARGUMENT, too, where
 * the environment variable MMOE_KERNELS, "generic", "avx2", "avx512" or "neon", names instructions
 * that the processor has not: tests and benchmarks set it.) */
MMOE_API mmoe_status mmoe_predictor_create(const mmoe_model *model, const mmoe_allocator *alloc,
                                           mmoe_predictor **out, mmoe_error *err);
/* A zeroed structure is what mmoe_predictor_create does. */
typedef struct mmoe_predictor_options {
    /* Of a column of ids, or lists of them, whose table is small, the products of its embeddings
     * with the first layers' weights are made once, and a row looks those of its id, or of a list
     * of one, up: at most so many bytes of them, those of the columns with few values for the width
     * of their embeddings first. 0: 64 MB, more than what pays takes unless embeddings are wider
     * than 256. 1: none. */
    size_t product_bytes;
    /* Not NULL: the predictor is bound to it, and what mmoe_input_check finds is the call's error.
     * Batches without it are refused. */
    const mmoe_input *input;
    void *reserved[6]; /* NULL; else MMOE_E_ARGUMENT */
} mmoe_predictor_options;
/* `options` may be NULL. */
MMOE_API mmoe_status mmoe_predictor_create_with(const mmoe_model *model,
                                                const mmoe_predictor_options *options,
                                                const mmoe_allocator *alloc, mmoe_predictor **out,
                                                mmoe_error *err);
/* The bytes of these products, which a predictor shares with its clones; to `columns`, which may be
 * NULL, of how many sparse columns they are. */
MMOE_API size_t mmoe_predictor_products(const mmoe_predictor *predictor, int32_t *columns);
/* A predictor with the same weights and working memory of its own; `predictor` may be in use by
 * another thread. They may be freed in any order, from any thread. */
MMOE_API mmoe_status mmoe_predictor_clone(const mmoe_predictor *predictor,
                                          const mmoe_allocator *alloc, mmoe_predictor **out,
                                          mmoe_error *err);
MMOE_API void mmoe_predictor_free(mmoe_predictor *predictor);

/* Errors of the four calls below: MMOE_E_ARGUMENT (NULL, a row number outside its table, a
 * transformed value that is not finite, a type that is not the column's kind), MMOE_E_DATA (a raw
 * value that the schema does not allow); `err->row` is the 1-based row of the batch and
 * `err->column` the column. All rows are checked before the first is scored: on failure the output
 * is as it was. */

/* Writes `scores` [rows, tasks]: a probability for a classification task, for another the value
 * that its labels are expected to have. Any number of rows. */
MMOE_API mmoe_status mmoe_predictor_run(mmoe_predictor *predictor, const mmoe_batch *batch,
                                        float *scores, mmoe_error *err);

/* The same for one user and many candidates: `user` has one row, of the columns of the user's side
 * alone, and `items` a row a candidate, of the others alone; both in the model's order. The user's
 * share of the first layers is computed once. Writes `scores` [items->rows, tasks]. */
MMOE_API mmoe_status mmoe_predictor_rank(mmoe_predictor *predictor, const mmoe_batch *user,
                                         const mmoe_batch *items, float *scores, mmoe_error *err);

/* Writes the final scores [items->rows]: the model's expression of the tasks' scores, or the score
 * of a model's only task. `user` NULL: `items` has all columns. MMOE_E_ARGUMENT too when the model
 * has several tasks and no expression. */
MMOE_API mmoe_status mmoe_predictor_score(mmoe_predictor *predictor, const mmoe_batch *user,
                                          const mmoe_batch *items, float *scores, mmoe_error *err);

/* The best candidates by final score, best first: row numbers (from 0) to `rows` and final scores
 * to `scores`, min(k, items->rows) of each. Of equal scores the lower row number comes first; a
 * score that is not a number comes last. `user` as in mmoe_predictor_score. */
MMOE_API mmoe_status mmoe_predictor_top(mmoe_predictor *predictor, const mmoe_batch *user,
                                        const mmoe_batch *items, size_t k, size_t *rows,
                                        float *scores, mmoe_error *err);

/* A final score of the caller's, as "score" in the configuration says the model's. Immutable; of
 * every model that has the same tasks in the same order, as those of a slot have. */
typedef struct mmoe_expression mmoe_expression;
/* MMOE_E_ARGUMENT (NULL; no expression of the model's tasks: the message has the place), _MEMORY.
 * The caller frees it after its last use. */
MMOE_API mmoe_status mmoe_expression_create(const mmoe_model *model, const char *text,
                                            const mmoe_allocator *alloc, mmoe_expression **out,
                                            mmoe_error *err);
MMOE_API void mmoe_expression_free(mmoe_expression *expression);

/* What mmoe_predictor_score_with writes; a zeroed structure with the members that are used set is
 * valid. */
typedef struct mmoe_scoring {
    const mmoe_expression *expression; /* NULL: the model's, or its only task */
    float *scores;      /* final scores [items->rows], or of the best [min(k, items->rows)] */
    float *task_scores; /* the same rows' of the tasks, [.., tasks]; NULL: not wanted */
    size_t *rows;       /* numbers of the best, as of mmoe_predictor_top; NULL: all, in order */
    size_t k;           /* how many are the best */
} mmoe_scoring;
/* mmoe_predictor_score, or with `rows` mmoe_predictor_top, with an expression of one's own and the
 * scores of the tasks, all in one pass. */
MMOE_API mmoe_status mmoe_predictor_score_with(mmoe_predictor *predictor, const mmoe_batch *user,
                                               const mmoe_batch *items, const mmoe_scoring *wanted,
                                               mmoe_error *err);

/* ---- Counts ---- */

/* What was scored, counted by the way. A predictor's thread counts, without a lock or a locked
 * instruction, and other threads may read at any time: each number is one that was right a moment
 * ago, not all of the same moment. */
enum { MMOE_SERVED_BINS = 20 };
/* Where bin `bin` of the scores of such a task ends: (bin + 1) / 20 of a classification, else
 * 2^(bin - 9), so that the first has all below 2^-9 and the last, which ends at infinity, those
 * from 2^9 on. A score that is a bin's end is in the next one. NaN: there is no such bin or type.
 */
MMOE_API double mmoe_served_bin(int type, int bin);

typedef struct mmoe_column_served {
    const char *name; /* of the feature; belongs to the predictor or slot */
    /* Values that were read: of lists the raw elements, else one a row, or, of the user's columns
     * when items are ranked, one a user. Ready row numbers and inputs are never missing or unknown.
     */
    int64_t values, missing, unknown;
    double trained_missing, trained_unknown; /* shares of the training rows' values; NaN: the model
                                                does not know (mmoe_model_meta) */
} mmoe_column_served;

typedef struct mmoe_task_served {
    const char *name;
    int64_t bins[MMOE_SERVED_BINS];
    double sum;       /* of the scores */
    double base_rate; /* the mean label of the training rows; NaN: the model does not know */
} mmoe_task_served;

/* Zeroed, and with room for columns and tasks, before the call. */
typedef struct mmoe_counts {
    mmoe_column_served *columns; /* [n_column] of the caller's: the model's sparse features, then
                                    its dense ones; NULL: not wanted */
    mmoe_task_served *tasks;     /* [n_task] likewise */
    size_t n_column, n_task;     /* set by the call where the arrays are NULL; other numbers than
                                    the model's are MMOE_E_ARGUMENT */
    uint64_t version;            /* of a slot: the current one */
    int64_t rows;                /* that got scores */
    int64_t bad_rows;            /* that were at fault (mmoe_batch.bad) */
    int64_t users;               /* whose items were ranked */
} mmoe_counts;
/* Of requests that this predictor has answered; those that were refused do not count. Any thread,
 * as long as the predictor is there. MMOE_E_ARGUMENT. */
MMOE_API mmoe_status mmoe_predictor_counts(const mmoe_predictor *predictor, mmoe_counts *out,
                                           mmoe_error *err);

/* ---- Slot ---- */

/* Holds the model that a service scores with, and lets another take its place while requests run.
 * Each thread has a reader. Between enter and leave it holds a model, which stays as long; enter
 * and leave take no lock, wait for nobody, and write to the reader's memory alone. A model that was
 * replaced is freed when its last reader leaves, by that reader (or by mmoe_slot_collect). A reader
 * keeps its predictor from request to request; only when the version has changed it takes a new
 * one, which allocates (mmoe_predictor_clone). The predictors of a version are freed with it.
 *
 *     mmoe_slot *slot;                                  once: the slot takes the model over
 *     mmoe_slot_create(model, NULL, &slot, &err);
 *
 *     mmoe_reader *reader;                              once a thread
 *     mmoe_reader_create(slot, &reader, &err);
 *
 *     mmoe_served now;                                  each request
 *     if (mmoe_reader_enter(reader, &now, &err) == MMOE_OK) {
 *         mmoe_predictor_run(now.predictor, &batch, scores, &err);
 *         mmoe_reader_leave(reader);
 *     }
 *
 *     mmoe_model_load(path, NULL, &next, &err);         whenever there is a newer model, from any
 * thread mmoe_slot_publish(slot, next, &version, &err);
 */
typedef struct mmoe_slot mmoe_slot;
/* A thread's way into a slot; used by one thread at a time. */
typedef struct mmoe_reader mmoe_reader;

/* What a reader holds from enter to leave. */
typedef struct mmoe_served {
    uint64_t version; /* 1 for the slot's first model, one more for each that was published */
    const mmoe_model *model;
    mmoe_predictor *predictor;
} mmoe_served;

/* Makes the predictor of `model` that readers' are cloned from. On success the slot owns the model,
 * which must not be trained, freed or given to a slot again. MMOE_E_ARGUMENT, _MEMORY. */
MMOE_API mmoe_status mmoe_slot_create(mmoe_model *model, const mmoe_allocator *alloc,
                                      mmoe_slot **out, mmoe_error *err);
/* Predictors, those of later models too, are made as `options` say, which may be NULL. */
MMOE_API mmoe_status mmoe_slot_create_with(mmoe_model *model, const mmoe_predictor_options *options,
                                           const mmoe_allocator *alloc, mmoe_slot **out,
                                           mmoe_error *err);
/* Frees the models, too. Its readers must have been freed. */
MMOE_API void mmoe_slot_free(mmoe_slot *slot);
/* Puts `model` in the place of the current one: from now on readers enter it. Returns at once,
 * whoever still reads the old one. Writes its version to `version`, which may be NULL. The model is
 * the slot's on success, on failure the caller's. From any thread; publishers take turns.
 * MMOE_E_ARGUMENT, _MEMORY.
 *
 * Readers know columns and tasks by their numbers, so a model must have those of the slot's first
 * one: the same sparse and dense columns by name, side and dim, and the same tasks by name and
 * type, in the same order. Another is MMOE_E_ARGUMENT, and the error names the column or task that
 * differs; it takes a slot of its own. (Vocabularies may differ: raw values mean the same to each
 * model, but row numbers are of one model's vocabularies.) A slot whose predictors are bound to an
 * input knows columns by their names: a model must be one that mmoe_input_check accepts, and have
 * the tasks. */
MMOE_API mmoe_status mmoe_slot_publish(mmoe_slot *slot, mmoe_model *model, uint64_t *version,
                                       mmoe_error *err);

/* Of all requests since the slot was made, by whatever reader and version: the sums of its readers'
 * predictors, those that are gone too, for the columns of its first model (a later one's of other
 * names do not count). What the training rows were like is the current model's. Any thread; only
 * publishers wait for it. MMOE_E_ARGUMENT. */
MMOE_API mmoe_status mmoe_slot_counts(mmoe_slot *slot, mmoe_counts *out, mmoe_error *err);

/* Frees the models that were replaced and that nobody reads any more, and returns how many of them
 * are still read. From any thread. From its first call on a reader that leaves frees none, and no
 * request pays for that: call it after publications and now and then, until it returns 0. */
MMOE_API size_t mmoe_slot_collect(mmoe_slot *slot);

MMOE_API mmoe_status mmoe_reader_create(mmoe_slot *slot, mmoe_reader **out, mmoe_error *err);
/* Outside: after mmoe_reader_leave. */
MMOE_API void mmoe_reader_free(mmoe_reader *reader);
/* Fills `out`, which is valid until mmoe_reader_leave. MMOE_E_ARGUMENT (NULL, or the reader has not
 * left), _MEMORY; the reader is then outside. */
MMOE_API mmoe_status mmoe_reader_enter(mmoe_reader *reader, mmoe_served *out, mmoe_error *err);
/* Does nothing outside. `reader` may be NULL. */
MMOE_API void mmoe_reader_leave(mmoe_reader *reader);

#ifdef __cplusplus
}
#endif

#endif
