#include "train/evaluate.h"

#include <assert.h>

#include "base/error.h"
#include "base/watcher.h"
#include "data/dataset.h"
#include "serve/predictor.h"
#include "serve/products.h"
#include "train/labels.h"
#include "train/task_judge.h"

/* Bytes for scores where nothing bounds memory; else this part of what does. */
enum { USUAL_MEMORY = 512000000, MEMORY_SHARE = 4 };

/* What becomes of a task's rows. */
typedef struct task_desk {
    mmoe_task_judge *whole, *slices; /* slices: NULL, without some */
    double constant;                 /* what is predicted without a model */
    bool constant_is_of_rows;
    mmoe_status status; /* of the last call */
    mmoe_error err;
} task_desk;

struct mmoe_evaluator {
    mmoe_allocator alloc;
    mmoe_evaluation of;
    bool lacks_group; /* the configuration's */
    mmoe_program *program;
    mmoe_predictor **predictors; /* [workers] */
    int workers;
    mmoe_gate_meter *meter; /* NULL: nobody looks at gates */
    int64_t every;
    int64_t rows;                /* of this run, so far */
    float *predictions, *labels; /* [MMOE_SLICE_ROWS, tasks] of a batch */
    int32_t *slice;              /* [MMOE_SLICE_ROWS] -1: of none */
    task_desk *desks;            /* [tasks] */
    int64_t run;                 /* rows whose scores are sorted in memory */
    size_t memory;
};

static int32_t tasks_of(const mmoe_evaluator *e) { return e->of.model->schema->n_label; }

/* ---- Life ---- */

static mmoe_judge_wanted judge_of(const mmoe_evaluator *e, int32_t task, bool slices) {
    return (mmoe_judge_wanted){.type = e->of.model->schema->labels[task].type,
                               .parts = slices ? e->of.slicing->count : 1,
                               .is_binned = e->of.is_binned && !slices,
                               .group = e->of.group ? e->of.group->name : NULL,
                               .group_weight = e->of.group_weight,
                               .run = e->run};
}

/* All judges' runs are of as many rows as the memory has room for. */
static void bound_runs(mmoe_evaluator *e) {
    const int64_t given = e->of.model->config->trainer.memory, rows = e->of.set->rows;
    size_t each = 0, most = given ? (size_t)given * 1000000 / MEMORY_SHARE : USUAL_MEMORY;
    if (e->of.memory) most = e->of.memory;
    for (int32_t t = 0; t < tasks_of(e); t++)
        for (int slices = 0; slices <= (e->of.slicing != NULL); slices++) {
            const mmoe_judge_wanted wanted = judge_of(e, t, slices);
            each += mmoe_task_judge_row_bytes(&wanted);
        }
    e->run = rows;
    if (each && (size_t)rows > most / each) e->run = (int64_t)(most / each);
    if (e->run < 1) e->run = 1;
    e->memory = (size_t)e->run * each;
}

static mmoe_status make_judges(mmoe_evaluator *e, mmoe_error *err) {
    mmoe_status status = MMOE_OK;
    bound_runs(e);
    for (int32_t t = 0; !status && t < tasks_of(e); t++) {
        const mmoe_judge_wanted whole = judge_of(e, t, false);
        status = mmoe_task_judge_create(&whole, &e->alloc, &e->desks[t].whole, err);
        if (status || !e->of.slicing) continue;
        const mmoe_judge_wanted slices = judge_of(e, t, true);
        status = mmoe_task_judge_create(&slices, &e->alloc, &e->desks[t].slices, err);
    }
    return status;
}

static mmoe_status take_evaluator_memory(mmoe_evaluator *e, mmoe_error *err) {
    const size_t tasks = (size_t)tasks_of(e), rows = MMOE_SLICE_ROWS,
                 bytes = rows * (2 * tasks * sizeof(float) + sizeof *e->slice);
    e->predictions = mmoe_alloc(&e->alloc, rows * tasks, sizeof *e->predictions);
    e->labels = mmoe_alloc(&e->alloc, rows * tasks, sizeof *e->labels);
    e->slice = mmoe_alloc(&e->alloc, rows, sizeof *e->slice);
    e->desks = mmoe_alloc_zero(&e->alloc, tasks, sizeof *e->desks);
    if (!e->predictions || !e->labels || !e->slice || !e->desks)
        return mmoe_fail_memory(err, bytes);
    const mmoe_status status = make_judges(e, err);
    e->memory += bytes;
    return status;
}

