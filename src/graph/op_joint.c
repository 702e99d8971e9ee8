/* z, the logit of a product of two probabilities: sigmoid(z) = sigmoid(a) sigmoid(b), z = -log(e^-a
 * + e^-b + e^-(a+b)). */
#include "graph/ops.h"

enum { ROWS = 64 };

static void gather(const float *from, int32_t ld, int32_t rows, float *to) {
    for (int32_t i = 0; i < rows; i++) to[i] = from[(size_t)i * (size_t)ld];
}

/* dz (dz / d logit) */
static void scatter(const float *slope, const float *dz, int32_t lddz, int32_t rows, bool add,
                    float *to, int32_t ld) {
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
        gather(mmoe_value_at(p, v->value, s) + (size_t)first * (size_t)ld + v->col, ld, rows,
               logits[i]);
    }
    p->kernels->joint_logit(rows, logits[0], logits[1], z, slopes[0], slopes[1]);
}

void mmoe_joint_forward(mmoe_plan *p, const mmoe_node *n, const mmoe_span *s) {
    const int32_t ld = p->values[n->out].ld;
    float z[ROWS], slopes[2][ROWS], *out = mmoe_value_at(p, n->out, s);
    for (int32_t first = 0, rows; first < s->rows; first += rows) {
        rows = s->rows - first < ROWS ? s->rows - first : ROWS;
        run_rows(p, n, s, first, rows, z, slopes);
        for (int32_t i = 0; i < rows; i++) out[(size_t)(first + i) * (size_t)ld] = z[i];
    }
}

void mmoe_joint_backward(mmoe_plan *p, const mmoe_node *n, const mmoe_node_state *state,
                         const mmoe_span *s) {
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
            scatter(slopes[i], dz + (size_t)first * (size_t)lddz, lddz, rows, state->add[i], to,
                    ld);
        }
    }
}
