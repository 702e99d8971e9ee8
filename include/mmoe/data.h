/* mmoe/data.h: configuration, schema, data sets and packed data. See mmoe/mmoe.h for the
 * conventions. */
#ifndef MMOE_DATA_H
#define MMOE_DATA_H

#include "mmoe.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Configuration ---- */

/* Parses `length` bytes of JSON text. `name` is used in errors; NULL: "configuration". The
 * caller frees the configuration. MMOE_E_CONFIG: the message names the key and what is allowed,
 * or line and column of a syntax error; _MEMORY. */
MMOE_API mmoe_status mmoe_config_parse(const char *json, size_t length, const char *name,
                                       const mmoe_allocator *alloc, mmoe_config **out,
                                       mmoe_error *err);
/* The same from a file. Also MMOE_E_IO. */
MMOE_API mmoe_status mmoe_config_read(const char *path, const mmoe_allocator *alloc,
                                      mmoe_config **out, mmoe_error *err);
MMOE_API void mmoe_config_free(mmoe_config *config);
/* Sets one key by its dotted path ("trainer.n_epoch", "model.expert_params.dims",
 * "tasks.0.loss_weight") to a JSON value ("3", "[32,16]"). Text that is not JSON is taken as a
 * string. On failure the configuration is unchanged. MMOE_E_ARGUMENT: an argument is NULL;
 * _CONFIG, with the key; _MEMORY. */
MMOE_API mmoe_status mmoe_config_set(mmoe_config *config, const char *key, const char *value,
                                     mmoe_error *err);
/* A key and its value, as for mmoe_config_set. */
typedef struct mmoe_setting {
    const char *key, *value;
} mmoe_setting;
/* Sets several keys, one after another, and then checks the whole configuration. So keys that
 * need each other may be in any order. On failure `failed` (may be NULL) gets the index of the
 * setting that is wrong by itself, or `count` if they are only wrong together. The errors are
 * those of mmoe_config_set. */
MMOE_API mmoe_status mmoe_config_set_all(mmoe_config *config, const mmoe_setting *settings,
                                         size_t count, size_t *failed, mmoe_error *err);

/* Documentation of a configuration key, for --help and for tests. mmoe_config_key_at returns
 * entry `index`, or NULL past the last one. Entries are static. */
typedef struct mmoe_config_key {
    const char *path;          /* "trainer.batch_size"; "[]" stands for the index in an array:
                                  "tasks[].loss_weight" */
    const char *type;          /* "integer", "number", "string", "boolean", "array" */
    const char *default_value; /* as JSON; NULL: the key is required, or has no default */
    const char *allowed;       /* "1 to 1048576", "adam | adamw | sgd" */
    const char *help;          /* one sentence */
} mmoe_config_key;
MMOE_API const mmoe_config_key *mmoe_config_key_at(size_t index);

/* ---- Warnings ---- */

/* Something suspicious that is not an error. It is reported once for each column or task. */
typedef struct mmoe_warning {
    /* A sentence with its figure: "column "age": 12 of 300 values are missing". */
    const char *message;
    const char *subject; /* the column or task; NULL: it belongs to none */
    int64_t count;       /* the number of values or rows that it is about */
    int64_t row;         /* the first of these rows, counted as in errors; 0: it has no place */
    const char *file;    /* the file of `row`, if there are several files; else NULL */
    const char *key;     /* the configuration key that brought it about, as "trainer.shrink"; NULL:
                          * none. Words of sentences may change, keys do not. */
} mmoe_warning;

/* ---- Progress ---- */

/* The progress of work that may take some time. */
typedef struct mmoe_work {
    const char *what; /* "reading", "learning", "encoding", "loading", "evaluating",
                       * "inspecting", "writing"; static */
    const char *file; /* the file that the rows are from; NULL: they are from no file */
    int64_t rows;     /* rows so far; 0 if they are not counted */
    int64_t done;     /* amount done, in `unit`, from 0 */
    int64_t total;    /* total amount, in `unit`; 0: not known, for example for a pipe */
    const char *unit; /* "bytes" of the file as it is on disk, or "rows"; static */
} mmoe_work;

