#include "reference_body.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *take(int count, size_t size) {
    void *p = calloc(count > 0 ? (size_t)count : 1, size);
    if (!p) {
        fputs("reference: out of memory\n", stderr);
        exit(1);
    }
    return p;
}

static double *matrix(int B, int n) { return take(B * n, sizeof(double)); }

/* ---- Shapes ---- */

static int last_of(const reference_mlp_spec *mlp) { return mlp->dims[mlp->depth - 1]; }

static void level_init(reference_level *l, int n_input, int n_net, int n_gate, int width) {
    *l = (reference_level){.n_input = n_input,
                           .n_net = n_net,
                           .n_gate = n_gate,
                           .n_output = n_gate ? n_gate : n_net,
                           .width = width};
    l->nets = take(n_net, sizeof *l->nets);
    l->gates = take(n_gate, sizeof *l->gates);
    l->net_input = take(n_net, sizeof *l->net_input);
    l->gate_input = take(n_gate, sizeof *l->gate_input);
    l->n_mixed = take(n_gate, sizeof *l->n_mixed);
    l->mixed = take(n_gate, sizeof *l->mixed);
    for (int k = 0; k < n_gate; k++) l->mixed[k] = take(n_net, sizeof **l->mixed);
    l->u = take(n_net, sizeof *l->u);
    l->g = take(n_gate, sizeof *l->g);
}

static void level_free(reference_level *l) {
    for (int k = 0; k < l->n_gate; k++) free(l->mixed[k]);
    void *memory[] = {l->nets,    l->gates, l->net_input, l->gate_input,
                      l->n_mixed, l->mixed, l->u,         l->g};
    for (size_t i = 0; i < sizeof memory / sizeof *memory; i++) free(memory[i]);
}

static void mix_net(reference_level *l, int gate, int net) {
    l->mixed[gate][l->n_mixed[gate]++] = net;
}

static void name_net(char prefix[64], const char *name, int number) {
    if (number < 0)
        snprintf(prefix, 64, "%s", name);
    else
        snprintf(prefix, 64, "%s.%d", name, number);
}

/* "NAME.NUMBER", or NAME alone for -1; which of the level's inputs it reads, and their width. */
typedef struct net_place {
    int input;
    const char *name;
    int number, in;
} net_place;

static void add_net(reference_model *m, reference_level *l, int i, net_place at,
                    const reference_mlp_spec *spec) {
    char prefix[64];
    name_net(prefix, at.name, at.number);
    reference_add_mlp(m, &l->nets[i], prefix, at.in, spec, false);
    l->net_input[i] = at.input;
}

static void add_gate(reference_model *m, reference_level *l, int k, net_place at,
                     const reference_spec *s) {
    char prefix[64];
    name_net(prefix, at.name, at.number);
    reference_add_gate(m, &l->gates[k], prefix, at.in, l->n_mixed[k], s);
    l->gate_input[k] = at.input;
}

/* A network a task. */
static void nets_init(reference_model *m, reference_level *l, const char *name, int count, int in,
                      const reference_mlp_spec *spec) {
    level_init(l, 1, count, 0, last_of(spec));
    for (int i = 0; i < count; i++) add_net(m, l, i, (net_place){0, name, i, in}, spec);
}

/* A network a task, cut into its layers; all tasks' are stitched behind each. */
static void stitches_init(reference_model *m, reference_body *b, const reference_spec *s, int in) {
    reference_mlp nets[REFERENCE_MAX_TASKS];
    for (int t = 0; t < s->n_task; t++) {
        char prefix[64];
        memset(&nets[t], 0, sizeof nets[t]);
        name_net(prefix, "experts", t);
        reference_add_mlp(m, &nets[t], prefix, in, &s->expert, false);
    }
    for (int i = 0; i < b->n_level; i++) {
        reference_level *l = &b->levels[i];
        char name[64];
        snprintf(name, sizeof name, "stitches.%d.weight", i);
        level_init(l, i ? s->n_task : 1, s->n_task, 0, s->expert.dims[i]);
        l->stitch = reference_add_matrix(m, name, s->n_task, s->n_task);
        for (int t = 0; t < s->n_task; t++) {
            l->nets[t].n_layer = 1;
            l->nets[t].layers[0] = nets[t].layers[i];
            l->net_input[t] = i ? t : 0;
        }
    }
}

