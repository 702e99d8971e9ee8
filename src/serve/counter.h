/* What a predictor counts: its thread alone writes, any thread reads, and nobody waits. */
#ifndef MMOE_SERVE_COUNTER_H
#define MMOE_SERVE_COUNTER_H

#include <stdatomic.h>

#include "data/encode.h"
#include "model/model.h"

/* Columns that are counted: the sparse ones of a model, then the dense ones. */
typedef struct mmoe_counted_column {
    char *name;
    bool is_list, is_user;
} mmoe_counted_column;

typedef struct mmoe_counted_task {
    char *name;
    bool is_probability;
} mmoe_counted_task;

/* What is counted, of whatever became of the model that said it. */
typedef struct mmoe_counted {
    mmoe_allocator alloc;
    int32_t n_column, n_task;
    mmoe_counted_column *columns;
    mmoe_counted_task *tasks;
} mmoe_counted;
/* MMOE_E_MEMORY. */
mmoe_status mmoe_counted_init(mmoe_counted *counted, const struct mmoe_schema *schema,
                              const mmoe_allocator *alloc, mmoe_error *err);
void mmoe_counted_finish(mmoe_counted *counted);
/* Which of them a model's columns are, -1 for none, to *out, for the caller to release; NULL: they
 * are the same. MMOE_E_MEMORY. */
mmoe_status mmoe_counted_find(const mmoe_counted *counted, const struct mmoe_schema *schema,
                              const mmoe_allocator *alloc, int32_t **out, mmoe_error *err);

typedef _Atomic int64_t mmoe_sum;
/* Of all columns together; rows include those at fault. */
enum { MMOE_SUM_ROWS, MMOE_SUM_BAD, MMOE_SUM_USERS, MMOE_SUM_RANKED, MMOE_SUMS };
/* Of a column. */
enum { MMOE_SUM_ELEMENTS, MMOE_SUM_MISSING, MMOE_SUM_UNKNOWN, MMOE_COLUMN_SUMS };

typedef struct mmoe_counter {
    const mmoe_counted *of;
    mmoe_sum sums[MMOE_SUMS];
    mmoe_sum *columns;      /* [n_column, MMOE_COLUMN_SUMS] */
    mmoe_sum *bins;         /* [n_task, MMOE_SERVED_BINS] */
    _Atomic double *scores; /* [n_task] their sums */
} mmoe_counter;
/* All 0; `of` must outlive it. False: memory is out. */
bool mmoe_counter_init(mmoe_counter *counter, const mmoe_counted *of, const mmoe_allocator *alloc);
void mmoe_counter_finish(mmoe_counter *counter, const mmoe_allocator *alloc);

/* A predictor's counting. */
typedef struct mmoe_counting {
    mmoe_counter own;
    mmoe_counter *to;      /* that of a slot's reader; NULL: its own */
    const int32_t *places; /* [n_seen] the model's columns among the counted; NULL: the same */
    mmoe_seen *seen;       /* [n_seen] what was read of rows that are yet to be scored */
    int32_t n_seen;
} mmoe_counting;
bool mmoe_counting_init(mmoe_counting *counting, const mmoe_counted *of,
                        const mmoe_allocator *alloc);
void mmoe_counting_finish(mmoe_counting *counting, const mmoe_allocator *alloc);
/* Forgets what was read of a request that is not scored. */
void mmoe_counting_drop(mmoe_counting *counting);

/* A chunk of a request. */
typedef struct mmoe_counted_rows {
    const float *scores;   /* [rows, n_task] */
    const int32_t *is_bad; /* [rows] those at fault; NULL: none is */
    int32_t rows;
    bool ranked; /* items of a user */
    bool is_raw; /* raw values were read */
} mmoe_counted_rows;
void mmoe_counting_add(mmoe_counting *counting, const mmoe_counted_rows *rows);
/* A user was read, whose items are scored. */
void mmoe_counting_user(mmoe_counting *counting);

/* What mmoe_predictor_counts and mmoe_slot_counts give: zeros and names, then counter by counter.
 * MMOE_E_ARGUMENT: there is no room. */
mmoe_status mmoe_counts_begin(const mmoe_counted *of, const mmoe_model *model, mmoe_counts *out,
                              mmoe_error *err);
void mmoe_counts_add(const mmoe_counter *counter, mmoe_counts *out);

#endif
