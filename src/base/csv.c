#include "base/csv.h"

#include <csv.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "base/csv_guess.h"
#include "base/csv_scan.h"
#include "base/error.h"

/* Small enough for the cache, and for an error to end reading soon; a row that is longer than a
 * stretch, which is scanned at a time, is libcsv's. */
enum { BLOCK = MMOE_CSV_BLOCK, STRETCH = BLOCK / 4 };
/* Fields of the rows that are passed at once, which the cache has until their columns are read. */
enum { FIELDS_AT_ONCE = 4096, FIELDS_AT_FIRST = 64 };
enum { READABLE = 8 }; /* bytes of each text, and the scanner's slack has more */

typedef struct csv_reader {
    struct csv_parser parser;
    mmoe_allocator alloc;
    const char *name;
    const mmoe_csv_handler *handler;
    mmoe_error *err;
    mmoe_status status;
    int terminator; /* of the record or blank line before */
    mmoe_csv_form form;
    mmoe_csv_passed passed;
    mmoe_csv_field *fields; /* [field_capacity] of the rows that wait, and of the row so far */
    size_t n_fields, field_capacity;
    size_t n_waiting, waiting; /* their fields; rows that are yet to be passed */
    int64_t first_waiting;
    char *text; /* of libcsv's fields, one after the other */
    size_t used, text_capacity;
    const mmoe_csv_scanner *scanner; /* NULL: libcsv gets all */
    bool within_row;                 /* which libcsv has begun */
    char *block;                     /* [block_size + slack] bytes, the reader's own */
    size_t block_size;
    uint32_t *ends; /* [STRETCH + slack] or as many as a block has */
} csv_reader;

/* ---- libcsv's memory ---- */

/* libcsv gives its allocation functions no context: this is the reader that the thread is in. */
static _Thread_local csv_reader *active;

static void *resize_entry(void *memory, size_t size) {
    void *entry = mmoe_resize(&active->alloc, memory, active->parser.entry_size, size, 1);
    if (entry)
        csv_set_blk_size(&active->parser,
                         size); /* the next time as much again: growth is geometric */
    return entry;
}

static void free_entry(void *memory) { mmoe_release(&active->alloc, memory); }

/* ---- Fields and rows ---- */

/* `memory` with room for `wanted` entries; NULL, the reader's status being set, when there is none.
 */
static void *grown(csv_reader *r, void *memory, size_t *capacity, size_t wanted, size_t size) {
    size_t more = *capacity + *capacity / 2 + 64;
    if (more < wanted) more = wanted;
    memory = mmoe_resize(&r->alloc, memory, *capacity, more, size);
    if (memory)
        *capacity = more;
    else
        r->status = mmoe_fail_memory(r->err, more * size);
    return memory;
}

/* Room for one more field than `n` in the row so far; false: there is none. */
static bool grow_fields(csv_reader *r, size_t n) {
    const size_t wanted = r->n_waiting + n + 1;
    mmoe_csv_field *fields = grown(r, r->fields, &r->field_capacity, wanted, sizeof *fields);
    if (fields) r->fields = fields;
    return fields;
}

/* A line of nothing, or of blanks: a row where the header has one field. */
static void take_blank_line(csv_reader *r) {
    if (r->form.columns != 1) {
        if (r->passed.blank_lines++ == 0) r->passed.blank_behind = r->form.row;
    } else if (r->n_waiting < r->field_capacity || grow_fields(r, 0)) {
        r->fields[r->n_waiting] = (mmoe_csv_field){"", 0};
        r->n_fields = 1;
    }
}

/* Is the field behind the last column the nothing that follows a comma, here as in the first row?
 */
static bool drop_last_comma(csv_reader *r) {
    const size_t columns = r->form.columns;
    const bool is_comma =
        r->n_fields == columns + 1 && r->fields[r->n_waiting + columns].length == 0;
    if (!r->form.has_first_row) r->form.has_comma = is_comma;
    if (!is_comma || !r->form.has_comma) return false;
    r->n_fields--;
    r->passed.commas++;
    return true;
}

static void fail_separator(csv_reader *r) {
    const char found[] = {'\'', r->passed.separator, '\'', '\0'};
    r->status = mmoe_fail_at(r->err, MMOE_E_FORMAT, r->name, 1, NULL,
                             "the file looks separated by %s, but commas separate columns; a first "
                             "line of sep= and another character says what does%s",
                             r->passed.separator == '\t' ? "tabs" : found,
                             r->handler->separator_hint ? r->handler->separator_hint : "");
}

