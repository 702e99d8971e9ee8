#include "train/rehearsal.h"

#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/rng.h"
#include "train/deferred.h"

/* Values of all tables that are rehearsed with: with their moments more than caches have. A batch
 * reads no more than a part of a table that was cut. Deferred tables have this memory: how long it
 * takes to find a row depends on how many there are, by caches and by tables of pages. */
enum { MOST_VALUES = 1 << 24, LEAST_ROWS_A_READ = 16 };
static const int64_t most_bytes = INT64_C(4) << 30, memory_share = 4;
enum { WARM_UP = 3, LEAST_STEPS = 5, MOST_STEPS = 200, MOST_CELLS = 1 << 20 };
static const double time_of_steps = 0.5, most_time = 2, time_of_updates = 0.1; /* seconds */
static const int64_t most_idle = 1 << 29; /* values times steps of a worker: about a second */

/* ---- Tables that are cut ---- */

static int64_t values_of(const mmoe_schema *s, int64_t most) {
    int64_t values = 0;
    for (int32_t i = 0; i < s->n_table; i++)
        values += (s->tables[i].rows < most ? s->tables[i].rows : most) * s->tables[i].dim;
    return values;
}

/* Bytes of a deferred table; of others 0. */
static int64_t deferred_bytes(const mmoe_sketch *run, int32_t table) {
    return run->model->params.tables[table].is_deferred
               ? mmoe_sketch_weights(run, table) + mmoe_sketch_moments(run, table)
               : 0;
}

/* Which part of the deferred tables' rows there is memory for: none where all will not fit. */
static double share_of_deferred(const mmoe_sketch *run) {
    const int64_t part = run->available / memory_share;
    int64_t all = 0;
    for (int32_t i = 0; i < run->model->params.n_table; i++) all += deferred_bytes(run, i);
    if (run->reserve.bytes > run->available || !all) return 0;
    return (double)(part < most_bytes ? part : most_bytes) / (double)all;
}

static void cut_tables(const mmoe_sketch *run, mmoe_schema *s) {
    const int64_t least = (int64_t)LEAST_ROWS_A_READ * run->model->config->trainer.batch_size;
    const double share = share_of_deferred(run);
    int64_t most = MOST_VALUES;
    while (most > least && values_of(s, most) > MOST_VALUES) most /= 2;
    for (int32_t i = 0; i < s->n_table; i++) {
        const int64_t rows = s->tables[i].rows,
                      part = share < 1 ? (int64_t)(share * (double)rows) : rows;
        mmoe_sketch_cut_table(s, i, deferred_bytes(run, i) && part > most ? part : most);
    }
}

/* Values that a step of the whole model updates, and none of the one that is cut. */
static int64_t count_left_out(const mmoe_params *whole, const mmoe_params *cut) {
    int64_t values = 0;
    for (int32_t i = 0; i < whole->n_table; i++)
        if (!whole->tables[i].is_frozen && !whole->tables[i].is_deferred)
            values += whole->blocks[i].memory.count - cut->blocks[i].memory.count;
    return values;
}

/* ---- Rows ---- */

enum { IDS, ELEMENTS, INPUTS, LABELS, GAPS };

static uint64_t below(int what, int64_t index, int64_t n) {
    return mmoe_random_below(1, mmoe_stream(MMOE_STREAM_SYNTH, (uint64_t)what), (uint64_t)index,
                             (uint64_t)n);
}

typedef struct drawn {
    int32_t *ids, *elements;
    int64_t *offsets;
    float *inputs, *labels;
} drawn;

static int64_t rows_of(const mmoe_schema *s, int32_t column) {
    return s->tables[s->sparse[column].table].rows;
}

/* Elements of list `l` of a row: so many on average. */
static int64_t elements_of(const mmoe_rehearsal *r, int64_t row, int32_t l) {
    const double mean = r->list_elements ? r->list_elements[l] : 1;
    return (int64_t)floor(mean * (double)(row + 1)) - (int64_t)floor(mean * (double)row);
}

