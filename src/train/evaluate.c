#include "train/evaluate.h"

#include <string.h>

#include "base/error.h"
#include "data/dataset.h"
#include "train/metrics.h"

enum { SLICE = 1 << 16 }; /* rows predicted in one go */

struct mmoe_evaluator {
    mmoe_allocator alloc;
    const mmoe_model *model;
    mmoe_pool *pool;
    mmoe_run *run;
    mmoe_gate_meter *meter;      /* NULL: none */
    int64_t rows;                /* of this run, so far */
    float *predictions, *labels; /* [rows, tasks] */
    float *weights;              /* [rows] */
    bool weighed;                /* a row of this run has a weight */
    char *scratch;               /* [tasks, scratch_size] */
    size_t scratch_size;
};

static mmoe_status take_evaluator_memory(mmoe_evaluator *e, int64_t most, mmoe_error *err) {
    const size_t tasks = (size_t)e->model->schema->n_label, rows = (size_t)most;
    e->scratch_size = (mmoe_metrics_scratch(most) + 63) / 64 * 64;
    e->predictions = mmoe_alloc(&e->alloc, rows * tasks, sizeof *e->predictions);
    e->labels = mmoe_alloc(&e->alloc, rows * tasks, sizeof *e->labels);
    e->weights = mmoe_alloc(&e->alloc, rows, sizeof *e->weights);
    e->scratch = mmoe_alloc_aligned(&e->alloc, e->scratch_size, tasks);
    if (e->predictions && e->labels && e->weights && e->scratch) return MMOE_OK;
    return mmoe_fail_memory(err, (e->scratch_size + 2 * rows * sizeof(float)) * tasks +
                                     rows * sizeof(float));
}

mmoe_status mmoe_evaluator_create(const mmoe_evaluation *of, int64_t rows,
                                  const mmoe_allocator *alloc, mmoe_evaluator **out,
                                  mmoe_error *err) {
    if (rows > (int64_t)UINT32_MAX)
        return mmoe_fail(err, MMOE_E_ARGUMENT,
                         "metrics are of at most %u rows; the data set has %lld", UINT32_MAX,
                         (long long)rows);
    mmoe_evaluator *e = mmoe_alloc_zero(alloc, 1, sizeof *e);
    if (!e) return mmoe_fail_memory(err, sizeof *e);
    e->alloc = *alloc;
    e->model = of->model;
    e->pool = of->pool;
    mmoe_status status = take_evaluator_memory(e, rows, err);
    /* A plan that predicts does not write to the parameters. */
    if (!status)
        status = mmoe_run_create(&(mmoe_plan_request){of->model->graph,
                                                      (mmoe_params *)(uintptr_t)of->params,
                                                      of->pool, MMOE_PLAN_PREDICT, SLICE, alloc},
                                 &e->run, err);
    if (status) {
        mmoe_evaluator_free(e);
        return status;
    }
    *out = e;
    return MMOE_OK;
}

void mmoe_evaluator_free(mmoe_evaluator *e) {
    if (!e) return;
    mmoe_allocator a = e->alloc;
    mmoe_run_free(e->run);
    mmoe_release_aligned(&a, e->scratch);
    mmoe_release(&a, e->predictions);
    mmoe_release(&a, e->labels);
    mmoe_release(&a, e->weights);
    mmoe_release(&a, e);
}

int32_t mmoe_evaluator_chunks(const mmoe_evaluator *e) {
    return (SLICE + e->run->plan->max_chunk - 1) / e->run->plan->max_chunk;
}

void mmoe_evaluator_watch(mmoe_evaluator *e, mmoe_gate_meter *meter) {
    e->meter = meter;
    e->run->observer = meter ? mmoe_gate_meter_observe : NULL;
    e->run->observer_context = meter;
}

/* A batch goes when the next one comes. */
static void keep_targets(mmoe_evaluator *e, const mmoe_rows *batch) {
    const int32_t tasks = e->model->schema->n_label;
    const mmoe_task_order order = mmoe_graph_losses(e->model->graph)->order;
    float *labels = e->labels + e->rows * tasks, *weights = e->weights + e->rows;
    e->weighed |= batch->weights != NULL;
    for (int32_t b = 0; b < batch->rows; b++) {
        const size_t row = mmoe_row_of(batch, b);
        for (int32_t t = 0; t < tasks; t++)
            *labels++ = mmoe_label_of(order, batch->labels + row * batch->label_stride, t);
        weights[b] = batch->weights ? batch->weights[row] : 1;
    }
}

typedef struct metrics_job {
    mmoe_evaluator *e;
    mmoe_task_metrics *metrics;
} metrics_job;

