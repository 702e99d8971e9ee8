/* mmoe/predictor.h: scoring rows, and counts of what was scored. See mmoe/mmoe.h for the
 * conventions. */
#ifndef MMOE_PREDICTOR_H
#define MMOE_PREDICTOR_H

#include "input.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A predictor scores rows with one model. It has a private copy of the layers' weights, with
 * batch norm folded in, in the layout of its own matrix products. It calls no BLAS and takes no
 * lock. For as many rows as it has memory for (mmoe_predictor_reserve), it allocates nothing. So
 * any number of threads may score at the same time, each with a predictor of its own: create the
 * first one, and clone it for each further thread; clones share the weights.
 *
 * The scores of a row are the same, bit for bit, in every batch, predictor and call (run or
 * rank), under one rounding mode. The library computes in the rounding mode of the caller;
 * only numbers that are read from texts, or written to them, are rounded to nearest in any. */
typedef struct mmoe_predictor mmoe_predictor;

/* Creates a predictor with the weights as they are now. Embeddings are read from the model,
 * which must outlive the predictor. The caller frees the predictor. After training create a new
 * one. If the model's tables have been given other rows since (mmoe_trainer_grow, _resume),
 * calls and clones of the predictor return MMOE_E_ARGUMENT. MMOE_E_ARGUMENT, _MEMORY.
 * MMOE_E_ARGUMENT: also if the environment variable MMOE_KERNELS ("generic", "avx2", "avx512" or
 * "neon") names instructions that the processor does not have; tests and benchmarks set it. */
MMOE_API mmoe_status mmoe_predictor_create(const mmoe_model *model, const mmoe_allocator *alloc,
                                           mmoe_predictor **out, mmoe_error *err);
/* Options for predictors. A zeroed structure gives the behaviour of mmoe_predictor_create. */
typedef struct mmoe_predictor_options {
    /* The largest size, in bytes, of products that are computed in advance. For a column of ids,
     * or of lists of ids, with a small table, the products of its embeddings with the first
     * layers' weights are computed once. A row then looks up the products of its id, or of a
     * list with one id. Columns with few values for the width of their embeddings come first. 0:
     * 64 MB, which is more than is useful, unless embeddings are wider than 256. 1: none. */
    size_t product_bytes;
    /* If not NULL: the predictor is bound to this input. Errors are those of mmoe_input_check.
     * Batches without this input are refused. */
    const mmoe_input *input;
    /* Every predictor, including clones and those of a slot's readers, is created with memory
     * for calls with this many rows, as by mmoe_predictor_reserve. 0: its first call allocates
     * it. */
    size_t rows;
    /* Not 0: final scores will be asked for (mmoe_predictor_score, _top, without an expression
     * of the caller). A model with several tasks and without "score" is then MMOE_E_ARGUMENT
     * here, and at mmoe_slot_publish, instead of at a request. */
    int final_scores;
    void *reserved[4]; /* NULL; else MMOE_E_ARGUMENT */
} mmoe_predictor_options;
/* The same with options, which may be NULL. */
MMOE_API mmoe_status mmoe_predictor_create_with(const mmoe_model *model,
                                                const mmoe_predictor_options *options,
                                                const mmoe_allocator *alloc, mmoe_predictor **out,
                                                mmoe_error *err);
/* Returns the bytes of the products (mmoe_predictor_options.product_bytes), which a predictor
 * shares with its clones. Writes the number of sparse columns that have products to `columns`,
 * which may be NULL. Returns 0 if `predictor` is NULL. */
MMOE_API size_t mmoe_predictor_products(const mmoe_predictor *predictor, int32_t *columns);
/* Creates a predictor with the same weights and its own working memory. `predictor` may be in
 * use by another thread. The two may be freed in any order, from any thread. MMOE_E_ARGUMENT,
 * _MEMORY. */
MMOE_API mmoe_status mmoe_predictor_clone(const mmoe_predictor *predictor,
                                          const mmoe_allocator *alloc, mmoe_predictor **out,
                                          mmoe_error *err);
