/* Counts as the caller gets them. */
#include <math.h>
#include <sched.h>

#include "base/error.h"
#include "base/text.h"
#include "loss/loss.h"
#include "serve/counter.h"

double mmoe_served_bin(int type, int bin) {
    if (!mmoe_task_type_name(type) || bin < 0 || bin >= MMOE_SERVED_BINS) return NAN;
    if (mmoe_loss_kind_of((mmoe_task_type)type)->is_probability)
        return (double)(bin + 1) / MMOE_SERVED_BINS;
    return bin + 1 < MMOE_SERVED_BINS ? ldexp(1, bin + MMOE_SERVED_EXPONENT) : (double)INFINITY;
}

mmoe_status mmoe_counts_begin(int32_t n_column, int32_t n_task, mmoe_counts *out, mmoe_error *err) {
    if ((out->columns && out->n_column != (size_t)n_column) ||
        (out->tasks && out->n_task != (size_t)n_task))
        return mmoe_fail(err, MMOE_E_ARGUMENT,
                         "counts: there are %d columns and %d tasks, not %zu and %zu",
                         (int)n_column, (int)n_task, out->n_column, out->n_task);
    out->n_column = (size_t)n_column;
    out->n_task = (size_t)n_task;
    out->version = 0;
    out->rows = out->bad_rows = out->users = 0;
    for (int32_t i = 0; out->columns && i < n_column; i++)
        out->columns[i] = (mmoe_column_served){.trained_missing = NAN, .trained_unknown = NAN};
    for (int32_t i = 0; out->tasks && i < n_task; i++)
        out->tasks[i] = (mmoe_task_served){.base_rate = NAN};
    return MMOE_OK;
}

static mmoe_column_served *column_at(const mmoe_counts *out, const int32_t *places, int32_t i) {
    return &out->columns[places ? places[i] : i];
}

void mmoe_counts_name(const mmoe_counted *of, const int32_t *places, mmoe_counts *out) {
    for (int32_t i = 0; out->columns && i < of->n_column; i++)
        column_at(out, places, i)->name = of->columns[i].name;
    for (int32_t i = 0; out->tasks && i < of->n_task; i++) out->tasks[i].name = of->tasks[i].name;
}

void mmoe_counts_compare(const mmoe_model *model, const int32_t *places, mmoe_counts *out) {
    const struct mmoe_schema *s = model->schema;
    for (int32_t i = 0; out->columns && i < s->n_sparse + s->n_dense; i++) {
        mmoe_column_served *c = column_at(out, places, i);
        c->trained_missing = mmoe_meta_share(&model->meta, c->name, "missing");
        c->trained_unknown = mmoe_meta_share(&model->meta, c->name, "unknown");
    }
    for (int32_t i = 0; out->tasks && i < s->n_label; i++)
        if (s->labels[i].has_constant) out->tasks[i].base_rate = s->labels[i].constant;
}

/* ---- Reading ---- */

/* The loads between the two are acquires: one that saw a store of a turn lets the second see it. */
static uint32_t turn_of(const mmoe_counter *c) {
    uint32_t turn;
    while ((turn = atomic_load_explicit(&c->turn, memory_order_acquire)) % 2) sched_yield();
    return turn;
}
static bool is_over(const mmoe_counter *c, uint32_t turn) {
    return atomic_load_explicit(&c->turn, memory_order_relaxed) != turn;
}

static int64_t sum_of(const mmoe_sum *sum) {
    return atomic_load_explicit(sum, memory_order_acquire);
}

/* A list has elements, of a user's columns each user has a value, of the others each row. */
static int64_t values_of(const mmoe_counter *c, int32_t column) {
    const mmoe_counted_column *of = &c->of->columns[column];
    if (of->is_list)
        return sum_of(&c->columns[(size_t)column * MMOE_COLUMN_SUMS + MMOE_SUM_ELEMENTS]);
    const int64_t whole = sum_of(&c->sums[MMOE_SUM_ROWS]) + sum_of(&c->sums[MMOE_SUM_BAD]);
    if (of->is_user) return whole + sum_of(&c->sums[MMOE_SUM_USERS]);
    return whole + sum_of(&c->sums[MMOE_SUM_ROWS + 1]) + sum_of(&c->sums[MMOE_SUM_BAD + 1]);
}

/* A task's numbers at one moment, and its scores that are laid aside. */
typedef struct task_sums {
    int64_t bins[MMOE_SERVED_BINS];
    double sum;
    float aside[MMOE_ASIDE_ROWS];
    int32_t n_aside;
} task_sums;

static void read_task(const mmoe_counter *c, int32_t task, task_sums *to) {
    const mmoe_sum *bins = c->bins + (size_t)task * MMOE_SERVED_BINS;
    const _Atomic float *aside = c->aside + task;
    uint32_t turn;
    do {
        turn = turn_of(c);
        to->n_aside = atomic_load_explicit(&c->n_aside, memory_order_acquire);
        for (int b = 0; b < MMOE_SERVED_BINS; b++) to->bins[b] = sum_of(&bins[b]);
        to->sum = atomic_load_explicit(&c->scores[task], memory_order_acquire);
        for (int32_t r = 0; r < to->n_aside; r++)
            to->aside[r] = atomic_load_explicit(&aside[r * c->of->n_task], memory_order_acquire);
    } while (is_over(c, turn));
}

static void add_task(const mmoe_counter *c, int32_t task, mmoe_task_served *out) {
    task_sums s;
    int32_t counts[MMOE_SERVED_BINS];
    read_task(c, task, &s);
    c->of->kernels->count_scores(
        &(mmoe_bins_args){.rows = s.n_aside,
                          .stride = 1,
                          .x = s.aside,
                          .is_probability = c->of->tasks[task].is_probability,
                          .counts = counts,
                          .sum = &s.sum});
    for (int b = 0; b < MMOE_SERVED_BINS; b++) out->bins[b] += s.bins[b] + counts[b];
    out->sum += s.sum;
}

void mmoe_counts_add(const mmoe_counter *c, const int32_t *places, mmoe_counts *out) {
    out->rows += sum_of(&c->sums[MMOE_SUM_ROWS]) + sum_of(&c->sums[MMOE_SUM_ROWS + 1]);
    out->bad_rows += sum_of(&c->sums[MMOE_SUM_BAD]) + sum_of(&c->sums[MMOE_SUM_BAD + 1]);
    out->users += sum_of(&c->sums[MMOE_SUM_USERS]);
    for (int32_t i = 0; out->columns && i < c->of->n_column; i++) {
        const mmoe_sum *from = c->columns + (size_t)i * MMOE_COLUMN_SUMS;
        mmoe_column_served *to = column_at(out, places, i);
        to->values += values_of(c, i);
        to->missing += sum_of(&from[MMOE_SUM_MISSING]);
        to->unknown += sum_of(&from[MMOE_SUM_UNKNOWN]);
    }
    for (int32_t i = 0; out->tasks && i < c->of->n_task; i++) add_task(c, i, &out->tasks[i]);
}
