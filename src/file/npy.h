/* NumPy's files of one matrix of floats. */
#ifndef MMOE_FILE_NPY_H
#define MMOE_FILE_NPY_H

#include <stdint.h>
#include <stdio.h>

#include "base/dtype.h"
#include "mmoe/mmoe.h"

typedef struct mmoe_npy {
    FILE *file;
    const char *path; /* the caller's, in errors */
    mmoe_dtype dtype; /* MMOE_F32 or MMOE_F64 */
    int64_t rows, cols;
} mmoe_npy;

/* Opens a .npy file and reads its header. MMOE_E_IO; MMOE_E_FORMAT: it is none, of another type
 * than float32 and float64, not in C's order, of no two sizes, cut off or too long; MMOE_E_VERSION.
 */
mmoe_status mmoe_npy_open(const char *path, mmoe_npy *out, mmoe_error *err);
/* The values, which may be read once, to [rows, cols]; a double beyond single precision is
 * infinite. MMOE_E_IO, too where the file is cut off meanwhile. */
mmoe_status mmoe_npy_read(const mmoe_npy *npy, float *to, mmoe_error *err);
void mmoe_npy_close(mmoe_npy *npy);

#endif