static void bottom_init(reference_model *m, reference_level *l, const reference_spec *s, int in) {
    level_init(l, 1, 1, 0, last_of(&s->bottom));
    add_net(m, l, 0, (net_place){0, "bottom_mlp", -1, in}, &s->bottom);
}

static void mmoe_init(reference_model *m, reference_level *l, const reference_spec *s, int n_gate,
                      int in) {
    level_init(l, 1, s->n_expert, n_gate, last_of(&s->expert));
    for (int e = 0; e < s->n_expert; e++)
        add_net(m, l, e, (net_place){0, "experts", e, in}, &s->expert);
    for (int k = 0; k < n_gate; k++) {
        for (int e = 0; e < s->n_expert; e++) mix_net(l, k, e);
        add_gate(m, l, k, (net_place){0, "gates", k, in}, s);
    }
}

/* Level i of PLE: nets of task t read input t, the shared ones input T; at the first level there is
 * one input. */
static void cgc_init(reference_model *m, reference_level *l, const reference_spec *s, int i,
                     int n_level, int in) {
    const int T = s->n_task, own = T * s->n_specific, all = own + s->n_shared;
    char name[48];
    level_init(l, i ? T + 1 : 1, all, i + 1 < n_level ? T + 1 : T, last_of(&s->expert));
    for (int e = 0; e < all; e++) {
        snprintf(name, sizeof name, "cgc_layers.%d.experts_%s", i, e < own ? "specific" : "shared");
        int input = e < own ? e / s->n_specific : T;
        if (!i) input = 0;
        add_net(m, l, e, (net_place){input, name, e < own ? e : e - own, in}, &s->expert);
    }
    snprintf(name, sizeof name, "cgc_layers.%d.gates_specific", i);
    for (int t = 0; t < T; t++) {
        for (int e = t * s->n_specific; e < (t + 1) * s->n_specific; e++) mix_net(l, t, e);
        for (int e = own; e < all; e++) mix_net(l, t, e);
        add_gate(m, l, t, (net_place){i ? t : 0, name, t, in}, s);
    }
    if (i + 1 == n_level) return;
    for (int e = 0; e < all; e++) mix_net(l, T, e);
    snprintf(name, sizeof name, "cgc_layers.%d.gate_shared", i);
    add_gate(m, l, T, (net_place){i ? T : 0, name, -1, in}, s);
}

static int levels_of(const reference_spec *s) {
    switch (s->kind) {
    case REFERENCE_PLE:
        return s->n_level;
    case REFERENCE_ESMM:
        return 0;
    case REFERENCE_CROSS_STITCH:
        return s->expert.depth;
    default:
        return 1;
    }
}

reference_body reference_body_create(reference_model *m, const reference_spec *s, int in) {
    reference_body b = {.n_level = levels_of(s), .input_width = in, .n_task = s->n_task};
    b.levels = take(b.n_level, sizeof *b.levels);
    b.seam = s->kind == REFERENCE_OMOE ? REFERENCE_AT_MIXTURE : REFERENCE_AT_NETS;
    if (s->kind == REFERENCE_SINGLE_TASK || s->kind == REFERENCE_ESMM) b.seam = REFERENCE_AT_INPUT;
    b.n_embedding = in - s->n_dense;
    const bool together = s->kind == REFERENCE_SHARED_BOTTOM || s->kind == REFERENCE_OMOE ||
                          s->kind == REFERENCE_ESMM;
    for (int t = 0; t < s->n_task; t++) b.read[t] = together ? 0 : t;
    switch (s->kind) {
    case REFERENCE_MMOE:
        mmoe_init(m, b.levels, s, s->n_task, in);
        break;
    case REFERENCE_OMOE:
        mmoe_init(m, b.levels, s, 1, in);
        break;
    case REFERENCE_SINGLE_TASK:
        nets_init(m, b.levels, "experts", s->n_task, in, &s->expert);
        break;
    case REFERENCE_CROSS_STITCH:
        stitches_init(m, &b, s, in);
        break;
    case REFERENCE_ESMM:
        break;
    case REFERENCE_AITM:
        nets_init(m, b.levels, "bottoms", s->n_task, in, &s->bottom);
        reference_transfer_init(&b.transfer, m, s);
        break;
    case REFERENCE_SHARED_BOTTOM:
        bottom_init(m, b.levels, s, in);
        break;
    case REFERENCE_CGC:
        cgc_init(m, b.levels, s, 0, 1, in);
        break;
    case REFERENCE_PLE:
        for (int i = 0; i < s->n_level; i++)
            cgc_init(m, &b.levels[i], s, i, s->n_level, i ? last_of(&s->expert) : in);
        break;
    case REFERENCE_KINDS:
        abort();
    }
    if (s->linear) {
        b.weight = reference_add_matrix(m, "linear.weight", s->n_task, in);
        b.bias = reference_add_vector(m, "linear.bias", s->n_task);
    }
    int n_gate = 0;
    for (int i = 0; i < b.n_level; i++) n_gate += b.levels[i].n_gate;
    for (int i = 0; i < b.n_level; i++) {
        b.levels[i].gating = s->gating;
        b.levels[i].imbalance = n_gate ? s->gating.load_balance / n_gate : 0;
    }
    return b;
}

