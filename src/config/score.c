#include "config/score.h"

#include <assert.h>
#include <math.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/sentence.h"
#include "base/text.h"
#include "base/utf8.h"

enum { MOST_NESTED = 32 };

typedef struct parser {
    const char *text, *at;
    const char *const *tasks;
    int32_t n_task;
    mmoe_score *score;
    int32_t depth, nested;
    char *fault; /* [MMOE_SCORE_FAULT] */
} parser;

__attribute__((format(printf, 2, 3))) static bool fail(parser *p, const char *format, ...) {
    va_list args;
    int used = snprintf(p->fault, MMOE_SCORE_FAULT, "column %d: ", (int)(p->at - p->text) + 1);
    va_start(args, format);
    if (used > 0 && used < MMOE_SCORE_FAULT)
        mmoe_say_args(p->fault + used, MMOE_SCORE_FAULT - (size_t)used, format, args);
    va_end(args);
    return false;
}

static bool is_digit(char c) { return c >= '0' && c <= '9'; }
static bool is_word(char c) {
    return is_digit(c) || c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Bytes of the character that stands there. */
static int width(const char *at) {
    const size_t size = mmoe_utf8_next(at, strlen(at), NULL);
    return size ? (int)size : 1;
}

static char next(parser *p) {
    while (*p->at == ' ' || *p->at == '\t') p->at++;
    return *p->at;
}

static bool emit(parser *p, mmoe_score_op op, int32_t task, float number) {
    mmoe_score *s = p->score;
    if (s->n_step == MMOE_SCORE_STEPS) return fail(p, "more than %d operations", MMOE_SCORE_STEPS);
    s->steps[s->n_step].op = op;
    s->steps[s->n_step].task = task;
    s->steps[s->n_step++].number = number;
    if (op == MMOE_SCORE_TASK || op == MMOE_SCORE_NUMBER)
        p->depth++;
    else if (op != MMOE_SCORE_NEGATE)
        p->depth--;
    if (p->depth > s->depth) s->depth = p->depth;
    return s->depth <= MMOE_SCORE_DEPTH ||
           fail(p, "the expression is too deep: more than %d values wait for an operator",
                MMOE_SCORE_DEPTH);
}

static bool parse_number(parser *p) {
    const char *end = p->at;
    while (is_digit(*end) || *end == '.') end++;
    if (*end == 'e' || *end == 'E') {
        const char *digits = end[1] == '+' || end[1] == '-' ? end + 2 : end + 1;
        if (is_digit(*digits)) end = digits;
        while (is_digit(*end)) end++;
    }
    double value;
    if (!mmoe_parse_double(p->at, (size_t)(end - p->at), &value) || !isfinite((float)value))
        return fail(p, "\"%.*s\" is not a number that fits", (int)(end - p->at), p->at);
    if (!emit(p, MMOE_SCORE_NUMBER, 0, (float)value)) return false;
    p->at = end;
    return true;
}

/* Names may have a minus sign in them ("ctr-cvr"): the longest that stands here is meant. */
static bool parse_task(parser *p) {
    size_t longest = 0;
    int32_t task = 0;
    for (int32_t i = 0; i < p->n_task; i++) {
        const size_t n = strlen(p->tasks[i]);
        if (n <= longest || strncmp(p->at, p->tasks[i], n) != 0 || is_word(p->at[n])) continue;
        longest = n;
        task = i;
    }
    int word = 0;
    while (is_word(p->at[word])) word++;
    if (!longest) return fail(p, "no task is named \"%.*s\"", word, p->at);
    if (!emit(p, MMOE_SCORE_TASK, task, 0)) return false;
    p->at += longest;
    return true;
}

static bool parse_sum(parser *p);
static bool parse_factor(parser *p);

static bool parse_operand(parser *p) {
    const char c = next(p);
    if (is_digit(c) || c == '.') return parse_number(p);
    if (is_word(c)) return parse_task(p);
    if (c != '(')
        return c ? fail(p, "a number, a task or ( is needed, not \"%.*s\"", width(p->at), p->at)
                 : fail(p, "a number, a task or ( is needed, but the expression ends");
    p->at++;
    if (!parse_sum(p)) return false;
    if (next(p) != ')') return fail(p, "a ) is needed");
    p->at++;
    return true;
}

static bool parse_power(parser *p) {
    if (!parse_operand(p)) return false;
    if (next(p) != '^') return true;
    p->at++;
    return parse_factor(p) && emit(p, MMOE_SCORE_POWER, 0, 0);
}

/* Everything that nests comes through here. */
static bool parse_factor(parser *p) {
    if (++p->nested > MOST_NESTED)
        return fail(p, "more than %d levels of parentheses, signs and powers", MOST_NESTED);
    const bool negative = next(p) == '-';
    p->at += negative;
    const bool ok = (negative ? parse_factor(p) : parse_power(p)) &&
                    (!negative || emit(p, MMOE_SCORE_NEGATE, 0, 0));
    p->nested--;
    return ok;
}

static bool parse_product(parser *p) {
    bool ok = parse_factor(p);
    for (char c; ok && ((c = next(p)) == '*' || c == '/');) {
        p->at++;
        ok = parse_factor(p) && emit(p, c == '*' ? MMOE_SCORE_MULTIPLY : MMOE_SCORE_DIVIDE, 0, 0);
    }
    return ok;
}

static bool parse_sum(parser *p) {
    bool ok = parse_product(p);
    for (char c; ok && ((c = next(p)) == '+' || c == '-');) {
        p->at++;
        ok = parse_product(p) && emit(p, c == '+' ? MMOE_SCORE_ADD : MMOE_SCORE_SUBTRACT, 0, 0);
    }
    return ok;
}

mmoe_status mmoe_score_compile(const char *text, const char *const *tasks, int32_t n_task,
                               const mmoe_allocator *alloc, mmoe_score **out,
                               char fault[MMOE_SCORE_FAULT]) {
    mmoe_score *score = mmoe_alloc_zero(alloc, 1, sizeof *score);
    if (score) score->text = mmoe_copy_text(alloc, text, strlen(text));
    if (!score || !score->text) {
        mmoe_score_free(score, alloc);
        return MMOE_E_MEMORY;
    }
    parser p = {
        .text = text, .at = text, .tasks = tasks, .n_task = n_task, .score = score, .fault = fault};
    bool ok = parse_sum(&p);
    if (ok && next(&p)) ok = fail(&p, "an operator is needed, not \"%.*s\"", width(p.at), p.at);
    if (ok) {
        *out = score;
        return MMOE_OK;
    }
    mmoe_score_free(score, alloc);
    return MMOE_E_CONFIG;
}

void mmoe_score_free(mmoe_score *score, const mmoe_allocator *alloc) {
    if (!score) return;
    mmoe_release(alloc, score->text);
    mmoe_release(alloc, score);
}

/* x = x op y */
static void combine(mmoe_score_op op, int32_t rows, float *restrict x, const float *restrict y) {
    switch (op) {
    case MMOE_SCORE_ADD:
        for (int32_t i = 0; i < rows; i++) x[i] += y[i];
        break;
    case MMOE_SCORE_SUBTRACT:
        for (int32_t i = 0; i < rows; i++) x[i] -= y[i];
        break;
    case MMOE_SCORE_MULTIPLY:
        for (int32_t i = 0; i < rows; i++) x[i] *= y[i];
        break;
    case MMOE_SCORE_DIVIDE:
        for (int32_t i = 0; i < rows; i++) x[i] /= y[i];
        break;
    default:
        for (int32_t i = 0; i < rows; i++) x[i] = powf(x[i], y[i]);
    }
}

void mmoe_score_run(const mmoe_score *score, int32_t rows, const float *scores, int32_t n_task,
                    float *stack, float *out) {
    float *top = stack; /* the next free column */
    for (int32_t k = 0; k < score->n_step; k++) {
        const mmoe_score_op op = score->steps[k].op;
        if (op == MMOE_SCORE_TASK) {
            const float *from = scores + score->steps[k].task;
            for (int32_t i = 0; i < rows; i++) top[i] = from[(size_t)i * (size_t)n_task];
            top += rows;
        } else if (op == MMOE_SCORE_NUMBER) {
            for (int32_t i = 0; i < rows; i++) top[i] = score->steps[k].number;
            top += rows;
        } else if (op == MMOE_SCORE_NEGATE) {
            for (int32_t i = 0; i < rows; i++) top[i - rows] = -top[i - rows];
        } else {
            top -= rows;
            combine(op, rows, top - rows, top);
        }
    }
    assert(top == stack + rows);
    memcpy(out, stack, (size_t)rows * sizeof *out);
}
