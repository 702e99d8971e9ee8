/* Ranks as threads: what every engine must do, and how they end when one of them does not. */
#include "base/comm_threads.h"

#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "base/comm_agree.h"
#include "base/comm_sum.h"
#include "base/error.h"
#include "check_main.h"
#include "failing.h"
#include "rank_cases.h"

static mmoe_comm_group *group_of(int size) {
    mmoe_comm_group *g = NULL;
    ck_assert_int_eq(
        mmoe_comm_group_create(&(mmoe_comm_group_options){.size = size}, NULL, &g, NULL), MMOE_OK);
    return g;
}

START_TEST(all_cases) {
    const int size = 1 << _i;
    for (const rank_case *k = rank_cases; k->name; k++) {
        mmoe_comm_group *g = group_of(size);
        mmoe_error errors[8] = {0};
        mmoe_comm_group_run(g, k->run, NULL, errors);
        for (int r = 0; r < size; r++)
            ck_assert_msg(errors[r].code == MMOE_OK, "%s: rank %d of %d: %s", k->name, r, size,
                          errors[r].message);
        mmoe_comm_group_free(g);
    }
}
END_TEST

/* Runs `work` on four ranks, its context false: each must fail, the ranks but `but` with this
 * message. */
static void all_fail(mmoe_rank_fn work, int but, const char *message) {
    mmoe_comm_group *g = group_of(4);
    mmoe_error errors[4] = {0};
    atomic_bool context = false;
    ck_assert_int_ne(mmoe_comm_group_run(g, work, &context, errors), MMOE_OK);
    for (int r = 0; r < 4; r++)
        if (r != but) ck_assert_str_eq(errors[r].message, message);
    mmoe_comm_group_free(g);
}

/* Rank 2 comes when all others wait, and their time is over. */
static mmoe_status come_late(void *context, mmoe_comm *c, mmoe_error *err) {
    (void)context;
    mmoe_status status = mmoe_comm_barrier(c, "the start", err);
    if (status) return status;
    if (c->rank == 2) {
        while (mmoe_comm_group_waiting(c) < 3) sched_yield();
        mmoe_comm_group_expire(c);
    }
    return mmoe_comm_barrier(c, "the gradients", err);
}

START_TEST(a_late_rank_is_named) {
    all_fail(come_late, -1, "rank 2: late for the gradients by 0 seconds");
}
END_TEST

/* Rank 1 waits for a hundredth of a second; nobody comes before it has. */
static mmoe_status wait_in_vain(void *context, mmoe_comm *c, mmoe_error *err) {
    atomic_bool *is_over = context;
    if (c->rank == 1) {
        c->seconds = 0.01;
        const mmoe_status status = mmoe_comm_barrier(c, "the gradients", err);
        *is_over = true;
        return status;
    }
    while (!*is_over) sched_yield();
    return mmoe_comm_barrier(c, "the gradients", err);
}

START_TEST(time_passes) {
    all_fail(wait_in_vain, -1, "ranks 0, 2, 3: late for the gradients by 0.01 seconds");
}
END_TEST

static mmoe_status fail_alone(void *context, mmoe_comm *c, mmoe_error *err) {
    (void)context;
    const mmoe_status status = mmoe_comm_barrier(c, "the start", err);
    if (status) return status;
    if (c->rank == 3) return mmoe_fail(err, MMOE_E_IO, "the disk is full");
    return mmoe_comm_barrier(c, "the end", err);
}

START_TEST(a_rank_that_fails_ends_all) { all_fail(fail_alone, 3, "rank 3: the disk is full"); }
END_TEST

static mmoe_status abort_alone(void *context, mmoe_comm *c, mmoe_error *err) {
    (void)context;
    if (c->rank == 0) mmoe_comm_abort(c, "no memory for the shard");
    return mmoe_comm_barrier(c, "the end", err);
}

/* All have been told the same, and end by it: none hears of another's end before. */
static mmoe_status differ_then_end(void *context, mmoe_comm *c, mmoe_error *err) {
    (void)context;
    const mmoe_comm_fact fact = {"rows", c->rank == 1 ? "51" : "50"};
    return mmoe_comm_agree(c, &(mmoe_comm_facts){.facts = &fact, .n = 1}, NULL, err);
}

/* Often: which rank wakes first is chance. */
START_TEST(what_all_are_told_is_how_each_ends) {
    for (int i = 0; i < 200; i++)
        all_fail(differ_then_end, -1,
                 "ranks have unlike \"rows\": \"50\" on ranks 0, 2, 3, \"51\" on rank 1");
}
END_TEST

