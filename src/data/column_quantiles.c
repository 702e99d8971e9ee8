/* Numbers to bins (bins.h) that are learned: "quantiles" bins of as equal numbers of training rows
 * as the values allow. Equal values are one bin's, so a value that many rows have leaves fewer
 * bins; none is empty. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/text.h"
#include "data/bins.h"
#include "data/column_kinds.h"
#include "data/key_macros.h"
#include "data/tally.h"

enum { MOST_BINS = 65536 };

typedef struct quantiles_encoder {
    mmoe_encoder head; /* learning: a `distinct` */
    int64_t bins;
    mmoe_number_text text;
    mmoe_numbers boundaries; /* where bins begin, the first apart; ascending */
} quantiles_encoder;

/* The distinct values so far, as the bits of doubles, and how many rows have each. */
typedef struct distinct {
    mmoe_vocab *bits;
    mmoe_tally tally;
} distinct;

static const mmoe_key quantiles_keys[] = {
    OPTIONAL(
        "features.sparse[].quantiles", IN_ID(quantiles_encoder, bins), 0, 2, 65536,
        "Number of bins of a column of numbers, each with a row, with numbers of training rows as "
        "equal as possible. A missing value has a row of its own. The model keeps the boundaries."),
    MMOE_NUMBER_TEXT_KEYS("sparse", IN_ID, quantiles_encoder, text, true, ""),
};

static const mmoe_key quantiles_fitted[] = {
    {.doc = {.path = "boundaries"},
     .kind = MMOE_KEY_NUMBERS,
     .offset = offsetof(quantiles_encoder, boundaries),
     .least = 1,
     .most = MOST_BINS - 1},
};

static quantiles_encoder *quantiles_of(mmoe_encoder *e) { return (quantiles_encoder *)e; }

static const mmoe_numbers *boundaries_of(const mmoe_encoder *e) {
    return &((const quantiles_encoder *)e)->boundaries;
}

static const mmoe_number_text *text_of(const mmoe_encoder *e) {
    return &((const quantiles_encoder *)e)->text;
}

static mmoe_bins bins_of(const mmoe_encoder *e) {
    return (mmoe_bins){boundaries_of(e), text_of(e)};
}

/* Boundaries are there in a model file alone. */
static const char *check_quantiles(const mmoe_encoder *e, char fault[MMOE_FAULT_SIZE],
                                   const char **key) {
    const quantiles_encoder *q = (const quantiles_encoder *)e;
    const char *wrong = mmoe_number_text_fault(&q->text, key);
    if (wrong) return wrong;
    *key = "quantiles";
    if (q->bins < 2 || q->boundaries.count >= (size_t)q->bins) {
        snprintf(fault, MMOE_FAULT_SIZE, "%lld bins have no %zu boundaries", (long long)q->bins,
                 q->boundaries.count);
        return fault;
    }
    *key = "boundaries";
    return q->boundaries.count ? mmoe_bins_check(&q->boundaries, e->rows, fault) : NULL;
}

static const char *quantiles_without_file(const mmoe_encoder *e) {
    (void)e;
    return "a schema without a file needs boundaries, for quantiles are of a file's values";
}

/* ---- Learning ---- */

static void forget_values(mmoe_encoder *e) {
    distinct *d = e->learning;
    mmoe_vocab_free(d->bits);
    mmoe_tally_finish(&d->tally, &e->alloc);
    mmoe_release(&e->alloc, d);
    e->learning = NULL;
}

static mmoe_status start_quantiles(mmoe_encoder *e, mmoe_error *err) {
    distinct *d = e->learning = mmoe_alloc_zero(&e->alloc, 1, sizeof *d);
    e->rows = 1;
    return d ? mmoe_vocab_create(&e->alloc, &d->bits, err) : mmoe_fail_memory(err, sizeof *d);
}

static const char too_many[] = "is one value more than quantiles are made of, 2147483646";

static const char *learn_number(mmoe_encoder *e, const char *text, size_t length, mmoe_cell *out) {
    distinct *d = e->learning;
    double value = 0;
    int64_t bits;
    const char *fault = mmoe_bins_number(text_of(e), text, length, &value, out);
    out->id = 0;
    if (fault || isnan(value)) return fault;
    if (value == 0) value = 0; /* -0.0 */
    memcpy(&bits, &value, sizeof bits);
    const mmoe_status status = mmoe_vocab_add_int(d->bits, bits, &out->id, NULL);
    if (status == MMOE_E_DATA) return too_many;
    return !status && mmoe_tally_add(&d->tally, out->id, &e->alloc) ? NULL : mmoe_column_no_memory;
}

static const char *merge_numbers(mmoe_encoder *e, mmoe_encoder *from, mmoe_merged *m) {
    distinct *d = e->learning;
    const distinct *theirs = from->learning;
    m->room = mmoe_vocab_rows(theirs->bits);
    m->ids = mmoe_alloc(&e->alloc, (size_t)m->room, sizeof *m->ids);
    if (!m->ids) return mmoe_column_no_memory;
    m->differs = true;
    m->ids[0] = 0;
    const mmoe_status status = mmoe_vocab_merge(d->bits, theirs->bits, 1, m->ids, NULL);
    if (status == MMOE_E_DATA) return too_many;
    return !status && mmoe_tally_merge(&d->tally, &theirs->tally, m->ids, &e->alloc)
               ? NULL
               : mmoe_column_no_memory;
}

typedef struct known {
    double value;
    int64_t count; /* of its rows */
    int32_t id;    /* that learn gave */
} known;

