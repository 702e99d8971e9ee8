/* The elements of a list's cell, and lists while they are read. */
#ifndef MMOE_DATA_LIST_CELL_H
#define MMOE_DATA_LIST_CELL_H

#include <stdbool.h>

#include "base/csv.h"
#include "base/csv_scan.h"
#include "data/lists.h"

/* A text between two separators, and the weight behind it, whose text is NULL where it has none. */
typedef struct mmoe_element {
    mmoe_csv_field value, weight;
} mmoe_element;

/* A walk over the elements that stay of a cell's text, which may not be empty. */
typedef struct mmoe_list_walk {
    const mmoe_list_how *how;
    const char *at, *end; /* of what is left; `at` NULL: nothing */
    int64_t left;         /* elements that may still come */
    bool is_cut;          /* the list is longer than max_len */
} mmoe_list_walk;

mmoe_list_walk mmoe_list_walk_begin(const mmoe_list_how *how, mmoe_csv_field cell);
/* The next element; false: there is none. */
bool mmoe_list_walk_next(mmoe_list_walk *walk, mmoe_element *out);

/* Elements of cells whose bytes can be read as mmoe_csv_rows has it, as places among these. */
typedef struct mmoe_list_cuts {
    const char *bytes;
    uint32_t *before, *ends; /* [n], and room as the scanner wants it: what stands before and behind
                                each value */
    uint32_t *tails;         /* likewise, behind its weight, if it has one */
    uint32_t *others[2];     /* as much room */
    size_t n;
} mmoe_list_cuts;

/* Adds the elements that stay of the cell bytes[begin, end), which may not be empty, and returns
 * how many. Without weights `ends` are not written. *is_cut: the list is longer than max_len. */
size_t mmoe_list_cut(mmoe_list_cuts *to, const mmoe_csv_scanner *scanner, const mmoe_list_how *how,
                     uint32_t begin, uint32_t end, bool *is_cut);

/* Lists one behind another; begins as {.alloc = ...}. `is_weighed`: weights are kept. */
typedef struct mmoe_list_store {
    mmoe_allocator alloc;
    bool is_weighed;
    int64_t *ends; /* [lists] behind the last element of each */
    int32_t *ids;
    float *weights;
    size_t lists, elements, list_room, element_room;
} mmoe_list_store;

/* Each false when memory is out. */
bool mmoe_list_store_reserve(mmoe_list_store *s, size_t elements);
bool mmoe_list_store_reserve_list(mmoe_list_store *s);
static inline bool mmoe_list_store_add(mmoe_list_store *s, int32_t id, float weight) {
    if (s->elements == s->element_room && !mmoe_list_store_reserve(s, 1)) return false;
    s->ids[s->elements] = id;
    if (s->is_weighed) s->weights[s->elements] = weight;
    s->elements++;
    return true;
}
static inline bool mmoe_list_store_end(mmoe_list_store *s) {
    if (s->lists == s->list_room && !mmoe_list_store_reserve_list(s)) return false;
    s->ends[s->lists++] = (int64_t)s->elements;
    return true;
}
/* The store's lists as mmoe_lists has them, in aligned memory that is the caller's; nothing is
 * written where there are none. */
bool mmoe_list_store_move(mmoe_list_store *s, int64_t **offsets, int32_t **ids, float **weights);
void mmoe_list_store_finish(mmoe_list_store *s);

#endif
