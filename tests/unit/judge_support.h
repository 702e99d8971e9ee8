/* One task's figures of rows that stand in arrays: in large batches with all scores in memory, and
 * in small ones with many runs of scores, which must come to the same bits. */
#ifndef TESTS_JUDGE_SUPPORT_H
#define TESTS_JUDGE_SUPPORT_H

#include <string.h>

#include "check_main.h"
#include "succeeds.h"
#include "train/task_judge.h"

typedef struct judged {
    mmoe_task_type type;
    int64_t rows;
    const float *predictions, *labels, *weights; /* [rows, stride], the weights [rows] or NULL */
    int64_t stride;
    const double *constant; /* NULL: the rows' own mean label */
    const int32_t *groups;  /* [rows]; NULL: there are none */
    mmoe_group_weight by;
} judged;

static double mean_label(const judged *r) {
    const mmoe_label_scale as_it_is = {.unit = 1};
    const mmoe_label_run run = {r->rows, r->labels, r->weights, (size_t)r->stride};
    double mean;
    return mmoe_label_mean(&as_it_is, &run, &mean) ? mean : (double)NAN;
}

static mmoe_task_metrics judge_in_runs(const judged *r, int64_t run, bool is_binned) {
    const int64_t most = run < r->rows ? 97 : 1000; /* of a batch */
    const mmoe_allocator plain = mmoe_allocator_or_default(NULL);
    const mmoe_judge_wanted wanted = {.type = r->type,
                                      .parts = 1,
                                      .is_binned = is_binned,
                                      .group = r->groups ? "user" : NULL,
                                      .group_weight = r->by,
                                      .run = run};
    mmoe_task_judge *j;
    mmoe_task_metrics out;
    memset(&out, 0x5a, sizeof out);
    out.name = "task";
    SUCCEEDS(mmoe_task_judge_create(&wanted, &plain, &j, &err));
    mmoe_task_judge_begin(j, r->constant ? *r->constant : mean_label(r));
    for (int64_t i = 0; i < r->rows; i += most) {
        const mmoe_judged_rows batch = {.rows = r->rows - i < most ? r->rows - i : most,
                                        .predictions = r->predictions + i * r->stride,
                                        .labels = r->labels + i * r->stride,
                                        .stride = r->stride,
                                        .weights = r->weights ? r->weights + i : NULL,
                                        .groups = r->groups ? r->groups + i : NULL};
        SUCCEEDS(mmoe_task_judge_add(j, &batch, &err));
    }
    SUCCEEDS(mmoe_task_judge_end(j, &out, 1, &err));
    mmoe_task_judge_free(j);
    out.constant_is_of_rows = !r->constant;
    ck_assert_str_eq(out.name, "task");
    ck_assert_int_eq(out.type, r->type);
    return out;
}

static mmoe_task_metrics compute(judged r) {
    const mmoe_task_metrics whole = judge_in_runs(&r, r.rows ? r.rows : 1, false),
                            runs = judge_in_runs(&r, r.rows < 500 ? 24 : r.rows / 7, false);
    ck_assert_mem_eq(&whole, &runs, sizeof whole);
    return whole;
}

#endif
