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

void reference_update_value(const reference_optimizer *o, int step, double g, double *p,
                            double *moment1, double *moment2) {
    if (o->kind == REFERENCE_SGD)
        sgd(o, g, p, moment1);
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

void reference_update(reference_model *m, const reference_optimizer *o, int step) {
    double scale = o->clip_norm > 0 ? fmin(1, o->clip_norm / (gradient_norm(m) + 1e-6)) : 1;
    for (size_t i = 0; i < reference_tensor_count(m); i++) {
        reference_tensor *t = reference_tensor_at(m, i);
        if (!t->trainable) continue;
        bool table = strncmp(t->name, "embedding.", 10) == 0;
        double l1 = table ? o->embedding_l1 : o->dense_l1;
        double l2 = table ? o->embedding_l2 : o->dense_l2;
        if (t->of_norm) l1 = l2 = 0;
        for (size_t j = 0; j < t->count; j++) {
            double w = t->value[j],
                   g = scale * t->gradient[j] + l1 * ((w > 0) - (w < 0)) + 2 * l2 * w;
            reference_update_value(o, step, g, &t->value[j], &t->moment1[j], &t->moment2[j]);
        }
    }
}
