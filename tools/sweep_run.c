/* The runs of a sweep, side by side: threads of one process share the data sets, each trains one
 * model at a time with one thread. The thread that the program began with deals runs to them, and
 * to the other ranks, which all know of every run what became of it and so deal alike. */
#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "files.h"
#include "progress.h"
#include "ranks.h"
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
    size_t users; /* open runs, of all ranks */
} run_rows;

typedef struct crew {
    const sweep_plan *plan;
    sweep_results *results;
    run_rows *data;       /* [plan->n_data] */
    size_t n_open, *open; /* the runs to do, those of the same data one after the other */
    size_t next, done;    /* of open: dealt, ended; of all ranks, as the next two */
    double others_share;  /* how much is done of the runs that others have */
    int *dealt_to;        /* [runs] a rank; -1: none, or it has ended */
    int threads;
    double began; /* seconds */
    pthread_mutex_t mutex;
    pthread_cond_t dealt, ended; /* guarded by the mutex: */
    size_t n_mine, taken, *mine; /* [runs] dealt to this rank's workers */
    size_t n_over;               /* of these */
    size_t n_ended, *has_ended;  /* [runs] with a result, of which nothing is told yet */
    double *shares;              /* [runs] how much of a run that goes on is done: 0 to 1 */
    bool is_over;                /* no more runs come */
    atomic_int status;
    sweep_news news; /* the dealing thread's */
} crew;

/* What a run's callbacks add up. */
typedef struct run_state {
    crew *crew;
    size_t run;
    sweep_result *result;
    int64_t rows;
    double train_seconds;
} run_state;

static int stopped; /* a signal's handler writes it, and all workers read it */

static void stop(int number) {
    (void)number;
    __atomic_store_n(&stopped, 1, __ATOMIC_RELAXED);
}

static bool is_stopped(void) { return __atomic_load_n(&stopped, __ATOMIC_RELAXED) != 0; }

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
    if (epoch->member == 1) s->result->epochs = epoch->epoch;
    if (epoch->member == 1 && epoch->is_best) s->result->best_epoch = epoch->epoch;
    s->rows += epoch->rows;
    s->train_seconds += epoch->train_seconds;
    return is_stopped();
}

/* Under the crew's mutex, as all that takes one below. */
static double own_share(const crew *c) {
    double share = 0;
    for (size_t i = 0; i < c->n_mine; i++) share += c->shares[c->mine[i]];
    return share;
}

static void tell(const crew *c) {
    char text[100], left[CLI_TIME_SIZE];
    const double done = (double)c->done + own_share(c) + c->others_share;
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
    const double share = (p->epoch - 1 + (double)p->rows_done / (double)p->rows) / p->n_epoch;
    c->shares[s->run] = (p->member - 1 + share) / p->n_member;
    tell(c);
    pthread_mutex_unlock(&c->mutex);
    return is_stopped();
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

static void print_run(const crew *c, size_t run, int rank) {
    const sweep_plan *p = c->plan;
    const sweep_result *r = &c->results->runs[run];
    char text[160], by[24] = "";
    sweep_setting_text(p, run / p->n_seed, text, sizeof text);
    if (cli_ranks()->size > 1) snprintf(by, sizeof by, " on rank %d", rank);
    cli_progress_hold();
    fprintf(stderr, "run %zu/%zu  %s seed %lld", c->done, c->n_open, text,
            (long long)p->seeds[run % p->n_seed]);
    if (r->status == SWEEP_FAILED)
        fprintf(stderr, "  failed%s: %s\n", by, r->message);
    else
        print_figures(p, r);
    cli_progress_release();
}

static run_rows *rows_of(const crew *c, size_t run) {
    return &c->data[c->plan->settings[run / c->plan->n_seed].data];
}

/* A run that a signal cut off stays open. */
static void end_run(crew *c, size_t run, mmoe_status status, const mmoe_error *err) {
    sweep_result *result = &c->results->runs[run];
    c->shares[run] = 0;
    c->n_over++;
    pthread_cond_signal(&c->ended);
    if (status == MMOE_E_CANCELLED && is_stopped()) return;
    result->status = status ? SWEEP_FAILED : SWEEP_OK;
    if (status && !(result->message = strdup(err->message))) c->status = cli_fail_memory();
    c->has_ended[c->n_ended++] = run;
}

static void *do_runs(void *user) {
    crew *c = user;
    pthread_mutex_lock(&c->mutex);
    for (;;) {
        while (c->taken == c->n_mine && !c->is_over) pthread_cond_wait(&c->dealt, &c->mutex);
        if (c->taken == c->n_mine) break;
        const size_t run = c->mine[c->taken++];
        mmoe_error err;
        mmoe_status status = MMOE_E_CANCELLED;
        if (!is_stopped()) {
            pthread_mutex_unlock(&c->mutex);
            status = do_run(c, run, rows_of(c, run), &c->results->runs[run], &err);
            pthread_mutex_lock(&c->mutex);
        }
        end_run(c, run, status, &err);
    }
    pthread_mutex_unlock(&c->mutex);
    return NULL;
}

/* ---- Dealing ---- */

/* Until a run has ended, or others may have something to tell. */
static void await_news(crew *c) {
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until); /* which nobody sets back: make_conditions */
    until.tv_nsec += 20000000;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    if (c->n_mine > c->n_over && !c->n_ended) pthread_cond_timedwait(&c->ended, &c->mutex, &until);
}

