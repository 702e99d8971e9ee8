#include "data/csv_take.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "data/most_ids.h"

/* ---- Room ---- */

typedef struct places {
    size_t rows, elements;
} places;

/* One of the set's arrays with other room: what it has moves there. */
static bool resize(const mmoe_allocator *a, void *array, size_t used, size_t room, size_t size) {
    void *old;
    memcpy(&old, array, sizeof old);
    void *more = mmoe_alloc_aligned(a, room, size);
    if (!more) return false;
    if (used) memcpy(more, old, used * size);
    mmoe_release_aligned(a, old);
    memcpy(array, &more, sizeof more);
    return true;
}

/* Rows or elements to have room for, of which `wanted`, those of `rows` rows, are the least: as
 * many as are expected where `wanted` are a share of them, and some more, the more so the fewer
 * rows tell it; most systems give memory when it is written to. */
static size_t room_for(size_t wanted, size_t rows, double share) {
    const double expected = (1.02 + 4 / sqrt((double)rows + 1)) / share, least = 1.25;
    if (share >= 1) return wanted;
    return (size_t)((double)wanted * (expected > least ? expected : least));
}

static bool resize_rows(struct mmoe_dataset *set, const mmoe_csv_part *first, size_t more) {
    const mmoe_allocator *a = &set->alloc;
    const size_t used = (size_t)set->rows, n_list = (size_t)(set->n_sparse - set->n_id),
                 lists = used && n_list ? used * n_list + 1 : 0;
    bool good = resize(a, &set->ids, used, more, (size_t)set->n_id * sizeof *set->ids) &&
                resize(a, &set->labels, used, more, (size_t)set->n_label * sizeof *set->labels);
    if (good && !first->learns_numbers)
        good = resize(a, &set->dense, used, more, (size_t)set->dense_width * sizeof *set->dense);
    if (good && mmoe_csv_file_is_weighted(first->file))
        good = resize(a, &set->weights, used, more, sizeof *set->weights);
    if (good && n_list)
        good = resize(a, &set->offsets, lists, more * n_list + 1, sizeof *set->offsets);
    if (good && n_list) set->offsets[0] = 0;
    return good;
}

/* Rooms to try where `wanted` are more than there was room for: what is expected; where there is no
 * memory for that, half as many again as before, or an eighth, so that rows are not moved with each
 * part; and what has come. */
enum { TRIES = 4 };
static size_t room_to_try(int attempt, size_t expected, size_t before, size_t wanted) {
    const size_t rooms[TRIES] = {expected, before + before / 2, before + before / 8, wanted};
    return rooms[attempt] > wanted ? rooms[attempt] : wanted;
}

static mmoe_status make_rows(mmoe_csv_room *room, const mmoe_csv_part *first, size_t rows,
                             mmoe_error *err) {
    struct mmoe_dataset *set = room->set;
    const size_t before = room->rows, expected = room_for(rows, rows, room->share);
    if (rows <= before && set->ids) return MMOE_OK;
    for (int i = 0; i < TRIES; i++) {
        const size_t more = room_to_try(i, expected, before, rows);
        if (i && more >= room->rows) continue;
        room->rows = more;
        if (resize_rows(set, first, more)) return MMOE_OK;
    }
    return mmoe_fail_memory(err, rows * 4 *
                                     (size_t)(set->n_sparse + set->dense_width + set->n_label + 1));
}

static bool resize_elements(struct mmoe_dataset *set, const mmoe_csv_part *first, size_t more) {
    const mmoe_allocator *a = &set->alloc;
    const size_t used = first->first_element;
    return resize(a, &set->elements, used, more, sizeof *set->elements) &&
           (!first->lists.is_weighed ||
            resize(a, &set->element_weights, used, more, sizeof *set->element_weights));
}

static mmoe_status make_elements(mmoe_csv_room *room, const mmoe_csv_part *first, places all,
                                 mmoe_error *err) {
    const size_t elements = all.elements, before = room->elements;
    struct mmoe_dataset *set = room->set;
    if (set->n_sparse == set->n_id || (elements <= before && set->elements)) return MMOE_OK;
    const size_t expected = room_for(elements, all.rows, room->share);
    for (int i = 0; i < TRIES; i++) {
        const size_t more = room_to_try(i, expected, before, elements);
        if (i && more >= room->elements) continue;
        room->elements = more;
        if (resize_elements(set, first, more)) return MMOE_OK;
    }
    return mmoe_fail_memory(err, elements * (sizeof(int32_t) + sizeof(float)));
}

/* ---- Rows ---- */

static void copy(void *to, size_t at, const void *from, size_t count, size_t size) {
    if (count && size) memcpy((char *)to + at * size, from, count * size);
}

static void take_lists(const struct mmoe_dataset *set, const mmoe_csv_part *p) {
    const mmoe_list_store *from = &p->lists;
    const size_t at = p->first_element, n = from->elements;
    for (size_t i = 0; i < from->lists; i++)
        set->offsets[p->first_list + i + 1] = (int64_t)at + from->ends[i];
    copy(set->elements, at, from->ids, n, sizeof *from->ids);
    if (from->is_weighed) copy(set->element_weights, at, from->weights, n, sizeof *from->weights);
}

