/* The final score: an expression over the tasks' scores. */
#ifndef MMOE_CONFIG_SCORE_H
#define MMOE_CONFIG_SCORE_H

#include "base/alloc.h"

/* One operation of a stack machine on columns of rows. */
typedef enum mmoe_score_op {
    MMOE_SCORE_TASK,
    MMOE_SCORE_NUMBER,
    MMOE_SCORE_NEGATE,
    MMOE_SCORE_ADD,
    MMOE_SCORE_SUBTRACT,
    MMOE_SCORE_MULTIPLY,
    MMOE_SCORE_DIVIDE,
    MMOE_SCORE_POWER
} mmoe_score_op;

enum { MMOE_SCORE_STEPS = 256, MMOE_SCORE_DEPTH = 32 };

typedef struct mmoe_score {
    char *text;
    int32_t n_step, depth; /* depth: columns of the stack */
    struct {
        mmoe_score_op op;
        int32_t task;
        float number;
    } steps[MMOE_SCORE_STEPS];
} mmoe_score;

enum { MMOE_SCORE_FAULT = 300 };

/* Compiles an expression of numbers, the tasks' names, + - * / ^ and parentheses: ^ binds tightest
 * and to the right, then the minus sign, then * and /. A name ends where the longest task's name
 * does. MMOE_E_CONFIG, with the fault and its column of the text in `fault`, a sentence;
 * MMOE_E_MEMORY. */
mmoe_status mmoe_score_compile(const char *text, const char *const *tasks, int32_t n_task,
                               const mmoe_allocator *alloc, mmoe_score **out,
                               char fault[MMOE_SCORE_FAULT]);
void mmoe_score_free(mmoe_score *score, const mmoe_allocator *alloc);

/* Final scores [rows] of the tasks' scores [rows, n_task]; `stack` has room for [depth, rows]. */
void mmoe_score_run(const mmoe_score *score, int32_t rows, const float *scores, int32_t n_task,
                    float *stack, float *out);

#endif
