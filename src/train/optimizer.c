#include "train/optimizer.h"

#include <math.h>
#include <string.h>

#include "base/error.h"

enum { LINE = 16, PIECE = 1024 };

static uint8_t penalty_class(mmoe_tensor_role role) {
    return role == MMOE_ROLE_NORM ? MMOE_PENALTY_NONE : MMOE_PENALTY_DENSE;
}

/* Of the layers, the last block: tensors of different roles share no line. */
static mmoe_status mark_layers(mmoe_optimizer *o, const mmoe_tensors *tensors, mmoe_error *err) {
    mmoe_optimizer_block *layers = &o->blocks[o->n_block - 1];
    const size_t lines = (size_t)(layers->count + LINE - 1) / LINE;
    layers->penalty_of = mmoe_alloc_zero(&o->alloc, lines, 1);
    if (!layers->penalty_of) return mmoe_fail_memory(err, lines);
    for (size_t i = 0; i < tensors->count; i++) {
        const mmoe_tensor *t = &tensors->items[i];
        if (t->kind != MMOE_TENSOR_VALUE || t->count == 0) continue;
        const int64_t first = t->offset / LINE, last = (t->offset + t->count - 1) / LINE;
        memset(layers->penalty_of + first, penalty_class(t->role), (size_t)(last - first + 1));
    }
    return MMOE_OK;
}

static mmoe_status init_penalties(mmoe_optimizer *o, const mmoe_trainer_config *c,
                                  const mmoe_tensors *tensors, mmoe_error *err) {
    o->has_penalties =
        c->embedding_l1 > 0 || c->embedding_l2 > 0 || c->dense_l1 > 0 || c->dense_l2 > 0;
    if (!o->has_penalties) return MMOE_OK;
    o->penalties[MMOE_PENALTY_TABLE] = (mmoe_penalty){c->embedding_l1, c->embedding_l2};
    o->penalties[MMOE_PENALTY_DENSE] = (mmoe_penalty){c->dense_l1, c->dense_l2};
    for (int32_t i = 0; i < o->n_block - 1; i++) o->blocks[i].penalty = MMOE_PENALTY_TABLE;
    return mark_layers(o, tensors, err);
}

/* A frozen block gets no gradient, so it needs no moments. */
static mmoe_status init_block(mmoe_optimizer *o, mmoe_optimizer_block *b,
                              const mmoe_params_block *params, mmoe_error *err) {
    if (params->is_frozen) return MMOE_OK;
    const size_t n = (size_t)params->memory.count;
    *b = (mmoe_optimizer_block){.values = params->memory.data, .count = params->memory.count};
    b->m = mmoe_alloc_aligned(&o->alloc, n, sizeof *b->m);
    if (o->kind != MMOE_SGD) b->v = mmoe_alloc_aligned(&o->alloc, n, sizeof *b->v);
    if (!b->m || (!b->v && o->kind != MMOE_SGD)) return mmoe_fail_memory(err, 2 * n * sizeof *b->m);
    return MMOE_OK;
}

static mmoe_status init_blocks(mmoe_optimizer *o, const mmoe_params *params, mmoe_error *err) {
    const size_t count = (size_t)params->n_trained;
    o->blocks = mmoe_alloc_zero(&o->alloc, count, sizeof *o->blocks);
    if (!o->blocks) return mmoe_fail_memory(err, count * sizeof *o->blocks);
    o->n_block = params->n_trained;
    mmoe_status status = MMOE_OK;
    for (int32_t i = 0; i < o->n_block && !status; i++)
        status = init_block(o, &o->blocks[i], &params->blocks[i], err);
    return status;
}

