/* mmoe/create.h: creating models, changing, saving and exporting them. It belongs to a library that
 * trains; mmoe/model.h has what serving needs of a model. See mmoe/mmoe.h for the conventions. */
#ifndef MMOE_CREATE_H
#define MMOE_CREATE_H

#include "data.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Model ---- */

/* Creates a model. Its weights are drawn from the configuration's seed, as model.init and
 * model.embedding_init say (by default PyTorch's initialisation, and embeddings from N(0,
 * 1e-4)). Tables of features with "pretrained" begin with the vectors of that file, which is
 * only read here. Both arguments are copied. The caller frees the model. MMOE_E_ARGUMENT,
 * _CONFIG, _MEMORY; for such a file, which is named in the error, _IO, _FORMAT, _VERSION: it
 * cannot be read, is not such a file, is not [rows, width] of the table, or has a value that is
 * not finite. */
MMOE_API mmoe_status mmoe_model_create(const mmoe_config *config, const mmoe_schema *schema,
                                       const mmoe_allocator *alloc, mmoe_model **out,
                                       mmoe_error *err);
/* Creates a model for one of several ranks (mmoe/mpi.h; mmoe_trainer_join). All ranks create it,
 * each for itself, before their trainers. It differs from mmoe_model_create for large tables: a
 * rank has only its own rows of them. These are the rows whose number modulo the number of
 * ranks, or modulo 16 if there are more than 16 ranks, is its own number.
 *
 * A table is large if all of this holds: its rows are updated when they are read
 * (trainer.embedding_update is "deferred", "lazy", or "auto" and chooses so); it has more rows
 * than 4,096 times its width, or more than 2^20; it is not "pretrained"; its lists all have the
 * same padding_idx, or none.
 *
 * Such a model is trained and saved by all ranks together. To score, copy, export or inspect it,
 * load its file, which is that of one process. `comm` NULL, or of one rank: the model is
 * complete. */
struct mmoe_comm;
MMOE_API mmoe_status mmoe_model_create_among(const mmoe_config *config, const mmoe_schema *schema,
                                             const struct mmoe_comm *comm,
                                             const mmoe_allocator *alloc, mmoe_model **out,
                                             mmoe_error *err);
/* Returns 1 if ranks have parts of a table of the model (mmoe_model_create_among), else 0. */
MMOE_API int mmoe_model_is_dealt(const mmoe_model *model);
/* Creates a model that starts with the weights of another model. `grown` is a schema that has
 * grown from the schema of `from` (mmoe_dataset_grow_csv; that of a folder by mmoe_pack_csv with
 * `grow`), or is the same. The caller frees the model.
 *
 * - Weights, running statistics and rows of known values are copied, bit for bit.
 * - Rows of new values are those that mmoe_model_create would draw, by the configuration's seed
 *   and model.embedding_init, at their places in a table of the new size. "pretrained" is not
 *   used.
 * - Widths, sides and label transforms are those of `from`.
 * - `config` (NULL: that of `from`) is copied. It may have another trainer, but must give the
 *   same layers.
 * - The state of the optimizer is not copied.
 * - The caller's texts are copied, those of training are not (mmoe_model_meta).
 *
 * `from` is unchanged. If it was loaded with mmoe_model_load_options.map_tables, its tables are
 * pages of its file, which the system can take back; so the process's own memory has no second
 * copy of them.
 *
 * mmoe_model_warning tells, for each table that does not learn ("trainable": false), how many
 * rows of new values stay as they were drawn. MMOE_E_ARGUMENT: the schema has not grown from
 * that of `from` (the message names feature and value), a tensor has another shape, or tables
 * are those of mmoe_model_with_tables; MMOE_E_CONFIG, _MEMORY. */
MMOE_API mmoe_status mmoe_model_grow(const mmoe_model *from, const mmoe_config *config,
                                     const mmoe_schema *grown, const mmoe_allocator *alloc,
                                     mmoe_model **out, mmoe_error *err);
/* Creates a copy of a model without rare values: those that occur fewer than `least` times (at
 * least 1) in `rows`, for example the rows of a day or of the last thirty days. The model's
 * schema must have encoded `rows`. The caller frees the copy.
 *
 * - A vocabulary of several features counts the values of all of them. Elements of lists count,
 *   except for those that max_len cuts.
 * - Dropped values are unknown to the copy, and take row 0. The others keep their weights and
 *   their order. Rows up to "padding_idx" stay.
 * - Rows with only kept values have the same scores, bit for bit, as long as a predictor
 *   multiplies the same tables in advance, which depends on their sizes.
 * - The copy keeps only the caller's texts, because those of training describe another model
 *   (mmoe_model_meta).
 *
 * `rows`, which may be streamed, are read once. MMOE_E_ARGUMENT: the rows are of another schema,
 * no feature has a vocabulary, or tables are those of mmoe_model_with_tables; MMOE_E_DATA: a
 * feature would have no values left; MMOE_E_MEMORY, _IO, _FORMAT. */
