/* The cost model of several hosts, against values by hand. */
#include "../../tools/plan_ranks.h"

#include <math.h>

#include "check_main.h"

#define NEAR(a, b) ck_assert_double_eq_tol(a, b, 1e-9 * fabs((double)(b)))

/* A table of width 16 of which a fourth of a batch reads 163,840 rows, 57,344 bytes of layers, four
 * barriers. */
static const mmoe_table_estimate tables[] = {
    {.name = "large",
     .rows = INT64_C(1) << 60,
     .width = 16,
     .update = "deferred",
     .met = {[2] = 163840}},
    {.name = "small", .rows = 100, .width = 16, .bytes = 6400, .update = "dense"},
    {.name = "frozen", .rows = 100, .width = 16, .bytes = 6400, .update = "none"}};
static const mmoe_estimate estimate = {.tables = tables,
                                       .n_table = 3,
                                       .shared_bytes = 57344,
                                       .sum_bytes = 1000,
                                       .n_barrier = 4,
                                       .n_barrier_number = 300,
                                       .batch_size = 65536,
                                       .step_seconds = 0.02};
static const plan_network net = {
    .bytes_a_second = 1.25e9, .latency = 20e-6, .wire = {.message = 1.5e-6, .byte = 0.25e-9}};

START_TEST(as_by_hand) {
    const plan_ranks one = plan_ranks_of(&estimate, &net, 1);
    ck_assert(one.bytes == 0 && one.waiting == 0 && one.copying == 0 && one.seconds == 0.02);

    /* 4 hosts: twice 163,840 rows of 64 bytes, 57344 and 6400, and 1000, of which 3 in 4 travel,
     * and 300 numbers to 3 others; 5 rounds of 2 messages, an exchange of 3 at once, and two of 6,
     * of which those of rows are long, so that their receivers answer first. Of the first message
     * of an exchange the latency has what processors spend. */
    const plan_ranks four = plan_ranks_of(&estimate, &net, 4);
    NEAR(four.bytes, 0.75 * (2 * (163840 * 64.0 + 63744) + 1000) + 7200);
    NEAR(four.computing, 0.005);
    NEAR(four.sending, 15832206 / 1.25e9);
    NEAR(four.waiting, (5 * 2 + 1 + 2 * 3) * 20e-6 + (2 + 2 * 5) * 1.5e-6);
    NEAR(four.copying, 15832206 * 0.25e-9);
    NEAR(four.seconds, 0.005 + 15832206 * (1 / 1.25e9 + 0.25e-9) + 0.000358);
}
END_TEST

/* What ranks were timed to take is what hosts do; more of them share that. An epoch of 10 steps
 * (the last of a row) whose rows are ordered in .01 s, and its tables settled in .2, and a round of
 * messages. */
START_TEST(what_was_timed_is_what_a_host_computes) {
    static const mmoe_rank_estimate timed[] = {{.ranks = 2, .step_seconds = 0.013},
                                               {.ranks = 4, .step_seconds = 0.008}};
    mmoe_estimate e = estimate;
    ck_assert(plan_ranks_of(&e, &net, 4).epoch == 0);
    e.of_ranks = timed;
    e.n_of_ranks = 2;
    e.rows = 9 * 65536 + 1;
    e.settle_seconds = 0.2;
    e.epoch_seconds = 10 * 0.02 + 0.01 + 0.2;
    static const double computing[] = {0.02, 0.013, 0.008, 0.004};
    for (int i = 0; i < 4; i++) {
        const plan_ranks r = plan_ranks_of(&e, &net, 1 << i);
        NEAR(r.computing, computing[i]);
        NEAR(r.epoch, 10 * r.seconds + 0.01 + 0.2 / (1 << i) + i * 20e-6);
    }
}
END_TEST

/* What is told of rows, for which nobody waits. */
START_TEST(what_is_told_of_rows_travels_too) {
    mmoe_estimate told = estimate;
    told.told_bytes = 4000;
    const plan_ranks without = plan_ranks_of(&estimate, &net, 4),
                     with = plan_ranks_of(&told, &net, 4);
    NEAR(with.bytes - without.bytes, 3000);
    ck_assert_double_eq_tol(with.waiting - without.waiting, 3 * 1.5e-6, 1e-12);
}
END_TEST

START_TEST(rows_that_are_read_travel_where_they_are_updated_then) {
    ck_assert(plan_is_dealt(&tables[0]));
    ck_assert(!plan_is_dealt(&tables[1]));
}
END_TEST

START_TEST(messages_within_this_machine_take_time) {
    plan_wire wire = {-1, -1};
    if (plan_wire_measure(&wire))
        ck_assert(wire.message > 0 && wire.byte >= 0);
    else
        ck_assert(wire.message == 0 && wire.byte == 0);
}
END_TEST

void add_cases(TCase *c) {
    tcase_add_test(c, as_by_hand);
    tcase_add_test(c, what_was_timed_is_what_a_host_computes);
    tcase_add_test(c, what_is_told_of_rows_travels_too);
    tcase_add_test(c, rows_that_are_read_travel_where_they_are_updated_then);
    tcase_add_test(c, messages_within_this_machine_take_time);
}
