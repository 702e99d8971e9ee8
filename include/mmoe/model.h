/* mmoe/model.h: a loaded model, and what it says of itself. See mmoe/mmoe.h for the conventions. */
#ifndef MMOE_MODEL_H
#define MMOE_MODEL_H

#include "base.h"

#ifdef __cplusplus
extern "C" {
#endif

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
    /* Whether the kernel is asked for huge pages (MADV_HUGEPAGE), in which rows read in random
     * order are found sooner; where it has none, nothing fails. 0: for tables that are read, of 4
     * MB and more. 1: for mapped ones, too, which file systems in memory may give. -1: for none. */
    int huge_pages;
    /* 0: when the model is loaded, all of a mapping stands in memory (MADV_POPULATE_READ, or its
     * pages are touched), and no request waits for a page; what is read does in any case. 1: pages
     * come when a request reads them, as for tables that are larger than memory. */
    int late_pages;
    void *reserved[6]; /* NULL; else MMOE_E_ARGUMENT */
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
/* Bytes that it has asked its allocator for and holds: tables, weights, vocabularies, texts; to
 * `mapped`, which may be NULL, those of its file's mapping. 0: it is NULL. */
MMOE_API size_t mmoe_model_bytes(const mmoe_model *model, size_t *mapped);

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
/* Trainable values; -1: it is NULL. */
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
 * tasks. Names belong to the model; NULL or -1 for an index out of range, and of a NULL model. */
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
    int brackets;          /* 1: a file's cells are as "['a', 'b']" ("brackets") */
} mmoe_list_format;
/* Returns 1, and fills *out (may be NULL), where the column is a list, else 0. */
MMOE_API int mmoe_model_sparse_list(const mmoe_model *model, int32_t column, mmoe_list_format *out);
MMOE_API int32_t mmoe_model_dense_count(const mmoe_model *model);
MMOE_API const char *mmoe_model_dense_name(const mmoe_model *model, int32_t column);
/* Inputs that a value becomes: 1, or more where the feature is a vector, has an encoding or an
 * indicator; and the numbers that a raw value consists of: 1, or a vector's "dim". */
MMOE_API int32_t mmoe_model_dense_width(const mmoe_model *model, int32_t column);
MMOE_API int32_t mmoe_model_dense_dim(const mmoe_model *model, int32_t column);

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

#ifdef __cplusplus
}
#endif

#endif
