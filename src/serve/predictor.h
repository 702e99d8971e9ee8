/* Predictors for those inside the library, whose rows need no check. */
#ifndef MMOE_SERVE_PREDICTOR_H
#define MMOE_SERVE_PREDICTOR_H

#include "serve/program.h"
#include "serve/scratch.h"

/* What mmoe_predictor_create_with makes predictors of, in the name of a `call` whose options are
 * these. MMOE_E_ARGUMENT, _MEMORY. */
mmoe_status mmoe_predictor_program(const char *call, const mmoe_model *model,
                                   const mmoe_predictor_options *options,
                                   const mmoe_allocator *alloc, mmoe_program **out,
                                   mmoe_error *err);
/* What several predictors have together, of which one alone is run at a time: all must outlive
 * them. */
typedef struct mmoe_shared {
    mmoe_scratch *scratch; /* working memory, which nobody else may use from now on */
    mmoe_counter *counter; /* of the program's columns; what they score counts there */
} mmoe_shared;
/* Takes the program's user over. `shared` NULL: both are its own. MMOE_E_MEMORY. */
mmoe_status mmoe_predictor_of(mmoe_program *program, const mmoe_shared *shared,
                              const mmoe_allocator *alloc, mmoe_predictor **out, mmoe_error *err);
/* Scores [rows, tasks] of rows [first, first + rows) of an encoded batch that is right, at most the
 * program's chunk. */
void mmoe_predictor_rows(mmoe_predictor *predictor, const mmoe_batch *batch, size_t first,
                         int32_t rows, float *scores);
/* What those rows have of a value of the graph that no activation overwrote [rows, *ld], until the
 * predictor is run again. */
const float *mmoe_predictor_value(const mmoe_predictor *predictor, int32_t value, int32_t *ld);

#endif
