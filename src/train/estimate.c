#include <string.h>

#include "base/error.h"
#include "config/config_update.h"
#include "data/source.h"
#include "file/packed.h"
#include "graph/distinct_parts.h"
#include "graph/op.h"
#include "graph/profile.h"
#include "graph/told_columns.h"
#include "model/model_file.h"
#include "train/rehearsal.h"
#include "train/rows_met.h"
#include "train/sketch.h"

/* What the caller gets, and the memory that it points to. */
typedef struct estimate {
    mmoe_estimate given; /* first */
    mmoe_allocator alloc;
    mmoe_table_estimate *tables;
    mmoe_part_estimate *parts;
    mmoe_rank_estimate *of_ranks;
    const mmoe_config *config;
} estimate;

/* ---- Memory ---- */

static const char *update_of(const mmoe_embedding *t, const mmoe_trainer_config *c) {
    if (t->is_frozen) return "none";
    if (!t->is_deferred) return "dense";
    return c->embedding_update == MMOE_UPDATE_LAZY ? "lazy" : "deferred";
}

static mmoe_status add_tables(estimate *e, const mmoe_sketch *s, mmoe_error *err) {
    const mmoe_trainer_config *c = &s->model->config->trainer;
    const mmoe_params *p = &s->model->params;
    const size_t count = (size_t)p->n_table;
    e->given.tables = e->tables = mmoe_alloc_zero(&e->alloc, count, sizeof *e->tables);
    if (!e->tables) return mmoe_fail_memory(err, count * sizeof *e->tables);
    for (int32_t i = 0; i < p->n_table; i++) {
        const mmoe_embedding *t = &p->tables[i];
        const char *name = s->model->schema->tables[i].name;
        e->tables[i] = (mmoe_table_estimate){
            .name = mmoe_copy_text(&e->alloc, name, strlen(name)),
            .rows = t->rows,
            .width = t->dim,
            .bytes = mmoe_sketch_weights(s, i),
            .moment_bytes = mmoe_sketch_moments(s, i),
            .update = update_of(t, c),
            .why = t->is_frozen ? "it does not learn" : mmoe_config_update_why(c, t->rows, t->dim)};
        if (!e->tables[i].name) return mmoe_fail_memory(err, strlen(name));
        e->given.n_table++;
    }
    return MMOE_OK;
}

static void count_exchanges(mmoe_estimate *g, const mmoe_plan *p) {
    g->shared_bytes = p->params->n_value * (int64_t)sizeof(float);
    if (p->distinct) g->sum_bytes = mmoe_distinct_sum_floats(p) * (int64_t)sizeof(float);
    for (int32_t i = 0; i < p->n_phase; i++) {
        g->n_barrier += p->phases[i].numbers > 0;
        g->n_barrier_number += p->phases[i].numbers;
    }
}

/* Without rows. */
static mmoe_rank_estimate count_memory(const mmoe_sketch *s) {
    const mmoe_params *p = &s->model->params;
    mmoe_rank_estimate m = {.ranks = s->comm.size};
    const int32_t members = s->model->config->members;
    for (int32_t i = 0; i < p->n_block; i++) {
        *(i < p->n_table ? &m.table_bytes : &m.layer_bytes) += members * mmoe_sketch_weights(s, i);
        m.moment_bytes += members * mmoe_sketch_moments(s, i);
        m.copy_bytes += members * mmoe_sketch_copies(s, i);
    }
    m.step_bytes = s->reserve.bytes - m.table_bytes - m.layer_bytes - m.moment_bytes - m.copy_bytes;
    return m;
}

static mmoe_status measure_memory(estimate *e, const mmoe_sketch *s, mmoe_error *err) {
    mmoe_estimate *g = &e->given;
    const mmoe_rank_estimate m = count_memory(s);
    g->table_bytes = m.table_bytes;
    g->layer_bytes = m.layer_bytes;
    g->moment_bytes = m.moment_bytes;
    g->copy_bytes = m.copy_bytes;
    g->step_bytes = m.step_bytes;
    g->members = s->model->config->members;
    g->parameters = mmoe_model_parameter_count(s->model);
    g->batch_size = s->model->config->trainer.batch_size;
    g->available = s->available;
    count_exchanges(g, s->trainer->run->plan);
    mmoe_status status = mmoe_file_size(s->model, &g->model_file, err);
    for (mmoe_trainer *t = s->trainer; !status && t; t = t->next) {
        int64_t file = 0;
        status = mmoe_checkpoint_size(t, &file, err);
        g->checkpoint_file += file;
        g->best_file += (int64_t)t->best.in_file;
    }
    return status ? status : add_tables(e, s, err);
}

/* ---- Rows ---- */