static mmoe_status draw_lists(const mmoe_rehearsal *r, const mmoe_schema *s, int64_t rows, drawn *d,
                              mmoe_error *err) {
    const int32_t lists = s->n_list, single = s->n_sparse - lists;
    d->offsets = mmoe_alloc_zero(&r->alloc, (size_t)(rows * lists + 1), sizeof *d->offsets);
    if (!d->offsets) return mmoe_fail_memory(err, (size_t)(rows * lists) * sizeof *d->offsets);
    for (int64_t i = 0; i < rows * lists; i++)
        d->offsets[i + 1] = d->offsets[i] + elements_of(r, i / lists, (int32_t)(i % lists));
    const int64_t elements = d->offsets[rows * lists];
    d->elements = mmoe_alloc(&r->alloc, (size_t)elements, sizeof *d->elements);
    if (!d->elements) return mmoe_fail_memory(err, (size_t)elements * sizeof *d->elements);
    for (int64_t i = 0; i < rows * lists; i++)
        for (int64_t k = d->offsets[i]; k < d->offsets[i + 1]; k++)
            d->elements[k] = (int32_t)below(ELEMENTS, k, rows_of(s, single + (int32_t)(i % lists)));
    return MMOE_OK;
}

static mmoe_status draw_values(const mmoe_rehearsal *r, const mmoe_schema *s, int64_t rows,
                               drawn *d, mmoe_error *err) {
    const int64_t n_id = s->n_sparse - s->n_list, width = s->dense_width, tasks = s->n_label;
    d->ids = mmoe_alloc(&r->alloc, (size_t)(rows * n_id), sizeof *d->ids);
    d->inputs = mmoe_alloc(&r->alloc, (size_t)(rows * width), sizeof *d->inputs);
    d->labels = mmoe_alloc(&r->alloc, (size_t)(rows * tasks), sizeof *d->labels);
    if (!d->ids || !d->inputs || !d->labels)
        return mmoe_fail_memory(err, (size_t)(rows * (n_id + width + tasks)) * sizeof(float));
    for (int64_t i = 0; i < rows * n_id; i++)
        d->ids[i] = (int32_t)below(IDS, i, rows_of(s, (int32_t)(i % n_id)));
    for (int64_t i = 0; i < rows * width; i++)
        d->inputs[i] = (float)below(INPUTS, i, 2001) / 1000 - 1;
    for (int64_t i = 0; i < rows * tasks; i++) d->labels[i] = (float)below(LABELS, i, 2);
    return MMOE_OK;
}

static mmoe_status draw_rows(mmoe_rehearsal *r, const mmoe_schema *s, int32_t batch_size,
                             mmoe_error *err) {
    const int64_t cells = s->n_sparse + s->dense_width + s->n_label,
                  batches = MOST_CELLS / (cells * batch_size), /* others find their rows cached */
        rows = (batches > 1 ? batches : 1) * batch_size;
    drawn d = {0};
    mmoe_status status = draw_values(r, s, rows, &d, err);
    if (!status) status = draw_lists(r, s, rows, &d, err);
    if (!status) {
        const mmoe_batch batch = {
            .rows = (size_t)rows,
            .ids = d.ids,
            .id_stride = (size_t)(s->n_sparse - s->n_list),
            .dense = d.inputs,
            .dense_stride = (size_t)s->dense_width,
            .lists = {s->n_list, d.offsets, d.elements, NULL, (size_t)d.offsets[rows * s->n_list]}};
        status = mmoe_dataset_create(s, &batch, d.labels, NULL, &r->alloc, &r->drawn, err);
        r->rows = r->drawn;
    }
    void *const rooms[] = {d.ids, d.elements, d.offsets, d.inputs, d.labels};
    for (size_t i = 0; i < sizeof rooms / sizeof *rooms; i++) mmoe_release(&r->alloc, rooms[i]);
    return status;
}

static mmoe_status know_lists(mmoe_rehearsal *r, const mmoe_schema *s, const mmoe_dataset *like,
                              mmoe_error *err) {
    if (!like || !s->n_list) return MMOE_OK;
    r->list_elements = mmoe_alloc(&r->alloc, (size_t)s->n_list, sizeof *r->list_elements);
    if (!r->list_elements)
        return mmoe_fail_memory(err, (size_t)s->n_list * sizeof *r->list_elements);
    mmoe_dataset_list_elements(like, r->list_elements);
    return MMOE_OK;
}

/* ---- Time ---- */

