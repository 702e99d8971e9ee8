/* One large table of ids: what a step costs, and what an epoch is worth. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "common.h"

static const char usage[] =
    "Usage: bench_tables UPDATE ROWS WIDTH SECONDS\n"
    "       bench_tables UPDATE ROWS WIDTH epoch EXAMPLES\n"
    "       bench_tables UPDATE ROWS WIDTH idle\n"
    "       bench_tables UPDATE ROWS WIDTH service SECONDS ROWS\n"
    "A model of one column of ids with a table of ROWS rows, batch 1024, one thread, Adam, "
    "trainer.embedding_update UPDATE.\n"
    "Steps are timed for about SECONDS for ids of each kind, drawn evenly, by a power law (rank r "
    "with 1 / r), and evenly,\n"
    "but of the same 8 batches in turn, whose rows stay in the cache; or\n"
    "one epoch is made over EXAMPLES rows by the power law, and judged on a tenth as many others; "
    "or\n"
    "steps of one id are timed of two models alike in turns: most rows of one have had a gradient "
    "just before, those of\n"
    "the other none in 2,000 steps; or\n"
    "a service's steps are timed of tables of both ROWS in turns: rows come as raw columns, by the "
    "names of an input, and a\n"
    "step is the data set that is made of them, too. Prints a JSON line.\n";

enum { BATCH = 1024, BATCHES = 256, NEAR = 8, WARM_UP = 16, IDLE = 2000, TURN = 32, TURNS = 8 };
typedef enum drawing { EVENLY, BY_POWER, ONE_ID } drawing;
enum { IDS, LABELS, WORTH }; /* streams */

typedef struct tables {
    const char *update;
    int64_t rows, width;
    double seconds;   /* of steps; 0: not these */
    int64_t examples; /* of an epoch; 0: idle rows */
    int64_t more;     /* rows of a service's other table; 0: no service */
    mmoe_config *config;
    mmoe_schema *schema;
} tables;

static mmoe_config *make_config(const tables *t) {
    char json[1024];
    mmoe_config *config;
    mmoe_error err;
    snprintf(json, sizeof json,
             "{\"features\": {\"sparse\": [{\"name\": \"id\", \"vocab_size\": %lld, "
             "\"embed_dim\": %lld}]}, \"tasks\": [{\"name\": \"y\", \"label\": \"y\", "
             "\"tower_params\": {\"dims\": [8]}}], \"model\": {\"name\": \"shared_bottom\", "
             "\"bottom_params\": {\"dims\": [16], \"batch_norm\": false}}, \"trainer\": "
             "{\"batch_size\": %d, \"n_epoch\": 1, \"optimizer\": \"adam\", \"optimizer_params\": "
             "{\"lr\": 0.001, \"weight_decay\": 0}, \"embedding_update\": \"%s\"}}",
             (long long)t->rows, (long long)t->width, BATCH, t->update);
    if (mmoe_config_parse(json, strlen(json), "the flags", NULL, &config, &err))
        bench_fail("%s", err.message);
    return config;
}

/* The most frequent ids lie apart. */
static int32_t draw_id(const tables *t, int64_t index, drawing how) {
    const double u = bench_uniform(IDS, (uint64_t)index), rows = (double)t->rows;
    if (how == ONE_ID) return 0;
    if (how == EVENLY) return (int32_t)(u * rows);
    const int64_t rank = (int64_t)exp(u * log(rows + 1)) - 1,
                  id = rank * INT64_C(2654435761) % t->rows;
    return (int32_t)id;
}

static double draw_worth(int32_t id) { return 6 * bench_uniform(WORTH, (uint64_t)id) - 3; }

