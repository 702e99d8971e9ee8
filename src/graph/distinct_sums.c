/* Gradients of the first layer over distinct ids (distinct.h): sums by id and their products, a
 * task of some tables; then rows of W's gradient, to which each of those tasks has written columns.
 */
#include <string.h>

#include "graph/cost.h"
#include "graph/distinct_parts.h"
#include "math/blas.h"

enum {
    SUM_ROWS = 64,   /* rows of S that a group has at most, so that they stay in L1; */
    SUM_COLUMNS = 4, /* but it may have so many columns, as each group reads all of dz */
    TURN_ROWS = 48,  /* rows of S that are packed at once for a transposed product */
    W_ROWS = 32      /* rows of W of a late task: few, so that there are tasks for all workers */
};

/* ---- Gradients of tables and of their columns of W ---- */

static size_t most(size_t a, size_t b) { return a > b ? a : b; }

/* Floats of dE, in whole cache lines. */
static size_t de_floats(const mmoe_distinct_table *t) {
    return mmoe_line_floats((size_t)t->rows * (size_t)t->dim);
}

/* A group: the tables from `first` on, but before `end`, whose sums are made together. Its count is
 * 0 where there is none. */
static mmoe_weight_task group_of(const mmoe_plan *p, int32_t first, int32_t end) {
    int32_t i = first, rows = 0, columns = 0;
    for (; i < end; i++) {
        const mmoe_distinct_table *t = &p->distinct->tables[i];
        if (i > first && rows + t->n_row > SUM_ROWS && columns + t->count > SUM_COLUMNS) break;
        rows += t->n_row;
        columns += t->count;
    }
    return (mmoe_weight_task){.node = p->distinct->node, .first = first, .count = i - first};
}

/* Floats that a task needs: for S of its largest group, and for all sums that the tree over
 * segments has of it; for dE of its tables; and for what is transposed, rows of S and then a
 * table's dE. */
typedef struct sum_room {
    size_t s, tree, de, turned;
} sum_room;

static size_t sum_floats(const mmoe_plan *p, const mmoe_weight_task *group) {
    size_t rows = 0;
    for (int32_t i = group->first; i < group->first + group->count; i++)
        rows += (size_t)p->distinct->tables[i].n_row;
    return rows * MMOE_SLAB;
}

static sum_room room_of(const mmoe_plan *p, const mmoe_weight_task *task) {
    const int32_t end = task->first + task->count;
    const size_t rows = p->kernels->packed_size(TURN_ROWS, MMOE_SLAB);
    sum_room r = {0};
    for (int32_t i = task->first; i < end; i++) {
        const mmoe_distinct_table *t = &p->distinct->tables[i];
        const size_t de = de_floats(t);
        r.de += de;
        if (mmoe_distinct_turns(p, t->dim)) r.turned = most(r.turned, most(de, rows));
    }
    for (mmoe_weight_task g = group_of(p, task->first, end); g.count;
         g = group_of(p, g.first + g.count, end))
        r.s = most(r.s, sum_floats(p, &g));
    r.tree = mmoe_tree_floats(p, r.s);
    return r;
}

/* How many groups a task has. Each group reads all of a slab of dz, and the next group of the task
 * then finds it in cache. If dz is one slab, it stays there anyhow. */
static int32_t groups_together(const mmoe_plan *p) {
    const int32_t tables = p->distinct->n_table, tasks = p->workers > 1 ? 2 * p->workers : 1;
    int32_t groups = 0;
    if (p->peers || mmoe_distinct_block(p)->cols <= MMOE_SLAB) return 1;
    for (int32_t first = 0; first < tables; groups++) first += group_of(p, first, tables).count;
    return (groups + tasks - 1) / tasks;
}

void mmoe_distinct_list(const mmoe_plan *p, int32_t node, mmoe_task_list *l) {
    const int32_t tables = p->distinct->n_table, together = groups_together(p);
    mmoe_weight_task task = {.node = node};
    for (; task.first < tables; task.first += task.count) {
        task.count = 0;
        for (int32_t i = 0; i < together; i++)
            task.count += group_of(p, task.first + task.count, tables).count;
        const sum_room room = room_of(p, &task);
        mmoe_list_task(l, task, room.tree + room.de + room.turned);
    }
}

/* Where a task's sums of a slab of dz are. */
typedef struct sums {
    int32_t col, cols;
    float *s, *de, *turned;
} sums;

