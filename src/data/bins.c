#include "data/bins.h"

#include <math.h>
#include <stdio.h>

#include "base/sentence.h"
#include "base/text.h"

const char *mmoe_bins_check(const mmoe_numbers *boundaries, int64_t rows,
                            char fault[MMOE_FAULT_SIZE]) {
    const mmoe_numbers *b = boundaries;
    for (size_t i = 1; i < b->count; i++)
        if (b->items[i] <= b->items[i - 1]) {
            mmoe_say(fault, MMOE_FAULT_SIZE, "%.17g stands behind %.17g: they must ascend",
                     b->items[i], b->items[i - 1]);
            return fault;
        }
    if (!rows || rows == mmoe_bins_rows(b)) return NULL;
    snprintf(fault, MMOE_FAULT_SIZE, "%zu of them are no table of %lld rows", b->count,
             (long long)rows);
    return fault;
}

/* The first boundary above the value, by halving. */
static const char *find_bin(const mmoe_numbers *b, double value, mmoe_cell *out) {
    size_t low = 0, high = b->count;
    while (low < high) {
        const size_t middle = (low + high) / 2;
        if (b->items[middle] <= value)
            low = middle + 1;
        else
            high = middle;
    }
    out->id = 1 + (int32_t)low;
    return NULL;
}

static const char *find_missing(mmoe_cell *out) {
    out->id = 0;
    out->state = MMOE_CELL_MISSING;
    return NULL;
}

static const char not_finite[] = "is not finite";

const char *mmoe_bins_number(const mmoe_number_text *how, const char *text, size_t length,
                             double *out, mmoe_cell *cell) {
    const char *fault = NULL;
    if (length)
        fault = mmoe_cell_number(how, text, length, out, cell);
    else
        cell->state = MMOE_CELL_MISSING;
    if (!length || fault == mmoe_column_gap) {
        *out = (double)NAN;
        return NULL;
    }
    if (fault || isnan(*out)) return "is not a number";
    return isfinite(*out) ? NULL : not_finite;
}

const char *mmoe_bins_parse(mmoe_bins bins, const char *text, size_t length, mmoe_cell *out) {
    double value;
    const char *fault = mmoe_bins_number(bins.text, text, length, &value, out);
    if (fault) return fault;
    if (!isnan(value)) return find_bin(bins.boundaries, value, out);
    out->id = 0;
    return NULL;
}

const char *mmoe_bins_take(mmoe_bins bins, mmoe_value_type type, const void *at, mmoe_cell *out) {
    double value;
    if (type == MMOE_VALUE_TEXT) {
        size_t length;
        const char *text = mmoe_value_text(at, &length);
        return mmoe_bins_parse(bins, text, length, out);
    }
    if (!mmoe_value_number(type, at, &value)) return "is not a number";
    if (isinf(value)) return not_finite;
    if (isnan(value) || mmoe_number_text_has(bins.text, value, type == MMOE_VALUE_FLOAT))
        return find_missing(out);
    return find_bin(bins.boundaries, value, out);
}
