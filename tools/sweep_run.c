/* The runs of a sweep, side by side: threads of one process share the data sets, each trains one
 * model at a time with one thread. */
#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "progress.h"
#include "rows.h"
#include "sweep.h"
#include "warnings.h"

/* Rows, in memory or to be streamed, each run for itself. Whoever needs them first reads them; they
 * go when the last run that needs them is done. */
typedef struct run_rows {
    cli_reading how;
    pthread_mutex_t mutex;
    bool is_read;
    mmoe_status status;
    mmoe_error err;
    mmoe_schema *schema;
    mmoe_dataset *train, *valid, *test;
    size_t users; /* open runs; guarded by the crew's mutex */
} run_rows;

typedef struct crew {
    const sweep_plan *plan;
    sweep_results *results;
    run_rows *data;       /* [plan->n_data] */
    size_t n_open, *open; /* the runs to do, those of the same data one after the other */
    pthread_mutex_t mutex;
    size_t next, done; /* of open: taken, ended */
    double *shares;    /* [runs] how much of a run that goes on is done: 0 to 1 */
    double began;      /* seconds */
    int status;
} crew;

/* What a run's callbacks add up. */
typedef struct run_state {
    crew *crew;
    size_t run;
    sweep_result *result;
    int64_t rows;
    double train_seconds;
} run_state;

static atomic_int stopped; /* a signal's handler writes it, and all workers read it */

static void stop(int number) {
    (void)number;
    stopped = 1;
}

/* ---- Data ---- */

static mmoe_status read_judged(const cli_keeping *keeping, run_rows *d, const cli_rows *from,
                               mmoe_dataset **out) {
    return cli_read_judged(d->schema, from, &d->how, keeping, out, &d->err);
}

static mmoe_status read_all(const sweep_plan *p, const mmoe_config *config, run_rows *d) {
    char *groups = cli_groups_of(config);
    cli_keeping keeping = {.count = 0};
    cli_keep(&keeping, groups, "data.group");
    d->how.streamed = cli_streams(config);
    mmoe_status status = cli_fit_rows(config, &p->train, &d->how, &d->schema, &d->train, &d->err);
    if (!status) status = read_judged(&keeping, d, &p->valid, &d->valid);
    if (!status && p->test.count) status = read_judged(&keeping, d, &p->test, &d->test);
    free(groups);
    return status;
}

static mmoe_status read_run_rows(const sweep_plan *p, size_t run, run_rows *d) {
    mmoe_config *config;
    mmoe_status status =
        sweep_config(p, run / p->n_seed, p->seeds[run % p->n_seed], &config, &d->err);
    if (status) return status;
    status = read_all(p, config, d);
    mmoe_config_free(config);
    cli_warn_of_data(p->train.name, d->train);
    cli_warn_of_data(p->valid.name, d->valid);
    cli_warn_of_data(p->test.name, d->test);
    return status;
}

static void free_rows(run_rows *d) {
    mmoe_dataset_free(d->train);
    mmoe_dataset_free(d->valid);
    mmoe_dataset_free(d->test);
    mmoe_schema_free(d->schema);
    d->train = d->valid = d->test = NULL;
    d->schema = NULL;
}

static mmoe_status need_rows(const sweep_plan *p, size_t run, run_rows *d) {
    pthread_mutex_lock(&d->mutex);
    if (!d->is_read) d->status = read_run_rows(p, run, d);
    d->is_read = true;
    pthread_mutex_unlock(&d->mutex);
    return d->status;
}

/* ---- One run ---- */

static int on_epoch(void *user, const mmoe_epoch_report *epoch) {
    run_state *s = user;
    s->result->epochs = epoch->epoch;
    if (epoch->is_best) s->result->best_epoch = epoch->epoch;
    s->rows += epoch->rows;
    s->train_seconds += epoch->train_seconds;
    return stopped;
}

/* Under the crew's mutex. */
static void tell(const crew *c) {
    char text[100], left[CLI_TIME_SIZE];
    double done = (double)c->done;
    for (size_t i = 0; i < c->n_open; i++) done += c->shares[c->open[i]];
    if (done <= 0) return;
    const double share = done / (double)c->n_open,
                 seconds = (mmoe_clock() - c->began) * (1 - share) / share;
    snprintf(text, sizeof text, "sweep %3.0f %%  %zu of %zu runs done  at most %s left",
             floor(100 * share), c->done, c->n_open, cli_time_text(seconds, left));
    cli_progress_line("sweep", text);
}

