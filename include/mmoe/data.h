/* mmoe/data.h: configuration, schema, data sets and packed data. See mmoe/mmoe.h for the
 * conventions. */
#ifndef MMOE_DATA_H
#define MMOE_DATA_H

#include "mmoe.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Configuration ---- */

/* Parses JSON text of `length` bytes; `name` stands in errors (NULL: "configuration"). Errors name
 * the key, what is allowed, or line and column of a syntax error: MMOE_E_CONFIG, _MEMORY. The
 * caller frees the configuration. */
MMOE_API mmoe_status mmoe_config_parse(const char *json, size_t length, const char *name,
                                       const mmoe_allocator *alloc, mmoe_config **out,
                                       mmoe_error *err);
/* The same from a file: MMOE_E_IO too. */
MMOE_API mmoe_status mmoe_config_read(const char *path, const mmoe_allocator *alloc,
                                      mmoe_config **out, mmoe_error *err);
MMOE_API void mmoe_config_free(mmoe_config *config);
/* Sets one key by its dotted path ("trainer.n_epoch", "model.expert_params.dims",
 * "tasks.0.loss_weight") to a JSON value ("3", "[32,16]"); text that is no JSON is taken as a
 * string. MMOE_E_ARGUMENT: NULL; _CONFIG, with the key; _MEMORY. On failure the configuration is as
 * it was. */
MMOE_API mmoe_status mmoe_config_set(mmoe_config *config, const char *key, const char *value,
                                     mmoe_error *err);
/* A key and its value, as of mmoe_config_set. */
typedef struct mmoe_setting {
    const char *key, *value;
} mmoe_setting;
/* Sets several keys, one after another, and checks what they make together: of two that need each
 * other any may come first. On failure `failed` (may be NULL) gets the number of the setting that
 * is wrong by itself, or `count`: all are, together. */
MMOE_API mmoe_status mmoe_config_set_all(mmoe_config *config, const mmoe_setting *settings,
                                         size_t count, size_t *failed, mmoe_error *err);

/* Documentation of the keys, for --help and for tests; entry `index`, or NULL past the last one.
 * Static. */
typedef struct mmoe_config_key {
    const char
        *path; /* "trainer.batch_size"; "[]" stands for an array's entry: "tasks[].loss_weight" */
    const char *type;          /* "integer", "number", "string", "boolean", "array" */
    const char *default_value; /* as JSON; NULL: required or none */
    const char *allowed;       /* "1 to 1048576", "adam | adamw | sgd" */
    const char *help;          /* one sentence */
} mmoe_config_key;
MMOE_API const mmoe_config_key *mmoe_config_key_at(size_t index);

/* ---- Warnings ---- */

/* What is suspicious but no error, once a column or task. */
typedef struct mmoe_warning {
    const char
        *message; /* a sentence with its figure: "column "age": 12 of 300 values are missing" */
    const char *subject; /* the column or task; NULL: it is of none */
    int64_t count;       /* values or rows that it speaks of */
    int64_t row;         /* the first of them, as errors count rows; 0: it has no place */
    const char *file;    /* which the row is of, where there are several; else NULL */
} mmoe_warning;

/* ---- Progress ---- */

/* How far work has come that may take its time. */
typedef struct mmoe_work {
    const char *what; /* "reading", "learning", "encoding", "loading", "evaluating",
                       * "inspecting", "writing"; static */
    const char *file; /* whose rows they are; NULL: those of no file */
    int64_t rows;     /* so far; 0 where they are not counted */
    int64_t done;     /* of `unit`, from 0 */
    int64_t total;    /* 0: it is not known, as of what comes through a pipe */
    const char *unit; /* "bytes" of the file, as it stands there, or "rows"; static */
} mmoe_work;

/* Who is told. In the thread that made the call, which waits meanwhile: when the work begins, and
 * then after each block of rows, that is after milliseconds; it costs no more than the calls. The
 * library looks at no clock for it. */
