#include "data/column_piecewise_linear.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/sentence.h"
#include "base/text.h"
#include "data/key_macros.h"

#define ENCODINGS(X) X(PIECEWISE_LINEAR, piecewise_linear)
enum { ENCODINGS(MMOE_ENUMERATOR) };
enum { MOST_BINS = 1024 };

static const mmoe_key piecewise_keys[] = {
    {.doc =
         {"features.dense[].encoding", "string", NULL, MMOE_WORDS(ENCODINGS),
          "Instead of a transform: one input for each of some bins with numbers of training rows "
          "as equal as possible, which is 0 below the bin, 1 above it, and linear within it."},
     .kind = MMOE_KEY_WORD,
     IN_NUMBER(mmoe_piecewise_encoder, encoding),
     .absent = -1},
    INTEGER("features.dense[].bins", MMOE_KEY_INT64, IN_NUMBER(mmoe_piecewise_encoder, bins), "16",
            1, 1024, "With encoding: the number of bins."),
    MMOE_NUMBER_TEXT_KEYS("dense", IN_NUMBER, mmoe_piecewise_encoder, text, true, ""),
};

static const mmoe_key piecewise_fitted[] = {
    {.doc = {.path = "edges"},
     .kind = MMOE_KEY_NUMBERS,
     .offset = offsetof(mmoe_piecewise_encoder, edges),
     .least = 2,
     .most = MOST_BINS + 1},
};

/* The values of some ranks among all that were learned are found by their bits, the first ones
 * first: each pass counts, for each beginning that a wanted value may have, the bits that follow.
 * So memory does not grow with the rows. */
enum { FIRST_BITS = 16, NEXT_BITS = 8, PASSES = 1 + (64 - FIRST_BITS) / NEXT_BITS };

typedef struct wanted {
    int64_t rank, below; /* from 0; values that are less than all of its beginning */
    uint64_t beginning;  /* so far */
} wanted;

typedef struct ranks {
    int64_t count; /* values */
    int32_t pass;
    wanted *wanted;       /* [n_wanted] two for each edge */
    uint64_t *beginnings; /* [n_beginning] of those, ascending */
    size_t n_wanted, n_beginning;
    int64_t *counts; /* [n_beginning << bits of the pass] */
    uint8_t *may_be; /* [1 << FIRST_BITS] whether one of them begins so */
    bool no_memory;
} ranks;

static const mmoe_piecewise_encoder *constant_of(const mmoe_encoder *e) {
    return (const mmoe_piecewise_encoder *)e;
}

static const mmoe_number_text *text_of(const mmoe_encoder *e) { return &constant_of(e)->text; }

