/* Training and inference of each model, over the number of experts: how much more than its products
 * a step costs. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cblas.h>

#include "base/clock.h"
#include "common.h"

static const char description[] =
    "For each model and number of experts: training and inference, and the step's products alone: "
    "the same GEMMs over the whole batch,\n"
    "single-threaded on one core, or with --threads each worker its share at once. Steps, products "
    "and predictions take turns\n"
    "in one run. With --threads inference is a predictor a thread, each with a whole batch. "
    "Figures are medians.\n"
    "  GEMM     all products of the step; modules that read the same input are one\n"
    "  in GEMMs what its own products take of a step, by a profile of other steps; other: the "
    "rest\n"
    "  layer 1  those of the layer that reads the input alone, the whole input's gradient too\n"
    "  % peak   of the rate of 512 x 512 products on all workers\n"
    "  epoch    rows/s of mmoe_trainer_fit (shuffle, batches, metrics; validation with a quarter "
    "as many rows), in percent of\n"
    "           those of bare steps right before and behind\n"
    "  MB       peak memory of a process that trains and predicts, the data set in it\n"
    "  extra ms what a step of --method takes longer than one without, in turns with it";

static bench_column columns[] = {{"n_expert", "experts", 7, 0},
                                 {"model", "model", -13, 0},
                                 {"first_layer", "first layer", -11, 0},
                                 {"parameters", "params", 9, 0},
                                 {"train_rows_per_second", "train rows/s", 12, 0},
                                 {"step_ms_p50", "step ms", 9, 3},
                                 {"step_ms_p10", "p10", 8, 3},
                                 {"step_ms_p90", "p90", 8, 3},
                                 {"inference_rows_per_second", "infer rows/s", 12, 0},
                                 {"gemm_ms", "GEMM ms", 9, 3},
                                 {"step_over_gemm", "step/GEMM", 9, 2},
                                 {"first_layer_ms", "layer 1 ms", 10, 3},
                                 {"step_over_first_layer", "step/layer 1", 12, 2},
                                 {"products_ms", "in GEMMs", 8, 3},
                                 {"other_ms", "other", 8, 3},
                                 {"gflops", "GFLOP/s", 7, 1},
                                 {"percent_of_peak", "% peak", 6, 1},
                                 {"gemm_percent_of_peak", "GEMM %", 6, 1},
                                 {"peak_gflops", NULL, 0, 1},
                                 {"epoch_rows_per_second", NULL, 0, 0},
                                 {"epoch_train_rows_per_second", NULL, 0, 0},
                                 {"epoch_percent_of_steps", "epoch %", 7, 1},
                                 {"epoch_train_percent_of_steps", NULL, 0, 1},
                                 {"memory_mb", "MB", 6, 0},
                                 {"steps", NULL, 0, 0},
                                 {"method", NULL, -12, 0},
                                 {"extra_ms", NULL, 8, 3}};
enum { N_COLUMN = sizeof columns / sizeof *columns };

/* What a child process measures. */
typedef struct result {
    double parameters, step[3], plain_step, inference, gemm, first_layer, flops, peak, epoch_rate,
        epoch_train_rate, epoch_share, epoch_train_share;
    bench_parts parts;
    double memory_mb; /* before the products' arrays */
    int64_t steps;
} result;

/* ---- What takes turns ---- */

typedef struct inference {
    const mmoe_dataset *data;
    mmoe_predictor *predictors[BENCH_MAX_THREADS];
    float *scores[BENCH_MAX_THREADS];
    int64_t batch, next;
    int threads;
} inference;

static void predict_batches(void *context, bench_crew *crew, int worker) {
    inference *s = context;
    const int64_t batches = mmoe_dataset_rows(s->data) / s->batch;
    mmoe_batch batch;
    mmoe_error err;
    bench_crew_meet(crew);
    int64_t first = (s->next + worker) % batches * s->batch;
    bench_crew_meet(crew);
    if (worker == 0) s->next = (s->next + s->threads) % batches;
    if (mmoe_dataset_batch(s->data, first, (size_t)s->batch, &batch, &err) ||
        mmoe_predictor_run(s->predictors[worker], &batch, s->scores[worker], &err))
        bench_fail("%s", err.message);
}

static void inference_turn(void *context, int calls, double *seconds) {
    inference *s = context;
    bench_crew_run(s->threads, predict_batches, s, calls, seconds);
}

