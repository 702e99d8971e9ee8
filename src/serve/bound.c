#include "serve/bound.h"

#include "base/error.h"

/* ---- Binding ---- */

mmoe_status mmoe_input_check(const mmoe_input *input, const mmoe_model *model, mmoe_error *err) {
    if (!input || !model)
        return mmoe_fail(err, MMOE_E_ARGUMENT, "mmoe_input_check: %s is NULL",
                         input ? "model" : "input");
    const mmoe_status status = mmoe_input_fits(input, model->schema, err);
    return status ? status : mmoe_input_can_know(input, model->schema, err);
}

static mmoe_bound_place place_of(const mmoe_input *input, int which, const char *name) {
    const mmoe_input_column *end = mmoe_input_find(input, name);
    const bool repeated = !mmoe_serve_has_side(which, end->side);
    const int batch = repeated ? MMOE_USER_COLUMNS : which;
    mmoe_bound_place place = {0, 0, repeated};
    for (const mmoe_input_column *c = input->columns; c < end; c++) {
        place.column += mmoe_serve_has_side(batch, c->side);
        place.list += mmoe_serve_has_side(batch, c->side) && c->is_list;
    }
    return place;
}

static size_t place_feature(const mmoe_serve_bound *b, int which, const mmoe_schema *schema,
                            int32_t feature, mmoe_bound_place *to) {
    const size_t count = mmoe_wanted_count(schema, feature);
    for (size_t i = 0; i < count; i++)
        to[i] = place_of(b->input, which, mmoe_wanted(schema, feature, i).name);
    return count;
}

static void bind_side(const mmoe_program *p, const mmoe_serve_bound *b, int which,
                      mmoe_bound_side *side) {
    const mmoe_schema *schema = p->model->schema;
    const mmoe_serve_side *s = &p->sides[which];
    mmoe_bound_place *to = side->places;
    for (size_t i = 0; i < b->input->count; i++)
        if (mmoe_serve_has_side(which, b->input->columns[i].side))
            side->types[side->given++] = &b->input->columns[i];
    for (int32_t i = 0; i < s->n_sparse; i++)
        to += place_feature(b, which, schema, (int32_t)(s->sparse[i] - schema->sparse), to);
    for (int32_t i = 0; i < s->n_dense; i++)
        to += place_feature(b, which, schema,
                            schema->n_sparse + (int32_t)(s->dense[i].column - schema->dense), to);
}

static size_t count_places(const mmoe_schema *schema) {
    size_t count = 0;
    for (int32_t f = 0; f < schema->n_sparse + schema->n_dense; f++)
        count += mmoe_wanted_count(schema, f);
    return count;
}

mmoe_status mmoe_bound_create(mmoe_program *p, const mmoe_input *input, mmoe_error *err) {
    if (!input) return MMOE_OK;
    mmoe_serve_bound *b = p->bound = mmoe_alloc_zero(&p->alloc, 1, sizeof *b);
    if (!b) return mmoe_fail_memory(err, sizeof *b);
    b->input = input;
    b->n_place = count_places(p->model->schema);
    for (int i = 0; i < MMOE_SERVE_SIDES; i++) {
        mmoe_bound_side *side = &b->sides[i];
        side->types = mmoe_alloc(&p->alloc, input->count + 1, sizeof *side->types);
        side->places = mmoe_alloc(&p->alloc, b->n_place + 1, sizeof *side->places);
        if (!side->types || !side->places)
            return mmoe_fail_memory(err, input->count * sizeof *side->types +
                                             b->n_place * sizeof *side->places);
        if (i != MMOE_USER_COLUMNS || input->ranks) bind_side(p, b, i, side);
    }
    return MMOE_OK;
}

void mmoe_bound_free(mmoe_program *p) {
    if (!p->bound) return;
    for (int i = 0; i < MMOE_SERVE_SIDES; i++) {
        mmoe_release(&p->alloc, p->bound->sides[i].types);
        mmoe_release(&p->alloc, p->bound->sides[i].places);
    }
    mmoe_release(&p->alloc, p->bound);
}

