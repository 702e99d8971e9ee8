/* The arrays of a data set, which take the rows of parts as these come. */
#ifndef MMOE_DATA_CSV_TAKE_H
#define MMOE_DATA_CSV_TAKE_H

#include "base/pool.h"
#include "data/csv_part.h"
#include "data/dataset.h"

/* A set's arrays; begins as {.set, .share}. */
typedef struct mmoe_csv_room {
    struct mmoe_dataset *set;
    double share;          /* of all rows those that it has, with the next, are about so many; 1: no
                              other will come */
    size_t rows, elements; /* that there is room for */
} mmoe_csv_room;

/* Gives the set the rows of `count` parts, one or more, which stand behind its own; numbers that
 * wait for the schema stay with the parts. Behind the last ones the parts give their memory back.
 * `pool` NULL: the calling thread alone. MMOE_E_MEMORY. */
mmoe_status mmoe_csv_take(mmoe_csv_room *room, mmoe_csv_part *const *parts, size_t count,
                          mmoe_pool *pool, mmoe_error *err);

#endif
