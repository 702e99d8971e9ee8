#include "reference.h"

#include <assert.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reference_body.h"
#include "reference_lists.h"

struct reference_model {
    reference_spec spec;
    int input_width; /* D */
    size_t n_tensor;
    reference_tensor *tensors[4096];
    reference_tensor *tables[REFERENCE_MAX_TABLES];
    reference_body body;
    reference_mlp towers[REFERENCE_MAX_TASKS]; /* the last layer is the Linear(., 1) */
    double *x;                                 /* [B, D] */
    double *logits[REFERENCE_MAX_TASKS];       /* [B, 1] */
    reference_kinks kinks;
};

static void *take(size_t count, size_t size) {
    void *p = calloc(count ? count : 1, size);
    if (!p) {
        fputs("reference: out of memory\n", stderr);
        exit(1);
    }
    return p;
}

/* ---- Tensors ---- */

__attribute__((format(printf, 6, 7))) static reference_tensor *add_tensor(reference_model *m,
                                                                          bool trainable, int rank,
                                                                          int rows, int columns,
                                                                          const char *format, ...) {
    reference_tensor *t = take(1, sizeof *t);
    va_list args;
    va_start(args, format);
    vsnprintf(t->name, sizeof t->name, format, args);
    va_end(args);
    t->rank = rank;
    t->shape[0] = rank > 0 ? rows : 0;
    t->shape[1] = rank > 1 ? columns : 0;
    t->count = (size_t)(rank > 0 ? rows : 1) * (size_t)(rank == 2 ? columns : 1);
    t->trainable = trainable;
    t->value = take(t->count, sizeof(double));
    t->gradient = take(t->count, sizeof(double));
    t->squares = take(t->count, sizeof(double));
    t->moment1 = take(t->count, sizeof(double));
    t->moment2 = take(t->count, sizeof(double));
    assert(m->n_tensor < sizeof m->tensors / sizeof *m->tensors);
    m->tensors[m->n_tensor++] = t;
    return t;
}

static void fill(reference_tensor *t, double value) {
    for (size_t i = 0; i < t->count; i++) t->value[i] = value;
}

/* Of l->in and l->out. */
static void add_layer(reference_model *m, reference_layer *l, const char *prefix, int index,
                      bool batch_norm) {
    const int in = l->in, out = l->out;
    l->weight = add_tensor(m, true, 2, out, in, "%s.mlp.%d.weight", prefix, index);
    l->bias = add_tensor(m, true, 1, out, 0, "%s.mlp.%d.bias", prefix, index);
    if (!batch_norm) return;
    l->bias->in_front_of_norm = true;
    l->norm.scale = add_tensor(m, true, 1, out, 0, "%s.mlp.%d.weight", prefix, index + 1);
    l->norm.shift = add_tensor(m, true, 1, out, 0, "%s.mlp.%d.bias", prefix, index + 1);
    l->norm.mean = add_tensor(m, false, 1, out, 0, "%s.mlp.%d.running_mean", prefix, index + 1);
    l->norm.variance = add_tensor(m, false, 1, out, 0, "%s.mlp.%d.running_var", prefix, index + 1);
    l->norm.batches =
        add_tensor(m, false, 0, 0, 0, "%s.mlp.%d.num_batches_tracked", prefix, index + 1);
    l->norm.scale->of_norm = l->norm.shift->of_norm = true;
    fill(l->norm.scale, 1);
    fill(l->norm.variance, 1);
}

static void add_activation(reference_model *m, reference_layer *l, const char *prefix, int index,
                           reference_activation activation) {
    l->activation = (int)activation;
    if (activation == REFERENCE_PRELU) {
        l->slope = add_tensor(m, true, 1, 1, 0, "%s.mlp.%d.weight", prefix, index);
        fill(l->slope, 0.25);
    }
    if (activation == REFERENCE_DICE)
        l->slope = add_tensor(m, true, 1, 1, 0, "%s.mlp.%d.alpha", prefix, index);
}

