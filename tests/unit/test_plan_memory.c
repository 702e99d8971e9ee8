/* Where plans keep what: buffers that live together lie apart, nothing is read before it is
 * written, and every value's gradient is handed out once; the tables' is the sum over the rows that
 * looked them up. */
#include "check_main.h"
#include "plan_support.h"
#include "params_support.h"

#include "graph/run.h"
#include "model/model.h"
#include "train/trainer.h"

enum { BATCH = 700, MOST_VALUES = 64 };

/* ---- Lifetimes, worked out anew ---- */

/* What a value's or a gradient's memory is used for, from `first` to `last`. */
typedef struct use {
    int first, last;
    const float *base;
    size_t floats;
} use;

typedef struct uses {
    int n_value;
    use values[MOST_VALUES], grads[MOST_VALUES];
} uses;

static void used(use *u, int when) {
    if (when < u->first) u->first = when;
    if (when > u->last) u->last = when;
}

/* The gradient of a batch norm's input may take its place, made of that of the layer's output. */
static bool is_overwritten(const uses *u, int value) {
    return u->grads[value].floats && u->grads[value].base == u->values[value].base;
}

/* What the node reads of earlier values: those of its formula. */
static int inputs_of(const mmoe_node *n, int32_t in[MOST_VALUES]) {
    int count = 0;
    switch (n->op) {
    case MMOE_OP_INPUT:
        break;
    case MMOE_OP_LINEAR:
        for (int32_t i = 0; i < n->u.linear.n_block; i++) in[i] = n->u.linear.blocks[i].in.value;
        return n->u.linear.n_block;
    case MMOE_OP_GATE:
    case MMOE_OP_ATTEND:
    case MMOE_OP_STATS:
    case MMOE_OP_APPLY:
        in[count++] = n->in;
        break;
    case MMOE_OP_MIX:
        in[count++] = n->u.mix.gates;
        in[count++] = n->u.mix.experts;
        break;
    case MMOE_OP_SUM:
        for (int i = 0; i < 2; i++) in[count++] = n->u.sum.in[i].value;
        break;
    case MMOE_OP_JOINT:
        for (int i = 0; i < 2; i++) in[count++] = n->u.joint.logits[i].value;
        break;
    case MMOE_OP_LOSS:
        for (int32_t i = 0; i < n->u.loss.n_task; i++) in[i] = n->u.loss.logits[i].value;
        return n->u.loss.n_task;
    }
    return count;
}

/* Every value that a step needs lives then, and so does its gradient from the first step that
 * writes to it. A linear node's input and its output's gradient are needed again for its weights,
 * at `end`, as is the input's gradient. */
static void use_of_step(uses *u, const mmoe_node *n, int backward, int when, int end) {
    int32_t in[MOST_VALUES];
    const int count = inputs_of(n, in), gradients = backward || n->op == MMOE_OP_LOSS;
    for (int i = 0; i < count; i++) {
        const bool later = n->op == MMOE_OP_APPLY && is_overwritten(u, in[i]);
        used(&u->values[in[i]], when);
        if (gradients && !later && end >= 0) used(&u->grads[in[i]], when);
        if (backward && n->op == MMOE_OP_LINEAR) used(&u->values[in[i]], end);
    }
    if (backward && n->op == MMOE_OP_STATS) used(&u->grads[n[1].out], when);
    if (n->out < 0) return;
    used(&u->values[n->out], when);
    if (backward) used(&u->grads[n->out], when);
    if (backward && n->op == MMOE_OP_LINEAR) used(&u->grads[n->out], end);
}

static void uses_of(const mmoe_plan *p, uses *u) {
    const mmoe_graph *g = p->graph;
    const size_t rows = (size_t)(p->training ? p->max_rows : p->max_chunk);
    const int end = p->training ? p->n_phase : -1;
    u->n_value = g->n_value;
    ck_assert_int_le(g->n_value, MOST_VALUES);
    for (int v = 0; v < g->n_value; v++) {
        u->values[v] = (use){INT32_MAX, -1, p->values[v].base, rows * (size_t)p->values[v].ld};
        u->grads[v] = (use){INT32_MAX, -1, p->training ? p->grads[v].base : NULL,
                            p->training ? rows * (size_t)p->grads[v].ld : 0};
        const bool is_x = v == g->nodes[0].out;
        ck_assert_int_ge(p->values[v].ld, is_x ? p->input.width : g->values[v].width);
        if (p->training)
            ck_assert_int_ge(p->grads[v].ld, is_x ? p->input.grad_cols : g->values[v].grad_cols);
    }
    for (int f = 0; f < p->n_phase; f++)
        for (int i = p->phases[f].first; i < p->phases[f].first + p->phases[f].count; i++)
            use_of_step(u, &g->nodes[p->steps[i].node], p->steps[i].backward, p->training ? f : i,
                        end);
    if (p->training) used(&u->grads[g->nodes[0].out], end);
}

