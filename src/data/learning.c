#include "data/learning.h"

#include <string.h>

#include "base/error.h"
#include "base/text.h"
#include "base/utf8.h"
#include "base/watcher.h"
#include "data/column_number.h"

static void measure_column(mmoe_dense_column *c, int32_t pass, const double *values, size_t stride,
                           int64_t rows) {
    mmoe_encoder *e = c->encoder;
    if (mmoe_gap_is_open(&c->gap))
        mmoe_gap_measure(&c->gap, e, pass, values, stride, rows);
    else if (pass < e->kind->passes)
        e->kind->measure(e, pass, values, stride, rows);
}

/* Columns [first, end) of dense features. */
typedef struct range {
    int32_t first, end;
} range;

/* A run's numbers, in few rows at a time that stay in the cache while each column sees its own. */
static void measure_run(const struct mmoe_schema *s, range columns, int32_t pass,
                        const mmoe_learned_run *run) {
    enum { ROWS = 1024 };
    const int64_t rows = run->rows, stride = s->dense_span;
    for (int64_t first = 0; first < rows; first += ROWS)
        for (int32_t i = columns.first; i < columns.end; i++) {
            const double *values = run->numbers + first * stride + s->dense[i].first_number;
            measure_column(&s->dense[i], pass, values, (size_t)stride,
                           rows - first < ROWS ? rows - first : ROWS);
        }
}

static void see_labels(const struct mmoe_schema *s, int32_t pass, const mmoe_learned_run *run,
                       mmoe_label_fit *fits) {
    for (int32_t i = 0; i < s->n_label; i++) {
        const mmoe_label_run labels = {run->rows, run->labels + i, run->weights,
                                       (size_t)s->n_label};
        if (pass < mmoe_label_fit_passes(&s->labels[i].scale))
            mmoe_label_fit_see(&fits[i], &s->labels[i].scale, pass, &labels);
    }
}

static void end_labels(const struct mmoe_schema *s, int32_t pass, mmoe_label_fit *fits) {
    for (int32_t i = 0; i < s->n_label; i++) {
        mmoe_label_column *label = &s->labels[i];
        if (pass < mmoe_label_fit_passes(&label->scale))
            label->has_mean = mmoe_label_fit_end(&fits[i], &label->scale, pass, &label->mean);
    }
}

static int32_t passes_of(const struct mmoe_schema *s) {
    int32_t passes = 0;
    for (int32_t i = 0; i < s->n_dense && !mmoe_schema_numbers_stand(s); i++) {
        const mmoe_dense_column *c = &s->dense[i];
        if (c->encoder->kind->passes > passes) passes = c->encoder->kind->passes;
        if (mmoe_gap_is_open(&c->gap) && MMOE_GAP_PASSES > passes) passes = MMOE_GAP_PASSES;
    }
    for (int32_t i = 0; i < s->n_label; i++) {
        const int32_t more = mmoe_label_fit_passes(&s->labels[i].scale);
        if (more > passes) passes = more;
    }
    return passes;
}

bool mmoe_learning_sees_rows(const struct mmoe_schema *s) { return passes_of(s) > 0; }

/* A pass by all workers: each has columns of its own, which see the rows in their order. */
typedef struct shared_pass {
    const mmoe_learning *l;
    int32_t pass;
    int groups;
} shared_pass;

static void measure_group(void *context, int worker, int group) {
    const shared_pass *p = context;
    const mmoe_learning *l = p->l;
    const int64_t n = l->schema->n_dense;
    const range columns = {(int32_t)(n * group / p->groups),
                           (int32_t)(n * (group + 1) / p->groups)};
    (void)worker;
    for (size_t i = 0; i < l->n_runs; i++) {
        mmoe_learned_run run = {0};
        if (!l->run(l->user, i, &run, NULL) && run.rows && run.numbers)
            measure_run(l->schema, columns, p->pass, &run);
    }
}

static void measure_shared(const mmoe_learning *l, int32_t pass) {
    const int workers = mmoe_pool_workers(l->pool), n = l->schema->n_dense;
    shared_pass p = {l, pass, workers < n ? workers : n};
    mmoe_pool_run_exact(l->pool, p.groups, measure_group, &p);
}

