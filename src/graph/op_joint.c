/* z, the logit of a product of two probabilities: sigmoid(z) = sigmoid(a) sigmoid(b), z = -log(e^-a
 * + e^-b + e^-(a+b)). */
#include "graph/op.h"

enum { ROWS = 64 };

mmoe_status mmoe_graph_joint(mmoe_graph *g, const char *name, mmoe_view a, mmoe_view b,
                             mmoe_view *out, mmoe_error *err) {
    mmoe_node n = {.op = MMOE_OP_JOINT, .in = -1, .u.joint.logits = {a, b}};
    return mmoe_graph_add(g, name, &n, (mmoe_value){1, 1}, out, err);
}

static void joint_inputs(const mmoe_graph *g, const mmoe_node *n, mmoe_input_visit visit,
                         void *context) {
    (void)g;
    for (int i = 0; i < 2; i++) visit(context, &(mmoe_node_input){n->u.joint.logits[i], 0, 1});
}

static void gather_logits(const float *from, int32_t ld, int32_t rows, float *to) {
    for (int32_t i = 0; i < rows; i++) to[i] = from[(size_t)i * (size_t)ld];
}

/* dz (dz / d logit) */
static void scatter_logits(const float *slope, const float *dz, int32_t lddz, int32_t rows,
                           bool add, float *to, int32_t ld) {
    for (int32_t i = 0; i < rows; i++) {
        const float d = slope[i] * dz[(size_t)i * (size_t)lddz];
        float *at = to + (size_t)i * (size_t)ld;
        *at = add ? *at + d : d;
    }
}

/* Rows [first, first + rows) of a chunk. */
static void run_rows(const mmoe_plan *p, const mmoe_node *n, const mmoe_span *s, int32_t first,
                     int32_t rows, float *z, float slopes[2][ROWS]) {
    float logits[2][ROWS];
    for (int i = 0; i < 2; i++) {
        const mmoe_view *v = &n->u.joint.logits[i];
        const int32_t ld = p->values[v->value].ld;
        gather_logits(mmoe_value_at(p, v->value, s) + (size_t)first * (size_t)ld + v->col, ld, rows,
                      logits[i]);
    }
    p->kernels->joint_logit(rows, logits[0], logits[1], z, slopes[0], slopes[1]);
}

static void joint_forward(mmoe_run *r, int32_t node, const mmoe_span *s) {
    const mmoe_plan *p = r->plan;
    const mmoe_node *n = &p->graph->nodes[node];
    const int32_t ld = p->values[n->out].ld;
    float z[ROWS], slopes[2][ROWS], *out = mmoe_value_at(p, n->out, s);
    for (int32_t first = 0, rows; first < s->rows; first += rows) {
        rows = s->rows - first < ROWS ? s->rows - first : ROWS;
        run_rows(p, n, s, first, rows, z, slopes);
        for (int32_t i = 0; i < rows; i++) out[(size_t)(first + i) * (size_t)ld] = z[i];
    }
}

static void joint_backward(mmoe_run *r, int32_t node, const mmoe_span *s) {
    const mmoe_plan *p = r->plan;
    const mmoe_node *n = &p->graph->nodes[node];
    const uint8_t *add = p->nodes[node].add;
    const int32_t lddz = p->grads[n->out].ld;
    const float *dz = mmoe_grad_at(p, n->out, s);
    float z[ROWS], slopes[2][ROWS];
    for (int32_t first = 0, rows; first < s->rows; first += rows) {
        rows = s->rows - first < ROWS ? s->rows - first : ROWS;
        run_rows(p, n, s, first, rows, z, slopes);
        for (int i = 0; i < 2; i++) {
            const mmoe_view *v = &n->u.joint.logits[i];
            const int32_t ld = p->grads[v->value].ld;
            float *to = mmoe_grad_at(p, v->value, s) + (size_t)first * (size_t)ld + v->col;
            scatter_logits(slopes[i], dz + (size_t)first * (size_t)lddz, lddz, rows, add[i], to,
                           ld);
        }
    }
}

const mmoe_op_kind mmoe_op_joint = {
    .passes = {[MMOE_PASS_FORWARD] = "product", [MMOE_PASS_BACKWARD] = "product backward"},
    .inputs = joint_inputs,
    .forward = joint_forward,
    .backward = joint_backward,
};