void reference_body_free(reference_body *b) {
    for (int i = 0; i < b->n_level; i++) level_free(&b->levels[i]);
    free(b->levels);
}

int reference_body_width(const reference_body *b) {
    return b->n_level ? b->levels[b->n_level - 1].width : b->input_width;
}

/* ---- Forward ---- */

static double *copy_of(const double *from, int count) {
    double *to = take(count, sizeof *to);
    memcpy(to, from, (size_t)count * sizeof *to);
    return to;
}

static double *mix_forward(const reference_level *l, int k, int B) {
    const int n = l->n_mixed[k], H = l->width;
    double *y = matrix(B, H);
    for (int b = 0; b < B; b++)
        for (int j = 0; j < n; j++)
            for (int h = 0; h < H; h++)
                y[b * H + h] += l->g[k][b * n + j] * l->u[l->mixed[k][j]][b * H + h];
    return y;
}

static double *stitch_forward(const reference_level *l, int k, int B) {
    double *y = matrix(B, l->width);
    for (int e = 0; e < l->n_net; e++)
        for (int i = 0; i < B * l->width; i++)
            y[i] += l->stitch->value[k * l->n_net + e] * l->u[e][i];
    return y;
}

/* ---- Shared representation: `blocks` of [B, width], one after another ---- */

typedef struct seam {
    int n_block, width, stride; /* a block's columns are the first `width` of `stride` */
} seam;

static seam seam_of(const reference_body *b) {
    if (b->seam == REFERENCE_AT_INPUT) return (seam){1, b->n_embedding, b->input_width};
    const reference_level *last = &b->levels[b->n_level - 1];
    return (seam){b->seam == REFERENCE_AT_NETS ? last->n_net : last->n_output, last->width,
                  last->width};
}

size_t reference_body_shared_size(const reference_body *b, int B) {
    const seam s = seam_of(b);
    return (size_t)s.n_block * (size_t)B * (size_t)s.width;
}

static void keep_shared(reference_body *b, double *blocks[], int B) {
    const seam s = seam_of(b);
    b->shared = take((int)reference_body_shared_size(b, B), sizeof *b->shared);
    for (int k = 0, i = 0; k < s.n_block; k++)
        for (int r = 0; r < B; r++)
            for (int j = 0; j < s.width; j++, i++) {
                double *value = &blocks[k][r * s.stride + j];
                if (b->held) *value = b->held[i];
                b->shared[i] = *value;
            }
}

static void pass_shared(const reference_body *b, double *blocks[], int B, double through,
                        double *at_shared) {
    const seam s = seam_of(b);
    for (int k = 0, i = 0; k < s.n_block; k++)
        for (int r = 0; r < B; r++)
            for (int j = 0; j < s.width; j++, i++) {
                if (at_shared) at_shared[i] += blocks[k][r * s.stride + j];
                blocks[k][r * s.stride + j] *= through;
            }
}

/* ---- Levels ---- */

static bool is_last(const reference_body *b, const reference_level *l) {
    return l == &b->levels[b->n_level - 1];
}

typedef struct forward_pass {
    int B;
    bool training;
    reference_kinks *kinks;
} forward_pass;

