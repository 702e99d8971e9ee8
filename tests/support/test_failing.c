/* One comparison of four is wrong, one check aborts, one process dies: test_check_main.sh. */
#include <stdlib.h>

#include "check_main.h"

START_TEST(compares) { ck_assert_int_eq(_i, _i == 2 ? 3 : _i); }
END_TEST

START_TEST(aborts) { ck_abort_msg("as it must"); }
END_TEST

START_TEST(dies) { abort(); }
END_TEST

void add_cases(TCase *c) {
    tcase_add_loop_test(c, compares, 0, 4);
    tcase_add_test(c, aborts);
    tcase_add_test(c, dies);
}
