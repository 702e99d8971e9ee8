/* Training over ranks: the files of one process, byte for byte, whatever their number. */
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/comm_threads.h"
#include "check_main.h"
#include "failing.h"
#include "files.h"
#include "segments_support.h"

enum { BATCH = 299, SEGMENTS = 8, MOST_RANKS = 8 }; /* the last batch of an epoch has three rows */
#if defined(__SANITIZE_THREAD__) || defined(EMULATED)
enum { EVERY = 4, FAILS = 901 }; /* a way, and a call, of so many alone, as each takes long */
#else
enum { EVERY = 1, FAILS = 29 };
#endif

/* Rows that are updated when they are read, by each optimizer. */
#define TABLES(update, optimizer, keys)                                                            \
    "\"embedding_update\": \"" update "\", \"embedding_optimizer\": \"" optimizer                  \
    "\", \"embedding_optimizer_params\": {\"lr\": 0.01" keys "}"
#define DROPS "\"n_expert\": 3, \"expert_params\": {\"dims\": [16], \"dropout\": 0.2}"
#define NONE ", \"weight_decay\": 0"
#define CLIPS ", \"clip_norm\": 0.05"
static const way of_tables[] = {
    {"mmoe", DROPS, METHOD("\"famo\"") ", " TABLES("deferred", "adam", NONE), "dense"},
    {"ple", "\"expert_params\": {\"dims\": [12], \"dropout\": 0.1}",
     SGD ", " TABLES("deferred", "adamw", ", \"weight_decay\": 0.05"), "dense"},
    {"mmoe", "\"n_expert\": 3",
     METHOD("\"gradnorm\"") ", " TABLES("deferred", "sgd", NONE ", \"momentum\": 0.9"), "dense"},
    {"shared_bottom", "\"bottom_params\": {\"dims\": [24]}",
     SGD ", " TABLES("deferred", "adagrad", ", \"weight_decay\": 0.001"), "auto"},
    {"mmoe", DROPS, SGD CLIPS ", " TABLES("deferred", "rowwise_adagrad", NONE), "auto"},
    {"mmoe", DROPS, SGD CLIPS ", " TABLES("lazy", "adam", NONE), "auto"},
    {"mmoe", DROPS, METHOD("\"pcgrad\", \"at\": \"parameters\"") ", " TABLES("dense", "adam", NONE),
     "dense"},
};
/* The first table of the last way does not learn. */
enum { OF_TABLES = sizeof of_tables / sizeof *of_tables, ALL = WAYS + OF_TABLES, FROZEN = ALL - 1 };

static const way *way_at(int i) { return i < WAYS ? &ways[i] : &of_tables[i - WAYS]; }

/* ---- A run ---- */

/* Numbers of an epoch; NaN where they are not defined. */
enum { MOST_NUMBERS = 120 };
typedef struct told {
    int32_t count;
    double numbers[MOST_NUMBERS];
} told;

typedef struct work {
    const problem *p;
    int threads;
    const char *path, *resume; /* of the checkpoint; one to go on with, NULL: none */
    bool validates, stops;     /* stops: the caller does, behind the first epoch */
    bool first_has_path;       /* alone of all ranks */
    int failing;               /* a rank that has no memory for call fail_at; -1: none */
    long fail_at;
    mmoe_model *models[MOST_RANKS]; /* that came of it */
    bool was_stopped[MOST_RANKS];
    told epochs[3];      /* by the first rank; the first of a linear part alone */
    mmoe_trainer *first; /* the first rank's, while it fits with others; NULL: it is alone */
} work;

static void tell(told *t, double number) {
    ck_assert_int_lt(t->count, MOST_NUMBERS);
    t->numbers[t->count++] = number;
}

static void tell_all(told *t, const double *numbers, int32_t n) {
    for (int32_t i = 0; numbers && i < n; i++) tell(t, numbers[i]);
}

