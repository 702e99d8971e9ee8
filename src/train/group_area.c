#include "train/group_area.h"

#include <math.h>

#include "train/ranking.h"

typedef struct area_sum {
    double areas, weights;
} area_sum;

/* A group's labelled rows, from `*at` on, which goes on behind the group. */
static void take_group(const mmoe_judged_rows *j, int64_t *at, mmoe_ranking *out) {
    const mmoe_row_groups *g = j->groups;
    const int32_t group = g->of[g->index[*at]];
    for (; *at < j->rows && g->of[g->index[*at]] == group; ++*at) {
        const int64_t r = g->index[*at];
        const float label = j->labels[r * j->label_stride];
        if (!isnan(label))
            mmoe_ranking_add(out, j->predictions[r * j->stride], label,
                             j->weights ? j->weights[r] : 1.0F);
    }
}

static double group_weight(mmoe_group_weight by, const mmoe_ranking *group) {
    double all = 0, positives = 0;
    for (size_t i = 0; i < group->n; i++) {
        all += fabs((double)group->rows[i].weight);
        positives += fmax(0, (double)group->rows[i].weight);
    }
    switch (by) {
    case MMOE_GROUP_IMPRESSIONS:
        return all;
    case MMOE_GROUP_ROWS:
        return (double)group->n;
    case MMOE_GROUP_POSITIVES:
        return positives;
    case MMOE_GROUP_EQUAL:
        return 1;
    }
    return (double)NAN;
}

static void add_group(mmoe_group_weight by, mmoe_ranking *group, area_sum *sum,
                      mmoe_group_counts *counts) {
    mmoe_ranking_sort(group);
    const double area = mmoe_ranking_area(group), weight = group_weight(by, group);
    counts->groups++;
    if (isnan(area)) {
        counts->one_class++;
        counts->one_class_rows += (int64_t)group->n;
        counts->single += group->n == 1;
        return;
    }
    sum->areas += weight * area;
    sum->weights += weight;
}

double mmoe_group_area(const mmoe_judged_rows *j, void *scratch, mmoe_group_counts *counts) {
    const mmoe_row_groups *g = j->groups;
    area_sum sum = {0, 0};
    *counts = (mmoe_group_counts){0};
    for (int64_t at = 0; at < j->rows;) {
        const bool has_group = g->of[g->index[at]] > 0;
        mmoe_ranking group = mmoe_ranking_begin(scratch, j->rows, j->weights != NULL);
        take_group(j, &at, &group);
        if (!has_group)
            counts->no_group_rows += (int64_t)group.n;
        else if (group.n > 0)
            add_group(g->weight, &group, &sum, counts);
    }
    return sum.weights > 0 ? sum.areas / sum.weights : (double)NAN;
}
