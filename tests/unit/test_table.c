/* Table kinds: vectors against a plain look-up, gradients against plain sums in the same order, to
 * the bit; blocks hold all that a table is; memory that is lent is used where it stands. */
#include <stdlib.h>
#include <string.h>

#include "check_main.h"
#include "table/table.h"

enum { ROWS = 211, MOST = 80, LD_GAP = 5, GUARD = 0x5a };

/* Read i has table i % tables, whose dim is dims[i % 3]; column i of the ids, or those backwards.
 */
typedef struct layout {
    int32_t reads, tables, dims[3];
    int64_t rows; /* of table 0; the others have i rows more */
    bool backwards;
} layout;

static const layout layouts[] = {
    {1, 1, {1, 1, 1}, 1, false},       {7, 7, {1, 1, 1}, 9, false},
    {9, 9, {3, 3, 3}, 9, false},       {8, 8, {4, 4, 4}, 9, false},
    {19, 19, {4, 4, 4}, 9, true},      {24, 24, {8, 8, 8}, 9, false},
    {17, 17, {16, 16, 16}, 50, false}, {9, 9, {32, 32, 32}, 700, false},
    {12, 12, {4, 8, 3}, 9, false},     {17, 16, {4, 4, 4}, 9, false},
    {12, 3, {4, 8, 1}, 9, false},      {9, 1, {8, 8, 8}, 30, true},
    {80, 80, {4, 4, 4}, 3, false},     {80, 2, {16, 16, 16}, 3, false},
    {3, 2, {4, 16, 3}, 40000, false},  {2, 2, {3, 70000, 3}, 3, false},
};
enum { LAYOUTS = sizeof layouts / sizeof *layouts };

typedef struct problem {
    const layout *l;
    int32_t ld;
    mmoe_embedding tables[MOST];
    mmoe_table_read reads[MOST], used[MOST]; /* in the order of columns, and of uses */
    mmoe_table_use uses[MOST];
    int32_t *ids;
    float *x;
    float *sums[MOST]; /* what the sink got */
    uint8_t *seen[MOST];
    float *scratch;
    size_t most_scratch;
    mmoe_table_task tasks[512];
    int32_t n_task;
} problem;

static int32_t draw(int64_t i, int64_t below) {
    return (int32_t)(((uint64_t)i * 2654435761u >> 7) % (uint64_t)below);
}

static float *rows_of(const mmoe_embedding *t) {
    mmoe_block blocks[MMOE_MOST_BLOCKS];
    ck_assert_int_ge(t->kind->blocks(t, blocks), 1);
    return blocks->data;
}

static void open_tables(problem *p) {
    for (int32_t i = 0; i < p->l->tables; i++) {
        mmoe_embedding *t = &p->tables[i];
        *t = (mmoe_embedding){.kind = &mmoe_table_dense,
                              .alloc = mmoe_allocator_or_default(NULL),
                              .rows = p->l->rows + i,
                              .dim = p->l->dims[i % 3]};
        ck_assert_int_eq(t->kind->open(t, NULL, NULL), MMOE_OK);
        float *w = rows_of(t);
        for (int64_t k = 0; k < t->rows * t->dim; k++) {
            ck_assert(w[k] == 0);
            w[k] = (float)draw(k + i, 201) / 100 - 1;
        }
        p->sums[i] = calloc((size_t)(t->rows * t->dim), sizeof(float));
        p->seen[i] = calloc((size_t)t->rows, 1);
    }
}

static void plan_reads(problem *p) {
    int32_t placed = 0;
    for (int32_t i = 0; i < p->l->reads; i++) {
        mmoe_embedding *t = &p->tables[i % p->l->tables];
        p->reads[i] = (mmoe_table_read){
            .table = t, .column = p->l->backwards ? p->l->reads - 1 - i : i, .col = p->ld};
        p->ld += t->dim;
    }
    p->ld += LD_GAP;
    for (int32_t i = 0; i < p->l->tables; i++) {
        p->uses[i] = (mmoe_table_use){&p->tables[i], i, placed, 0};
        for (int32_t k = i; k < p->l->reads; k += p->l->tables) {
            p->used[placed++] = p->reads[k];
            p->uses[i].count++;
        }
    }
}