void reference_add_mlp(reference_model *m, reference_mlp *mlp, const char *prefix, int in,
                       const reference_mlp_spec *spec, bool output_layer) {
    int entries = spec->batch_norm ? 4 : 3;
    mlp->n_layer = spec->depth + output_layer;
    for (int l = 0; l < spec->depth; l++) {
        reference_layer *layer = &mlp->layers[l];
        layer->in = in;
        layer->out = spec->dims[l];
        add_layer(m, layer, prefix, entries * l, spec->batch_norm);
        add_activation(m, layer, prefix, entries * l + (spec->batch_norm ? 2 : 1),
                       spec->activation);
        in = spec->dims[l];
    }
    if (output_layer) {
        mlp->layers[spec->depth].in = in;
        mlp->layers[spec->depth].out = 1;
        add_layer(m, &mlp->layers[spec->depth], prefix, entries * spec->depth, false);
        mlp->layers[spec->depth].activation = REFERENCE_NO_ACTIVATION;
    }
}

void reference_add_gate(reference_model *m, reference_mlp *gate, const char *prefix, int in, int n,
                        const reference_spec *spec) {
    reference_mlp_spec hidden = spec->gate;
    const int depth = hidden.depth;
    hidden.batch_norm = spec->gate_batch_norm;
    reference_add_mlp(m, gate, prefix, in, &hidden, false);
    gate->layers[depth].in = depth ? hidden.dims[depth - 1] : in;
    gate->layers[depth].out = n;
    add_layer(m, &gate->layers[depth], prefix, (hidden.batch_norm ? 4 : 3) * depth,
              hidden.batch_norm);
    gate->layers[depth].activation = REFERENCE_NO_ACTIVATION;
    gate->n_layer = depth + 1;
}

reference_tensor *reference_add_matrix(reference_model *m, const char *name, int rows,
                                       int columns) {
    return add_tensor(m, true, 2, rows, columns, "%s", name);
}

reference_tensor *reference_add_vector(reference_model *m, const char *name, int count) {
    return add_tensor(m, true, 1, count, 0, "%s", name);
}

reference_model *reference_create(const reference_spec *spec) {
    reference_model *m = take(1, sizeof *m);
    m->spec = *spec;
    for (int t = 0; t < spec->n_table; t++)
        m->tables[t] = add_tensor(m, true, 2, spec->tables[t].rows, spec->tables[t].dim,
                                  "embedding.embed_dict.%s.weight", spec->tables[t].name);
    for (int c = 0; c < spec->n_sparse; c++) m->input_width += spec->tables[spec->table_of[c]].dim;
    for (int l = 0; l < spec->n_list; l++) m->input_width += reference_list_width(spec, l);
    m->input_width += spec->n_dense;

    char prefix[32];
    m->body = reference_body_create(m, spec, m->input_width);
    for (int t = 0; t < spec->n_task; t++) {
        snprintf(prefix, sizeof prefix, "towers.%d", t);
        if (spec->kind == REFERENCE_ESMM)
            snprintf(prefix, sizeof prefix, "tower_%s", t ? "cvr" : "ctr");
        reference_add_mlp(m, &m->towers[t], prefix, reference_body_width(&m->body),
                          &spec->tasks[t].tower, true);
    }
    return m;
}

void reference_free(reference_model *m) {
    if (!m) return;
    for (size_t i = 0; i < m->n_tensor; i++) {
        reference_tensor *t = m->tensors[i];
        free(t->value);
        free(t->gradient);
        free(t->squares);
        free(t->moment1);
        free(t->moment2);
        free(t);
    }
    reference_body_free(&m->body);
    free(m);
}

size_t reference_tensor_count(const reference_model *m) { return m->n_tensor; }
reference_tensor *reference_tensor_at(reference_model *m, size_t index) {
    return index < m->n_tensor ? m->tensors[index] : NULL;
}

reference_tensor *reference_find(reference_model *m, const char *name) {
    for (size_t i = 0; i < m->n_tensor; i++)
        if (strcmp(m->tensors[i]->name, name) == 0) return m->tensors[i];
    return NULL;
}

double reference_gradient_scale(const reference_tensor *t) {
    double scale = 0;
    for (size_t i = 0; i < t->count; i++)
        scale = fmax(scale, fmax(fabs(t->gradient[i]), sqrt(t->squares[i])));
    return scale;
}

double reference_kink_distance(const reference_model *m) { return m->kinks.distance; }
uint64_t reference_kink_signs(const reference_model *m) { return m->kinks.signs; }

