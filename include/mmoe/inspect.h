/* mmoe/inspect.h: profiles of training, and what gates and experts do. See mmoe/mmoe.h for the
 * conventions. */
#ifndef MMOE_INSPECT_H
#define MMOE_INSPECT_H

#include "data.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Profile ---- */

/* The time of training steps, node by node. Only one trainer at a time may write to a profile. */
typedef struct mmoe_profile mmoe_profile;

/* Creates a profile. It keeps the first `max_slices` slices of each worker for the trace, and
 * sums over all slices. A slice is a node's work on a chunk of rows, and takes 48 bytes. The
 * caller frees the profile after its trainer. MMOE_E_ARGUMENT, _MEMORY. */
MMOE_API mmoe_status mmoe_profile_create(size_t max_slices, const mmoe_allocator *alloc,
                                         mmoe_profile **out, mmoe_error *err);
MMOE_API void mmoe_profile_free(mmoe_profile *profile);
/* Clears all slices and sums, for example after a warm-up. */
MMOE_API void mmoe_profile_reset(mmoe_profile *profile);

typedef struct mmoe_profile_entry {
    const char *node; /* "experts+gates 1"; belongs to the profile */
    const char *pass; /* "linear", "linear backward", "linear weights" ...; static */
    int64_t calls;
    double seconds; /* summed over the workers */
    double flops;   /* floating-point operations of GEMMs; 0: none */
    double bytes;   /* bytes read and written, each operand once */
} mmoe_profile_entry;
/* Writes entry `index`, in the order of a step, to `out`. Returns 0, or -1 past the last entry. */
MMOE_API int mmoe_profile_entry_at(const mmoe_profile *profile, size_t index,
                                   mmoe_profile_entry *out);
/* Writes a trace for Perfetto or chrome://tracing (JSON). It has one row for each worker, and
 * one slice for each node's work on a chunk, with its GFLOP and bytes. MMOE_E_ARGUMENT, _IO,
 * _MEMORY. */
MMOE_API mmoe_status mmoe_profile_write(const mmoe_profile *profile, const char *path,
                                        mmoe_error *err);

/* Measures the machine's GEMM peak, in floating-point operations a second: `threads` workers, 1
 * to 256, multiply 512 x 512 matrices at the same time, each with one thread. The result is the
 * best of forty runs of about 5 ms. The process's BLAS has one thread meanwhile.
 * MMOE_E_ARGUMENT, _MEMORY; _IO: the system gives no thread. */
MMOE_API mmoe_status mmoe_gemm_peak(int threads, const mmoe_allocator *alloc,
                                    double *flops_per_second, mmoe_error *err);
/* Return the BLAS in use, "OpenBLAS 0.3.21 ...", and the processor that it has detected,
 * "Cooperlake". Static. */
MMOE_API const char *mmoe_blas_version(void);
MMOE_API const char *mmoe_blas_core_type(void);
/* Returns the instruction set of the library's own kernels: "avx512", "avx2", "neon" or
 * "generic"; static. It is the best one of the processor. If the environment variable
 * MMOE_KERNELS named one of them when the process first computed, it is that one; use this for
 * tests and benchmarks. */
MMOE_API const char *mmoe_kernel_set(void);
/* Returns MMOE_E_ARGUMENT if MMOE_KERNELS names a set that this processor does not have; the
 * message lists those that it has. Predictors, trainers, evaluations and inspections fail in the
 * same way. */
MMOE_API mmoe_status mmoe_kernel_set_check(mmoe_error *err);

/* ---- Inspection ---- */

/* How a gate distributes its weights g_1 .. g_n over its n experts, measured on rows of a data
 * set. */
