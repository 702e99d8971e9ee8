#include "graph/shared_rows.h"

#include <string.h>

#include "base/ask.h"
#include "base/error.h"

enum { AHEAD = 16 /* rows */, PARTS = MMOE_TABLE_PARTS };

static bool is_dealt(const mmoe_input_state *own, int32_t use) {
    return mmoe_table_is_dealt(own->uses[use].table);
}

/* Where what each rank reads of an own part stands in `sent`; until that is known, how many rows.
 */
static int64_t *sent_places(const mmoe_plan *p, const mmoe_input_state *own, int32_t use,
                            int64_t part) {
    return own->shared->sent_places + ((int64_t)use * PARTS + part) * p->ranks;
}

/* ---- Room ---- */

mmoe_shared_rows *mmoe_shared_rows_lay(const mmoe_plan *p, size_t uses, mmoe_layout *l) {
    const size_t parts = uses * PARTS;
    if (!p->peers) return NULL;
    mmoe_shared_rows *out = mmoe_lay(l, 1, sizeof *out);
    int64_t *places = mmoe_lay(l, parts, sizeof *places),
            *sent = mmoe_lay(l, parts * (size_t)p->ranks, sizeof *sent),
            *holes = mmoe_lay(l, uses, sizeof *holes);
    int32_t *before = mmoe_lay(l, parts, sizeof *before);
    if (out) {
        out->places = places;
        out->sent_places = sent;
        out->holes = holes;
        out->before = before;
    }
    return out;
}

void mmoe_shared_rows_begin(const mmoe_input_state *own) {
    mmoe_shared_rows *s = own->shared;
    for (int32_t u = 0; u < own->n_use; u++) {
        const mmoe_table_use *use = &own->uses[u];
        s->is_dealt |= is_dealt(own, u);
        s->holes[u] = -1;
        for (int32_t i = use->first; i < use->first + use->count; i++)
            if (own->used[i].bag && own->used[i].bag->dropped >= 0)
                s->holes[u] = own->used[i].bag->dropped;
    }
}

static int64_t floats_of(const mmoe_input_state *own) {
    int64_t floats = 0;
    for (int32_t u = 0; u < own->n_use; u++) {
        const mmoe_embedding *t = own->uses[u].table;
        if (t->kind->parts) floats += t->kind->most(&own->uses[u]) * t->dim;
    }
    return floats;
}

/* More room, of which nothing stays, for `memory`; NULL: there is none. */
static void *widen(const mmoe_allocator *alloc, void *memory, int64_t *room, int64_t count,
                   size_t size) {
    if (count <= *room) return memory;
    mmoe_release_aligned(alloc, memory);
    memory = mmoe_alloc_aligned(alloc, (size_t)count, size);
    *room = memory ? count : 0;
    return memory;
}

/* Two places more than rows: one may be left out, and what is read in vain may be the next. */
static mmoe_status admit_fetched(const mmoe_input_state *own, mmoe_error *err) {
    for (int32_t u = 0; u < own->n_use; u++) {
        mmoe_embedding *t = own->uses[u].table;
        const int64_t rows = t->kind->parts ? t->kind->most(&own->uses[u]) + 2 : 0;
        const size_t size = (size_t)t->dim * sizeof *t->fetched;
        if (!is_dealt(own, u)) continue;
        t->fetched = widen(&t->alloc, t->fetched, &t->fetched_room, rows, size);
        if (!t->fetched) return mmoe_fail_memory(err, (size_t)rows * size);
    }
    return MMOE_OK;
}

static int64_t count_elements(const mmoe_lists *l, size_t row) {
    return l->offsets[(row + 1) * (size_t)l->count] - l->offsets[row * (size_t)l->count];
}

/* Where each list of the batch will stand. */
static void place_lists(mmoe_renumbered *n, const mmoe_rows *batch) {
    const mmoe_lists *l = &batch->lists;
    int64_t at = 0, *to = n->offsets;
    for (int32_t b = 0; b < batch->rows; b++)
        for (int32_t i = 0; i < l->count; i++) {
            *to++ = at;
            at += mmoe_list_of(l, mmoe_row_of(batch, b), i).count;
        }
    *to = at;
}

