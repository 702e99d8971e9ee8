/* mmoe/estimate.h: what training takes, before it begins. See mmoe/mmoe.h for the conventions. */
#ifndef MMOE_ESTIMATE_H
#define MMOE_ESTIMATE_H

#include "data.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- What training takes ---- */

enum { MMOE_RANK_SHARES = 7 }; /* numbers of ranks: 1, 2, 4 .. 64 */

/* An embedding table, as training would have it. */
typedef struct mmoe_table_estimate {
    const char *name; /* of the feature that owns it */
    int64_t rows;
    int32_t width;
    int64_t bytes;        /* of its weights */
    int64_t moment_bytes; /* of its moments, and of the last steps of its rows */
    const char *update;   /* "dense", "deferred", "lazy", or "none" of a frozen one; static */
    const char *why;      /* a sentence; static */
    /* Distinct rows that one of 2^i ranks reads in its share of a batch, on average. They are
     * counted in some batches of mmoe_estimate_options.data; without it ids are assumed to be drawn
     * evenly.
     */
    double met[MMOE_RANK_SHARES];
} mmoe_table_estimate;

/* A pass over a node in a step, as a profile has it (mmoe_profile_entry). */
typedef struct mmoe_part_estimate {
    const char *node, *pass;
    double seconds; /* of a step, summed over the workers */
    double flops;   /* of its GEMMs; 0: none */
} mmoe_part_estimate;

/* Memory and time of one of several ranks (mmoe_trainer_join): of the first, which owns as much as
 * any other. The members of the same name are as those of mmoe_estimate. In memory a rank has all
 * rows; of streamed rows it has its lanes (trainer.lanes). */
typedef struct mmoe_rank_estimate {
    int32_t ranks;
    int64_t table_bytes, layer_bytes, moment_bytes, copy_bytes, step_bytes;
    int64_t row_bytes, stream_bytes;
    /* Time of its part of a step, measured: all that it computes, copies and adds up, but no time
     * for messages. */
    double step_seconds;
} mmoe_rank_estimate;

typedef struct mmoe_estimate {
    const mmoe_table_estimate *tables; /* [n_table] */
    const mmoe_part_estimate *parts;   /* [n_part], in the order of a step */
    size_t n_table, n_part;
    int64_t parameters; /* trainable values */
    /* Bytes of memory: weights of tables, and of layers with running statistics; moments, with last
     * steps; copies of weights (the best of small tables, averages, gradients that are kept whole);
     * working memory of steps, and all else that the model and its trainer take; rows in memory,
     * and rows that are streamed (trainer.memory), whatever their number. The copies are of a run
     * that keeps the best weights of large tables on disk; one that has neither best_folder nor
     * checkpoint_path has them in memory, `best_file` bytes more. */
    int64_t table_bytes, layer_bytes, moment_bytes, copy_bytes, step_bytes;
    int64_t row_bytes, stream_bytes;
    int64_t available; /* what the process may take beside what it has, by the kernel's word */
    int64_t model_file, checkpoint_file; /* bytes of files, to some kilobytes */
    int64_t rows;                        /* of an epoch */
    int32_t batch_size;
    int threads;
    double step_seconds;
    int64_t best_file; /* bytes of disk while it trains (mmoe_trainer_options.best_folder) */
    /* What several ranks exchange in a step (without balancing): layers' weights, and sums by id of
     * the first layer, in bytes; barriers, at which each rank adds up so many numbers in all. */
    int64_t shared_bytes, sum_bytes;
    /* With trainer.lanes, what ranks tell each other of the next batch's rows, in bytes: ids and
     * lists; labels and weights in a run of one epoch, or where `data` lacks labels or has weights.
     * Only rows of whole blocks that are streamed are told; 0 if `data` stays in memory. */
    int64_t told_bytes;
    int32_t n_barrier, n_barrier_number;
    /* Of an epoch of `rows`, without validation: its steps, its order, and bringing all rows of
     * deferred tables up to date at its end, which `settle_seconds` are of. A first epoch takes
     * `touch_seconds` more, in which those tables' moments get their memory. */
    double epoch_seconds, settle_seconds, touch_seconds;
    const mmoe_rank_estimate *of_ranks; /* [n_of_ranks] of 2, 4 .. mmoe_estimate_options.ranks, as
                                           far as trainer.segments goes */
    size_t n_of_ranks;
} mmoe_estimate;

typedef struct mmoe_estimate_options {
    int threads;  /* of the trainer, 1 to 256; 0: one a processor */
    int64_t rows; /* of an epoch; 0: those of `data` */
    /* Rows of the schema, from which the length of lists and the repetition of ids are taken; NULL:
     * lists have one element each, and ids are drawn evenly. */
    const mmoe_dataset *data;
    int ranks; /* estimate 2, 4 .. so many ranks, a power of two up to 64; 0 and 1: none */
} mmoe_estimate_options;

/* What training by this configuration and schema would take, without training.
 *
 * Memory is computed by making a model and a trainer without allocating their memory. Time is
 * measured: for about a second, steps are made of a model whose large tables are cut. Tables that a
 * step updates whole are cut to some million values, and the time to update the others is added at
 * the measured rate. Deferred and lazy tables are cut to 4 GB of weights and moments, and to a
 * quarter of the free memory (if that is too little for all: to some million values); they stay
 * large because a row among many takes longer to find. The steps take rows of `data` if no table is
 * cut and they are in memory, else rows with evenly drawn ids. With `ranks`, steps of the first of
 * 2, 4 .. ranks are measured for half a second each.
 *
 * The caller frees the estimate. MMOE_E_ARGUMENT; as mmoe_model_create and mmoe_trainer_create:
 * _CONFIG, _IO, _FORMAT, _VERSION, _MEMORY. */
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
/* The same for mmoe_model_create_among: of this rank's weights and moments. */
struct mmoe_comm;
MMOE_API mmoe_status mmoe_estimate_check_among(const mmoe_config *config, const mmoe_schema *schema,
                                               const struct mmoe_comm *comm, int threads,
                                               mmoe_error *err);

#ifdef __cplusplus
}
#endif

#endif
