#include "init_texts.h"

#include <ctype.h>
#include <math.h>
#include <string.h>
#include <strings.h>

#include "base/date.h"
#include "base/missing.h"
#include "base/text.h"
#include "base/unit_letters.h"

/* ---- Amounts ---- */

static bool is_digit(char c) { return c >= '0' && c <= '9'; }

/* The mark that stands before three digits each, behind one to three; text begins with a digit. */
static bool has_thousands(const char *text, size_t length, char mark) {
    size_t digits = 0, groups = 0;
    for (size_t i = 0; i <= length; i++) {
        if (i < length && is_digit(text[i])) {
            digits++;
        } else if (groups > 0 && digits != 3) {
            return false;
        } else if (i == length || text[i] != mark) {
            return groups < 4;
        } else {
            if (digits < 1 || digits > 3) return false;
            groups++;
            digits = 0;
        }
    }
    return true;
}

/* What stands between the first digits and others; 0: nothing that could be between thousands. */
static char group_mark(const char *digits, size_t length, bool has_comma) {
    size_t i = 0;
    while (i < length && is_digit(digits[i])) i++;
    const bool is_inside = i > 0 && i + 1 < length && is_digit(digits[i + 1]);
    return is_inside && strchr(has_comma ? ".' " : ",' ", digits[i]) ? digits[i] : '\0';
}

/* A character of `size` bytes. */
static void add_mark(char marks[CLI_MARKS_SIZE], const char *mark, size_t size) {
    const size_t used = strlen(marks);
    for (size_t i = 0; i + size <= used; i++)
        if (memcmp(marks + i, mark, size) == 0) return;
    if (used + size >= CLI_MARKS_SIZE) return;
    memcpy(marks + used, mark, size);
    marks[used + size] = '\0';
}

/* Bytes of a sign of money or a part, "$", "%", the pound's, the yen's, the euro's and those around
 * it; 0: it is none. */
static size_t sign_size(const char *text, size_t length) {
    const unsigned char *c = (const unsigned char *)text;
    if (length > 0 && (*c == '$' || *c == '%')) return 1;
    if (length > 1 && c[0] == 0xc2 && (c[1] == 0xa3 || c[1] == 0xa5)) return 2;
    return length > 2 && c[0] == 0xe2 && c[1] == 0x82 && c[2] >= 0xa0 && c[2] < 0xc0 ? 3 : 0;
}

/* Bytes of a blank that breaks no line, also a narrow one, between thousands, as a French Excel has
 * it; 0: it is none. */
static size_t blank_size(const char *text, size_t length) {
    static const char *const blanks[] = {"\xc2\xa0", "\xe2\x80\xaf"};
    for (size_t k = 0; k < 2; k++) {
        const size_t size = strlen(blanks[k]), end = size + 3;
        if (length < end || memcmp(text, blanks[k], size) != 0) continue;
        const bool has_three = is_digit(text[size]) && is_digit(text[size + 1]) &&
                               is_digit(text[size + 2]) && (length == end || !is_digit(text[end]));
        return has_three ? size : 0;
    }
    return 0;
}

/* Bytes of a unit's last character, a letter or one of "/" and the signs of degrees, squares, cubes
 * and micro; 0: it is none. */
static size_t unit_mark_size(const char *text, size_t length) {
    static const unsigned char behind_c2[] = {0xb0, 0xb2, 0xb3, 0xb5};
    const unsigned char *end = (const unsigned char *)text + length;
    if (length > 0 && (isalpha(end[-1]) || end[-1] == '/')) return 1;
    return length > 1 && end[-2] == 0xc2 && memchr(behind_c2, end[-1], sizeof behind_c2) ? 2 : 0;
}

/* Letters or signs one of which at least is in no number. One letter alone may be a thousand,
 * "12k", or a million. */
static bool is_unit(const char *text, size_t length) {
    bool tells = false, is_number = false;
    for (size_t i = 0; i < length; i++) {
        tells |= text[i] != '/' && !strchr(MMOE_LETTERS_NOT_OF_UNITS, text[i]);
        is_number |= strchr(MMOE_LETTERS_OF_NUMBERS, text[i]) != NULL;
    }
    const bool is_whole = length > 1 || strchr("sghlLvVwWy", *text);
    return (tells || !is_number) && is_whole && length < CLI_UNIT_SIZE && *text != '/';
}

