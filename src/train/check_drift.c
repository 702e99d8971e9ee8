/* Values that are other ones in the validation rows than in the training rows, by the population
 * stability index: the sum over bins of (q - p) ln(q / p), p and q being the bin's shares of the
 * training and of the validation rows. From .25 on it is called a major shift (Siddiqi, Credit Risk
 * Scorecards, 2006).
 *
 * Of numbers the training rows' tenths are the bins, and the values on their boundaries have bins
 * of their own; of ids each that has at least a fiftieth of the rows, and 20 of them, is one, and
 * all others are. Missing and unknown values are told of elsewhere. */
#include <math.h>
#include <string.h>

#include "base/text.h"
#include "train/checks.h"
#include "train/ranking.h"

enum { TENTHS = 10, FIFTIETH = 50, LEAST_OF_BIN = 20, MOST_BINS = FIFTIETH + 1 };
static const double most_index = 0.25;
/* By chance the index is that of chi square of bins - 1 over the numbers of rows: its mean, and so
 * many deviations of it. */
static const double deviations = 6;

typedef struct binned {
    int64_t train[MOST_BINS], valid[MOST_BINS];
} binned;

/* ---- Bins ---- */

static void count_numbers(const mmoe_checked *f, const mmoe_rows *rows, const uint32_t *bounds,
                          int64_t *bins) {
    for (int32_t b = 0; b < rows->rows; b++) {
        const uint32_t key = mmoe_ranked_bits(*mmoe_checked_inputs(f, rows, b));
        int32_t at = 0;
        for (int32_t i = 0; i < TENTHS - 1; i++) at += (bounds[i] < key) + (bounds[i] <= key);
        bins[at]++;
    }
}

static void bin_numbers(mmoe_checks *c, const mmoe_checked *f, binned *out) {
    const mmoe_rows *train = &c->of_train.rows;
    uint32_t bounds[TENTHS - 1];
    size_t n;
    mmoe_checked_clear(c);
    for (int32_t b = 0; b < train->rows; b++)
        mmoe_checked_add(c, *mmoe_checked_inputs(f, train, b), 1);
    const uint32_t *sorted = mmoe_checked_sorted(c, &n);
    for (size_t i = 1; i < TENTHS; i++) bounds[i - 1] = sorted[2 * (i * n / TENTHS)];
    count_numbers(f, train, bounds, out->train);
    count_numbers(f, &c->of_valid.rows, bounds, out->valid);
}

static void bin_ids(mmoe_checks *c, const mmoe_checked *f, binned *out) {
    int32_t *numbers = c->numbers, *counts = c->counts, bins = 1;
    const int32_t n = mmoe_checked_ids(f, &c->of_train.rows, c->words),
                  distinct = mmoe_numbering_run(&c->numbering, c->words, n, numbers);
    memset(counts, 0, (size_t)distinct * sizeof *counts);
    for (int32_t i = 0; i < n; i++) counts[numbers[i]]++;
    /* A frequent value's count gives way to its bin. */
    for (int32_t v = 0; v < distinct; v++) {
        const int32_t count = counts[v];
        const bool is_frequent =
            FIFTIETH * (int64_t)count >= n && count >= LEAST_OF_BIN && bins < MOST_BINS;
        counts[v] = is_frequent ? bins++ : 0;
        out->train[counts[v]] += count;
    }
    const int32_t others = mmoe_checked_ids(f, &c->of_valid.rows, c->words);
    for (int32_t i = 0; i < others; i++) {
        const int32_t v = mmoe_numbering_find(&c->numbering, c->words[i]);
        out->valid[v == MMOE_NO_NUMBER ? 0 : counts[v]]++;
    }
}

/* ---- The index ---- */

/* Half a row more in each bin, so that none is empty. */
static double index_of(const binned *b, double *by_chance) {
    double train = 0, valid = 0, index = 0;
    int32_t bins = 0;
    for (int32_t i = 0; i < MOST_BINS; i++) {
        train += (double)b->train[i];
        valid += (double)b->valid[i];
        bins += b->train[i] + b->valid[i] > 0;
    }
    for (int32_t i = 0; i < MOST_BINS; i++) {
        if (b->train[i] + b->valid[i] == 0) continue;
        const double p = ((double)b->train[i] + .5) / (train + .5 * bins),
                     q = ((double)b->valid[i] + .5) / (valid + .5 * bins);
        index += (q - p) * log(q / p);
    }
    const double free = bins - 1;
    *by_chance = (free + deviations * sqrt(2 * free)) * (1 / train + 1 / valid);
    return train > 0 && valid > 0 ? index : 0;
}

static mmoe_status check_feature(mmoe_checks *c, mmoe_checked *f, const void *user,
                                 mmoe_error *err) {
    (void)user;
    binned b = {{0}, {0}};
    double by_chance;
    char train[MMOE_NUMBER_SIZE], valid[MMOE_NUMBER_SIZE];
    if (mmoe_checked_is_number(f))
        bin_numbers(c, f, &b);
    else if (f->sparse)
        bin_ids(c, f, &b);
    const double index = index_of(&b, &by_chance);
    if (!(index > most_index && index > by_chance)) return MMOE_OK;
    mmoe_format_count(c->of_train.rows.rows, train);
    mmoe_format_count(c->of_valid.rows.rows, valid);
    return mmoe_warn(&c->list, (mmoe_warning){NULL, f->name, c->of_valid.rows.rows, 0}, err,
                     "%s: its values in the validation rows are not those of the training rows: "
                     "the population stability index of %s and %s rows is %.2f, and more than "
                     "%.2f is a major shift",
                     f->shown, train, valid, index, most_index);
}

mmoe_status mmoe_check_drift(mmoe_checks *c, mmoe_error *err) {
    return c->valid ? mmoe_checked_each(c, check_feature, NULL, err) : MMOE_OK;
}
