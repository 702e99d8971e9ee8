/* The weight tasks of a plan: gradients of pieces of the weights and of the tables, each over all
 * rows. */
#include "graph/plan_parts.h"

#include "base/error.h"

enum {
    TABLE_FLOATS = 1 << 16, /* gradient of tables that one task scatters */
    TASK_FLOPS = 8 << 20,   /* smaller products go together */
    SLAB = 96 /* rows of a weight matrix that a task takes: OpenBLAS likes multiples of 48 */
};

/* Groups lookups by their table, in the order of the first of each. */
static mmoe_status plan_tables(mmoe_plan *p, mmoe_error *err) {
    const mmoe_node *n = &p->graph->nodes[0];
    const int32_t count = n->u.input.n_lookup;
    p->tables = mmoe_alloc_zero(&p->alloc, (size_t)count, sizeof *p->tables);
    p->table_lookups = mmoe_alloc_zero(&p->alloc, (size_t)count, sizeof *p->table_lookups);
    if (!p->tables || !p->table_lookups)
        return mmoe_fail_memory(err, (size_t)count * sizeof *p->tables);
    int32_t placed = 0;
    for (int32_t i = 0; i < count; i++) {
        const mmoe_lookup *l = &n->u.input.lookups[i];
        bool known = false;
        for (int32_t t = 0; t < p->n_table; t++) known |= p->tables[t].table == l->table;
        if (known) continue;
        mmoe_table_use *t = &p->tables[p->n_table++];
        *t = (mmoe_table_use){l->table, l->dim, l->rows, placed, 0};
        for (int32_t j = i; j < count; j++)
            if (n->u.input.lookups[j].table == l->table) {
                p->table_lookups[placed++] = j;
                t->count++;
            }
    }
    return MMOE_OK;
}

/* The n-th weight task is written to out[n] where out is not NULL; scratch grows to what a task
 * needs. */
typedef struct task_list {
    mmoe_weight_task *out;
    int32_t count;
    size_t scratch;
} task_list;

static void add_task(task_list *l, mmoe_weight_task task, size_t scratch) {
    if (l->out) l->out[l->count] = task;
    l->count++;
    if (scratch > l->scratch) l->scratch = scratch;
}

static void list_linear(const mmoe_plan *p, int32_t node, task_list *l) {
    const mmoe_node *n = &p->graph->nodes[node];
    for (int32_t i = 0, together; i < n->u.linear.n_block; i += together) {
        const mmoe_linear_block *k = &n->u.linear.blocks[i];
        int32_t ld = mmoe_plan_stride(k->in.cols);
        double flops = 2.0 * k->cols * k->in.cols * p->max_rows;
        together = 1;
        while (i + together < n->u.linear.n_block && k[together].again) together++;
        if (flops < TASK_FLOPS) { /* small blocks of one shape go together */
            while (i + together < n->u.linear.n_block && k[together].cols == k->cols &&
                   k[together].in.cols == k->in.cols &&
                   (k[together].again || (together + 1) * flops <= TASK_FLOPS))
                together++;
            add_task(l, (mmoe_weight_task){node, i, together, 0, k->cols},
                     (size_t)k->cols * (size_t)ld);
            continue;
        }
        for (int32_t row = 0, rows; row < k->cols; row += rows) {
            rows =
                k->cols - row >= SLAB + SLAB / 2 && n->u.linear.n_block < 8 ? SLAB : k->cols - row;
            add_task(l, (mmoe_weight_task){node, i, together, row, rows},
                     (size_t)rows * (size_t)ld);
        }
    }
}

static void list_tables(const mmoe_plan *p, task_list *l) {
    for (int32_t t = 0, together; t < p->n_table; t += together) {
        int64_t floats = p->tables[t].rows * p->tables[t].dim;
        together = 1;
        if (floats > TABLE_FLOATS) {
            int64_t rows =
                TABLE_FLOATS / p->tables[t].dim > 0 ? TABLE_FLOATS / p->tables[t].dim : 1;
            for (int64_t row = 0; row < p->tables[t].rows; row += rows) {
                int64_t some = p->tables[t].rows - row < rows ? p->tables[t].rows - row : rows;
                add_task(l, (mmoe_weight_task){0, t, 1, row, some},
                         (size_t)(some * p->tables[t].dim));
            }
            continue;
        }
        int32_t lookups = p->tables[t].count;
        while (t + together < p->n_table &&
               floats + p->tables[t + together].rows * p->tables[t + together].dim <=
                   TABLE_FLOATS &&
               lookups < 8) {
            floats += p->tables[t + together].rows * p->tables[t + together].dim;
            lookups += p->tables[t + together].count;
            together++;
        }
        add_task(l, (mmoe_weight_task){0, t, together, 0, p->tables[t].rows}, (size_t)floats);
    }
}

static void list_tasks(const mmoe_plan *p, task_list *l) {
    for (int32_t i = 0; i < p->graph->n_node; i++) {
        if (p->graph->nodes[i].op == MMOE_OP_LINEAR) list_linear(p, i, l);
        if (p->graph->nodes[i].op == MMOE_OP_APPLY)
            add_task(l, (mmoe_weight_task){i, 0, 0, 0, 0}, 0);
        if (p->graph->nodes[i].op == MMOE_OP_MIX && p->graph->nodes[i].u.mix.weight >= 0)
            add_task(l, (mmoe_weight_task){i, 0, 0, 0, 0},
                     (size_t)p->graph->values[p->graph->nodes[i].u.mix.gates].width);
    }
    list_tables(p, l);
}

mmoe_status mmoe_plan_tasks(mmoe_plan *p, mmoe_error *err) {
    if (plan_tables(p, err)) return MMOE_E_MEMORY;
    task_list l = {0};
    list_tasks(p, &l);
    p->tasks = mmoe_alloc(&p->alloc, (size_t)l.count, sizeof *p->tasks);
    p->scratch_stride = mmoe_plan_rounded(l.scratch);
    p->scratch =
        mmoe_alloc_aligned(&p->alloc, p->scratch_stride * (size_t)p->workers, sizeof *p->scratch);
    if (!p->tasks || !p->scratch)
        return mmoe_fail_memory(err, p->scratch_stride * (size_t)p->workers * sizeof *p->scratch);
    p->n_task = l.count;
    l = (task_list){.out = p->tasks};
    list_tasks(p, &l);
    return MMOE_OK;
}
