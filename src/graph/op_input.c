/* x = [table_0[id_0], table_1[id_1], ..., dense]; the gradient of a table's row is the sum of dx
 * over the rows that looked it up. */
#include <assert.h>
#include <string.h>

#include "base/ask.h"
#include "graph/copied_rows.h"
#include "graph/cost.h"
#include "graph/op.h"
#include "graph/shared_rows.h"

/* ---- The node ---- */

mmoe_status mmoe_graph_input(mmoe_graph *g, const char *name, const mmoe_input_args *args,
                             mmoe_view *out, mmoe_error *err) {
    const int32_t n_lookup = args->n_lookup;
    mmoe_node n = {.op = MMOE_OP_INPUT, .in = -1};
    n.u.input.n_lookup = n_lookup;
    n.u.input.n_dense = args->n_dense;
    n.u.input.lookups = mmoe_node_keep(g, &n, args->lookups, n_lookup, sizeof *args->lookups);
    int32_t embedded = 0;
    for (int32_t i = 0; i < n_lookup; i++) {
        assert(args->lookups[i].col == embedded);
        embedded += mmoe_lookup_width(&args->lookups[i]);
        if (args->lookups[i].is_list && args->lookups[i].column >= g->n_list)
            g->n_list = args->lookups[i].column + 1;
    }
    n.u.input.dense_col = embedded;
    g->n_id = args->n_id;
    g->n_dense = args->n_dense;
    return mmoe_graph_add(g, name, &n, (mmoe_value){embedded + args->n_dense, embedded}, out, err);
}

static void input_inputs(const mmoe_graph *g, const mmoe_node *n, mmoe_input_visit visit,
                         void *context) {
    (void)g, (void)n, (void)visit, (void)context; /* it reads the batch */
}

static void input_weights(const mmoe_node *n, mmoe_weights_visit visit, void *context) {
    for (int32_t i = 0; i < n->u.input.n_lookup; i++) {
        const mmoe_lookup *l = &n->u.input.lookups[i];
        const int32_t cols = mmoe_lookup_width(l);
        visit(context, &(mmoe_node_weights){l->table, 0, l->rows * l->dim, l->col, cols, cols});
    }
}

static void input_kept(const mmoe_node *n, mmoe_value_visit visit, void *context) {
    visit(context, n->out, true);
}

/* The batch's columns are read and written once. */
static mmoe_cost input_cost(const mmoe_plan *p, int32_t node, const mmoe_timed *what) {
    (void)node;
    return (mmoe_cost){0, what->rows * 8 * p->input.width};
}

/* ---- Tables ---- */

/* Groups the reads of tables that learn by table, in the order in which tables first occur.
 * `numbers` [tables] has zeros, and gets the number of each table's group, from 1. */
static void group_reads(const mmoe_plan *p, mmoe_input_state *own, int32_t *numbers) {
    for (int32_t i = 0; i < own->n_read; i++) {
        mmoe_embedding *table = own->reads[i].table;
        const int32_t index = (int32_t)(table - p->params->tables);
        if (table->is_frozen) continue;
        if (!numbers[index]) {
            numbers[index] = ++own->n_use;
            own->uses[own->n_use - 1] = (mmoe_table_use){table, index, 0, 0};
        }
        own->uses[numbers[index] - 1].count++;
    }
    int32_t placed = 0;
    for (int32_t i = 0; i < own->n_use; i++) {
        own->uses[i].first = placed;
        placed += own->uses[i].count;
        own->uses[i].count = 0;
    }
    for (int32_t i = 0; i < own->n_read; i++) {
        const int32_t number = numbers[own->reads[i].table - p->params->tables];
        if (!number) continue;
        mmoe_table_use *use = &own->uses[number - 1];
        own->used[use->first + use->count++] = own->reads[i];
    }
}

/* Room for elements of a list: those that max_len allows, if it is said and not large. */
enum { USUAL_ROOM = 64, MOST_ROOM = 256 };