bool mmoe_bound_room(const mmoe_program *p, const mmoe_allocator *alloc, mmoe_bound_batch *out) {
    if (!p->bound) return true;
    const mmoe_serve_side *all = &p->sides[MMOE_ALL_COLUMNS];
    const size_t columns = (size_t)all->n_sparse + p->bound->n_place,
                 lists = (size_t)(all->n_sparse - all->n_id);
    out->columns =
        mmoe_alloc(alloc, columns * sizeof *out->columns + lists * sizeof *out->lists, 1);
    if (!out->columns) return false;
    out->lists = (mmoe_list_column *)(void *)(out->columns + columns);
    return true;
}

/* ---- Reading ---- */

static mmoe_status check_batch(const mmoe_serve_bound *b, const mmoe_bound_request *q,
                               mmoe_error *err) {
    const mmoe_bound_side *side = &b->sides[q->which];
    const mmoe_batch *batch = q->batch;
    if (batch->input != b->input)
        return mmoe_fail(err, MMOE_E_ARGUMENT,
                         batch->input ? "%s: the %s is of another input than the predictor's"
                                      : "%s: the %s names no input, and the predictor has one",
                         q->call, q->what);
    if (batch->column_count != side->given || (side->given && !batch->columns))
        return mmoe_fail(err, MMOE_E_ARGUMENT,
                         "%s: the %s must have the input's %zu columns, not %zu", q->call, q->what,
                         side->given, batch->columns ? batch->column_count : 0);
    mmoe_status status = MMOE_OK;
    for (size_t i = 0; !status && i < side->given; i++)
        status = mmoe_input_check_column(side->types[i], &batch->columns[i], batch, q->call, err);
    return status;
}

static mmoe_column column_at(const mmoe_bound_request *q, const mmoe_bound_place *place) {
    if (!place->is_repeated) return q->batch->columns[place->column];
    mmoe_column c = q->user->columns[place->column];
    c.stride = MMOE_STRIDE_SAME;
    return c;
}

/* Sparse columns, then what the crosses among them are of, then the dense ones. */
static void fill(const mmoe_program *p, const mmoe_bound_request *q, mmoe_bound_batch *m) {
    const mmoe_serve_side *s = &p->sides[q->which];
    const mmoe_bound_place *place = p->bound->sides[q->which].places;
    mmoe_column *more = m->columns + s->n_sparse;
    m->batch = (mmoe_batch){
        .rows = q->batch->rows, .sparse_columns = m->columns, .list_columns = m->lists};
    for (int32_t i = 0; i < s->n_sparse; i++) {
        const size_t parts = mmoe_sparse_parts(s->sparse[i]);
        if (s->sparse[i]->list >= 0) m->lists[i - s->n_id] = q->batch->list_columns[place->list];
        if (!parts) {
            m->columns[i] = column_at(q, place++);
            continue;
        }
        m->columns[i] = (mmoe_column){MMOE_VALUE_PARTS, more, 0};
        for (size_t k = 0; k < parts; k++) *more++ = column_at(q, place++);
    }
    m->batch.dense_columns = more;
    for (int32_t i = 0; i < s->n_dense; i++) *more++ = column_at(q, place++);
}

mmoe_status mmoe_bound_read(const mmoe_program *p, const mmoe_bound_request *q,
                            mmoe_bound_batch *memory, const mmoe_batch **out, mmoe_error *err) {
    *out = q->batch;
    if (!p->bound && q->batch->input)
        return mmoe_fail(err, MMOE_E_ARGUMENT,
                         "%s: the %s is of an input, and the predictor has none", q->call, q->what);
    if (!p->bound) return MMOE_OK;
    if (q->which == MMOE_USER_COLUMNS && !p->bound->input->ranks)
        return mmoe_fail(err, MMOE_E_ARGUMENT, "%s: the input has no column of the user's",
                         q->call);
    const mmoe_status status = check_batch(p->bound, q, err);
    if (status) return status;
    fill(p, q, memory);
    *out = &memory->batch;
    return MMOE_OK;
}
