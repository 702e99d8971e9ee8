/* Streams of Arrow that are built by hand, every buffer in memory of its own, and counted: what was
 * not released, released twice, or read behind its end, is found. */
#ifndef MMOE_TESTS_ARROW_SUPPORT_H
#define MMOE_TESTS_ARROW_SUPPORT_H

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "check_main.h"
#include "mmoe/arrow.h"

/* ---- What is counted ---- */

static struct {
    int schemas, arrays, streams; /* not yet released */
    bool unknown_nulls;           /* new arrays say -1 */
    int64_t offset;               /* new arrays begin so many entries behind their buffers' start */
} arrow;

static inline void nothing_is_left(void) {
    ck_assert_int_eq(arrow.schemas, 0);
    ck_assert_int_eq(arrow.arrays, 0);
    ck_assert_int_eq(arrow.streams, 0);
}

/* ---- Schemas ---- */

static inline void release_schema(struct ArrowSchema *s) {
    ck_assert(s->release == release_schema);
    for (int64_t i = 0; i < s->n_children; i++) {
        if (s->children[i]->release) s->children[i]->release(s->children[i]);
        free(s->children[i]);
    }
    free(s->children);
    if (s->dictionary) {
        s->dictionary->release(s->dictionary);
        free(s->dictionary);
    }
    s->release = NULL;
    arrow.schemas--;
}

/* A column's; `inner` becomes its only child, `words` its dictionary. */
static inline struct ArrowSchema *form(const char *name, const char *format,
                                       struct ArrowSchema *inner, struct ArrowSchema *words) {
    struct ArrowSchema *s = calloc(1, sizeof *s);
    *s = (struct ArrowSchema){.format = format,
                              .name = name,
                              .flags = ARROW_FLAG_NULLABLE,
                              .dictionary = words,
                              .release = release_schema};
    if (inner) {
        s->n_children = 1;
        s->children = calloc(1, sizeof *s->children);
        s->children[0] = inner;
    }
    arrow.schemas++;
    return s;
}

/* ---- Arrays ---- */

static inline void release_array(struct ArrowArray *a) {
    ck_assert(a->release == release_array);
    for (int64_t i = 0; i < a->n_buffers; i++) free((void *)(uintptr_t)a->buffers[i]);
    free(a->buffers);
    for (int64_t i = 0; a->children && i < a->n_children; i++) {
        if (a->children[i]->release) a->children[i]->release(a->children[i]);
        free(a->children[i]);
    }
    free(a->children);
    if (a->dictionary) {
        a->dictionary->release(a->dictionary);
        free(a->dictionary);
    }
    a->release = NULL;
    arrow.arrays--;
}

static inline struct ArrowArray *new_array(int64_t length, int64_t n_buffers, int64_t n_children) {
    struct ArrowArray *a = calloc(1, sizeof *a);
    *a = (struct ArrowArray){.length = length,
                             .offset = arrow.offset,
                             .n_buffers = n_buffers,
                             .n_children = n_children,
                             .release = release_array};
    a->buffers = calloc((size_t)n_buffers + 1, sizeof *a->buffers);
    if (n_children) a->children = calloc((size_t)n_children, sizeof *a->children);
    arrow.arrays++;
    return a;
}

static inline char *new_buffer(struct ArrowArray *a, int64_t i, size_t size) {
    char *buffer = malloc(size);
    memset(buffer, 0x55, size);
    a->buffers[i] = buffer;
    return buffer;
}

static inline void set_bit(char *bits, int64_t i, bool on) {
    const int mask = 1 << (i % 8);
    bits[i / 8] = (char)(on ? bits[i / 8] | mask : bits[i / 8] & ~mask);
}

/* The bits of what is NULL; no buffer where nothing is. */
static inline void put_nulls(struct ArrowArray *a, const bool *is_null) {
    for (int64_t i = 0; i < a->length; i++) a->null_count += is_null[i];
    if (a->null_count) {
        char *bits = new_buffer(a, 0, (size_t)(a->offset + a->length + 7) / 8);
        for (int64_t i = 0; i < a->length; i++) set_bit(bits, a->offset + i, !is_null[i]);
    }
    if (arrow.unknown_nulls) a->null_count = -1;
}