/* ---- Forward ---- */

static void gather(reference_model *m, const reference_batch *batch) {
    const reference_spec *s = &m->spec;
    for (int b = 0; b < batch->rows; b++) {
        double *row = m->x + (size_t)b * (size_t)m->input_width;
        for (int c = 0; c < s->n_sparse; c++) {
            int table = s->table_of[c], dim = s->tables[table].dim,
                id = batch->ids[b * s->n_sparse + c];
            assert(id >= 0 && id < s->tables[table].rows);
            for (int j = 0; j < dim; j++) *row++ = m->tables[table]->value[id * dim + j];
        }
        for (int l = 0; l < s->n_list; l++) {
            const reference_list list = reference_list_of(s, batch, b, l, m->tables);
            reference_list_forward(&list, row);
            row += reference_list_width(s, l);
        }
        for (int j = 0; j < s->n_dense; j++) *row++ = batch->dense[b * s->n_dense + j];
    }
}

static void forward(reference_model *m, const reference_batch *batch, bool training) {
    int B = batch->rows;
    double *y[REFERENCE_MAX_TASKS];
    m->x = take((size_t)B * (size_t)m->input_width, sizeof(double));
    m->kinks = (reference_kinks){.distance = HUGE_VAL, .signs = 14695981039346656037u};
    gather(m, batch);
    reference_body_forward(&m->body, m->x, B, training, &m->kinks, y);
    for (int t = 0; t < m->spec.n_task; t++) {
        m->logits[t] = reference_mlp_forward(&m->towers[t], y[t], B, training, &m->kinks);
        free(y[t]);
    }
    reference_body_add_linear(&m->body, B, m->logits);
}

void reference_forget(reference_model *m) {
    free(m->x);
    reference_body_forget(&m->body);
    for (int t = 0; t < m->spec.n_task; t++) {
        free(m->logits[t]);
        reference_mlp_forget(&m->towers[t]);
    }
}

/* ESMM's second task: what is scored is the product of both probabilities. */
static bool is_joint(const reference_model *m, int t) {
    return m->spec.kind == REFERENCE_ESMM && t == 1;
}

static void scores_of(const reference_model *m, int rows, double *scores) {
    int T = m->spec.n_task;
    for (int t = 0; t < T; t++)
        for (int b = 0; b < rows; b++) {
            double z = m->logits[t][b];
            scores[b * T + t] = m->spec.tasks[t].regression ? z : 1 / (1 + exp(-z));
            if (is_joint(m, t)) scores[b * T + t] *= scores[b * T];
        }
}

void reference_predict(reference_model *m, const reference_batch *batch, double *scores) {
    forward(m, batch, false);
    scores_of(m, batch->rows, scores);
    reference_forget(m);
}

/* ---- Loss ---- */

/* -(w y' (1-p)^g log p + (1-y') p^g log(1-p)) of a probability p, y' = y (1 - e) + e / 2; and its
 * slope by p. */
static double shaped_loss(const reference_spec *s, int t, double p, double label, double *slope) {
    double e = s->tasks[t].label_smoothing,
           w = s->tasks[t].positive_weight > 0 ? s->tasks[t].positive_weight : 1,
           g = s->tasks[t].focal_gamma;
    double y = label * (1 - e) + e / 2, q = 1 - p;
    *slope = -w * y * (pow(q, g) / p - g * pow(q, g - 1) * log(p)) -
             (1 - y) * (g * pow(p, g - 1) * log(q) - pow(p, g) / q);
    return -(w * y * pow(q, g) * log(p) + (1 - y) * pow(p, g) * log(q));
}

static bool is_shaped(const reference_spec *s, int t) {
    double w = s->tasks[t].positive_weight;
    return s->tasks[t].label_smoothing != 0 || s->tasks[t].focal_gamma != 0 || (w != 0 && w != 1);
}

/* Cross-entropy -(y log p + (1-y) log(1-p)), p = sigmoid(z), without a logarithm of a rounded p. */
static double row_loss(const reference_spec *s, int t, double z, double label, double *slope) {
    double p = 1 / (1 + exp(-z));
    if (s->tasks[t].regression) {
        *slope = 2 * (z - label);
        return (z - label) * (z - label);
    }
    if (is_shaped(s, t)) {
        double loss = shaped_loss(s, t, p, label, slope);
        *slope *= p * (1 - p);
        return loss;
    }
    *slope = p - label;
    return fmax(z, 0) - z * label + log1p(exp(-fabs(z)));
}