typedef struct mmoe_watcher {
    void (*on_work)(void *user, const mmoe_work *work); /* which lasts until it returns; must not
                                                           throw */
    void *user;
} mmoe_watcher;

/* ---- Schema and data sets ---- */

/* Which columns a model reads, their vocabularies and fitted transforms. Immutable and shareable
 * among threads. */
typedef struct mmoe_schema mmoe_schema;
/* Rows encoded by a schema, in memory or in a folder. Immutable and shareable among threads. */
typedef struct mmoe_dataset mmoe_dataset;

/* Reads the training file once: resolves the configuration's column patterns against its header,
 * builds vocabularies in order of first appearance, fits the dense transforms, and encodes the
 * rows. "-" is standard input. The file may be packed by gzip, bzip2 or zstd, which its first bytes
 * tell, where the library was built with theirs. The caller frees both. MMOE_E_IO, _FORMAT, _CONFIG
 * (a column that the file lacks), _DATA (row, column and value), _MEMORY. */
MMOE_API mmoe_status mmoe_dataset_fit_csv(const mmoe_config *config, const char *path,
                                          const mmoe_allocator *alloc, mmoe_schema **schema,
                                          mmoe_dataset **out, mmoe_error *err);

enum {
    MMOE_LABELS_REQUIRED = 0, /* every task's label column must be there */
    MMOE_LABELS_OPTIONAL = 1, /* a label column that the file lacks is missing in every row */
    MMOE_LABELS_IGNORED = 2,  /* no label or weight is read: all are missing, whatever stands there
                               */
    MMOE_ROWS_TO_SCORE = 3 /* the same, and a row is kept that lacks a value which its feature must
                              have: mmoe_dataset_lacks says which, a warning how many */
};
/* Reads a file with a schema that stands: unknown values take row 0 of a learned vocabulary.
 * Columns are found by name, in any order; columns that the schema does not name are passed over.
 * `labels`: one of the four above. */
MMOE_API mmoe_status mmoe_dataset_read_csv(const mmoe_schema *schema, const char *path, int labels,
                                           const mmoe_allocator *alloc, mmoe_dataset **out,
                                           mmoe_error *err);
/* How a CSV file is read. A zeroed structure is what mmoe_dataset_fit_csv does, and
 * mmoe_dataset_read_csv with MMOE_LABELS_REQUIRED. */
