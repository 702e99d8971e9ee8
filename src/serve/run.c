#include "serve/run.h"

#include <string.h>

#include "serve/request_lists.h"

typedef float v4 __attribute__((vector_size(16), aligned(4), may_alias));

/* x of one row's ids. Four floats, the most usual width, are one vector. */
static void gather_row(const mmoe_serve_side *s, const int32_t *ids, float *x) {
    const mmoe_serve_lookup *const end = s->lookups + s->n_gather;
    for (const mmoe_serve_lookup *l = s->lookups; l < end; l++) {
        const mmoe_vectors *t = &l->table;
        if (t->dtype != MMOE_F32) {
            mmoe_vectors_widen(t, &(mmoe_vectors_wanted){ids + l->column, 0, 0, 1, x + l->col});
            continue;
        }
        const float *from = (const float *)t->rows + (int64_t)ids[l->column] * t->dim;
        if (t->dim == 4)
            *(v4 *)(x + l->col) = *(const v4 *)from;
        else
            memcpy(x + l->col, from, (size_t)t->dim * sizeof *x);
    }
}

/* The same of many rows, column by column: what a column needs stays in registers, and its
 * neighbours find the same cache lines of ids and x. */
static void gather_rows(const mmoe_serve_side *s, const mmoe_encoded *e, int32_t rows, float *x,
                        size_t ld) {
    const size_t stride = e->id_stride;
    const mmoe_serve_lookup *const end = s->lookups + s->n_gather;
    for (const mmoe_serve_lookup *l = s->lookups; l < end; l++) {
        const float *const table = l->table.rows;
        const int64_t dim = l->table.dim;
        const int32_t *id = e->ids + l->column;
        float *to = x + l->col;
        if (l->table.dtype != MMOE_F32)
            mmoe_vectors_widen(&l->table, &(mmoe_vectors_wanted){id, stride, ld, rows, to});
        else if (dim == 4)
            for (int32_t r = 0; r < rows; r++, to += ld, id += stride)
                *(v4 *)to = *(const v4 *)(table + (int64_t)*id * 4);
        else
            for (int32_t r = 0; r < rows; r++, to += ld, id += stride)
                memcpy(to, table + *id * dim, (size_t)dim * sizeof *to);
    }
}

static void copy_dense(const mmoe_serve_side *s, const mmoe_encoded *e, int32_t rows, float *x,
                       size_t ld) {
    for (const mmoe_serve_copy *d = s->copies; d < s->copies + s->n_copy; d++) {
        const float *value = e->dense + d->first;
        const size_t size = (size_t)d->width * sizeof *value, stride = e->dense_stride;
        float *to = x + d->col;
        for (int32_t r = 0; r < rows; r++, to += ld, value += stride) memcpy(to, value, size);
    }
}

static void gather(const mmoe_serve_chunk *c, const mmoe_encoded *e) {
    float *x = mmoe_serve_at(c, c->program->x);
    const size_t ld = (size_t)mmoe_serve_ld(c, c->program->x);
    if (c->rows == 1)
        gather_row(c->side, e->ids, x);
    else
        gather_rows(c->side, e, c->rows, x, ld);
    copy_dense(c->side, e, c->rows, x, ld);
}

/* For a row whose products are neighbours. Compilers make vectors of this loop, because `restrict`
 * says that `at` is none of what is read. */
static inline void add_first(const int32_t *restrict ids, const int32_t *restrict first,
                             int32_t count, int32_t *restrict at) {
    for (int32_t i = 0; i < count; i++) at[i] = first[i] + ids[i];
}

/* Finds the rows of the products of ids. */
static void find_products(const mmoe_serve_side *s, const mmoe_encoded *e, int32_t rows,
                          int32_t *restrict at) {
    const mmoe_serve_product *restrict const products = s->products;
    const int32_t *restrict ids = e->ids;
    const int32_t n = s->n_found;
    for (int32_t r = 0; r < rows; r++, ids += e->id_stride, at += s->n_product)
        if (s->are_neighbours)
            add_first(ids + products->column, s->first, n, at + products->at);
        else
            for (int32_t i = 0; i < n; i++)
                at[products[i].at] = products[i].first + ids[products[i].column];
}

/* A list's row of products; what is looked up leaves x. */
static int32_t find_list(const mmoe_serve_chunk *c, const mmoe_serve_lookup *l, int32_t only,
                         float *x) {
    if (only < 0) return c->program->products.n_row;
    memset(x, 0, (size_t)l->table.dim * sizeof *x);
    return l->product.first + only;
}

/* x of a column's lists of rows [first, ...), and rows of their products; whether any of them was
 * not looked up. */