/* This rank's word, and its runs that have ended. */
static void make_news(crew *c) {
    sweep_news *news = &c->news;
    pthread_mutex_lock(&c->mutex);
    await_news(c);
    const int64_t busy = (int64_t)(c->n_mine - c->n_over);
    news->words[cli_ranks()->rank] =
        (sweep_word){c->threads - busy, busy, is_stopped(), own_share(c)};
    memcpy(news->ended, c->has_ended, c->n_ended * sizeof *news->ended);
    news->n_ended = c->n_ended;
    c->n_ended = 0;
    pthread_mutex_unlock(&c->mutex);
}

static int take_end(crew *c, size_t run, int rank) {
    int status = CLI_OK;
    c->dealt_to[run] = -1;
    pthread_mutex_lock(&c->mutex);
    c->done++;
    pthread_mutex_unlock(&c->mutex);
    if (cli_ranks()->rank == 0) status = sweep_results_add(c->results, c->plan, run);
    if (cli_ranks()->rank == 0 && !status) print_run(c, run, rank);
    if (--rows_of(c, run)->users == 0) free_rows(rows_of(c, run));
    return status;
}

/* What other ranks were at when one has failed. */
static void note_runs(const crew *c) {
    const sweep_plan *p = c->plan;
    char text[160];
    for (size_t i = 0; i < c->n_open; i++) {
        const size_t run = c->open[i];
        if (c->dealt_to[run] < 0 || c->dealt_to[run] == cli_ranks()->rank) continue;
        sweep_setting_text(p, run / p->n_seed, text, sizeof text);
        cli_note("rank %d has not ended its run %s seed %lld", c->dealt_to[run], text,
                 (long long)p->seeds[run % p->n_seed]);
    }
}

/* What all ranks say, this one too. Returns a status. */
static int hear(crew *c) {
    make_news(c);
    double share = 0;
    int status = c->status;
    if (!status && (status = sweep_tell(c->plan, c->results, &c->news)) != 0) note_runs(c);
    for (int r = 0; r < cli_ranks()->size; r++)
        if (r != cli_ranks()->rank) share += c->news.words[r].share;
    for (size_t i = 0; !status && i < c->news.n_ended; i++)
        status = take_end(c, c->news.ended[i], c->news.rank_of[i]);
    pthread_mutex_lock(&c->mutex);
    c->others_share = share;
    pthread_mutex_unlock(&c->mutex);
    return status;
}

static bool any_stops(const crew *c) {
    int64_t stops = 0;
    for (int r = 0; r < cli_ranks()->size; r++) stops += c->news.words[r].stops;
    return stops > 0;
}

/* A run for each worker that has none, rank by rank. */
static void deal(crew *c) {
    bool is_dealt = true;
    pthread_mutex_lock(&c->mutex);
    for (int64_t worker = 0; is_dealt; worker++) {
        is_dealt = false;
        for (int r = 0; r < cli_ranks()->size && c->next < c->n_open; r++) {
            if (c->news.words[r].idle <= worker) continue;
            is_dealt = true;
            if (r == cli_ranks()->rank) c->mine[c->n_mine++] = c->open[c->next];
            c->dealt_to[c->open[c->next++]] = r;
        }
    }
    pthread_cond_broadcast(&c->dealt);
    pthread_mutex_unlock(&c->mutex);
}

