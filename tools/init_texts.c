#include "init_texts.h"

#include <ctype.h>
#include <math.h>
#include <string.h>
#include <strings.h>

#include "base/missing.h"
#include "base/text.h"

/* ---- Amounts ---- */

static bool is_digit(char c) { return c >= '0' && c <= '9'; }

/* Commas stand before three digits each, and behind one to three. */
static bool has_thousands(const char *text, size_t length) {
    size_t digits = 0, groups = 0;
    for (size_t i = 0; i <= length; i++) {
        if (i < length && is_digit(text[i])) {
            digits++;
        } else if (groups > 0 && digits != 3) {
            return false;
        } else if (i == length || text[i] != ',') {
            return groups < 4;
        } else {
            if (digits < 1 || digits > 3) return false;
            groups++;
            digits = 0;
        }
    }
    return true;
}

static void add_mark(char marks[CLI_MARKS_SIZE], char mark) {
    const size_t used = strlen(marks);
    if (strchr(marks, mark) || used + 1 == CLI_MARKS_SIZE) return;
    marks[used] = mark;
    marks[used + 1] = '\0';
}

/* The bytes of $, %, the pound's and the euro's sign, and the comma. */
static bool is_mark(char c) { return c && strchr("$%,\xc2\xa3\xe2\x82\xac", c); }

bool cli_text_amount(const char *text, size_t length, double *value, char marks[CLI_MARKS_SIZE]) {
    char plain[40];
    size_t used = 0;
    text = mmoe_trim_blanks(text, &length);
    for (size_t i = 0; i < length; i++) {
        if (is_mark(text[i])) continue;
        if (used == sizeof plain) return false;
        plain[used++] = text[i];
    }
    if (used == length || !mmoe_parse_double(plain, used, value) || !isfinite(*value)) return false;
    const char *digit = text;
    while (!is_digit(*digit)) digit++;
    if (memchr(text, ',', length) && !has_thousands(digit, (size_t)(text + length - digit)))
        return false;
    for (size_t i = 0; i < length; i++)
        if (is_mark(text[i])) add_mark(marks, text[i]);
    return true;
}

/* ---- Dates ---- */

static bool has_month(const char *text, size_t length) {
    static const char *const months[] = {"jan", "feb", "mar", "apr", "may", "jun",
                                         "jul", "aug", "sep", "oct", "nov", "dec"};
    size_t digits = 0;
    bool found = false;
    for (size_t i = 0; i < length; i++) {
        digits += is_digit(text[i]);
        if (i > 0 && isalpha((unsigned char)text[i - 1])) continue;
        for (size_t m = 0; m < 12 && i + 3 <= length; m++)
            found |= strncasecmp(text + i, months[m], 3) == 0;
    }
    return found && digits >= 4 && length <= 40;
}

/* What stands before the next mark: its number, how many digits that has. */
static int take_part(const char **at, const char *end, int *digits) {
    int number = 0;
    for (*digits = 0; *at < end && is_digit(**at) && *digits < 5; ++*at, ++*digits)
        number = 10 * number + (**at - '0');
    return number;
}

static bool is_day(int day, int month) {
    return month >= 1 && month <= 12 && day >= 1 && day <= 31;
}

bool cli_text_is_date(const char *text, size_t length) {
    int parts[3], digits[3];
    text = mmoe_trim_blanks(text, &length);
    const char *at = text, *end = text + length;
    char mark = '\0';
    for (int i = 0; i < 3; i++) {
        parts[i] = take_part(&at, end, &digits[i]);
        if (digits[i] == 0 || i == 2) continue;
        if (at == end || !strchr("-/.", *at) || (i && *at != mark)) return has_month(text, length);
        mark = *at++;
    }
    if (digits[2] == 0) return has_month(text, length);
    if (at < end && *at != ' ' && *at != 'T') return false;
    if (digits[0] == 4) return digits[2] <= 2 && is_day(parts[2], parts[1]);
    if (digits[2] != 4 && digits[2] != 2) return false;
    return is_day(parts[0], parts[1]) || is_day(parts[1], parts[0]);
}
