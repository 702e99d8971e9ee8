/* mmoe/inspect.h: profiles, and what gates and experts do. See mmoe/mmoe.h for the conventions. */
#ifndef MMOE_INSPECT_H
#define MMOE_INSPECT_H

#include "data.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Profile ---- */

/* Where the time of training steps goes, node by node. One trainer at a time writes to it. */
typedef struct mmoe_profile mmoe_profile;

/* Keeps the first `max_slices` slices (a node's work on a chunk of rows: 48 bytes each) of each
 * worker for the trace, and sums over all of them. The caller frees it, after its trainer.
 * MMOE_E_ARGUMENT, _MEMORY. */
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
 * a chunk, with its GFLOP and bytes. MMOE_E_ARGUMENT, _IO, _MEMORY. */
MMOE_API mmoe_status mmoe_profile_write(const mmoe_profile *profile, const char *path,
                                        mmoe_error *err);

/* The machine's GEMM peak in flop/s: `threads` workers, 1 to 256, at once multiply 512 x 512
 * matrices, each single-threaded, best of forty runs of about 5 ms. The process's BLAS has one
 * thread meanwhile. MMOE_E_ARGUMENT, _MEMORY; _IO: the system gives no thread. */
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
 * inspection, which stands for itself: MMOE_E_ARGUMENT, _MEMORY; _IO: the system gives no thread;
 * where rows are streamed _IO and _FORMAT. */
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

#ifdef __cplusplus
}
#endif

#endif
