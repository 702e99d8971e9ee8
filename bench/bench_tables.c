/* One large table of ids: what a step costs, and what an epoch is worth. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common.h"

static const char usage[] =
    "Usage: bench_tables UPDATE ROWS WIDTH SECONDS\n"
    "       bench_tables UPDATE ROWS WIDTH epoch EXAMPLES\n"
    "A model of one column of ids with a table of ROWS rows, batch 1024, one thread, Adam, "
    "trainer.embedding_update UPDATE.\n"
    "Steps are timed for about SECONDS for ids of each kind, drawn evenly and by a power law (rank "
    "r with 1 / r); or\n"
    "one epoch is made over EXAMPLES rows by the power law, and judged on a tenth as many others. "
    "Prints a JSON line.\n";

enum { BATCH = 1024, BATCHES = 256, WARM_UP = 16 };
enum { IDS, LABELS, WORTH }; /* streams */

typedef struct tables {
    const char *update;
    int64_t rows, width;
    double seconds;   /* 0: an epoch */
    int64_t examples; /* of it */
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
static int32_t draw_id(const tables *t, int64_t index, bool by_power) {
    const double u = bench_uniform(IDS, (uint64_t)index), rows = (double)t->rows;
    if (!by_power) return (int32_t)(u * rows);
    const int64_t rank = (int64_t)exp(u * log(rows + 1)) - 1,
                  id = rank * INT64_C(2654435761) % t->rows;
    return (int32_t)id;
}

static double draw_worth(int32_t id) { return 6 * bench_uniform(WORTH, (uint64_t)id) - 3; }

/* Rows from the `first` on that are drawn. */
static mmoe_dataset *make_rows(const tables *t, int64_t first, int64_t rows, bool by_power) {
    int32_t *ids = bench_alloc((size_t)rows, sizeof *ids);
    float *labels = bench_alloc((size_t)rows, sizeof *labels);
    for (int64_t i = 0; i < rows; i++) {
        ids[i] = draw_id(t, first + i, by_power);
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

/* ---- Steps ---- */

static void time_steps(const tables *t, mmoe_trainer *trainer) {
    mmoe_dataset *sets[2];
    bench_stepper steppers[2];
    bench_racer racers[2];
    double seconds[WARM_UP];
    for (int by_power = 0; by_power < 2; by_power++) {
        sets[by_power] = make_rows(t, 0, (int64_t)BATCH * BATCHES, by_power);
        steppers[by_power] =
            (bench_stepper){.trainer = trainer, .data = sets[by_power], .batch = BATCH};
        racers[by_power] = (bench_racer){.turn = bench_steps, .context = &steppers[by_power]};
    }
    bench_steps(&steppers[0], t->seconds < 0.1 ? 1 : WARM_UP, seconds); /* pages come then */
    bench_race(racers, 2, t->seconds);
    printf("{\"evenly_us\": %.1f, \"power_us\": %.1f}\n",
           1e6 * bench_quantile(&racers[0].samples, 0.5),
           1e6 * bench_quantile(&racers[1].samples, 0.5));
    for (int i = 0; i < 2; i++) {
        bench_samples_free(&racers[i].samples);
        mmoe_dataset_free(sets[i]);
    }
}

/* ---- An epoch ---- */

static void judge_epoch(const tables *t, const mmoe_model *model, mmoe_trainer *trainer) {
    mmoe_dataset *train = make_rows(t, 0, t->examples, true),
                 *test = make_rows(t, t->examples, t->examples / 10 + 1, true);
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
    const bool is_epoch = argc == 6 && strcmp(argv[4], "epoch") == 0;
    if (argc != 5 && !is_epoch) return false;
    *t = (tables){.update = argv[1], .rows = atoll(argv[2]), .width = atoll(argv[3])};
    if (is_epoch)
        t->examples = atoll(argv[5]);
    else
        t->seconds = atof(argv[4]);
    return t->rows > 0 && t->width > 0 && (is_epoch ? t->examples > 0 : t->seconds > 0);
}

int main(int argc, char **argv) {
    static const char *const columns[] = {"id"};
    const mmoe_trainer_options options = {.threads = 1, .single_threaded_blas = 1};
    tables t;
    mmoe_model *model;
    mmoe_trainer *trainer;
    mmoe_error err;
    if (argc == 2 && strcmp(argv[1], "--help") == 0) return fputs(usage, stdout) < 0;
    if (!parse(argc, argv, &t)) {
        fputs(usage, stderr);
        return 2;
    }
    t.config = make_config(&t);
    if (mmoe_schema_create(t.config, columns, 1, NULL, &t.schema, &err) ||
        mmoe_estimate_check(t.config, t.schema, 1, &err) ||
        mmoe_model_create(t.config, t.schema, NULL, &model, &err) ||
        mmoe_trainer_create(model, &options, NULL, &trainer, &err))
        bench_fail("%s", err.message);
    if (t.examples)
        judge_epoch(&t, model, trainer);
    else
        time_steps(&t, trainer);
    mmoe_trainer_free(trainer);
    mmoe_model_free(model);
    mmoe_schema_free(t.schema);
    mmoe_config_free(t.config);
    return fflush(stdout) ? EXIT_FAILURE : EXIT_SUCCESS;
}
