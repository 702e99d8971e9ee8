/* Memory that rows take while they are read: where it will not do, the kernel ends a process of a
 * control group without a word. */
#ifndef MMOE_TOOLS_READING_MEMORY_H
#define MMOE_TOOLS_READING_MEMORY_H

#include "mmoe/train.h"

/* cli_watcher, of rows that stay in memory: a warning tells once if those that are yet to come seem
 * to take more than the process may have. */
extern const mmoe_watcher cli_memory_watcher;

#endif
