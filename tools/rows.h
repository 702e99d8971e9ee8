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
    const int *stop;         /* the same */
} cli_reading;

/* How CSV files are read. */
mmoe_read_options cli_read_options(const cli_rows *from, const cli_reading *how);
/* Rows of a schema that stands, and rows to learn a schema from. */
mmoe_status cli_read_rows(const mmoe_schema *schema, const cli_rows *from, const cli_reading *how,
                          mmoe_dataset **out, mmoe_error *err);
mmoe_status cli_fit_rows(const mmoe_config *config, const cli_rows *from, const cli_reading *how,
                         mmoe_schema **schema, mmoe_dataset **out, mmoe_error *err);
/* Rows that a copy of a schema learns of; those of a folder have a schema, which may be grown from
 * that one. */
mmoe_status cli_grow_rows(const mmoe_schema *from, const cli_rows *rows, const cli_reading *how,
                          mmoe_schema **schema, mmoe_dataset **out, mmoe_error *err);

/* Columns that are kept beside rows which are judged, and what asks for each. Begins as zeros. */
enum { CLI_MAX_KEPT = 3 };
typedef struct cli_keeping {
    const char *columns[CLI_MAX_KEPT + 1], *why[CLI_MAX_KEPT]; /* NULL behind the last */
    size_t count;
} cli_keeping;

/* `column` NULL, or one that is among them: nothing is added. */
void cli_keep(cli_keeping *keeping, const char *column, const char *why);
/* Rows of a schema that stands, to be judged: of a file the columns are kept while it is read, a
 * folder must have kept them; packed rows stay in their folder. */
mmoe_status cli_read_judged(const mmoe_schema *schema, const cli_rows *from, const cli_reading *how,
                            const cli_keeping *keeping, mmoe_dataset **out, mmoe_error *err);

/* Whether the configuration bounds memory, so that rows are streamed. */
bool cli_streams(const mmoe_config *config);
/* Whether segments have lanes (trainer.lanes). */
bool cli_has_lanes(const mmoe_config *config);
/* The configuration's column of groups, the caller's; NULL: it has none. */
char *cli_groups_of(const mmoe_config *config);

#endif
