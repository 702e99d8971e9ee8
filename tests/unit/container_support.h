/* A file of tensors that has everything, and what must be read of it. */
#ifndef MMOE_TESTS_CONTAINER_SUPPORT_H
#define MMOE_TESTS_CONTAINER_SUPPORT_H

#include <stdlib.h>
#include <string.h>

#include "check_main.h"
#include "failing.h"
#include "file/container.h"
#include "files.h"

static const float floats[] = {1.5f, -2, 3, 4, 5, 6};
static const int64_t integers[] = {-1, INT64_MAX};
static const unsigned char bytes[] = "odd";
static const mmoe_container_tensor sample[] = {
    {"keys", MMOE_I64, 1, {2}, integers, 16},
    {"experts.0.mlp.0.weight", MMOE_F32, 2, {2, 3}, floats, 24},
    {"alpha", MMOE_F32, 0, {0}, floats, 4},
    {"none", MMOE_F32, 2, {0, 7}, floats, 0},
    {"b\"y\\t\xc3\xa9s\n", MMOE_U8, 1, {3}, bytes, 3},
};
enum { N_SAMPLE = sizeof sample / sizeof *sample };
static const char *const metadata[] = {"format", "mmoe", "text",
                                       "{\"a\": \"\\\t\xf0\x9f\x8e\xb2\"}", NULL};

static inline void check_sample(const mmoe_container *c) {
    ck_assert_uint_eq(mmoe_container_count(c), N_SAMPLE);
    for (size_t i = 0; i < N_SAMPLE; i++) {
        const mmoe_container_tensor *t = mmoe_container_at(c, i),
                                    *s = mmoe_container_find(c, t->name);
        ck_assert_ptr_eq(s, t);
        for (s = sample; strcmp(s->name, t->name); s++) ck_assert(s < sample + N_SAMPLE - 1);
        ck_assert_int_eq(t->dtype, s->dtype);
        ck_assert_int_eq(t->rank, s->rank);
        for (int32_t d = 0; d < t->rank; d++) ck_assert_int_eq(t->shape[d], s->shape[d]);
        ck_assert_uint_eq(t->bytes, s->bytes);
        ck_assert_mem_eq(t->data, s->data, s->bytes);
    }
    ck_assert_str_eq(mmoe_container_at(c, 0)->name, "keys");
    ck_assert_str_eq(mmoe_container_at(c, 1)->name, "experts.0.mlp.0.weight");
    ck_assert_ptr_null(mmoe_container_find(c, "missing"));
    ck_assert_str_eq(mmoe_container_metadata(c, "format"), "mmoe");
    ck_assert_str_eq(mmoe_container_metadata(c, "text"), metadata[3]);
    ck_assert_ptr_null(mmoe_container_metadata(c, "keys"));
}

static inline size_t sample_file(char *copy, size_t capacity) {
    const char *path = in_folder("sample.safetensors");
    mmoe_error err = {0};
    ck_assert_msg(!mmoe_container_write(path, sample, N_SAMPLE, metadata, NULL, &err), "%s",
                  err.message);
    size_t size;
    char *written = get_file(path, &size);
    ck_assert_uint_lt(size, capacity);
    memcpy(copy, written, size);
    free(written);
    return size;
}

#endif
