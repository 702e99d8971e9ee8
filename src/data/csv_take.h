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
    size_t used;           /* of the elements */
} mmoe_csv_room;

/* Is there room behind the set's rows for those of a part? */
bool mmoe_csv_room_fits(const mmoe_csv_room *room, const mmoe_csv_part *part);
/* Finds the place of a part's rows behind the set's, which are one more part's then, and makes room
 * for them, the arrays being moved where these do not fit. MMOE_E_MEMORY. */
mmoe_status mmoe_csv_room_place(mmoe_csv_room *room, mmoe_csv_part *part, mmoe_error *err);
/* Gives the set such rows, beside others; numbers that wait for the schema stay with the part. */
void mmoe_csv_take_part(const struct mmoe_dataset *set, mmoe_csv_part *part);
/* Gives the set the rows of `count` parts, one or more, which stand behind its own; numbers that
 * wait for the schema stay with the parts. Behind the last ones the parts give their memory back.
 * `pool` NULL: the calling thread alone. MMOE_E_MEMORY. */
mmoe_status mmoe_csv_take(mmoe_csv_room *room, mmoe_csv_part *const *parts, size_t count,
                          mmoe_pool *pool, mmoe_error *err);

/* Where lists of a part's rows begin, for a set that has them; the caller's to release. */
typedef struct mmoe_csv_offsets {
    int64_t *items;
    size_t room;
} mmoe_csv_offsets;

/* Shows the part's rows, which stay its own, as those of a set without rows. That is done with them
 * before it is freed, and before the part or the offsets have others. MMOE_E_MEMORY. */
mmoe_status mmoe_csv_lend(struct mmoe_dataset *set, mmoe_csv_part *part, mmoe_csv_offsets *offsets,
                          mmoe_error *err);
void mmoe_csv_take_back(struct mmoe_dataset *set);

#endif