static void check_apart(const char *what, const use *a, const use *b, int i, int j) {
    if (!a->base || !b->base) return;
    const int together = a->first <= b->last && b->first <= a->last,
              overlap = a->base < b->base + b->floats && b->base < a->base + a->floats;
    if (together && overlap)
        ck_abort_msg("%s %d (%d to %d) and %d (%d to %d) lie together", what, i, a->first, a->last,
                     j, b->first, b->last);
}

/* A layer works in place backward: its input's and its output's gradients are one. */
static int same_memory(const mmoe_plan *p, int i, int j) {
    for (int32_t k = 0; k < p->graph->n_node; k++) {
        const mmoe_node *n = &p->graph->nodes[k];
        if (n->op == MMOE_OP_APPLY && ((n->in == i && n->out == j) || (n->in == j && n->out == i)))
            return 1;
    }
    return 0;
}

/* Returns how many pairs share memory at different times; of one that trains, how many gradients
 * take the place of their values. */
static int check_plan(const mmoe_plan *p) {
    uses u;
    int shared = 0, overwritten = 0;
    uses_of(p, &u);
    for (int i = 0; i < u.n_value; i++) {
        ck_assert_int_ge(u.values[i].last, 0);
        for (int j = 0; j < u.n_value; j++) {
            if (j < i) {
                check_apart("values", &u.values[i], &u.values[j], i, j);
                if (!same_memory(p, i, j)) check_apart("gradients", &u.grads[i], &u.grads[j], i, j);
                shared += u.values[i].base == u.values[j].base;
            }
            if (i != j || !is_overwritten(&u, i))
                check_apart("value and gradient", &u.values[i], &u.grads[j], i, j);
        }
        if (!is_overwritten(&u, i)) continue;
        ck_assert_int_le(u.values[i].last, u.grads[i].first);
        overwritten++;
    }
    ck_assert(!overwritten || p->kind == MMOE_PLAN_TRAIN);
    return p->kind == MMOE_PLAN_TRAIN ? overwritten : shared;
}

START_TEST(buffers_that_live_together_lie_apart) {
    bench b;
    mmoe_run *run;
    bench_init(&b, &shapes[_i], BATCH);
    SUCCEEDS(mmoe_run_create(
        &(mmoe_plan_request){b.model->graph, &b.model->params, NULL, MMOE_PLAN_TRAIN, BATCH}, &run,
        &err));
    const int overwritten = check_plan(run->plan);
    ck_assert_int_eq(overwritten > 0, strncmp(shapes[_i].name, "no batch norm", 13) != 0);
    mmoe_run_free(run);
    SUCCEEDS(mmoe_run_create(
        &(mmoe_plan_request){b.model->graph, &b.model->params, NULL, MMOE_PLAN_REPLAY, BATCH}, &run,
        &err));
    check_plan(run->plan);
    mmoe_run_free(run);
    SUCCEEDS(mmoe_run_create(
        &(mmoe_plan_request){b.model->graph, &b.model->params, NULL, MMOE_PLAN_PREDICT, BATCH},
        &run, &err));
    ck_assert_int_gt(check_plan(run->plan), 0); /* else this test would see nothing */
    mmoe_run_free(run);
    bench_finish(&b);
}
END_TEST

/* ---- Written before read ---- */

static void spoil(const mmoe_plan *p) {
    uses u;
    uses_of(p, &u);
    for (int v = 0; v < u.n_value; v++)
        for (int k = 0; k < 2; k++) {
            const use *x = k ? &u.grads[v] : &u.values[v];
            float *at = p->arena + (x->base - p->arena);
            for (size_t i = 0; i < x->floats; i++) at[i] = NAN;
        }
    for (size_t i = 0; i < p->scratch_stride * (size_t)p->workers; i++) p->scratch[i] = NAN;
}

