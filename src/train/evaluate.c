#include "train/evaluate.h"

#include <assert.h>
#include <string.h>

#include "base/error.h"
#include "base/watcher.h"
#include "data/dataset.h"
#include "serve/predictor.h"
#include "serve/products.h"
#include "train/metrics.h"

/* Rows whose gates are looked at, which a plan runs beside the predictors. */
typedef struct sample {
    mmoe_run *run; /* NULL: none are */
    mmoe_gate_meter *meter;
    int64_t every;   /* from the source's first row on */
    uint32_t *index; /* [MMOE_SLICE_ROWS / every + 1] of a batch's rows */
} sample;

struct mmoe_evaluator {
    mmoe_allocator alloc;
    const mmoe_model *model;
    const mmoe_params *params;
    mmoe_pool *pool;
    const mmoe_kept *group;
    mmoe_group_weight group_weight;
    const mmoe_watcher *watcher;
    bool lacks_group;  /* the configuration's */
    uint32_t *grouped; /* [rows] of a source, a group's side by side; NULL: there are no groups */
    mmoe_program *program;
    mmoe_predictor **predictors; /* [workers] */
    int workers;
    sample sample;
    int64_t rows;                /* of this run, so far */
    float *predictions, *labels; /* [rows, tasks] */
    float *weights;              /* [rows] */
    bool weighed;                /* a row of this run has a weight */
    char *scratch;               /* [tasks, scratch_size] */
    size_t scratch_size;
};

/* ---- Life ---- */

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

/* A predictor each worker. */
static mmoe_status make_predictors(mmoe_evaluator *e, mmoe_error *err) {
    const mmoe_program_request wanted = {e->model, e->params, MMOE_PRODUCT_BYTES};
    const int workers = e->pool ? mmoe_pool_workers(e->pool) : 1;
    e->predictors = mmoe_alloc(&e->alloc, (size_t)workers, sizeof *e->predictors);
    if (!e->predictors) return mmoe_fail_memory(err, (size_t)workers * sizeof *e->predictors);
    mmoe_status status = mmoe_program_create(&wanted, &e->alloc, &e->program, err);
    while (!status && e->workers < workers) {
        status = mmoe_predictor_of(e->program, &e->alloc, &e->predictors[e->workers], err);
        if (status) break;
        mmoe_program_share(e->program);
        e->workers++;
    }
    return status;
}

void mmoe_evaluation_group(mmoe_evaluation *of, const struct mmoe_dataset *set) {
    const mmoe_config *config = of->model->config;
    of->group = config->group ? mmoe_dataset_kept(set, config->group) : NULL;
    if (of->group && !of->group->values) of->group = NULL;
    of->group_weight = config->group_weight;
}

static mmoe_status order_groups(mmoe_evaluator *e, int64_t rows, mmoe_error *err) {
    if (!e->group) return MMOE_OK;
    e->grouped = mmoe_alloc(&e->alloc, (size_t)rows, sizeof *e->grouped);
    if (!e->grouped) return mmoe_fail_memory(err, (size_t)rows * sizeof *e->grouped);
    return mmoe_kept_sort(e->group, NULL, rows, e->grouped, &e->alloc, err);
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
    e->params = of->params;
    e->pool = of->pool;
    e->group = of->group;
    e->group_weight = of->group_weight;
    e->watcher = of->watcher;
    e->lacks_group = of->model->config->group && !of->group;
    mmoe_status status = take_evaluator_memory(e, rows, err);
    if (!status) status = order_groups(e, rows, err);
    if (!status) status = make_predictors(e, err);
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
    for (int i = 0; i < e->workers; i++) mmoe_predictor_free(e->predictors[i]);
    mmoe_program_leave(e->program);
    mmoe_run_free(e->sample.run);
    mmoe_release(&a, e->sample.index);
    mmoe_release(&a, e->grouped);
    mmoe_release(&a, e->predictors);
    mmoe_release_aligned(&a, e->scratch);
    mmoe_release(&a, e->predictions);
    mmoe_release(&a, e->labels);
    mmoe_release(&a, e->weights);
    mmoe_release(&a, e);
}

size_t mmoe_evaluator_memory(const mmoe_evaluator *e, int64_t rows) {
    const size_t tasks = (size_t)e->model->schema->n_label;
    return (size_t)rows * (2 * tasks + 1) * sizeof(float) + tasks * e->scratch_size;
}