/* c1, c2, ...: names for the fields of a file without a header. */
static mmoe_status pass_numbers(csv_reader *r) {
    enum { NAME = 24 };
    char *names = mmoe_alloc(&r->alloc, r->n_fields, NAME);
    mmoe_csv_field *fields = mmoe_alloc(&r->alloc, r->n_fields, sizeof *fields);
    mmoe_status status = MMOE_E_MEMORY;
    for (size_t i = 0; names && fields && i < r->n_fields; i++) {
        char *name = names + i * NAME;
        fields[i] = (mmoe_csv_field){name, (size_t)snprintf(name, NAME, "c%zu", i + 1)};
    }
    if (names && fields)
        status = r->handler->header(r->handler->user, fields, r->n_fields, r->err);
    else
        mmoe_fail_memory(r->err, r->n_fields * (NAME + sizeof *fields));
    mmoe_release(&r->alloc, names);
    mmoe_release(&r->alloc, fields);
    return status;
}

static void pass_header(csv_reader *r) {
    r->form.columns = r->n_fields;
    r->status = r->handler->headless
                    ? pass_numbers(r)
                    : r->handler->header(r->handler->user, r->fields, r->n_fields, r->err);
    const bool refused = r->status && r->status != MMOE_E_MEMORY && r->status != MMOE_E_CANCELLED;
    if (refused && r->passed.separator) fail_separator(r);
}

/* Before anything is told of what comes behind them. */
static void pass_waiting(csv_reader *r) {
    const mmoe_csv_handler *h = r->handler;
    const mmoe_csv_rows rows = {r->first_waiting, r->waiting, r->form.columns, r->fields, true};
    if (r->waiting && !r->status)
        r->status = h->rows ? h->rows(h->user, &rows, r->err)
                            : h->row(h->user, rows.first, rows.fields, r->err);
    r->waiting = 0;
    r->n_waiting = 0;
}

/* A row whose fields are not as many as the header's. */
static void fail_row(csv_reader *r) {
    const mmoe_csv_handler *h = r->handler;
    mmoe_error fault;
    if (r->status) return;
    r->status = mmoe_fail_at(&fault, MMOE_E_FORMAT, r->name, r->form.row, NULL,
                             "%zu fields, but the header has %zu", r->n_fields, r->form.columns);
    if (h->fault)
        r->status = h->fault(h->user, &fault, r->err);
    else if (r->err)
        *r->err = fault;
}

static void pass_row(csv_reader *r) {
    const mmoe_csv_handler *h = r->handler;
    const size_t columns = r->form.columns;
    const bool is_skipped = h->skip && h->skip(h->user, r->form.row);
    if (is_skipped || (r->n_fields != columns && !drop_last_comma(r))) {
        pass_waiting(r);
        if (!is_skipped) fail_row(r);
        return;
    }
    if (r->waiting++ == 0) r->first_waiting = r->form.row;
    r->n_waiting += columns;
    r->form.has_first_row = true;
    if (!h->rows || r->n_waiting + columns > FIELDS_AT_ONCE) pass_waiting(r);
}

/* A line ends; its fields, none of a blank one, are a row. The second half of CR LF is no line. */
static void end_line(csv_reader *r, int terminator) {
    const bool is_second = terminator == '\n' && r->terminator == '\r';
    r->terminator = terminator;
    if (r->n_fields == 0 && !is_second) take_blank_line(r);
    if (r->n_fields == 0) return;
    r->form.row++;
    const bool is_header = r->form.columns == 0;
    if (is_header) pass_header(r);
    if (!r->status && (!is_header || r->handler->headless)) pass_row(r);
    r->n_fields = 0;
}

/* ---- libcsv's rows: the specification ---- */

static void on_field(void *text, size_t length, void *user) {
    csv_reader *r = user;
    if (r->status) return;
    size_t used = r->used + length + 1;
    if (used + READABLE > r->text_capacity) {
        char *texts = grown(r, r->text, &r->text_capacity, used + READABLE, 1);
        if (!texts) return;
        r->text = texts;
    }
    if (r->n_fields == r->field_capacity && !grow_fields(r, r->n_fields)) return;
    char *to = r->text + r->used;
    if (length) memcpy(to, text, length);
    to[length] = '\0';
    r->used = used;
    r->fields[r->n_fields++].length = length;
}

/* libcsv reports each line feed outside of a record, the second half of CR LF, too. No row waits
 * while it parses. */
