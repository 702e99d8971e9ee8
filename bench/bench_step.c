/* Where a training step's time goes, node by node. */
#include <math.h>
#include <stdlib.h>

#include <cblas.h>

#include "common.h"

static const char description[] =
    "For each model and number of experts: a training step's time by the nodes of its graph, in "
    "the order of the step. Times are means\n"
    "of a step and summed over the workers; shares are of all workers' time. Rates and percents of "
    "the GEMM peak are one\n"
    "worker's. \"waiting\" is what no node takes: barriers, scheduling and the clock itself. "
    "\"step\" is the same step without\n"
    "the profile, in turns with it; above it stand the sums of all products, which alone have "
    "rates, "
    "and of all the rest.";

static const bench_column columns[] = {{"n_expert", "experts", 7, 0},
                                       {"model", "model", -13, 0},
                                       {"first_layer", "first layer", -11, 0},
                                       {"node", "node", -18, 0},
                                       {"pass", "pass", -20, 0},
                                       {"calls_per_step", "calls", 8, 2},
                                       {"us_per_step", "us a step", 10, 2},
                                       {"percent_of_time", "share %", 7, 1},
                                       {"gflops", "GFLOP/s", 8, 1},
                                       {"percent_of_peak", "% peak", 6, 1},
                                       {"gigabytes_per_second", "GB/s", 7, 1}};
enum { N_COLUMN = sizeof columns / sizeof *columns };

typedef struct row {
    const char *node, *pass;
    double calls, seconds, flops, bytes; /* of a step */
} row;

/* `time`: all workers' time of a step; NaN: no share of it. */
static void print_pass(bench_table *table, const bench_setting *s, row r, double time,
                       double worker_peak) {
    const double rate = r.flops > 0 ? r.flops / r.seconds : NAN;
    const bench_cell cells[] = {{NULL, s->n_expert ? s->n_expert : NAN},
                                {s->model, 0},
                                {bench_first_layer(s), 0},
                                {r.node, 0},
                                {r.pass, 0},
                                {NULL, r.calls},
                                {NULL, 1e6 * r.seconds},
                                {NULL, 100 * r.seconds / time},
                                {NULL, rate / 1e9},
                                {NULL, 100 * rate / worker_peak},
                                {NULL, r.bytes > 0 ? r.bytes / r.seconds / 1e9 : NAN}};
    _Static_assert(sizeof cells / sizeof *cells == N_COLUMN, "a cell a column");
    bench_table_row(table, cells);
}

typedef struct profiled {
    const mmoe_profile *profile;
    const bench_stepper *stepper;
    int threads;
    double plain; /* seconds of a step without profile */
    double worker_peak;
} profiled;

static void print_profile(bench_table *table, const bench_setting *s, const profiled *p) {
    const double steps = (double)p->stepper->steps, time = p->stepper->seconds / steps * p->threads;
    const bench_parts parts = bench_parts_of(p->profile, p->stepper, p->threads);
    mmoe_profile_entry e;
    row all = {.node = "step", .pass = "", .calls = 1, .seconds = p->plain};
    double seconds = 0;
    for (size_t i = 0; mmoe_profile_entry_at(p->profile, i, &e) == 0; i++) {
        const row r = {e.node,          e.pass,         (double)e.calls / steps, e.seconds / steps,
                       e.flops / steps, e.bytes / steps};
        print_pass(table, s, r, time, p->worker_peak);
        seconds += r.seconds;
        all.flops += r.flops;
    }
    const row waiting = {.node = "waiting", .pass = "", .calls = NAN, .seconds = time - seconds};
    print_pass(table, s, waiting, time, p->worker_peak);
    const row products = {"step", "products", NAN, parts.products * p->threads, all.flops, 0},
              other = {"step", "other", NAN, parts.other * p->threads, 0, 0};
    print_pass(table, s, products, time, p->worker_peak);
    print_pass(table, s, other, time, p->worker_peak);
    /* not a share of the profiled step, nor one worker's */
    print_pass(table, s, all, NAN, p->worker_peak * p->threads);
}

static mmoe_trainer *make_profiled_trainer(mmoe_model *model, int threads, mmoe_profile *profile) {
    const mmoe_trainer_options options = {.threads = threads, .profile = profile};
    mmoe_trainer *trainer;
    mmoe_error err;
    if (mmoe_trainer_create(model, &options, NULL, &trainer, &err)) bench_fail("%s", err.message);
    return trainer;
}

static void measure_profile(bench_table *table, const bench_options *o, const bench_data *d,
                            const bench_setting *s) {
    const int threads = (int)o->threads;
    mmoe_error err;
    mmoe_profile *profile;
    double warm[10];
    if (mmoe_profile_create(0, NULL, &profile, &err)) bench_fail("%s", err.message);
    mmoe_model *plain_model = bench_model(o, d, s), *model = bench_model(o, d, s);
    mmoe_trainer *plain_trainer = make_profiled_trainer(plain_model, threads, NULL),
                 *trainer = make_profiled_trainer(model, threads, profile);
    bench_check_model(o, d, s, plain_model, plain_trainer);
    bench_check_model(o, d, s, model, trainer);
    bench_stepper plain = {.trainer = plain_trainer, .data = d->train, .batch = o->batch},
                  stepper = {.trainer = trainer, .data = d->train, .batch = o->batch};
    bench_steps(&stepper, 10, warm);
    stepper.steps = 0;
    stepper.seconds = 0;
    mmoe_profile_reset(profile);
    bench_peak peak = bench_peak_make(threads);
    bench_racer racers[] = {{.turn = bench_steps, .context = &plain},
                            {.turn = bench_steps, .context = &stepper},
                            {.turn = bench_peak_turn, .context = &peak}};
    bench_race(racers, sizeof racers / sizeof *racers, o->seconds);
    const double roof = bench_peak_end(&peak, &racers[2].samples);
    const profiled measured = {profile, &stepper, threads, bench_quantile(&racers[0].samples, 0.5),
                               roof / threads};
    print_profile(table, s, &measured);
    for (int i = 0; i < 2; i++) bench_samples_free(&racers[i].samples);
    mmoe_trainer_free(trainer);
    mmoe_trainer_free(plain_trainer);
    mmoe_model_free(model);
    mmoe_model_free(plain_model);
    mmoe_profile_free(profile);
}

int main(int argc, char **argv) {
    const bench_options o =
        bench_parse(argc, argv, description, 1,
                    BENCH_TAKES_MODEL | BENCH_TAKES_LISTS | BENCH_TAKES_FIRST_LAYER);
    size_t count;
    bench_setting *settings = bench_settings(&o, &count);
    openblas_set_num_threads(1);
    bench_table *table = bench_table_begin("bench_step", &o, columns, N_COLUMN);
    bench_data data = bench_data_make(&o);
    for (size_t i = 0; i < count; i++) measure_profile(table, &o, &data, &settings[i]);
    bench_data_free(&data);
    free(settings);
    return bench_table_end(table);
}