/* Of a table that a step updates whole: its rows, a piece after another, with moments. */
static void time_updates(mmoe_rehearsal *r) {
    enum { PIECE = 4096, WIDEST = 1 << 16 };
    static const float gradient[WIDEST];
    mmoe_optimizer *o = &r->trainer->optimizer;
    int32_t largest = -1;
    for (int32_t i = 0; i < o->n_block - 1; i++) /* the last is the layers' */
        if (o->blocks[i].m && (largest < 0 || o->blocks[i].count > o->blocks[largest].count))
            largest = i;
    if (!r->left_out || largest < 0) return;
    const int64_t dim = o->blocks[largest].dim, piece = dim < PIECE ? PIECE / dim * dim : dim,
                  count = o->blocks[largest].count / piece * piece;
    const double begin = mmoe_clock();
    int64_t values = 0;
    while (count && mmoe_clock() - begin < time_of_updates)
        for (int64_t at = 0; at < count; at += piece, values += piece)
            mmoe_optimizer_apply(o, &(mmoe_gradient){largest, at, 1, piece, gradient, piece, NULL});
    if (values) r->update_seconds = (mmoe_clock() - begin) / (double)values;
}

/* A step of the rate 0 takes the time of any other, and the labels are drawn: those that learned
 * from them might diverge. What decides how rows are caught up with is the run's own rate. */
static mmoe_status learn_nothing(mmoe_trainer *t, mmoe_error *err) {
    const double most = mmoe_trainer_most_rate(t);
    const mmoe_status status = mmoe_trainer_set_lr(t, 0, err);
    mmoe_optimizer_expect(&t->optimizer, most);
    return status;
}

/* Steps that rows of a deferred table are behind when they are read, on average, were they read
 * evenly. */
static int64_t gap_of(const mmoe_rehearsal *r, const mmoe_params *whole, int32_t table) {
    enum { MOST = 2000 };
    const mmoe_schema *s = r->model->schema;
    int64_t reads = 0;
    for (int32_t i = 0; i < s->n_sparse; i++) reads += s->sparse[i].table == table;
    const int64_t gap = whole->tables[table].rows / (reads * r->model->config->trainer.batch_size);
    return gap < MOST ? gap : MOST;
}

/* As many times more values as deferred tables have that were cut. */
static double more_values(const mmoe_rehearsal *r, const mmoe_params *whole) {
    double all = 0, own = 0;
    for (int32_t i = 0; i < whole->n_table; i++) {
        if (!whole->tables[i].is_deferred) continue;
        all += (double)whole->tables[i].rows * whole->tables[i].dim;
        own += (double)r->model->params.tables[i].rows * whole->tables[i].dim;
    }
    return own > 0 ? all / own : 0;
}

/* What rows of deferred tables have beside their weights gets its memory. */
static void touch(mmoe_rehearsal *r, const mmoe_params *whole) {
    const mmoe_optimizer *o = &r->trainer->optimizer;
    const double begin = mmoe_clock();
    for (int32_t i = 0; i < whole->n_table; i++) {
        const mmoe_optimizer_block *b = &o->blocks[i];
        const size_t bytes = b->records ? mmoe_optimizer_block_memory(b) : 0;
        if (bytes) memset(b->records, 0, bytes);
    }
    r->touch_seconds = (mmoe_clock() - begin) * more_values(r, whole);
}

/* As far into a run as most of its steps are: each row has been read before, and is behind by up to
 * twice its table's gap. */
static void begin_late(const mmoe_rehearsal *r, const mmoe_params *whole) {
    enum { LATE = 100000 };
    mmoe_optimizer *o = &r->trainer->optimizer;
    int64_t most = 0;
    for (int32_t i = 0; i < whole->n_table; i++) {
        const int64_t gap = o->blocks[i].has_step ? gap_of(r, whole, i) : 0;
        if (gap > most) most = gap;
    }
    o->steps = LATE;
    if (o->history.rates) mmoe_history_restart(&o->history, LATE);
    for (int32_t i = 0; i < whole->n_table; i++) {
        const mmoe_optimizer_block *b = &o->blocks[i];
        const int64_t rows = b->has_step ? mmoe_record_count(b) : 0,
                      gap = rows ? gap_of(r, whole, i) : 0;
        for (int64_t k = 0; k < rows; k++)
            *mmoe_record_step(b, mmoe_record_number(b, k)) =
                (uint32_t)(LATE + 2 * most - (int64_t)below(GAPS, k, 2 * gap + 1));
    }
    for (int64_t i = 0; o->history.rates && i < 2 * most; i++) {
        mmoe_optimizer_begin(o, 0);
        mmoe_optimizer_end(o);
    }
}

