/* Latency and rate of scoring, from one row to a thousand, plain and ranking one user's candidates.
 */
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <cblas.h>

#include "base/clock.h"
#include "common.h"

static const char description[] =
    "For each number of experts: calls of a predictor with 1 to 1000 rows, encoded, by 1, 2, 4, "
    "... threads at once (--threads), each with\n"
    "a predictor of its own. Latencies are those of one of the threads; rows/s are of all. "
    "\"rank\" has every second sparse\n"
    "column on the user's side. \"gemm\" is OpenBLAS's time for the model's products of as many "
    "rows, in turns with one\n"
    "thread's calls: all columns', of a ranked request too, and as if no first layer were looked "
    "up. \"products\" are what rows look up of the first layer; a dense one has none.";

static const bench_column columns[] = {
    {"n_expert", "experts", 7, 0}, {"first_layer", "first layer", -11, 0},
    {"call", "call", -5, 0},       {"products_kb", "products KB", 11, 0},
    {"rows", "rows", 5, 0},        {"threads", "threads", 7, 0},
    {"p50_us", "p50 us", 9, 2},    {"p99_us", "p99 us", 9, 2},
    {"p999_us", "p99.9 us", 9, 2}, {"rows_per_second", "rows/s", 10, 0},
    {"gemm_us", "gemm us", 9, 2},  {"over_gemm", "p50/gemm", 8, 2}};
enum { N_COLUMN = sizeof columns / sizeof *columns };

static const size_t row_counts[] = {1, 8, 32, 128, 1000};
enum { N_ROWS = sizeof row_counts / sizeof *row_counts, MOST_ROWS = 1000 };

/* The data set's rows, whole and by sides; every candidate's user is the first row's. */
typedef struct scored_rows {
    mmoe_batch all, user, items;
    int32_t *ids, *user_ids, *item_ids;
    size_t count;
} scored_rows;

static scored_rows make_rows(const bench_data *d, const mmoe_model *model) {
    mmoe_batch all;
    mmoe_error err;
    scored_rows r = {.count = (size_t)mmoe_dataset_rows(d->train)};
    if (mmoe_dataset_batch(d->train, 0, r.count, &all, &err)) bench_fail("%s", err.message);
    const size_t n = (size_t)mmoe_model_sparse_count(model);
    r.ids = bench_alloc(r.count * n, sizeof *r.ids);
    r.user_ids = bench_alloc(n, sizeof *r.user_ids);
    r.item_ids = bench_alloc(r.count * n, sizeof *r.item_ids);
    size_t n_user = 0, n_item = 0;
    for (size_t c = 0; c < n; c++)
        n_item += mmoe_model_sparse_side(model, (int32_t)c) == MMOE_SIDE_ITEM;
    for (size_t i = 0; i < r.count; i++) {
        int32_t *item = r.item_ids + i * n_item;
        for (size_t c = 0; c < n; c++) {
            const bool is_item = mmoe_model_sparse_side(model, (int32_t)c) == MMOE_SIDE_ITEM;
            const int32_t id = all.ids[(is_item ? i : 0) * all.id_stride + c];
            r.ids[i * n + c] = id;
            if (is_item)
                *item++ = id;
            else if (i == 0)
                r.user_ids[n_user++] = id;
        }
    }
    r.all = r.items = all;
    r.all.ids = r.ids;
    r.all.id_stride = n;
    r.items.ids = r.item_ids;
    r.items.id_stride = r.items.sparse_count = n_item;
    r.user =
        (mmoe_batch){.rows = 1, .ids = r.user_ids, .id_stride = n_user, .sparse_count = n_user};
    return r;
}

static mmoe_batch window(const mmoe_batch *b, size_t first, size_t count) {
    mmoe_batch w = *b;
    w.rows = count;
    w.ids += first * b->id_stride;
    if (w.dense) w.dense += first * b->dense_stride;
    return w;
}