static mmoe_status admit_lists(const mmoe_allocator *a, mmoe_renumbered *n, const mmoe_rows *batch,
                               mmoe_error *err) {
    const mmoe_lists *l = &batch->lists;
    int64_t elements = 1; /* or more */
    for (int32_t b = 0; b < batch->rows; b++) elements += count_elements(l, mmoe_row_of(batch, b));
    n->offsets = widen(a, n->offsets, &n->offset_room, (int64_t)batch->rows * l->count + 1,
                       sizeof *n->offsets);
    n->elements = widen(a, n->elements, &n->element_room, elements, sizeof *n->elements);
    if (l->weights)
        n->weights = widen(a, n->weights, &n->weight_room, elements, sizeof *n->weights);
    if (!n->offsets || !n->elements || (l->weights && !n->weights))
        return mmoe_fail_memory(err, (size_t)elements * sizeof *n->elements);
    place_lists(n, batch);
    n->rows.lists = (mmoe_lists){.count = l->count,
                                 .offsets = n->offsets,
                                 .ids = n->elements,
                                 .weights = l->weights ? n->weights : NULL,
                                 .elements = (size_t)elements};
    return MMOE_OK;
}

static mmoe_status admit_numbers(const mmoe_plan *p, mmoe_renumbered *n, const mmoe_rows *batch,
                                 mmoe_error *err) {
    const int32_t n_id = p->graph->n_id;
    const int64_t ids = (int64_t)batch->rows * n_id + 1; /* or more */
    n->ids = widen(&p->alloc, n->ids, &n->id_room, ids, sizeof *n->ids);
    if (!n->ids) return mmoe_fail_memory(err, (size_t)ids * sizeof *n->ids);
    n->rows = (mmoe_rows){.rows = batch->rows, .ids = n->ids, .id_stride = (size_t)n_id};
    return batch->lists.offsets ? admit_lists(&p->alloc, n, batch, err) : MMOE_OK;
}

/* Of steps, not of larger batches that are looked up alone: others read of own parts no more than
 * the batch does, nor each more than there is of them. */
static mmoe_status admit_sent(const mmoe_plan *p, const mmoe_input_state *own, int32_t rows,
                              mmoe_error *err) {
    mmoe_shared_rows *s = own->shared;
    int64_t floats = 0;
    for (int32_t u = 0; u < own->n_use; u++) {
        const mmoe_embedding *t = own->uses[u].table;
        const int64_t reads = t->kind->parts ? t->kind->reads(&own->uses[u]) : 0,
                      parts = p->ranks < PARTS ? PARTS / p->ranks : 1,
                      most = (t->rows / PARTS + 1) * parts * p->ranks;
        floats += (reads < most ? reads : most) * t->dim;
    }
    if (rows > p->max_rows || floats <= s->sent_room) return MMOE_OK;
    if (s->sent_room) floats += floats / 4;
    s->sent = widen(&p->alloc, s->sent, &s->sent_room, floats, sizeof *s->sent);
    return s->sent ? MMOE_OK : mmoe_fail_memory(err, (size_t)floats * sizeof *s->sent);
}

mmoe_status mmoe_shared_rows_admit(const mmoe_plan *p, mmoe_input_state *own,
                                   const mmoe_rows *batch, mmoe_error *err) {
    mmoe_shared_rows *s = own->shared;
    const int64_t floats = floats_of(own);
    if (floats) s->values = widen(&p->alloc, s->values, &s->room, floats, sizeof *s->values);
    if (floats && !s->values) return mmoe_fail_memory(err, (size_t)floats * sizeof *s->values);
    mmoe_status status = admit_sent(p, own, batch->rows, err);
    if (!status) status = admit_fetched(own, err);
    return !status && s->is_dealt ? admit_numbers(p, &s->renumbered, batch, err) : status;
}

size_t mmoe_shared_rows_memory(const mmoe_input_state *own) {
    const mmoe_shared_rows *s = own->shared;
    const mmoe_renumbered *n = &s->renumbered;
    size_t bytes =
        (size_t)(s->room + s->sent_room) * sizeof *s->values + (size_t)n->id_room * sizeof *n->ids +
        (size_t)n->offset_room * sizeof *n->offsets +
        (size_t)n->element_room * sizeof *n->elements + (size_t)n->weight_room * sizeof *n->weights;
    for (int32_t u = 0; u < own->n_use; u++)
        bytes += (size_t)own->uses[u].table->fetched_room * (size_t)own->uses[u].table->dim *
                 sizeof(float);
    return bytes;
}

