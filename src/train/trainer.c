#include "train/trainer.h"

#include <string.h>

#include "base/error.h"
#include "graph/profile.h"
#include "math/blas.h"
#include "math/blas_room.h"
#include "model/members.h"
#include "train/checkpoint_path.h"
#include "train/deferred.h"
#include "train/whole_rows.h"

enum { LINE = 16 }; /* floats */

static void free_one(mmoe_trainer *t) {
    mmoe_allocator a = t->alloc;
    atomic_fetch_sub(&t->model->trainers, 1);
    if (t->model->params.settle_context == t) {
        mmoe_params_settle(&t->model->params);
        t->model->params.settle = NULL;
        t->model->params.settle_context = NULL;
    }
    if (t->model->params.collector.context == t) t->model->params.collector = (mmoe_collector){0};
    if (t->run) mmoe_trainer_take_weights(t);
    mmoe_run_free(t->run);
    mmoe_ranks_free(t->ranks);
    mmoe_pool_free(t->pool);
    mmoe_balancer_finish(&t->balancer);
    mmoe_optimizer_finish(&t->optimizer);
    mmoe_whole_gradient_finish(&t->gradient);
    mmoe_params_finish(&t->average);
    mmoe_best_finish(&t->best);
    mmoe_linear_start_finish(&t->start);
    mmoe_release(&a, t->checkpoint_path);
    mmoe_release(&a, t->loss_sum);
    mmoe_release(&a, t->began);
    mmoe_release_aligned(&a, t->rows_room);
    pthread_mutex_destroy(&t->settling);
    mmoe_release(&a, t);
}

void mmoe_trainer_free(mmoe_trainer *t) {
    for (mmoe_trainer *next; t; t = next) {
        next = t->next;
        free_one(t);
    }
}

static void take_weights(void *trainer) { mmoe_trainer_take_weights(trainer); }

static mmoe_status create_run(mmoe_trainer *t, const double *list_elements, mmoe_run **out,
                              mmoe_error *err) {
    const mmoe_config *c = t->model->config;
    const mmoe_plan_request wanted = {.graph = t->model->graph,
                                      .params = &t->model->params,
                                      .pool = t->pool,
                                      .kind = mmoe_balance_plan(&c->trainer.balance),
                                      .max_rows = c->trainer.batch_size,
                                      .segments = c->trainer.segments,
                                      .peers = t->ranks ? &t->ranks->peers : NULL,
                                      .alloc = &t->alloc,
                                      .first_layer = c->first_layer,
                                      .list_elements = list_elements};
    mmoe_run *run;
    mmoe_status status = mmoe_run_create(&wanted, &run, err);
    if (status) return status;
    if (t->options.profile) status = mmoe_profile_attach(t->options.profile, run->plan, err);
    if (status) {
        mmoe_run_free(run);
        return status;
    }
    run->profile = t->options.profile;
    run->refresh = t->optimizer.history.rates ? mmoe_deferred_refresh : NULL;
    run->refresh_context = &t->optimizer;
    run->bring = t->ranks ? take_weights : NULL;
    run->bring_context = t;
    *out = run;
    return MMOE_OK;
}

/* In the place of the run that there is, if there is one. */
static mmoe_status make_run(mmoe_trainer *t, const double *list_elements, mmoe_error *err) {
    mmoe_run *run;
    const mmoe_status status = create_run(t, list_elements, &run, err);
    if (status) return status;
    if (t->run) mmoe_trainer_take_weights(t); /* which come to what is freed */
    mmoe_run_free(t->run);
    t->run = run;
    return MMOE_OK;
}

static bool bring_rows(mmoe_trainer *t) {
    if (!t->has_old_rows) return true;
    if (mmoe_ranks_together(t->ranks)) { /* one alone would wait for the others */
        mmoe_trainer_take_weights(t);
        mmoe_whole_rows_bring(t->ranks, &t->optimizer, t->rows_room, t->pool);
    }
    t->has_old_rows = mmoe_ranks_status(t->ranks, NULL) != MMOE_OK;
    return !t->has_old_rows;
}

bool mmoe_trainer_bring_rows(mmoe_trainer *t) {
    pthread_mutex_lock(&t->settling);
    const bool is_well = bring_rows(t);
    pthread_mutex_unlock(&t->settling);
    return is_well;
}

