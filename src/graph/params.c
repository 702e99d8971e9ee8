#include "graph/params.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"

enum { FLOATS_A_LINE = 16 };

static int64_t *block_size(mmoe_tensors *t, mmoe_tensor_kind kind) {
    switch (kind) {
    case MMOE_TENSOR_VALUE:
        return &t->n_value;
    case MMOE_TENSOR_STATE:
        return &t->n_state;
    case MMOE_TENSOR_TABLE:
        return &t->n_row_value;
    default:
        return &t->n_counter;
    }
}

static int64_t whole_lines(int64_t floats) {
    if (floats > INT64_MAX - FLOATS_A_LINE) return INT64_MAX;
    return (floats + FLOATS_A_LINE - 1) / FLOATS_A_LINE * FLOATS_A_LINE;
}

int64_t mmoe_tensors_reserve(mmoe_tensors *t, mmoe_tensor_kind kind, int64_t count) {
    assert(t && count >= 0);
    int64_t *size = block_size(t, kind), offset = *size;
    if (__builtin_add_overflow(*size, count, size) || *size > INT64_MAX - FLOATS_A_LINE) {
        *size = INT64_MAX; /* mmoe_params_init says that there is no such memory */
        return offset;
    }
    if (kind == MMOE_TENSOR_VALUE || kind == MMOE_TENSOR_STATE) *size = whole_lines(*size);
    return offset;
}

__attribute__((format(printf, 2, 0))) static char *format_name(const mmoe_allocator *a,
                                                               const char *format, va_list args) {
    va_list again;
    va_copy(again, args);
    int length = vsnprintf(NULL, 0, format, again);
    va_end(again);
    char *name = length < 0 ? NULL : mmoe_alloc(a, (size_t)length + 1, 1);
    if (name) vsnprintf(name, (size_t)length + 1, format, args);
    return name;
}

mmoe_status mmoe_tensors_add(mmoe_tensors *t, mmoe_tensor tensor, mmoe_error *err, const char *name,
                             ...) {
    assert(t && name && tensor.rank >= 0 && tensor.rank <= 2 && tensor.offset >= 0);
    tensor.count = 1;
    for (int32_t d = 0; d < tensor.rank; d++) {
        assert(tensor.shape[d] >= 0);
        if (__builtin_mul_overflow(tensor.count, tensor.shape[d], &tensor.count))
            return mmoe_fail_memory(err, SIZE_MAX);
    }
    if (tensor.kind == MMOE_TENSOR_TABLE) {
        tensor.offset = mmoe_tensors_reserve(t, tensor.kind, tensor.count);
        tensor.table = t->n_table;
    }
    int64_t reserved = *block_size(t, tensor.kind);
    assert(reserved == INT64_MAX || tensor.count <= reserved - tensor.offset);
    (void)reserved;
    if (t->count == t->capacity) {
        size_t capacity = t->capacity ? 2 * t->capacity : 64;
        mmoe_tensor *items = mmoe_resize(&t->alloc, t->items, t->capacity, capacity, sizeof *items);
        if (!items) return mmoe_fail_memory(err, capacity * sizeof *items);
        t->items = items;
        t->capacity = capacity;
    }
    va_list args;
    va_start(args, name);
    tensor.name = format_name(&t->alloc, name, args);
    va_end(args);
    if (!tensor.name) return mmoe_fail_memory(err, strlen(name));
    t->items[t->count++] = tensor;
    t->n_table += tensor.kind == MMOE_TENSOR_TABLE;
    return MMOE_OK;
}

void mmoe_tensors_set_rows(mmoe_tensors *t, int32_t table, int64_t rows) {
    int64_t place = 0;
    for (size_t i = 0; i < t->count; i++) {
        mmoe_tensor *x = &t->items[i];
        if (x->kind != MMOE_TENSOR_TABLE) continue;
        if (x->table == table) x->shape[0] = rows;
        x->count = x->shape[0] * x->shape[1];
        x->offset = place;
        place += x->count;
    }
    t->n_row_value = place;
}

