#include <assert.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/atomic_file.h"
#include "base/error.h"
#include "base/file_at.h"
#include "base/utf8.h"
#include "base/watcher.h"
#include "file/container.h"

enum {
    ALIGNMENT = 64,
    LENGTH_BYTES = 8,
    PIECE = 4 << 20 /* bytes that are written at a time */
};

/* ---- The header's text ---- */

typedef struct text {
    const mmoe_allocator *alloc;
    char *data;
    size_t length, capacity;
    bool failed; /* memory is out: later calls do nothing */
} text;

static void append(text *t, const char *data, size_t length) {
    if (t->failed) return;
    if (length > t->capacity - t->length) {
        size_t capacity =
            t->capacity * 2 > t->length + length ? t->capacity * 2 : t->length + length + 256;
        char *grown = mmoe_resize(t->alloc, t->data, t->capacity, capacity, 1);
        if (!grown) {
            t->failed = true;
            return;
        }
        t->data = grown;
        t->capacity = capacity;
    }
    memcpy(t->data + t->length, data, length);
    t->length += length;
}

__attribute__((format(printf, 2, 3))) static void append_format(text *t, const char *format, ...) {
    char buffer[128];
    va_list args;
    va_start(args, format);
    int length = vsnprintf(buffer, sizeof buffer, format, args);
    va_end(args);
    assert(length >= 0 && (size_t)length < sizeof buffer);
    append(t, buffer, (size_t)length);
}

static void append_string(text *t, const char *string) {
    append(t, "\"", 1);
    for (const char *c = string; *c; c++) {
        if (*c == '\n')
            append(t, "\\n", 2);
        else if ((unsigned char)*c < ' ')
            append_format(t, "\\u%04x", (unsigned)*c);
        else if (*c == '"' || *c == '\\')
            append_format(t, "\\%c", *c);
        else
            append(t, c, 1);
    }
    append(t, "\"", 1);
}

static void append_metadata(text *t, const char *const *pairs) {
    append_format(t, "\"__metadata__\":{");
    for (size_t i = 0; pairs[i]; i += 2) {
        if (i) append(t, ",", 1);
        append_string(t, pairs[i]);
        append(t, ":", 1);
        append_string(t, pairs[i + 1]);
    }
    append(t, "}", 1);
}

static void append_tensor(text *t, const mmoe_container_tensor *tensor, size_t begin) {
    append_string(t, tensor->name);
    append_format(t, ":{\"dtype\":\"%s\",\"shape\":[", mmoe_dtype_name(tensor->dtype));
    for (int32_t d = 0; d < tensor->rank; d++)
        append_format(t, d ? ",%lld" : "%lld", (long long)tensor->shape[d]);
    append_format(t, "],\"data_offsets\":[%zu,%zu]}", begin, begin + tensor->bytes);
}

static bool is_narrow(mmoe_dtype dtype) { return dtype == MMOE_BF16 || dtype == MMOE_I8; }

/* Bytes of data in front of the first narrow tensor, or, where there is none, of the first floats;
 * 0 where that would put 8-byte types off their places. */
static size_t bytes_to_align(const mmoe_container_tensor *tensors, size_t count) {
    size_t bytes = 0, before = 0;
    bool has_floats = false;
    for (size_t i = 0; i < count; bytes += tensors[i++].bytes) {
        if (is_narrow(tensors[i].dtype)) return bytes % sizeof(int64_t) ? 0 : bytes;
        if (tensors[i].dtype == MMOE_F32 && !has_floats) before = bytes;
        has_floats |= tensors[i].dtype == MMOE_F32;
    }
    return before % sizeof(int64_t) ? 0 : before;
}

static void append_header(text *t, const mmoe_container_contents *what) {
    char length[LENGTH_BYTES] = {0};
    append(t, length, sizeof length);
    append(t, "{", 1);
    if (what->metadata) append_metadata(t, what->metadata);
    for (size_t i = 0, begin = 0; i < what->count; begin += what->tensors[i++].bytes) {
        if (i || what->metadata) append(t, ",", 1);
        append_tensor(t, &what->tensors[i], begin);
    }
    append(t, "}", 1);
    const size_t before = bytes_to_align(what->tensors, what->count);
    while ((t->length + before) % ALIGNMENT && !t->failed) append(t, " ", 1);
    for (size_t i = 0; i < LENGTH_BYTES && !t->failed; i++)
        t->data[i] = (char)((t->length - LENGTH_BYTES) >> 8 * i);
}

/* A reader refuses a header that is not UTF-8, so none is written. */
static bool is_utf8(const char *name) { return mmoe_utf8_is(name, strlen(name)); }