static bool pool_column(const mmoe_serve_chunk *c, const mmoe_request *q,
                        const mmoe_serve_lookup *l, size_t first, int32_t *at) {
    const size_t ld = (size_t)mmoe_serve_ld(c, c->program->x);
    mmoe_request_lists lists = {q->side, q->batch, q->call,
                                q->what, false,    mmoe_request_seen(q, l->column)};
    float *x = mmoe_serve_at(c, c->program->x) + l->col;
    bool any = false;
    for (int32_t r = 0; r < c->rows; r++, x += ld) {
        lists.is_bad = q->bad && q->is_bad[r];
        const int32_t only = mmoe_request_pool(&lists, l, first + (size_t)r, x);
        if (l->product.first >= 0)
            at[r * q->side->n_product + l->product.at] = find_list(c, l, only, x);
        any |= only < 0;
    }
    return any;
}

/* Zeros of lists that were all looked up are not multiplied: beside the look-up, where they stand,
 * they change no bit. */
static void pool(mmoe_serve_chunk *c, const mmoe_request *q, size_t first, int32_t *at) {
    const mmoe_program *p = c->program;
    const mmoe_serve_side *s = q->side;
    bool of_user = false, of_items = false;
    for (const mmoe_serve_lookup *l = s->lookups + s->n_gather; l < s->lookups + s->n_lookup; l++) {
        const bool any = pool_column(c, q, l, first, at) && l->product.first >= 0;
        of_user |= any && l->col < p->user_cols;
        of_items |= any && l->col >= p->user_cols;
    }
    if (c->user_x && !of_user) c->user_x -= p->user_cols - p->lists_first;
    if (c->item_x && !of_items) c->item_x -= p->lists_end - p->user_cols;
}

/* Rows of a request on their way: encoded once, for all members. */
typedef struct rows_read {
    mmoe_predictor *predictor;
    const mmoe_request *request;
    mmoe_encoded encoded;
    size_t first;
    int32_t rows;
} rows_read;

static rows_read encode(mmoe_predictor *p, const mmoe_request *q, size_t first, int32_t rows) {
    return (rows_read){p, q, mmoe_request_encode(q, first, rows), first, rows};
}

/* What a member's first layers read, by its own tables. What is seen is counted for the first. */
static mmoe_serve_chunk read(const rows_read *r, const mmoe_program *member) {
    mmoe_predictor *p = r->predictor;
    mmoe_request q = *r->request;
    q.side = member->sides + (r->request->side - p->program->sides);
    if (member != p->program) q.seen = NULL;
    mmoe_serve_chunk c = {.program = member,
                          .values = p->values,
                          .room = (int32_t)p->room,
                          .side = q.side,
                          .at = p->at,
                          .column = p->column,
                          .rows = r->rows,
                          .user_x = q.side->user_x,
                          .item_x = q.side->x_count - q.side->user_x};
    gather(&c, &r->encoded);
    if (c.side->n_lookup > c.side->n_gather) pool(&c, &q, r->first, p->at);
    find_products(c.side, &r->encoded, c.rows, p->at);
    return c;
}

void mmoe_serve_user(mmoe_predictor *p, const mmoe_request *user) {
    const rows_read r = encode(p, user, 0, 1);
    float *starts = p->starts;
    for (const mmoe_program *m = p->program; m; starts += m->first_cols, m = m->next) {
        const mmoe_serve_chunk c = read(&r, m);
        mmoe_serve_share(&c, starts);
    }
}

static void run_member(const rows_read *r, const mmoe_program *member, const float *starts,
                       float *scores) {
    mmoe_serve_chunk c = read(r, member);
    c.starts = starts;
    c.scores = scores;
    for (const mmoe_serve_step *s = member->steps; s < member->steps + member->n_step; s++)
        s->op->run(&c, s);
}

void mmoe_serve_rows(mmoe_predictor *p, const mmoe_request *batch, bool ranked, size_t first,
                     int32_t rows, float *scores) {
    const mmoe_program *m = p->program;
    const rows_read r = encode(p, batch, first, rows);
    const size_t count = (size_t)rows * (size_t)m->n_task;
    const float *starts = ranked ? p->starts : NULL;
    run_member(&r, m, starts, scores);
    if (!m->next) return;
    float members = 1;
    for (m = m->next; m; m = m->next, members++) {
        if (starts) starts += m->first_cols;
        run_member(&r, m, starts, p->of_member);
        for (size_t i = 0; i < count; i++) scores[i] += p->of_member[i];
    }
    for (size_t i = 0; i < count; i++) scores[i] /= members;
}
