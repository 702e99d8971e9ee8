/* Data sets of the census shape from memory, the model over them, and steps. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "common.h"

float *bench_floats(size_t count, float bound) {
    float *p = aligned_alloc(64, (count * sizeof *p / 64 + 1) * 64);
    if (!p) bench_fail("out of memory");
    uint32_t x = 2463534242u;
    for (size_t i = 0; i < count; i++) {
        x ^= x << 13;
        x ^= x >> 17;
        x ^= x << 5;
        p[i] = ((float)(x >> 8) * 0x1p-23f - 1) * bound;
    }
    return p;
}

/* splitmix64: a value for each index, in [0, 1). */
double bench_uniform(uint64_t stream, uint64_t index) {
    uint64_t z = (stream << 48) + (index + 1) * 0x9E3779B97F4A7C15u;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return (double)((z ^ (z >> 31)) >> 11) * 0x1p-53;
}

static double normal(uint64_t stream, uint64_t index) {
    const double tau = 6.283185307179586;
    return sqrt(-2 * log(1 - bench_uniform(stream, 2 * index))) *
           cos(tau * bench_uniform(stream, 2 * index + 1));
}

/* ---- Rows ---- */

static mmoe_schema *make_schema(const bench_options *o, const mmoe_config *config) {
    const size_t count = (size_t)(o->sparse + o->dense + o->tasks);
    char(*names)[32] = bench_alloc(count, sizeof *names);
    const char **columns = bench_alloc(count, sizeof *columns);
    size_t n = 0;
    for (int64_t i = 0; i < o->sparse; i++)
        snprintf(names[n++], sizeof *names, "s%lld", (long long)i);
    for (int64_t i = 0; i < o->dense; i++)
        snprintf(names[n++], sizeof *names, "d%lld", (long long)i);
    for (int64_t i = 0; i < o->tasks; i++)
        snprintf(names[n++], sizeof *names, "label%lld", (long long)i);
    for (size_t i = 0; i < n; i++) columns[i] = names[i];
    mmoe_schema *schema;
    mmoe_error err;
    if (mmoe_schema_create(config, columns, n, NULL, &schema, &err)) bench_fail("%s", err.message);
    free(columns);
    free(names);
    return schema;
}

/* Rows that are made into data sets. */
typedef struct drawn_rows {
    int32_t *ids;     /* [rows, single ids] */
    int64_t *offsets; /* [rows * lists + 1] */
    int32_t *elements;
    float *dense, *labels; /* [rows, dense], [rows, tasks] */
} drawn_rows;

enum { LABELS, IDS, DENSE, SIGNAL, ELEMENTS };

static void draw_ids(const bench_options *o, drawn_rows *d) {
    const int64_t single = bench_single_count(o), lists = o->sparse - single,
                  n_element = o->rows * lists * o->list_length;
    d->ids = bench_alloc((size_t)(o->rows * single), sizeof *d->ids);
    d->offsets = bench_alloc((size_t)(o->rows * lists + 1), sizeof *d->offsets);
    d->elements = bench_alloc((size_t)n_element, sizeof *d->elements);
    for (int64_t r = 0; r < o->rows; r++)
        for (int64_t c = 0; c < single; c++)
            d->ids[r * single + c] =
                (int32_t)(bench_uniform(IDS, (uint64_t)(r * o->sparse + c)) * bench_vocab_of(o, c));
    for (int64_t l = 0; l <= o->rows * lists; l++) d->offsets[l] = l * o->list_length;
    for (int64_t i = 0; i < n_element; i++)
        d->elements[i] = (int32_t)(bench_uniform(ELEMENTS, (uint64_t)i) * (double)o->list_vocab);
}

/* The labels hang on the first sparse column and the first dense one. */
static void draw_rows(const bench_options *o, drawn_rows *d) {
    const int64_t single = bench_single_count(o), lists = o->sparse - single;
    draw_ids(o, d);
    d->dense = bench_alloc((size_t)(o->rows * o->dense), sizeof *d->dense);
    d->labels = bench_alloc((size_t)(o->rows * o->tasks), sizeof *d->labels);
    for (int64_t r = 0; r < o->rows; r++) {
        const int32_t id = single ? d->ids[r * single] : d->elements[r * lists * o->list_length];
        for (int64_t c = 0; c < o->dense; c++)
            d->dense[r * o->dense + c] = (float)normal(DENSE, (uint64_t)(r * o->dense + c));
        for (int64_t t = 0; t < o->tasks; t++) {
            double signal = normal(SIGNAL, (uint64_t)(id * o->tasks + t)) +
                            (o->dense ? d->dense[r * o->dense] : 0);
            d->labels[r * o->tasks + t] =
                bench_uniform(LABELS, (uint64_t)(r * o->tasks + t)) < 1 / (1 + exp(-signal));
        }
    }
}

