#include <math.h>

#include "base/error.h"
#include "graph/plan.h"
#include "model/model.h"

enum { SLICE = 1 << 16 };

struct mmoe_predictor {
    mmoe_allocator alloc;
    const mmoe_model *model;
    mmoe_plan *plan;
};

mmoe_status mmoe_predictor_create(const mmoe_model *model, const mmoe_allocator *alloc, mmoe_predictor **out, mmoe_error *err) {
    if (!model || !out) return mmoe_fail(err, MMOE_E_ARGUMENT, "mmoe_predictor_create: model and out must not be NULL");
    mmoe_allocator a = mmoe_allocator_or_default(alloc);
    mmoe_predictor *p = mmoe_alloc_zero(&a, 1, sizeof *p);
    if (!p) return mmoe_fail_memory(err, sizeof *p);
    p->alloc = a;
    p->model = model;
    /* A plan that predicts does not write to the parameters. */
    mmoe_status status = mmoe_plan_create(model->graph, (mmoe_params *)(uintptr_t)&model->params, NULL, false, SLICE, &a, &p->plan, err);
    if (status) {
        mmoe_predictor_free(p);
        return status;
    }
    mmoe_plan_fold(p->plan);
    *out = p;
    return MMOE_OK;
}

void mmoe_predictor_free(mmoe_predictor *p) {
    if (!p) return;
    mmoe_allocator a = p->alloc;
    mmoe_plan_free(p->plan);
    mmoe_release(&a, p);
}

static mmoe_status check_row(const mmoe_schema *s, const mmoe_batch *batch, size_t row, mmoe_error *err) {
    const int32_t *ids = s->n_sparse ? batch->ids + row * batch->id_stride : NULL;
    const float *dense = s->n_dense ? batch->dense + row * batch->dense_stride : NULL;
    for (int32_t c = 0; c < s->n_sparse; c++)
        if (ids[c] < 0 || ids[c] >= s->tables[s->sparse[c].table].rows)
            return mmoe_fail_at(err, MMOE_E_ARGUMENT, NULL, (int64_t)row + 1, s->sparse[c].name, "row number %d is outside 0 to %lld", (int)ids[c],
                                (long long)s->tables[s->sparse[c].table].rows - 1);
    for (int32_t c = 0; c < s->n_dense; c++)
        if (!isfinite(dense[c])) return mmoe_fail_at(err, MMOE_E_ARGUMENT, NULL, (int64_t)row + 1, s->dense[c].name, "the value is not finite");
    return MMOE_OK;
}

static mmoe_status check_batch(const mmoe_schema *s, const mmoe_batch *batch, mmoe_error *err) {
    if ((s->n_sparse && !batch->ids) || (s->n_dense && !batch->dense))
        return mmoe_fail(err, MMOE_E_ARGUMENT, "mmoe_predictor_run: the batch lacks %s", s->n_sparse && !batch->ids ? "ids" : "dense values");
    if ((s->n_sparse && batch->id_stride < (size_t)s->n_sparse) || (s->n_dense && batch->dense_stride < (size_t)s->n_dense))
        return mmoe_fail(err, MMOE_E_ARGUMENT, "mmoe_predictor_run: a stride is smaller than its %d columns", s->n_sparse && batch->id_stride < (size_t)s->n_sparse ? s->n_sparse : s->n_dense);
    for (size_t row = 0; row < batch->rows; row++)
        if (check_row(s, batch, row, err)) return MMOE_E_ARGUMENT;
    return MMOE_OK;
}

mmoe_status mmoe_predictor_run(mmoe_predictor *p, const mmoe_batch *batch, float *scores, mmoe_error *err) {
    if (!p || !batch || (batch->rows && !scores)) return mmoe_fail(err, MMOE_E_ARGUMENT, "mmoe_predictor_run: predictor, batch and scores must not be NULL");
    const mmoe_schema *s = p->model->schema;
    if (check_batch(s, batch, err)) return MMOE_E_ARGUMENT;
    for (size_t first = 0; first < batch->rows; first += SLICE) {
        mmoe_rows rows = {.rows = batch->rows - first < SLICE ? (int32_t)(batch->rows - first) : SLICE};
        rows.ids = s->n_sparse ? batch->ids + first * batch->id_stride : NULL;
        rows.id_stride = batch->id_stride;
        rows.dense = s->n_dense ? batch->dense + first * batch->dense_stride : NULL;
        rows.dense_stride = batch->dense_stride;
        mmoe_plan_predict(p->plan, &rows, scores + first * (size_t)s->n_label);
    }
    return MMOE_OK;
}
