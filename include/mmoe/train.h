/* mmoe/train.h: configuration, data sets, training and evaluation. See mmoe/mmoe.h for the
 * conventions. */
#ifndef MMOE_TRAIN_H
#define MMOE_TRAIN_H

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
 * "tasks.0.loss_weight") to a JSON value
 * ("3", "[32,16]"); text that is no JSON is taken as a string. On failure the configuration is as
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
                       * "inspecting"; static */
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
    /* Threads that read a file of some size, 1 to 256, the calling one among them; 0 is 1. Each
     * parses blocks of 4 MB, smaller ones from 9 threads on where rows are streamed or packed: what
     * comes of a file is the same to the bit, its warnings and faults too, whatever the number; but
     * the fault of more values than max_distinct may name the column without a row where several
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
    void *reserved[3]; /* NULL; else MMOE_E_ARGUMENT */
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
 * One thread reads. *grown encodes the rows, and those to validate with; mmoe_model_grow makes a
 * model of it. The caller frees both. MMOE_E_ARGUMENT, too: no feature has a vocabulary, or
 * options->skip_bad; MMOE_E_DATA: more values than there may be; else as of
 * mmoe_dataset_fit_csv_with. */
MMOE_API mmoe_status mmoe_dataset_grow_csv(const mmoe_schema *schema, const char *path,
                                           const mmoe_read_options *options,
                                           const mmoe_allocator *alloc, mmoe_schema **grown,
                                           mmoe_dataset **out, mmoe_error *err);
MMOE_API void mmoe_schema_free(mmoe_schema *schema);
MMOE_API void mmoe_dataset_free(mmoe_dataset *dataset);

/* A schema without a file: `columns` are the names that patterns may match, in their order. Every
 * sparse feature needs vocab_size, every dense transform must be "none". */
MMOE_API mmoe_status mmoe_schema_create(const mmoe_config *config, const char *const *columns,
                                        size_t n_columns, const mmoe_allocator *alloc,
                                        mmoe_schema **out, mmoe_error *err);
/* A data set from memory, copied: `batch` (see mmoe_batch: encoded, or columns of raw values, by
 * the schema's numbers or by the names of an input, all of its columns then, the user's and the
 * items', a value a row), `labels` [rows, tasks] (NaN: missing; those of a task with a `positive`
 * are 0 and 1), `weights` [rows] or NULL. Values are checked as those of a file are: MMOE_E_DATA,
 * with row (from 1) and column, of a label with its task. MMOE_E_ARGUMENT: an input that a model of
 * this schema could not be bound to (mmoe_input_check), other columns than it says. */
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

/* Keeps the column of the configuration's data.group, if it has one, of rows to evaluate. */
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
    int64_t
        unknown; /* ids without a row of their own: not seen in training, outside of vocab_size */
    int64_t values; /* of which these are so many: a row's one, or the elements of its list */
    int64_t cut;    /* lists that are longer than max_len */
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
 * 1. MMOE_E_IO, too where the folder has packed rows already; _ARGUMENT: the rows are of another
 * schema, or not in memory; _MEMORY. Nothing is left of a folder that could not be written. */
MMOE_API mmoe_status mmoe_dataset_pack(const mmoe_dataset *dataset, const mmoe_schema *schema,
                                       const char *folder, int threads, const mmoe_allocator *alloc,
                                       mmoe_error *err);

/* Adds rows, encoded by the schema of a folder that mmoe_dataset_pack wrote, which keep the columns
 * that are kept there (MMOE_E_ARGUMENT: they do not), behind those that are there, which stand as
 * they are if that fails. Who streams the folder meanwhile keeps its rows. */
MMOE_API mmoe_status mmoe_dataset_append(const mmoe_dataset *dataset, const char *folder,
                                         int threads, const mmoe_allocator *alloc, mmoe_error *err);

/* What mmoe_pack_csv packs. */
typedef struct mmoe_csv_packing {
    const char *path; /* of a CSV file, which is read as mmoe_dataset_fit_csv_with reads it */
    const char *folder;
    const mmoe_config *config; /* a schema is fitted to the rows; NULL: */
    const mmoe_schema *schema; /* this one encodes them; NULL, too: the folder's does, and they go
                                  behind its rows */
    mmoe_read_options
        reading; /* `threads` write, too; the folder keeps the columns of `keep`, which
                    must be all that a folder with rows keeps; the others are 0 */
    /* 1, without configuration and schema: values that the folder's vocabularies do not know get
     * rows of their own behind those that they do, as "min_count" and "max_vocab" say of this
     * file's rows. What is packed already stands; one thread reads. */
    int grow;
} mmoe_csv_packing;
/* Packs a file whose rows never all stand in memory: the folder is, to the byte, the one that comes
 * of reading the rows and mmoe_dataset_pack, or mmoe_dataset_append. Memory is what vocabularies
 * and a few blocks of 4 MB take. Rows that wait for a schema to be fitted lie in a file without a
 * name beside the folder, some 8 bytes a number. *out, unless `out` is NULL, is the caller's: all
 * rows of the folder, streamed, with the warnings and mmoe_dataset_column's counts of those that
 * were read. MMOE_E_IO, too where the disk is full; nothing is left then. The errors are those of
 * the functions named. */
MMOE_API mmoe_status mmoe_pack_csv(const mmoe_csv_packing *what, const mmoe_allocator *alloc,
                                   mmoe_dataset **out, mmoe_error *err);