static void tell_metrics(told *t, const mmoe_task_metrics *m) {
    tell_all(t, m->values, MMOE_MAX_METRICS);
    tell_all(t,
             (double[]){(double)m->rows, m->auc, m->logloss, m->mse, m->calibration, m->constant,
                        m->base, m->relative, m->ece},
             9);
}

/* All that is not of the clock. */
static int stop(void *user, const mmoe_epoch_report *r) {
    work *w = user;
    told *t = &w->epochs[r->epoch];
    *t = (told){0};
    if (w->first) {
        mmoe_error err;
        ck_assert_int_eq(mmoe_trainer_set_lr(w->first, 0.5, &err), MMOE_E_ARGUMENT);
        ck_assert_msg(strstr(err.message, "several ranks") != NULL, "%s", err.message);
    }
    tell_all(t, (double[]){r->loss, r->score, r->is_best, r->lr}, 4);
    tell_all(t, r->task_loss, r->n_task);
    tell_all(t, r->task_factors, r->n_task);
    for (int32_t i = 0; r->valid && i < r->n_task; i++) tell_metrics(t, &r->valid[i]);
    for (int32_t i = 0; r->progressive && i < r->n_task; i++)
        tell_all(t, (double[]){r->progressive[i].loss, r->progressive[i].auc}, 2);
    for (int32_t i = 0; i < r->n_gate; i++) {
        tell_all(t, r->gates[i].mean_weight, r->gates[i].n_expert);
        tell(t, r->gates[i].entropy);
    }
    return w->stops && r->epoch == 1;
}

static mmoe_status fit(work *w, mmoe_comm *c, failing *f, mmoe_error *err) {
    const mmoe_allocator alloc = failing_allocator(f);
    const mmoe_trainer_options options = {.threads = w->threads,
                                          .single_threaded_blas = 1,
                                          .checkpoint_path =
                                              w->first_has_path && c->rank ? NULL : w->path,
                                          .on_epoch = stop,
                                          .user = w};
    mmoe_trainer *trainer = NULL;
    mmoe_model **model = &w->models[c->rank];
    mmoe_status status = mmoe_model_create(w->p->config, w->p->schema, NULL, model, err);
    if (!status) status = mmoe_trainer_create(*model, &options, &alloc, &trainer, err);
    f->fail_at = w->failing == c->rank ? atomic_load(&f->calls) + w->fail_at : 0;
    if (!status) status = mmoe_trainer_join(trainer, c, err);
    if (!status && c->size > 1)
        ck_assert_int_eq(mmoe_trainer_join(trainer, c, NULL), MMOE_E_ARGUMENT);
    if (!status && w->resume) status = mmoe_trainer_resume(trainer, w->resume, err);
    if (c->rank == 0) w->first = c->size > 1 ? trainer : NULL;
    if (!status)
        status = mmoe_trainer_fit(trainer, w->p->rows, w->validates ? w->p->rows : NULL, err);
    f->fail_at = 0;
    mmoe_trainer_free(trainer);
    return status;
}

static mmoe_status run_rank(void *context, mmoe_comm *c, mmoe_error *err) {
    failing f = {0};
    const mmoe_status status = fit(context, c, &f, err);
    work *w = context;
    ck_assert_int_eq(atomic_load(&f.live), 0);
    w->was_stopped[c->rank] = status == MMOE_E_CANCELLED;
    return w->was_stopped[c->rank] ? MMOE_OK : status; /* it does not end the others */
}

/* Of all ranks; *err is the first's that failed. */
static mmoe_status run(work *w, int ranks, mmoe_error *err) {
    const mmoe_comm_group_options options = {.size = ranks};
    mmoe_error errors[MOST_RANKS] = {{0}};
    mmoe_comm_group *g;
    ck_assert_int_eq(mmoe_comm_group_create(&options, NULL, &g, err), MMOE_OK);
    const mmoe_status status = mmoe_comm_group_run(g, run_rank, w, errors);
    mmoe_comm_group_free(g);
    for (int r = ranks - 1; r >= 0; r--)
        if (errors[r].code) *err = errors[r];
    return status;
}

