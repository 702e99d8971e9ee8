/* mmoe/model.h: loading a model, and reading its properties. See mmoe/mmoe.h for the
 * conventions. */
#ifndef MMOE_MODEL_H
#define MMOE_MODEL_H

#include "base.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The types of tasks, one in each line: the name (MMOE_CLASSIFICATION is 0, and so on); the word
 * in configurations and files; its labels and loss; the metrics that it adds to those that early
 * stopping may watch (mmoe_metric_at in mmoe/evaluate.h has all of them). */
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

/* Returns "classification" and so on; NULL if `type` is not a task type. Static. */
MMOE_API const char *mmoe_task_type_name(int type);

/* A model: schema, configuration and weights. A loaded model is immutable, and any number of
 * threads may share it. Only a trainer writes to a model, the one that it was given. */
typedef struct mmoe_model mmoe_model;

/* Reads a model file (.safetensors, written by mmoe). The caller frees the model, after every
 * predictor and trainer made from it. Everything is copied to memory: the scores do not depend
 * on what happens to the file later. It is an error if the file is cut or written to while it is
 * read. On failure nothing is loaded. MMOE_E_IO, _FORMAT, _VERSION, _MEMORY. */
MMOE_API mmoe_status mmoe_model_load(const char *path, const mmoe_allocator *alloc,
                                     mmoe_model **out, mmoe_error *err);
/* Options for loading. A zeroed structure gives the behaviour of mmoe_model_load. */
typedef struct mmoe_model_load_options {
    /* 1: embedding tables of 8 MB and more are mapped instead of read. This is faster, and
     * processes that load the same file share the memory. The file may be replaced or removed
     * while a model uses it (mmoe_model_save and mv do that). It must never be written into, as
     * cp does: scores would change, or the process would end by SIGBUS. Of a model of several
     * members (mmoe_model_member_count) the first one's are mapped, or, if tables are of
     * mmoe_model_with_tables, those of all. */
    int map_tables;
    /* Whether the kernel is asked for huge pages (MADV_HUGEPAGE), which make reading rows in
     * random order faster. If the kernel has none, nothing fails. 0: for tables of 4 MB and more
     * that are read. 1: also for mapped tables; file systems in memory may have huge pages. -1:
     * for no table. */
    int huge_pages;
    /* 0: all pages of a mapping are in memory when the model has been loaded (by
     * MADV_POPULATE_READ, or by touching the pages), so no request waits for a page. Tables that
     * are read are in memory in any case. 1: pages are read when a request needs them, for
     * tables that are larger than memory. */
    int late_pages;
    void *reserved[6]; /* NULL; else MMOE_E_ARGUMENT */
} mmoe_model_load_options;
/* The same with options, which may be NULL. */
MMOE_API mmoe_status mmoe_model_load_with(const char *path, const mmoe_model_load_options *options,
                                          const mmoe_allocator *alloc, mmoe_model **out,
                                          mmoe_error *err);
/* Loads a model file that is in memory, [size] bytes: for example from an archive, from an
 * object store, or decrypted. The bytes are copied, and may be freed afterwards. The errors are
 * the same except MMOE_E_IO; `err->file` is empty. */
MMOE_API mmoe_status mmoe_model_load_bytes(const void *bytes, size_t size,
                                           const mmoe_allocator *alloc, mmoe_model **out,
                                           mmoe_error *err);
MMOE_API void mmoe_model_free(mmoe_model *model);
/* Returns the bytes that the model has allocated: tables, weights, vocabularies, texts. Writes
 * the bytes of its file's mapping to `mapped`, which may be NULL. Returns 0 if `model` is NULL. */
MMOE_API size_t mmoe_model_bytes(const mmoe_model *model, size_t *mapped);

/* A configuration: what to train and how (features, tasks, model, trainer). It must not be used
 * by other threads while it is being changed (mmoe/data.h). */
typedef struct mmoe_config mmoe_config;
/* Returns the configuration of the model, to which it belongs. */
MMOE_API const mmoe_config *mmoe_model_config(const mmoe_model *model);
/* Writes the complete configuration, including defaults, as JSON text to *out. The caller frees
 * it with mmoe_config_text_free. MMOE_E_ARGUMENT, _MEMORY. */
MMOE_API mmoe_status mmoe_config_text(const mmoe_config *config, char **out, mmoe_error *err);
/* Frees a text that mmoe_config_text returned for `config`. Both may be NULL. */
MMOE_API void mmoe_config_text_free(const mmoe_config *config, char *text);
/* Returns the number of whole models whose predictions it averages (model.members); -1 if `model`
 * is NULL. */
MMOE_API int32_t mmoe_model_member_count(const mmoe_model *model);
/* Returns the number of trainable values, of all members; -1 if `model` is NULL. */
MMOE_API int64_t mmoe_model_parameter_count(const mmoe_model *model);

/* Returns the value of a key among the texts that a model and its file keep, in UTF-8; NULL if
 * there is no such key. The text belongs to the model. The texts are those of the caller
 * (mmoe_model_set_meta in mmoe/train.h, `mmoe train --meta`), and these, which describe the fit
 * that produced the weights:
 *   training.rows                   the number of training rows
 *   training.epoch                  the epoch, from 1, of these weights
 *   training.data                   16 hexadecimal digits; others for rows with other columns,
 *                                   vocabularies, transforms, counts or mean labels
 *   training.valid_rows             the number of validation rows, if there were any
 *   training.TASK.METRIC            the task's figures on them that are defined (mmoe_metric_at)
 *   training.TASK.base_rate         the mean label of the training rows
 *   training.column.NAME.missing    the share of a feature's values that were missing; no key: 0
 *   training.column.NAME.unknown    likewise, of values that had no table row of their own
 * There is no time among them: the same data and seed give the same file. */