static void on_record(int terminator, void *user) {
    csv_reader *r = user;
    if (r->status) return;
    const char *text = r->text;
    for (size_t i = 0; i < r->n_fields; i++) {
        r->fields[i].text = text;
        text += r->fields[i].length + 1;
    }
    r->used = 0;
    r->within_row = terminator != '\n';
    end_line(r, terminator);
    pass_waiting(r);
}

static void fail_parser(csv_reader *r) {
    if (r->status) return;
    if (csv_error(&r->parser) != CSV_EPARSE)
        r->status = mmoe_fail_memory(r->err, csv_get_buffer_size(&r->parser));
    else if (r->form.row == 0 && r->passed.separator)
        fail_separator(r);
    else {
        r->passed.quotes_row = r->form.row + 1;
        r->status = mmoe_fail_at(r->err, MMOE_E_FORMAT, r->name, r->form.row + 1, NULL,
                                 "malformed quotes in field %zu%s", r->n_fields + 1,
                                 r->handler->quotes_hint ? r->handler->quotes_hint : "");
    }
}

/* Gives libcsv a line, or what there is of it: where a line feed ends a row, it is the last byte.
 * Returns the bytes it got. */
static size_t parse_line(csv_reader *r, const char *bytes, size_t length) {
    const char *feed = r->scanner ? memchr(bytes, '\n', length) : NULL;
    const size_t n = feed ? (size_t)(feed - bytes) + 1 : length;
    csv_reader *outer = active;
    active = r;
    r->within_row = true;
    pass_waiting(r);
    if (!r->status && csv_parse(&r->parser, bytes, n, on_field, on_record, r) != n) fail_parser(r);
    active = outer;
    return n;
}

/* ---- Rows without quotes ---- */

static bool is_blank(char c) { return c == ' ' || c == '\t'; }

/* The field that ends at `end`, which becomes its terminator's place. */
static mmoe_csv_field cut_field(char *from, char *end) {
    if (from < end && ((uint8_t)*from <= ' ' || (uint8_t)end[-1] <= ' ')) {
        while (from < end && is_blank(*from)) from++;
        while (end > from && is_blank(end[-1])) end--;
    }
    *end = '\0';
    return (mmoe_csv_field){from, (size_t)(end - from)};
}

/* The row that begins at `from`, whose fields end at `ends` in `bytes`; returns how many there are,
 * 0 when memory is out. */
static size_t take_row(csv_reader *r, char *from, const uint32_t *ends, char *bytes) {
    const char separator = r->form.separator;
    mmoe_csv_field *row = r->fields + r->n_waiting;
    size_t n = 0, room = r->field_capacity - r->n_waiting;
    char by = separator;
    while (by == separator) {
        if (n == room) {
            if (!grow_fields(r, n)) return 0;
            row = r->fields + r->n_waiting;
            room = r->field_capacity - r->n_waiting;
        }
        char *end = bytes + ends[n];
        by = *end;
        row[n++] = cut_field(from, end);
        from = end + 1;
    }
    const bool is_blank_line = n == 1 && row->length == 0;
    r->n_fields = is_blank_line ? 0 : n;
    end_line(r, by);
    return n;
}

/* Takes the whole rows before the first quote; returns their bytes. Separators become terminators:
 * so no row is begun that does not end here. */
static size_t take_stretch(csv_reader *r, char *bytes, size_t length) {
    const uint32_t *ends = r->ends;
    size_t n = r->scanner->ends(bytes, (uint32_t)length, r->form.separator, r->ends), passed = 0;
    while (n && bytes[ends[n - 1]] == r->form.separator) n--;
    for (size_t i = 0; i < n && !r->status;) {
        i += take_row(r, bytes + passed, ends + i, bytes);
        passed = i ? ends[i - 1] + 1 : 0;
    }
    return passed;
}

static size_t take_rows(csv_reader *r, char *bytes, size_t length) {
    size_t passed = 0, n = 1;
    while (n && passed < length && !r->status) {
        const size_t left = length - passed;
        n = take_stretch(r, bytes + passed, left < STRETCH ? left : STRETCH);
        passed += n;
    }
    return passed;
}

/* ---- Bytes ---- */

/* The first block: what stands before the header, and what the file is. Returns the bytes passed
 * over. */
