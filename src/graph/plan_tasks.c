/* The weight tasks of a plan: gradients of pieces of the weights and of the tables, each over all
 * rows of the batch, in row order; and the weights that are packed whenever they have changed.
 *
 *     a linear node's W: dW = dz^T x             tables: dx added to the rows that were looked up
 *
 *     wide block      small blocks               large table     small tables
 *     +--------+      +----+ +----+ +----+       +--------+      +---+ +---+ +---+
 *     | task 0 |      | task 2, together |       | task 3 |      | task 5,       |
 *     |--------|      +----+ +----+ +----+       |--------|      | together      |
 *     | task 1 |                                 | task 4 |      +---+ +---+ +---+
 *     +--------+                                 +--------+
 *     slabs of rows                              ranges of rows
 *
 * A worker sums a task's gradient in scratch of its own and hands it to the sink, once a step. Who
 * takes which task does not change a bit of it. */
#include "base/error.h"
#include "graph/op.h"
#include "graph/plan_parts.h"

/* Tasks run in two parts with a barrier between them, if some tasks (late ones) read what others
 * wrote or other ranks sent. Tasks whose results nobody waits for then run in the second part, too:
 * it has more tasks to divide among the workers, and fewer must end before the barrier. */
static bool has_late_tasks(const mmoe_plan *p) {
    bool any = false;
    for (int32_t i = 0; i < p->graph->n_node; i++) any |= mmoe_op_of(p, i)->list_late != NULL;
    return any;
}

static bool is_waited_for(const mmoe_op_kind *op) { return op->list_late || op->exchange; }

/* Lists the tasks that are waited for, or the others; without late tasks all are taken to be waited
 * for. The input's tables come last: their tasks are the smallest. */
static void list_tasks(const mmoe_plan *p, bool waited_for, mmoe_task_list *l) {
    const bool all = !has_late_tasks(p);
    for (int32_t i = 1; i <= p->graph->n_node; i++) {
        const int32_t node = i % p->graph->n_node;
        const mmoe_op_kind *op = mmoe_op_of(p, node);
        if (op->list && (all || is_waited_for(op)) == waited_for) op->list(p, node, l);
    }
}

static void list_early(const mmoe_plan *p, mmoe_task_list *l) { list_tasks(p, true, l); }

static void list_all(const mmoe_plan *p, mmoe_task_list *l) {
    list_early(p, l);
    for (int32_t i = 0; i < p->graph->n_node; i++)
        if (mmoe_op_of(p, i)->list_late) mmoe_op_of(p, i)->list_late(p, i, l);
    list_tasks(p, false, l);
}

static void list_packs(const mmoe_plan *p, mmoe_task_list *l) {
    for (int32_t i = 0; i < p->graph->n_node; i++)
        if (mmoe_op_of(p, i)->list_packs) mmoe_op_of(p, i)->list_packs(p, i, l);
}

static void list_prepares(const mmoe_plan *p, mmoe_task_list *l) {
    for (int32_t i = 0; i < p->graph->n_node; i++)
        if (mmoe_op_of(p, i)->list_prepares) mmoe_op_of(p, i)->list_prepares(p, i, l);
}

typedef void (*lister)(const mmoe_plan *p, mmoe_task_list *l);

/* Counts, takes the memory, and writes; NULL without memory. */
static mmoe_weight_task *make_list(const mmoe_plan *p, lister lists, mmoe_task_list *l) {
    *l = (mmoe_task_list){0};
    lists(p, l);
    mmoe_weight_task *out = mmoe_alloc(&p->alloc, (size_t)l->count, sizeof *out);
    if (!out) return NULL;
    lists(p, &(mmoe_task_list){.out = out});
    return out;
}

mmoe_status mmoe_plan_tasks(mmoe_plan *p, mmoe_error *err) {
    mmoe_task_list packs, prepares, tasks;
    p->packs = make_list(p, list_packs, &packs);
    if (!p->packs) return mmoe_fail_memory(err, (size_t)packs.count * sizeof *p->packs);
    p->n_pack = packs.count;
    if (!p->training) return MMOE_OK;
    p->prepares = make_list(p, list_prepares, &prepares);
    if (!p->prepares) return mmoe_fail_memory(err, (size_t)prepares.count * sizeof *p->prepares);
    p->n_prepare = prepares.count;
    p->tasks = make_list(p, list_all, &tasks);
    p->scratch_stride = mmoe_line_floats(tasks.scratch);
    const size_t floats = p->scratch_stride * (size_t)p->workers;
    p->scratch = mmoe_alloc_aligned(&p->alloc, floats, sizeof *p->scratch);
    if (!p->tasks || !p->scratch) return mmoe_fail_memory(err, floats * sizeof *p->scratch);
    p->n_task = tasks.count;
    mmoe_task_list early = {0};
    list_early(p, &early);
    p->n_early = early.count;
    return MMOE_OK;
}