static void free_models(work *w) {
    for (int r = 0; r < MOST_RANKS; r++) mmoe_model_free(w->models[r]);
    memset(w->models, 0, sizeof w->models);
}

/* ---- The same bytes ---- */

static void check_same_file(const char *name, const char *one, const char *other, int ranks) {
    size_t m, n;
    char *a = get_file(one, &m), *b = get_file(other, &n);
    ck_assert_msg(m == n && memcmp(a, b, m) == 0, "%s: %s differs with %d ranks", name, other,
                  ranks);
    free(a);
    free(b);
}

/* To the bit, of the epochs that both have run. */
static void check_same_numbers(const char *name, const told *one, const told *other, int ranks) {
    for (int e = 0; e < 3; e++)
        for (int32_t i = 0; other[e].count && i < one[e].count; i++)
            ck_assert_msg(
                one[e].count == other[e].count &&
                    memcmp(&one[e].numbers[i], &other[e].numbers[i], sizeof one[e].numbers[i]) == 0,
                "%s: number %d of epoch %d is %g, and %g with %d ranks", name, (int)i, e,
                one[e].numbers[i], other[e].numbers[i], ranks);
    ck_assert(other[1].count || other[2].count);
}

static void save(const mmoe_model *m, const char *path) {
    SUCCEEDS(mmoe_model_save(m, path, &err));
}

static void run_one(work *w, const char *checkpoint, const char *model) {
    mmoe_error err = {0};
    w->path = checkpoint;
    const mmoe_status status = run(w, 1, &err);
    ck_assert_msg(!status, "%s", err.message);
    save(w->models[0], model);
    free_models(w);
}

/* The model of every rank. */
static void check_ranks(work *w, const char *name, int ranks, const char *checkpoint,
                        const char *model) {
    mmoe_error err = {0};
    char path[128], others[128];
    told epochs[3];
    memcpy(epochs, w->epochs, sizeof epochs);
    memset(w->epochs, 0, sizeof w->epochs);
    snprintf(path, sizeof path, "%s", in_folder("many.ckpt"));
    snprintf(others, sizeof others, "%s", in_folder("many.model"));
    w->path = path;
    const mmoe_status status = run(w, ranks, &err);
    ck_assert_msg(!status, "%s, %d ranks: %s", name, ranks, err.message);
    check_same_file(name, checkpoint, path, ranks);
    check_same_numbers(name, epochs, w->epochs, ranks);
    memcpy(w->epochs, epochs, sizeof epochs);
    for (int r = 0; r < ranks; r++) {
        save(w->models[r], others);
        check_same_file(name, model, others, ranks);
    }
    free_models(w);
}

/* What ranks have parts of: none, one a value, one a row of a table, two. */
static void keep_moments(mmoe_config *c, int number) {
    if (number == 1) SUCCEEDS(mmoe_config_set(c, "trainer.optimizer_params.momentum", "0.5", &err));
    if (number == 2)
        SUCCEEDS(mmoe_config_set(c, "trainer.embedding_optimizer", "rowwise_adagrad", &err));
    if (number == 3) SUCCEEDS(mmoe_config_set(c, "trainer.embedding_optimizer", "adam", &err));
}

START_TEST(files_are_those_of_one_process) {
    const int number = _i * EVERY;
    const way *of = way_at(number);
    problem p = problem_of(of, SEGMENTS, BATCH);
    work w = {.p = &p, .threads = 1, .validates = number % 4 == 1, .failing = -1};
    char checkpoint[128], model[128];
    snprintf(checkpoint, sizeof checkpoint, "%s", in_folder("one.ckpt"));
    snprintf(model, sizeof model, "%s", in_folder("one.model"));
    if (number % 3) SUCCEEDS(mmoe_config_set(p.config, "trainer.n_epoch", "1", &err));
    if (!strstr(of->trainer, "embedding_update")) keep_moments(p.config, number % 4);
    if (number == FROZEN)
        SUCCEEDS(mmoe_config_set(p.config, "features.sparse.0.trainable", "false", &err));
    run_one(&w, checkpoint, model);
    const int most = number % 5 == 2 ? MOST_RANKS : 4;
    for (int ranks = 2; ranks <= most / (THREADS_ALONE + 1); ranks *= 2) {
        w.threads = ranks == 2 ? 2 : 1;
        check_ranks(&w, of->name, ranks, checkpoint, model);
    }
    problem_finish(&p);
}
END_TEST

