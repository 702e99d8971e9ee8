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

/* Rows [first, first + rows) of a chunk, and dz / d logit of both. */
typedef struct joint_rows {
    int32_t first, rows;
    float z[ROWS], slopes[2][ROWS];
} joint_rows;

/* The next rows of the chunk; false: there is none left. */
static bool next_rows(const mmoe_plan *p, const mmoe_node *n, const mmoe_span *s, joint_rows *x) {
    float logits[2][ROWS];
    x->first += x->rows;
    x->rows = s->rows - x->first < ROWS ? s->rows - x->first : ROWS;
    if (x->rows <= 0) return false;
    for (int i = 0; i < 2; i++) {
        const mmoe_view *v = &n->u.joint.logits[i];
        const int32_t ld = p->values[v->value].ld;
        const float *from = mmoe_value_at(p, v->value, s) + (size_t)x->first * (size_t)ld + v->col;
        gather_logits(from, ld, x->rows, logits[i]);
    }
    p->kernels->joint_logit(x->rows, logits[0], logits[1], x->z, x->slopes[0], x->slopes[1]);
    return true;
}

static void joint_forward(mmoe_run *r, int32_t node, const mmoe_span *s) {
    const mmoe_plan *p = r->plan;
    const mmoe_node *n = &p->graph->nodes[node];
    const size_t ld = (size_t)p->values[n->out].ld;
    float *out = mmoe_value_at(p, n->out, s);
    for (joint_rows x = {0}; next_rows(p, n, s, &x);)
        for (int32_t i = 0; i < x.rows; i++) out[(size_t)(x.first + i) * ld] = x.z[i];
}

static void joint_backward(mmoe_run *r, int32_t node, const mmoe_span *s) {
    const mmoe_plan *p = r->plan;
    const mmoe_node *n = &p->graph->nodes[node];
    const size_t lddz = (size_t)p->grads[n->out].ld;
    const float *dz = mmoe_grad_at(p, n->out, s);
    for (joint_rows x = {0}; next_rows(p, n, s, &x);)
        for (int i = 0; i < 2; i++) {
            const mmoe_view *v = &n->u.joint.logits[i];
            const size_t ld = (size_t)p->grads[v->value].ld, first = (size_t)x.first;
            const bool add = p->nodes[node].add[i];
            float *at = mmoe_grad_at(p, v->value, s) + first * ld + v->col;
            for (int32_t b = 0; b < x.rows; b++, at += ld) {
                const float d = x.slopes[i][b] * dz[(first + (size_t)b) * lddz];
                *at = add ? *at + d : d;
            }
        }
}

const mmoe_op_kind mmoe_op_joint = {
    .passes = {[MMOE_PASS_FORWARD] = "product", [MMOE_PASS_BACKWARD] = "product backward"},
    .inputs = joint_inputs,
    .forward = joint_forward,
    .backward = joint_backward,
};
