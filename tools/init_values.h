/* How many values a column has that differ. */
#ifndef MMOE_TOOLS_INIT_VALUES_H
#define MMOE_TOOLS_INIT_VALUES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Hashes of the values seen, open addressing; 0 stands for an empty slot. Begins as all zero. */
typedef struct cli_values {
    uint64_t *slots; /* [capacity], a power of two */
    size_t capacity, count;
} cli_values;

/* Of a text, never 0. */
uint64_t cli_hash_value(const char *text, size_t length);
/* False: memory is out. */
bool cli_values_add(cli_values *values, uint64_t hash);
bool cli_values_have(const cli_values *values, uint64_t hash);
void cli_values_free(cli_values *values);

#endif
