/* Asking for memory ahead of its use. */
#ifndef MMOE_BASE_ASK_H
#define MMOE_BASE_ASK_H

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

#endif
