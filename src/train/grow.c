/* Vocabularies that grow while a trainer learns from rows. */
#include <assert.h>
#include <limits.h>
#include <string.h>

#include "base/error.h"
#include "data/growing.h"
#include "data/input.h"
#include "model/build.h"
#include "train/follow.h"

/* ---- Rows ---- */

static const mmoe_tensor *tensor_of(const mmoe_model *m, int32_t table) {
    const mmoe_tensor *x = m->graph->tensors.items;
    while (x->kind != MMOE_TENSOR_TABLE || x->table != table) x++;
    return x;
}

/* As a new model of the schema as it is now would begin with them. */
static void begin_rows(mmoe_trainer *t, int32_t i, int64_t first) {
    mmoe_model *m = t->model;
    const mmoe_embedding *table = &m->params.tables[i];
    const size_t dim = (size_t)table->dim, at = (size_t)first * dim,
                 count = (size_t)(table->rows - first) * dim;
    const mmoe_status status =
        mmoe_params_draw_rows(&m->params, tensor_of(m, i), first, m->config->trainer.seed, NULL);
    assert(status == MMOE_OK); /* no table is drawn as an orthogonal matrix */
    (void)status;
    mmoe_optimizer_begin_rows(&t->optimizer, i, first);
    if (t->average.values)
        memcpy(mmoe_params_rows(&t->average, i) + at, mmoe_params_rows(&m->params, i) + at,
               count * sizeof(float));
}

/* Vectors that a table began with play no part. */
static void forget_pretrained(mmoe_model *m, const mmoe_growing *g) {
    for (int32_t i = 0; i < m->schema->n_table; i++) {
        mmoe_table *t = &m->schema->tables[i];
        if (!g->before[i].rows || t->rows == g->before[i].rows) continue;
        mmoe_release(&m->schema->alloc, t->pretrained);
        t->pretrained = NULL;
    }
}

/* What stands between two steps of a trainer that has grown. A run of a fit that was to be
 * continued has ended: its rows are of another schema. */
static void begin_grown(mmoe_trainer *t, const mmoe_growing *g) {
    mmoe_model *m = t->model;
    forget_pretrained(m, g);
    mmoe_model_choose_inits(m);
    for (int32_t i = 0; i < m->schema->n_table; i++)
        if (g->before[i].rows && m->schema->tables[i].rows > g->before[i].rows)
            begin_rows(t, i, g->before[i].rows);
    t->has_grown = true;
    t->has_fitted |= t->at.data_hash != 0;
    t->at.has_best = false;
}

/* ---- The call ---- */

static const char call[] = "mmoe_trainer_grow";

static mmoe_status check(const mmoe_trainer *t, const mmoe_batch *batch, const mmoe_growth *limits,
                         mmoe_error *err) {
    if (!t || !batch)
        return mmoe_fail(err, MMOE_E_ARGUMENT, "%s: %s is NULL", call, t ? "batch" : "trainer");
    if (limits && limits->max_rows < 0)
        return mmoe_fail(err, MMOE_E_ARGUMENT, "%s: max_rows is %lld", call,
                         (long long)limits->max_rows);
    if (limits && MMOE_CHECK_RESERVED(limits, call, err)) return MMOE_E_ARGUMENT;
    if (t->is_fitting) return mmoe_fail(err, MMOE_E_ARGUMENT, "%s: a fit is under way", call);
    if (t->ranks || t->next)
        return mmoe_fail(err, MMOE_E_ARGUMENT,
                         "%s: several %s train together, and their "
                         "vocabularies stay",
                         call, t->ranks ? "ranks" : "members");
    return mmoe_trainer_check_joined(t, err);
}

/* Of a batch by the schema's numbers. */
static mmoe_status grow(mmoe_trainer *t, const mmoe_batch *batch, int64_t most, mmoe_grown *grown,
                        mmoe_error *err) {
    mmoe_growing g;
    mmoe_status status = mmoe_growing_begin(&g, t->model->schema, most, &t->alloc, err);
    if (status) return status;
    status = mmoe_growing_learn(&g, batch, call, err);
    const mmoe_grown found = {.rows = mmoe_growing_rows(&g), .left_out = g.left_out};
    if (!status && found.rows) {
        mmoe_following f;
        mmoe_growing_count(&g);
        status =
            mmoe_check_updates(t->model->graph, &t->model->config->trainer, t->model->schema, err);
        if (!status) status = mmoe_follow_begin(t, false, &f, err);
        if (!status) begin_grown(t, &g);
        if (!status) mmoe_follow_end(&f, false);
    }
    mmoe_growing_end(&g, status != MMOE_OK);
    if (!status && found.rows) t->schema_hash = mmoe_schema_fingerprint(t->model->schema);
    if (!status && grown) *grown = found;
    return status;
}

mmoe_status mmoe_trainer_grow(mmoe_trainer *t, const mmoe_batch *batch, const mmoe_growth *limits,
                              mmoe_grown *grown, mmoe_error *err) {
    mmoe_status status = check(t, batch, limits, err);
    if (status) return status;
    const int64_t most = limits && limits->max_rows ? limits->max_rows : INT32_MAX;
    if (!batch->input) return grow(t, batch, most, grown, err);
    mmoe_numbered_batch numbered;
    status = mmoe_input_number(t->model->schema, batch, call, &t->alloc, &numbered, err);
    if (status) return status;
    status = grow(t, &numbered.batch, most, grown, err);
    mmoe_release(&t->alloc, numbered.columns);
    return status;
}
