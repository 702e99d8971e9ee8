#include "train/balance_step.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "train/whole_gradient.h"

enum { PIECE = 1 << 14, MOST_TASKS = 256 };

mmoe_plan_kind mmoe_balance_plan(const mmoe_balance_config *config) {
    if (config->method == MMOE_BALANCE_NONE) return MMOE_PLAN_TRAIN;
    return mmoe_balance_takes_gradients(config->method) && config->at == MMOE_AT_REPRESENTATION
               ? MMOE_PLAN_PROBE
               : MMOE_PLAN_REPLAY;
}

static void run_pieces(const mmoe_balancer *b, int tasks, mmoe_pool_fn fn, void *context) {
    mmoe_pool_run(b->pool, tasks, fn, context);
}

/* ---- Pieces ---- */

/* Cuts what `whole` is of into pieces, behind n others; with `pieces` NULL they are counted. */
static int32_t cut(mmoe_gradient_piece *pieces, int32_t n, mmoe_gradient_piece whole) {
    for (int64_t at = 0; at < whole.count; at += PIECE, n++) {
        if (!pieces) continue;
        pieces[n] = whole;
        pieces[n].place += at;
        pieces[n].count = whole.count - at < PIECE ? whole.count - at : PIECE;
    }
    return n;
}

/* The representation, of a batch that is cut so. */
static int32_t cut_segments(const mmoe_balancer *b, const mmoe_cut *rows) {
    int32_t n = 0;
    for (int32_t s = 0; s < rows->segments; s++)
        n = cut(b->pieces, n,
                (mmoe_gradient_piece){(int64_t)s * rows->segment * b->cols,
                                      (int64_t)mmoe_segment_rows(rows, s) * b->cols, 0, s});
    return n;
}

/* A shared tensor is a block of its own: MetaBalance has factors for each. */
static int32_t cut_tensors(const mmoe_tensors *t, const uint8_t *shared,
                           mmoe_gradient_piece *pieces, int32_t *n_block) {
    int32_t n = 0;
    *n_block = 0;
    for (size_t i = 0; i < t->count; i++)
        if (mmoe_tensor_is_trained(&t->items[i]))
            n = cut(pieces, n,
                    (mmoe_gradient_piece){mmoe_tensors_place(t, &t->items[i]), t->items[i].count,
                                          shared[i] ? (*n_block)++ : -1, 0});
    return n;
}

/* Of the representation as many as a batch may have: each segment's last may be short. */
static mmoe_status plan_pieces(mmoe_balancer *b, const mmoe_model *model, const mmoe_plan *plan,
                               int32_t *n_block, mmoe_error *err) {
    const mmoe_tensors *t = &model->graph->tensors;
    uint8_t *shared = mmoe_alloc_zero(&b->alloc, t->count, 1);
    mmoe_status status = shared ? MMOE_OK : mmoe_fail_memory(err, t->count);
    if (!status && !b->probes) status = mmoe_graph_shared_tensors(model->graph, shared, err);
    if (!status) {
        *n_block = 1;
        b->n_piece = b->probes ? (int32_t)((b->size + PIECE - 1) / PIECE) + plan->segments - 1
                               : cut_tensors(t, shared, NULL, n_block);
        b->pieces = mmoe_alloc(&b->alloc, (size_t)b->n_piece, sizeof *b->pieces);
        if (!b->pieces)
            status = mmoe_fail_memory(err, (size_t)b->n_piece * sizeof *b->pieces);
        else if (!b->probes)
            cut_tensors(t, shared, b->pieces, n_block);
    }
    mmoe_release(&b->alloc, shared);
    return status;
}

static bool has_terms(const mmoe_graph *g) {
    for (int32_t i = 0; i < g->n_node; i++)
        if (g->nodes[i].op == MMOE_OP_GATE && g->nodes[i].u.gate.how.balance > 0) return true;
    return false;
}

