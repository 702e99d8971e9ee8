#include "serve/run.h"

#include <string.h>

#include "serve/request_lists.h"

typedef float v4 __attribute__((vector_size(16), aligned(4), may_alias));

/* x of the columns that a side has, column by column: what a column needs stays in registers, and
 * its neighbours find the same cache lines of ids and x. Rows of four are the most usual width: one
 * vector each. */
static void gather(const mmoe_serve_chunk *c, const mmoe_serve_side *s, const mmoe_encoded *e) {
    const int32_t rows = c->rows;
    const size_t ld = (size_t)mmoe_serve_ld(c, c->program->x);
    for (const mmoe_serve_lookup *l = s->lookups; l < s->lookups + s->n_id; l++) {
        float *x = mmoe_serve_at(c, c->program->x) + l->col;
        const int32_t *id = e->ids + l->column;
        const float *const table = l->table;
        const int64_t dim = l->dim;
        if (dim == 4)
            for (int32_t r = 0; r < rows; r++, x += ld, id += e->id_stride)
                *(v4 *)x = *(const v4 *)(table + (int64_t)*id * 4);
        else
            for (int32_t r = 0; r < rows; r++, x += ld, id += e->id_stride)
                memcpy(x, table + *id * dim, (size_t)dim * sizeof *x);
    }
    for (int32_t i = 0; i < s->n_dense; i++) {
        float *x = mmoe_serve_at(c, c->program->x) + s->dense[i].col;
        const float *value = e->dense + s->dense[i].first;
        const size_t width = (size_t)s->dense[i].width;
        if (width == 1)
            for (int32_t r = 0; r < rows; r++, x += ld, value += e->dense_stride) *x = *value;
        else
            for (int32_t r = 0; r < rows; r++, x += ld, value += e->dense_stride)
                memcpy(x, value, width * sizeof *x);
    }
}

/* x of the lists of rows [first, ...). */
static void pool(const mmoe_serve_chunk *c, const mmoe_request *q, size_t first) {
    const size_t ld = (size_t)mmoe_serve_ld(c, c->program->x);
    const mmoe_serve_side *s = q->side;
    const mmoe_request_lists lists = {s, q->batch, q->call, q->what};
    for (const mmoe_serve_lookup *l = s->lookups + s->n_id; l < s->lookups + s->n_lookup; l++) {
        float *x = mmoe_serve_at(c, c->program->x) + l->col;
        for (int32_t r = 0; r < c->rows; r++, x += ld)
            mmoe_request_pool(&lists, l, first + (size_t)r, x);
    }
}

void mmoe_serve_user(mmoe_predictor *p, const mmoe_request *user) {
    const mmoe_serve_chunk c = {.program = p->program, .values = p->values, .rows = 1};
    const mmoe_encoded e = mmoe_request_encode(user, 0, 1);
    gather(&c, user->side, &e);
    if (user->side->n_lookup > user->side->n_id) pool(&c, user, 0);
    mmoe_serve_user_share(&c, p->user_starts);
}

void mmoe_serve_rows(mmoe_predictor *p, const mmoe_request *batch, bool ranked, size_t first,
                     int32_t rows, float *scores) {
    const mmoe_program *program = p->program;
    const mmoe_serve_chunk c = {.program = program,
                                .values = p->values,
                                .user_starts = p->user_starts,
                                .logits = p->logits,
                                .scores = scores,
                                .rows = rows,
                                .ranked = ranked};
    const mmoe_encoded e = mmoe_request_encode(batch, first, rows);
    gather(&c, batch->side, &e);
    if (batch->side->n_lookup > batch->side->n_id) pool(&c, batch, first);
    for (const mmoe_serve_step *s = program->steps; s < program->steps + program->n_step; s++)
        s->op->run(&c, s);
}
