/* A graph of look-ups, of ids and of lists, under one product with weights and a squared error; its
 * batches, and its loss and gradients in double precision. */
#ifndef MMOE_TESTS_LISTS_SUPPORT_H
#define MMOE_TESTS_LISTS_SUPPORT_H

#include <math.h>
#include <stdlib.h>

#include "params_support.h"

#include "graph/run.h"

enum { LOOKUPS = 3, LISTS = 2, TABLES = 3, MOST_ELEMENTS = 12, NO_PADDING = -1 };

static inline int32_t draw(int64_t i, int64_t below) {
    return (int32_t)(((uint64_t)i * 2654435761u >> 7) % (uint64_t)below);
}

/* ---- Rows ---- */

typedef struct rows {
    int32_t count;
    int32_t *ids;     /* [count, LOOKUPS] */
    int64_t *offsets; /* [count * LISTS + 1] */
    int32_t *elements;
    float *weights; /* of elements */
    float *labels;
} rows;

static inline void rows_init(rows *r, int32_t count, int32_t most_elements) {
    const size_t n = (size_t)count, most = n * LISTS * (size_t)most_elements;
    *r = (rows){count,
                malloc(n * LOOKUPS * sizeof *r->ids),
                calloc(n * LISTS + 1, sizeof *r->offsets),
                malloc((most + 1) * sizeof *r->elements),
                malloc((most + 1) * sizeof *r->weights),
                malloc(n * sizeof *r->labels)};
}

static inline void rows_finish(rows *r) {
    free(r->ids);
    free(r->offsets);
    free(r->elements);
    free(r->weights);
    free(r->labels);
}

/* Ends list `list` (of all rows, in order) with `length` elements. */
static inline int64_t rows_extend(rows *r, int32_t list, int64_t length) {
    r->offsets[list + 1] = r->offsets[list] + length;
    return r->offsets[list];
}

static inline mmoe_rows rows_batch(const rows *r, bool weighted) {
    return (mmoe_rows){
        .rows = r->count,
        .ids = r->ids,
        .labels = r->labels,
        .id_stride = LOOKUPS,
        .label_stride = 1,
        .lists = {LISTS, r->offsets, r->elements, weighted ? r->weights : NULL},
        .complete = true,
    };
}

/* ---- The graph ---- */

/* Where a look-up reads; bags are those of lists. */
typedef struct place {
    bool is_list;
    int32_t column, table;
} place;

typedef struct wiring {
    int32_t n_lookup, n_table, n_id;
    place places[LOOKUPS];
} wiring;

typedef struct setting {
    wiring w;
    mmoe_bag bag;
    int64_t rows; /* of table 0; the others have i rows more */
    int32_t dim;
    int64_t padding; /* of all tables */
} setting;

typedef struct problem {
    int32_t width;
    mmoe_graph *graph;
    mmoe_params params;
    mmoe_lookup lookups[LOOKUPS];
    int32_t n_lookup;
    bool may_look_up; /* its lists' products, as those of ids */
    int64_t weight, bias;
    float *gradient; /* [n_whole], what the sink got */
    double loss;
} problem;

static inline void add_tables(problem *p, const setting *s) {
    mmoe_error err;
    for (int32_t i = 0; i < s->w.n_table; i++) {
        const mmoe_tensor table = {.kind = MMOE_TENSOR_TABLE,
                                   .rank = 2,
                                   .shape = {s->rows + i, s->dim},
                                   .init = MMOE_INIT_NORMAL,
                                   .init_a = 1,
                                   .padding = s->padding,
                                   .has_padding = s->padding != NO_PADDING};
        ck_assert(!mmoe_tensors_add(&p->graph->tensors, table, &err, "table %d", (int)i));
    }
    for (int32_t i = 0; i < s->w.n_lookup; i++) {
        const place *at = &s->w.places[i];
        p->lookups[i] = (mmoe_lookup){.column = at->column,
                                      .col = p->width,
                                      .dim = s->dim,
                                      .table = at->table,
                                      .rows = s->rows + at->table,
                                      .is_list = at->is_list,
                                      .bag = s->bag};
        p->width += mmoe_lookup_width(&p->lookups[i]);
    }
    p->n_lookup = s->w.n_lookup;
}