static mmoe_status plan_gradients(mmoe_balancer *b, const mmoe_model *model, const mmoe_plan *plan,
                                  int32_t *n_block, mmoe_error *err) {
    const int64_t tasks = model->config->n_task, pairs = tasks * (tasks + 1) / 2;
    b->probes = plan->kind == MMOE_PLAN_PROBE;
    b->cols = b->probes ? mmoe_plan_shared_cols(plan) : 0;
    b->size = b->probes ? (int64_t)plan->max_rows * b->cols : model->params.n_whole;
    if (plan_pieces(b, model, plan, n_block, err)) return MMOE_E_MEMORY;
    b->terms =
        !b->probes &&
        has_terms(model->graph); /* a probe does not meet them, and then all are in the last pass */
    const size_t floats = (size_t)((tasks + b->terms) * b->size);
    b->gradients = mmoe_alloc_aligned_zero(
        &b->alloc, floats, sizeof *b->gradients); /* none is written between two tensors */
    b->parts = mmoe_alloc(&b->alloc, (size_t)(b->n_piece * pairs), sizeof *b->parts);
    if (!b->gradients || !b->parts)
        return mmoe_fail_memory(err, floats * sizeof *b->gradients +
                                         (size_t)(b->n_piece * pairs) * sizeof *b->parts);
    return MMOE_OK;
}

mmoe_status mmoe_balancer_init(mmoe_balancer *b, const mmoe_model *model, const mmoe_plan *plan,
                               mmoe_pool *pool, const mmoe_allocator *alloc, mmoe_error *err) {
    const size_t tasks = (size_t)model->config->n_task;
    *b = (mmoe_balancer){.alloc = *alloc, .pool = pool, .model = model, .kernels = plan->kernels};
    int32_t n_block = 0;
    mmoe_status status = MMOE_OK;
    if (mmoe_balance_takes_gradients(model->config->trainer.balance.method))
        status = plan_gradients(b, model, plan, &n_block, err);
    if (!status)
        status = mmoe_balance_init(&b->balance, model->config,
                                   mmoe_graph_losses(model->graph)->divisor, n_block, alloc, err);
    if (!status) {
        b->losses = mmoe_alloc_zero(alloc, 2 * tasks, sizeof *b->losses);
        if (b->losses)
            b->after = b->losses + tasks;
        else
            status = mmoe_fail_memory(err, 2 * tasks * sizeof *b->losses);
    }
    if (status) mmoe_balancer_finish(b);
    return status;
}

mmoe_status mmoe_balancer_widen(const mmoe_balancer *b, const mmoe_plan *plan, mmoe_balancer *next,
                                mmoe_error *err) {
    int32_t n_block = 0;
    *next = (mmoe_balancer){.alloc = b->alloc, .balance.alloc = b->alloc};
    if (!b->gradients || b->probes) return MMOE_OK;
    const mmoe_status status = plan_gradients(next, b->model, plan, &n_block, err);
    if (status) mmoe_balancer_finish(next);
    return status;
}

void mmoe_balancer_exchange(mmoe_balancer *b, mmoe_balancer *next) {
    const mmoe_balancer old = *b;
    if (!next->gradients) return;
    b->size = next->size;
    b->gradients = next->gradients;
    b->n_piece = next->n_piece;
    b->pieces = next->pieces;
    b->parts = next->parts;
    next->size = old.size;
    next->gradients = old.gradients;
    next->n_piece = old.n_piece;
    next->pieces = old.pieces;
    next->parts = old.parts;
}

void mmoe_balancer_finish(mmoe_balancer *b) {
    mmoe_balance_finish(&b->balance);
    mmoe_release(&b->alloc, b->pieces);
    mmoe_release_aligned(&b->alloc, b->gradients);
    mmoe_release(&b->alloc, b->parts);
    mmoe_release(&b->alloc, b->losses);
    b->pieces = NULL;
    b->gradients = NULL;
    b->parts = b->losses = NULL;
}

/* ---- Gradients ---- */

/* The gradient of L_t alone, of every task that is there. */
static void take_gradients(mmoe_balancer *b, mmoe_run *r, const double *weight) {
    const int32_t tasks = b->balance.n_task;
    double alone[MOST_TASKS] = {0};
    r->leaves_terms = r->sums_whole = true;
    for (int32_t t = 0; t < tasks; t++) {
        float *out = b->gradients + t * b->size;
        if (!(weight[t] > 0)) {
            memset(out, 0, (size_t)b->size * sizeof *out);
            continue;
        }
        alone[t] = b->balance.divisor;
        mmoe_run_set_factors(r, alone);
        if (b->probes)
            mmoe_run_probe(r, out);
        else
            mmoe_run_backward(r, NULL, mmoe_gradient_keep,
                              &(mmoe_gradient_room){r->plan->params, out});
        alone[t] = 0;
    }
    r->leaves_terms = false;
    if (b->terms) {
        mmoe_run_set_factors(r, alone);
        mmoe_run_backward(r, NULL, mmoe_gradient_keep,
                          &(mmoe_gradient_room){r->plan->params, b->gradients + tasks * b->size});
    }
    r->sums_whole = false;
    mmoe_run_set_factors(r, NULL);
}

