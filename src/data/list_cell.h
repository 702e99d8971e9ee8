/* The elements of a list's cell, and lists while they are read. */
#ifndef MMOE_DATA_LIST_CELL_H
#define MMOE_DATA_LIST_CELL_H

#include <stdbool.h>

#include "base/csv.h"
#include "data/lists.h"

/* A text between two separators, and the weight behind it, whose text is NULL where it has none. */
typedef struct mmoe_element {
    mmoe_csv_field value, weight;
} mmoe_element;

/* A walk over the elements that stay of a cell's text, which may not be empty. */
typedef struct mmoe_list_walk {
    const mmoe_list_how *how;
    bool is_readable;     /* as mmoe_csv_rows has it */
    const char *at, *end; /* of what is left; `at` NULL: nothing */
    /* Readable: 64 bytes, and which of them are separators to come, or stand before weights. */
    const char *begin;
    uint64_t separators, colons;
    int64_t left; /* elements that may still come */
    bool is_cut;  /* the list is longer than max_len */
} mmoe_list_walk;

mmoe_list_walk mmoe_list_walk_begin(const mmoe_list_how *how, mmoe_csv_field cell,
                                    bool is_readable);
/* The next elements, at most `most`; returns how many: 0 behind the last. */
size_t mmoe_list_walk_next(mmoe_list_walk *walk, mmoe_element *out, size_t most);

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
