/* The parts of a CSV file as one data set. */
#ifndef MMOE_DATA_CSV_JOIN_H
#define MMOE_DATA_CSV_JOIN_H

#include "data/csv_part.h"
#include "data/dataset.h"

/* In the order of the file; begins as zeros. */
typedef struct mmoe_csv_parts {
    mmoe_csv_part **items; /* [count] */
    size_t count, room;
    int64_t rows;     /* of all */
    char **negatives; /* [n_label] of mmoe_label_cell, told by one of them; NULL: there is no part
                       */
} mmoe_csv_parts;

/* Are a part's other texts of labels those of the parts before? */
bool mmoe_csv_parts_agree(const mmoe_csv_parts *parts, const mmoe_csv_part *part);
/* Adds a part that agrees, and is theirs then whatever comes. MMOE_E_MEMORY. */
mmoe_status mmoe_csv_parts_add(mmoe_csv_parts *parts, mmoe_csv_part *part, mmoe_error *err);
void mmoe_csv_parts_finish(mmoe_csv_parts *parts);

/* Gives the set the rows of all parts, and what was noted of them. The parts keep their numbers
 * where these are yet to be learned from, and nothing else. MMOE_E_MEMORY. */
mmoe_status mmoe_csv_join(const mmoe_csv_parts *parts, struct mmoe_dataset *set, mmoe_error *err);
/* Likewise what was passed over. */
mmoe_csv_passed mmoe_csv_join_passed(const mmoe_csv_parts *parts);

#endif
