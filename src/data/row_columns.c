#include "data/row_columns.h"

#include "base/error.h"
#include "data/column_number.h"
#include "data/read_ids.h"

/* What reads a column. */
typedef struct taker {
    bool takes_lists;
    char separator; /* that it wants within a list */
} taker;

static mmoe_status take(mmoe_row_column *c, taker by, const char *file, mmoe_error *err) {
    const char *fault = c->fault;
    if (!fault && c->is_list && !by.takes_lists)
        fault = "its values are lists, which a sequence reads, or a dense feature with \"dim\"";
    if (!fault && c->is_list && c->is_read && c->separator != by.separator)
        fault = "its lists are read by a sequence and by a vector, or by two vectors of different "
                "separators";
    c->is_read = true;
    c->separator = by.separator;
    return fault ? mmoe_fail_at(err, MMOE_E_FORMAT, file, 0, c->name, "%s", fault) : MMOE_OK;
}

static mmoe_status take_targets(mmoe_row_column *columns, const mmoe_csv_file *f, mmoe_error *err) {
    const struct mmoe_schema *s = f->schema;
    mmoe_status status = MMOE_OK;
    for (int32_t i = 0; !status && i <= s->n_label; i++) {
        if (f->target_fields[i] < 0) continue;
        mmoe_row_column *c = &columns[f->target_fields[i]];
        status = take(c, (taker){false, 0}, f->path, err);
        if (i == s->n_label) continue;
        c->positive = s->labels[i].positive;
        c->has_comma |= s->labels[i].text.decimal != NULL;
    }
    return status;
}

mmoe_status mmoe_row_columns_take(mmoe_row_column *columns, const mmoe_csv_file *f,
                                  mmoe_error *err) {
    const struct mmoe_schema *s = f->schema;
    const int64_t *at = f->id_fields;
    mmoe_status status = MMOE_OK;
    for (int32_t i = 0; !status && i < s->n_sparse; i++) {
        const mmoe_sparse_column *c = &s->sparse[i];
        const taker by = {c->list >= 0 && !c->columns.items, 0};
        for (size_t k = mmoe_sparse_cells(c); !status && k > 0; k--) {
            columns[*at].has_comma |= mmoe_encoder_has_comma(s->tables[c->table].encoder);
            status = take(&columns[*at++], by, f->path, err);
        }
    }
    for (int32_t i = 0; !status && i < s->n_dense; i++) {
        const mmoe_encoder *e = s->dense[i].encoder;
        const bool is_vector = e->kind->separator != NULL;
        const taker by = {is_vector, is_vector ? e->kind->separator(e) : '\0'};
        mmoe_row_column *c = &columns[f->number_fields[i]];
        status = take(c, by, f->path, err);
        c->has_comma |= mmoe_encoder_has_comma(e);
    }
    return status ? status : take_targets(columns, f, err);
}