MMOE_API const char *mmoe_model_meta(const mmoe_model *model, const char *key);
/* Returns key `index`, in byte order, and writes its value to `value`, which may be NULL. NULL
 * past the last. The texts belong to the model. */
MMOE_API const char *mmoe_model_meta_at(const mmoe_model *model, size_t index, const char **value);

/* The columns of the model's input, which are its features in the order of the configuration,
 * and its tasks. Names belong to the model. For an index out of range, or a NULL model, the
 * functions return NULL or -1. */
MMOE_API int32_t mmoe_model_task_count(const mmoe_model *model);
MMOE_API const char *mmoe_model_task_name(const mmoe_model *model, int32_t task);
MMOE_API int mmoe_model_task_type(const mmoe_model *model,
                                  int32_t task); /* returns an mmoe_task_type or -1 */
MMOE_API int32_t mmoe_model_sparse_count(const mmoe_model *model);
MMOE_API const char *mmoe_model_sparse_name(const mmoe_model *model, int32_t column);
/* Returns the column of a file that the feature reads, which by default has the feature's name.
 * Several features may read one column. */
MMOE_API const char *mmoe_model_sparse_column(const mmoe_model *model, int32_t column);
MMOE_API const char *mmoe_model_dense_column(const mmoe_model *model, int32_t column);
/* Sets *out (may be NULL) to the columns of a file that a feature is made of, if there are
 * several: those of a sequence with "columns", one for each element, or of a "cross". The array
 * belongs to the model. Returns their number. 0: the feature reads one column,
 * mmoe_model_sparse_column. (For a feature of several columns that function returns the
 * feature's name.) */
MMOE_API size_t mmoe_model_sparse_columns(const mmoe_model *model, int32_t column,
                                          const char *const **out);
/* Returns the number of rows of the column's embedding table. Valid row numbers are 0 .. rows-1. */
MMOE_API int64_t mmoe_model_sparse_rows(const mmoe_model *model, int32_t column);
/* Returns how many inputs a value becomes: the width of its table, or, for a list with concat
 * pooling, max_len times the width. */
MMOE_API int32_t mmoe_model_sparse_width(const mmoe_model *model, int32_t column);
/* Returns how values become row numbers: "row", "vocabulary", "hash", "boundaries" or
 * "quantiles". */
MMOE_API const char *mmoe_model_sparse_kind(const mmoe_model *model, int32_t column);
/* Sets *out (may be NULL) to the lower ends of the bins of "boundaries" and "quantiles", except
 * that of the first bin, in ascending order. The array belongs to the model. Returns their
 * number; 0: the column has no bins. A number takes the row 1 + how many of them are less than
 * or equal to it; a missing number takes row 0. */
MMOE_API size_t mmoe_model_sparse_boundaries(const mmoe_model *model, int32_t column,
                                             const double **out);
/* How the lists of a sparse column are written and pooled. */
typedef struct mmoe_list_format {
    const char *pooling;  /* "mean", "sum", "max" or "concat"; static */
    const char *truncate; /* which elements of a longer list are kept, "last" or "first"; static */
    int32_t max_len;      /* the largest number of elements that is read; 0: no limit */
    int64_t padding_idx;  /* a row number whose elements are not part of the list; -1: none */
    char separator; /* between elements in the cell of a file; '\0': each element has a column of
                       its own */
    char weight_separator; /* between an element and its weight; '\0': all weights are 1 */
    int brackets;          /* 1: the cells of files look like "['a', 'b']" ("brackets") */
} mmoe_list_format;
/* Returns 1 and fills *out (may be NULL) if the column is a list, else 0. */
MMOE_API int mmoe_model_sparse_list(const mmoe_model *model, int32_t column, mmoe_list_format *out);
MMOE_API int32_t mmoe_model_dense_count(const mmoe_model *model);
MMOE_API const char *mmoe_model_dense_name(const mmoe_model *model, int32_t column);
/* mmoe_model_dense_width returns how many inputs a value becomes: 1, or more if the feature is a
 * vector, or has an encoding or an indicator. mmoe_model_dense_dim returns how many numbers a
 * raw value has: 1, or the "dim" of a vector. */
MMOE_API int32_t mmoe_model_dense_width(const mmoe_model *model, int32_t column);
MMOE_API int32_t mmoe_model_dense_dim(const mmoe_model *model, int32_t column);

/* The side of a column in a request to rank ("side" in the configuration): columns of the user
 * are given once, columns of the items for every candidate. */
typedef enum mmoe_side { MMOE_SIDE_ITEM = 0, MMOE_SIDE_USER = 1 } mmoe_side;
/* The sides with their words. */
#define MMOE_SIDES(X) X(MMOE_SIDE_ITEM, item) X(MMOE_SIDE_USER, user)
/* Return the side of a column, or -1. */
MMOE_API int mmoe_model_sparse_side(const mmoe_model *model, int32_t column);
MMOE_API int mmoe_model_dense_side(const mmoe_model *model, int32_t column);
/* Returns the expression of the final score over the tasks ("score" in the configuration: "ctr *
 * cvr^0.5"), or NULL if there is none. It belongs to the model. */
MMOE_API const char *mmoe_model_score(const mmoe_model *model);

#ifdef __cplusplus
}
#endif

#endif
