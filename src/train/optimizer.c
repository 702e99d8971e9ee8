#include "train/optimizer.h"

#include <math.h>
#include <string.h>

#include "base/error.h"

enum { LINE = 16, PIECE = 1024 };

static int penalty_class(mmoe_tensor_role role) {
    return role == MMOE_ROLE_TABLE  ? MMOE_PENALTY_TABLE
           : role == MMOE_ROLE_NORM ? MMOE_PENALTY_NONE
                                    : MMOE_PENALTY_DENSE;
}

static mmoe_status init_penalties(mmoe_optimizer *o, const mmoe_trainer_config *c,
                                  const mmoe_tensors *tensors, mmoe_error *err) {
    const bool any =
        c->embedding_l1 > 0 || c->embedding_l2 > 0 || c->dense_l1 > 0 || c->dense_l2 > 0;
    const size_t lines = (size_t)(o->n_value + LINE - 1) / LINE;
    if (!any) return MMOE_OK;
    o->penalties[MMOE_PENALTY_TABLE] = (mmoe_penalty){c->embedding_l1, c->embedding_l2};
    o->penalties[MMOE_PENALTY_DENSE] = (mmoe_penalty){c->dense_l1, c->dense_l2};
    o->penalty_of = mmoe_alloc_zero(&o->alloc, lines, 1);
    if (!o->penalty_of) return mmoe_fail_memory(err, lines);
    for (size_t i = 0; i < tensors->count; i++) {
        const mmoe_tensor *t = &tensors->items[i];
        if (t->kind != MMOE_TENSOR_VALUE || t->count == 0) continue;
        const int64_t first = t->offset / LINE, last = (t->offset + t->count - 1) / LINE;
        memset(o->penalty_of + first, penalty_class(t->role), (size_t)(last - first + 1));
    }
    return MMOE_OK;
}

mmoe_status mmoe_optimizer_init(mmoe_optimizer *o, const mmoe_trainer_config *c,
                                mmoe_params *params, const mmoe_tensors *tensors,
                                const mmoe_allocator *alloc, mmoe_error *err) {
    *o = (mmoe_optimizer){.alloc = *alloc,
                          .kernels = mmoe_kernels_best(),
                          .kind = c->optimizer,
                          .momentum = c->momentum,
                          .values = params->values};
    o->adam = (mmoe_adam_args){.lr = c->lr,
                               .beta1 = c->beta1,
                               .beta2 = c->beta2,
                               .eps = c->eps,
                               .weight_decay = c->weight_decay};
    o->adam.decoupled = c->optimizer == MMOE_ADAMW;
    o->n_value = params->n_value;
    const size_t n = (size_t)params->n_value;
    o->m = mmoe_alloc_aligned(alloc, n, sizeof *o->m);
    if (c->optimizer != MMOE_SGD) o->v = mmoe_alloc_aligned(alloc, n, sizeof *o->v);
    mmoe_status status = o->m && (o->v || c->optimizer == MMOE_SGD)
                             ? init_penalties(o, c, tensors, err)
                             : mmoe_fail_memory(err, 2 * n * sizeof *o->m);
    if (status) {
        mmoe_optimizer_finish(o);
        return status;
    }
    memset(o->m, 0, n * sizeof *o->m);
    if (o->v) memset(o->v, 0, n * sizeof *o->v);
    return MMOE_OK;
}

void mmoe_optimizer_finish(mmoe_optimizer *o) {
    mmoe_release_aligned(&o->alloc, o->m);
    mmoe_release_aligned(&o->alloc, o->v);
    mmoe_release(&o->alloc, o->penalty_of);
    o->m = o->v = NULL;
    o->penalty_of = NULL;
}

void mmoe_optimizer_begin(mmoe_optimizer *o) {
    atomic_store_explicit(&o->not_finite, false, memory_order_relaxed);
    o->scale = 1;
    double t = (double)++o->steps;
    o->adam.correction1 = (float)(1 / (1 - pow((double)o->adam.beta1, t)));
    o->adam.correction2 = (float)(1 / sqrt(1 - pow((double)o->adam.beta2, t)));
}

bool mmoe_optimizer_move(const mmoe_optimizer *o, size_t n, float *w, const float *g, float *m,
                         float *v) {
    if (o->kind == MMOE_SGD)
        return o->kernels->sgd(o->adam.lr, o->momentum, o->adam.weight_decay, o->steps == 1, n, w,
                               g, m);
    return o->kernels->adam(&o->adam, n, w, g, m, v);
}

static void update(mmoe_optimizer *o, int64_t at, size_t n, const float *g) {
    if (mmoe_optimizer_move(o, n, o->values + at, g, o->m + at, o->v ? o->v + at : NULL))
        atomic_store_explicit(&o->not_finite, true, memory_order_relaxed);
}

/* Values from `at` on, at most n and PIECE, that have one penalty. */
static size_t piece_of(const mmoe_optimizer *o, int64_t at, size_t n, mmoe_penalty *penalty) {
    const int64_t most = at + (int64_t)(n < PIECE ? n : PIECE);
    if (!o->penalty_of) {
        *penalty = o->penalties[MMOE_PENALTY_NONE];
        return (size_t)(most - at);
    }
    const uint8_t class = o->penalty_of[at / LINE];
    int64_t end = (at / LINE + 1) * LINE;
    while (end < most && o->penalty_of[end / LINE] == class) end += LINE;
    *penalty = o->penalties[class];
    return (size_t)((end < most ? end : most) - at);
}

static void apply(mmoe_optimizer *o, int64_t at, size_t n, const float *g) {
    if (!o->penalty_of && o->scale == 1) {
        update(o, at, n, g);
        return;
    }
    float changed[PIECE];
    mmoe_penalty penalty;
    for (size_t done = 0, some; done < n; done += some) {
        const int64_t from = at + (int64_t)done;
        some = piece_of(o, from, n - done, &penalty);
        o->kernels->regularize(some, o->scale, penalty.l1, penalty.l2, o->values + from, g + done,
                               changed);
        update(o, from, some, changed);
    }
}

void mmoe_optimizer_apply(void *context, int64_t offset, int64_t rows, int64_t cols, const float *g,
                          int64_t ld) {
    mmoe_optimizer *o = context;
    if (ld == cols) {
        apply(o, offset, (size_t)(rows * cols), g);
        return;
    }
    for (int64_t r = 0; r < rows; r++) apply(o, offset + r * cols, (size_t)cols, g + r * ld);
}