START_TEST(a_rank_that_aborts_ends_all) {
    all_fail(abort_alone, -1, "rank 0: no memory for the shard");
}
END_TEST

/* With an exchange under way that nobody may read any more. */
static mmoe_status leave_early(void *context, mmoe_comm *c, mmoe_error *err) {
    (void)context;
    char from[4] = "abc", to[4];
    const uint64_t at[] = {0, 1, 2, 3}, bytes[] = {1, 1, 1, 1};
    const mmoe_exchange e = {"letters", from, at, bytes, to, at, bytes};
    if (c->rank == 1) return MMOE_OK;
    const mmoe_status status = mmoe_comm_start(c, MMOE_WAY_AHEAD, &e, err);
    return status ? status : mmoe_comm_finish(c, MMOE_WAY_AHEAD, err);
}

START_TEST(a_rank_that_returns_ends_all) {
    all_fail(leave_early, 1, "rank 1: ended while others wait for letters");
}
END_TEST

static mmoe_status differ(void *context, mmoe_comm *c, mmoe_error *err) {
    (void)context;
    char from[8] = "", to[8];
    const uint64_t at[] = {0, 0, 0, 0};
    uint64_t sent[] = {1, 1, 1, 1}, wanted[] = {1, 1, 1, 1};
    if (c->rank == 2) sent[0] = 2;
    const mmoe_exchange e = {"letters", from, at, sent, to, at, wanted};
    const mmoe_status status = mmoe_comm_exchange(c, &e, err);
    if (status) return status;
    return mmoe_comm_barrier(c, "the end", err); /* rank 1 may have had all it needs */
}

START_TEST(ranks_that_differ_about_bytes_fail) {
    all_fail(differ, -1, "letters: rank 2 sends 2 bytes where rank 0 expects 1");
}
END_TEST

/* Whoever is slow: the bits of the cases are the same. */
static void dawdle(void *context, int rank, uint64_t number) {
    (void)context;
    for (uint64_t i = 0; i < (number * 7 + (uint64_t)rank * 3) % 5; i++) sched_yield();
}

START_TEST(slow_ranks_change_nothing) {
    for (const rank_case *k = rank_cases; k->name; k++) {
        mmoe_comm_group *g = NULL;
        const mmoe_comm_group_options options = {.size = 4, .before = dawdle};
        ck_assert_int_eq(mmoe_comm_group_create(&options, NULL, &g, NULL), MMOE_OK);
        mmoe_error errors[4] = {0};
        ck_assert_msg(mmoe_comm_group_run(g, k->run, NULL, errors) == MMOE_OK, "%s", k->name);
        mmoe_comm_group_free(g);
    }
}
END_TEST

START_TEST(memory_fails) {
    failing f = {0};
    while (failing_next(&f)) {
        const mmoe_allocator alloc = failing_allocator(&f);
        mmoe_comm_group *g = NULL;
        mmoe_comm_sum *s = NULL;
        mmoe_error err = {0};
        mmoe_status status =
            mmoe_comm_group_create(&(mmoe_comm_group_options){.size = 2}, &alloc, &g, &err);
        if (!status) status = mmoe_comm_sum_create(mmoe_comm_self(), 8, &alloc, &s, &err);
        const mmoe_comm_fact fact = {"library", "1.0"};
        const mmoe_comm_facts facts = {&fact, 1, NULL, NULL};
        if (!status) status = mmoe_comm_agree(mmoe_comm_self(), &facts, &alloc, &err);
        failing_check(&f, status, &err);
        mmoe_comm_sum_free(s);
        mmoe_comm_group_free(g);
    }
}
END_TEST

void add_cases(TCase *c) {
    tcase_add_loop_test(c, all_cases, 0, 4);
    tcase_add_test(c, a_late_rank_is_named);
    tcase_add_test(c, time_passes);
    tcase_add_test(c, a_rank_that_fails_ends_all);
    tcase_add_test(c, what_all_are_told_is_how_each_ends);
    tcase_add_test(c, a_rank_that_aborts_ends_all);
    tcase_add_test(c, a_rank_that_returns_ends_all);
    tcase_add_test(c, ranks_that_differ_about_bytes_fail);
    tcase_add_test(c, slow_ranks_change_nothing);
    tcase_add_test(c, memory_fails);
}
