#include "data/gap.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/sentence.h"

bool mmoe_gap_copy(const mmoe_gap *from, const mmoe_encoder *e, mmoe_gap *to) {
    const size_t width = (size_t)mmoe_encoder_width(e);
    *to = (mmoe_gap){.rule = from->rule, .rows = from->rows};
    if (!from->fill) return true;
    to->fill = mmoe_alloc(&e->alloc, width, sizeof *to->fill);
    if (to->fill) memcpy(to->fill, from->fill, width * sizeof *to->fill);
    return to->fill;
}

void mmoe_gap_finish(mmoe_gap *g, const mmoe_allocator *alloc) {
    mmoe_release(alloc, g->fill);
    mmoe_release(alloc, g->mean);
    g->fill = NULL;
    g->mean = NULL;
}

mmoe_status mmoe_gap_start(mmoe_gap *g, const mmoe_encoder *e, mmoe_error *err) {
    if (g->rule.word != MMOE_MISSING_MEAN) return MMOE_OK;
    const size_t span = (size_t)mmoe_encoder_span(e);
    g->mean = mmoe_alloc_zero(&e->alloc, span, sizeof *g->mean);
    return g->mean ? MMOE_OK : mmoe_fail_memory(err, span * sizeof *g->mean);
}

/* As the kind "number" has its mean, so that it becomes 0 where the values are standardized. */
static void add_mean(const mmoe_gap *g, int32_t pass, mmoe_gap_mean *mean, const double *x,
                     size_t stride, int64_t rows) {
    const double middle = mean->sum / (double)g->rows;
    for (int64_t r = 0; r < rows; r++, x += stride)
        if (pass == 0)
            mean->sum += *x;
        else
            mean->rest += *x - middle;
}

static void measure_present(mmoe_gap *g, mmoe_encoder *e, int32_t pass, const double *x,
                            size_t stride, int64_t rows) {
    const int32_t span = g->mean ? mmoe_encoder_span(e) : 0;
    if (pass < e->kind->passes) e->kind->measure(e, pass, x, stride, rows);
    if (pass >= MMOE_GAP_PASSES) return;
    for (int32_t k = 0; k < span; k++) add_mean(g, pass, &g->mean[k], x + k, stride, rows);
    if (pass == 0) g->rows += rows;
}

void mmoe_gap_measure(mmoe_gap *g, mmoe_encoder *e, int32_t pass, const double *learned,
                      size_t stride, int64_t rows) {
    for (int64_t first = 0, end; first < rows; first = end) {
        for (end = first; end < rows && !isnan(learned[(size_t)end * stride]);) end++;
        if (end > first)
            measure_present(g, e, pass, learned + (size_t)first * stride, stride, end - first);
        while (end < rows && isnan(learned[(size_t)end * stride])) end++;
    }
}

/* The mean's inputs, or those of the value that stands in each number's place; `numbers` [span]. */
static const char *fill_from(mmoe_gap *g, const mmoe_encoder *e, double *numbers,
                             char room[MMOE_FAULT_SIZE]) {
    const int32_t span = mmoe_encoder_span(e);
    const double rows = (double)g->rows;
    for (int32_t k = 0; k < span; k++)
        numbers[k] = g->mean ? g->mean[k].sum / rows + g->mean[k].rest / rows : g->rule.number;
    if (g->mean) {
        e->kind->finish(e, numbers, g->fill);
        return NULL;
    }
    mmoe_cell cell = {.inputs = g->fill};
    const char *fault = e->kind->take(e, MMOE_VALUE_DOUBLE, numbers, &cell);
    if (!fault) return NULL;
    mmoe_say(room, MMOE_FAULT_SIZE, "missing: %.9g %s", g->rule.number, fault);
    return room;
}

const char *mmoe_gap_settle(mmoe_gap *g, const mmoe_encoder *e, char room[MMOE_FAULT_SIZE]) {
    if (g->rule.word == MMOE_MISSING_ERROR) return NULL;
    double *numbers = mmoe_alloc(&e->alloc, (size_t)mmoe_encoder_span(e), sizeof *numbers);
    g->fill = mmoe_alloc(&e->alloc, (size_t)mmoe_encoder_width(e), sizeof *g->fill);
    const char *fault = numbers && g->fill ? fill_from(g, e, numbers, room) : mmoe_column_no_memory;
    mmoe_release(&e->alloc, numbers);
    mmoe_release(&e->alloc, g->mean);
    g->mean = NULL;
    return fault;
}
