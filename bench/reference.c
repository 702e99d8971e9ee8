/* MMoE forward in double precision with plain loops, from the model's tensors by name: what the
 * benchmarks check against. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common.h"

typedef struct reference {
    const bench_options *o;
    const bench_setting *setting;
    const mmoe_model *model;
    int32_t rows, n_expert;
    bool training; /* batch norm by the rows' own statistics */
    mmoe_tensor_info *tensors;
    size_t n_tensor;
} reference;

static int compare_tensors(const void *a, const void *b) {
    return strcmp(((const mmoe_tensor_info *)a)->name, ((const mmoe_tensor_info *)b)->name);
}

static void index_tensors(reference *r) {
    mmoe_tensor_info info;
    while (mmoe_model_tensor(r->model, r->n_tensor, &info) == 0) r->n_tensor++;
    r->tensors = bench_alloc(r->n_tensor, sizeof *r->tensors);
    for (size_t i = 0; i < r->n_tensor; i++) mmoe_model_tensor(r->model, i, &r->tensors[i]);
    qsort(r->tensors, r->n_tensor, sizeof *r->tensors, compare_tensors);
}

/* NULL: no such tensor. */
static const float *find_tensor(const reference *r, const char *module, int index,
                                const char *name) {
    char text[128];
    snprintf(text, sizeof text, "%s.mlp.%d.%s", module, index, name);
    mmoe_tensor_info key = {.name = text};
    const mmoe_tensor_info *found =
        bsearch(&key, r->tensors, r->n_tensor, sizeof key, compare_tensors);
    return found ? found->data : NULL;
}

static const float *must_find(const reference *r, const char *module, int index, const char *name) {
    const float *data = find_tensor(r, module, index, name);
    if (!data) bench_fail("the model has no tensor %s.mlp.%d.%s", module, index, name);
    return data;
}

/* Column `c` of z [rows, cols] as BatchNorm1d of layer `index` makes it. */
static void normalise(const reference *r, const char *module, int index, double *z, int32_t cols,
                      int32_t c) {
    double mean = must_find(r, module, index, "running_mean")[c],
           var = must_find(r, module, index, "running_var")[c];
    if (r->training) {
        mean = var = 0;
        for (int32_t b = 0; b < r->rows; b++) mean += z[b * cols + c] / r->rows;
        for (int32_t b = 0; b < r->rows; b++)
            var += (z[b * cols + c] - mean) * (z[b * cols + c] - mean) / r->rows;
    }
    double scale = must_find(r, module, index, "weight")[c] / sqrt(var + 1e-5),
           shift = must_find(r, module, index, "bias")[c];
    for (int32_t b = 0; b < r->rows; b++)
        z[b * cols + c] = (z[b * cols + c] - mean) * scale + shift;
}

/* A layer of a module, from its `index` on. */
typedef struct layer_shape {
    int index;
    int32_t in, out;
    bool norm, relu;
} layer_shape;

/* Linear, batch norm, ReLU: [rows, out]; the caller frees it. */
static double *layer(const reference *r, const char *module, const layer_shape *s,
                     const double *x) {
    const int index = s->index;
    const int32_t in = s->in, out = s->out;
    const float *w = must_find(r, module, index, "weight"),
                *bias = must_find(r, module, index, "bias");
    double *z = bench_alloc((size_t)r->rows * (size_t)out, sizeof *z);
    for (int32_t b = 0; b < r->rows; b++)
        for (int32_t c = 0; c < out; c++) {
            double sum = bias[c];
            for (int32_t i = 0; i < in; i++)
                sum +=
                    x[(size_t)b * (size_t)in + (size_t)i] * w[(size_t)c * (size_t)in + (size_t)i];
            z[b * out + c] = sum;
        }
    for (int32_t c = 0; s->norm && c < out; c++) normalise(r, module, index + 1, z, out, c);
    for (int32_t i = 0; s->relu && i < r->rows * out; i++) z[i] = z[i] > 0 ? z[i] : 0;
    return z;
}

/* The layers of one module over x; x stays. */
static double *mlp(const reference *r, const char *kind, int32_t number, const double *x,
                   int32_t in, const bench_list *dims) {
    char module[32];
    snprintf(module, sizeof module, "%s.%d", kind, (int)number);
    const bool norm = r->o->batch_norm;
    double *a = NULL;
    for (int32_t i = 0; i < dims->count; i++) {
        const layer_shape shape = {i * (norm ? 4 : 3), in, dims->items[i], norm, true};
        double *z = layer(r, module, &shape, a ? a : x);
        free(a);
        a = z;
        in = dims->items[i];
    }
    return a;
}

