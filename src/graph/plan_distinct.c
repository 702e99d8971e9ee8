/* Which columns of ids the first layer looks up as products, and how x lies without them. */
#include <assert.h>
#include <math.h>

#include "base/error.h"
#include "graph/distinct.h"

/* What a row of the batch, and a row of the table, cost where they are looked up: as many times
 * what a column of x costs a row of the batch in products. (Measured, 32 columns of 1 to 16 wide
 * with 2 to 1024 values, N 144, 1024 rows, AVX-512: a step takes 310 + 199 dim us dense, 540 + 6.8
 * values us distinct.) */
static const double look_up = 1.25, table_row = 35;
/* Of columns that are looked up whether it pays or not: P is as large. */
enum { MOST_ROWS = 1 << 20 };

typedef struct choice {
    const mmoe_plan *plan;
    const mmoe_node *input;
    mmoe_first_layer how;
    const double *list_elements;
    int32_t node; /* that reads x; -1: there is no such one */
} choice;

/* ---- The choice ---- */

typedef struct reading {
    int32_t value, count;
} reading;

static void count_reading(void *context, const mmoe_node_input *in) {
    reading *r = context;
    r->count += in->in.value == r->value;
}

/* The linear node whose only block reads the whole of x, which nobody else reads; -1: none. */
static int32_t find_first_layer(const mmoe_plan *p, const mmoe_node *input) {
    const mmoe_graph *g = p->graph;
    reading all = {.value = input->out};
    int32_t found = -1;
    for (int32_t i = 0; i < g->n_node; i++) {
        const mmoe_node *n = &g->nodes[i];
        mmoe_op_of(p, i)->inputs(g, n, count_reading, &all);
        if (n->op != MMOE_OP_LINEAR || n->u.linear.n_block != 1) continue;
        const mmoe_view *in = &n->u.linear.blocks[0].in;
        if (in->value == input->out && in->cols == g->values[input->out].width) found = i;
    }
    return all.count == 1 ? found : -1;
}

/* Look-ups of a row of the batch: of a list that is not of one element, an element's is weighted,
 * and stands anywhere (2.5 is an estimate). */
static double lookups_of(const choice *c, const mmoe_lookup *l) {
    static const double element = 2.5;
    if (!l->is_list) return 1;
    if (!c->list_elements || !mmoe_bag_adds(&l->bag) || l->bag.dropped >= 0) return INFINITY;
    return 1 + element * c->list_elements[l->column];
}

static bool pays(const choice *c, const mmoe_lookup *l) {
    const double batch = c->plan->max_rows, lookups = lookups_of(c, l), rows = (double)l->rows;
    if (c->how == MMOE_FIRST_LAYER_DISTINCT) return rows <= MOST_ROWS && lookups < INFINITY;
    return table_row * rows + look_up * lookups * batch < l->dim * batch;
}

/* Is lookup i one whose products are looked up? All of its table's lookups are then. Products are
 * of all rows of a table, so it is none of whose rows some are behind. */
static bool is_chosen(const choice *c, int32_t i) {
    const mmoe_lookup *all = c->input->u.input.lookups;
    if (c->node < 0) return false;
    if (c->plan->params->tables[all[i].table].is_deferred) return false;
    for (int32_t k = 0; k < c->input->u.input.n_lookup; k++)
        if (all[k].table == all[i].table && !pays(c, &all[k])) return false;
    return true;
}

/* ---- What is left of x ---- */

static void keep_columns(mmoe_plan *p, int32_t w_col, int32_t cols) {
    mmoe_distinct *d = p->distinct;
    mmoe_rest_run *last = d && d->n_run ? &d->runs[d->n_run - 1] : NULL;
    if (last && last->w_col + last->cols == w_col)
        last->cols += cols;
    else if (d && cols)
        d->runs[d->n_run++] = (mmoe_rest_run){p->input.width, w_col, cols};
    p->input.width += cols;
}

