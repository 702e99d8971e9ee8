/* Working memory of predictors: where its arrays stand, and how it grows. */
#ifndef MMOE_SERVE_SCRATCH_H
#define MMOE_SERVE_SCRATCH_H

#include "serve/run.h"

void mmoe_scratch_finish(mmoe_scratch *scratch);

/* Lays a new predictor's arrays out in what its scratch memory has already. */
void mmoe_scratch_take(mmoe_predictor *predictor);
/* Makes room for calls of `rows` rows, whose chunks are no larger than the program's, and writes to
 * all of it, so that no call pays for a page's first use. What stood there is lost. MMOE_E_MEMORY:
 * all is as it was. */
mmoe_status mmoe_scratch_admit(mmoe_predictor *predictor, size_t rows, mmoe_error *err);

#endif
