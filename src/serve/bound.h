/* A program's columns found in an input: once, when it is bound, so that a request copies them by
 * number. */
#ifndef MMOE_SERVE_BOUND_H
#define MMOE_SERVE_BOUND_H

#include "data/input.h"
#include "serve/step.h"

/* Where a column that the program reads stands in a batch of the input. */
typedef struct mmoe_bound_place {
    int32_t column;   /* of the batch, or of the user's */
    int32_t list;     /* of its lists */
    bool is_repeated; /* it is the user's, and the same for every item */
} mmoe_bound_place;

/* Of what a batch has, all columns, the user's or the items'. */
typedef struct mmoe_bound_side {
    size_t given;                    /* columns of the batch */
    const mmoe_input_column **types; /* [given] */
    mmoe_bound_place *places;        /* of the sparse columns, a cross's parts in its place, then of
                                        the dense ones */
} mmoe_bound_side;

typedef struct mmoe_serve_bound {
    const mmoe_input *input;
    size_t n_place; /* of all columns, and so the most of any side */
    mmoe_bound_side sides[MMOE_SERVE_SIDES];
} mmoe_serve_bound;

/* A predictor's working memory: a batch by the program's numbers. */
typedef struct mmoe_bound_batch {
    mmoe_batch batch;
    mmoe_column *columns;    /* [n_sparse + n_place] */
    mmoe_list_column *lists; /* [n_list] */
} mmoe_bound_batch;

/* An input that mmoe_input_check accepts for the program's model; without one nothing is bound.
 * MMOE_E_MEMORY. */
mmoe_status mmoe_bound_create(mmoe_program *program, const mmoe_input *input, mmoe_error *err);
void mmoe_bound_free(mmoe_program *program);

/* Room for a predictor's; false: memory is out. `columns` is to be released. */
bool mmoe_bound_room(const mmoe_program *program, const mmoe_allocator *alloc,
                     mmoe_bound_batch *out);

/* What a public function was given. */
typedef struct mmoe_bound_request {
    int which; /* MMOE_ALL_COLUMNS, .. */
    const mmoe_batch *batch, *user;
    const char *call, *what;
} mmoe_bound_request;

/* The batch as the program reads it, to *out: itself, where nothing is bound. MMOE_E_ARGUMENT. */
mmoe_status mmoe_bound_read(const mmoe_program *program, const mmoe_bound_request *request,
                            mmoe_bound_batch *memory, const mmoe_batch **out, mmoe_error *err);

#endif
