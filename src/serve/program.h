/* A model compiled to be served: the graph's nodes as steps over chunks of rows (step.h).
 * Immutable, and shared by any number of predictors. */
#ifndef MMOE_SERVE_PROGRAM_H
#define MMOE_SERVE_PROGRAM_H

#include "serve/step.h"

/* Takes the weights as they are, and at most product_bytes for products of embedding tables with
 * them; `model` must outlive the program. One user. */
mmoe_status mmoe_program_create(const mmoe_model *model, size_t product_bytes,
                                const mmoe_allocator *alloc, mmoe_program **out, mmoe_error *err);
mmoe_program *mmoe_program_share(mmoe_program *program);
/* The last user frees it. */
void mmoe_program_leave(mmoe_program *program);

#endif
