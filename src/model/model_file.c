#include "model/model_file.h"

#include <string.h>

#include "base/checksum.h"

const char *const mmoe_file_covered[MMOE_FILE_COVERED] = {
    "format", "format_version", "mmoe_version", "config", "schema", "meta"};

uint64_t mmoe_file_checksum(const mmoe_container_tensor *tensors, size_t count,
                            const char *const *values) {
    uint64_t sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += mmoe_checksum_part(tensors[i].name, tensors[i].data, tensors[i].bytes);
    for (size_t i = 0; i < MMOE_FILE_COVERED; i++)
        if (values[i])
            sum += mmoe_checksum_part(mmoe_file_covered[i], values[i], strlen(values[i]));
    return sum;
}

int64_t mmoe_file_bad_value(const float *values, int64_t count, bool positive) {
    const uint32_t exponent = 0x7f800000;
    enum {
        CHUNK = 4096
    }; /* so that the search for the place is short, and the loop in front of it has no branch */
    for (int64_t first = 0; first < count; first += CHUNK) {
        int64_t n = count - first < CHUNK ? count - first : CHUNK;
        const float *x = values + first;
        uint32_t bad = 0;
        for (int64_t i = 0; i < n; i++) {
            uint32_t bits;
            memcpy(&bits, &x[i], sizeof bits);
            bad |= (uint32_t)((bits & exponent) == exponent) | (uint32_t)(positive & (x[i] < 0));
        }
        for (int64_t i = 0; bad && i < n; i++)
            if (!(x[i] - x[i] == 0) || (positive && x[i] < 0)) return first + i;
    }
    return -1;
}

int64_t mmoe_file_bad_half(const uint16_t *values, int64_t count) {
    for (int64_t i = 0; i < count; i++)
        if ((values[i] & 0x7f80) == 0x7f80) return i;
    return -1;
}

bool mmoe_file_is_variance(const mmoe_tensor *tensor) {
    static const char suffix[] = ".running_var";
    size_t length = strlen(tensor->name), end = sizeof suffix - 1;
    return tensor->kind == MMOE_TENSOR_STATE && length >= end &&
           !strcmp(tensor->name + length - end, suffix);
}