static int compare_known(const void *a, const void *b) {
    const double x = ((const known *)a)->value, y = ((const known *)b)->value;
    return (x > y) - (x < y);
}

/* The values, ascending; NULL: memory is out. */
static known *sort_values(const mmoe_encoder *e, const distinct *d, size_t n) {
    known *values = mmoe_alloc(&e->alloc, n, sizeof *values);
    for (size_t i = 0; values && i < n; i++) {
        const int32_t id = (int32_t)i + 1;
        const int64_t bits = mmoe_vocab_int_key(d->bits, id);
        values[i] = (known){0, d->tally.counts[id], id};
        memcpy(&values[i].value, &bits, sizeof bits);
    }
    if (values) qsort(values, n, sizeof *values, compare_known);
    return values;
}

/* Keeps, as boundaries, the values at which 1/bins, 2/bins, ... of the rows are nearest to being
 * below; the lower one of two. No bin is empty, for each begins at a value, and none at the
 * first. */
static void cut(quantiles_encoder *q, const known *values, size_t n) {
    const int64_t bins = q->bins;
    int64_t rows = 0, below = values[0].count, before = 0; /* rows below `at`, and below at - 1 */
    size_t at = 1, last = 0;
    for (size_t i = 0; i < n; i++) rows += values[i].count;
    for (int64_t k = 1; k < bins; k++) {
        while (at + 1 < n && below * bins < k * rows) {
            before = below;
            below += values[at++].count;
        }
        const bool is_lower = at > 1 && k * rows - before * bins <= below * bins - k * rows;
        const size_t cut_at = is_lower ? at - 1 : at;
        if (cut_at <= last) continue;
        last = cut_at;
        q->boundaries.items[q->boundaries.count++] = values[cut_at].value;
    }
}

static const char *fit(quantiles_encoder *q, known *values, size_t n) {
    distinct *d = q->head.learning;
    const mmoe_allocator *a = &q->head.alloc;
    const size_t most = n - 1 < (size_t)q->bins - 1 ? n - 1 : (size_t)q->bins - 1;
    q->boundaries.items = mmoe_alloc(a, most, sizeof(double));
    if (!q->boundaries.items || !mmoe_tally_settle(&d->tally, (int64_t)n + 1, a))
        return mmoe_column_no_memory;
    cut(q, values, n);
    int32_t row = 1;
    for (size_t i = 0; i < n; i++) {
        const size_t next = (size_t)row - 1;
        row += next < q->boundaries.count && q->boundaries.items[next] == values[i].value;
        d->tally.rows[values[i].id] = row;
    }
    q->head.rows = mmoe_bins_rows(&q->boundaries);
    return NULL;
}

static const char *settle_quantiles(mmoe_encoder *e, char fault[MMOE_FAULT_SIZE]) {
    const distinct *d = e->learning;
    const size_t n = (size_t)mmoe_vocab_rows(d->bits) - 1;
    if (n == 0) return "it has no value, so there are no quantiles";
    known *values = sort_values(e, d, n);
    if (!values) return mmoe_column_no_memory;
    const char *wrong = NULL;
    if (n > 1) {
        wrong = fit(quantiles_of(e), values, n);
    } else {
        char value[MMOE_NUMBER_SIZE];
        mmoe_format_double(values[0].value, value);
        snprintf(fault, MMOE_FAULT_SIZE, "all its values are %s, so there are no quantiles", value);
        wrong = fault;
    }
    mmoe_release(&e->alloc, values);
    return wrong;
}

static const int32_t *become_bins(const mmoe_encoder *e) {
    return ((const distinct *)e->learning)->tally.rows;
}

static const char *remark_on_bins(const mmoe_encoder *e, char room[MMOE_FAULT_SIZE],
                                  int64_t *figure) {
    const int64_t wanted = ((const quantiles_encoder *)e)->bins;
    *figure = (int64_t)boundaries_of(e)->count + 1;
    if (*figure == wanted) return NULL;
    snprintf(room, MMOE_FAULT_SIZE,
             "%lld quantiles have %lld different boundaries, not %lld: %lld bins",
             (long long)wanted, (long long)*figure - 1, (long long)wanted - 1, (long long)*figure);
    return room;
}

/* ---- Finding ---- */

static const char *parse_quantiles(const mmoe_encoder *e, const char *text, size_t length,
                                   mmoe_cell *out) {
    return mmoe_bins_parse(bins_of(e), text, length, out);
}

static const char *take_quantiles(const mmoe_encoder *e, mmoe_value_type type, const void *at,
                                  mmoe_cell *out) {
    return mmoe_bins_take(bins_of(e), type, at, out);
}

const mmoe_column_kind mmoe_column_quantiles = {
    .word = "quantiles",
    .shape = MMOE_SHAPE_ID,
    .is_total_of_numbers = true,
    .size = sizeof(quantiles_encoder),
    .keys = quantiles_keys,
    .n_key = sizeof quantiles_keys / sizeof *quantiles_keys,
    .is_decided = true,
    .fitted = quantiles_fitted,
    .n_fitted = sizeof quantiles_fitted / sizeof *quantiles_fitted,
    .text = text_of,
    .check = check_quantiles,
    .without_file = quantiles_without_file,
    .start = start_quantiles,
    .learn = learn_number,
    .merge = merge_numbers,
    .settle = settle_quantiles,
    .become = become_bins,
    .remark = remark_on_bins,
    .forget = forget_values,
    .parse = parse_quantiles,
    .take = take_quantiles,
};
