#include "train/evaluate.h"

#include "base/error.h"
#include "train/metrics.h"

enum { SLICE = 1 << 16 }; /* rows predicted in one go */

struct mmoe_evaluator {
    mmoe_allocator alloc;
    const mmoe_model *model;
    mmoe_pool *pool;
    mmoe_run *run;
    mmoe_gate_meter *meter; /* NULL: none */
    float *predictions;     /* [rows, tasks] */
    char *scratch;          /* [tasks, scratch_size] */
    size_t scratch_size;
};

mmoe_status mmoe_evaluator_create(const mmoe_model *model, const mmoe_params *params,
                                  mmoe_pool *pool, int64_t rows, const mmoe_allocator *alloc,
                                  mmoe_evaluator **out, mmoe_error *err) {
    const size_t tasks = (size_t)model->schema->n_label;
    mmoe_evaluator *e = mmoe_alloc_zero(alloc, 1, sizeof *e);
    if (!e) return mmoe_fail_memory(err, sizeof *e);
    e->alloc = *alloc;
    e->model = model;
    e->pool = pool;
    e->scratch_size = (mmoe_metrics_scratch(rows) + 63) / 64 * 64;
    e->predictions = mmoe_alloc(alloc, (size_t)rows * tasks, sizeof *e->predictions);
    e->scratch = mmoe_alloc_aligned(alloc, e->scratch_size, tasks);
    mmoe_status status =
        e->predictions && e->scratch
            ? MMOE_OK
            : mmoe_fail_memory(err, (e->scratch_size + (size_t)rows * sizeof(float)) * tasks);
    /* A plan that predicts does not write to the parameters. */
    if (!status)
        status =
            mmoe_run_create(&(mmoe_plan_request){model->graph, (mmoe_params *)(uintptr_t)params,
                                                 pool, MMOE_PLAN_PREDICT, SLICE, alloc},
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

typedef struct metrics_job {
    mmoe_evaluator *e;
    const struct mmoe_dataset *data;
    mmoe_task_metrics *metrics;
} metrics_job;

static void task_metrics(void *context, int worker, int task) {
    (void)worker;
    metrics_job *j = context;
    const mmoe_label_column *l = &j->e->model->schema->labels[task];
    const int32_t tasks = j->data->n_label;
    mmoe_metrics_compute(l->type, j->data->rows, j->e->predictions + task, tasks,
                         j->data->labels + task, tasks, j->data->weights,
                         j->e->scratch + (size_t)task * j->e->scratch_size, &j->metrics[task]);
    j->metrics[task].name = l->task;
}

void mmoe_evaluator_run(mmoe_evaluator *e, const struct mmoe_dataset *data,
                        mmoe_task_metrics *metrics) {
    mmoe_run_fold(e->run);
    for (int64_t first = 0; first < data->rows; first += SLICE) {
        int32_t rows = data->rows - first < SLICE ? (int32_t)(data->rows - first) : SLICE;
        mmoe_rows batch = mmoe_dataset_rows_of(data, first, rows, NULL);
        if (e->meter) e->meter->first = first;
        mmoe_run_predict(e->run, &batch, e->predictions + first * data->n_label);
        if (e->meter) mmoe_gate_meter_add(e->meter, e->run);
    }
    metrics_job job = {e, data, metrics};
    if (e->pool)
        mmoe_pool_run(e->pool, data->n_label, task_metrics, &job);
    else
        for (int32_t t = 0; t < data->n_label; t++) task_metrics(&job, 0, t);
}

mmoe_status mmoe_evaluate(const mmoe_model *model, const mmoe_dataset *data, int threads,
                          const mmoe_allocator *alloc, mmoe_task_metrics *metrics,
                          mmoe_error *err) {
    if (!model || !data || !metrics || threads < 0 || threads > 256)
        return mmoe_fail(
            err, MMOE_E_ARGUMENT,
            "mmoe_evaluate: model, dataset and metrics must not be NULL, threads must be 0 to 256");
    mmoe_status status = mmoe_dataset_check(data, model->schema, err);
    if (status) return status;
    mmoe_allocator a = mmoe_allocator_or_default(alloc);
    mmoe_pool *pool = NULL;
    mmoe_evaluator *e = NULL;
    status = mmoe_pool_create(mmoe_worker_count(threads), &a, &pool, err);
    if (!status)
        status = mmoe_evaluator_create(model, &model->params, pool, data->rows, &a, &e, err);
    if (!status) mmoe_evaluator_run(e, data, metrics);
    mmoe_evaluator_free(e);
    mmoe_pool_free(pool);
    return status;
}
