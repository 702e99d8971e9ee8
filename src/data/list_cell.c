#include "data/list_cell.h"

#include <string.h>

#include "base/short_number.h"

/* ---- Elements ---- */

static void look_at(mmoe_list_walk *w, const char *word) {
    w->word = word;
    w->separators = mmoe_bytes_that_are(mmoe_eight_at(word), w->how->separator);
}

static const char *end_of_element(mmoe_list_walk *w) {
    const char *at = w->end;
    if (!w->is_readable) {
        at = memchr(w->at, w->how->separator, (size_t)(w->end - w->at));
        return at ? at : w->end;
    }
    while (!w->separators && w->end - w->word > 8) look_at(w, w->word + 8);
    if (w->separators) at = w->word + __builtin_ctzll(w->separators) / 8;
    w->separators &= w->separators - 1;
    return at < w->end ? at : w->end;
}

static void pass_over(mmoe_list_walk *w, const char *end) { w->at = end < w->end ? end + 1 : NULL; }

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
    w.left = 1;
    for (const char *c = w.at; c < w.end; c++) w.left += *c == how->separator;
    w.is_cut = w.left > how->max_len;
    if (!w.is_cut) return w;
    for (int64_t i = w.left - how->max_len; i > 0 && how->truncate == MMOE_KEEP_LAST; i--)
        pass_over(&w, end_of_element(&w));
    w.left = how->max_len;
    return w;
}

static mmoe_element element_of(const mmoe_list_how *how, const char *text, const char *end) {
    const char *colon = end;
    mmoe_element e = {.value = {text, (size_t)(end - text)}};
    if (!how->weight_separator) return e;
    while (colon > text && colon[-1] != how->weight_separator) colon--;
    if (colon == text) return e;
    e.value.length = (size_t)(colon - 1 - text);
    e.weight = (mmoe_csv_field){colon, (size_t)(end - colon)};
    return e;
}

size_t mmoe_list_walk_next(mmoe_list_walk *w, mmoe_element *out, size_t most) {
    size_t n = 0;
    for (; n < most && w->at && w->left; n++, w->left--) {
        const char *end = end_of_element(w);
        out[n] = element_of(w->how, w->at, end);
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