/* ---- Gates ---- */

mmoe_status mmoe_evaluator_watch(mmoe_evaluator *e, mmoe_gate_meter *meter, int64_t every,
                                 mmoe_error *err) {
    const int32_t most = (int32_t)(MMOE_SLICE_ROWS / every + 1);
    sample *s = &e->sample;
    s->index = mmoe_alloc(&e->alloc, (size_t)most, sizeof *s->index);
    if (!s->index) return mmoe_fail_memory(err, (size_t)most * sizeof *s->index);
    /* A plan that looks does not write to the parameters. */
    const mmoe_plan_request wanted = {
        e->model->graph, (mmoe_params *)(uintptr_t)e->params, e->pool, MMOE_PLAN_INSPECT, most,
        &e->alloc};
    const mmoe_status status = mmoe_run_create(&wanted, &s->run, err);
    if (status) return status;
    s->meter = meter;
    s->every = every;
    s->run->observer = mmoe_gate_meter_observe;
    s->run->observer_context = meter;
    return MMOE_OK;
}

int32_t mmoe_evaluator_chunks(const mmoe_evaluator *e) { return e->sample.run->plan->max_chunks; }

/* The plan's predictions go where the predictors' will. */
static void watch_batch(mmoe_evaluator *e, const mmoe_rows *batch) {
    sample *s = &e->sample;
    mmoe_rows some = *batch;
    int64_t b = (s->every - e->rows % s->every) % s->every;
    some.index = s->index;
    for (some.rows = 0; b < batch->rows; b += s->every)
        s->index[some.rows++] = (uint32_t)mmoe_row_of(batch, (int32_t)b);
    if (!some.rows) return;
    mmoe_run_predict(s->run, &some, e->predictions + e->rows * e->model->schema->n_label);
    mmoe_gate_meter_add(s->meter, s->run);
}

/* ---- Predictions ---- */

/* A batch goes when the next one comes. */
static void keep_targets(mmoe_evaluator *e, const mmoe_rows *batch, int32_t first, int32_t end) {
    const int32_t tasks = e->model->schema->n_label;
    const mmoe_task_order order = mmoe_graph_losses(e->model->graph)->order;
    float *labels = e->labels + (e->rows + first) * tasks, *weights = e->weights + e->rows;
    for (int32_t b = first; b < end; b++) {
        const size_t row = mmoe_row_of(batch, b);
        for (int32_t t = 0; t < tasks; t++)
            *labels++ = mmoe_label_of(order, batch->labels + row * batch->label_stride, t);
        weights[b] = batch->weights ? batch->weights[row] : 1;
    }
}

/* What is done with chunks of a source's batch. */
typedef struct batch_job {
    mmoe_evaluator *e;
    const mmoe_rows *rows;
    mmoe_batch batch;
    bool is_predicted;
} batch_job;

static void take_chunk(void *context, int worker, int task) {
    const batch_job *j = context;
    mmoe_evaluator *e = j->e;
    const int32_t chunk = e->program->chunk, first = task * chunk, left = j->rows->rows - first,
                  rows = left < chunk ? left : chunk, tasks = e->model->schema->n_label;
    float *predictions = e->predictions + (e->rows + first) * tasks;
    keep_targets(e, j->rows, first, first + rows);
    if (j->is_predicted)
        mmoe_predictor_rows(e->predictors[worker], &j->batch, (size_t)first, rows, predictions);
    else
        for (int32_t i = 0; i < rows * tasks; i++) predictions[i] = 0.5F;
}

static void run_tasks(const mmoe_evaluator *e, int32_t tasks, mmoe_pool_fn fn, void *context) {
    if (e->pool)
        mmoe_pool_run(e->pool, tasks, fn, context);
    else
        for (int32_t t = 0; t < tasks; t++) fn(context, 0, t);
}

static void take_batch(mmoe_evaluator *e, const mmoe_rows *rows, bool is_predicted) {
    assert(!rows->index);
    const int32_t chunk = e->program->chunk;
    batch_job job = {e, rows, {.rows = (size_t)rows->rows}, is_predicted};
    job.batch.ids = rows->ids;
    job.batch.id_stride = rows->id_stride;
    job.batch.dense = rows->dense;
    job.batch.dense_stride = rows->dense_stride;
    job.batch.lists = rows->lists;
    if (is_predicted && e->sample.run) watch_batch(e, rows);
    run_tasks(e, (rows->rows + chunk - 1) / chunk, take_chunk, &job);
    e->weighed |= rows->weights != NULL;
    e->rows += rows->rows;
}