/* Stopped behind the first epoch, and gone on with by other numbers of ranks. */
START_TEST(runs_go_on_with_any_number_of_ranks) {
    static const int numbers[][2] = {{1, 4}, {4, 2}, {8, 1}};
    const way *of = _i ? &of_tables[0] : &ways[12];
    problem p = problem_of(of, SEGMENTS, BATCH);
    work w = {.p = &p, .threads = 1, .validates = true, .failing = -1};
    char checkpoint[128], model[128], half[128];
    snprintf(checkpoint, sizeof checkpoint, "%s", in_folder("one.ckpt"));
    snprintf(model, sizeof model, "%s", in_folder("one.model"));
    snprintf(half, sizeof half, "%s", in_folder("half.ckpt"));
    run_one(&w, checkpoint, model);
    told epochs[3];
    memcpy(epochs, w.epochs, sizeof epochs);
    for (int k = THREADS_ALONE; k < (THREADS_ALONE ? 2 : 3); k++) {
        mmoe_error err = {0};
        w.stops = true;
        w.path = half;
        w.resume = NULL;
        ck_assert_msg(run(&w, numbers[k][0], &err) == MMOE_OK, "%s", err.message);
        for (int r = 0; r < numbers[k][0]; r++) ck_assert(w.was_stopped[r]);
        free_models(&w);
        memcpy(w.epochs, epochs, sizeof epochs);
        w.stops = false;
        w.resume = half;
        check_ranks(&w, of->name, numbers[k][1], checkpoint, model);
    }
    problem_finish(&p);
}
END_TEST

/* ---- Exchanges ---- */

/* Of the first rank, in a step. */
static void count(void *context, int rank, uint64_t number) {
    (void)number;
    if (rank == 0) ++*(int *)context;
}

static mmoe_status take_step(void *context, mmoe_comm *c, mmoe_error *own) {
    const problem *p = context;
    const mmoe_trainer_options options = {.threads = 1, .single_threaded_blas = 1};
    mmoe_model *model;
    mmoe_trainer *trainer;
    SUCCEEDS(mmoe_model_create(p->config, p->schema, NULL, &model, &err));
    SUCCEEDS(mmoe_trainer_create(model, &options, NULL, &trainer, &err));
    SUCCEEDS(mmoe_trainer_join(trainer, c, &err));
    const mmoe_status status = mmoe_trainer_step(trainer, p->rows, 0, BATCH, NULL, own);
    mmoe_trainer_free(trainer);
    mmoe_model_free(model);
    return status;
}

static int exchanges_of(problem *p) {
    int count_of = 0;
    const mmoe_comm_group_options options = {.size = 2, .before = count, .context = &count_of};
    mmoe_comm_group *g;
    mmoe_error errors[2];
    SUCCEEDS(mmoe_comm_group_create(&options, NULL, &g, &err));
    ck_assert_int_eq(mmoe_comm_group_run(g, take_step, p, errors), MMOE_OK);
    mmoe_comm_group_free(g);
    return count_of;
}

/* The labels' weights need no exchange, whether all rows have all labels and weigh alike or not. */
START_TEST(weights_of_labels_take_no_exchange) {
    problem p = problem_of(&ways[0], SEGMENTS, BATCH);
    const int some = exchanges_of(&p);
    float *weights = p.rows->weights;
    for (int i = 0; i < ROWS * TASKS; i++)
        if (isnan(p.rows->labels[i])) p.rows->labels[i] = 0;
    p.rows->any_missing_label = false;
    p.rows->weights = NULL;
    ck_assert_int_eq(exchanges_of(&p), some);
    p.rows->weights = weights;
    problem_finish(&p);
}
END_TEST

