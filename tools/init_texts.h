/* Texts that are numbers or dates to a reader. */
#ifndef MMOE_TOOLS_INIT_TEXTS_H
#define MMOE_TOOLS_INIT_TEXTS_H

#include <stdbool.h>
#include <stddef.h>

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
/* The orders that a date's text may have, "2024-01-31", "31.1.2024", "1/31/24", with a time behind
 * it or not, "Jan 31, 2024", or of months alone, "2024-01", "Jan-2024"; CLI_DATE_IN_WORDS beside
 * them where the month is a word, and alone of "the 31st of January 2024"; 0: it is none. */
enum {
    CLI_DATE_YMD = 1,
    CLI_DATE_DMY = 2,
    CLI_DATE_MDY = 4,
    CLI_DATE_YM = 8,
    CLI_DATE_MY = 16,
    CLI_DATE_IN_WORDS = 32
};
int cli_text_date_orders(const char *text, size_t length);
/* The hour of the time that stands behind a date's text, as a feature reads it; or one of these,
 * where nothing stands there, or something else. */
enum { CLI_NO_HOUR = -1, CLI_OTHER_HOUR = -2 };
int cli_text_hour(const char *text, size_t length);
/* A word that stands for nothing in most files, "?" or "n/a"? */
bool cli_text_is_nothing(const char *text);
/* A digit, or one behind a sign, ">100"? */
bool cli_text_begins_as_number(const char *text);
/* Letters beside a digit and no blank, "V57", as a class may be named? */
bool cli_text_is_code(const char *text);
/* "13:45", with seconds or not? */
bool cli_text_is_time(const char *text, size_t length);

#endif
