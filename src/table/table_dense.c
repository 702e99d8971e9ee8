/* data: float [rows, dim] */
#include <stdbool.h>
#include <string.h>

#include "base/ask.h"
#include "base/error.h"
#include "math/stride.h"
#include "math/tree.h"
#include "table/table.h"

static bool suits_all(const mmoe_embedding *t) {
    (void)t;
    return true;
}

/* ---- Memory ---- */

static mmoe_status open_dense(mmoe_embedding *t, void *const *lent, mmoe_error *err) {
    int64_t count;
    t->data = lent ? lent[0] : NULL;
    t->is_lent = t->data != NULL;
    if (t->data) return MMOE_OK;
    if (__builtin_mul_overflow(t->rows, (int64_t)t->dim, &count))
        return mmoe_fail_memory(err, SIZE_MAX);
    t->data = mmoe_alloc_aligned_zero(&t->alloc, (size_t)count, sizeof(float));
    return t->data ? MMOE_OK : mmoe_fail_memory(err, (size_t)count * sizeof(float));
}

static int32_t dense_blocks(const mmoe_embedding *t, mmoe_block *out) {
    out[0] = (mmoe_block){"weight", MMOE_F32, t->rows * t->dim, t->data};
    return 1;
}

static mmoe_status reserve_dense(mmoe_embedding *t, int64_t rows, mmoe_error *err) {
    const int64_t have = t->room > t->rows ? t->room : t->rows;
    const size_t size = (size_t)t->dim * sizeof(float);
    if (rows <= have) return MMOE_OK;
    const int64_t room = mmoe_wider_rows(have, rows);
    void *data = mmoe_widen_aligned_zero(&t->alloc, t->is_lent ? NULL : t->data, (size_t)t->rows,
                                         (size_t)room, size);
    if (!data) return mmoe_fail_memory(err, (size_t)room * size);
    if (t->is_lent) memcpy(data, t->data, (size_t)t->rows * size);
    t->data = data;
    t->room = room;
    t->is_lent = false;
    return MMOE_OK;
}

static void close_dense(mmoe_embedding *t) {
    if (!t->is_lent) mmoe_release_aligned(&t->alloc, t->data);
    t->data = NULL;
}

/* ---- Rows ---- */

/* Where a read takes or adds: row r of its table at table + r * dim, its ids in `column`, its
 * columns of x or dx from `col` on. */
typedef struct target {
    float *table;
    int32_t column, col, dim;
    const mmoe_table_read *read;
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
        for (int32_t c = 0; c < dim; c += 4) *(mmoe_v4 *)(to + c) += *(const mmoe_v4 *)(dx + c);
    else
        for (int32_t c = 0; c < any; c++) to[c] += dx[c];
}

/* ---- Lists ---- */

static int32_t *chosen_at(const mmoe_bag *bag, int32_t b, int32_t dim) {
    return bag->chosen ? bag->chosen + (size_t)b * (size_t)dim : NULL;
}

/* Of a shuffled batch the lists of a row that comes later, and where those of one still later are.
 * (Before they are gathered all are asked for where a chunk's rows are copied.) */
static void ask_ahead(const target *t, int32_t count, const mmoe_looked_up *m, int32_t b) {
    enum { AHEAD = 8 };
    const mmoe_lists *l = &m->batch->lists;
    if (b + 2 * AHEAD < m->rows) {
        const size_t row = mmoe_row_of(m->batch, m->first + b + 2 * AHEAD);
        mmoe_ask_far(l->offsets + row * (size_t)l->count + t->read->column);
    }
    for (int32_t i = 0; i < count && b + AHEAD < m->rows; i++) {
        const size_t row = mmoe_row_of(m->batch, m->first + b + AHEAD);
        const mmoe_list list = mmoe_list_of(l, row, t[i].read->column);
        mmoe_ask_far_for(list.ids, (size_t)list.count * sizeof *list.ids);
    }
}

/* Row b's lists of some targets. */
static void run_lists(const target *t, int32_t count, const mmoe_looked_up *m, int32_t b,
                      bool add) {
    const size_t row = mmoe_row_of(m->batch, m->first + b);
    if (add && m->batch->index) ask_ahead(t, count, m, b);
    for (int32_t i = 0; i < count; i++) {
        const mmoe_list list = mmoe_list_of(&m->batch->lists, row, t[i].read->column);
        const mmoe_bag *bag = t[i].read->bag;
        float *x = m->x + (size_t)b * (size_t)m->ld + t[i].col;
        int32_t *chosen = chosen_at(bag, m->first + b, t[i].dim);
        if (add)
            mmoe_bag_backward(bag, &list, x, chosen,
                              &(mmoe_bag_sums){t[i].table, 0, t[i].read->table->rows, t[i].dim});
        else
            mmoe_bag_forward(bag, &list, &(mmoe_vectors){MMOE_F32, t[i].dim, t[i].table, NULL}, x,
                             chosen);
    }
}

