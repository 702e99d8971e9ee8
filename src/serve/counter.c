#include "serve/counter.h"

#include <math.h>
#include <stdio.h>

#include "base/error.h"
#include "base/text.h"
#include "loss/loss.h"

enum { LEAST_EXPONENT = -9 }; /* of a task whose scores are no probabilities: bins from 2^-9 on */

double mmoe_served_bin(int type, int bin) {
    if (!mmoe_task_type_name(type) || bin < 0 || bin >= MMOE_SERVED_BINS) return NAN;
    if (mmoe_loss_kind_of((mmoe_task_type)type)->is_probability)
        return (double)(bin + 1) / MMOE_SERVED_BINS;
    return bin + 1 < MMOE_SERVED_BINS ? ldexp(1, bin + LEAST_EXPONENT) : (double)INFINITY;
}

/* ---- What is counted ---- */

static const char *name_of(const struct mmoe_schema *s, int32_t column) {
    return column < s->n_sparse ? s->sparse[column].name : s->dense[column - s->n_sparse].name;
}

static bool describe_column(mmoe_counted *c, const struct mmoe_schema *s, int32_t i) {
    const bool sparse = i < s->n_sparse;
    const mmoe_side side = sparse ? s->sparse[i].side : s->dense[i - s->n_sparse].side;
    const char *name = name_of(s, i);
    c->columns[i] = (mmoe_counted_column){mmoe_copy_text(&c->alloc, name, strlen(name)),
                                          sparse && s->sparse[i].list >= 0, side == MMOE_SIDE_USER};
    return c->columns[i].name;
}

static bool describe_task(mmoe_counted *c, const mmoe_label_column *label, int32_t i) {
    c->tasks[i] = (mmoe_counted_task){mmoe_copy_text(&c->alloc, label->task, strlen(label->task)),
                                      mmoe_loss_kind_of(label->type)->is_probability};
    return c->tasks[i].name;
}

mmoe_status mmoe_counted_init(mmoe_counted *c, const struct mmoe_schema *s,
                              const mmoe_allocator *alloc, mmoe_error *err) {
    *c = (mmoe_counted){*alloc, s->n_sparse + s->n_dense, s->n_label, NULL, NULL};
    c->columns = mmoe_alloc_zero(alloc, (size_t)c->n_column, sizeof *c->columns);
    c->tasks = mmoe_alloc_zero(alloc, (size_t)c->n_task, sizeof *c->tasks);
    bool ok = c->columns && c->tasks;
    for (int32_t i = 0; ok && i < c->n_column; i++) ok = describe_column(c, s, i);
    for (int32_t i = 0; ok && i < c->n_task; i++) ok = describe_task(c, &s->labels[i], i);
    if (ok) return MMOE_OK;
    mmoe_counted_finish(c);
    return mmoe_fail_memory(err, (size_t)s->n_sparse * sizeof *c->columns);
}

void mmoe_counted_finish(mmoe_counted *c) {
    for (int32_t i = 0; c->columns && i < c->n_column; i++)
        mmoe_release(&c->alloc, c->columns[i].name);
    for (int32_t i = 0; c->tasks && i < c->n_task; i++) mmoe_release(&c->alloc, c->tasks[i].name);
    mmoe_release(&c->alloc, c->columns);
    mmoe_release(&c->alloc, c->tasks);
    *c = (mmoe_counted){.alloc = c->alloc};
}

static int32_t find(const mmoe_counted *c, const char *name) {
    for (int32_t i = 0; i < c->n_column; i++)
        if (strcmp(c->columns[i].name, name) == 0) return i;
    return -1;
}

mmoe_status mmoe_counted_find(const mmoe_counted *c, const struct mmoe_schema *s,
                              const mmoe_allocator *alloc, int32_t **out, mmoe_error *err) {
    const int32_t n = s->n_sparse + s->n_dense;
    int32_t same = 0;
    while (same < n && same < c->n_column && !strcmp(c->columns[same].name, name_of(s, same)))
        same++;
    *out = NULL;
    if (same == n) return MMOE_OK;
    int32_t *places = *out = mmoe_alloc(alloc, (size_t)n, sizeof *places);
    if (!places) return mmoe_fail_memory(err, (size_t)n * sizeof *places);
    for (int32_t i = 0; i < n; i++) places[i] = i < same ? i : find(c, name_of(s, i));
    return MMOE_OK;
}

/* ---- Counting ---- */

bool mmoe_counter_init(mmoe_counter *c, const mmoe_counted *of, const mmoe_allocator *alloc) {
    const size_t n_column = (size_t)of->n_column * MMOE_COLUMN_SUMS, n_task = (size_t)of->n_task,
                 n_bin = n_task * MMOE_SERVED_BINS;
    *c = (mmoe_counter){.of = of};
    c->columns = mmoe_alloc_zero(alloc, n_column, sizeof *c->columns);
    c->bins = mmoe_alloc_zero(alloc, n_bin, sizeof *c->bins);
    c->scores = mmoe_alloc_zero(alloc, n_task, sizeof *c->scores);
    if (c->columns && c->bins && c->scores) return true;
    mmoe_counter_finish(c, alloc);
    return false;
}