/* Of one of so many ranks. */
static mmoe_status source_bytes(const estimate *e, const mmoe_dataset *set, int32_t ranks,
                                int64_t *bytes, mmoe_error *err) {
    const mmoe_trainer_config *c = &e->config->trainer;
    mmoe_source_order order = {set, true, 1, c->batch_size};
    if (c->lanes) order.lanes = (mmoe_lanes){c->batch_size, c->segments, 0, c->segments / ranks};
    mmoe_source *source;
    const mmoe_status status = mmoe_source_open(&order, &e->alloc, &source, err);
    if (status) return status;
    *bytes = (int64_t)source->kind->bytes(source);
    mmoe_source_free(source);
    return MMOE_OK;
}

/* Elements of a block's lists. */
static int64_t elements_of_block(const mmoe_dataset *rows) {
    const int32_t lists = rows->n_sparse - rows->n_id;
    if (!lists) return 0;
    return rows->offsets[rows->rows * lists] * MMOE_BLOCK_ROWS / rows->rows;
}

/* As if so many rows like these were stored. */
static mmoe_status measure_stream(estimate *e, const mmoe_schema *schema, const mmoe_dataset *rows,
                                  mmoe_error *err) {
    mmoe_stored stored = {.alloc = e->alloc,
                          .rows = e->given.rows,
                          .n_id = rows->n_id,
                          .n_list = rows->n_sparse - rows->n_id,
                          .dense_width = rows->dense_width,
                          .n_label = rows->n_label,
                          .has_weights = schema->weight != NULL,
                          .has_element_weights = mmoe_schema_weighs_lists(schema)};
    const size_t blocks = (size_t)mmoe_blocks_of(stored.rows);
    mmoe_status status = mmoe_packed_columns(schema, rows, &stored.columns, &stored.n_column, err);
    if (status) return status;
    stored.elements = mmoe_alloc(&e->alloc, blocks, sizeof *stored.elements);
    if (!stored.elements) status = mmoe_fail_memory(err, blocks * sizeof *stored.elements);
    for (size_t b = 0; stored.elements && b < blocks; b++)
        stored.elements[b] = elements_of_block(rows);
    mmoe_dataset set = *rows;
    set.rows = stored.rows;
    set.stored = &stored;
    if (!status) status = source_bytes(e, &set, 1, &e->given.stream_bytes, err);
    for (size_t i = 0; !status && i < e->given.n_of_ranks; i++)
        status = source_bytes(e, &set, e->of_ranks[i].ranks, &e->of_ranks[i].stream_bytes, err);
    for (int32_t i = 0; i < stored.n_column; i++) mmoe_release(&e->alloc, stored.columns[i].file);
    mmoe_release(&e->alloc, stored.columns);
    mmoe_release(&e->alloc, stored.elements);
    return status;
}

static mmoe_status measure_rows(estimate *e, const mmoe_rehearsal *r, mmoe_error *err) {
    int64_t bytes;
    if (!e->given.rows) return MMOE_OK;
    const mmoe_status status = source_bytes(e, r->rows, 1, &bytes, err);
    if (status) return status;
    e->given.row_bytes = (int64_t)((double)bytes / (double)r->rows->rows * (double)e->given.rows);
    for (size_t i = 0; i < e->given.n_of_ranks; i++) e->of_ranks[i].row_bytes = e->given.row_bytes;
    return measure_stream(e, r->model->schema, r->rows, err);
}

/* ---- Steps ---- */

static mmoe_status add_part(estimate *e, const mmoe_rehearsal *r, const mmoe_profile_entry *from,
                            mmoe_error *err) {
    const char *node = mmoe_copy_text(&e->alloc, from->node, strlen(from->node));
    if (!node) return mmoe_fail_memory(err, strlen(from->node));
    const double steps = (double)r->steps;
    e->parts[e->given.n_part++] =
        (mmoe_part_estimate){node, from->pass, from->seconds / steps, from->flops / steps};
    return MMOE_OK;
}

/* The first node gathers; its updates are of tables. */
static bool updates_tables(const mmoe_profile *p, const mmoe_part_estimate *part) {
    const char *update = mmoe_profile_pass(p, 0, MMOE_PASS_UPDATE);
    return update && strcmp(part->node, p->names[0]) == 0 && strcmp(part->pass, update) == 0;
}

static mmoe_status measure_steps(estimate *e, const mmoe_rehearsal *r, mmoe_error *err) {
    mmoe_estimate *g = &e->given;
    mmoe_profile_entry entry;
    size_t count = 0;
    while (mmoe_profile_entry_at(r->profile, count, &entry) == 0) count++;
    g->parts = e->parts = mmoe_alloc_zero(&e->alloc, count, sizeof *e->parts);
    if (!e->parts) return mmoe_fail_memory(err, count * sizeof *e->parts);
    mmoe_status status = MMOE_OK;
    for (size_t i = 0; i < count && !status; i++) {
        mmoe_profile_entry_at(r->profile, i, &entry);
        status = add_part(e, r, &entry, err);
    }
    g->threads = r->profile->workers;
    g->step_seconds = r->seconds / (double)r->steps;
    const double more = (double)r->left_out * r->update_seconds;
    for (size_t i = 0; i < g->n_part; i++)
        if (updates_tables(r->profile, &e->parts[i])) {
            e->parts[i].seconds += more;
            g->step_seconds += more / g->threads;
        }
    return status;
}