static int on_progress(void *user, const mmoe_progress *p) {
    const run_state *s = user;
    crew *c = s->crew;
    pthread_mutex_lock(&c->mutex);
    c->shares[s->run] = (p->epoch - 1 + (double)p->rows_done / (double)p->rows) / p->n_epoch;
    tell(c);
    pthread_mutex_unlock(&c->mutex);
    return stopped;
}

static mmoe_status evaluate_rows(const sweep_plan *p, const mmoe_model *model, const run_rows *d,
                                 sweep_result *result, mmoe_error *err) {
    mmoe_task_metrics metrics[256]; /* as many tasks as a model has at most */
    if (d->test) cli_warn_of_labels(p->test.name, model, d->test);
    for (int split = 0; split < (d->test ? 2 : 1); split++) {
        mmoe_status status =
            mmoe_evaluate(model, split ? d->test : d->valid, 1, NULL, metrics, err);
        if (status) return status;
        for (size_t i = 0; i < p->n_figure; i++)
            if (p->figures[i].is_test == (split == 1))
                result->values[i] =
                    cli_figure_value(&metrics[p->figures[i].task], p->figures[i].place);
    }
    return MMOE_OK;
}

static mmoe_status do_run(crew *c, size_t run, run_rows *d, sweep_result *result, mmoe_error *err) {
    const sweep_plan *p = c->plan;
    mmoe_config *config = NULL;
    mmoe_model *model = NULL;
    mmoe_trainer *trainer = NULL;
    run_state state = {.crew = c, .run = run, .result = result};
    const mmoe_trainer_options options = {
        .threads = 1,
        .user = &state,
        .on_epoch = on_epoch,
        .on_progress = on_progress,
        .on_warning = cli_warn_of_training,
        .best_folder = c->results->directory,
    };
    mmoe_status status = need_rows(p, run, d);
    if (status) *err = d->err;
    const double began = mmoe_clock();
    if (!status) status = sweep_config(p, run / p->n_seed, p->seeds[run % p->n_seed], &config, err);
    if (!status) status = mmoe_estimate_check(config, d->schema, 1, err);
    if (!status) status = mmoe_model_create(config, d->schema, NULL, &model, err);
    if (!status) status = mmoe_trainer_create(model, &options, NULL, &trainer, err);
    if (!status) status = mmoe_trainer_fit(trainer, d->train, d->valid, err);
    if (!status) status = evaluate_rows(p, model, d, result, err);
    if (model) result->parameters = mmoe_model_parameter_count(model);
    if (state.train_seconds > 0)
        result->rows_per_second = round((double)state.rows / state.train_seconds);
    mmoe_trainer_free(trainer);
    mmoe_model_free(model);
    mmoe_config_free(config);
    result->seconds = round(1000 * (mmoe_clock() - began)) / 1000; /* as the results' file has it */
    return status;
}

/* ---- Side by side ---- */

static void print_figures(const sweep_plan *p, const sweep_result *r) {
    for (size_t i = 0; i < p->n_selected; i++) {
        const sweep_figure *f = &p->figures[p->selected[i]];
        const double value = r->values[p->selected[i]];
        if (isfinite(value))
            fprintf(stderr, "  %s %.5f", f->name, value);
        else
            fprintf(stderr, "  %s undefined", f->name);
    }
    fprintf(stderr, "  epoch %lld of %lld  %.2f s\n", (long long)r->best_epoch,
            (long long)r->epochs, r->seconds);
}

static void print_run(const crew *c, size_t run) {
    const sweep_plan *p = c->plan;
    const sweep_result *r = &c->results->runs[run];
    char text[160];
    sweep_setting_text(p, run / p->n_seed, text, sizeof text);
    cli_progress_hold();
    fprintf(stderr, "run %zu/%zu  %s seed %lld", c->done, c->n_open, text,
            (long long)p->seeds[run % p->n_seed]);
    if (r->status == SWEEP_FAILED)
        fprintf(stderr, "  failed: %s\n", r->message);
    else
        print_figures(p, r);
    cli_progress_release();
}