MMOE_API void mmoe_predictor_free(mmoe_predictor *predictor);

/* Allocates memory for calls with `rows` rows. From then on, calls with at most this many rows
 * allocate nothing, and the first is as fast as the second. A call with more rows allocates
 * memory itself. More than some 240 rows (48 for a wide model) are scored piece by piece and
 * need no more memory; SIZE_MAX: any number of rows. The memory of a slot's reader belongs to
 * the reader, and is used by the predictors of later versions, too. MMOE_E_ARGUMENT, _MEMORY;
 * the predictor is then unchanged. */
MMOE_API mmoe_status mmoe_predictor_reserve(mmoe_predictor *predictor, size_t rows,
                                            mmoe_error *err);
/* Returns the bytes that the predictor has allocated for itself, including the memory for rows.
 * Writes the bytes that it shares with its clones (packed weights and products) to `shared`,
 * which may be NULL. Call it from the thread that uses the predictor. Returns 0 if `predictor`
 * is NULL. */
MMOE_API size_t mmoe_predictor_bytes(const mmoe_predictor *predictor, size_t *shared);

/* Errors of the scoring calls below:
 *
 * - MMOE_E_ARGUMENT: an argument is NULL, a row number is outside of its table, a transformed
 *   value is not finite, or a type does not match the kind of the column;
 * - MMOE_E_DATA: the schema does not allow a raw value;
 * - MMOE_E_MEMORY: there is no memory for so many rows.
 *
 * `err->row` is the row of the batch, from 1, and `err->column` the column. All rows are checked
 * before the first is scored: on failure the output is unchanged. */

/* Writes `scores` [rows, tasks]: for a classification task a probability, for any other task the
 * expected value of its label. The number of rows is not limited. */
MMOE_API mmoe_status mmoe_predictor_run(mmoe_predictor *predictor, const mmoe_batch *batch,
                                        float *scores, mmoe_error *err);

/* The same for one user and many candidates. `user` has one row, with only the columns of the
 * user's side. `items` has one row for each candidate, with only the other columns. Both are in
 * the model's order. The user's share of the first layers is computed once. Writes `scores`
 * [items->rows, tasks]. */
MMOE_API mmoe_status mmoe_predictor_rank(mmoe_predictor *predictor, const mmoe_batch *user,
                                         const mmoe_batch *items, float *scores, mmoe_error *err);

/* Writes the final scores [items->rows]: the value of the model's expression of the tasks'
 * scores, or the score of the only task. `user` NULL: `items` has all columns. MMOE_E_ARGUMENT:
 * also if the model has several tasks and no expression. */
MMOE_API mmoe_status mmoe_predictor_score(mmoe_predictor *predictor, const mmoe_batch *user,
                                          const mmoe_batch *items, float *scores, mmoe_error *err);

/* Finds the best candidates by final score. Writes min(k, items->rows) row numbers (from 0) to
 * `rows` and as many final scores to `scores`, best first. Of equal scores, the lower row number
 * comes first; scores that are NaN come last. `user` as for mmoe_predictor_score. */
MMOE_API mmoe_status mmoe_predictor_top(mmoe_predictor *predictor, const mmoe_batch *user,
                                        const mmoe_batch *items, size_t k, size_t *rows,
                                        float *scores, mmoe_error *err);

/* A final score that the caller defines, in the syntax of "score" in the configuration.
 * Immutable. It can be used with every model that has the same tasks in the same order, such as
 * all models of a slot. */
typedef struct mmoe_expression mmoe_expression;
/* Creates an expression. The caller frees it after its last use. MMOE_E_ARGUMENT: an argument is
 * NULL, or the text is not an expression of the model's tasks, and the message has the place;
 * _MEMORY. */
MMOE_API mmoe_status mmoe_expression_create(const mmoe_model *model, const char *text,
                                            const mmoe_allocator *alloc, mmoe_expression **out,
                                            mmoe_error *err);