/* ---- Ranks ---- */

/* Of the values that were left out a rank updates its portion. */
static mmoe_status time_rank(mmoe_rank_estimate *rank, const mmoe_sketch *s,
                             const mmoe_estimate_options *options, double update_seconds,
                             const mmoe_allocator *alloc, mmoe_error *err) {
    mmoe_rehearsal r;
    const mmoe_status status = mmoe_rehearse(s, options->data, options->threads, alloc, &r, err);
    if (!status)
        rank->step_seconds =
            r.seconds / (double)r.steps + (double)r.left_out * update_seconds /
                                              (rank->ranks * mmoe_pool_workers(r.trainer->pool));
    mmoe_rehearsal_finish(&r);
    return status;
}

/* Of 2, 4 .. as many ranks as are asked for, and as segments there are. */
static mmoe_status measure_ranks(estimate *e, const mmoe_schema *schema,
                                 const mmoe_estimate_options *options, double update_seconds,
                                 mmoe_error *err) {
    const int32_t segments = e->config->trainer.segments,
                  most = options->ranks < segments ? options->ranks : segments;
    mmoe_status status = MMOE_OK;
    for (int32_t ranks = 2; !status && ranks <= most; ranks *= 2) {
        const mmoe_among own = {0, ranks};
        mmoe_sketch s;
        status = mmoe_sketch_make(e->config, schema, own, options->threads, &s, err);
        if (!status) {
            mmoe_rank_estimate *rank = &e->of_ranks[e->given.n_of_ranks++];
            *rank = count_memory(&s);
            status = time_rank(rank, &s, options, update_seconds, &e->alloc, err);
        }
        mmoe_sketch_finish(&s);
    }
    return status;
}

static void add_epoch(mmoe_estimate *g, const mmoe_rehearsal *r) {
    const int64_t steps = (g->rows + g->batch_size - 1) / g->batch_size;
    g->settle_seconds = r->settle_seconds;
    g->touch_seconds = r->touch_seconds;
    if (g->rows)
        g->epoch_seconds = g->members * ((double)steps * g->step_seconds +
                                         (double)g->rows * r->order_seconds + r->settle_seconds);
}

/* Rows of tables that a batch reads. */
static mmoe_status count_met(estimate *e, const mmoe_rehearsal *r, const mmoe_dataset *data,
                             mmoe_error *err) {
    const mmoe_schema *s = r->model->schema;
    const size_t tables = e->given.n_table;
    double(*met)[MMOE_RANK_SHARES] = mmoe_alloc_zero(&e->alloc, tables, sizeof *met);
    if (!met) return mmoe_fail_memory(err, tables * sizeof *met);
    for (int32_t i = 0; i < s->n_sparse; i++) {
        const int32_t list = i - (s->n_sparse - s->n_list);
        met[s->sparse[i].table][0] += list < 0 || !r->list_elements ? 1 : r->list_elements[list];
    }
    for (size_t t = 0; t < tables; t++) {
        const double reads = met[t][0] * e->given.batch_size;
        for (int i = 0; i < MMOE_RANK_SHARES; i++)
            met[t][i] = mmoe_rows_met_evenly(reads / (1 << i), (double)e->tables[t].rows);
    }
    const mmoe_status status =
        data ? mmoe_rows_met(&e->config->trainer, s, data, &e->alloc, met, err) : MMOE_OK;
    for (size_t t = 0; t < tables; t++) memcpy(e->tables[t].met, met[t], sizeof met[t]);
    mmoe_release(&e->alloc, met);
    return status;
}

/* The part of the rows that a rank has not read which others have: of whole blocks that are
 * streamed by lanes. */
static double part_told(const estimate *e, const mmoe_dataset *data) {
    const mmoe_trainer_config *c = &e->config->trainer;
    const int64_t rows = e->given.rows;
    if (!c->lanes || (data && !data->stored && !c->memory)) return 0;
    return rows ? (double)(rows / MMOE_BLOCK_ROWS * MMOE_BLOCK_ROWS) / (double)rows : 1;
}