/* Gradients are a function of weights and rows: what an earlier batch, of another size, left in
 * memory does not matter. */
START_TEST(nothing_is_left_of_earlier_batches) {
    bench b;
    bench_init(&b, &shapes[_i], BATCH);
    mmoe_trainer *trainer = trainer_of(b.model, 2);
    const size_t n = (size_t)b.model->params.n_whole;
    float *first = malloc(n * sizeof *first), *later = malloc(n * sizeof *later);
    ck_assert(first && later);
    spoil(trainer->run->plan);
    const mmoe_rows some = mmoe_dataset_rows_of(b.data, 0, 600, NULL),
                    others = mmoe_dataset_rows_of(b.data, 50, BATCH, NULL);
    mmoe_trainer_gradients(trainer, &some, first);
    for (size_t i = 0; i < n; i++)
        if (!isfinite(first[i])) ck_abort_msg("gradient %zu is not finite", i);
    mmoe_trainer_gradients(trainer, &others, later);
    ck_assert(memcmp(first, later, n * sizeof *first) != 0);
    mmoe_trainer_gradients(trainer, &some, later);
    ck_assert(memcmp(first, later, n * sizeof *first) == 0);
    spoil(trainer->run->plan);
    mmoe_trainer_gradients(trainer, &some, later);
    ck_assert(memcmp(first, later, n * sizeof *first) == 0);
    free(first);
    free(later);
    mmoe_trainer_free(trainer);
    bench_finish(&b);
}
END_TEST

/* ---- Weight tasks ---- */

typedef struct sink {
    uint8_t *seen; /* of a value: how often its gradient came */
    float *gradient;
    const mmoe_params *params;
} sink;

static void keep(void *context, const mmoe_gradient *g) {
    const sink *s = context;
    for (int64_t r = 0; r < g->rows; r++)
        for (int64_t c = 0; c < g->cols; c++) {
            const int64_t at = params_place(s->params, g, r, c);
            s->seen[at]++;
            s->gradient[at] = g->values[r * g->ld + c];
        }
}

static void sink_init(sink *s, const mmoe_model *m) {
    s->params = &m->params;
    s->seen = calloc((size_t)m->params.n_whole, 1);
    s->gradient = calloc((size_t)m->params.n_whole, sizeof *s->gradient);
    ck_assert(s->seen && s->gradient);
}

static void sink_finish(sink *s) {
    free(s->seen);
    free(s->gradient);
}

/* Every value of every tensor once, and no value belongs to two; the room between tensors never. */
static void check_seen(const mmoe_model *m, const sink *s) {
    for (size_t k = 0; k < m->graph->tensors.count; k++) {
        const mmoe_tensor *t = &m->graph->tensors.items[k];
        if (!mmoe_tensor_is_trained(t)) continue;
        uint8_t *seen = s->seen + mmoe_tensors_place(&m->graph->tensors, t);
        for (int64_t i = 0; i < t->count; i++)
            if (seen[i]-- != 1)
                ck_abort_msg("%s[%lld]: %d gradients", t->name, (long long)i, seen[i] + 1);
    }
    for (int64_t i = 0; i < m->params.n_whole; i++)
        if (s->seen[i]) ck_abort_msg("value %lld is no tensor's", (long long)i);
}

START_TEST(every_gradient_comes_once) {
    static const int sizes[] = {1, 50, BATCH, 2000}; /* tasks are cut by the largest batch */
    bench b;
    bench_init(&b, &shapes[_i], BATCH);
    for (int k = 0; k < 4; k++) {
        mmoe_run *run;
        double loss[3], weight[3];
        sink s;
        sink_init(&s, b.model);
        SUCCEEDS(mmoe_run_create(
            &(mmoe_plan_request){b.model->graph, &b.model->params, NULL, MMOE_PLAN_TRAIN, sizes[k]},
            &run, &err));
        const mmoe_rows batch = mmoe_dataset_rows_of(b.data, 0, sizes[k], NULL);
        mmoe_run_train(run, &(mmoe_pass){&batch, 1, 1, loss, weight}, keep, &s);
        check_seen(b.model, &s);
        mmoe_run_free(run);
        sink_finish(&s);
    }
    bench_finish(&b);
}
END_TEST

/* ---- Chunks ---- */

