#include "file/container.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/json_text.h"

enum { LENGTH_BYTES = 8, MAX_RANK = 4 };
#define MAX_HEADER 100000000u /* the format's own limit */
#define METADATA "__metadata__"

struct mmoe_container {
    mmoe_allocator alloc;
    char *name;
    void *map; /* NULL: the bytes are the caller's */
    int fd;    /* of the map */
    const unsigned char *bytes;
    size_t size;
    json_t *header;                        /* owns the tensors' names and the metadata */
    mmoe_container_tensor *tensors;        /* [count] in the order of their data */
    const mmoe_container_tensor **by_name; /* [count] */
    size_t count;
};

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
    return mmoe_fail_format(
        err, c->name,
        "tensor \"%.120s\": type %.20s is not supported; F32, F64, I32, I64 and U8 are", t->name,
        dtype);
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
                                const json_t *entry, const unsigned char *data, mmoe_error *err) {
    const json_t *offsets = json_object_get(entry, "data_offsets");
    const json_t *first = json_array_get(offsets, 0), *last = json_array_get(offsets, 1);
    if (json_array_size(offsets) != 2 || !json_is_integer(first) || !json_is_integer(last))
        return mmoe_fail_format(
            err, c->name, "tensor \"%.120s\": data_offsets are not two whole numbers", t->name);
    json_int_t begin = json_integer_value(first), end = json_integer_value(last);
    size_t size = (size_t)(c->bytes + c->size - data);
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
    t->data = data + begin;
    return MMOE_OK;
}

