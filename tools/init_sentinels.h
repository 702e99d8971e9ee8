/* Numbers that people, or machines, write where there is none: -999 or 9999. */
#ifndef MMOE_TOOLS_INIT_SENTINELS_H
#define MMOE_TOOLS_INIT_SENTINELS_H

#include <stdbool.h>
#include <stdint.h>

/* In ascending order. -1, which may be a number as well, is asked for more. */
enum { CLI_SENTINELS = 48 };
extern const double cli_sentinel_values[CLI_SENTINELS];

/* What a column has of them. */
typedef struct cli_sentinels {
    int64_t rows[CLI_SENTINELS]; /* that have each of these */
    int64_t others;              /* that have another number */
    double lowest, highest;      /* of the others */
    uint64_t taken;              /* a bit for each that stands for nothing here ... */
    int64_t hidden;              /* ... and the rows that have one of these */
} cli_sentinels;

/* Its place among the values; -1: it is none of them. */
int cli_sentinel_find(double value);
/* A number of the column. */
void cli_sentinels_add(cli_sentinels *s, double value);
static inline bool cli_sentinel_is_taken(const cli_sentinels *s, int k) {
    return s->taken >> k & 1;
}

#endif
