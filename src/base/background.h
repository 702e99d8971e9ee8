/* A thread that does one piece of work at a time while its owner goes on. */
#ifndef MMOE_BASE_BACKGROUND_H
#define MMOE_BASE_BACKGROUND_H

#include "base/alloc.h"

typedef struct mmoe_background mmoe_background;

/* The thread rests; it takes no signals. MMOE_E_MEMORY; MMOE_E_IO: the system gave no thread. */
mmoe_status mmoe_background_create(void (*work)(void *context), void *context,
                                   const mmoe_allocator *alloc, mmoe_background **out,
                                   mmoe_error *err);
/* Does the work once, in the thread, which must rest. What the owner wrote before can be read
 * there. */
void mmoe_background_start(mmoe_background *b);
/* Returns when the thread rests: what the work wrote can be read then. */
void mmoe_background_wait(mmoe_background *b);
/* Waits, and ends the thread. NULL is allowed. */
void mmoe_background_free(mmoe_background *b);

#endif
