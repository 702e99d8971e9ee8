#include "base/csv_stretch.h"

#include <string.h>

#include "base/error.h"

mmoe_status mmoe_csv_stretch_start(mmoe_csv_stretch *s, size_t size, const mmoe_csv_lines *lines) {
    s->scanner = mmoe_csv_scanner_best();
    s->most = size < MMOE_CSV_STRETCH ? size : MMOE_CSV_STRETCH;
    const size_t room = s->most + MMOE_SCAN_SLACK;
    s->cuts = mmoe_alloc(&lines->alloc, room + 1, sizeof *s->cuts);
    if (s->cuts) *s->cuts = UINT32_MAX;
    s->places.ends = s->cuts ? s->cuts + 1 : NULL;
    s->places.doubled = mmoe_alloc(&lines->alloc, room, sizeof *s->places.doubled);
    s->places.lines = mmoe_alloc(&lines->alloc, room, sizeof *s->places.lines);
    if (s->cuts && s->places.doubled && s->places.lines) return MMOE_OK;
    return mmoe_fail_memory(lines->err, 3 * room * sizeof *s->places.ends);
}

void mmoe_csv_stretch_finish(mmoe_csv_stretch *s, const mmoe_csv_lines *lines) {
    mmoe_release(&lines->alloc, s->cuts);
    mmoe_release(&lines->alloc, s->places.doubled);
    mmoe_release(&lines->alloc, s->places.lines);
}

/* ---- Fields ---- */

/* What is yet to be taken of a stretch. */
typedef struct scanned {
    char *bytes, *from;             /* where its next field begins */
    const uint32_t *ends, *doubled; /* behind the last of these stands one past all */
    const uint32_t *first;          /* of all ends */
    const uint32_t *lines, *last_line;
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
    s->lines++;
    l->n_fields = is_blank_line ? 0 : n;
    mmoe_csv_lines_end(l, by);
    return true;
}

/* ---- Rows that are alike ---- */

/* Does row `row` of those that are alike, from here on, end as they do? */
static bool is_alike(const scanned *s, size_t row, size_t columns, size_t stride) {
    const size_t line = row * (stride - columns + 1), last = row * stride + columns - 1;
    const uint32_t *ends = s->ends + last, before = (uint32_t)(s->ends - s->first);
    if (s->lines + line + (stride - columns) >= s->last_line) return false;
    if (s->lines[line] != before + last) return false;
    if (stride == columns) return s->bytes[*ends] == '\n';
    return s->bytes[*ends] == '\r' && ends[1] == *ends + 1 && s->bytes[ends[1]] == '\n';
}

/* So many that the fastest cache has the rows, where they end and what is made of them while each
 * column is read; whole numbers of what is looked at together, of up to 40 columns. */
static size_t most_alike(size_t columns) {
    enum { FIELDS = 2560, STEP = MMOE_CELLS_AT_ONCE };
    const size_t rows = FIELDS / columns + 1;
    return rows < STEP ? rows : rows / STEP * STEP;
}

/* Takes rows of as many fields as the header has, which end by LF, or by CR LF: then the nothing
 * between them stands among the ends. False: the next row is none of these. */
static bool take_alike(scanned *s, mmoe_csv_lines *l) {
    const size_t columns = l->form.columns, most = most_alike(columns);
    const bool has_cr = s->lines < s->last_line && s->bytes[s->first[*s->lines]] == '\r';
    const size_t stride = columns + has_cr;
    size_t n = 0;
    while (n < most && is_alike(s, n, columns, stride)) n++;
    if (!n) return false;
    const mmoe_csv_rows rows = {
        .count = n, .bytes = s->bytes, .cuts = s->ends - 1, .stride = stride, .is_readable = true};
    s->ends += n * stride;
    s->lines += n * (1 + has_cr);
    s->from = s->bytes + s->ends[-1] + 1;
    mmoe_csv_lines_take(l, rows);
    return true;
}

/* ---- A stretch ---- */

/* Separators become terminators: so no row is begun that does not end here. */
size_t mmoe_csv_stretch_take(mmoe_csv_stretch *s, mmoe_csv_lines *l, char *bytes, size_t length) {
    mmoe_csv_places *p = &s->places;
    const uint32_t most = (uint32_t)(length < s->most ? length : s->most);
    s->scanner->find(bytes, most, l->form.separator, p);
    p->doubled[p->n_doubled] = most;
    size_t n = p->n_ends;
    while (n && bytes[p->ends[n - 1]] == l->form.separator) n--;
    scanned left = {.bytes = bytes,
                    .from = bytes,
                    .ends = p->ends,
                    .doubled = p->doubled,
                    .first = p->ends,
                    .lines = p->lines,
                    .last_line = p->lines + p->n_lines};
    while (left.ends < p->ends + n && !l->status) {
        if (p->are_plain && mmoe_csv_lines_are_alike(l) && take_alike(&left, l)) continue;
        if (!take_row(&left, l)) break;
    }
    return (size_t)(left.from - bytes);
}