/* Until all runs are done, a rank has failed, or all have stopped since one does. */
static int deal_all(crew *c) {
    for (;;) {
        const int status = hear(c);
        int64_t busy = 0;
        for (int r = 0; r < cli_ranks()->size; r++) busy += c->news.words[r].busy;
        if (any_stops(c)) stop(0);
        if (status || c->done == c->n_open || (any_stops(c) && !busy)) return status;
        if (!any_stops(c)) deal(c);
    }
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

static int say_stop(const crew *c) {
    return cli_fail("stopped with %zu of %zu runs done; the same command goes on", c->done,
                    c->n_open);
}

static int start_threads(crew *c) {
    pthread_t workers[CLI_MAX_THREADS];
    int started = 0;
    cli_stop_on_signals(stop);
    /* Data that cannot be read end the sweep before it begins. */
    run_rows *first = rows_of(c, c->open[0]);
    const mmoe_status read = need_rows(c->plan, c->open[0], first);
    if (read == MMOE_E_CANCELLED && is_stopped()) return say_stop(c);
    if (read) return cli_fail("%s", first->err.message);
    while (started < c->threads && (size_t)started < c->n_open &&
           pthread_create(&workers[started], NULL, do_runs, c) == 0)
        started++;
    c->threads = started;
    int status = started ? deal_all(c) : cli_fail("the system gives no thread");
    pthread_mutex_lock(&c->mutex);
    if (status) stop(0);
    c->is_over = true;
    pthread_cond_broadcast(&c->dealt);
    pthread_mutex_unlock(&c->mutex);
    for (int i = 0; i < started; i++) pthread_join(workers[i], NULL);
    return !status && c->done < c->n_open ? say_stop(c) : status;
}

/* False: no memory. */
static bool take_crew_memory(crew *c) {
    const size_t n = c->results->n_run;
    c->data = calloc(c->plan->n_data, sizeof *c->data);
    c->open = calloc(n, sizeof *c->open);
    c->mine = calloc(n, sizeof *c->mine);
    c->shares = calloc(n, sizeof *c->shares);
    c->dealt_to = calloc(n, sizeof *c->dealt_to);
    for (size_t i = 0; c->dealt_to && i < n; i++) c->dealt_to[i] = -1;
    c->has_ended = calloc(n, sizeof *c->has_ended);
    c->news.ended = calloc(n, sizeof *c->news.ended);
    c->news.rank_of = calloc(n, sizeof *c->news.rank_of);
    return c->data && c->open && c->mine && c->shares && c->dealt_to && c->has_ended &&
           c->news.ended && c->news.rank_of;
}

static void free_crew(crew *c) {
    for (size_t i = 0; c->data && i < c->plan->n_data; i++) {
        free_rows(&c->data[i]);
        pthread_mutex_destroy(&c->data[i].mutex);
    }
    free(c->data);
    free(c->open);
    free(c->mine);
    free(c->shares);
    free(c->dealt_to);
    free(c->has_ended);
    free(c->news.ended);
    free(c->news.rank_of);
}

static void make_conditions(crew *c) {
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&c->ended, &attributes);
    pthread_condattr_destroy(&attributes);
}

int sweep_run_all(const sweep_plan *plan, sweep_results *results, int threads, int64_t skip_bad) {
    crew c = {.plan = plan,
              .results = results,
              .threads = threads,
              .mutex = PTHREAD_MUTEX_INITIALIZER,
              .dealt = PTHREAD_COND_INITIALIZER,
              .began = mmoe_clock()};
    make_conditions(&c);
    int status = take_crew_memory(&c) ? CLI_OK : cli_fail_memory();
    for (size_t i = 0; c.data && i < plan->n_data; i++) {
        c.data[i].how = (cli_reading){.threads = threads, .skip_bad = skip_bad, .stop = &stopped};
        pthread_mutex_init(&c.data[i].mutex, NULL);
    }
    if (!status) list_open(&c);
    if (!status && c.n_open < results->n_run)
        cli_note("%zu of %zu runs are done already", results->n_run - c.n_open, results->n_run);
    if (!status && c.n_open > 0) status = start_threads(&c);
    free_crew(&c);
    pthread_cond_destroy(&c.ended);
    cli_progress_clear();
    return status;
}