/* A gradient of more floats than are summed at a time. */
static mmoe_status sum_many(void *context, mmoe_comm *c, mmoe_error *own) {
    const problem *p = context;
    const mmoe_allocator alloc = mmoe_allocator_or_default(NULL);
    mmoe_ranks *ranks;
    SUCCEEDS(mmoe_ranks_create(c, &p->model->params, 16, &alloc, &ranks, &err));
    const int64_t many = 2 * ranks->most + 500;
    float *values = malloc((size_t)many * sizeof *values);
    for (int64_t i = 0; i < many; i++) values[i] = (float)(i % 1000 + c->rank);
    ck_assert(ranks->peers.sum_gradient(&ranks->peers, values, many));
    int64_t wrong = 0;
    for (int64_t i = 0; i < many; i++) wrong += values[i] != (float)(2 * (i % 1000) + 1);
    ck_assert_int_eq(wrong, 0);
    mmoe_ranks_free(ranks);
    free(values);
    (void)own;
    return MMOE_OK;
}

START_TEST(gradients_are_summed_in_pieces) {
    const mmoe_comm_group_options options = {.size = 2};
    mmoe_comm_group *g;
    mmoe_error errors[2];
    SUCCEEDS(mmoe_comm_group_create(&options, NULL, &g, &err));
    problem p = problem_of(&ways[0], SEGMENTS, BATCH);
    ck_assert_int_eq(mmoe_comm_group_run(g, sum_many, &p, errors), MMOE_OK);
    mmoe_comm_group_free(g);
    problem_finish(&p);
}
END_TEST

/* ---- What cannot be ---- */

static void check_refused(const way *of, int segments, int ranks, mmoe_status status,
                          const char *message) {
    problem p = problem_of(of, segments, BATCH);
    work w = {.p = &p, .threads = 1, .failing = -1};
    mmoe_error err = {0};
    ck_assert_int_eq(run(&w, ranks, &err), status);
    ck_assert_msg(strstr(err.message, message) != NULL, "%s", err.message);
    free_models(&w);
    problem_finish(&p);
}

START_TEST(more_ranks_than_segments_are_refused) {
    check_refused(&ways[0], 2, 4, MMOE_E_CONFIG,
                  "trainer.segments is 2, and there are 4 ranks: each takes at least one segment");
}
END_TEST

START_TEST(joining_takes_a_trainer_and_ranks) {
    mmoe_error err;
    ck_assert_int_eq(mmoe_trainer_join(NULL, mmoe_comm_self(), &err), MMOE_E_ARGUMENT);
    ck_assert_msg(strstr(err.message, "must not be NULL") != NULL, "%s", err.message);
}
END_TEST

/* A rank without memory ends all, wherever it is. */
START_TEST(a_rank_that_fails_ends_all) {
    problem p = problem_of(_i ? &of_tables[1] : &ways[2], SEGMENTS, BATCH);
    bool has_failed = true;
    for (long at = 1; has_failed; at += at < 8 ? EVERY : FAILS) {
        work w = {.p = &p, .threads = 1, .failing = at % 2, .fail_at = at, .validates = true};
        mmoe_error err = {0};
        const mmoe_status status = run(&w, 2, &err);
        has_failed = status != MMOE_OK;
        ck_assert_msg(!status || strstr(err.message, "memory"), "call %ld: %s", at, err.message);
        free_models(&w);
    }
    problem_finish(&p);
}
END_TEST