static inline void add_nodes(problem *p, int32_t n_id) {
    mmoe_error err;
    mmoe_view x, z, u;
    mmoe_tensors *t = &p->graph->tensors;
    p->weight = mmoe_tensors_reserve(t, MMOE_TENSOR_VALUE, p->width);
    p->bias = mmoe_tensors_reserve(t, MMOE_TENSOR_VALUE, 1);
    const mmoe_input_args input = {p->lookups, p->n_lookup, n_id, 0};
    ck_assert(!mmoe_graph_input(p->graph, "input", &input, &x, &err));
    const mmoe_linear_block block = {x, 0, 1, p->weight, false};
    ck_assert(!mmoe_graph_linear(p->graph, "z", &block, 1, &z, &err));
    const mmoe_segment identity = {0, 1, 1, MMOE_ACT_NONE, -1, 0};
    const mmoe_layer_args layer = {.in = z, .bias = p->bias, .segments = &identity, .n_segment = 1};
    ck_assert(!mmoe_graph_layer(p->graph, "z", &layer, &u, &err));
    const mmoe_loss_kind *kind = mmoe_loss_kind_of(MMOE_REGRESSION);
    float loss_weight = 1;
    mmoe_loss_shape plain_loss = {0, 1, 0};
    const mmoe_losses losses = {1, &u, &kind, &loss_weight, &plain_loss, 1};
    ck_assert(!mmoe_graph_loss(p->graph, "loss", &losses, &err));
    p->graph->n_task = 1;
}

static inline void problem_init(problem *p, const setting *s) {
    mmoe_error err;
    *p = (problem){.may_look_up = mmoe_bag_adds(&s->bag) && s->bag.dropped < 0};
    ck_assert(!mmoe_graph_create(NULL, &p->graph, &err));
    add_tables(p, s);
    add_nodes(p, s->w.n_id);
    ck_assert(!mmoe_params_init(&p->params, &p->graph->tensors, NULL, &err));
    float *value;
    for (int64_t i = 0; (value = params_value(&p->params, i)); i++)
        *value = (float)draw(i, 201) / 100 - 1;
    p->gradient = calloc((size_t)p->params.n_whole, sizeof *p->gradient);
}

static inline void problem_finish(problem *p) {
    mmoe_params_finish(&p->params);
    mmoe_graph_free(p->graph);
    free(p->gradient);
}

/* ---- Runs ---- */

/* (Check writes a line to a file for each of its asserts: none stands in a loop over values.) */
static inline void keep_gradient(void *context, const mmoe_gradient *g) {
    const problem *p = context;
    if (!g->rows || !g->cols) return;
    float *to = p->gradient + params_place(&p->params, g, 0, 0);
    params_place(&p->params, g, g->rows - 1, g->cols - 1);
    for (int64_t r = 0; r < g->rows; r++, to += g->cols)
        for (int64_t c = 0; c < g->cols; c++) to[c] += g->values[r * g->ld + c];
}

/* The loss and the gradient of a batch. */
static inline void step(problem *p, const mmoe_rows *batch, mmoe_pool *workers) {
    mmoe_error err;
    mmoe_run *run;
    double weight;
    memset(p->gradient, 0, (size_t)p->params.n_whole * sizeof *p->gradient);
    static const double elements[8]; /* as of lists of one */
    const mmoe_plan_request wanted = {.graph = p->graph,
                                      .params = &p->params,
                                      .pool = workers,
                                      .kind = MMOE_PLAN_TRAIN,
                                      .max_rows = batch->rows,
                                      .first_layer = p->may_look_up && !batch->lists.weights
                                                         ? MMOE_FIRST_LAYER_AUTO
                                                         : MMOE_FIRST_LAYER_DENSE,
                                      .list_elements = elements};
    ck_assert(!mmoe_run_create(&wanted, &run, &err));
    mmoe_run_train(run, &(mmoe_pass){batch, 1, 1, &p->loss, &weight}, keep_gradient, p);
    mmoe_run_free(run);
}

/* To out [rows]. */
static inline void predict(problem *p, const mmoe_rows *batch, mmoe_pool *workers, float *out) {
    mmoe_error err;
    mmoe_run *run;
    const mmoe_plan_request wanted = {p->graph, &p->params, workers, MMOE_PLAN_PREDICT,
                                      batch->rows};
    ck_assert(!mmoe_run_create(&wanted, &run, &err));
    mmoe_run_fold(run);
    mmoe_run_predict(run, batch, out);
    mmoe_run_free(run);
}

