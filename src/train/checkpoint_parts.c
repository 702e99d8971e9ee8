#include "train/checkpoint_parts.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/checksum.h"
#include "base/error.h"

enum { INTEGERS_OF_2 = 10, REALS_OF_2 = 4 };

static void add_stretch(mmoe_run_parts *l, const char *group, const mmoe_block *block,
                        const mmoe_stretch *at, mmoe_part_source of_2) {
    const size_t size = strlen(group) + strlen(block->name) + 1;
    char *name = mmoe_alloc(l->alloc, size, 1);
    l->failed |= !name;
    if (!name) return;
    snprintf(name, size, "%s%s", group, block->name);
    l->items[l->count] = (mmoe_run_part){
        .name = name, .dtype = block->dtype, .count = block->count, .frozen = -1, .of_2 = of_2};
    l->stretches[l->count++] = *at;
}

static void add_part(mmoe_run_parts *l, const char *group, const mmoe_block *b,
                     mmoe_part_source of_2) {
    const mmoe_stretch at = {.data = b->data, .file = -1, .bytes = mmoe_block_bytes(b)};
    add_stretch(l, group, b, &at, of_2);
}

static void add_fields(mmoe_run_parts *l, const mmoe_place_field *fields) {
    for (int i = 0; i < MMOE_PLACE_FIELDS; i++) {
        const bool real = fields[i].type == MMOE_FIELD_REAL;
        const mmoe_block cell = {fields[i].name, real ? MMOE_F64 : MMOE_I64, 1, &l->cells[i]};
        mmoe_part_source of_2 = {real ? "progress.reals" : "progress.integers", fields[i].of_2,
                                 real ? REALS_OF_2 : INTEGERS_OF_2};
        if (fields[i].of_2 < 0) of_2.tensor = NULL;
        const size_t before = l->count;
        add_part(l, "progress.", &cell, of_2);
        if (l->count > before) l->items[before].not_of_3 = fields[i].of_2 == MMOE_NOT_OF_3;
    }
}

static void add_doubles(mmoe_run_parts *l, const char *name, int64_t count, double *data) {
    if (data)
        add_part(l, "", &(mmoe_block){name, MMOE_F64, count, data},
                 (mmoe_part_source){name, 0, count});
}

/* A group of parts of the parameters' blocks. */
typedef struct block_group {
    const char *prefix;
    const mmoe_params *params; /* that give names and sizes */
    const mmoe_stretch *at;    /* of all blocks; NULL: they are the parameters' own */
    bool is_model;             /* what does not learn is the model's */
} block_group;

/* A part that has a dealt table's own rows is, in the file, of all of them. */
static void deal_rows(mmoe_run_parts *l, size_t index, const mmoe_embedding *t) {
    mmoe_run_part *p = &l->items[index];
    if (!t->is_deferred) return;
    p->count = t->rows * t->dim;
    p->dealt =
        (mmoe_dealt_rows){l->stretches[index], (size_t)t->dim * sizeof(float), t->rows, t->deal};
    l->stretches[index].bytes = (size_t)t->rows * p->dealt.size;
}

static void add_block(mmoe_run_parts *l, const block_group *g, int32_t i, mmoe_part_source of_2) {
    const mmoe_params_block *b = &g->params->blocks[i];
    const size_t before = l->count;
    if (g->at)
        add_stretch(l, g->prefix, &b->memory, &g->at[i], of_2);
    else
        add_part(l, g->prefix, &b->memory, of_2);
    if (l->count == before) return;
    if (g->is_model && b->is_frozen) l->items[before].frozen = i;
    if (i < g->params->n_table) deal_rows(l, before, &g->params->tables[i]);
}

/* What of the parameters is not trained. */
static void add_state(mmoe_run_parts *l, const block_group *g, mmoe_dtype dtype, const char *of_2) {
    for (int32_t i = g->params->n_trained; i < g->params->n_block; i++) {
        const mmoe_block *b = &g->params->blocks[i].memory;
        if (b->dtype == dtype) add_block(l, g, i, (mmoe_part_source){of_2, 0, b->count});
    }
}

static void add_values(mmoe_run_parts *l, const block_group *g, const char *of_2) {
    const mmoe_params *p = g->params;
    for (int32_t i = 0; i < p->n_trained; i++)
        add_block(l, g, i, (mmoe_part_source){of_2, p->blocks[i].place, p->n_whole});
}

