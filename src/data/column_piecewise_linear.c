#include "data/column_piecewise_linear.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/text.h"
#include "data/key_macros.h"

#define ENCODINGS(X) X(PIECEWISE_LINEAR, piecewise_linear)
enum { ENCODINGS(MMOE_ENUMERATOR) };
enum { MOST_BINS = 1024 };

static const mmoe_key piecewise_keys[] = {
    {.doc = {"features.dense[].encoding", "string", NULL, MMOE_WORDS(ENCODINGS),
             "In the place of a transform, an input for each of some bins of as equal numbers of "
             "training rows as may be: 0 below the bin, 1 above it, linear within."},
     .kind = MMOE_KEY_WORD,
     IN_NUMBER(mmoe_piecewise_encoder, encoding),
     .absent = -1},
    INTEGER("features.dense[].bins", MMOE_KEY_INT64, IN_NUMBER(mmoe_piecewise_encoder, bins), "16",
            1, 1024, "With encoding: how many bins."),
};

static const mmoe_key piecewise_fitted[] = {
    {.doc = {.path = "edges"},
     .kind = MMOE_KEY_NUMBERS,
     .offset = offsetof(mmoe_piecewise_encoder, edges),
     .least = 2,
     .most = MOST_BINS + 1},
};

/* The values that were learned so far. */
typedef struct values {
    double *items;
    size_t count, capacity;
} values;

static const mmoe_piecewise_encoder *constant_of(const mmoe_encoder *e) {
    return (const mmoe_piecewise_encoder *)e;
}

/* Edges are there in a model file alone. */
static const char *check_piecewise(const mmoe_encoder *e, char fault[MMOE_FAULT_SIZE],
                                   const char **key) {
    const mmoe_piecewise_encoder *p = constant_of(e);
    *key = "edges";
    for (size_t i = 1; i < p->edges.count; i++)
        if (!(p->edges.items[i] > p->edges.items[i - 1])) {
            snprintf(fault, MMOE_FAULT_SIZE, "%.17g stands behind %.17g: they must ascend",
                     p->edges.items[i], p->edges.items[i - 1]);
            return fault;
        }
    if ((int64_t)p->edges.count <= p->bins + 1) return NULL;
    snprintf(fault, MMOE_FAULT_SIZE, "%lld bins do not have %zu edges", (long long)p->bins,
             p->edges.count);
    return fault;
}

static const char *piecewise_without_file(const mmoe_encoder *e) {
    (void)e;
    return "a schema without a file needs numbers without \"encoding\", whose bins are of a "
           "file's values";
}

static int32_t piecewise_width(const mmoe_encoder *e) {
    const size_t edges = constant_of(e)->edges.count;
    return edges ? (int32_t)edges - 1 : 0;
}

/* ---- Learning ---- */

static mmoe_status start_piecewise(mmoe_encoder *e, mmoe_error *err) {
    e->learning = mmoe_alloc_zero(&e->alloc, 1, sizeof(values));
    return e->learning ? MMOE_OK : mmoe_fail_memory(err, sizeof(values));
}

static void forget_values(mmoe_encoder *e) {
    values *v = e->learning;
    mmoe_release(&e->alloc, v->items);
    mmoe_release(&e->alloc, v);
    e->learning = NULL;
}

/* False: memory is out. */
static bool reserve(mmoe_encoder *e, size_t more) {
    values *v = e->learning;
    if (v->count + more <= v->capacity) return true;
    const size_t grown = v->capacity + v->capacity / 2 + 1024,
                 capacity = grown > v->count + more ? grown : v->count + more;
    double *items = mmoe_resize(&e->alloc, v->items, v->capacity, capacity, sizeof *items);
    if (!items) return false;
    v->items = items;
    v->capacity = capacity;
    return true;
}

static const char *learn_value(mmoe_encoder *e, const char *text, size_t length, mmoe_cell *out) {
    values *v = e->learning;
    if (!mmoe_parse_double(text, length, out->learned)) return "is not a number";
    if (!isfinite(*out->learned)) return "is not finite";
    if (!reserve(e, 1)) return mmoe_column_no_memory;
    v->items[v->count++] = *out->learned;
    return NULL;
}

static const char *merge_values(mmoe_encoder *e, mmoe_encoder *from, mmoe_merged *ids) {
    values *v = e->learning;
    const values *theirs = from->learning;
    (void)ids;
    if (!theirs->count) return NULL;
    if (!reserve(e, theirs->count)) return mmoe_column_no_memory;
    memcpy(v->items + v->count, theirs->items, theirs->count * sizeof *v->items);
    v->count += theirs->count;
    return NULL;
}

