/* Values that are missing, or unknown, more often in one of training and validation rows than in
 * the other. Of all rows: they were counted when they were read. */
#include <math.h>
#include <string.h>

#include "train/checks.h"

static const double most_apart = 5; /* per cent of the values */
/* Standard errors of the difference; chance makes it larger in hardly one of a hundred columns. */
static const double most_errors = 4;

static double share(int64_t count, int64_t values) {
    return values ? 100 * (double)count / (double)values : 0;
}

/* Is the share of `a` of n values plainly another than that of `b` of m? */
static bool differ(int64_t a, int64_t n, int64_t b, int64_t m) {
    if (!n || !m) return false;
    const double both = (double)(a + b) / (double)(n + m),
                 error = sqrt(both * (1 - both) * (1 / (double)n + 1 / (double)m)),
                 apart = fabs(share(a, n) - share(b, m));
    return apart > most_apart && apart > most_errors * 100 * error;
}

/* Has a warning of the data set named the column already? */
static bool is_said(const struct mmoe_dataset *set, const mmoe_column_counts *counts) {
    const char *name = counts->column ? counts->column : counts->name;
    const mmoe_warning *w;
    for (size_t i = 0; name && (w = mmoe_dataset_warning(set, i)); i++)
        if (w->subject && strcmp(w->subject, name) == 0) return true;
    return false;
}

static mmoe_status check_feature(mmoe_checks *c, mmoe_checked *f, const void *user,
                                 mmoe_error *err) {
    const int32_t i = (int32_t)(f - c->features);
    (void)user;
    const mmoe_column_counts *train = &c->train->notes[i].counts,
                             *valid = &c->valid->notes[i].counts;
    /* If all training values are known, reading the validation rows has warned of unknown ones. */
    const bool unknown_differ =
        train->unknown && differ(valid->unknown, valid->values, train->unknown, train->values);
    const bool missing_differ =
        differ(valid->missing, valid->values, train->missing, train->values);
    if (!unknown_differ && (!missing_differ || is_said(c->valid, valid))) return MMOE_OK;
    const int64_t count = unknown_differ ? valid->unknown : valid->missing;
    return mmoe_warn(&c->list, (mmoe_warning){NULL, f->name, count, 0}, err,
                     "%s: of the validation rows' values %.1f %% are missing and %.1f %% unknown, "
                     "of the training rows' %.1f %% and %.1f %%",
                     f->shown, share(valid->missing, valid->values),
                     share(valid->unknown, valid->values), share(train->missing, train->values),
                     share(train->unknown, train->values));
}

mmoe_status mmoe_check_gaps(mmoe_checks *c, mmoe_error *err) {
    return c->valid ? mmoe_checked_each(c, check_feature, NULL, err) : MMOE_OK;
}
