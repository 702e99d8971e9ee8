#include "serve/counted.h"

#include "base/error.h"
#include "base/text.h"
#include "loss/loss.h"

/* Its name is the schema's. */
static mmoe_counted_column column_of(const struct mmoe_schema *s, int32_t column) {
    if (column >= s->n_sparse) {
        const mmoe_dense_column *d = &s->dense[column - s->n_sparse];
        return (mmoe_counted_column){d->name, false, d->side == MMOE_SIDE_USER};
    }
    const mmoe_sparse_column *c = &s->sparse[column];
    return (mmoe_counted_column){c->name, c->list >= 0, c->side == MMOE_SIDE_USER};
}

static bool describe_column(mmoe_counted *c, const struct mmoe_schema *s, int32_t i) {
    c->columns[i] = column_of(s, i);
    c->columns[i].name = mmoe_copy_text(&c->alloc, c->columns[i].name, strlen(c->columns[i].name));
    return c->columns[i].name;
}

static bool describe_task(mmoe_counted *c, const mmoe_label_column *label, int32_t i) {
    c->tasks[i] = (mmoe_counted_task){mmoe_copy_text(&c->alloc, label->task, strlen(label->task)),
                                      mmoe_loss_kind_of(label->type)->is_probability};
    return c->tasks[i].name;
}

mmoe_status mmoe_counted_init(mmoe_counted *c, const struct mmoe_schema *s,
                              const mmoe_allocator *alloc, mmoe_error *err) {
    *c = (mmoe_counted){.alloc = *alloc,
                        .kernels = mmoe_kernels_best(),
                        .n_column = s->n_sparse + s->n_dense,
                        .n_task = s->n_label};
    c->columns = mmoe_alloc_zero(alloc, (size_t)c->n_column, sizeof *c->columns);
    c->tasks = mmoe_alloc_zero(alloc, (size_t)c->n_task, sizeof *c->tasks);
    bool ok = c->columns && c->tasks;
    for (int32_t i = 0; ok && i < c->n_column; i++) ok = describe_column(c, s, i);
    for (int32_t i = 0; ok && i < c->n_task; i++) ok = describe_task(c, &s->labels[i], i);
    if (ok) return MMOE_OK;
    mmoe_counted_finish(c);
    return mmoe_fail_memory(err, (size_t)s->n_sparse * sizeof *c->columns);
}

void mmoe_counted_finish(mmoe_counted *c) {
    for (int32_t i = 0; c->columns && i < c->n_column; i++)
        mmoe_release(&c->alloc, c->columns[i].name);
    for (int32_t i = 0; c->tasks && i < c->n_task; i++) mmoe_release(&c->alloc, c->tasks[i].name);
    mmoe_release(&c->alloc, c->columns);
    mmoe_release(&c->alloc, c->tasks);
    *c = (mmoe_counted){.alloc = c->alloc};
}

bool mmoe_counted_is_of(const mmoe_counted *c, const struct mmoe_schema *s) {
    bool is = c->n_column == s->n_sparse + s->n_dense;
    for (int32_t i = 0; is && i < c->n_column; i++) {
        const mmoe_counted_column of = column_of(s, i), *mine = &c->columns[i];
        is = strcmp(mine->name, of.name) == 0 && mine->is_list == of.is_list &&
             mine->is_user == of.is_user;
    }
    return is;
}
