/* The model's products: the first layer of all experts and gates as one product, or one of each;
 * the deeper layers. */
#include <math.h>
#include <stdlib.h>

#include <cblas.h>

#include "common.h"

static const char description[] =
    "Times the products of a training step, for each number of experts, with single-threaded calls "
    "of OpenBLAS; with\n"
    "--threads each worker does its share at once. The ways of one product take turns.\n"
    "  fused   one product for the first layer of all experts and gates\n"
    "  shared  a product an expert, on columns of shared arrays\n"
    "  own     a product an expert, on arrays of its own";

static const bench_column columns[] = {{"n_expert", "experts", 7, 0},
                                       {"layer", "layer", -16, 0},
                                       {"pass", "pass", -15, 0},
                                       {"method", "method", -10, 0},
                                       {"products", "products", 8, 0},
                                       {"m", "m", 7, 0},
                                       {"n", "n", 7, 0},
                                       {"k", "k", 7, 0},
                                       {"us_p50", "us", 10, 1},
                                       {"us_p10", "p10", 10, 1},
                                       {"us_p90", "p90", 10, 1},
                                       {"gflops", "GFLOP/s", 8, 1},
                                       {"percent_of_peak", "% peak", 6, 1}};
enum { N_COLUMN = sizeof columns / sizeof *columns, MOST_PARTS = 2, METHODS = 3 };

static const char *const method_names[METHODS] = {"fused", "shared", "own"};

/* One way to compute a layer: up to two kinds of groups (experts and gates) over the same x. */
typedef struct method {
    const char *name;
    bench_layer parts[MOST_PARTS];
    size_t count;
    bench_pass pass;
    int threads;
    float *own[4 * MOST_PARTS]; /* its own arrays */
} method;

static void run_method(void *context, bench_crew *crew, int worker) {
    const method *m = context;
    for (size_t i = 0; i < m->count; i++)
        bench_layer_run(&m->parts[i], m->pass, worker, bench_crew_size(crew));
}

static void turn(void *context, int calls, double *seconds) {
    method *m = context;
    bench_crew_run(m->threads, run_method, m, calls, seconds);
}

/* Experts and gates of the fused first layer as groups of their own, in its arrays. */
static method split_first(const bench_options *o, const bench_layer *fused, int32_t n_expert) {
    method m = {.count = 2};
    int32_t col = 0, h = o->dims.items[0];
    for (int i = 0; i < 2; i++) {
        bench_layer *l = &m.parts[i];
        *l = *fused;
        l->groups = i == 0 ? n_expert : (int32_t)o->tasks;
        l->out = i == 0 ? h : n_expert;
        l->z += col;
        l->dz += col;
        l->w += (size_t)col * (size_t)l->in;
        l->dw += (size_t)col * (size_t)l->in;
        l->z_step = (size_t)l->out;
        l->w_step = (size_t)l->out * (size_t)l->in;
        l->dx_step = 0;
        l->add = i > 0;
        col += l->groups * l->out;
    }
    return m;
}

/* The same groups on arrays of their own; x is shared where the groups share it. */
static void take_own(method *m) {
    size_t n = 0;
    for (size_t i = 0; i < m->count; i++) {
        bench_layer *l = &m->parts[i];
        const size_t rows = (size_t)l->rows, groups = (size_t)l->groups;
        if (l->x_step) {
            m->own[n++] = l->x = bench_floats(groups * rows * (size_t)l->in, 1);
            m->own[n++] = l->dx = bench_floats(groups * rows * (size_t)l->in, 1);
            l->ldx = l->lddx = l->in;
            l->x_step = l->dx_step = rows * (size_t)l->in;
        }
        m->own[n++] = l->z = bench_floats(groups * rows * (size_t)l->out, 1);
        m->own[n++] = l->dz = bench_floats(groups * rows * (size_t)l->out, 1);
        l->ldz = l->out;
        l->z_step = rows * (size_t)l->out;
    }
}