void mmoe_shared_rows_leave(const mmoe_plan *p, mmoe_input_state *own) {
    mmoe_shared_rows *s = own->shared;
    mmoe_renumbered *n = &s->renumbered;
    mmoe_release_aligned(&p->alloc, s->values);
    mmoe_release_aligned(&p->alloc, s->sent);
    mmoe_release_aligned(&p->alloc, n->ids);
    mmoe_release_aligned(&p->alloc, n->offsets);
    mmoe_release_aligned(&p->alloc, n->elements);
    mmoe_release_aligned(&p->alloc, n->weights);
    s->values = s->sent = NULL;
    s->room = s->sent_room = 0;
    *n = (mmoe_renumbered){.ids = NULL};
}

/* ---- Places ---- */

/* The least rank of some, of which a bit each is set; it is taken from them. */
static int32_t next_rank(uint64_t *ranks) {
    const int32_t q = __builtin_ctzll(*ranks);
    *ranks &= *ranks - 1;
    return q;
}

static uint64_t bit_of(const mmoe_plan *p) { return UINT64_C(1) << p->rank; }

void mmoe_shared_rows_count(const mmoe_plan *p, const mmoe_input_state *own,
                            const mmoe_weight_task *prepare) {
    const mmoe_table_use *use = &own->uses[prepare->first];
    const int32_t part = (int32_t)prepare->row;
    int64_t *counts = sent_places(p, own, prepare->first, part);
    int32_t rows;
    const uint64_t *readers = use->table->kind->readers(use, part, &rows);
    memset(counts, 0, (size_t)p->ranks * sizeof *counts);
    for (int32_t i = 0; i < rows; i++)
        for (uint64_t left = readers[i]; left;) counts[next_rank(&left)]++;
}

static void add_count(void *context, const mmoe_rows_read *read) {
    int64_t *rows = context;
    *rows += read->count;
}

/* One rank's parts of a use, from `at` on; returns where they end. */
static int64_t place_parts(const mmoe_plan *p, const mmoe_input_state *own, int32_t use,
                           int32_t rank, int64_t at) {
    const mmoe_embedding *t = own->uses[use].table;
    for (int32_t part = rank; part < t->kind->parts; part += p->ranks) {
        int64_t rows = 0;
        own->shared->places[(int64_t)use * PARTS + part] = at;
        t->kind->tell(&own->uses[use], part, add_count, &rows);
        own->shared->before[(int64_t)use * PARTS + part] = (int32_t)rows;
        at += rows * t->dim;
    }
    return at;
}

/* Of each part's rows, those of the parts before it. */
static void add_before(int32_t *rows) {
    for (int32_t part = 0, before = 0; part < PARTS; part++) {
        const int32_t own = rows[part];
        rows[part] = before;
        before += own;
    }
}

/* What a rank reads of own parts, from `at` on; returns where it ends. */
static int64_t place_sent(const mmoe_plan *p, const mmoe_input_state *own, int32_t rank,
                          int64_t at) {
    for (int32_t u = 0; u < own->n_use && rank != p->rank; u++) {
        const mmoe_embedding *t = own->uses[u].table;
        for (int32_t part = p->rank; part < t->kind->parts; part += p->ranks) {
            int64_t *place = sent_places(p, own, u, part) + rank;
            const int64_t rows = *place;
            *place = at;
            at += rows * t->dim;
        }
    }
    return at;
}

void mmoe_shared_rows_place(const mmoe_plan *p, const mmoe_input_state *own) {
    int64_t at = 0, sent = 0;
    for (int32_t q = 0; q < p->ranks; q++) {
        own->shared->from[q] = at;
        own->shared->sent_from[q] = sent;
        for (int32_t u = 0; u < own->n_use; u++) at = place_parts(p, own, u, q, at);
        sent = place_sent(p, own, q, sent);
    }
    own->shared->from[p->ranks] = at;
    own->shared->sent_from[p->ranks] = sent;
    for (int32_t u = 0; u < own->n_use; u++) add_before(own->shared->before + (int64_t)u * PARTS);
}

/* ---- Values ---- */

typedef struct row_copy {
    float *values, *rows; /* those of a part, and the table's */
    int32_t dim, shift;   /* shift: as of mmoe_deal */
} row_copy;

static row_copy copy_of(const mmoe_input_state *own, const mmoe_weight_task *prepare) {
    const mmoe_embedding *t = own->uses[prepare->first].table;
    mmoe_block rows[MMOE_MOST_BLOCKS];
    t->kind->blocks(t, rows);
    return (row_copy){mmoe_shared_rows_at(own->shared, prepare->first, prepare->row), rows->data,
                      t->dim, t->deal.shift};
}

static float *row_of(const row_copy *c, int32_t row) {
    return c->rows + (int64_t)(row >> c->shift) * c->dim;
}

