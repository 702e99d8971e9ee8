/* Two tasks whose labels are the same. */
#include <math.h>

#include "base/text.h"
#include "train/checks.h"

/* Rows in which both have the same label; 0: one has another, or all are one. */
static int32_t same_labels(const mmoe_rows *rows, int32_t task, int32_t other) {
    int32_t same = 0;
    float first = 0;
    bool varies = false;
    for (int32_t b = 0; b < rows->rows; b++) {
        const float *labels = rows->labels + mmoe_row_of(rows, b) * rows->label_stride;
        const float x = labels[task], y = labels[other];
        if (isnan(x) && isnan(y)) continue;
        if (!(x == y)) return 0;
        if (same++ == 0) first = x;
        varies |= x != first;
    }
    return varies ? same : 0;
}

mmoe_status mmoe_check_tasks(mmoe_checks *c, mmoe_error *err) {
    const mmoe_label_column *labels = c->model->schema->labels;
    mmoe_status status = MMOE_OK;
    char rows[MMOE_NUMBER_SIZE];
    for (int32_t t = 1; !status && t < c->model->schema->n_label; t++) {
        int32_t same = 0, other = 0;
        while (other < t && !(same = same_labels(&c->of_train.rows, t, other))) other++;
        if (!same) continue;
        mmoe_format_count(same, rows);
        status = mmoe_warn(&c->list, (mmoe_warning){NULL, labels[t].task, same, 0}, err,
                           "task \"%s\": in all %s training rows compared its label is that of "
                           "\"%s\"",
                           labels[t].task, rows, labels[other].task);
    }
    return status;
}