static bool settle_rows(void *trainer) {
    mmoe_trainer *t = trainer;
    if (t->leaves_rows) return true;
    pthread_mutex_lock(&t->settling);
    if (t->rows_room && t->optimizer.history.count) t->has_old_rows = true;
    mmoe_deferred_settle(&t->optimizer, t->pool);
    const bool is_well = bring_rows(t);
    pthread_mutex_unlock(&t->settling);
    return is_well;
}

static void settle_for(mmoe_trainer *t) {
    t->model->params.settle = settle_rows;
    t->model->params.settle_context = t;
}

/* A copy of the checkpoint's path, and where the best weights go: to the folder that was given, or
 * else beside it. */
static mmoe_status keep_paths(mmoe_trainer *t, mmoe_error *err) {
    const char *path = t->options.checkpoint_path, *folder = t->options.best_folder;
    char *beside = NULL;
    if (path) {
        const char *slash = strrchr(path, '/');
        t->checkpoint_path = mmoe_copy_text(&t->alloc, path, strlen(path));
        beside = slash ? mmoe_copy_text(&t->alloc, path, (size_t)(slash - path) + 1)
                       : mmoe_copy_text(&t->alloc, ".", 1);
        if (!t->checkpoint_path || !beside) {
            mmoe_release(&t->alloc, beside);
            return mmoe_fail_memory(err, strlen(path) + 1);
        }
    }
    const mmoe_status status =
        mmoe_best_init(&t->best, &t->model->params, folder ? folder : beside, &t->alloc, err);
    mmoe_release(&t->alloc, beside);
    return status;
}

static mmoe_status keep_vocabularies(mmoe_trainer *t, mmoe_error *err) {
    const struct mmoe_schema *s = t->model->schema;
    const size_t n = (size_t)s->n_table;
    t->began = mmoe_alloc_zero(&t->alloc, n, sizeof *t->began);
    if (!t->began) return mmoe_fail_memory(err, n * sizeof *t->began);
    for (size_t i = 0; i < n; i++) {
        const mmoe_vocab *v = mmoe_encoder_vocab(s->tables[i].encoder);
        if (v) t->began[i] = mmoe_vocab_at(v);
    }
    return MMOE_OK;
}

static mmoe_status build(mmoe_trainer *t, mmoe_error *err) {
    const mmoe_model *m = t->model;
    const mmoe_trainer_config *c = &m->config->trainer;
    const size_t tasks = (size_t)m->schema->n_label, doubles = 5 * tasks + (size_t)m->graph->n_list;
    t->schema_hash = mmoe_schema_fingerprint(m->schema);
    t->loss_sum = mmoe_alloc_zero(&t->alloc, doubles, sizeof *t->loss_sum);
    if (!t->loss_sum) return mmoe_fail_memory(err, doubles * sizeof *t->loss_sum);
    t->weight_sum = t->loss_sum + tasks;
    t->loss = t->weight_sum + tasks;
    t->weight = t->loss + tasks;
    t->factors = t->weight + tasks;
    t->list_elements = t->factors + tasks;
    mmoe_status status = mmoe_linear_start_init(&t->start, m, &t->alloc, err);
    if (!status) status = keep_vocabularies(t, err);
    if (!status) status = keep_paths(t, err);
    if (!status)
        status = mmoe_pool_create(mmoe_worker_count(t->options.threads), &t->alloc, &t->pool, err);
    if (!status)
        status = mmoe_optimizer_init(&t->optimizer, c, &t->model->params, &m->graph->tensors,
                                     &t->alloc, err);
    if (!status && c->clip_norm > 0)
        status = mmoe_whole_gradient_init(&t->gradient, &t->model->params, &t->alloc, err);
    mmoe_schedule_init(&t->schedule, c);
    if (!status && c->ema_decay > 0)
        status = mmoe_params_init(&t->average, &m->graph->tensors, &t->alloc, err);
    if (!status) status = make_run(t, NULL, err);
    if (!status && t->run->plan->kind != MMOE_PLAN_TRAIN)
        status = mmoe_balancer_init(&t->balancer, m, t->run->plan, t->pool, &t->alloc, err);
    return status;
}

static mmoe_status check_ranks(const mmoe_trainer *t, const mmoe_comm *comm, mmoe_error *err) {
    const int32_t segments = t->model->config->trainer.segments;
    if (comm->size > segments)
        return mmoe_fail(err, MMOE_E_CONFIG,
                         "trainer.segments is %d, and there are %d ranks: each takes at least one "
                         "segment of a batch",
                         (int)segments, comm->size);
    return MMOE_OK;
}

