/* mmoe: Multi-gate Mixture-of-Experts ranking models on CPUs.
 *
 * A service includes this header, which includes the headers below. Training is in mmoe/train.h.
 *
 * Conventions of all headers:
 *  - Functions that can fail return an mmoe_status: MMOE_OK (0) or a negative code. The comments
 * list the codes that a function returns; they omit the prefix MMOE_E_ after the first one.
 *  - A new object is returned through the last pointer before `err`, which is written only on
 * success.
 *  - `mmoe_error *err` may be NULL. It is written only on failure.
 *  - Arrays are row-major: [rows, columns] means that element (r, c) is at index r * columns + c.
 *  - Every `..._free` accepts NULL.
 *  - `const mmoe_allocator *alloc` may be NULL, which means malloc. The structure is copied. What
 * its `user` points to must outlive every object made with it. If one of its functions is NULL, the
 * call returns MMOE_E_ARGUMENT.
 *  - `reserved` members of structures are for later versions and must be NULL.
 *  - Functions that the library calls (those of an allocator, of mmoe_trainer_options, and so on)
 * must return normally: they must not throw a C++ exception, call longjmp or end their thread.
 *  - The library never prints and never exits. It does not change the process's signal handlers,
 * locale, floating-point mode or number of BLAS threads. Three things set the BLAS to one thread
 * while they run, and restore it: mmoe_trainer_options.single_threaded_blas, which asks for it,
 * mmoe_estimate_create and mmoe_gemm_peak.
 */
#ifndef MMOE_H
#define MMOE_H

#include "base.h"
#include "input.h"
#include "model.h"
#include "predictor.h"
#include "slot.h"

#endif