static void make_inference(inference *s, const bench_options *o, const bench_data *d,
                           const bench_setting *setting, const mmoe_model *model) {
    *s = (inference){.data = d->train, .batch = o->batch, .threads = (int)o->threads};
    for (int w = 0; w < s->threads; w++) {
        s->predictors[w] = bench_predictor(model, setting);
        s->scores[w] = bench_alloc((size_t)(o->batch * o->tasks), sizeof(float));
    }
}

typedef struct products {
    bench_products *products;
    int threads;
} products;

static void products_turn(void *context, int calls, double *seconds) {
    products *p = context;
    bench_crew_run(p->threads, bench_products_run, p->products, calls, seconds);
}

/* The first layer's three products, the input's gradient of its whole width. */
static void run_first_layer(void *context, bench_crew *crew, int worker) {
    const bench_products *p = context;
    bench_layer first = p->layers[0];
    first.grad = first.in;
    for (int pass = 0; pass < BENCH_PASSES; pass++)
        bench_layer_run(&first, (bench_pass)pass, worker, bench_crew_size(crew));
}

static void first_layer_turn(void *context, int calls, double *seconds) {
    products *p = context;
    bench_crew_run(p->threads, run_first_layer, p->products, calls, seconds);
}

/* ---- An epoch ---- */

typedef struct epochs {
    double rates[3], train_rates[3]; /* rows/s, with and without validation */
    int count;
} epochs;

static int keep_epoch(void *user, const mmoe_epoch_report *report) {
    epochs *e = user;
    e->rates[e->count] = (double)report->rows / report->seconds;
    e->train_rates[e->count++] = report->rows_per_second;
    return 0;
}

/* Rows/s of steps over all rows. */
static double steps_rate(bench_stepper *stepper) {
    const int64_t steps = mmoe_dataset_rows(stepper->data) / stepper->batch;
    const double before = stepper->seconds;
    double seconds;
    for (int64_t i = 0; i < steps; i++) bench_steps(stepper, 1, &seconds);
    return (double)(steps * stepper->batch) / (stepper->seconds - before);
}

/* What else the machine does meanwhile is never the same for long: some epochs, and steps around
 * them, for `seconds`; medians. */
static void measure_epochs(const bench_data *d, bench_stepper *stepper, epochs *e, double seconds,
                           result *r) {
    enum { MOST = 32 };
    double figures[4][MOST];
    mmoe_error err;
    const double begin = mmoe_clock();
    size_t n = 0;
    for (double before = steps_rate(stepper); n < MOST && (!n || mmoe_clock() - begin < seconds);) {
        e->count = 0;
        if (mmoe_trainer_fit(stepper->trainer, d->train, d->valid, &err))
            bench_fail("%s", err.message);
        bench_samples rates = {e->rates, (size_t)e->count, 0},
                      train_rates = {e->train_rates, (size_t)e->count, 0};
        const double behind = steps_rate(stepper), steps = (before + behind) / 2;
        figures[0][n] = bench_quantile(&rates, 0.5);
        figures[1][n] = bench_quantile(&train_rates, 0.5);
        figures[2][n] = figures[0][n] / steps;
        figures[3][n] = figures[1][n] / steps;
        before = behind;
        n++;
    }
    double *const to[] = {&r->epoch_rate, &r->epoch_train_rate, &r->epoch_share,
                          &r->epoch_train_share};
    for (int i = 0; i < 4; i++) *to[i] = bench_quantile(&(bench_samples){figures[i], n, 0}, 0.5);
}

/* ---- One number of experts, in a process of its own ---- */

static void check_products(bench_products *p, int threads) {
    double seconds;
    bench_crew_run(threads, bench_products_run, p, 1, &seconds);
    for (size_t i = 0; i < p->count; i++)
        for (int pass = 0; pass < BENCH_PASSES; pass++)
            bench_layer_check(&p->layers[i], 1, (bench_pass)pass);
}

static mmoe_trainer *make_trainer(mmoe_model *model, const mmoe_trainer_options *options) {
    mmoe_trainer *trainer;
    mmoe_error err;
    if (mmoe_trainer_create(model, options, NULL, &trainer, &err)) bench_fail("%s", err.message);
    return trainer;
}

/* Of the racers' samples: steps, a step's products, the first layer, scoring, the peak, and steps
 * of the plain method. */
