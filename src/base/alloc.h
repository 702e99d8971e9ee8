/* Memory through the caller's allocator. */
#ifndef MMOE_BASE_ALLOC_H
#define MMOE_BASE_ALLOC_H

#include "mmoe/mmoe.h"

/* A copy of *alloc, or of malloc's where alloc is NULL. */
mmoe_allocator mmoe_allocator_or_default(const mmoe_allocator *alloc);

/* MMOE_E_ARGUMENT where a function of *alloc is NULL, in the name of the public `call`; alloc may
 * be NULL. */
mmoe_status mmoe_allocator_check(const mmoe_allocator *alloc, const char *call, mmoe_error *err);

/* NULL when there is none, when count * size overflows or exceeds PTRDIFF_MAX. A size of 0 gives a
 * pointer to free. */
void *mmoe_alloc(const mmoe_allocator *a, size_t count, size_t size);
void *mmoe_alloc_zero(const mmoe_allocator *a, size_t count, size_t size);
/* Grows or shrinks; on failure the old memory stands. */
void *mmoe_resize(const mmoe_allocator *a, void *memory, size_t old_count, size_t new_count,
                  size_t size);
void mmoe_release(const mmoe_allocator *a, void *memory);
/* A copy of `length` bytes of text with a terminator. */
char *mmoe_copy_text(const mmoe_allocator *a, const char *text, size_t length);

/* Aligned to 64 bytes (a cache line, an AVX-512 register); released with mmoe_release_aligned
 * alone. */
void *mmoe_alloc_aligned(const mmoe_allocator *a, size_t count, size_t size);
/* The same, all bytes 0: of the system's memory a large block takes a page when it is first written
 * to. */
void *mmoe_alloc_aligned_zero(const mmoe_allocator *a, size_t count, size_t size);
/* What such memory has, in room for more, which is 0; on failure the old memory stands. */
void *mmoe_widen_aligned_zero(const mmoe_allocator *a, void *memory, size_t old_count,
                              size_t new_count, size_t size);
void mmoe_release_aligned(const mmoe_allocator *a, void *memory);

#endif