mmoe_status mmoe_optimizer_init(mmoe_optimizer *o, const mmoe_trainer_config *c,
                                const mmoe_params *params, const mmoe_tensors *tensors,
                                const mmoe_allocator *alloc, mmoe_error *err) {
    *o = (mmoe_optimizer){.alloc = *alloc,
                          .kernels = mmoe_kernels_best(),
                          .kind = c->optimizer,
                          .momentum = c->momentum};
    o->adam = (mmoe_adam_args){.lr = c->lr,
                               .beta1 = c->beta1,
                               .beta2 = c->beta2,
                               .eps = c->eps,
                               .weight_decay = c->weight_decay};
    o->adam.decoupled = c->optimizer == MMOE_ADAMW;
    mmoe_status status = init_blocks(o, params, err);
    if (!status) status = init_penalties(o, c, tensors, err);
    if (status)
        mmoe_optimizer_finish(o);
    else
        mmoe_optimizer_restart(o);
    return status;
}

void mmoe_optimizer_restart(mmoe_optimizer *o) {
    o->steps = 0;
    for (int32_t i = 0; i < o->n_block; i++) {
        const size_t size = (size_t)o->blocks[i].count * sizeof(float);
        if (o->blocks[i].m) memset(o->blocks[i].m, 0, size);
        if (o->blocks[i].v) memset(o->blocks[i].v, 0, size);
    }
}

void mmoe_optimizer_finish(mmoe_optimizer *o) {
    for (int32_t i = 0; i < o->n_block; i++) {
        mmoe_release_aligned(&o->alloc, o->blocks[i].m);
        mmoe_release_aligned(&o->alloc, o->blocks[i].v);
        mmoe_release(&o->alloc, o->blocks[i].penalty_of);
    }
    mmoe_release(&o->alloc, o->blocks);
    o->blocks = NULL;
    o->n_block = 0;
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
        return o->kernels->sgd(
            &(mmoe_sgd_args){o->adam.lr, o->momentum, o->adam.weight_decay, o->steps == 1}, n, w, g,
            m);
    return o->kernels->adam(&o->adam, n, w, g, m, v);
}

static void update_run(mmoe_optimizer *o, const mmoe_optimizer_block *b, int64_t at, size_t n,
                       const float *g) {
    if (mmoe_optimizer_move(o, n, b->values + at, g, b->m + at, b->v ? b->v + at : NULL))
        atomic_store_explicit(&o->not_finite, true, memory_order_relaxed);
}

/* Values from `at` on, at most n and PIECE, that have one penalty. */
static size_t piece_of(const mmoe_optimizer_block *b, int64_t at, size_t n, uint8_t *penalty) {
    const int64_t most = at + (int64_t)(n < PIECE ? n : PIECE);
    *penalty = b->penalty;
    if (!b->penalty_of) return (size_t)(most - at);
    *penalty = b->penalty_of[at / LINE];
    int64_t end = (at / LINE + 1) * LINE;
    while (end < most && b->penalty_of[end / LINE] == *penalty) end += LINE;
    return (size_t)((end < most ? end : most) - at);
}

static void apply_run(mmoe_optimizer *o, const mmoe_optimizer_block *b, int64_t at, size_t n,
                      const float *g) {
    if (!o->has_penalties && o->scale == 1) {
        update_run(o, b, at, n, g);
        return;
    }
    float changed[PIECE];
    uint8_t penalty;
    for (size_t done = 0, some; done < n; done += some) {
        const int64_t from = at + (int64_t)done;
        some = piece_of(b, from, n - done, &penalty);
        const mmoe_penalty *p = &o->penalties[penalty];
        o->kernels->regularize(&(mmoe_penalty_args){o->scale, p->l1, p->l2}, some, b->values + from,
                               g + done, changed);
        update_run(o, b, from, some, changed);
    }
}

void mmoe_optimizer_apply(void *context, const mmoe_gradient *g) {
    mmoe_optimizer *o = context;
    const mmoe_optimizer_block *b = &o->blocks[g->block];
    if (g->ld == g->cols) {
        apply_run(o, b, g->offset, (size_t)(g->rows * g->cols), g->values);
        return;
    }
    for (int64_t r = 0; r < g->rows; r++)
        apply_run(o, b, g->offset + r * g->cols, (size_t)g->cols, g->values + r * g->ld);
}
