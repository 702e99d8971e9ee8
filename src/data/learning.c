#include "data/learning.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/utf8.h"

static void measure_column(mmoe_dense_column *c, int32_t pass, const double *values, size_t stride,
                           int64_t rows) {
    mmoe_encoder *e = c->encoder;
    if (mmoe_gap_is_open(&c->gap))
        mmoe_gap_measure(&c->gap, e, pass, values, stride, rows);
    else if (pass < e->kind->passes)
        e->kind->measure(e, pass, values, stride, rows);
}

/* A run's numbers, in few rows at a time that stay in the cache while each column sees its own. */
static void measure_run(const struct mmoe_schema *s, int32_t pass, const mmoe_number_run *run) {
    enum { ROWS = 1024 };
    const int64_t n = s->n_dense, rows = run->rows, stride = s->dense_span;
    for (int64_t first = 0; first < rows; first += ROWS)
        for (int32_t i = 0; i < n; i++) {
            const double *values = run->numbers + first * stride + s->dense[i].first_number;
            measure_column(&s->dense[i], pass, values, (size_t)stride,
                           rows - first < ROWS ? rows - first : ROWS);
        }
}

static void measure_numbers(const mmoe_learning *l) {
    const struct mmoe_schema *s = l->schema;
    int32_t passes = 0;
    for (int32_t i = 0; i < s->n_dense; i++) {
        const mmoe_dense_column *c = &s->dense[i];
        if (c->encoder->kind->passes > passes) passes = c->encoder->kind->passes;
        if (mmoe_gap_is_open(&c->gap) && MMOE_GAP_PASSES > passes) passes = MMOE_GAP_PASSES;
    }
    for (int32_t pass = 0; pass < passes; pass++)
        for (size_t i = 0; i < l->n_runs; i++) measure_run(s, pass, &l->runs[i]);
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
    if (fault == mmoe_column_no_memory) return mmoe_fail_memory(err, (size_t)l->set->rows);
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
    return mmoe_warn(&l->set->warnings, (mmoe_warning){NULL, at.name, figure, 0}, err, "%s: %s",
                     at.shown, remark);
}

static mmoe_status settle_number(const mmoe_learning *l, mmoe_dense_column *c, mmoe_error *err) {
    char room[MMOE_FAULT_SIZE], shown[MMOE_FEATURE_SIZE];
    const place at = {c->name, c->column, mmoe_feature_show(c->name, c->column, shown)};
    if (mmoe_gap_is_open(&c->gap) && !c->gap.rows)
        return fail_column(l, at, "every value is missing", err);
    const mmoe_status status = settle_encoder(l, c->encoder, at, err);
    return status ? status : fail_column(l, at, mmoe_gap_settle(&c->gap, c->encoder, room), err);
}

/* The feature that owns a table. */
static place owner_of(const struct mmoe_schema *s, int32_t table, char shown[MMOE_FEATURE_SIZE]) {
    const char *name = s->tables[table].name;
    int32_t i = 0;
    while (s->sparse[i].table != table || strcmp(s->sparse[i].name, name) != 0) i++;
    return (place){name, s->sparse[i].column, mmoe_sparse_show(&s->sparse[i], shown)};
}

static void place_id(mmoe_note *note, const int32_t *become, int64_t row, int32_t *id) {
    if (*id && !become[*id]) mmoe_note_add(note, MMOE_CELL_UNKNOWN, row);
    *id = become[*id];
}

/* Learned ids as rows of the settled tables; a value that has none of its own is unknown. */
static void place_ids(const mmoe_learning *l) {
    const struct mmoe_dataset *set = l->set;
    const struct mmoe_schema *s = l->schema;
    for (int32_t i = 0; i < s->n_sparse; i++) {
        const mmoe_encoder *e = s->tables[s->sparse[i].table].encoder;
        const int32_t *become = e->kind->become ? e->kind->become(e) : NULL;
        const int32_t list = s->sparse[i].list;
        for (int64_t r = 0; become && r < set->rows; r++) {
            const int64_t at = r * s->n_list + list;
            int32_t *id = set->ids + r * set->n_id + i, *end = id + 1;
            if (list >= 0) {
                id = set->elements + set->offsets[at];
                end = set->elements + set->offsets[at + 1];
            }
            for (; id < end; id++) place_id(&set->notes[i], become, r + 1, id);
        }
    }
}

mmoe_status mmoe_learning_settle(const mmoe_learning *l, mmoe_error *err) {
    struct mmoe_schema *s = l->schema;
    char shown[MMOE_FEATURE_SIZE];
    mmoe_status status = MMOE_OK;
    measure_numbers(l);
    for (int32_t i = 0; !status && i < s->n_dense; i++)
        status = settle_number(l, &s->dense[i], err);
    for (int32_t i = 0; !status && i < s->n_table; i++) {
        status = settle_encoder(l, s->tables[i].encoder, owner_of(s, i, shown), err);
        mmoe_table_settle(&s->tables[i]);
    }
    if (status) return status;
    place_ids(l);
    for (int32_t i = 0; i < s->n_table; i++) mmoe_encoder_forget(s->tables[i].encoder);
    for (int32_t i = 0; i < s->n_dense; i++) mmoe_encoder_forget(s->dense[i].encoder);
    status = mmoe_schema_lay(s, err);
    l->set->dense_width = s->dense_width;
    return status;
}

/* Of one run, from `to` on; returns where the next one's begin. */
static float *put_inputs(const struct mmoe_schema *s, const mmoe_number_run *run, float *to) {
    const double *from = run->numbers;
    for (int64_t r = 0; r < run->rows; r++, from += s->dense_span, to += s->dense_width)
        for (const mmoe_dense_column *c = s->dense; c < s->dense + s->n_dense; c++) {
            const double *learned = from + c->first_number;
            const bool missing = isnan(*learned);
            if (!missing) c->encoder->kind->finish(c->encoder, learned, to + c->first);
            mmoe_dense_fill(c, to + c->first, missing);
            assert(isfinite(to[c->first]));
        }
    return to;
}

mmoe_status mmoe_learning_inputs(const mmoe_learning *l, mmoe_error *err) {
    struct mmoe_dataset *set = l->set;
    const size_t rows = (size_t)set->rows, size = (size_t)set->dense_width * sizeof *set->dense;
    float *to = set->dense = mmoe_alloc_aligned(&set->alloc, rows, size);
    if (!to) return mmoe_fail_memory(err, rows * size);
    for (size_t i = 0; i < l->n_runs; i++) to = put_inputs(l->schema, &l->runs[i], to);
    return MMOE_OK;
}

void mmoe_learning_labels(const mmoe_learning *l) {
    const struct mmoe_dataset *set = l->set;
    for (int32_t i = 0; i < set->n_label; i++) {
        mmoe_label_column *label = &l->schema->labels[i];
        const mmoe_label_run run = {set->rows, set->labels + i, set->weights, (size_t)set->n_label};
        mmoe_label_scale_fit(&label->scale, &run);
        label->has_mean = mmoe_label_mean(&label->scale, &run, &label->mean);
        char *negative = l->negatives[i];
        if (!negative || !mmoe_utf8_is(negative, strlen(negative))) continue;
        label->negative = negative;
        l->negatives[i] = NULL;
    }
}