static void add_moments(mmoe_run_parts *l, const mmoe_trainer *t, bool second) {
    const mmoe_params *p = &t->model->params;
    for (int32_t i = 0; i < p->n_trained; i++) {
        const mmoe_optimizer_block *own = &t->optimizer.blocks[i];
        mmoe_block b = p->blocks[i].memory;
        const size_t before = l->count;
        float *data = second ? own->v : own->m;
        if (!data) continue;
        b.count = mmoe_optimizer_moments(own, own->count);
        const mmoe_stretch at = {.data = (char *)data,
                                 .file = -1,
                                 .bytes =
                                     (size_t)mmoe_optimizer_moments(own, own->kept) * sizeof *data};
        add_stretch(l, second ? "optimizer.v." : "optimizer.m.", &b, &at,
                    (mmoe_part_source){second ? "optimizer.v" : "optimizer.m", p->blocks[i].place,
                                       p->n_whole});
        if (l->count > before) l->items[before].first = mmoe_optimizer_moments(own, own->first);
    }
}

static void add_records(mmoe_run_parts *l, const mmoe_trainer *t) {
    const mmoe_optimizer *o = &t->optimizer;
    for (int32_t i = 0; i < o->n_block; i++) {
        const mmoe_optimizer_block *b = &o->blocks[i];
        if (!b->records) continue;
        const int64_t count = b->count / b->dim * b->record;
        const mmoe_block records = {t->model->params.blocks[i].memory.name, MMOE_I32, count,
                                    b->records};
        const size_t before = l->count;
        add_part(l, "optimizer.records.", &records,
                 (mmoe_part_source){"optimizer.records", 0, count});
        if (l->count == before) return;
        if (!b->has_step) l->items[before].stepless = b->record;
        l->items[before].dealt = (mmoe_dealt_rows){l->stretches[before],
                                                   (size_t)b->record * sizeof *b->records,
                                                   b->count / b->dim,
                                                   {b->shift, b->owner}};
    }
}

static void add_lists(mmoe_run_parts *l, const mmoe_trainer *t) {
    const mmoe_block elements = {MMOE_CHECKPOINT_LISTS, MMOE_F64, t->model->graph->n_list,
                                 t->list_elements};
    const size_t before = l->count;
    if (elements.count) add_part(l, "", &elements, (mmoe_part_source){NULL, 0, 0});
    if (l->count > before) l->items[before].not_of_3 = true;
}

static void add_settled(mmoe_run_parts *l, const mmoe_trainer *t) {
    const mmoe_history *h = &t->optimizer.history;
    const mmoe_block base = {MMOE_CHECKPOINT_SETTLED, MMOE_I64, 1, (void *)(uintptr_t)&h->base};
    if (h->rates) add_part(l, "", &base, (mmoe_part_source){MMOE_CHECKPOINT_SETTLED, 0, 1});
}

/* Those of a type, 8 bytes or one. */
static void add_keys(mmoe_run_parts *l, const mmoe_schema_tensors *keys, mmoe_dtype dtype) {
    for (size_t i = 0; keys && i < keys->count; i++) {
        const mmoe_container_tensor *x = &keys->items[i];
        const mmoe_block block = {x->name, x->dtype, x->shape[0], (void *)(uintptr_t)x->data};
        if (x->dtype == dtype) add_part(l, "", &block, (mmoe_part_source){NULL, 0, 0});
    }
}

/* 8-byte types first, which keeps each aligned. */
mmoe_status mmoe_run_parts_list(mmoe_trainer *t, const mmoe_place_field *fields,
                                const mmoe_schema_tensors *keys, mmoe_run_parts *l,
                                mmoe_error *err) {
    const block_group now = {"now.", &t->model->params, NULL, true},
                      best = {"best.", &t->model->params, t->best.blocks, true},
                      average = {"average.", &t->average, NULL, false};
    const int64_t tasks = t->model->schema->n_label;
    const size_t most =
        MMOE_PLACE_FIELDS + 6 + 5 * (size_t)now.params->n_block + (keys ? keys->count : 0);
    *l = (mmoe_run_parts){.alloc = &t->alloc};
    l->items = mmoe_alloc(l->alloc, most, sizeof *l->items);
    l->stretches = mmoe_alloc(l->alloc, 2 * most, sizeof *l->stretches);
    if (!l->items || !l->stretches) return mmoe_fail_memory(err, most * sizeof *l->items);
    l->in_file = l->stretches + most;
    add_fields(l, fields);
    add_doubles(l, "epoch.loss_sum", tasks, t->loss_sum);
    add_doubles(l, "epoch.weight_sum", tasks, t->weight_sum);
    add_doubles(l, "balance.state", t->balancer.balance.n_state, t->balancer.balance.state);
    if (t->start.exists) add_doubles(l, "linear.start", t->start.count, t->start.state);
    add_lists(l, t);
    add_settled(l, t);
    add_keys(l, keys, MMOE_I64);
    add_state(l, &now, MMOE_I64, "now.counters");
    add_state(l, &best, MMOE_I64, "best.counters");
    add_state(l, &now, MMOE_F32, "now.states");
    add_state(l, &best, MMOE_F32, "best.states");
    add_values(l, &now, "now.values");
    add_values(l, &best, "best.values");
    l->moments = l->count;
    add_moments(l, t, false);
    add_moments(l, t, true);
    add_records(l, t);
    l->n_moment = l->count - l->moments;
    if (t->average.values) add_values(l, &average, "average.values");
    add_keys(l, keys, MMOE_U8);
    return l->failed ? mmoe_fail_memory(err, most * sizeof *l->items) : MMOE_OK;
}

