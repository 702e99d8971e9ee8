/* The parts of CSV files as one data set. */
#ifndef MMOE_DATA_CSV_JOIN_H
#define MMOE_DATA_CSV_JOIN_H

#include "base/pool.h"
#include "data/csv_part.h"
#include "data/dataset.h"

/* In the order of the files; begins as zeros. */
typedef struct mmoe_csv_parts {
    mmoe_csv_part **items; /* [count] that have not gone on */
    size_t count, room;
    /* Of all that were counted. */
    const mmoe_csv_file *file;
    int64_t rows;
    int64_t before;   /* in the file that is read, those that are left out among them */
    char **negatives; /* [n_label] of mmoe_label_cell, told by one of them; NULL: there is no part
                       */
    mmoe_csv_passed passed;
    const char *first_blank;          /* the file of the first blank line */
    mmoe_places *places;              /* of the set; NULL: no row is left out */
    int64_t n_bad;                    /* rows that are */
    mmoe_error first_bad;             /* the fault of the first one */
    int64_t n_lacking, first_lacking; /* rows that lack a value; the first of them */
    mmoe_error first_lack;            /* what it lacks */
    int64_t n_header, first_header;   /* rows that are a header; the first of them */
} mmoe_csv_parts;

/* Are a part's other texts of labels those of the parts before? */
bool mmoe_csv_parts_agree(const mmoe_csv_parts *parts, const mmoe_csv_part *part);
/* Counts a part that agrees. MMOE_E_MEMORY. */
mmoe_status mmoe_csv_parts_count(mmoe_csv_parts *parts, mmoe_csv_part *part, mmoe_error *err);
/* And adds it: it is theirs then whatever comes. MMOE_E_MEMORY. */
mmoe_status mmoe_csv_parts_add(mmoe_csv_parts *parts, mmoe_csv_part *part, mmoe_error *err);
void mmoe_csv_parts_finish(mmoe_csv_parts *parts);

/* Gives a set, which has taken the rows of `count` parts (csv_take.h), one or more, what else they
 * have: columns that are kept, largest ids, and what was noted. MMOE_E_MEMORY. */
mmoe_status mmoe_csv_join(mmoe_csv_part *const *parts, size_t count, struct mmoe_dataset *set,
                          mmoe_error *err);
/* Before that, where the schema had yet to learn and has settled: ids become rows of the tables,
 * and numbers that waited inputs. `pool` NULL: the calling thread alone. MMOE_E_MEMORY. */
mmoe_status mmoe_csv_join_settle(mmoe_csv_part *const *parts, size_t count, mmoe_pool *pool,
                                 struct mmoe_dataset *set, mmoe_error *err);

#endif