/* Who keeps something of each chunk counts on this many, whatever a plan is for. */
START_TEST(no_batch_has_more_chunks) {
    static const mmoe_plan_kind kinds[] = {MMOE_PLAN_PREDICT, MMOE_PLAN_INSPECT, MMOE_PLAN_TRAIN};
    static const int32_t sizes[] = {1, 256, 257, 2048, 2049, 9000};
    bench b;
    bench_init(&b, &shapes[0], 1);
    for (int i = 0; i < 18; i++) {
        mmoe_plan *plan;
        const int32_t rows = sizes[i / 3];
        SUCCEEDS(mmoe_plan_create(
            &(mmoe_plan_request){b.model->graph, &b.model->params, NULL, kinds[i % 3], rows}, &plan,
            &err));
        const int32_t chunk = plan->training ? mmoe_plan_cut(plan, rows).chunk : plan->max_chunk;
        ck_assert_int_ge(plan->max_chunks, (rows + chunk - 1) / chunk);
        mmoe_plan_free(plan);
    }
    bench_finish(&b);
}
END_TEST

/* ---- Tables ---- */

/* Tables of which one is cut into ranges of rows, and two columns share it; 70 small ones; one of a
 * single row; the widths that have loops of their own. */
enum { SMALL = 70, COLUMNS = SMALL + 7, LOOKED = 500 };

/* Few rows that come often, many that come seldom, the first and the last ones, and those where
 * ranges of 2^16 values meet. */
static int32_t some_row(size_t r, size_t c, int64_t table_rows) {
    const double u = drawn(10, r * COLUMNS + c);
    const int64_t edge = 65536 / 3, edges[] = {0, edge - 1, edge, table_rows - 1};
    int64_t row = edges[(int)(u * 4)];
    if (r % 3 == 0) row = (int64_t)(u * 9);
    if (r % 3 == 1) row = (int64_t)(u * (double)table_rows);
    return (int32_t)(row < table_rows ? row : table_rows - 1);
}

static void tables_init(bench *b) {
    static const int dims[] = {4, 8, 16, 32, 5};
    static char names[COLUMNS][8], json[16384];
    static const char *columns[COLUMNS];
    int n = 0;
    char *at =
        json + sprintf(json, "{\"features\": {\"sparse\": [{\"name\": \"big\", \"vocab_size\": "
                             "40000, \"embed_dim\": 3}, "
                             "{\"name\": \"also\", \"embed_dim\": 3, \"shared_with\": \"big\"}");
    columns[n++] = "big";
    columns[n++] = "also";
    for (int k = 0; k < SMALL; k++, n++) {
        snprintf(names[n], sizeof names[n], "s%d", k);
        at += sprintf(at, ", {\"name\": \"%s\", \"vocab_size\": %d, \"embed_dim\": %d}", names[n],
                      k == 3 ? 1 : 20 + k, 2 + k / 40);
        columns[n] = names[n];
    }
    for (int k = 0; k < 5; k++, n++) { /* each too large for a neighbour, so alone in its task */
        snprintf(names[n], sizeof names[n], "w%d", k);
        at += sprintf(at, ", {\"name\": \"%s\", \"vocab_size\": %d, \"embed_dim\": %d}", names[n],
                      60000 / dims[k], dims[k]);
        columns[n] = names[n];
    }
    sprintf(at,
            "], \"dense\": []}, \"tasks\": [{\"name\": \"t\", \"label\": \"y\"}], \"model\": "
            "{\"n_expert\": 2}, \"trainer\": {\"batch_size\": %d}}",
            LOOKED);
    b->n_task = 1;
    SUCCEEDS(mmoe_config_parse(json, strlen(json), NULL, NULL, &b->config, &err));
    SUCCEEDS(mmoe_schema_create(b->config, columns, COLUMNS, NULL, &b->schema, &err));
    SUCCEEDS(mmoe_model_create(b->config, b->schema, NULL, &b->model, &err));
    static int32_t ids[LOOKED * COLUMNS];
    static float labels[LOOKED];
    for (size_t r = 0; r < LOOKED; r++) {
        labels[r] = (float)(drawn(9, r) < 0.3);
        for (size_t c = 0; c < COLUMNS; c++)
            ids[r * COLUMNS + c] = some_row(r, c, mmoe_model_sparse_rows(b->model, (int32_t)c));
    }
    const mmoe_batch batch = {.rows = LOOKED, .ids = ids, .id_stride = COLUMNS};
    SUCCEEDS(mmoe_dataset_create(b->schema, &batch, labels, NULL, NULL, &b->data, &err));
}

