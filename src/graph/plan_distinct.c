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

enum { STAYS = -1 }; /* a table whose rows are gathered and multiplied, not looked up as products */

typedef struct choice {
    const mmoe_plan *plan;
    const mmoe_node *input;
    mmoe_first_layer how;
    const double *list_elements;
    int32_t node;     /* that reads x; -1: there is no such one */
    int32_t *numbers; /* [tables] STAYS; or 0, and after make_distinct the table's number among
                         those that are looked up, from 1 */
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

/* All columns of a table are looked up as products, or none. Products are made of all rows of a
 * table, so a table whose rows may not be up to date (deferred) has none. */
static void choose(const choice *c) {
    const mmoe_lookup *all = c->input->u.input.lookups;
    for (int32_t i = 0; i < c->input->u.input.n_lookup; i++)
        if (c->node < 0 || c->plan->params->tables[all[i].table].is_deferred || !pays(c, &all[i]))
            c->numbers[all[i].table] = STAYS;
}

/* Is lookup i one whose products are looked up? */
static bool is_chosen(const choice *c, int32_t i) {
    return c->numbers[c->input->u.input.lookups[i].table] != STAYS;
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

/* Counts a column of a table, and the table if it is the first. */
static void count_column(mmoe_distinct *d, const choice *c, const mmoe_lookup *l) {
    int32_t *number = &c->numbers[l->table];
    if (!*number) {
        *number = ++d->n_table;
        d->tables[d->n_table - 1] =
            (mmoe_distinct_table){.index = l->table, .rows = (int32_t)l->rows, .dim = l->dim};
    }
    mmoe_distinct_table *t = &d->tables[*number - 1];
    t->count++;
    t->n_row += t->rows + l->is_list;
}

/* Gives each table its place among the columns and the rows of P, and sets its count back to 0 for
 * add_column. */
static void place_tables(mmoe_distinct *d) {
    for (int32_t i = 0; i < d->n_table; i++) {
        mmoe_distinct_table *t = &d->tables[i];
        t->first = d->n_column;
        d->columns[t->first].first = d->n_row;
        d->n_column += t->count;
        d->n_row += t->n_row;
        t->count = 0;
    }
}

static void add_column(mmoe_distinct *d, const choice *c, const mmoe_lookup *l) {
    mmoe_distinct_table *t = &d->tables[c->numbers[l->table] - 1];
    mmoe_distinct_column *column = &d->columns[t->first + t->count];
    int32_t first = column->first;
    if (t->count) first = column[-1].first + t->rows + (column[-1].bag != NULL);
    *column = (mmoe_distinct_column){l->column + (l->is_list ? c->plan->graph->n_id : 0), l->col,
                                     l->dim, first, l->is_list ? &l->bag : NULL};
    t->count++;
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
    const mmoe_lookup *all = c->input->u.input.lookups;
    for (size_t i = 0; i < count; i++)
        if (is_chosen(c, (int32_t)i)) count_column(d, c, &all[i]);
    place_tables(d);
    for (size_t i = 0; i < count; i++)
        if (is_chosen(c, (int32_t)i)) add_column(d, c, &all[i]);
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
    choice c = {p, &p->graph->nodes[0], how, list_elements, -1, NULL};
    assert(c.input->op == MMOE_OP_INPUT);
    const int32_t count = c.input->u.input.n_lookup;
    p->input.col = mmoe_alloc(&p->alloc, (size_t)count, sizeof *p->input.col);
    if (!p->input.col) return mmoe_fail_memory(err, (size_t)count * sizeof *p->input.col);
    if (p->training && c.how != MMOE_FIRST_LAYER_DENSE && !needs_gradient(p, c.input))
        c.node = find_first_layer(p, c.input);
    const size_t tables = (size_t)p->params->n_table;
    c.numbers = mmoe_alloc_zero(&p->alloc, tables, sizeof *c.numbers);
    if (!c.numbers) return mmoe_fail_memory(err, tables * sizeof *c.numbers);
    choose(&c);
    bool any = false;
    for (int32_t i = 0; i < count && !any; i++) any = is_chosen(&c, i);
    const bool made = !any || make_distinct(p, &c);
    if (made) lay_input(p, &c);
    if (made && any) p->nodes[c.node].op = &mmoe_op_distinct;
    mmoe_release(&p->alloc, c.numbers);
    return made ? MMOE_OK : mmoe_fail_memory(err, (size_t)count * sizeof *p->distinct->columns);
}

void mmoe_plan_distinct_free(mmoe_plan *p) {
    const mmoe_allocator a = p->alloc;
    mmoe_release(&a, p->input.col);
    if (!p->distinct) return;
    void *const parts[] = {p->distinct->columns, p->distinct->tables, p->distinct->runs,
                           p->distinct};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) mmoe_release(&a, parts[i]);
}
