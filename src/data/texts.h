/* Arrays of texts. */
#ifndef MMOE_DATA_TEXTS_H
#define MMOE_DATA_TEXTS_H

#include "base/alloc.h"
#include "data/key.h"

/* Room for `count` texts, none of which is there yet; false when memory is out. */
bool mmoe_texts_start(mmoe_texts *texts, size_t count, const mmoe_allocator *alloc);
/* Adds a copy where there is room; false when memory is out. */
bool mmoe_texts_add(mmoe_texts *texts, const char *text, size_t length,
                    const mmoe_allocator *alloc);
/* A deep copy, absent of an absent one; false when memory is out, *to being absent then. */
bool mmoe_texts_copy(const mmoe_texts *from, const mmoe_allocator *alloc, mmoe_texts *to);
bool mmoe_texts_have(const mmoe_texts *texts, const char *text);
void mmoe_texts_finish(mmoe_texts *texts, const mmoe_allocator *alloc);

#endif