/* The chunk that begins with row `first`. */
static mmoe_bag_chunk chunk_of(const mmoe_table_read *r, const mmoe_looked_up *m, int32_t first) {
    const int32_t rows = m->rows - first < m->chunk ? m->rows - first : m->chunk;
    return (mmoe_bag_chunk){m->batch, r->column, (m->first + first) / m->chunk, m->first + first,
                            rows};
}

/* ---- Neighbours ---- */

enum { TOGETHER = 8 };

/* Is a list of one pooled as its id alone would be? */
static bool may_be_id(const mmoe_bag *bag) {
    return !bag || (mmoe_bag_adds(bag) && bag->dropped < 0);
}

/* Neighbours in ids and x alike, of one dim: the loop over rows keeps their tables in registers,
 * which halves its time. */
static bool are_neighbours(const target *t, int32_t count) {
    for (int32_t i = 0; i < TOGETHER; i++)
        if (i >= count || t[i].column != t[0].column + i || t[i].col != t[0].col + i * t[0].dim ||
            t[i].dim != t[0].dim || !may_be_id(t[i].read->bag))
            return false;
    return true;
}

static inline __attribute__((always_inline)) bool all_of_one(const int32_t *ids) {
    int32_t all = 0;
    for (int i = 0; i < TOGETHER; i++) all |= ids[i];
    return all >= 0;
}

static inline __attribute__((always_inline)) void
run_neighbours(const target *t, const mmoe_looked_up *m, bool add, bool are_lists, int32_t dim) {
    float *tables[TOGETHER], *x = m->x + t[0].col;
    const int32_t *ids = m->ids + t[0].column;
    const mmoe_looked_up own = *m; /* in registers: no store may change it */
    for (int i = 0; i < TOGETHER; i++) tables[i] = t[i].table;
    for (int32_t b = 0; b < own.rows; b++, x += own.ld, ids += own.n_id) {
        if (are_lists && !all_of_one(ids)) {
            run_lists(t, TOGETHER, m, b, add);
            continue;
        }
#pragma GCC unroll 8
        for (int i = 0; i < TOGETHER; i++) {
            float *row = tables[i] + (size_t)(uint32_t)ids[i] * (size_t)dim;
            if (add)
                add_row(row, x + i * dim, dim, 0);
            else
                copy_row(row, x + i * dim, dim, 0);
        }
    }
}

/* ---- Runs ---- */

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

static inline __attribute__((always_inline)) void
run_apart(const target *t, int32_t count, const mmoe_looked_up *m, bool add, int32_t dim) {
    if (!t->read->bag) {
        run_targets(t, count, *m, add, dim);
        return;
    }
    for (int32_t b = 0; b < m->rows; b++) run_lists(t, count, m, b, add);
}

static inline __attribute__((always_inline)) void
run_dim(const target *t, int32_t count, const mmoe_looked_up *m, bool add, int32_t dim) {
    for (int32_t i = 0, n; i < count; i += n) {
        if (dim && are_neighbours(t + i, count - i)) {
            if (t->read->bag)
                run_neighbours(t + i, m, add, true, dim);
            else
                run_neighbours(t + i, m, add, false, dim);
            n = TOGETHER;
            continue;
        }
        for (n = 1; i + n < count && !(dim && are_neighbours(t + i + n, count - i - n));) n++;
        run_apart(t + i, n, m, add, dim);
    }
}

/* The dim that all targets share, if it is one that has a loop of its own. */
static int32_t common_dim(const target *t, int32_t count) {
    for (int32_t i = 1; i < count; i++)
        if (t[i].dim != t[0].dim) return 0;
    return t[0].dim == 4 || t[0].dim == 8 || t[0].dim == 16 || t[0].dim == 32 ? t[0].dim : 0;
}

