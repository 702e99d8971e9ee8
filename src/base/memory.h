/* How much memory the process may have. */
#ifndef MMOE_BASE_MEMORY_H
#define MMOE_BASE_MEMORY_H

#include <stdint.h>

/* Bytes: the machine's, but no more than its control groups' limit and its own (RLIMIT_AS). */
int64_t mmoe_memory(void);
/* Bytes that it may take beside what it has: what the kernel could give without taking it from
 * others (MemAvailable, and swap space that is free), but no more than its control groups leave it,
 * and its own limits of addresses (RLIMIT_AS and _DATA, ulimit -v and -d), of which so many bytes
 * are for something else. At least 1. */
int64_t mmoe_memory_available(int64_t addresses);
/* Bytes that it has, but for what are files' own; 0: the system does not say. */
int64_t mmoe_memory_taken(void);
/* That limit; 0: there is none. Arguments as of mmoe_control_limit. */
int64_t mmoe_memory_limit(const char *groups, const char *mount);
/* What is left of it: of each group's limit, less what its processes have; 1: nothing. */
int64_t mmoe_memory_left(const char *groups, const char *mount);

#endif
