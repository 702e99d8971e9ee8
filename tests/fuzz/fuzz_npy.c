/* Any bytes as a .npy file; what is opened has the values that its shape promises. */
#include <stdlib.h>

#include "file/npy.h"
#include "fuzz.h"
#include "fuzz_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    mmoe_npy npy;
    mmoe_error err;
    if (mmoe_npy_open(fuzz_file(data, size), &npy, &err)) return 0;
    float *values = malloc((size_t)(npy.rows * npy.cols) * sizeof *values + 1);
    if (!values || mmoe_npy_read(&npy, values, &err)) abort();
    free(values);
    mmoe_npy_close(&npy);
    return 0;
}