static mmoe_bag_order *lay_order(const mmoe_plan *p, const mmoe_lookup *k, mmoe_layout *l) {
    const mmoe_embedding *t = &p->params->tables[k->table];
    mmoe_bag_order order = {.room = k->bag.max_len > 0 ? k->bag.max_len : USUAL_ROOM};
    if (order.room > MOST_ROOM) order.room = MOST_ROOM;
    if (!p->training || !mmoe_bag_adds(&k->bag)) return NULL;
    order.ranges = t->kind->ranges(t, &order.shift);
    if (order.ranges == 1) return NULL;
    const size_t chunks = (size_t)p->max_chunks;
    mmoe_bag_order *out = mmoe_lay(l, 1, sizeof *out);
    order.parts = mmoe_lay(l, (size_t)p->room_rows * (size_t)order.room, sizeof *order.parts);
    order.starts = mmoe_lay(l, chunks * ((size_t)order.ranges + 2), sizeof *order.starts);
    order.sorted = mmoe_lay(l, chunks, sizeof *order.sorted);
    if (out) *out = order;
    return out;
}

/* A list's working memory in training. */
static mmoe_bag lay_bag(const mmoe_plan *p, const mmoe_lookup *k, mmoe_layout *l) {
    mmoe_bag bag = k->bag;
    bag.order = lay_order(p, k, l);
    if (p->training && bag.how == MMOE_POOL_MAX)
        bag.chosen = mmoe_lay(l, (size_t)p->room_rows * (size_t)k->dim, sizeof *bag.chosen);
    return bag;
}

static void input_lay(const mmoe_plan *p, int32_t node, mmoe_layout *l) {
    const mmoe_node *n = &p->graph->nodes[node];
    const size_t count = (size_t)n->u.input.n_lookup;
    mmoe_input_state *own = mmoe_lay(l, 1, sizeof *own);
    mmoe_table_read *reads = mmoe_lay(l, count, sizeof *reads),
                    *used = mmoe_lay(l, p->training ? count : 0, sizeof *used);
    mmoe_table_use *uses = mmoe_lay(l, p->training ? count : 0, sizeof *uses);
    mmoe_bag *bags = mmoe_lay(l, count, sizeof *bags);
    int32_t *numbers = mmoe_lay(l, p->training ? (size_t)p->params->n_table : 0, sizeof *numbers);
    mmoe_shared_rows *shared = mmoe_shared_rows_lay(p, count, l);
    p->nodes[node].own = own;
    if (own) *own = (mmoe_input_state){reads, used, uses, bags, 0, 0, shared};
    for (size_t i = 0; i < count; i++) {
        const mmoe_lookup *k = &n->u.input.lookups[i];
        if (p->input.col[i] < 0) continue;
        const mmoe_bag bag = k->is_list ? lay_bag(p, k, l) : k->bag;
        if (!own) continue;
        bags[i] = bag;
        reads[own->n_read++] = (mmoe_table_read){&p->params->tables[k->table], k->column,
                                                 p->input.col[i], k->is_list ? &bags[i] : NULL};
    }
    if (own && p->training) group_reads(p, own, numbers);
    if (own && own->shared) mmoe_shared_rows_begin(own);
}

/* Tasks of uses [first, ...), which are of one kind. */
typedef struct use_list {
    mmoe_task_list *tasks;
    int32_t node, first;
} use_list;

static void list_use(void *context, const mmoe_table_task *t, size_t scratch) {
    const use_list *u = context;
    mmoe_list_task(u->tasks,
                   (mmoe_weight_task){u->node, u->first + t->first, t->count, t->row, t->rows},
                   scratch);
}

static void input_list(const mmoe_plan *p, int32_t node, mmoe_task_list *l) {
    const mmoe_input_state *own = p->nodes[node].own;
    for (int32_t first = 0, count; first < own->n_use; first += count) {
        const mmoe_table_use *uses = own->uses + first;
        const mmoe_table_kind *kind = uses->table->kind;
        for (count = 1; first + count < own->n_use && uses[count].table->kind == kind;) count++;
        kind->list(uses, count, p->own_segments, list_use, &(use_list){l, node, first});
    }
}

/* ---- Before the chunks ---- */

static mmoe_table_reading reading_of(const mmoe_plan *p, int32_t node, int32_t use,
                                     const mmoe_rows *batch, const mmoe_cut *cut) {
    const mmoe_input_state *own = p->nodes[node].own;
    return (mmoe_table_reading){.use = &own->uses[use],
                                .reads = own->used,
                                .batch = batch,
                                .chunk = cut->chunk,
                                .segment = cut->segment,
                                .ranks = p->ranks,
                                .rank = p->rank};
}

