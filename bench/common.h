/* What the benchmark programs share. They are programs: what fails is said on standard error and
 * ends them. */
#ifndef MMOE_BENCH_COMMON_H
#define MMOE_BENCH_COMMON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdnoreturn.h>

#include "mmoe/train.h"

noreturn void bench_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* calloc that does not fail. */
void *bench_alloc(size_t count, size_t size);
/* Floats on whole cache lines, uniform in [-bound, bound). */
float *bench_floats(size_t count, float bound);

/* ---- Options ---- */

enum { BENCH_LIST = 64, BENCH_MAX_THREADS = 256 };

typedef struct bench_list {
    int32_t items[BENCH_LIST], count;
} bench_list;

typedef struct bench_words {
    const char *items[BENCH_LIST];
    int32_t count;
} bench_words;

typedef struct bench_options {
    bench_list n_expert, dims, bottom, towers,
        vocab; /* vocab: sizes of the sparse columns, over and over */
    bench_words models;
    bench_words methods, first_layers; /* empty without --method, --first-layer */
    bench_words sets;                  /* "KEY=VALUE" */
    int64_t batch, rows, sparse, embed_dim, dense, tasks, threads;
    int64_t lists, list_length, list_vocab; /* the last sparse columns; length 0: of single ids */
    double seconds;
    bool batch_norm, json, csv;
    bool learned; /* vocabularies, of a file, in the place of vocab_size */
    const char *optimizer, *plot;
} bench_options;

/* Flags that some of the programs take. */
enum {
    BENCH_TAKES_MODEL = 1,
    BENCH_TAKES_METHOD = 2,
    BENCH_TAKES_PLOT = 4,
    BENCH_TAKES_LISTS = 8,
    BENCH_OF_LISTS = 16, /* has one unless --lists says otherwise */
    BENCH_TAKES_FIRST_LAYER = 32
};

/* The census shape and one thread, changed by the command line; --help and wrong usage end the
 * program. */
bench_options bench_parse(int argc, char **argv, const char *description, double seconds,
                          int takes);
/* Columns of x, and those of them that are embeddings. */
int32_t bench_embedding_width(const bench_options *o);
int32_t bench_input_width(const bench_options *o);
/* Sparse columns of one id a row, which come first; the others are lists. */
static inline int64_t bench_single_count(const bench_options *o) {
    return o->list_length ? o->sparse - o->lists : o->sparse;
}
/* Values of a sparse column. */
static inline int32_t bench_vocab_of(const bench_options *o, int64_t column) {
    return column < o->sparse - o->lists ? o->vocab.items[column % o->vocab.count]
                                         : (int32_t)o->list_vocab;
}

/* ---- What is printed: a table as text, CSV or JSON, on standard output ---- */

typedef struct bench_column {
    const char *key;  /* in CSV and JSON */
    const char *head; /* in the text; NULL: not there */
    int width;        /* of the text; below 0: text, to the left */
    int digits;       /* behind the point */
} bench_column;

typedef struct bench_cell {
    const char *text;
    double number; /* NaN: none */
} bench_cell;

typedef struct bench_table bench_table;

/* Prints what the figures depend on: processor, its GEMM peak, OpenBLAS, its core type and threads,
 * the model; warns on standard error of a core type that is older than the processor. */
bench_table *bench_table_begin(const char *program, const bench_options *o,
                               const bench_column *columns, size_t count);
void bench_table_row(bench_table *t, const bench_cell *cells);
/* Returns the program's exit status. */
int bench_table_end(bench_table *t);

/* ---- Time ---- */

typedef struct bench_samples {
    double *seconds;
    size_t count, size;
} bench_samples;
double bench_quantile(bench_samples *s, double q);
void bench_samples_free(bench_samples *s);

/* Times `calls` calls one by one. */
typedef void (*bench_turn)(void *context, int calls, double *seconds);

/* One of several things that are timed against each other. */
typedef struct bench_racer {
    bench_turn turn;
    void *context;
    bench_samples samples;
} bench_racer;
/* Warms up, then lets the racers take turns of some hundredths of a second, `seconds` for each,
 * three turns at least. What disturbs the machine meanwhile disturbs all of them. */
void bench_race(bench_racer *racers, size_t count, double seconds);

/* Threads that start each call together. The caller is worker 0. */
typedef struct bench_crew bench_crew;
typedef void (*bench_work)(void *context, bench_crew *crew, int worker);
void bench_crew_run(int workers, bench_work work, void *context, int calls, double *seconds);
int bench_crew_size(const bench_crew *crew);
/* Waits for all workers. */
void bench_crew_meet(bench_crew *crew);

/* ---- Data and model ---- */

typedef struct bench_data {
    mmoe_config *config;
    mmoe_schema *schema;
    mmoe_dataset *train;
    mmoe_dataset *valid; /* a quarter of the rows */
} bench_data;

/* A value for each index of a stream, in [0, 1): the same in each run. */
double bench_uniform(uint64_t stream, uint64_t index);
/* Rows at random, the labels drawn with a probability that hangs on the first columns. */
bench_data bench_data_make(const bench_options *o);
void bench_data_free(bench_data *d);