static mmoe_status take_rows(mmoe_evaluator *e, mmoe_source *source, bool are_predicted,
                             mmoe_error *err) {
    mmoe_rows batch;
    mmoe_status status = mmoe_source_begin(source, 0, err);
    e->rows = 0;
    e->weighed = false;
    while (!status) {
        mmoe_tell_rows(e->watcher, "evaluating", e->rows, mmoe_source_count(source));
        status = mmoe_source_next(source, MMOE_SLICE_ROWS, &batch, err);
        if (status || batch.rows == 0) break;
        take_batch(e, &batch, are_predicted);
    }
    return status;
}

/* ---- Metrics ---- */

typedef struct metrics_job {
    mmoe_evaluator *e;
    const mmoe_row_choice *choice;
    const mmoe_task_metrics *whole; /* NULL: these are */
    mmoe_task_metrics *metrics;
} metrics_job;

/* What the task's figures stand beside; NULL: the rows' own mean. */
static const double *constant_of(const metrics_job *j, int task) {
    const mmoe_label_column *l = &j->e->model->schema->labels[task];
    if (j->whole) return &j->whole[task].constant;
    return l->has_constant ? &l->constant : NULL;
}

static void task_metrics(void *context, int worker, int task) {
    (void)worker;
    const metrics_job *j = context;
    const mmoe_evaluator *e = j->e;
    const mmoe_label_column *l = &e->model->schema->labels[task];
    const int32_t tasks = e->model->schema->n_label;
    mmoe_task_metrics *out = &j->metrics[task];
    mmoe_row_groups groups = {.index = j->choice->grouped, .weight = e->group_weight};
    mmoe_judged_rows judged = {.type = l->type,
                               .rows = j->choice->rows,
                               .predictions = e->predictions + task,
                               .labels = e->labels + task,
                               .weights = e->weighed ? e->weights : NULL,
                               .stride = tasks,
                               .label_stride = tasks,
                               .constant = constant_of(j, task),
                               .index = j->choice->index};
    if (e->group) {
        groups.column = e->group->name;
        groups.of = e->group->values;
        judged.groups = &groups;
    }
    mmoe_metrics_compute(&judged, e->scratch + (size_t)task * e->scratch_size, out);
    out->name = l->task;
    if (j->whole) out->constant_is_of_rows = j->whole[task].constant_is_of_rows;
    if (e->lacks_group && !out->why && mmoe_loss_has_groups((int)l->type))
        out->why = "the groups' column (data.group) was not kept";
}

static void judge_tasks(metrics_job job) {
    run_tasks(job.e, job.e->model->schema->n_label, task_metrics, &job);
}

static void judge_all(mmoe_evaluator *e, mmoe_task_metrics *metrics) {
    const mmoe_row_choice all = {.rows = e->rows, .grouped = e->grouped};
    judge_tasks((metrics_job){e, &all, NULL, metrics});
}

void mmoe_evaluator_judge(mmoe_evaluator *e, const mmoe_row_choice *choice,
                          const mmoe_task_metrics *whole, mmoe_task_metrics *metrics) {
    judge_tasks((metrics_job){e, choice, whole, metrics});
}

const uint32_t *mmoe_evaluator_grouped(const mmoe_evaluator *e) { return e->grouped; }

mmoe_status mmoe_evaluator_run(mmoe_evaluator *e, mmoe_source *source, mmoe_task_metrics *metrics,
                               mmoe_error *err) {
    mmoe_program_renew(e->program);
    if (e->sample.run) mmoe_run_fold(e->sample.run);
    const mmoe_status status = take_rows(e, source, true, err);
    if (!status) judge_all(e, metrics);
    return status;
}

mmoe_status mmoe_evaluator_judge_labels(mmoe_evaluator *e, mmoe_source *source,
                                        mmoe_task_metrics *metrics, mmoe_error *err) {
    const mmoe_status status = take_rows(e, source, false, err);
    if (!status) judge_all(e, metrics);
    return status;
}
