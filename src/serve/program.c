#include "serve/program.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "math/stride.h"
#include "serve/bound.h"
#include "serve/products.h"

enum {
    CHUNK_FLOATS = 1 << 16, /* of all values of a chunk: 256 KB, a part of a core's L2 */
    LEAST_CHUNK = 48
};

/* ---- Columns ---- */

static bool has_products(const mmoe_program *p, int32_t lookup) {
    return p->products.first[lookup] >= 0;
}

/* A list is, even if it has products: rows have several of its elements. */
static bool is_in_x(const mmoe_program *p, const mmoe_node *input, int32_t lookup) {
    return input->u.input.lookups[lookup].is_list || !has_products(p, lookup);
}

static int32_t place_columns(mmoe_program *p, int32_t col, int32_t width, int32_t at) {
    for (int32_t c = 0; c < width; c++) p->place[col + c] = at + c;
    return at + width;
}

/* A side's lists that have products, or its other columns. */
static int32_t place_lookups(mmoe_program *p, const mmoe_node *input, mmoe_side side,
                             bool have_products, int32_t at) {
    const mmoe_lookup *const lookups = input->u.input.lookups;
    for (int32_t i = 0; i < input->u.input.n_lookup; i++)
        if (p->model->schema->sparse[i].side == side && is_in_x(p, input, i) &&
            has_products(p, i) == have_products)
            at = place_columns(p, lookups[i].col, mmoe_lookup_width(&lookups[i]), at);
    return at;
}

static int32_t place_dense(mmoe_program *p, const mmoe_node *input, mmoe_side side, int32_t at) {
    const mmoe_schema *s = p->model->schema;
    for (int32_t i = 0; i < s->n_dense; i++)
        if (s->dense[i].side == side)
            at = place_columns(p, input->u.input.dense_col + s->dense[i].first, s->dense[i].width,
                               at);
    return at;
}

/* The user's columns of x, the items', and those that are only looked up. Lists that have products
 * stand where these are added, between the others. */
static void order_columns(mmoe_program *p, const mmoe_node *input) {
    const mmoe_lookup *const lookups = input->u.input.lookups;
    int32_t at = place_lookups(p, input, MMOE_SIDE_USER, false, 0);
    p->lists_first = place_dense(p, input, MMOE_SIDE_USER, at);
    p->user_cols = place_lookups(p, input, MMOE_SIDE_USER, true, p->lists_first);
    p->lists_end = place_lookups(p, input, MMOE_SIDE_ITEM, true, p->user_cols);
    at = place_lookups(p, input, MMOE_SIDE_ITEM, false, p->lists_end);
    p->x_cols = place_dense(p, input, MMOE_SIDE_ITEM, at);
    at = p->x_cols;
    for (int32_t i = 0; i < input->u.input.n_lookup; i++)
        if (!is_in_x(p, input, i)) at = place_columns(p, lookups[i].col, lookups[i].dim, at);
}

/* Takes a dense column's inputs at [col, col + width) of x. */
static void add_copy(mmoe_serve_side *side, int32_t col, int32_t width) {
    mmoe_serve_copy *c = side->copies + side->n_copy;
    if (side->n_copy && c[-1].col + c[-1].width == col) {
        c[-1].width += width;
    } else {
        *c = (mmoe_serve_copy){side->dense_width, col, width};
        side->n_copy++;
    }
    side->dense_width += width;
}

/* Takes a column whose products are found by its ids. */
static void add_found(mmoe_serve_side *side, mmoe_serve_product product) {
    const mmoe_serve_product *all = side->products;
    const int32_t i = side->n_found++;
    side->products[i] = product;
    side->first[i] = product.first;
    side->are_neighbours = (i == 0 || side->are_neighbours) && product.at == all[0].at + i &&
                           product.column == all[0].column + i;
}

/* Where a side's sparse columns stand in its batches, and their products among a row's: the
 * user's come first. */
typedef struct places {
    int32_t *column, *product; /* [n_sparse] */
} places;

static void place_products(const mmoe_program *p, mmoe_serve_side *side, int which,
                           const places *to) {
    const mmoe_schema *s = p->model->schema;
    for (int of = MMOE_SIDE_USER; of >= MMOE_SIDE_ITEM; of--)
        for (int32_t i = 0; i < s->n_sparse; i++)
            if ((int)s->sparse[i].side == of && mmoe_serve_has_side(which, s->sparse[i].side) &&
                has_products(p, i))
                to->product[i] = side->n_product++;
}

