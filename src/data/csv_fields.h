/* The fields of a row on their way into a data set. */
#ifndef MMOE_DATA_CSV_FIELDS_H
#define MMOE_DATA_CSV_FIELDS_H

#include "base/csv.h"
#include "data/dataset.h"
#include "data/list_cell.h"

/* A CSV file that is read. */
typedef struct mmoe_csv_loader {
    mmoe_allocator alloc;
    const char *path;
    bool learning;                    /* fitting a schema; else reading with one that stands */
    const mmoe_schema_wanted *wanted; /* that schema */
    struct mmoe_schema *learned;
    const struct mmoe_schema *schema;
    int label_mode; /* MMOE_LABELS_ */
    int64_t *field; /* [n_sparse + n_dense + n_label + 1] where a column stands in the file, -1: it
                       does not; the weight last */
    struct mmoe_dataset *set;
    mmoe_csv_passed passed;
    char **negatives; /* [n_label] mmoe_label_cell.negative */
    int64_t capacity;
    int32_t *ids; /* [capacity, n_id], and so on as in the data set */
    mmoe_list_store lists;
    float *labels_read, *weights;
    void *values; /* [capacity, n_dense] floats; while learning doubles: f(value), not yet shifted
                     and scaled */
} mmoe_csv_loader;

/* Where a field stands: the column, and where it is of another name, the feature. */
typedef struct mmoe_field_place {
    int64_t row;
    const char *column, *feature;
} mmoe_field_place;

static inline mmoe_field_place mmoe_field_place_of(int64_t row, const char *name,
                                                   const char *column) {
    return (mmoe_field_place){row, column ? column : name, column ? name : NULL};
}

/* Row `row` of the file, which is the data set's next; there is room for it. MMOE_E_DATA, _MEMORY.
 */
mmoe_status mmoe_csv_read_features(mmoe_csv_loader *l, int64_t row, const mmoe_csv_field *fields,
                                   mmoe_error *err);
/* Label `i`; `f` NULL: the file has no such column. */
mmoe_status mmoe_csv_read_label(const mmoe_csv_loader *l, int32_t i, int64_t row,
                                const mmoe_csv_field *f, float *out, mmoe_error *err);
mmoe_status mmoe_csv_read_weight(const mmoe_csv_loader *l, int64_t row, const mmoe_csv_field *f,
                                 float *out, mmoe_error *err);

#endif