/* Under the crew's mutex. A run that a signal cut off stays open. */
static void end_run(crew *c, size_t run, mmoe_status status, const mmoe_error *err) {
    sweep_result *result = &c->results->runs[run];
    c->shares[run] = 0;
    if (status == MMOE_E_CANCELLED && stopped) return;
    result->status = status ? SWEEP_FAILED : SWEEP_OK;
    if (status && !(result->message = strdup(err->message))) c->status = cli_fail_memory();
    c->done++;
    if (!c->status) c->status = sweep_results_add(c->results, c->plan, run);
    if (!c->status) print_run(c, run);
}

static void *do_runs(void *user) {
    crew *c = user;
    pthread_mutex_lock(&c->mutex);
    while (!stopped && !c->status && c->next < c->n_open) {
        const size_t run = c->open[c->next++];
        run_rows *d = &c->data[c->plan->settings[run / c->plan->n_seed].data];
        pthread_mutex_unlock(&c->mutex);
        mmoe_error err;
        mmoe_status status = do_run(c, run, d, &c->results->runs[run], &err);
        pthread_mutex_lock(&c->mutex);
        end_run(c, run, status, &err);
        if (--d->users == 0) free_rows(d);
    }
    pthread_mutex_unlock(&c->mutex);
    return NULL;
}

static void list_open(crew *c) {
    const sweep_plan *p = c->plan;
    for (size_t d = 0; d < p->n_data; d++)
        for (size_t i = 0; i < c->results->n_run; i++)
            if (p->settings[i / p->n_seed].data == d && c->results->runs[i].status == SWEEP_OPEN) {
                c->open[c->n_open++] = i;
                c->data[d].users++;
            }
}

static int start_threads(crew *c, int threads) {
    pthread_t others[CLI_MAX_THREADS];
    int started = 0;
    struct sigaction action = {
        .sa_handler = stop,
        .sa_flags = (int)SA_RESETHAND}; /* a second signal ends the program at once */
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    /* Data that cannot be read end the sweep before it begins. */
    run_rows *first = &c->data[c->plan->settings[c->open[0] / c->plan->n_seed].data];
    if (need_rows(c->plan, c->open[0], first)) return cli_fail("%s", first->err.message);
    while (started + 1 < threads && (size_t)started + 1 < c->n_open &&
           pthread_create(&others[started], NULL, do_runs, c) == 0)
        started++;
    do_runs(c);
    for (int i = 0; i < started; i++) pthread_join(others[i], NULL);
    if (!c->status && c->done < c->n_open)
        return cli_fail("stopped with %zu of %zu runs done; the same command goes on", c->done,
                        c->n_open);
    return c->status;
}

int sweep_run_all(const sweep_plan *plan, sweep_results *results, int threads, int64_t skip_bad) {
    crew c = {.plan = plan,
              .results = results,
              .mutex = PTHREAD_MUTEX_INITIALIZER,
              .began = mmoe_clock()};
    c.data = calloc(plan->n_data, sizeof *c.data);
    c.open = calloc(results->n_run, sizeof *c.open);
    c.shares = calloc(results->n_run, sizeof *c.shares);
    int status = c.data && c.open && c.shares ? CLI_OK : cli_fail_memory();
    for (size_t i = 0; c.data && i < plan->n_data; i++) {
        c.data[i].how = (cli_reading){.threads = threads, .skip_bad = skip_bad};
        pthread_mutex_init(&c.data[i].mutex, NULL);
    }
    if (!status) list_open(&c);
    if (!status && c.n_open < results->n_run)
        cli_note("%zu of %zu runs are done already", results->n_run - c.n_open, results->n_run);
    if (!status && c.n_open > 0) status = start_threads(&c, threads);
    for (size_t i = 0; c.data && i < plan->n_data; i++) {
        free_rows(&c.data[i]);
        pthread_mutex_destroy(&c.data[i].mutex);
    }
    free(c.data);
    free(c.open);
    free(c.shares);
    cli_progress_clear();
    return status;
}
