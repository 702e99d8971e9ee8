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

static mmoe_status init_records(mmoe_optimizer *o, mmoe_optimizer_block *b,
                                const mmoe_embedding *table, mmoe_error *err) {
    const size_t rows = (size_t)table->rows;
    b->dim = table->dim;
    b->record = (o->kind == MMOE_SGD ? 1 : 2) * table->dim + 1;
    b->records = mmoe_alloc_aligned_zero(&o->alloc, rows, (size_t)b->record * sizeof *b->records);
    return b->records ? MMOE_OK
                      : mmoe_fail_memory(err, rows * (size_t)b->record * sizeof *b->records);
}

/* A frozen block gets no gradient, so it needs no moments. */
static mmoe_status init_block(mmoe_optimizer *o, mmoe_optimizer_block *b,
                              const mmoe_params_block *params, const mmoe_embedding *table,
                              mmoe_error *err) {
    if (params->is_frozen) return MMOE_OK;
    const size_t n = (size_t)params->memory.count;
    *b = (mmoe_optimizer_block){.values = params->memory.data, .count = params->memory.count};
    if (table && table->is_deferred) return init_records(o, b, table, err);
    b->m = mmoe_alloc_aligned_zero(&o->alloc, n, sizeof *b->m);
    if (o->kind != MMOE_SGD) b->v = mmoe_alloc_aligned_zero(&o->alloc, n, sizeof *b->v);
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
        status = init_block(o, &o->blocks[i], &params->blocks[i],
                            i < params->n_table ? &params->tables[i] : NULL, err);
    return status;
}

static void clear_moments(const mmoe_optimizer *o) {
    for (int32_t i = 0; i < o->n_block; i++) {
        const size_t size = (size_t)o->blocks[i].count * sizeof(float);
        if (o->blocks[i].m) memset(o->blocks[i].m, 0, size);
        if (o->blocks[i].v) memset(o->blocks[i].v, 0, size);
    }
}

static bool has_records(const mmoe_optimizer *o) {
    for (int32_t i = 0; i < o->n_block; i++)
        if (o->blocks[i].records) return true;
    return false;
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
    o->is_lazy = c->embedding_update == MMOE_UPDATE_LAZY;
    mmoe_status status = init_blocks(o, params, err);
    if (!status && has_records(o) && !o->is_lazy)
        status = mmoe_history_init(&o->history, c, alloc, err);
    if (!status) status = init_penalties(o, c, tensors, err);
    if (status) mmoe_optimizer_finish(o);
    return status;
}

void mmoe_optimizer_restart(mmoe_optimizer *o) {
    o->steps = 0;
    clear_moments(o);
    for (int32_t i = 0; i < o->n_block; i++) {
        const mmoe_optimizer_block *b = &o->blocks[i];
        if (b->records)
            memset(b->records, 0,
                   (size_t)(b->count / b->dim) * (size_t)b->record * sizeof *b->records);
    }
    if (o->history.rates) mmoe_history_restart(&o->history, 0);
}

void mmoe_optimizer_finish(mmoe_optimizer *o) {
    for (int32_t i = 0; i < o->n_block; i++) {
        mmoe_release_aligned(&o->alloc, o->blocks[i].m);
        mmoe_release_aligned(&o->alloc, o->blocks[i].v);
        mmoe_release_aligned(&o->alloc, o->blocks[i].records);
        mmoe_release(&o->alloc, o->blocks[i].penalty_of);
    }
    mmoe_release(&o->alloc, o->blocks);
    if (o->history.rates) mmoe_history_finish(&o->history);
    o->blocks = NULL;
    o->n_block = 0;
}

size_t mmoe_optimizer_block_memory(const mmoe_optimizer_block *b) {
    int64_t floats = b->count * ((b->m != NULL) + (b->v != NULL));
    if (b->records) floats += b->count / b->dim * b->record;
    return (size_t)floats * sizeof(float);
}

size_t mmoe_optimizer_memory(const mmoe_optimizer *o) {
    size_t bytes = mmoe_history_memory(&o->history);
    for (int32_t i = 0; i < o->n_block; i++) bytes += mmoe_optimizer_block_memory(&o->blocks[i]);
    return bytes;
}

void mmoe_optimizer_begin(mmoe_optimizer *o) {
    atomic_store_explicit(&o->not_finite, false, memory_order_relaxed);
    o->scale = 1;
    double t = (double)++o->steps;
    o->adam.correction1 = (float)(1 / (1 - pow((double)o->adam.beta1, t)));
    o->adam.correction2 = (float)(1 / sqrt(1 - pow((double)o->adam.beta2, t)));
}

void mmoe_optimizer_end(mmoe_optimizer *o) {
    if (o->history.rates) mmoe_history_add(&o->history, &o->adam);
}

/* `adam`: the step's, or what it is for some. */
static bool move_by(const mmoe_optimizer *o, const mmoe_adam_args *adam, const mmoe_idle_row *to,
                    const float *g) {
    if (o->kind == MMOE_SGD)
        return o->kernels->sgd(
            &(mmoe_sgd_args){adam->lr, o->momentum, adam->weight_decay, o->steps == 1}, to->n,
            to->w, g, to->m);
    return o->kernels->adam(adam, to->n, to->w, g, to->m, to->v);
}

bool mmoe_optimizer_move(const mmoe_optimizer *o, size_t n, float *w, const float *g, float *m,
                         float *v) {
    return move_by(o, &o->adam, &(mmoe_idle_row){w, m, v, n}, g);
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

/* torch.optim.SparseAdam adds eps to the root of v before that is corrected. */
static void update_rows(mmoe_optimizer *o, const mmoe_optimizer_block *b, const mmoe_gradient *g) {
    mmoe_adam_args adam = o->adam;
    bool is_bad = false;
    if (o->is_lazy) adam.eps *= adam.correction2;
    for (int64_t r = 0; r < g->rows; r++) {
        if (r + MMOE_RECORDS_AHEAD < g->rows) mmoe_record_ask(b, g->at[r + MMOE_RECORDS_AHEAD]);
        const mmoe_idle_row row = mmoe_record_row(b, g->at[r], o->kind != MMOE_SGD);
        is_bad |= move_by(o, &adam, &row, g->values + r * g->ld);
        *mmoe_record_step(b, g->at[r]) = (uint32_t)o->steps;
    }
    if (is_bad) atomic_store_explicit(&o->not_finite, true, memory_order_relaxed);
}

void mmoe_optimizer_apply(void *context, const mmoe_gradient *g) {
    mmoe_optimizer *o = context;
    const mmoe_optimizer_block *b = &o->blocks[g->block];
    if (g->at) {
        update_rows(o, b, g);
        return;
    }
    if (g->ld == g->cols) {
        apply_run(o, b, g->offset, (size_t)(g->rows * g->cols), g->values);
        return;
    }
    for (int64_t r = 0; r < g->rows; r++)
        apply_run(o, b, g->offset + r * g->cols, (size_t)g->cols, g->values + r * g->ld);
}
