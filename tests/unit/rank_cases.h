/* What ranks must do on every engine: each case is run by all ranks of a comm, of any size. */
#ifndef MMOE_TESTS_RANK_CASES_H
#define MMOE_TESTS_RANK_CASES_H

#include "base/comm.h"

typedef struct rank_case {
    const char *name;
    mmoe_status (*run)(void *context, mmoe_comm *c, mmoe_error *err);
} rank_case;

/* Ended by a name NULL. */
extern const rank_case rank_cases[];

#endif