/* dE^T += W_c^T S^T of column i, some rows of S at a time. */
static void multiply_turned(const mmoe_plan *p, const mmoe_distinct_table *t, int32_t i,
                            const sums *b, const float *s) {
    const mmoe_linear_block *k = mmoe_distinct_block(p);
    const bool is_first = b->col == 0 && i == t->first;
    for (int32_t row = 0, rows; row < t->rows; row += rows) {
        rows = t->rows - row < TURN_ROWS ? t->rows - row : TURN_ROWS;
        p->kernels->pack(&(mmoe_pack_args){.n = rows,
                                           .k = b->cols,
                                           .count = b->cols,
                                           .w = s + (size_t)row * MMOE_SLAB,
                                           .ldw = MMOE_SLAB,
                                           .packed = b->turned});
        p->kernels->gemm(
            &(mmoe_packed_gemm){.rows = t->dim,
                                .n = rows,
                                .k = b->cols,
                                .count = b->cols,
                                .across = true,
                                .a = p->params->values + k->weight + (int64_t)b->col * k->in.cols +
                                     p->distinct->columns[i].col,
                                .lda = k->in.cols,
                                .packed = b->turned,
                                .start = is_first ? mmoe_distinct_own(p)->zeros : b->de + row,
                                .ldstart = is_first ? 0 : t->rows,
                                .c = b->de + row,
                                .ldc = t->rows});
    }
}

/* dE += S W, column i's. */
static void multiply_rows(const mmoe_plan *p, const mmoe_distinct_table *t, int32_t i,
                          const sums *b, const float *s) {
    const mmoe_distinct_state *own = mmoe_distinct_own(p);
    const bool is_first = b->col == 0 && i == t->first;
    p->kernels->gemm(&(mmoe_packed_gemm){.rows = t->rows,
                                         .n = t->dim,
                                         .k = mmoe_distinct_block(p)->cols,
                                         .first = b->col,
                                         .count = b->cols,
                                         .a = s,
                                         .lda = MMOE_SLAB,
                                         .packed = own->backward[i],
                                         .start = is_first ? own->zeros : b->de,
                                         .ldstart = is_first ? 0 : t->dim,
                                         .c = b->de,
                                         .ldc = t->dim});
}

/* dW^T = E^T S, column i's: as E is narrow, W's rows fill the vectors. S is 0 beyond its columns.
 */
static void multiply_weights(const mmoe_plan *p, const mmoe_distinct_table *t, int32_t i,
                             const sums *b, const float *s) {
    const mmoe_distinct_state *own = mmoe_distinct_own(p);
    const int32_t lanes = p->kernels->mix_cols;
    p->kernels->gemm_outer(&(mmoe_gemm){
        .ta = true,
        .m = t->dim,
        .n = (b->cols + lanes - 1) / lanes * lanes,
        .k = t->rows,
        .a = mmoe_params_rows(p->params, t->index),
        .lda = t->dim,
        .b = s,
        .ldb = MMOE_SLAB,
        .c = own->dw_across + (size_t)p->distinct->columns[i].col * (size_t)own->lddw + b->col,
        .ldc = own->lddw});
}

/* What a table has of a slab. */
static void multiply(const mmoe_plan *p, const mmoe_distinct_table *t, const sums *b) {
    const mmoe_distinct_column *columns = p->distinct->columns;
    for (int32_t i = t->first; i < t->first + t->count; i++) {
        const float *s = b->s + (size_t)(columns[i].first - columns[t->first].first) * MMOE_SLAB;
        const bool turns = mmoe_distinct_turns(p, t->dim);
        if (!p->params->tables[t->index].is_frozen)
            (turns ? multiply_turned : multiply_rows)(p, t, i, b, s);
        multiply_weights(p, t, i, b, s);
    }
}

/* What a chunk's lists of a column have that are not of one element. */
static void add_bags(const mmoe_run *r, int32_t column, int32_t chunk, mmoe_bag_args a,
                     int32_t lddz) {
    const int32_t first = chunk * r->cut.chunk, end = first + mmoe_chunk_rows(&r->cut, chunk);
    if (!mmoe_distinct_own(r->plan)->bags[chunk * r->plan->distinct->n_column + column]) return;
    a.z += (size_t)first * (size_t)lddz;
    for (int32_t b = first; b < end; b++, a.z += lddz)
        if (mmoe_distinct_bag(r, column, b, &a)) r->plan->kernels->bag_spread(&a);
}

