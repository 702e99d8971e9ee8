/* Texts that are numbers or dates to a reader. */
#ifndef MMOE_TOOLS_INIT_TEXTS_H
#define MMOE_TOOLS_INIT_TEXTS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/date.h"

/* A number, perhaps with marks, "$1,101.50", "5.5%", "(12.50)" below 0, or one unit, "12 kg",
 * "45,000 mi." or "USD 12". */
enum { CLI_MARKS_SIZE = 24, CLI_UNIT_SIZE = 16 };
typedef struct cli_amount {
    double value;
    char unit[CLI_UNIT_SIZE];   /* that of all texts so far; "": none had one */
    char marks[CLI_MARKS_SIZE]; /* a text: bytes that are to be stripped; others are added */
} cli_amount;
/* has_comma: "1.101,50" is meant by it, "1101.50" is none. False: *out is as it was, or has another
 * value. */
bool cli_text_amount(const char *text, size_t length, bool has_comma, cli_amount *out);
/* A date's text, "2024-01-31", "31.1.2024", "1/31/24", "Jan 31, 2024", or of months alone,
 * "2024-01", "Jan-2024". */
typedef struct cli_date {
    double days; /* since 1970-01-01, by the first of these orders */
    int orders;  /* that it may have, a bit each by their mmoe_date_order; CLI_DATE_IN_WORDS alone
                    where no feature reads it, "the 31st of January 2024"; 0: it is none */
    int hour; /* of the time that stands behind it, as a feature reads it, or one of these: nothing
                 stands there, or something else */
} cli_date;
enum {
    CLI_DATE_YMD = 1 << MMOE_DATE_YMD,
    CLI_DATE_DMY = 1 << MMOE_DATE_DMY,
    CLI_DATE_MDY = 1 << MMOE_DATE_MDY,
    CLI_DATE_YM = 1 << MMOE_DATE_YM,
    CLI_DATE_MY = 1 << MMOE_DATE_MY,
    CLI_DATE_IN_WORDS = 1 << MMOE_DATE_ORDER_COUNT,
    CLI_NO_HOUR = -1,
    CLI_OTHER_HOUR = -2
};
cli_date cli_text_date(const char *text, size_t length);
/* A word that stands for nothing in most files, "?" or "n/a"? */
bool cli_text_is_nothing(const char *text);
/* One that stands for no label beside two others? */
bool cli_text_is_no_answer(const char *text);
/* A digit, or one behind a sign, ">100"? */
bool cli_text_begins_as_number(const char *text);
/* A number with a few other characters, as "1h 20m", "1.2K", "120/80" or ">5.1", which is no
 * phone's number nor an address of the internet? */
bool cli_text_is_quantity(const char *text);
/* Letters beside a digit and no blank, "V57", as a class may be named? */
bool cli_text_is_code(const char *text);
/* "13:45" or "1:45 PM", with seconds or not? */
bool cli_text_is_time(const char *text, size_t length);

#endif
