/* data: float [rows, dim] */
#include <stdbool.h>
#include <string.h>

#include "base/error.h"
#include "table/table.h"

typedef float v4 __attribute__((vector_size(16), aligned(4), may_alias));

static bool suits_all(int64_t rows, int32_t dim) {
    (void)rows;
    (void)dim;
    return true;
}

/* ---- Memory ---- */

static mmoe_status open_dense(mmoe_embedding *t, void *lent, mmoe_error *err) {
    int64_t count;
    t->is_lent = lent != NULL;
    t->data = lent;
    if (lent) return MMOE_OK;
    if (__builtin_mul_overflow(t->rows, (int64_t)t->dim, &count))
        return mmoe_fail_memory(err, SIZE_MAX);
    t->data = mmoe_alloc_aligned(&t->alloc, (size_t)count, sizeof(float));
    if (!t->data) return mmoe_fail_memory(err, (size_t)count * sizeof(float));
    memset(t->data, 0, (size_t)count * sizeof(float));
    return MMOE_OK;
}

static int32_t dense_blocks(const mmoe_embedding *t, mmoe_block *out) {
    out[0] = (mmoe_block){"weight", MMOE_F32, t->rows * t->dim, t->data};
    return 1;
}

static void close_dense(mmoe_embedding *t) {
    if (!t->is_lent) mmoe_release_aligned(&t->alloc, t->data);
    t->data = NULL;
}

/* ---- Rows ---- */

/* Where a read takes or adds: row r of its table at table + r * dim, its columns of x or dx from
 * `col` on. */
typedef struct target {
    float *table;
    int32_t column, col, dim;
} target;

enum { MOST_TARGETS = 64 };

/* With a constant `dim`, which all targets have, these are vector moves. `dim` 0: any. */
static inline __attribute__((always_inline)) void copy_row(const float *from, float *x, int32_t dim,
                                                           int32_t any) {
    if (dim)
        memcpy(x, from, (size_t)dim * sizeof *x);
    else
        for (int32_t c = 0; c < any; c++) x[c] = from[c];
}

static inline __attribute__((always_inline)) void add_row(float *to, const float *dx, int32_t dim,
                                                          int32_t any) {
    if (dim)
        for (int32_t c = 0; c < dim; c += 4) *(v4 *)(to + c) += *(const v4 *)(dx + c);
    else
        for (int32_t c = 0; c < any; c++) to[c] += dx[c];
}

enum { TOGETHER = 8 };

/* Neighbours in ids and x alike, of one dim: the loop over rows keeps their tables in registers,
 * which halves its time. */
static bool are_neighbours(const target *t, int32_t count) {
    for (int32_t i = 1; i < TOGETHER; i++)
        if (i >= count || t[i].column != t[0].column + i || t[i].col != t[0].col + i * t[0].dim ||
            t[i].dim != t[0].dim)
            return false;
    return true;
}

static inline __attribute__((always_inline)) void run_neighbours(const target *t, mmoe_looked_up m,
                                                                 bool add, int32_t dim) {
    float *tables[TOGETHER];
    for (int i = 0; i < TOGETHER; i++) tables[i] = t[i].table;
    m.ids += t[0].column;
    m.x += t[0].col;
    for (int32_t b = 0; b < m.rows; b++, m.ids += m.n_id, m.x += m.ld)
#pragma GCC unroll 8
        for (int i = 0; i < TOGETHER; i++) {
            float *row = tables[i] + (size_t)(uint32_t)m.ids[i] * (size_t)dim;
            if (add)
                add_row(row, m.x + i * dim, dim, 0);
            else
                copy_row(row, m.x + i * dim, dim, 0);
        }
}

static inline __attribute__((always_inline)) void
run_targets(const target *t, int32_t count, mmoe_looked_up m, bool add, int32_t dim) {
    for (int32_t b = 0; b < m.rows; b++, m.ids += m.n_id, m.x += m.ld)
        for (int32_t i = 0; i < count; i++) {
            const int32_t d = dim ? dim : t[i].dim;
            float *row = t[i].table + (int64_t)m.ids[t[i].column] * d;
            if (add)
                add_row(row, m.x + t[i].col, dim, d);
            else
                copy_row(row, m.x + t[i].col, dim, d);
        }
}

static inline __attribute__((always_inline)) void run_dim(const target *t, int32_t count,
                                                          mmoe_looked_up m, bool add, int32_t dim) {
    for (int32_t i = 0, n; i < count; i += n) {
        if (dim && are_neighbours(t + i, count - i)) {
            run_neighbours(t + i, m, add, dim);
            n = TOGETHER;
            continue;
        }
        for (n = 1; i + n < count && !(dim && are_neighbours(t + i + n, count - i - n));) n++;
        run_targets(t + i, n, m, add, dim);
    }
}

