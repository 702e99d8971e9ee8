/* A CSV file that becomes a data set: what is the same for all its rows. */
#ifndef MMOE_DATA_CSV_FILE_H
#define MMOE_DATA_CSV_FILE_H

#include "data/schema.h"

typedef struct mmoe_csv_file {
    mmoe_allocator alloc;
    const char *path;
    const struct mmoe_schema *schema;
    bool learning;   /* the schema is yet to be fitted */
    int label_mode;  /* MMOE_LABELS_ */
    bool *are_lists; /* as mmoe_cells has it; of a file NULL, as it has a row of names */
    /* Where columns stand in a row, -1: they do not; one array. */
    int64_t *id_fields;                     /* as many a feature as it reads */
    int64_t *number_fields, *target_fields; /* [n_dense], [n_label + 1] the weight last */
} mmoe_csv_file;

/* Finds the schema's columns among those of the header. MMOE_E_CONFIG, where there is something to
 * learn, or _FORMAT: one is not there; _MEMORY. */
mmoe_status mmoe_csv_file_find(mmoe_csv_file *file, const char *const *names, size_t n,
                               mmoe_error *err);
void mmoe_csv_file_finish(mmoe_csv_file *file);

static inline bool mmoe_csv_file_is_weighted(const mmoe_csv_file *f) {
    return f->target_fields[f->schema->n_label] >= 0;
}

#endif