/* Cross-entropy of p = sigmoid(a) sigmoid(b), and its slope by a: dp/da = p (1 - sigmoid(a)). */
static double joint_loss(const reference_spec *s, int t, double a, double b, double label,
                         double *slope) {
    double p = 1 / ((1 + exp(-a)) * (1 + exp(-b)));
    double loss = shaped_loss(s, t, p, label, slope);
    *slope *= p / (1 + exp(a));
    return loss;
}

/* The mean of the tasks' losses; ESMM's sum. */
int reference_divisor(const reference_model *m) {
    return m->spec.kind == REFERENCE_ESMM ? 1 : m->spec.n_task;
}

/* No click: the product's label is 0, whatever stands there. */
static double label_of(const reference_model *m, const reference_batch *batch, int b, int t) {
    const double *labels = batch->labels + b * m->spec.n_task;
    return is_joint(m, t) && labels[0] == 0 ? 0 : labels[t];
}

static double row_weight(const reference_model *m, const reference_batch *batch, int b, int t) {
    if (isnan(label_of(m, batch, b, t))) return 0;
    return batch->weights ? batch->weights[b] : 1;
}

double reference_label_weight(const reference_model *m, const reference_batch *batch, int t) {
    double sum = 0;
    for (int b = 0; b < batch->rows; b++) sum += row_weight(m, batch, b, t);
    return sum;
}

static double losses_of(const reference_model *m, const reference_batch *batch, double *losses) {
    double total = 0;
    int T = m->spec.n_task;
    for (int t = 0; t < T; t++) {
        double sum = 0, denominator = reference_label_weight(m, batch, t);
        for (int b = 0; b < batch->rows; b++) {
            double w = row_weight(m, batch, b, t);
            if (w == 0) continue;
            double slope, label = label_of(m, batch, b, t);
            if (is_joint(m, t))
                sum += w * joint_loss(&m->spec, t, m->logits[0][b], m->logits[1][b], label, &slope);
            else
                sum += w * row_loss(&m->spec, t, m->logits[t][b], label, &slope);
        }
        double loss = denominator > 0 ? sum / denominator : 0;
        if (losses) losses[t] = loss;
        total += m->spec.tasks[t].loss_weight * loss / reference_divisor(m);
    }
    total += reference_body_imbalance(&m->body, batch->rows);
    return total;
}

double reference_loss(reference_model *m, const reference_batch *batch, double *scores,
                      double *losses) {
    forward(m, batch, true);
    if (scores) scores_of(m, batch->rows, scores);
    double total = losses_of(m, batch, losses);
    reference_forget(m);
    return total;
}

void reference_forward(reference_model *m, const reference_batch *batch, double *scores,
                       double *losses) {
    forward(m, batch, true);
    if (scores) scores_of(m, batch->rows, scores);
    losses_of(m, batch, losses);
}

/* ---- Backward ---- */

static double *loss_backward(const reference_model *m, const reference_batch *batch,
                             const double *factors, int t) {
    int T = m->spec.n_task;
    double *dz = take((size_t)batch->rows, sizeof(double));
    for (int of = t; of < T; of++) { /* the losses that this logit is in */
        if (of != t && !is_joint(m, of)) continue;
        double denominator = reference_label_weight(m, batch, of);
        for (int b = 0; b < batch->rows; b++) {
            double w = row_weight(m, batch, b, of), label = label_of(m, batch, b, of),
                   z = m->logits[t][b];
            if (w == 0) continue;
            double slope;
            if (is_joint(m, of))
                joint_loss(&m->spec, of, z, m->logits[1 - t][b], label, &slope);
            else
                row_loss(&m->spec, of, z, label, &slope);
            dz[b] += factors[of] * m->spec.tasks[of].loss_weight * w / denominator * slope;
        }
    }
    return dz;
}