/* The dim that all targets share, if it is one that has a loop of its own. */
static int32_t common_dim(const target *t, int32_t count) {
    for (int32_t i = 1; i < count; i++)
        if (t[i].dim != t[0].dim) return 0;
    return t[0].dim == 4 || t[0].dim == 8 || t[0].dim == 16 || t[0].dim == 32 ? t[0].dim : 0;
}

static inline __attribute__((always_inline)) void run_any(const target *t, int32_t count,
                                                          mmoe_looked_up m, bool add) {
    switch (common_dim(t, count)) {
    case 4:
        run_dim(t, count, m, add, 4);
        break;
    case 8:
        run_dim(t, count, m, add, 8);
        break;
    case 16:
        run_dim(t, count, m, add, 16);
        break;
    case 32:
        run_dim(t, count, m, add, 32);
        break;
    default:
        run_dim(t, count, m, add, 0);
    }
}

/* Rows of a run of reads, MOST_TARGETS of them at a time. */
typedef struct target_run {
    target targets[MOST_TARGETS];
    int32_t count;
    const mmoe_looked_up *m;
    bool add;
} target_run;

static void flush_targets(target_run *run) {
    if (run->count && run->add)
        run_any(run->targets, run->count, *run->m, true);
    else if (run->count)
        run_any(run->targets, run->count, *run->m, false);
    run->count = 0;
}

static void add_target(target_run *run, const mmoe_table_read *r, float *rows) {
    run->targets[run->count++] = (target){rows, r->column, r->col, r->table->dim};
    if (run->count == MOST_TARGETS) flush_targets(run);
}

/* ---- Lists ---- */

static mmoe_list list_at(const mmoe_looked_up *m, int32_t b, int32_t list) {
    return mmoe_list_of(&m->batch->lists, mmoe_row_of(m->batch, m->first + b), list);
}

static int32_t *chosen_at(const mmoe_looked_up *m, int32_t b, const mmoe_table_read *r) {
    const size_t row = (size_t)(m->first + b);
    return r->bag->chosen ? r->bag->chosen + row * (size_t)r->table->dim : NULL;
}

static void pool_lists(const mmoe_table_read *r, const mmoe_looked_up *m) {
    const mmoe_bag_table table = {r->table->data, r->table->dim};
    float *x = m->x + r->col;
    for (int32_t b = 0; b < m->rows; b++, x += m->ld) {
        const mmoe_list list = list_at(m, b, r->column);
        mmoe_bag_forward(r->bag, &list, &table, x, chosen_at(m, b, r));
    }
}

static void add_lists(const mmoe_table_read *r, const mmoe_looked_up *m, const mmoe_bag_sums *to) {
    const float *dx = m->x + r->col;
    for (int32_t b = 0; b < m->rows; b++, dx += m->ld) {
        const mmoe_list list = list_at(m, b, r->column);
        mmoe_bag_backward(r->bag, &list, dx, chosen_at(m, b, r), to);
    }
}

static void gather_dense(const mmoe_table_read *reads, int32_t count, const mmoe_looked_up *m) {
    target_run run = {.m = m};
    for (int32_t i = 0; i < count; i++)
        if (!reads[i].bag) add_target(&run, &reads[i], reads[i].table->data);
    flush_targets(&run);
    for (int32_t i = 0; i < count; i++)
        if (reads[i].bag) pool_lists(&reads[i], m);
}

/* ---- Gradients ---- */

enum { TASK_FLOATS = 1 << 16, TASK_READS = 8 };

static int64_t floats_of(const mmoe_table_use *u) { return u->table->rows * u->table->dim; }

/* How many tables from the first on are small enough to go together. */
static int32_t small_together(const mmoe_table_use *uses, int32_t count) {
    int64_t floats = floats_of(uses);
    int32_t reads = uses->count, together = 1;
    while (together < count && floats + floats_of(&uses[together]) <= TASK_FLOATS &&
           reads < TASK_READS) {
        floats += floats_of(&uses[together]);
        reads += uses[together].count;
        together++;
    }
    return together;
}

