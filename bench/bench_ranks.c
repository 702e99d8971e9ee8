/* What ranks give: a step of several processes against one of as many threads. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/comm.h"
#include "common.h"
#include "mmoe/mpi.h"

static const char description[] =
    "Started by mpirun: steps of rank 0 alone, with a thread for each rank, and of all ranks "
    "together, a thread each, in turns\n"
    "of some tenths of a second. \"ratio\" is the median of neighbouring turns' ratios; bytes and "
    "messages are those that\n"
    "rank 0 sends in a step, \"waiting\" what it waits for others. --set trainer.segments=N, at "
    "least as many as ranks.";

static const bench_column columns[] = {{"ranks", "ranks", 6, 0},
                                       {"one_rows_per_s", "one, rows/s", 12, 0},
                                       {"rows_per_s", "ranks, rows/s", 14, 0},
                                       {"ratio", "ratio", 7, 3},
                                       {"lowest", "lowest", 7, 3},
                                       {"highest", "highest", 8, 3},
                                       {"step_bytes", "bytes", 10, 0},
                                       {"step_messages", "messages", 9, 1},
                                       {"waiting_us", "waiting us", 11, 1}};
enum { N_COLUMN = sizeof columns / sizeof *columns, TURNS = 9 };

static void check(mmoe_status status, const mmoe_error *err) {
    if (status) bench_fail("%s", err->message);
}

static mmoe_trainer *make_trainer(mmoe_model *model, int threads) {
    const mmoe_trainer_options options = {.threads = threads, .single_threaded_blas = 1};
    mmoe_trainer *t;
    mmoe_error err;
    check(mmoe_trainer_create(model, &options, NULL, &t, &err), &err);
    return t;
}

/* Of large tables it has this rank's rows alone. */
static mmoe_model *model_among(const bench_options *o, const bench_data *d, const bench_setting *s,
                               const mmoe_comm *c) {
    mmoe_config *config = bench_config(o, s);
    mmoe_model *model;
    mmoe_error err;
    check(mmoe_model_create_among(config, d->schema, c, NULL, &model, &err), &err);
    mmoe_config_free(config);
    return model;
}

static void meet(mmoe_comm *c) {
    mmoe_error err;
    check(mmoe_comm_barrier(c, "a turn", &err), &err);
}

/* Rank 0's number becomes that of all. */
static int64_t agree(mmoe_comm *c, int64_t number) {
    uint64_t bytes[MMOE_MOST_RANKS] = {sizeof number};
    const int64_t own = number;
    mmoe_error err;
    check(mmoe_comm_gather(c, &(mmoe_gathering){"a number", &own, &number, bytes}, &err), &err);
    return number;
}

/* The time of so many steps. */
static double take_turn(bench_stepper *s, int64_t steps) {
    const double begin = mmoe_clock();
    double seconds;
    for (int64_t i = 0; i < steps; i++) bench_steps(s, 1, &seconds);
    return mmoe_clock() - begin;
}

typedef struct contest {
    mmoe_comm *comm;
    bench_stepper alone, together;
    int64_t steps; /* of a turn */
    double one[TURNS], ranks[TURNS], ratios[TURNS];
} contest;

static void run_turns(contest *k, double seconds) {
    const int64_t warm_up = 3;
    take_turn(&k->together, warm_up);
    if (k->comm->rank == 0)
        k->steps = (int64_t)(seconds / TURNS / (take_turn(&k->alone, warm_up) / warm_up));
    k->steps = agree(k->comm, k->steps < 2 ? 2 : k->steps);
    for (int i = 0; i < TURNS; i++) {
        meet(k->comm);
        k->one[i] = k->comm->rank == 0 ? take_turn(&k->alone, k->steps) : 0;
        meet(k->comm);
        k->ranks[i] = take_turn(&k->together, k->steps);
        k->ratios[i] = k->one[i] / k->ranks[i];
    }
}

static int by_size(const void *a, const void *b) {
    const double *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

static void print(const bench_options *o, contest *k) {
    mmoe_sent sent;
    mmoe_trainer_sent(k->together.trainer, &sent);
    qsort(k->one, TURNS, sizeof *k->one, by_size);
    qsort(k->ranks, TURNS, sizeof *k->ranks, by_size);
    qsort(k->ratios, TURNS, sizeof *k->ratios, by_size);
    const double rows = (double)(k->steps * o->batch), steps = (double)sent.steps;
    const bench_cell cells[] = {{NULL, k->comm->size},
                                {NULL, rows / k->one[TURNS / 2]},
                                {NULL, rows / k->ranks[TURNS / 2]},
                                {NULL, k->ratios[TURNS / 2]},
                                {NULL, k->ratios[0]},
                                {NULL, k->ratios[TURNS - 1]},
                                {NULL, sent.bytes / steps},
                                {NULL, sent.messages / steps},
                                {NULL, 1e6 * sent.seconds / steps}};
    _Static_assert(sizeof cells / sizeof *cells == N_COLUMN, "a cell a column");
    bench_table *table = bench_table_begin("bench_ranks", o, columns, N_COLUMN);
    bench_table_row(table, cells);
    bench_table_end(table);
}

int main(int argc, char **argv) {
    const bench_options o = bench_parse(argc, argv, description, 3, BENCH_TAKES_MODEL);
    struct mmoe_comm *c;
    mmoe_error err;
    check(mmoe_mpi_start(NULL, &c, &err), &err);
    bench_data d = bench_data_make(&o);
    size_t count;
    bench_setting *s = bench_settings(&o, &count);
    mmoe_model *model = model_among(&o, &d, s, c), *own = c->rank ? NULL : bench_model(&o, &d, s);
    contest k = {.comm = c, .alone = {.data = d.train, .batch = o.batch}};
    k.together = k.alone;
    k.together.trainer = make_trainer(model, 1);
    if (own) k.alone.trainer = make_trainer(own, c->size);
    check(mmoe_trainer_join(k.together.trainer, c, &err), &err);
    run_turns(&k, o.seconds);
    if (c->rank == 0) print(&o, &k);
    mmoe_trainer_free(k.together.trainer);
    mmoe_trainer_free(k.alone.trainer);
    mmoe_model_free(model);
    mmoe_model_free(own);
    free(s);
    bench_data_free(&d);
    return mmoe_mpi_end(c, &(mmoe_mpi_ending){.status = 0});
}
