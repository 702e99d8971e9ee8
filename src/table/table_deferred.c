/* Rows in memory as dense has them, of which a step updates those that its batch reads, whose
 * gradients are handed on as rows with their numbers. What a row has missed since it was last read
 * is the business of whoever is told of it before it is gathered. */
#include <string.h>

#include "math/tree.h"
#include "table/table.h"
#include "table/touched.h"

enum { TOGETHER = 64 }; /* rows whose gradients are handed on at a time */

static bool suits_deferred(const mmoe_embedding *t) { return t->is_deferred && !t->is_frozen; }

/* Of the rows that are here. */
static mmoe_status open_deferred(mmoe_embedding *t, void *const *lent, mmoe_error *err) {
    mmoe_embedding own = *t;
    own.rows = mmoe_table_own_rows(t);
    const mmoe_status status = mmoe_table_dense.open(&own, lent, err);
    t->data = own.data;
    t->is_lent = own.is_lent;
    return status;
}

static int32_t deferred_blocks(const mmoe_embedding *t, mmoe_block *out) {
    out[0] = (mmoe_block){"weight", MMOE_F32, mmoe_table_own_rows(t) * t->dim, t->data};
    return 1;
}

static int32_t one_range(const mmoe_embedding *t, int32_t *shift) {
    (void)t;
    *shift = 31;
    return 1;
}

static void gather_deferred(const mmoe_table_read *reads, int32_t count, const mmoe_looked_up *m) {
    mmoe_table_dense.gather(reads, count, m);
}

static mmoe_status reserve_deferred(mmoe_embedding *t, int64_t rows, mmoe_error *err) {
    return mmoe_table_dense.reserve(t, rows, err);
}

static void close_deferred(mmoe_embedding *t) {
    mmoe_release_aligned(&t->alloc, t->fetched);
    t->fetched = NULL;
    mmoe_table_dense.close(t);
}

/* ---- Before the rows are gathered ---- */

static mmoe_status admit(mmoe_table_use *use, const mmoe_table_reading *reading, mmoe_error *err) {
    mmoe_touched *touched = use->own;
    const mmoe_status status = mmoe_touched_admit(&touched, reading, err);
    use->own = touched;
    return status;
}

static size_t memory(const mmoe_table_use *use) { return mmoe_touched_memory(use->own); }

static void deal(const mmoe_table_reading *reading, int32_t chunk) {
    mmoe_touched_deal(reading->use->own, reading, chunk);
}

static void prepare(const mmoe_table_reading *reading, int32_t part) {
    mmoe_touched_sort(reading->use->own, reading, part);
}

static void tell(const mmoe_table_use *use, int32_t part, mmoe_rows_visit visit, void *context) {
    const mmoe_touched *t = use->own;
    const mmoe_touched_part *p = &t->parts[part],
                            *next = part + 1 < MMOE_TOUCH_PARTS ? p + 1 : NULL;
    visit(context, &(mmoe_rows_read){.table = use->index,
                                     .count = p->rows,
                                     .rows = t->rows + p->first,
                                     .later = next ? next->rows : 0,
                                     .later_rows = next ? t->rows + next->first : NULL});
}

static const uint64_t *readers(const mmoe_table_use *use, int32_t part, int32_t *rows) {
    const mmoe_touched *t = use->own;
    *rows = t->parts[part].rows;
    return t->readers + t->parts[part].first;
}

static int64_t most(const mmoe_table_use *use) {
    const mmoe_touched *t = use->own;
    return t->room < use->table->rows ? t->room : use->table->rows;
}

static int64_t reads(const mmoe_table_use *use) {
    const mmoe_touched *t = use->own;
    return t->areas[t->chunks];
}

static int32_t find(const mmoe_table_use *use, int32_t row) {
    const mmoe_touched *t = use->own;
    const mmoe_touched_part *p = &t->parts[row & (MMOE_TOUCH_PARTS - 1)];
    const int32_t *rows = t->rows + p->first, *at = rows;
    for (int32_t left = p->rows, half; left > 1; left -= half) { /* without a branch to foretell */
        half = left / 2;
        at += at[half - 1] < row ? half : 0;
    }
    return (int32_t)(at - rows);
}

static void number(const mmoe_table_use *use, int32_t part, mmoe_row_places places,
                   const mmoe_id_numbers *to) {
    const mmoe_touched *t = use->own;
    for (int32_t i = 0; i < t->parts[part].rows; i++) {
        const int32_t place = mmoe_row_place(places, i);
        int32_t count;
        const mmoe_touch *touch = mmoe_touched_reads(t, part, i, &count);
        for (const mmoe_touch *end = touch + count; touch < end; touch++) {
            const mmoe_table_read *read = &to->reads[touch->read];
            if (!read->bag && touch->b >= to->first && touch->b < to->end)
                to->ids[(size_t)touch->b * to->stride + (size_t)read->column] = place;
        }
    }
}