/* A function that is told of progress. It is called in the thread that made the library call,
 * which waits meanwhile: when the work begins, and then after each block of rows, that is after
 * some milliseconds. The only cost is that of the calls; the library does not read a clock for
 * it. */
typedef struct mmoe_watcher {
    void (*on_work)(void *user,
                    const mmoe_work *work); /* `work` is valid until it returns; must not throw */
    void *user;
} mmoe_watcher;

/* ---- Schema and data sets ---- */

/* Which columns a model reads, with their vocabularies and fitted transforms. Immutable; threads
 * may share it. */
typedef struct mmoe_schema mmoe_schema;
/* Rows encoded by a schema, in memory or in a folder. Immutable; threads may share it. */
typedef struct mmoe_dataset mmoe_dataset;

/* Reads a training file once: resolves the configuration's column patterns with the file's
 * header, builds vocabularies in order of first appearance, fits the dense transforms, and
 * encodes the rows. The path "-" is standard input. The file may be compressed by gzip, bzip2 or
 * zstd if the library was built with these; its first bytes tell. The caller frees `schema` and
 * `out`. MMOE_E_IO, _FORMAT, _CONFIG (a column that the file lacks), _DATA (with row, column and
 * value), _MEMORY. */
MMOE_API mmoe_status mmoe_dataset_fit_csv(const mmoe_config *config, const char *path,
                                          const mmoe_allocator *alloc, mmoe_schema **schema,
                                          mmoe_dataset **out, mmoe_error *err);

enum {
    MMOE_LABELS_REQUIRED = 0, /* the label column of every task must exist */
    MMOE_LABELS_OPTIONAL = 1, /* a label whose column the file lacks is missing in every row */
    MMOE_LABELS_IGNORED = 2,  /* no label or weight is read: all of them are missing */
    /* As MMOE_LABELS_IGNORED, and a row is kept even if it lacks a value that its feature must
     * have: mmoe_dataset_lacks tells which rows these are, and a warning counts them. */
    MMOE_ROWS_TO_SCORE = 3
};
/* Reads a file with an existing schema. Unknown values take row 0 of a learned vocabulary.
 * Columns are found by name, in any order; columns that the schema does not name are ignored.
 * `labels` is one of the four values above. The caller frees the data set. The errors are those
 * of mmoe_dataset_fit_csv, where they apply. */
MMOE_API mmoe_status mmoe_dataset_read_csv(const mmoe_schema *schema, const char *path, int labels,
                                           const mmoe_allocator *alloc, mmoe_dataset **out,
                                           mmoe_error *err);
/* How a CSV file is read. A zeroed structure gives the behaviour of mmoe_dataset_fit_csv, and of
 * mmoe_dataset_read_csv with MMOE_LABELS_REQUIRED. */
