#include "export/onnx_ops.h"

#include <assert.h>
#include <math.h>

#include "data/schema.h"

#define FLOAT MMOE_ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT
#define DOUBLE MMOE_ONNX__TENSOR_PROTO__DATA_TYPE__DOUBLE
#define INT64 MMOE_ONNX__TENSOR_PROTO__DATA_TYPE__INT64
#define BOOL MMOE_ONNX__TENSOR_PROTO__DATA_TYPE__BOOL

/* Columns [col, col + cols) of a value of ours are an ONNX value. */
typedef struct piece {
    int32_t col, cols;
    const char *name;
} piece;

typedef struct pieces {
    piece *items; /* in the order of the columns */
    int32_t count;
} pieces;

typedef struct exporter {
    mmoe_onnx *onnx;
    const mmoe_model *model;
    const mmoe_graph *graph;
    pieces *values; /* [n_value] */
} exporter;

/* ---- Columns of values ---- */

static const char *slice(exporter *e, const char *name, int32_t first, int32_t cols) {
    const int64_t start = first, end = first + cols, axis = 1;
    return mmoe_onnx_add(e->onnx, "Slice", name, mmoe_onnx_ints(e->onnx, 1, &start),
                         mmoe_onnx_ints(e->onnx, 1, &end), mmoe_onnx_ints(e->onnx, 1, &axis));
}

static const char *concat(exporter *e, const char *const *names, int32_t count) {
    if (count == 1) return names[0];
    const char *out = mmoe_onnx_add_list(e->onnx, "Concat", names, (size_t)count);
    mmoe_onnx_set_int(e->onnx, "axis", 1);
    return out;
}

/* Dimension 0, the rows, is taken over. */
static const char *reshape(exporter *e, const char *name, int64_t middle, int64_t last) {
    const int64_t shape[] = {0, middle, last};
    return mmoe_onnx_add(e->onnx, "Reshape", name, mmoe_onnx_ints(e->onnx, 3, shape));
}

static const char *flatten(exporter *e, const char *name, int64_t cols) {
    const int64_t shape[] = {0, cols};
    return mmoe_onnx_add(e->onnx, "Reshape", name, mmoe_onnx_ints(e->onnx, 2, shape));
}

static void set_value(exporter *e, int32_t value, piece *items, int32_t count) {
    e->values[value] = (pieces){items, count};
}

static void set_whole(exporter *e, int32_t value, const char *name) {
    piece *whole = mmoe_onnx_room(e->onnx, 1, sizeof *whole);
    if (!whole) return;
    *whole = (piece){0, e->graph->values[value].width, name};
    set_value(e, value, whole, 1);
}

/* The ONNX value that a view is. A value that is put together for it stays so. */
static const char *view(exporter *e, mmoe_view v) {
    const pieces *p = &e->values[v.value];
    const char **names = mmoe_onnx_room(e->onnx, (size_t)p->count, sizeof *names);
    if (!names) return "";
    int32_t count = 0;
    for (int32_t i = 0; i < p->count; i++) {
        const piece *k = &p->items[i];
        int32_t first = v.col > k->col ? v.col : k->col,
                end = v.col + v.cols < k->col + k->cols ? v.col + v.cols : k->col + k->cols;
        if (first >= end) continue;
        names[count++] =
            end - first == k->cols ? k->name : slice(e, k->name, first - k->col, end - first);
    }
    const char *out = concat(e, names, count);
    if (count > 1 && v.cols == e->graph->values[v.value].width) set_whole(e, v.value, out);
    return out;
}

/* ---- Input ---- */

static const char *table_name(const exporter *e, const mmoe_lookup *l) {
    const mmoe_tensors *t = &e->graph->tensors;
    for (size_t i = 0; i < t->count; i++)
        if (t->items[i].kind == MMOE_TENSOR_TABLE && t->items[i].table == l->table)
            return t->items[i].name;
    return NULL;
}

