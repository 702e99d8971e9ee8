#include "train/optimizer.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "config/config_update.h"

enum { LINE = 16, PIECE = 1024, ROWS = 16 };

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

/* Ranks have the same room: what they own differs by a row at most. */
static size_t record_bytes(const mmoe_optimizer_block *b) {
    const int64_t rows = b->owner < 0 ? 0 : ((b->count / b->dim - 1) >> b->shift) + 1;
    return (size_t)rows * (size_t)b->record * sizeof *b->records;
}

static mmoe_status take_records(const mmoe_optimizer *o, mmoe_optimizer_block *b, mmoe_error *err) {
    b->records = mmoe_alloc_aligned_zero(&o->alloc, record_bytes(b), 1);
    return b->records ? MMOE_OK : mmoe_fail_memory(err, record_bytes(b));
}

static mmoe_status init_records(mmoe_optimizer *o, mmoe_optimizer_block *b, mmoe_error *err) {
    b->has_step = b->rule->kind->moves_idle(&b->rule->settings);
    b->record = (int32_t)mmoe_rule_kept(b->rule, b->dim, b->dim) + b->has_step;
    return take_records(o, b, err);
}

static mmoe_status init_moments(const mmoe_optimizer *o, mmoe_optimizer_block *b, mmoe_error *err) {
    const bool has_v = b->rule->kind->moments == 2;
    const size_t n = (size_t)mmoe_optimizer_moments(b, b->kept);
    b->m = mmoe_alloc_aligned_zero(&o->alloc, n, sizeof *b->m);
    b->v = has_v ? mmoe_alloc_aligned_zero(&o->alloc, n, sizeof *b->v) : NULL;
    if (!b->m || (has_v && !b->v)) return mmoe_fail_memory(err, 2 * n * sizeof *b->m);
    return MMOE_OK;
}

/* A frozen block gets no gradient, so it needs no moments. `table` NULL: it is the layers'. */
static mmoe_status init_block(mmoe_optimizer *o, mmoe_optimizer_block *b,
                              const mmoe_params_block *params, const mmoe_embedding *table,
                              mmoe_error *err) {
    if (params->is_frozen) return MMOE_OK;
    *b = (mmoe_optimizer_block){.values = params->memory.data,
                                .count = table ? table->rows * table->dim : params->memory.count,
                                .kept = params->memory.count,
                                .rule = table ? &o->tables : &o->layers,
                                .dim = table ? table->dim : 1};
    if (table) {
        b->shift = b->values_shift = table->deal.shift;
        b->owner = table->deal.owner;
    }
    return table && table->is_deferred ? init_records(o, b, err) : init_moments(o, b, err);
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
    for (const mmoe_optimizer_block *b = o->blocks; b < o->blocks + o->n_block; b++) {
        if (b->m) memset(b->m, 0, (size_t)mmoe_optimizer_moments(b, b->kept) * sizeof *b->m);
        if (b->v) memset(b->v, 0, (size_t)mmoe_optimizer_moments(b, b->kept) * sizeof *b->v);
    }
}

static bool has_steps(const mmoe_optimizer *o) {
    for (int32_t i = 0; i < o->n_block; i++)
        if (o->blocks[i].has_step) return true;
    return false;
}

mmoe_status mmoe_optimizer_init(mmoe_optimizer *o, const mmoe_trainer_config *c,
                                const mmoe_params *params, const mmoe_tensors *tensors,
                                const mmoe_allocator *alloc, mmoe_error *err) {
    const mmoe_optimizer_config *tables = mmoe_config_embedding_optimizer(c);
    const double lr = (double)c->optimizer.lr, min_lr = (double)c->min_lr;
    const bool is_lazy = c->embedding_update == MMOE_UPDATE_LAZY;
    *o = (mmoe_optimizer){.alloc = *alloc,
                          .layers = mmoe_rule_of(&c->optimizer, false),
                          .tables = mmoe_rule_of(tables, is_lazy),
                          .tables_lr = (double)tables->lr / lr};
    mmoe_status status = init_blocks(o, params, err);
    if (!status && has_steps(o) && !is_lazy)
        status =
            mmoe_history_init(&o->history, &o->tables, fmax(lr, min_lr) * o->tables_lr, alloc, err);
    if (!status) status = init_penalties(o, c, tensors, err);
    if (status) mmoe_optimizer_finish(o);
    return status;
}

void mmoe_optimizer_expect(mmoe_optimizer *o, double most) {
    if (o->history.rates) mmoe_history_expect(&o->history, most * o->tables_lr);
}