static void lay_input(mmoe_plan *p, const choice *c) {
    for (int32_t i = 0; i < c->input->u.input.n_lookup; i++) {
        const mmoe_lookup *l = &c->input->u.input.lookups[i];
        const bool is_there = !p->distinct || !is_chosen(c, i);
        p->input.col[i] = is_there ? p->input.width : -1;
        if (is_there) keep_columns(p, l->col, mmoe_lookup_width(l));
    }
    p->input.grad_cols = p->input.dense_col = p->input.width;
    keep_columns(p, c->input->u.input.dense_col, c->input->u.input.n_dense);
}

/* ---- What is looked up ---- */

/* A table with all of its columns, unless it has come before lookup i. */
static void add_table(mmoe_distinct *d, const choice *c, int32_t i) {
    const mmoe_lookup *all = c->input->u.input.lookups, *l = &all[i];
    for (int32_t t = 0; t < d->n_table; t++)
        if (d->tables[t].index == l->table) return;
    mmoe_distinct_table *t = &d->tables[d->n_table++];
    *t = (mmoe_distinct_table){l->table, (int32_t)l->rows, l->dim, d->n_column, 0, 0};
    for (int32_t k = i; k < c->input->u.input.n_lookup; k++) {
        if (all[k].table != l->table) continue;
        const bool is_list = all[k].is_list;
        d->columns[d->n_column++] =
            (mmoe_distinct_column){all[k].column + (is_list ? c->plan->graph->n_id : 0), all[k].col,
                                   all[k].dim, d->n_row + t->n_row, is_list ? &all[k].bag : NULL};
        t->n_row += t->rows + is_list;
        t->count++;
    }
    d->n_row += t->n_row;
}

static mmoe_distinct *make_distinct(mmoe_plan *p, const choice *c) {
    const size_t count = (size_t)c->input->u.input.n_lookup;
    mmoe_distinct *d = mmoe_alloc_zero(&p->alloc, 1, sizeof *d);
    if (!d) return NULL;
    p->distinct = d;
    d->node = c->node;
    d->columns = mmoe_alloc(&p->alloc, count, sizeof *d->columns);
    d->tables = mmoe_alloc(&p->alloc, count, sizeof *d->tables);
    d->runs = mmoe_alloc(&p->alloc, count + 1, sizeof *d->runs);
    if (!d->columns || !d->tables || !d->runs) return NULL;
    for (int32_t i = 0; i < c->input->u.input.n_lookup; i++)
        if (is_chosen(c, i)) add_table(d, c, i);
    return d;
}

/* ---- The plan's ---- */

/* Does somebody ask for the gradient of x itself? Tasks may share no more than their embeddings. */
static bool needs_gradient(const mmoe_plan *p, const mmoe_node *input) {
    const mmoe_graph *g = p->graph;
    return p->kind == MMOE_PLAN_PROBE && g->n_shared && g->shared[0].value == input->out;
}

mmoe_status mmoe_plan_distinct(mmoe_plan *p, mmoe_first_layer how, const double *list_elements,
                               mmoe_error *err) {
    choice c = {p, &p->graph->nodes[0], how, list_elements, -1};
    assert(c.input->op == MMOE_OP_INPUT);
    const int32_t count = c.input->u.input.n_lookup;
    p->input.col = mmoe_alloc(&p->alloc, (size_t)count, sizeof *p->input.col);
    if (!p->input.col) return mmoe_fail_memory(err, (size_t)count * sizeof *p->input.col);
    if (p->training && c.how != MMOE_FIRST_LAYER_DENSE && !needs_gradient(p, c.input))
        c.node = find_first_layer(p, c.input);
    bool any = false;
    for (int32_t i = 0; i < count && !any; i++) any = is_chosen(&c, i);
    if (any && !make_distinct(p, &c))
        return mmoe_fail_memory(err, (size_t)count * sizeof *p->distinct->columns);
    lay_input(p, &c);
    if (any) p->nodes[c.node].op = &mmoe_op_distinct;
    return MMOE_OK;
}

void mmoe_plan_distinct_free(mmoe_plan *p) {
    const mmoe_allocator a = p->alloc;
    mmoe_release(&a, p->input.col);
    if (!p->distinct) return;
    void *const parts[] = {p->distinct->columns, p->distinct->tables, p->distinct->runs,
                           p->distinct};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) mmoe_release(&a, parts[i]);
}