/* A table is an initialiser of its first lookup's. */
static const char *add_table(exporter *e, const mmoe_node *n, int32_t lookup, const char **tables) {
    const mmoe_lookup *l = n->u.input.lookups;
    for (int32_t i = 0; i < lookup; i++)
        if (l[i].table == l[lookup].table) return tables[i];
    const int64_t shape[] = {l[lookup].rows, l[lookup].dim};
    return mmoe_onnx_tensor(e->onnx, table_name(e, &l[lookup]), FLOAT, 2, shape,
                            mmoe_params_rows(&e->model->params, l[lookup].table));
}

static const char *look_up(exporter *e, const char *table, const char *ids, int32_t column) {
    int64_t *index = mmoe_onnx_room(e->onnx, 1, sizeof *index);
    if (index) *index = column;
    const char *rows = mmoe_onnx_add(
        e->onnx, "Gather", ids, mmoe_onnx_tensor(e->onnx, NULL, INT64, 0, NULL, index)); /* [B] */
    mmoe_onnx_set_int(e->onnx, "axis", 1);
    return mmoe_onnx_add(e->onnx, "Gather", table, rows);
}

/* Where the column's transform takes the logarithm: Where(mask, log(1 + x), x). */
static const char *add_logarithms(exporter *e, const char *x, const mmoe_dense_column *columns,
                                  int64_t n) {
    bool *mask = mmoe_onnx_room(e->onnx, (size_t)n, sizeof *mask), any = false;
    double *one = mmoe_onnx_room(e->onnx, 1, sizeof *one);
    if (!one) return "";
    *one = 1;
    for (int64_t i = 0; i < n; i++)
        any |= mask[i] = columns[i].transform == MMOE_TRANSFORM_LOG1P_STANDARDIZE;
    if (!any) return x;
    const char *sum =
        mmoe_onnx_add(e->onnx, "Add", x, mmoe_onnx_tensor(e->onnx, NULL, DOUBLE, 0, NULL, one));
    const char *logarithm = mmoe_onnx_add(e->onnx, "Log", sum);
    return mmoe_onnx_add(e->onnx, "Where", mmoe_onnx_tensor(e->onnx, NULL, BOOL, 1, &n, mask),
                         logarithm, x);
}

/* In double, as the library does it: a column of large values that lie close together keeps its
 * digits. */
static const char *add_transforms(exporter *e, const mmoe_dense_column *columns, int64_t n) {
    double *shift = mmoe_onnx_room(e->onnx, (size_t)n, sizeof *shift),
           *scale = mmoe_onnx_room(e->onnx, (size_t)n, sizeof *scale);
    if (!scale) return "";
    bool any = false;
    for (int64_t i = 0; i < n; i++) {
        shift[i] = columns[i].shift;
        scale[i] = columns[i].scale;
        any |= columns[i].transform != MMOE_TRANSFORM_NONE;
    }
    if (!any) return "x";
    const char *x = mmoe_onnx_add(e->onnx, "Cast", "x");
    mmoe_onnx_set_int(e->onnx, "to", DOUBLE);
    x = add_logarithms(e, x, columns, n);
    x = mmoe_onnx_add(e->onnx, "Sub", x, mmoe_onnx_tensor(e->onnx, NULL, DOUBLE, 1, &n, shift));
    x = mmoe_onnx_add(e->onnx, "Mul", x, mmoe_onnx_tensor(e->onnx, NULL, DOUBLE, 1, &n, scale));
    x = mmoe_onnx_add(e->onnx, "Cast", x);
    mmoe_onnx_set_int(e->onnx, "to", FLOAT);
    return x;
}

