/* A feature that is the same in all rows. Rows that a schema is learned from are looked at as they
 * are read; packed ones may be those of any file. */
#include "base/text.h"
#include "train/checks.h"

static mmoe_status check_feature(mmoe_checks *c, mmoe_checked *f, const void *user,
                                 mmoe_error *err) {
    const int32_t rows = c->of_train.rows.rows;
    char count[MMOE_NUMBER_SIZE];
    (void)user;
    if (f->n_number > 1) return MMOE_OK;
    mmoe_format_count(rows, count);
    return mmoe_warn(&c->list, (mmoe_warning){NULL, f->name, rows, 0}, err,
                     "%s: all %s values compared are the same: it tells nothing", f->shown, count);
}

mmoe_status mmoe_check_constants(mmoe_checks *c, mmoe_error *err) {
    if (!c->train->identity || c->train->knows_constants || c->of_train.rows.rows < 2)
        return MMOE_OK;
    return mmoe_checked_each(c, check_feature, NULL, err);
}
