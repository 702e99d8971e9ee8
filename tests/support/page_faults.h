/* Pages that this process has waited for: under a sanitizer (of clang 19) its own, too. */
#ifndef MMOE_TESTS_PAGE_FAULTS_H
#define MMOE_TESTS_PAGE_FAULTS_H

#include <check.h>
#include <sys/resource.h>

static inline long page_faults(void) {
    struct rusage usage;
    ck_assert_int_eq(getrusage(RUSAGE_SELF, &usage), 0);
    return usage.ru_minflt + usage.ru_majflt;
}

#endif