typedef struct mmoe_read_options {
    int labels; /* one of the four values above; fitting a schema needs MMOE_LABELS_REQUIRED */
    /* The number of threads that read a larger file, 1 to 256, including the calling thread; 0
     * is 1. If rows are streamed or packed, the calling thread writes them, and this many more
     * threads parse.
     *
     * The result, including warnings and errors, is the same, bit for bit, for any number of
     * threads. One exception: with several threads, the error for more values than max_distinct
     * may name the column without a row. If quotes are lenient, one thread reads, because only
     * the whole file before a place tells where a row ends.
     *
     * Memory, beside the rows: two blocks for each thread. A block has 1 MB; if rows are
     * streamed or packed, it has 4 MB, and less from 8 threads on. */
    int threads;
    /* The columns to keep beside the rows, with NULL behind the last; NULL: none. They are kept
     * as by mmoe_dataset_keep_csv, but while the rows are read. MMOE_E_FORMAT: the file has no
     * such column. */
    const char *const *keep;
    /* NULL: the rows are held in memory. Otherwise they are streamed like packed rows, from
     * files without names on the file system of this folder ("": that of TMPDIR, else /tmp). The
     * files are gone with the data set or the process. Training, validation and evaluation have
     * the same results, bit for bit, and the memory for reading and training does not grow with
     * the rows. While a schema is being fitted, rows that wait for it take as much of the disk
     * again, 8 bytes for each number. MMOE_E_IO: the disk is full; MMOE_E_ARGUMENT: the rows are
     * read with MMOE_ROWS_TO_SCORE. */
    const char *stream_folder;
    /* [n_more] Files whose rows follow those of `path`, in this order. The result is the same,
     * bit for bit, as that of one file with all the rows. Each file has its own header (none if
     * data.header is "none"), whose columns may be in another order, and may be compressed. One
     * of all files may be "-". Errors and warnings name file and row. If a file lacks a column
     * that is read, that is MMOE_E_FORMAT; other columns than those of the first file are a
     * warning. */
    const char *const *more;
    size_t n_more;
    /* Is told of the bytes of each file, and of its rows except those of blocks that are not
     * parsed yet. If a schema is fitted, it is then told of the rows that are learned from, once
     * for each pass, and of the rows that are encoded. NULL: none. */
    const mmoe_watcher *watcher;
    /* The largest number of bad rows, over all files, that are left out: rows with a cell that
     * cannot be read, or with another number of fields. A warning gives their number and the
     * error of the first. The result is the same, bit for bit, as if these rows were not in the
     * file. One more bad row is the error. A malformed or unclosed quote is always an error,
     * because it is not known where the row ends; so are more values than max_distinct. Needs
     * data.quotes to be "strict". With MMOE_ROWS_TO_SCORE bad rows keep their places instead:
     * mmoe_dataset_lacks tells which they are. */
    int64_t skip_bad;
    /* If not NULL: soon after *stop becomes other than 0, the call ends with MMOE_E_CANCELLED and
     * leaves nothing behind. The watcher, any thread or a signal handler may set it; it must stay
     * valid until the call returns. It is checked before more bytes are read, while the call waits
     * for the writer of a pipe, and before the next block is learned from or packed. Rows that are
     * held in memory are processed to their end once all are read. NULL: nothing stops the call. */
    const int *stop;
    void *reserved[2]; /* NULL; else MMOE_E_ARGUMENT */
} mmoe_read_options;
/* The same with options, which may be NULL. Also MMOE_E_IO: the system gives no thread. */
MMOE_API mmoe_status mmoe_dataset_fit_csv_with(const mmoe_config *config, const char *path,
                                               const mmoe_read_options *options,
                                               const mmoe_allocator *alloc, mmoe_schema **schema,
                                               mmoe_dataset **out, mmoe_error *err);
MMOE_API mmoe_status mmoe_dataset_read_csv_with(const mmoe_schema *schema, const char *path,
                                                const mmoe_read_options *options,
                                                const mmoe_allocator *alloc, mmoe_dataset **out,
                                                mmoe_error *err);
/* Reads training rows with a schema that learns from them. Known values keep their table rows.
 * New values get rows behind these, in order of first appearance; "min_count", "max_vocab" and
 * "max_distinct" apply to the values in these files, but all values that were known stay.
 * Transforms, bins, the words of labels, hashes and row numbers are those of `schema`, which is
 * unchanged. The result does not depend on options->threads.
 *
 * *grown encodes the rows, and rows to validate with; mmoe_model_grow makes a model for it. The
 * caller frees both objects. The errors are those of mmoe_dataset_fit_csv_with; also
 * MMOE_E_ARGUMENT: no feature has a vocabulary; MMOE_E_DATA: there are more values than are
 * allowed. */
MMOE_API mmoe_status mmoe_dataset_grow_csv(const mmoe_schema *schema, const char *path,
                                           const mmoe_read_options *options,
                                           const mmoe_allocator *alloc, mmoe_schema **grown,
                                           mmoe_dataset **out, mmoe_error *err);
MMOE_API void mmoe_schema_free(mmoe_schema *schema);
MMOE_API void mmoe_dataset_free(mmoe_dataset *dataset);

/* Creates a schema without a file. `columns` are the names that patterns may match, in their
 * order; they are copied. Nothing may need to be learned from rows: a sparse feature or a
 * sequence needs vocab_size, hash_bucket_size or boundaries; a dense feature must have the
 * transform "none", no "encoding" or "date", and a "missing" other than the mean; no
 * label_transform may be "standardize". The caller frees the schema. MMOE_E_ARGUMENT, _CONFIG
 * (with the feature or column), _MEMORY. */
