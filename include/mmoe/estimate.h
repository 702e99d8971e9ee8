/* mmoe/estimate.h: memory and time of training, predicted before it begins. See mmoe/mmoe.h for
 * the conventions. */
#ifndef MMOE_ESTIMATE_H
#define MMOE_ESTIMATE_H

#include "data.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- What training takes ---- */

enum { MMOE_RANK_SHARES = 7 }; /* shares of a batch: that of one of 1, 2, 4 .. 64 ranks */

/* An embedding table as training would have it. */
typedef struct mmoe_table_estimate {
    const char *name; /* the feature that owns it */
    int64_t rows;
    int32_t width;
    int64_t bytes; /* memory of its weights, in bytes */
    /* Memory of its moments, and of the last steps of its rows, in bytes. */
    int64_t moment_bytes;
    /* How it is updated: "dense", "deferred", "lazy", or "none" for a frozen table; static. */
    const char *update;
    const char *why; /* the reason, a sentence; static */
    /* The average number of distinct rows that one of 2^i ranks reads in its share of a batch. It
     * is counted in some batches of `data` (mmoe_estimate_options); without it, ids are assumed to
     * be drawn evenly. */
    double met[MMOE_RANK_SHARES];
} mmoe_table_estimate;

/* A pass over a node in a step, as in a profile (mmoe_profile_entry). */
typedef struct mmoe_part_estimate {
    const char *node, *pass;
    double seconds; /* for each step, summed over the workers */
    double flops;   /* floating-point operations of its GEMMs; 0: none */
} mmoe_part_estimate;

/* Memory and time of one of several ranks (mmoe_trainer_join): the first, which owns as much as
 * any other. The members are those of mmoe_estimate. Rows in memory are those of one process; of
 * streamed rows a rank has its lanes (trainer.lanes). */
typedef struct mmoe_rank_estimate {
    int32_t ranks;
    int64_t table_bytes, layer_bytes, moment_bytes, copy_bytes, step_bytes;
    int64_t row_bytes, stream_bytes;
    /* The time of its part of a step, measured like that of the whole step. It includes
     * everything that the rank computes, copies and sums, but not the time of messages. */
    double step_seconds;
} mmoe_rank_estimate;

typedef struct mmoe_estimate {
    const mmoe_table_estimate *tables; /* [n_table] */
    const mmoe_part_estimate *parts;   /* [n_part], in the order of a step */
    size_t n_table, n_part;
    int64_t parameters; /* the number of trainable values */
    /* Memory in bytes, for
     *
     * - table_bytes: the weights of tables;
     * - layer_bytes: the weights of layers, and running statistics;
     * - moment_bytes: moments, and last steps of rows;
     * - copy_bytes: copies of weights (best weights of small tables, averages, gradients that
     *   are kept whole), for a run that keeps the best weights of large tables on disk. A run
     *   with neither best_folder nor checkpoint_path keeps them in memory: `best_file` bytes
     *   more;
     * - step_bytes: working memory of steps, and everything else that the model and its trainer
     *   need;
     * - row_bytes: rows in memory;
     * - stream_bytes: streamed rows (trainer.memory), whatever their number. */
    int64_t table_bytes, layer_bytes, moment_bytes, copy_bytes, step_bytes;
    int64_t row_bytes, stream_bytes;
    /* Memory that the process may take in addition to what it has, in bytes, as the kernel
     * reports it. */
    int64_t available;
    int64_t model_file, checkpoint_file; /* bytes of the files, within some kilobytes */
    int64_t rows;                        /* rows of an epoch */
    int32_t batch_size;
    int threads;
    double step_seconds;
    int64_t best_file; /* bytes of disk during training (mmoe_trainer_options.best_folder) */
    /* What several ranks exchange in a step, without balancing: layers' weights, and the first
     * layer's sums by id, in bytes; and the number of barriers, and the total number of values
     * that each rank sums at them. */
    int64_t shared_bytes, sum_bytes;
    /* With trainer.lanes: the bytes that ranks also tell each other about the rows of the next
     * batch: ids and lists; labels and weights in a run of one epoch, or if `data` lacks labels or
     * has weights. Only streamed rows of whole blocks count. 0: `data` is in memory and stays
     * there. */
    int64_t told_bytes;
    int32_t n_barrier, n_barrier_number;
    /* The time of an epoch of `rows`, without validation: its steps, the order of its rows, and
     * bringing all rows of deferred tables up to date at its end (settle_seconds). A first epoch
     * takes touch_seconds more, in which the moments of these tables get their memory. */
    double epoch_seconds, settle_seconds, touch_seconds;
    /* [n_of_ranks] For 2, 4 .. mmoe_estimate_options.ranks ranks, at most trainer.segments. */
    const mmoe_rank_estimate *of_ranks;
    size_t n_of_ranks;
    /* The members of the model (model.members). Memory, files, parameters and an epoch are those
     * of all, tables and a step those of one. */
    int32_t members;
} mmoe_estimate;

typedef struct mmoe_estimate_options {
    int threads;  /* threads of the trainer, 1 to 256; 0: one for each processor */
    int64_t rows; /* rows of an epoch; 0: those of `data` */
    /* Rows of the schema, which show how long lists are, and how often ids occur. NULL: lists
     * have one element each, and ids are drawn evenly. */
    const mmoe_dataset *data;
    int ranks; /* the largest number of ranks, a power of two up to 64; 0 and 1: none */
} mmoe_estimate_options;

/* Predicts what training with this configuration and schema would take, without training. The
 * caller frees the estimate.
 *
 * - Memory is counted by creating model and trainer with reserved addresses alone.
 * - Time is measured in steps for about one second, with a model whose tables are cut. Tables
 *   that a step updates completely are cut to some million values; the time to update the rest
 *   is added, at the rate at which weights are updated here. Deferred and lazy tables are cut to
 *   4 GB of weights and moments, and to a quarter of the available memory (to some million
 *   values if training would not fit into memory), because a row takes longer to find among more
 *   rows.
 * - The rows of these steps are those of `data` if no table is cut and they are in memory;
 *   otherwise ids are drawn evenly.
 * - With `ranks`, steps of one of 2, 4 .. ranks are also run, for half a second each.
 *
 * The process's BLAS has one thread during the steps. MMOE_E_ARGUMENT; and, as for
 * mmoe_model_create and mmoe_trainer_create, _CONFIG, _IO, _FORMAT, _VERSION, _MEMORY. */
MMOE_API mmoe_status mmoe_estimate_create(const mmoe_config *config, const mmoe_schema *schema,
                                          const mmoe_estimate_options *options,
                                          const mmoe_allocator *alloc, mmoe_estimate **out,
                                          mmoe_error *err);
MMOE_API void mmoe_estimate_free(mmoe_estimate *estimate);
/* Returns MMOE_E_MEMORY if model and trainer would take more memory than is available. The
 * message has both figures, and how much of the largest table would fit. Call it before
 * mmoe_model_create; all other errors are those of that function. */
MMOE_API mmoe_status mmoe_estimate_check(const mmoe_config *config, const mmoe_schema *schema,
                                         int threads, mmoe_error *err);
/* The same for mmoe_model_create_among: for the weights and moments of this rank. */
struct mmoe_comm;
MMOE_API mmoe_status mmoe_estimate_check_among(const mmoe_config *config, const mmoe_schema *schema,
                                               const struct mmoe_comm *comm, int threads,
                                               mmoe_error *err);

#ifdef __cplusplus
}
#endif

#endif