bool mmoe_optimizer_has_records(const mmoe_optimizer *o) {
    for (int32_t i = 0; i < o->n_block; i++)
        if (o->blocks[i].records) return true;
    return false;
}

void mmoe_optimizer_restart(mmoe_optimizer *o) {
    o->steps = 0;
    clear_moments(o);
    for (int32_t i = 0; i < o->n_block; i++) {
        const mmoe_optimizer_block *b = &o->blocks[i];
        if (b->records) memset(b->records, 0, record_bytes(b));
    }
    if (o->history.rates) mmoe_history_restart(&o->history, 0);
}

static void release_moments(const mmoe_optimizer *o, const mmoe_optimizer_block *blocks) {
    for (const mmoe_optimizer_block *b = blocks; b < blocks + o->n_block; b++) {
        mmoe_release_aligned(&o->alloc, b->m);
        mmoe_release_aligned(&o->alloc, b->v);
        mmoe_release_aligned(&o->alloc, b->records);
    }
}

void mmoe_optimizer_finish(mmoe_optimizer *o) {
    if (o->blocks) release_moments(o, o->blocks);
    for (int32_t i = 0; i < o->n_block; i++) mmoe_release(&o->alloc, o->blocks[i].penalty_of);
    mmoe_release(&o->alloc, o->blocks);
    if (o->history.rates) mmoe_history_finish(&o->history);
    o->blocks = NULL;
    o->n_block = 0;
}

mmoe_value_range mmoe_optimizer_range(const mmoe_optimizer_block *b, int64_t place, int64_t first,
                                      int64_t end) {
    const int64_t from = first > place ? first - place : 0,
                  behind = end - place < b->count ? end - place : b->count;
    return from < behind ? (mmoe_value_range){from, behind - from} : (mmoe_value_range){0, 0};
}

static mmoe_status take_share(const mmoe_optimizer *o, const mmoe_optimizer_share *own, int32_t i,
                              mmoe_optimizer_block *b, mmoe_error *err) {
    const int32_t owners = own->ranks < MMOE_TABLE_PARTS ? own->ranks : MMOE_TABLE_PARTS;
    const mmoe_value_range range =
        mmoe_optimizer_range(b, own->params->blocks[i].place, own->first, own->end);
    if (o->blocks[i].m) {
        b->first = range.first;
        b->kept = range.count;
        return init_moments(o, b, err);
    }
    if (!o->blocks[i].records) return MMOE_OK;
    while (1 << b->shift < owners) b->shift++;
    b->owner = own->rank < owners ? own->rank : -1;
    return take_records(o, b, err);
}

mmoe_status mmoe_optimizer_portion(const mmoe_optimizer *o, const mmoe_optimizer_share *own,
                                   mmoe_optimizer_block **out, mmoe_error *err) {
    mmoe_optimizer_block *blocks = mmoe_alloc(&o->alloc, (size_t)o->n_block, sizeof *blocks);
    if (!blocks) return mmoe_fail_memory(err, (size_t)o->n_block * sizeof *blocks);
    memcpy(blocks, o->blocks, (size_t)o->n_block * sizeof *blocks);
    for (int32_t i = 0; i < o->n_block; i++) blocks[i].m = blocks[i].v = blocks[i].records = NULL;
    mmoe_status status = MMOE_OK;
    for (int32_t i = 0; i < o->n_block && !status; i++)
        status = take_share(o, own, i, &blocks[i], err);
    if (status)
        mmoe_optimizer_release(o, blocks);
    else
        *out = blocks;
    return status;
}

void mmoe_optimizer_release(const mmoe_optimizer *o, mmoe_optimizer_block *blocks) {
    if (blocks) release_moments(o, blocks);
    mmoe_release(&o->alloc, blocks);
}

void mmoe_optimizer_take(mmoe_optimizer *o, mmoe_optimizer_block *blocks) {
    release_moments(o, o->blocks);
    mmoe_release(&o->alloc, o->blocks);
    o->blocks = blocks;
}

size_t mmoe_optimizer_block_memory(const mmoe_optimizer_block *b) {
    int64_t floats = b->m ? mmoe_rule_kept(b->rule, b->kept, b->dim) : 0;
    return (size_t)floats * sizeof(float) + (b->records ? record_bytes(b) : 0);
}

size_t mmoe_optimizer_memory(const mmoe_optimizer *o) {
    size_t bytes = mmoe_history_memory(&o->history);
    for (int32_t i = 0; i < o->n_block; i++) bytes += mmoe_optimizer_block_memory(&o->blocks[i]);
    return bytes;
}

