/* Types of the elements of a block of memory, and of a tensor in a file. */
#ifndef MMOE_BASE_DTYPE_H
#define MMOE_BASE_DTYPE_H

#include <stddef.h>

typedef enum mmoe_dtype {
    MMOE_F32,
    MMOE_F64,
    MMOE_I32,
    MMOE_I64,
    MMOE_U8,
    MMOE_F16, /* in files alone */
    MMOE_BF16,
    MMOE_I8
} mmoe_dtype;
enum { MMOE_DTYPES = 8 };

static inline size_t mmoe_dtype_size(mmoe_dtype dtype) {
    static const size_t sizes[MMOE_DTYPES] = {
        [MMOE_F32] = 4, [MMOE_F64] = 8, [MMOE_I32] = 4,  [MMOE_I64] = 8,
        [MMOE_U8] = 1,  [MMOE_F16] = 2, [MMOE_BF16] = 2, [MMOE_I8] = 1};
    return sizes[dtype];
}

/* As safetensors has it. */
static inline const char *mmoe_dtype_name(mmoe_dtype dtype) {
    static const char *const names[MMOE_DTYPES] = {
        [MMOE_F32] = "F32", [MMOE_F64] = "F64", [MMOE_I32] = "I32",   [MMOE_I64] = "I64",
        [MMOE_U8] = "U8",   [MMOE_F16] = "F16", [MMOE_BF16] = "BF16", [MMOE_I8] = "I8"};
    return names[dtype];
}

#endif
