#include "init_values.h"

#include <stdlib.h>

uint64_t cli_hash_value(const char *text, size_t length) {
    uint64_t h = 1469598103934665603u; /* FNV-1a */
    for (size_t i = 0; i < length; i++) h = (h ^ (unsigned char)text[i]) * 1099511628211u;
    return h ? h : 1;
}

/* The slot that has the hash, or is free for it. */
static uint64_t *slot_of(const cli_values *values, uint64_t hash) {
    size_t i = (size_t)(hash ^ (hash >> 32)) & (values->capacity - 1);
    while (values->slots[i] && values->slots[i] != hash) i = (i + 1) & (values->capacity - 1);
    return values->slots + i;
}

static bool grow(cli_values *values) {
    cli_values bigger = {.capacity = values->capacity ? 2 * values->capacity : 64,
                         .count = values->count};
    bigger.slots = calloc(bigger.capacity, sizeof *bigger.slots);
    if (!bigger.slots) return false;
    for (size_t i = 0; i < values->capacity; i++)
        if (values->slots[i]) *slot_of(&bigger, values->slots[i]) = values->slots[i];
    free(values->slots);
    *values = bigger;
    return true;
}

bool cli_values_add(cli_values *values, uint64_t hash) {
    if (2 * (values->count + 1) > values->capacity && !grow(values)) return false;
    uint64_t *slot = slot_of(values, hash);
    values->count += *slot == 0;
    *slot = hash;
    return true;
}

bool cli_values_have(const cli_values *values, uint64_t hash) {
    return values->count && *slot_of(values, hash) == hash;
}

void cli_values_free(cli_values *values) {
    free(values->slots);
    *values = (cli_values){NULL, 0, 0};
}