/* Of a segment. */
static void add_lists(const mmoe_run *r, const mmoe_weight_task *task, const sums *b,
                      int32_t segment) {
    const mmoe_plan *p = r->plan;
    const mmoe_buffer *dz = &p->grads[p->graph->nodes[task->node].out];
    const mmoe_distinct_column *columns = p->distinct->columns;
    const int32_t first = p->distinct->tables[task->first].first,
                  end = first + mmoe_distinct_columns(p, task);
    for (int32_t i = first; i < end; i++) {
        mmoe_bag_args a = {.cols = b->cols, .ldp = MMOE_SLAB, .z = dz->base + b->col};
        a.p = b->s + (size_t)(columns[i].first - columns[first].first) * MMOE_SLAB;
        if (!columns[i].bag) continue;
        for (int32_t chunk = mmoe_segment_chunk(&r->cut, segment);
             chunk < mmoe_segment_chunk(&r->cut, segment + 1); chunk++)
            add_bags(r, i, chunk, a, dz->ld);
    }
}

/* S of a slab and a segment, of all of a task's tables. */
static void add_segment(const mmoe_run *r, const mmoe_weight_task *task, const sums *b,
                        int32_t segment) {
    const mmoe_plan *p = r->plan;
    const mmoe_distinct *d = p->distinct;
    const int32_t first = d->tables[task->first].first;
    const size_t row = (size_t)segment * (size_t)r->cut.segment;
    const mmoe_buffer *dz = &p->grads[p->graph->nodes[task->node].out];
    p->kernels->lookup_spread(
        &(mmoe_spread_args){.rows = mmoe_segment_rows(&r->cut, segment),
                            .cols = b->cols,
                            .count = mmoe_distinct_columns(p, task),
                            .at = mmoe_distinct_own(p)->at + row * (size_t)d->n_column + first,
                            .ldat = d->n_column,
                            .first = d->columns[first].first,
                            .z = dz->base + row * (size_t)dz->ld + b->col,
                            .ldz = dz->ld,
                            .sums = b->s,
                            .ldsums = MMOE_SLAB});
    add_lists(r, task, b, segment);
}

/* S of a slab, at b->s, of so many floats. */
static void add_up(const mmoe_run *r, const mmoe_weight_task *task, const sums *b, size_t floats) {
    mmoe_tree_sum sum = mmoe_tree_of(r->plan, b->s, floats);
    for (int32_t segment = 0; segment < r->cut.segments; segment++) {
        sums part = *b;
        part.s = mmoe_tree_next(&sum, segment);
        memset(part.s, 0, floats * sizeof *part.s);
        add_segment(r, task, &part, segment);
    }
    mmoe_tree_total(&sum);
}

/* Gradients that are no sums over segments themselves end as those do. */
static void end_sums(const mmoe_plan *p, float *values, int64_t count) {
    for (int64_t i = 0; p->segments > 1 && i < count; i++) values[i] += 0.0f;
}

/* Hands a finished dE to the sink, of a table; and of all tables of a task. */
static void hand_on_table(mmoe_run *r, int worker, const mmoe_distinct_table *t, const sums *b) {
    const mmoe_plan *p = r->plan;
    const mmoe_embedding *e = &p->params->tables[t->index];
    float *de = b->de;
    if (e->is_frozen) return;
    if (mmoe_distinct_turns(p, t->dim)) {
        de = b->turned;
        p->kernels->transpose(&(mmoe_transpose_args){
            .rows = t->dim, .cols = t->rows, .x = b->de, .ldx = t->rows, .y = de, .ldy = t->dim});
    }
    if (e->has_padding) memset(de + e->padding * t->dim, 0, (size_t)t->dim * sizeof *de);
    end_sums(p, de, (int64_t)t->rows * t->dim);
    mmoe_run_sink(r, worker, p->distinct->node,
                  &(mmoe_gradient){t->index, 0, t->rows, t->dim, de, t->dim, NULL});
}

static void hand_on(mmoe_run *r, const mmoe_weight_task *task, int worker, sums b) {
    const mmoe_distinct_table *tables = r->plan->distinct->tables + task->first;
    for (int32_t i = 0; i < task->count; i++) {
        hand_on_table(r, worker, &tables[i], &b);
        b.de += de_floats(&tables[i]);
    }
}

/* The next slab, behind one of `cols` columns from `col` on; false: there is none. */
static bool next_slab(const mmoe_plan *p, sums *b) {
    const int32_t all = mmoe_distinct_block(p)->cols;
    b->col += b->cols;
    b->cols = all - b->col < MMOE_SLAB ? all - b->col : MMOE_SLAB;
    return b->cols > 0;
}

static mmoe_weight_task slab_of(const mmoe_weight_task *task, const sums *b) {
    return (mmoe_weight_task){task->node, task->first, task->count, b->col, b->cols};
}

