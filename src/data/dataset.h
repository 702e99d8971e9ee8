/* Rows in memory, encoded, row-major: one row's values stand together, so a batch of shuffled rows is read in place. */
#ifndef MMOE_DATA_DATASET_H
#define MMOE_DATA_DATASET_H

#include "data/schema.h"
#include "mmoe/train.h"

struct mmoe_dataset {
    mmoe_allocator alloc;
    int64_t rows;
    int32_t n_sparse, n_dense, n_label;
    int32_t *ids;   /* [rows, n_sparse] rows of tables */
    float *dense;   /* [rows, n_dense] transformed */
    float *labels;  /* [rows, n_label], NaN: missing */
    float *weights; /* [rows] or NULL: all 1 */
    int any_missing_label;
};

/* Public functions of mmoe/train.h that need a configuration stand in model/; these are what they call. */
mmoe_status mmoe_dataset_fit(const mmoe_feature_specs *specs, const mmoe_label_column *labels, int32_t n_label, const char *path, const mmoe_allocator *alloc,
                             struct mmoe_schema **schema, struct mmoe_dataset **out, mmoe_error *err);

#endif
