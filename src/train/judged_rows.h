/* Rows of one task, as its figures are made of them. */
#ifndef MMOE_TRAIN_JUDGED_ROWS_H
#define MMOE_TRAIN_JUDGED_ROWS_H

#include "config/config.h"

/* The groups that judged rows are of. */
typedef struct mmoe_row_groups {
    const char *column;    /* whose values they are */
    const int32_t *of;     /* [rows of the arrays] each row's group; 0: none */
    const uint32_t *index; /* [judged rows] places of those in the arrays, a group's side by side */
    mmoe_group_weight weight;
} mmoe_row_groups;

/* Element 0 of each row of the two matrices is the task's. */
typedef struct mmoe_judged_rows {
    mmoe_task_type type;
    int64_t rows;
    const float *predictions; /* [rows, stride]; a probability for classification */
    const float *labels;      /* [rows, label_stride]; NaN: left out */
    const float *weights;     /* [rows]; NULL: all 1 */
    int64_t stride, label_stride;
    const double *constant; /* what is predicted without a model; NULL: the mean of these labels */
    const uint32_t *index;  /* [rows] row r of these is row index[r] of the arrays, and `constant`
                               is given; NULL: r */
    const mmoe_row_groups *groups; /* NULL: the rows have none */
} mmoe_judged_rows;

#endif