static void add_input(exporter *e, const mmoe_node *n) {
    const int32_t n_lookup = n->u.input.n_lookup, n_dense = n->u.input.n_dense;
    const char **tables = mmoe_onnx_room(e->onnx, (size_t)n_lookup, sizeof *tables);
    piece *items = mmoe_onnx_room(e->onnx, (size_t)n_lookup + 1, sizeof *items);
    if (!items) return;
    if (e->graph->n_id) mmoe_onnx_input(e->onnx, "ids", INT64, e->graph->n_id);
    if (n_dense) mmoe_onnx_input(e->onnx, "x", FLOAT, n_dense);
    for (int32_t i = 0; i < n_lookup; i++) {
        const mmoe_lookup *l = &n->u.input.lookups[i];
        tables[i] = add_table(e, n, i, tables);
        items[i] = (piece){l->col, l->dim, look_up(e, tables[i], "ids", l->column)};
    }
    if (n_dense)
        items[n_lookup] = (piece){n->u.input.dense_col, n_dense,
                                  add_transforms(e, e->model->schema->dense, n_dense)};
    set_value(e, n->out, items, n_lookup + (n_dense > 0));
}

/* ---- Layers ---- */

/* What a layer does to its linear node's columns before the activation: z scale + shift. */
typedef struct fold {
    double *scale; /* [width] */
    float *shift;
    bool scales; /* false: all are 1 */
} fold;

static const mmoe_node *layer_of(const exporter *e, int32_t value) {
    for (int32_t i = 0; i < e->graph->n_node; i++)
        if (e->graph->nodes[i].op == MMOE_OP_APPLY && e->graph->nodes[i].in == value)
            return &e->graph->nodes[i];
    return NULL;
}

static fold fold_layer(exporter *e, const mmoe_node *layer, int32_t width) {
    const float *values = e->model->params.values, *states = e->model->params.states,
                *bias = values + layer->u.apply.bias;
    const mmoe_norm *norm = &layer->u.apply.norm;
    fold f = {mmoe_onnx_room(e->onnx, (size_t)width, sizeof *f.scale),
              mmoe_onnx_room(e->onnx, (size_t)width, sizeof *f.shift), norm->cols > 0};
    if (e->onnx->failed) return f;
    for (int32_t c = 0; c < width; c++) {
        f.scale[c] = 1;
        f.shift[c] = bias[c];
    }
    for (int32_t i = 0; i < norm->cols; i++) {
        const int32_t c = norm->col + i;
        f.scale[c] =
            values[norm->gamma + i] / sqrt((double)states[norm->var + i] + MMOE_BATCH_NORM_EPS);
        f.shift[c] = (float)(values[norm->beta + i] +
                             ((double)bias[c] - states[norm->mean + i]) * f.scale[c]);
    }
    return f;
}

static const char *add_weight(exporter *e, const mmoe_linear_block *k, const fold *f) {
    const int64_t shape[] = {k->cols, k->in.cols};
    const float *w = e->model->params.values + k->weight;
    if (!f->scales) return mmoe_onnx_tensor(e->onnx, NULL, FLOAT, 2, shape, w);
    float *scaled = mmoe_onnx_room(e->onnx, (size_t)k->cols * (size_t)k->in.cols, sizeof *scaled),
          *to = scaled;
    if (!scaled) return "";
    for (int32_t r = 0; r < k->cols; r++)
        for (int32_t c = 0; c < k->in.cols; c++) *to++ = (float)(*w++ * f->scale[k->col + r]);
    return mmoe_onnx_tensor(e->onnx, NULL, FLOAT, 2, shape, scaled);
}

/* A layer's bias and batch norm are folded into its linear node, whose every output goes through
 * one. */
static void add_linear(exporter *e, const mmoe_node *n) {
    const mmoe_node *layer = layer_of(e, n->out);
    const int32_t n_block = n->u.linear.n_block;
    piece *items = mmoe_onnx_room(e->onnx, (size_t)n_block, sizeof *items);
    fold f = {0};
    if (layer) f = fold_layer(e, layer, e->graph->values[n->out].width);
    if (e->onnx->failed) return;
    for (int32_t i = 0; i < n_block; i++) {
        const mmoe_linear_block *k = &n->u.linear.blocks[i];
        const char *in = view(e, k->in), *weight = add_weight(e, k, &f);
        const char *out = layer
                              ? mmoe_onnx_add(e->onnx, "Gemm", in, weight,
                                              mmoe_onnx_vector(e->onnx, f.shift + k->col, k->cols))
                              : mmoe_onnx_add(e->onnx, "Gemm", in, weight);
        items[i] = (piece){k->col, k->cols, out};
        mmoe_onnx_set_int(e->onnx, "transB", 1);
    }
    set_value(e, n->out, items, n_block);
}