/* The gradient of the input, which the plan keeps to the end of a step, added up in the order of
 * rows and columns. */
static float *sum_by_hand(const mmoe_plan *p, const mmoe_model *m, const mmoe_rows *batch) {
    const mmoe_node *n = &p->graph->nodes[0];
    float *sum = calloc((size_t)m->params.n_whole, sizeof *sum);
    ck_assert_ptr_nonnull(sum);
    for (int32_t b = 0; b < batch->rows; b++)
        for (int32_t k = 0; k < n->u.input.n_lookup; k++) {
            const mmoe_lookup *l = &n->u.input.lookups[k];
            const float *dx =
                p->grads[n->out].base + (size_t)b * (size_t)p->grads[n->out].ld + l->col;
            const int64_t row =
                batch->ids[mmoe_row_of(batch, b) * batch->id_stride + (size_t)l->column];
            float *to = sum + m->params.blocks[l->table].place + row * l->dim;
            for (int32_t c = 0; c < l->dim; c++) to[c] += dx[c];
        }
    return sum;
}

static void check_tables(const mmoe_model *m, const float *got, const float *want) {
    int looked = 0;
    for (size_t k = 0; k < m->graph->tensors.count; k++) {
        const mmoe_tensor *t = &m->graph->tensors.items[k];
        if (strncmp(t->name, "embedding.", 10) != 0) continue;
        looked++;
        int64_t some = 0;
        for (int64_t i = 0; i < t->count; i++) {
            some += got[t->offset + i] != 0;
            if (got[t->offset + i] != want[t->offset + i])
                ck_abort_msg("%s[%lld]: %.9g, by hand %.9g", t->name, (long long)i,
                             (double)got[t->offset + i], (double)want[t->offset + i]);
        }
        ck_assert_msg(some > 0, "%s has no gradient", t->name);
    }
    ck_assert_int_eq(looked, COLUMNS - 1);
}

static int range_tasks(const mmoe_plan *p) {
    const mmoe_input_state *input = p->nodes[0].own;
    int count = 0;
    for (int32_t i = 0; i < p->n_task; i++)
        count +=
            p->tasks[i].node == 0 && p->tasks[i].rows < input->uses[p->tasks[i].first].table->rows;
    return count;
}

START_TEST(table_gradients_are_sums_over_rows) {
    static uint32_t order[LOOKED];
    bench b;
    mmoe_run *run;
    mmoe_pool *pool;
    tables_init(&b);
    for (uint32_t i = 0; i < LOOKED; i++) order[i] = i * 7 % LOOKED;
    SUCCEEDS(mmoe_pool_create(3, NULL, &pool, &err));
    SUCCEEDS(
        mmoe_run_create(&(mmoe_plan_request){b.model->graph, &b.model->params, pool,
                                             MMOE_PLAN_TRAIN, LOOKED, NULL, MMOE_FIRST_LAYER_DENSE},
                        &run, &err));
    ck_assert_int_ge(range_tasks(run->plan), 2);
    for (int shuffled = 0; shuffled < 2; shuffled++) {
        double loss, weight;
        sink s;
        sink_init(&s, b.model);
        const mmoe_rows batch = mmoe_dataset_rows_of(b.data, 0, shuffled ? LOOKED - 100 : LOOKED,
                                                     shuffled ? order : NULL);
        mmoe_run_train(run, &(mmoe_pass){&batch, 1, 1, &loss, &weight}, keep, &s);
        float *want = sum_by_hand(run->plan, b.model, &batch);
        check_seen(b.model, &s);
        check_tables(b.model, s.gradient, want);
        free(want);
        sink_finish(&s);
    }
    mmoe_run_free(run);
    mmoe_pool_free(pool);
    bench_finish(&b);
}
END_TEST

void add_cases(TCase *c) {
    tcase_add_loop_test(c, buffers_that_live_together_lie_apart, 0, SHAPES);
    tcase_add_loop_test(c, nothing_is_left_of_earlier_batches, 0, SHAPES);
    tcase_add_loop_test(c, every_gradient_comes_once, 0, SHAPES);
    tcase_add_test(c, no_batch_has_more_chunks);
    tcase_add_test(c, table_gradients_are_sums_over_rows);
}
