/* Asking for memory ahead of its use. */
#ifndef MMOE_BASE_ASK_H
#define MMOE_BASE_ASK_H

#include <stddef.h>

/* For the line of the cache that the address is in. GCC 12 leaves functions and loops out that do
 * nothing but __builtin_prefetch; the empty asm makes this one do something. */
static inline void mmoe_ask(const void *address) {
    __builtin_prefetch(address);
    __asm__ volatile("");
}

/* The same of what lies in memory, far ahead: it comes as far as the second level of the cache,
 * which waits for more lines at a time than the first (Zen 4, rows of 4 lines in random order: 12
 * ns a row, not 30). */
static inline void mmoe_ask_far(const void *address) {
    __builtin_prefetch(address, 0, 2);
    __asm__ volatile("");
}

/* The same for all lines of `size` bytes, up to some: behind these the processor fetches the next
 * ones by itself. */
static inline void mmoe_ask_far_for(const void *address, size_t size) {
    enum { LINE = 64, MOST = 1024 };
    const char *at = address;
    if (size > MOST) size = MOST;
    for (size_t i = 0; i < size; i += LINE) mmoe_ask_far(at + i);
    if (size) mmoe_ask_far(at + size - 1);
}

/* Makes a line this processor's own before it is written, by writing what stands there already.
 * Other processors may have read the line, and then a write must wait until they have given it up.
 * Claims of many lines in a row wait together; writes with other work between them would each wait
 * alone (Zen 4: 2 ns a line, not 15). */
static inline void mmoe_claim(void *address) {
    volatile unsigned char *at = address;
    *at = *at;
}

#endif
