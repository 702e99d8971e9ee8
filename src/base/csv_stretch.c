#include "base/csv_stretch.h"

#include <string.h>

#include "base/error.h"

mmoe_status mmoe_csv_stretch_start(mmoe_csv_stretch *s, size_t size, const mmoe_csv_lines *lines) {
    s->scanner = mmoe_csv_scanner_best();
    s->most = size < MMOE_CSV_STRETCH ? size : MMOE_CSV_STRETCH;
    const size_t room = s->most + MMOE_SCAN_SLACK;
    s->places.ends = mmoe_alloc(&lines->alloc, room, sizeof *s->places.ends);
    s->places.doubled = mmoe_alloc(&lines->alloc, room, sizeof *s->places.doubled);
    if (s->places.ends && s->places.doubled) return MMOE_OK;
    return mmoe_fail_memory(lines->err, 2 * room * sizeof *s->places.ends);
}

void mmoe_csv_stretch_finish(mmoe_csv_stretch *s, const mmoe_csv_lines *lines) {
    mmoe_release(&lines->alloc, s->places.ends);
    mmoe_release(&lines->alloc, s->places.doubled);
}

/* ---- Fields ---- */

/* What is yet to be taken of a stretch. */
typedef struct scanned {
    char *bytes, *from;             /* where its next field begins */
    const uint32_t *ends, *doubled; /* behind the last of these stands one past all */
} scanned;

static bool is_blank(char c) { return c == ' ' || c == '\t'; }

/* Moves the text up to `end` over the second ones of its doubled quotes; returns its new end. */
static char *undouble(scanned *s, const char *end) {
    char *to = s->bytes + *s->doubled;
    const char *from = to + 1;
    while (s->bytes + *++s->doubled < end) {
        const size_t n = (size_t)(s->bytes + *s->doubled - from);
        memmove(to, from, n);
        to += n;
        from += n + 1;
    }
    memmove(to, from, (size_t)(end - from));
    return to + (end - from);
}

/* A field that begins or ends with a blank or a quote. */
static mmoe_csv_field cut_other(scanned *s, char *end) {
    char *from = s->from;
    if (*from == '"') {
        from++;
        end--;
        if (s->bytes + *s->doubled < end) end = undouble(s, end);
    } else {
        while (from < end && is_blank(*from)) from++;
        while (end > from && is_blank(end[-1])) end--;
    }
    *end = '\0';
    return (mmoe_csv_field){from, (size_t)(end - from)};
}

/* The next field, which ends at `end`: that becomes its terminator's place. */
static mmoe_csv_field cut_field(scanned *s, char *end) {
    char *from = s->from;
    if (from < end && ((uint8_t)*from <= '"' || (uint8_t)end[-1] <= ' ')) return cut_other(s, end);
    *end = '\0';
    return (mmoe_csv_field){from, (size_t)(end - from)};
}

/* ---- Rows ---- */

/* False: memory is out. */
static bool take_row(scanned *s, mmoe_csv_lines *l) {
    const char separator = l->form.separator, *begin = s->from;
    mmoe_csv_field *row = l->fields + l->n_waiting;
    size_t n = 0, room = l->field_capacity - l->n_waiting;
    char by = separator;
    while (by == separator) {
        if (n == room) {
            if (!mmoe_csv_lines_grow(l, n)) return false;
            row = l->fields + l->n_waiting;
            room = l->field_capacity - l->n_waiting;
        }
        char *end = s->bytes + s->ends[n];
        by = *end;
        row[n++] = cut_field(s, end);
        s->from = end + 1;
    }
    const bool is_blank_line = n == 1 && row->length == 0 && *begin != '"';
    s->ends += n;
    l->n_fields = is_blank_line ? 0 : n;
    mmoe_csv_lines_end(l, by);
    return true;
}

/* Separators become terminators: so no row is begun that does not end here. */
size_t mmoe_csv_stretch_take(mmoe_csv_stretch *s, mmoe_csv_lines *l, char *bytes, size_t length) {
    mmoe_csv_places *p = &s->places;
    const uint32_t most = (uint32_t)(length < s->most ? length : s->most);
    s->scanner->find(bytes, most, l->form.separator, p);
    p->doubled[p->n_doubled] = most;
    size_t n = p->n_ends;
    while (n && bytes[p->ends[n - 1]] == l->form.separator) n--;
    scanned left = {bytes, bytes, p->ends, p->doubled};
    while (left.ends < p->ends + n && !l->status && take_row(&left, l)) continue;
    return (size_t)(left.from - bytes);
}
