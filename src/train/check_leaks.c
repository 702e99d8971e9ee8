/* A feature that tells a label by itself: it may be known only behind it. Numbers are scores as
 * they stand. The score of another value is the mean label of the rows of one half that have it,
 * and is judged by the rows of the other half: values that stand once tell nothing. */
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/text.h"
#include "train/checks.h"
#include "train/ranking.h"

enum {
    LEAST_OF_CLASS = 20, /* rows; of labels that are no classes, rows at all */
    FIRST_ROWS = 2048    /* of few rows an AUC is soon found */
};
static const double least_auc = 0.999, least_first = 0.98; /* of the first rows */
static const double most_unexplained = 1e-4;               /* 1 - R2 */

/* [rows] each */
typedef struct scored {
    float *labels; /* NaN: none */
    float *scores; /* NaN: it is not judged */
    double *sums;  /* of a value's labels */
    int32_t *counts;
} scored;

/* ---- Scores ---- */

/* Halves without a period. */
static bool is_judged(int32_t b) { return (uint32_t)b * 2654435761u >> 31; }

static void score_by_number(const mmoe_checks *c, const mmoe_checked *f, scored *s) {
    for (int32_t b = 0; b < c->of_train.rows.rows; b++)
        s->scores[b] = *mmoe_checked_inputs(f, &c->of_train.rows, b);
}

static void score_by_value(const mmoe_checks *c, const mmoe_checked *f, scored *s) {
    const int32_t rows = c->of_train.rows.rows;
    double sum = 0;
    int32_t count = 0;
    memset(s->sums, 0, (size_t)f->n_number * sizeof *s->sums);
    memset(s->counts, 0, (size_t)f->n_number * sizeof *s->counts);
    for (int32_t b = 0; b < rows; b++) {
        if (is_judged(b) || isnan(s->labels[b])) continue;
        s->sums[f->numbers[b]] += (double)s->labels[b];
        s->counts[f->numbers[b]]++;
        sum += (double)s->labels[b];
        count++;
    }
    const double mean = count ? sum / count : 0;
    for (int32_t b = 0; b < rows; b++) {
        const int32_t v = f->numbers[b];
        const double score = s->counts[v] ? s->sums[v] / s->counts[v] : mean;
        s->scores[b] = is_judged(b) ? (float)score : NAN;
    }
}

/* ---- What they are worth ---- */

/* By the first `rows`, of which `*judged` count; 0: a class has too few. */
static double area_of(mmoe_checks *c, const scored *s, int32_t rows, int32_t *judged) {
    mmoe_ranking r = {.is_weighed = false};
    int32_t positives = 0;
    size_t n;
    *judged = 0;
    mmoe_checked_clear(c);
    for (int32_t b = 0; b < rows; b++) {
        if (isnan(s->labels[b]) || isnan(s->scores[b])) continue;
        positives += s->labels[b] > 0;
        mmoe_checked_add(c, s->scores[b], s->labels[b]);
        ++*judged;
    }
    if (positives < LEAST_OF_CLASS || *judged - positives < LEAST_OF_CLASS) return 0;
    const uint32_t *at = mmoe_checked_sorted(c, &n);
    for (size_t i = 0; i < n; i++, at += 2) {
        float weight;
        memcpy(&weight, &at[1], sizeof weight);
        mmoe_ranking_add(&r, at[0], weight);
    }
    const double area = mmoe_ranking_area(&r);
    return fmax(area, 1 - area);
}

/* 1 - R2 of the labels by a line of the scores. */
static double unexplained_by(const scored *s, int32_t rows, int32_t *judged) {
    double mean_y = 0, mean_x = 0, yy = 0, xy = 0, xx = 0;
    *judged = 0;
    for (int32_t b = 0; b < rows; b++) {
        const double y = (double)s->labels[b], x = (double)s->scores[b];
        if (isnan(y) || isnan(x)) continue;
        const double n = (double)++*judged, dy = y - mean_y, dx = x - mean_x;
        mean_y += dy / n;
        mean_x += dx / n;
        yy += dy * (y - mean_y);
        xy += dx * (y - mean_y);
        xx += dx * (x - mean_x);
    }
    return yy > 0 && xx > 0 && *judged >= LEAST_OF_CLASS ? fmax(0, 1 - xy / yy * (xy / xx)) : 1;
}

