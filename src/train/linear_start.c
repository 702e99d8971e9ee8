#include "train/linear_start.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "data/source.h"
#include "train/linear_fit.h"

enum { MOST_BYTES = 1 << 28 };
static const double most_work = 0x1p34; /* multiplications of a pass and a task */

mmoe_status mmoe_linear_start_init(mmoe_linear_start *s, const mmoe_model *model,
                                   const mmoe_allocator *alloc, mmoe_error *err) {
    *s = (mmoe_linear_start){.alloc = *alloc};
    if (!mmoe_linear_part_of(model->graph, &s->part)) return MMOE_OK;
    s->count = (int64_t)s->part.n_task * (s->part.n_dense + 2) + 1;
    s->state = mmoe_alloc_zero(alloc, (size_t)s->count, sizeof *s->state);
    if (!s->state) return mmoe_fail_memory(err, (size_t)s->count * sizeof *s->state);
    s->exists = true;
    return MMOE_OK;
}

void mmoe_linear_start_finish(mmoe_linear_start *s) {
    if (s->exists) mmoe_release(&s->alloc, s->state);
}

void mmoe_linear_start_clear(mmoe_linear_start *s) {
    if (s->exists) memset(s->state, 0, (size_t)s->count * sizeof *s->state);
}

/* ---- Fitting ---- */

/* Of a pass. */
typedef struct fitting {
    mmoe_linear_fit **fits; /* [tasks] */
    bool *is_done;          /* [tasks] */
    const mmoe_rows *rows;
    int64_t first, every; /* the rows' first of the set, of which every so many are looked at */
} fitting;

static mmoe_linear_task task_of(const mmoe_model *model, int32_t task, int32_t n) {
    const mmoe_losses *losses = mmoe_graph_losses(model->graph);
    const mmoe_label_column *label = &model->schema->labels[task];
    const mmoe_loss_kind *kind = losses->kinds[task];
    const double constant = label->has_mean ? kind->bias(label->mean) : 0;
    return (mmoe_linear_task){.kind = kind,
                              .scale = &label->scale,
                              .shape = losses->shape[task],
                              .label = task,
                              .given = losses->order == MMOE_TASKS_NESTED ? task - 1 : -1,
                              .n = n,
                              .start = isfinite(constant) ? constant : 0};
}

static void see_rows(void *context, int worker, int task) {
    (void)worker;
    const fitting *f = context;
    if (f->is_done[task]) return;
    const int64_t over = f->first % f->every;
    mmoe_linear_fit_see(f->fits[task], f->rows, over ? f->every - over : 0, f->every);
}

static mmoe_status run_pass(fitting *f, mmoe_source *source, int32_t tasks, mmoe_pool *pool,
                            mmoe_error *err) {
    mmoe_rows rows;
    mmoe_status status = mmoe_source_begin(source, 0, err);
    for (f->first = 0; !status; f->first += rows.rows) {
        status = mmoe_source_next(source, MMOE_SLICE_ROWS, &rows, err);
        if (status || rows.rows == 0) break;
        f->rows = &rows;
        mmoe_pool_run_exact(pool, tasks, see_rows, f);
    }
    return status;
}

static mmoe_status run_passes(fitting *f, const mmoe_dataset *set, int32_t tasks, mmoe_pool *pool,
                              mmoe_error *err) {
    const mmoe_source_order order = {.set = set, .most = MMOE_SLICE_ROWS};
    mmoe_source *source = NULL;
    mmoe_status status = mmoe_source_open(&order, &set->alloc, &source, err);
    for (int32_t left = tasks; left && !status;) {
        status = run_pass(f, source, tasks, pool, err);
        for (int32_t t = 0; t < tasks && !status; t++) {
            if (f->is_done[t]) continue;
            f->is_done[t] = mmoe_linear_fit_end(f->fits[t]);
            left -= f->is_done[t];
        }
    }
    mmoe_source_free(source);
    return status;
}

static mmoe_status keep(mmoe_linear_start *s, const mmoe_model *model, const fitting *f,
                        mmoe_warnings *list, mmoe_error *err) {
    const int32_t n = s->part.n_dense;
    mmoe_status status = MMOE_OK;
    for (int32_t t = 0; t < s->part.n_task && !status; t++) {
        float row[MMOE_LINEAR_MOST + 1];
        const char *name = model->schema->labels[t].task;
        if (!mmoe_linear_fit_read(f->fits[t], row))
            status = mmoe_warn(list, (mmoe_warning){NULL, name, .key = "model.linear"}, err,
                               "task \"%s\": no linear model of the dense columns was found "
                               "(model.linear): it begins with a constant",
                               name);
        for (int32_t i = 0; i <= n; i++) s->state[(size_t)t * (size_t)(n + 1) + (size_t)i] = row[i];
    }
    s->state[s->count - 1] = 1;
    return status;
}

/* Of as many inputs as there are normal equations for. */
static bool is_possible(const mmoe_linear_start *s) {
    const int32_t n = s->part.n_dense;
    return n > 0 && n <= MMOE_LINEAR_MOST &&
           mmoe_linear_fit_memory(n) <= MOST_BYTES / (size_t)s->part.n_task;
}

mmoe_status mmoe_linear_start_fit(mmoe_linear_start *s, const mmoe_model *model,
                                  const mmoe_dataset *set, mmoe_pool *pool, mmoe_warnings *list,
                                  mmoe_error *err) {
    const int32_t tasks = s->part.n_task, n = s->part.n_dense;
    if (!n) return MMOE_OK;
    if (!is_possible(s))
        return mmoe_warn(list, (mmoe_warning){.count = n, .key = "model.linear"}, err,
                         "the linear part (model.linear) begins with 0: its fit is of at most %d "
                         "dense inputs, and of fewer for many tasks; there are %d for %d",
                         MMOE_LINEAR_MOST, (int)n, (int)tasks);
    const double work = (double)set->rows * (n + 1.0) * (n + 1.0);
    fitting f = {.every = 1 + (int64_t)(work / most_work)};
    f.fits = mmoe_alloc_zero(&s->alloc, (size_t)tasks, sizeof *f.fits);
    f.is_done = mmoe_alloc_zero(&s->alloc, (size_t)tasks, sizeof *f.is_done);
    mmoe_status status =
        f.fits && f.is_done ? MMOE_OK : mmoe_fail_memory(err, (size_t)tasks * sizeof *f.fits);
    for (int32_t t = 0; t < tasks && !status; t++) {
        const mmoe_linear_task task = task_of(model, t, n);
        status = mmoe_linear_fit_create(&task, &s->alloc, &f.fits[t], err);
    }
    if (!status) status = run_passes(&f, set, tasks, pool, err);
    if (!status) status = keep(s, model, &f, list, err);
    for (int32_t t = 0; f.fits && t < tasks; t++) mmoe_linear_fit_free(f.fits[t]);
    mmoe_release(&s->alloc, f.fits);
    mmoe_release(&s->alloc, f.is_done);
    return status;
}