static int compare_values(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Quantile `part` of `parts` of sorted values, between two of them linear (NumPy's and PyTorch's
 * way). */
static double quantile(const values *v, int64_t part, int64_t parts) {
    const double at = (double)part / (double)parts * (double)(v->count - 1);
    const size_t below = (size_t)at;
    const double rest = at - (double)below, low = v->items[below];
    return rest > 0 ? low + rest * (v->items[below + 1] - low) : low;
}

/* Equal quantiles are one edge. */
static const char *settle_piecewise(mmoe_encoder *e, char fault[MMOE_FAULT_SIZE]) {
    mmoe_piecewise_encoder *p = mmoe_piecewise_of(e);
    values *v = e->learning;
    if (v->count == 0) return "there are no values to cut into bins";
    qsort(v->items, v->count, sizeof *v->items, compare_values);
    p->edges.items = mmoe_alloc(&e->alloc, (size_t)p->bins + 1, sizeof *p->edges.items);
    if (!p->edges.items) return mmoe_column_no_memory;
    for (int64_t k = 0; k <= p->bins; k++) {
        const double edge = quantile(v, k, p->bins);
        if (p->edges.count && !(edge > p->edges.items[p->edges.count - 1])) continue;
        p->edges.items[p->edges.count++] = edge;
    }
    if (p->edges.count > 1 && isfinite(v->items[v->count - 1] - v->items[0])) return NULL;
    char low[MMOE_NUMBER_SIZE], high[MMOE_NUMBER_SIZE];
    mmoe_format_double(v->items[0], low);
    mmoe_format_double(v->items[v->count - 1], high);
    if (p->edges.count < 2)
        snprintf(fault, MMOE_FAULT_SIZE, "all values are %s: there is nothing to cut into bins",
                 low);
    else
        snprintf(fault, MMOE_FAULT_SIZE,
                 "values from %s to %s cannot be cut into bins in double precision", low, high);
    return fault;
}

static const char *remark_on_edges(const mmoe_encoder *e, char room[MMOE_FAULT_SIZE],
                                   int64_t *figure) {
    const mmoe_piecewise_encoder *p = constant_of(e);
    *figure = p->bins + 1 - (int64_t)p->edges.count;
    if (*figure == 0) return NULL;
    snprintf(room, MMOE_FAULT_SIZE,
             "equal quantiles leave %d of %lld bins, for many rows have the same value",
             piecewise_width(e), (long long)p->bins);
    return room;
}

/* ---- Values ---- */

static float input_of(const mmoe_numbers *edges, size_t t, double x) {
    const double low = edges->items[t], high = edges->items[t + 1];
    if (x < low && t > 0) return 0;
    if (x > high && t + 2 < edges->count) return 1;
    return (float)((x - low) / (high - low));
}

static void finish_piecewise(const mmoe_encoder *e, const double *learned, float *inputs) {
    const mmoe_numbers *edges = &constant_of(e)->edges;
    for (size_t t = 0; t + 1 < edges->count; t++) inputs[t] = input_of(edges, t, *learned);
}

static const char *encode_piecewise(const mmoe_encoder *e, double value, mmoe_cell *out) {
    const mmoe_numbers *edges = &constant_of(e)->edges;
    if (!isfinite(value)) return "is not finite";
    if (!isfinite(input_of(edges, 0, value)) || !isfinite(input_of(edges, edges->count - 2, value)))
        return "is too large for single precision after the column's encoding";
    if (out->inputs) finish_piecewise(e, &value, out->inputs);
    return NULL;
}

static const char *parse_piecewise(const mmoe_encoder *e, const char *text, size_t length,
                                   mmoe_cell *out) {
    double value;
    return mmoe_parse_double(text, length, &value) ? encode_piecewise(e, value, out)
                                                   : "is not a number";
}

static const char *take_piecewise(const mmoe_encoder *e, mmoe_value_type type, const void *at,
                                  mmoe_cell *out) {
    double value;
    return mmoe_value_number(type, at, &value) ? encode_piecewise(e, value, out)
                                               : "is not a number";
}

const mmoe_column_kind mmoe_column_piecewise_linear = {
    .word = "piecewise_linear",
    .shape = MMOE_SHAPE_NUMBER,
    .size = sizeof(mmoe_piecewise_encoder),
    .keys = piecewise_keys,
    .n_key = sizeof piecewise_keys / sizeof *piecewise_keys,
    .is_decided = true,
    .fitted = piecewise_fitted,
    .n_fitted = sizeof piecewise_fitted / sizeof *piecewise_fitted,
    .check = check_piecewise,
    .without_file = piecewise_without_file,
    .start = start_piecewise,
    .learn = learn_value,
    .merge = merge_values,
    .settle = settle_piecewise,
    .remark = remark_on_edges,
    .forget = forget_values,
    .width = piecewise_width,
    .finish = finish_piecewise,
    .parse = parse_piecewise,
    .take = take_piecewise,
};
