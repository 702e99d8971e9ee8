/* Rows in memory, encoded, row-major: one row's values stand together, so a batch of shuffled rows
 * is read in place. */
#ifndef MMOE_DATA_DATASET_H
#define MMOE_DATA_DATASET_H

#include "base/warnings.h"
#include "data/batch.h"
#include "data/kept.h"
#include "data/notes.h"
#include "data/places.h"
#include "data/schema.h"
#include "data/stored.h"
#include "mmoe/train.h"

struct mmoe_dataset {
    mmoe_allocator alloc;
    int64_t rows;
    int32_t n_sparse, n_dense, n_label, dense_width;
    int32_t n_id;     /* sparse columns of one id a row; the others are lists */
    int32_t *ids;     /* [rows, n_id] rows of tables; all arrays from mmoe_alloc_aligned */
    int64_t *offsets; /* with `elements` and `element_weights` the rows' lists (mmoe_lists); NULL:
                         there are none */
    int32_t *elements;
    float *element_weights; /* or NULL */
    float *dense;           /* [rows, dense_width] inputs */
    float *labels;          /* [rows, n_label], NaN: missing */
    float *weights;         /* [rows] or NULL: all 1 */
    int any_missing_label;
    int64_t n_lacking, *lacking; /* [n_lacking] rows of mmoe_dataset_lacks, ascending */
    uint64_t schema_hash;        /* mmoe_schema_fingerprint of the schema that encoded the rows */
    int32_t *most_id; /* [n_sparse] the largest of each column: what a model's tables are checked
                         against */
    mmoe_warnings warnings; /* of when it was made */
    mmoe_note *notes;       /* [n_sparse + n_dense] */
    mmoe_stored *stored;    /* where the rows lie, which have no arrays then; NULL: in memory */
    mmoe_places places;
    uint64_t identity; /* of rows that were packed (source.h); 0: their bytes say it */
    mmoe_kept *kept;   /* [n_kept] */
    size_t n_kept;
    bool knows_constants; /* among the warnings are those of features that tell nothing */
};

struct mmoe_row_sink;

/* How a CSV file is read. Neither threads nor blocks change what comes of it. */
typedef struct mmoe_csv_how {
    int labels;   /* MMOE_LABELS_, where a schema stands */
    int threads;  /* 0 as 1 */
    size_t block; /* bytes that a thread parses at a time; 0: as many as are quick, and one thread
                     reads in sequence */
    const char *const *keep;     /* as mmoe_read_options has it */
    struct mmoe_schema *growing; /* the schema that is read by, whose vocabularies grow by the rows;
                                    NULL: it stands */
    const struct mmoe_schema *known;  /* with that: the same as it was, which stays */
    const struct mmoe_row_sink *sink; /* takes the rows, and the set is without them (loader.h);
                                         NULL: the set has them */
    const char *const *more;          /* [n_more] files whose rows follow */
    size_t n_more;
    const mmoe_watcher *watcher; /* as mmoe_read_options has it */
    int64_t skip_bad;            /* as mmoe_read_options has it */
    const int *stop;             /* as mmoe_read_options has it */
} mmoe_csv_how;

/* What the options say; MMOE_E_ARGUMENT, in the name of the public `call`. */
mmoe_status mmoe_csv_how_of(const mmoe_read_options *options, const char *call, mmoe_csv_how *out,
                            mmoe_error *err);

/* Public functions of mmoe/train.h that need a configuration stand in model/; these are what they
 * call. Fields of the file:
 *  - missing: empty, of blanks, or one of the words for it (reading.h), where a value may be;
 *  - features: as their columns' kinds take them (column.h);
 *  - a label: missing, else 0 or 1 for classification (0.0 and 1.0, too), any finite float for
 * regression;
 *  - a weight: a finite number, at least 0.
 * A label or weight column that the file lacks is MMOE_E_CONFIG. */
mmoe_status mmoe_dataset_fit(const mmoe_schema_wanted *wanted, const mmoe_csv_how *how,
                             const mmoe_allocator *alloc, struct mmoe_schema **schema,
                             struct mmoe_dataset **out, mmoe_error *err);
mmoe_status mmoe_dataset_read(const struct mmoe_schema *schema, const char *path,
                              const mmoe_csv_how *how, const mmoe_allocator *alloc,
                              struct mmoe_dataset **out, mmoe_error *err);

/* A data set as rows to run: `rows` from `first` on, or by `index`. */
mmoe_rows mmoe_dataset_rows_of(const struct mmoe_dataset *set, int64_t first, int32_t rows,
                               const uint32_t *index);
/* The lists of rows [first, rows); none where the schema has none. */
mmoe_lists mmoe_dataset_lists(const struct mmoe_dataset *set, int64_t first);
/* MMOE_E_ARGUMENT unless the data set has rows and was encoded with this schema, or with one that
 * encodes alike. `fingerprint`: the schema's, which a trainer does not take anew for each step. */
mmoe_status mmoe_dataset_check(const struct mmoe_dataset *set, const struct mmoe_schema *schema,
                               uint64_t fingerprint, mmoe_error *err);

/* Fills most_id, unless it is there, schema_hash and the counts of what has a value a row of a data
 * set whose rows stand, encoded by `schema` as it is now. MMOE_E_MEMORY. */
mmoe_status mmoe_dataset_seal(struct mmoe_dataset *set, const struct mmoe_schema *schema,
                              mmoe_error *err);
/* The counts alone. */
void mmoe_dataset_count_values(struct mmoe_dataset *set);
/* For those who make data sets: one without rows or arrays for them, but for its counts. */
struct mmoe_dataset *mmoe_dataset_new(const struct mmoe_schema *schema,
                                      const mmoe_allocator *alloc);

/* Labels and weights of some rows after others. */
typedef struct mmoe_targets {
    const struct mmoe_dataset *set;
    int64_t first, rows;  /* of these */
    const float *labels;  /* [rows, n_label] */
    const float *weights; /* [rows]; NULL: all 1 */
    mmoe_stored_reader reader;
    float *room;
} mmoe_targets;
/* Before the first rows. MMOE_E_MEMORY. */
mmoe_status mmoe_targets_open(mmoe_targets *t, const struct mmoe_dataset *set, mmoe_error *err);
/* To the next rows; behind the last ones `rows` is 0. MMOE_E_IO, _FORMAT. */
mmoe_status mmoe_targets_next(mmoe_targets *t, mmoe_error *err);
void mmoe_targets_close(mmoe_targets *t);

/* What is wrong with a value ("is neither 0 nor 1"); NULL: nothing. */
const char *mmoe_weight_fault(double value);

/* A column that stands beside the rows from now on. MMOE_E_MEMORY: it does not. */
mmoe_status mmoe_dataset_add_kept(struct mmoe_dataset *set, const mmoe_kept *kept, mmoe_error *err);
/* Rows of each value of a column that the set keeps, added to counts [values]. MMOE_E_MEMORY, and
 * where the rows are stored _IO, _FORMAT. */
mmoe_status mmoe_dataset_count_kept(const struct mmoe_dataset *set, const mmoe_kept *kept,
                                    int64_t *counts, mmoe_error *err);
/* A column that is kept; NULL: it is not. */
const mmoe_kept *mmoe_dataset_kept(const struct mmoe_dataset *set, const char *column);

/* [lists] elements a row, on average, of lists that are not of one element without weight. */
void mmoe_dataset_list_elements(const mmoe_dataset *d, double *out);

#endif
