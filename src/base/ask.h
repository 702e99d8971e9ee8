/* Asking for memory ahead of its use. */
#ifndef MMOE_BASE_ASK_H
#define MMOE_BASE_ASK_H

/* For the line of the cache that the address is in. GCC 12 leaves functions and loops out that do
 * nothing but __builtin_prefetch; the empty asm makes this one do something. */
static inline void mmoe_ask(const void *address) {
    __builtin_prefetch(address);
    __asm__ volatile("");
}

#endif