MMOE_API mmoe_status mmoe_schema_create(const mmoe_config *config, const char *const *columns,
                                        size_t n_columns, const mmoe_allocator *alloc,
                                        mmoe_schema **out, mmoe_error *err);
/* Creates a data set from memory; everything is copied, and the caller frees the data set.
 * `batch` (see mmoe_batch) has encoded rows, or columns of raw values, by the schema's numbers
 * or by the names of an input. In the latter case it has all columns of the input, those of the
 * user and of the items, with one value for each row. `labels` is [rows, tasks], with NaN for a
 * missing label; labels of a task with a `positive` are 0 and 1. `weights` is [rows] or NULL.
 *
 * Values are checked like those of a file. MMOE_E_DATA, with row (from 1) and column, for a
 * label with its task; MMOE_E_ARGUMENT: a model of this schema could not be bound to the input
 * (mmoe_input_check), or the columns are not those of the input; _MEMORY. Unlike there, a type
 * of which a vocabulary knows no value is allowed: its values are unknown. */
MMOE_API mmoe_status mmoe_dataset_create(const mmoe_schema *schema, const mmoe_batch *batch,
                                         const float *labels, const float *weights,
                                         const mmoe_allocator *alloc, mmoe_dataset **out,
                                         mmoe_error *err);

/* Keeps a column of the data set's file beside its rows. The column need not be a feature; its
 * values group the rows for metrics. The file is read again. The words of data.missing are
 * missing values, and "7.0" is 7, as in a sparse column. Call this before the data set is
 * shared. Does nothing if the column is kept already. If the rows are from several files, `path`
 * is the first of them, and the others are read as well.
 *
 * On failure the data set is unchanged. MMOE_E_FORMAT: a file has no such column; MMOE_E_IO: a
 * file cannot be read, or the files have other rows than the data set; MMOE_E_ARGUMENT: the rows
 * were packed, a file is standard input, which can be read only once, or `path` is not the first
 * of several; MMOE_E_MEMORY. */
MMOE_API mmoe_status mmoe_dataset_keep_csv(mmoe_dataset *dataset, const mmoe_schema *schema,
                                           const char *path, const char *column, mmoe_error *err);
/* The same from memory; `values` [rows] are copied. "" or NULL is a missing value.
 * MMOE_E_ARGUMENT, _MEMORY. */
MMOE_API mmoe_status mmoe_dataset_keep(mmoe_dataset *dataset, const char *column,
                                       const char *const *values, mmoe_error *err);

/* Keeps the column that data.group of the configuration names, if there is one, for rows to
 * evaluate. The errors are those of mmoe_dataset_keep_csv. */
MMOE_API mmoe_status mmoe_dataset_keep_groups(mmoe_dataset *dataset, const mmoe_config *config,
                                              const mmoe_schema *schema, const char *path,
                                              mmoe_error *err);

/* Returns the name of kept column `index`, in the order in which the columns were kept; NULL
 * past the last. The name belongs to the data set. */
MMOE_API const char *mmoe_dataset_kept_column(const mmoe_dataset *dataset, size_t index);

MMOE_API int64_t mmoe_dataset_rows(const mmoe_dataset *dataset);
/* Returns the number of row `row` (from 0) in its file, counted as in errors and warnings; 0 if
 * it is from no file. Unless `file` is NULL, *file is set to the file if there are several, else
 * to NULL. The text belongs to the data set. */
MMOE_API int64_t mmoe_dataset_place(const mmoe_dataset *dataset, int64_t row, const char **file);
/* Returns warning `index` of those found when the data set was made; NULL past the last. It
 * belongs to the data set. */