/* Rows from the `first` on that are drawn. */
static mmoe_dataset *make_rows(const tables *t, int64_t first, int64_t rows, drawing how) {
    int32_t *ids = bench_alloc((size_t)rows, sizeof *ids);
    float *labels = bench_alloc((size_t)rows, sizeof *labels);
    for (int64_t i = 0; i < rows; i++) {
        ids[i] = draw_id(t, first + i, how);
        labels[i] =
            bench_uniform(LABELS, (uint64_t)(first + i)) < 1 / (1 + exp(-draw_worth(ids[i])));
    }
    const mmoe_batch batch = {.rows = (size_t)rows, .ids = ids, .id_stride = 1};
    mmoe_dataset *set;
    mmoe_error err;
    if (mmoe_dataset_create(t->schema, &batch, labels, NULL, NULL, &set, &err))
        bench_fail("%s", err.message);
    free(ids);
    free(labels);
    return set;
}

static mmoe_trainer *make_trainer(const tables *t, mmoe_model **model) {
    const mmoe_trainer_options options = {.threads = 1, .single_threaded_blas = 1};
    mmoe_trainer *trainer;
    mmoe_error err;
    if (mmoe_estimate_check(t->config, t->schema, 1, &err) ||
        mmoe_model_create(t->config, t->schema, NULL, model, &err) ||
        mmoe_trainer_create(*model, &options, NULL, &trainer, &err))
        bench_fail("%s", err.message);
    return trainer;
}

/* ---- Steps ---- */

static void time_steps(const tables *t, mmoe_trainer *trainer) {
    static const struct {
        drawing how;
        int64_t batches;
    } timed[] = {{EVENLY, BATCHES}, {BY_POWER, BATCHES}, {EVENLY, NEAR}};
    enum { TIMED = sizeof timed / sizeof *timed };
    mmoe_dataset *sets[TIMED];
    bench_stepper steppers[TIMED];
    bench_racer racers[TIMED];
    double seconds[WARM_UP], us[TIMED];
    for (int i = 0; i < TIMED; i++) {
        sets[i] = make_rows(t, 0, BATCH * timed[i].batches, timed[i].how);
        steppers[i] = (bench_stepper){.trainer = trainer, .data = sets[i], .batch = BATCH};
        racers[i] = (bench_racer){.turn = bench_steps, .context = &steppers[i]};
    }
    bench_steps(&steppers[0], t->seconds < 0.1 ? 1 : WARM_UP, seconds); /* pages come then */
    bench_race(racers, TIMED, t->seconds);
    for (int i = 0; i < TIMED; i++) us[i] = 1e6 * bench_quantile(&racers[i].samples, 0.5);
    printf("{\"evenly_us\": %.1f, \"power_us\": %.1f, \"near_us\": %.1f}\n", us[0], us[1], us[2]);
    for (int i = 0; i < TIMED; i++) {
        bench_samples_free(&racers[i].samples);
        mmoe_dataset_free(sets[i]);
    }
}

/* ---- Idle rows ---- */

/* Of two trainers alike: steps of one id, which are timed, and those that come before. */
typedef struct idler {
    bench_stepper before, timed;
    bench_samples samples;
} idler;

static void take_turn(idler *i) {
    double passed[TURN];
    bench_steps(&i->before, TURN, passed);
    bench_steps(&i->timed, TURN, i->samples.seconds + i->samples.count);
    i->samples.count += TURN;
}

/* Adam's first moments are below the smallest normal float behind some 800 steps. The trainers take
 * turns; one's rows get gradients again before each of its own. */
static void time_idle(const tables *t, mmoe_trainer *busy, mmoe_trainer *idle) {
    static double seconds[IDLE], taken[2][TURN * TURNS];
    mmoe_dataset *even = make_rows(t, 0, (int64_t)BATCH * BATCHES, EVENLY),
                 *one = make_rows(t, 0, BATCH, ONE_ID);
    idler idlers[] = {
        {{.trainer = busy, .data = even, .batch = BATCH}, {.trainer = busy, .data = one}, {0}},
        {{.trainer = idle, .data = even, .batch = BATCH}, {.trainer = idle, .data = one}, {0}}};
    for (int i = 0; i < 2; i++) {
        idlers[i].timed.batch = BATCH;
        idlers[i].samples = (bench_samples){taken[i], 0, TURN * TURNS};
        bench_steps(&idlers[i].before, BATCHES, seconds);
    }
    idlers[1].before.data = one;
    bench_steps(&idlers[1].before, IDLE, seconds);
    for (int turn = 0; turn < 2 * TURNS; turn++) take_turn(&idlers[(turn + turn / 2) % 2]);
    printf("{\"before_us\": %.1f, \"behind_us\": %.1f}\n",
           1e6 * bench_quantile(&idlers[0].samples, 0.5),
           1e6 * bench_quantile(&idlers[1].samples, 0.5));
    mmoe_dataset_free(even);
    mmoe_dataset_free(one);
}

