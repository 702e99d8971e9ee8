/* What a model's gates and experts do on a data set. */
#include <stdbool.h>
#include <string.h>

#include "base/error.h"
#include "base/watcher.h"
#include "data/dataset.h"
#include "data/source.h"
#include "graph/run.h"
#include "look/gate_meter.h"
#include "look/similarity.h"
#include "math/blas_room.h"

enum { SAMPLED = 2048 }; /* rows run in one go, and rows whose outputs are compared */

/* The public view and what it points to. */
typedef struct inspection {
    mmoe_inspection view; /* first */
    mmoe_allocator alloc;
    mmoe_parts parts;
    mmoe_gate_meter gates;
    mmoe_expert_use *experts;
    double *similarity;
    char *task_names; /* [gates, task_length] the model may go before us */
} inspection;

/* What is needed until the inspection stands. */
typedef struct inspector {
    inspection *of;
    const mmoe_model *model;
    mmoe_source *source;
    int64_t rows; /* of the source */
    mmoe_pool *pool;
    mmoe_run *run;
    float *predictions;    /* [MMOE_SLICE_ROWS, tasks] */
    uint8_t *alive;        /* [workers, units] 1: the unit was not 0 in a row that the worker ran */
    int32_t units;         /* of all layers */
    mmoe_outputs *outputs; /* [experts] */
    double *sample;        /* [output columns, sampled] */
    int64_t first;         /* row of the data set that the batch begins with */
    const mmoe_watcher *watcher;
} inspector;

/* ---- Memory ---- */

void mmoe_inspection_free(mmoe_inspection *view) {
    if (!view) return;
    inspection *i = (inspection *)view;
    mmoe_allocator a = i->alloc;
    mmoe_gate_meter_finish(&i->gates);
    mmoe_parts_finish(&i->parts);
    mmoe_release(&a, i->experts);
    mmoe_release(&a, i->similarity);
    mmoe_release(&a, i->task_names);
    mmoe_release(&a, i);
}

static void free_inspector(inspector *w, const mmoe_allocator *a) {
    mmoe_source_free(w->source);
    mmoe_run_free(w->run);
    mmoe_pool_free(w->pool);
    mmoe_release(a, w->predictions);
    mmoe_release(a, w->alive);
    mmoe_release(a, w->outputs);
    mmoe_release(a, w->sample);
}

/* Names of tasks are the model's until here. */
static mmoe_status copy_task_names(inspection *i, mmoe_error *err) {
    size_t size = 0;
    for (int32_t g = 0; g < i->parts.n_gate; g++)
        if (i->gates.use[g].task) size += strlen(i->gates.use[g].task) + 1;
    char *at = i->task_names = mmoe_alloc(&i->alloc, size, 1);
    if (!at) return mmoe_fail_memory(err, size);
    for (int32_t g = 0; g < i->parts.n_gate; g++) {
        if (!i->gates.use[g].task) continue;
        const size_t length = strlen(i->gates.use[g].task) + 1;
        i->gates.use[g].task = memcpy(at, i->gates.use[g].task, length);
        at += length;
    }
    return MMOE_OK;
}

static mmoe_status take_inspector_memory(inspector *w, mmoe_error *err) {
    inspection *i = w->of;
    const size_t experts = (size_t)i->parts.n_expert, rows = (size_t)i->view.sampled;
    const size_t slice = w->rows < MMOE_SLICE_ROWS ? (size_t)w->rows : MMOE_SLICE_ROWS,
                 tasks = (size_t)w->model->schema->n_label;
    size_t columns = 0;
    for (size_t e = 0; e < experts; e++) columns += (size_t)i->parts.experts[e].cols;
    for (int32_t k = 0; k < i->parts.n_layer; k++) w->units += i->parts.layers[k].cols;
    const size_t flags = (size_t)mmoe_pool_workers(w->pool) * (size_t)w->units;
    i->experts = mmoe_alloc_zero(&i->alloc, experts, sizeof *i->experts);
    i->similarity = mmoe_alloc(&i->alloc, experts * experts, sizeof *i->similarity);
    w->predictions = mmoe_alloc(&i->alloc, slice * tasks, sizeof *w->predictions);
    w->alive = mmoe_alloc_zero(&i->alloc, flags, 1);
    w->outputs = mmoe_alloc_zero(&i->alloc, experts, sizeof *w->outputs);
    w->sample = mmoe_alloc(&i->alloc, columns * rows, sizeof *w->sample);
    if (!i->experts || !i->similarity || !w->predictions || !w->alive || !w->outputs || !w->sample)
        return mmoe_fail_memory(err, columns * rows * sizeof *w->sample +
                                         experts * experts * sizeof *i->similarity + flags);
    double *at = w->sample;
    for (size_t e = 0; e < experts; e++) {
        w->outputs[e] = (mmoe_outputs){
            .units = i->parts.experts[e].cols, .group = i->parts.experts[e].level, .x = at};
        at += (size_t)w->outputs[e].units * rows;
    }
    return MMOE_OK;
}

