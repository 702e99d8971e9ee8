/* AUC within groups of rows: of a user's impressions, say, as a ranking sees them. */
#ifndef MMOE_TRAIN_GROUP_AREA_H
#define MMOE_TRAIN_GROUP_AREA_H

#include "config/config.h"
#include "train/ranking.h"

/* What is counted on the way: rows with a label, and their groups. */
typedef struct mmoe_group_counts {
    int64_t groups, one_class, single; /* single: of one row, among those of one class */
    int64_t one_class_rows, no_group_rows;
} mmoe_group_counts;

/* sum_g w_g AUC_g / sum_g w_g over the groups that have both classes (Zhu et al., "Optimized Cost
 * per Click in Taobao Display Advertising", 2017), the AUC weighted by the rows' weights, w_g as
 * `by` says. Begins as {.by = ..., .is_weighed = ...}. */
typedef struct mmoe_group_area {
    mmoe_group_weight by;
    bool is_weighed;
    uint32_t group; /* of the last row; 0: it has none */
    mmoe_ranking ranking;
    double all, positives; /* weights of the group's rows */
    double areas, weights;
    mmoe_group_counts counts;
} mmoe_group_area;

/* Ends the group of the rows before. */
void mmoe_group_area_turn(mmoe_group_area *g);
/* Rows come group by group, and within one in their order. */
static inline void mmoe_group_area_add(mmoe_group_area *g, uint32_t group, uint32_t key,
                                       float weight) {
    if (group != g->group) {
        mmoe_group_area_turn(g);
        g->group = group;
    }
    mmoe_ranking_add(&g->ranking, key, weight);
    g->all += (double)(weight < 0 ? -weight : weight);
    g->positives += (double)(weight > 0 ? weight : 0);
}
/* Of all rows; NaN where no group has both classes, or those that have weigh nothing. */
double mmoe_group_area_end(mmoe_group_area *g);

#endif