static size_t start_bytes(csv_reader *r, const char *bytes, size_t length) {
    const char *foreign = mmoe_csv_foreign(bytes, length);
    char separator = r->handler->separator ? r->handler->separator : CSV_COMMA;
    size_t at = length >= 3 && memcmp(bytes, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0;
    if (foreign)
        r->status =
            mmoe_fail_at(r->err, MMOE_E_FORMAT, r->name, 1, NULL, "the file looks %s", foreign);
    at += mmoe_csv_sep_line(bytes + at, length - at, &separator);
    csv_set_delim(&r->parser, (unsigned char)separator);
    if (separator == CSV_COMMA)
        r->passed.separator = mmoe_csv_other_separator(bytes + at, length - at);
    r->form.separator = separator;
    return at;
}

/* Takes the first `length` bytes of the reader's block. */
static void take_block(csv_reader *r, size_t length) {
    size_t at = r->form.separator ? 0 : start_bytes(r, r->block, length);
    if (r->status) return;
    memset(r->block + length, 0, MMOE_SCAN_SLACK);
    const char *zero = memchr(r->block + at, '\0', length - at);
    const size_t end = zero ? (size_t)(zero - r->block) : length;
    while (at < end && !r->status) {
        if (r->scanner && !r->within_row) at += take_rows(r, r->block + at, end - at);
        if (at < end && !r->status) at += parse_line(r, r->block + at, end - at);
    }
    pass_waiting(r);
    if (zero && !r->status)
        r->status = mmoe_fail_at(r->err, MMOE_E_FORMAT, r->name, r->form.row + 1, NULL,
                                 "a zero byte: the file is no text in UTF-8");
}

/* Room for a block of at most `size` bytes, for its fields, more of which get more, and
 * for where they end. */
static mmoe_status make_block(csv_reader *r, size_t size) {
    r->block_size = size < BLOCK ? size : BLOCK;
    const size_t stretch = r->block_size < STRETCH ? r->block_size : STRETCH;
    r->block = mmoe_alloc(&r->alloc, r->block_size + MMOE_SCAN_SLACK, 1);
    r->field_capacity = FIELDS_AT_FIRST;
    r->fields = mmoe_alloc(&r->alloc, r->field_capacity, sizeof *r->fields);
    r->ends = mmoe_alloc(&r->alloc, stretch + MMOE_SCAN_SLACK, sizeof *r->ends);
    if (r->block && r->fields && r->ends) return MMOE_OK;
    return mmoe_fail_memory(r->err, r->block_size + stretch * sizeof *r->ends);
}

static mmoe_status start_reader(csv_reader *r, const char *name, const mmoe_csv_handler *handler,
                                const mmoe_allocator *alloc, mmoe_error *err) {
    *r = (csv_reader){.alloc = mmoe_allocator_or_default(alloc),
                      .name = name,
                      .handler = handler,
                      .err = err,
                      .scanner = mmoe_csv_scanner_best()};
    const int quotes = handler->lenient ? CSV_STRICT_FINI : CSV_STRICT | CSV_STRICT_FINI;
    if (csv_init(&r->parser, (unsigned char)(quotes | CSV_REPALL_NL)) != 0)
        return mmoe_fail_memory(err, sizeof r->parser);
    csv_set_realloc_func(&r->parser, resize_entry);
    csv_set_free_func(&r->parser, free_entry);
    csv_set_blk_size(&r->parser, 4096);
    if (handler->form) r->form = *handler->form;
    if (handler->form && handler->passed) r->passed = *handler->passed;
    if (r->form.separator) csv_set_delim(&r->parser, (unsigned char)r->form.separator);
    return MMOE_OK;
}

mmoe_status mmoe_csv_check_header(const mmoe_csv_form *form, const char *name, mmoe_error *err) {
    if (form->columns) return MMOE_OK;
    return mmoe_fail_at(err, MMOE_E_FORMAT, name, 0, NULL, "the file is empty: it has no header");
}

static mmoe_status finish_reader(csv_reader *r) {
    csv_reader *outer = active;
    active = r;
    /* Quotes must end, whatever may stand between them. */
    csv_set_opts(&r->parser, CSV_STRICT | CSV_STRICT_FINI);
    if (!r->status && csv_fini(&r->parser, on_field, on_record, r) != 0) {
        if (csv_error(&r->parser) == CSV_EPARSE)
            r->status = mmoe_fail_at(r->err, MMOE_E_FORMAT, r->name, r->form.row + 1, NULL,
                                     "the file ends within quotes, in field %zu", r->n_fields + 1);
        else
            fail_parser(r);
    }
    csv_free(&r->parser);
    active = outer;
    if (r->handler->form)
        *r->handler->form = r->form;
    else if (!r->status)
        r->status = mmoe_csv_check_header(&r->form, r->name, r->err);
    if (r->handler->passed) *r->handler->passed = r->passed;
    mmoe_release(&r->alloc, r->fields);
    mmoe_release(&r->alloc, r->text);
    mmoe_release(&r->alloc, r->block);
    mmoe_release(&r->alloc, r->ends);
    return r->status;
}

static void take_bytes(csv_reader *r, const char *bytes, size_t length) {
    while (length && !r->status) {
        const size_t n = length < r->block_size ? length : r->block_size;
        memcpy(r->block, bytes, n);
        take_block(r, n);
        bytes += n;
        length -= n;
    }
}

static mmoe_status parse(csv_reader *r, const char *bytes, size_t length) {
    r->status = make_block(r, length);
    take_bytes(r, bytes, length);
    return finish_reader(r);
}

mmoe_status mmoe_csv_parse(const char *bytes, size_t length, const char *name,
                           const mmoe_csv_handler *handler, const mmoe_allocator *alloc,
                           mmoe_error *err) {
    csv_reader r;
    const mmoe_status status = start_reader(&r, name, handler, alloc, err);
    return status ? status : parse(&r, bytes, length);
}

mmoe_status mmoe_csv_parse_exact(const char *bytes, size_t length, const char *name,
                                 const mmoe_csv_handler *handler, const mmoe_allocator *alloc,
                                 mmoe_error *err) {
    csv_reader r;
    const mmoe_status status = start_reader(&r, name, handler, alloc, err);
    if (status) return status;
    r.scanner = NULL;
    return parse(&r, bytes, length);
}

static void read_blocks(csv_reader *r, mmoe_bytes *from) {
    size_t n = BLOCK;
    while (n == BLOCK && !r->status) {
        r->status = mmoe_bytes_read(from, r->block, BLOCK, &n, r->err);
        if (n > 0 && !r->status) take_block(r, n);
        if (r->form.row) mmoe_bytes_count(from, r->form.row - !r->handler->headless);
    }
}

mmoe_status mmoe_csv_read_on(mmoe_bytes *from, mmoe_csv_field before,
                             const mmoe_csv_handler *handler, const mmoe_allocator *alloc,
                             mmoe_error *err) {
    csv_reader r;
    mmoe_status status = start_reader(&r, from->name, handler, alloc, err);
    if (status) return status;
    r.status = make_block(&r, BLOCK);
    take_bytes(&r, before.text, before.length);
    read_blocks(&r, from);
    return finish_reader(&r);
}

mmoe_status mmoe_csv_read(const char *path, const mmoe_csv_handler *handler,
                          const mmoe_allocator *alloc, mmoe_error *err) {
    mmoe_bytes from;
    mmoe_status status = mmoe_bytes_open(path, alloc, &from, err);
    if (status) return status;
    mmoe_bytes_watch(&from, handler->watcher);
    status = mmoe_csv_read_on(&from, (mmoe_csv_field){NULL, 0}, handler, alloc, err);
    mmoe_bytes_close(&from);
    return status;
}

size_t mmoe_csv_find(const mmoe_csv_field *fields, size_t n_fields, const char *text) {
    size_t i = 0;
    while (i < n_fields && strcmp(fields[i].text, text) != 0) i++;
    return i;
}

/* ---- What was passed over ---- */

bool mmoe_csv_passed_text(const mmoe_csv_passed *p, int index, char out[MMOE_PASSED_SIZE],
                          int64_t *count, int64_t *row) {
    const bool one_line = p->blank_lines == 1;
    if (index == 0 && p->blank_lines) {
        *count = p->blank_lines;
        *row = p->blank_behind;
        snprintf(out, MMOE_PASSED_SIZE, "%lld blank line%s no row%s, the first %s row %lld",
                 (long long)p->blank_lines, one_line ? " is" : "s are", one_line ? "" : "s",
                 p->blank_behind ? "behind" : "before",
                 (long long)(p->blank_behind ? p->blank_behind : 1));
        return true;
    }
    if (index > (p->blank_lines > 0) || !p->commas) return false;
    *count = p->commas;
    *row = 2;
    snprintf(out, MMOE_PASSED_SIZE,
             "%lld row%s with a comma behind the last column, which is passed over",
             (long long)p->commas, p->commas == 1 ? " ends" : "s end");
    return true;
}