/* Pass `pass` of `passes` over all rows. */
static mmoe_status see_pass(const mmoe_learning *l, int32_t pass, int32_t passes,
                            mmoe_label_fit *fits, mmoe_error *err) {
    const struct mmoe_schema *s = l->schema;
    int64_t done = pass * l->rows;
    if (l->pool) measure_shared(l, pass);
    for (size_t i = 0; i < l->n_runs; i++) {
        mmoe_learned_run run;
        mmoe_status status = mmoe_check_stop(l->stop, err);
        if (!status) status = l->run(l->user, i, &run, err);
        if (status) return status;
        if (run.rows == 0) continue; /* of no rows there is no memory */
        mmoe_tell_rows(l->watcher, "learning", done, passes * l->rows);
        if (run.numbers && !l->pool) measure_run(s, (range){0, s->n_dense}, pass, &run);
        see_labels(s, pass, &run, fits);
        done += run.rows;
    }
    end_labels(s, pass, fits);
    return MMOE_OK;
}

/* What is seen of all rows, numbers and labels, as often as one of them asks for. */
static mmoe_status see_rows(const mmoe_learning *l, mmoe_error *err) {
    const struct mmoe_schema *s = l->schema;
    const size_t n_label = (size_t)s->n_label;
    const int32_t passes = passes_of(s);
    mmoe_label_fit *fits = mmoe_alloc_zero(&s->alloc, n_label, sizeof *fits);
    mmoe_status status = fits ? MMOE_OK : mmoe_fail_memory(err, n_label * sizeof *fits);
    for (int32_t pass = 0; !status && pass < passes; pass++)
        status = see_pass(l, pass, passes, fits, err);
    if (!status && passes)
        mmoe_tell_rows(l->watcher, "learning", passes * l->rows, passes * l->rows);
    mmoe_release(&s->alloc, fits);
    return status;
}

/* A feature: where it stands in errors, and in words. */
typedef struct place {
    const char *name, *column, *shown;
} place;

/* A fault of a whole column. */
static mmoe_status fail_column(const mmoe_learning *l, place at, const char *fault,
                               mmoe_error *err) {
    const char *column = mmoe_feature_column(at.name, at.column);
    if (!fault) return MMOE_OK;
    if (fault == mmoe_column_no_memory) return mmoe_fail_memory(err, (size_t)l->rows);
    if (!at.column) return mmoe_fail_at(err, MMOE_E_DATA, l->path, 0, column, "%s", fault);
    return mmoe_fail_at(err, MMOE_E_DATA, l->path, 0, column, "%s (feature \"%.100s\")", fault,
                        at.name);
}

static mmoe_status settle_encoder(const mmoe_learning *l, mmoe_encoder *e, place at,
                                  mmoe_error *err) {
    char room[MMOE_FAULT_SIZE];
    int64_t figure = 0;
    const mmoe_status status =
        fail_column(l, at, e->kind->settle ? e->kind->settle(e, room) : NULL, err);
    const char *remark = !status && e->kind->remark ? e->kind->remark(e, room, &figure) : NULL;
    if (!remark) return status;
    return mmoe_warn(l->warnings, (mmoe_warning){NULL, at.name, figure, 0}, err, "%s: %s", at.shown,
                     remark);
}

/* The first row that has the number, from 1. Runs are seen to their end. */
static mmoe_status find_row(const mmoe_learning *l, int32_t number, double value, int64_t *row,
                            mmoe_error *err) {
    const int32_t stride = l->schema->dense_span;
    mmoe_status status = MMOE_OK;
    int64_t done = 0;
    *row = 0;
    for (size_t i = 0; !status && i < l->n_runs; i++) {
        mmoe_learned_run run;
        status = l->run(l->user, i, &run, err);
        for (int64_t r = 0; !status && !*row && run.numbers && r < run.rows; r++)
            if (run.numbers[r * stride + number] == value) *row = done + r + 1;
        if (!status) done += run.rows;
    }
    return status;
}

static mmoe_status warn_of_far(const mmoe_learning *l, const mmoe_dense_column *c, place at,
                               mmoe_error *err) {
    mmoe_encoder *e = c->encoder;
    const mmoe_far_value *f = e->kind->far ? e->kind->far(e) : NULL;
    char shown[MMOE_PLACE_SIZE], count[MMOE_NUMBER_SIZE], rows[MMOE_NUMBER_SIZE];
    const int64_t far = f ? f->rows - f->near : 0;
    int64_t row;
    if (!f) return MMOE_OK;
    const mmoe_status status = find_row(l, c->first_number, f->value, &row, err);
    if (status) return status;
    const mmoe_place first = mmoe_places_find(l->places, row);
    float low, high;
    e->kind->finish(e, &f->near_low, &low);
    e->kind->finish(e, &f->near_high, &high);
    mmoe_format_count(far, count);
    mmoe_format_count(f->rows, rows);
    return mmoe_warn(
        l->warnings, (mmoe_warning){NULL, at.name, far, first.row, first.file}, err,
        "%s: %s of %s values, the farthest %.6g in %s, %s so far off that the others, %.6g to "
        "%.6g, "
        "are within %.2g of each other, where the %s is 1, as good as one number: \"gaps\" "
        "takes it as missing%s",
        at.shown, count, rows, f->value, mmoe_place_show(first, shown), far == 1 ? "is" : "are",
        f->near_low, f->near_high, (double)high - (double)low,
        mmoe_number_of(e)->transform == MMOE_TRANSFORM_MINMAX ? "range" : "deviation",
        mmoe_number_of(e)->moments.min > -1 ? ", \"log1p_standardize\" brings it nearer" : "");
}