/* [values, embed_dim] */
static const float *find_table(const reference *r, int32_t column) {
    char name[64];
    snprintf(name, sizeof name, "embedding.embed_dict.s%d.weight", (int)column);
    mmoe_tensor_info key = {.name = name};
    const mmoe_tensor_info *table =
        bsearch(&key, r->tensors, r->n_tensor, sizeof key, compare_tensors);
    if (!table) bench_fail("the model has no tensor %s", name);
    return table->data;
}

/* The ids of a row's sparse column: one, or a list's. */
static const int32_t *ids_of(const reference *r, const mmoe_batch *batch, int32_t b, int32_t column,
                             int64_t *count) {
    const int32_t single = (int32_t)bench_single_count(r->o);
    *count = 1;
    if (column < single) return batch->ids + (size_t)b * batch->id_stride + (size_t)column;
    const int64_t *at =
        batch->lists.offsets + (size_t)b * (size_t)batch->lists.count + (size_t)(column - single);
    *count = at[1] - at[0];
    return batch->lists.ids + at[0];
}

static double *inputs(const reference *r, const mmoe_batch *batch) {
    const bench_options *o = r->o;
    const int32_t width = bench_input_width(o), dim = (int32_t)o->embed_dim;
    double *x = bench_alloc((size_t)r->rows * (size_t)width, sizeof *x);
    for (int32_t c = 0; c < o->sparse; c++) {
        const float *table = find_table(r, c);
        for (int32_t b = 0; b < r->rows; b++) {
            int64_t count;
            const int32_t *ids = ids_of(r, batch, b, c, &count);
            for (int64_t k = 0; k < count; k++)
                for (int32_t i = 0; i < dim; i++)
                    x[b * width + c * dim + i] +=
                        (double)table[(int64_t)ids[k] * dim + i] / (double)count;
        }
    }
    for (int32_t b = 0; b < r->rows; b++)
        for (int32_t c = 0; c < o->dense; c++)
            x[b * width + bench_embedding_width(o) + c] =
                batch->dense[(size_t)b * batch->dense_stride + (size_t)c];
    return x;
}

/* Weights of the experts for one task: a softmax, in place. */
static void softmax_rows(const reference *r, double *g) {
    for (int32_t b = 0; b < r->rows; b++) {
        double sum = 0, most = -INFINITY, *row = g + b * r->n_expert;
        for (int32_t e = 0; e < r->n_expert; e++) most = fmax(most, row[e]);
        for (int32_t e = 0; e < r->n_expert; e++) sum += row[e] = exp(row[e] - most);
        for (int32_t e = 0; e < r->n_expert; e++) row[e] /= sum;
    }
}

/* logits [rows] of one task */
static double *task_logits(const reference *r, int32_t task, const double *x,
                           double *const *experts) {
    char module[32];
    const bench_options *o = r->o;
    const int32_t cols = o->dims.items[o->dims.count - 1];
    snprintf(module, sizeof module, "gates.%d", (int)task);
    const layer_shape gate = {0, bench_input_width(o), r->n_expert, o->batch_norm, false};
    double *g = layer(r, module, &gate, x);
    softmax_rows(r, g);
    double *y = bench_alloc((size_t)r->rows * (size_t)cols, sizeof *y);
    for (int32_t b = 0; b < r->rows; b++)
        for (int32_t e = 0; e < r->n_expert; e++)
            for (int32_t c = 0; c < cols; c++)
                y[b * cols + c] += g[b * r->n_expert + e] * experts[e][b * cols + c];
    double *a = mlp(r, "towers", task, y, cols, &o->towers);
    snprintf(module, sizeof module, "towers.%d", (int)task);
    const layer_shape last = {o->towers.count * (o->batch_norm ? 4 : 3),
                              o->towers.items[o->towers.count - 1], 1, false, false};
    double *logits = layer(r, module, &last, a);
    free(g);
    free(y);
    free(a);
    return logits;
}

/* logits [tasks][rows] */
static double **forward(const reference *r, const mmoe_batch *batch) {
    double *x = inputs(r, batch), **experts = bench_alloc((size_t)r->n_expert, sizeof *experts);
    double **logits = bench_alloc((size_t)r->o->tasks, sizeof *logits);
    for (int32_t e = 0; e < r->n_expert; e++)
        experts[e] = mlp(r, "experts", e, x, bench_input_width(r->o), &r->o->dims);
    for (int32_t t = 0; t < r->o->tasks; t++) logits[t] = task_logits(r, t, x, experts);
    for (int32_t e = 0; e < r->n_expert; e++) free(experts[e]);
    free(experts);
    free(x);
    return logits;
}

static void must_agree(const char *what, double got, double wanted) {
    if (!(fabs(got - wanted) <= 1e-4))
        bench_fail("%s is %.7f, and %.7f in double precision: no time is worth measuring", what,
                   got, wanted);
}