mmoe_status mmoe_tensors_prefix(mmoe_tensors *t, const char *prefix, mmoe_error *err) {
    const size_t length = strlen(prefix);
    for (size_t i = 0; i < t->count; i++) {
        mmoe_tensor *x = &t->items[i];
        const size_t size = length + strlen(x->name) + 1;
        char *name = mmoe_alloc(&t->alloc, size, 1);
        if (!name) return mmoe_fail_memory(err, size);
        snprintf(name, size, "%s%s", prefix, x->name);
        mmoe_release(&t->alloc, x->name);
        x->name = name;
        x->prefix = length;
    }
    return MMOE_OK;
}

const mmoe_tensor *mmoe_tensors_find(const mmoe_tensors *t, const char *name) {
    for (size_t i = 0; i < t->count; i++)
        if (!strcmp(t->items[i].name + t->items[i].prefix, name)) return &t->items[i];
    return NULL;
}

void mmoe_tensors_finish(mmoe_tensors *t) {
    for (size_t i = 0; i < t->count; i++) mmoe_release(&t->alloc, t->items[i].name);
    mmoe_release(&t->alloc, t->items);
    t->items = NULL;
    t->count = t->capacity = 0;
    t->n_value = t->n_state = t->n_counter = t->n_row_value = 0;
    t->n_table = 0;
}

int64_t mmoe_tensors_place(const mmoe_tensors *t, const mmoe_tensor *tensor) {
    return tensor->kind == MMOE_TENSOR_TABLE ? tensor->offset
                                             : whole_lines(t->n_row_value) + tensor->offset;
}

/* ---- Storage ---- */

static mmoe_status open_table(mmoe_params *p, const mmoe_tensor *tensor,
                              const mmoe_lent_tables *lent, mmoe_error *err) {
    mmoe_embedding *t = &p->tables[tensor->table];
    *t = (mmoe_embedding){.alloc = p->alloc,
                          .rows = tensor->shape[0],
                          .dim = (int32_t)tensor->shape[1],
                          .padding = tensor->padding,
                          .has_padding = tensor->has_padding,
                          .is_frozen = tensor->is_frozen,
                          .is_deferred = tensor->is_deferred,
                          .deal = tensor->deal};
    mmoe_lent_table have = {0};
    if (lent->lend) have = lent->lend(lent->context, tensor);
    t->dtype = have.dtype;
    t->kind = mmoe_table_kind_for(t);
    const mmoe_status status = t->kind->open(t, have.blocks, err);
    for (int i = 0; status && !have.is_mapped && i < MMOE_MOST_BLOCKS; i++)
        mmoe_release_aligned(&p->alloc, have.blocks[i]);
    if (status) return status;
    t->is_lent = have.is_mapped;
    mmoe_block memory[MMOE_MOST_BLOCKS];
    t->kind->blocks(t, memory);
    memory->name = tensor->name;
    p->blocks[tensor->table] = (mmoe_params_block){*memory, tensor->offset, tensor->is_frozen};
    return MMOE_OK;
}

static mmoe_status open_tables(mmoe_params *p, const mmoe_tensors *t, const mmoe_lent_tables *lent,
                               mmoe_error *err) {
    mmoe_status status = MMOE_OK;
    p->tables = mmoe_alloc_zero(&p->alloc, (size_t)t->n_table, sizeof *p->tables);
    if (!p->tables) return mmoe_fail_memory(err, (size_t)t->n_table * sizeof *p->tables);
    for (size_t i = 0; i < t->count && !status; i++)
        if (t->items[i].kind == MMOE_TENSOR_TABLE) {
            status = open_table(p, &t->items[i], lent, err);
            p->n_table += !status;
        }
    return status;
}

static mmoe_status make_layers(mmoe_params *p, const mmoe_tensors *t, mmoe_error *err) {
    p->values = mmoe_alloc_aligned_zero(&p->alloc, (size_t)t->n_value, sizeof *p->values);
    p->states = p->values
                    ? mmoe_alloc_aligned_zero(&p->alloc, (size_t)t->n_state, sizeof *p->states)
                    : NULL;
    p->counters =
        p->states ? mmoe_alloc_aligned_zero(&p->alloc, (size_t)t->n_counter, sizeof *p->counters)
                  : NULL;
    if (p->counters) return MMOE_OK;
    size_t bytes;
    if (__builtin_mul_overflow((size_t)t->n_value, sizeof(float), &bytes)) bytes = SIZE_MAX;
    return mmoe_fail_memory(err, bytes);
}