/* Edges are there in a model file alone. */
static const char *check_piecewise(const mmoe_encoder *e, char fault[MMOE_FAULT_SIZE],
                                   const char **key) {
    const mmoe_piecewise_encoder *p = constant_of(e);
    const char *wrong = mmoe_number_text_fault(&p->text, key);
    if (wrong) return wrong;
    *key = "edges";
    for (size_t i = 1; i < p->edges.count; i++)
        if (!(p->edges.items[i] > p->edges.items[i - 1])) {
            mmoe_say(fault, MMOE_FAULT_SIZE, "%.17g stands behind %.17g: they must ascend",
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
    e->learning = mmoe_alloc_zero(&e->alloc, 1, sizeof(ranks));
    return e->learning ? MMOE_OK : mmoe_fail_memory(err, sizeof(ranks));
}

static void forget_values(mmoe_encoder *e) {
    ranks *r = e->learning;
    mmoe_release(&e->alloc, r->wanted);
    mmoe_release(&e->alloc, r->beginnings);
    mmoe_release(&e->alloc, r->counts);
    mmoe_release(&e->alloc, r->may_be);
    mmoe_release(&e->alloc, r);
    e->learning = NULL;
}

static const char *learn_value(mmoe_encoder *e, const char *text, size_t length, mmoe_cell *out) {
    const char *fault = mmoe_cell_number(text_of(e), text, length, out->learned, out);
    if (fault) return fault;
    return isfinite(*out->learned) ? NULL : "is not finite";
}

/* Bits that ascend as finite numbers do, and back. */
static uint64_t key_of(double x) {
    uint64_t bits;
    x += 0.0; /* -0 is 0 */
    memcpy(&bits, &x, sizeof bits);
    return bits >> 63 ? ~bits : bits | (uint64_t)1 << 63;
}

static double value_of(uint64_t key) {
    const uint64_t bits = key >> 63 ? key & ~((uint64_t)1 << 63) : ~key;
    double x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static int bits_of(int32_t pass) { return pass ? NEXT_BITS : FIRST_BITS; }

/* Bits behind those that a pass sees. */
static int bits_behind(int32_t pass) { return 64 - FIRST_BITS - pass * NEXT_BITS; }

static int compare_beginnings(const void *a, const void *b) {
    const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* The place of a beginning; n_beginning: it is none. */
static size_t place_of(const ranks *r, uint64_t beginning) {
    size_t low = 0, high = r->n_beginning;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (r->beginnings[middle] < beginning)
            low = middle + 1;
        else
            high = middle;
    }
    return low < r->n_beginning && r->beginnings[low] == beginning ? low : r->n_beginning;
}

/* Edge `k` of `bins` is at this place among the sorted values, of which two may count. */
static double place_of_edge(const ranks *r, int64_t k, int64_t bins) {
    return (double)k / (double)bins * (double)(r->count - 1);
}

static bool want(const mmoe_encoder *e, ranks *r, int64_t bins) {
    r->n_wanted = 2 * ((size_t)bins + 1);
    r->wanted = mmoe_alloc_zero(&e->alloc, r->n_wanted, sizeof *r->wanted);
    r->beginnings = mmoe_alloc_zero(&e->alloc, r->n_wanted, sizeof *r->beginnings);
    r->may_be = mmoe_alloc_zero(&e->alloc, 1 << FIRST_BITS, 1);
    if (!r->wanted || !r->beginnings || !r->may_be) return false;
    for (int64_t k = 0; k <= bins; k++) {
        const int64_t below = (int64_t)place_of_edge(r, k, bins);
        r->wanted[2 * k].rank = below;
        r->wanted[2 * k + 1].rank = below + 1 < r->count ? below + 1 : below;
    }
    return true;
}

/* What a pass has counted says the next bits of what is wanted. */
static void find_bits(ranks *r) {
    const int bits = bits_of(r->pass);
    for (wanted *w = r->wanted; w < r->wanted + r->n_wanted; w++) {
        const size_t place = r->pass ? place_of(r, w->beginning) : 0;
        const int64_t *count = r->counts + (place << bits);
        while (w->below + *count <= w->rank) w->below += *count++;
        w->beginning = w->beginning << bits | (uint64_t)(count - r->counts - (place << bits));
    }
}

static bool next_counts(const mmoe_encoder *e, ranks *r) {
    r->n_beginning = 0;
    for (size_t i = 0; i < r->n_wanted; i++) r->beginnings[i] = r->wanted[i].beginning;
    qsort(r->beginnings, r->n_wanted, sizeof *r->beginnings, compare_beginnings);
    for (size_t i = 0; i < r->n_wanted; i++)
        if (!i || r->beginnings[i] != r->beginnings[i - 1])
            r->beginnings[r->n_beginning++] = r->beginnings[i];
    for (size_t i = 0; r->pass == 0 && i < r->n_beginning; i++) r->may_be[r->beginnings[i]] = 1;
    mmoe_release(&e->alloc, r->counts);
    r->counts = mmoe_alloc_zero(&e->alloc, r->n_beginning << NEXT_BITS, sizeof *r->counts);
    return r->counts;
}

/* Behind all values of a pass. */
static void end_pass(const mmoe_encoder *e, ranks *r) {
    if (r->no_memory || !r->count) return;
    r->no_memory = r->pass == 0 && !want(e, r, constant_of(e)->bins);
    if (r->no_memory) return;
    find_bits(r);
    r->no_memory = !next_counts(e, r);
    r->pass++;
}

static void measure_piecewise(mmoe_encoder *e, int32_t pass, const double *x, size_t stride,
                              int64_t rows) {
    ranks *r = e->learning;
    if (pass > r->pass) end_pass(e, r);
    if (!r->counts && !r->no_memory)
        r->counts = mmoe_alloc_zero(&e->alloc, 1 << FIRST_BITS, sizeof *r->counts);
    r->no_memory |= !r->counts;
    const int behind = bits_behind(pass);
    for (int64_t i = 0; !r->no_memory && i < rows; i++, x += stride) {
        const uint64_t bits = key_of(*x) >> behind;
        if (pass == 0) {
            r->counts[bits]++;
            continue;
        }
        if (!r->may_be[bits >> pass * NEXT_BITS]) continue;
        const size_t place = place_of(r, bits >> NEXT_BITS);
        if (place < r->n_beginning)
            r->counts[(place << NEXT_BITS) + (bits & ((1 << NEXT_BITS) - 1))]++;
    }
    if (pass == 0) r->count += rows;
}

/* Quantile `k` of `bins`, between two values linear (NumPy's and PyTorch's way). */
static double quantile(const ranks *r, int64_t k, int64_t bins) {
    const double at = place_of_edge(r, k, bins), rest = at - (double)(int64_t)at,
                 low = value_of(r->wanted[2 * k].beginning),
                 high = value_of(r->wanted[2 * k + 1].beginning);
    return rest > 0 ? low + rest * (high - low) : low;
}

/* Equal quantiles are one edge. */
static const char *settle_piecewise(mmoe_encoder *e, char fault[MMOE_FAULT_SIZE]) {
    mmoe_piecewise_encoder *p = mmoe_piecewise_of(e);
    ranks *r = e->learning;
    end_pass(e, r);
    if (r->no_memory) return mmoe_column_no_memory;
    if (r->count == 0) return "there are no values to cut into bins";
    const double least = quantile(r, 0, p->bins), most = quantile(r, p->bins, p->bins);
    p->edges.items = mmoe_alloc(&e->alloc, (size_t)p->bins + 1, sizeof *p->edges.items);
    if (!p->edges.items) return mmoe_column_no_memory;
    for (int64_t k = 0; k <= p->bins; k++) {
        const double edge = quantile(r, k, p->bins);
        if (p->edges.count && !(edge > p->edges.items[p->edges.count - 1])) continue;
        p->edges.items[p->edges.count++] = edge;
    }
    if (p->edges.count > 1 && isfinite(most - least)) return NULL;
    char low[MMOE_NUMBER_SIZE], high[MMOE_NUMBER_SIZE];
    mmoe_format_double(least, low);
    mmoe_format_double(most, high);
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
    const char *fault = mmoe_cell_number(text_of(e), text, length, &value, out);
    return fault ? fault : encode_piecewise(e, value, out);
}

static const char *take_piecewise(const mmoe_encoder *e, mmoe_value_type type, const void *at,
                                  mmoe_cell *out) {
    return mmoe_value_encode(e, type, at, out, encode_piecewise);
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
    .text = text_of,
    .check = check_piecewise,
    .without_file = piecewise_without_file,
    .start = start_piecewise,
    .learn = learn_value,
    .passes = PASSES,
    .measure = measure_piecewise,
    .settle = settle_piecewise,
    .remark = remark_on_edges,
    .forget = forget_values,
    .width = piecewise_width,
    .finish = finish_piecewise,
    .parse = parse_piecewise,
    .take = take_piecewise,
};
