#include "csvfile.h"

#include <csv.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct csvfile {
    const char *path;
    csvfile_row on_row;
    void *user;
    char *text; /* the row's fields, each with its terminator */
    size_t text_size, text_used;
    size_t *offsets; /* [count] of fields in text */
    const char **fields;
    size_t capacity, count, header_count;
    long long row; /* rows begun */
    int status;
} csvfile;

static bool grow(csvfile *f, size_t length) {
    if (f->text_used + length + 1 > f->text_size) {
        size_t size = 2 * (f->text_used + length + 1);
        char *text = realloc(f->text, size);
        if (!text) return false;
        f->text = text;
        f->text_size = size;
    }
    if (f->count < f->capacity) return true;
    size_t capacity = f->capacity ? 2 * f->capacity : 64;
    size_t *offsets = realloc(f->offsets, capacity * sizeof *offsets);
    if (offsets) f->offsets = offsets;
    const char **fields = offsets ? realloc(f->fields, capacity * sizeof *fields) : NULL;
    if (!fields) return false;
    f->fields = fields;
    f->capacity = capacity;
    return true;
}

static void on_field(void *bytes, size_t length, void *user) {
    csvfile *f = user;
    if (f->status) return;
    if (!grow(f, length)) {
        f->status = cli_fail_memory();
        return;
    }
    f->offsets[f->count++] = f->text_used;
    if (length) memcpy(f->text + f->text_used, bytes, length);
    f->text[f->text_used + length] = '\0';
    f->text_used += length + 1;
}

static void on_end(int character, void *user) {
    (void)character;
    csvfile *f = user;
    if (f->status) return;
    f->row++;
    if (f->row == 1) f->header_count = f->count;
    if (f->count != f->header_count) {
        f->status = cli_fail("%s: row %lld: %zu fields, but the header has %zu", f->path, f->row,
                             f->count, f->header_count);
        return;
    }
    for (size_t i = 0; i < f->count; i++) f->fields[i] = f->text + f->offsets[i];
    f->status = f->on_row(f->user, f->row, f->fields, f->count);
    f->count = f->text_used = 0;
}

static int read_stream(csvfile *f, FILE *stream) {
    struct csv_parser parser;
    if (csv_init(&parser, CSV_STRICT | CSV_STRICT_FINI) != 0) return cli_fail_memory();
    static char buffer[1 << 16];
    bool is_first = true;
    size_t n;
    while (!f->status && (n = fread(buffer, 1, sizeof buffer, stream)) > 0) {
        size_t skip = is_first && n >= 3 && memcmp(buffer, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0;
        is_first = false;
        if (csv_parse(&parser, buffer + skip, n - skip, on_field, on_end, f) != n - skip &&
            !f->status)
            f->status =
                cli_fail("%s: row %lld: %s", f->path, f->row + 1, csv_strerror(csv_error(&parser)));
    }
    if (!f->status && ferror(stream))
        f->status = cli_fail("cannot read %s: %s", f->path, strerror(errno));
    if (!f->status && csv_fini(&parser, on_field, on_end, f) != 0)
        f->status = cli_fail("%s: row %lld: a quoted field does not end", f->path, f->row + 1);
    csv_free(&parser);
    if (!f->status && f->row == 0) f->status = cli_fail("%s: the file is empty", f->path);
    return f->status == CSVFILE_ENOUGH ? CLI_OK : f->status;
}

int csvfile_read(const char *path, csvfile_row on_row, void *user) {
    csvfile f = {.path = path, .on_row = on_row, .user = user};
    FILE *stream = fopen(path, "r");
    if (!stream) return cli_fail("cannot read %s: %s", path, strerror(errno));
    int status = read_stream(&f, stream);
    fclose(stream);
    free(f.text);
    free(f.offsets);
    free(f.fields);
    return status;
}