/* The products of a group's sums with a slab of W; moves b->de on to the next group's dE. */
static void multiply_slab(const mmoe_run *r, const mmoe_weight_task *group, int worker, sums *b) {
    const mmoe_distinct_table *tables = r->plan->distinct->tables + group->first;
    const mmoe_weight_task slab = slab_of(group, b);
    const double start = mmoe_run_clock(r);
    sums part = *b;
    for (int32_t i = 0; i < group->count; i++) {
        multiply(r->plan, &tables[i], &part);
        part.s += (size_t)tables[i].n_row * MMOE_SLAB;
        part.de += de_floats(&tables[i]);
    }
    b->de = part.de;
    mmoe_run_task_done(r, worker, MMOE_PASS_WEIGHTS, &slab, start);
}

/* The first row of S that a task has. */
static int64_t first_row(const mmoe_plan *p, const mmoe_weight_task *task) {
    const mmoe_distinct *d = p->distinct;
    return d->columns[d->tables[task->first].first].first;
}

/* Where several ranks keep S of a task and a slab; `floats`: of the slab. */
static float *kept_sums(const mmoe_plan *p, const mmoe_weight_task *task, const sums *b,
                        size_t floats) {
    const mmoe_distinct_state *own = mmoe_distinct_own(p);
    return own->sums + (size_t)first_row(p, task) * (size_t)own->n_slab * MMOE_SLAB +
           (size_t)(b->col / MMOE_SLAB) * floats;
}

static void sum_group(mmoe_run *r, const mmoe_weight_task *group, int worker, sums *b) {
    const mmoe_plan *p = r->plan;
    const double start = mmoe_run_clock(r);
    const mmoe_weight_task slab = slab_of(group, b);
    const size_t floats = sum_floats(p, group);
    add_up(r, group, b, floats);
    mmoe_run_task_done(r, worker, MMOE_PASS_SUMS, &slab, start);
    if (p->peers)
        memcpy(kept_sums(p, group, b, floats), b->s, floats * sizeof *b->s);
    else
        multiply_slab(r, group, worker, b);
}

static sums sums_of(const mmoe_plan *p, const mmoe_weight_task *task, int worker) {
    const sum_room room = room_of(p, task);
    sums b = {.s = mmoe_scratch_of(p, worker)};
    b.de = b.s + room.tree;
    b.turned = b.de + room.de;
    return b;
}

static void run_sums(mmoe_run *r, const mmoe_weight_task *task, int worker) {
    const mmoe_plan *p = r->plan;
    const int32_t end = task->first + task->count;
    sums b = sums_of(p, task, worker);
    while (next_slab(p, &b)) {
        sums part = b;
        for (mmoe_weight_task g = group_of(p, task->first, end); g.count;
             g = group_of(p, g.first + g.count, end))
            sum_group(r, &g, worker, &part);
    }
    if (!p->peers) hand_on(r, task, worker, b);
}

/* ---- Of several ranks ---- */

/* Who multiplies for a task: neighbours are one rank's. */
static int32_t rank_of(const mmoe_plan *p, const mmoe_weight_task *task) {
    return (int32_t)(first_row(p, task) * p->ranks / p->distinct->n_row);
}

/* Each rank gets S of its tasks. */
void mmoe_distinct_exchange(mmoe_run *r, int32_t node) {
    const mmoe_plan *p = r->plan;
    const mmoe_distinct_state *own = p->nodes[node].own;
    const int64_t row = (int64_t)own->n_slab * MMOE_SLAB;
    int64_t from[MMOE_TREE_PARTS + 1];
    for (int32_t q = 0; q <= p->ranks; q++) from[q] = p->distinct->n_row * row;
    for (const mmoe_weight_task *t = p->tasks + p->n_early; t-- > p->tasks;)
        for (int32_t q = 0; t->node == node && q <= rank_of(p, t); q++)
            from[q] = first_row(p, t) * row;
    if (p->peers->sum_parts(p->peers, own->sums, from))
        end_sums(p, own->sums + from[p->rank], from[p->rank + 1] - from[p->rank]);
}

/* Each multiplies for its tasks, of the others it has gradients of 0. */
void mmoe_distinct_run_again(mmoe_run *r, const mmoe_weight_task *task, int worker) {
    const mmoe_plan *p = r->plan;
    const bool is_mine = rank_of(p, task) == p->rank;
    const size_t floats = sum_floats(p, task);
    sums b = sums_of(p, task, worker);
    if (!is_mine) memset(b.de, 0, (size_t)(b.turned - b.de) * sizeof *b.de);
    while (is_mine && next_slab(p, &b)) {
        sums part = b;
        part.s = kept_sums(p, task, &b, floats);
        multiply_slab(r, task, worker, &part);
    }
    hand_on(r, task, worker, b);
}