typedef struct mmoe_read_options {
    int labels; /* one of the four above; a schema is fitted with MMOE_LABELS_REQUIRED */
    /* Threads that read a file of some size, 1 to 256, the calling one among them; 0 is 1. Where
     * rows are streamed or packed the calling one writes them, and so many more parse. Each parses
     * blocks of 4 MB, smaller ones from 8 threads on where rows are streamed or packed: what comes
     * of a file is the same to the bit, its warnings and faults too, whatever the number; but the
     * fault of more values than max_distinct may name the column without a row where several
     * threads read. (Where quotes are lenient one thread reads: only the whole file before says
     * where a row ends.) Memory: two blocks a thread beside the rows. */
    int threads;
    /* Columns that are kept beside the rows, NULL behind the last, as mmoe_dataset_keep_csv keeps
     * them, but while the rows are read; NULL: none. MMOE_E_FORMAT: the file has no such column. */
    const char *const *keep;
    /* NULL: the rows stand in memory. Else they are streamed, as packed rows are, from files
     * without names on the file system of this folder ("": TMPDIR's, else /tmp's), which are gone
     * with the data set, or the process: training, validation and evaluation have the same results
     * to the bit, and neither memory for reading nor for training grows with the rows. While a
     * schema is fitted, rows that wait for it take as much of the disk again, 8 bytes a number.
     * MMOE_E_IO: the disk is full; MMOE_E_ARGUMENT: the rows are read with MMOE_ROWS_TO_SCORE. */
    const char *stream_folder;
    /* [n_more] Files whose rows follow those of `path`, in this order: what comes of them is the
     * same to the bit as of one file that has all their rows. Each has a header of its own (none
     * where data.header is "none"), whose columns may stand in another order, and may be packed;
     * one of all files may be "-". Errors and warnings have the file and the row in it. A file
     * that lacks a column which is read is MMOE_E_FORMAT; other columns than the first file's are
     * a warning. */
    const char *const *more;
    size_t n_more;
    /* Told of each file's bytes, and of its rows but those of blocks that are not parsed yet; then,
     * where a schema is fitted, of the rows that it learns from, once a pass, and of those that it
     * encodes. NULL: none is. */
    const mmoe_watcher *watcher;
    /* So many rows of all files may be at fault, with a cell that cannot be read or another number
     * of fields, and are left out: a warning has their number and the first one's fault. What comes
     * of the others is the same to the bit as if they had not been in the file. One more is the
     * error. A quote that is malformed or never closed is one always, as where its row ends is not
     * known, and so are more values than max_distinct. Needs data.quotes to be "strict". Rows to
     * score keep their places instead: those at fault are among mmoe_dataset_lacks's. */
    int64_t skip_bad;
    /* Not NULL: the call ends with MMOE_E_CANCELLED, and leaves nothing, soon after *stop has
     * become other than 0. The watcher, any thread or a signal handler may set it, and it must stay
     * until the call has returned. The call looks at it before it reads more bytes, while it waits
     * for a pipe's writer, and before it learns from or packs the next block. Rows in memory are
     * finished once all of them have been read. NULL: nothing stops the call. */
    const int *stop;
    void *reserved[2]; /* NULL; else MMOE_E_ARGUMENT */
} mmoe_read_options;
/* `options` may be NULL. MMOE_E_IO, too, when the system gives no thread. */
MMOE_API mmoe_status mmoe_dataset_fit_csv_with(const mmoe_config *config, const char *path,
                                               const mmoe_read_options *options,
                                               const mmoe_allocator *alloc, mmoe_schema **schema,
                                               mmoe_dataset **out, mmoe_error *err);
MMOE_API mmoe_status mmoe_dataset_read_csv_with(const mmoe_schema *schema, const char *path,
                                                const mmoe_read_options *options,
                                                const mmoe_allocator *alloc, mmoe_dataset **out,
                                                mmoe_error *err);
/* Reads training rows by a schema that learns of them: known values keep their rows, and new ones
 * get rows behind these in order of first appearance, as "min_count", "max_vocab" and
 * "max_distinct" say of the values in these files; at least all that were known stay. Transforms,
 * bins, the words of labels, hashes and row numbers are those of `schema`, which stays as it is.
 * What comes of it does not depend on options->threads. *grown encodes the rows, and those to
 * validate with; mmoe_model_grow makes a model of it. The caller frees both. MMOE_E_ARGUMENT, too:
 * no feature has a vocabulary; MMOE_E_DATA: more values than there may be; else as of
 * mmoe_dataset_fit_csv_with. */
MMOE_API mmoe_status mmoe_dataset_grow_csv(const mmoe_schema *schema, const char *path,
                                           const mmoe_read_options *options,
                                           const mmoe_allocator *alloc, mmoe_schema **grown,
                                           mmoe_dataset **out, mmoe_error *err);
MMOE_API void mmoe_schema_free(mmoe_schema *schema);
MMOE_API void mmoe_dataset_free(mmoe_dataset *dataset);

/* A schema without a file: `columns` are the names that patterns may match, in their order, and are
 * copied. Nothing may be left to learn of rows: a sparse feature or a sequence needs vocab_size,
 * hash_bucket_size or boundaries; a dense one has the transform "none", no "encoding" or "date",
 * and a "missing" that is no mean; no label_transform is "standardize". MMOE_E_ARGUMENT, _CONFIG
 * (with the feature or column), _MEMORY. The caller frees it. */
