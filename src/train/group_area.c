#include "train/group_area.h"

#include <math.h>

static double group_weight(const mmoe_group_area *g) {
    switch (g->by) {
    case MMOE_GROUP_IMPRESSIONS:
        return g->all;
    case MMOE_GROUP_ROWS:
        return (double)g->ranking.n;
    case MMOE_GROUP_POSITIVES:
        return g->positives;
    case MMOE_GROUP_EQUAL:
        return 1;
    }
    return (double)NAN;
}

static void end_group(mmoe_group_area *g) {
    const double area = mmoe_ranking_area(&g->ranking), weight = group_weight(g);
    const int64_t rows = g->ranking.n;
    g->counts.groups++;
    if (isnan(area)) {
        g->counts.one_class++;
        g->counts.one_class_rows += rows;
        g->counts.single += rows == 1;
        return;
    }
    g->areas += weight * area;
    g->weights += weight;
}

void mmoe_group_area_turn(mmoe_group_area *g) {
    if (!g->group)
        g->counts.no_group_rows += g->ranking.n;
    else if (g->ranking.n > 0)
        end_group(g);
    g->ranking = (mmoe_ranking){.is_weighed = g->is_weighed};
    g->all = g->positives = 0;
}

double mmoe_group_area_end(mmoe_group_area *g) {
    mmoe_group_area_turn(g);
    return g->weights > 0 ? g->areas / g->weights : (double)NAN;
}