enum {
    MMOE_PACKED_LOADED = 0,  /* the rows are read into memory, and checked, at once */
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
/* Reads rows that are streamed into memory, where they stay: what MMOE_PACKED_LOADED does, but that
 * `watcher`, unless it is NULL, is told of each block ("loading"). Nothing, of rows that are in
 * memory. Call it before the data set is shared; after a failure it can only be freed. MMOE_E_IO,
 * _FORMAT, _MEMORY; _ARGUMENT: `dataset` is NULL. */
MMOE_API mmoe_status mmoe_dataset_load(mmoe_dataset *dataset, const mmoe_watcher *watcher,
                                       mmoe_error *err);

/* ---- Model ---- */

/* A new model with weights drawn from the configuration's seed as model.init and
 * model.embedding_init say (by default PyTorch's initialisation, embeddings N(0, 1e-4)); tables
 * whose features have "pretrained" begin with that file, which is read here alone. Both arguments
 * are copied. MMOE_E_ARGUMENT, _CONFIG, _MEMORY; of such a file, which stands in the error, _IO,
 * _FORMAT, _VERSION: it cannot be read, is none, is not [rows, width] of the table, or has a value
 * that is not finite. */
MMOE_API mmoe_status mmoe_model_create(const mmoe_config *config, const mmoe_schema *schema,
                                       const mmoe_allocator *alloc, mmoe_model **out,
                                       mmoe_error *err);
/* A new model that begins where another ended, of a schema that has grown from that model's
 * (mmoe_dataset_grow_csv; a folder's of mmoe_pack_csv with `grow`), or is the same. Weights,
 * running statistics and rows of known values are copied, to the bit. Rows of new values are those
 * that mmoe_model_create would draw: by the configuration's seed and model.embedding_init, each at
 * its place in a table of the new size; "pretrained" plays no part. Widths, sides and label
 * transforms are those of `from`. `config` (NULL: that of `from`) is copied, and may have another
 * trainer, but makes the same layers. No optimizer state comes along: it begins anew.
 *
 * `from` stays as it is. Where it was loaded with mmoe_model_load_options.map_tables, its tables
 * are pages of its file, which the system takes back, and no second copy of them is in the
 * process's own memory. MMOE_E_ARGUMENT: the schema is not grown from that of
 * `from`, which the message shows by feature and value; a tensor of another shape; tables of
 * mmoe_model_with_tables; MMOE_E_CONFIG, _MEMORY. mmoe_model_warning says of each table that does
 * not learn ("trainable": false) how many new values' rows stay as they were drawn. */
MMOE_API mmoe_status mmoe_model_grow(const mmoe_model *from, const mmoe_config *config,
                                     const mmoe_schema *grown, const mmoe_allocator *alloc,
                                     mmoe_model **out, mmoe_error *err);
/* The other way: a copy of a model without the values that stand fewer than `least` times (at least
 * 1) in `rows`, which its schema has encoded: rows of a day, or of the last thirty. A vocabulary of
 * several features counts the values of all; elements of lists count, but for those that max_len
 * cuts off. Such values are unknown to the copy, and take row 0; the others keep their weights and
 * their order, and rows up to "padding_idx" stay. Its scores of rows that have only such values are
 * the same, to the bit as long as a predictor multiplies the same tables beforehand, which goes by
 * their sizes. Reads `rows`, streamed ones too, once. MMOE_E_ARGUMENT: rows of another schema, no
 * feature with a vocabulary, tables of mmoe_model_with_tables; MMOE_E_DATA: a feature of which
 * nothing would be left; MMOE_E_MEMORY, _IO, _FORMAT. */
MMOE_API mmoe_status mmoe_model_shrink(const mmoe_model *model, const mmoe_dataset *rows,
                                       int64_t least, const mmoe_allocator *alloc, mmoe_model **out,
                                       mmoe_error *err);
/* Copies weights and running statistics from a safetensors file that bears the model's tensor names
 * (torch-rechub's state_dict, or a model file of ours). Of a state_dict, the words that wrappers of
 * torch put before names are passed over ("module.", "_orig_mod.", also nested), and tensors of
 * other precision (F64, F16, BF16) are read, rounded to nearest: mmoe_model_warning says so, and
 * that a row of "padding_idx" is not 0.
 * MMOE_E_FORMAT names the tensor that is missing, too many, of another shape or of a type that
 * weights do not have, or the value that is not finite in single precision; the model is then as it
 * was. */
MMOE_API mmoe_status mmoe_model_load_weights(mmoe_model *model, const char *path, mmoe_error *err);
/* Warning `index` of what the weights began with: of the last mmoe_model_load_weights that
 * succeeded, without one of mmoe_model_create (a row of "padding_idx" that is not 0 in a
 * "pretrained" file). NULL past the last. Belongs to the model. */
MMOE_API const mmoe_warning *mmoe_model_warning(const mmoe_model *model, size_t index);
/* Writes the model whole or not at all: a temporary file beside `path`, synced, renamed. */
MMOE_API mmoe_status mmoe_model_save(const mmoe_model *model, const char *path, mmoe_error *err);
/* A copy of the model, of its weights as they are between two steps, its schema, its configuration
 * and its texts (mmoe_model_meta), which shares no memory with it: either may be trained, published
 * or freed without the other. It takes the memory of one model. The copy has no warnings
 * (mmoe_model_warning). From any thread, but not beside a step or a fit of the model's trainer.
 * MMOE_E_ARGUMENT, _MEMORY. */
MMOE_API mmoe_status mmoe_model_clone(const mmoe_model *model, const mmoe_allocator *alloc,
                                      mmoe_model **out, mmoe_error *err);
/* A model of its own whose embedding tables take less memory, and less of the file that
 * mmoe_model_save makes of it. It is for scoring alone: predictors, slots, mmoe_evaluate and
 * mmoe_inspect take it as any other, but no trainer, no export and no mmoe_model_load_weights do,
 * which are MMOE_E_ARGUMENT. Rows become floats when they are read, and its scores are, to the bit,
 * those of a model with these floats. `type` is
 *   "bf16"  half: the upper half of each float, rounded to nearest, ties to even;
 *   "int8"  a quarter, and 4 bytes a row: integers of -127 to 127, which times the row's scale, a
 *           float, are its values; the largest of the row is 127 or -127.
 * A row of zeros stays one. MMOE_E_ARGUMENT: another type, or a model of such tables; _NUMERIC,
 * with tensor, row and value: one that is not finite, or would not be; _MEMORY. */
MMOE_API mmoe_status mmoe_model_with_tables(const mmoe_model *model, const char *type,
                                            const mmoe_allocator *alloc, mmoe_model **out,
                                            mmoe_error *err);
/* Sets a text that the model keeps (mmoe_model_meta), copied; `value` NULL takes it out. A key is 1
 * to 128 letters, digits and any of "._-/:", and does not begin with "training."; a value is UTF-8
 * of at most 65,536 bytes; a model keeps at most 256 keys. Not while another thread reads the
 * model. MMOE_E_ARGUMENT, and the message names the key; _MEMORY. The texts are then as they were.
 */
MMOE_API mmoe_status mmoe_model_set_meta(mmoe_model *model, const char *key, const char *value,
                                         mmoe_error *err);
/* Whether a key and its value can be set: before there is a model. MMOE_E_ARGUMENT. */
MMOE_API mmoe_status mmoe_meta_check(const char *key, const char *value, mmoe_error *err);

/* A table of embeddings. */
typedef struct mmoe_table_info {
    const char *name; /* of the feature that it belongs to, which others may share */
    const char *kind; /* as mmoe_model_sparse_kind has it */
    int64_t rows;
    int32_t width;
    int64_t values; /* that a vocabulary has learned, which may grow and shrink; -1: it has none */
} mmoe_table_info;
/* Table `index`, in the order of the schema. Returns 0, or -1 past the last. Texts belong to the
 * model. */
MMOE_API int mmoe_model_table(const mmoe_model *model, size_t index, mmoe_table_info *out);

/* The model's tensors, in the order of its file. `data` belongs to the model: F32 values, or I64
 * for num_batches_tracked; NULL: a table of mmoe_model_with_tables, whose rows are no floats.
 * Returns 0, or -1 past the last. (Where a trainer defers the updates of tables,
 * trainer.embedding_update, all rows are up to date when this returns: behind a later step call it
 * again.) */
typedef struct mmoe_tensor_info {
    const char *name;
    int32_t rank;
    int64_t shape[2];
    int is_integer; /* 1: int64_t, 0: float */
    int trainable;  /* 0 of a table with "trainable": false, too */
    const void *data;
    const char *type; /* as safetensors has it: "F32", "I64", "BF16", "I8"; static */
} mmoe_tensor_info;
MMOE_API int mmoe_model_tensor(const mmoe_model *model, size_t index, mmoe_tensor_info *out);

/* ---- Export ---- */

/* Both write the file whole or not at all, as mmoe_model_save does: MMOE_E_ARGUMENT, _NUMERIC (a
 * weight is not finite), _IO, _MEMORY. */

/* Writes torch-rechub's state_dict alone, as safetensors: no vocabularies, no metadata. In Python:
 *     from safetensors.torch import load_file
 *     model.load_state_dict(load_file("weights.safetensors"))
 * A column with "shared_with" has no table of its own there. */
MMOE_API mmoe_status mmoe_model_export_weights(const mmoe_model *model, const char *path,
                                               mmoe_error *err);

/* Writes the model as ONNX (operator set 14), to be run by others; batch norm is folded into the
 * weights. Its inputs and its output, rows B being free:
 *   ids     int64 [B, sparse]  row numbers of the tables, what a vocabulary made of the data's
 *                              values, of the columns of one value a row (absent: there are none)
 *   x       float [B, dense]   values as they stand in the data, a vector's numbers side by side,
 *                              NaN where one is missing (of a vector the first): the model's
 *                              transforms and encodings are part of the graph, in double (absent:
 *                              there are no dense columns)
 *   of each sequence NAME, its lists padded to one length, any number of each run's:
 *   NAME.ids      int64 [B, NAME.length]  row numbers of its table
 *   NAME.mask     bool [B, NAME.length]   true of elements, false of padding, wherever it stands;
 *                                         what the other two have there is not read
 *   NAME.weights  float [B, NAME.length]  (absent: it has no "weight_separator")
 *   scores  float [B, tasks]   as mmoe_predictor_run writes them
 * "max_len", "truncate" and "padding_idx" are part of the graph. Nothing checks the inputs: a row
 * number below 0 counts from a table's end, one that is too large is the runtime's error, log1p of
 * a value of -1 or less is not finite, and a weight may be any number. A float holds whole numbers
 * to 2^24: larger raw values lose digits before their transform. MMOE_E_ARGUMENT too when the file
 * would be larger than 2 GiB, a protobuf message's limit, and when the library was built without
 * protobuf-c. */
MMOE_API mmoe_status mmoe_model_export_onnx(const mmoe_model *model, const char *path,
                                            mmoe_error *err);

/* ---- Profile ---- */

/* Where the time of training steps goes, node by node. One trainer at a time writes to it. */
typedef struct mmoe_profile mmoe_profile;

/* Keeps the first `max_slices` slices (a node's work on a chunk of rows: 48 bytes each) of each
 * worker for the trace, and sums over all of them. */
MMOE_API mmoe_status mmoe_profile_create(size_t max_slices, const mmoe_allocator *alloc,
                                         mmoe_profile **out, mmoe_error *err);
MMOE_API void mmoe_profile_free(mmoe_profile *profile);
/* Forgets all slices and sums (after a warm-up). */
MMOE_API void mmoe_profile_reset(mmoe_profile *profile);

typedef struct mmoe_profile_entry {
    const char *node; /* "experts+gates 1"; belongs to the profile */
    const char *pass; /* "linear", "linear backward", "linear weights" ...; static */
    int64_t calls;
    double seconds; /* summed over workers */
    double flops;   /* of GEMMs; 0: none */
    double bytes;   /* read and written, each operand once */
} mmoe_profile_entry;
/* Entry `index` in the order of a step; returns 0, or -1 past the last. */
MMOE_API int mmoe_profile_entry_at(const mmoe_profile *profile, size_t index,
                                   mmoe_profile_entry *out);
/* Writes a trace for Perfetto or chrome://tracing (JSON): a row a worker, a slice a node's work on
 * a chunk, with its GFLOP and bytes. MMOE_E_IO. */
MMOE_API mmoe_status mmoe_profile_write(const mmoe_profile *profile, const char *path,
                                        mmoe_error *err);

/* The machine's GEMM peak in flop/s: `threads` workers at once multiply 512 x 512 matrices, each
 * single-threaded, best of forty runs of about 5 ms. The process's BLAS has one thread meanwhile.
 */
MMOE_API mmoe_status mmoe_gemm_peak(int threads, const mmoe_allocator *alloc,
                                    double *flops_per_second, mmoe_error *err);
/* "OpenBLAS 0.3.21 ..." and "Cooperlake": the BLAS in use, and what it takes the processor for;
 * static. */
MMOE_API const char *mmoe_blas_version(void);
MMOE_API const char *mmoe_blas_core_type(void);
/* The instruction set of the library's own kernels: "avx512", "avx2", "neon" or "generic"; static.
 * It is the best that the processor has, or the one of these that the environment variable
 * MMOE_KERNELS named when the process first computed: for tests and benchmarks. */
MMOE_API const char *mmoe_kernel_set(void);
/* MMOE_E_ARGUMENT where MMOE_KERNELS names what this processor has not; the message lists what it
 * has. A predictor, a trainer, an evaluation and an inspection fail so, too. */
MMOE_API mmoe_status mmoe_kernel_set_check(mmoe_error *err);

/* ---- Inspection ---- */

/* How a gate shares its weight g_1 .. g_n out among its n experts, over rows of a data set. */
typedef struct mmoe_gate_use {
    const char *name; /* as its tensors have it: "gates.1", "cgc_layers.0.gate_shared" */
    const char *task; /* NULL: it serves all tasks (OMoE's, PLE's shared ones) */
    int32_t level;    /* from 1; more than one in PLE */
    int32_t n_expert;
    const char *const *experts; /* [n_expert] as their tensors have them: "experts.3" */
    const double *mean_weight;  /* [n_expert] mean of g_e over the rows */
    const double *largest;      /* [n_expert] share of the rows in which the expert has the largest
                                   weight, of equals the first */
    double entropy;             /* mean over the rows of -sum_e g_e ln g_e */
    double normalised_entropy;  /* of ln n: 1 where all rows weigh all experts alike, 0 where each
                                   row takes one; NaN with one expert */
    int32_t n_unused; /* experts of this gate that no gate uses: none gives it a mean weight of 0.01
                         / n or more */
    int collapsed; /* 1: n > 1, and an expert's mean weight is above 0.95, or at least half of the
                      experts are not used */
} mmoe_gate_use;

/* An expert, or what stands in its place: a bottom, the network of a task (single_task,
 * cross_stitch). */
typedef struct mmoe_expert_use {
    const char *name;      /* "experts.3", "cgc_layers.0.experts_shared.1", "bottoms.0" */
    int32_t level;         /* of the gates that mix it; 1 where there are none */
    int32_t width;         /* its outputs */
    int32_t n_unit;        /* units of all its layers */
    int32_t n_dead;        /* those whose output, behind the activation, is 0 in every row */
    int unused;            /* 1: there are gates, and none uses it (mmoe_gate_use.n_unused) */
    double effective_rank; /* exp of the entropy of the outputs' normalised singular values (Roy and
                            * Vetterli 2007): 1 to `width`; 0: every row has the same outputs; NaN:
                            * they are not finite */
} mmoe_expert_use;

typedef struct mmoe_inspection {
    int64_t rows;    /* of the data set: gates and dead units */
    int32_t sampled; /* rows for effective_rank and similarity, evenly taken from them: at most
                        2048; outputs are centred over these */
    int32_t n_gate, n_expert;
    const mmoe_gate_use *gates;     /* [n_gate] level after level; none in a model without gates */
    const mmoe_expert_use *experts; /* [n_expert]; none in ESMM */
    const double *similarity; /* [n_expert, n_expert] linear CKA (Kornblith et al., ICML 2019) of
                               * two experts' outputs: 1 where they differ by rotation and scale
                               * alone, 0 where they are uncorrelated; NaN: experts of different
                               * levels, outputs that are the same in every row or not finite */
} mmoe_inspection;

/* Looks at what the gates and experts of a model do on a data set of at least one row, in double
 * precision, with `threads` workers (0: one a processor), whose number changes no bit. Labels and
 * weights of rows play no part. Uses the process's BLAS threads as they are. The caller frees the
 * inspection, which stands for itself: MMOE_E_ARGUMENT, _MEMORY, and where rows are streamed _IO,
 * _FORMAT. */
MMOE_API mmoe_status mmoe_inspect(const mmoe_model *model, const mmoe_dataset *dataset, int threads,
                                  const mmoe_allocator *alloc, mmoe_inspection **out,
                                  mmoe_error *err);
/* How mmoe_inspect_with looks. */
typedef struct mmoe_inspect_options {
    int threads;
    const mmoe_watcher *watcher; /* of the rows; NULL: none */
} mmoe_inspect_options;
/* The same; `options` NULL: as zeroed. */
MMOE_API mmoe_status mmoe_inspect_with(const mmoe_model *model, const mmoe_dataset *dataset,
                                       const mmoe_inspect_options *options,
                                       const mmoe_allocator *alloc, mmoe_inspection **out,
                                       mmoe_error *err);
MMOE_API void mmoe_inspection_free(mmoe_inspection *inspection);

/* ---- Training ---- */

/* A figure that tasks are judged by; static. */
typedef struct mmoe_metric {
    const char *name;  /* "logloss", in configurations, JSON and names of columns */
    const char *title; /* "log-loss" */
    const char *what;  /* "squared error" */
    int better;        /* 1: larger values, -1: smaller ones, 0: those nearer to 1 */
    int of_groups;     /* 1: only where rows have groups: data.group, mmoe_evaluate_options.group */
} mmoe_metric;

enum { MMOE_MAX_METRICS = 7 }; /* of a task type */
/* Metric `index` of a task type, or NULL past the last; the first is what early stopping watches by
 * default. `type` -1: of all types, each metric once. */
MMOE_API const mmoe_metric *mmoe_metric_at(int type, size_t index);
/* What says whether a task's model is better than none: a figure of it beside that of one constant
 * for all rows, the mean label of the training rows, which is the best that can be predicted
 * without looking at a row; static. */
typedef struct mmoe_baseline {
    const char *metric;        /* which figure: "logloss", of which less is better */
    const char *name, *title;  /* the constant's: "base_logloss", "log-loss of the base rate" */
    const char *ratio;         /* how they compare: "ne", in JSON and tables */
    const char *ratio_title;   /* "normalised entropy" */
    int better;                /* the ratio's: 1: larger values, -1: smaller ones */
    const char *ratio_meaning; /* "log-loss / log-loss of the base rate; below 1 it is ..." */
} mmoe_baseline;
/* That of a task type; NULL where `type` is none. */
MMOE_API const mmoe_baseline *mmoe_baseline_of(int type);
/* Why a label of a task of this type cannot be `value`, "is neither 0 nor 1"; NULL: it can.
 * Static. */
MMOE_API const char *mmoe_label_fault(int type, double value);

/* Figures of one task over a data set, weighted by the rows' weights. NaN: undefined (see `why`) or
 * of another type. */
typedef struct mmoe_task_metrics {
    const char *name; /* belongs to the model */
    mmoe_task_type type;
    int64_t rows;   /* rows whose label is there */
    double auc;     /* ties count half (Mann-Whitney); exact, unless binned (auc_bound) */
    double logloss; /* mean binary cross-entropy in nats */
    double mse, rmse, mae;
    double calibration; /* sum of predictions over sum of labels */
    const char *why;    /* why a figure is undefined; NULL when all are defined; static */
    double values[MMOE_MAX_METRICS]; /* the same and all others: in the order of mmoe_metric_at */
    /* The model beside no model, as mmoe_baseline_of(type) names it. */
    double constant;         /* the mean label that is predicted for every row instead */
    int constant_is_of_rows; /* 1: of these rows, the model having none of training rows: it was
                                written by an older version, or mmoe_trainer_fit never trained it */
    double base, relative;   /* the constant's figure; how the model's compares */
    /* Of classifications. Expected calibration error: sum_b W_b |p_b - y_b| / sum_b W_b over ten
     * bins b of equally many rows by their prediction (equal ones share the first one's bin), W_b
     * being the rows' weight, p_b and y_b their mean prediction and label (Naeini et al., AAAI
     * 2015). Bins of equal width would have all rows of a small rate in one. */
    double ece;
    /* The AUC within groups, as a user's rows: sum_g w_g AUC_g / sum_g w_g over the groups g that
     * have both classes (Zhu et al., KDD 2017), w_g being what data.group_weight says. Counts are
     * of rows with a label and of groups that have some. */
    double gauc;
    const char *group; /* the groups' column; NULL: rows have no groups. Belongs to the data set */
    int64_t groups;
    int64_t one_class_groups, one_class_group_rows; /* those left out: one class alone has weight */
    int64_t single_groups;                          /* of these: of one row */
    int64_t no_group_rows; /* left out as well: the cell of the column is missing */
    double auc_bound; /* of a binned AUC: the exact one is no further off; 0: it is the exact one */
} mmoe_task_metrics;

/* Predicts with `threads` workers and fills `metrics` [tasks], group AUC included where the model's
 * configuration has data.group and the data set keeps that column (mmoe_dataset_keep_csv). Uses the
 * process's BLAS threads as they are. MMOE_E_ARGUMENT: a data set of another schema; _MEMORY; _IO:
 * a temporary file (mmoe_evaluate_options.auc); where rows are streamed _IO and _FORMAT. */
MMOE_API mmoe_status mmoe_evaluate(const mmoe_model *model, const mmoe_dataset *dataset,
                                   int threads, const mmoe_allocator *alloc,
                                   mmoe_task_metrics *metrics, mmoe_error *err);

/* What mmoe_evaluate_by does beside mmoe_evaluate. Columns are those that the data set keeps. */
typedef struct mmoe_evaluate_options {
    int threads;
    const char *group;           /* the groups' column; NULL: the configuration's data.group */
    const char *group_weight;    /* as data.group_weight; NULL: as the configuration has it */
    const char *by;              /* the column whose values make slices; NULL: there are none */
    int32_t most_slices;         /* those of the most rows; 0: 20 */
    const mmoe_watcher *watcher; /* of the rows that are predicted; NULL: none */
    /* How auc and ece of all rows are found. "exact" (NULL: the same): the scores are sorted; those
     * that memory has no room for (512 MB, or a quarter of trainer.memory) go to a temporary file
     * in the folder that TMPDIR names, else /tmp. "binned": a score counts as tied with those of
     * its bin, one of 2^20, each 2^-15 of its octave wide (auc_bound), which take 32 MB a task
     * beside that memory. Groups and slices are exact in either case. */
    const char *auc;
} mmoe_evaluate_options;

/* The rows that have one value in a column. */
typedef struct mmoe_row_slice {
    const char *value; /* NULL: the cell is missing */
    int64_t rows;
    const mmoe_task_metrics *metrics; /* [tasks]; compared with the same constant as all rows are */
} mmoe_row_slice;

typedef struct mmoe_row_slices {
    const char *column;
    size_t count;
    const mmoe_row_slice *items;     /* [count] the largest first, of equals what stands first */
    int64_t left_out, rows_left_out; /* values that are no item, and their rows */
} mmoe_row_slices;

/* Evaluates, and each slice of the rows, too. `slices` is NULL where options->by is; the caller
 * frees them, before the data set and the model. MMOE_E_ARGUMENT: a column that the data set does
 * not keep, a group_weight that is none or of no groups, groups that no task has a metric of, a
 * data set of another schema; MMOE_E_MEMORY, _IO and _FORMAT as of mmoe_evaluate. */
MMOE_API mmoe_status mmoe_evaluate_by(const mmoe_model *model, const mmoe_dataset *dataset,
                                      const mmoe_evaluate_options *options,
                                      const mmoe_allocator *alloc, mmoe_task_metrics *metrics,
                                      mmoe_row_slices **slices, mmoe_error *err);
MMOE_API void mmoe_row_slices_free(mmoe_row_slices *slices);

/* Gives what `metrics` [tasks], as mmoe_evaluate filled them, say against the model: a task whose
 * figure is worse than the constant's, a constant that is not of training rows, a group AUC that
 * leaves out more than half of the rows, rows without a group. `rows` is what the sentences call
 * the rows: "test rows". MMOE_E_ARGUMENT, _MEMORY. */
MMOE_API mmoe_status mmoe_metrics_check(const mmoe_task_metrics *metrics, int32_t tasks,
                                        const char *rows,
                                        void (*on_warning)(void *user, const mmoe_warning *warning),
                                        void *user, mmoe_error *err);

/* Label of a row as the model's loss and metrics take it: mmoe_dataset_label's, but that of ESMM's
 * conversion is 0 where the click's is 0. NaN as there. */
MMOE_API float mmoe_model_label(const mmoe_model *model, const mmoe_dataset *dataset, int64_t row,
                                int32_t task);
/* Gives what is suspicious of rows to evaluate: labels that contradict the order of an ESMM's or
 * AITM's tasks, as a conversion without a click. (mmoe_trainer_fit does so of its rows itself, to
 * its own on_warning.) MMOE_E_ARGUMENT: a data set of another schema; MMOE_E_MEMORY. */
MMOE_API mmoe_status mmoe_model_check_labels(const mmoe_model *model, const mmoe_dataset *dataset,
                                             void (*on_warning)(void *user,
                                                                const mmoe_warning *warning),
                                             void *user, mmoe_error *err);

/* What a run of one epoch is worth on rows before it has learned from them (progressive validation,
 * Blum, Kalai and Langford, COLT 1999), by the predictions that its steps make anyway, as training
 * makes them: with dropout, and batch norms of the batch. */
typedef struct mmoe_progressive {
    double loss;      /* the epoch's task_loss */
    double auc;       /* of classifications, else NaN; binned (mmoe_evaluate_options.auc), by 2^14
                       * bins, each 2^-9 of its octave wide */
    double auc_bound; /* the exact one is no further off */
    int64_t
        rows; /* those of the epoch; of a run that was resumed the rest of them, but for `loss` */
} mmoe_progressive;

/* One finished epoch; pointers are valid during the callback. */
typedef struct mmoe_epoch_report {
    int32_t epoch; /* 1-based */
    int32_t n_epoch;
    int32_t n_task;
    int64_t rows;
    double seconds;                 /* training and validation */
    double train_seconds;           /* training alone */
    double rows_per_second;         /* rows / train_seconds */
    double loss;                    /* mean of the weighted tasks' losses over the epoch */
    const double *task_loss;        /* [n_task], of labels as tasks[].label_transform makes them */
    const mmoe_task_metrics *valid; /* [n_task]; NULL without validation data */
    double score;                   /* what early stopping watches; NaN without validation data */
    int is_best;
    double lr; /* learning rate of the epoch's last step */
    const double *
        task_factors; /* [n_task] of the epoch's last step, as mmoe_trainer_task_factors has them */
    int32_t n_gate;   /* 0: the model has no gates */
    const mmoe_gate_use
        *gates; /* [n_gate] on validation rows, evenly taken; without them on the epoch's last
                 * training rows, as their steps saw them. About as many rows as a 32nd of the
                 * training rows, but 256 to 4096: below 1 % of all but the shortest epochs */
    const mmoe_progressive *progressive; /* [n_task]; NULL where trainer.n_epoch is above 1 */
} mmoe_epoch_report;

/* The state within an epoch, for a progress line. */
typedef struct mmoe_progress {
    int32_t epoch, n_epoch;
    int64_t rows_done, rows;
    double seconds; /* since the epoch began */
    int32_t n_task;
    const double *task_loss; /* [n_task], mean so far */
} mmoe_progress;

typedef struct mmoe_trainer_options {
    int threads; /* workers, 1 to 256; 0: one a processor that this process may use, by its
                    affinity and by its control groups' quota */
    int single_threaded_blas;    /* 1: set the process's BLAS to one thread during fit and step, and
                                    put it back; of several trainers at once the last does */
    const char *checkpoint_path; /* written after each epoch and when stopped; NULL: none */
    void *user;
    /* Called from the thread that called fit; a return other than 0 stops training
     * (MMOE_E_CANCELLED). Either may be NULL; neither may throw. */
    int (*on_epoch)(void *user, const mmoe_epoch_report *report);
    int (*on_progress)(void *user, const mmoe_progress *progress); /* at most ten times a second */
    mmoe_profile *profile; /* NULL: none; must outlive the trainer */
    /* Called from the thread that called fit, before its first step or behind an epoch; the warning
     * lasts until the call returns. Must not throw. NULL: nobody listens, and the rows are not
     * looked at for features that are copies, tell a label, are unscaled or drift. */
    void (*on_warning)(void *user, const mmoe_warning *warning);
    /* Where the best weights of tables of 16 MB and more are kept, in a file without a name: their
     * size of disk in the place of memory. NULL: the folder of checkpoint_path; without that they
     * are kept in memory, as those of small tables are always. */
    const char *best_folder;
    void *reserved[5]; /* NULL */
} mmoe_trainer_options;

/* Trains one model, in the way that the model's configuration says. Not thread-safe, but for
 * mmoe_trainer_stop. */
typedef struct mmoe_trainer mmoe_trainer;

/* Takes all memory that a step needs. `options` may be NULL. The model must outlive the trainer.
 * With trainer.embedding_update "deferred" (or where "auto" is) a model has one trainer at a time:
 * MMOE_E_ARGUMENT. Then, too, whoever reads the model between two steps (a file, an evaluation, an
 * inspection, a predictor that is made, mmoe_model_tensor) has all rows brought up to date first,
 * which is a pass over the tables, and later steps may round otherwise than without it. */
MMOE_API mmoe_status mmoe_trainer_create(mmoe_model *model, const mmoe_trainer_options *options,
                                         const mmoe_allocator *alloc, mmoe_trainer **out,
                                         mmoe_error *err);
MMOE_API void mmoe_trainer_free(mmoe_trainer *trainer);
/* The factors [tasks] that the balancing method of the configuration gave the tasks' losses in the
 * last step, 1 each being the plain mean; of MetaBalance in the parameters the mean over tensors.
 * All 1 without a method and before the first step. */
MMOE_API void mmoe_trainer_task_factors(const mmoe_trainer *trainer, double *factors);
/* Reads a checkpoint of the same configuration, whose run the next fit continues: MMOE_E_IO,
 * _FORMAT, _VERSION, _ARGUMENT. trainer.n_epoch and trainer.earlystop_patience may be others (and
 * score): a run that has ended goes on where they are raised, to the bits of one that began with
 * them. Any other key that differs is named in the error, with both values; keys that the
 * checkpoint's version did not know count there as their defaults. On failure the trainer is as it
 * was, unless the disk failed (MMOE_E_IO) when what had been checked was read. */
MMOE_API mmoe_status mmoe_trainer_resume(mmoe_trainer *trainer, const char *path, mmoe_error *err);
/* Writes a checkpoint of the trainer as it stands, whole or not at all: weights, moments, averages,
 * where its steps are, the learning rate that was set. A trainer of the same configuration that
 * resumes from it does what this one does from here on, to the bit: steps and fits alike. For
 * between steps; a fit writes its own (checkpoint_path), and within its callbacks this is
 * MMOE_E_ARGUMENT. MMOE_E_NUMERIC, with the tensor: a weight is not finite; _IO, _MEMORY. */
MMOE_API mmoe_status mmoe_trainer_save(mmoe_trainer *trainer, const char *path, mmoe_error *err);
/* Sets the learning rate from the next step on: 0 to 1000, else MMOE_E_ARGUMENT. It stands in the
 * place of trainer.optimizer_params.lr, so warm-up and scheduler do to it what they would have done
 * to that (a plateau begins at it again), and that of embedding_optimizer_params changes in the
 * same ratio. It stays until it is set anew, for later fits too, and checkpoints have it; the
 * configuration is as it was. Between steps, or in a callback of fit. */
MMOE_API mmoe_status mmoe_trainer_set_lr(mmoe_trainer *trainer, double lr, mmoe_error *err);
/* Trains until the last epoch or until early stopping; the model then has the best weights seen on
 * `valid` (the last ones without it; `valid` may be NULL, but not with the scheduler "plateau").
 * What early stopping watches must be defined on `valid`: where its labels leave it undefined (one
 * class, none at all, weights of 0) fit fails with MMOE_E_DATA, and without patience warns. A mean
 * is of the tasks that it can be defined for; those left out are a warning, and so is the first
 * epoch whose score is undefined nevertheless.
 * With trainer.ema_decay "weights" is their moving average; what mmoe_trainer_step leaves in the
 * model is never an average. On MMOE_E_NUMERIC or _CANCELLED the model has the best weights so far
 * (those it began with, or has now, where no epoch was finished). MMOE_E_IO where the best weights
 * cannot be kept on disk (mmoe_trainer_options.best_folder): before the first step, or behind an
 * epoch, whose weights the model then has.
 *
 * Each fit is a run of its own: epochs count from 1, and optimizer, schedule and balancing know of
 * no earlier fit; the weights are the model's. Steps before the first fit do count. But the fit
 * that follows mmoe_trainer_resume continues the run of a fit's checkpoint, with the rows that it
 * began with: other training rows, other validation rows, or none where there were some, are
 * MMOE_E_ARGUMENT, and the message says which. (A checkpoint of version 0.1 knows of training rows
 * alone.) */
MMOE_API mmoe_status mmoe_trainer_fit(mmoe_trainer *trainer, const mmoe_dataset *train,
                                      const mmoe_dataset *valid, mmoe_error *err);
/* One update with rows [first, first + rows) in their order; rows is at most the batch size. Writes
 * the tasks' losses before the update to `losses` [tasks], or nothing if NULL. MMOE_E_NUMERIC, the
 * losses written, when one of them or a new weight is not finite; the message says at which step,
 * and in which tensor. Allocates nothing, unless the lists of rows have more elements than any
 * before, of tables whose updates are deferred: MMOE_E_MEMORY. */
MMOE_API mmoe_status mmoe_trainer_step(mmoe_trainer *trainer, const mmoe_dataset *train,
                                       int64_t first, size_t rows, double *losses, mmoe_error *err);
/* Puts a copy of the weights, as they are now, into a slot: mmoe_model_clone and mmoe_slot_publish,
 * whose `version` (may be NULL) this is. The model is taken from the allocator of the trainer, and
 * stays the slot's when trainer and model are gone. With trainer.ema_decay the copy has the moving
 * average, as fit's result has. The slot's readers go on meanwhile; it is for the trainer's thread,
 * between steps, or in a callback of fit. MMOE_E_NUMERIC, with the tensor: a weight is not finite;
 * MMOE_E_ARGUMENT, _MEMORY. Nothing is published on failure. */
MMOE_API mmoe_status mmoe_trainer_publish(mmoe_trainer *trainer, mmoe_slot *slot, uint64_t *version,
                                          mmoe_error *err);
/* Makes the fit that runs, or else the next one, return MMOE_E_CANCELLED after its current step,
 * its checkpoint written; fits behind that one run as ever. May be called from any thread and from
 * a signal handler. */
MMOE_API void mmoe_trainer_stop(mmoe_trainer *trainer);

/* ---- What training takes ---- */

/* An embedding table, as training would have it. */
typedef struct mmoe_table_estimate {
    const char *name; /* of the feature that owns it */
    int64_t rows;
    int32_t width;
    int64_t bytes;        /* of its weights */
    int64_t moment_bytes; /* of its moments, and of the last steps of its rows */
    const char *update;   /* "dense", "deferred", "lazy", or "none" of a frozen one; static */
    const char *why;      /* a sentence; static */
} mmoe_table_estimate;

/* A pass over a node in a step, as a profile has it (mmoe_profile_entry). */
typedef struct mmoe_part_estimate {
    const char *node, *pass;
    double seconds; /* of a step, summed over the workers */
    double flops;   /* of its GEMMs; 0: none */
} mmoe_part_estimate;

typedef struct mmoe_estimate {
    const mmoe_table_estimate *tables; /* [n_table] */
    const mmoe_part_estimate *parts;   /* [n_part], in the order of a step */
    size_t n_table, n_part;
    int64_t parameters; /* trainable values */
    /* Bytes of memory: weights of tables, and of layers with running statistics; moments, with last
     * steps; copies of weights (the best of small tables, averages, gradients that are kept whole);
     * working memory of steps, and all else that the model and its trainer take; rows in memory,
     * and rows that are streamed (trainer.memory), whatever their number. */
    int64_t table_bytes, layer_bytes, moment_bytes, copy_bytes, step_bytes;
    int64_t row_bytes, stream_bytes;
    int64_t available; /* what the process may take beside what it has, by the kernel's word */
    int64_t model_file, checkpoint_file; /* bytes of files, to some kilobytes */
    int64_t rows;                        /* of an epoch */
    int32_t batch_size;
    int threads;
    double step_seconds;
    int64_t best_file; /* bytes of disk while it trains (mmoe_trainer_options.best_folder) */
} mmoe_estimate;

typedef struct mmoe_estimate_options {
    int threads;  /* of the trainer, 1 to 256; 0: one a processor */
    int64_t rows; /* of an epoch; 0: those of `data` */
    /* Rows whose lists tell how long lists are; NULL: they have one element each. */
    const mmoe_dataset *data;
} mmoe_estimate_options;

/* What training by this configuration and schema would take, without training. Memory is counted by
 * making model and trainer of addresses alone. Steps are made of a model whose tables are cut to
 * some million values, on rows whose ids are drawn evenly, for about a second; what a step updates
 * of tables beyond that is added by the rate at which weights are updated here. The caller frees
 * the estimate. MMOE_E_ARGUMENT; as mmoe_model_create and mmoe_trainer_create: _CONFIG, _IO,
 * _FORMAT, _VERSION, _MEMORY. */
MMOE_API mmoe_status mmoe_estimate_create(const mmoe_config *config, const mmoe_schema *schema,
                                          const mmoe_estimate_options *options,
                                          const mmoe_allocator *alloc, mmoe_estimate **out,
                                          mmoe_error *err);
MMOE_API void mmoe_estimate_free(mmoe_estimate *estimate);
/* MMOE_E_MEMORY where model and trainer would take more memory than there is (`available`): the
 * message has both figures, and what of the largest table would fit. For before mmoe_model_create;
 * what else is returned is that function's. */
MMOE_API mmoe_status mmoe_estimate_check(const mmoe_config *config, const mmoe_schema *schema,
                                         int threads, mmoe_error *err);

#ifdef __cplusplus
}
#endif

#endif
