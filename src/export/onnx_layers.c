/* Linear nodes with their layers' bias and batch norm, and activations. */
#include <math.h>

#include "export/onnx_ops.h"

/* What a layer does to its linear node's columns before the activation: z scale + shift. */
typedef struct fold {
    double *scale; /* [width] */
    float *shift;
    bool scales; /* false: all are 1 */
} fold;

static const mmoe_node *layer_of(const mmoe_exporter *e, int32_t value) {
    for (int32_t i = 0; i < e->graph->n_node; i++)
        if (e->graph->nodes[i].op == MMOE_OP_APPLY && e->graph->nodes[i].in == value)
            return &e->graph->nodes[i];
    return NULL;
}

static fold fold_layer(mmoe_exporter *e, const mmoe_node *layer, int32_t width) {
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

static const char *add_weight(mmoe_exporter *e, const mmoe_linear_block *k, const fold *f) {
    const int64_t shape[] = {k->cols, k->in.cols};
    const float *w = e->model->params.values + k->weight;
    if (!f->scales) return mmoe_onnx_tensor(e->onnx, NULL, MMOE_ONNX_FLOAT, 2, shape, w);
    float *scaled = mmoe_onnx_room(e->onnx, (size_t)k->cols * (size_t)k->in.cols, sizeof *scaled),
          *to = scaled;
    if (!scaled) return "";
    for (int32_t r = 0; r < k->cols; r++)
        for (int32_t c = 0; c < k->in.cols; c++) *to++ = (float)(*w++ * f->scale[k->col + r]);
    return mmoe_onnx_tensor(e->onnx, NULL, MMOE_ONNX_FLOAT, 2, shape, scaled);
}

/* A layer's bias and batch norm are folded into its linear node, whose every output goes through
 * one. */
void mmoe_onnx_op_linear(mmoe_exporter *e, const mmoe_node *n) {
    const mmoe_node *layer = layer_of(e, n->out);
    const int32_t n_block = n->u.linear.n_block;
    mmoe_onnx_piece *items = mmoe_onnx_room(e->onnx, (size_t)n_block, sizeof *items);
    fold f = {0};
    if (layer) f = fold_layer(e, layer, e->graph->values[n->out].width);
    if (e->onnx->failed) return;
    for (int32_t i = 0; i < n_block; i++) {
        const mmoe_linear_block *k = &n->u.linear.blocks[i];
        const char *in = mmoe_onnx_view(e, k->in), *weight = add_weight(e, k, &f);
        const char *out = layer
                              ? mmoe_onnx_add(e->onnx, "Gemm", in, weight,
                                              mmoe_onnx_vector(e->onnx, f.shift + k->col, k->cols))
                              : mmoe_onnx_add(e->onnx, "Gemm", in, weight);
        items[i] = (mmoe_onnx_piece){k->col, k->cols, out};
        mmoe_onnx_set_int(e->onnx, "transB", 1);
    }
    mmoe_onnx_set_value(e, n->out, items, n_block);
}

static const char *add_prelu(mmoe_exporter *e, const mmoe_segment *g, const char *z) {
    const float *slopes = e->model->params.values + g->slope;
    float *wide = mmoe_onnx_room(e->onnx, (size_t)g->cols, sizeof *wide);
    if (!wide) return "";
    for (int32_t c = 0; c < g->cols; c++) wide[c] = slopes[c / g->group];
    return mmoe_onnx_add(e->onnx, "PRelu", z, mmoe_onnx_vector(e->onnx, wide, g->cols));
}

/* Over the H columns of a module: u = a (alpha + (1 - alpha) p), p = sigmoid((a - avg) / sqrt(sum
 * (a - avg)^2 + 1e-3 H)). */
static const char *add_dice(mmoe_exporter *e, const mmoe_segment *g, const char *z) {
    mmoe_onnx *o = e->onnx;
    const int64_t modules = g->cols / g->group, shape[] = {modules, 1}, last = 2;
    const float *alpha = e->model->params.values + g->slope;
    float *rest = mmoe_onnx_room(o, (size_t)modules, sizeof *rest);
    if (!rest) return "";
    for (int64_t m = 0; m < modules; m++) rest[m] = 1 - alpha[m];
    const char *a = mmoe_onnx_reshape(e, z, modules, g->group),
               *avg = mmoe_onnx_add(o, "ReduceMean", a);
    mmoe_onnx_set_axes(o, last);
    const char *d = mmoe_onnx_add(o, "Sub", a, avg);
    const char *sum =
        mmoe_onnx_add(o, "ReduceSum", mmoe_onnx_add(o, "Mul", d, d), mmoe_onnx_ints(o, 1, &last));
    const char *root = mmoe_onnx_add(
        o, "Sqrt", mmoe_onnx_add(o, "Add", sum, mmoe_onnx_scalar(o, 1e-3f * (float)g->group)));
    const char *p = mmoe_onnx_add(o, "Sigmoid", mmoe_onnx_add(o, "Div", d, root));
    const char *part =
        mmoe_onnx_add(o, "Mul", p, mmoe_onnx_tensor(o, NULL, MMOE_ONNX_FLOAT, 2, shape, rest));
    const char *factor =
        mmoe_onnx_add(o, "Add", part, mmoe_onnx_tensor(o, NULL, MMOE_ONNX_FLOAT, 2, shape, alpha));
    return mmoe_onnx_flatten(e, mmoe_onnx_add(o, "Mul", a, factor), g->cols);
}

static const char *add_softmax(mmoe_exporter *e, const mmoe_segment *g, const char *z) {
    const char *modules = mmoe_onnx_reshape(e, z, g->cols / g->group, g->group),
               *out = mmoe_onnx_add(e->onnx, "Softmax", modules);
    mmoe_onnx_set_int(e->onnx, "axis", 2);
    return mmoe_onnx_flatten(e, out, g->cols);
}

static const char *add_activation(mmoe_exporter *e, const mmoe_segment *g, const char *z) {
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

void mmoe_onnx_op_apply(mmoe_exporter *e, const mmoe_node *n) {
    const int32_t count = n->u.apply.n_segment;
    mmoe_onnx_piece *items = mmoe_onnx_room(e->onnx, (size_t)count, sizeof *items);
    if (!items) return;
    for (int32_t i = 0; i < count; i++) {
        const mmoe_segment *g = &n->u.apply.segments[i];
        const char *z = mmoe_onnx_view(e, (mmoe_view){n->in, g->col, g->cols});
        items[i] = (mmoe_onnx_piece){g->col, g->cols, add_activation(e, g, z)};
    }
    mmoe_onnx_set_value(e, n->out, items, count);
}