mmoe_status mmoe_params_init_lent(mmoe_params *p, const mmoe_tensors *t,
                                  const mmoe_lent_tables *lent, const mmoe_allocator *alloc,
                                  mmoe_error *err) {
    enum { LAYER_BLOCKS = 3 };
    assert(p && t);
    *p = (mmoe_params){.alloc = mmoe_allocator_or_default(alloc),
                       .n_value = t->n_value,
                       .n_state = t->n_state,
                       .n_counter = t->n_counter,
                       .n_trained = t->n_table + 1,
                       .n_block = t->n_table + LAYER_BLOCKS};
    const int64_t place = whole_lines(t->n_row_value);
    if (__builtin_add_overflow(place, t->n_value, &p->n_whole) || p->n_whole == INT64_MAX)
        return mmoe_fail_memory(err, SIZE_MAX);
    p->blocks = mmoe_alloc(&p->alloc, (size_t)p->n_block, sizeof *p->blocks);
    mmoe_status status =
        p->blocks ? MMOE_OK : mmoe_fail_memory(err, (size_t)p->n_block * sizeof *p->blocks);
    if (!status) status = open_tables(p, t, lent, err);
    if (!status) status = make_layers(p, t, err);
    if (status) {
        mmoe_params_finish(p);
        return status;
    }
    mmoe_params_block *layers = p->blocks + t->n_table;
    layers[0] =
        (mmoe_params_block){{"layers.values", MMOE_F32, p->n_value, p->values}, .place = place};
    layers[1] =
        (mmoe_params_block){{"layers.states", MMOE_F32, p->n_state, p->states}, .place = -1};
    layers[2] =
        (mmoe_params_block){{"layers.counters", MMOE_I64, p->n_counter, p->counters}, .place = -1};
    p->map = lent->map;
    return MMOE_OK;
}

mmoe_status mmoe_params_init(mmoe_params *p, const mmoe_tensors *t, const mmoe_allocator *alloc,
                             mmoe_error *err) {
    return mmoe_params_init_lent(p, t, &(mmoe_lent_tables){0}, alloc, err);
}

mmoe_status mmoe_params_reserve(mmoe_params *p, int32_t table, int64_t rows, mmoe_error *err) {
    mmoe_embedding *t = &p->tables[table];
    mmoe_block memory[MMOE_MOST_BLOCKS];
    int64_t count;
    if (__builtin_mul_overflow(rows, (int64_t)t->dim, &count))
        return mmoe_fail_memory(err, SIZE_MAX);
    const mmoe_status status = t->kind->reserve(t, rows, err);
    t->kind->blocks(t, memory);
    p->blocks[table].memory.data = memory->data;
    return status;
}

void mmoe_params_follow(mmoe_params *p, const mmoe_tensors *t) {
    for (size_t i = 0; i < t->count; i++) {
        const mmoe_tensor *x = &t->items[i];
        if (x->kind != MMOE_TENSOR_TABLE) continue;
        p->tables[x->table].rows = x->shape[0];
        p->blocks[x->table].memory.count = x->count;
        p->blocks[x->table].place = x->offset;
    }
    const int64_t place = whole_lines(t->n_row_value);
    p->blocks[t->n_table].place = place;
    p->n_whole = place + p->n_value;
}

void mmoe_params_finish(mmoe_params *p) {
    for (int32_t i = 0; i < p->n_table; i++) p->tables[i].kind->close(&p->tables[i]);
    mmoe_mapping_free(&p->map);
    mmoe_release(&p->alloc, p->tables);
    mmoe_release(&p->alloc, p->blocks);
    mmoe_release_aligned(&p->alloc, p->values);
    mmoe_release_aligned(&p->alloc, p->states);
    mmoe_release_aligned(&p->alloc, p->counters);
    *p = (mmoe_params){.alloc = p->alloc};
}

static void copy_block(mmoe_params *to, const mmoe_params *from, int32_t i) {
    const mmoe_block *b = &from->blocks[i].memory;
    assert(to->blocks[i].memory.count == b->count);
    memcpy(to->blocks[i].memory.data, b->data, mmoe_block_bytes(b));
}