/* Behind what remains in its order, which is that of the parts before and among the moments. */
mmoe_status mmoe_run_parts_part(mmoe_run_parts *l, mmoe_run_parts *dealt, mmoe_error *err) {
    const size_t count = l->count, moments = l->moments, behind = moments + l->n_moment;
    *dealt = (mmoe_run_parts){.alloc = l->alloc};
    dealt->items = mmoe_alloc(l->alloc, count, sizeof *dealt->items);
    dealt->stretches = mmoe_alloc(l->alloc, 2 * count, sizeof *dealt->stretches);
    if (!dealt->items || !dealt->stretches)
        return mmoe_fail_memory(err, count * sizeof *dealt->items);
    dealt->in_file = dealt->stretches + count;
    l->count = 0;
    for (size_t i = 0; i < count; i++) {
        const bool is_dealt = mmoe_run_part_is_dealt(&l->items[i]);
        mmoe_run_parts *to = is_dealt ? dealt : l;
        const mmoe_run_part part = l->items[i];
        to->stretches[to->count] = is_dealt ? part.dealt.own : l->stretches[i];
        if (is_dealt)
            to->stretches[to->count].bytes =
                (size_t)mmoe_deal_count(part.dealt.deal, part.dealt.rows) * part.dealt.size;
        to->items[to->count++] = part;
        if (is_dealt && i < moments) l->moments--;
        if (is_dealt && i >= moments && i < behind) l->n_moment--;
    }
    return MMOE_OK;
}

void mmoe_run_parts_finish(mmoe_run_parts *l) {
    for (size_t i = 0; i < l->count; i++) mmoe_release(l->alloc, l->items[i].name);
    mmoe_release(l->alloc, l->items);
    mmoe_release(l->alloc, l->stretches);
}

/* ---- Checksum ---- */

void mmoe_piece_sums_add(void *sums, const mmoe_piece *p) {
    mmoe_piece_sums *s = sums;
    const char *name = s->tensors[p->index].name;
    const uint64_t seed =
        mmoe_checksum_hash((s->before + p->first) / MMOE_PIECE, name, strlen(name));
    atomic_fetch_add(&s->sum, mmoe_checksum_hash(seed, p->bytes, p->size));
}

void mmoe_checkpoint_sum_texts(const char *config, const char *meta, char out[MMOE_CHECKSUM_SIZE]) {
    const uint64_t sum = mmoe_checksum_hash(0, config ? config : "", config ? strlen(config) : 0);
    mmoe_checksum_print(mmoe_checksum_hash(sum, meta ? meta : "", meta ? strlen(meta) : 0), out);
}

mmoe_status mmoe_pieces_failed(const char *path, mmoe_status why, mmoe_error *err) {
    if (why == MMOE_E_MEMORY) return mmoe_fail_memory(err, MMOE_PIECE);
    if (errno != ENODATA) return mmoe_fail_system(err, path, "cannot read");
    return mmoe_fail_at(err, MMOE_E_IO, path, 0, NULL,
                        "cannot read: the file was cut off meanwhile");
}

mmoe_status mmoe_pieces_sum(const mmoe_container *file, mmoe_pool *pool,
                            const mmoe_allocator *alloc, uint64_t *sum, mmoe_error *err) {
    const size_t count = mmoe_container_count(file);
    mmoe_piece_sums sums = {.tensors = count ? mmoe_container_at(file, 0) : NULL};
    mmoe_stretch *all = mmoe_alloc(alloc, count, sizeof *all);
    if (!all) return mmoe_fail_memory(err, count * sizeof *all);
    for (size_t i = 0; i < count; i++) all[i] = mmoe_container_stretch(file, &sums.tensors[i]);
    atomic_init(&sums.sum, 0);
    const mmoe_stretch_work work = {
        .from = all, .count = count, .look = mmoe_piece_sums_add, .context = &sums};
    mmoe_status status = mmoe_stretches_run(&work, pool, alloc);
    if (status) status = mmoe_pieces_failed(mmoe_container_name(file), status, err);
    *sum = atomic_load(&sums.sum);
    mmoe_release(alloc, all);
    return status;
}