MMOE_API mmoe_status mmoe_schema_create(const mmoe_config *config, const char *const *columns,
                                        size_t n_columns, const mmoe_allocator *alloc,
                                        mmoe_schema **out, mmoe_error *err);
/* A data set from memory, copied: `batch` (see mmoe_batch: encoded, or columns of raw values, by
 * the schema's numbers or by the names of an input, all of its columns then, the user's and the
 * items', a value a row), `labels` [rows, tasks] (NaN: missing; those of a task with a `positive`
 * are 0 and 1), `weights` [rows] or NULL. Values are checked as those of a file are: MMOE_E_DATA,
 * with row (from 1) and column, of a label with its task. MMOE_E_ARGUMENT: an input that a model of
 * this schema could not be bound to (mmoe_input_check), but for a type of which it knows no value:
 * these are unknown; other columns than it says. */
MMOE_API mmoe_status mmoe_dataset_create(const mmoe_schema *schema, const mmoe_batch *batch,
                                         const float *labels, const float *weights,
                                         const mmoe_allocator *alloc, mmoe_dataset **out,
                                         mmoe_error *err);

/* Keeps a column of the file that the data set was made of beside its rows: one that need not be a
 * feature, whose values group the rows for metrics. Reads the file again. What data.missing says is
 * a missing value, and "7.0" is 7, as in a sparse column. Call it before the data set is shared;
 * of a column that is kept already it does nothing. Of rows of several files `path` is the first,
 * and the others are read as well. MMOE_E_FORMAT: a file has no such column; MMOE_E_IO: one cannot
 * be read, or they have other rows than the data set; MMOE_E_ARGUMENT: the rows were packed, a file
 * is standard input, which is read once, or `path` is not the first of several; MMOE_E_MEMORY. The
 * data set is then as it was. */
MMOE_API mmoe_status mmoe_dataset_keep_csv(mmoe_dataset *dataset, const mmoe_schema *schema,
                                           const char *path, const char *column, mmoe_error *err);
/* The same from memory, copied: `values` [rows], "" or NULL being a missing one. MMOE_E_ARGUMENT,
 * _MEMORY. */
MMOE_API mmoe_status mmoe_dataset_keep(mmoe_dataset *dataset, const char *column,
                                       const char *const *values, mmoe_error *err);

/* Keeps the column of the configuration's data.group, if it has one, of rows to evaluate. The
 * errors are those of mmoe_dataset_keep_csv. */
MMOE_API mmoe_status mmoe_dataset_keep_groups(mmoe_dataset *dataset, const mmoe_config *config,
                                              const mmoe_schema *schema, const char *path,
                                              mmoe_error *err);

/* Name of column `index` that is kept beside the rows, in the order in which they came; NULL past
 * the last. Belongs to the data set. */
MMOE_API const char *mmoe_dataset_kept_column(const mmoe_dataset *dataset, size_t index);

MMOE_API int64_t mmoe_dataset_rows(const mmoe_dataset *dataset);
/* The number of row `row`, from 0, in its file, as errors and warnings count rows, and 0 of none;
 * *file, unless `file` is NULL: that file where there are several, else NULL. It belongs to the
 * data set. */
MMOE_API int64_t mmoe_dataset_place(const mmoe_dataset *dataset, int64_t row, const char **file);
/* Warning `index` of what was found when the data set was made; NULL past the last. Belongs to the
 * data set. */
MMOE_API const mmoe_warning *mmoe_dataset_warning(const mmoe_dataset *dataset, size_t index);
/* What the values of a feature were when the rows were made of a file or of raw values. */
typedef struct mmoe_column_counts {
    const char *name;
    int64_t missing; /* empty, or a word of data.missing */
    int64_t unknown; /* ids without a row of their own: not seen in training, outside of vocab_size;
                        numbers without a logarithm, which are then taken as missing */
    int64_t values;  /* all of them, with those above: one a row, or the elements of its list */
    int64_t cut;     /* lists that are longer than max_len */
    const char *column; /* of the file, that the feature reads; NULL: it reads several */
} mmoe_column_counts;
/* Sparse feature `index`, in the schema's order, and behind them the dense ones that may be
 * missing; NULL past the last. Belongs to the data set. */