void mmoe_counter_finish(mmoe_counter *c, const mmoe_allocator *alloc) {
    mmoe_release(alloc, (void *)(uintptr_t)c->columns);
    mmoe_release(alloc, (void *)(uintptr_t)c->bins);
    mmoe_release(alloc, (void *)(uintptr_t)c->scores);
    *c = (mmoe_counter){0};
}

bool mmoe_counting_init(mmoe_counting *c, const mmoe_counted *of, const mmoe_allocator *alloc) {
    *c = (mmoe_counting){.n_seen = of->n_column};
    c->seen = mmoe_alloc_zero(alloc, (size_t)of->n_column, sizeof *c->seen);
    if (c->seen && mmoe_counter_init(&c->own, of, alloc)) return true;
    mmoe_counting_finish(c, alloc);
    return false;
}

void mmoe_counting_finish(mmoe_counting *c, const mmoe_allocator *alloc) {
    mmoe_counter_finish(&c->own, alloc);
    mmoe_release(alloc, c->seen);
    *c = (mmoe_counting){0};
}

void mmoe_counting_drop(mmoe_counting *c) {
    memset(c->seen, 0, (size_t)c->n_seen * sizeof *c->seen);
}

/* Nobody else writes: no locked addition is needed. */
static void add(mmoe_sum *sum, int64_t n) {
    const int64_t now = atomic_load_explicit(sum, memory_order_relaxed);
    atomic_store_explicit(sum, now + n, memory_order_relaxed);
}

static void add_scores(mmoe_counter *c, int32_t task, double sum) {
    const double now = atomic_load_explicit(&c->scores[task], memory_order_relaxed);
    atomic_store_explicit(&c->scores[task], now + sum, memory_order_relaxed);
}

static int bin_of(float x, bool is_probability) {
    int exponent;
    if (is_probability) {
        const float at = x * (float)MMOE_SERVED_BINS;
        if (!(at > 0)) return 0;
        return at < (float)MMOE_SERVED_BINS ? (int)at : MMOE_SERVED_BINS - 1;
    }
    if (!(x >= 0x1p-9f)) return 0;
    if (x >= 0x1p9f) return MMOE_SERVED_BINS - 1;
    frexpf(x, &exponent);
    return exponent - LEAST_EXPONENT;
}

/* Rows go to sets of sums in turn, so that neighbours do not wait for each other. */
static void add_task(mmoe_counter *c, int32_t task, const mmoe_counted_rows *of) {
    enum { SETS = 4 };
    const bool is_probability = c->of->tasks[task].is_probability;
    const float *x = of->scores + task;
    int32_t counts[SETS][MMOE_SERVED_BINS] = {{0}};
    double sums[SETS] = {0};
    for (int32_t r = 0; r < of->rows; r++, x += c->of->n_task) {
        if (isnan(*x)) continue;
        counts[r % SETS][bin_of(*x, is_probability)]++;
        sums[r % SETS] += (double)*x;
    }
    mmoe_sum *bins = c->bins + (size_t)task * MMOE_SERVED_BINS;
    for (int b = 0; b < MMOE_SERVED_BINS; b++)
        add(&bins[b], (int64_t)counts[0][b] + counts[1][b] + counts[2][b] + counts[3][b]);
    add_scores(c, task, sums[0] + sums[1] + sums[2] + sums[3]);
}

/* The same of few rows. */
static void add_few(mmoe_counter *c, int32_t task, const mmoe_counted_rows *of) {
    const bool is_probability = c->of->tasks[task].is_probability;
    const float *x = of->scores + task;
    double sum = 0;
    for (int32_t r = 0; r < of->rows; r++, x += c->of->n_task) {
        if (isnan(*x)) continue;
        add(&c->bins[task * MMOE_SERVED_BINS + bin_of(*x, is_probability)], 1);
        sum += (double)*x;
    }
    add_scores(c, task, sum);
}

static void add_seen(mmoe_counting *c, mmoe_counter *to) {
    for (int32_t i = 0; i < c->n_seen; i++) {
        const mmoe_seen s = c->seen[i];
        if (!(s.elements | s.missing | s.unknown)) continue;
        const int32_t place = c->places ? c->places[i] : i;
        c->seen[i] = (mmoe_seen){0};
        if (place < 0) continue;
        mmoe_sum *sums = to->columns + (size_t)place * MMOE_COLUMN_SUMS;
        add(&sums[MMOE_SUM_ELEMENTS], s.elements);
        add(&sums[MMOE_SUM_MISSING], s.missing);
        add(&sums[MMOE_SUM_UNKNOWN], s.unknown);
    }
}

static mmoe_counter *counter_of(mmoe_counting *c) { return c->to ? c->to : &c->own; }