static void multiply_piece(void *context, int worker, int index) {
    (void)worker;
    const mmoe_balancer *b = context;
    const mmoe_gradient_piece *piece = &b->pieces[index];
    const int32_t tasks = b->balance.n_task;
    double *part = b->parts + (int64_t)index * tasks * (tasks + 1) / 2;
    if (piece->block < 0) return;
    for (int32_t i = 0; i < tasks; i++)
        for (int32_t j = 0; j <= i; j++)
            *part++ =
                b->kernels->dot((size_t)piece->count, b->gradients + i * b->size + piece->place,
                                b->gradients + j * b->size + piece->place);
}

/* A product of the pieces [first, end), in their order. */
static double sum_pieces(const mmoe_balancer *b, int32_t first, int32_t end, int64_t pair) {
    const int64_t tasks = b->balance.n_task, pairs = tasks * (tasks + 1) / 2;
    mmoe_tree_number all = {0};
    for (int32_t p = first; p < end;) {
        const int32_t segment = b->pieces[p].segment;
        double sum = 0;
        for (; p < end && b->pieces[p].segment == segment; p++) sum += b->parts[p * pairs + pair];
        mmoe_tree_add(&all, segment, sum);
    }
    return mmoe_tree_end(&all);
}

/* Products of the tasks' gradients, block by block. */
static void multiply_gradients(mmoe_balancer *b, const mmoe_run *r, int32_t n_piece) {
    const int64_t tasks = b->balance.n_task;
    memset(b->balance.gram, 0,
           (size_t)(b->balance.n_block * tasks * tasks) * sizeof *b->balance.gram);
    run_pieces(b, n_piece, multiply_piece, b);
    for (int32_t first = 0, end; first < n_piece; first = end) {
        const int32_t block = b->pieces[first].block;
        for (end = first + 1; end < n_piece && b->pieces[end].block == block;) end++;
        double *gram = b->balance.gram + block * tasks * tasks;
        int64_t pair = 0;
        for (int64_t i = 0; i < tasks && block >= 0; i++)
            for (int64_t j = 0; j <= i; j++)
                gram[i * tasks + j] = gram[j * tasks + i] = sum_pieces(b, first, end, pair++);
    }
    if (b->probes && r->plan->peers) /* the gradients of parameters are sums over ranks */
        r->plan->peers->sum(r->plan->peers, b->balance.gram, tasks * tasks);
}

/* sum_t f_t g_t, and what is no task's, takes the first task's place. */
static void combine_piece(void *context, int worker, int index) {
    (void)worker;
    const mmoe_balancer *b = context;
    const mmoe_gradient_piece *piece = &b->pieces[index];
    const int32_t tasks = b->balance.n_task;
    float f[MOST_TASKS + 1], *at = b->gradients + piece->place;
    for (int32_t t = 0; t < tasks; t++)
        f[t] = (float)((piece->block < 0 ? 1 : b->balance.factor[piece->block * tasks + t]) /
                       b->balance.divisor);
    f[tasks] = 1;
    b->kernels->combine((size_t)piece->count, tasks + b->terms, f, at, (size_t)b->size, at);
}

/* Where the step's gradients go. */
typedef struct gradient_target {
    mmoe_gradient_sink sink;
    void *context;
    const mmoe_balancer *balancer;
    const mmoe_peers *peers; /* of parameters, each rank hands on those of its portion; NULL: all */
} gradient_target;

/* Of a piece what is of this rank's portion. Pieces are places of the model's whole, portions of
 * the ranks', which lacks tables: a block need not begin at the same place of both. */
