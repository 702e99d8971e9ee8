/* A feature that is the same in all rows. Rows that a schema is learned from are looked at as they
 * are read; packed ones may be those of any file. */
#include "base/text.h"
#include "train/checks.h"

mmoe_status mmoe_check_constants(mmoe_checks *c, mmoe_error *err) {
    const int32_t rows = c->of_train.rows.rows;
    char count[MMOE_NUMBER_SIZE];
    mmoe_status status = MMOE_OK;
    mmoe_format_count(rows, count);
    if (!c->train->identity || c->train->knows_constants || rows < 2) return MMOE_OK;
    for (int32_t i = 0; !status && i < c->n_feature; i++) {
        const mmoe_checked *f = &c->features[i];
        if (f->n_number > 1) continue;
        status =
            mmoe_warn(&c->list, (mmoe_warning){NULL, f->name, rows, 0}, err,
                      "%s: all %s values compared are the same: it tells nothing", f->shown, count);
    }
    return status;
}