static void problem_init(problem *p, const layout *l) {
    memset(p, 0, sizeof *p);
    p->l = l;
    open_tables(p);
    plan_reads(p);
    p->ids = malloc(sizeof *p->ids * ROWS * (size_t)l->reads);
    p->x = malloc(sizeof *p->x * ROWS * (size_t)p->ld);
    for (int32_t b = 0; b < ROWS; b++)
        for (int32_t i = 0; i < l->reads; i++) {
            const mmoe_table_read *r = &p->reads[i];
            p->ids[b * l->reads + r->column] = draw(b * 31 + i, r->table->rows);
        }
}

static void problem_finish(problem *p) {
    for (int32_t i = 0; i < p->l->tables; i++) {
        p->tables[i].kind->close(&p->tables[i]);
        p->tables[i].kind->close(&p->tables[i]);
        free(p->sums[i]);
        free(p->seen[i]);
    }
    free(p->ids);
    free(p->x);
    free(p->scratch);
}

static mmoe_looked_up looked_up(const problem *p) {
    return (mmoe_looked_up){
        .rows = ROWS, .n_id = p->l->reads, .ld = p->ld, .ids = p->ids, .x = p->x};
}

START_TEST(vectors_are_rows) {
    static problem p;
    problem_init(&p, &layouts[_i]);
    memset(p.x, GUARD, sizeof *p.x * ROWS * (size_t)p.ld);
    const mmoe_looked_up m = looked_up(&p);
    mmoe_table_dense.gather(p.reads, p.l->reads, &m);
    const float *x = p.x;
    for (int32_t b = 0; b < ROWS; b++, x += p.ld) {
        for (int32_t i = 0; i < p.l->reads; i++) {
            const mmoe_table_read *r = &p.reads[i];
            const int64_t row = p.ids[b * p.l->reads + r->column];
            ck_assert_mem_eq(x + r->col, rows_of(r->table) + row * r->table->dim,
                             (size_t)r->table->dim * sizeof *x);
        }
        const uint8_t *gap = (const uint8_t *)(x + p.ld - LD_GAP);
        for (size_t k = 0; k < LD_GAP * sizeof *x; k++) ck_assert_int_eq(gap[k], GUARD);
    }
    problem_finish(&p);
}
END_TEST

/* ---- Gradients ---- */

static void take_task(void *context, const mmoe_table_task *task, size_t scratch) {
    problem *p = context;
    ck_assert_int_lt(p->n_task, 512);
    p->tasks[p->n_task++] = *task;
    if (scratch > p->most_scratch) p->most_scratch = scratch;
}

static void take_rows(void *context, const mmoe_row_gradient *g) {
    problem *p = context;
    ck_assert_int_eq(g->dim, p->tables[g->table].dim);
    ck_assert_int_le(g->first + g->rows, p->tables[g->table].rows);
    memcpy(p->sums[g->table] + g->first * g->dim, g->values,
           (size_t)(g->rows * g->dim) * sizeof *g->values);
    for (int64_t r = g->first; r < g->first + g->rows; r++) p->seen[g->table][r]++;
}

/* Row after row, and in a row read after read. */
static void check_sums(const problem *p) {
    for (int32_t i = 0; i < p->l->tables; i++) {
        const mmoe_embedding *t = &p->tables[i];
        float *want = calloc((size_t)(t->rows * t->dim), sizeof *want);
        for (int32_t b = 0; b < ROWS; b++)
            for (int32_t k = i; k < p->l->reads; k += p->l->tables) {
                const mmoe_table_read *r = &p->reads[k];
                float *to = want + (int64_t)p->ids[b * p->l->reads + r->column] * t->dim;
                for (int32_t c = 0; c < t->dim; c++) to[c] += p->x[b * p->ld + r->col + c];
            }
        ck_assert_mem_eq(p->sums[i], want, (size_t)(t->rows * t->dim) * sizeof *want);
        for (int64_t r = 0; r < t->rows; r++) ck_assert_int_eq(p->seen[i][r], 1);
        free(want);
    }
}