static const char *add_prelu(exporter *e, const mmoe_segment *g, const char *z) {
    const float *slopes = e->model->params.values + g->slope;
    float *wide = mmoe_onnx_room(e->onnx, (size_t)g->cols, sizeof *wide);
    if (!wide) return "";
    for (int32_t c = 0; c < g->cols; c++) wide[c] = slopes[c / g->group];
    return mmoe_onnx_add(e->onnx, "PRelu", z, mmoe_onnx_vector(e->onnx, wide, g->cols));
}

/* Over the H columns of a module: u = a (alpha + (1 - alpha) p), p = sigmoid((a - avg) / sqrt(sum
 * (a - avg)^2 + 1e-3 H)). */
static const char *add_dice(exporter *e, const mmoe_segment *g, const char *z) {
    mmoe_onnx *o = e->onnx;
    const int64_t modules = g->cols / g->group, shape[] = {modules, 1}, last = 2;
    const float *alpha = e->model->params.values + g->slope;
    float *rest = mmoe_onnx_room(o, (size_t)modules, sizeof *rest);
    if (!rest) return "";
    for (int64_t m = 0; m < modules; m++) rest[m] = 1 - alpha[m];
    const char *a = reshape(e, z, modules, g->group), *avg = mmoe_onnx_add(o, "ReduceMean", a);
    mmoe_onnx_set_axes(o, last);
    const char *d = mmoe_onnx_add(o, "Sub", a, avg);
    const char *sum =
        mmoe_onnx_add(o, "ReduceSum", mmoe_onnx_add(o, "Mul", d, d), mmoe_onnx_ints(o, 1, &last));
    const char *root = mmoe_onnx_add(
        o, "Sqrt", mmoe_onnx_add(o, "Add", sum, mmoe_onnx_scalar(o, 1e-3f * (float)g->group)));
    const char *p = mmoe_onnx_add(o, "Sigmoid", mmoe_onnx_add(o, "Div", d, root));
    const char *part = mmoe_onnx_add(o, "Mul", p, mmoe_onnx_tensor(o, NULL, FLOAT, 2, shape, rest));
    const char *factor =
        mmoe_onnx_add(o, "Add", part, mmoe_onnx_tensor(o, NULL, FLOAT, 2, shape, alpha));
    return flatten(e, mmoe_onnx_add(o, "Mul", a, factor), g->cols);
}

static const char *add_softmax(exporter *e, const mmoe_segment *g, const char *z) {
    const char *modules = reshape(e, z, g->cols / g->group, g->group),
               *out = mmoe_onnx_add(e->onnx, "Softmax", modules);
    mmoe_onnx_set_int(e->onnx, "axis", 2);
    return flatten(e, out, g->cols);
}

static const char *add_activation(exporter *e, const mmoe_segment *g, const char *z) {
    switch (g->act) {
    case MMOE_ACT_NONE:
        break;
    case MMOE_ACT_RELU:
        return mmoe_onnx_add(e->onnx, "Relu", z);
    case MMOE_ACT_SIGMOID:
        return mmoe_onnx_add(e->onnx, "Sigmoid", z);
    case MMOE_ACT_TANH:
        return mmoe_onnx_add(e->onnx, "Tanh", z);
    case MMOE_ACT_PRELU:
        return add_prelu(e, g, z);
    case MMOE_ACT_DICE:
        return add_dice(e, g, z);
    case MMOE_ACT_SOFTMAX:
        return add_softmax(e, g, z);
    }
    return z;
}

