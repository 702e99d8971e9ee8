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
    default:
        return &t->n_counter;
    }
}

int64_t mmoe_tensors_reserve(mmoe_tensors *t, mmoe_tensor_kind kind, int64_t count) {
    assert(t && count >= 0);
    int64_t *size = block_size(t, kind), offset = *size;
    if (__builtin_add_overflow(*size, count, size) || *size > INT64_MAX - FLOATS_A_LINE) {
        *size = INT64_MAX; /* mmoe_params_init says that there is no such memory */
        return offset;
    }
    if (kind != MMOE_TENSOR_COUNTER)
        *size = (*size + FLOATS_A_LINE - 1) / FLOATS_A_LINE * FLOATS_A_LINE;
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
    return MMOE_OK;
}

const mmoe_tensor *mmoe_tensors_find(const mmoe_tensors *t, const char *name) {
    for (size_t i = 0; i < t->count; i++)
        if (!strcmp(t->items[i].name, name)) return &t->items[i];
    return NULL;
}

void mmoe_tensors_finish(mmoe_tensors *t) {
    for (size_t i = 0; i < t->count; i++) mmoe_release(&t->alloc, t->items[i].name);
    mmoe_release(&t->alloc, t->items);
    t->items = NULL;
    t->count = t->capacity = 0;
    t->n_value = t->n_state = t->n_counter = 0;
}

static void *zeroed(const mmoe_allocator *a, int64_t count, size_t size) {
    void *block = mmoe_alloc_aligned(a, (size_t)count, size);
    if (block) memset(block, 0, (size_t)count * size);
    return block;
}

mmoe_status mmoe_params_init_mapped(mmoe_params *p, const mmoe_tensors *t, const mmoe_mapping *map,
                                    const mmoe_allocator *alloc, mmoe_error *err) {
    assert(p && t && (uintptr_t)map->data % (FLOATS_A_LINE * sizeof(float)) == 0);
    *p = (mmoe_params){.alloc = mmoe_allocator_or_default(alloc),
                       .n_value = t->n_value,
                       .n_state = t->n_state,
                       .n_counter = t->n_counter};
    p->values = map->data ? map->data : zeroed(&p->alloc, p->n_value, sizeof *p->values);
    p->states = p->values ? zeroed(&p->alloc, p->n_state, sizeof *p->states) : NULL;
    p->counters = p->states ? zeroed(&p->alloc, p->n_counter, sizeof *p->counters) : NULL;
    if (p->counters) {
        p->map = *map;
        return MMOE_OK;
    }
    if (map->data) p->values = NULL;
    mmoe_params_finish(p);
    size_t bytes;
    if (__builtin_mul_overflow((size_t)t->n_value, sizeof(float), &bytes)) bytes = SIZE_MAX;
    return mmoe_fail_memory(err, bytes);
}

mmoe_status mmoe_params_init(mmoe_params *p, const mmoe_tensors *t, const mmoe_allocator *alloc,
                             mmoe_error *err) {
    return mmoe_params_init_mapped(p, t, &(mmoe_mapping){0}, alloc, err);
}

void mmoe_params_finish(mmoe_params *p) {
    if (!p->map.data) mmoe_release_aligned(&p->alloc, p->values);
    mmoe_mapping_free(&p->map);
    mmoe_release_aligned(&p->alloc, p->states);
    mmoe_release_aligned(&p->alloc, p->counters);
    p->values = p->states = NULL;
    p->counters = NULL;
    p->n_value = p->n_state = p->n_counter = 0;
}

void mmoe_params_copy(mmoe_params *to, const mmoe_params *from) {
    assert(to->n_value == from->n_value && to->n_state == from->n_state &&
           to->n_counter == from->n_counter);
    memcpy(to->values, from->values, (size_t)from->n_value * sizeof *from->values);
    memcpy(to->states, from->states, (size_t)from->n_state * sizeof *from->states);
    memcpy(to->counters, from->counters, (size_t)from->n_counter * sizeof *from->counters);
}
