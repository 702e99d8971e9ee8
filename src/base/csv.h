/* CSV, row by row: comma or another separator, double quotes (doubled within quotes), LF or CRLF, a
 * header first. A UTF-8 byte-order mark is passed over, and so are blank lines where they cannot be
 * rows: before the header, and below a header of two or more fields. A newline at the end may be
 * missing. Blanks around a field that is not quoted are not part of it. A first line "sep=;", also
 * "SEP=;", is no record but says what separates fields, whatever the handler says. Where the first
 * row ends with one comma too many, all may.
 *
 * Row numbers count records, the header, if there is one, being row 1: a quoted field's newlines
 * and blank lines do not count. */
#ifndef MMOE_BASE_CSV_H
#define MMOE_BASE_CSV_H

#include "base/alloc.h"
#include "base/bytes.h"
#include "base/csv_rows.h"

/* Bytes that are read and parsed at a time. */
enum { MMOE_CSV_BLOCK = 256 * 1024 };

/* The first field of this text, a header's column; `n_fields`: there is none. */
size_t mmoe_csv_find(const mmoe_csv_field *fields, size_t n_fields, const char *text);

/* MMOE_E_IO: the file cannot be read; _FORMAT, with file and row: it is empty, a row
 * has more or fewer fields than the header, quotes are malformed (a quote within a field that is
 * not quoted, text after a closing quote, a quote never closed), a zero byte; it is packed or no
 * text; the header is refused, and another separator seems to be the reason; _MEMORY. */
mmoe_status mmoe_csv_read(const char *path, const mmoe_csv_handler *handler,
                          const mmoe_allocator *alloc, mmoe_error *err);
/* The same from memory; `name` stands in errors as the file. */
mmoe_status mmoe_csv_parse(const char *bytes, size_t length, const char *name,
                           const mmoe_csv_handler *handler, const mmoe_allocator *alloc,
                           mmoe_error *err);
/* The same by libcsv alone, which is the specification: for tests. */
mmoe_status mmoe_csv_parse_exact(const char *bytes, size_t length, const char *name,
                                 const mmoe_csv_handler *handler, const mmoe_allocator *alloc,
                                 mmoe_error *err);

/* As mmoe_csv_read, of what `from` has yet, behind bytes that it gave already. */
mmoe_status mmoe_csv_read_on(mmoe_bytes *from, mmoe_csv_field before,
                             const mmoe_csv_handler *handler, const mmoe_allocator *alloc,
                             mmoe_error *err);
/* MMOE_E_FORMAT unless the pieces of a file had a header. */
mmoe_status mmoe_csv_check_header(const mmoe_csv_form *form, const char *name, mmoe_error *err);

/* Says one after the other what has been passed over: a sentence with its figure for each `index`,
 * and count and row; false past the last. */
enum { MMOE_PASSED_SIZE = 160 };
bool mmoe_csv_passed_text(const mmoe_csv_passed *passed, int index, char out[MMOE_PASSED_SIZE],
                          int64_t *count, int64_t *row);

#endif
