/* Values that are missing, or unknown, more often in one of training and validation rows than in
 * the other. Of all rows: they were counted when they were read. */
#include <math.h>

#include "train/checks.h"

static const double most_apart = 5; /* per cent of the values */

static double share(int64_t count, int64_t values) {
    return values ? 100 * (double)count / (double)values : 0;
}

static mmoe_status check_feature(mmoe_checks *c, mmoe_checked *f, const void *user,
                                 mmoe_error *err) {
    const int32_t i = (int32_t)(f - c->features);
    (void)user;
    const mmoe_column_counts *train = &c->train->notes[i].counts,
                             *valid = &c->valid->notes[i].counts;
    const double missing = share(valid->missing, valid->values),
                 unknown = share(valid->unknown, valid->values),
                 was_missing = share(train->missing, train->values),
                 was_unknown = share(train->unknown, train->values);
    /* Where all training values are known, who read the others has said it. */
    const bool is_news = train->unknown && fabs(unknown - was_unknown) > most_apart;
    if (!is_news && fabs(missing - was_missing) <= most_apart) return MMOE_OK;
    const int64_t count = is_news ? valid->unknown : valid->missing;
    return mmoe_warn(&c->list, (mmoe_warning){NULL, f->name, count, 0}, err,
                     "%s: of the validation rows' values %.1f %% are missing and %.1f %% unknown, "
                     "of the training rows' %.1f %% and %.1f %%",
                     f->shown, missing, unknown, was_missing, was_unknown);
}

mmoe_status mmoe_check_gaps(mmoe_checks *c, mmoe_error *err) {
    return c->valid ? mmoe_checked_each(c, check_feature, NULL, err) : MMOE_OK;
}