START_TEST(gradients_are_sums) {
    static problem p;
    problem_init(&p, &layouts[_i]);
    for (int64_t i = 0; i < (int64_t)ROWS * p.ld; i++) p.x[i] = (float)draw(i, 997) / 499 - 1;
    mmoe_table_dense.list(p.uses, p.l->tables, 1, take_task, &p);
    p.scratch = malloc(p.most_scratch * sizeof *p.scratch);
    memset(p.scratch, GUARD, p.most_scratch * sizeof *p.scratch);
    const mmoe_scattering s = {p.uses, p.used, looked_up(&p), ROWS, 1, p.scratch, take_rows, &p};
    for (int32_t i = p.n_task - 1; i >= 0; i--) mmoe_table_dense.scatter(&s, &p.tasks[i]);
    check_sums(&p);
    problem_finish(&p);
}
END_TEST

/* ---- Lists ---- */

/* Every third row has lists of one alone, the next as many elements, but not one a list, and the
 * third some lists that are not of one. */
static int32_t length_of(int32_t b, int32_t list) {
    if (b % 3 == 1) return list % 2 ? 2 : 0;
    return b % 3 == 2 && list % 5 == 4 ? draw(b, 3) : 1;
}

static mmoe_rows make_lists(const problem *p, int64_t *offsets, int32_t *elements) {
    int64_t n = 0;
    for (int32_t b = 0; b < ROWS; b++)
        for (int32_t i = 0; i < p->l->reads; i++) {
            offsets[b * p->l->reads + i] = n;
            for (int32_t k = length_of(b, i); k > 0; k--, n++)
                elements[n] = draw(n * 31 + i, p->l->rows);
        }
    offsets[ROWS * p->l->reads] = n;
    return (mmoe_rows){.rows = ROWS, .lists = {p->l->reads, offsets, elements, NULL}};
}

static void scatter_uses(problem *p, const mmoe_looked_up *m, int32_t first, int32_t count) {
    p->n_task = 0;
    mmoe_table_dense.list(p->uses + first, count, 1, take_task, p);
    p->scratch = realloc(p->scratch, p->most_scratch * sizeof *p->scratch);
    const mmoe_scattering s = {p->uses + first, p->used, *m, ROWS, 1, p->scratch, take_rows, p};
    for (int32_t i = 0; i < p->n_task; i++) mmoe_table_dense.scatter(&s, &p->tasks[i]);
}