static void keep_times(result *r, bench_racer *racers, bench_peak *peak, bool has_plain) {
    static const double quantiles[3] = {0.1, 0.5, 0.9};
    for (int q = 0; q < 3; q++) r->step[q] = bench_quantile(&racers[0].samples, quantiles[q]);
    r->gemm = bench_quantile(&racers[1].samples, 0.5);
    r->first_layer = bench_quantile(&racers[2].samples, 0.5);
    r->inference = bench_quantile(&racers[3].samples, 0.5);
    r->peak = bench_peak_end(peak, &racers[4].samples);
    r->plain_step = has_plain ? bench_quantile(&racers[5].samples, 0.5) : NAN;
}

/* A profile costs a step some time, so its steps are others than those of the figures. */
static bench_parts measure_parts(const bench_options *o, const bench_data *d,
                                 const bench_setting *s) {
    mmoe_profile *profile;
    mmoe_error err;
    double warm[3];
    if (mmoe_profile_create(0, NULL, &profile, &err)) bench_fail("%s", err.message);
    mmoe_model *model = bench_model(o, d, s);
    const mmoe_trainer_options options = {.threads = (int)o->threads, .profile = profile};
    bench_stepper stepper = {.trainer = make_trainer(model, &options), .data = d->train};
    stepper.batch = o->batch;
    bench_steps(&stepper, 3, warm);
    mmoe_profile_reset(profile);
    stepper.steps = 0;
    stepper.seconds = 0;
    bench_racer racer = {.turn = bench_steps, .context = &stepper};
    bench_race(&racer, 1, o->seconds / 2);
    const bench_parts parts = bench_parts_of(profile, &stepper, (int)o->threads);
    bench_samples_free(&racer.samples);
    mmoe_trainer_free(stepper.trainer);
    mmoe_model_free(model);
    mmoe_profile_free(profile);
    return parts;
}

static double memory_so_far(void) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)usage.ru_maxrss / 1024;
}

/* Steps of one batch lessen its loss; so many, whatever time there is for others. */
static void check_learning(const bench_options *o, const bench_data *d, const bench_setting *s,
                           mmoe_trainer *trainer) {
    enum { STEPS = 8 };
    const double loss = bench_first_loss(o, d, trainer);
    double now = loss;
    for (int i = 0; i < STEPS; i++) now = bench_first_loss(o, d, trainer);
    if (!(now < loss))
        bench_fail("%s: %d steps of one batch did not lessen its loss: %g, then %g", s->model,
                   (int)STEPS, loss, now);
}

static result measure_setting(const bench_options *o, const bench_data *d, const bench_setting *s) {
    result r = {0};
    epochs e = {0};
    const int threads = (int)o->threads;
    mmoe_model *model = bench_model(o, d, s);
    inference *scoring = bench_alloc(1, sizeof *scoring);
    const mmoe_trainer_options options = {.threads = threads, .user = &e, .on_epoch = keep_epoch};
    mmoe_trainer *trainer = make_trainer(model, &options);
    check_learning(o, d, s, trainer);
    bench_check_model(o, d, s, model, trainer);
    make_inference(scoring, o, d, s, model);
    double warm[2];
    inference_turn(scoring, 2, warm);
    r.memory_mb = memory_so_far();

    const bench_shape shape = bench_shape_of(o, s);
    bench_products all = bench_products_make(o, &shape);
    check_products(&all, threads);
    products alone = {&all, threads};
    bench_stepper stepper = {.trainer = trainer, .data = d->train, .batch = o->batch},
                  plain = stepper;
    bench_peak peak = bench_peak_make(threads);
    bench_racer racers[] = {
        {.turn = bench_steps, .context = &stepper},    {.turn = products_turn, .context = &alone},
        {.turn = first_layer_turn, .context = &alone}, {.turn = inference_turn, .context = scoring},
        {.turn = bench_peak_turn, .context = &peak},   {.turn = bench_steps, .context = &plain}};
    size_t n_racer = sizeof racers / sizeof *racers - 1;
    if (s->method) {
        bench_setting without = *s;
        without.method = NULL;
        plain.trainer = make_trainer(bench_model(o, d, &without), &options);
        n_racer++;
    }
    bench_race(racers, n_racer, o->seconds);
    keep_times(&r, racers, &peak, s->method != NULL);
    r.flops = bench_products_flops(&all);
    r.parameters = (double)mmoe_model_parameter_count(model);
    r.steps = stepper.steps;
    r.parts = measure_parts(o, d, s);
    measure_epochs(d, &stepper, &e, o->seconds / 2, &r);
    return r;
}

