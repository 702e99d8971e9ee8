/* .npy files by hand. */
#ifndef MMOE_TESTS_NPY_SUPPORT_H
#define MMOE_TESTS_NPY_SUPPORT_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check_main.h"
#include "files.h"

/* Version `major`, the header as it stands and the values, cut or filled up to `size` bytes. */
static inline void put_npy_of(const char *path, int major, const char *header, const void *values,
                              size_t size) {
    const size_t length = strlen(header), width = major == 1 ? 2 : 4;
    unsigned char *bytes = calloc(1, 12 + length + size), *at = bytes + 8;
    ck_assert_ptr_nonnull(bytes);
    memcpy(bytes, "\x93NUMPY", 6);
    bytes[6] = (unsigned char)major;
    for (size_t i = 0; i < width; i++) *at++ = (unsigned char)(length >> 8 * i);
    memcpy(at, header, length);
    if (size) memcpy(at + length, values, size);
    put_file(path, bytes, (size_t)(at - bytes) + length + size);
    free(bytes);
}

/* As NumPy writes it: descr "<f4" and so on, the values in C's order. */
static inline void put_npy(const char *path, const char *descr, int rows, int cols,
                           const void *values) {
    char header[128];
    snprintf(header, sizeof header, "{'descr': '%s', 'fortran_order': False, 'shape': (%d, %d), }",
             descr, rows, cols);
    const size_t length = strlen(header), filled = (10 + length + 1 + 63) / 64 * 64 - 10;
    memset(header + length, ' ', filled - length);
    header[filled - 1] = '\n';
    header[filled] = '\0';
    put_npy_of(path, 1, header, values, (size_t)rows * (size_t)cols * (size_t)(descr[2] - '0'));
}

#endif
