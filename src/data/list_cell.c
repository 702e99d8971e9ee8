#include "data/list_cell.h"

#include <string.h>

#include "base/brackets.h"
#include "data/list_values.h"

/* ---- Elements ---- */

/* The separator behind the element that begins at `at`, or the end. */
static const char *end_of_element(const mmoe_list_how *how, const char *at, const char *end) {
    if (how->brackets) return mmoe_brackets_next(at, end, how->separator);
    at = memchr(at, how->separator, (size_t)(end - at));
    return at ? at : end;
}

static void pass_over(mmoe_list_walk *w, const char *end) { w->at = end < w->end ? end + 1 : NULL; }

static int64_t count_elements(const mmoe_list_how *how, const char *at, const char *end) {
    int64_t n = 1;
    for (; (at = end_of_element(how, at, end)) < end; at++) n++;
    return n;
}

/* A cell, or an element, without what stands round it. */
static mmoe_csv_field open_cell(const mmoe_list_how *how, mmoe_csv_field cell) {
    if (how->brackets) cell.text = mmoe_brackets_open(cell.text, &cell.length);
    return cell;
}

static mmoe_csv_field open_element(const mmoe_list_how *how, mmoe_csv_field element) {
    if (how->brackets) element.text = mmoe_brackets_unquote(element.text, &element.length);
    return element;
}

/* Where a text has fewer characters than a list may have elements nothing need be counted. */
mmoe_list_walk mmoe_list_walk_begin(const mmoe_list_how *how, mmoe_csv_field cell) {
    cell = open_cell(how, cell);
    mmoe_list_walk w = {.how = how,
                        .at = how->brackets && !cell.length ? NULL : cell.text,
                        .end = cell.text + cell.length,
                        .left = (int64_t)cell.length + 1};
    if (!w.at || !how->max_len || w.left <= how->max_len) return w;
    w.left = count_elements(how, w.at, w.end);
    w.is_cut = w.left > how->max_len;
    if (!w.is_cut) return w;
    for (int64_t i = w.left - how->max_len; i > 0 && how->truncate == MMOE_KEEP_LAST; i--)
        pass_over(&w, end_of_element(how, w.at, w.end));
    w.left = how->max_len;
    return w;
}

/* A weight may stand behind the last of the characters that do stand before weights. */
static mmoe_element element_of(const mmoe_list_walk *w, const char *text, const char *end) {
    mmoe_element e = {.value = open_element(w->how, (mmoe_csv_field){text, (size_t)(end - text)})};
    const char *at = end;
    if (!w->how->weight_separator) return e;
    while (at > text && at[-1] != w->how->weight_separator) at--;
    if (at == text) return e;
    e.value.length = (size_t)(at - 1 - text);
    e.weight = (mmoe_csv_field){at, (size_t)(end - at)};
    return e;
}

bool mmoe_list_walk_next(mmoe_list_walk *w, mmoe_element *out) {
    if (!w->at || !w->left) return false;
    const char *end = end_of_element(w->how, w->at, w->end);
    *out = element_of(w, w->at, end);
    pass_over(w, end);
    w->left--;
    return true;
}

/* ---- Many at a time ---- */

/* Values of the next `n` elements end where their weights begin: at the last `colon` of each. */
static void find_colons(const mmoe_list_cuts *c, const mmoe_csv_scanner *scanner, char colon,
                        size_t n) {
    const uint32_t *tails = c->tails + c->n, *colons = c->others[1];
    uint32_t *ends = c->ends + c->n;
    const size_t parts =
        scanner->split(c->bytes, c->before[c->n] + 1, tails[n - 1], colon, c->others);
    size_t at = 0;
    for (size_t i = 0; i < n; i++) {
        ends[i] = tails[i];
        while (at + 1 < parts && colons[at] < tails[i]) ends[i] = colons[at++];
    }
}

/* As a scanner does, `before` and `tails`. */
static size_t split_opened(const mmoe_list_cuts *c, const mmoe_list_how *how, uint32_t begin,
                           uint32_t end, uint32_t *const out[2]) {
    const mmoe_csv_field cell = open_cell(how, (mmoe_csv_field){c->bytes + begin, end - begin});
    const char *at = cell.text, *stop = cell.text + cell.length;
    size_t n = 0;
    for (const char *to; cell.length && at; at = to < stop ? to + 1 : NULL) {
        to = end_of_element(how, at, stop);
        const mmoe_csv_field e = open_element(how, (mmoe_csv_field){at, (size_t)(to - at)});
        out[0][n] = (uint32_t)(e.text - c->bytes) - 1;
        out[1][n++] = (uint32_t)(e.text - c->bytes + (ptrdiff_t)e.length);
    }
    return n;
}

size_t mmoe_list_cut(mmoe_list_cuts *to, const mmoe_csv_scanner *scanner, const mmoe_list_how *how,
                     uint32_t begin, uint32_t end, bool *is_cut) {
    uint32_t *out[2] = {to->before + to->n, to->tails + to->n};
    const size_t all = how->brackets ? split_opened(to, how, begin, end, out)
                                     : scanner->split(to->bytes, begin, end, how->separator, out);
    const mmoe_list_span kept = mmoe_list_kept(how, 0, all);
    const size_t n = kept.end - kept.begin;
    *is_cut = n < all;
    for (int i = 0; kept.begin && i < 2; i++)
        memmove(out[i], out[i] + kept.begin, n * sizeof **out);
    if (how->weight_separator) find_colons(to, scanner, how->weight_separator, n);
    to->n += n;
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