MMOE_API const mmoe_warning *mmoe_dataset_warning(const mmoe_dataset *dataset, size_t index);
/* Counts of a feature's values, made when the rows were read from a file or from raw values. */
typedef struct mmoe_column_counts {
    const char *name;
    int64_t missing; /* missing values: empty, a word of data.missing, or a value that
                        "gaps" of the feature names */
    int64_t unknown; /* ids without a table row of their own, because they were not seen in training
                        or are outside of vocab_size; and numbers that have no logarithm, which are
                        treated as missing */
    int64_t values;  /* all values: one for each row, or the elements of its list */
    int64_t cut;     /* lists longer than max_len */
    const char *column; /* the file's column that the feature reads; NULL: it reads several */
} mmoe_column_counts;
/* Returns the counts of sparse feature `index`, in the schema's order; the dense features that
 * may be missing follow. NULL past the last. They belong to the data set. */
MMOE_API const mmoe_column_counts *mmoe_dataset_column(const mmoe_dataset *dataset, size_t index);
/* How many elements the lists of a sequence have. */
typedef struct mmoe_list_lengths {
    int64_t elements; /* elements of all lists */
    int64_t empty;    /* number of empty lists */
    int64_t longest;
    int64_t median; /* half of the lists are not longer than this */
} mmoe_list_lengths;
/* Computes the lengths of the lists of sequence `list`, in the schema's order. Elements with the
 * row `padding` (-1: none) do not count. If the rows are streamed, their lists are read.
 * MMOE_E_ARGUMENT, _IO, _FORMAT, _MEMORY. */
MMOE_API mmoe_status mmoe_dataset_list_lengths(const mmoe_dataset *dataset, size_t list,
                                               int32_t padding, mmoe_list_lengths *out,
                                               mmoe_error *err);
/* Writes rows [first, first + rows) to `out` as a batch to predict, which points into the data
 * set. MMOE_E_ARGUMENT: the rows are streamed. */
MMOE_API mmoe_status mmoe_dataset_batch(const mmoe_dataset *dataset, int64_t first, size_t rows,
                                        mmoe_batch *out, mmoe_error *err);
/* Returns 1 if the row (of MMOE_ROWS_TO_SCORE) lacks a value that its feature must have. All of
 * its features are 0 then, and its scores mean nothing. */
MMOE_API int mmoe_dataset_lacks(const mmoe_dataset *dataset, int64_t row);
/* Returns the label of a row for a task; NaN if it is missing, an index is out of range, or the
 * rows are streamed. */
MMOE_API float mmoe_dataset_label(const mmoe_dataset *dataset, int64_t row, int32_t task);
/* Returns the weight of a row, 1 if the data set has no weights; NaN if the index is out of
 * range, or the rows are streamed. */
MMOE_API float mmoe_dataset_weight(const mmoe_dataset *dataset, int64_t row);
/* Returns the schema of a model, for reading files to evaluate or predict. It belongs to the
 * model. */
MMOE_API const mmoe_schema *mmoe_model_schema(const mmoe_model *model);

/* ---- Packed data ---- */

/* Writes rows that are in memory, the columns kept beside them (mmoe_dataset_keep) and the
 * schema that encoded them, to a folder that is new or empty. The folder gets one file for each
 * column, which NumPy can open, and a manifest, which is written last. `threads` threads write,
 * 1 to 256; 0 is 1. If the folder cannot be written, nothing is left of it. MMOE_E_IO: also if
 * the folder has packed rows already, or is being packed into at the moment; _ARGUMENT: the rows
 * are of another schema, or not in memory; _MEMORY. */
MMOE_API mmoe_status mmoe_dataset_pack(const mmoe_dataset *dataset, const mmoe_schema *schema,
                                       const char *folder, int threads, const mmoe_allocator *alloc,
                                       mmoe_error *err);

/* Appends rows to a folder that mmoe_dataset_pack wrote. The folder's schema must have encoded
 * them, and they must keep the columns that are kept there (else MMOE_E_ARGUMENT). The existing
 * rows are unchanged if this fails. A reader that streams the folder meanwhile keeps its rows.
 * MMOE_E_IO: also if another call adds rows at the same time; _MEMORY. */
MMOE_API mmoe_status mmoe_dataset_append(const mmoe_dataset *dataset, const char *folder,
                                         int threads, const mmoe_allocator *alloc, mmoe_error *err);