/* Outputs are new arrays. */
static void level_forward(reference_body *body, reference_level *l, double *const in[],
                          double *out[], const forward_pass *pass) {
    const int B = pass->B;
    const bool training = pass->training;
    reference_kinks *kinks = pass->kinks;
    for (int i = 0; i < l->n_net; i++)
        l->u[i] = reference_mlp_forward(&l->nets[i], in[l->net_input[i]], B, training, kinks);
    if (is_last(body, l) && body->seam == REFERENCE_AT_NETS) keep_shared(body, l->u, B);
    for (int k = 0; k < l->n_gate; k++) {
        l->g[k] = reference_mlp_forward(&l->gates[k], in[l->gate_input[k]], B, training, kinks);
        for (int b = 0; b < B; b++)
            reference_weigh(&l->gating, l->g[k] + b * l->n_mixed[k], l->n_mixed[k], kinks);
    }
    for (int k = 0; k < l->n_output; k++) {
        if (l->n_gate)
            out[k] = mix_forward(l, k, B);
        else
            out[k] = l->stitch ? stitch_forward(l, k, B) : copy_of(l->u[k], B * l->width);
    }
    if (is_last(body, l) && body->seam == REFERENCE_AT_MIXTURE) keep_shared(body, out, B);
}

enum { MOST_OUTPUTS = REFERENCE_MAX_TASKS + 1 };

static void free_all(double *p[], int count) {
    for (int i = 0; i < count; i++) free(p[i]);
}

void reference_body_forward(reference_body *body, const double *x, int B, bool training,
                            reference_kinks *kinks, double *y[]) {
    double *in[MOST_OUTPUTS] = {copy_of(x, B * body->input_width)}, *out[MOST_OUTPUTS];
    if (body->seam == REFERENCE_AT_INPUT) keep_shared(body, in, B);
    body->x = copy_of(in[0], B * body->input_width);
    for (int i = 0; i < body->n_level; i++) {
        reference_level *l = &body->levels[i];
        level_forward(body, l, in, out, &(forward_pass){B, training, kinks});
        free_all(in, l->n_input);
        memcpy(in, out, sizeof in);
    }
    for (int t = 0; t < body->n_task; t++)
        y[t] = copy_of(in[body->read[t]], B * reference_body_width(body));
    free_all(in, body->n_level ? body->levels[body->n_level - 1].n_output : 1);
    reference_transfer_forward(&body->transfer, y, B, training, kinks);
}

void reference_body_add_linear(const reference_body *body, int B, double *const logits[]) {
    const int D = body->input_width;
    for (int t = 0; body->weight && t < body->n_task; t++)
        for (int b = 0; b < B; b++) {
            logits[t][b] += body->bias->value[t];
            for (int j = 0; j < D; j++)
                logits[t][b] += body->weight->value[t * D + j] * body->x[b * D + j];
        }
}

/* ---- Backward ---- */

/* y_b = sum_j g_bj u_bj: du_bj += g_bj dy_b, dg_bj = dy_b . u_bj. Returns the gradient of the
 * logits that g was made of. */
static double *mix_backward(const reference_level *l, int k, const double *dy, int B,
                            double *du[]) {
    const int n = l->n_mixed[k], H = l->width;
    double *da = matrix(B, n);
    for (int b = 0; b < B; b++) {
        const double *g = l->g[k] + b * n;
        for (int j = 0; j < n; j++) {
            const int net = l->mixed[k][j];
            for (int h = 0; h < H; h++) {
                da[b * n + j] += dy[b * H + h] * l->u[net][b * H + h];
                du[net][b * H + h] += g[j] * dy[b * H + h];
            }
        }
    }
    reference_imbalance_backward(l->g[k], B, n, l->imbalance, da);
    for (int b = 0; b < B; b++)
        reference_weigh_backward(&l->gating, l->g[k] + b * n, da + b * n, n);
    return da;
}

/* y_k = sum_e stitch_ke u_e: du_e += stitch_ke dy_k, dstitch_ke = sum_b dy_k . u_e */
static void stitch_backward(const reference_level *l, int k, const double *dy, int B,
                            double *du[]) {
    for (int e = 0; e < l->n_net; e++)
        for (int b = 0; b < B; b++) {
            double term = 0;
            for (int i = b * l->width; i < (b + 1) * l->width; i++) {
                term += dy[i] * l->u[e][i];
                du[e][i] += l->stitch->value[k * l->n_net + e] * dy[i];
            }
            reference_add_term(l->stitch, k * l->n_net + e, term);
        }
}

/* Takes `more` over. */
static void add_to(double *sum, double *more, int count) {
    for (int i = 0; i < count; i++) sum[i] += more[i];
    free(more);
}

