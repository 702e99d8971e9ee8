#include "file/container.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/json_text.h"
#include "base/regular_file.h"

enum {
    LENGTH_BYTES = 8,
    MAX_RANK = 4,
    LINE = 64,
    OWN_BYTES = 1 << 20,   /* tensors of as many and more that are read have memory of their own */
    LEAST_MAPPED = 8 << 20 /* bytes of a file, or of one that is left in part */
};
#define MAX_HEADER 100000000u /* the format's own limit */
#define METADATA "__metadata__"

/* A container's bytes are the caller's, or a file's: mapped, or read from `fd` to where the tensors
 * then stand. */
struct mmoe_container {
    mmoe_allocator alloc;
    char *name;
    int fd;                     /* -1: none */
    void *map;                  /* NULL: it is not mapped */
    const unsigned char *bytes; /* [size]; NULL: they are read */
    size_t size;
    struct stat info;                      /* of the file as it was opened */
    bool is_header_alone;                  /* nothing else is read */
    bool is_partly;                        /* large matrices are left */
    size_t data_place;                     /* of the first tensor's data */
    json_t *header;                        /* owns the tensors' names and the metadata */
    mmoe_container_tensor *tensors;        /* [count] in the order of their data */
    const mmoe_container_tensor **by_name; /* [count] */
    size_t count;
    char *small; /* that was read of tensors without memory of their own */
};

static mmoe_status io_failed(const mmoe_container *c, mmoe_error *err) {
    return mmoe_fail_system(err, c->name, "cannot read");
}

/* `size` bytes from `place` on, which the file had when it was opened. */
static mmoe_status read_bytes(const mmoe_container *c, void *to, size_t size, size_t place,
                              mmoe_error *err) {
    if (c->bytes) {
        memcpy(to, c->bytes + place, size);
        return MMOE_OK;
    }
    for (size_t done = 0; done < size;) {
        const ssize_t got = pread(c->fd, (char *)to + done, size - done, (off_t)(place + done));
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return io_failed(c, err);
        if (got == 0)
            return mmoe_fail_at(err, MMOE_E_IO, c->name, 0, NULL,
                                "cannot read: the file was cut off at byte %zu meanwhile",
                                place + done);
        done += (size_t)got;
    }
    return MMOE_OK;
}

/* ---- One tensor's entry ---- */

static mmoe_status read_dtype(const mmoe_container *c, mmoe_container_tensor *t,
                              const json_t *entry, mmoe_error *err) {
    const char *dtype = json_string_value(json_object_get(entry, "dtype"));
    if (!dtype)
        return mmoe_fail_format(err, c->name, "tensor \"%.120s\": dtype is missing or is no string",
                                t->name);
    for (int d = 0; d < MMOE_DTYPES; d++)
        if (!strcmp(mmoe_dtype_name((mmoe_dtype)d), dtype)) {
            t->dtype = (mmoe_dtype)d;
            return MMOE_OK;
        }
    return mmoe_fail_format(err, c->name,
                            "tensor \"%.120s\": type %.20s is not supported; F32, F64, F16, BF16, "
                            "I32, I64, U8 and I8 are",
                            t->name, dtype);
}

static mmoe_status read_shape(const mmoe_container *c, mmoe_container_tensor *t,
                              const json_t *entry, mmoe_error *err) {
    const json_t *shape = json_object_get(entry, "shape");
    if (!json_is_array(shape) || json_array_size(shape) > MAX_RANK)
        return mmoe_fail_format(err, c->name,
                                "tensor \"%.120s\": shape is not an array of at most %d sizes",
                                t->name, MAX_RANK);
    t->rank = (int32_t)json_array_size(shape);
    t->bytes = mmoe_dtype_size(t->dtype);
    for (int32_t d = 0; d < t->rank; d++) {
        const json_t *size = json_array_get(shape, (size_t)d);
        t->shape[d] = json_integer_value(size);
        if (!json_is_integer(size) || t->shape[d] < 0)
            return mmoe_fail_format(err, c->name,
                                    "tensor \"%.120s\": shape has a size that is no whole number",
                                    t->name);
        if (__builtin_mul_overflow(t->bytes, (size_t)t->shape[d], &t->bytes))
            return mmoe_fail_format(err, c->name, "tensor \"%.120s\": shape is too large", t->name);
    }
    return MMOE_OK;
}