/* ---- W's gradient ---- */

/* Floats that a task needs for dW_rest, in front of those for its rows of dW. */
static size_t rest_floats(const mmoe_plan *p) {
    return mmoe_line_floats(mmoe_tree_floats(p, (size_t)p->input.width * W_ROWS));
}

/* Rows of W, count 0: behind the sums. */
void mmoe_distinct_list_late(const mmoe_plan *p, int32_t node, mmoe_task_list *l) {
    const mmoe_linear_block *k = mmoe_distinct_block(p);
    for (int32_t row = 0, rows; row < k->cols; row += rows) {
        rows = k->cols - row < W_ROWS ? k->cols - row : W_ROWS;
        mmoe_list_task(l, (mmoe_weight_task){.node = node, .row = row, .rows = rows},
                       rest_floats(p) + (size_t)W_ROWS * (size_t)k->in.cols);
    }
}

/* dW_rest^T = rest^T dz of a segment: as rest is narrow, W's rows fill the vectors. */
static void multiply_rest(const mmoe_run *r, const mmoe_weight_task *task, int32_t segment,
                          float *out) {
    const mmoe_plan *p = r->plan;
    const mmoe_buffer *x = &p->values[mmoe_distinct_block(p)->in.value],
                      *dz = &p->grads[p->graph->nodes[task->node].out];
    const size_t first = (size_t)segment * (size_t)r->cut.segment;
    const mmoe_gemm g = {.ta = true,
                         .m = p->input.width,
                         .n = (int32_t)task->rows,
                         .k = mmoe_segment_rows(&r->cut, segment),
                         .a = x->base + first * (size_t)x->ld,
                         .lda = x->ld,
                         .b = dz->base + first * (size_t)dz->ld + task->row,
                         .ldb = dz->ld,
                         .c = out,
                         .ldc = (int32_t)task->rows};
    if (p->kernels->outer_steps && g.n % p->kernels->mix_cols == 0)
        p->kernels->gemm_outer(&g);
    else
        mmoe_gemm_run(&g);
}

static const float *sum_rest(const mmoe_run *r, const mmoe_weight_task *task, float *scratch) {
    mmoe_tree_sum sum =
        mmoe_tree_of(r->plan, scratch, (size_t)r->plan->input.width * (size_t)task->rows);
    for (int32_t s = 0; s < r->cut.segments; s++)
        multiply_rest(r, task, s, mmoe_tree_next(&sum, s));
    return mmoe_tree_total(&sum);
}

/* To its rows of dW^T. */
static void place_rest(const mmoe_plan *p, const mmoe_weight_task *task, const float *rest) {
    const mmoe_distinct_state *own = mmoe_distinct_own(p);
    for (const mmoe_rest_run *run = p->distinct->runs; run < p->distinct->runs + p->distinct->n_run;
         run++)
        for (int32_t c = 0; c < run->cols; c++)
            memcpy(own->dw_across + (size_t)(run->w_col + c) * (size_t)own->lddw + task->row,
                   rest + (size_t)(run->col + c) * (size_t)task->rows,
                   (size_t)task->rows * sizeof *rest);
}

static void run_rows(mmoe_run *r, const mmoe_weight_task *task, int worker) {
    const mmoe_plan *p = r->plan;
    const mmoe_distinct_state *own = mmoe_distinct_own(p);
    const mmoe_linear_block *k = mmoe_distinct_block(p);
    const int64_t offset = task->row * k->in.cols;
    float *rest = mmoe_scratch_of(p, worker), *dw = rest + rest_floats(p);
    const double start = mmoe_run_clock(r);
    if (p->input.width) place_rest(p, task, sum_rest(r, task, rest));
    p->kernels->transpose(&(mmoe_transpose_args){.rows = k->in.cols,
                                                 .cols = (int32_t)task->rows,
                                                 .x = own->dw_across + task->row,
                                                 .ldx = own->lddw,
                                                 .y = dw,
                                                 .ldy = k->in.cols});
    end_sums(p, dw, task->rows * k->in.cols);
    mmoe_run_task_done(r, worker, MMOE_PASS_WEIGHTS, task, start);
    mmoe_run_sink(r, worker, task->node,
                  &(mmoe_gradient){p->params->n_table, k->weight + offset, task->rows, k->in.cols,
                                   dw, k->in.cols, NULL});
}

void mmoe_distinct_run_task(mmoe_run *r, const mmoe_weight_task *task, int worker) {
    if (task->count)
        run_sums(r, task, worker);
    else
        run_rows(r, task, worker);
}
