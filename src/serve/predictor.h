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
/* Takes the program's user over. Its working memory is `scratch`, which must outlive it and which
 * nobody else may use from now on; NULL: its own. MMOE_E_MEMORY. */
mmoe_status mmoe_predictor_of(mmoe_program *program, mmoe_scratch *scratch,
                              const mmoe_allocator *alloc, mmoe_predictor **out, mmoe_error *err);
/* What it scores counts there from now on, and no more for itself; both must outlive it, and it may
 * not be running. `places`: mmoe_counted_find's. */
void mmoe_predictor_count_to(mmoe_predictor *predictor, mmoe_counter *counter,
                             const int32_t *places);
/* Scores [rows, tasks] of rows [first, first + rows) of an encoded batch that is right, at most the
 * program's chunk. */
void mmoe_predictor_rows(mmoe_predictor *predictor, const mmoe_batch *batch, size_t first,
                         int32_t rows, float *scores);

#endif