static mmoe_status read_offsets(const mmoe_container *c, mmoe_container_tensor *t,
                                const json_t *entry, mmoe_error *err) {
    const json_t *offsets = json_object_get(entry, "data_offsets");
    const json_t *first = json_array_get(offsets, 0), *last = json_array_get(offsets, 1);
    if (json_array_size(offsets) != 2 || !json_is_integer(first) || !json_is_integer(last))
        return mmoe_fail_format(
            err, c->name, "tensor \"%.120s\": data_offsets are not two whole numbers", t->name);
    json_int_t begin = json_integer_value(first), end = json_integer_value(last);
    const size_t size = c->size - c->data_place;
    if (begin < 0 || end < begin || (uint64_t)end > size)
        return mmoe_fail_format(
            err, c->name,
            "tensor \"%.120s\": data_offsets [%lld, %lld] lie outside the file's %zu "
            "bytes of data (truncated?)",
            t->name, (long long)begin, (long long)end, size);
    if ((size_t)(end - begin) != t->bytes)
        return mmoe_fail_format(
            err, c->name, "tensor \"%.120s\": data_offsets hold %lld bytes, its shape needs %zu",
            t->name, (long long)(end - begin), t->bytes);
    t->place = (size_t)begin;
    return MMOE_OK;
}

static mmoe_status read_tensor(const mmoe_container *c, mmoe_container_tensor *t, const char *name,
                               const json_t *entry, mmoe_error *err) {
    *t = (mmoe_container_tensor){.name = name};
    if (!json_is_object(entry))
        return mmoe_fail_format(err, c->name, "tensor \"%.120s\": its entry is no object", name);
    if (json_object_size(entry) != 3)
        return mmoe_fail_format(
            err, c->name,
            "tensor \"%.120s\": its entry has other keys than dtype, shape and data_offsets", name);
    mmoe_status status = read_dtype(c, t, entry, err);
    if (!status) status = read_shape(c, t, entry, err);
    return status ? status : read_offsets(c, t, entry, err);
}

/* ---- The header ---- */

static mmoe_status check_metadata(const mmoe_container *c, mmoe_error *err) {
    json_t *metadata = json_object_get(c->header, METADATA);
    if (!metadata) return MMOE_OK;
    if (!json_is_object(metadata)) return mmoe_fail_format(err, c->name, METADATA " is no object");
    for (void *i = json_object_iter(metadata); i; i = json_object_iter_next(metadata, i))
        if (!json_is_string(json_object_iter_value(i)))
            return mmoe_fail_format(err, c->name, METADATA ": the value of \"%.120s\" is no string",
                                    json_object_iter_key(i));
    return MMOE_OK;
}

static mmoe_status parse_header(mmoe_container *c, const char *text, size_t length,
                                mmoe_error *err) {
    json_error_t error;
    mmoe_status status =
        mmoe_json_parse(text, length, JSON_REJECT_DUPLICATES, &c->alloc, &c->header, &error);
    if (status == MMOE_E_MEMORY) return mmoe_fail_memory(err, length);
    if (status)
        return mmoe_fail_format(err, c->name, "the header is not valid JSON at byte %d: %.200s",
                                error.position + LENGTH_BYTES, error.text);
    return check_metadata(c, err);
}

static mmoe_status read_header(mmoe_container *c, mmoe_error *err) {
    unsigned char start[LENGTH_BYTES + 1];
    if (c->size < LENGTH_BYTES + 2)
        return mmoe_fail_format(err, c->name, "not a safetensors file: %zu bytes are too few",
                                c->size);
    mmoe_status status = read_bytes(c, start, sizeof start, 0, err);
    if (status) return status;
    uint64_t length = 0;
    for (int i = LENGTH_BYTES - 1; i >= 0; i--) length = length << 8 | start[i];
    if (length < 2 || length > MAX_HEADER || start[LENGTH_BYTES] != '{')
        return mmoe_fail_format(
            err, c->name,
            "not a safetensors file: it does not begin with a header's length and a header");
    if (length > c->size - LENGTH_BYTES)
        return mmoe_fail_format(
            err, c->name,
            "the file is truncated: %llu bytes of header are announced, %zu are there",
            (unsigned long long)length, c->size - LENGTH_BYTES);
    c->data_place = LENGTH_BYTES + (size_t)length;
    char *text = mmoe_alloc(&c->alloc, (size_t)length, 1);
    if (!text) return mmoe_fail_memory(err, (size_t)length);
    status = read_bytes(c, text, (size_t)length, LENGTH_BYTES, err);
    if (!status) status = parse_header(c, text, (size_t)length, err);
    mmoe_release(&c->alloc, text);
    return status;
}

