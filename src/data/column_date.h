/* Dates, as numbers of days since 1970-01-01, the time of day being no part of them without
 * "hours". Inputs: the days, standardized; seven for the weekday, Monday first, of which one is 1;
 * sine and cosine of the place in the year, 2 pi days / 365.2425, which is 0 at 1970-01-01; with
 * "hours" 24, of which one is 1. */
#ifndef MMOE_DATA_COLUMN_DATE_H
#define MMOE_DATA_COLUMN_DATE_H

#include <assert.h>

#include "base/date.h"
#include "data/column_kinds.h"

enum { MMOE_DATE_INPUTS = 1 + 7 + 2, MMOE_DATE_HOURS = 24 };
/* Of an hour, by which the next one begins before its time: a float has days to 84 seconds. */
#define MMOE_DATE_EARLY 0.025

typedef struct mmoe_date_encoder {
    mmoe_encoder head;
    int32_t order; /* the deciding word */
    bool hours;
    mmoe_number_text text; /* its gaps alone: dates, which stand for the whole day, and words */
    double shift, scale;
    double sum, square; /* learning: of the days, of their distances from the mean */
    int64_t rows;
} mmoe_date_encoder;

static inline mmoe_date_encoder *mmoe_date_of(mmoe_encoder *e) {
    assert(e->kind == &mmoe_column_date);
    return (mmoe_date_encoder *)e;
}

/* The gaps that are dates, as mmoe_number_text_gap has those that are numbers: *out is the day. */
bool mmoe_date_gap(const mmoe_date_encoder *d, size_t *index, double *out);

#endif