static mmoe_row_places places_of(const mmoe_input_state *own, int32_t use, int64_t part) {
    return (mmoe_row_places){own->shared->before[(int64_t)use * PARTS + part],
                             own->shared->holes[use]};
}

/* An own part's rows go where each rank's next one goes, of those in `to_whom` that read it; and,
 * of a table that is dealt, to where this rank's are looked up. */
typedef struct giving {
    row_copy copy;
    const uint64_t *readers;
    uint64_t to_whom, own; /* a bit each */
    float *next[MMOE_TREE_PARTS], *fetched;
    mmoe_row_places places;
} giving;

static void give_rows(void *context, const mmoe_rows_read *read) {
    giving *g = context;
    const row_copy *c = &g->copy;
    const size_t bytes = (size_t)c->dim * sizeof *c->rows;
    for (int32_t i = 0; i < read->count; i++) {
        if (i + AHEAD < read->count) mmoe_ask(row_of(c, read->rows[i + AHEAD]));
        const float *row = row_of(c, read->rows[i]);
        for (uint64_t left = g->readers[i] & g->to_whom; left;) {
            float **next = &g->next[next_rank(&left)];
            memcpy(*next, row, bytes);
            *next += c->dim;
        }
        if (g->fetched && g->readers[i] & g->own)
            memcpy(g->fetched + (int64_t)mmoe_row_place(g->places, i) * c->dim, row, bytes);
    }
}

static void take_rows(void *context, const mmoe_rows_read *read) {
    const row_copy *c = context;
    const size_t bytes = (size_t)c->dim * sizeof *c->rows;
    for (int32_t i = 0; i < read->count; i++) {
        if (i + AHEAD < read->count) mmoe_ask(row_of(c, read->rows[i + AHEAD]));
        memcpy(row_of(c, read->rows[i]), c->values + (int64_t)i * c->dim, bytes);
    }
}

static void tell(const mmoe_input_state *own, const mmoe_weight_task *prepare,
                 mmoe_rows_visit visit, void *context) {
    const mmoe_table_use *use = &own->uses[prepare->first];
    use->table->kind->tell(use, (int32_t)prepare->row, visit, context);
}

void mmoe_shared_rows_give(const mmoe_plan *p, const mmoe_input_state *own,
                           const mmoe_weight_task *prepare, int32_t share) {
    const mmoe_shared_rows *s = own->shared;
    const int32_t use = prepare->first, part = (int32_t)prepare->row;
    const mmoe_embedding *t = own->uses[use].table;
    const int64_t *places = sent_places(p, own, use, part);
    int32_t rows;
    giving g = {.copy = copy_of(own, prepare),
                .readers = t->kind->readers(&own->uses[use], part, &rows),
                .to_whom = share ? ~bit_of(p) : bit_of(p),
                .own = bit_of(p),
                .fetched = is_dealt(own, use) ? t->fetched : NULL,
                .places = places_of(own, use, part)};
    for (int32_t q = 0; share && q < p->ranks; q++) g.next[q] = s->sent + places[q];
    if (!share) g.next[p->rank] = g.copy.values; /* which all get */
    tell(own, prepare, give_rows, &g);
}

bool mmoe_shared_rows_fetch(const mmoe_plan *p, const mmoe_input_state *own, int32_t share) {
    const mmoe_shared_rows *s = own->shared;
    int64_t at[MMOE_TREE_PARTS], end[MMOE_TREE_PARTS];
    for (int32_t q = 0; q < p->ranks; q++) {
        at[q] = share ? s->sent_from[q] : s->from[p->rank];
        end[q] = share ? s->sent_from[q + 1] : s->from[p->rank + 1];
    }
    const mmoe_peer_parts parts = {
        "rows of tables", share ? s->sent : s->values, s->values, at, end, s->from, s->from + 1};
    return p->peers->exchange(p->peers, &parts);
}

/* A part's rows, to their places among all; one of these is left out. */
static void fetch_rows(const mmoe_input_state *own, const mmoe_weight_task *prepare) {
    const mmoe_shared_rows *s = own->shared;
    const mmoe_table_use *use = &own->uses[prepare->first];
    const mmoe_embedding *t = use->table;
    const float *from = mmoe_shared_rows_at(s, prepare->first, prepare->row);
    const int64_t hole = s->holes[prepare->first],
                  first = s->before[(int64_t)prepare->first * PARTS + prepare->row];
    int64_t rows = 0, ahead = 0;
    t->kind->tell(use, (int32_t)prepare->row, add_count, &rows);
    if (hole > first) ahead = hole - first;
    if (hole < 0 || ahead > rows) ahead = rows;
    const size_t row = (size_t)t->dim * sizeof *from;
    memcpy(t->fetched + first * t->dim, from, (size_t)ahead * row);
    memcpy(t->fetched + (first + ahead + 1) * t->dim, from + ahead * t->dim,
           (size_t)(rows - ahead) * row);
}