static void fill_lookups(const mmoe_program *p, mmoe_serve_side *side, int which,
                         const mmoe_node *input, const places *at) {
    const mmoe_schema *s = p->model->schema;
    for (int32_t i = 0; i < input->u.input.n_lookup; i++) {
        const mmoe_lookup *l = &input->u.input.lookups[i];
        if (!mmoe_serve_has_side(which, s->sparse[i].side)) continue;
        const mmoe_serve_product product = {at->column[i], p->products.first[i], at->product[i]};
        if (!is_in_x(p, input, i)) {
            add_found(side, product);
            continue;
        }
        side->n_gather += !l->is_list;
        side->lookups[side->n_lookup++] =
            (mmoe_serve_lookup){mmoe_table_vectors(&p->params->tables[l->table]),
                                at->column[i],
                                p->place[l->col],
                                l->is_list ? &l->bag : NULL,
                                product,
                                &p->params->tables[l->table]};
    }
}

static void fill_side(mmoe_program *p, mmoe_serve_side *side, int which, const mmoe_node *input,
                      const places *at) {
    const mmoe_schema *s = p->model->schema;
    for (int32_t i = 0; i < s->n_sparse; i++) {
        if (!mmoe_serve_has_side(which, s->sparse[i].side)) continue;
        at->column[i] = side->n_sparse;
        side->n_id += s->sparse[i].list < 0;
        side->sparse[side->n_sparse] = &s->sparse[i];
        side->tables[side->n_sparse] = &s->tables[s->sparse[i].table];
        side->last[side->n_sparse++] = (int32_t)(s->tables[s->sparse[i].table].rows - 1);
    }
    for (int32_t i = 0; i < s->n_dense; i++) {
        const mmoe_dense_column *d = &s->dense[i];
        if (!mmoe_serve_has_side(which, d->side)) continue;
        side->dense[side->n_dense++] = (mmoe_serve_dense){d, side->dense_width};
        add_copy(side, p->place[input->u.input.dense_col + d->first], d->width);
    }
    place_products(p, side, which, at);
    fill_lookups(p, side, which, input, at);
    side->x_first = which == MMOE_ITEM_COLUMNS ? p->user_cols : 0;
    side->x_count = (which == MMOE_USER_COLUMNS ? p->user_cols : p->x_cols) - side->x_first;
    side->user_x = p->user_cols - side->x_first;
}

static mmoe_status make_sides(mmoe_program *p, const mmoe_node *input, mmoe_error *err) {
    const size_t sparse = (size_t)p->model->schema->n_sparse,
                 dense = (size_t)p->model->schema->n_dense,
                 lookups = (size_t)input->u.input.n_lookup;
    const size_t width = (size_t)p->model->graph->values[p->x].width;
    p->place = mmoe_alloc(&p->alloc, width, sizeof *p->place);
    int32_t *place = mmoe_alloc_zero(&p->alloc, 2 * sparse, sizeof *place);
    const places at = {place, place ? place + sparse : NULL};
    bool ok = p->place && place;
    if (ok) order_columns(p, input);
    for (int i = 0; ok && i < MMOE_SERVE_SIDES; i++) {
        mmoe_serve_side *s = &p->sides[i];
        s->reading = &p->model->schema->reading;
        s->sparse = mmoe_alloc(&p->alloc, sparse, sizeof *s->sparse);
        s->tables = mmoe_alloc(&p->alloc, sparse, sizeof *s->tables);
        s->last = mmoe_alloc(&p->alloc, sparse, sizeof *s->last);
        s->dense = mmoe_alloc(&p->alloc, dense, sizeof *s->dense);
        s->copies = mmoe_alloc(&p->alloc, dense, sizeof *s->copies);
        s->lookups = mmoe_alloc(&p->alloc, lookups, sizeof *s->lookups);
        s->products = mmoe_alloc(&p->alloc, (size_t)p->products.n_column, sizeof *s->products);
        s->first = mmoe_alloc(&p->alloc, (size_t)p->products.n_column, sizeof *s->first);
        ok = s->sparse && s->tables && s->last && s->dense && s->copies && s->lookups &&
             s->products && s->first;
        if (!ok) break;
        fill_side(p, s, i, input, &at);
    }
    mmoe_release(&p->alloc, place);
    return ok ? MMOE_OK
              : mmoe_fail_memory(
                    err, sparse * sizeof(void *) + dense * sizeof *p->sides->dense +
                             lookups * (sizeof *p->sides->lookups + sizeof *p->sides->products));
}

/* ---- Steps ---- */