static inline void put_number(const char *format, void *at, double value) {
#define PUT(letter, type)                                                                          \
    if (*format == letter) memcpy(at, &(type){(type)value}, sizeof(type));
    PUT('c', int8_t)
    PUT('C', uint8_t)
    PUT('s', int16_t)
    PUT('S', uint16_t)
    PUT('i', int32_t)
    PUT('I', uint32_t)
    PUT('l', int64_t)
    PUT('L', uint64_t)
    PUT('f', float)
    PUT('g', double)
#undef PUT
}

static inline size_t number_size(const char *format) {
    static const char letters[] = "cCsSiIlLfg";
    static const size_t sizes[] = {1, 1, 2, 2, 4, 4, 8, 8, 4, 8};
    return sizes[strchr(letters, *format) - letters];
}

enum { MOST = 32 };

/* Numbers or booleans; NaN is NULL. */
static inline struct ArrowArray *numbers(const char *format, int64_t n, const double *values) {
    struct ArrowArray *a = new_array(n, 2, 0);
    bool nulls[MOST];
    for (int64_t i = 0; i < n; i++) nulls[i] = isnan(values[i]);
    put_nulls(a, nulls);
    const int64_t total = a->offset + n;
    const bool is_bits = *format == 'b';
    const size_t size = is_bits ? 0 : number_size(format);
    if (!total) return a;
    char *to = new_buffer(a, 1, is_bits ? (size_t)(total + 7) / 8 : size * (size_t)total);
    for (int64_t i = 0; i < n; i++) {
        if (is_bits)
            set_bit(to, a->offset + i, values[i] == 1);
        else if (!nulls[i])
            put_number(format, to + (size_t)(a->offset + i) * size, values[i]);
    }
    return a;
}

static inline void put_offset(bool wide, char *to, int64_t i, int64_t value) {
    if (wide)
        memcpy(to + 8 * i, &value, 8);
    else
        memcpy(to + 4 * i, &(int32_t){(int32_t)value}, 4);
}

/* Views: texts of up to 12 bytes within them, others by turns in two buffers. */
static inline void put_views(struct ArrowArray *a, const char *const *values) {
    char *views = new_buffer(a, 1, 16 * (size_t)(a->offset + a->length)), *to[2];
    int64_t used[2] = {3, 0};
    to[0] = new_buffer(a, 2, 200);
    to[1] = new_buffer(a, 3, 200);
    for (int64_t i = 0; i < a->length; i++) {
        if (!values[i]) continue;
        char *view = views + 16 * (a->offset + i);
        const int32_t length = (int32_t)strlen(values[i]), buffer = (int32_t)(i % 2);
        memset(view, 0, 16);
        memcpy(view, &length, 4);
        memcpy(view + 4, values[i], length <= 12 ? (size_t)length : 4);
        if (length <= 12) continue;
        memcpy(view + 8, &buffer, 4);
        memcpy(view + 12, &(int32_t){(int32_t)used[buffer]}, 4);
        memcpy(to[buffer] + used[buffer], values[i], (size_t)length);
        used[buffer] += length;
    }
    memcpy(new_buffer(a, 4, sizeof used), used, sizeof used);
}

/* Texts; NULL is NULL. */
static inline struct ArrowArray *texts(const char *format, int64_t n, const char *const *values) {
    const bool is_view = *format == 'v', wide = *format == 'U';
    struct ArrowArray *a = new_array(n, is_view ? 5 : 3, 0);
    bool nulls[MOST];
    int64_t used = 2;
    for (int64_t i = 0; i < n; i++) nulls[i] = !values[i];
    put_nulls(a, nulls);
    if (is_view) {
        put_views(a, values);
        return a;
    }
    const int64_t total = a->offset + n;
    char *offsets = new_buffer(a, 1, (wide ? 8 : 4) * (size_t)(total + 1));
    for (int64_t i = 0; i < n; i++) {
        put_offset(wide, offsets, a->offset + i, used);
        used += values[i] ? (int64_t)strlen(values[i]) : 0;
    }
    put_offset(wide, offsets, total, used);
    char *bytes = new_buffer(a, 2, (size_t)used);
    used = 2;
    for (int64_t i = 0; i < n; i++)
        if (values[i]) {
            memcpy(bytes + used, values[i], strlen(values[i]));
            used += (int64_t)strlen(values[i]);
        }
    return a;
}