static mmoe_status read_tensor(const mmoe_container *c, mmoe_container_tensor *t, const char *name,
                               const json_t *entry, const unsigned char *data, mmoe_error *err) {
    *t = (mmoe_container_tensor){.name = name};
    if (!json_is_object(entry))
        return mmoe_fail_format(err, c->name, "tensor \"%.120s\": its entry is no object", name);
    if (json_object_size(entry) != 3)
        return mmoe_fail_format(
            err, c->name,
            "tensor \"%.120s\": its entry has other keys than dtype, shape and data_offsets", name);
    mmoe_status status = read_dtype(c, t, entry, err);
    if (!status) status = read_shape(c, t, entry, err);
    return status ? status : read_offsets(c, t, entry, data, err);
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

static mmoe_status read_header(mmoe_container *c, const unsigned char **data, mmoe_error *err) {
    if (c->size < LENGTH_BYTES + 2)
        return mmoe_fail_format(err, c->name, "not a safetensors file: %zu bytes are too few",
                                c->size);
    uint64_t length = 0;
    for (int i = LENGTH_BYTES - 1; i >= 0; i--) length = length << 8 | c->bytes[i];
    if (length < 2 || length > MAX_HEADER || c->bytes[LENGTH_BYTES] != '{')
        return mmoe_fail_format(
            err, c->name,
            "not a safetensors file: it does not begin with a header's length and a header");
    if (length > c->size - LENGTH_BYTES)
        return mmoe_fail_format(
            err, c->name,
            "the file is truncated: %llu bytes of header are announced, %zu are there",
            (unsigned long long)length, c->size - LENGTH_BYTES);
    *data = c->bytes + LENGTH_BYTES + length;
    json_error_t error;
    mmoe_status status = mmoe_json_parse((const char *)c->bytes + LENGTH_BYTES, (size_t)length,
                                         JSON_REJECT_DUPLICATES, &c->alloc, &c->header, &error);
    if (status == MMOE_E_MEMORY) return mmoe_fail_memory(err, (size_t)length);
    if (status)
        return mmoe_fail_format(err, c->name, "the header is not valid JSON at byte %d: %.200s",
                                error.position + LENGTH_BYTES, error.text);
    return check_metadata(c, err);
}

static int compare_data(const void *left, const void *right) {
    const mmoe_container_tensor *a = left, *b = right;
    if (a->data != b->data) return (uintptr_t)a->data < (uintptr_t)b->data ? -1 : 1;
    if (a->bytes != b->bytes) return a->bytes < b->bytes ? -1 : 1;
    return strcmp(a->name, b->name);
}

static int compare_names(const void *left, const void *right) {
    return strcmp((*(const mmoe_container_tensor *const *)left)->name,
                  (*(const mmoe_container_tensor *const *)right)->name);
}

/* Every byte of the data belongs to one tensor. */
static mmoe_status check_cover(const mmoe_container *c, const unsigned char *data,
                               mmoe_error *err) {
    const unsigned char *at = data;
    for (size_t i = 0; i < c->count; i++) {
        const mmoe_container_tensor *t = &c->tensors[i];
        if ((uintptr_t)t->data < (uintptr_t)at)
            return mmoe_fail_format(
                err, c->name, "tensor \"%.120s\": its data overlap those of another", t->name);
        if ((uintptr_t)t->data > (uintptr_t)at)
            return mmoe_fail_format(
                err, c->name, "tensor \"%.120s\": %td bytes before its data belong to no tensor",
                t->name, (const unsigned char *)t->data - at);
        at += t->bytes;
    }
    if (at != c->bytes + c->size)
        return mmoe_fail_format(err, c->name,
                                "%td bytes at the end of the file belong to no tensor",
                                c->bytes + c->size - at);
    return MMOE_OK;
}

static bool is_copy(const mmoe_container *c, const mmoe_container_tensor *t) {
    uintptr_t data = (uintptr_t)t->data, first = (uintptr_t)c->bytes;
    return data < first || data - first > c->size;
}

static mmoe_status align_data(mmoe_container *c, mmoe_error *err) {
    for (size_t i = 0; i < c->count; i++) {
        mmoe_container_tensor *t = &c->tensors[i];
        if ((uintptr_t)t->data % mmoe_dtype_size(t->dtype) == 0) continue;
        void *copy = mmoe_alloc_aligned(&c->alloc, t->bytes, 1);
        if (!copy) return mmoe_fail_memory(err, t->bytes);
        memcpy(copy, t->data, t->bytes);
        t->data = copy;
    }
    return MMOE_OK;
}

static mmoe_status parse(mmoe_container *c, mmoe_error *err) {
    const unsigned char *data;
    mmoe_status status = read_header(c, &data, err);
    if (status) return status;
    size_t n = json_object_size(c->header);
    c->tensors = mmoe_alloc(&c->alloc, n, sizeof *c->tensors);
    c->by_name = mmoe_alloc(&c->alloc, n, sizeof *c->by_name);
    if (!c->tensors || !c->by_name)
        return mmoe_fail_memory(err, n * (sizeof *c->tensors + sizeof *c->by_name));
    for (void *i = json_object_iter(c->header); i; i = json_object_iter_next(c->header, i)) {
        const char *name = json_object_iter_key(i);
        if (!strcmp(name, METADATA)) continue;
        status = read_tensor(c, &c->tensors[c->count], name, json_object_iter_value(i), data, err);
        if (status) return status;
        c->count++;
    }
    qsort(c->tensors, c->count, sizeof *c->tensors, compare_data);
    for (size_t i = 0; i < c->count; i++) c->by_name[i] = &c->tensors[i];
    qsort(c->by_name, c->count, sizeof *c->by_name, compare_names);
    status = check_cover(c, data, err);
    return status ? status : align_data(c, err);
}

/* ---- Opening and closing ---- */

static mmoe_status new_container(const char *name, const mmoe_allocator *alloc,
                                 mmoe_container **out, mmoe_error *err) {
    mmoe_allocator a = mmoe_allocator_or_default(alloc);
    mmoe_container *c = mmoe_alloc_zero(&a, 1, sizeof *c);
    if (!c) return mmoe_fail_memory(err, sizeof *c);
    c->alloc = a;
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

static mmoe_status io_failed(const mmoe_container *c, mmoe_error *err) {
    return mmoe_fail_system(err, c->name, "cannot read");
}

/* Without O_NONBLOCK, to open a pipe would wait for its writer. */
static mmoe_status map_file(mmoe_container *c, const char *path, mmoe_error *err) {
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) return io_failed(c, err);
    struct stat info;
    mmoe_status status = MMOE_OK;
    if (fstat(fd, &info)) {
        status = io_failed(c, err);
    } else if (!S_ISREG(info.st_mode)) {
        status = mmoe_fail_at(err, MMOE_E_IO, c->name, 0, NULL, "cannot read: it is %s",
                              S_ISDIR(info.st_mode) ? "a directory" : "not a regular file");
    } else if (info.st_size == 0) {
        status = mmoe_fail_format(err, c->name, "the file is empty");
    } else {
        void *map = mmap(NULL, (size_t)info.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
        if (map == MAP_FAILED) {
            status = io_failed(c, err);
        } else {
            c->bytes = c->map = map;
            c->size = (size_t)info.st_size;
        }
    }
    if (c->map)
        c->fd = fd;
    else
        close(fd);
    return status;
}

mmoe_status mmoe_container_open(const char *path, const mmoe_allocator *alloc, mmoe_container **out,
                                mmoe_error *err) {
    assert(path && out);
    mmoe_container *c = NULL;
    mmoe_status status = new_container(path, alloc, &c, err);
    if (status) return status;
    status = map_file(c, path, err);
    if (!status) status = parse(c, err);
    if (status)
        mmoe_container_close(c);
    else
        *out = c;
    return status;
}

void mmoe_container_close(mmoe_container *c) {
    if (!c) return;
    for (size_t i = 0; i < c->count; i++)
        if (is_copy(c, &c->tensors[i]))
            mmoe_release_aligned(&c->alloc, (void *)(uintptr_t)c->tensors[i].data);
    mmoe_release(&c->alloc, c->tensors);
    mmoe_release(&c->alloc, c->by_name);
    json_decref(c->header);
    if (c->map) {
        munmap(c->map, c->size);
        close(c->fd);
    }
    mmoe_release(&c->alloc, c->name);
    mmoe_release(&c->alloc, c);
}

/* ---- Looking inside ---- */

size_t mmoe_container_count(const mmoe_container *c) { return c->count; }

const mmoe_container_tensor *mmoe_container_at(const mmoe_container *c, size_t index) {
    assert(index < c->count);
    return &c->tensors[index];
}

const mmoe_container_tensor *mmoe_container_find(const mmoe_container *c, const char *name) {
    const mmoe_container_tensor wanted = {.name = name}, *key = &wanted;
    const mmoe_container_tensor *const *found =
        bsearch(&key, c->by_name, c->count, sizeof *c->by_name, compare_names);
    return found ? *found : NULL;
}

const char *mmoe_container_metadata(const mmoe_container *c, const char *key) {
    return json_string_value(json_object_get(json_object_get(c->header, METADATA), key));
}

bool mmoe_container_map(const mmoe_container *c, const mmoe_container_tensor *first, size_t size,
                        mmoe_mapping *out) {
    if (!c->map || is_copy(c, first)) return false;
    const size_t offset = (size_t)((const unsigned char *)first->data - c->bytes);
    return mmoe_mapping_create(c->fd, offset, size, out);
}

const char *mmoe_container_name(const mmoe_container *c) { return c->name; }