static int compare_data(const void *left, const void *right) {
    const mmoe_container_tensor *a = left, *b = right;
    if (a->place != b->place) return a->place < b->place ? -1 : 1;
    if (a->bytes != b->bytes) return a->bytes < b->bytes ? -1 : 1;
    return strcmp(a->name, b->name);
}

static int compare_names(const void *left, const void *right) {
    return strcmp((*(const mmoe_container_tensor *const *)left)->name,
                  (*(const mmoe_container_tensor *const *)right)->name);
}

/* Every byte of the data belongs to one tensor. */
static mmoe_status check_cover(const mmoe_container *c, mmoe_error *err) {
    size_t at = 0;
    for (size_t i = 0; i < c->count; i++) {
        const mmoe_container_tensor *t = &c->tensors[i];
        if (t->place < at)
            return mmoe_fail_format(
                err, c->name, "tensor \"%.120s\": its data overlap those of another", t->name);
        if (t->place > at)
            return mmoe_fail_format(
                err, c->name, "tensor \"%.120s\": %zu bytes before its data belong to no tensor",
                t->name, t->place - at);
        at += t->bytes;
    }
    if (at != c->size - c->data_place)
        return mmoe_fail_format(err, c->name,
                                "%zu bytes at the end of the file belong to no tensor",
                                c->size - c->data_place - at);
    return MMOE_OK;
}

/* ---- Data ---- */

/* Memory of the tensor's own, filled. */
static mmoe_status own_data(mmoe_container *c, mmoe_container_tensor *t, mmoe_error *err) {
    t->own = mmoe_alloc_aligned(&c->alloc, t->bytes, 1);
    t->data = t->own;
    if (!t->own) return mmoe_fail_memory(err, t->bytes);
    return read_bytes(c, t->own, t->bytes, c->data_place + t->place, err);
}

/* Where the bytes are; those that are not aligned are copied. */
static mmoe_status point_data(mmoe_container *c, mmoe_error *err) {
    mmoe_status status = MMOE_OK;
    for (size_t i = 0; !status && i < c->count; i++) {
        mmoe_container_tensor *t = &c->tensors[i];
        t->data = c->bytes + c->data_place + t->place;
        if ((uintptr_t)t->data % mmoe_dtype_size(t->dtype)) status = own_data(c, t, err);
    }
    return status;
}

static bool is_left(const mmoe_container *c, const mmoe_container_tensor *t) {
    return c->is_partly && t->bytes >= OWN_BYTES && t->rank == 2 && t->shape[1] > 1;
}

static size_t room_of(const mmoe_container_tensor *t) {
    return (t->bytes + LINE - 1) / LINE * LINE;
}

/* Large tensors each to memory that a model may take over, the others side by side. */
static mmoe_status read_data(mmoe_container *c, mmoe_error *err) {
    mmoe_status status = MMOE_OK;
    size_t room = 0, at = 0;
    for (size_t i = 0; i < c->count; i++)
        if (c->tensors[i].bytes < OWN_BYTES) room += room_of(&c->tensors[i]);
    c->small = mmoe_alloc_aligned(&c->alloc, room, 1);
    if (!c->small) return mmoe_fail_memory(err, room);
    for (size_t i = 0; !status && i < c->count; i++) {
        mmoe_container_tensor *t = &c->tensors[i];
        if (is_left(c, t)) continue;
        if (t->bytes >= OWN_BYTES) {
            status = own_data(c, t, err);
            continue;
        }
        t->data = c->small + at;
        status = read_bytes(c, c->small + at, t->bytes, c->data_place + t->place, err);
        at += room_of(t);
    }
    return status;
}

