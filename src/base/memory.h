/* How much memory the process may have. */
#ifndef MMOE_BASE_MEMORY_H
#define MMOE_BASE_MEMORY_H

#include <stdint.h>

/* Bytes: the machine's, but no more than its control groups' limit. */
int64_t mmoe_memory(void);
/* That limit; 0: there is none. Arguments as of mmoe_control_limit. */
int64_t mmoe_memory_limit(const char *groups, const char *mount);

#endif