static void add_apply(exporter *e, const mmoe_node *n) {
    const int32_t count = n->u.apply.n_segment;
    piece *items = mmoe_onnx_room(e->onnx, (size_t)count, sizeof *items);
    if (!items) return;
    for (int32_t i = 0; i < count; i++) {
        const mmoe_segment *g = &n->u.apply.segments[i];
        const char *z = view(e, (mmoe_view){n->in, g->col, g->cols});
        items[i] = (piece){g->col, g->cols, add_activation(e, g, z)};
    }
    set_value(e, n->out, items, count);
}

/* ---- Gates ---- */

/* Of logits [B, gates, n] those below the k-th largest become -inf. */
static const char *keep_largest(exporter *e, const char *logits, int64_t k) {
    mmoe_onnx *o = e->onnx;
    const int64_t last = k - 1, axis = 2;
    const char *largest =
        mmoe_onnx_add(o, "TopK", logits, mmoe_onnx_ints(o, 1, &k)); /* [B, gates, k] falling */
    mmoe_onnx_add_unread(o);
    const char *least = mmoe_onnx_add(o, "Slice", largest, mmoe_onnx_ints(o, 1, &last),
                                      mmoe_onnx_ints(o, 1, &k), mmoe_onnx_ints(o, 1, &axis));
    return mmoe_onnx_add(o, "Where", mmoe_onnx_add(o, "Less", logits, least),
                         mmoe_onnx_scalar(o, -INFINITY), logits);
}

static void add_gate(exporter *e, const mmoe_node *n) {
    mmoe_onnx *o = e->onnx;
    const int32_t n_gate = n->u.gate.n_gate, *col = n->u.gate.col, *n_expert = n->u.gate.n_expert,
                  top_k = n->u.gate.how.top_k;
    piece *items = mmoe_onnx_room(o, (size_t)n_gate, sizeof *items);
    if (!items) return;
    int32_t count = 0, at = 0;
    for (int32_t first = 0, end; first < n_gate;
         first = end) { /* a run of neighbours of one size is one softmax */
        for (end = first + 1; end < n_gate && n_expert[end] == n_expert[first] &&
                              col[end] == col[end - 1] + n_expert[first];)
            end++;
        const int32_t cols = (end - first) * n_expert[first];
        const char *a =
            reshape(e, view(e, (mmoe_view){n->in, col[first], cols}), end - first, n_expert[first]);
        if (top_k && top_k < n_expert[first]) a = keep_largest(e, a, top_k);
        if (n->u.gate.how.temperature != 1)
            a = mmoe_onnx_add(o, "Div", a, mmoe_onnx_scalar(o, n->u.gate.how.temperature));
        a = mmoe_onnx_add(o, "Softmax", a);
        mmoe_onnx_set_int(o, "axis", 2);
        items[count++] = (piece){at, cols, flatten(e, a, cols)};
        at += cols;
    }
    set_value(e, n->out, items, count);
}

/* ---- Mixing and scores ---- */

/* [B, experts, cols] of one task. */
static const char *experts_of(exporter *e, const mmoe_node *n, int32_t task) {
    const int32_t n_expert = n->u.mix.n_expert, cols = n->u.mix.cols,
                  *at = n->u.mix.expert_col + (int64_t)task * n_expert;
    const char **names = mmoe_onnx_room(e->onnx, (size_t)n_expert, sizeof *names);
    if (!names) return "";
    int32_t count = 0;
    for (int32_t first = 0, end; first < n_expert;
         first = end) { /* a run of neighbours is one view */
        for (end = first + 1; end < n_expert && at[end] == at[end - 1] + cols; end++) continue;
        names[count++] = view(e, (mmoe_view){n->u.mix.experts, at[first], (end - first) * cols});
    }
    return reshape(e, concat(e, names, count), n_expert, cols);
}