/* Its peak memory is this setting's: the data set, which it has from its parent, and what it takes
 * itself. It ends without ceremony, for its memory goes with it. */
static result measure_apart(const bench_options *o, const bench_data *d, const bench_setting *s) {
    int ends[2];
    result r;
    if (pipe(ends)) bench_fail("the system gives no pipe");
    fflush(NULL);
    pid_t child = fork();
    if (child < 0) bench_fail("the system gives no process");
    if (child == 0) {
        openblas_set_num_threads(1);
        r = measure_setting(o, d, s);
        _exit(write(ends[1], &r, sizeof r) == (ssize_t)sizeof r ? 0 : 1);
    }
    close(ends[1]);
    ssize_t got = read(ends[0], &r, sizeof r);
    close(ends[0]);
    int status;
    waitpid(child, &status, 0);
    if (got != (ssize_t)sizeof r || status != 0)
        bench_fail("%s of %d experts could not be measured", s->model, (int)s->n_expert);
    return r;
}

static bench_point print_result(bench_table *table, const bench_options *o, const bench_setting *s,
                                const result *r) {
    const double rate = (double)o->batch / r->step[1], gflops = r->flops / r->step[1] / 1e9;
    const bench_point p = {s->n_expert,
                           rate,
                           (double)(o->batch * o->threads) / r->inference,
                           1e11 * gflops / r->peak,
                           100 * r->flops / r->gemm / r->peak,
                           100 * r->gemm / r->step[1]};
    const bench_cell cells[] = {{NULL, s->n_expert ? s->n_expert : NAN},
                                {s->model, 0},
                                {bench_first_layer(s), 0},
                                {NULL, r->parameters},
                                {NULL, p.train_rate},
                                {NULL, 1e3 * r->step[1]},
                                {NULL, 1e3 * r->step[0]},
                                {NULL, 1e3 * r->step[2]},
                                {NULL, p.inference_rate},
                                {NULL, 1e3 * r->gemm},
                                {NULL, r->step[1] / r->gemm},
                                {NULL, 1e3 * r->first_layer},
                                {NULL, r->step[1] / r->first_layer},
                                {NULL, 1e3 * r->parts.products},
                                {NULL, 1e3 * r->parts.other},
                                {NULL, gflops},
                                {NULL, p.step_percent},
                                {NULL, p.gemm_percent},
                                {NULL, r->peak / 1e9},
                                {NULL, r->epoch_rate},
                                {NULL, r->epoch_train_rate},
                                {NULL, 100 * r->epoch_share},
                                {NULL, 100 * r->epoch_train_share},
                                {NULL, r->memory_mb},
                                {NULL, (double)r->steps},
                                {s->method ? s->method : "none", 0},
                                {NULL, 1e3 * (r->step[1] - r->plain_step)}};
    _Static_assert(sizeof cells / sizeof *cells == N_COLUMN, "a cell a column");
    bench_table_row(table, cells);
    return p;
}

int main(int argc, char **argv) {
    const bench_options o = bench_parse(argc, argv, description, 1,
                                        BENCH_TAKES_MODEL | BENCH_TAKES_METHOD | BENCH_TAKES_PLOT |
                                            BENCH_TAKES_LISTS | BENCH_TAKES_FIRST_LAYER);
    size_t count;
    bench_setting *settings = bench_settings(&o, &count);
    if (o.plot) bench_plot_prepare(o.plot);
    openblas_set_num_threads(1);
    if (o.methods.count) {
        columns[N_COLUMN - 2].head = "method";
        columns[N_COLUMN - 1].head = "extra ms";
    }
    bench_table *table = bench_table_begin("bench_experts", &o, columns, N_COLUMN);
    bench_data data = bench_data_make(&o);
    bench_point *points = bench_alloc(count, sizeof *points);
    for (size_t i = 0; i < count; i++) {
        const result r = measure_apart(&o, &data, &settings[i]);
        points[i] = print_result(table, &o, &settings[i], &r);
    }
    bench_data_free(&data);
    if (o.plot) bench_plot(o.plot, &o, points, count);
    free(points);
    free(settings);
    return bench_table_end(table);
}