static mmoe_status check_texts(const char *path, const mmoe_container_contents *what,
                               mmoe_error *err) {
    const char *const *metadata = what->metadata;
    for (size_t i = 0; i < what->count; i++)
        if (!is_utf8(what->tensors[i].name))
            return mmoe_fail_at(err, MMOE_E_ARGUMENT, path, 0, NULL,
                                "the name of tensor %zu is not UTF-8", i);
    for (size_t i = 0; metadata && metadata[i]; i++)
        if (!is_utf8(metadata[i]))
            return mmoe_fail_at(err, MMOE_E_ARGUMENT, path, 0, NULL,
                                "the metadata \"%s\" are not UTF-8", metadata[i & ~(size_t)1]);
    return MMOE_OK;
}

/* ---- The file ---- */

struct mmoe_container_writer {
    mmoe_allocator alloc;
    const char *path;
    mmoe_container_contents what;
    text header;
    mmoe_atomic_file *file;
};

static mmoe_status open_writer(mmoe_container_writer *w, mmoe_error *err) {
    mmoe_status status = check_texts(w->path, &w->what, err);
    if (status) return status;
    append_header(&w->header, &w->what);
    if (w->header.failed) return mmoe_fail_memory(err, w->header.length);
    return mmoe_atomic_file_open(w->path, &w->alloc, &w->file, err);
}

static void free_writer(mmoe_container_writer *w) {
    const mmoe_allocator a = w->alloc;
    mmoe_release(&a, w->header.data);
    mmoe_release(&a, w);
}

mmoe_status mmoe_container_begin(const char *path, const mmoe_container_contents *what,
                                 const mmoe_allocator *alloc, mmoe_container_writer **out,
                                 mmoe_error *err) {
    assert(path && (what->tensors || !what->count) && out);
    const mmoe_allocator a = mmoe_allocator_or_default(alloc);
    mmoe_container_writer *w = mmoe_alloc_zero(&a, 1, sizeof *w);
    if (!w) return mmoe_fail_memory(err, sizeof *w);
    w->alloc = a;
    w->path = path;
    w->what = *what;
    w->header.alloc = &w->alloc;
    const mmoe_status status = open_writer(w, err);
    if (status)
        free_writer(w);
    else
        *out = w;
    return status;
}

void mmoe_container_places(const mmoe_container_writer *w, mmoe_stretch *out) {
    size_t place = w->header.length;
    for (size_t i = 0; i < w->what.count; place += w->what.tensors[i++].bytes)
        out[i] = (mmoe_stretch){.file = mmoe_atomic_file_descriptor(w->file),
                                .place = (int64_t)place,
                                .bytes = w->what.tensors[i].bytes};
}

/* The header comes last: its metadata may tell of the data. */
static mmoe_status write_header(mmoe_container_writer *w, mmoe_error *err) {
    text *header = &w->header;
    const size_t length = header->length;
    header->length = 0;
    append_header(header, &w->what);
    assert(header->length == length);
    return mmoe_write_at(mmoe_atomic_file_descriptor(w->file), header->data, length, 0)
               ? MMOE_OK
               : mmoe_fail_system(err, w->path, "cannot write");
}

mmoe_status mmoe_container_end(mmoe_container_writer *w, mmoe_status status, mmoe_error *err) {
    if (!status) status = write_header(w, err);
    status = mmoe_atomic_file_close(w->file, status, err);
    free_writer(w);
    return status;
}

/* ---- Data that stand in memory ---- */

/* How much of a file is written. */
typedef struct writing {
    const mmoe_watcher *watcher; /* told of each piece */
    int file;
    size_t place, end;
} writing;

static bool write_tensor(writing *w, const mmoe_container_tensor *tensor) {
    const char *from = tensor->data;
    for (size_t done = 0, bytes; done < tensor->bytes; done += bytes) {
        bytes = tensor->bytes - done < PIECE ? tensor->bytes - done : PIECE;
        if (!mmoe_write_at(w->file, from + done, bytes, (int64_t)w->place)) return false;
        w->place += bytes;
        mmoe_tell_written(w->watcher, w->place, w->end);
    }
    return true;
}

mmoe_status mmoe_container_write_watched(const char *path, const mmoe_container_contents *what,
                                         const mmoe_watcher *watcher, const mmoe_allocator *alloc,
                                         mmoe_error *err) {
    mmoe_container_writer *w;
    mmoe_status status = mmoe_container_begin(path, what, alloc, &w, err);
    if (status) return status;
    writing data = {watcher, mmoe_atomic_file_descriptor(w->file), w->header.length, 0};
    data.end = data.place;
    for (size_t i = 0; i < what->count; i++) data.end += what->tensors[i].bytes;
    mmoe_tell_written(watcher, 0, data.end);
    for (size_t i = 0; i < what->count && !status; i++)
        if (!write_tensor(&data, &what->tensors[i]))
            status = mmoe_fail_system(err, path, "cannot write");
    return mmoe_container_end(w, status, err);
}

mmoe_status mmoe_container_write(const char *path, const mmoe_container_tensor *tensors,
                                 size_t count, const char *const *metadata,
                                 const mmoe_allocator *alloc, mmoe_error *err) {
    const mmoe_container_contents what = {tensors, count, metadata};
    return mmoe_container_write_watched(path, &what, NULL, alloc, err);
}