/* A model that was made for this rank, or whole. */
static mmoe_status check_deal(const mmoe_trainer *t, const mmoe_comm *comm, mmoe_error *err) {
    const mmoe_embedding *e = mmoe_params_dealt(&t->model->params);
    if (!e) return MMOE_OK;
    const int32_t owners = comm->size < MMOE_TABLE_PARTS ? comm->size : MMOE_TABLE_PARTS,
                  owner = comm->rank < owners ? comm->rank : -1;
    if (1 << e->deal.shift == owners && e->deal.owner == owner) return MMOE_OK;
    return mmoe_fail(err, MMOE_E_ARGUMENT,
                     "mmoe_trainer_join: the model was made for another rank, or other ranks");
}

/* For rows of deferred tables, of which each rank owns some. */
static mmoe_status take_rows_room(mmoe_trainer *t, mmoe_error *err) {
    const size_t room = (size_t)mmoe_whole_rows_room(&t->model->params);
    if (!mmoe_optimizer_has_records(&t->optimizer)) return MMOE_OK;
    t->rows_room = mmoe_alloc_aligned(&t->alloc, room, sizeof *t->rows_room);
    return t->rows_room ? MMOE_OK : mmoe_fail_memory(err, room * sizeof *t->rows_room);
}

static mmoe_status take_portion(mmoe_trainer *t, mmoe_optimizer_block **blocks, mmoe_error *err) {
    const mmoe_peers *p = &t->ranks->peers;
    const int64_t *from = p->portions.from + p->rank;
    const mmoe_optimizer_share own = {p->params, from[0], from[1], p->rank, p->size};
    return mmoe_optimizer_portion(&t->optimizer, &own, blocks, err);
}

static mmoe_status collect_rows(void *trainer, int32_t table, size_t at, size_t end, char *window,
                                mmoe_error *err) {
    const mmoe_trainer *t = trainer;
    const mmoe_embedding *e = &t->model->params.tables[table];
    const mmoe_dealing by = mmoe_trainer_dealing(t);
    const mmoe_dealt_rows rows = {{.data = t->model->params.blocks[table].memory.data, .file = -1},
                                  (size_t)e->dim * sizeof(float),
                                  e->rows,
                                  e->deal};
    return mmoe_dealt_rows_gather(&by, &rows, at, end, window, err);
}

static mmoe_status end_call(void *trainer, mmoe_status status, const mmoe_error *why,
                            mmoe_error *err) {
    const mmoe_trainer *t = trainer;
    return status ? mmoe_ranks_end(t->ranks, status, why, err)
                  : mmoe_ranks_meet(t->ranks, "the end of a file", err);
}

static bool may_collect(void *trainer) {
    const mmoe_trainer *t = trainer;
    return !t->ranks->is_alone;
}

/* For files of the model. */
static void offer_rows(mmoe_trainer *t) {
    t->model->params.collector = (mmoe_collector){.collect = collect_rows,
                                                  .end = end_call,
                                                  .may = may_collect,
                                                  .context = t,
                                                  .is_first = t->ranks->peers.rank == 0};
}

/* Each rank has moments of its portion alone. */
static mmoe_status join(mmoe_trainer *t, mmoe_comm *comm, mmoe_error *err) {
    const int64_t piece = t->gradient.room.values ? MMOE_ROOM_PIECE : LINE;
    mmoe_optimizer_block *blocks = NULL;
    mmoe_status status =
        mmoe_ranks_create(comm, &t->model->params, piece, &t->alloc, &t->ranks, err);
    if (!status) status = take_portion(t, &blocks, err);
    if (!status) status = take_rows_room(t, err);
    if (!status) status = make_run(t, NULL, err);
    if (!status) {
        mmoe_optimizer_take(&t->optimizer, blocks);
        if (t->rows_room) settle_for(t);
        if (t->rows_room) offer_rows(t);
        return MMOE_OK;
    }
    mmoe_optimizer_release(&t->optimizer, blocks);
    mmoe_release_aligned(&t->alloc, t->rows_room);
    t->rows_room = NULL;
    mmoe_ranks_free(t->ranks);
    t->ranks = NULL;
    return status;
}