static void place_values(mmoe_program *p) {
    const mmoe_graph *g = p->model->graph;
    for (int32_t v = 0; v < g->n_value; v++)
        p->values[v].ld = mmoe_row_stride(v == p->x ? p->x_cols : g->values[v].width);
    for (const mmoe_node *n = g->nodes; n < g->nodes + g->n_node; n++)
        if (mmoe_serve_ops[n->op]->in_place) p->values[n->out].ld = 0;
    for (int32_t v = 0; v < g->n_value; v++) {
        p->values[v].before = p->row_floats;
        p->row_floats += (size_t)p->values[v].ld;
    }
    size_t rows = CHUNK_FLOATS / p->row_floats / 24 * 24;
    if (rows < LEAST_CHUNK) rows = LEAST_CHUNK;
    if (rows > MMOE_SERVE_CHUNK) rows = MMOE_SERVE_CHUNK;
    p->chunk = (int32_t)rows;
    for (const mmoe_node *n = g->nodes; n < g->nodes + g->n_node; n++)
        if (mmoe_serve_ops[n->op]->in_place) p->values[n->out] = p->values[n->in];
}

static void make_steps(mmoe_program *p, mmoe_serve_maker *m) {
    const mmoe_graph *g = p->model->graph;
    for (const mmoe_node *n = g->nodes; n < g->nodes + g->n_node; n++) {
        const mmoe_serve_op *op = mmoe_serve_ops[n->op];
        if (!op->run || (op->is_done && op->is_done(n))) continue;
        mmoe_serve_step *s = &p->steps[p->n_step++];
        *s = (mmoe_serve_step){.op = op, .node = n};
        if (op->make) op->make(m, n, s);
    }
}

/* ---- Weights ---- */

static size_t widest_value(const mmoe_graph *g) {
    size_t widest = 0;
    for (int32_t v = 0; v < g->n_value; v++)
        if ((size_t)g->values[v].width > widest) widest = (size_t)g->values[v].width;
    return widest;
}

/* Ones, zeros and a maker's scale, and what steps need. */
static mmoe_serve_room count_room(const mmoe_program *p, size_t widest) {
    const mmoe_graph *g = p->model->graph;
    mmoe_serve_room room = {.floats = 3 * mmoe_line_floats(widest)};
    for (const mmoe_node *n = g->nodes; n < g->nodes + g->n_node; n++)
        if (mmoe_serve_ops[n->op]->count) mmoe_serve_ops[n->op]->count(p, n, &room);
    return room;
}

static mmoe_serve_maker start_weights(mmoe_program *p, size_t widest) {
    mmoe_serve_maker m = {.program = p};
    float *ones = mmoe_serve_take(&m, widest), *zeros = mmoe_serve_take(&m, widest);
    for (size_t c = 0; c < widest; c++) {
        ones[c] = 1;
        zeros[c] = 0;
    }
    p->ones = ones;
    p->zeros = zeros;
    m.scale = mmoe_serve_take(&m, widest);
    return m;
}

static mmoe_status take_memory(mmoe_program *p, const mmoe_serve_room *r, mmoe_error *err) {
    const mmoe_graph *g = p->model->graph;
    p->weights = mmoe_alloc_aligned(&p->alloc, r->floats, sizeof *p->weights);
    p->steps = mmoe_alloc(&p->alloc, (size_t)g->n_node, sizeof *p->steps);
    p->blocks = mmoe_alloc(&p->alloc, r->blocks, sizeof *p->blocks);
    p->values = mmoe_alloc(&p->alloc, (size_t)g->n_value, sizeof *p->values);
    if (p->weights && p->steps && p->blocks && p->values) return MMOE_OK;
    return mmoe_fail_memory(err, r->floats * sizeof *p->weights + r->blocks * sizeof *p->blocks);
}

static mmoe_status compile(mmoe_program *p, size_t product_bytes, mmoe_error *err) {
    const mmoe_graph *g = p->model->graph;
    assert(g->nodes[0].op == MMOE_OP_INPUT);
    p->x = g->nodes[0].out;
    p->n_task = g->n_task;
    mmoe_status status = mmoe_products_choose(p, product_bytes, err);
    if (!status) status = make_sides(p, &g->nodes[0], err);
    if (status) return status;
    const mmoe_serve_room room = count_room(p, widest_value(g));
    status = take_memory(p, &room, err);
    if (status) return status;
    place_values(p);
    if (!mmoe_params_settle(p->params))
        return mmoe_fail(err, MMOE_E_IO, "the model does not score: a rank has failed");
    mmoe_program_renew(p);
    return MMOE_OK;
}

void mmoe_program_renew(mmoe_program *p) {
    mmoe_params_settle(p->params);
    mmoe_serve_maker m = start_weights(p, widest_value(p->model->graph));
    p->n_step = p->n_block = 0;
    make_steps(p, &m);
}

void mmoe_program_follow(mmoe_program *p) {
    for (mmoe_serve_side *s = p->sides; s < p->sides + MMOE_SERVE_SIDES; s++)
        for (mmoe_serve_lookup *l = s->lookups; l < s->lookups + s->n_lookup; l++)
            l->table = mmoe_table_vectors(l->of);
}

