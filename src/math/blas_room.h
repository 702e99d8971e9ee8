/* Memory that BLAS takes for itself. */
#ifndef MMOE_MATH_BLAS_ROOM_H
#define MMOE_MATH_BLAS_ROOM_H

#include <stdint.h>

#include "mmoe/mmoe.h"

/* To be called before `workers` threads of one owner multiply at the same time, or call LAPACK.
 * OpenBLAS takes a buffer for each such thread when it needs it first, and where the system has
 * none (ulimit -v, or a system that promises no more than it has) it asks again and again, forever:
 * so they are taken here, where that can be an error. MMOE_E_MEMORY. */
mmoe_status mmoe_blas_claim(int workers, mmoe_error *err);
/* Bytes of addresses that the first claim of so many would take. */
int64_t mmoe_blas_addresses(int workers);
/* The same number, of what was claimed. The buffers stay BLAS's, for the next one. */
void mmoe_blas_release(int workers);

#endif
