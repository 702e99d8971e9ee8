#include "base/csv.h"

#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "base/csv_exact.h"
#include "base/csv_guess.h"
#include "base/csv_stretch.h"
#include "base/error.h"

/* Small enough for the cache, and for an error to end reading soon. */
enum { BLOCK = MMOE_CSV_BLOCK };

typedef struct csv_reader {
    mmoe_csv_lines lines;
    mmoe_csv_exact *exact;
    mmoe_csv_stretch stretch;
    bool is_exact;    /* libcsv gets all */
    mmoe_bytes *from; /* the block's; NULL: they were in memory */
    char *block;      /* [block_size + slack] bytes, the reader's own */
    size_t block_size;
} csv_reader;

/* ---- Bytes ---- */

/* The first block: what stands before the header, and what the file is. Returns the bytes passed
 * over. */
static size_t start_bytes(csv_reader *r, const char *bytes, size_t length) {
    mmoe_csv_lines *l = &r->lines;
    const char *foreign = mmoe_csv_foreign(bytes, length);
    char separator = l->handler->separator ? l->handler->separator : ',';
    size_t at = length >= 3 && memcmp(bytes, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0;
    if (foreign)
        l->status =
            mmoe_fail_at(l->err, MMOE_E_FORMAT, l->name, 1, NULL, "the file looks %s", foreign);
    at += mmoe_csv_sep_line(bytes + at, length - at, &separator);
    mmoe_csv_exact_separate(r->exact, separator);
    if (separator == ',') l->passed.separator = mmoe_csv_other_separator(bytes + at, length - at);
    l->form.separator = separator;
    return at;
}

/* Takes a line, or what there is of it: where a line feed ends a row, it is the last byte. Returns
 * its bytes. */
static size_t take_line(csv_reader *r, const char *bytes, size_t length) {
    const char *feed = r->is_exact ? NULL : memchr(bytes, '\n', length);
    const size_t n = feed ? (size_t)(feed - bytes) + 1 : length;
    mmoe_csv_exact_take(r->exact, bytes, n);
    return n;
}

/* Takes the first `length` bytes of the reader's block. */
static void take_block(csv_reader *r, size_t length) {
    mmoe_csv_lines *l = &r->lines;
    size_t at = l->form.separator ? 0 : start_bytes(r, r->block, length);
    if (l->status) return;
    memset(r->block + length, 0, MMOE_SCAN_SLACK);
    const char *zero = memchr(r->block + at, '\0', length - at);
    const size_t end = zero ? (size_t)(zero - r->block) : length;
    while (at < end && !l->status) {
        size_t n = 0;
        if (r->from) r->from->held = length - at;
        if (!r->is_exact && !mmoe_csv_exact_is_within_row(r->exact))
            n = mmoe_csv_stretch_take(&r->stretch, l, r->block + at, end - at);
        if (n == 0 && !l->status) n = take_line(r, r->block + at, end - at);
        at += n;
    }
    mmoe_csv_lines_pass(l);
    if (zero && !l->status)
        l->status = mmoe_fail_at(l->err, MMOE_E_FORMAT, l->name, l->form.row + 1, NULL,
                                 "a zero byte: the file is no text in UTF-8");
}

/* Room for a block of at most `size` bytes, for its first fields and for where they end. */
static mmoe_status make_block(csv_reader *r, size_t size) {
    r->block_size = size < BLOCK ? size : BLOCK;
    r->block = mmoe_alloc(&r->lines.alloc, r->block_size + MMOE_SCAN_SLACK, 1);
    if (!r->block) return mmoe_fail_memory(r->lines.err, r->block_size + MMOE_SCAN_SLACK);
    if (!mmoe_csv_lines_grow(&r->lines, 0)) return r->lines.status;
    return mmoe_csv_stretch_start(&r->stretch, r->block_size, &r->lines);
}

static mmoe_status start_reader(csv_reader *r, const char *name, const mmoe_csv_handler *handler,
                                const mmoe_allocator *alloc, mmoe_error *err) {
    *r = (csv_reader){.lines = {.alloc = mmoe_allocator_or_default(alloc),
                                .name = name,
                                .handler = handler,
                                .err = err}};
    if (handler->form) r->lines.form = *handler->form;
    if (handler->form && handler->passed) r->lines.passed = *handler->passed;
    return mmoe_csv_exact_create(&r->lines, &r->exact);
}

mmoe_status mmoe_csv_check_header(const mmoe_csv_form *form, const char *name, mmoe_error *err) {
    if (form->columns) return MMOE_OK;
    return mmoe_fail_at(err, MMOE_E_FORMAT, name, 0, NULL, "the file is empty: it has no header");
}

static mmoe_status finish_reader(csv_reader *r) {
    mmoe_csv_lines *l = &r->lines;
    mmoe_csv_exact_finish(r->exact);
    if (l->handler->form)
        *l->handler->form = l->form;
    else if (!l->status)
        l->status = mmoe_csv_check_header(&l->form, l->name, l->err);
    if (l->handler->passed) *l->handler->passed = l->passed;
    mmoe_csv_stretch_finish(&r->stretch, l);
    mmoe_csv_lines_finish(l);
    mmoe_release(&l->alloc, r->block);
    return l->status;
}

static void take_bytes(csv_reader *r, const char *bytes, size_t length) {
    while (length && !r->lines.status) {
        const size_t n = length < r->block_size ? length : r->block_size;
        memcpy(r->block, bytes, n);
        take_block(r, n);
        bytes += n;
        length -= n;
    }
}

static mmoe_status parse(csv_reader *r, const char *bytes, size_t length) {
    r->lines.status = make_block(r, length);
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
    r.is_exact = true;
    return parse(&r, bytes, length);
}

static void read_blocks(csv_reader *r, mmoe_bytes *from) {
    mmoe_csv_lines *l = &r->lines;
    size_t n = BLOCK;
    while (n == BLOCK && !l->status) {
        l->status = mmoe_bytes_read(from, r->block, BLOCK, &n, l->err);
        if (n > 0 && !l->status) take_block(r, n);
        if (l->form.row) mmoe_bytes_count(from, l->form.row - !l->handler->headless);
    }
}

mmoe_status mmoe_csv_read_on(mmoe_bytes *from, mmoe_csv_field before,
                             const mmoe_csv_handler *handler, const mmoe_allocator *alloc,
                             mmoe_error *err) {
    csv_reader r;
    mmoe_status status = start_reader(&r, from->name, handler, alloc, err);
    if (status) return status;
    r.lines.status = make_block(&r, BLOCK);
    take_bytes(&r, before.text, before.length);
    r.from = from;
    read_blocks(&r, from);
    from->held = 0;
    return finish_reader(&r);
}

mmoe_status mmoe_csv_read(const char *path, const mmoe_csv_handler *handler,
                          const mmoe_allocator *alloc, mmoe_error *err) {
    mmoe_bytes from;
    mmoe_status status = mmoe_bytes_open(path, NULL, alloc, &from, err);
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