/* Few enough rows for plain loops. */
static int32_t rows_to_check(const bench_options *o, int32_t n_expert) {
    double flops = 2.0 * bench_input_width(o) * n_expert * (double)(o->dims.items[0] + o->tasks);
    for (int32_t i = 1; i < o->dims.count; i++)
        flops += 2.0 * n_expert * o->dims.items[i - 1] * o->dims.items[i];
    double rows = 3e8 / flops,
           most = o->batch < o->rows / 4 ? (double)o->batch : (double)(o->rows / 4);
    return (int32_t)fmin(fmax(rows, 32), most);
}

/* What a predictor gives, [rows, tasks]; the caller frees it. */
static float *predicted(const mmoe_model *model, const bench_setting *s, const mmoe_batch *batch) {
    mmoe_predictor *predictor = bench_predictor(model, s);
    mmoe_error err;
    float *scores = bench_alloc(batch->rows * (size_t)mmoe_model_task_count(model), sizeof *scores);
    if (mmoe_predictor_run(predictor, batch, scores, &err)) bench_fail("%s", err.message);
    mmoe_predictor_free(predictor);
    return scores;
}

static void check_scores(const reference *r, const mmoe_batch *batch) {
    const size_t tasks = (size_t)r->o->tasks;
    float *scores = predicted(r->model, r->setting, batch);
    double **logits = forward(r, batch);
    for (size_t t = 0; t < tasks; t++) {
        for (size_t b = 0; b < batch->rows; b++)
            must_agree("a prediction", scores[b * tasks + t], 1 / (1 + exp(-logits[t][b])));
        free(logits[t]);
    }
    free(logits);
    free(scores);
}

/* The graph's forward pass and the predictor's program are two: their losses must be one. */
static void check_evaluation(const bench_data *d, const bench_setting *s, const mmoe_model *model) {
    const size_t tasks = (size_t)mmoe_model_task_count(model);
    mmoe_batch batch;
    mmoe_error err;
    mmoe_task_metrics *metrics = bench_alloc(tasks, sizeof *metrics);
    if (mmoe_evaluate(model, d->valid, 1, NULL, metrics, &err) ||
        mmoe_dataset_batch(d->valid, 0, (size_t)mmoe_dataset_rows(d->valid), &batch, &err))
        bench_fail("%s", err.message);
    float *scores = predicted(model, s, &batch);
    for (size_t t = 0; t < tasks; t++) {
        double loss = 0;
        for (size_t b = 0; b < batch.rows; b++) {
            const double p = scores[b * tasks + t];
            loss -= log(mmoe_model_label(model, d->valid, (int64_t)b, (int32_t)t) > 0 ? p : 1 - p) /
                    (double)batch.rows;
        }
        must_agree("the loss of a predictor's scores", loss, metrics[t].logloss);
    }
    free(scores);
    free(metrics);
}

static void check_losses(const reference *r, const mmoe_batch *batch, const bench_data *d,
                         mmoe_trainer *trainer) {
    const size_t tasks = (size_t)r->o->tasks;
    mmoe_error err;
    double *losses = bench_alloc(tasks, sizeof *losses), **logits = forward(r, batch);
    if (mmoe_trainer_step(trainer, d->train, 0, batch->rows, losses, &err))
        bench_fail("%s", err.message);
    for (size_t t = 0; t < tasks; t++) {
        double loss = 0;
        for (size_t b = 0; b < batch->rows; b++) {
            double z = mmoe_dataset_label(d->train, (int64_t)b, (int32_t)t) > 0 ? -logits[t][b]
                                                                                : logits[t][b];
            loss += (z > 0 ? z + log1p(exp(-z)) : log1p(exp(z))) / (double)batch->rows;
        }
        must_agree("a step's loss", losses[t], loss);
        free(logits[t]);
    }
    free(logits);
    free(losses);
}

void bench_check_model(const bench_options *o, const bench_data *d, const bench_setting *s,
                       const mmoe_model *model, mmoe_trainer *trainer) {
    enum { STEPS = 5 };
    double seconds[STEPS];
    bench_stepper stepper = {.trainer = trainer, .data = d->train, .batch = o->batch};
    bench_steps(&stepper, STEPS, seconds);
    check_evaluation(d, s, model);
    if (strcmp(s->model, "mmoe") != 0 || o->sets.count) return;
    reference r = {.o = o,
                   .setting = s,
                   .model = model,
                   .rows = rows_to_check(o, s->n_expert),
                   .n_expert = s->n_expert};
    mmoe_batch batch;
    mmoe_error err;
    if (mmoe_dataset_batch(d->train, 0, (size_t)r.rows, &batch, &err))
        bench_fail("%s", err.message);
    index_tensors(&r);
    check_scores(&r, &batch);
    r.training = true;
    check_losses(&r, &batch, d, trainer);
    free(r.tensors);
}