/* A predictor each worker. */
static mmoe_status make_predictors(mmoe_evaluator *e, mmoe_error *err) {
    const mmoe_program_request wanted = {.model = e->of.model,
                                         .params = e->of.params,
                                         .product_bytes = MMOE_PRODUCT_BYTES,
                                         .rows = MMOE_SLICE_ROWS,
                                         .fetches = e->of.fetch != NULL,
                                         .one_member = e->of.one_member};
    const int workers = e->of.pool ? mmoe_pool_workers(e->of.pool) : 1;
    e->predictors = mmoe_alloc(&e->alloc, (size_t)workers, sizeof *e->predictors);
    if (!e->predictors) return mmoe_fail_memory(err, (size_t)workers * sizeof *e->predictors);
    mmoe_status status = mmoe_program_create(&wanted, &e->alloc, &e->program, err);
    while (!status && e->workers < workers) {
        status = mmoe_predictor_of(e->program, NULL, &e->alloc, &e->predictors[e->workers], err);
        if (status) break;
        mmoe_program_share(e->program);
        e->workers++;
    }
    return status;
}

void mmoe_evaluation_group(mmoe_evaluation *of) {
    const mmoe_config *config = of->model->config;
    of->group = config->group ? mmoe_dataset_kept(of->set, config->group) : NULL;
    of->group_weight = config->group_weight;
}

mmoe_status mmoe_evaluator_create(const mmoe_evaluation *of, const mmoe_allocator *alloc,
                                  mmoe_evaluator **out, mmoe_error *err) {
    mmoe_evaluator *e = mmoe_alloc_zero(alloc, 1, sizeof *e);
    if (!e) return mmoe_fail_memory(err, sizeof *e);
    e->alloc = *alloc;
    e->of = *of;
    e->lacks_group = of->model->config->group && !of->group;
    mmoe_status status = take_evaluator_memory(e, err);
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
    for (int32_t t = 0; e->desks && t < tasks_of(e); t++) {
        mmoe_task_judge_free(e->desks[t].whole);
        mmoe_task_judge_free(e->desks[t].slices);
    }
    mmoe_release(&a, e->desks);
    mmoe_release(&a, e->predictors);
    mmoe_release(&a, e->predictions);
    mmoe_release(&a, e->labels);
    mmoe_release(&a, e->slice);
    mmoe_release(&a, e);
}

size_t mmoe_evaluator_memory(const mmoe_evaluator *e) { return e->memory; }

/* ---- Gates ---- */

void mmoe_evaluator_watch(mmoe_evaluator *e, mmoe_gate_meter *meter, int64_t every) {
    e->meter = meter;
    e->every = every;
}

static int32_t chunks_of(const mmoe_evaluator *e, int64_t rows) {
    return (int32_t)((rows + e->program->chunk - 1) / e->program->chunk);
}

int32_t mmoe_evaluator_chunks(const mmoe_evaluator *e) {
    return chunks_of(e, e->of.set->rows < MMOE_SLICE_ROWS ? e->of.set->rows : MMOE_SLICE_ROWS);
}

/* Of the chunk that the predictor has scored, which begins with row `first` of the batch. */
static void watch_chunk(const mmoe_evaluator *e, const mmoe_predictor *predictor, int32_t first,
                        int32_t rows) {
    const mmoe_parts *parts = e->meter->parts;
    mmoe_gate_rows r = {first / e->program->chunk, rows, e->rows + first, NULL, 0};
    for (int32_t i = 0; i < parts->n_gate; i++) {
        const mmoe_node *mix = &e->of.model->graph->nodes[parts->gates[i].node];
        r.value = mmoe_predictor_value(predictor, mix->u.mix.gates, &r.ld);
        mmoe_gate_meter_take(e->meter, i, &r);
    }
}