/* Neighbours' lists of one go a way of their own. */
START_TEST(lists_together_are_as_alone) {
    static const layout many = {10, 10, {4, 4, 4}, 9, false};
    static problem p, q;
    int64_t offsets[ROWS * 10 + 1];
    int32_t elements[ROWS * 10 * 2];
    const mmoe_bag bag = {.how = (mmoe_pooling)_i, .dropped = -1};
    problem_init(&p, &many);
    problem_init(&q, &many);
    for (int32_t i = 0; i < many.reads; i++)
        p.reads[i].bag = p.used[i].bag = q.reads[i].bag = q.used[i].bag = &bag;
    const mmoe_rows batch = make_lists(&p, offsets, elements);
    mmoe_looked_up together = looked_up(&p), alone = looked_up(&q);
    memset(p.x, 0, sizeof *p.x * ROWS * (size_t)p.ld);
    memset(q.x, 0, sizeof *q.x * ROWS * (size_t)q.ld);
    together.batch = alone.batch = &batch;
    for (int32_t i = 0; i < ROWS * many.reads; i++) {
        const bool one = offsets[i + 1] - offsets[i] == 1;
        p.ids[i] = q.ids[i] = one ? elements[offsets[i]] : MMOE_NOT_ONE;
    }
    together.chunk = alone.chunk = ROWS;
    mmoe_table_dense.gather(p.reads, many.reads, &together);
    for (int32_t i = 0; i < many.reads; i++) mmoe_table_dense.gather(&q.reads[i], 1, &alone);
    ck_assert_mem_eq(p.x, q.x, sizeof *p.x * ROWS * (size_t)p.ld);
    scatter_uses(&p, &together, 0, many.tables);
    for (int32_t i = 0; i < many.tables; i++) scatter_uses(&q, &alone, i, 1);
    for (int32_t i = 0; i < many.tables; i++)
        ck_assert_mem_eq(p.sums[i], q.sums[i], (size_t)((many.rows + i) * 4) * sizeof(float));
    problem_finish(&p);
    problem_finish(&q);
}
END_TEST

/* ---- Memory ---- */

START_TEST(blocks_are_the_rows) {
    static problem p;
    problem_init(&p, &layouts[_i]);
    for (int32_t i = 0; i < p.l->tables; i++) {
        const mmoe_embedding *t = &p.tables[i];
        mmoe_block b[MMOE_MOST_BLOCKS];
        ck_assert_int_eq(t->kind->blocks(t, b), 1);
        ck_assert_int_eq(b->dtype, MMOE_F32);
        ck_assert_int_eq(b->count, t->rows * t->dim);
        ck_assert_uint_eq((uintptr_t)b->data % 64, 0);
    }
    problem_finish(&p);
}
END_TEST

START_TEST(lent_memory_is_used_and_left) {
    float lent[6] = {1, 2, 3, 4, 5, 6}, x[4];
    mmoe_embedding t = {
        .kind = &mmoe_table_dense, .alloc = mmoe_allocator_or_default(NULL), .rows = 3, .dim = 2};
    void *const blocks[MMOE_MOST_BLOCKS] = {lent};
    ck_assert_int_eq(t.kind->open(&t, blocks, NULL), MMOE_OK);
    ck_assert_ptr_eq(rows_of(&t), lent);
    const int32_t ids[] = {2, 0};
    const mmoe_table_read read = {.table = &t};
    t.kind->gather(&read, 1, &(mmoe_looked_up){.rows = 2, .n_id = 1, .ld = 2, .ids = ids, .x = x});
    ck_assert(x[0] == 5 && x[1] == 6 && x[2] == 1 && x[3] == 2);
    t.kind->close(&t);
    ck_assert(lent[5] == 6);
}
END_TEST

START_TEST(what_is_too_large_fails) {
    mmoe_error err = {0};
    mmoe_embedding t = {.kind = &mmoe_table_dense,
                        .alloc = mmoe_allocator_or_default(NULL),
                        .rows = INT64_MAX / 2,
                        .dim = 4};
    ck_assert_int_eq(t.kind->open(&t, NULL, &err), MMOE_E_MEMORY);
    t.rows = INT64_MAX / 16;
    ck_assert_int_eq(t.kind->open(&t, NULL, &err), MMOE_E_MEMORY);
    t.kind->close(&t);
}
END_TEST

void add_cases(TCase *c) {
    tcase_add_loop_test(c, vectors_are_rows, 0, LAYOUTS);
    tcase_add_loop_test(c, gradients_are_sums, 0, LAYOUTS);
    tcase_add_loop_test(c, lists_together_are_as_alone, MMOE_POOL_MEAN, MMOE_POOL_SUM + 1);
    tcase_add_loop_test(c, blocks_are_the_rows, 0, LAYOUTS);
    tcase_add_test(c, lent_memory_is_used_and_left);
    tcase_add_test(c, what_is_too_large_fails);
}
