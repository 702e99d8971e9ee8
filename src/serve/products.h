/* Products of embedding tables with the first layers' weights, made with the program: a row of a
 * batch looks them up and adds, whatever the width of the embeddings. */
#ifndef MMOE_SERVE_PRODUCTS_H
#define MMOE_SERVE_PRODUCTS_H

#include "serve/step.h"

enum { MMOE_PRODUCT_BYTES = 1 << 26 }; /* where the caller says no bound */

/* Chooses the columns, by shapes and the bound alone, and takes memory for their products.
 * MMOE_E_MEMORY. */
mmoe_status mmoe_products_choose(mmoe_program *p, size_t most_bytes, mmoe_error *err);
/* Makes those of a block that reads x, from its packed weights. */
void mmoe_products_fill(const mmoe_program *p, const mmoe_serve_block *b);

#endif
