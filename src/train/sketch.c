#include "train/sketch.h"

#include <stdio.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/text.h"

static void show_bytes(int64_t bytes, char out[MMOE_NUMBER_SIZE]) {
    const double megabytes = (double)bytes / 1e6;
    snprintf(out, MMOE_NUMBER_SIZE, megabytes < 1000 ? "%.1f MB" : "%.2f GB",
             megabytes < 1000 ? megabytes : megabytes / 1000);
}

static int64_t values_of(const mmoe_table *t) { return t->rows * t->dim; }

/* There are not even addresses, so how much it would be is not known. */
static mmoe_status fail_refused(const mmoe_sketch *s, const mmoe_schema *schema, mmoe_error *err) {
    const mmoe_table *largest = NULL;
    char needed[MMOE_NUMBER_SIZE], there[MMOE_NUMBER_SIZE], rows[MMOE_NUMBER_SIZE],
        fits[MMOE_NUMBER_SIZE];
    show_bytes(s->reserve.refused, needed);
    show_bytes(s->available, there);
    for (const mmoe_table *t = schema->tables; t < schema->tables + schema->n_table; t++)
        if (!largest || values_of(t) > values_of(largest)) largest = t;
    if (!largest)
        return mmoe_fail(err, MMOE_E_MEMORY,
                         "model and training take more than %s of memory, and %s are available to "
                         "this process",
                         needed, there);
    mmoe_format_count(largest->rows, rows);
    mmoe_format_count(
        (int64_t)((double)s->available / (double)s->reserve.refused * (double)largest->rows), fits);
    return mmoe_fail_at(err, MMOE_E_MEMORY, NULL, 0, largest->name,
                        "model and training take more than %s of memory, and %s are available to "
                        "this process: of this table's %s rows of width %d fewer than %s would fit",
                        needed, there, rows, (int)largest->dim, fits);
}

mmoe_status mmoe_sketch_make(const mmoe_config *config, const mmoe_schema *schema, int threads,
                             mmoe_sketch *s, mmoe_error *err) {
    *s = (mmoe_sketch){.available = mmoe_memory_available()};
    const mmoe_allocator alloc = mmoe_reserve_allocator(&s->reserve);
    const mmoe_trainer_options options = {.threads = threads, .best_folder = "."};
    mmoe_status status = mmoe_model_blank(config, schema, &alloc, &s->model, err);
    if (!status) status = mmoe_trainer_create(s->model, &options, &alloc, &s->trainer, err);
    return status == MMOE_E_MEMORY && s->reserve.refused ? fail_refused(s, schema, err) : status;
}

void mmoe_sketch_finish(mmoe_sketch *s) {
    mmoe_trainer_free(s->trainer);
    mmoe_model_free(s->model);
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
    mmoe_sketch s;
    if (!config || !schema)
        return mmoe_fail(err, MMOE_E_ARGUMENT,
                         "mmoe_estimate_check: config and schema must not be NULL");
    mmoe_status status = mmoe_sketch_make(config, schema, threads, &s, err);
    if (!status && s.reserve.bytes > s.available) status = fail(&s, err);
    mmoe_sketch_finish(&s);
    return status;
}