/* Do all tasks mix the same experts by gates that are neighbours? */
static bool mixes_alike(const mmoe_node *n) {
    const int32_t n_expert = n->u.mix.n_expert;
    for (int32_t t = 1; t < n->u.mix.n_task; t++) {
        if (n->u.mix.gate_col[t] != n->u.mix.gate_col[t - 1] + n_expert) return false;
        for (int32_t k = 0; k < n_expert; k++)
            if (n->u.mix.expert_col[t * n_expert + k] != n->u.mix.expert_col[k]) return false;
    }
    return true;
}

static void add_mix(exporter *e, const mmoe_node *n) {
    const int32_t n_task = n->u.mix.n_task, n_expert = n->u.mix.n_expert, cols = n->u.mix.cols;
    const int32_t together = mixes_alike(n) ? n_task : 1; /* tasks of one product */
    piece *items = mmoe_onnx_room(e->onnx, (size_t)n_task, sizeof *items);
    if (!items) return;
    for (int32_t t = 0; t < n_task; t += together) {
        const char *gates;
        if (n->u.mix.weight >= 0) {
            const int64_t shape[] = {together, n_expert};
            gates =
                mmoe_onnx_tensor(e->onnx, NULL, FLOAT, 2, shape,
                                 e->model->params.values + n->u.mix.weight + n->u.mix.gate_col[t]);
        } else {
            gates = view(e, (mmoe_view){n->u.mix.gates, n->u.mix.gate_col[t], together * n_expert});
            gates = reshape(e, gates, together, n_expert);
        }
        const char *y = mmoe_onnx_add(e->onnx, "MatMul", gates, experts_of(e, n, t));
        items[t / together] =
            (piece){t * cols, together * cols, flatten(e, y, (int64_t)together * cols)};
    }
    set_value(e, n->out, items, n_task / together);
}

/* Each item's Q, K, V [B, dim] as [B, 2, dim]: softmax over the two of the sums of Q K / sqrt(dim).
 */
static void add_attend(exporter *e, const mmoe_node *n) {
    mmoe_onnx *o = e->onnx;
    const int32_t dim = e->graph->values[n->out].width;
    const char *parts[3];
    for (int i = 0; i < 3; i++) {
        const char *items[] = {view(e, (mmoe_view){n->in, i * dim, dim}),
                               view(e, (mmoe_view){n->in, (3 + i) * dim, dim})};
        parts[i] = reshape(e, concat(e, items, 2), 2, dim);
    }
    const int64_t last = 2;
    const char *sums = mmoe_onnx_add(o, "ReduceSum", mmoe_onnx_add(o, "Mul", parts[0], parts[1]),
                                     mmoe_onnx_ints(o, 1, &last)); /* [B, 2, 1] */
    const char *share = mmoe_onnx_add(
        o, "Softmax", mmoe_onnx_add(o, "Div", sums, mmoe_onnx_scalar(o, sqrtf((float)dim))));
    mmoe_onnx_set_int(o, "axis", 1);
    const int64_t items = 1;
    const char *sum = mmoe_onnx_add(o, "ReduceSum", mmoe_onnx_add(o, "Mul", share, parts[2]),
                                    mmoe_onnx_ints(o, 1, &items));
    set_whole(e, n->out, flatten(e, sum, dim));
}

/* -log(e^-a + e^-b + e^-(a+b)), [B, 1] */
static void add_joint(exporter *e, const mmoe_node *n) {
    mmoe_onnx *o = e->onnx;
    const char *a = mmoe_onnx_add(o, "Neg", view(e, n->u.joint.logits[0])),
               *b = mmoe_onnx_add(o, "Neg", view(e, n->u.joint.logits[1]));
    const char *terms[] = {a, b, mmoe_onnx_add(o, "Add", a, b)};
    const char *sum = mmoe_onnx_add(o, "ReduceLogSumExp", concat(e, terms, 3));
    mmoe_onnx_set_axes(o, 1);
    set_whole(e, n->out, mmoe_onnx_add(o, "Neg", sum));
}

