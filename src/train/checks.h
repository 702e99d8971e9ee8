/* What is suspicious about rows before the first step: each check is a file, check_NAME.c, and a
 * row of MMOE_CHECKS. They look at a sample (data/sample.h), so that they take as long for 10^9
 * rows as for 10^5, and what they say has the number of rows that they saw. */
#ifndef MMOE_TRAIN_CHECKS_H
#define MMOE_TRAIN_CHECKS_H

#include "train/checked.h"

/* Adds its warnings to the list. MMOE_E_MEMORY. */
typedef mmoe_status (*mmoe_check)(mmoe_checks *c, mmoe_error *err);

#define MMOE_CHECKS(ROW)                                                                           \
    ROW(constants)                                                                                 \
    ROW(copies)                                                                                    \
    ROW(tasks)                                                                                     \
    ROW(leaks)                                                                                     \
    ROW(scale)                                                                                     \
    ROW(gaps)                                                                                      \
    ROW(drift)

#define MMOE_CHECK_FUNCTION(name) mmoe_status mmoe_check_##name(mmoe_checks *c, mmoe_error *err);
MMOE_CHECKS(MMOE_CHECK_FUNCTION)
#undef MMOE_CHECK_FUNCTION

typedef struct mmoe_checks_request {
    const mmoe_model *model;
    const struct mmoe_dataset *train, *valid; /* valid: NULL: there are none */
    void (*on_warning)(void *user, const mmoe_warning *warning);
    void *user;
} mmoe_checks_request;

/* Makes all checks. MMOE_E_MEMORY, and where rows are stored _IO, _FORMAT. */
mmoe_status mmoe_checks_make(const mmoe_checks_request *of, mmoe_error *err);

#endif