MMOE_API const mmoe_column_counts *mmoe_dataset_column(const mmoe_dataset *dataset, size_t index);
/* How many elements lists have. */
typedef struct mmoe_list_lengths {
    int64_t elements; /* of all lists */
    int64_t empty;    /* lists */
    int64_t longest;
    int64_t median; /* half of the lists are not longer */
} mmoe_list_lengths;
/* Of sequence `list`, in the schema's order; elements that are `padding` (-1: none) do not count.
 * Reads the lists of rows that are streamed. MMOE_E_ARGUMENT, _IO, _FORMAT, _MEMORY. */
MMOE_API mmoe_status mmoe_dataset_list_lengths(const mmoe_dataset *dataset, size_t list,
                                               int32_t padding, mmoe_list_lengths *out,
                                               mmoe_error *err);
/* Rows [first, first + rows) as a batch to predict; points into the data set. MMOE_E_ARGUMENT: the
 * rows are streamed, as of a label and a weight, which are NaN then. */
MMOE_API mmoe_status mmoe_dataset_batch(const mmoe_dataset *dataset, int64_t first, size_t rows,
                                        mmoe_batch *out, mmoe_error *err);
/* 1: the row, of rows to score, lacks a value that its feature must have. All its features are 0
 * then, and what a predictor makes of them means nothing. */
MMOE_API int mmoe_dataset_lacks(const mmoe_dataset *dataset, int64_t row);
/* Label of a row for a task; NaN when it is missing or an index is out of range. */
MMOE_API float mmoe_dataset_label(const mmoe_dataset *dataset, int64_t row, int32_t task);
/* Weight of a row, 1 where the data set has none; NaN when the index is out of range. */
MMOE_API float mmoe_dataset_weight(const mmoe_dataset *dataset, int64_t row);
/* The schema of a model, for reading files to evaluate or predict; belongs to the model. */
MMOE_API const mmoe_schema *mmoe_model_schema(const mmoe_model *model);

/* ---- Packed data ---- */

/* Writes rows in memory, what is kept beside them (mmoe_dataset_keep) and the schema that encoded
 * them, to a folder that is new or empty: a file a column, which NumPy opens, and a manifest that
 * is written last. `threads` write, 1 to 256; 0 is
 * 1. MMOE_E_IO, too where the folder has packed rows already, or another packs into it at the
 * moment; _ARGUMENT: the rows are of another schema, or not in memory; _MEMORY. Nothing is left of
 * a folder that could not be written. */
MMOE_API mmoe_status mmoe_dataset_pack(const mmoe_dataset *dataset, const mmoe_schema *schema,
                                       const char *folder, int threads, const mmoe_allocator *alloc,
                                       mmoe_error *err);

/* Adds rows behind those of a folder that mmoe_dataset_pack wrote. They must be encoded by its
 * schema and keep the columns that it keeps (else MMOE_E_ARGUMENT). If it fails, the folder is as
 * it was. Whoever streams the folder meanwhile keeps the rows that it had; a second call that adds
 * rows at the same time fails with MMOE_E_IO. */
MMOE_API mmoe_status mmoe_dataset_append(const mmoe_dataset *dataset, const char *folder,
                                         int threads, const mmoe_allocator *alloc, mmoe_error *err);