void mmoe_shared_rows_start(const mmoe_plan *p, const mmoe_input_state *own) {
    const mmoe_shared_rows *s = own->shared;
    const mmoe_peer_parts parts = {"gradients of rows", s->values,    s->sent,         s->from,
                                   s->from + 1,         s->sent_from, s->sent_from + 1};
    if (p->n_prepare) p->peers->start(p->peers, &parts);
}

void mmoe_shared_rows_others(const mmoe_plan *p, const mmoe_input_state *own,
                             const mmoe_weight_task *prepare, const float **out) {
    const int64_t *places = sent_places(p, own, prepare->first, prepare->row);
    for (int32_t q = 0; q < MMOE_TREE_PARTS; q++)
        out[q] = q < p->ranks && q != p->rank ? own->shared->sent + places[q] : NULL;
}

void mmoe_shared_rows_take(const mmoe_input_state *own, const mmoe_weight_task *prepare) {
    if (is_dealt(own, prepare->first)) {
        fetch_rows(own, prepare);
        return;
    }
    row_copy copy = copy_of(own, prepare);
    tell(own, prepare, take_rows, &copy);
}

/* ---- Numbers ---- */

static int32_t place_of(const mmoe_input_state *own, int32_t use, int32_t row) {
    const mmoe_table_use *u = &own->uses[use];
    return mmoe_row_place(places_of(own, use, row & (PARTS - 1)), u->table->kind->find(u, row));
}

static void copy_row(const mmoe_plan *p, const mmoe_renumbered *n, const mmoe_rows *batch,
                     int32_t b) {
    const mmoe_lists *l = &batch->lists;
    const size_t row = mmoe_row_of(batch, b), n_id = (size_t)p->graph->n_id;
    if (n_id)
        memcpy(n->ids + (size_t)b * n_id, batch->ids + row * batch->id_stride,
               n_id * sizeof *n->ids);
    if (!l->offsets || !l->count) return;
    const int64_t from = l->offsets[row * (size_t)l->count],
                  to = n->offsets[(size_t)b * (size_t)l->count];
    const size_t count = (size_t)count_elements(l, row);
    if (count) memcpy(n->elements + to, l->ids + from, count * sizeof *n->elements);
    if (count && l->weights) memcpy(n->weights + to, l->weights + from, count * sizeof *n->weights);
}

void mmoe_shared_rows_copy(const mmoe_plan *p, const mmoe_input_state *own, const mmoe_rows *batch,
                           int32_t first, int32_t end) {
    if (!own->shared->is_dealt) return;
    for (int32_t b = first; b < end; b++) copy_row(p, &own->shared->renumbered, batch, b);
}

void mmoe_shared_rows_number(const mmoe_input_state *own, const mmoe_weight_task *prepare,
                             int32_t first, int32_t end) {
    const mmoe_renumbered *n = &own->shared->renumbered;
    const mmoe_table_use *use = &own->uses[prepare->first];
    const mmoe_id_numbers to = {own->used, first, end, n->ids, n->rows.id_stride};
    if (is_dealt(own, prepare->first))
        use->table->kind->number(use, (int32_t)prepare->row,
                                 places_of(own, prepare->first, prepare->row), &to);
}

static void renumber_list(const mmoe_input_state *own, int32_t use, const mmoe_table_read *read,
                          int32_t b) {
    const mmoe_renumbered *n = &own->shared->renumbered;
    const int64_t *at = n->offsets + (int64_t)b * n->rows.lists.count + read->column;
    for (int64_t e = at[0]; e < at[1]; e++)
        if (n->elements[e] != read->bag->dropped)
            n->elements[e] = place_of(own, use, n->elements[e]);
}

void mmoe_shared_rows_renumber(const mmoe_input_state *own, int32_t first, int32_t end) {
    for (int32_t u = 0; u < own->n_use; u++) {
        const mmoe_table_use *use = &own->uses[u];
        for (int32_t i = use->first; is_dealt(own, u) && i < use->first + use->count; i++)
            for (int32_t b = first; own->used[i].bag && b < end; b++)
                renumber_list(own, u, &own->used[i], b);
    }
}
