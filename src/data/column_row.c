/* Ids that are row numbers of their table: "vocab_size" rows, and what one outside becomes. */
#include <stdio.h>

#include "base/text.h"
#include "data/column_kinds.h"
#include "data/key_macros.h"

static const mmoe_key row_keys[] = {
    OPTIONAL("features.sparse[].vocab_size", IN_ID(mmoe_encoder, rows), 0, 1, 2147483647,
             "Rows of the table; the column's values are row numbers. Without it a vocabulary is "
             "learned from the training file."),
    OPTIONAL("features.sparse[].oov_id", IN_ID(mmoe_encoder, oov_id), -1, 0, 2147483646,
             "With vocab_size: the row for values outside of the table; without it such a value is "
             "an error."),
};

static const char *check_row_keys(const mmoe_encoder *e, char fault[MMOE_FAULT_SIZE],
                                  const char **key) {
    *key = "vocab_size";
    if (e->rows < 1 || e->rows > INT32_MAX) {
        snprintf(fault, MMOE_FAULT_SIZE, "%lld is not 1 to %d", (long long)e->rows, INT32_MAX);
        return fault;
    }
    *key = "oov_id";
    if (e->oov_id >= -1 && e->oov_id < e->rows) return NULL;
    snprintf(fault, MMOE_FAULT_SIZE, "%lld is no row of the table: 0 to %lld", (long long)e->oov_id,
             (long long)e->rows - 1);
    return fault;
}

/* `kind` as of mmoe_value_integral: what is missing or too large is outside of every table. */
static const char *find_row(const mmoe_encoder *e, int kind, int64_t id, mmoe_cell *out) {
    if (kind == 0) return "is not an integer, but the column's ids are row numbers";
    out->id = mmoe_encoder_row(e, kind > 0 ? id : -1);
    if (kind == -2)
        out->state = MMOE_CELL_MISSING;
    else if (kind < 0 || id < 0 || id >= e->rows)
        out->state = MMOE_CELL_UNKNOWN;
    if (out->id >= 0) return NULL;
    snprintf(out->fault, sizeof out->fault, "is outside of the table's rows 0 to %lld",
             (long long)e->rows - 1);
    return out->fault;
}

static const char *parse_row(const mmoe_encoder *e, const char *text, size_t length,
                             mmoe_cell *out) {
    int64_t id = -1;
    const int kind = length == 0 ? -2 : mmoe_parse_integral(text, length, &id);
    return find_row(e, kind, id, out);
}

static const char *take_row(const mmoe_encoder *e, mmoe_value_type type, const void *at,
                            mmoe_cell *out) {
    int64_t id = -1;
    const int kind = mmoe_value_integral(type, at, &id);
    return find_row(e, kind, id, out);
}

const mmoe_column_kind mmoe_column_row = {
    .word = "row",
    .shape = MMOE_SHAPE_ID,
    .size = sizeof(mmoe_encoder),
    .keys = row_keys,
    .n_key = sizeof row_keys / sizeof *row_keys,
    .is_decided = true,
    .check = check_row_keys,
    .parse = parse_row,
    .take = take_row,
};
