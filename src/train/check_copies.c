/* Two features that tell the same: each value of one stands with one value of the other, or one is
 * a line of the other. */
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/text.h"
#include "train/checks.h"

/* Rows whose value came before, and rows of other values than the most frequent one: with fewer,
 * two features agree by chance. Distinct numbers that lie on a line only if they are meant to. */
enum { LEAST_REPEATS = 50, LEAST_OTHERS = 50, LEAST_NUMBERS = 20 };
static const double rounding = 1e-5; /* of the range: inputs are of single precision */

static bool varies(const mmoe_checks *c, const mmoe_checked *f) {
    return c->of_train.rows.rows - f->most >= LEAST_OTHERS;
}

static bool repeats(const mmoe_checks *c, const mmoe_checked *f) {
    return c->of_train.rows.rows - f->n_number >= LEAST_REPEATS;
}

static double number_of(const mmoe_checks *c, const mmoe_checked *f, int32_t b) {
    return (double)*mmoe_checked_inputs(f, &c->of_train.rows, b);
}

/* The rows that have the ends of a feature's range. */
static void find_ends(const mmoe_checks *c, const mmoe_checked *f, int32_t ends[2]) {
    double low = INFINITY, high = -INFINITY;
    for (int32_t b = 0; b < c->of_train.rows.rows; b++) {
        const double x = number_of(c, f, b);
        if (x < low) ends[0] = b;
        if (x > high) ends[1] = b;
        low = fmin(low, x);
        high = fmax(high, x);
    }
}

/* Whether y is a + b x in all rows, the ends of x being known. Most pairs differ in the first few.
 */
static bool are_on_line(const mmoe_checks *c, const mmoe_checked *x, const mmoe_checked *y,
                        const int32_t ends[2]) {
    const double x0 = number_of(c, x, ends[0]), dx = number_of(c, x, ends[1]) - x0,
                 y0 = number_of(c, y, ends[0]), dy = number_of(c, y, ends[1]) - y0;
    if (!(dx > 0) || dy == 0) return false;
    for (int32_t b = 0; b < c->of_train.rows.rows; b++)
        if (!(fabs((number_of(c, x, b) - x0) / dx - (number_of(c, y, b) - y0) / dy) <= rounding))
            return false;
    return true;
}

static bool are_same(const mmoe_checks *c, const mmoe_checked *a, const mmoe_checked *b,
                     const int32_t ends_of_a[2]) {
    if (!varies(c, b)) return false;
    if (mmoe_checked_is_number(a) && mmoe_checked_is_number(b) && a->n_number >= LEAST_NUMBERS &&
        are_on_line(c, a, b, ends_of_a))
        return true;
    return a->n_number == b->n_number && repeats(c, a) &&
           memcmp(a->numbers, b->numbers, (size_t)c->of_train.rows.rows * sizeof *a->numbers) == 0;
}

/* Is the feature made of a column that is compared as a feature itself? */
static bool is_made(const mmoe_checks *c, const mmoe_checked *f) {
    return f - c->features != f->of;
}

/* Tells of a column once, beside the first that it is a copy of; features of one column are meant
 * to be two. */
static mmoe_status check_feature(mmoe_checks *c, int32_t at, mmoe_error *err) {
    const mmoe_checked *a = &c->features[c->order[at]];
    int32_t ends[2] = {0, 0};
    char rows[MMOE_NUMBER_SIZE];
    mmoe_status status = MMOE_OK;
    if (c->told[a->of] || !varies(c, a)) return MMOE_OK;
    if (mmoe_checked_is_number(a)) find_ends(c, a, ends);
    mmoe_format_count(c->of_train.rows.rows, rows);
    for (int32_t k = at + 1; !status && k < c->n_feature; k++) {
        const mmoe_checked *b = &c->features[c->order[k]];
        if (b->of == a->of || c->told[b->of] || (is_made(c, a) && is_made(c, b))) continue;
        if (!are_same(c, a, b, ends)) continue;
        c->told[b->of] = true;
        status = mmoe_warn(
            &c->list, (mmoe_warning){NULL, b->name, c->of_train.rows.rows, 0}, err,
            "%s: in all %s training rows compared each of its values stands with one of %s, and "
            "the other way round: one of the two tells nothing more",
            b->shown, rows, a->shown);
    }
    return status;
}

mmoe_status mmoe_check_copies(mmoe_checks *c, mmoe_error *err) {
    mmoe_status status = MMOE_OK;
    memset(c->told, 0, (size_t)c->n_feature * sizeof *c->told);
    for (int32_t k = 0; !status && k < c->n_feature; k++) status = check_feature(c, k, err);
    return status;
}