static bool is_scaled(const mmoe_node *n, int32_t task) {
    return n->u.loss.scale[task].transform != MMOE_LABEL_NONE;
}

/* The scores of labels as they stand in the data, in double as the library has it. */
static const char *unscale(exporter *e, const mmoe_label_scale *s, const char *z) {
    double *a = mmoe_onnx_room(e->onnx, 2, sizeof *a);
    if (!a || s->transform == MMOE_LABEL_NONE) return z;
    const bool log = s->transform == MMOE_LABEL_LOG1P;
    a[0] = log ? -1 : s->shift;
    a[1] = s->unit;
    z = mmoe_onnx_add(e->onnx, "Cast", z);
    mmoe_onnx_set_int(e->onnx, "to", DOUBLE);
    z = log ? mmoe_onnx_add(e->onnx, "Exp", z)
            : mmoe_onnx_add(e->onnx, "Mul", z,
                            mmoe_onnx_tensor(e->onnx, NULL, DOUBLE, 0, NULL, a + 1));
    z = mmoe_onnx_add(e->onnx, "Add", z, mmoe_onnx_tensor(e->onnx, NULL, DOUBLE, 0, NULL, a));
    z = mmoe_onnx_add(e->onnx, "Cast", z);
    mmoe_onnx_set_int(e->onnx, "to", FLOAT);
    return z;
}

static void add_scores(exporter *e, const mmoe_node *n) {
    const int32_t n_task = n->u.loss.n_task;
    const mmoe_view *logits = n->u.loss.logits;
    const mmoe_loss_kind **kinds = n->u.loss.kinds;
    const char **names = mmoe_onnx_room(e->onnx, (size_t)n_task, sizeof *names);
    if (!names) return;
    int32_t count = 0;
    for (int32_t first = 0, end; first < n_task;
         first = end) { /* a run of neighbours of one kind is one view */
        for (end = first + 1; end < n_task && kinds[end] == kinds[first] && !is_scaled(n, first) &&
                              !is_scaled(n, end) && logits[end].value == logits[first].value &&
                              logits[end].col == logits[end - 1].col + 1;
             end++)
            continue;
        const char *z = view(e, (mmoe_view){logits[first].value, logits[first].col, end - first});
        if (kinds[first]->onnx) z = mmoe_onnx_add(e->onnx, kinds[first]->onnx, z);
        names[count++] = unscale(e, &n->u.loss.scale[first], z);
    }
    mmoe_onnx_add(e->onnx, "Identity", concat(e, names, count));
    if (e->onnx->failed) return;
    mmoe_onnx_name_output(e->onnx, "scores");
    mmoe_onnx_output(e->onnx, "scores", n_task);
}

void mmoe_onnx_add_model(mmoe_onnx *onnx, const mmoe_model *model) {
    exporter e = {onnx, model, model->graph,
                  mmoe_onnx_room(onnx, (size_t)model->graph->n_value, sizeof *e.values)};
    for (int32_t i = 0; i < model->graph->n_node && !onnx->failed; i++) {
        const mmoe_node *n = &model->graph->nodes[i];
        onnx->label = n->name;
        switch (n->op) {
        case MMOE_OP_INPUT:
            add_input(&e, n);
            break;
        case MMOE_OP_LINEAR:
            add_linear(&e, n);
            break;
        case MMOE_OP_STATS:
            break; /* of a batch in training */
        case MMOE_OP_APPLY:
            add_apply(&e, n);
            break;
        case MMOE_OP_GATE:
            add_gate(&e, n);
            break;
        case MMOE_OP_MIX:
            add_mix(&e, n);
            break;
        case MMOE_OP_ATTEND:
            add_attend(&e, n);
            break;
        case MMOE_OP_JOINT:
            add_joint(&e, n);
            break;
        case MMOE_OP_LOSS:
            add_scores(&e, n);
            break;
        }
    }
}
