/* The best rows so far: a heap with the worst of them on top. */
#ifndef MMOE_SERVE_BEST_H
#define MMOE_SERVE_BEST_H

#include <stddef.h>
#include <stdint.h>

typedef struct mmoe_best {
    size_t count, capacity;
    size_t *rows;
    float *scores;
    float *tasks; /* [capacity, n_task] or NULL */
    int32_t n_task;
} mmoe_best;

/* A row whose number is above those before; `tasks` [n_task] are its scores of them. */
void mmoe_best_push(mmoe_best *best, size_t row, float score, const float *tasks);
/* Puts the best first, and takes no more. */
void mmoe_best_sort(mmoe_best *best);

#endif
