#include "serve/best.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

static bool before(float a, size_t row_a, float b, size_t row_b) {
    const bool a_is_number = !isnan(a), b_is_number = !isnan(b);
    if (a_is_number != b_is_number) return a_is_number;
    if (a_is_number && a != b) return a > b;
    return row_a < row_b;
}

static bool comes_before(const mmoe_best *h, size_t i, size_t j) {
    return before(h->scores[i], h->rows[i], h->scores[j], h->rows[j]);
}

static void swap(mmoe_best *h, size_t i, size_t j) {
    const size_t row = h->rows[i], n = (size_t)h->n_task;
    const float score = h->scores[i];
    h->rows[i] = h->rows[j];
    h->scores[i] = h->scores[j];
    h->rows[j] = row;
    h->scores[j] = score;
    for (size_t t = 0; h->tasks && t < n; t++) {
        const float task = h->tasks[i * n + t];
        h->tasks[i * n + t] = h->tasks[j * n + t];
        h->tasks[j * n + t] = task;
    }
}

static void put(mmoe_best *h, size_t i, size_t row, float score, const float *tasks) {
    const size_t n = (size_t)h->n_task;
    h->rows[i] = row;
    h->scores[i] = score;
    if (h->tasks) memcpy(h->tasks + i * n, tasks, n * sizeof *tasks);
}

static void sink(mmoe_best *h, size_t i) {
    for (size_t worst = i;; i = worst) {
        for (size_t child = 2 * i + 1; child <= 2 * i + 2 && child < h->count; child++)
            if (comes_before(h, worst, child)) worst = child;
        if (worst == i) return;
        swap(h, i, worst);
    }
}

void mmoe_best_push(mmoe_best *h, size_t row, float score, const float *tasks) {
    if (h->count < h->capacity) {
        size_t i = h->count++;
        put(h, i, row, score, tasks);
        for (; i && comes_before(h, (i - 1) / 2, i); i = (i - 1) / 2) swap(h, i, (i - 1) / 2);
    } else if (before(score, row, h->scores[0], h->rows[0])) {
        put(h, 0, row, score, tasks);
        sink(h, 0);
    }
}

void mmoe_best_sort(mmoe_best *h) {
    while (h->count > 1) { /* the worst goes to the end */
        swap(h, 0, --h->count);
        sink(h, 0);
    }
}