/* What mmoe_pack_csv packs, and where. */
typedef struct mmoe_csv_packing {
    const char *path; /* the path of a CSV file, which is read as by mmoe_dataset_fit_csv_with */
    const char *folder;
    const mmoe_config *config; /* a schema is fitted to the rows; NULL: `schema` is used */
    const mmoe_schema *schema; /* this schema encodes the rows; NULL, too: the folder's schema does,
                                  and the rows are appended to the folder's */
    /* How the file is read; `threads` threads also write. The folder keeps the columns of `keep`;
     * for a folder with rows these must be all that it keeps. `labels` must be
     * MMOE_LABELS_REQUIRED, and `stream_folder` NULL. */
    mmoe_read_options reading;
    /* 1, only without configuration and schema: values that the folder's vocabularies do not
     * know get rows of their own behind the known ones, as "min_count" and "max_vocab" say for
     * the rows of this file. Rows that were packed before are unchanged. */
    int grow;
} mmoe_csv_packing;
/* Packs a file without ever holding all of its rows in memory. The folder is the same, byte for
 * byte, as one made by reading the rows and mmoe_dataset_pack or mmoe_dataset_append. Memory is
 * needed for vocabularies and a few blocks of 4 MB. While a schema is fitted, numbers and labels
 * wait in a file without a name beside the folder, 8 bytes for each number.
 *
 * Unless `out` is NULL, *out gets all rows of the folder, streamed, with the warnings and counts
 * (mmoe_dataset_column) of the rows that were read; the caller frees it. The errors are those of
 * the functions named; MMOE_E_IO: also if the disk is full; _CANCELLED: reading.stop. After a
 * failure nothing is left behind. */
MMOE_API mmoe_status mmoe_pack_csv(const mmoe_csv_packing *what, const mmoe_allocator *alloc,
                                   mmoe_dataset **out, mmoe_error *err);

enum {
    MMOE_PACKED_LOADED = 0,  /* the rows are read into memory and checked at once, by the calling
                                thread (mmoe_dataset_load: by several) */
    MMOE_PACKED_STREAMED = 1 /* the rows stay in their folder. Training, validation, evaluation and
                                inspection read one window of 262,144 rows after another, with the
                                same results, bit for bit. The folder must not change meanwhile */
};
/* Opens packed rows, with the schema that encoded them, completed by the configuration (widths
 * of embeddings, sides, pooling; NULL: unchanged). It corresponds to mmoe_dataset_fit_csv for a
 * file. `how` is one of the values above. The caller frees both objects. MMOE_E_IO; _FORMAT: the
 * folder is incomplete, or its contents are not what the manifest says; _VERSION; _CONFIG: the
 * rows were packed for other features, tasks or keys; _ARGUMENT, _MEMORY. */
MMOE_API mmoe_status mmoe_dataset_fit_packed(const mmoe_config *config, const char *folder, int how,
                                             const mmoe_allocator *alloc, mmoe_schema **schema,
                                             mmoe_dataset **out, mmoe_error *err);
/* The same for rows that this schema, or one that encodes in the same way, has encoded. It
 * corresponds to mmoe_dataset_read_csv for a file. Also MMOE_E_ARGUMENT: another schema has
 * encoded them. */
MMOE_API mmoe_status mmoe_dataset_read_packed(const mmoe_schema *schema, const char *folder,
                                              int how, const mmoe_allocator *alloc,
                                              mmoe_dataset **out, mmoe_error *err);
/* Reads streamed rows into memory, where they stay. It does what MMOE_PACKED_LOADED does, but
 * with `threads` threads, 1 to 256, including the calling one (0: one for each processor). Their
 * number changes no bit and no error. `watcher`, unless NULL, is told of blocks ("loading").
 * Does nothing if the rows are in memory. Needs some megabytes of memory for each thread
 * meanwhile. Call this before the data set is shared; after a failure it can only be freed.
 * MMOE_E_IO: also if the system gives no thread; _FORMAT, _MEMORY; _ARGUMENT: `dataset` is NULL,
 * or `threads` is not allowed. */
MMOE_API mmoe_status mmoe_dataset_load(mmoe_dataset *dataset, int threads,
                                       const mmoe_watcher *watcher, mmoe_error *err);

#ifdef __cplusplus
}
#endif

#endif
