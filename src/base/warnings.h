/* What is suspicious but no error: sentences with a figure, kept until somebody asks. */
#ifndef MMOE_BASE_WARNINGS_H
#define MMOE_BASE_WARNINGS_H

#include "base/alloc.h"
#include "mmoe/train.h"

/* A list that begins as {.alloc = ...}; what it holds belongs to it. */
typedef struct mmoe_warnings {
    mmoe_allocator alloc;
    mmoe_warning *items;
    size_t count, capacity;
} mmoe_warnings;

/* Adds a copy of `about`, its texts too, whose message is formatted: a whole sentence that names
 * its subject and has the figure. MMOE_E_MEMORY. */
mmoe_status mmoe_warn(mmoe_warnings *list, mmoe_warning about, mmoe_error *err, const char *format,
                      ...) __attribute__((format(printf, 4, 5)));
void mmoe_warnings_finish(mmoe_warnings *list);

#endif
