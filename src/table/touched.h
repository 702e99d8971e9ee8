/* The reads of a table in a batch, brought together by row: which rows they are, and each row's
 * reads in the order in which its gradient is added up: segment by segment, ids row by row and then
 * list by list.
 *
 *   batch         | chunk 0       | chunk 1       |    dealt: each chunk's reads, by list and part
 *   parts         | 0 | 1 | 2 |...| 0 | 1 | 2 |...|    a row's part: its number modulo PARTS
 *   sorted        | part 0    | part 1    | part 2    a part's of all chunks, by row
 *
 * Of several ranks each has all reads of its own parts, and of others those of its own rows.
 *
 * Chunks are dealt on their own and then parts are sorted on their own, so any number of workers
 * makes the same of it. Parts are as good as even, whatever ids are frequent, but for one that has
 * a row of its own size. */
#ifndef MMOE_TABLE_TOUCHED_H
#define MMOE_TABLE_TOUCHED_H

#include "base/alloc.h"
#include "table/table.h"

enum { MMOE_TOUCH_PARTS = MMOE_TABLE_PARTS };

typedef struct mmoe_touch {
    int32_t row; /* of the table */
    int32_t b;   /* row of the batch */
    int32_t read;
    mmoe_bag_share of; /* of an element of a list */
} mmoe_touch;

/* Of a part: where its reads stand among all, and how many rows they are of. */
typedef struct mmoe_touched_part {
    int64_t first;
    int32_t count, rows;
} mmoe_touched_part;

typedef struct mmoe_touched {
    mmoe_allocator alloc;
    int64_t room;                       /* reads of a batch that there is room for */
    int32_t chunk_room;                 /* and chunks */
    int32_t chunks, groups;             /* of this batch; a group: the ids, or one list */
    int32_t together;                   /* chunks of a segment */
    int64_t *areas;                     /* [chunk_room + 1] where a chunk's reads begin */
    int32_t *ends;                      /* [chunk_room, groups, PARTS] in the chunk's area */
    mmoe_touch *dealt, *sorted, *spare; /* [room] */
    int32_t *rows;                      /* [room] a part's from its first read on */
    int32_t *starts;                    /* [room + PARTS] of each of them, and its end */
    uint64_t *readers;                  /* [room] ranks that read it, a bit each; NULL: one rank */
    mmoe_touched_part parts[MMOE_TOUCH_PARTS];
} mmoe_touched;

/* Makes room in *t, NULL: there is none yet. MMOE_E_MEMORY. */
mmoe_status mmoe_touched_admit(mmoe_touched **t, const mmoe_table_reading *reading,
                               mmoe_error *err);
size_t mmoe_touched_memory(const mmoe_touched *t); /* bytes of the room that grows with reads */
void mmoe_touched_free(mmoe_touched *t);
void mmoe_touched_deal(mmoe_touched *t, const mmoe_table_reading *reading, int32_t chunk);
void mmoe_touched_sort(mmoe_touched *t, const mmoe_table_reading *reading, int32_t part);

/* Row i of a part: its reads, [*count]. */
static inline const mmoe_touch *mmoe_touched_reads(const mmoe_touched *t, int32_t part, int32_t i,
                                                   int32_t *count) {
    const int64_t first = t->parts[part].first;
    const int32_t *start = t->starts + first + part + i;
    *count = start[1] - start[0];
    return t->sorted + first + start[0];
}

#endif
