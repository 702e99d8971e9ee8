#include "train/follow.h"

#include "base/error.h"

/* ---- Tables ---- */

static bool has_average(const mmoe_trainer *t) { return t->average.values != NULL; }

static mmoe_status reserve_table(const mmoe_following *f, int32_t i, mmoe_error *err) {
    mmoe_trainer *t = f->t;
    mmoe_params *p = &t->model->params;
    const int64_t rows = t->model->schema->tables[i].rows;
    const size_t bytes = (size_t)rows * (size_t)p->tables[i].dim * sizeof(float);
    if (rows <= f->before[i]) return MMOE_OK;
    mmoe_status status = mmoe_params_reserve(p, i, rows, err);
    if (!status) status = mmoe_optimizer_reserve(&t->optimizer, i, rows, err);
    if (!status && has_average(t)) status = mmoe_params_reserve(&t->average, i, rows, err);
    if (!status && !f->may_go_back) status = mmoe_best_reserve(&t->best, i, bytes, err);
    return status;
}

/* Memory may have moved, too. */
static void set_rows(mmoe_trainer *t, const int64_t *rows) {
    mmoe_model *m = t->model;
    for (int32_t i = 0; i < m->params.n_table; i++) {
        const int64_t wanted = rows ? rows[i] : m->schema->tables[i].rows;
        if (m->params.tables[i].rows != wanted) mmoe_graph_set_rows(m->graph, i, wanted);
    }
    mmoe_params_follow(&m->params, &m->graph->tensors);
    if (has_average(t)) mmoe_params_follow(&t->average, &m->graph->tensors);
    mmoe_optimizer_follow(&t->optimizer, &m->params);
}

/* ---- What is made anew ---- */

/* Does the plan know the rows of a table that has others now? Those of a deferred one it meets in a
 * batch. */
static bool is_planned(const mmoe_following *f) {
    const mmoe_params *p = &f->t->model->params;
    bool is = false;
    for (int32_t i = 0; i < p->n_table; i++)
        is |= p->tables[i].rows != f->before[i] && !p->tables[i].is_deferred;
    return is;
}

static mmoe_status make(mmoe_following *f, mmoe_error *err) {
    mmoe_trainer *t = f->t;
    const mmoe_params *p = &t->model->params;
    mmoe_status status = MMOE_OK;
    if (t->gradient.room.values) status = mmoe_whole_gradient_init(&f->gradient, p, &t->alloc, err);
    if (!status && t->balancer.gradients)
        status = mmoe_balancer_widen(&t->balancer, t->run->plan, &f->balancer, err);
    if (!status && f->may_go_back)
        status = mmoe_best_init(&f->best, p, t->best.folder, &t->alloc, err);
    if (!status && is_planned(f)) status = mmoe_trainer_plan(t, &f->run, err);
    return status;
}

/* What was made takes the place of what is there. */
static void exchange(mmoe_following *f) {
    mmoe_trainer *t = f->t;
    const mmoe_whole_gradient gradient = t->gradient;
    const mmoe_best best = t->best;
    mmoe_run *run = t->run;
    if (f->gradient.room.values) {
        t->gradient = f->gradient;
        f->gradient = gradient;
    }
    mmoe_balancer_exchange(&t->balancer, &f->balancer);
    if (f->may_go_back) {
        t->best = f->best;
        f->best = best;
    }
    if (f->run) {
        t->run = f->run;
        f->run = run;
    }
}

static void finish(mmoe_following *f) {
    mmoe_run_free(f->run);
    mmoe_whole_gradient_finish(&f->gradient);
    mmoe_balancer_finish(&f->balancer);
    if (f->best.blocks) mmoe_best_finish(&f->best);
    mmoe_release(&f->t->alloc, f->before);
}

mmoe_status mmoe_follow_begin(mmoe_trainer *t, bool may_go_back, mmoe_following *out,
                              mmoe_error *err) {
    const size_t n = (size_t)t->model->params.n_table;
    mmoe_following f = {.t = t,
                        .may_go_back = may_go_back,
                        .gradient.alloc = t->alloc,
                        .balancer = {.alloc = t->alloc, .balance.alloc = t->alloc}};
    if (atomic_load(&t->model->trainers) > 1)
        return mmoe_fail(err, MMOE_E_ARGUMENT,
                         "the model has other trainers, which would not know of its tables' new "
                         "rows: free them first");
    f.before = mmoe_alloc(&t->alloc, n, sizeof *f.before);
    if (!f.before) return mmoe_fail_memory(err, n * sizeof *f.before);
    atomic_fetch_add(&t->model->moves, 1);
    for (size_t i = 0; i < n; i++) f.before[i] = t->model->params.tables[i].rows;
    mmoe_status status = MMOE_OK;
    for (size_t i = 0; i < n && !status; i++) status = reserve_table(&f, (int32_t)i, err);
    set_rows(t, status ? f.before : NULL);
    if (!status && (status = make(&f, err))) set_rows(t, f.before);
    if (status) {
        finish(&f);
        return status;
    }
    exchange(&f);
    if (!may_go_back) mmoe_best_restart(&t->best);
    *out = f;
    return MMOE_OK;
}

void mmoe_follow_end(mmoe_following *f, bool back) {
    if (back) {
        set_rows(f->t, f->before);
        exchange(f);
    }
    finish(f);
}
