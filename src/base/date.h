/* Dates in texts, and the times of day behind them. */
#ifndef MMOE_BASE_DATE_H
#define MMOE_BASE_DATE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/words.h"

/* The order of year, month and day in a text. */
#define MMOE_DATE_ORDERS(X)                                                                        \
    X(MMOE_DATE_YMD, ymd)                                                                          \
    X(MMOE_DATE_DMY, dmy) X(MMOE_DATE_MDY, mdy) X(MMOE_DATE_YM, ym) X(MMOE_DATE_MY, my)
typedef enum mmoe_date_order { MMOE_DATE_ORDERS(MMOE_ENUMERATOR) } mmoe_date_order;
enum { MMOE_DATE_ORDER_COUNT = MMOE_DATE_MY + 1 };

/* A date, and how it is written. */
typedef struct mmoe_date {
    double days; /* since 1970-01-01 */
    int year, month, day;
    size_t year_digits, month_digits; /* month_digits 0: the month is a word */
    bool has_marks;                   /* between all parts ... */
    bool is_even;                     /* the same one, or none */
    const char *rest, *end;           /* what stands behind it, a blank or a T first */
} mmoe_date;

/* Numbers in this order with - / or . between them, or of a year first eight digits; the month may
 * be an English word of three letters or more, and then blanks and commas stand between, too;
 * without a day the month's first. A year of two digits is 1970 to 2069. false: it is no date. */
bool mmoe_date_read(mmoe_date_order order, const char *text, size_t length, mmoe_date *out);
/* The days of such a text; what stands behind the date is passed over. */
bool mmoe_date_parse(mmoe_date_order order, const char *text, size_t length, double *days);
/* The same with the time as a part of a day: "13:45", "13:45:30", "134530", "1:45 PM", what stands
 * behind it, as a zone, being passed over; 0:00 where there is none. */
bool mmoe_date_parse_hours(mmoe_date_order order, const char *text, size_t length, double *days);
/* Such a time of day, as a part of it; *at is behind it then. */
bool mmoe_time_read(const char **at, const char *end, double *part);
/* Of a word that is an English month's name, or three of its letters and more: 1 to 12, else 0. */
int mmoe_month_of(const char *word, size_t length);

#endif