void mmoe_counting_add(mmoe_counting *counting, const mmoe_counted_rows *rows) {
    mmoe_counter *c = counter_of(counting);
    int64_t bad = 0;
    for (int32_t r = 0; rows->is_bad && r < rows->rows; r++) bad += rows->is_bad[r] != 0;
    add(&c->sums[MMOE_SUM_ROWS], rows->rows);
    if (bad) add(&c->sums[MMOE_SUM_BAD], bad);
    if (rows->ranked) add(&c->sums[MMOE_SUM_RANKED], rows->rows);
    if (rows->is_raw) add_seen(counting, c);
    for (int32_t t = 0; t < c->of->n_task; t++)
        if (rows->rows < 32)
            add_few(c, t, rows);
        else
            add_task(c, t, rows);
}

void mmoe_counting_user(mmoe_counting *c) { add(&counter_of(c)->sums[MMOE_SUM_USERS], 1); }

/* ---- What is told ---- */

/* The share of a column's values in the training rows, "missing" or "unknown". */
static double trained_share(const mmoe_model *model, const char *column, const char *what) {
    char key[256];
    double share = 0;
    const int length = snprintf(key, sizeof key, MMOE_META_COLUMN "%s.%s", column, what);
    const bool knows = mmoe_meta_find(&model->meta, MMOE_META_ROWS) && length < (int)sizeof key;
    const char *text = knows ? mmoe_meta_find(&model->meta, key) : NULL;
    if (text && !mmoe_parse_double(text, strlen(text), &share)) return NAN;
    return knows ? share : NAN;
}

mmoe_status mmoe_counts_begin(const mmoe_counted *of, const mmoe_model *model, mmoe_counts *out,
                              mmoe_error *err) {
    const struct mmoe_schema *s = model->schema;
    if ((out->columns && out->n_column != (size_t)of->n_column) ||
        (out->tasks && out->n_task != (size_t)of->n_task))
        return mmoe_fail(err, MMOE_E_ARGUMENT,
                         "counts: there are %d columns and %d tasks, not %zu and %zu",
                         (int)of->n_column, (int)of->n_task, out->n_column, out->n_task);
    out->n_column = (size_t)of->n_column;
    out->n_task = (size_t)of->n_task;
    out->version = 0;
    out->rows = out->bad_rows = out->users = 0;
    for (int32_t i = 0; out->columns && i < of->n_column; i++) {
        const char *name = of->columns[i].name;
        out->columns[i] =
            (mmoe_column_served){.name = name,
                                 .trained_missing = trained_share(model, name, "missing"),
                                 .trained_unknown = trained_share(model, name, "unknown")};
    }
    for (int32_t i = 0; out->tasks && i < of->n_task; i++)
        out->tasks[i] = (mmoe_task_served){
            .name = of->tasks[i].name,
            .base_rate = s->labels[i].has_constant ? s->labels[i].constant : (double)NAN};
    return MMOE_OK;
}

static int64_t sum_of(const mmoe_sum *sum) {
    return atomic_load_explicit(sum, memory_order_relaxed);
}

/* A list has elements, of a user's columns each user has a value, of the others each row. */
static int64_t values_of(const mmoe_counter *c, int32_t column) {
    const mmoe_counted_column *of = &c->of->columns[column];
    if (of->is_list)
        return sum_of(&c->columns[(size_t)column * MMOE_COLUMN_SUMS + MMOE_SUM_ELEMENTS]);
    const int64_t rows = sum_of(&c->sums[MMOE_SUM_ROWS]);
    if (!of->is_user) return rows;
    return rows - sum_of(&c->sums[MMOE_SUM_RANKED]) + sum_of(&c->sums[MMOE_SUM_USERS]);
}

void mmoe_counts_add(const mmoe_counter *c, mmoe_counts *out) {
    const int64_t bad = sum_of(&c->sums[MMOE_SUM_BAD]);
    out->rows += sum_of(&c->sums[MMOE_SUM_ROWS]) - bad;
    out->bad_rows += bad;
    out->users += sum_of(&c->sums[MMOE_SUM_USERS]);
    for (int32_t i = 0; out->columns && i < c->of->n_column; i++) {
        const mmoe_sum *from = c->columns + (size_t)i * MMOE_COLUMN_SUMS;
        out->columns[i].values += values_of(c, i);
        out->columns[i].missing += sum_of(&from[MMOE_SUM_MISSING]);
        out->columns[i].unknown += sum_of(&from[MMOE_SUM_UNKNOWN]);
    }
    for (int32_t i = 0; out->tasks && i < c->of->n_task; i++) {
        for (int b = 0; b < MMOE_SERVED_BINS; b++)
            out->tasks[i].bins[b] += sum_of(&c->bins[i * MMOE_SERVED_BINS + b]);
        out->tasks[i].sum += atomic_load_explicit(&c->scores[i], memory_order_relaxed);
    }
}