static inline __attribute__((always_inline)) void run_any(const target *t, int32_t count,
                                                          const mmoe_looked_up *m, bool add) {
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

/* Rows of a run of reads, of ids or of lists, MOST_TARGETS of them at a time. */
typedef struct target_run {
    target targets[MOST_TARGETS];
    int32_t count;
    const mmoe_looked_up *m;
    bool add;
} target_run;

static void flush_targets(target_run *run) {
    if (run->count && run->add)
        run_any(run->targets, run->count, run->m, true);
    else if (run->count)
        run_any(run->targets, run->count, run->m, false);
    run->count = 0;
}

static void add_target(target_run *run, const mmoe_table_read *r, float *rows) {
    const int32_t column = r->bag ? run->m->first_list + r->column : r->column;
    run->targets[run->count++] = (target){rows, column, r->col, r->table->dim, r};
    if (run->count == MOST_TARGETS) flush_targets(run);
}

static float *rows_of(const mmoe_table_read *r) {
    return mmoe_table_is_dealt(r->table) ? r->table->fetched : r->table->data;
}

/* Single ids come first, then lists. */
static void gather_dense(const mmoe_table_read *reads, int32_t count, const mmoe_looked_up *m) {
    target_run run = {.m = m};
    for (int lists = 0; lists < 2; lists++) {
        for (int32_t i = 0; i < count; i++)
            if ((reads[i].bag != NULL) == lists) add_target(&run, &reads[i], rows_of(&reads[i]));
        flush_targets(&run);
    }
    for (int32_t i = 0; i < count; i++)
        if (reads[i].bag && reads[i].bag->order) {
            const mmoe_bag_chunk chunk = chunk_of(&reads[i], m, 0);
            mmoe_bag_sort(reads[i].bag, &chunk);
        }
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

static int32_t ranges_of(const mmoe_embedding *t, int32_t *shift) {
    *shift = 31;
    if (t->rows * t->dim <= TASK_FLOATS) return 1;
    while (*shift > 0 && ((int64_t)t->dim << *shift) > TASK_FLOATS) --*shift;
    return (int32_t)((t->rows - 1) >> *shift) + 1;
}

/* A large table in ranges of rows, small ones together. */
static void list_dense(const mmoe_table_use *uses, int32_t count, int32_t segments,
                       mmoe_table_task_visit visit, void *context) {
    for (int32_t u = 0, together; u < count; u += together) {
        const mmoe_embedding *t = uses[u].table;
        int32_t shift;
        const bool is_large = ranges_of(t, &shift) > 1;
        const int64_t step = is_large ? (int64_t)1 << shift : t->rows;
        together = is_large ? 1 : small_together(uses + u, count - u);
        for (int64_t row = 0; row < t->rows; row += step) {
            const int64_t rows = t->rows - row < step ? t->rows - row : step;
            size_t scratch = (size_t)(rows * t->dim);
            for (int32_t i = 1; i < together; i++) scratch += (size_t)floats_of(&uses[u + i]);
            visit(context, &(mmoe_table_task){u, together, row, rows},
                  mmoe_line_floats(scratch) * (size_t)mmoe_tree_depth(segments));
        }
    }
}

/* Several small tables together, [tables]: a row's dx is read once for all of their columns. */
static void add_tables(const mmoe_scattering *s, const mmoe_table_task *task,
                       const mmoe_looked_up *m, float *sums) {
    const mmoe_table_use *uses = s->uses + task->first;
    target_run run = {.m = m, .add = true};
    for (int lists = 0; lists < 2; lists++) {
        float *out = sums;
        for (int32_t i = 0; i < task->count; out += floats_of(&uses[i++]))
            for (int32_t j = uses[i].first; j < uses[i].first + uses[i].count; j++)
                if ((s->reads[j].bag != NULL) == lists) add_target(&run, &s->reads[j], out);
        flush_targets(&run);
    }
}

/* What of a chunk's lists is sorted, and then what is not. */
static void add_lists(const mmoe_table_read *r, const mmoe_looked_up *m, int32_t first,
                      const mmoe_bag_sums *to) {
    const mmoe_bag_chunk chunk = chunk_of(r, m, first);
    const int32_t end = first + chunk.rows;
    const float *dx = m->x + r->col;
    int32_t b = first;
    if (r->bag->order) b += mmoe_bag_add_range(r->bag->order, &chunk, dx, m->ld, to);
    for (; b < end; b++) {
        const mmoe_list list = mmoe_list_of(&m->batch->lists, mmoe_row_of(m->batch, b), r->column);
        mmoe_bag_backward(r->bag, &list, dx + (size_t)b * (size_t)m->ld,
                          chosen_at(r->bag, b, to->dim), to);
    }
}

/* Rows [task->row, + task->rows) of one large table; of the batch's, `rows` from `first` on. */
static void add_range(const mmoe_scattering *s, const mmoe_table_task *task, int32_t first,
                      int32_t rows, float *out) {
    const mmoe_table_use *u = &s->uses[task->first];
    const int32_t dim = u->table->dim, *ids = s->dx.ids + (size_t)first * (size_t)s->dx.n_id;
    const float *dx = s->dx.x + (size_t)first * (size_t)s->dx.ld;
    const mmoe_bag_sums to = {out, task->row, task->rows, dim};
    for (int32_t b = 0; b < rows; b++, ids += s->dx.n_id, dx += s->dx.ld)
        for (int32_t i = u->first; i < u->first + u->count; i++) {
            const mmoe_table_read *read = &s->reads[i];
            if (read->bag) continue;
            const int64_t r = ids[read->column] - task->row;
            if (r < 0 || r >= task->rows) continue;
            float *sums = out + r * dim;
            for (int32_t c = 0; c < dim; c++) sums[c] += dx[read->col + c];
        }
    for (int32_t i = u->first; i < u->first + u->count; i++)
        for (int32_t b = first; s->reads[i].bag && b < first + rows; b += s->dx.chunk)
            add_lists(&s->reads[i], &s->dx, b, &to);
}

/* A padding row has no gradient. */
static void clear_padding(const mmoe_embedding *t, float *sums, int64_t first, int64_t rows) {
    const int64_t row = t->padding - first;
    if (t->has_padding && row >= 0 && row < rows)
        memset(sums + row * t->dim, 0, (size_t)t->dim * sizeof *sums);
}

/* Floats of a task's tables, or of its rows. */
static size_t task_floats(const mmoe_scattering *s, const mmoe_table_task *task) {
    const mmoe_table_use *u = &s->uses[task->first];
    if (task->rows < u->table->rows) return (size_t)(task->rows * u->table->dim);
    int64_t count = 0;
    for (int32_t i = 0; i < task->count; i++) count += floats_of(&u[i]);
    return (size_t)count;
}

/* To s->scratch. */
static void sum_segments(const mmoe_scattering *s, const mmoe_table_task *task) {
    const size_t count = task_floats(s, task);
    mmoe_tree_sum all = {.parts = s->segments,
                         .sums = s->scratch,
                         .count = count,
                         .stride = mmoe_line_floats(count)};
    for (int32_t k = 0; k * s->segment < s->dx.rows; k++) {
        const int32_t first = k * s->segment, left = s->dx.rows - first;
        float *sums = mmoe_tree_next(&all, k);
        mmoe_looked_up m = s->dx;
        m.first = first;
        m.rows = left < s->segment ? left : s->segment;
        m.ids += (size_t)first * (size_t)m.n_id;
        m.x += (size_t)first * (size_t)m.ld;
        memset(sums, 0, count * sizeof *sums);
        if (task->rows < s->uses[task->first].table->rows)
            add_range(s, task, first, m.rows, sums);
        else
            add_tables(s, task, &m, sums);
    }
    mmoe_tree_total(&all);
}

static void scatter_dense(const mmoe_scattering *s, const mmoe_table_task *task) {
    const mmoe_table_use *u = &s->uses[task->first];
    sum_segments(s, task);
    if (task->rows < u->table->rows) {
        clear_padding(u->table, s->scratch, task->row, task->rows);
        s->sink(s->context, &(mmoe_row_gradient){u->index, u->table->dim, task->row, task->rows,
                                                 s->scratch, NULL});
        return;
    }
    float *values = s->scratch;
    for (int32_t i = 0; i < task->count; values += floats_of(&u[i]), i++) {
        const mmoe_embedding *t = u[i].table;
        clear_padding(t, values, 0, t->rows);
        s->sink(s->context, &(mmoe_row_gradient){u[i].index, t->dim, 0, t->rows, values, NULL});
    }
}

const mmoe_table_kind mmoe_table_dense = {.suits = suits_all,
                                          .open = open_dense,
                                          .blocks = dense_blocks,
                                          .ranges = ranges_of,
                                          .gather = gather_dense,
                                          .list = list_dense,
                                          .scatter = scatter_dense,
                                          .reserve = reserve_dense,
                                          .close = close_dense};