static void task_metrics(void *context, int worker, int task) {
    (void)worker;
    const metrics_job *j = context;
    const mmoe_evaluator *e = j->e;
    const mmoe_label_column *l = &e->model->schema->labels[task];
    const int32_t tasks = e->model->schema->n_label;
    const mmoe_judged_rows judged = {.type = l->type,
                                     .rows = e->rows,
                                     .predictions = e->predictions + task,
                                     .labels = e->labels + task,
                                     .weights = e->weighed ? e->weights : NULL,
                                     .stride = tasks,
                                     .label_stride = tasks,
                                     .constant = l->has_constant ? &l->constant : NULL};
    mmoe_metrics_compute(&judged, e->scratch + (size_t)task * e->scratch_size, &j->metrics[task]);
    j->metrics[task].name = l->task;
}

static void predict_batch(mmoe_evaluator *e, const mmoe_rows *batch) {
    if (e->meter) e->meter->first = e->rows;
    mmoe_run_predict(e->run, batch, e->predictions + e->rows * e->model->schema->n_label);
    if (e->meter) mmoe_gate_meter_add(e->meter, e->run);
}

static void predict_nothing(mmoe_evaluator *e, const mmoe_rows *batch) {
    const int32_t tasks = e->model->schema->n_label;
    float *out = e->predictions + e->rows * tasks;
    for (int64_t i = 0; i < (int64_t)batch->rows * tasks; i++) out[i] = 0.5F;
}

static mmoe_status predict_rows(mmoe_evaluator *e, mmoe_source *source,
                                void (*predict)(mmoe_evaluator *e, const mmoe_rows *batch),
                                mmoe_error *err) {
    mmoe_rows batch;
    mmoe_status status = mmoe_source_begin(source, 0, err);
    e->rows = 0;
    e->weighed = false;
    while (!status) {
        status = mmoe_source_next(source, SLICE, &batch, err);
        if (status || batch.rows == 0) break;
        predict(e, &batch);
        keep_targets(e, &batch);
        e->rows += batch.rows;
    }
    return status;
}

static void judge_tasks(mmoe_evaluator *e, mmoe_task_metrics *metrics) {
    metrics_job job = {e, metrics};
    const int32_t tasks = e->model->schema->n_label;
    if (e->pool)
        mmoe_pool_run(e->pool, tasks, task_metrics, &job);
    else
        for (int32_t t = 0; t < tasks; t++) task_metrics(&job, 0, t);
}

mmoe_status mmoe_evaluator_run(mmoe_evaluator *e, mmoe_source *source, mmoe_task_metrics *metrics,
                               mmoe_error *err) {
    mmoe_run_fold(e->run);
    const mmoe_status status = predict_rows(e, source, predict_batch, err);
    if (!status) judge_tasks(e, metrics);
    return status;
}

mmoe_status mmoe_evaluator_judge_labels(mmoe_evaluator *e, mmoe_source *source,
                                        mmoe_task_metrics *metrics, mmoe_error *err) {
    const mmoe_status status = predict_rows(e, source, predict_nothing, err);
    if (!status) judge_tasks(e, metrics);
    return status;
}

mmoe_status mmoe_evaluate(const mmoe_model *model, const mmoe_dataset *data, int threads,
                          const mmoe_allocator *alloc, mmoe_task_metrics *metrics,
                          mmoe_error *err) {
    if (!model || !data || !metrics || threads < 0 || threads > 256)
        return mmoe_fail(
            err, MMOE_E_ARGUMENT,
            "mmoe_evaluate: model, dataset and metrics must not be NULL, threads must be 0 to 256");
    mmoe_status status =
        mmoe_dataset_check(data, model->schema, mmoe_schema_fingerprint(model->schema), err);
    if (status) return status;
    if (mmoe_allocator_check(alloc, "mmoe_evaluate", err)) return MMOE_E_ARGUMENT;
    mmoe_allocator a = mmoe_allocator_or_default(alloc);
    mmoe_evaluation of = {.model = model, .params = &model->params};
    mmoe_source *source = NULL;
    mmoe_evaluator *e = NULL;
    status = mmoe_source_open(&(mmoe_source_order){.set = data}, &a, &source, err);
    if (!status) status = mmoe_pool_create(mmoe_worker_count(threads), &a, &of.pool, err);
    if (!status) status = mmoe_evaluator_create(&of, mmoe_source_count(source), &a, &e, err);
    if (!status) status = mmoe_evaluator_run(e, source, metrics, err);
    mmoe_evaluator_free(e);
    mmoe_pool_free(of.pool);
    mmoe_source_free(source);
    return status;
}