bench_data bench_data_make(const bench_options *o) {
    const bench_setting first = {.model = o->models.items[0], .n_expert = o->n_expert.items[0]};
    const int64_t single = bench_single_count(o);
    bench_data d = {.config = bench_config(o, &first)};
    drawn_rows rows;
    d.schema = make_schema(o, d.config);
    draw_rows(o, &rows);
    mmoe_batch batch = {.rows = (size_t)o->rows,
                        .ids = rows.ids,
                        .id_stride = (size_t)single,
                        .dense = rows.dense,
                        .dense_stride = (size_t)o->dense};
    const int64_t lists = o->sparse - single;
    batch.lists = (mmoe_lists){.count = (int32_t)lists,
                               .offsets = rows.offsets,
                               .ids = rows.elements,
                               .elements = (size_t)(o->rows * lists * o->list_length)};
    mmoe_error err;
    if (mmoe_dataset_create(d.schema, &batch, rows.labels, NULL, NULL, &d.train, &err))
        bench_fail("%s", err.message);
    batch.rows /= 4;
    if (mmoe_dataset_create(d.schema, &batch, rows.labels, NULL, NULL, &d.valid, &err))
        bench_fail("%s", err.message);
    free(rows.ids);
    free(rows.offsets);
    free(rows.elements);
    free(rows.dense);
    free(rows.labels);
    return d;
}

void bench_data_free(bench_data *d) {
    mmoe_dataset_free(d->train);
    mmoe_dataset_free(d->valid);
    mmoe_schema_free(d->schema);
    mmoe_config_free(d->config);
}

mmoe_model *bench_model(const bench_options *o, const bench_data *d, const bench_setting *s) {
    mmoe_config *config = bench_config(o, s);
    mmoe_model *model;
    mmoe_error err;
    if (mmoe_model_create(config, d->schema, NULL, &model, &err)) bench_fail("%s", err.message);
    mmoe_config_free(config);
    return model;
}

mmoe_predictor *bench_predictor(const mmoe_model *model, const bench_setting *s) {
    const bool dense = strcmp(bench_first_layer(s), "dense") == 0;
    const mmoe_predictor_options options = {.product_bytes = dense ? 1 : 0};
    mmoe_predictor *predictor;
    mmoe_error err;
    if (mmoe_predictor_create_with(model, &options, NULL, &predictor, &err))
        bench_fail("%s", err.message);
    return predictor;
}

void bench_steps(void *stepper, int calls, double *seconds) {
    bench_stepper *s = stepper;
    mmoe_error err;
    for (int i = 0; i < calls; i++) {
        if (s->next + s->batch > mmoe_dataset_rows(s->data)) s->next = 0;
        double begin = mmoe_clock();
        if (mmoe_trainer_step(s->trainer, s->data, s->next, (size_t)s->batch, NULL, &err))
            bench_fail("%s", err.message);
        seconds[i] = mmoe_clock() - begin;
        s->seconds += seconds[i];
        s->steps++;
        s->next += s->batch;
    }
}

bench_parts bench_parts_of(const mmoe_profile *profile, const bench_stepper *stepper, int threads) {
    double products = 0;
    mmoe_profile_entry e;
    for (size_t i = 0; mmoe_profile_entry_at(profile, i, &e) == 0; i++)
        if (e.flops > 0) products += e.seconds;
    products /= (double)stepper->steps * threads;
    return (bench_parts){products, stepper->seconds / (double)stepper->steps - products};
}

double bench_first_loss(const bench_options *o, const bench_data *d, mmoe_trainer *trainer) {
    double *losses = bench_alloc((size_t)o->tasks, sizeof *losses), sum = 0;
    mmoe_error err;
    if (mmoe_trainer_step(trainer, d->train, 0, (size_t)o->batch, losses, &err))
        bench_fail("%s", err.message);
    for (int64_t t = 0; t < o->tasks; t++) sum += losses[t];
    free(losses);
    return sum / (double)o->tasks;
}
