/* AUC within groups of rows: of a user's impressions, say, as a ranking sees them. */
#ifndef MMOE_TRAIN_GROUP_AREA_H
#define MMOE_TRAIN_GROUP_AREA_H

#include "train/judged_rows.h"

/* What is counted on the way: rows with a label, and their groups. */
typedef struct mmoe_group_counts {
    int64_t groups, one_class, single; /* single: of one row, among those of one class */
    int64_t one_class_rows, no_group_rows;
} mmoe_group_counts;

/* sum_g w_g AUC_g / sum_g w_g over the groups that have both classes (Zhu et al., "Optimized Cost
 * per Click in Taobao Display Advertising", 2017), the AUC weighted by the rows' weights, w_g as
 * `weight` says; NaN where no group has both, or those that have weigh nothing. Predictions must be
 * numbers. `scratch`: mmoe_ranking_scratch(rows) bytes. */
double mmoe_group_area(const mmoe_judged_rows *judged, void *scratch, mmoe_group_counts *counts);

#endif
