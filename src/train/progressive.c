#include "train/progressive.h"

#include <math.h>

#include "base/error.h"
#include "loss/loss.h"
#include "train/metrics.h"

/* Bins that are one here: a task's, 256 KB, stay in a core's cache beside the step's own memory. */
enum { TOGETHER = 6, BINS = MMOE_SCORE_BINS >> TOGETHER };

static int32_t tasks_of(const mmoe_progressive_meter *m) { return m->model->schema->n_label; }

static bool has_area(const mmoe_progressive_meter *m, int32_t task) {
    return mmoe_metrics_rank(mmoe_loss_kind_of(m->model->schema->labels[task].type));
}

mmoe_status mmoe_progressive_init(mmoe_progressive_meter *m, const mmoe_model *model,
                                  const mmoe_allocator *alloc, mmoe_error *err) {
    *m = (mmoe_progressive_meter){.alloc = *alloc, .model = model};
    const size_t tasks = (size_t)tasks_of(m),
                 scores = tasks * (size_t)model->config->trainer.batch_size;
    m->scores = mmoe_alloc(alloc, scores, sizeof *m->scores);
    m->bins = mmoe_alloc_zero(alloc, tasks, sizeof *m->bins);
    m->figures = mmoe_alloc_zero(alloc, tasks, sizeof *m->figures);
    bool good = m->scores && m->bins && m->figures;
    for (size_t t = 0; good && t < tasks; t++) {
        if (!has_area(m, (int32_t)t)) continue;
        m->bins[t] = mmoe_alloc_zero(alloc, BINS, sizeof **m->bins);
        good = m->bins[t];
    }
    return good ? MMOE_OK : mmoe_fail_memory(err, mmoe_progressive_memory(m));
}

void mmoe_progressive_finish(mmoe_progressive_meter *m) {
    if (!m->model) return;
    for (int32_t t = 0; m->bins && t < tasks_of(m); t++) mmoe_release(&m->alloc, m->bins[t]);
    mmoe_release(&m->alloc, m->bins);
    mmoe_release(&m->alloc, m->scores);
    mmoe_release(&m->alloc, m->figures);
}

size_t mmoe_progressive_memory(const mmoe_progressive_meter *m) {
    if (!m->model) return 0;
    size_t bytes =
        (size_t)tasks_of(m) * (size_t)m->model->config->trainer.batch_size * sizeof *m->scores;
    for (int32_t t = 0; t < tasks_of(m); t++)
        if (has_area(m, t)) bytes += BINS * sizeof **m->bins;
    return bytes;
}

/* A task's rows in their order, so that sums do not depend on workers. */
typedef struct add_job {
    const mmoe_progressive_meter *meter;
    const mmoe_rows *batch;
} add_job;

static void add_task(void *context, int worker, int task) {
    (void)worker;
    const add_job *j = context;
    const mmoe_rows *batch = j->batch;
    const mmoe_task_order order = mmoe_graph_losses(j->meter->model->graph)->order;
    const int32_t tasks = tasks_of(j->meter);
    mmoe_score_bin_sum *bins = j->meter->bins[task];
    for (int32_t b = 0; bins && b < batch->rows; b++) {
        const size_t row = mmoe_row_of(batch, b);
        const float label = mmoe_label_of(order, batch->labels + row * batch->label_stride, task),
                    score = j->meter->scores[b * tasks + task];
        if (!isnan(label) && !isnan(score))
            bins[mmoe_score_bin(score) >> TOGETHER].weight[label > 0] +=
                batch->weights ? (double)batch->weights[row] : 1;
    }
}

void mmoe_progressive_add(mmoe_progressive_meter *m, const mmoe_rows *batch, mmoe_pool *pool) {
    add_job job = {m, batch};
    mmoe_pool_run(pool, tasks_of(m), add_task, &job);
    m->rows += batch->rows;
}

void mmoe_progressive_read(mmoe_progressive_meter *m) {
    for (int32_t t = 0; t < tasks_of(m); t++) {
        mmoe_progressive *f = &m->figures[t];
        f->rows = m->rows;
        f->auc_bound = 0;
        f->auc = m->bins[t] ? mmoe_score_bins_area(m->bins[t], BINS, &f->auc_bound) : (double)NAN;
    }
}
