/* What a watcher is told of work on rows: from 0 to all of them, at least at every 65,536th. */
#include "inspect_support.h"
#include "watched_support.h"

enum { ROWS = 140000, TIMES = 3 };

static void check_told(const char *what) {
    ck_assert_str_eq(watched.last.what, what);
    ck_assert_str_eq(watched.last.unit, "rows");
    ck_assert_int_eq(watched.last.done, ROWS);
    ck_assert_int_eq(watched.last.total, ROWS);
    ck_assert_int_gt(watched.times, TIMES);
    ck_assert(pthread_equal(pthread_self(), watched.thread));
}

START_TEST(inspection_is_watched) {
    world w = by_hand("", ROWS);
    const mmoe_inspect_options options = {2, &watcher};
    mmoe_inspection *in = NULL, *alone = inspect(&w, 2);
    SUCCEEDS(mmoe_inspect_with(w.model, w.rows, &options, NULL, &in, &err));
    check_told("inspecting");
    ck_assert_double_eq(in->gates[0].entropy, alone->gates[0].entropy);
    mmoe_inspection_free(alone);
    mmoe_inspection_free(in);
    world_end(&w);
}
END_TEST

START_TEST(evaluation_is_watched) {
    world w = by_hand("", ROWS);
    mmoe_task_metrics metrics[2];
    const mmoe_evaluate_options options = {.threads = 2, .watcher = &watcher};
    SUCCEEDS(mmoe_evaluate_by(w.model, w.rows, &options, NULL, metrics, NULL, &err));
    check_told("evaluating");
    world_end(&w);
}
END_TEST

void add_cases(TCase *c) {
    tcase_add_test(c, inspection_is_watched);
    tcase_add_test(c, evaluation_is_watched);
}