/* What ranks that read lanes tell each other of a batch's rows (train/whole_batch.h). */
static mmoe_status count_told(estimate *e, const mmoe_rehearsal *r, const mmoe_dataset *data,
                              mmoe_error *err) {
    const mmoe_schema *s = r->model->schema;
    const mmoe_trainer_config *c = &e->config->trainer;
    const size_t columns = (size_t)s->n_sparse + 1;
    bool *told = mmoe_alloc_zero(&e->alloc, columns, sizeof *told), *lists = told;
    if (!told) return mmoe_fail_memory(err, columns * sizeof *told);
    lists += s->n_sparse - s->n_list;
    mmoe_plan_told_columns(r->trainer->run->plan, told, lists);
    double words = 0;
    if (c->n_epoch == 1 || s->weight || r->rows->any_missing_label)
        words = s->n_label + (s->weight != NULL);
    for (int32_t i = 0; i < s->n_sparse; i++) words += told[i];
    for (int32_t i = 0; i < s->n_list; i++) {
        if (lists[i])
            words +=
                (r->list_elements ? r->list_elements[i] : 1) * (1 + mmoe_schema_weighs_lists(s));
    }
    e->given.told_bytes = (int64_t)(4 * words * e->given.batch_size * part_told(e, data));
    mmoe_release(&e->alloc, told);
    return MMOE_OK;
}

/* ---- All of it ---- */

void mmoe_estimate_free(mmoe_estimate *given) {
    estimate *e = (estimate *)given;
    if (!e) return;
    const mmoe_allocator a = e->alloc;
    for (size_t i = 0; i < e->given.n_table; i++)
        mmoe_release(&a, (char *)(uintptr_t)e->tables[i].name);
    for (size_t i = 0; i < e->given.n_part; i++)
        mmoe_release(&a, (char *)(uintptr_t)e->parts[i].node);
    mmoe_release(&a, e->tables);
    mmoe_release(&a, e->parts);
    mmoe_release(&a, e->of_ranks);
    mmoe_release(&a, e);
}

static mmoe_status measure(estimate *e, const mmoe_config *config, const mmoe_schema *schema,
                           const mmoe_estimate_options *options, mmoe_error *err) {
    enum { NUMBERS = 6 }; /* of ranks */
    mmoe_sketch sketch;
    mmoe_rehearsal rehearsal = {.alloc = e->alloc};
    e->config = config;
    e->given.of_ranks = e->of_ranks = mmoe_alloc_zero(&e->alloc, NUMBERS, sizeof *e->of_ranks);
    if (!e->of_ranks) return mmoe_fail_memory(err, NUMBERS * sizeof *e->of_ranks);
    mmoe_status status =
        mmoe_sketch_make(config, schema, (mmoe_among){0, 1}, options->threads, &sketch, err);
    if (!status) status = measure_memory(e, &sketch, err);
    if (!status)
        status =
            mmoe_rehearse(&sketch, options->data, options->threads, &e->alloc, &rehearsal, err);
    if (!status) status = measure_ranks(e, schema, options, rehearsal.update_seconds, err);
    if (!status) status = measure_rows(e, &rehearsal, err);
    if (!status) status = measure_steps(e, &rehearsal, err);
    if (!status) add_epoch(&e->given, &rehearsal);
    if (!status) status = count_met(e, &rehearsal, options->data, err);
    if (!status) status = count_told(e, &rehearsal, options->data, err);
    mmoe_rehearsal_finish(&rehearsal);
    mmoe_sketch_finish(&sketch);
    return status;
}

mmoe_status mmoe_estimate_create(const mmoe_config *config, const mmoe_schema *schema,
                                 const mmoe_estimate_options *options, const mmoe_allocator *alloc,
                                 mmoe_estimate **out, mmoe_error *err) {
    static const mmoe_estimate_options defaults = {0};
    if (!options) options = &defaults;
    if (!config || !schema || !out)
        return mmoe_fail(err, MMOE_E_ARGUMENT,
                         "mmoe_estimate_create: config, schema and out must not be NULL");
    if (options->rows < 0)
        return mmoe_fail(err, MMOE_E_ARGUMENT, "mmoe_estimate_create: rows must not be below 0");
    if (options->ranks && mmoe_comm_check_size(options->ranks, err)) return MMOE_E_ARGUMENT;
    if (mmoe_allocator_check(alloc, "mmoe_estimate_create", err)) return MMOE_E_ARGUMENT;
    if (options->data &&
        mmoe_dataset_check(options->data, schema, mmoe_schema_fingerprint(schema), err))
        return MMOE_E_ARGUMENT;
    const mmoe_allocator a = mmoe_allocator_or_default(alloc);
    estimate *e = mmoe_alloc_zero(&a, 1, sizeof *e);
    if (!e) return mmoe_fail_memory(err, sizeof *e);
    e->alloc = a;
    e->given.rows = options->rows;
    if (!e->given.rows && options->data) e->given.rows = mmoe_dataset_rows(options->data);
    const mmoe_status status = measure(e, config, schema, options, err);
    if (status)
        mmoe_estimate_free(&e->given);
    else
        *out = &e->given;
    return status;
}