void mmoe_optimizer_begin(mmoe_optimizer *o, float lr) {
    atomic_store_explicit(&o->not_finite, false, memory_order_relaxed);
    o->scale = 1;
    o->steps++;
    mmoe_rule_begin(&o->layers, o->steps, lr);
    mmoe_rule_begin(&o->tables, o->steps, (float)((double)lr * o->tables_lr));
}

void mmoe_optimizer_end(mmoe_optimizer *o) {
    if (o->history.rates) mmoe_history_add(&o->history, &o->tables.rate);
}

static void note_finite(mmoe_optimizer *o, bool is_bad) {
    if (is_bad) atomic_store_explicit(&o->not_finite, true, memory_order_relaxed);
}

static const mmoe_penalty_args unchanged = {.scale = 1};

static void update_run(mmoe_optimizer *o, const mmoe_optimizer_block *b, int64_t at, size_t n,
                       const float *g) {
    const int64_t own = at - b->first;
    const mmoe_moved to = {b->values + at, b->m + own, b->v ? b->v + own : NULL, n};
    note_finite(o, b->rule->kind->move(b->rule, &unchanged, &to, g));
}

/* Whole rows, each with its number. */
static void apply_rows(mmoe_optimizer *o, const mmoe_optimizer_block *b, int64_t at, size_t n,
                       const float *g) {
    const mmoe_penalty *p = &o->penalties[b->penalty];
    const mmoe_penalty_args of = {o->scale, p->l1, p->l2};
    bool is_bad = false;
    assert(at % b->dim == 0 && n % (size_t)b->dim == 0);
    for (size_t done = 0; done < n; done += (size_t)b->dim) {
        const int64_t first = at + (int64_t)done;
        const mmoe_moved to = {b->values + first, b->m + (first - b->first) / b->dim, NULL,
                               (size_t)b->dim};
        is_bad |= b->rule->kind->move(b->rule, &of, &to, g + done);
    }
    note_finite(o, is_bad);
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
    if (b->rule->kind->is_of_rows) {
        apply_rows(o, b, at, n, g);
        return;
    }
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
        b->rule->kernels->regularize(&(mmoe_penalty_args){o->scale, p->l1, p->l2}, some,
                                     b->values + from, g + done, changed);
        update_run(o, b, from, some, changed);
    }
}

/* Rows of the gradient from the r-th on. Those that were brought up to date are in the cache, and
 * to ask for them again costs more than it brings; others are on their way. Steps are written
 * behind the moments beside them, which brings their lines. */
static bool move_rows(const mmoe_optimizer *o, const mmoe_optimizer_block *b,
                      const mmoe_gradient *g, int64_t r, int32_t n) {
    const mmoe_rule_kind *kind = b->rule->kind;
    const bool asks = !o->history.rates;
    mmoe_adam_row rows[ROWS];
    bool is_bad = false;
    for (int32_t i = 0; i < n; i++) {
        if (asks && r + i + MMOE_RECORDS_NEAR < g->rows)
            mmoe_record_ask(b, g->at[r + i + MMOE_RECORDS_NEAR], mmoe_ask);
        const mmoe_moved row = mmoe_record_row(b, g->at[r + i]);
        const float *values = g->values + (r + i) * g->ld;
        if (kind->move_rows)
            rows[i] = (mmoe_adam_row){row.w, row.m, row.v, values};
        else
            is_bad |= kind->move(b->rule, &unchanged, &row, values);
    }
    if (kind->move_rows) is_bad = kind->move_rows(b->rule, (size_t)b->dim, rows, (size_t)n);
    for (int32_t i = 0; b->has_step && i < n; i++)
        *mmoe_record_step(b, g->at[r + i]) = (uint32_t)o->steps;
    return is_bad;
}

static void update_records(mmoe_optimizer *o, const mmoe_optimizer_block *b,
                           const mmoe_gradient *g) {
    bool is_bad = false;
    for (int64_t r = 0; r < g->rows; r += ROWS)
        is_bad |= move_rows(o, b, g, r, (int32_t)(g->rows - r < ROWS ? g->rows - r : ROWS));
    note_finite(o, is_bad);
}

void mmoe_optimizer_apply(void *context, const mmoe_gradient *g) {
    mmoe_optimizer *o = context;
    const mmoe_optimizer_block *b = &o->blocks[g->block];
    if (g->at) {
        update_records(o, b, g);
        return;
    }
    if (g->ld == g->cols) {
        apply_run(o, b, g->offset, (size_t)(g->rows * g->cols), g->values);
        return;
    }
    for (int64_t r = 0; r < g->rows; r++)
        apply_run(o, b, g->offset + r * g->cols, (size_t)g->cols, g->values + r * g->ld);
}
