/* Lookups of many columns, neighbours and not, one dim and several: the step's loss and the tables'
 * gradients, against sums in double precision. */
#include <math.h>
#include <stdlib.h>

#include "check_main.h"
#include "params_support.h"

#include "graph/run.h"

enum { ROWS = 300, MOST = 40, VOCAB = 5 };

/* Column i has dim[i % 3] and reads table i, or table i % shared. */
typedef struct layout {
    int32_t columns, dim[3], shared, rows;
} layout;

static const layout layouts[] = {
    {7, {4, 4, 4}, 0, VOCAB},  {8, {4, 4, 4}, 0, VOCAB},    {19, {4, 4, 4}, 0, VOCAB},
    {40, {8, 8, 8}, 0, VOCAB}, {9, {16, 16, 16}, 0, VOCAB}, {8, {32, 32, 32}, 0, 700},
    {10, {5, 5, 5}, 0, VOCAB}, {12, {4, 8, 4}, 0, VOCAB},   {17, {4, 4, 4}, 16, VOCAB},
    {16, {4, 4, 4}, 4, VOCAB}, {8, {8, 8, 8}, 1, VOCAB},    {9, {4, 4, 4}, 0, 20000},
};
enum { LAYOUTS = sizeof layouts / sizeof *layouts };

/* sum over the looked up values times w, squared error */
typedef struct problem {
    const layout *l;
    int32_t width, tables;
    mmoe_graph *graph;
    mmoe_params params;
    mmoe_lookup lookups[MOST];
    int64_t weight, bias;
    int32_t *ids;
    float *labels;
    float *gradient; /* [n_whole], what the sink got */
} problem;

static int32_t draw(int32_t i, int32_t below) {
    return (int32_t)(((uint64_t)(uint32_t)i * 2654435761u >> 7) % (uint64_t)below);
}

static void keep_gradient(void *context, const mmoe_gradient *g) {
    const problem *p = context;
    for (int64_t r = 0; r < g->rows; r++)
        for (int64_t c = 0; c < g->cols; c++)
            p->gradient[params_place(&p->params, g, r, c)] += g->values[r * g->ld + c];
}

static void add_nodes(problem *p) {
    mmoe_error err;
    const layout *l = p->l;
    mmoe_tensors *t = &p->graph->tensors;
    mmoe_view x, z, u;
    p->tables = l->shared ? l->shared : l->columns;
    for (int32_t i = 0; i < l->columns; i++) {
        const int32_t dim = l->dim[i % 3];
        const mmoe_tensor rows = {.kind = MMOE_TENSOR_TABLE, .rank = 2, .shape = {l->rows, dim}};
        if (i < p->tables) ck_assert(!mmoe_tensors_add(t, rows, &err, "table %d", (int)i));
        p->lookups[i] = (mmoe_lookup){
            .column = i, .col = p->width, .dim = dim, .table = i % p->tables, .rows = l->rows};
        p->width += dim;
    }
    p->weight = mmoe_tensors_reserve(t, MMOE_TENSOR_VALUE, p->width);
    p->bias = mmoe_tensors_reserve(t, MMOE_TENSOR_VALUE, 1);
    const mmoe_segment identity = {0, 1, 1, MMOE_ACT_NONE, -1, 0};
    const mmoe_loss_kind *kind = mmoe_loss_kind_of(MMOE_REGRESSION);
    float loss_weight = 1;
    mmoe_loss_shape plain_loss = {0, 1, 0};
    ck_assert(!mmoe_graph_input(
        p->graph, "input", &(mmoe_input_args){p->lookups, l->columns, l->columns, 0}, &x, &err));
    const mmoe_linear_block block = {x, 0, 1, p->weight, false};
    ck_assert(
        !mmoe_graph_linear(p->graph, "z", &block, 1, &z, &err) &&
        !mmoe_graph_layer(
            p->graph, "z",
            &(mmoe_layer_args){.in = z, .bias = p->bias, .segments = &identity, .n_segment = 1}, &u,
            &err));
    const mmoe_losses losses = {1, &u, &kind, &loss_weight, &plain_loss, 1};
    ck_assert(!mmoe_graph_loss(p->graph, "loss", &losses, &err));
    p->graph->n_task = 1;
}