static void take_rows(const struct mmoe_dataset *set, const mmoe_csv_part *p) {
    const size_t at = p->first_row, rows = (size_t)p->rows;
    copy(set->ids, at, p->ids, rows, (size_t)set->n_id * sizeof *p->ids);
    copy(set->labels, at, p->labels, rows, (size_t)set->n_label * sizeof *p->labels);
    if (set->weights) copy(set->weights, at, p->weights, rows, sizeof *p->weights);
    if (!p->learns_numbers)
        copy(set->dense, at, p->values, rows, (size_t)set->dense_width * sizeof *set->dense);
}

static void find_most_ids(const struct mmoe_dataset *set, mmoe_csv_part *p) {
    const int32_t n_list = set->n_sparse - set->n_id;
    const mmoe_row_ids rows = {.rows = p->rows,
                               .n_id = set->n_id,
                               .n_list = n_list,
                               .ids = p->ids,
                               .ends = p->finds_list_ids ? p->lists.ends : NULL,
                               .elements = p->lists.ids};
    for (int32_t i = 0; p->finds_list_ids && i < n_list; i++) p->most_ids[set->n_id + i] = 0;
    mmoe_most_ids_raise(&rows, p->most_ids);
}

void mmoe_csv_take_part(const struct mmoe_dataset *set, mmoe_csv_part *p) {
    find_most_ids(set, p);
    take_rows(set, p);
    take_lists(set, p);
    p->is_taken = true;
}

/* ---- Parts ---- */

/* Behind the set's rows and the parts that have places. */
static places place_part(mmoe_csv_part *p, places at, size_t n_list) {
    p->first_row = at.rows;
    p->first_list = at.rows * n_list;
    p->first_element = at.elements;
    return (places){at.rows + (size_t)p->rows, at.elements + p->lists.elements};
}

bool mmoe_csv_room_fits(const mmoe_csv_room *room, const mmoe_csv_part *p) {
    const struct mmoe_dataset *set = room->set;
    const bool has_lists = set->n_sparse > set->n_id;
    return set->ids && (size_t)(set->rows + p->rows) <= room->rows &&
           (!has_lists || (set->elements && room->used + p->lists.elements <= room->elements));
}

static mmoe_status place_parts(mmoe_csv_room *room, mmoe_csv_part *const *parts, size_t count,
                               mmoe_error *err) {
    const size_t n_list = (size_t)(room->set->n_sparse - room->set->n_id);
    places all = {(size_t)room->set->rows, room->used};
    for (size_t i = 0; i < count; i++) all = place_part(parts[i], all, n_list);
    mmoe_status status = make_rows(room, parts[0], all.rows, err);
    if (!status) status = make_elements(room, parts[0], all, err);
    if (status) return status;
    room->set->rows = (int64_t)all.rows;
    room->used = all.elements;
    return MMOE_OK;
}

mmoe_status mmoe_csv_room_place(mmoe_csv_room *room, mmoe_csv_part *part, mmoe_error *err) {
    return place_parts(room, &part, 1, err);
}

typedef struct taking {
    mmoe_csv_part *const *parts;
    const struct mmoe_dataset *set;
    bool is_last; /* no part will inherit their memory */
} taking;

static void take_part(void *context, int worker, int index) {
    const taking *t = context;
    (void)worker;
    mmoe_csv_take_part(t->set, t->parts[index]);
    if (t->is_last) mmoe_csv_part_give_back(t->parts[index]);
}

mmoe_status mmoe_csv_take(mmoe_csv_room *room, mmoe_csv_part *const *parts, size_t count,
                          mmoe_pool *pool, mmoe_error *err) {
    taking t = {parts, room->set, room->share >= 1};
    const mmoe_status status = place_parts(room, parts, count, err);
    if (!status) mmoe_pool_run_exact(pool, (int)count, take_part, &t);
    return status;
}

/* ---- Rows that are seen where they are ---- */

static mmoe_status lend_lists(struct mmoe_dataset *set, const mmoe_csv_part *p,
                              mmoe_csv_offsets *to, mmoe_error *err) {
    const size_t lists = p->lists.lists;
    if (lists >= to->room) {
        const size_t room = lists + lists / 2 + 1;
        int64_t *items = mmoe_resize(&set->alloc, to->items, to->room, room, sizeof *items);
        if (!items) return mmoe_fail_memory(err, room * sizeof *items);
        to->items = items;
        to->room = room;
    }
    to->items[0] = 0;
    copy(to->items, 1, p->lists.ends, lists, sizeof *to->items);
    set->offsets = to->items;
    set->elements = p->lists.ids;
    set->element_weights = p->lists.is_weighed ? p->lists.weights : NULL;
    return MMOE_OK;
}

mmoe_status mmoe_csv_lend(struct mmoe_dataset *set, mmoe_csv_part *p, mmoe_csv_offsets *offsets,
                          mmoe_error *err) {
    const bool has_lists = set->n_sparse > set->n_id;
    const mmoe_status status = has_lists ? lend_lists(set, p, offsets, err) : MMOE_OK;
    if (status) return status;
    find_most_ids(set, p);
    set->rows = p->rows;
    set->ids = p->ids;
    set->labels = p->labels;
    set->weights = mmoe_csv_file_is_weighted(p->file) ? p->weights : NULL;
    set->dense = p->learns_numbers ? NULL : p->values;
    p->is_taken = true;
    return MMOE_OK;
}

void mmoe_csv_take_back(struct mmoe_dataset *set) {
    set->ids = set->elements = NULL;
    set->offsets = NULL;
    set->labels = set->weights = set->dense = set->element_weights = NULL;
}
