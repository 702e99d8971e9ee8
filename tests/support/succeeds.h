/* A call of the library that must succeed; what it is told `&err` for is there, and shown. */
#ifndef MMOE_TESTS_SUCCEEDS_H
#define MMOE_TESTS_SUCCEEDS_H

#include <check.h>

#include "mmoe/mmoe.h"

#define SUCCEEDS(call)                                                                             \
    do {                                                                                           \
        mmoe_error err = {0};                                                                      \
        const mmoe_status status_ = (call);                                                        \
        if (status_ != MMOE_OK) ck_abort_msg("%s: %s", #call, err.message);                        \
    } while (0)

#endif
