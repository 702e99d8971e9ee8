#include "data/gap.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

bool mmoe_gap_copy(const mmoe_gap *from, const mmoe_allocator *alloc, mmoe_gap *to) {
    *to = *from;
    if (!from->fill) return true;
    to->fill = mmoe_alloc(alloc, 1, sizeof *to->fill);
    if (to->fill) memcpy(to->fill, from->fill, sizeof *to->fill);
    return to->fill;
}

void mmoe_gap_finish(mmoe_gap *g, const mmoe_allocator *alloc) {
    mmoe_release(alloc, g->fill);
    g->fill = NULL;
}

/* As the kind "number" has its mean, so that it becomes 0 where the values are standardized. */
static void add_mean(mmoe_gap *g, int32_t pass, const double *x, size_t stride, int64_t rows) {
    const double mean = g->mean.sum / (double)g->rows;
    for (int64_t r = 0; r < rows; r++, x += stride)
        if (pass == 0)
            g->mean.sum += *x;
        else
            g->mean.rest += *x - mean;
    if (pass == 0) g->rows += rows;
}

void mmoe_gap_measure(mmoe_gap *g, mmoe_encoder *e, int32_t pass, const double *learned,
                      size_t stride, int64_t rows) {
    for (int64_t first = 0, end; first < rows; first = end) {
        const double *x = learned + (size_t)first * stride;
        for (end = first; end < rows && !isnan(learned[(size_t)end * stride]);) end++;
        if (end > first && pass < e->kind->passes)
            e->kind->measure(e, pass, x, stride, end - first);
        if (end > first && pass < MMOE_GAP_PASSES) add_mean(g, pass, x, stride, end - first);
        while (end < rows && isnan(learned[(size_t)end * stride])) end++;
    }
}

const char *mmoe_gap_settle(mmoe_gap *g, const mmoe_encoder *e, char room[MMOE_FAULT_SIZE]) {
    if (g->rule.word == MMOE_MISSING_ERROR) return NULL;
    mmoe_cell cell;
    if (g->rule.word == MMOE_MISSING_MEAN) {
        const double rows = (double)g->rows;
        cell.input = e->kind->finish(e, g->mean.sum / rows + g->mean.rest / rows);
    } else {
        const char *fault = e->kind->take(e, MMOE_VALUE_DOUBLE, &g->rule.number, &cell);
        if (fault) {
            snprintf(room, MMOE_FAULT_SIZE, "missing: %.9g %s", g->rule.number, fault);
            return room;
        }
    }
    g->fill = mmoe_alloc(&e->alloc, 1, sizeof *g->fill);
    if (!g->fill) return mmoe_column_no_memory;
    *g->fill = cell.input;
    return NULL;
}