/* A thread that scores. */
typedef struct scorer {
    mmoe_predictor *predictor;
    const scored_rows *rows;
    size_t count, next;
    bool ranks;
    float *scores;
    int calls;
    double *seconds; /* [calls]; NULL: not kept */
    pthread_t thread;
} scorer;

static void *score(void *context) {
    scorer *s = context;
    mmoe_error err;
    for (int i = 0; i < s->calls; i++) {
        if (s->next + s->count > s->rows->count) s->next = 0;
        const mmoe_batch batch =
            window(s->ranks ? &s->rows->items : &s->rows->all, s->next, s->count);
        s->next += s->count;
        const double begin = mmoe_clock();
        const mmoe_status status =
            s->ranks ? mmoe_predictor_rank(s->predictor, &s->rows->user, &batch, s->scores, &err)
                     : mmoe_predictor_run(s->predictor, &batch, s->scores, &err);
        if (s->seconds) s->seconds[i] = mmoe_clock() - begin;
        if (status) bench_fail("%s", err.message);
    }
    return NULL;
}

typedef struct service {
    scorer scorers[BENCH_MAX_THREADS];
    int threads;
    double seconds, rows; /* of all turns */
} service;

static void serve(void *context, int calls, double *seconds) {
    service *s = context;
    for (int t = 0; t < s->threads; t++) {
        s->scorers[t].calls = calls;
        s->scorers[t].seconds = t ? NULL : seconds;
    }
    const double begin = mmoe_clock();
    for (int t = 1; t < s->threads; t++)
        if (pthread_create(&s->scorers[t].thread, NULL, score, &s->scorers[t]))
            bench_fail("the system gives no thread");
    score(&s->scorers[0]);
    for (int t = 1; t < s->threads; t++) pthread_join(s->scorers[t].thread, NULL);
    s->seconds += mmoe_clock() - begin;
    s->rows += (double)calls * s->threads * (double)s->scorers[0].count;
}

static void multiply_layers(void *context, int calls, double *seconds) {
    const bench_products *p = context;
    for (int i = 0; i < calls; i++) {
        const double begin = mmoe_clock();
        for (size_t l = 0; l < p->count; l++) bench_layer_run(&p->layers[l], BENCH_FORWARD, 0, 1);
        seconds[i] = mmoe_clock() - begin;
    }
}

/* What is asked of a service: so many rows at once, scored or ranked, by so many threads. */
typedef struct load_shape {
    const bench_setting *setting;
    size_t count;
    bool ranks;
    int threads;
} load_shape;

/* What the predictors share of their first layer. */
static double products_kb(const service *s) {
    return (double)mmoe_predictor_products(s->scorers[0].predictor, NULL) / 1024;
}

static void measure_request(bench_table *table, const bench_options *o, service *s,
                            const load_shape *q) {
    const int threads = q->threads;
    bench_options of_batch = *o;
    of_batch.batch = (int64_t)q->count;
    const bench_shape shape = bench_shape_of(o, q->setting);
    bench_products products = bench_products_make(&of_batch, &shape);
    bench_racer racers[] = {{.turn = serve, .context = s},
                            {.turn = multiply_layers, .context = &products}};
    for (int t = 0; t < threads; t++) {
        s->scorers[t].count = q->count;
        s->scorers[t].ranks = q->ranks;
    }
    s->threads = threads;
    s->seconds = s->rows = 0;
    bench_race(racers, threads == 1 ? 2 : 1, o->seconds);
    const double p50 = bench_quantile(&racers[0].samples, 0.5),
                 gemm = threads == 1 ? bench_quantile(&racers[1].samples, 0.5) : NAN;
    const bench_cell cells[] = {{NULL, q->setting->n_expert},
                                {bench_first_layer(q->setting), 0},
                                {q->ranks ? "rank" : "plain", 0},
                                {NULL, products_kb(s)},
                                {NULL, (double)q->count},
                                {NULL, threads},
                                {NULL, 1e6 * p50},
                                {NULL, 1e6 * bench_quantile(&racers[0].samples, 0.99)},
                                {NULL, 1e6 * bench_quantile(&racers[0].samples, 0.999)},
                                {NULL, s->rows / s->seconds},
                                {NULL, 1e6 * gemm},
                                {NULL, p50 / gemm}};
    _Static_assert(sizeof cells / sizeof *cells == N_COLUMN, "a cell a column");
    bench_table_row(table, cells);
    for (int i = 0; i < 2; i++) bench_samples_free(&racers[i].samples);
    bench_products_free(&products);
}