/* What a row of a table is of. */
typedef struct bench_setting {
    const char *model;
    int32_t n_expert;        /* 0: the model has no such number */
    const char *method;      /* of balancing the tasks' losses; NULL: none */
    const char *first_layer; /* NULL: the library's own choice */
} bench_setting;
/* What the tables say of the setting's first layer. */
static inline const char *bench_first_layer(const bench_setting *s) {
    return s->first_layer ? s->first_layer : "auto";
}
/* The settings that the options name, in order; the caller frees them. Fails if the library refuses
 * one of them. */
bench_setting *bench_settings(const bench_options *o, size_t *count);
/* The models that the benchmarks know, NULL past the last. */
const char *bench_model_name(size_t index);
mmoe_config *bench_config(const bench_options *o, const bench_setting *s);
mmoe_model *bench_model(const bench_options *o, const bench_data *d, const bench_setting *s);

/* A predictor as the setting's first layer says: a dense one looks no products of tables up. */
mmoe_predictor *bench_predictor(const mmoe_model *model, const bench_setting *s);

/* A setting's layers, as the library's configuration has them. */
typedef struct bench_shape {
    const char *model;
    int32_t n_expert, n_level, n_specific, n_shared; /* what the model has not is 0 */
    bench_list dims, towers;                         /* dims: of the experts, or of the bottoms */
} bench_shape;
bench_shape bench_shape_of(const bench_options *o, const bench_setting *s);

/* Trains some steps; fails unless predictions are then those of mmoe_evaluate; and of an mmoe
 * without --set, unless predictions and the losses of another step are those of a plain computation
 * in double precision. */
void bench_check_model(const bench_options *o, const bench_data *d, const bench_setting *s,
                       const mmoe_model *model, mmoe_trainer *trainer);

/* Steps over batch after batch; a bench_turn. */
typedef struct bench_stepper {
    mmoe_trainer *trainer;
    const mmoe_dataset *data;
    int64_t batch, next, steps;
    double seconds; /* of all steps */
} bench_stepper;
void bench_steps(void *stepper, int calls, double *seconds);
/* A profiled step's time on one worker: what its GEMMs take, and all the rest, waiting too. */
typedef struct bench_parts {
    double products, other; /* seconds */
} bench_parts;
bench_parts bench_parts_of(const mmoe_profile *profile, const bench_stepper *stepper, int threads);
/* The first rows' loss, mean over tasks, before another step with them. */
double bench_first_loss(const bench_options *o, const bench_data *d, mmoe_trainer *trainer);

/* ---- Products ---- */

typedef enum bench_pass { BENCH_FORWARD, BENCH_INPUT, BENCH_WEIGHTS, BENCH_PASSES } bench_pass;
extern const char *const bench_pass_names[BENCH_PASSES];

/* `groups` products of one shape: z_g = x_g w_g^T, dx_g = dz_g w_g, dw_g = dz_g^T x_g. The arrays
 * belong to someone else. */
typedef struct bench_layer {
    char name[32];
    int32_t groups, rows, in, out;
    int32_t grad;                           /* columns of x that need a gradient */
    float *x, *dx;                          /* [rows, in] at + g x_step */
    float *z, *dz;                          /* [rows, out] at + g z_step */
    float *w, *dw;                          /* [out, in] at + g w_step */
    int32_t ldx, lddx, ldz;                 /* w and dw are dense */
    size_t x_step, dx_step, z_step, w_step; /* w_step 0: the groups share w, and dw is their sum */
    bool add; /* dx is added to; with dx_step 0 the groups after the first add anyway */
} bench_layer;

/* Worker `worker` of `workers` does its share: of the rows, and of dw the groups or its rows. */
void bench_layer_run(const bench_layer *l, bench_pass pass, int worker, int workers);
double bench_layer_flops(const bench_layer *l, bench_pass pass);
/* Fails unless some entries of the result are those of sums in double precision. `count` layers
 * with one x. */
void bench_layer_check(const bench_layer *l, size_t count, bench_pass pass);

/* A model's layers in order; what reads the same input is one product, so the first one is every
 * module that reads x. */
typedef struct bench_products {
    bench_layer *layers;
    size_t count;
    float **arrays;
    size_t n_array;
} bench_products;
bench_products bench_products_make(const bench_options *o, const bench_shape *shape);
void bench_products_free(bench_products *p);
double bench_products_flops(const bench_products *p);
/* A bench_work: all products of a step, each worker its share: forward, input gradients, weights
 * behind a meeting. */
void bench_products_run(void *products, bench_crew *crew, int worker);

/* The machine's GEMM peak: every worker multiplies 512 x 512 matrices. As a racer it stands beside
 * what it is the roof of. */
typedef struct bench_peak {
    float *arrays; /* a and b, and a c for each worker */
    int threads;
} bench_peak;
bench_peak bench_peak_make(int threads);
void bench_peak_turn(void *peak, int calls, double *seconds);
/* flop/s of its fast calls; releases it. */
double bench_peak_end(bench_peak *p, bench_samples *s);
/* flop/s of one core, by some hundredths of a second. */
double bench_peak_alone(void);

/* ---- Pictures ---- */

typedef struct bench_point {
    double n_expert, train_rate, inference_rate, step_percent, gemm_percent, gemm_share;
} bench_point;
/* Fails unless gnuplot is there and the file can be written. */
void bench_plot_prepare(const char *path);
void bench_plot(const char *path, const bench_options *o, const bench_point *points, size_t count);

#endif