START_TEST(checkpoints_are_of_all_ranks_or_of_none) {
    problem p = problem_of(&ways[0], SEGMENTS, BATCH);
    work w = {.p = &p, .threads = 1, .failing = -1, .first_has_path = true};
    mmoe_error err = {0};
    w.path = in_folder("first.ckpt");
    ck_assert_int_ne(run(&w, 2, &err), MMOE_OK);
    ck_assert_msg(strstr(err.message, "checkpoint") != NULL, "%s", err.message);
    free_models(&w);
    problem_finish(&p);
}
END_TEST

static atomic_bool first_is_done;

/* The other rank's step is refused, and it stays: it is that call which ends the first one's. */
static mmoe_status step_alone(void *context, mmoe_comm *c, mmoe_error *own) {
    const work *w = context;
    (void)own;
    mmoe_model *model;
    mmoe_trainer *trainer;
    mmoe_error why;
    const mmoe_trainer_options options = {.threads = 1, .single_threaded_blas = 1};
    SUCCEEDS(mmoe_model_create(w->p->config, w->p->schema, NULL, &model, &err));
    SUCCEEDS(mmoe_trainer_create(model, &options, NULL, &trainer, &err));
    SUCCEEDS(mmoe_trainer_join(trainer, c, &err));
    const mmoe_status status =
        mmoe_trainer_step(trainer, w->p->rows, c->rank ? -1 : 0, BATCH, NULL, &why);
    if (c->rank) {
        ck_assert_int_eq(status, MMOE_E_ARGUMENT);
        while (!atomic_load(&first_is_done)) sched_yield();
    } else {
        ck_assert_int_eq(status, MMOE_E_IO);
        ck_assert_msg(strstr(why.message, "rank 1: 299 rows from -1 on: ") != NULL, "%s",
                      why.message);
        atomic_store(&first_is_done, true);
    }
    mmoe_trainer_free(trainer);
    mmoe_model_free(model);
    return MMOE_OK;
}

START_TEST(a_step_that_is_refused_ends_all) {
    problem p = problem_of(&ways[0], SEGMENTS, BATCH);
    work w = {.p = &p};
    const mmoe_comm_group_options options = {.size = 2};
    mmoe_error errors[2];
    mmoe_comm_group *g;
    SUCCEEDS(mmoe_comm_group_create(&options, NULL, &g, &err));
    mmoe_comm_group_run(g, step_alone, &w, errors);
    ck_assert(atomic_load(&first_is_done));
    mmoe_comm_group_free(g);
    problem_finish(&p);
}
END_TEST

/* Every rank finds it, and none waits for another. */
START_TEST(losses_that_are_lost_end_all) {
    problem p = problem_of(&ways[0], SEGMENTS, BATCH);
    work w = {.p = &p, .threads = 1, .failing = -1};
    SUCCEEDS(mmoe_config_set(p.config, "trainer.optimizer_params.lr", "1000", &err));
    mmoe_error why = {0};
    ck_assert_int_ne(run(&w, 4, &why), MMOE_OK); /* that, or what another rank said of it */
    ck_assert_msg(strstr(why.message, "not finite") != NULL, "%s", why.message);
    free_models(&w);
    problem_finish(&p);
}
END_TEST

void add_cases(TCase *c) {
    tcase_add_checked_fixture(c, make_folder, remove_folder);
    tcase_add_loop_test(c, files_are_those_of_one_process, 0, (ALL + EVERY - 1) / EVERY);
    tcase_add_loop_test(c, runs_go_on_with_any_number_of_ranks, THREADS_ALONE, 2);
    tcase_add_test(c, weights_of_labels_take_no_exchange);
    tcase_add_test(c, gradients_are_summed_in_pieces);
    tcase_add_test(c, more_ranks_than_segments_are_refused);
    tcase_add_test(c, joining_takes_a_trainer_and_ranks);
    tcase_add_loop_test(c, a_rank_that_fails_ends_all, 0, 2);
    tcase_add_test(c, losses_that_are_lost_end_all);
    tcase_add_test(c, checkpoints_are_of_all_ranks_or_of_none);
    tcase_add_test(c, a_step_that_is_refused_ends_all);
}