/* Places in a dictionary. */
static inline struct ArrowArray *coded(const char *format, int64_t n, const double *places,
                                       struct ArrowArray *words) {
    struct ArrowArray *a = numbers(format, n, places);
    a->dictionary = words;
    return a;
}

/* Lists of so many elements, the first of which is element `first`; -1: NULL. "+w": of a fixed
 * number. */
static inline struct ArrowArray *lists(const char *format, int64_t n, const int *counts,
                                       int64_t first, struct ArrowArray *elements) {
    const bool fixed = format[1] == 'w', wide = format[1] == 'L';
    struct ArrowArray *a = new_array(n, fixed ? 1 : 2, 1);
    bool nulls[MOST];
    for (int64_t i = 0; i < n; i++) nulls[i] = counts[i] < 0;
    put_nulls(a, nulls);
    a->children[0] = elements;
    if (fixed) return a;
    char *offsets = new_buffer(a, 1, (wide ? 8 : 4) * (size_t)(a->offset + n + 1));
    for (int64_t i = 0; i <= n; i++) {
        put_offset(wide, offsets, a->offset + i, first);
        if (i < n && counts[i] > 0) first += counts[i];
    }
    return a;
}

/* ---- Streams ---- */

typedef struct batches {
    struct ArrowSchema *schema;
    struct ArrowArray *items[8];
    int count, next;
    int fail_at; /* the batch that fails, from 1; 0: none; -1: the schema */
} batches;

static inline void release_stream(struct ArrowArrayStream *stream) {
    batches *b = stream->private_data;
    ck_assert(stream->release == release_stream);
    if (b->schema) {
        b->schema->release(b->schema);
        free(b->schema);
    }
    for (; b->next < b->count; b->next++) {
        b->items[b->next]->release(b->items[b->next]);
        free(b->items[b->next]);
    }
    free(b);
    stream->release = NULL;
    arrow.streams--;
}

static inline const char *last_error(struct ArrowArrayStream *stream) {
    const batches *b = stream->private_data;
    return b->fail_at > 0 ? "the disk is gone" : NULL;
}

static inline int get_schema(struct ArrowArrayStream *stream, struct ArrowSchema *out) {
    batches *b = stream->private_data;
    if (b->fail_at < 0) return 5;
    *out = *b->schema;
    free(b->schema);
    b->schema = NULL;
    return 0;
}

static inline int get_next(struct ArrowArrayStream *stream, struct ArrowArray *out) {
    batches *b = stream->private_data;
    if (b->next + 1 == b->fail_at) return 5;
    *out = (struct ArrowArray){0};
    if (b->next == b->count) return 0;
    *out = *b->items[b->next];
    free(b->items[b->next++]);
    return 0;
}

/* Without columns and batches. */
static inline batches *open_stream(struct ArrowArrayStream *stream) {
    batches *b = calloc(1, sizeof *b);
    b->schema = form("", "+s", NULL, NULL);
    *stream = (struct ArrowArrayStream){get_schema, get_next, last_error, release_stream, b};
    arrow.streams++;
    return b;
}

static inline void add_form(batches *b, struct ArrowSchema *column) {
    struct ArrowSchema *s = b->schema;
    s->children = realloc(s->children, (size_t)(s->n_children + 1) * sizeof *s->children);
    s->children[s->n_children++] = column;
}

static inline struct ArrowArray *add_batch(batches *b, int64_t rows) {
    struct ArrowArray *a = new_array(rows, 1, 0);
    a->offset = 0;
    b->items[b->count++] = a;
    return a;
}

static inline void add_array(struct ArrowArray *batch, struct ArrowArray *column) {
    batch->children =
        realloc(batch->children, (size_t)(batch->n_children + 1) * sizeof *batch->children);
    batch->children[batch->n_children++] = column;
}

/* A column of a stream of one batch. */
static inline void add_column(batches *b, struct ArrowSchema *column, struct ArrowArray *values) {
    add_form(b, column);
    add_array(b->items[0], values);
}

#endif
