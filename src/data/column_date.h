/* Dates, as numbers of days since 1970-01-01, the time of day being no part of them without
 * "hours". Inputs: the days, standardized; seven for the weekday, Monday first, of which one is 1;
 * sine and cosine of the place in the year, 2 pi days / 365.2425, which is 0 at 1970-01-01; with
 * "hours" 24, of which one is 1. */
#ifndef MMOE_DATA_COLUMN_DATE_H
#define MMOE_DATA_COLUMN_DATE_H

#include <assert.h>

#include "base/words.h"
#include "data/column_kinds.h"

/* The order of year, month and day in a text. */
#define MMOE_DATE_ORDERS(X)                                                                        \
    X(MMOE_DATE_YMD, ymd)                                                                          \
    X(MMOE_DATE_DMY, dmy) X(MMOE_DATE_MDY, mdy) X(MMOE_DATE_YM, ym) X(MMOE_DATE_MY, my)
typedef enum mmoe_date_order { MMOE_DATE_ORDERS(MMOE_ENUMERATOR) } mmoe_date_order;

enum { MMOE_DATE_INPUTS = 1 + 7 + 2, MMOE_DATE_HOURS = 24 };
/* Of an hour, by which the next one begins before its time: a float has days to 84 seconds. */
#define MMOE_DATE_EARLY 0.025

typedef struct mmoe_date_encoder {
    mmoe_encoder head;
    int32_t order; /* the deciding word */
    bool hours;
    double shift, scale;
    double sum, square; /* learning: of the days, of their distances from the mean */
    int64_t rows;
} mmoe_date_encoder;

static inline mmoe_date_encoder *mmoe_date_of(mmoe_encoder *e) {
    assert(e->kind == &mmoe_column_date);
    return (mmoe_date_encoder *)e;
}

/* The days of a text: numbers in this order with - / or . between them, or of a year first eight
 * digits; the month may be an English word of three letters or more, and then blanks and commas
 * stand between, too; without a day the month's first. A time behind a blank or a T is passed over;
 * a year of two digits is 1970 to 2069. false: it is no date. */
bool mmoe_date_parse(mmoe_date_order order, const char *text, size_t length, double *days);
/* The same with the time as a part of a day: "13:45", "13:45:30", "134530", "1:45 PM", what stands
 * behind it, as a zone, being passed over; 0:00 where there is none. */
bool mmoe_date_parse_hours(mmoe_date_order order, const char *text, size_t length, double *days);

#endif
