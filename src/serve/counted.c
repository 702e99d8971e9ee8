#include "serve/counted.h"

#include "base/error.h"
#include "base/text.h"
#include "loss/loss.h"

static const char *name_of(const struct mmoe_schema *s, int32_t column) {
    return column < s->n_sparse ? s->sparse[column].name : s->dense[column - s->n_sparse].name;
}

static bool describe_column(mmoe_counted *c, const struct mmoe_schema *s, int32_t i) {
    const bool sparse = i < s->n_sparse;
    const mmoe_side side = sparse ? s->sparse[i].side : s->dense[i - s->n_sparse].side;
    const char *name = name_of(s, i);
    c->columns[i] = (mmoe_counted_column){mmoe_copy_text(&c->alloc, name, strlen(name)),
                                          sparse && s->sparse[i].list >= 0, side == MMOE_SIDE_USER};
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

static int32_t find(const mmoe_counted *c, const char *name) {
    for (int32_t i = 0; i < c->n_column; i++)
        if (strcmp(c->columns[i].name, name) == 0) return i;
    return -1;
}

mmoe_status mmoe_counted_find(const mmoe_counted *c, const struct mmoe_schema *s,
                              const mmoe_allocator *alloc, int32_t **out, mmoe_error *err) {
    const int32_t n = s->n_sparse + s->n_dense;
    int32_t same = 0;
    while (same < n && same < c->n_column && !strcmp(c->columns[same].name, name_of(s, same)))
        same++;
    *out = NULL;
    if (same == n) return MMOE_OK;
    int32_t *places = *out = mmoe_alloc(alloc, (size_t)n, sizeof *places);
    if (!places) return mmoe_fail_memory(err, (size_t)n * sizeof *places);
    for (int32_t i = 0; i < n; i++) places[i] = i < same ? i : find(c, name_of(s, i));
    return MMOE_OK;
}