/* ---- Rows ---- */

static void see_units(const inspector *w, const mmoe_plan *p, int32_t node, const mmoe_span *s) {
    const mmoe_parts *parts = &w->of->parts;
    const mmoe_buffer *out = &p->values[p->graph->nodes[node].out];
    uint8_t *alive = w->alive + (size_t)s->worker * (size_t)w->units;
    for (int32_t k = 0; k < parts->n_layer; alive += parts->layers[k++].cols) {
        const mmoe_layer_part *layer = &parts->layers[k];
        if (layer->node != node) continue;
        const float *u = mmoe_value_at(p, p->graph->nodes[node].out, s) + layer->col;
        for (int32_t b = 0; b < s->rows; b++, u += out->ld)
            for (int32_t c = 0; c < layer->cols; c++) alive[c] |= u[c] != 0;
    }
}

/* Sample i is row floor(i rows / sampled). */
static void sample_outputs(const inspector *w, const mmoe_plan *p, int32_t node,
                           const mmoe_span *s) {
    const mmoe_parts *parts = &w->of->parts;
    const int64_t rows = w->rows, sampled = w->of->view.sampled, first = w->first + s->first,
                  end = first + s->rows;
    const mmoe_buffer *out = &p->values[p->graph->nodes[node].out];
    for (int32_t e = 0; e < parts->n_expert; e++) {
        if (parts->experts[e].node != node) continue;
        const float *u = mmoe_value_at(p, p->graph->nodes[node].out, s) + parts->experts[e].col;
        for (int64_t i = (first * sampled + rows - 1) / rows;
             i < sampled && i * rows / sampled < end; i++) {
            const float *row = u + (size_t)(i * rows / sampled - first) * (size_t)out->ld;
            for (int32_t c = 0; c < w->outputs[e].units; c++)
                w->outputs[e].x[c * sampled + i] = (double)row[c];
        }
    }
}

static void observe(void *context, const mmoe_plan *p, int32_t node, const mmoe_span *s) {
    inspector *w = context;
    mmoe_gate_meter_observe(&w->of->gates, p, node, s);
    if (p->graph->nodes[node].op != MMOE_OP_APPLY) return;
    see_units(w, p, node, s);
    sample_outputs(w, p, node, s);
}

static mmoe_status run_rows(inspector *w, mmoe_error *err) {
    mmoe_rows batch;
    w->run->observer = observe;
    w->run->observer_context = w;
    mmoe_status status = mmoe_model_settle(&w->model->params, "the model is not inspected", err);
    mmoe_run_fold(w->run);
    if (!status) status = mmoe_source_begin(w->source, 0, err);
    while (!status) {
        mmoe_tell_rows(w->watcher, "inspecting", w->first, w->rows);
        status = mmoe_source_next(w->source, MMOE_SLICE_ROWS, &batch, err);
        if (status || batch.rows == 0) break;
        mmoe_run_predict(w->run, &batch, w->predictions);
        mmoe_gate_meter_add(&w->of->gates, w->run);
        w->first += batch.rows;
    }
    return status;
}

/* ---- Figures ---- */

static void fill_experts(inspector *w) {
    inspection *i = w->of;
    for (int32_t e = 0; e < i->parts.n_expert; e++) {
        const mmoe_expert_part *part = &i->parts.experts[e];
        mmoe_expert_use *u = &i->experts[e];
        *u = (mmoe_expert_use){.name = part->name,
                               .level = part->level,
                               .width = part->cols,
                               .n_unit = part->units,
                               .effective_rank = w->outputs[e].rank};
        u->unused = i->parts.n_gate && !i->gates.used[e];
    }
    const int workers = mmoe_pool_workers(w->pool);
    for (int32_t k = 0, at = 0; k < i->parts.n_layer; k++)
        for (int32_t c = 0; c < i->parts.layers[k].cols; c++, at++) {
            bool alive = false;
            for (int worker = 0; worker < workers; worker++)
                alive |= w->alive[(size_t)worker * (size_t)w->units + (size_t)at];
            i->experts[i->parts.layers[k].expert].n_dead += !alive;
        }
}

