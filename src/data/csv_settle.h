/* The end of learning: what rows have of a file whose schema was yet to learn becomes the rows of
 * its tables, and its inputs. */
#ifndef MMOE_DATA_CSV_SETTLE_H
#define MMOE_DATA_CSV_SETTLE_H

#include "data/csv_part.h"

/* Ids of rows, where these stand: in their part, or in a set behind others. */
typedef struct mmoe_csv_ids {
    int64_t rows;
    int32_t *ids;        /* [rows, n_id] */
    const int64_t *ends; /* [rows, n_list] behind the last element of each list */
    int32_t *elements;
    int64_t first; /* of the elements, that these rows have */
} mmoe_csv_ids;

static inline mmoe_csv_ids mmoe_csv_part_ids(const mmoe_csv_part *p) {
    return (mmoe_csv_ids){p->rows, p->ids, p->lists.ends, p->lists.ids, 0};
}

/* Ids become those that become[table] has for them, where that is not NULL; what becomes 0 is
 * noted, in notes [n_sparse], to be unknown. */
void mmoe_csv_ids_place(const mmoe_csv_ids *at, const struct mmoe_schema *schema,
                        const int32_t *const *become, mmoe_note *notes);
/* become [n_table] where the file's schema has settled: the caller's to release. *out is NULL where
 * all ids stay. MMOE_E_MEMORY. */
mmoe_status mmoe_csv_ids_become(const mmoe_csv_file *file, const int32_t ***out, mmoe_error *err);
/* Do ids of a schema that is learning, or growing, wait for that? */
bool mmoe_csv_ids_wait(const struct mmoe_schema *schema);
/* Numbers [rows, dense_span] that were learned, as inputs [rows, dense_width]. */
void mmoe_csv_numbers_finish(const struct mmoe_schema *schema, const double *numbers, int64_t rows,
                             float *inputs);

#endif