/* ---- What is said ---- */

static mmoe_status judge_classes(mmoe_checks *c, const mmoe_checked *f, const scored *s,
                                 const char *task, mmoe_error *err) {
    const int32_t rows = c->of_train.rows.rows;
    char count[MMOE_NUMBER_SIZE];
    int32_t judged = 0;
    if (rows > 2 * FIRST_ROWS) {
        const double first = area_of(c, s, FIRST_ROWS, &judged);
        if (first > 0 && first < least_first) return MMOE_OK;
    }
    const double area = area_of(c, s, rows, &judged);
    if (!(area >= least_auc)) return MMOE_OK;
    mmoe_format_count(judged, count);
    return mmoe_warn(&c->list, (mmoe_warning){NULL, f->name, judged, 0}, err,
                     "%s: alone it tells the label of task \"%s\" with an AUC of %.5f in %s "
                     "training rows compared: is it known before the label is?",
                     f->shown, task, area, count);
}

static mmoe_status judge_numbers(mmoe_checks *c, const mmoe_checked *f, const scored *s,
                                 const char *task, mmoe_error *err) {
    char count[MMOE_NUMBER_SIZE];
    int32_t judged;
    const double unexplained = unexplained_by(s, c->of_train.rows.rows, &judged);
    if (unexplained > most_unexplained) return MMOE_OK;
    mmoe_format_count(judged, count);
    return mmoe_warn(&c->list, (mmoe_warning){NULL, f->name, judged, 0}, err,
                     "%s: alone it tells the label of task \"%s\" with an R2 of 1 - %.2g in %s "
                     "training rows compared: is it known before the label is?",
                     f->shown, task, unexplained, count);
}

typedef struct asked {
    scored *s;
    const mmoe_label_column *label;
} asked;

static mmoe_status check_feature(mmoe_checks *c, mmoe_checked *f, const void *user,
                                 mmoe_error *err) {
    const asked *of = user;
    if (f->n_number < 2) return MMOE_OK;
    if (mmoe_checked_is_number(f))
        score_by_number(c, f, of->s);
    else
        score_by_value(c, f, of->s);
    return mmoe_loss_kind_of(of->label->type)->is_probability
               ? judge_classes(c, f, of->s, of->label->task, err)
               : judge_numbers(c, f, of->s, of->label->task, err);
}

static mmoe_status check_task(mmoe_checks *c, int32_t task, scored *s, mmoe_error *err) {
    const mmoe_rows *rows = &c->of_train.rows;
    const mmoe_label_column *label = &c->model->schema->labels[task];
    const mmoe_task_order order = mmoe_graph_losses(c->model->graph)->order;
    for (int32_t b = 0; b < rows->rows; b++)
        s->labels[b] =
            mmoe_label_of(order, rows->labels + mmoe_row_of(rows, b) * rows->label_stride, task);
    const asked of = {s, label};
    return mmoe_checked_each(c, check_feature, &of, err);
}

mmoe_status mmoe_check_leaks(mmoe_checks *c, mmoe_error *err) {
    const mmoe_allocator *a = &c->alloc;
    const size_t rows = (size_t)c->of_train.rows.rows;
    scored s = {.labels = mmoe_alloc(a, rows, sizeof *s.labels),
                .scores = mmoe_alloc(a, rows, sizeof *s.scores),
                .sums = mmoe_alloc(a, rows, sizeof *s.sums),
                .counts = c->counts};
    mmoe_status status =
        s.labels && s.scores && s.sums ? MMOE_OK : mmoe_fail_memory(err, rows * sizeof *s.sums);
    for (int32_t t = 0; !status && t < c->model->schema->n_label; t++)
        status = check_task(c, t, &s, err);
    mmoe_release(a, s.labels);
    mmoe_release(a, s.scores);
    mmoe_release(a, s.sums);
    return status;
}