/* Where the unit behind a number begins, "12 kg". `length`: there is none. */
static size_t unit_at(const char *text, size_t length) {
    size_t at = length, number, size;
    while ((size = unit_mark_size(text, at)) > 0) at -= size;
    for (number = at; number > 0 && text[number - 1] == ' ';) number--;
    const bool is_behind = number > 0 && is_digit(text[number - 1]);
    return is_behind && is_unit(text + at, length - at) ? at : length;
}

/* Bytes of a currency before a number, "USD 12.50"; of another word the number is a name's part. */
static size_t currency_of(const char *text, size_t length) {
    static const char *const codes[] = {
        "USD", "EUR", "GBP", "JPY", "CHF", "CAD", "AUD", "NZD", "INR", "CNY", "RMB", "BRL", "MXN",
        "SEK", "NOK", "DKK", "PLN", "CZK", "HUF", "RUB", "TRY", "ZAR", "KRW", "SGD", "HKD", "Rs"};
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
        const size_t size = strlen(codes[i]);
        if (length > size && strncmp(text, codes[i], size) == 0 &&
            !isalpha((unsigned char)text[size]))
            return size;
    }
    return 0;
}

/* Takes the unit off the text; false: it is another one than the texts before had. */
static bool take_unit(const char **text, size_t *length, const cli_amount *before,
                      char marks[CLI_MARKS_SIZE], char unit[CLI_UNIT_SIZE]) {
    const bool has_point =
        *length > 1 && (*text)[*length - 1] == '.' && isalpha((unsigned char)(*text)[*length - 2]);
    if (has_point) --*length; /* "mi.", which the mark before it takes along */
    const size_t currency = currency_of(*text, *length),
                 at = currency ? 0 : unit_at(*text, *length),
                 size = currency ? currency : *length - at;
    const char *own = *text + at;
    strcpy(unit, before->unit);
    if (!size) return true;
    if (*unit && (strlen(unit) != size || memcmp(unit, own, size) != 0)) return false;
    memcpy(unit, own, size);
    unit[size] = '\0';
    for (size_t i = 0, bytes; i < size; i += bytes) {
        bytes = (unsigned char)own[i] == 0xc2 ? 2 : 1;
        add_mark(marks, own + i, bytes);
    }
    *length -= size;
    if (currency) *text += size;
    const size_t left = *length;
    *text = mmoe_trim_blanks(*text, length);
    if (*length < left) add_mark(marks, " ", 1);
    return true;
}

/* Accountants write numbers below 0 between parentheses. */
static bool take_parentheses(const char **text, size_t *length, char marks[CLI_MARKS_SIZE]) {
    if (*length < 3 || **text != '(' || (*text)[*length - 1] != ')') return false;
    add_mark(marks, "(", 1);
    add_mark(marks, ")", 1);
    ++*text;
    *length -= 2;
    return true;
}

bool cli_text_amount(const char *text, size_t length, bool has_comma, cli_amount *out) {
    char plain[40], marks[CLI_MARKS_SIZE], unit[CLI_UNIT_SIZE];
    size_t used = 0, at = 0;
    text = mmoe_trim_blanks(text, &length);
    strcpy(marks, out->marks);
    const bool is_below = take_parentheses(&text, &length, marks);
    if (!take_unit(&text, &length, out, marks, unit)) return false;
    while (at < length && !is_digit(text[at])) at++;
    if (is_below && memchr(text, '-', length)) return false;
    const char group = group_mark(text + at, length - at, has_comma);
    if (group && !has_thousands(text + at, length - at, group)) return false;
    for (size_t i = 0; i < length; i++) {
        size_t mark = group && text[i] == group ? 1 : sign_size(text + i, length - i);
        if (!mark && i > 0) mark = blank_size(text + i, length - i);
        if (mark) {
            add_mark(marks, text + i, mark);
            i += mark - 1;
            continue;
        }
        if (used == sizeof plain || (has_comma && text[i] == '.')) return false;
        plain[used++] = has_comma && text[i] == ',' ? '.' : text[i];
    }
    if (!mmoe_parse_double(plain, used, &out->value) || !isfinite(out->value)) return false;
    if (is_below) out->value = -out->value;
    strcpy(out->marks, marks);
    strcpy(out->unit, unit);
    return true;
}

/* ---- Words among numbers ---- */