/* ---- A service ---- */

/* Rows that were posted, and who learns from them. */
typedef struct server {
    mmoe_config *config;
    mmoe_schema *schema;
    mmoe_model *model;
    mmoe_trainer *trainer;
    const mmoe_input *input;
    int64_t *ids;  /* [BATCHES, BATCH] of the drawing, for each of the two */
    float *labels; /* the same */
    drawing how;
    int64_t next;
} server;

static void make_server(tables t, const mmoe_input *input, server *s) {
    static const char *const columns[] = {"id"};
    const size_t count = (size_t)BATCH * BATCHES;
    mmoe_error err;
    *s = (server){.config = make_config(&t), .input = input};
    t.config = s->config;
    if (mmoe_schema_create(t.config, columns, 1, NULL, &s->schema, &err))
        bench_fail("%s", err.message);
    t.schema = s->schema;
    s->trainer = make_trainer(&t, &s->model);
    s->ids = bench_alloc(2 * count, sizeof *s->ids);
    s->labels = bench_alloc(2 * count, sizeof *s->labels);
    for (size_t i = 0; i < 2 * count; i++) {
        s->ids[i] = draw_id(&t, (int64_t)(i % count), i < count ? EVENLY : BY_POWER);
        s->labels[i] = bench_uniform(LABELS, i) < 0.5;
    }
}

static void free_server(server *s) {
    mmoe_trainer_free(s->trainer);
    mmoe_model_free(s->model);
    mmoe_schema_free(s->schema);
    mmoe_config_free(s->config);
    free(s->ids);
    free(s->labels);
}

/* A bench_turn: from columns to weights. */
static void serve_steps(void *context, int calls, double *seconds) {
    server *s = context;
    mmoe_error err;
    for (int i = 0; i < calls; i++, s->next++) {
        const int64_t at = (s->how * (int64_t)BATCHES + s->next % BATCHES) * BATCH;
        const mmoe_column column = {MMOE_VALUE_INT64, s->ids + at, 0};
        const mmoe_batch batch = {
            .rows = BATCH, .input = s->input, .columns = &column, .column_count = 1};
        mmoe_dataset *rows;
        const double begin = mmoe_clock();
        if (mmoe_dataset_create(s->schema, &batch, s->labels + at, NULL, NULL, &rows, &err) ||
            mmoe_trainer_step(s->trainer, rows, 0, BATCH, NULL, &err))
            bench_fail("%s", err.message);
        mmoe_dataset_free(rows);
        seconds[i] = mmoe_clock() - begin;
    }
}