static mmoe_status inspect(inspector *w, int threads, mmoe_error *err) {
    inspection *i = w->of;
    mmoe_status status = mmoe_pool_create(mmoe_worker_count(threads), &i->alloc, &w->pool, err);
    /* A plan that predicts does not write to the parameters. */
    mmoe_params *params = (mmoe_params *)(uintptr_t)&w->model->params;
    if (!status)
        status =
            mmoe_run_create(&(mmoe_plan_request){w->model->graph, params, w->pool,
                                                 MMOE_PLAN_INSPECT, MMOE_SLICE_ROWS, &i->alloc},
                            &w->run, err);
    if (!status) status = mmoe_parts_find(&i->parts, w->model, &i->alloc, err);
    if (!status)
        status = mmoe_gate_meter_init(&i->gates, &i->parts, w->model,
                                      (MMOE_SLICE_ROWS + w->run->plan->max_chunk - 1) /
                                          w->run->plan->max_chunk,
                                      &i->alloc, err);
    if (!status) status = copy_task_names(i, err);
    if (!status) status = take_inspector_memory(w, err);
    if (!status) status = run_rows(w, err);
    if (!status)
        status = mmoe_compare_outputs(&(mmoe_comparison){w->outputs, i->parts.n_expert,
                                                         i->view.sampled, w->pool, i->similarity},
                                      &i->alloc, err);
    if (status) return status;
    mmoe_gate_meter_read(&i->gates);
    fill_experts(w);
    i->view.n_gate = i->parts.n_gate;
    i->view.n_expert = i->parts.n_expert;
    i->view.gates = i->gates.use;
    i->view.experts = i->experts;
    i->view.similarity = i->similarity;
    return MMOE_OK;
}

mmoe_status mmoe_inspect(const mmoe_model *model, const mmoe_dataset *data, int threads,
                         const mmoe_allocator *alloc, mmoe_inspection **out, mmoe_error *err) {
    const mmoe_inspect_options options = {.threads = threads};
    if (mmoe_allocator_check(alloc, "mmoe_inspect", err)) return MMOE_E_ARGUMENT;
    return mmoe_inspect_with(model, data, &options, alloc, out, err);
}

mmoe_status mmoe_inspect_with(const mmoe_model *model, const mmoe_dataset *data,
                              const mmoe_inspect_options *options, const mmoe_allocator *alloc,
                              mmoe_inspection **out, mmoe_error *err) {
    const mmoe_inspect_options how = options ? *options : (mmoe_inspect_options){0};
    if (!model || !data || !out)
        return mmoe_fail(err, MMOE_E_ARGUMENT,
                         "mmoe_inspect: model, dataset and out must not be NULL");
    if (mmoe_check_threads(how.threads, "mmoe_inspect", err)) return MMOE_E_ARGUMENT;
    mmoe_status status =
        mmoe_dataset_check(data, model->schema, mmoe_schema_fingerprint(model->schema), err);
    if (!status) status = mmoe_model_check_whole(model, "mmoe_inspect", err);
    if (status) return status;
    if (data->rows < 1)
        return mmoe_fail(err, MMOE_E_ARGUMENT, "mmoe_inspect: the data set has no rows");
    if (mmoe_allocator_check(alloc, "mmoe_inspect_with", err)) return MMOE_E_ARGUMENT;
    mmoe_allocator a = mmoe_allocator_or_default(alloc);
    inspection *i = mmoe_alloc_zero(&a, 1, sizeof *i);
    if (!i) return mmoe_fail_memory(err, sizeof *i);
    i->alloc = a;
    i->view.rows = data->rows;
    i->view.sampled = data->rows < SAMPLED ? (int32_t)data->rows : SAMPLED;
    inspector w = {.of = i, .model = model, .rows = data->rows, .watcher = how.watcher};
    status = mmoe_source_open(&(mmoe_source_order){.set = data, .most = MMOE_SLICE_ROWS}, &a,
                              &w.source, err);
    const int workers = mmoe_worker_count(how.threads);
    if (!status) status = mmoe_blas_claim(workers, err);
    if (!status) {
        status = inspect(&w, how.threads, err);
        mmoe_blas_release(workers);
    }
    free_inspector(&w, &a);
    if (status)
        mmoe_inspection_free(&i->view);
    else
        *out = &i->view;
    return status;
}