MMOE_API mmoe_status mmoe_model_shrink(const mmoe_model *model, const mmoe_dataset *rows,
                                       int64_t least, const mmoe_allocator *alloc, mmoe_model **out,
                                       mmoe_error *err);
/* Copies weights and running statistics from a safetensors file with the model's tensor names
 * (torch-rechub's state_dict, or a model file of mmoe). Prefixes that wrappers of torch add to
 * the names of a state_dict are ignored ("module.", "_orig_mod.", also nested). Tensors of other
 * precision (F64, F16, BF16) are rounded to nearest. mmoe_model_warning tells of these, and of a
 * row of "padding_idx" that is not 0.
 *
 * On failure the model is unchanged. MMOE_E_FORMAT: the message names the tensor that is
 * missing, unexpected, of another shape or of a type that weights cannot have, or the value that
 * is not finite in single precision; _ARGUMENT: also if the model belongs to a slot, or has
 * tables of mmoe_model_with_tables; _IO, _VERSION, _MEMORY. */
MMOE_API mmoe_status mmoe_model_load_weights(mmoe_model *model, const char *path, mmoe_error *err);
/* Returns warning `index` about the model's initial weights; NULL past the last. They are those
 * of the last mmoe_model_load_weights that succeeded, or else those of mmoe_model_create (a row
 * of "padding_idx" that is not 0 in a "pretrained" file). A warning belongs to the model. */
MMOE_API const mmoe_warning *mmoe_model_warning(const mmoe_model *model, size_t index);
/* Writes the model to a file, completely or not at all: to a temporary file beside `path`, which
 * is synced and renamed. A model of mmoe_model_create_among is saved by all ranks, between
 * mmoe_trainer_join and mmoe_trainer_free. The first rank writes the file of one process, 4 MiB
 * of the others' rows at a time. MMOE_E_ARGUMENT; _NUMERIC, with the tensor: a value is not
 * finite; _IO, _MEMORY. */
MMOE_API mmoe_status mmoe_model_save(const mmoe_model *model, const char *path, mmoe_error *err);
/* Sets a watcher, which is copied. It is told of each piece that mmoe_model_save and the exports
 * write of this model ("writing", in bytes). NULL removes it. Do not call this while another
 * call uses the model. */
MMOE_API void mmoe_model_watch(mmoe_model *model, const mmoe_watcher *watcher);
/* Creates a copy of the model: its weights, as they are between two steps, its schema, its
 * configuration and its texts (mmoe_model_meta), but not its warnings (mmoe_model_warning). The
 * two share no memory: each may be trained, published or freed without the other. The copy takes
 * the memory of one model; the caller frees it. May be called from any thread, but not during a
 * step or a fit of the model's trainer. MMOE_E_ARGUMENT, _MEMORY. */
MMOE_API mmoe_status mmoe_model_clone(const mmoe_model *model, const mmoe_allocator *alloc,
                                      mmoe_model **out, mmoe_error *err);
/* Creates a copy of a model whose embedding tables take less memory, and less space in the file
 * of mmoe_model_save. The copy is only for scoring: predictors, slots, mmoe_evaluate and
 * mmoe_inspect accept it like any other model; trainers, exports and mmoe_model_load_weights
 * return MMOE_E_ARGUMENT. The caller frees it. Rows become floats when they are read. The scores
 * are, bit for bit, those of a model with these floats. `type` is one of:
 *
 * - "bf16", half the memory: the upper half of each float, rounded to nearest, ties to even.
 * - "int8", a quarter of the memory, plus 4 bytes for each row: integers from -127 to 127.
 *   Multiplied with the scale of the row, a float, they are the row's values. The largest
 *   integer of a row is 127 or -127.
 *
 * A row of zeros stays a row of zeros. MMOE_E_ARGUMENT: another type, or the model has such
 * tables already; _NUMERIC, with tensor, row and value: a value is not finite, or would not be;
 * _MEMORY. */
MMOE_API mmoe_status mmoe_model_with_tables(const mmoe_model *model, const char *type,
                                            const mmoe_allocator *alloc, mmoe_model **out,
                                            mmoe_error *err);
