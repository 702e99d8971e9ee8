#include <math.h>
#include <stdio.h>

#include "base/checksum.h"
#include "base/error.h"
#include "base/text.h"
#include "train/fit_run.h"

/* `task` NULL: of none. */
static mmoe_status put(const mmoe_fit_run *r, const char *task, const char *what, const char *value,
                       mmoe_error *err) {
    mmoe_model *m = r->t->model;
    const size_t size = sizeof MMOE_META_TRAINING + (task ? strlen(task) + 1 : 0) + strlen(what);
    char *key = mmoe_alloc(&m->alloc, size, 1);
    if (!key) return mmoe_fail_memory(err, size);
    snprintf(key, size, MMOE_META_TRAINING "%s%s%s", task ? task : "", task ? "." : "", what);
    const mmoe_status status = mmoe_meta_put(&m->meta, key, value, &m->alloc, err);
    mmoe_release(&m->alloc, key);
    return status;
}

static mmoe_status put_count(const mmoe_fit_run *r, const char *what, int64_t count,
                             mmoe_error *err) {
    char text[MMOE_NUMBER_SIZE];
    mmoe_format_integer(count, text);
    return put(r, NULL, what, text, err);
}

static mmoe_status put_figure(const mmoe_fit_run *r, const char *task, const char *what,
                              double figure, mmoe_error *err) {
    char text[MMOE_NUMBER_SIZE];
    if (isnan(figure)) return MMOE_OK;
    mmoe_format_double(figure, text);
    return put(r, task, what, text, err);
}

/* The shares of a feature's values that were missing or unknown; 0 is not written. */
static mmoe_status put_column(const mmoe_fit_run *r, const mmoe_column_counts *c, mmoe_error *err) {
    static const char word[] = "column.";
    if (!c->name || !(c->missing | c->unknown)) return MMOE_OK;
    const size_t size = sizeof word + strlen(c->name);
    char *name = mmoe_alloc(&r->t->alloc, size, 1);
    if (!name) return mmoe_fail_memory(err, size);
    snprintf(name, size, "%s%s", word, c->name);
    const double all = (double)c->values;
    mmoe_status status = MMOE_OK;
    if (c->missing) status = put_figure(r, name, "missing", (double)c->missing / all, err);
    if (!status && c->unknown)
        status = put_figure(r, name, "unknown", (double)c->unknown / all, err);
    mmoe_release(&r->t->alloc, name);
    return status;
}

/* The same wherever the rows lie: what the schema makes of values, and sums over the rows. */
static mmoe_status put_data(const mmoe_fit_run *r, mmoe_error *err) {
    const struct mmoe_schema *s = r->t->model->schema;
    const mmoe_dataset *set = r->train_set;
    uint64_t h = mmoe_checksum_hash(r->t->schema_hash, &set->rows, sizeof set->rows);
    for (int32_t i = 0; i < s->n_sparse + s->n_dense; i++) {
        const mmoe_column_counts *c = &set->notes[i].counts;
        const int64_t counts[] = {c->missing, c->unknown, c->values};
        h = mmoe_checksum_hash(h, counts, sizeof counts);
    }
    for (int32_t i = 0; i < s->n_label; i++)
        h = mmoe_checksum_hash(h, &s->labels[i].constant, sizeof s->labels[i].constant);
    char text[MMOE_CHECKSUM_SIZE];
    mmoe_checksum_print(h, text);
    return put(r, NULL, "data", text, err);
}

mmoe_status mmoe_fit_record_task(const mmoe_fit_run *r, int32_t i, mmoe_error *err) {
    const mmoe_label_column *label = &r->t->model->schema->labels[i];
    const mmoe_metric *metric;
    mmoe_status status = MMOE_OK;
    if (label->has_constant) status = put_figure(r, label->task, "base_rate", label->constant, err);
    for (size_t k = 0; !status && r->best_metrics && (metric = mmoe_metric_at(label->type, k)); k++)
        status = put_figure(r, label->task, metric->name, r->best_metrics[i].values[k], err);
    return status;
}

mmoe_status mmoe_fit_record(mmoe_fit_run *r, mmoe_error *err) {
    mmoe_model *m = r->t->model;
    if (!r->is_unrecorded) return MMOE_OK;
    mmoe_meta_clear(&m->meta, MMOE_META_TRAINING, &m->alloc);
    mmoe_status status = put_count(r, "rows", r->rows, err);
    if (!status) status = put_count(r, "epoch", r->best_epoch, err);
    if (!status && r->valid_set) status = put_count(r, "valid_rows", r->valid_set->rows, err);
    if (!status) status = put_data(r, err);
    for (int32_t i = 0; !status && i < m->schema->n_sparse + m->schema->n_dense; i++)
        status = put_column(r, &r->train_set->notes[i].counts, err);
    for (int32_t i = 0; !status && i < m->schema->n_label; i++)
        status = mmoe_fit_record_task(r, i, err);
    r->is_unrecorded = status != MMOE_OK;
    return status;
}

mmoe_status mmoe_fit_record_members(mmoe_trainer *first, const mmoe_dataset *valid,
                                    mmoe_error *err) {
    const int32_t tasks = first->model->schema->n_label;
    mmoe_task_metrics *metrics = mmoe_alloc_zero(&first->alloc, (size_t)tasks, sizeof *metrics);
    if (!metrics) return mmoe_fail_memory(err, (size_t)tasks * sizeof *metrics);
    const mmoe_fit_run r = {.t = first, .best_metrics = metrics};
    mmoe_status status =
        mmoe_evaluate(first->model, valid, first->options.threads, &first->alloc, metrics, err);
    for (int32_t i = 0; !status && i < tasks; i++) status = mmoe_fit_record_task(&r, i, err);
    mmoe_release(&first->alloc, metrics);
    return status;
}