typedef struct mmoe_gate_use {
    const char *name; /* the name of its tensors: "gates.1", "cgc_layers.0.gate_shared" */
    /* The task; NULL: the gate serves all tasks (that of OMoE, the shared ones of PLE). */
    const char *task;
    int32_t level; /* the level, from 1; only PLE has several */
    int32_t n_expert;
    const char *const *experts; /* [n_expert] the names of the experts' tensors: "experts.3" */
    const double *mean_weight;  /* [n_expert] mean of g_e over the rows */
    /* [n_expert] The share of the rows in which the expert has the largest weight; of equal
     * weights the first counts. */
    const double *largest;
    double entropy; /* mean over the rows of -sum_e g_e ln g_e */
    /* entropy / ln n: 1 if all rows weigh all experts equally, 0 if each row uses one expert;
     * NaN with one expert. */
    double normalised_entropy;
    /* The number of this gate's experts that no gate uses: no gate gives them a mean weight of
     * 0.01 / n or more. */
    int32_t n_unused;
    /* 1: n > 1, and the mean weight of an expert is above 0.95, or at least half of the experts
     * are not used. */
    int collapsed;
} mmoe_gate_use;

/* An expert, or its equivalent: a bottom, or the network of a task (single_task, cross_stitch). */
typedef struct mmoe_expert_use {
    const char *name; /* "experts.3", "cgc_layers.0.experts_shared.1", "bottoms.0" */
    int32_t level;    /* the level of the gates that mix it; 1 if there are none */
    int32_t width;    /* the number of its outputs */
    int32_t n_unit;   /* the number of units of all its layers */
    int32_t n_dead; /* the number of units whose output, after the activation, is 0 in every row */
    int unused;     /* 1: there are gates, and none uses it (mmoe_gate_use.n_unused) */
    /* The exponential of the entropy of the outputs' normalised singular values (Roy and
     * Vetterli 2007), from 1 to `width`. 0: all rows have the same outputs; NaN: outputs are not
     * finite. */
    double effective_rank;
} mmoe_expert_use;

typedef struct mmoe_inspection {
    int64_t rows; /* rows of the data set, used for gates and dead units */
    /* Rows used for effective_rank and similarity: at most 2048, evenly taken from `rows`.
     * Outputs are centred over these rows. */
    int32_t sampled;
    int32_t n_gate, n_expert;
    const mmoe_gate_use *gates;     /* [n_gate] ordered by level; none in a model without gates */
    const mmoe_expert_use *experts; /* [n_expert]; none in ESMM */
    /* [n_expert, n_expert] Linear CKA (Kornblith et al., ICML 2019) of two experts' outputs: 1
     * if they differ only by rotation and scale, 0 if they are uncorrelated. NaN: the experts
     * have different levels, or outputs that are the same in every row or not finite. */
    const double *similarity;
} mmoe_inspection;

/* Examines what the gates and experts of a model, of several members the first, do on a data set
 * of at least one row, in double precision, with `threads` workers (0: one for each processor).
 * The result does not depend on their number. Labels and weights of rows are not used. Does not
 * change the process's BLAS threads. The caller frees the inspection, which does not refer to the
 * model or the data set. MMOE_E_ARGUMENT, _MEMORY; _IO: the system gives no thread; if rows are
 * streamed, also _IO and _FORMAT of their files. */
MMOE_API mmoe_status mmoe_inspect(const mmoe_model *model, const mmoe_dataset *dataset, int threads,
                                  const mmoe_allocator *alloc, mmoe_inspection **out,
                                  mmoe_error *err);
/* Options of mmoe_inspect_with. */
typedef struct mmoe_inspect_options {
    int threads;
    const mmoe_watcher *watcher; /* is told of the rows; NULL: none */
} mmoe_inspect_options;
/* The same with options; NULL is a zeroed structure. */
MMOE_API mmoe_status mmoe_inspect_with(const mmoe_model *model, const mmoe_dataset *dataset,
                                       const mmoe_inspect_options *options,
                                       const mmoe_allocator *alloc, mmoe_inspection **out,
                                       mmoe_error *err);
MMOE_API void mmoe_inspection_free(mmoe_inspection *inspection);

#ifdef __cplusplus
}
#endif

#endif