/* What mmoe_pack_csv packs. */
typedef struct mmoe_csv_packing {
    const char *path; /* of a CSV file, which is read as mmoe_dataset_fit_csv_with reads it */
    const char *folder;
    const mmoe_config *config; /* a schema is fitted to the rows; NULL: */
    const mmoe_schema *schema; /* this one encodes them; NULL, too: the folder's does, and they go
                                  behind its rows */
    /* How the file is read; `threads` is also how many write. The folder keeps the columns of
     * `keep`, which must be those that a folder with rows keeps already. `labels` must be
     * MMOE_LABELS_REQUIRED and `stream_folder` NULL. */
    mmoe_read_options reading;
    /* 1, without configuration and schema: values that the folder's vocabularies do not know get
     * rows of their own behind those that they do, as "min_count" and "max_vocab" say of this
     * file's rows. What is packed already stands. */
    int grow;
} mmoe_csv_packing;
/* Packs a file without holding all of its rows in memory. The folder is the same, byte for byte, as
 * one that is made by reading the rows and mmoe_dataset_pack, or mmoe_dataset_append. It takes the
 * memory of the vocabularies and of a few blocks of 4 MB. While a schema is fitted, numbers and
 * labels wait in a file without a name beside the folder, 8 bytes a number. `out` may be NULL; else
 * *out is the caller's, and has all rows of the folder, streamed, with the warnings and
 * mmoe_dataset_column's counts of the rows that were read. The errors are those of the functions
 * named; MMOE_E_IO also where the disk is full, _CANCELLED: reading.stop. Nothing is left of what
 * failed. */
MMOE_API mmoe_status mmoe_pack_csv(const mmoe_csv_packing *what, const mmoe_allocator *alloc,
                                   mmoe_dataset **out, mmoe_error *err);

enum {
    MMOE_PACKED_LOADED = 0,  /* the rows are read into memory, and checked, at once, by the calling
                                thread (mmoe_dataset_load: by several) */
    MMOE_PACKED_STREAMED = 1 /* the rows stay in their folder: training, validation, evaluation and
                                inspection read a window of 262,144 rows after another, and the
                                folder must stay as it is. Their results are the same to the bit. */
};
/* Opens packed rows, with the schema that encoded them as the configuration completes it (widths
 * of embeddings, sides, pooling; NULL: as it was): as mmoe_dataset_fit_csv does a file. `how`: one
 * of the above. The caller frees both. MMOE_E_IO; _FORMAT: the folder is half written, or what is
 * in it is not what the manifest says; _VERSION; _CONFIG: the rows were packed for other features,
 * tasks or keys; _ARGUMENT, _MEMORY. */
MMOE_API mmoe_status mmoe_dataset_fit_packed(const mmoe_config *config, const char *folder, int how,
                                             const mmoe_allocator *alloc, mmoe_schema **schema,
                                             mmoe_dataset **out, mmoe_error *err);
/* The same of rows that this schema, or one that encodes alike, has encoded: as
 * mmoe_dataset_read_csv does a file. MMOE_E_ARGUMENT: another has. */
MMOE_API mmoe_status mmoe_dataset_read_packed(const mmoe_schema *schema, const char *folder,
                                              int how, const mmoe_allocator *alloc,
                                              mmoe_dataset **out, mmoe_error *err);
/* Reads rows that are streamed into memory, where they stay: what MMOE_PACKED_LOADED does, but by
 * `threads`, 1 to 256, the calling one among them (0: one a processor), whose number changes no bit
 * and no error; and `watcher`, unless it is NULL, is told of blocks ("loading"). Nothing, of rows
 * that are in memory. Memory: some megabytes a thread, while it reads. Call it before the data set
 * is shared; after a failure it can only be freed. MMOE_E_IO, also where the system gives no
 * thread; _FORMAT, _MEMORY; _ARGUMENT: `dataset` is NULL, or `threads` none of these. */
MMOE_API mmoe_status mmoe_dataset_load(mmoe_dataset *dataset, int threads,
                                       const mmoe_watcher *watcher, mmoe_error *err);

#ifdef __cplusplus
}
#endif

#endif