static void problem_init(problem *p, const layout *l) {
    mmoe_error err;
    *p = (problem){.l = l};
    ck_assert(!mmoe_graph_create(NULL, &p->graph, &err));
    add_nodes(p);
    ck_assert(!mmoe_params_init(&p->params, &p->graph->tensors, NULL, &err));
    float *value;
    for (int64_t i = 0; (value = params_value(&p->params, i)); i++)
        *value = (float)draw((int32_t)i, 201) / 100 - 1;
    p->ids = malloc(sizeof *p->ids * ROWS * (size_t)l->columns);
    p->labels = malloc(sizeof *p->labels * ROWS);
    p->gradient = calloc((size_t)p->params.n_whole, sizeof *p->gradient);
    for (int32_t i = 0; i < ROWS * l->columns; i++) p->ids[i] = draw(i + 17, l->rows);
    for (int32_t b = 0; b < ROWS; b++) p->labels[b] = (float)draw(b, 7);
}

/* Where the row that column i of row b looks up begins in its table. */
static int64_t row_of(const problem *p, int32_t b, int32_t i) {
    return (int64_t)p->ids[b * p->l->columns + i] * p->lookups[i].dim;
}

/* The loss and, into `gradient`, the tables' gradients. */
static double plain(const problem *p, double *gradient) {
    const float *w = p->params.values + p->weight;
    double loss = 0;
    for (int32_t b = 0; b < ROWS; b++) {
        double z = p->params.values[p->bias];
        for (int32_t i = 0; i < p->l->columns; i++)
            for (int32_t c = 0; c < p->lookups[i].dim; c++)
                z +=
                    (double)mmoe_params_rows(&p->params, p->lookups[i].table)[row_of(p, b, i) + c] *
                    w[p->lookups[i].col + c];
        const double d = z - p->labels[b];
        loss += d * d / ROWS;
        for (int32_t i = 0; i < p->l->columns; i++)
            for (int32_t c = 0; c < p->lookups[i].dim; c++)
                gradient[p->params.blocks[p->lookups[i].table].place + row_of(p, b, i) + c] +=
                    2 * d / ROWS * w[p->lookups[i].col + c];
    }
    return loss;
}

START_TEST(tables_and_their_gradients) {
    problem p;
    mmoe_run *run;
    mmoe_error err;
    double loss, weight;
    problem_init(&p, &layouts[_i]);
    ck_assert(!mmoe_run_create(
        &(mmoe_plan_request){p.graph, &p.params, NULL, MMOE_PLAN_TRAIN, ROWS}, &run, &err));
    const mmoe_rows batch = {.rows = ROWS,
                             .ids = p.ids,
                             .labels = p.labels,
                             .id_stride = (size_t)p.l->columns,
                             .label_stride = 1,
                             .complete = true};
    mmoe_run_train(run, &(mmoe_pass){&batch, 1, 1, &loss, &weight}, keep_gradient, &p);
    double *wanted = calloc((size_t)p.params.n_whole, sizeof *wanted);
    const double wanted_loss = plain(&p, wanted);
    ck_assert_msg(fabs(loss - wanted_loss) <= 1e-5 * wanted_loss, "loss %g, not %g", loss,
                  wanted_loss);
    double most = 0;
    for (int64_t i = 0; i < p.params.blocks[p.tables].place; i++)
        most = fmax(most, fabs(wanted[i]));
    for (int64_t i = 0; i < p.params.blocks[p.tables].place; i++)
        ck_assert_msg(fabs(p.gradient[i] - wanted[i]) <= 2e-6 * most, "value %d: %g, not %g",
                      (int)i, p.gradient[i], wanted[i]);
    mmoe_run_free(run);
    mmoe_params_finish(&p.params);
    mmoe_graph_free(p.graph);
    free(p.ids);
    free(p.labels);
    free(p.gradient);
    free(wanted);
}
END_TEST

void add_cases(TCase *c) { tcase_add_loop_test(c, tables_and_their_gradients, 0, LAYOUTS); }
