#include "train/task_judge.h"

#include <assert.h>
#include <math.h>

#include "base/error.h"
#include "base/sorter.h"
#include "train/score_bins.h"

enum { STAGED = 512 }; /* records that go to a sorter at a time */

/* What bins keep for calibration beside the weights by class. */
typedef struct bin_rows {
    int64_t rows;
    double excess; /* of the predictions over the labels, in sum */
} bin_rows;

/* Records of the sorters: the part, where there are several; the group, in `groups`; the key of the
 * prediction; the weight, whose sign is the class. */
struct mmoe_task_judge {
    mmoe_allocator alloc;
    mmoe_judge_wanted of;
    const mmoe_loss_kind *kind;
    bool is_weighed;              /* a row may weigh other than 1 */
    mmoe_metric_sums *sums;       /* [parts] */
    mmoe_order_figures *figures;  /* [parts] */
    mmoe_sorter *scores, *groups; /* NULL: nothing asks for them */
    mmoe_score_bin_sum *bins;     /* [MMOE_SCORE_BINS] instead of `scores` */
    bin_rows *bin_rows;
    uint32_t staged[STAGED * MMOE_SORTER_WORDS];
};

/* ---- Life ---- */

static bool has_groups(const mmoe_judge_wanted *w) { return w->group != NULL; }
static int score_words(const mmoe_judge_wanted *w) { return 2 + (w->parts > 1); }
static int group_words(const mmoe_judge_wanted *w) { return 3 + (w->parts > 1); }

size_t mmoe_task_judge_row_bytes(const mmoe_judge_wanted *w) {
    size_t size = 0;
    if (!mmoe_metrics_rank(mmoe_loss_kind_of(w->type))) return 0;
    if (!w->is_binned) size += mmoe_sorter_bytes(score_words(w));
    if (has_groups(w)) size += mmoe_sorter_bytes(group_words(w));
    return size;
}

static mmoe_status take_bins(mmoe_task_judge *j, mmoe_error *err) {
    j->bins = mmoe_alloc(&j->alloc, MMOE_SCORE_BINS, sizeof *j->bins);
    j->bin_rows = mmoe_alloc(&j->alloc, MMOE_SCORE_BINS, sizeof *j->bin_rows);
    return j->bins && j->bin_rows
               ? MMOE_OK
               : mmoe_fail_memory(err, MMOE_SCORE_BINS * (sizeof *j->bins + sizeof *j->bin_rows));
}

static mmoe_status take_order(mmoe_task_judge *j, mmoe_error *err) {
    const mmoe_judge_wanted *w = &j->of;
    const size_t run = (size_t)w->run;
    mmoe_status status = w->is_binned
                             ? take_bins(j, err)
                             : mmoe_sorter_create(score_words(w), run, &j->alloc, &j->scores, err);
    if (!status && has_groups(w))
        status = mmoe_sorter_create(group_words(w), run, &j->alloc, &j->groups, err);
    return status;
}

mmoe_status mmoe_task_judge_create(const mmoe_judge_wanted *wanted, const mmoe_allocator *alloc,
                                   mmoe_task_judge **out, mmoe_error *err) {
    assert(wanted->parts == 1 || !wanted->is_binned);
    mmoe_task_judge *j = mmoe_alloc_zero(alloc, 1, sizeof *j);
    if (!j) return mmoe_fail_memory(err, sizeof *j);
    const size_t parts = (size_t)wanted->parts;
    j->alloc = *alloc;
    j->of = *wanted;
    j->kind = mmoe_loss_kind_of(wanted->type);
    j->sums = mmoe_alloc(alloc, parts, sizeof *j->sums);
    j->figures = mmoe_alloc(alloc, parts, sizeof *j->figures);
    mmoe_status status =
        j->sums && j->figures
            ? MMOE_OK
            : mmoe_fail_memory(err, parts * (sizeof *j->sums + sizeof *j->figures));
    if (!status && mmoe_metrics_rank(j->kind)) status = take_order(j, err);
    if (status)
        mmoe_task_judge_free(j);
    else
        *out = j;
    return status;
}

void mmoe_task_judge_free(mmoe_task_judge *j) {
    if (!j) return;
    const mmoe_allocator a = j->alloc;
    mmoe_sorter_free(j->scores);
    mmoe_sorter_free(j->groups);
    mmoe_release(&a, j->bins);
    mmoe_release(&a, j->bin_rows);
    mmoe_release(&a, j->sums);
    mmoe_release(&a, j->figures);
    mmoe_release(&a, j);
}