static mmoe_status settle_number(const mmoe_learning *l, mmoe_dense_column *c, mmoe_error *err) {
    char room[MMOE_FAULT_SIZE], shown[MMOE_FEATURE_SIZE];
    const place at = {c->name, c->column, mmoe_feature_show(c->name, c->column, shown)};
    if (mmoe_gap_is_open(&c->gap) && !c->gap.rows)
        return fail_column(l, at, "every value is missing", err);
    mmoe_status status = settle_encoder(l, c->encoder, at, err);
    if (!status) status = warn_of_far(l, c, at, err);
    return status ? status : fail_column(l, at, mmoe_gap_settle(&c->gap, c->encoder, room), err);
}

/* The feature that owns a table, sought from where the last table's was: tables stand much as their
 * owners do, and there may be 65,000. */
static place owner_of(const struct mmoe_schema *s, int32_t table, int32_t *last,
                      char shown[MMOE_FEATURE_SIZE]) {
    const char *name = s->tables[table].name;
    int32_t i = *last;
    while (s->sparse[i].table != table || strcmp(s->sparse[i].name, name) != 0)
        i = i + 1 < s->n_sparse ? i + 1 : 0;
    *last = i;
    return (place){name, s->sparse[i].column, mmoe_sparse_show(&s->sparse[i], shown)};
}

static mmoe_status settle_table(const mmoe_learning *l, int32_t i, int32_t *owner,
                                mmoe_error *err) {
    mmoe_table *table = &l->schema->tables[i];
    char shown[MMOE_FEATURE_SIZE];
    const mmoe_status status =
        settle_encoder(l, table->encoder, owner_of(l->schema, i, owner, shown), err);
    mmoe_table_settle(table);
    return status;
}

mmoe_status mmoe_learning_grow(const struct mmoe_schema *s, mmoe_error *err) {
    mmoe_status status = MMOE_OK;
    for (int32_t i = 0; !status && i < s->n_table; i++) {
        mmoe_encoder *e = s->tables[i].encoder;
        if (e->kind->grow) status = e->kind->grow(e, err);
    }
    return status;
}

mmoe_status mmoe_learning_settle_grown(const mmoe_learning *l, mmoe_error *err) {
    mmoe_status status = MMOE_OK;
    int32_t owner = 0;
    for (int32_t i = 0; !status && i < l->schema->n_table; i++)
        if (l->schema->tables[i].encoder->kind->grow) status = settle_table(l, i, &owner, err);
    return status;
}

/* The second texts of labels. */
static void take_negatives(const mmoe_learning *l) {
    for (int32_t i = 0; i < l->schema->n_label; i++) {
        char *negative = l->negatives[i];
        if (!negative || !mmoe_utf8_is(negative, strlen(negative))) continue;
        l->schema->labels[i].negative = negative;
        l->negatives[i] = NULL;
    }
}

mmoe_status mmoe_learning_settle(const mmoe_learning *l, mmoe_error *err) {
    struct mmoe_schema *s = l->schema;
    int32_t owner = 0;
    mmoe_status status = see_rows(l, err);
    for (int32_t i = 0; !status && i < s->n_dense; i++)
        status = settle_number(l, &s->dense[i], err);
    for (int32_t i = 0; !status && i < s->n_table; i++) status = settle_table(l, i, &owner, err);
    if (status) return status;
    take_negatives(l);
    return mmoe_schema_lay(s, err);
}

void mmoe_learning_forget(const struct mmoe_schema *s) {
    for (int32_t i = 0; i < s->n_table; i++) mmoe_encoder_forget(s->tables[i].encoder);
    for (int32_t i = 0; i < s->n_dense; i++) mmoe_encoder_forget(s->dense[i].encoder);
}