static void leave(mmoe_table_use *use) {
    mmoe_touched_free(use->own);
    use->own = NULL;
}

/* ---- Gradients ---- */

/* A row's sums, but for the first, lie where the next rows' gradients will. */
static void list_deferred(const mmoe_table_use *uses, int32_t count, int32_t segments,
                          mmoe_table_task_visit visit, void *context) {
    const size_t sums = TOGETHER - 1 + (size_t)mmoe_tree_depth(segments);
    for (int32_t u = 0; u < count; u++)
        for (int32_t part = 0; part < MMOE_TOUCH_PARTS; part++)
            visit(context, &(mmoe_table_task){u, 1, part, 1}, sums * (size_t)uses[u].table->dim);
}

static const float *dx_of(const mmoe_scattering *s, const mmoe_touch *touch) {
    const size_t b = (size_t)(touch->b - s->before);
    return s->dx.x + b * (size_t)s->dx.ld + s->reads[touch->read].col;
}

static void add_read(const mmoe_scattering *s, const mmoe_touch *touch, int32_t dim, float *sums) {
    const mmoe_bag *bag = s->reads[touch->read].bag;
    if (!bag) {
        mmoe_add(sums, dx_of(s, touch), dim);
        return;
    }
    const size_t b = (size_t)(touch->b - s->before);
    const int32_t *chosen = bag->chosen ? bag->chosen + b * (size_t)dim : NULL;
    mmoe_bag_add_part(bag, touch->of, dx_of(s, touch), chosen, &(mmoe_bag_sums){sums, 0, 1, dim});
}

/* Adds up what dx has of the first reads, those of rows of the batch before `end`. Returns how many
 * they are. Most rows have one, which is not waited for behind zeros that were just written. */
static int32_t add_reads(const mmoe_scattering *s, const mmoe_touch *reads, int32_t count,
                         int32_t end, int32_t dim, float *sums) {
    int32_t k = 0;
    if (count > 0 && reads->b < end && !s->reads[reads->read].bag)
        mmoe_add_zero(sums, dx_of(s, &reads[k++]), dim);
    else
        memset(sums, 0, (size_t)dim * sizeof *sums);
    for (; k < count && reads[k].b < end; k++) add_read(s, &reads[k], dim, sums);
    return k;
}

/* The gradient of the part's row i, of whose reads those of a segment are neighbours: what of it
 * dx's rows have. Of a part of the batch, only the whole ends as a sum over segments does. */
static void sum_row(const mmoe_scattering *s, const mmoe_table_task *task, int32_t i, float *sums) {
    const mmoe_table_use *use = &s->uses[task->first];
    const int32_t dim = use->table->dim, end = s->before + s->dx.rows;
    int32_t count, k = 0;
    const mmoe_touch *reads = mmoe_touched_reads(use->own, (int32_t)task->row, i, &count);
    if (s->segments == 1 && !s->kept) { /* whose sum is the whole */
        add_reads(s, reads, count, end, dim, sums);
        return;
    }
    mmoe_tree_sum all = {.parts = s->kept ? 1 : s->segments,
                         .sums = sums,
                         .count = (size_t)dim,
                         .stride = (size_t)dim};
    while (k < count && reads[k].b < s->before) k++;
    while (k < count && reads[k].b < end) {
        const int32_t segment = (reads[k].b - s->before) / s->segment,
                      next = s->before + (segment + 1) * s->segment;
        k += add_reads(s, reads + k, count - k, next, dim, mmoe_tree_next(&all, segment));
    }
    mmoe_tree_total(&all);
}

static void keep_part(const mmoe_scattering *s, const mmoe_table_task *task) {
    const mmoe_table_use *use = &s->uses[task->first];
    const mmoe_touched *t = use->own;
    const size_t dim = (size_t)use->table->dim;
    for (int32_t i = 0; i < t->parts[task->row].rows; i++) {
        sum_row(s, task, i, s->scratch);
        memcpy(s->kept + (size_t)i * dim, s->scratch, dim * sizeof *s->kept);
    }
}

static bool is_padding(const mmoe_embedding *t, int32_t row) {
    return t->has_padding && row == t->padding;
}

