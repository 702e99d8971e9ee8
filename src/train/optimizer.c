#include "train/optimizer.h"

#include <math.h>
#include <string.h>

#include "base/error.h"

mmoe_status mmoe_optimizer_init(mmoe_optimizer *o, const mmoe_trainer_config *c, mmoe_params *params, const mmoe_allocator *alloc, mmoe_error *err) {
    *o = (mmoe_optimizer){.alloc = *alloc, .kernels = mmoe_kernels_best(), .kind = c->optimizer, .momentum = c->momentum, .values = params->values};
    o->adam = (mmoe_adam_args){.lr = c->lr, .beta1 = c->beta1, .beta2 = c->beta2, .eps = c->eps, .weight_decay = c->weight_decay};
    o->adam.decoupled = c->optimizer == MMOE_ADAMW;
    o->n_value = params->n_value;
    const size_t n = (size_t)params->n_value;
    o->m = mmoe_alloc_aligned(alloc, n, sizeof *o->m);
    if (c->optimizer != MMOE_SGD) o->v = mmoe_alloc_aligned(alloc, n, sizeof *o->v);
    if (!o->m || (!o->v && c->optimizer != MMOE_SGD)) {
        mmoe_optimizer_finish(o);
        return mmoe_fail_memory(err, 2 * n * sizeof *o->m);
    }
    memset(o->m, 0, n * sizeof *o->m);
    if (o->v) memset(o->v, 0, n * sizeof *o->v);
    return MMOE_OK;
}

void mmoe_optimizer_finish(mmoe_optimizer *o) {
    mmoe_release_aligned(&o->alloc, o->m);
    mmoe_release_aligned(&o->alloc, o->v);
    o->m = o->v = NULL;
}

void mmoe_optimizer_begin(mmoe_optimizer *o) {
    double t = (double)++o->steps;
    o->adam.correction1 = (float)(1 / (1 - pow((double)o->adam.beta1, t)));
    o->adam.correction2 = (float)(1 / sqrt(1 - pow((double)o->adam.beta2, t)));
}

void mmoe_optimizer_move(const mmoe_optimizer *o, size_t n, float *w, const float *g, float *m, float *v) {
    if (o->kind == MMOE_SGD) o->kernels->sgd(o->adam.lr, o->momentum, o->adam.weight_decay, o->steps == 1, n, w, g, m);
    else o->kernels->adam(&o->adam, n, w, g, m, v);
}

static void apply(mmoe_optimizer *o, int64_t at, size_t n, const float *g) {
    mmoe_optimizer_move(o, n, o->values + at, g, o->m + at, o->v ? o->v + at : NULL);
}

void mmoe_optimizer_apply(void *context, int64_t offset, int64_t rows, int64_t cols, const float *g, int64_t ld) {
    mmoe_optimizer *o = context;
    if (ld == cols) {
        apply(o, offset, (size_t)(rows * cols), g);
        return;
    }
    for (int64_t r = 0; r < rows; r++) apply(o, offset + r * cols, (size_t)cols, g + r * ld);
}