/* A large table in ranges of rows, small ones together. */
static void list_dense(const mmoe_table_use *uses, int32_t count, mmoe_table_task_visit visit,
                       void *context) {
    for (int32_t u = 0, together; u < count; u += together) {
        const mmoe_embedding *t = uses[u].table;
        int64_t step = t->rows;
        together = 1;
        if (floats_of(&uses[u]) > TASK_FLOATS)
            step = TASK_FLOATS / t->dim > 0 ? TASK_FLOATS / t->dim : 1;
        else
            together = small_together(uses + u, count - u);
        for (int64_t row = 0; row < t->rows; row += step) {
            const int64_t rows = t->rows - row < step ? t->rows - row : step;
            size_t scratch = (size_t)(rows * t->dim);
            for (int32_t i = 1; i < together; i++) scratch += (size_t)floats_of(&uses[u + i]);
            visit(context, &(mmoe_table_task){u, together, row, rows}, scratch);
        }
    }
}

/* Several small tables together: a row's dx is read once for all of their columns. Single ids come
 * first, then lists. */
static void add_tables(const mmoe_scattering *s, const mmoe_table_task *task) {
    const mmoe_table_use *uses = s->uses + task->first;
    target_run run = {.m = &s->dx, .add = true};
    float *out = s->scratch;
    for (int32_t i = 0; i < task->count; out += floats_of(&uses[i++]))
        for (int32_t j = uses[i].first; j < uses[i].first + uses[i].count; j++)
            if (!s->reads[j].bag) add_target(&run, &s->reads[j], out);
    flush_targets(&run);
    out = s->scratch;
    for (int32_t i = 0; i < task->count; out += floats_of(&uses[i++])) {
        const mmoe_embedding *t = uses[i].table;
        for (int32_t j = uses[i].first; j < uses[i].first + uses[i].count; j++)
            if (s->reads[j].bag)
                add_lists(&s->reads[j], &s->dx, &(mmoe_bag_sums){out, 0, t->rows, t->dim});
    }
}

/* Rows [task->row, + task->rows) of one large table. */
static void add_range(const mmoe_scattering *s, const mmoe_table_task *task) {
    const mmoe_table_use *u = &s->uses[task->first];
    const int32_t dim = u->table->dim, *ids = s->dx.ids;
    const float *dx = s->dx.x;
    for (int32_t b = 0; b < s->dx.rows; b++, ids += s->dx.n_id, dx += s->dx.ld)
        for (int32_t i = u->first; i < u->first + u->count; i++) {
            const mmoe_table_read *read = &s->reads[i];
            if (read->bag) continue;
            const int64_t r = ids[read->column] - task->row;
            if (r < 0 || r >= task->rows) continue;
            float *to = s->scratch + r * dim;
            for (int32_t c = 0; c < dim; c++) to[c] += dx[read->col + c];
        }
    for (int32_t i = u->first; i < u->first + u->count; i++)
        if (s->reads[i].bag)
            add_lists(&s->reads[i], &s->dx,
                      &(mmoe_bag_sums){s->scratch, task->row, task->rows, dim});
}

/* A padding row has no gradient. */
static void clear_padding(const mmoe_embedding *t, float *sums, int64_t first, int64_t rows) {
    const int64_t row = t->padding - first;
    if (t->has_padding && row >= 0 && row < rows)
        memset(sums + row * t->dim, 0, (size_t)t->dim * sizeof *sums);
}

static void scatter_dense(const mmoe_scattering *s, const mmoe_table_task *task) {
    const mmoe_table_use *u = &s->uses[task->first];
    const int32_t dim = u->table->dim;
    if (task->rows < u->table->rows) {
        memset(s->scratch, 0, (size_t)(task->rows * dim) * sizeof *s->scratch);
        add_range(s, task);
        clear_padding(u->table, s->scratch, task->row, task->rows);
        s->sink(s->context, &(mmoe_row_gradient){u->index, dim, task->row, task->rows, s->scratch});
        return;
    }
    int64_t count = 0;
    for (int32_t i = 0; i < task->count; i++) count += floats_of(&u[i]);
    memset(s->scratch, 0, (size_t)count * sizeof *s->scratch);
    add_tables(s, task);
    float *values = s->scratch;
    for (int32_t i = 0; i < task->count; values += floats_of(&u[i]), i++) {
        const mmoe_embedding *t = u[i].table;
        clear_padding(t, values, 0, t->rows);
        s->sink(s->context, &(mmoe_row_gradient){u[i].index, t->dim, 0, t->rows, values});
    }
}

const mmoe_table_kind mmoe_table_dense = {.suits = suits_all,
                                          .open = open_dense,
                                          .blocks = dense_blocks,
                                          .gather = gather_dense,
                                          .list = list_dense,
                                          .scatter = scatter_dense,
                                          .close = close_dense};