/* ---- Batches ---- */

static void run_tasks(const mmoe_evaluator *e, int32_t tasks, mmoe_pool_fn fn, void *context) {
    if (e->of.pool)
        mmoe_pool_run(e->of.pool, tasks, fn, context);
    else
        for (int32_t t = 0; t < tasks; t++) fn(context, 0, t);
}

/* What is done with a source's batch, by chunks, then by tasks. */
typedef struct batch_job {
    mmoe_evaluator *e;
    const mmoe_rows *rows;
    mmoe_batch batch;
    int32_t first, end; /* chunks that this rank predicts */
    bool is_predicted;
} batch_job;

/* The first of the chunks that a rank predicts, of so many. */
static int32_t first_chunk(const mmoe_evaluator *e, int32_t chunks, int rank) {
    const int size = e->of.comm ? e->of.comm->size : 1;
    return (int32_t)((int64_t)chunks * rank / size);
}

/* Each rank's predictions of a batch come to all. */
static mmoe_status share_predictions(mmoe_evaluator *e, int32_t rows, mmoe_error *err) {
    mmoe_comm *c = e->of.comm;
    const int32_t chunks = chunks_of(e, rows);
    const size_t row = (size_t)tasks_of(e) * sizeof *e->predictions;
    uint64_t bytes[MMOE_MOST_RANKS], before = 0;
    size_t first = 0;
    for (int r = 0; c && r < c->size; r++) {
        const int32_t next = first_chunk(e, chunks, r + 1) * e->program->chunk;
        const uint64_t end = (uint64_t)(next < rows ? next : rows) * row;
        if (r == c->rank) first = before;
        bytes[r] = end - before;
        before = end;
    }
    const char *own = (const char *)e->predictions + first;
    const mmoe_gathering g = {"scores", own, e->predictions, bytes};
    return c ? mmoe_comm_gather(c, &g, err) : MMOE_OK;
}

/* Those of its chunks, too, and then all are added up. */
static mmoe_status sum_gates(mmoe_evaluator *e, int32_t rows, mmoe_error *err) {
    mmoe_comm *c = e->of.comm;
    const int32_t chunks = chunks_of(e, rows);
    const size_t chunk = (size_t)e->meter->stride;
    mmoe_status status = MMOE_OK;
    uint64_t bytes[MMOE_MOST_RANKS];
    for (int r = 0; c && r < c->size; r++)
        bytes[r] = (uint64_t)(first_chunk(e, chunks, r + 1) - first_chunk(e, chunks, r)) * chunk *
                   sizeof *e->meter->chunk_sums;
    if (c) {
        double *const all = e->meter->chunk_sums;
        const double *own = all + (size_t)first_chunk(e, chunks, c->rank) * chunk;
        status = mmoe_comm_gather(c, &(mmoe_gathering){"gates", own, all, bytes}, err);
    }
    if (!status) mmoe_gate_meter_sum(e->meter, chunks, e->rows, rows);
    return status;
}

/* Labels as the metrics take them, and slices. */
static void take_targets(mmoe_evaluator *e, const mmoe_rows *batch, int32_t first, int32_t end) {
    const int32_t tasks = tasks_of(e);
    const mmoe_task_order order = mmoe_graph_losses(e->of.model->graph)->order;
    const mmoe_slicing *slicing = e->of.slicing;
    float *labels = e->labels + (size_t)first * (size_t)tasks;
    for (int32_t b = first; b < end; b++)
        for (int32_t t = 0; t < tasks; t++)
            *labels++ = mmoe_label_of(order, batch->labels + (size_t)b * batch->label_stride, t);
    if (!slicing) return;
    const int32_t *values = batch->kept[slicing->by - e->of.set->kept];
    for (int32_t b = first; b < end; b++) e->slice[b] = slicing->slice_of[values[b]];
}