MMOE_API void mmoe_expression_free(mmoe_expression *expression);

/* What mmoe_predictor_score_with uses and writes. A zeroed structure in which only the used
 * members are set is valid. */
typedef struct mmoe_scoring {
    const mmoe_expression *expression; /* NULL: that of the model, or its only task */
    float *scores; /* final scores [items->rows], or, of the best rows, [min(k, items->rows)] */
    float *task_scores; /* scores of the tasks for the same rows, [.., tasks]; NULL: not wanted */
    size_t *rows;       /* numbers of the best (mmoe_predictor_top); NULL: all rows, in order */
    size_t k;           /* the number of best rows */
} mmoe_scoring;
/* Does what mmoe_predictor_score does, or, with `rows`, mmoe_predictor_top, with an expression
 * of the caller and the scores of the tasks, all in one pass. */
MMOE_API mmoe_status mmoe_predictor_score_with(mmoe_predictor *predictor, const mmoe_batch *user,
                                               const mmoe_batch *items, const mmoe_scoring *wanted,
                                               mmoe_error *err);

/* ---- Counts ---- */

/* Counts of what was scored. The thread of a predictor counts, without a lock or a locked
 * instruction, and other threads may read at any time. Each number was right a moment ago, but
 * they need not be of the same moment. */
enum { MMOE_SERVED_BINS = 20 };
/* Returns the upper end of bin `bin` of the scores of a task of this type. For a classification
 * it is (bin + 1) / 20. For other types it is 2^(bin - 9): the first bin has all scores below
 * 2^-9, and the last, which ends at infinity, those from 2^9 on. A score equal to the end of a
 * bin belongs to the next bin. NaN: there is no such bin or type. */
MMOE_API double mmoe_served_bin(int type, int bin);

typedef struct mmoe_column_served {
    const char *name; /* the name of the feature; it belongs to the predictor or slot */
    /* Numbers of values that were read: raw elements for lists, else one for each row; for the
     * user's columns when items are ranked, one for each user. Encoded row numbers and inputs
     * never count as missing or unknown. */
    int64_t values, missing, unknown;
    /* Shares of the training rows' values that were missing or unknown; NaN: the model does not
     * know (mmoe_model_meta). */
    double trained_missing, trained_unknown;
} mmoe_column_served;

typedef struct mmoe_task_served {
    const char *name;
    int64_t bins[MMOE_SERVED_BINS];
    /* The sum of the scores, except for rounding: four scores at a time are added as floats. */
    double sum;
    double base_rate; /* the mean label of the training rows; NaN: the model does not know */
} mmoe_task_served;

/* The counts. Zero the structure, and set memory for columns and tasks, before the call. */
typedef struct mmoe_counts {
    /* [n_column] Memory of the caller, for the model's sparse features and then its dense ones.
     * NULL: not wanted. */
    mmoe_column_served *columns;
    /* [n_task] Likewise, for the tasks. */
    mmoe_task_served *tasks;
    /* Set by the call if the arrays are NULL. If they are not, numbers other than those of the
     * model are MMOE_E_ARGUMENT. */
    size_t n_column, n_task;
    uint64_t version; /* for a slot: the current version */
    int64_t rows;     /* rows that got scores */
    int64_t bad_rows; /* invalid rows (mmoe_batch.bad) */
    int64_t users;    /* users whose items were ranked */
} mmoe_counts;
/* Returns the counts of the requests that this predictor has answered; refused requests do not
 * count. For a predictor that a slot's reader holds (mmoe_served), the counts are those of the
 * reader: of all requests that were answered by this predictor, and by those that the reader had
 * before, with models of the same columns and tasks. (mmoe_slot_counts has those of all readers
 * and models.) May be called from any thread while the predictor exists. MMOE_E_ARGUMENT. */
MMOE_API mmoe_status mmoe_predictor_counts(const mmoe_predictor *predictor, mmoe_counts *out,
                                           mmoe_error *err);

#ifdef __cplusplus
}
#endif

#endif