/* ---- In double precision ---- */

/* Column `col` of the input gets `factor` times value `value` of a table. */
typedef struct term {
    int64_t value;
    int32_t col;
    double factor;
} term;

typedef struct terms {
    int32_t count;
    term items[MOST_ELEMENTS * 64];
} terms;

static inline void add_row_terms(terms *t, const mmoe_lookup *k, int64_t id, int32_t col,
                                 double factor) {
    for (int32_t c = 0; c < k->dim && factor != 0; c++)
        t->items[t->count++] = (term){id * k->dim + c, col + c, factor};
}

static inline void add_largest_terms(terms *t, const mmoe_lookup *k, const mmoe_list *l,
                                     const float *table) {
    for (int32_t c = 0; c < k->dim; c++) {
        int64_t largest = -1;
        for (int64_t i = l->count - 1; i >= 0; i--) { /* so that the first of equals stays */
            const int64_t value = (int64_t)l->ids[i] * k->dim + c;
            if (l->ids[i] == k->bag.dropped) continue;
            if (largest < 0 || table[value] >= table[largest]) largest = value;
        }
        if (largest >= 0) t->items[t->count++] = (term){largest, k->col + c, 1};
    }
}

static inline void add_list_terms(terms *t, const mmoe_lookup *k, const mmoe_list *l) {
    double total = 0;
    int32_t position = 0;
    for (int64_t i = 0; i < l->count; i++)
        if (l->ids[i] != k->bag.dropped) total += l->weights ? (double)l->weights[i] : 1;
    for (int64_t i = 0; i < l->count; i++) {
        const double w = l->weights ? (double)l->weights[i] : 1;
        if (l->ids[i] == k->bag.dropped) continue;
        if (k->bag.how == MMOE_POOL_SUM) add_row_terms(t, k, l->ids[i], k->col, w);
        if (k->bag.how == MMOE_POOL_MEAN && total > 0)
            add_row_terms(t, k, l->ids[i], k->col, w / total);
        if (k->bag.how == MMOE_POOL_CONCAT && position < k->bag.max_len)
            add_row_terms(t, k, l->ids[i], k->col + position++ * k->dim, 1);
    }
}

/* What look-up `i` makes of row b. */
static inline void terms_of(const problem *p, const mmoe_rows *batch, int32_t b, int32_t i,
                            terms *t) {
    const mmoe_lookup *k = &p->lookups[i];
    const size_t row = mmoe_row_of(batch, b);
    t->count = 0;
    if (!k->is_list) {
        add_row_terms(t, k, batch->ids[row * batch->id_stride + (size_t)k->column], k->col, 1);
        return;
    }
    const mmoe_list l = mmoe_list_of(&batch->lists, row, k->column);
    if (k->bag.how == MMOE_POOL_MAX)
        add_largest_terms(t, k, &l, mmoe_params_rows(&p->params, k->table));
    else
        add_list_terms(t, k, &l);
}

static inline double plain_output(const problem *p, const mmoe_rows *batch, int32_t b) {
    static terms t;
    double z = p->params.values[p->bias];
    for (int32_t i = 0; i < p->n_lookup; i++) {
        const float *table = mmoe_params_rows(&p->params, p->lookups[i].table);
        terms_of(p, batch, b, i, &t);
        for (int32_t k = 0; k < t.count; k++)
            z += t.items[k].factor * table[t.items[k].value] *
                 p->params.values[p->weight + t.items[k].col];
    }
    return z;
}

/* The loss and, into `gradient` [n_whole], the tables' gradients. */
static inline double plain_step(const problem *p, const mmoe_rows *batch, double *gradient) {
    static terms t;
    double loss = 0;
    for (int32_t b = 0; b < batch->rows; b++) {
        const double d = plain_output(p, batch, b) - batch->labels[mmoe_row_of(batch, b)];
        loss += d * d / batch->rows;
        for (int32_t i = 0; i < p->n_lookup; i++) {
            double *to = gradient + p->params.blocks[p->lookups[i].table].place;
            terms_of(p, batch, b, i, &t);
            for (int32_t k = 0; k < t.count; k++)
                to[t.items[k].value] += 2 * d / batch->rows * t.items[k].factor *
                                        p->params.values[p->weight + t.items[k].col];
        }
    }
    return loss;
}

#endif