typedef struct backward_pass {
    int B;
    double through, *at_shared;
} backward_pass;

/* dout of the outputs -> din, new arrays. */
static void level_backward(const reference_body *body, reference_level *l, double *dout[],
                           double *din[], const backward_pass *pass) {
    const int B = pass->B;
    const double through = pass->through;
    double *at_shared = pass->at_shared;
    const int in = l->nets[0].layers[0].in;
    double **du = take(l->n_net, sizeof *du);
    if (is_last(body, l) && body->seam == REFERENCE_AT_MIXTURE)
        pass_shared(body, dout, B, through, at_shared);
    for (int i = 0; i < l->n_input; i++) din[i] = matrix(B, in);
    for (int i = 0; i < l->n_net; i++)
        du[i] = l->n_gate || l->stitch ? matrix(B, l->width) : copy_of(dout[i], B * l->width);
    for (int k = 0; l->stitch && k < l->n_output; k++) stitch_backward(l, k, dout[k], B, du);
    for (int k = 0; k < l->n_gate; k++) {
        double *da = mix_backward(l, k, dout[k], B, du);
        add_to(din[l->gate_input[k]], reference_mlp_backward(&l->gates[k], da, B), B * in);
        free(da);
    }
    if (is_last(body, l) && body->seam == REFERENCE_AT_NETS)
        pass_shared(body, du, B, through, at_shared);
    for (int i = 0; i < l->n_net; i++)
        add_to(din[l->net_input[i]], reference_mlp_backward(&l->nets[i], du[i], B), B * in);
    free_all(du, l->n_net);
    free(du);
}

/* dw_t = sum_b dz_tb x_b, dc_t = sum_b dz_tb, dx_b += sum_t dz_tb w_t */
static void linear_backward(const reference_body *body, int B, double *const dz[], double *dx) {
    const int D = body->input_width;
    for (int t = 0; body->weight && t < body->n_task; t++)
        for (int b = 0; b < B; b++) {
            reference_add_term(body->bias, t, dz[t][b]);
            for (int j = 0; j < D; j++) {
                reference_add_term(body->weight, t * D + j, dz[t][b] * body->x[b * D + j]);
                dx[b * D + j] += dz[t][b] * body->weight->value[t * D + j];
            }
        }
}

double *reference_body_backward(reference_body *body, double *dy[], double *const dz[], int B,
                                double through, double *at_shared) {
    const int width = reference_body_width(body),
              n_output = body->n_level ? body->levels[body->n_level - 1].n_output : 1;
    double *dout[MOST_OUTPUTS], *din[MOST_OUTPUTS];
    reference_transfer_backward(&body->transfer, dy, B);
    for (int k = 0; k < n_output; k++) dout[k] = matrix(B, width);
    for (int t = 0; t < body->n_task; t++)
        add_to(dout[body->read[t]], copy_of(dy[t], B * width), B * width);
    for (int i = body->n_level - 1; i >= 0; i--) {
        reference_level *l = &body->levels[i];
        level_backward(body, l, dout, din, &(backward_pass){B, through, at_shared});
        free_all(dout, l->n_output);
        memcpy(dout, din, sizeof dout);
    }
    linear_backward(body, B, dz, dout[0]);
    if (body->seam == REFERENCE_AT_INPUT) pass_shared(body, dout, B, through, at_shared);
    return dout[0];
}

double reference_body_imbalance(const reference_body *body, int B) {
    double sum = 0;
    for (int i = 0; i < body->n_level; i++)
        for (int k = 0; k < body->levels[i].n_gate; k++)
            sum += body->levels[i].imbalance *
                   reference_imbalance(body->levels[i].g[k], B, body->levels[i].n_mixed[k]);
    return sum;
}

void reference_body_forget(reference_body *body) {
    for (int i = 0; i < body->n_level; i++) {
        reference_level *l = &body->levels[i];
        for (int k = 0; k < l->n_net; k++) reference_mlp_forget(&l->nets[k]);
        for (int k = 0; k < l->n_gate; k++) reference_mlp_forget(&l->gates[k]);
        free_all(l->u, l->n_net);
        free_all(l->g, l->n_gate);
    }
    reference_transfer_forget(&body->transfer);
    free(body->x);
    free(body->shared);
    body->shared = NULL;
}
