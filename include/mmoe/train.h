/* mmoe/train.h: models, export and training; it brings the other headers of training.
 * See mmoe/mmoe.h for the conventions. */
#ifndef MMOE_TRAIN_H
#define MMOE_TRAIN_H

#include "data.h"
#include "estimate.h"
#include "evaluate.h"
#include "inspect.h"

#ifdef __cplusplus
extern "C" {
#endif

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
/* The same of one of several ranks (mmoe/mpi.h; mmoe_trainer_join), which all make it, each for
 * itself, before their trainers. Of large tables whose rows are updated when they are read
 * (trainer.embedding_update: "deferred", "lazy", or by "auto"; of more rows than 4,096 times
 * their width, or than 2^20; not "pretrained"; whose lists have one padding_idx, or none) a rank
 * has its own rows alone: those whose number modulo ranks, or modulo 16 where there are more, is
 * its own. Such a model is trained and saved, by all ranks together; who scores, copies, exports or
 * inspects it loads the file, which is that of one process. `comm` NULL, or of one rank: the model
 * is whole. */
struct mmoe_comm;
MMOE_API mmoe_status mmoe_model_create_among(const mmoe_config *config, const mmoe_schema *schema,
                                             const struct mmoe_comm *comm,
                                             const mmoe_allocator *alloc, mmoe_model **out,
                                             mmoe_error *err);
/* 1: it is such a model, and a table of it is of several ranks. */
MMOE_API int mmoe_model_is_dealt(const mmoe_model *model);
/* A new model that begins where another ended, of a schema that has grown from that model's
 * (mmoe_dataset_grow_csv; a folder's of mmoe_pack_csv with `grow`), or is the same. Weights,
 * running statistics and rows of known values are copied, to the bit. Rows of new values are those
 * that mmoe_model_create would draw: by the configuration's seed and model.embedding_init, each at
 * its place in a table of the new size; "pretrained" plays no part. Widths, sides and label
 * transforms are those of `from`. `config` (NULL: that of `from`) is copied, and may have another
 * trainer, but makes the same layers. No optimizer state comes along: it begins anew. The caller's
 * texts come along, those of training do not (mmoe_model_meta).
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
 * nothing would be left; MMOE_E_MEMORY, _IO, _FORMAT. Its texts are the caller's alone: what
 * training told of is another model (mmoe_model_meta). */
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
/* Writes the model whole or not at all: a temporary file beside `path`, synced, renamed.
 * MMOE_E_ARGUMENT; _NUMERIC, with the tensor: a value is not finite; _IO, _MEMORY. A model of
 * mmoe_model_create_among is saved by all ranks, between mmoe_trainer_join and mmoe_trainer_free:
 * the first writes the file of one process, 4 MiB of the others' rows at a time. */
MMOE_API mmoe_status mmoe_model_save(const mmoe_model *model, const char *path, mmoe_error *err);
/* `watcher`, copied, is told of each piece that mmoe_model_save and the exports write of this model
 * ("writing", in bytes); NULL: nobody is. Not beside another call for the model. */
MMOE_API void mmoe_model_watch(mmoe_model *model, const mmoe_watcher *watcher);
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
 * for num_batches_tracked; NULL: a table of mmoe_model_with_tables, whose rows are no floats, or
 * one that ranks have parts of (mmoe_model_is_dealt).
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

/* ---- Training ---- */

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

/* One finished epoch; pointers are valid during the callback. Of a model with a linear part
 * (model.linear) that a run with validation rows begins to train there is an epoch 0, before the
 * first step: the model is the linear one that was fitted to the training rows. It may be the best;
 * rows, train_seconds, rows_per_second and lr are 0, losses NaN. In later epochs a task that is
 * worse than then, as early stopping sees it, has its figures of then in `valid` and in `score`: so
 * it is kept, should the epoch be the best. Not of ESMM, whose scores share a logit: there an epoch
 * has its own figures, and is kept whole. */
typedef struct mmoe_epoch_report {
    int32_t epoch; /* 1-based, but for the epoch 0 of a linear part */
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
    /* 1: ranks (mmoe_trainer_join) may have unlike kernels, BLAS cores and patches of the library's
     * version. A warning says so, and the weights are not those of one process to the bit. 0: that
     * is an error, as unlike configurations, rows and weights are in either case. */
    int allow_unlike;
    void *reserved[4]; /* NULL; else MMOE_E_ARGUMENT */
} mmoe_trainer_options;

/* Trains one model, in the way that the model's configuration says. Not thread-safe, but for
 * mmoe_trainer_stop. */
typedef struct mmoe_trainer mmoe_trainer;

/* Takes all memory that a step needs. `options` may be NULL. The model must outlive the trainer.
 * MMOE_E_ARGUMENT (also of a slot's model, and of tables of mmoe_model_with_tables), _CONFIG,
 * _MEMORY; _IO: the system gives no thread.
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
/* Before the first step: the trainers of all ranks of a job (mmoe/mpi.h) become one, each of a
 * model that was made alike. Each is then given the same rows in the same calls (mmoe_trainer_fit,
 * _step), of which it runs its share of each batch's segments (trainer.segments), and all have the
 * weights that one process would have, to the bit. The first rank alone calls the functions of the
 * options and writes files, but for rows (mmoe_trainer_save); a stop there stops all. A rank that
 * fails ends the others, with "rank R: its message" (MMOE_E_IO). Moments are dealt, and weights
 * stand on every rank, whole, but for those of mmoe_model_create_among. But behind
 * mmoe_trainer_step, of a model with tables that are not updated in every step
 * (trainer.embedding_update), weights are new on their owners alone, until the model is read
 * (saved, copied, a predictor made of it, a tensor asked for, the trainer freed): all ranks do that
 * alike, from the threads that call steps, and none within on_progress, which fails them all, nor,
 * of a model of mmoe_model_create_among, within on_epoch, which is refused. A fit begins with a
 * comparison of what ranks have before them: MMOE_E_CONFIG, which names it, where configurations,
 * rows, weights, library, kernels or BLAS cores are unlike (allow_unlike). `comm` must outlive the
 * trainer; of one rank it changes nothing. MMOE_E_CONFIG: more ranks than segments; _ARGUMENT: it
 * has joined, or taken a step; _MEMORY. */
MMOE_API mmoe_status mmoe_trainer_join(mmoe_trainer *trainer, struct mmoe_comm *comm,
                                       mmoe_error *err);
/* What the trainer's steps, of fits and others, have sent to other ranks so far: bytes, in how many
 * messages, and the seconds that this rank waited for others in them. Of one rank all are 0. */
typedef struct mmoe_sent {
    int32_t ranks;
    int64_t steps;
    double bytes, messages, seconds;
} mmoe_sent;
MMOE_API void mmoe_trainer_sent(const mmoe_trainer *trainer, mmoe_sent *out);
/* Reads a checkpoint of the same configuration, whose run the next fit continues: MMOE_E_IO,
 * _FORMAT, _VERSION, _ARGUMENT. trainer.n_epoch and trainer.earlystop_patience may be others (and
 * score): a run that has ended goes on where they are raised, to the bits of one that began with
 * them. Any other key that differs is named in the error, with both values; keys that the
 * checkpoint's version did not know count there as their defaults. Where the trainer had grown
 * (mmoe_trainer_grow) the model has its vocabularies then; it may have had those that the run began
 * with, or any since. A trainer that has grown takes one of before that, too, and has the values
 * that it began with. As behind a growth, data sets and predictors of the model itself are then to
 * be made anew, also where this fails.
 * On failure the trainer is as it was, unless the disk failed, or the file was written to
 * (MMOE_E_IO), when what had been checked was read. Not within a fit (_ARGUMENT). */
MMOE_API mmoe_status mmoe_trainer_resume(mmoe_trainer *trainer, const char *path, mmoe_error *err);
/* Writes a checkpoint of the trainer as it stands, whole or not at all: weights, moments, averages,
 * where its steps are, the learning rate that was set. A trainer of the same configuration that
 * resumes from it does what this one does from here on, to the bit: steps and fits alike. For
 * between steps; a fit writes its own (checkpoint_path), and within its callbacks this is
 * MMOE_E_ARGUMENT. Of several ranks all call it with the same path, and the first one writes; of
 * large tables (mmoe_model_create_among) each rank writes its rows, to files beside it,
 * PATH.rows-*, which belong to it. MMOE_E_NUMERIC, with the tensor: a weight is not finite; _IO,
 * _MEMORY. */
MMOE_API mmoe_status mmoe_trainer_save(mmoe_trainer *trainer, const char *path, mmoe_error *err);
/* Sets the learning rate from the next step on: 0 to 1000, else MMOE_E_ARGUMENT. It stands in the
 * place of trainer.optimizer_params.lr, so warm-up and scheduler do to it what they would have done
 * to that (a plateau begins at it again), and that of embedding_optimizer_params changes in the
 * same ratio. It stays until it is set anew, for later fits too, and checkpoints have it; the
 * configuration is as it was. Between steps, or in a callback of fit; of several ranks all set it,
 * and in a callback, which the first alone calls, it is MMOE_E_ARGUMENT. */
MMOE_API mmoe_status mmoe_trainer_set_lr(mmoe_trainer *trainer, double lr, mmoe_error *err);
/* Trains until the last epoch or until early stopping; the model then has the best weights seen on
 * `valid` (the last ones without it; `valid` may be NULL, but not with the scheduler "plateau").
 * With trainer.shrink a task that is better of these when it is drawn towards its constant is, and
 * a warning says how far. What early stopping watches must be defined on `valid`: where its labels
 * leave it undefined (one class, none at all, weights of 0) fit fails with MMOE_E_DATA, and without
 * patience warns. A mean is of the tasks that it can be defined for; those left out are a warning,
 * and so is the first epoch whose score is undefined nevertheless. Where the model has a linear
 * part (model.linear) that is new, all of it 0, it is fitted first (mmoe_epoch_report), which is a
 * pass over the rows for regressions, else some 5 to 20, at most 60; a stop that is asked for
 * meanwhile is not seen before the first step behind that. With trainer.ema_decay "weights" is
 * their moving average; what mmoe_trainer_step leaves in the model is never an average. On
 * MMOE_E_NUMERIC or _CANCELLED the model has the best weights so far (those it began with, or has
 * now, where no epoch was finished). MMOE_E_IO where the best weights cannot be kept on disk
 * (mmoe_trainer_options.best_folder): before the first step, or behind an epoch, whose weights the
 * model then has.
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
/* How far vocabularies may grow; zeros: as far as ids go. */
typedef struct mmoe_growth {
    int64_t max_rows;  /* of a table, row 0 among them; 0: 2^31 - 1. Tables that have more stay as
                          they are. A feature's "max_vocab" and "max_distinct" bound its table,
                          too: so many rows, and row 0 */
    void *reserved[3]; /* NULL; else MMOE_E_ARGUMENT */
} mmoe_growth;
/* What a call has found. */
typedef struct mmoe_grown {
    int64_t rows;     /* that are new, of all tables */
    int64_t left_out; /* values, each as often as it stands there, that stay unknown: their table
                         has the rows that it may have, or does not learn ("trainable": false) */
} mmoe_grown;
/* Before steps from rows that may have new ids: those that the model's learned vocabularies do not
 * know get rows of their own, behind all others. A new row has the weights that a new model of this
 * vocabulary would have there (the configuration's seed, the table and the row decide, of an
 * embedding_init "xavier_..." the table's size, too: as `train --grow` has it), no moments, and is
 * as of the last step; with trainer.ema_decay its average is its weights. All other rows keep their
 * weights, moments and last steps, to the bit. So vocabularies are those of one who has read the
 * same rows from a file, and do not depend on how rows are cut into calls: ids are met in the order
 * of rows, in a row in the order of the schema's features, in a list in its own, without those that
 * max_len cuts off. "min_count" is about a file: here the first time counts. Tables of
 * "vocab_size" and "hash_bucket_size", bins and crosses stay as they are.
 *
 * `batch` has raw columns, by the names of an input or by the schema's numbers; only its sparse
 * ones are read, and columns of row numbers are passed over. The data set for mmoe_trainer_step is
 * made of the same batch behind this call: those of before are of another schema (MMOE_E_ARGUMENT).
 * `limits` and `grown` may be NULL; *grown is written on success.
 *
 *     mmoe_trainer_grow(trainer, &batch, &limits, &grown, &err);
 *     mmoe_dataset_create(mmoe_model_schema(model), &batch, labels, NULL, NULL, &rows, &err);
 *     mmoe_trainer_step(trainer, rows, 0, batch.rows, NULL, &err);
 *
 * Takes time by the batch's values and the new rows: memory is taken ahead, so that a table moves
 * once for each half that it grows. (Beside that a plan of the step is made wherever a table of
 * trainer.embedding_update "dense" grew, and a vocabulary of texts is read once.) "auto" chooses by
 * the rows that a table has when its model is made: name "deferred" or "lazy" for one that grows
 * large; where it has none for the larger table this is MMOE_E_CONFIG. Steps allocate nothing, but
 * the first behind a growth, where whole gradients are kept (clip_norm). What was published stays
 * as it was (mmoe_trainer_publish), mmoe_trainer_save keeps the vocabularies, and
 * mmoe_trainer_resume brings them back. A fit's run that was to be continued is over: the next fit
 * begins its own. A profile begins anew.
 *
 * Between steps, by the trainer's thread; nobody may read the model or its schema meanwhile.
 * Predictors of the model itself are to be made anew where there are new rows, and may have to be
 * where this fails: calls of such are MMOE_E_ARGUMENT. (Those of a slot have copies.)
 * MMOE_E_ARGUMENT: trainers that have joined others, a model that has two, encoded rows, a batch
 * that does not fit the model; MMOE_E_DATA; MMOE_E_MEMORY. On failure trainer and model are as they
 * were. */
MMOE_API mmoe_status mmoe_trainer_grow(mmoe_trainer *trainer, const mmoe_batch *batch,
                                       const mmoe_growth *limits, mmoe_grown *grown,
                                       mmoe_error *err);
/* Puts a copy of the weights, as they are now, into a slot: mmoe_model_clone and mmoe_slot_publish,
 * whose `version` (may be NULL) this is. The model is taken from the allocator of the trainer, and
 * stays the slot's when trainer and model are gone. With trainer.ema_decay the copy has the moving
 * average, as fit's result has. The slot's readers go on meanwhile; it is for the trainer's thread,
 * between steps, or in a callback of fit. MMOE_E_NUMERIC, with the tensor: a weight is not finite;
 * MMOE_E_ARGUMENT, _MEMORY. Nothing is published on failure. */
MMOE_API mmoe_status mmoe_trainer_publish(mmoe_trainer *trainer, mmoe_slot *slot, uint64_t *version,
                                          mmoe_error *err);
/* Makes the fit that runs, or else the next one, return MMOE_E_CANCELLED after its current step,
 * its checkpoint written; fits behind that one, which may have failed by itself, run as ever. May
 * be called from any thread and from a signal handler. */
MMOE_API void mmoe_trainer_stop(mmoe_trainer *trainer);

#ifdef __cplusplus
}
#endif

#endif