static void take_chunk(void *context, int worker, int task) {
    const batch_job *j = context;
    mmoe_evaluator *e = j->e;
    const int32_t chunk = e->program->chunk, first = task * chunk, left = j->rows->rows - first,
                  rows = left < chunk ? left : chunk, tasks = tasks_of(e);
    float *predictions = e->predictions + (size_t)first * (size_t)tasks;
    take_targets(e, j->rows, first, first + rows);
    if (j->is_predicted && (task < j->first || task >= j->end)) return;
    if (j->is_predicted)
        mmoe_predictor_rows(e->predictors[worker], &j->batch, (size_t)first, rows, predictions);
    if (j->is_predicted && e->meter) watch_chunk(e, e->predictors[worker], first, rows);
    if (!j->is_predicted)
        for (int32_t i = 0; i < rows * tasks; i++) predictions[i] = 0.5F;
}

static void judge_rows(void *context, int worker, int task) {
    (void)worker;
    const batch_job *j = context;
    mmoe_evaluator *e = j->e;
    task_desk *d = &e->desks[task];
    const mmoe_kept *group = e->of.group;
    mmoe_judged_rows rows = {.rows = j->rows->rows,
                             .predictions = e->predictions + task,
                             .labels = e->labels + task,
                             .stride = tasks_of(e),
                             .weights = j->rows->weights,
                             .groups = group ? j->rows->kept[group - e->of.set->kept] : NULL};
    d->status = mmoe_task_judge_add(d->whole, &rows, &d->err);
    rows.parts = e->slice;
    if (!d->status && d->slices) d->status = mmoe_task_judge_add(d->slices, &rows, &d->err);
}

/* The first fault of the tasks. */
static mmoe_status status_of(const mmoe_evaluator *e, mmoe_error *err) {
    for (int32_t t = 0; t < tasks_of(e); t++)
        if (e->desks[t].status) {
            if (err) *err = e->desks[t].err;
            return e->desks[t].status;
        }
    return MMOE_OK;
}

/* Ids and lists as tables are read by. */
static mmoe_status fetch(const mmoe_evaluator *e, mmoe_rows *rows, mmoe_error *err) {
    const mmoe_rows *numbers;
    if (!e->of.fetch) return MMOE_OK;
    const mmoe_status status = e->of.fetch(e->of.fetch_context, rows, &numbers, err);
    if (status) return status;
    rows->ids = numbers->ids;
    rows->id_stride = numbers->id_stride;
    rows->lists = numbers->lists;
    mmoe_program_follow(e->program);
    return MMOE_OK;
}

static mmoe_status take_batch(mmoe_evaluator *e, mmoe_rows *rows, bool is_predicted,
                              mmoe_error *err) {
    assert(!rows->index && rows->rows <= MMOE_SLICE_ROWS);
    mmoe_status status = is_predicted ? fetch(e, rows, err) : MMOE_OK;
    if (status) return status;
    const int32_t chunks = chunks_of(e, rows->rows);
    const int rank = e->of.comm ? e->of.comm->rank : 0;
    batch_job job = {.e = e,
                     .rows = rows,
                     .batch = {.rows = (size_t)rows->rows},
                     .first = first_chunk(e, chunks, rank),
                     .end = first_chunk(e, chunks, rank + 1),
                     .is_predicted = is_predicted};
    job.batch.ids = rows->ids;
    job.batch.id_stride = rows->id_stride;
    job.batch.dense = rows->dense;
    job.batch.dense_stride = rows->dense_stride;
    job.batch.lists = rows->lists;
    run_tasks(e, chunks, take_chunk, &job);
    status = is_predicted ? share_predictions(e, rows->rows, err) : MMOE_OK;
    if (!status && is_predicted && e->meter) status = sum_gates(e, rows->rows, err);
    if (status) return status;
    run_tasks(e, tasks_of(e), judge_rows, &job);
    e->rows += rows->rows;
    return status_of(e, err);
}

/* ---- A run ---- */

static mmoe_status take_means(mmoe_evaluator *e, mmoe_error *err) {
    const size_t tasks = (size_t)tasks_of(e);
    double *means = mmoe_alloc(&e->alloc, tasks, sizeof *means);
    if (!means) return mmoe_fail_memory(err, tasks * sizeof *means);
    const mmoe_status status = mmoe_labels_means(e->of.model, e->of.set, means, err);
    for (size_t t = 0; !status && t < tasks; t++)
        if (e->desks[t].constant_is_of_rows) e->desks[t].constant = means[t];
    mmoe_release(&e->alloc, means);
    return status;
}

