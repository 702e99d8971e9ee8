#include "base/csv_exact.h"

#include <csv.h>
#include <string.h>

#include "base/error.h"

struct mmoe_csv_exact {
    struct csv_parser parser;
    mmoe_csv_lines *lines;
    char *text; /* of the row's fields, one after the other */
    size_t used, capacity;
    bool within_row;
};

/* ---- libcsv's memory ---- */

/* libcsv gives its allocation functions no context: this is the one that the thread is in. */
static _Thread_local mmoe_csv_exact *active;

static void *resize_entry(void *memory, size_t size) {
    void *entry = mmoe_resize(&active->lines->alloc, memory, active->parser.entry_size, size, 1);
    if (entry)
        csv_set_blk_size(&active->parser,
                         size); /* the next time as much again: growth is geometric */
    return entry;
}

static void free_entry(void *memory) { mmoe_release(&active->lines->alloc, memory); }

/* ---- What it tells ---- */

static void on_field(void *text, size_t length, void *user) {
    mmoe_csv_exact *x = user;
    mmoe_csv_lines *l = x->lines;
    if (l->status) return;
    const size_t used = x->used + length + 1, wanted = used + MMOE_CSV_READABLE;
    if (wanted > x->capacity) {
        char *texts = mmoe_csv_lines_grown(l, x->text, &x->capacity, wanted, 1);
        if (!texts) return;
        x->text = texts;
    }
    if (l->n_fields == l->field_capacity && !mmoe_csv_lines_grow(l, l->n_fields)) return;
    char *to = x->text + x->used;
    if (length) memcpy(to, text, length);
    to[length] = '\0';
    x->used = used;
    l->fields[l->n_fields++].length = length;
}

/* libcsv reports each line feed outside of a record, the second half of CR LF, too. No row waits
 * while it parses. */
static void on_record(int terminator, void *user) {
    mmoe_csv_exact *x = user;
    mmoe_csv_lines *l = x->lines;
    if (l->status) return;
    const char *text = x->text;
    for (size_t i = 0; i < l->n_fields; i++) {
        l->fields[i].text = text;
        text += l->fields[i].length + 1;
    }
    x->used = 0;
    x->within_row = terminator != '\n';
    mmoe_csv_lines_end(l, terminator);
    mmoe_csv_lines_pass(l);
}

static void fail_parser(mmoe_csv_exact *x) {
    mmoe_csv_lines *l = x->lines;
    if (l->status) return;
    if (csv_error(&x->parser) != CSV_EPARSE)
        l->status = mmoe_csv_lines_fail_memory(l, csv_get_buffer_size(&x->parser));
    else if (l->form.row == 0 && l->passed.separator)
        mmoe_csv_lines_fail_separator(l);
    else {
        l->passed.quotes_row = l->form.row + 1;
        l->status = mmoe_fail_at(l->err, MMOE_E_FORMAT, l->name, l->form.row + 1, NULL,
                                 "malformed quotes in field %zu%s", l->n_fields + 1,
                                 l->handler->quotes_hint ? l->handler->quotes_hint : "");
    }
}

/* ---- A file ---- */

mmoe_status mmoe_csv_exact_create(mmoe_csv_lines *lines, mmoe_csv_exact **out) {
    const int quotes = lines->handler->lenient ? CSV_STRICT_FINI : CSV_STRICT | CSV_STRICT_FINI;
    mmoe_csv_exact *x = mmoe_alloc_zero(&lines->alloc, 1, sizeof *x);
    if (!x || csv_init(&x->parser, (unsigned char)(quotes | CSV_REPALL_NL)) != 0) {
        mmoe_release(&lines->alloc, x);
        return mmoe_fail_memory(lines->err, sizeof *x);
    }
    x->lines = lines;
    csv_set_realloc_func(&x->parser, resize_entry);
    csv_set_free_func(&x->parser, free_entry);
    csv_set_blk_size(&x->parser, 4096);
    if (lines->form.separator) mmoe_csv_exact_separate(x, lines->form.separator);
    *out = x;
    return MMOE_OK;
}

void mmoe_csv_exact_separate(mmoe_csv_exact *x, char separator) {
    csv_set_delim(&x->parser, (unsigned char)separator);
}

void mmoe_csv_exact_take(mmoe_csv_exact *x, const char *bytes, size_t length) {
    mmoe_csv_exact *outer = active;
    active = x;
    x->within_row = true;
    mmoe_csv_lines_pass(x->lines);
    if (!x->lines->status && csv_parse(&x->parser, bytes, length, on_field, on_record, x) != length)
        fail_parser(x);
    active = outer;
}

bool mmoe_csv_exact_is_within_row(const mmoe_csv_exact *x) { return x->within_row; }

void mmoe_csv_exact_finish(mmoe_csv_exact *x) {
    mmoe_csv_lines *l = x->lines;
    mmoe_csv_exact *outer = active;
    active = x;
    /* Quotes must end, whatever may stand between them. */
    csv_set_opts(&x->parser, CSV_STRICT | CSV_STRICT_FINI);
    if (!l->status && csv_fini(&x->parser, on_field, on_record, x) != 0) {
        if (csv_error(&x->parser) == CSV_EPARSE)
            l->status = mmoe_fail_at(l->err, MMOE_E_FORMAT, l->name, l->form.row + 1, NULL,
                                     "the file ends within quotes, in field %zu", l->n_fields + 1);
        else
            fail_parser(x);
    }
    csv_free(&x->parser);
    active = outer;
    mmoe_release(&l->alloc, x->text);
    mmoe_release(&l->alloc, x);
}