void mmoe_task_judge_begin(mmoe_task_judge *j, double constant) {
    for (int32_t p = 0; p < j->of.parts; p++) j->sums[p] = (mmoe_metric_sums){.constant = constant};
    j->is_weighed = false;
    if (j->scores) mmoe_sorter_clear(j->scores);
    if (j->groups) mmoe_sorter_clear(j->groups);
    for (size_t b = 0; j->bins && b < MMOE_SCORE_BINS; b++) {
        j->bins[b] = (mmoe_score_bin_sum){{0, 0}};
        j->bin_rows[b] = (bin_rows){0, 0};
    }
}

/* ---- Rows ---- */

static int32_t part_of(const mmoe_judged_rows *r, int64_t i) { return r->parts ? r->parts[i] : 0; }

static float weight_of(const mmoe_judged_rows *r, int64_t i) {
    return r->weights ? r->weights[i] : 1.0F;
}

static void add_to_bins(mmoe_task_judge *j, const mmoe_judged_rows *r) {
    for (int64_t i = 0; i < r->rows; i++) {
        const float p = r->predictions[i * r->stride], label = r->labels[i * r->stride];
        if (isnan(label) || isnan(p)) continue;
        const int32_t bin = mmoe_score_bin(p);
        const double w = (double)weight_of(r, i);
        j->bins[bin].weight[label > 0] += w;
        j->bin_rows[bin].rows++;
        j->bin_rows[bin].excess += w * ((double)p - (label > 0));
    }
}

/* The row's record; returns how many words it has. */
static inline __attribute__((always_inline)) int
make_record(const mmoe_judged_rows *r, int64_t i, bool has_parts, bool grouped, uint32_t *out) {
    const float weight = mmoe_signed_weight(r->labels[i * r->stride], weight_of(r, i));
    int n = 0;
    if (has_parts) out[n++] = (uint32_t)part_of(r, i);
    if (grouped) out[n++] = (uint32_t)r->groups[i];
    out[n++] = mmoe_ranked_bits(r->predictions[i * r->stride]);
    memcpy(&out[n++], &weight, sizeof weight);
    return n;
}

/* Records of rows [first, end), as many as are staged at most; returns how many they are. */
static inline __attribute__((always_inline)) size_t stage(const mmoe_judged_rows *r, int64_t first,
                                                          int64_t end, bool has_parts, bool grouped,
                                                          uint32_t *at) {
    size_t n = 0;
    for (int64_t i = first; i < end; i++) {
        if (isnan(r->labels[i * r->stride]) || part_of(r, i) < 0) continue;
        at += make_record(r, i, has_parts, grouped, at);
        n++;
    }
    return n;
}

static mmoe_status add_to_sorter(mmoe_task_judge *j, const mmoe_judged_rows *r, mmoe_sorter *to,
                                 bool grouped, mmoe_error *err) {
    mmoe_status status = MMOE_OK;
    for (int64_t i = 0; !status && i < r->rows; i += STAGED) {
        const int64_t end = r->rows - i < STAGED ? r->rows : i + STAGED;
        const size_t n = j->of.parts > 1 || grouped
                             ? stage(r, i, end, j->of.parts > 1, grouped, j->staged)
                             : stage(r, i, end, false, false, j->staged); /* the most usual */
        status = mmoe_sorter_add(to, j->staged, n, err);
    }
    return status;
}

mmoe_status mmoe_task_judge_add(mmoe_task_judge *j, const mmoe_judged_rows *r, mmoe_error *err) {
    mmoe_status status = MMOE_OK;
    j->is_weighed |= r->weights != NULL;
    mmoe_metric_sums_add(j->sums, j->kind, r);
    if (j->bins) add_to_bins(j, r);
    if (j->scores) status = add_to_sorter(j, r, j->scores, false, err);
    if (!status && j->groups) status = add_to_sorter(j, r, j->groups, true, err);
    return status;
}

/* ---- The order of predictions ---- */

/* A record's last two words. */
static uint32_t key_of(const uint32_t *record, int words) { return record[words - 2]; }

static float signed_weight_of(const uint32_t *record, int words) {
    float weight;
    memcpy(&weight, &record[words - 1], sizeof weight);
    return weight;
}

/* Figures of a part whose scores come in their order. */
typedef struct order {
    int32_t part;
    uint32_t key; /* of the last one */
    mmoe_ranking ranking;
    mmoe_tenths tenths;
} order;

static void begin_part(const mmoe_task_judge *j, order *o, int32_t part) {
    *o = (order){.part = part,
                 .ranking = {.is_weighed = j->is_weighed},
                 .tenths = {.n = j->sums[part].rows}};
}

static void end_part(mmoe_task_judge *j, order *o) {
    mmoe_order_figures *f = &j->figures[o->part];
    f->area = mmoe_ranking_area(&o->ranking);
    f->calibration_error = mmoe_tenths_error(&o->tenths);
}