mmoe_status mmoe_trainer_join(mmoe_trainer *t, mmoe_comm *comm, mmoe_error *err) {
    if (!t || !comm)
        return mmoe_fail(err, MMOE_E_ARGUMENT,
                         "mmoe_trainer_join: trainer and comm must not be NULL");
    if (t->ranks || t->optimizer.steps || t->is_fitting)
        return mmoe_fail(err, MMOE_E_ARGUMENT, "mmoe_trainer_join: the trainer has %s",
                         t->ranks ? "joined" : "begun");
    if (comm->size == 1) return check_deal(t, comm, err);
    mmoe_status status = mmoe_members_check_one(t->model->config, "mmoe_trainer_join", err);
    if (!status) status = check_ranks(t, comm, err);
    if (!status) status = check_deal(t, comm, err);
    if (!status) status = join(t, comm, err);
    if (!status && comm->rank > 0) {
        t->options.on_epoch = NULL;
        t->options.on_progress = NULL;
        t->options.on_warning = NULL;
    }
    return status;
}

mmoe_status mmoe_trainer_expect_lists(mmoe_trainer *t, const double *elements, mmoe_error *err) {
    const mmoe_status status = make_run(t, elements, err);
    if (status) return status;
    t->knows_lists = elements != NULL;
    if (elements)
        memcpy(t->list_elements, elements, (size_t)t->model->graph->n_list * sizeof *elements);
    return MMOE_OK;
}

mmoe_status mmoe_trainer_plan(mmoe_trainer *t, mmoe_run **out, mmoe_error *err) {
    return create_run(t, t->knows_lists ? t->list_elements : NULL, out, err);
}

mmoe_status mmoe_trainer_know_lists(mmoe_trainer *t, const mmoe_dataset *data, mmoe_error *err) {
    const int32_t lists = t->model->graph->n_list;
    if (!lists || t->knows_lists) return MMOE_OK;
    double *elements = mmoe_alloc(&t->alloc, (size_t)lists, sizeof *elements);
    if (!elements) return mmoe_fail_memory(err, (size_t)lists * sizeof *elements);
    mmoe_dataset_list_elements(data, elements);
    const mmoe_status status = mmoe_trainer_expect_lists(t, elements, err);
    mmoe_release(&t->alloc, elements);
    return status;
}

static mmoe_status check_create(const mmoe_model *model, const mmoe_trainer_options *options,
                                const mmoe_allocator *alloc, mmoe_error *err) {
    static const char call[] = "mmoe_trainer_create";
    if (mmoe_check_threads(options->threads, call, err)) return MMOE_E_ARGUMENT;
    if (MMOE_CHECK_RESERVED(options, call, err)) return MMOE_E_ARGUMENT;
    if (mmoe_allocator_check(alloc, call, err)) return MMOE_E_ARGUMENT;
    if (mmoe_model_check_learns(model, call, err)) return MMOE_E_ARGUMENT;
    if (mmoe_model_check_unserved(model, call, err)) return MMOE_E_ARGUMENT;
    if (!model->params.settle) return MMOE_OK;
    return mmoe_fail(err, MMOE_E_ARGUMENT,
                     "%s: the model has a trainer, and its embeddings are not updated in every "
                     "step (trainer.embedding_update): free that one first",
                     call);
}

/* Of one member. */
static mmoe_status create(mmoe_model *member, const mmoe_trainer_options *options,
                          const mmoe_allocator *a, mmoe_trainer **out, mmoe_error *err) {
    mmoe_trainer *t = mmoe_alloc_zero(a, 1, sizeof *t);
    if (!t) return mmoe_fail_memory(err, sizeof *t);
    t->alloc = *a;
    t->model = member;
    atomic_fetch_add(&member->trainers, 1);
    t->options = *options;
    atomic_init(&t->stop, 0);
    pthread_mutex_init(&t->settling, NULL);
    mmoe_status status = build(t, err);
    if (status) {
        free_one(t);
        return status;
    }
    if (t->optimizer.history.rates) settle_for(t);
    *out = t;
    return MMOE_OK;
}

/* What is to be said of rows and of a configuration is said for the first member. */
static mmoe_status create_others(mmoe_trainer *first, mmoe_error *err) {
    mmoe_trainer_options options = first->options;
    options.on_warning = NULL;
    options.profile = NULL;
    mmoe_trainer **at = &first->next;
    mmoe_status status = MMOE_OK;
    for (mmoe_model *m = first->model->next; !status && m; m = m->next) {
        char *path = NULL;
        if (first->checkpoint_path)
            status =
                mmoe_checkpoint_member_path(first->checkpoint_path, m, &first->alloc, &path, err);
        options.checkpoint_path = path;
        if (!status) status = create(m, &options, &first->alloc, at, err);
        if (!status) at = &(*at)->next;
        mmoe_release(&first->alloc, path);
    }
    return status;
}

