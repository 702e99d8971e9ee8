/* mmoe: Multi-gate Mixture-of-Experts ranking models on CPUs.
 *
 * This header is what a service includes; it has those that it is made of below. Training stands in
 * mmoe/train.h.
 *
 * Conventions of all headers:
 *  - Functions that can fail return an mmoe_status: MMOE_OK (0) or a negative code. Objects come
 * out through the last pointer before `err`, written only on success.
 *  - `mmoe_error *err` may be NULL. It is written only on failure.
 *  - Arrays are row-major: [rows, columns] means element (r, c) stands at r * columns + c.
 *  - Every `..._free` accepts NULL.
 *  - `const mmoe_allocator *alloc` may be NULL (malloc). The structure is copied; what `user`
 * points to must outlive every object made with it. A function of it that is NULL is
 * MMOE_E_ARGUMENT.
 *  - Functions that the library calls (an allocator's, those of mmoe_trainer_options) must return:
 * they must not throw a C++ exception, longjmp or end their thread.
 *  - The library never prints, exits or changes the process's BLAS threads, signal handlers, locale
 * or floating-point mode, except mmoe_trainer_options.single_threaded_blas, which asks for it.
 */
#ifndef MMOE_H
#define MMOE_H

#include "base.h"
#include "input.h"
#include "model.h"
#include "predictor.h"
#include "slot.h"

#endif