static void hand_on_portion(const gradient_target *to, const mmoe_gradient_room *room,
                            const mmoe_gradient_piece *piece) {
    const mmoe_peers *peers = to->peers;
    const int64_t *from = peers->portions.from + peers->rank, end = piece->place + piece->count;
    mmoe_params_part part;
    for (int64_t at = piece->place; mmoe_params_next(room->params, &at, end, &part);) {
        const int64_t begin = peers->params->blocks[part.block].place;
        if (begin < 0) continue;
        const int64_t ahead = part.place - (begin + part.offset), behind = part.place + part.count,
                      low = from[0] + ahead > part.place ? from[0] + ahead : part.place,
                      high = from[1] + ahead < behind ? from[1] + ahead : behind;
        if (low < high) mmoe_gradient_hand_on(room, low, high - low, to->sink, to->context);
    }
}

static void hand_on_piece(void *context, int worker, int index) {
    (void)worker;
    const gradient_target *to = context;
    const mmoe_gradient_piece *piece = &to->balancer->pieces[index];
    const mmoe_gradient_room room = {&to->balancer->model->params, to->balancer->gradients};
    if (to->peers)
        hand_on_portion(to, &room, piece);
    else
        mmoe_gradient_hand_on(&room, piece->place, piece->count, to->sink, to->context);
}

/* ---- The step ---- */

static mmoe_status step_by_gradients(mmoe_balancer *b, mmoe_run *r, uint64_t step,
                                     gradient_target *to, const double *weight, mmoe_error *err) {
    const int32_t n_piece = b->probes ? cut_segments(b, &r->cut) : b->n_piece;
    take_gradients(b, r, weight);
    multiply_gradients(b, r, n_piece);
    mmoe_status status = mmoe_balance_factors(&b->balance, step, b->losses, weight, err);
    if (status) return status;
    run_pieces(b, n_piece, combine_piece, b);
    if (b->probes)
        mmoe_run_backward(r, b->gradients, to->sink, to->context);
    else
        run_pieces(b, n_piece, hand_on_piece, to);
    return MMOE_OK;
}

static mmoe_status step_by_losses(mmoe_balancer *b, mmoe_run *r, uint64_t step,
                                  const gradient_target *to, const double *weight,
                                  mmoe_error *err) {
    mmoe_status status = mmoe_balance_factors(&b->balance, step, b->losses, weight, err);
    if (status) return status;
    mmoe_run_set_factors(r, b->balance.factor);
    mmoe_run_backward(r, NULL, to->sink, to->context);
    return MMOE_OK;
}

static void weigh_losses(const mmoe_model *model, const double *loss, double *out) {
    for (int32_t t = 0; t < model->config->n_task; t++)
        out[t] = (double)model->config->tasks[t].loss_weight * loss[t];
}

/* The losses of the same rows behind the step; the running statistics have seen them. */
static void look_again(mmoe_balancer *b, mmoe_run *r, const mmoe_pass *pass) {
    double loss[MOST_TASKS], weight[MOST_TASKS];
    r->keeps_statistics = true;
    mmoe_run_forward(r, &(mmoe_pass){pass->batch, pass->seed, pass->step, loss, weight});
    r->keeps_statistics = false;
    weigh_losses(b->model, loss, b->after);
}

mmoe_status mmoe_balancer_step(mmoe_balancer *b, mmoe_run *r, const mmoe_pass *pass,
                               mmoe_gradient_sink sink, void *context, mmoe_error *err) {
    gradient_target to = {sink, context, b, r->plan->peers};
    mmoe_run_forward(r, pass);
    for (int32_t t = 0; t < b->balance.n_task; t++)
        if (pass->weight[t] > 0 && !isfinite(pass->loss[t])) return MMOE_OK;
    weigh_losses(b->model, pass->loss, b->losses);
    return b->gradients ? step_by_gradients(b, r, pass->step, &to, pass->weight, err)
                        : step_by_losses(b, r, pass->step, &to, pass->weight, err);
}

void mmoe_balancer_end(mmoe_balancer *b, mmoe_run *r, const mmoe_pass *pass,
                       const mmoe_rule *optimizer) {
    if (b->balance.config.method == MMOE_BALANCE_FAMO) look_again(b, r, pass);
    mmoe_balance_update(&b->balance, optimizer, b->losses, b->after);
}

void mmoe_balancer_factors(const mmoe_balancer *b, double *factors) {
    const mmoe_balance *s = &b->balance;
    for (int32_t t = 0; t < s->n_task; t++) {
        factors[t] = 0;
        for (int64_t k = 0; k < s->n_block; k++) factors[t] += s->factor[k * s->n_task + t];
        factors[t] /= s->n_block;
    }
}