/* Ranking gives what plain scoring gives. */
static void check_ranking(const scored_rows *r, mmoe_predictor *predictor, size_t tasks) {
    const size_t count = r->count < MOST_ROWS ? r->count : MOST_ROWS;
    float *plain = bench_alloc(count * tasks, sizeof *plain),
          *ranked = bench_alloc(count * tasks, sizeof *ranked);
    const mmoe_batch all = window(&r->all, 0, count), items = window(&r->items, 0, count);
    mmoe_error err;
    if (mmoe_predictor_run(predictor, &all, plain, &err) ||
        mmoe_predictor_rank(predictor, &r->user, &items, ranked, &err))
        bench_fail("%s", err.message);
    if (memcmp(plain, ranked, count * tasks * sizeof *plain) != 0)
        bench_fail("ranking gives other scores than plain scoring");
    free(plain);
    free(ranked);
}

/* Twice as many, and `most` as the last. */
static int more_threads(int threads, int most) {
    return threads < most && 2 * threads > most ? most : 2 * threads;
}

static void measure_model(bench_table *table, const bench_options *o, bench_data *d,
                          const bench_setting *setting) {
    mmoe_model *model = bench_model(o, d, setting);
    scored_rows r = make_rows(d, model);
    service *s = bench_alloc(1, sizeof *s);
    mmoe_error err;
    for (int t = 0; t < (int)o->threads; t++) {
        scorer *w = &s->scorers[t];
        if (t == 0)
            w->predictor = bench_predictor(model, setting);
        else if (mmoe_predictor_clone(s->scorers[0].predictor, NULL, &w->predictor, &err))
            bench_fail("%s", err.message);
        w->rows = &r;
        w->next = (size_t)t * r.count / (size_t)o->threads;
        w->scores = bench_alloc(MOST_ROWS * (size_t)o->tasks, sizeof *w->scores);
    }
    check_ranking(&r, s->scorers[0].predictor, (size_t)o->tasks);
    for (int ranks = 0; ranks < 2; ranks++)
        for (size_t i = 0; i < N_ROWS && row_counts[i] <= r.count; i++)
            for (int threads = 1; threads <= (int)o->threads;
                 threads = more_threads(threads, (int)o->threads))
                measure_request(table, o, s, &(load_shape){setting, row_counts[i], ranks, threads});
    for (int t = 0; t < (int)o->threads; t++) {
        mmoe_predictor_free(s->scorers[t].predictor);
        free(s->scorers[t].scores);
    }
    free(s);
    free(r.ids);
    free(r.user_ids);
    free(r.item_ids);
    mmoe_model_free(model);
}

int main(int argc, char **argv) {
    const bench_options o = bench_parse(argc, argv, description, 0.2, BENCH_TAKES_FIRST_LAYER);
    size_t count;
    bench_setting *settings = bench_settings(&o, &count);
    openblas_set_num_threads(1);
    bench_table *table = bench_table_begin("bench_predict", &o, columns, N_COLUMN);
    bench_data data = bench_data_make(&o);
    for (size_t i = 0; i < count; i++) measure_model(table, &o, &data, &settings[i]);
    bench_data_free(&data);
    free(settings);
    return bench_table_end(table);
}
