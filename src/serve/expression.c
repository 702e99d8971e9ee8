#include "serve/expression.h"

#include <string.h>

#include "base/error.h"
#include "model/model.h"

static mmoe_status compile(mmoe_expression *e, const mmoe_model *model, const char *text,
                           mmoe_error *err) {
    char fault[MMOE_SCORE_FAULT];
    e->tasks = mmoe_alloc_zero(&e->alloc, (size_t)mmoe_model_task_count(model), sizeof *e->tasks);
    for (int32_t i = 0; e->tasks && i < mmoe_model_task_count(model); i++) {
        const char *name = mmoe_model_task_name(model, i);
        e->tasks[i] = mmoe_copy_text(&e->alloc, name, strlen(name));
        if (!e->tasks[i]) break;
        e->n_task++;
    }
    mmoe_status status = MMOE_E_MEMORY;
    if (e->tasks && e->n_task == mmoe_model_task_count(model))
        status = mmoe_score_compile(text, (const char *const *)e->tasks, e->n_task, &e->alloc,
                                    &e->score, fault);
    if (status == MMOE_E_MEMORY) return mmoe_fail_memory(err, sizeof *e->score);
    if (!status) return MMOE_OK;
    return mmoe_fail(err, MMOE_E_ARGUMENT, "mmoe_expression_create: %s", fault);
}

mmoe_status mmoe_expression_create(const mmoe_model *model, const char *text,
                                   const mmoe_allocator *alloc, mmoe_expression **out,
                                   mmoe_error *err) {
    if (!model || !text || !out)
        return mmoe_fail(err, MMOE_E_ARGUMENT, "mmoe_expression_create: an argument is NULL");
    if (mmoe_allocator_check(alloc, "mmoe_expression_create", err)) return MMOE_E_ARGUMENT;
    const mmoe_allocator a = mmoe_allocator_or_default(alloc);
    mmoe_expression *e = mmoe_alloc_zero(&a, 1, sizeof *e);
    if (!e) return mmoe_fail_memory(err, sizeof *e);
    e->alloc = a;
    const mmoe_status status = compile(e, model, text, err);
    if (status)
        mmoe_expression_free(e);
    else
        *out = e;
    return status;
}

void mmoe_expression_free(mmoe_expression *e) {
    if (!e) return;
    const mmoe_allocator a = e->alloc;
    mmoe_score_free(e->score, &a);
    for (int32_t i = 0; i < e->n_task; i++) mmoe_release(&a, e->tasks[i]);
    mmoe_release(&a, e->tasks);
    mmoe_release(&a, e);
}

bool mmoe_expression_is_of(const mmoe_expression *e, const mmoe_model *model) {
    int32_t same = 0;
    if (e->n_task != mmoe_model_task_count(model)) return false;
    while (same < e->n_task && strcmp(e->tasks[same], mmoe_model_task_name(model, same)) == 0)
        same++;
    return same == e->n_task;
}
