#include "base/csv_lines.h"

#include <stdio.h>

#include "base/error.h"

mmoe_status mmoe_csv_lines_fail_memory(const mmoe_csv_lines *l, size_t bytes) {
    return mmoe_fail_at(l->err, MMOE_E_MEMORY, l->name, l->form.row + 1, NULL,
                        "out of memory: %zu bytes more were needed for the row", bytes);
}

void *mmoe_csv_lines_grown(mmoe_csv_lines *l, void *memory, size_t *capacity, size_t wanted,
                           size_t size) {
    size_t more = *capacity + *capacity / 2 + 64;
    if (more < wanted) more = wanted;
    memory = mmoe_resize(&l->alloc, memory, *capacity, more, size);
    if (memory)
        *capacity = more;
    else
        l->status = mmoe_csv_lines_fail_memory(l, more * size);
    return memory;
}

bool mmoe_csv_lines_grow(mmoe_csv_lines *l, size_t n) {
    const size_t wanted = l->n_waiting + n + 1;
    mmoe_csv_field *fields =
        mmoe_csv_lines_grown(l, l->fields, &l->field_capacity, wanted, sizeof *fields);
    if (fields) l->fields = fields;
    return fields;
}

/* A line of nothing, or of blanks: a row where the header has one field. */
static void take_blank_line(mmoe_csv_lines *l) {
    static const char nothing[MMOE_CSV_READABLE + 1];
    if (l->form.columns != 1) {
        if (l->passed.blank_lines++ == 0) l->passed.blank_behind = l->form.row;
    } else if (l->n_waiting < l->field_capacity || mmoe_csv_lines_grow(l, 0)) {
        l->fields[l->n_waiting] = (mmoe_csv_field){nothing, 0};
        l->n_fields = 1;
    }
}

/* Is the field behind the last column the nothing that follows a comma, here as in the first row?
 */
static bool drop_last_comma(mmoe_csv_lines *l) {
    const size_t columns = l->form.columns;
    const bool is_comma =
        l->n_fields == columns + 1 && l->fields[l->n_waiting + columns].length == 0;
    if (!l->form.has_first_row) l->form.has_comma = is_comma;
    if (!is_comma || !l->form.has_comma) return false;
    l->n_fields--;
    l->passed.commas++;
    return true;
}

void mmoe_csv_lines_fail_separator(mmoe_csv_lines *l) {
    const char found[] = {'\'', l->passed.separator, '\'', '\0'};
    l->status = mmoe_fail_at(l->err, MMOE_E_FORMAT, l->name, 1, NULL,
                             "the file looks separated by %s, but commas separate columns; a first "
                             "line of sep= and another character says what does%s",
                             l->passed.separator == '\t' ? "tabs" : found,
                             l->handler->separator_hint ? l->handler->separator_hint : "");
}

/* c1, c2, ...: names for the fields of a file without a header. */
static mmoe_status pass_numbers(mmoe_csv_lines *l) {
    enum { NAME = 24 };
    char *names = mmoe_alloc(&l->alloc, l->n_fields, NAME);
    mmoe_csv_field *fields = mmoe_alloc(&l->alloc, l->n_fields, sizeof *fields);
    mmoe_status status = MMOE_E_MEMORY;
    for (size_t i = 0; names && fields && i < l->n_fields; i++) {
        char *name = names + i * NAME;
        fields[i] = (mmoe_csv_field){name, (size_t)snprintf(name, NAME, "c%zu", i + 1)};
    }
    if (names && fields)
        status = l->handler->header(l->handler->user, fields, l->n_fields, l->err);
    else
        mmoe_fail_memory(l->err, l->n_fields * (NAME + sizeof *fields));
    mmoe_release(&l->alloc, names);
    mmoe_release(&l->alloc, fields);
    return status;
}

static void pass_header(mmoe_csv_lines *l) {
    l->form.columns = l->n_fields;
    l->status = l->handler->headless
                    ? pass_numbers(l)
                    : l->handler->header(l->handler->user, l->fields, l->n_fields, l->err);
    const bool refused = l->status && l->status != MMOE_E_MEMORY && l->status != MMOE_E_CANCELLED;
    if (refused && l->passed.separator) mmoe_csv_lines_fail_separator(l);
}

void mmoe_csv_lines_pass(mmoe_csv_lines *l) {
    const mmoe_csv_handler *h = l->handler;
    const size_t n = l->form.columns;
    /* Of one row alone texts may be farther apart than places can say. */
    const bool is_near =
        l->waiting != 1 ||
        (size_t)(l->fields[n - 1].text - l->fields->text) + l->fields[n - 1].length < INT32_MAX;
    const mmoe_csv_rows rows = {.first = l->first_waiting,
                                .count = l->waiting,
                                .columns = n,
                                .fields = l->fields,
                                .is_readable = is_near};
    if (l->waiting && !l->status)
        l->status = h->rows ? h->rows(h->user, &rows, l->err)
                            : h->row(h->user, rows.first, rows.fields, l->err);
    l->waiting = 0;
    l->n_waiting = 0;
}

bool mmoe_csv_lines_are_alike(const mmoe_csv_lines *l) {
    return l->form.columns > 1 && l->form.has_first_row && l->handler->rows && !l->handler->skip;
}

void mmoe_csv_lines_take(mmoe_csv_lines *l, mmoe_csv_rows rows) {
    mmoe_csv_lines_pass(l);
    if (l->status) return;
    rows.first = l->form.row + 1;
    rows.columns = l->form.columns;
    l->form.row += (int64_t)rows.count;
    l->terminator = '\n';
    l->status = l->handler->rows(l->handler->user, &rows, l->err);
}

/* A row whose fields are not as many as the header's. */
static void fail_row(mmoe_csv_lines *l) {
    const mmoe_csv_handler *h = l->handler;
    mmoe_error fault;
    if (l->status) return;
    l->status = mmoe_fail_at(&fault, MMOE_E_FORMAT, l->name, l->form.row, NULL,
                             "%zu fields, but the header has %zu", l->n_fields, l->form.columns);
    if (h->fault)
        l->status = h->fault(h->user, &fault, l->err);
    else if (l->err)
        *l->err = fault;
}

static void pass_row(mmoe_csv_lines *l) {
    const mmoe_csv_handler *h = l->handler;
    const size_t columns = l->form.columns;
    const bool is_skipped = h->skip && h->skip(h->user, l->form.row);
    if (is_skipped || (l->n_fields != columns && !drop_last_comma(l))) {
        mmoe_csv_lines_pass(l);
        if (!is_skipped) fail_row(l);
        return;
    }
    if (l->waiting++ == 0) l->first_waiting = l->form.row;
    l->n_waiting += columns;
    l->form.has_first_row = true;
    if (!h->rows || l->n_waiting + columns > MMOE_CSV_FIELDS_AT_ONCE) mmoe_csv_lines_pass(l);
}

/* The second half of CR LF is no line. */
void mmoe_csv_lines_end(mmoe_csv_lines *l, int terminator) {
    const bool is_second = terminator == '\n' && l->terminator == '\r';
    l->terminator = terminator;
    if (l->n_fields == 0 && !is_second) take_blank_line(l);
    if (l->n_fields == 0) return;
    l->form.row++;
    const bool is_header = l->form.columns == 0;
    if (is_header) pass_header(l);
    if (!l->status && (!is_header || l->handler->headless)) pass_row(l);
    l->n_fields = 0;
}

void mmoe_csv_lines_finish(mmoe_csv_lines *l) { mmoe_release(&l->alloc, l->fields); }
