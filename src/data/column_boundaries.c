/* Numbers to the bins (bins.h) that "boundaries" cut. */
#include "data/bins.h"
#include "data/column_kinds.h"
#include "data/key_macros.h"

typedef struct boundaries_encoder {
    mmoe_encoder base;
    mmoe_numbers boundaries; /* ascending */
    mmoe_number_text text;
} boundaries_encoder;

static const mmoe_key boundaries_keys[] = {
    NUMBERS(
        "features.sparse[].boundaries", IN_ID(boundaries_encoder, boundaries), 1, 65536, -1e300,
        1e300,
        "Ascending numbers that cut a column of numbers into bins, each with a row: below the "
        "first number, between two, and from the last on. A missing value has a row of its own."),
    MMOE_NUMBER_TEXT_KEYS("sparse", IN_ID, boundaries_encoder, text, false,
                          " Of boundaries and quantiles."),
};

static const mmoe_numbers *boundaries_of(const mmoe_encoder *e) {
    return &((const boundaries_encoder *)e)->boundaries;
}

static const mmoe_number_text *text_of(const mmoe_encoder *e) {
    return &((const boundaries_encoder *)e)->text;
}

static mmoe_bins bins_of(const mmoe_encoder *e) {
    return (mmoe_bins){boundaries_of(e), text_of(e)};
}

static const char *check_boundaries(const mmoe_encoder *e, char fault[MMOE_FAULT_SIZE],
                                    const char **key) {
    const char *wrong = mmoe_number_text_fault(text_of(e), key);
    if (wrong) return wrong;
    *key = "boundaries";
    return mmoe_bins_check(boundaries_of(e), e->rows, fault);
}

static mmoe_status start_boundaries(mmoe_encoder *e, mmoe_error *err) {
    (void)err;
    e->rows = mmoe_bins_rows(boundaries_of(e));
    return MMOE_OK;
}

static const char *parse_boundaries(const mmoe_encoder *e, const char *text, size_t length,
                                    mmoe_cell *out) {
    return mmoe_bins_parse(bins_of(e), text, length, out);
}

static const char *take_boundaries(const mmoe_encoder *e, mmoe_value_type type, const void *at,
                                   mmoe_cell *out) {
    return mmoe_bins_take(bins_of(e), type, at, out);
}

const mmoe_column_kind mmoe_column_boundaries = {
    .word = "boundaries",
    .shape = MMOE_SHAPE_ID,
    .is_total_of_numbers = true,
    .size = sizeof(boundaries_encoder),
    .keys = boundaries_keys,
    .n_key = sizeof boundaries_keys / sizeof *boundaries_keys,
    .is_decided = true,
    .text = text_of,
    .check = check_boundaries,
    .start = start_boundaries,
    .parse = parse_boundaries,
    .take = take_boundaries,
};