bool cli_text_is_nothing(const char *text) {
    static const char *const marks[] = {"?",
                                        "-",
                                        "--",
                                        ".",
                                        "*",
                                        "unknown",
                                        "n/a",
                                        "missing",
                                        "n.a.",
                                        "#n/a",
                                        "n.d.",
                                        "nil",
                                        "none",
                                        "na",
                                        "#value!",
                                        "null",
                                        "<na>",
                                        "(blank)",
                                        "(null)",
                                        "tbd",
                                        "undefined",
                                        "#div/0!",
                                        "#ref!",
                                        "#num!",
                                        "#name?",
                                        "don't know",
                                        "dont know",
                                        "do not know",
                                        "no answer",
                                        "prefer not to say",
                                        "not applicable",
                                        "not available",
                                        "not stated",
                                        "not reported",
                                        "not specified",
                                        "unspecified",
                                        "undisclosed",
                                        "0000-00-00",
                                        "0000-00-00 00:00:00"};
    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++)
        if (strcasecmp(text, marks[i]) == 0) return true;
    return false;
}

/* A class may be named so, too: none, mild, severe. */
bool cli_text_is_no_answer(const char *text) {
    return cli_text_is_nothing(text) && strcasecmp(text, "none") != 0 &&
           strcasecmp(text, "nil") != 0;
}

bool cli_text_begins_as_number(const char *text) {
    static const char minus[] = "\xe2\x88\x92"; /* as typesetters have it */
    if (strncmp(text, minus, strlen(minus)) == 0) text += strlen(minus);
    return is_digit(text[strspn(text, " $<>=~+-")]);
}

bool cli_text_is_quantity(const char *text) {
    enum { MOST = 16, MOST_DIGITS = 9, MOST_LETTERS = 8, MOST_POINTS = 2 };
    size_t length = 0, digits = 0, letters = 0, points = 0;
    for (; text[length]; length++) {
        digits += is_digit(text[length]);
        letters += isalpha((unsigned char)text[length]) != 0;
        points += text[length] == '.';
    }
    return cli_text_begins_as_number(text) && length <= MOST && digits <= MOST_DIGITS &&
           letters <= MOST_LETTERS && points <= MOST_POINTS;
}

bool cli_text_is_code(const char *text) {
    bool is_beside = false;
    for (const char *c = text; *c; c++) {
        if (*c == ' ') return false;
        is_beside |= (isalpha((unsigned char)c[0]) && is_digit(c[1])) ||
                     (is_digit(c[0]) && isalpha((unsigned char)c[1]));
    }
    return is_beside;
}

/* ---- Dates ---- */

/* A month's name among digits. */
static bool has_month(const char *text, size_t length) {
    size_t digits = 0;
    bool found = false;
    for (size_t i = 0; i < length; i++) {
        digits += is_digit(text[i]);
        if (i == 0 || !isalpha((unsigned char)text[i - 1]))
            found |= i + 3 <= length && mmoe_month_of(text + i, 3);
    }
    return found && digits >= 4 && length <= 40;
}

/* What a feature reads so may be no date all the same: "18-Dec" is of a year or a day, 1.2.3 a
 * version, and eight digits may be any number. */
static bool is_meant(mmoe_date_order order, const mmoe_date *date) {
    if (order == MMOE_DATE_YM || order == MMOE_DATE_MY)
        return date->year_digits == 4 && (order == MMOE_DATE_MY || date->month_digits != 1);
    if (!date->month_digits) return date->year_digits == 4 || order == MMOE_DATE_DMY;
    if (!date->has_marks) return date->is_even && date->year >= 1900 && date->year < 2100;
    return date->is_even && (date->year_digits == 4 || order != MMOE_DATE_YMD);
}

cli_date cli_text_date(const char *text, size_t length) {
    cli_date out = {.hour = CLI_NO_HOUR};
    for (int order = 0; order < MMOE_DATE_ORDER_COUNT; order++) {
        mmoe_date date;
        double part;
        if (!mmoe_date_read((mmoe_date_order)order, text, length, &date)) continue;
        if (!is_meant((mmoe_date_order)order, &date)) continue;
        if (!out.orders) out.days = date.days;
        out.orders |= 1 << order;
        if (date.rest == date.end) continue;
        const char *at = date.rest + 1;
        out.hour = mmoe_time_read(&at, date.end, &part) ? (int)(24 * part) : CLI_OTHER_HOUR;
    }
    if (!out.orders && has_month(text, length)) out.orders = CLI_DATE_IN_WORDS;
    return out;
}

bool cli_text_is_time(const char *text, size_t length) {
    double part;
    text = mmoe_trim_blanks(text, &length);
    const char *at = text, *end = text + length;
    return memchr(text, ':', length) && mmoe_time_read(&at, end, &part) && at == end;
}
