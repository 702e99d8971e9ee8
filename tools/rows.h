/* Rows that a command is given: CSV files, or a folder of packed data. */
#ifndef MMOE_TOOLS_ROWS_H
#define MMOE_TOOLS_ROWS_H

#include "data_files.h"

typedef struct cli_reading {
    int labels;              /* MMOE_LABELS_; packed rows have theirs */
    int threads;             /* that read */
    bool streamed;           /* packed rows stay in their folder, and others go to files without
                                names in TMPDIR's */
    const char *const *keep; /* columns of a file that are kept, as mmoe_read_options has them */
    int64_t skip_bad;        /* the same */
} cli_reading;

/* How CSV files are read. */
mmoe_read_options cli_read_options(const cli_rows *from, const cli_reading *how);
/* Rows of a schema that stands, and rows to learn a schema from. */
mmoe_status cli_read_rows(const mmoe_schema *schema, const cli_rows *from, const cli_reading *how,
                          mmoe_dataset **out, mmoe_error *err);
mmoe_status cli_fit_rows(const mmoe_config *config, const cli_rows *from, const cli_reading *how,
                         mmoe_schema **schema, mmoe_dataset **out, mmoe_error *err);
/* Whether the configuration bounds memory, so that rows are streamed; and has groups. */
bool cli_streams(const mmoe_config *config);
bool cli_has_groups(const mmoe_config *config);

#endif
