/* mmoe/predictor.h: scores of rows, and what was scored, counted. See mmoe/mmoe.h for the
 * conventions. */
#ifndef MMOE_PREDICTOR_H
#define MMOE_PREDICTOR_H

#include "input.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Scores rows with one model. It has a private copy of the layers' weights, batch norm folded in,
 * laid out for its own matrix products: it calls no BLAS, takes no lock and, for as many rows as it
 * has room for (mmoe_predictor_reserve), allocates nothing, so any number of threads may run at
 * once. A predictor serves one thread at a time: make one with create, and one a further thread
 * with clone, which shares the weights. A row's scores are the same to the bit in whatever batch,
 * predictor and call (run or rank) it stands, under one rounding mode: the library computes in the
 * caller's. (Texts of numbers, as of a file, are those of rounding to nearest in any.) */
typedef struct mmoe_predictor mmoe_predictor;

/* Takes the weights as they are now; embeddings are read in the model, which must outlive the
 * predictor. After training make a new one; where the model's tables have got other rows meanwhile
 * (mmoe_trainer_grow, _resume) its calls, and clones of it, are MMOE_E_ARGUMENT. MMOE_E_ARGUMENT,
 * _MEMORY. (MMOE_E_ARGUMENT, too, where the environment variable MMOE_KERNELS, "generic", "avx2",
 * "avx512" or "neon", names instructions that the processor has not: tests and benchmarks set it.)
 */
MMOE_API mmoe_status mmoe_predictor_create(const mmoe_model *model, const mmoe_allocator *alloc,
                                           mmoe_predictor **out, mmoe_error *err);
/* A zeroed structure is what mmoe_predictor_create does. */
typedef struct mmoe_predictor_options {
    /* Of a column of ids, or lists of them, whose table is small, the products of its embeddings
     * with the first layers' weights are made once, and a row looks those of its id, or of a list
     * of one, up: at most so many bytes of them, those of the columns with few values for the width
     * of their embeddings first. 0: 64 MB, more than what pays takes unless embeddings are wider
     * than 256. 1: none. */
    size_t product_bytes;
    /* Not NULL: the predictor is bound to it, and what mmoe_input_check finds is the call's error.
     * Batches without it are refused. */
    const mmoe_input *input;
    /* Each predictor, clones and those of a slot's readers too, is made with room for calls of so
     * many rows, as mmoe_predictor_reserve makes it. 0: its first call makes room. */
    size_t rows;
    /* Not 0: final scores are asked for (mmoe_predictor_score, _top, without an expression of the
     * caller's): a model of several tasks without "score" is MMOE_E_ARGUMENT, here and not first at
     * a request; so is its mmoe_slot_publish. */
    int final_scores;
    void *reserved[4]; /* NULL; else MMOE_E_ARGUMENT */
} mmoe_predictor_options;
/* `options` may be NULL. */
MMOE_API mmoe_status mmoe_predictor_create_with(const mmoe_model *model,
                                                const mmoe_predictor_options *options,
                                                const mmoe_allocator *alloc, mmoe_predictor **out,
                                                mmoe_error *err);
/* The bytes of these products, which a predictor shares with its clones; to `columns`, which may be
 * NULL, of how many sparse columns they are. 0: it is NULL. */
MMOE_API size_t mmoe_predictor_products(const mmoe_predictor *predictor, int32_t *columns);
/* A predictor with the same weights and working memory of its own; `predictor` may be in use by
 * another thread. They may be freed in any order, from any thread. MMOE_E_ARGUMENT, _MEMORY. */
MMOE_API mmoe_status mmoe_predictor_clone(const mmoe_predictor *predictor,
                                          const mmoe_allocator *alloc, mmoe_predictor **out,
                                          mmoe_error *err);
MMOE_API void mmoe_predictor_free(mmoe_predictor *predictor);

/* Makes room for calls of `rows` rows: from now on those of so many, or fewer, allocate nothing,
 * and the first is as fast as the second. A call of more makes room itself. Rows beyond some 240
 * (48 of a wide model) are scored piece by piece and take no more room; SIZE_MAX: any number. What
 * a slot's reader holds is its own, and serves the predictors of later versions too.
 * MMOE_E_ARGUMENT, _MEMORY; the predictor is then as it was. */
MMOE_API mmoe_status mmoe_predictor_reserve(mmoe_predictor *predictor, size_t rows,
                                            mmoe_error *err);
/* Bytes that it has asked its allocator for and holds alone, with the room for rows; to `shared`,
 * which may be NULL, those that it shares with its clones: packed weights and products. Of a
 * predictor of its own thread. 0: it is NULL. */
MMOE_API size_t mmoe_predictor_bytes(const mmoe_predictor *predictor, size_t *shared);

/* Errors of the four calls below: MMOE_E_ARGUMENT (NULL, a row number outside its table, a
 * transformed value that is not finite, a type that is not the column's kind), MMOE_E_DATA (a raw
 * value that the schema does not allow), MMOE_E_MEMORY (there is no room for so many rows);
 * `err->row` is the 1-based row of the batch and `err->column` the column. All rows are checked
 * before the first is scored: on failure the output is as it was. */

/* Writes `scores` [rows, tasks]: a probability for a classification task, for another the value
 * that its labels are expected to have. Any number of rows. */
MMOE_API mmoe_status mmoe_predictor_run(mmoe_predictor *predictor, const mmoe_batch *batch,
                                        float *scores, mmoe_error *err);