/* Rows and columns of a product's result, and the terms of each sum. */
static void sizes_of(const bench_layer *l, bench_pass pass, int32_t size[3]) {
    size[0] = pass == BENCH_WEIGHTS ? l->out : l->rows;
    size[1] = pass == BENCH_INPUT ? l->grad : l->in;
    size[2] = pass == BENCH_INPUT ? l->out : l->rows;
    if (pass != BENCH_FORWARD) return;
    size[1] = l->out;
    size[2] = l->in;
}

static void print_method(bench_table *table, int32_t n_expert, const method *m, bench_samples *s,
                         double peak) {
    const bench_layer *shape = &m->parts[0];
    double flops = 0, products = 0;
    for (size_t i = 0; i < m->count; i++) {
        flops += bench_layer_flops(&m->parts[i], m->pass);
        products += m->parts[i].groups;
    }
    const double seconds = bench_quantile(s, 0.5);
    int32_t size[3];
    sizes_of(shape, m->pass, size);
    const bench_cell cells[] = {{NULL, n_expert},
                                {shape->name, 0},
                                {bench_pass_names[m->pass], 0},
                                {m->name, 0},
                                {NULL, products},
                                {NULL, size[0]},
                                {NULL, size[1]},
                                {NULL, size[2]},
                                {NULL, 1e6 * seconds},
                                {NULL, 1e6 * bench_quantile(s, 0.1)},
                                {NULL, 1e6 * bench_quantile(s, 0.9)},
                                {NULL, flops / seconds / 1e9},
                                {NULL, 100 * flops / seconds / peak}};
    _Static_assert(sizeof cells / sizeof *cells == N_COLUMN, "a cell a column");
    bench_table_row(table, cells);
    bench_samples_free(s);
}

/* All ways of one layer, pass by pass. */
static void measure_layer(bench_table *table, const bench_options *o, const bench_layer *layer,
                          int32_t n_expert) {
    const bool is_first = layer->dx_step == 0;
    method methods[METHODS] = {{.parts = {*layer}, .count = 1}};
    methods[1] = is_first ? split_first(o, layer, n_expert) : methods[0];
    methods[2] = methods[1];
    take_own(&methods[2]);
    for (int pass = 0; pass < BENCH_PASSES; pass++) {
        bench_racer racers[METHODS + 1] = {0};
        bench_peak peak = bench_peak_make((int)o->threads);
        racers[METHODS] = (bench_racer){.turn = bench_peak_turn, .context = &peak};
        for (int i = is_first ? 0 : 1; i < METHODS; i++) {
            double seconds;
            method *m = &methods[i];
            m->name = method_names[i];
            m->pass = (bench_pass)pass;
            m->threads = (int)o->threads;
            racers[i] = (bench_racer){.turn = turn, .context = m};
            bench_crew_run(m->threads, run_method, m, 1, &seconds);
            bench_layer_check(m->parts, m->count, m->pass);
        }
        bench_race(racers + !is_first, METHODS + 1 - !is_first, o->seconds);
        const double roof = bench_peak_end(&peak, &racers[METHODS].samples);
        for (int i = is_first ? 0 : 1; i < METHODS; i++)
            print_method(table, n_expert, &methods[i], &racers[i].samples, roof);
    }
    for (size_t i = 0; i < sizeof methods[2].own / sizeof *methods[2].own; i++)
        free(methods[2].own[i]);
}

int main(int argc, char **argv) {
    const bench_options o = bench_parse(argc, argv, description, 0.2, 0);
    openblas_set_num_threads(1);
    bench_table *table = bench_table_begin("bench_gemm", &o, columns, N_COLUMN);
    for (int32_t i = 0; i < o.n_expert.count; i++) {
        const bench_shape shape = {
            .model = "mmoe", .n_expert = o.n_expert.items[i], .dims = o.dims, .towers = o.towers};
        bench_products p = bench_products_make(&o, &shape);
        for (size_t l = 0; l < p.count; l++)
            measure_layer(table, &o, &p.layers[l], o.n_expert.items[i]);
        bench_products_free(&p);
    }
    return bench_table_end(table);
}
