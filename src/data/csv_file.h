/* A CSV file that becomes a data set: what is the same for all its rows. */
#ifndef MMOE_DATA_CSV_FILE_H
#define MMOE_DATA_CSV_FILE_H

#include "base/csv.h"
#include "base/warnings.h"
#include "data/schema.h"

typedef struct mmoe_csv_file {
    mmoe_allocator alloc;
    const char *path;                  /* in errors */
    const struct mmoe_csv_file *first; /* of several, whose rows this one's follow; NULL: itself */
    struct mmoe_csv_file *next;
    const mmoe_schema_wanted *wanted; /* a schema that is yet to learn; NULL: it stands */
    const struct mmoe_schema *schema;
    struct mmoe_schema *growing; /* the schema, where what grows of it may; NULL: nothing may */
    int label_mode;              /* MMOE_LABELS_ */
    const char *const *keep; /* columns that are kept beside the rows, NULL behind the last; NULL:
                                none are */
    bool *are_lists;         /* as mmoe_cells has it; of a file NULL, as it has a row of names */
    mmoe_texts names;        /* of the columns, as the header has them */
    /* Where columns stand in a row, -1: they do not; one array. */
    int64_t *id_fields;                     /* as many a feature as it reads */
    int64_t *number_fields, *target_fields; /* [n_dense], [n_label + 1] the weight last */
    int64_t *keep_fields;                   /* [n_keep] */
    size_t n_keep;
} mmoe_csv_file;

/* Takes a header's names. MMOE_E_MEMORY. */
mmoe_status mmoe_csv_file_name(mmoe_csv_file *file, const mmoe_csv_field *fields, size_t n,
                               mmoe_error *err);
/* A schema as it is wanted that learned nothing: that of the first file, or one in which a part of
 * its rows learns. As mmoe_schema_bind. */
mmoe_status mmoe_csv_file_bind(const mmoe_csv_file *file, struct mmoe_schema **out,
                               mmoe_error *err);
/* Finds the columns of `schema`. MMOE_E_CONFIG, where a schema is wanted, or _FORMAT: one is not
 * there, as where a later file lacks what the first has; _MEMORY. */
mmoe_status mmoe_csv_file_find(mmoe_csv_file *file, mmoe_error *err);
/* Warns of a later file whose columns are not those of the first. MMOE_E_MEMORY. */
mmoe_status mmoe_csv_file_compare(const mmoe_csv_file *file, mmoe_warnings *list, mmoe_error *err);
/* The first row from `k` on that is the header once more; rows->count: none is. */
size_t mmoe_csv_file_find_header(const mmoe_csv_file *file, const mmoe_csv_rows *rows, size_t k);
void mmoe_csv_file_finish(mmoe_csv_file *file);

/* Do rows wait until their schema has settled? */
static inline bool mmoe_csv_file_waits(const mmoe_csv_file *f) { return f->wanted || f->growing; }

static inline bool mmoe_csv_file_is_weighted(const mmoe_csv_file *f) {
    return f->target_fields[f->schema->n_label] >= 0;
}

#endif
