/* The records of all ops: each is whole, says of real nodes what their graphs bear out, and is
 * served. */
#include <stdlib.h>

#include "check_main.h"
#include "models_support.h"
#include "succeeds.h"

#include "graph/op.h"
#include "graph/plan.h"
#include "model/model.h"
#include "serve/step.h"

static const char *const op_names[] = {
#define NAME_ROW(NAME, name) #name,
    MMOE_OP_LIST(NAME_ROW)
#undef NAME_ROW
};

#define REQUIRE_OP(condition, what) ck_assert_msg(condition, "%s: %s", op_names[_i], what)

START_TEST(a_record_is_whole) {
    const mmoe_op_kind *op = mmoe_ops[_i];
    REQUIRE_OP(op && op->inputs && op->forward, "says what it reads and goes forward");
    REQUIRE_OP(op->passes[MMOE_PASS_FORWARD], "has a name");
    REQUIRE_OP(!op->backward == !op->passes[MMOE_PASS_BACKWARD], "its backward pass has a name");
    REQUIRE_OP(!op->waits == !op->barrier, "waits for what is done at a barrier");
    REQUIRE_OP(!op->barrier ==
                   (!op->passes[MMOE_PASS_BARRIER] && !op->passes[MMOE_PASS_BACKWARD_BARRIER]),
               "its barrier has a name");
    REQUIRE_OP(!op->list == !op->run_task, "runs the tasks that it lists");
    REQUIRE_OP(!op->list == !op->passes[MMOE_PASS_UPDATE], "its updates have a name");
    REQUIRE_OP(!op->list || op->weights, "says which weights its tasks are for");
    REQUIRE_OP(!op->list_packs == !op->pack, "packs what it lists");
    REQUIRE_OP(!op->in_place || op->backward, "has a gradient to put in place");
    REQUIRE_OP(!op->ends || op->backward, "takes its gradient anew");
}
END_TEST

/* All but the input, which is gathered, and what only training has. */
START_TEST(an_op_is_served) {
    const mmoe_op_kind *op = mmoe_ops[_i];
    const mmoe_serve_op *served = mmoe_serve_ops[_i];
    ck_assert_ptr_nonnull(served);
    REQUIRE_OP(!served->run == (_i == MMOE_OP_INPUT || op->training), "is a step when served");
    REQUIRE_OP(!served->count == !served->make, "counts the weights that it takes");
}
END_TEST

/* ---- On graphs ---- */

typedef struct walk {
    const mmoe_graph *graph;
    int32_t node;
    bool *read, *reached; /* [n_value]; [tensors] */
} walk;

static void check_input(void *context, const mmoe_node_input *input) {
    const walk *w = context;
    const mmoe_graph *g = w->graph;
    const mmoe_view *v = &input->in;
    const int32_t out = g->nodes[w->node].out;
    ck_assert(v->value >= 0 && v->value < g->n_value && v->value != out);
    ck_assert(v->col >= 0 && v->cols > 0 && v->col + v->cols <= g->values[v->value].width);
    for (int32_t i = w->node; i < g->n_node; i++) ck_assert(g->nodes[i].out != v->value);
    ck_assert(input->col >= 0 && input->col + input->cols <= (out < 0 ? 0 : g->values[out].width));
    w->read[v->value] = true;
}

static void reach_weights(void *context, const mmoe_node_weights *k) {
    const walk *w = context;
    const mmoe_tensors *t = &w->graph->tensors;
    ck_assert(k->cols % k->granule == 0);
    ck_assert(k->col >= 0 &&
              k->col + k->cols <= w->graph->values[w->graph->nodes[w->node].out].width);
    const int64_t end = k->offset + k->cols / k->granule * k->each;
    for (size_t i = 0; i < t->count; i++) {
        const mmoe_tensor *x = &t->items[i];
        if (x->kind == MMOE_TENSOR_TABLE)
            w->reached[i] |= x->table == k->table;
        else if (x->kind == MMOE_TENSOR_VALUE && k->table < 0)
            w->reached[i] |= x->offset >= k->offset && x->offset + x->count <= end;
    }
}

static void check_graph(const mmoe_graph *g, bool seen[MMOE_OP_COUNT]) {
    walk w = {.graph = g};
    w.read = calloc((size_t)g->n_value, sizeof *w.read);
    w.reached = calloc(g->tensors.count, sizeof *w.reached);
    ck_assert(w.read && w.reached);
    for (w.node = 0; w.node < g->n_node; w.node++) {
        const mmoe_node *n = &g->nodes[w.node];
        const mmoe_op_kind *op = mmoe_ops[n->op];
        op->inputs(g, n, check_input, &w);
        if (op->weights) op->weights(n, reach_weights, &w);
        seen[n->op] = true;
    }
    for (int32_t v = 0; v < g->n_value; v++) ck_assert_msg(w.read[v], "nothing reads value %d", v);
    for (size_t i = 0; i < g->tensors.count; i++)
        ck_assert_msg(w.reached[i] || !mmoe_tensor_is_trained(&g->tensors.items[i]),
                      "no node has the weights %s", g->tensors.items[i].name);
    free(w.read);
    free(w.reached);
}

/* Every op stands in one of them; what is read was written, and nothing else was. */
START_TEST(records_say_what_graphs_are) {
    bool seen[MMOE_OP_COUNT] = {false};
    for (int which = 0; which < MODELS; which++) {
        char json[1024];
        mmoe_config *config;
        mmoe_schema *schema;
        mmoe_model *model;
        models_json(json, which, 0, 64);
        SUCCEEDS(mmoe_config_parse(json, strlen(json), NULL, NULL, &config, &err));
        SUCCEEDS(mmoe_schema_create(config, models_columns, MODELS_COLUMNS, NULL, &schema, &err));
        SUCCEEDS(mmoe_model_create(config, schema, NULL, &model, &err));
        check_graph(model->graph, seen);
        mmoe_model_free(model);
        mmoe_schema_free(schema);
        mmoe_config_free(config);
    }
    for (int i = 0; i < MMOE_OP_COUNT; i++) ck_assert_msg(seen[i], "no model has %s", op_names[i]);
}
END_TEST

void add_cases(TCase *c) {
    tcase_add_loop_test(c, a_record_is_whole, 0, MMOE_OP_COUNT);
    tcase_add_loop_test(c, an_op_is_served, 0, MMOE_OP_COUNT);
    tcase_add_test(c, records_say_what_graphs_are);
}
