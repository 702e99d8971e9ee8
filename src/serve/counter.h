/* What a predictor counts: its thread alone writes, any thread reads.
 *
 * A call of few rows costs little more than a copy of its scores: they are laid aside, and become
 * counts when there are many (`turn` is odd meanwhile), or when somebody reads, who has counts of
 * his own. The writer waits for nobody; a reader looks again if a turn went by. */
#ifndef MMOE_SERVE_COUNTER_H
#define MMOE_SERVE_COUNTER_H

#include <stdatomic.h>

#include "data/encode.h"
#include "serve/counted.h"

typedef _Atomic int64_t mmoe_sum;
/* Rows with scores and at fault, whole ones and, one behind, a user's items; users. Each grows
 * only, and so do sums of them. */
enum { MMOE_SUM_ROWS, MMOE_SUM_BAD = 2, MMOE_SUM_USERS = 4, MMOE_SUMS };
/* Of a column. */
enum { MMOE_SUM_ELEMENTS, MMOE_SUM_MISSING, MMOE_SUM_UNKNOWN, MMOE_COLUMN_SUMS };

enum { MMOE_ASIDE_ROWS = MMOE_BINS_ROWS };

typedef struct mmoe_counter {
    const mmoe_counted *of;
    mmoe_sum sums[MMOE_SUMS];
    mmoe_sum *columns;       /* [n_column, MMOE_COLUMN_SUMS] */
    mmoe_sum *bins;          /* [n_task, MMOE_SERVED_BINS] */
    _Atomic double *scores;  /* [n_task] their sums */
    _Atomic float *aside;    /* [MMOE_ASIDE_ROWS, n_task] scores that are not among these yet, */
    _Atomic int32_t n_aside; /* the first so many rows */
    _Atomic uint32_t turn;
} mmoe_counter;
/* All 0; `of` must outlive it. False: memory is out. */
bool mmoe_counter_init(mmoe_counter *counter, const mmoe_counted *of, const mmoe_allocator *alloc);
void mmoe_counter_finish(mmoe_counter *counter, const mmoe_allocator *alloc);

/* A predictor's counting. */
typedef struct mmoe_counting {
    mmoe_counter own, *to; /* to: its own or that of a slot's reader */
    mmoe_seen *seen;       /* [n_seen] what was read of rows that are yet to be scored */
    int32_t n_seen;
    bool any; /* of `seen` */
} mmoe_counting;
/* Where it is to stay. To `counter`, of the same columns, which must outlive it; NULL: to its own.
 * False: memory is out. */
bool mmoe_counting_init(mmoe_counting *counting, const mmoe_counted *of, mmoe_counter *counter,
                        const mmoe_allocator *alloc);
void mmoe_counting_finish(mmoe_counting *counting, const mmoe_allocator *alloc);
/* Forgets what was read of a request that is not scored. */
void mmoe_counting_drop(mmoe_counting *counting);

/* A chunk's rows, with their scores [rows, n_task]; `ranked`: they are a user's items. */
void mmoe_counting_add(mmoe_counting *counting, const float *scores, int32_t rows, bool ranked);
/* The same, but for those that are at fault. */
void mmoe_counting_add_around(mmoe_counting *counting, const int32_t *is_bad, const float *scores,
                              int32_t rows, bool ranked);
/* A user was read, whose items are scored. */
void mmoe_counting_user(mmoe_counting *counting);

/* What mmoe_predictor_counts and mmoe_slot_counts give (counts.c). `places`: of a model's columns
 * among those that are told; NULL: they are the same. */
/* Zeros. MMOE_E_ARGUMENT: there is no room. */
mmoe_status mmoe_counts_begin(int32_t n_column, int32_t n_task, mmoe_counts *out, mmoe_error *err);
void mmoe_counts_name(const mmoe_counted *of, const int32_t *places, mmoe_counts *out);
/* What the model knows of its training rows. */
void mmoe_counts_compare(const mmoe_model *model, const int32_t *places, mmoe_counts *out);
void mmoe_counts_add(const mmoe_counter *counter, const int32_t *places, mmoe_counts *out);

#endif