/* A padding row has none. */
static void scatter_deferred(const mmoe_scattering *s, const mmoe_table_task *task) {
    const mmoe_table_use *use = &s->uses[task->first];
    const mmoe_touched *t = use->own;
    const mmoe_embedding *table = use->table;
    const mmoe_touched_part *p = &t->parts[task->row];
    const int32_t *rows = t->rows + p->first, dim = table->dim;
    int32_t at[TOGETHER];
    if (s->kept) {
        keep_part(s, task);
        return;
    }
    for (int32_t i = 0; i < p->rows;) {
        const int64_t place = p->first + i;
        int32_t n = 0;
        for (; i < p->rows && n < TOGETHER; i++) {
            if (is_padding(table, rows[i])) continue;
            at[n] = rows[i];
            sum_row(s, task, i, s->scratch + (size_t)n++ * (size_t)dim);
        }
        if (n) s->sink(s->context, &(mmoe_row_gradient){use->index, dim, place, n, s->scratch, at});
    }
}

/* Is the part's row i read in one segment alone? Its sum ends with +0 then (mmoe_tree_total). */
static bool is_of_one(const mmoe_scattering *s, const mmoe_table_task *task, int32_t i) {
    int32_t count;
    const mmoe_touch *reads =
        mmoe_touched_reads(s->uses[task->first].own, (int32_t)task->row, i, &count);
    return reads[0].b / s->segment == reads[count - 1].b / s->segment;
}

/* What ranks have of a row, in `from` [ranks] where they read it, becomes its sum. Most rows are
 * one's alone. */
static void add_ranks(const mmoe_scattering *s, uint64_t readers, const float *const *from,
                      int32_t dim, float *sum) {
    const size_t bytes = (size_t)dim * sizeof *sum;
    if ((readers & (readers - 1)) == 0) {
        memcpy(sum, from[__builtin_ctzll(readers)], bytes);
        return;
    }
    mmoe_tree_sum all = {
        .parts = 1, .sums = s->scratch, .count = (size_t)dim, .stride = (size_t)dim};
    for (int32_t q = 0; q < MMOE_TREE_PARTS && readers >> q; q++)
        if (readers >> q & 1) memcpy(mmoe_tree_next(&all, q), from[q], bytes);
    memcpy(sum, mmoe_tree_total(&all), bytes);
}

/* Of each row what the others have. */
static void add_others(const mmoe_scattering *s, const mmoe_table_use *use, int32_t part) {
    int32_t rows;
    const uint64_t *of = readers(use, part, &rows), own = UINT64_C(1) << s->rank;
    const float *from[MMOE_TREE_PARTS];
    const int32_t dim = use->table->dim;
    for (int32_t q = 0; q < MMOE_TREE_PARTS; q++) from[q] = s->others[q];
    for (int32_t i = 0; i < rows; i++) {
        float *sum = s->kept + (size_t)i * (size_t)dim;
        from[s->rank] = sum;
        if (of[i] != own) add_ranks(s, of[i], from, dim, sum);
        for (int32_t q = 0; q < MMOE_TREE_PARTS && of[i] >> q; q++)
            if (of[i] >> q & 1) from[q] += dim;
    }
}

static void conclude(const mmoe_scattering *s, const mmoe_table_task *task) {
    const mmoe_table_use *use = &s->uses[task->first];
    const mmoe_touched *t = use->own;
    const mmoe_touched_part *p = &t->parts[task->row];
    const int32_t *rows = t->rows + p->first, dim = use->table->dim;
    add_others(s, use, (int32_t)task->row);
    for (int32_t i = 0, end; i < p->rows; i = end) {
        float *sums = s->kept + (size_t)i * (size_t)dim;
        end = i;
        while (end < p->rows && !is_padding(use->table, rows[end])) {
            float *own = s->kept + (size_t)end * (size_t)dim;
            const bool is_alone = is_of_one(s, task, end++);
            for (int32_t c = 0; is_alone && c < dim; c++) own[c] += 0.0f;
        }
        if (end > i)
            s->sink(s->context,
                    &(mmoe_row_gradient){use->index, dim, p->first + i, end - i, sums, rows + i});
        end += end < p->rows;
    }
}

const mmoe_table_kind mmoe_table_deferred = {.suits = suits_deferred,
                                             .open = open_deferred,
                                             .blocks = deferred_blocks,
                                             .ranges = one_range,
                                             .gather = gather_deferred,
                                             .list = list_deferred,
                                             .scatter = scatter_deferred,
                                             .reserve = reserve_deferred,
                                             .close = close_deferred,
                                             .parts = MMOE_TOUCH_PARTS,
                                             .admit = admit,
                                             .memory = memory,
                                             .deal = deal,
                                             .prepare = prepare,
                                             .tell = tell,
                                             .readers = readers,
                                             .conclude = conclude,
                                             .most = most,
                                             .reads = reads,
                                             .find = find,
                                             .number = number,
                                             .leave = leave};
