/* Of ten cases six are wrong: test_check_main.sh. */
#include <stdlib.h>

#include "check_main.h"
#include "failing.h"

START_TEST(compares) { ck_assert_int_eq(_i, _i == 2 ? 3 : _i); }
END_TEST

START_TEST(aborts) { ck_abort_msg("as it must"); }
END_TEST

START_TEST(dies) { abort(); }
END_TEST

START_TEST(hides_that_memory_ran_out) {
    failing memory = {0};
    const mmoe_allocator a = failing_allocator(&memory);
    mmoe_error err = {0};
    for (int attempts = 0; failing_next(&memory); attempts++) {
        ck_assert_int_lt(attempts, 2);
        void *block = a.alloc(a.user, 7);
        ck_assert((block == NULL) == (attempts == 0));
        a.release(a.user, block);
        ck_assert_int_eq(memory.live, 0);
        if (_i) failing_check(&memory, MMOE_OK, &err);
    }
}
END_TEST

START_TEST(writes_behind_its_block) {
    failing memory = {0};
    const mmoe_allocator a = failing_allocator(&memory);
    char *block = a.alloc(a.user, 7);
    block[7] = 'x';
    a.release(a.user, block);
}
END_TEST

START_TEST(tells_a_wrong_size) {
    failing memory = {0};
    const mmoe_allocator a = failing_allocator(&memory);
    a.resize(a.user, a.alloc(a.user, 7), 8, 9);
}
END_TEST

void add_cases(TCase *c) {
    tcase_add_loop_test(c, compares, 0, 4);
    tcase_add_test(c, aborts);
    tcase_add_test(c, dies);
    tcase_add_loop_test(c, hides_that_memory_ran_out, 0, 2); /* the first is sound */
    tcase_add_test(c, writes_behind_its_block);
    tcase_add_test(c, tells_a_wrong_size);
}