void mmoe_params_copy(mmoe_params *to, const mmoe_params *from) {
    assert(to->n_block == from->n_block);
    mmoe_params_settle(to);
    mmoe_params_settle(from);
    for (int32_t i = 0; i < from->n_block; i++) copy_block(to, from, i);
}

void mmoe_params_copy_layers(mmoe_params *to, const mmoe_params *from) {
    assert(to->n_block == from->n_block);
    for (int32_t i = from->n_table; i < from->n_block; i++) copy_block(to, from, i);
}

mmoe_dtype mmoe_params_dtype(const mmoe_params *p, const mmoe_tensor *tensor) {
    if (tensor->kind == MMOE_TENSOR_COUNTER) return MMOE_I64;
    return tensor->kind == MMOE_TENSOR_TABLE ? p->blocks[tensor->table].memory.dtype : MMOE_F32;
}

const mmoe_embedding *mmoe_params_narrow(const mmoe_params *p) {
    for (int32_t i = 0; i < p->n_table; i++)
        if (!mmoe_table_learns(&p->tables[i])) return &p->tables[i];
    return NULL;
}

const mmoe_embedding *mmoe_params_dealt(const mmoe_params *p) {
    for (int32_t i = 0; i < p->n_table; i++)
        if (mmoe_table_is_dealt(&p->tables[i])) return &p->tables[i];
    return NULL;
}

void *mmoe_params_at(const mmoe_params *p, const mmoe_tensor *tensor) {
    switch (tensor->kind) {
    case MMOE_TENSOR_VALUE:
        return p->values + tensor->offset;
    case MMOE_TENSOR_STATE:
        return p->states + tensor->offset;
    case MMOE_TENSOR_COUNTER:
        return p->counters + tensor->offset;
    case MMOE_TENSOR_TABLE:
        return p->blocks[tensor->table].memory.data;
    }
    return NULL;
}

/* The last trained block that begins at `place` or before it. */
static int32_t block_at(const mmoe_params *p, int64_t place) {
    int32_t first = 0, end = p->n_trained;
    while (end - first > 1) {
        const int32_t middle = first + (end - first) / 2;
        if (p->blocks[middle].place <= place)
            first = middle;
        else
            end = middle;
    }
    return first;
}

bool mmoe_params_next(const mmoe_params *p, int64_t *at, int64_t end, mmoe_params_part *part) {
    if (*at >= end) return false;
    for (int32_t i = block_at(p, *at); i < p->n_trained && p->blocks[i].place < end; i++) {
        const mmoe_params_block *b = &p->blocks[i];
        const int64_t first = *at > b->place ? *at : b->place, behind = b->place + b->memory.count,
                      last = end < behind ? end : behind;
        if (b->is_frozen || first >= last) continue;
        *part = (mmoe_params_part){i, first - b->place, last - first, first};
        *at = last;
        return true;
    }
    return false;
}

/* ---- Without tables of rows ---- */

/* What is left out has no length, at the place of what comes next. */
mmoe_status mmoe_params_dense(const mmoe_params *p, const mmoe_allocator *alloc, mmoe_params *out,
                              mmoe_error *err) {
    const size_t count = (size_t)p->n_block;
    mmoe_params_block *blocks = mmoe_alloc(alloc, count, sizeof *blocks);
    if (!blocks) return mmoe_fail_memory(err, count * sizeof *blocks);
    memcpy(blocks, p->blocks, count * sizeof *blocks);
    int64_t place = 0;
    for (int32_t i = 0; i < p->n_table; i++) {
        mmoe_params_block *b = &blocks[i];
        b->place = place;
        b->is_frozen |= p->tables[i].is_deferred;
        if (!b->is_frozen) place += b->memory.count;
    }
    blocks[p->n_table].place = whole_lines(place);
    *out = *p;
    out->alloc = *alloc;
    out->blocks = blocks;
    out->n_whole = blocks[p->n_table].place + p->n_value;
    return MMOE_OK;
}

void mmoe_params_dense_finish(mmoe_params *dense) {
    mmoe_release(&dense->alloc, dense->blocks);
    dense->blocks = NULL;
}