/* Rows in the order of an epoch, which is drawn when it begins. */
static mmoe_status open_rows(mmoe_rehearsal *r, mmoe_error *err) {
    const mmoe_trainer_config *c = &r->model->config->trainer;
    const mmoe_source_order order = {r->rows, c->shuffle, c->seed, c->batch_size};
    mmoe_status status = mmoe_trainer_know_lists(r->trainer, r->rows, err);
    if (!status) status = mmoe_source_open(&order, &r->alloc, &r->source, err);
    if (status) return status;
    const double begin = mmoe_clock();
    status = mmoe_source_begin(r->source, 0, err);
    r->order_seconds = (mmoe_clock() - begin) / (double)mmoe_dataset_rows(r->rows);
    return status;
}

static mmoe_status open_lanes(mmoe_rehearsal *r, mmoe_error *err) {
    const mmoe_trainer *t = r->trainer;
    if (!t->ranks || !r->model->config->trainer.lanes) return MMOE_OK;
    return mmoe_whole_batch_init(&r->whole, t->ranks, t->run->plan, r->model->schema, &r->alloc,
                                 err);
}

/* A rank that reads lanes tells the others of them, and takes what they tell; here the rows are
 * those that it knows anyhow. */
static mmoe_status tell_rows(mmoe_rehearsal *r, const mmoe_rows *batch, mmoe_error *err) {
    const mmoe_rows *whole;
    if (!r->whole.ranks) return MMOE_OK;
    const mmoe_status status = mmoe_whole_batch_start(&r->whole, batch, false, err);
    if (status || !mmoe_whole_batch_is_started(&r->whole)) return status;
    return mmoe_whole_batch_take(&r->whole, &whole, err);
}

/* Of whole batches alone. */
static mmoe_status step(mmoe_rehearsal *r, mmoe_error *err) {
    const int32_t size = r->model->config->trainer.batch_size;
    mmoe_rows batch;
    mmoe_status status = mmoe_source_next(r->source, size, &batch, err);
    if (!status && batch.rows < size) {
        status = mmoe_source_seek(r->source, 0, err);
        if (!status) status = mmoe_source_next(r->source, size, &batch, err);
    }
    if (!status) status = tell_rows(r, &batch, err);
    return status ? status : mmoe_trainer_update(r->trainer, &batch, 0, err);
}

/* That have passed, but for those in which others send. */
static double own_seconds(const mmoe_rehearsal *r) {
    return mmoe_clock() - r->others.comm.seconds_spent;
}

static mmoe_status make_steps(mmoe_rehearsal *r, mmoe_error *err) {
    mmoe_status status = MMOE_OK;
    double begin = mmoe_clock();
    for (int64_t i = 0; i < WARM_UP && !status && mmoe_clock() - begin < most_time; i++)
        status = step(r, err);
    if (r->profile) mmoe_profile_reset(r->profile);
    begin = own_seconds(r);
    while (!status && r->steps < MOST_STEPS && r->seconds < most_time &&
           (r->steps < LEAST_STEPS || r->seconds < time_of_steps)) {
        status = step(r, err);
        r->steps++;
        r->seconds = own_seconds(r) - begin;
    }
    return status;
}

/* Of table `i`, the rows of the pass over all of them that are timed. Where a row's steps are run
 * one by one, it takes as long as they are many: then as many rows as have `most_idle` values times
 * steps. */
static int64_t timed_rows(const mmoe_rehearsal *r, const mmoe_params *whole, int32_t i) {
    const mmoe_optimizer *o = &r->trainer->optimizer;
    const mmoe_optimizer_block *b = &o->blocks[i];
    const int64_t rows = b->has_step ? mmoe_record_count(b) : 0;
    if (!rows || o->history.is_closed) return rows;
    int32_t tables = 0;
    for (int32_t k = 0; k < whole->n_table; k++) tables += o->blocks[k].has_step;
    const int64_t workers = mmoe_pool_workers(r->trainer->pool),
                  each = b->dim * (gap_of(r, whole, i) + 1),
                  most = workers * most_idle / tables / each + 1;
    return rows < most ? rows : most;
}

/* As if each table's rows all took as long as those that are timed. */
static void time_settling(mmoe_rehearsal *r, const mmoe_params *whole) {
    mmoe_optimizer *o = &r->trainer->optimizer;
    if (!o->history.rates) return; /* no row is ever behind */
    for (int32_t i = 0; i < whole->n_table; i++) {
        const int64_t rows = timed_rows(r, whole, i);
        if (!rows) continue;
        const double begin = mmoe_clock();
        mmoe_deferred_settle_part(o, r->trainer->pool, i, rows);
        r->settle_seconds += (mmoe_clock() - begin) / (double)rows * (double)whole->tables[i].rows;
        r->settled_rows += rows;
    }
    mmoe_history_restart(&o->history, o->steps); /* lest the rest follows when all is released */
}