/* Of the batch that is run. */
static mmoe_table_reading reading_now(const mmoe_run *r, int32_t node, int32_t use) {
    mmoe_table_reading reading = reading_of(r->plan, node, use, r->all, &r->whole);
    reading.share = r->share;
    return reading;
}

static void input_list_prepares(const mmoe_plan *p, int32_t node, mmoe_task_list *l) {
    const mmoe_input_state *own = p->nodes[node].own;
    for (int32_t u = 0; u < own->n_use; u++)
        for (int32_t part = 0; part < own->uses[u].table->kind->parts; part++)
            mmoe_list_task(l, (mmoe_weight_task){node, u, 1, part, 1}, 0);
}

static mmoe_status input_admit(const mmoe_plan *p, int32_t node, const mmoe_rows *batch,
                               const mmoe_cut *cut, mmoe_error *err) {
    mmoe_input_state *own = p->nodes[node].own;
    mmoe_status status = MMOE_OK;
    for (int32_t u = 0; u < own->n_use && !status; u++) {
        const mmoe_table_reading reading = reading_of(p, node, u, batch, cut);
        if (own->uses[u].table->kind->parts)
            status = own->uses[u].table->kind->admit(&own->uses[u], &reading, err);
    }
    if (!status && own->shared) status = mmoe_shared_rows_admit(p, own, batch, err);
    return status;
}

static size_t input_admitted(const mmoe_plan *p, int32_t node) {
    const mmoe_input_state *own = p->nodes[node].own;
    size_t bytes = 0;
    for (int32_t u = 0; u < own->n_use; u++)
        if (own->uses[u].table->kind->parts)
            bytes += own->uses[u].table->kind->memory(&own->uses[u]);
    return bytes + (own->shared ? mmoe_shared_rows_memory(own) : 0);
}

static void input_leave(const mmoe_plan *p, int32_t node) {
    mmoe_input_state *own = p->nodes[node].own;
    for (int32_t u = 0; u < own->n_use; u++)
        if (own->uses[u].table->kind->parts) own->uses[u].table->kind->leave(&own->uses[u]);
    if (own->shared) mmoe_shared_rows_leave(p, own);
}

/* Does this rank look up what a row of the batch reads? */
static bool is_asked(const mmoe_run *r, int32_t row) {
    return !r->share || row / r->share == r->plan->rank;
}

/* The ids of its rows, in a part whose rows have places. */
static void number_ids(const mmoe_run *r, const mmoe_weight_task *t) {
    const mmoe_input_state *own = r->plan->nodes[t->node].own;
    const int32_t first = r->share * r->plan->rank, end = first + r->share;
    mmoe_shared_rows_number(own, t, r->share ? first : 0, r->share ? end : r->all->rows);
}

static void input_deal(mmoe_run *r, int32_t node, int32_t chunk) {
    const mmoe_input_state *own = r->plan->nodes[node].own;
    for (int32_t u = 0; u < own->n_use; u++) {
        const mmoe_table_reading reading = reading_now(r, node, u);
        if (own->uses[u].table->kind->parts) own->uses[u].table->kind->deal(&reading, chunk);
    }
    const int32_t first = chunk * r->whole.chunk;
    if (own->shared && is_asked(r, first))
        mmoe_shared_rows_copy(r->plan, own, r->all, first,
                              first + mmoe_chunk_rows(&r->whole, chunk));
}

static void input_prepare(mmoe_run *r, const mmoe_weight_task *t) {
    const mmoe_input_state *own = r->plan->nodes[t->node].own;
    const mmoe_table_reading reading = reading_now(r, t->node, t->first);
    reading.use->table->kind->prepare(&reading, (int32_t)t->row);
    if (own->shared && mmoe_part_is_own(r->plan, t)) mmoe_shared_rows_count(r->plan, own, t);
}

/* Of several ranks, an owner's rows; the ids of all. */
static void input_refresh(mmoe_run *r, const mmoe_weight_task *t) {
    const mmoe_input_state *own = r->plan->nodes[t->node].own;
    const mmoe_table_use *use = &own->uses[t->first];
    if (own->shared) number_ids(r, t); /* whatever comes: a step that fails is gone through */
    if (!mmoe_part_is_own(r->plan, t)) return;
    if (r->refresh) use->table->kind->tell(use, (int32_t)t->row, r->refresh, r->refresh_context);
    if (own->shared) mmoe_shared_rows_give(r->plan, own, t, r->share);
}