mmoe_status mmoe_trainer_create(mmoe_model *model, const mmoe_trainer_options *options,
                                const mmoe_allocator *alloc, mmoe_trainer **out, mmoe_error *err) {
    static const mmoe_trainer_options defaults = {0};
    if (!options) options = &defaults;
    if (!model || !out)
        return mmoe_fail(err, MMOE_E_ARGUMENT,
                         "mmoe_trainer_create: model and out must not be NULL");
    if (check_create(model, options, alloc, err)) return MMOE_E_ARGUMENT;
    const mmoe_allocator a = mmoe_allocator_or_default(alloc);
    mmoe_trainer *first;
    mmoe_status status = create(model, options, &a, &first, err);
    if (status) return status;
    status = create_others(first, err);
    if (status)
        mmoe_trainer_free(first);
    else
        *out = first;
    return status;
}

void mmoe_trainer_task_factors(const mmoe_trainer *t, double *factors) {
    if (!t || !factors) return;
    if (t->run->plan->kind != MMOE_PLAN_TRAIN)
        mmoe_balancer_factors(&t->balancer, factors);
    else
        for (int32_t i = 0; i < t->model->config->n_task; i++) factors[i] = 1;
}

void mmoe_trainer_stop(mmoe_trainer *t) {
    for (; t; t = t->next) atomic_store(&t->stop, 1);
}

mmoe_status mmoe_trainer_set_lr(mmoe_trainer *t, double lr, mmoe_error *err) {
    enum { MOST = 1000 }; /* as of trainer.optimizer_params.lr */
    if (!t) return mmoe_fail(err, MMOE_E_ARGUMENT, "mmoe_trainer_set_lr: trainer is NULL");
    if (!(lr >= 0 && lr <= MOST))
        return mmoe_fail(err, MMOE_E_ARGUMENT,
                         "mmoe_trainer_set_lr: the learning rate is %g; it may be 0 to %d", lr,
                         MOST);
    if (t->ranks && t->is_fitting)
        return mmoe_fail(err, MMOE_E_ARGUMENT,
                         "mmoe_trainer_set_lr: a fit of several ranks is under way, whose "
                         "callbacks the first rank alone calls");
    for (; t; t = t->next) {
        if (!mmoe_params_settle(&t->model->params)) /* rows that are behind had the old one */
            return mmoe_ranks_status(t->ranks, err);
        mmoe_schedule_set(&t->schedule, lr);
        mmoe_optimizer_expect(&t->optimizer, mmoe_trainer_most_rate(t));
    }
    return MMOE_OK;
}

mmoe_status mmoe_trainer_take_blas(const mmoe_trainer *t, mmoe_error *err) {
    const mmoe_status status = mmoe_blas_claim(mmoe_pool_workers(t->pool), err);
    if (status) return status;
    if (t->options.single_threaded_blas) mmoe_blas_begin_single();
    return MMOE_OK;
}

void mmoe_trainer_give_blas(const mmoe_trainer *t) {
    if (t->options.single_threaded_blas) mmoe_blas_end_single();
    mmoe_blas_release(mmoe_pool_workers(t->pool));
}

mmoe_status mmoe_trainer_check_joined(const mmoe_trainer *t, mmoe_error *err) {
    return t->ranks ? MMOE_OK : mmoe_model_check_whole(t->model, "the trainer has not joined", err);
}

void mmoe_trainer_gradients(mmoe_trainer *t, const mmoe_rows *batch, float *out) {
    mmoe_gradient_room room = {&t->model->params, out};
    memset(out, 0, (size_t)room.params->n_whole * sizeof *out);
    if (mmoe_trainer_take_blas(t, NULL)) return;
    const mmoe_pass pass = {batch, t->model->config->trainer.seed, t->optimizer.steps + 1, t->loss,
                            t->weight};
    const mmoe_status status = mmoe_plan_admit(t->run->plan, batch, NULL);
    if (!status) mmoe_run_train(t->run, &pass, mmoe_gradient_keep, &room);
    mmoe_trainer_give_blas(t);
}
