#include "serve/scratch.h"

#include <string.h>

#include "base/error.h"
#include "math/stride.h"

enum { STEP = 8 }; /* rows */

void mmoe_scratch_finish(mmoe_scratch *s) {
    mmoe_release_aligned(&s->alloc, s->memory);
    s->memory = NULL;
    s->floats = 0;
}

/* ---- Layout ---- */

/* Where the arrays stand, and how many floats they take. */
typedef struct layout {
    size_t values, starts, dense, column, scores, of_member, finals, stack, ids, at, is_bad;
    size_t stack_floats, end;
} layout;

static size_t place(layout *l, size_t count) {
    const size_t at = l->end;
    l->end += mmoe_line_floats(count);
    return at;
}

static layout lay_out(const mmoe_program *p, size_t rows) {
    const struct mmoe_schema *schema = p->model->schema;
    const size_t least = MMOE_SCORE_DEPTH * 16,
                 own = p->model->score ? rows * (size_t)p->model->score->depth : 0;
    layout l = {.stack_floats = own > least ? own : least};
    l.values = place(&l, rows * p->row_floats);
    l.starts = place(&l, (size_t)mmoe_program_members(p) * (size_t)p->first_cols);
    l.dense = place(&l, rows * (size_t)schema->dense_width);
    l.column = place(&l, rows);
    l.scores = place(&l, rows * (size_t)p->n_task);
    l.of_member = place(&l, p->next ? rows * (size_t)p->n_task : 0);
    l.finals = place(&l, rows);
    l.stack = place(&l, l.stack_floats);
    l.ids = place(&l, rows * (size_t)schema->n_sparse);
    l.at = place(&l, rows * (size_t)p->products.n_column);
    l.is_bad = place(&l, rows);
    return l;
}

static void use(mmoe_predictor *p, size_t rows) {
    _Static_assert(sizeof(int32_t) == sizeof(float), "ids stand in the floats' memory");
    const layout l = lay_out(p->program, rows);
    float *const memory = p->scratch->memory;
    p->room = rows;
    p->values = memory + l.values;
    p->starts = memory + l.starts;
    p->dense = memory + l.dense;
    p->column = memory + l.column;
    p->scores = memory + l.scores;
    p->of_member = memory + l.of_member;
    p->finals = memory + l.finals;
    p->stack = memory + l.stack;
    p->ids = (int32_t *)(void *)(memory + l.ids);
    p->at = (int32_t *)(void *)(memory + l.at);
    p->is_bad = (int32_t *)(void *)(memory + l.is_bad);
    p->stack_floats = (int32_t)l.stack_floats;
}

/* ---- Growing ---- */

void mmoe_scratch_take(mmoe_predictor *p) {
    size_t rows = (size_t)p->program->chunk;
    while (rows && lay_out(p->program, rows).end > p->scratch->floats) rows -= STEP;
    if (rows) use(p, rows);
}

mmoe_status mmoe_scratch_admit(mmoe_predictor *p, size_t rows, mmoe_error *err) {
    mmoe_scratch *s = p->scratch;
    const size_t most = (size_t)p->program->chunk;
    if (rows <= p->room || p->room == most) return MMOE_OK;
    if (rows < 2 * p->room) rows = 2 * p->room;
    rows = rows < most ? (rows + STEP - 1) / STEP * STEP : most;
    const size_t floats = lay_out(p->program, rows).end;
    float *memory = mmoe_alloc_aligned(&s->alloc, floats, sizeof *memory);
    if (!memory) return mmoe_fail_memory(err, floats * sizeof *memory);
    memset(memory, 0, floats * sizeof *memory);
    mmoe_scratch_finish(s);
    s->memory = memory;
    s->floats = floats;
    use(p, rows);
    return MMOE_OK;
}