static void input_place(mmoe_run *r, int32_t node) {
    const mmoe_input_state *own = r->plan->nodes[node].own;
    if (own->shared) mmoe_shared_rows_place(r->plan, own);
}

static bool input_fetch(mmoe_run *r, int32_t node) {
    const mmoe_plan *p = r->plan;
    const mmoe_input_state *own = p->nodes[node].own;
    return !own->shared || mmoe_shared_rows_fetch(p, own, r->share);
}

static void input_take(mmoe_run *r, const mmoe_weight_task *t) {
    const mmoe_input_state *own = r->plan->nodes[t->node].own;
    if (!mmoe_part_is_own(r->plan, t)) mmoe_shared_rows_take(own, t);
}

static const mmoe_rows *input_renumber(mmoe_run *r, int32_t node, int32_t first, int32_t end) {
    const mmoe_input_state *own = r->plan->nodes[node].own;
    if (!own->shared || !own->shared->is_dealt) return NULL;
    mmoe_shared_rows_renumber(own, first, end);
    return &own->shared->renumbered.rows;
}

/* ---- A chunk ---- */

/* Other workers have read the last batch's x, so writing this one's would be slow line by line. */
static void claim_x(const mmoe_plan *p, const mmoe_node *n, const mmoe_span *s, float *x) {
    enum { LINE = 16 }; /* floats */
    const size_t floats = (size_t)s->rows * (size_t)p->values[n->out].ld;
    for (size_t i = 0; p->training && p->workers > 1 && i < floats; i += LINE) mmoe_claim(x + i);
}

/* Of tables that are dealt, places among what was fetched, in `ids` and lists alike: this rank's
 * rows by these numbers. */
static mmoe_rows take_numbers(mmoe_run *r, int32_t node, const mmoe_span *s, int32_t *ids) {
    const int32_t n_id = r->plan->graph->n_id, n_list = r->plan->graph->n_list;
    const mmoe_rows *all = input_renumber(r, node, s->row, s->row + s->rows);
    if (!all) return *r->batch;
    const mmoe_rows own = mmoe_rows_part(all, r->first_row, r->cut.rows);
    for (int32_t b = s->first; b < s->first + s->rows; b++, ids += n_id + n_list) {
        if (n_id) memcpy(ids, own.ids + (size_t)b * own.id_stride, (size_t)n_id * sizeof *ids);
        if (n_list) mmoe_copy_lists_of_one(&own.lists, (size_t)b, ids + n_id, n_list);
    }
    return own;
}

static void input_forward(mmoe_run *r, int32_t node, const mmoe_span *s) {
    const mmoe_plan *p = r->plan;
    const mmoe_node *n = &p->graph->nodes[node];
    const mmoe_input_state *own = p->nodes[node].own;
    float *x = mmoe_value_at(p, n->out, s); /* [rows, D], its padding to ld zero */
    int32_t *ids = mmoe_ids_at(p, s);
    claim_x(p, n, s, x);
    mmoe_copy_chunk(r, n, s, x, ids);
    const mmoe_rows numbers = take_numbers(r, node, s, ids);
    const mmoe_looked_up m = {.rows = s->rows,
                              .n_id = p->graph->n_id + p->graph->n_list,
                              .first_list = p->graph->n_id,
                              .ld = p->values[n->out].ld,
                              .first = s->first,
                              .chunk = r->cut.chunk,
                              .ids = ids,
                              .batch = &numbers,
                              .x = x};
    for (int32_t first = 0, count; first < own->n_read; first += count) {
        const mmoe_table_read *reads = own->reads + first;
        const mmoe_table_kind *kind = reads->table->kind;
        for (count = 1; first + count < own->n_read && reads[count].table->kind == kind;) count++;
        kind->gather(reads, count, &m);
    }
}

/* ---- The tables' gradients ---- */

/* A task whose sums come back. */
typedef struct table_sums {
    mmoe_run *run;
    const mmoe_weight_task *task;
    int worker;
    double start; /* of the scatter */
    bool done;
} table_sums;