static void time_service(const tables *t) {
    static const mmoe_input_column given[] = {{.name = "id", .type = MMOE_VALUE_INT64}};
    static const char *const names[] = {"evenly", "power"};
    const double turn = t->seconds / 2;
    server servers[2];
    double seconds[BATCHES];
    mmoe_input *input;
    mmoe_error err;
    tables other = *t;
    other.rows = t->more;
    if (mmoe_input_create(given, 1, NULL, &input, &err)) bench_fail("%s", err.message);
    for (int i = 0; i < 2; i++) {
        make_server(i ? other : *t, input, &servers[i]);
        serve_steps(&servers[i], t->seconds < 0.1 ? 1 : BATCHES, seconds); /* pages come then */
    }
    for (int how = EVENLY; how <= BY_POWER; how++) {
        bench_racer racers[2];
        for (int i = 0; i < 2; i++) {
            servers[i].how = how;
            racers[i] = (bench_racer){.turn = serve_steps, .context = &servers[i]};
        }
        bench_race(racers, 2, turn);
        const double few = bench_quantile(&racers[0].samples, 0.5),
                     many = bench_quantile(&racers[1].samples, 0.5);
        printf("%s\"%s_us\": %.1f, \"%s_other_us\": %.1f, \"%s_ratio\": %.3f%s",
               how == EVENLY ? "{" : ", ", names[how], 1e6 * few, names[how], 1e6 * many,
               names[how], many / few, how == EVENLY ? "" : "}\n");
        for (int i = 0; i < 2; i++) bench_samples_free(&racers[i].samples);
    }
    for (int i = 0; i < 2; i++) free_server(&servers[i]);
    mmoe_input_free(input);
}

/* ---- An epoch ---- */

static void judge_epoch(const tables *t, const mmoe_model *model, mmoe_trainer *trainer) {
    mmoe_dataset *train = make_rows(t, 0, t->examples, BY_POWER),
                 *test = make_rows(t, t->examples, t->examples / 10 + 1, BY_POWER);
    mmoe_task_metrics metrics;
    mmoe_error err;
    if (mmoe_trainer_fit(trainer, train, NULL, &err) ||
        mmoe_evaluate(model, test, 1, NULL, &metrics, &err))
        bench_fail("%s", err.message);
    printf("{\"auc\": %.7f, \"logloss\": %.7f}\n", metrics.auc, metrics.logloss);
    mmoe_dataset_free(train);
    mmoe_dataset_free(test);
}

static bool parse(int argc, char **argv, tables *t) {
    const bool is_epoch = argc == 6 && strcmp(argv[4], "epoch") == 0,
               is_service = argc == 7 && strcmp(argv[4], "service") == 0,
               is_idle = argc == 5 && strcmp(argv[4], "idle") == 0;
    if (argc != 5 && !is_epoch && !is_service) return false;
    *t = (tables){.update = argv[1], .rows = atoll(argv[2]), .width = atoll(argv[3])};
    if (is_epoch)
        t->examples = atoll(argv[5]);
    else if (!is_idle)
        t->seconds = atof(argv[is_service ? 5 : 4]);
    if (is_service) t->more = atoll(argv[6]);
    return t->rows > 0 && t->width > 0 && (is_idle || t->examples > 0 || t->seconds > 0) &&
           (!is_service || t->more > 0);
}

int main(int argc, char **argv) {
    static const char *const columns[] = {"id"};
    tables t;
    mmoe_model *models[2] = {NULL, NULL};
    mmoe_trainer *trainers[2] = {NULL, NULL};
    mmoe_error err;
    if (argc == 2 && strcmp(argv[1], "--help") == 0) return fputs(usage, stdout) < 0;
    if (!parse(argc, argv, &t)) {
        fputs(usage, stderr);
        return 2;
    }
    if (t.more) {
        time_service(&t);
        return fflush(stdout) ? EXIT_FAILURE : EXIT_SUCCESS;
    }
    t.config = make_config(&t);
    if (mmoe_schema_create(t.config, columns, 1, NULL, &t.schema, &err))
        bench_fail("%s", err.message);
    trainers[0] = make_trainer(&t, &models[0]);
    if (t.seconds > 0) {
        time_steps(&t, trainers[0]);
    } else if (t.examples) {
        judge_epoch(&t, models[0], trainers[0]);
    } else {
        trainers[1] = make_trainer(&t, &models[1]);
        time_idle(&t, trainers[0], trainers[1]);
    }
    for (int i = 0; i < 2; i++) {
        mmoe_trainer_free(trainers[i]);
        mmoe_model_free(models[i]);
    }
    mmoe_schema_free(t.schema);
    mmoe_config_free(t.config);
    return fflush(stdout) ? EXIT_FAILURE : EXIT_SUCCESS;
}
