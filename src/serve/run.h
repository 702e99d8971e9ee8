/* A predictor's memory, and a chunk of rows taken through its program. */
#ifndef MMOE_SERVE_RUN_H
#define MMOE_SERVE_RUN_H

#include "serve/bound.h"
#include "serve/program.h"
#include "serve/request.h"

/* Working memory, as much as calls so far have needed (scratch.h). */
typedef struct mmoe_scratch {
    mmoe_allocator alloc; /* a tally */
    float *memory;        /* NULL: none yet */
    size_t floats;
} mmoe_scratch;

struct mmoe_predictor {
    mmoe_allocator alloc; /* a tally */
    mmoe_program *program;
    mmoe_scratch own, *scratch; /* its own, or lent by a slot's reader */
    size_t room;                /* rows of what stands in the scratch memory: a chunk at most */
    float *values;              /* [room, row_floats] of the program, value by value */
    float *starts;    /* [members, first_cols] of the first layers: start plus the user's share */
    float *dense;     /* [room, dense_width] */
    float *column;    /* [room] of a task's scores */
    float *scores;    /* [room, tasks] */
    float *of_member; /* [room, tasks] of one behind the first; where there is one */
    float *finals;    /* [room] */
    float *stack;     /* [depth of the final score, room] */
    int32_t *ids;     /* [room, n_sparse] */
    int32_t *at;      /* [room, n_column of the products] */
    int32_t *is_bad;  /* [room] rows that are at fault */
    int32_t stack_floats; /* in `stack`: of an expression of MMOE_SCORE_DEPTH 16 rows, at least */
    mmoe_bound_batch bound;
    mmoe_counting counting;
};

/* The user's share of the first layers, of a batch of one row that was checked. */
void mmoe_serve_user(mmoe_predictor *p, const mmoe_request *user);
/* Scores [rows, tasks] of rows [first, first + rows) of a batch that was checked, at most a chunk;
 * `ranked`: it has the items' columns, and mmoe_serve_user has gone before. */
void mmoe_serve_rows(mmoe_predictor *p, const mmoe_request *batch, bool ranked, size_t first,
                     int32_t rows, float *scores);

#endif