static void hand_on_rows(void *context, const mmoe_row_gradient *g) {
    table_sums *t = context;
    if (!t->done) mmoe_run_task_done(t->run, t->worker, MMOE_PASS_WEIGHTS, t->task, t->start);
    t->done = true;
    mmoe_run_sink(
        t->run, t->worker, t->task->node,
        &(mmoe_gradient){g->table, g->first * g->dim, g->rows, g->dim, g->values, g->dim, g->at});
}

static mmoe_scattering scattering_of(mmoe_run *r, table_sums *sums) {
    const mmoe_plan *p = r->plan;
    const mmoe_weight_task *t = sums->task;
    const mmoe_input_state *own = p->nodes[t->node].own;
    const mmoe_buffer *dx = &p->grads[p->graph->nodes[t->node].out];
    const bool is_shared = own->shared && own->uses[t->first].table->kind->parts;
    return (mmoe_scattering){.uses = own->uses,
                             .reads = own->used,
                             .dx = {.rows = r->batch->rows,
                                    .n_id = p->graph->n_id + p->graph->n_list,
                                    .first_list = p->graph->n_id,
                                    .ld = dx->ld,
                                    .chunk = r->cut.chunk,
                                    .ids = p->ids,
                                    .batch = r->batch,
                                    .x = dx->base},
                             .segment = r->cut.segment,
                             .segments = p->own_segments,
                             .scratch = mmoe_scratch_of(p, sums->worker),
                             .sink = hand_on_rows,
                             .context = sums,
                             .before = r->first_row,
                             .rank = p->rank,
                             .kept = is_shared ? mmoe_shared_rows_at(own->shared, t->first, t->row)
                                               : NULL};
}

static void input_run_task(mmoe_run *r, const mmoe_weight_task *task, int worker) {
    const mmoe_input_state *own = r->plan->nodes[task->node].own;
    table_sums sums = {r, task, worker, mmoe_run_clock(r), false};
    const mmoe_scattering s = scattering_of(r, &sums);
    const mmoe_table_task part = {task->first, task->count, task->row, task->rows};
    own->uses[task->first].table->kind->scatter(&s, &part);
    if (s.kept) mmoe_run_task_done(r, worker, MMOE_PASS_WEIGHTS, task, sums.start);
}

/* ---- Of several ranks ---- */

static void input_exchange(mmoe_run *r, int32_t node) {
    const mmoe_plan *p = r->plan;
    const mmoe_input_state *own = p->nodes[node].own;
    mmoe_shared_rows_start(p, own);
}

static bool input_finish(mmoe_run *r, int32_t node) {
    const mmoe_plan *p = r->plan;
    const mmoe_input_state *own = p->nodes[node].own;
    return !own->shared || p->peers->finish(p->peers);
}

static void input_conclude(mmoe_run *r, const mmoe_weight_task *prepare, int worker) {
    const mmoe_input_state *own = r->plan->nodes[prepare->node].own;
    if (!mmoe_part_is_own(r->plan, prepare)) return;
    table_sums sums = {r, prepare, worker, 0, true};
    const float *others[MMOE_TREE_PARTS];
    mmoe_scattering s = scattering_of(r, &sums);
    mmoe_shared_rows_others(r->plan, own, prepare, others);
    s.others = others;
    const mmoe_table_task part = {prepare->first, 1, prepare->row, 1};
    own->uses[prepare->first].table->kind->conclude(&s, &part);
}

const mmoe_op_kind mmoe_op_input = {
    .passes = {[MMOE_PASS_PREPARE] = "bring rows up to date",
               [MMOE_PASS_FORWARD] = "gather",
               [MMOE_PASS_WEIGHTS] = "scatter",
               [MMOE_PASS_UPDATE] = "update tables"},
    .inputs = input_inputs,
    .weights = input_weights,
    .kept = input_kept,
    .lay = input_lay,
    .list_prepares = input_list_prepares,
    .list = input_list,
    .admit = input_admit,
    .admitted = input_admitted,
    .leave = input_leave,
    .cost = input_cost,
    .deal = input_deal,
    .prepare = input_prepare,
    .refresh = input_refresh,
    .place = input_place,
    .fetch = input_fetch,
    .take = input_take,
    .renumber = input_renumber,
    .forward = input_forward,
    .run_task = input_run_task,
    .exchange = input_exchange,
    .finish = input_finish,
    .conclude = input_conclude,
};
