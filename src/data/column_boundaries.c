/* Numbers to bins: "boundaries" cut the line, and each bin has a row of the table. Row 0 is for a
 * missing value; a number takes row 1 + how many boundaries are not above it (the right-hand sides
 * of torch.bucketize and of TensorFlow's bucketized columns). */
#include <math.h>
#include <stdio.h>

#include "base/text.h"
#include "data/column_kinds.h"
#include "data/key_macros.h"

typedef struct boundaries_encoder {
    mmoe_encoder base;
    mmoe_numbers boundaries; /* ascending */
} boundaries_encoder;

static const mmoe_key boundaries_keys[] = {
    NUMBERS("features.sparse[].boundaries", IN_ID(boundaries_encoder, boundaries), 1, 65536, -1e300,
            1e300,
            "Ascending numbers that cut a column of numbers into bins, each with a row: one below "
            "the first, one from each to the next, one from the last on; a missing value has a row "
            "of its own."),
};

static const mmoe_numbers *boundaries_of(const mmoe_encoder *e) {
    return &((const boundaries_encoder *)e)->boundaries;
}

static const char *check_boundaries(const mmoe_encoder *e, char fault[MMOE_FAULT_SIZE],
                                    const char **key) {
    const mmoe_numbers *b = boundaries_of(e);
    *key = "boundaries";
    for (size_t i = 1; i < b->count; i++)
        if (b->items[i] <= b->items[i - 1]) {
            snprintf(fault, MMOE_FAULT_SIZE, "%.17g stands behind %.17g: they must ascend",
                     b->items[i], b->items[i - 1]);
            return fault;
        }
    return NULL;
}

static mmoe_status start_boundaries(mmoe_encoder *e, mmoe_error *err) {
    (void)err;
    e->rows = (int64_t)boundaries_of(e)->count + 2;
    return MMOE_OK;
}

/* The first boundary above the value, by halving. */
static const char *find_bin(const mmoe_encoder *e, double value, mmoe_cell *out) {
    const mmoe_numbers *b = boundaries_of(e);
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

static const char *parse_boundaries(const mmoe_encoder *e, const char *text, size_t length,
                                    mmoe_cell *out) {
    double value;
    if (length == 0) return find_missing(out);
    if (!mmoe_parse_double(text, length, &value) || isnan(value)) return "is not a number";
    return find_bin(e, value, out);
}

static const char *take_boundaries(const mmoe_encoder *e, mmoe_value_type type, const void *at,
                                   mmoe_cell *out) {
    double value;
    if (type == MMOE_VALUE_TEXT) {
        size_t length;
        const char *text = mmoe_value_text(at, &length);
        return parse_boundaries(e, text, length, out);
    }
    if (!mmoe_value_number(type, at, &value)) return "is not a number";
    return isnan(value) ? find_missing(out) : find_bin(e, value, out);
}

const mmoe_column_kind mmoe_column_boundaries = {
    .word = "boundaries",
    .shape = MMOE_SHAPE_ID,
    .size = sizeof(boundaries_encoder),
    .keys = boundaries_keys,
    .n_key = sizeof boundaries_keys / sizeof *boundaries_keys,
    .is_decided = true,
    .check = check_boundaries,
    .start = start_boundaries,
    .parse = parse_boundaries,
    .take = take_boundaries,
};