static mmoe_status make(const mmoe_program_request *wanted, const mmoe_allocator *alloc,
                        mmoe_program **out, mmoe_error *err) {
    mmoe_program *p = mmoe_alloc_zero(alloc, 1, sizeof *p);
    if (!p) return mmoe_fail_memory(err, sizeof *p);
    p->alloc = p->counted.alloc = *alloc;
    atomic_init(&p->users, 1);
    p->model = wanted->model;
    p->moves = atomic_load_explicit(&p->model->moves, memory_order_relaxed);
    p->params = wanted->params;
    p->kernels = mmoe_kernels_best();
    p->promised = wanted->rows;
    mmoe_status status = compile(p, wanted->product_bytes, err);
    if (!status) status = mmoe_bound_create(p, wanted->input, err);
    if (!status) status = mmoe_counted_init(&p->counted, p->model->schema, alloc, err);
    if (status)
        mmoe_program_leave(p);
    else
        *out = p;
    return status;
}

/* The program of the first member, and those of the others behind it. What may be looked up is as
 * much for all together. */
static mmoe_status make_members(const mmoe_program_request *wanted, const mmoe_allocator *alloc,
                                mmoe_program **out, mmoe_error *err) {
    mmoe_program_request of = *wanted;
    if (wanted->one_member || !wanted->model->next) return make(wanted, alloc, out, err);
    mmoe_program *first = NULL, **at = &first;
    of.product_bytes /= (size_t)wanted->model->config->members;
    mmoe_status status = MMOE_OK;
    for (; !status && of.model; of.model = of.model->next) {
        of.params = &of.model->params;
        status = make(&of, alloc, at, err);
        if (!status) at = &(*at)->next;
    }
    if (status)
        mmoe_program_leave(first);
    else
        *out = first;
    return status;
}

int32_t mmoe_program_members(const mmoe_program *p) {
    int32_t count = 0;
    for (; p; p = p->next) count++;
    return count;
}

mmoe_status mmoe_program_create(const mmoe_program_request *wanted, const mmoe_allocator *alloc,
                                mmoe_program **out, mmoe_error *err) {
    mmoe_allocator own;
    if (mmoe_kernels_check(err)) return MMOE_E_ARGUMENT;
    mmoe_status status =
        wanted->input ? mmoe_input_check(wanted->input, wanted->model, err) : MMOE_OK;
    if (!status && !wanted->fetches)
        status = mmoe_model_check_whole(wanted->model, "the model does not score", err);
    if (status) return status;
    if (!mmoe_tally_begin(alloc, &own)) return mmoe_fail_memory(err, sizeof(mmoe_program));
    status = make_members(wanted, &own, out, err);
    mmoe_tally_end(&own);
    return status;
}

mmoe_status mmoe_program_check(const mmoe_program *p, const char *call, mmoe_error *err) {
    while (p && atomic_load_explicit(&p->model->moves, memory_order_relaxed) == p->moves)
        p = p->next;
    if (!p) return MMOE_OK;
    return mmoe_fail(err, MMOE_E_ARGUMENT,
                     "%s: the model's tables have got other rows since the predictor was made "
                     "(mmoe_trainer_grow, _resume): make it anew",
                     call);
}

mmoe_program *mmoe_program_share(mmoe_program *program) {
    atomic_fetch_add_explicit(&program->users, 1, memory_order_relaxed);
    return program;
}

static void free_program(mmoe_program *p) {
    const mmoe_allocator a = p->alloc;
    for (int i = 0; i < MMOE_SERVE_SIDES; i++) {
        const mmoe_serve_side *s = &p->sides[i];
        mmoe_release(&a, s->sparse);
        mmoe_release(&a, s->tables);
        mmoe_release(&a, s->last);
        mmoe_release(&a, s->dense);
        mmoe_release(&a, s->copies);
        mmoe_release(&a, s->lookups);
        mmoe_release(&a, s->products);
        mmoe_release(&a, s->first);
    }
    mmoe_bound_free(p);
    mmoe_counted_finish(&p->counted);
    mmoe_release(&a, p->products.first);
    mmoe_release_aligned(&a, p->products.p);
    mmoe_release_aligned(&a, p->products.rows);
    mmoe_release(&a, p->place);
    mmoe_release(&a, p->steps);
    mmoe_release(&a, p->blocks);
    mmoe_release(&a, p->values);
    mmoe_release_aligned(&a, p->weights);
    mmoe_release(&a, p);
}

void mmoe_program_leave(mmoe_program *p) {
    if (!p || atomic_fetch_sub_explicit(&p->users, 1, memory_order_acq_rel) > 1) return;
    for (mmoe_program *next; p; p = next) {
        next = p->next;
        free_program(p);
    }
}
