/* Small models that differ by their seed, and rows to score with them. */
#ifndef MMOE_TESTS_SERVED_MODEL_H
#define MMOE_TESTS_SERVED_MODEL_H

#include "mmoe/train.h"

enum { SERVED_SPARSE = 3, SERVED_DENSE = 2, SERVED_TASKS = 2, SERVED_ROWS = 1024 };

/* Ends the process with a message on failure. */
mmoe_model *served_model(unsigned seed, const mmoe_allocator *alloc);
/* SERVED_ROWS rows that any of the models takes; static. */
const mmoe_batch *served_rows(void);

#endif