static mmoe_status parse(mmoe_container *c, mmoe_error *err) {
    mmoe_status status = read_header(c, err);
    if (status) return status;
    size_t n = json_object_size(c->header);
    c->tensors = mmoe_alloc(&c->alloc, n, sizeof *c->tensors);
    c->by_name = mmoe_alloc(&c->alloc, n, sizeof *c->by_name);
    if (!c->tensors || !c->by_name)
        return mmoe_fail_memory(err, n * (sizeof *c->tensors + sizeof *c->by_name));
    for (void *i = json_object_iter(c->header); i; i = json_object_iter_next(c->header, i)) {
        const char *name = json_object_iter_key(i);
        if (!strcmp(name, METADATA)) continue;
        status = read_tensor(c, &c->tensors[c->count], name, json_object_iter_value(i), err);
        if (status) return status;
        c->count++;
    }
    qsort(c->tensors, c->count, sizeof *c->tensors, compare_data);
    for (size_t i = 0; i < c->count; i++) c->by_name[i] = &c->tensors[i];
    qsort(c->by_name, c->count, sizeof *c->by_name, compare_names);
    status = check_cover(c, err);
    if (status || c->is_header_alone) return status;
    return c->bytes ? point_data(c, err) : read_data(c, err);
}

/* ---- Opening and closing ---- */

static mmoe_status new_container(const char *name, const mmoe_allocator *alloc,
                                 mmoe_container **out, mmoe_error *err) {
    mmoe_allocator a = mmoe_allocator_or_default(alloc);
    mmoe_container *c = mmoe_alloc_zero(&a, 1, sizeof *c);
    if (!c) return mmoe_fail_memory(err, sizeof *c);
    c->alloc = a;
    c->fd = -1;
    c->name = mmoe_copy_text(&a, name, strlen(name));
    if (!c->name) {
        mmoe_release(&a, c);
        return mmoe_fail_memory(err, strlen(name) + 1);
    }
    *out = c;
    return MMOE_OK;
}

mmoe_status mmoe_container_parse(const void *bytes, size_t size, const char *name,
                                 const mmoe_allocator *alloc, mmoe_container **out,
                                 mmoe_error *err) {
    assert((bytes || !size) && name && out);
    mmoe_container *c = NULL;
    mmoe_status status = new_container(name, alloc, &c, err);
    if (status) return status;
    c->bytes = bytes;
    c->size = size;
    status = parse(c, err);
    if (status)
        mmoe_container_close(c);
    else
        *out = c;
    return status;
}

static mmoe_status open_file(mmoe_container *c, const char *path, mmoe_error *err) {
    const mmoe_status status = mmoe_open_regular(path, &c->fd, &c->info, err);
    if (status) return status;
    if (c->info.st_size == 0) return mmoe_fail_format(err, c->name, "the file is empty");
    c->size = (size_t)c->info.st_size;
    return MMOE_OK;
}

static mmoe_status map_file(mmoe_container *c, mmoe_error *err) {
    void *map = mmap(NULL, c->size, PROT_READ, MAP_PRIVATE, c->fd, 0);
    if (map == MAP_FAILED) return io_failed(c, err);
    c->bytes = c->map = map;
    return MMOE_OK;
}

/* What was read may be half of one file and half of another, and not every file has a checksum. */
mmoe_status mmoe_container_check_unchanged(const mmoe_container *c, mmoe_error *err) {
    const struct stat *before = &c->info;
    struct stat now;
    if (c->fd < 0) return MMOE_OK;
    if (fstat(c->fd, &now)) return io_failed(c, err);
    if (now.st_size == before->st_size && now.st_mtim.tv_sec == before->st_mtim.tv_sec &&
        now.st_mtim.tv_nsec == before->st_mtim.tv_nsec)
        return MMOE_OK;
    return mmoe_fail_at(err, MMOE_E_IO, c->name, 0, NULL,
                        "cannot read: the file was written to meanwhile");
}

typedef enum opening { OPEN_READ, OPEN_MAPPED, OPEN_PARTLY, OPEN_HEADER } opening;

static mmoe_status open_container(const char *path, opening how, const mmoe_allocator *alloc,
                                  mmoe_container **out, mmoe_error *err) {
    assert(path && out);
    mmoe_container *c = NULL;
    mmoe_status status = new_container(path, alloc, &c, err);
    if (status) return status;
    c->is_header_alone = how == OPEN_HEADER;
    status = open_file(c, path, err);
    c->is_partly = how == OPEN_PARTLY && c->size >= LEAST_MAPPED;
    if (!status && how == OPEN_MAPPED && c->size >= LEAST_MAPPED) status = map_file(c, err);
    if (!status) status = parse(c, err);
    if (!status && !c->map) status = mmoe_container_check_unchanged(c, err);
    if (status)
        mmoe_container_close(c);
    else
        *out = c;
    return status;
}

