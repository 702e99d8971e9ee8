#include "train/sketch.h"

#include <stdio.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/sentence.h"
#include "base/text.h"
#include "math/blas_room.h"

static void show_bytes(int64_t bytes, char out[MMOE_NUMBER_SIZE]) {
    const double megabytes = (double)bytes / 1e6;
    mmoe_say(out, MMOE_NUMBER_SIZE, megabytes < 1000 ? "%.1f MB" : "%.2f GB",
             megabytes < 1000 ? megabytes : megabytes / 1000);
}

static int64_t values_of(const mmoe_table *t) { return t->rows * t->dim; }

static const mmoe_table *largest_of(const mmoe_schema *s) {
    const mmoe_table *largest = NULL;
    for (const mmoe_table *t = s->tables; t < s->tables + s->n_table; t++)
        if (!largest || values_of(t) > values_of(largest)) largest = t;
    return largest;
}

void mmoe_sketch_cut_table(mmoe_schema *s, int32_t table, int64_t most) {
    mmoe_table *t = &s->tables[table];
    if (t->rows > most) t->rows = most;
    if (t->padding >= t->rows) t->padding = t->rows - 1;
    mmoe_release(&s->alloc, t->pretrained); /* it is drawn */
    t->pretrained = NULL;
    for (int32_t i = 0; i < s->n_sparse; i++)
        if (s->sparse[i].table == table && s->sparse[i].padding >= t->rows)
            s->sparse[i].padding = t->rows - 1;
}

static mmoe_status make(const mmoe_config *config, const mmoe_schema *schema, mmoe_among own,
                        int threads, mmoe_sketch *s, mmoe_error *err) {
    const int64_t of_blas = mmoe_blas_addresses(mmoe_worker_count(threads));
    *s = (mmoe_sketch){.available = mmoe_memory_available(of_blas),
                       .comm = {.rank = own.rank, .size = own.ranks}};
    const mmoe_allocator alloc = mmoe_reserve_allocator(&s->reserve);
    const mmoe_trainer_options options = {.threads = threads, .best_folder = "."};
    mmoe_status status = mmoe_model_blank_among(config, schema, own, &alloc, &s->model, err);
    if (!status) status = mmoe_trainer_create(s->model, &options, &alloc, &s->trainer, err);
    if (status || own.ranks == 1) return status;
    status = mmoe_trainer_join(s->trainer, &s->comm, err);
    if (status || !config->trainer.lanes) return status;
    return mmoe_whole_batch_init(&s->whole, s->trainer->ranks, s->trainer->run->plan, schema,
                                 &alloc, err);
}

/* ---- Not even addresses ---- */

/* What is taken with so many rows of a table; 0: not that either. */
static int64_t bytes_with(const mmoe_config *config, const mmoe_schema *schema, mmoe_among own,
                          int threads, int32_t table, int64_t rows) {
    const mmoe_allocator alloc = mmoe_allocator_or_default(NULL);
    mmoe_schema *cut;
    mmoe_sketch s;
    if (mmoe_schema_copy(schema, &alloc, &cut, NULL)) return 0;
    mmoe_sketch_cut_table(cut, table, rows);
    const bool is_made = make(config, cut, own, threads, &s, NULL) == MMOE_OK;
    const int64_t bytes = is_made ? s.reserve.bytes : 0;
    mmoe_sketch_finish(&s);
    mmoe_schema_free(cut);
    return bytes;
}

/* As bytes grow by a row between a half and a quarter of those rows for which there are addresses,
 * they grow on. */
static bool find_needed(const mmoe_config *config, const mmoe_schema *schema, mmoe_among own,
                        int threads, mmoe_sketch *s, int64_t *fits) {
    enum { LEAST = 1024 }; /* rows */
    const mmoe_table *largest = largest_of(schema);
    const int32_t table = (int32_t)(largest - schema->tables);
    int64_t rows = largest->rows, bytes = 0;
    while (!bytes && (rows /= 2) >= LEAST)
        bytes = bytes_with(config, schema, own, threads, table, rows);
    const int64_t less = bytes ? bytes_with(config, schema, own, threads, table, rows / 2) : 0;
    if (!less || bytes <= less) return false;
    const double a_row = (double)(bytes - less) / (double)(rows - rows / 2);
    s->reserve.refused = bytes + (int64_t)(a_row * (double)(largest->rows - rows));
    *fits = rows + (int64_t)((double)(s->available - bytes) / a_row);
    return *fits > 0 && *fits < largest->rows;
}

static mmoe_status fail_refused(const mmoe_config *config, const mmoe_schema *schema,
                                mmoe_among own, int threads, mmoe_sketch *s, mmoe_error *err) {
    char needed[MMOE_NUMBER_SIZE], there[MMOE_NUMBER_SIZE], rows[MMOE_NUMBER_SIZE],
        fits[MMOE_NUMBER_SIZE];
    const mmoe_table *largest = largest_of(schema);
    int64_t fitting;
    const bool is_known = largest && find_needed(config, schema, own, threads, s, &fitting);
    show_bytes(s->reserve.refused, needed);
    show_bytes(s->available, there);
    if (!is_known)
        return mmoe_fail_at(err, MMOE_E_MEMORY, NULL, 0, largest ? largest->name : NULL,
                            "model and training take more than %s of memory, and %s are available "
                            "to this process",
                            needed, there);
    mmoe_format_count(largest->rows, rows);
    mmoe_format_count(fitting, fits);
    return mmoe_fail_at(err, MMOE_E_MEMORY, NULL, 0, largest->name,
                        "model and training take some %s of memory, and %s are available to this "
                        "process: of this table's %s rows of width %d about %s would fit",
                        needed, there, rows, (int)largest->dim, fits);
}

