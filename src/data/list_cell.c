#include "data/list_cell.h"

#include <string.h>

#include "base/marks.h"

/* ---- Elements ---- */

static void look_at(mmoe_list_walk *w, const char *begin) {
    const size_t length = (size_t)(w->end - begin);
    const char colon = w->how->weight_separator;
    w->begin = begin;
    w->separators = mmoe_marks_of(begin, length, w->how->separator);
    w->colons = colon ? mmoe_marks_of(begin, length, colon) : 0;
}

static const char *end_of_element(mmoe_list_walk *w) {
    if (!w->is_readable) {
        const char *at = memchr(w->at, w->how->separator, (size_t)(w->end - w->at));
        return at ? at : w->end;
    }
    while (!w->separators && w->end - w->begin > MMOE_MARKS) look_at(w, w->begin + MMOE_MARKS);
    if (!w->separators) return w->end;
    const char *at = w->begin + __builtin_ctzll(w->separators);
    w->separators &= w->separators - 1;
    return at;
}

static void pass_over(mmoe_list_walk *w, const char *end) { w->at = end < w->end ? end + 1 : NULL; }

static int64_t count_elements(const mmoe_list_how *how, mmoe_csv_field cell, bool is_readable) {
    int64_t n = 1;
    for (size_t i = 0; is_readable && i < cell.length; i += MMOE_MARKS)
        n += __builtin_popcountll(mmoe_marks_of(cell.text + i, cell.length - i, how->separator));
    for (size_t i = 0; !is_readable && i < cell.length; i++) n += cell.text[i] == how->separator;
    return n;
}

/* Where a text has fewer characters than a list may have elements nothing need be counted. */
mmoe_list_walk mmoe_list_walk_begin(const mmoe_list_how *how, mmoe_csv_field cell,
                                    bool is_readable) {
    mmoe_list_walk w = {.how = how,
                        .is_readable = is_readable,
                        .at = cell.text,
                        .end = cell.text + cell.length,
                        .left = (int64_t)cell.length + 1};
    if (is_readable) look_at(&w, w.at);
    if (!how->max_len || w.left <= how->max_len) return w;
    w.left = count_elements(how, cell, is_readable);
    w.is_cut = w.left > how->max_len;
    if (!w.is_cut) return w;
    for (int64_t i = w.left - how->max_len; i > 0 && how->truncate == MMOE_KEEP_LAST; i--)
        pass_over(&w, end_of_element(&w));
    w.left = how->max_len;
    return w;
}

/* The last place in front of `end` that a weight may stand behind; NULL: none. */
static const char *find_colon(const mmoe_list_walk *w, const char *text, const char *end) {
    if (w->is_readable && text >= w->begin && end - w->begin < MMOE_MARKS) {
        const uint64_t before = ((uint64_t)1 << (end - w->begin)) - 1,
                       behind = -((uint64_t)1 << (text - w->begin)),
                       colons = w->colons & before & behind;
        return colons ? w->begin + 63 - __builtin_clzll(colons) : NULL;
    }
    while (end > text && end[-1] != w->how->weight_separator) end--;
    return end > text ? end - 1 : NULL;
}

static mmoe_element element_of(const mmoe_list_walk *w, const char *text, const char *end) {
    mmoe_element e = {.value = {text, (size_t)(end - text)}};
    const char *colon = w->how->weight_separator ? find_colon(w, text, end) : NULL;
    if (!colon) return e;
    e.value.length = (size_t)(colon - text);
    e.weight = (mmoe_csv_field){colon + 1, (size_t)(end - colon - 1)};
    return e;
}

/* Of a text that is readable, without weights: between two looks at it nothing is kept but in
 * registers. */
static size_t next_plain(mmoe_list_walk *w, mmoe_element *out, size_t most) {
    const char *at = w->at;
    size_t n = 0;
    while (at && n < most) {
        uint64_t separators = w->separators;
        for (; separators && n < most; separators &= separators - 1) {
            const char *end = w->begin + __builtin_ctzll(separators);
            out[n++] = (mmoe_element){{at, (size_t)(end - at)}, {NULL, 0}};
            at = end + 1;
        }
        w->separators = separators;
        if (n == most) break;
        if (w->end - w->begin > MMOE_MARKS) {
            look_at(w, w->begin + MMOE_MARKS);
        } else {
            out[n++] = (mmoe_element){{at, (size_t)(w->end - at)}, {NULL, 0}};
            at = NULL;
        }
    }
    w->at = at;
    w->left -= (int64_t)n;
    return n;
}

size_t mmoe_list_walk_next(mmoe_list_walk *w, mmoe_element *out, size_t most) {
    size_t n = 0;
    if (w->is_readable && !w->how->weight_separator)
        return next_plain(w, out, w->left < (int64_t)most ? (size_t)w->left : most);
    for (; n < most && w->at && w->left; n++, w->left--) {
        const char *end = end_of_element(w);
        out[n] = element_of(w, w->at, end);
        pass_over(w, end);
    }
    return n;
}

/* ---- Lists ---- */

static bool grow(const mmoe_allocator *a, void *array, size_t from, size_t to, size_t size) {
    void *old, *grown;
    memcpy(&old, array, sizeof old);
    grown = mmoe_resize(a, old, from, to, size);
    if (grown) memcpy(array, &grown, sizeof grown);
    return grown;
}

bool mmoe_list_store_reserve(mmoe_list_store *s, size_t elements) {
    const size_t more = s->element_room + s->element_room / 2 + 4096 + elements;
    if (s->elements + elements <= s->element_room) return true;
    if (!grow(&s->alloc, &s->ids, s->element_room, more, sizeof *s->ids)) return false;
    if (s->is_weighed && !grow(&s->alloc, &s->weights, s->element_room, more, sizeof *s->weights))
        return false;
    s->element_room = more;
    return true;
}

bool mmoe_list_store_reserve_list(mmoe_list_store *s) {
    const size_t more = s->list_room + s->list_room / 2 + 1024;
    if (!grow(&s->alloc, &s->ends, s->list_room, more, sizeof *s->ends)) return false;
    s->list_room = more;
    return true;
}

static void *moved(const mmoe_allocator *a, const void *from, size_t count, size_t size) {
    void *to = mmoe_alloc_aligned(a, count, size);
    if (to && count) memcpy(to, from, count * size);
    return to;
}

bool mmoe_list_store_move(mmoe_list_store *s, int64_t **offsets, int32_t **ids, float **weights) {
    if (s->lists == 0) return true;
    *offsets = mmoe_alloc_aligned(&s->alloc, s->lists + 1, sizeof **offsets);
    *ids = moved(&s->alloc, s->ids, s->elements, sizeof **ids);
    *weights = s->is_weighed ? moved(&s->alloc, s->weights, s->elements, sizeof **weights) : NULL;
    if (!*offsets || !*ids || (s->is_weighed && !*weights)) return false;
    (*offsets)[0] = 0;
    memcpy(*offsets + 1, s->ends, s->lists * sizeof *s->ends);
    mmoe_list_store_finish(s);
    return true;
}

void mmoe_list_store_finish(mmoe_list_store *s) {
    mmoe_release(&s->alloc, s->ends);
    mmoe_release(&s->alloc, s->ids);
    mmoe_release(&s->alloc, s->weights);
    *s = (mmoe_list_store){.alloc = s->alloc, .is_weighed = s->is_weighed};
}