static inline void take_score(order *o, const uint32_t *record, int words) {
    const uint32_t key = key_of(record, words);
    const float weight = signed_weight_of(record, words);
    const double w = fabs((double)weight);
    if (key != o->key || o->ranking.n == 0) mmoe_tenths_turn(&o->tenths);
    o->key = key;
    mmoe_ranking_add(&o->ranking, key, weight);
    mmoe_tenths_add(&o->tenths, 1, w, w * (mmoe_ranked_prediction(key) - (weight > 0)));
}

/* Of one part, which is most usual. */
static void take_scores(order *to, const uint32_t *at, size_t n, int words) {
    order o = *to;
    for (size_t i = 0; i < n; i++, at += words) take_score(&o, at, words);
    *to = o;
}

static void take_parts(mmoe_task_judge *j, order *o, const uint32_t *at, size_t n, int words) {
    for (size_t i = 0; i < n; i++, at += words) {
        const int32_t part = (int32_t)at[0];
        if (part != o->part) {
            end_part(j, o);
            begin_part(j, o, part);
        }
        take_score(o, at, words);
    }
}

static mmoe_status judge_scores(mmoe_task_judge *j, mmoe_error *err) {
    const int words = score_words(&j->of);
    const uint32_t *at;
    size_t n = 1;
    order o;
    begin_part(j, &o, 0);
    mmoe_status status = mmoe_sorter_begin(j->scores, err);
    while (!status && n > 0) {
        status = mmoe_sorter_next(j->scores, &at, &n, err);
        if (status) break;
        if (j->of.parts > 1)
            take_parts(j, &o, at, n, words);
        else
            take_scores(&o, at, n, words);
    }
    if (!status) end_part(j, &o);
    return status;
}

static void end_groups(mmoe_task_judge *j, int32_t part, mmoe_group_area *g) {
    j->figures[part].group_area = mmoe_group_area_end(g);
    j->figures[part].groups = g->counts;
}

static mmoe_status judge_groups(mmoe_task_judge *j, mmoe_error *err) {
    const int words = group_words(&j->of);
    const mmoe_group_area none = {.by = j->of.group_weight,
                                  .is_weighed = j->is_weighed,
                                  .ranking = {.is_weighed = j->is_weighed}};
    const uint32_t *at;
    size_t n = 1;
    int32_t current = 0;
    mmoe_group_area g = none;
    mmoe_status status = mmoe_sorter_begin(j->groups, err);
    while (!status && n > 0) {
        status = mmoe_sorter_next(j->groups, &at, &n, err);
        for (size_t i = 0; !status && i < n; i++, at += words) {
            const int32_t part = j->of.parts > 1 ? (int32_t)at[0] : 0;
            if (part != current) {
                end_groups(j, current, &g);
                g = none;
                current = part;
            }
            mmoe_group_area_add(&g, at[words - 3], key_of(at, words), signed_weight_of(at, words));
        }
    }
    if (!status) end_groups(j, current, &g);
    return status;
}

static void judge_bins(mmoe_task_judge *j) {
    mmoe_order_figures *f = &j->figures[0];
    mmoe_tenths tenths = {.n = j->sums[0].rows};
    for (size_t b = 0; b < MMOE_SCORE_BINS; b++) {
        const double *w = j->bins[b].weight;
        if (!j->bin_rows[b].rows) continue;
        mmoe_tenths_turn(&tenths);
        mmoe_tenths_add(&tenths, j->bin_rows[b].rows, w[0] + w[1], j->bin_rows[b].excess);
    }
    f->area = mmoe_score_bins_area(j->bins, MMOE_SCORE_BINS, &f->area_bound);
    f->calibration_error = mmoe_tenths_error(&tenths);
}

mmoe_status mmoe_task_judge_end(mmoe_task_judge *j, mmoe_task_metrics *out, int64_t stride,
                                mmoe_error *err) {
    const double none = (double)NAN;
    const mmoe_order_figures nothing = {
        .area = none, .calibration_error = none, .group_area = none};
    mmoe_status status = MMOE_OK;
    for (int32_t p = 0; p < j->of.parts; p++) j->figures[p] = nothing;
    if (j->bins) judge_bins(j);
    if (j->scores) status = judge_scores(j, err);
    if (!status && j->groups) status = judge_groups(j, err);
    for (int32_t p = 0; !status && p < j->of.parts; p++)
        mmoe_metrics_set(j->of.type, &j->sums[p], j->sums[p].nans ? &nothing : &j->figures[p],
                         j->of.group, &out[p * stride]);
    return status;
}
