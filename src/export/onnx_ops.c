#include "export/onnx_ops.h"

#include <math.h>

/* Of a batch in training. */
void mmoe_onnx_op_stats(mmoe_exporter *e, const mmoe_node *n) { (void)e, (void)n; }

/* ---- Gates ---- */

/* Of logits [B, gates, n] those below the k-th largest become -inf. */
static const char *keep_largest(mmoe_exporter *e, const char *logits, int64_t k) {
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

void mmoe_onnx_op_gate(mmoe_exporter *e, const mmoe_node *n) {
    mmoe_onnx *o = e->onnx;
    const int32_t n_gate = n->u.gate.n_gate, *col = n->u.gate.col, *n_expert = n->u.gate.n_expert,
                  top_k = n->u.gate.how.top_k;
    mmoe_onnx_piece *items = mmoe_onnx_room(o, (size_t)n_gate, sizeof *items);
    if (!items) return;
    int32_t count = 0, at = 0;
    for (int32_t first = 0, end; first < n_gate;
         first = end) { /* a run of neighbours of one size is one softmax */
        for (end = first + 1; end < n_gate && n_expert[end] == n_expert[first] &&
                              col[end] == col[end - 1] + n_expert[first];)
            end++;
        const int32_t cols = (end - first) * n_expert[first];
        const char *a =
            mmoe_onnx_reshape(e, mmoe_onnx_view(e, (mmoe_view){n->in, col[first], cols}),
                              end - first, n_expert[first]);
        if (top_k && top_k < n_expert[first]) a = keep_largest(e, a, top_k);
        if (n->u.gate.how.temperature != 1)
            a = mmoe_onnx_add(o, "Div", a, mmoe_onnx_scalar(o, n->u.gate.how.temperature));
        a = mmoe_onnx_add(o, "Softmax", a);
        mmoe_onnx_set_int(o, "axis", 2);
        items[count++] = (mmoe_onnx_piece){at, cols, mmoe_onnx_flatten(e, a, cols)};
        at += cols;
    }
    mmoe_onnx_set_value(e, n->out, items, count);
}

/* ---- Mixing and scores ---- */

/* [B, experts, cols] of one task. */
static const char *experts_of(mmoe_exporter *e, const mmoe_node *n, int32_t task) {
    const int32_t n_expert = n->u.mix.n_expert, cols = n->u.mix.cols,
                  *at = n->u.mix.expert_col + (int64_t)task * n_expert;
    const char **names = mmoe_onnx_room(e->onnx, (size_t)n_expert, sizeof *names);
    if (!names) return "";
    int32_t count = 0;
    for (int32_t first = 0, end; first < n_expert;
         first = end) { /* a run of neighbours is one view */
        for (end = first + 1; end < n_expert && at[end] == at[end - 1] + cols; end++) continue;
        names[count++] =
            mmoe_onnx_view(e, (mmoe_view){n->u.mix.experts, at[first], (end - first) * cols});
    }
    return mmoe_onnx_reshape(e, mmoe_onnx_concat(e, names, count), n_expert, cols);
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

void mmoe_onnx_op_mix(mmoe_exporter *e, const mmoe_node *n) {
    const int32_t n_task = n->u.mix.n_task, n_expert = n->u.mix.n_expert, cols = n->u.mix.cols;
    const int32_t together = mixes_alike(n) ? n_task : 1; /* tasks of one product */
    mmoe_onnx_piece *items = mmoe_onnx_room(e->onnx, (size_t)n_task, sizeof *items);
    if (!items) return;
    for (int32_t t = 0; t < n_task; t += together) {
        const char *gates;
        if (n->u.mix.weight >= 0) {
            const int64_t shape[] = {together, n_expert};
            gates =
                mmoe_onnx_tensor(e->onnx, NULL, MMOE_ONNX_FLOAT, 2, shape,
                                 e->model->params.values + n->u.mix.weight + n->u.mix.gate_col[t]);
        } else {
            gates = mmoe_onnx_view(
                e, (mmoe_view){n->u.mix.gates, n->u.mix.gate_col[t], together * n_expert});
            gates = mmoe_onnx_reshape(e, gates, together, n_expert);
        }
        const char *y = mmoe_onnx_add(e->onnx, "MatMul", gates, experts_of(e, n, t));
        items[t / together] = (mmoe_onnx_piece){t * cols, together * cols,
                                                mmoe_onnx_flatten(e, y, (int64_t)together * cols)};
    }
    mmoe_onnx_set_value(e, n->out, items, n_task / together);
}

/* Each item's Q, K, V [B, dim] as [B, 2, dim]: softmax over the two of the sums of Q K / sqrt(dim).
 */
void mmoe_onnx_op_attend(mmoe_exporter *e, const mmoe_node *n) {
    mmoe_onnx *o = e->onnx;
    const int32_t dim = e->graph->values[n->out].width;
    const char *parts[3];
    for (int i = 0; i < 3; i++) {
        const char *items[] = {mmoe_onnx_view(e, (mmoe_view){n->in, i * dim, dim}),
                               mmoe_onnx_view(e, (mmoe_view){n->in, (3 + i) * dim, dim})};
        parts[i] = mmoe_onnx_reshape(e, mmoe_onnx_concat(e, items, 2), 2, dim);
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
    mmoe_onnx_set_whole(e, n->out, mmoe_onnx_flatten(e, sum, dim));
}

void mmoe_onnx_op_sum(mmoe_exporter *e, const mmoe_node *n) {
    const char *a = mmoe_onnx_view(e, n->u.sum.in[0]), *b = mmoe_onnx_view(e, n->u.sum.in[1]);
    mmoe_onnx_set_whole(e, n->out, mmoe_onnx_add(e->onnx, "Add", a, b));
}

/* -log(e^-a + e^-b + e^-(a+b)), [B, 1] */
void mmoe_onnx_op_joint(mmoe_exporter *e, const mmoe_node *n) {
    mmoe_onnx *o = e->onnx;
    const char *a = mmoe_onnx_add(o, "Neg", mmoe_onnx_view(e, n->u.joint.logits[0])),
               *b = mmoe_onnx_add(o, "Neg", mmoe_onnx_view(e, n->u.joint.logits[1]));
    const char *terms[] = {a, b, mmoe_onnx_add(o, "Add", a, b)};
    const char *sum = mmoe_onnx_add(o, "ReduceLogSumExp", mmoe_onnx_concat(e, terms, 3));
    mmoe_onnx_set_axes(o, 1);
    mmoe_onnx_set_whole(e, n->out, mmoe_onnx_add(o, "Neg", sum));
}

static bool is_scaled(const mmoe_node *n, int32_t task) {
    return n->u.loss.scale[task].transform != MMOE_LABEL_NONE;
}

/* The scores of labels as they stand in the data, in double as the library has it. */
static const char *unscale(mmoe_exporter *e, const mmoe_label_scale *s, const char *z) {
    double *a = mmoe_onnx_room(e->onnx, 2, sizeof *a);
    if (!a || s->transform == MMOE_LABEL_NONE) return z;
    const bool log = s->transform == MMOE_LABEL_LOG1P;
    a[0] = log ? -1 : s->shift;
    a[1] = s->unit;
    z = mmoe_onnx_add(e->onnx, "Cast", z);
    mmoe_onnx_set_int(e->onnx, "to", MMOE_ONNX_DOUBLE);
    z = log ? mmoe_onnx_add(e->onnx, "Exp", z)
            : mmoe_onnx_add(e->onnx, "Mul", z,
                            mmoe_onnx_tensor(e->onnx, NULL, MMOE_ONNX_DOUBLE, 0, NULL, a + 1));
    z = mmoe_onnx_add(e->onnx, "Add", z,
                      mmoe_onnx_tensor(e->onnx, NULL, MMOE_ONNX_DOUBLE, 0, NULL, a));
    z = mmoe_onnx_add(e->onnx, "Cast", z);
    mmoe_onnx_set_int(e->onnx, "to", MMOE_ONNX_FLOAT);
    return z;
}

void mmoe_onnx_op_loss(mmoe_exporter *e, const mmoe_node *n) {
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
        const char *z =
            mmoe_onnx_view(e, (mmoe_view){logits[first].value, logits[first].col, end - first});
        if (kinds[first]->onnx) z = mmoe_onnx_add(e->onnx, kinds[first]->onnx, z);
        names[count++] = unscale(e, &n->u.loss.scale[first], z);
    }
    e->scores = mmoe_onnx_concat(e, names, count);
}

/* ---- All ---- */

typedef void (*op_adder)(mmoe_exporter *e, const mmoe_node *n);

static const op_adder adders[] = {
#define ONNX_ROW(NAME, name) [MMOE_OP_##NAME] = mmoe_onnx_op_##name,
    MMOE_OP_LIST(ONNX_ROW)
#undef ONNX_ROW
};
_Static_assert(sizeof adders / sizeof *adders == MMOE_OP_COUNT, "an op is missing here");

/* The scores of one member; the first's has the inputs that all read. */
static const char *add_member(mmoe_onnx *onnx, const mmoe_model *member) {
    mmoe_exporter e = {.onnx = onnx,
                       .model = member,
                       .graph = member->graph,
                       .values =
                           mmoe_onnx_room(onnx, (size_t)member->graph->n_value, sizeof *e.values)};
    for (int32_t i = 0; i < member->graph->n_node && !onnx->failed; i++) {
        const mmoe_node *n = &member->graph->nodes[i];
        onnx->label = n->name;
        adders[n->op](&e, n);
    }
    return e.scores;
}

void mmoe_onnx_add_model(mmoe_onnx *onnx, const mmoe_model *model) {
    const int32_t members = model->config->members;
    const char **scores = mmoe_onnx_room(onnx, (size_t)members, sizeof *scores);
    if (!scores) return;
    for (const mmoe_model *m = model; m; m = m->next)
        scores[m->config->member] = add_member(onnx, m);
    if (onnx->failed) return;
    mmoe_onnx_add_list(onnx, members > 1 ? "Mean" : "Identity", scores, (size_t)members);
    if (onnx->failed) return;
    mmoe_onnx_name_output(onnx, "scores");
    mmoe_onnx_output(onnx, "scores", model->graph->n_task);
}