/* Sets a text that the model keeps (mmoe_model_meta). Both arguments are copied; `value` NULL
 * removes the key. A key has 1 to 128 letters, digits and any of "._-/:", and does not begin
 * with "training.". A value is UTF-8 of at most 65,536 bytes. A model keeps at most 256 keys. No
 * other thread may read the model meanwhile. On failure the texts are unchanged.
 * MMOE_E_ARGUMENT: the message names the key; _MEMORY. */
MMOE_API mmoe_status mmoe_model_set_meta(mmoe_model *model, const char *key, const char *value,
                                         mmoe_error *err);
/* Checks whether a key and its value can be set, before there is a model. MMOE_E_ARGUMENT. */
MMOE_API mmoe_status mmoe_meta_check(const char *key, const char *value, mmoe_error *err);

/* An embedding table. */
typedef struct mmoe_table_info {
    const char *name; /* the feature that owns it; others may share it */
    const char *kind; /* as mmoe_model_sparse_kind returns it */
    int64_t rows;
    int32_t width;
    /* The number of values that a vocabulary has learned, which may grow and shrink; -1: the
     * table has no vocabulary. */
    int64_t values;
} mmoe_table_info;
/* Writes table `index`, in the order of the schema, to `out`. Returns 0, or -1 past the last.
 * Texts belong to the model. */
MMOE_API int mmoe_model_table(const mmoe_model *model, size_t index, mmoe_table_info *out);

/* A tensor of the model. mmoe_model_tensor writes tensor `index`, in the order of the model's
 * file, to `out`, and returns 0, or -1 past the last. `data` belongs to the model: F32 values,
 * or I64 for num_batches_tracked. It is NULL for a table of mmoe_model_with_tables, whose rows
 * are not floats, and for a table of which ranks have parts (mmoe_model_is_dealt). If a trainer
 * defers the updates of tables (trainer.embedding_update), all rows are up to date when the call
 * returns; after a later step call it again. */
typedef struct mmoe_tensor_info {
    const char *name;
    int32_t rank;
    int64_t shape[2];
    int is_integer; /* 1: int64_t, 0: float */
    int trainable;  /* 0 also for a table with "trainable": false */
    const void *data;
    const char *type; /* its type in safetensors: "F32", "I64", "BF16", "I8"; static */
} mmoe_tensor_info;
MMOE_API int mmoe_model_tensor(const mmoe_model *model, size_t index, mmoe_tensor_info *out);

/* ---- Export ---- */

/* Both exports write the file completely or not at all, like mmoe_model_save. MMOE_E_ARGUMENT,
 * _NUMERIC (a weight is not finite), _IO, _MEMORY. */

/* Writes only torch-rechub's state_dict, as safetensors, without vocabularies and metadata. A
 * column with "shared_with" has no table of its own there. In Python:
 *     from safetensors.torch import load_file
 *     model.load_state_dict(load_file("weights.safetensors")) */
MMOE_API mmoe_status mmoe_model_export_weights(const mmoe_model *model, const char *path,
                                               mmoe_error *err);

/* Writes the model as ONNX (operator set 14), for other runtimes. Batch norm is folded into the
 * weights. These are the inputs and the output; the number of rows B is free:
 *   ids     int64 [B, sparse]  row numbers of the tables, as vocabularies have made them of values,
 *                              for the columns with one value a row (absent if there are none)
 *   x       float [B, dense]   values as they are in the data, the numbers of a vector side by
 *                              side; NaN for a missing one (for a vector: the first). The model's
 *                              transforms and encodings are part of the graph, in double precision
 *                              (absent if there are no dense columns)
 *   for each sequence NAME, its lists, padded to a length that may differ from run to run:
 *   NAME.ids      int64 [B, NAME.length]  row numbers of its table
 *   NAME.mask     bool [B, NAME.length]   true for elements, false for padding, wherever it is;
 *                                         what the other two have at padding is not read
 *   NAME.weights  float [B, NAME.length]  (absent without a "weight_separator")
 *   scores  float [B, tasks]   as mmoe_predictor_run writes them
 * "max_len", "truncate" and "padding_idx" are part of the graph. The inputs are not checked: a
 * row number below 0 counts from the end of a table, one that is too large is an error of the
 * runtime, log1p of a value of -1 or less is not finite, and a weight may be any number. A
 * float holds whole numbers up to 2^24, so larger raw values lose digits before their
 * transform. MMOE_E_ARGUMENT: also if the file would be larger than 2 GiB, the limit of a
 * protobuf message, or if the library was built without protobuf-c. */
MMOE_API mmoe_status mmoe_model_export_onnx(const mmoe_model *model, const char *path,
                                            mmoe_error *err);

#ifdef __cplusplus
}
#endif

#endif