/* The model's, else the means of the rows' own labels: those are read where one is not known. */
static mmoe_status find_constants(mmoe_evaluator *e, mmoe_error *err) {
    const mmoe_label_column *labels = e->of.model->schema->labels;
    bool lacks = false;
    for (int32_t t = 0; t < tasks_of(e); t++) {
        e->desks[t].constant = labels[t].constant;
        e->desks[t].constant_is_of_rows = !labels[t].has_constant;
        lacks |= !labels[t].has_constant;
    }
    return lacks ? take_means(e, err) : MMOE_OK;
}

static mmoe_status take_rows(mmoe_evaluator *e, mmoe_source *source, bool are_predicted,
                             mmoe_error *err) {
    mmoe_rows batch;
    mmoe_status status = find_constants(e, err);
    for (int32_t t = 0; t < tasks_of(e); t++) {
        mmoe_task_judge_begin(e->desks[t].whole, e->desks[t].constant);
        if (e->of.slicing) mmoe_task_judge_begin(e->desks[t].slices, e->desks[t].constant);
    }
    e->rows = 0;
    if (!status) status = mmoe_source_begin(source, 0, err);
    while (!status) {
        mmoe_tell_rows(e->of.watcher, "evaluating", e->rows, mmoe_source_count(source));
        status = mmoe_source_next(source, MMOE_SLICE_ROWS, &batch, err);
        if (status || batch.rows == 0) break;
        status = take_batch(e, &batch, are_predicted, err);
    }
    return status;
}

/* ---- Metrics ---- */

typedef struct metrics_job {
    mmoe_evaluator *e;
    bool slices;
    mmoe_task_metrics *metrics; /* [parts, tasks] */
} metrics_job;

/* What a task's figures have of the evaluation. */
static void complete(const mmoe_evaluator *e, int32_t task, mmoe_task_metrics *m) {
    const mmoe_label_column *l = &e->of.model->schema->labels[task];
    m->name = l->task;
    m->constant_is_of_rows = e->desks[task].constant_is_of_rows;
    if (e->lacks_group && !m->why && mmoe_loss_has_groups((int)l->type))
        m->why = "the groups' column (data.group) was not kept";
}

static void task_metrics(void *context, int worker, int task) {
    (void)worker;
    const metrics_job *j = context;
    const mmoe_evaluator *e = j->e;
    task_desk *d = &e->desks[task];
    const int32_t tasks = tasks_of(e), parts = j->slices ? e->of.slicing->count : 1;
    d->status =
        mmoe_task_judge_end(j->slices ? d->slices : d->whole, j->metrics + task, tasks, &d->err);
    for (int32_t p = 0; !d->status && p < parts; p++)
        complete(e, task, &j->metrics[p * tasks + task]);
}

static mmoe_status judge(mmoe_evaluator *e, bool slices, mmoe_task_metrics *metrics,
                         mmoe_error *err) {
    metrics_job job = {e, slices, metrics};
    run_tasks(e, tasks_of(e), task_metrics, &job);
    return status_of(e, err);
}

mmoe_status mmoe_evaluator_slices(mmoe_evaluator *e, mmoe_task_metrics *metrics, mmoe_error *err) {
    return judge(e, true, metrics, err);
}

mmoe_status mmoe_evaluator_run(mmoe_evaluator *e, mmoe_source *source, mmoe_task_metrics *metrics,
                               mmoe_error *err) {
    mmoe_program_renew(e->program);
    if (e->meter) mmoe_gate_meter_reset(e->meter, e->every);
    const mmoe_status status = take_rows(e, source, true, err);
    return status ? status : judge(e, false, metrics, err);
}

mmoe_status mmoe_evaluator_judge_labels(mmoe_evaluator *e, mmoe_source *source,
                                        mmoe_task_metrics *metrics, mmoe_error *err) {
    const mmoe_status status = take_rows(e, source, false, err);
    return status ? status : judge(e, false, metrics, err);
}
