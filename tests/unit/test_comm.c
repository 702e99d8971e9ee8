/* Ranks that exchange bytes. */
#include "base/comm.h"

#include <stdbool.h>
#include <string.h>

#include "base/comm_mirror.h"
#include "check_main.h"

START_TEST(one_process_sends_to_itself) {
    mmoe_comm *c = mmoe_comm_self();
    const char from[] = "abcdef";
    char to[6] = "......";
    const uint64_t from_at = 1, to_at = 2, bytes = 3, too_many = 4;
    mmoe_exchange e = {"letters", from, &from_at, &bytes, to, &to_at, &bytes};
    ck_assert_int_eq(mmoe_comm_exchange(c, &e, NULL), MMOE_OK);
    ck_assert_mem_eq(to, "..bcd.", 6);
    ck_assert_int_eq(mmoe_comm_start(c, MMOE_WAY_AHEAD, &e, NULL), MMOE_OK);
    ck_assert_int_eq(mmoe_comm_finish(c, MMOE_WAY_AHEAD, NULL), MMOE_OK);
    ck_assert_int_eq(mmoe_comm_barrier(c, "the end", NULL), MMOE_OK);

    e.to_bytes = &too_many;
    mmoe_error err;
    ck_assert_int_eq(mmoe_comm_exchange(c, &e, &err), MMOE_E_ARGUMENT);
    ck_assert_str_eq(err.message, "letters: rank 0 sends 3 bytes where rank 0 expects 4");
}
END_TEST

/* Rank 0 of 4: rank 1 sends what it is sent, rank 2 less, so that the rest is 0, and rank 3 more.
 */
START_TEST(ranks_that_are_not_there_send_what_they_get) {
    mmoe_comm_mirror m = mmoe_comm_mirror_of(4);
    const char from[] = "abcdefg";
    char to[10] = ".........", gathered[] = "xx......";
    const uint64_t from_at[] = {0, 1, 3, 4}, from_bytes[] = {1, 2, 1, 3};
    const uint64_t to_at[] = {0, 2, 4, 7}, to_bytes[] = {1, 2, 3, 2}, two[] = {2, 2, 2, 2};
    const mmoe_exchange e = {"letters", from, from_at, from_bytes, to, to_at, to_bytes};
    ck_assert_int_eq(mmoe_comm_exchange(&m.comm, &e, NULL), MMOE_OK);
    ck_assert_mem_eq(to, "a.bcd\0\0ef", 9);
    ck_assert_uint_eq(m.comm.bytes_sent, 6);
    ck_assert_int_eq(mmoe_comm_start(&m.comm, MMOE_WAY_NEXT, &e, NULL), MMOE_OK);
    ck_assert_int_eq(mmoe_comm_finish(&m.comm, MMOE_WAY_NEXT, NULL), MMOE_OK);
    const mmoe_gathering g = {.what = "letters", .from = gathered, .to = gathered, .bytes = two};
    ck_assert_int_eq(mmoe_comm_gather(&m.comm, &g, NULL), MMOE_OK);
    ck_assert_str_eq(gathered, "xxxxxxxx");
    ck_assert_int_eq(mmoe_comm_barrier(&m.comm, "the end", NULL), MMOE_OK);
}
END_TEST

START_TEST(ranks_are_a_power_of_two) {
    for (int size = -1; size <= 130; size++) {
        const bool right = size == 1 || size == 2 || size == 4 || size == 8 || size == 16 ||
                           size == 32 || size == 64;
        ck_assert_int_eq(mmoe_comm_check_size(size, NULL), right ? MMOE_OK : MMOE_E_ARGUMENT);
    }
    mmoe_error err;
    mmoe_comm_check_size(3, &err);
    ck_assert_str_eq(err.message, "3 ranks: their number must be a power of two, 1 to 64");
}
END_TEST

START_TEST(ranks_in_words) {
    char text[MMOE_RANKS_SIZE];
    ck_assert_str_eq(mmoe_comm_ranks_text(8, text), "rank 3");
    ck_assert_str_eq(mmoe_comm_ranks_text(0x27, text), "ranks 0-2, 5");
    ck_assert_str_eq(mmoe_comm_ranks_text(3, text), "ranks 0, 1");
    ck_assert_str_eq(mmoe_comm_ranks_text(~(uint64_t)0, text), "ranks 0-63");
    /* The longest. */
    mmoe_comm_ranks_text(UINT64_C(0xdb6db6db6db6db6d), text);
    ck_assert_str_eq(text + strlen(text) - 14, "59, 60, 62, 63");
}
END_TEST

void add_cases(TCase *c) {
    tcase_add_test(c, one_process_sends_to_itself);
    tcase_add_test(c, ranks_that_are_not_there_send_what_they_get);
    tcase_add_test(c, ranks_are_a_power_of_two);
    tcase_add_test(c, ranks_in_words);
}