mmoe_status mmoe_container_open(const char *path, bool mapped, const mmoe_allocator *alloc,
                                mmoe_container **out, mmoe_error *err) {
    return open_container(path, mapped ? OPEN_MAPPED : OPEN_READ, alloc, out, err);
}

mmoe_status mmoe_container_open_partly(const char *path, const mmoe_allocator *alloc,
                                       mmoe_container **out, mmoe_error *err) {
    return open_container(path, OPEN_PARTLY, alloc, out, err);
}

mmoe_status mmoe_container_open_header(const char *path, const mmoe_allocator *alloc,
                                       mmoe_container **out, mmoe_error *err) {
    return open_container(path, OPEN_HEADER, alloc, out, err);
}

void mmoe_container_close(mmoe_container *c) {
    if (!c) return;
    for (size_t i = 0; i < c->count; i++) mmoe_release_aligned(&c->alloc, c->tensors[i].own);
    mmoe_release_aligned(&c->alloc, c->small);
    mmoe_release(&c->alloc, c->tensors);
    mmoe_release(&c->alloc, c->by_name);
    json_decref(c->header);
    if (c->map) munmap(c->map, c->size);
    if (c->fd >= 0) close(c->fd);
    mmoe_release(&c->alloc, c->name);
    mmoe_release(&c->alloc, c);
}

/* ---- Looking inside ---- */

size_t mmoe_container_count(const mmoe_container *c) { return c->count; }

const mmoe_container_tensor *mmoe_container_at(const mmoe_container *c, size_t index) {
    assert(index < c->count);
    return &c->tensors[index];
}

const mmoe_container_tensor *mmoe_container_find_joined(const mmoe_container *c, const char *name,
                                                        const char *suffix) {
    const size_t length = strlen(name);
    for (size_t begin = 0, end = c->count; begin < end;) {
        const size_t middle = begin + (end - begin) / 2;
        const mmoe_container_tensor *t = c->by_name[middle];
        int order = strncmp(t->name, name, length);
        if (!order) order = strcmp(t->name + length, suffix);
        if (!order) return t;
        if (order < 0)
            begin = middle + 1;
        else
            end = middle;
    }
    return NULL;
}

const mmoe_container_tensor *mmoe_container_find(const mmoe_container *c, const char *name) {
    return mmoe_container_find_joined(c, name, "");
}

const char *mmoe_container_metadata(const mmoe_container *c, const char *key) {
    return json_string_value(json_object_get(json_object_get(c->header, METADATA), key));
}

mmoe_stretch mmoe_container_stretch(const mmoe_container *c, const mmoe_container_tensor *tensor) {
    return (mmoe_stretch){(char *)(uintptr_t)tensor->data, c->fd,
                          (int64_t)(c->data_place + tensor->place), tensor->bytes};
}

mmoe_status mmoe_container_read(const mmoe_container *c, const mmoe_container_tensor *t,
                                size_t offset, size_t size, void *to, mmoe_error *err) {
    assert(offset <= t->bytes && size <= t->bytes - offset);
    return read_bytes(c, to, size, c->data_place + t->place + offset, err);
}

mmoe_status mmoe_container_fetch(mmoe_container *c, size_t index, mmoe_error *err) {
    assert(index < c->count);
    mmoe_container_tensor *t = &c->tensors[index];
    return t->data ? MMOE_OK : own_data(c, t, err);
}

bool mmoe_container_map(const mmoe_container *c, const mmoe_container_tensor *first,
                        mmoe_mapping_wanted wanted, mmoe_mapping *out) {
    if (!c->is_partly) return false;
    wanted.offset = c->data_place + first->place;
    return mmoe_mapping_create(c->fd, &wanted, out);
}

void *mmoe_container_take(mmoe_container *c, const mmoe_container_tensor *tensor) {
    void *own = tensor->own;
    for (size_t i = 0; own && i < c->count; i++)
        if (c->tensors[i].own == own) c->tensors[i].own = NULL;
    return own;
}

const char *mmoe_container_name(const mmoe_container *c) { return c->name; }