static void scatter(reference_model *m, const reference_batch *batch, const double *dx) {
    const reference_spec *s = &m->spec;
    for (int b = 0; b < batch->rows; b++) {
        const double *row = dx + (size_t)b * (size_t)m->input_width;
        for (int c = 0; c < s->n_sparse; c++) {
            int table = s->table_of[c], dim = s->tables[table].dim,
                id = batch->ids[b * s->n_sparse + c];
            for (int j = 0; j < dim; j++)
                reference_add_term(m->tables[table], id * dim + j, *row++);
        }
        for (int l = 0; l < s->n_list; l++) {
            const reference_list list = reference_list_of(s, batch, b, l, m->tables);
            reference_list_backward(&list, row);
            row += reference_list_width(s, l);
        }
    }
}

void reference_clear_gradients(reference_model *m) {
    for (size_t i = 0; i < m->n_tensor; i++) {
        memset(m->tensors[i]->gradient, 0, m->tensors[i]->count * sizeof(double));
        memset(m->tensors[i]->squares, 0, m->tensors[i]->count * sizeof(double));
    }
}

void reference_backward(reference_model *m, const reference_batch *batch, const double *factors,
                        double through, double *at_shared) {
    double *dy[REFERENCE_MAX_TASKS], *dz[REFERENCE_MAX_TASKS];
    for (int t = 0; t < m->spec.n_task; t++) {
        dz[t] = loss_backward(m, batch, factors, t);
        dy[t] = reference_mlp_backward(&m->towers[t], dz[t], batch->rows);
    }
    double *dx = reference_body_backward(&m->body, dy, dz, batch->rows, through, at_shared);
    for (int t = 0; t < m->spec.n_task; t++) {
        free(dy[t]);
        free(dz[t]);
    }
    scatter(m, batch, dx);
    free(dx);
}

double reference_gradient(reference_model *m, const reference_batch *batch, double *scores,
                          double *losses) {
    double factors[REFERENCE_MAX_TASKS];
    for (int t = 0; t < m->spec.n_task; t++) factors[t] = 1.0 / reference_divisor(m);
    forward(m, batch, true);
    if (scores) scores_of(m, batch->rows, scores);
    double total = losses_of(m, batch, losses);
    reference_clear_gradients(m);
    reference_backward(m, batch, factors, 1, NULL);
    reference_forget(m);
    return total;
}

/* ---- Shared representation ---- */

size_t reference_shared_size(const reference_model *m, int rows) {
    return reference_body_shared_size(&m->body, rows);
}
const double *reference_shared_values(const reference_model *m) { return m->body.shared; }
void reference_hold_shared(reference_model *m, const double *values) { m->body.held = values; }

static bool starts_with(const char *text, const char *start) {
    return strncmp(text, start, strlen(start)) == 0;
}

/* Tables, and what stands between them and the representation. */
bool reference_is_shared(const reference_model *m, const reference_tensor *t) {
    char last[32];
    if (!t->trainable) return false;
    if (starts_with(t->name, "embedding.")) return true;
    switch (m->spec.kind) {
    case REFERENCE_SINGLE_TASK:
    case REFERENCE_ESMM:
        return false;
    case REFERENCE_SHARED_BOTTOM:
        return starts_with(t->name, "bottom_mlp.");
    case REFERENCE_AITM:
        return starts_with(t->name, "bottoms.");
    case REFERENCE_MMOE:
        return starts_with(t->name, "experts.");
    case REFERENCE_OMOE:
        return starts_with(t->name, "experts.") || starts_with(t->name, "gates.");
    case REFERENCE_CGC:
        return starts_with(t->name, "cgc_layers.0.experts_");
    case REFERENCE_PLE:
        snprintf(last, sizeof last, "cgc_layers.%d.gate", m->spec.n_level - 1);
        return starts_with(t->name, "cgc_layers.") && !starts_with(t->name, last);
    case REFERENCE_CROSS_STITCH:
        snprintf(last, sizeof last, "stitches.%d.", m->spec.expert.depth - 1);
        return starts_with(t->name, "experts.") ||
               (starts_with(t->name, "stitches.") && !starts_with(t->name, last));
    case REFERENCE_KINDS:
        break;
    }
    abort();
}

const reference_spec *reference_spec_of(const reference_model *m) { return &m->spec; }