/* The same for one user and many candidates: `user` has one row, of the columns of the user's side
 * alone, and `items` a row a candidate, of the others alone; both in the model's order. The user's
 * share of the first layers is computed once. Writes `scores` [items->rows, tasks]. */
MMOE_API mmoe_status mmoe_predictor_rank(mmoe_predictor *predictor, const mmoe_batch *user,
                                         const mmoe_batch *items, float *scores, mmoe_error *err);

/* Writes the final scores [items->rows]: the model's expression of the tasks' scores, or the score
 * of a model's only task. `user` NULL: `items` has all columns. MMOE_E_ARGUMENT too when the model
 * has several tasks and no expression. */
MMOE_API mmoe_status mmoe_predictor_score(mmoe_predictor *predictor, const mmoe_batch *user,
                                          const mmoe_batch *items, float *scores, mmoe_error *err);

/* The best candidates by final score, best first: row numbers (from 0) to `rows` and final scores
 * to `scores`, min(k, items->rows) of each. Of equal scores the lower row number comes first; a
 * score that is not a number comes last. `user` as in mmoe_predictor_score. */
MMOE_API mmoe_status mmoe_predictor_top(mmoe_predictor *predictor, const mmoe_batch *user,
                                        const mmoe_batch *items, size_t k, size_t *rows,
                                        float *scores, mmoe_error *err);

/* A final score of the caller's, as "score" in the configuration says the model's. Immutable; of
 * every model that has the same tasks in the same order, as those of a slot have. */
typedef struct mmoe_expression mmoe_expression;
/* MMOE_E_ARGUMENT (NULL; no expression of the model's tasks: the message has the place), _MEMORY.
 * The caller frees it after its last use. */
MMOE_API mmoe_status mmoe_expression_create(const mmoe_model *model, const char *text,
                                            const mmoe_allocator *alloc, mmoe_expression **out,
                                            mmoe_error *err);
MMOE_API void mmoe_expression_free(mmoe_expression *expression);

/* What mmoe_predictor_score_with writes; a zeroed structure with the members that are used set is
 * valid. */
typedef struct mmoe_scoring {
    const mmoe_expression *expression; /* NULL: the model's, or its only task */
    float *scores;      /* final scores [items->rows], or of the best [min(k, items->rows)] */
    float *task_scores; /* the same rows' of the tasks, [.., tasks]; NULL: not wanted */
    size_t *rows;       /* numbers of the best, as of mmoe_predictor_top; NULL: all, in order */
    size_t k;           /* how many are the best */
} mmoe_scoring;
/* mmoe_predictor_score, or with `rows` mmoe_predictor_top, with an expression of one's own and the
 * scores of the tasks, all in one pass. */
MMOE_API mmoe_status mmoe_predictor_score_with(mmoe_predictor *predictor, const mmoe_batch *user,
                                               const mmoe_batch *items, const mmoe_scoring *wanted,
                                               mmoe_error *err);

/* ---- Counts ---- */

/* What was scored, counted by the way. A predictor's thread counts, without a lock or a locked
 * instruction, and other threads may read at any time: each number is one that was right a moment
 * ago, not all of the same moment. */
enum { MMOE_SERVED_BINS = 20 };
/* Where bin `bin` of the scores of such a task ends: (bin + 1) / 20 of a classification, else
 * 2^(bin - 9), so that the first has all below 2^-9 and the last, which ends at infinity, those
 * from 2^9 on. A score that is a bin's end is in the next one. NaN: there is no such bin or type.
 */
MMOE_API double mmoe_served_bin(int type, int bin);

typedef struct mmoe_column_served {
    const char *name; /* of the feature; belongs to the predictor or slot */
    /* Values that were read: of lists the raw elements, else one a row, or, of the user's columns
     * when items are ranked, one a user. Ready row numbers and inputs are never missing or unknown.
     */
    int64_t values, missing, unknown;
    double trained_missing, trained_unknown; /* shares of the training rows' values; NaN: the model
                                                does not know (mmoe_model_meta) */
} mmoe_column_served;

typedef struct mmoe_task_served {
    const char *name;
    int64_t bins[MMOE_SERVED_BINS];
    double sum;       /* of the scores, but for a float's rounding of four at a time */
    double base_rate; /* the mean label of the training rows; NaN: the model does not know */
} mmoe_task_served;

/* Zeroed, and with room for columns and tasks, before the call. */
typedef struct mmoe_counts {
    mmoe_column_served *columns; /* [n_column] of the caller's: the model's sparse features, then
                                    its dense ones; NULL: not wanted */
    mmoe_task_served *tasks;     /* [n_task] likewise */
    size_t n_column, n_task;     /* set by the call where the arrays are NULL; other numbers than
                                    the model's are MMOE_E_ARGUMENT */
    uint64_t version;            /* of a slot: the current one */
    int64_t rows;                /* that got scores */
    int64_t bad_rows;            /* that were at fault (mmoe_batch.bad) */
    int64_t users;               /* whose items were ranked */
} mmoe_counts;
/* Of requests that this predictor has answered; those that were refused do not count. One that a
 * slot's reader holds (mmoe_served) counts with the reader: of all requests that were answered by
 * it, and by whoever had it before, with models of the same columns and tasks (mmoe_slot_counts has
 * those of all readers and models). Any thread, as long as the predictor is there.
 * MMOE_E_ARGUMENT. */
MMOE_API mmoe_status mmoe_predictor_counts(const mmoe_predictor *predictor, mmoe_counts *out,
                                           mmoe_error *err);

#ifdef __cplusplus
}
#endif

#endif