static mmoe_status time_steps(mmoe_rehearsal *r, const mmoe_params *whole, mmoe_error *err) {
    mmoe_status status = learn_nothing(r->trainer, err);
    if (!status) status = open_rows(r, err);
    if (!status) status = open_lanes(r, err);
    if (status) return status;
    touch(r, whole);
    begin_late(r, whole);
    status = mmoe_trainer_take_blas(r->trainer, err);
    if (status) return status;
    status = make_steps(r, err);
    mmoe_trainer_give_blas(r->trainer);
    if (status || r->trainer->ranks) return status;
    time_settling(r, whole);
    time_updates(r);
    return MMOE_OK;
}

/* Tables are all of one number: how they are drawn costs no step any time, and them much. */
static mmoe_status make_model(mmoe_rehearsal *r, const mmoe_config *config,
                              const mmoe_schema *schema, mmoe_error *err) {
    const mmoe_among own = {0, r->others.comm.size};
    mmoe_config one = *config;
    one.members = 1; /* whose steps are those of any other */
    mmoe_status status = mmoe_model_blank_among(&one, schema, own, &r->alloc, &r->model, err);
    if (status) return status;
    mmoe_tensors *tensors = &r->model->graph->tensors;
    mmoe_model_choose_inits(r->model);
    for (mmoe_tensor *t = tensors->items; t < tensors->items + tensors->count; t++)
        if (t->kind == MMOE_TENSOR_TABLE) {
            t->init = MMOE_INIT_CONSTANT;
            t->init_a = 0.01f;
        }
    return mmoe_params_draw(&r->model->params, tensors, config->trainer.seed, err);
}

/* ---- All of it ---- */

/* Rows in memory, whose ids are those of tables that are whole: how often ids come again is known
 * by them alone. */
static bool are_rehearsed(const mmoe_dataset *rows, const mmoe_schema *whole,
                          const mmoe_schema *cut, int32_t batch_size) {
    bool are_whole = true;
    for (int32_t i = 0; i < whole->n_table; i++)
        are_whole = are_whole && whole->tables[i].rows == cut->tables[i].rows;
    return rows && !rows->stored && rows->rows >= batch_size && are_whole;
}

static mmoe_status make_trainer(mmoe_rehearsal *r, int threads, mmoe_error *err) {
    const bool is_one = r->others.comm.size == 1;
    mmoe_status status = is_one ? mmoe_profile_create(0, &r->alloc, &r->profile, err) : MMOE_OK;
    const mmoe_trainer_options options = {
        .threads = threads, .single_threaded_blas = 1, .profile = r->profile};
    if (!status) status = mmoe_trainer_create(r->model, &options, &r->alloc, &r->trainer, err);
    if (status || is_one) return status;
    return mmoe_trainer_join(r->trainer, &r->others.comm, err);
}

mmoe_status mmoe_rehearse(const mmoe_sketch *run, const mmoe_dataset *like, int threads,
                          const mmoe_allocator *alloc, mmoe_rehearsal *r, mmoe_error *err) {
    *r = (mmoe_rehearsal){.alloc = *alloc, .others = mmoe_comm_mirror_of(run->comm.size)};
    const mmoe_model *model = run->model;
    const int32_t batch_size = model->config->trainer.batch_size;
    mmoe_schema *cut = NULL;
    mmoe_status status = mmoe_schema_copy(model->schema, alloc, &cut, err);
    if (!status) cut_tables(run, cut);
    if (!status) status = know_lists(r, cut, like, err);
    if (!status && are_rehearsed(like, model->schema, cut, batch_size))
        r->rows = like;
    else if (!status)
        status = draw_rows(r, cut, batch_size, err);
    if (!status) status = make_model(r, model->config, cut, err);
    mmoe_schema_free(cut);
    if (status) return status;
    r->left_out = count_left_out(&model->params, &r->model->params);
    status = make_trainer(r, threads, err);
    return status ? status : time_steps(r, &model->params, err);
}

void mmoe_rehearsal_finish(mmoe_rehearsal *r) {
    if (r->source) mmoe_source_free(r->source);
    mmoe_whole_batch_finish(&r->whole);
    mmoe_trainer_free(r->trainer);
    mmoe_profile_free(r->profile);
    mmoe_model_free(r->model);
    mmoe_dataset_free(r->drawn);
    mmoe_release(&r->alloc, r->list_elements);
}
