/* Packing rows of CSV files into a folder. */
#ifndef MMOE_TOOLS_PACKING_H
#define MMOE_TOOLS_PACKING_H

#include "data_files.h"

typedef struct pack_flags {
    const char *config, *like, *output; /* one of the first two: the other is NULL */
    cli_rows data;
    int64_t threads, skip_bad;
    bool append, grow;
    cli_list keep;
    const mmoe_watcher *watcher; /* of the library's work; NULL: none */
} pack_flags;

/* What `mmoe pack` does with these flags; *packed rows. Prints warnings and the error. */
int cli_pack_rows(const pack_flags *flags, int64_t *packed);

#endif
