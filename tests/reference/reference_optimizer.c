/* The reference's optimizers, from PyTorch's formulas. */
#include <math.h>
#include <string.h>

#include "reference.h"

/* Kingma and Ba, as PyTorch: m, v, then p -= lr / (1 - beta1^t) * m / (sqrt(v) / sqrt(1 - beta2^t)
 * + eps). */
static void adam(const reference_optimizer *o, int step, double g, double *p, double *m,
                 double *v) {
    if (o->kind == REFERENCE_ADAM)
        g += o->weight_decay * *p;
    else
        *p *= 1 - o->lr * o->weight_decay;
    *m = o->beta1 * *m + (1 - o->beta1) * g;
    *v = o->beta2 * *v + (1 - o->beta2) * g * g;
    double correction1 = 1 - pow(o->beta1, step), correction2 = 1 - pow(o->beta2, step);
    *p -= o->lr / correction1 * *m / (sqrt(*v) / sqrt(correction2) + o->eps);
}

/* PyTorch's SGD: the first velocity is the gradient itself, which a velocity that begins at 0 gives
 * too. */
static void sgd(const reference_optimizer *o, double g, double *p, double *velocity) {
    g += o->weight_decay * *p;
    *velocity = o->momentum * *velocity + g;
    *p -= o->lr * *velocity;
}

static double adagrad_rate(const reference_optimizer *o, int step) {
    return o->lr / (1 + (step - 1) * o->lr_decay);
}

/* torch.optim.Adagrad; the sum is kept less what it begins with. */
static void adagrad(const reference_optimizer *o, int step, double g, double *p, double *sum) {
    g += o->weight_decay * *p;
    *sum += g * g;
    *p -= adagrad_rate(o, step) * g / (sqrt(o->accumulator + *sum) + o->eps);
}

/* torchrec.optim.RowWiseAdagrad, FBGEMM's EXACT_ROWWISE_ADAGRAD: of a row of `width` values g the
 * mean square is added to its one sum. */
static void adagrad_row(const reference_optimizer *o, int step, int width, double *g, double *p,
                        double *sum) {
    double squares = 0;
    for (int i = 0; i < width; i++) {
        g[i] += o->weight_decay * p[i];
        squares += g[i] * g[i];
    }
    *sum += squares / width;
    for (int i = 0; i < width; i++)
        p[i] -= adagrad_rate(o, step) * g[i] / (sqrt(o->accumulator + *sum) + o->eps);
}

void reference_update_value(const reference_optimizer *o, int step, double g, double *p,
                            double *moment1, double *moment2) {
    if (o->kind == REFERENCE_SGD)
        sgd(o, g, p, moment1);
    else if (o->kind == REFERENCE_ADAGRAD)
        adagrad(o, step, g, p, moment1);
    else
        adam(o, step, g, p, moment1, moment2);
}

static double gradient_norm(reference_model *m) {
    double sum = 0;
    for (size_t i = 0; i < reference_tensor_count(m); i++) {
        const reference_tensor *t = reference_tensor_at(m, i);
        for (size_t j = 0; t->trainable && j < t->count; j++)
            sum += t->gradient[j] * t->gradient[j];
    }
    return sqrt(sum);
}

/* The gradient clipped and with the penalties' slopes, in its place. */
static void regularize(const reference_optimizer *o, double scale, reference_tensor *t,
                       bool is_table) {
    double l1 = is_table ? o->embedding_l1 : o->dense_l1;
    double l2 = is_table ? o->embedding_l2 : o->dense_l2;
    if (t->of_norm) l1 = l2 = 0;
    for (size_t j = 0; j < t->count; j++) {
        double w = t->value[j];
        t->gradient[j] = scale * t->gradient[j] + l1 * ((w > 0) - (w < 0)) + 2 * l2 * w;
    }
}

void reference_update(reference_model *m, const reference_optimizer *o, int step) {
    double scale = o->clip_norm > 0 ? fmin(1, o->clip_norm / (gradient_norm(m) + 1e-6)) : 1;
    for (size_t i = 0; i < reference_tensor_count(m); i++) {
        reference_tensor *t = reference_tensor_at(m, i);
        if (!t->trainable) continue;
        bool is_table = strncmp(t->name, "embedding.", 10) == 0;
        const reference_optimizer *own = is_table && o->embeddings ? o->embeddings : o;
        regularize(o, scale, t, is_table);
        if (own->kind == REFERENCE_ROWWISE_ADAGRAD) {
            for (size_t j = 0; j < t->count; j += (size_t)t->shape[1])
                adagrad_row(own, step, t->shape[1], t->gradient + j, t->value + j, t->moment1 + j);
            continue;
        }
        for (size_t j = 0; j < t->count; j++)
            reference_update_value(own, step, t->gradient[j], &t->value[j], &t->moment1[j],
                                   &t->moment2[j]);
    }
}