mmoe_status mmoe_sketch_make(const mmoe_config *config, const mmoe_schema *schema, mmoe_among own,
                             int threads, mmoe_sketch *s, mmoe_error *err) {
    const mmoe_status status = make(config, schema, own, threads, s, err);
    if (status != MMOE_E_MEMORY || !s->reserve.refused) return status;
    const int64_t available = s->available;
    mmoe_sketch_finish(s); /* what it has is for those that are cut */
    s->available = available;
    return fail_refused(config, schema, own, threads, s, err);
}

void mmoe_sketch_finish(mmoe_sketch *s) {
    mmoe_whole_batch_finish(&s->whole);
    mmoe_trainer_free(s->trainer);
    mmoe_model_free(s->model);
    s->trainer = NULL;
    s->model = NULL;
}

static int64_t bytes_of(const mmoe_params *p, int32_t block) {
    return block < p->n_block ? (int64_t)mmoe_block_bytes(&p->blocks[block].memory) : 0;
}

int64_t mmoe_sketch_weights(const mmoe_sketch *s, int32_t block) {
    return bytes_of(&s->model->params, block);
}

int64_t mmoe_sketch_moments(const mmoe_sketch *s, int32_t block) {
    const mmoe_optimizer *o = &s->trainer->optimizer;
    return block < o->n_block ? (int64_t)mmoe_optimizer_block_memory(&o->blocks[block]) : 0;
}

int64_t mmoe_sketch_copies(const mmoe_sketch *s, int32_t block) {
    const mmoe_trainer *t = s->trainer;
    const mmoe_params *p = &s->model->params;
    const bool is_kept = t->gradient.room.values && block < p->n_trained &&
                         !p->blocks[block].is_frozen &&
                         !(block < p->n_table && p->tables[block].is_deferred);
    return (int64_t)mmoe_best_memory(&t->best, block) + bytes_of(&t->average, block) +
           (is_kept ? mmoe_sketch_weights(s, block) : 0);
}

/* ---- Is there so much? ---- */

static int64_t all_of_table(const mmoe_sketch *s, int32_t i) {
    return mmoe_sketch_weights(s, i) + mmoe_sketch_moments(s, i) + mmoe_sketch_copies(s, i);
}

/* What of a table would fit into `left` bytes, of which it wants `all`. */
static void show_fitting(const mmoe_embedding *t, int64_t left, int64_t all, char out[160]) {
    const double share = left > 0 ? (double)left / (double)all : 0;
    char rows[MMOE_NUMBER_SIZE];
    const int64_t fitting = (int64_t)(share * (double)t->rows);
    const int32_t width = (int32_t)(share * (double)t->dim);
    mmoe_format_count(fitting, rows);
    if (!fitting)
        snprintf(out, 160, "no row of it would fit beside the others");
    else if (!width)
        snprintf(out, 160, "%s rows of this width would fit", rows);
    else
        snprintf(out, 160, "%s rows of this width would fit, or these rows at a width of %d", rows,
                 (int)width);
}

static mmoe_status fail(const mmoe_sketch *s, mmoe_error *err) {
    const mmoe_params *p = &s->model->params;
    int32_t largest = 0;
    char needed[MMOE_NUMBER_SIZE], there[MMOE_NUMBER_SIZE], table[MMOE_NUMBER_SIZE],
        rows[MMOE_NUMBER_SIZE], fits[160];
    show_bytes(s->reserve.bytes, needed);
    show_bytes(s->available, there);
    for (int32_t i = 1; i < p->n_table; i++)
        if (all_of_table(s, i) > all_of_table(s, largest)) largest = i;
    if (!p->n_table)
        return mmoe_fail(err, MMOE_E_MEMORY,
                         "model and training take %s of memory, and %s are available", needed,
                         there);
    const int64_t all = all_of_table(s, largest);
    show_bytes(all, table);
    mmoe_format_count(p->tables[largest].rows, rows);
    show_fitting(&p->tables[largest], s->available - (s->reserve.bytes - all), all, fits);
    return mmoe_fail_at(
        err, MMOE_E_MEMORY, NULL, 0, s->model->schema->tables[largest].name,
        "model and training take %s of memory, and %s are available: this table of %s rows of "
        "width %d takes %s with its moments; %s. \"hash_bucket_size\", \"max_vocab\" and "
        "\"min_count\" bound the rows; trainer.embedding_optimizer \"rowwise_adagrad\" keeps one "
        "moment a row",
        needed, there, rows, (int)p->tables[largest].dim, table, fits);
}

mmoe_status mmoe_estimate_check(const mmoe_config *config, const mmoe_schema *schema, int threads,
                                mmoe_error *err) {
    return mmoe_estimate_check_among(config, schema, NULL, threads, err);
}

mmoe_status mmoe_estimate_check_among(const mmoe_config *config, const mmoe_schema *schema,
                                      const mmoe_comm *comm, int threads, mmoe_error *err) {
    const mmoe_among own = {comm ? comm->rank : 0, comm ? comm->size : 1};
    mmoe_sketch s;
    if (!config || !schema)
        return mmoe_fail(err, MMOE_E_ARGUMENT,
                         "mmoe_estimate_check: config and schema must not be NULL");
    /* Taken before all else, for what is short without them is not a table's fault. */
    const int workers = mmoe_worker_count(threads);
    mmoe_status status = mmoe_blas_claim(workers, err);
    if (status) return status;
    mmoe_blas_release(workers);
    status = mmoe_sketch_make(config, schema, own, threads, &s, err);
    if (!status && s.reserve.bytes > s.available) status = fail(&s, err);
    mmoe_sketch_finish(&s);
    return status;
}
