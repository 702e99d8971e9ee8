#include "init_texts.h"

#include <ctype.h>
#include <math.h>
#include <string.h>
#include <strings.h>

#include "base/missing.h"
#include "base/text.h"

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

/* Bytes of a unit's last character, a letter or one of "/" and the signs of degrees, squares, cubes
 * and micro; 0: it is none. */
static size_t unit_mark_size(const char *text, size_t length) {
    static const unsigned char behind_c2[] = {0xb0, 0xb2, 0xb3, 0xb5};
    const unsigned char *end = (const unsigned char *)text + length;
    if (length > 0 && (isalpha(end[-1]) || end[-1] == '/')) return 1;
    return length > 1 && end[-2] == 0xc2 && memchr(behind_c2, end[-1], sizeof behind_c2) ? 2 : 0;
}

/* Letters or signs one of which at least is in no number. One letter alone may be a thousand,
 * "12k". */
static bool is_unit(const char *text, size_t length) {
    bool tells = false, is_number = false;
    for (size_t i = 0; i < length; i++) {
        tells |= !strchr("aAbBcCdDeEfFpPxX/", text[i]);
        is_number |= strchr("eExXnaifNAIF", text[i]) != NULL;
    }
    return (tells || !is_number) && length > 1 && length < CLI_UNIT_SIZE && *text != '/';
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
        const size_t mark = group && text[i] == group ? 1 : sign_size(text + i, length - i);
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
    static const char *const marks[] = {"?",    "-",       "--",      ".",    "*",    "unknown",
                                        "n/a",  "missing", "n.a.",    "#n/a", "n.d.", "nil",
                                        "none", "na",      "#value!", "null"};
    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++)
        if (strcasecmp(text, marks[i]) == 0) return true;
    return false;
}

bool cli_text_begins_as_number(const char *text) {
    return is_digit(text[strspn(text, " $<>=~+-")]);
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

static bool is_day(int day, int month) {
    static const int most[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return month >= 1 && month <= 12 && day >= 1 && day <= most[month - 1];
}

/* The letters at the beginning are an English month's, and how many they are; 0: they are not. */
static size_t month_size(const char *text, size_t length) {
    static const char *const names[] = {"january",   "february", "march",    "april",
                                        "may",       "june",     "july",     "august",
                                        "september", "october",  "november", "december"};
    size_t size = 0;
    while (size < length && isalpha((unsigned char)text[size])) size++;
    for (size_t m = 0; size >= 3 && m < 12; m++)
        if (size <= strlen(names[m]) && strncasecmp(text, names[m], size) == 0) return size;
    return 0;
}

/* Two or three parts one of which is a month's name, as a feature reads them; 0: it is no such
 * date. "18-Dec" is of a year or a day. */
static int worded_orders(const char *text, size_t length) {
    size_t sizes[3] = {0, 0, 0}, i = 0, month = 3, n = 0;
    for (; n < 3 && i < length; n++) {
        const size_t first = i, name = month_size(text + i, length - i);
        while (!name && i < length && is_digit(text[i])) i++;
        if (name) month = n;
        i += name;
        sizes[n] = i - first;
        if (!sizes[n]) return 0;
        if (n < 2 && i < length && strchr("-/.", text[i])) i++;
        while (n < 2 && i < length && strchr(" ,", text[i])) i++;
    }
    if (i < length && text[i] != ' ') return 0;
    if (n == 2 && month == 0 && sizes[1] == 4) return CLI_DATE_MY;
    if (n == 2 && month == 1 && sizes[0] == 4) return CLI_DATE_YM;
    if (n == 3 && month == 0 && sizes[1] <= 2 && sizes[2] == 4) return CLI_DATE_MDY;
    if (n == 3 && month == 1 && sizes[0] <= 2 && (sizes[2] == 4 || sizes[2] == 2))
        return CLI_DATE_DMY;
    return n == 3 && month == 1 && sizes[0] == 4 && sizes[2] <= 2 ? CLI_DATE_YMD : 0;
}

/* "2018-12" and "12/2018"; 0: it is neither. */
static int month_orders(const char *text, size_t length) {
    const char *mark = memchr(text, '-', length);
    if (!mark) mark = memchr(text, '/', length);
    const size_t before = mark ? (size_t)(mark - text) : 0, behind = mark ? length - before - 1 : 0;
    const bool is_first = before <= 2 && behind == 4, is_last = before == 4 && behind == 2;
    if (!before || (!is_first && !is_last)) return 0;
    const char *month = is_first ? text : mark + 1, *year = is_first ? mark + 1 : text;
    int number = 0;
    for (size_t i = 0; i < (is_first ? before : behind); i++)
        if (!is_digit(month[i])) return 0;
    for (size_t i = 0; i < 4; i++)
        if (!is_digit(year[i])) return 0;
    for (size_t i = 0; i < (is_first ? before : behind); i++) number = 10 * number + month[i] - '0';
    if (number < 1 || number > 12 || (*year != '1' && *year != '2')) return 0;
    return is_first ? CLI_DATE_MY : CLI_DATE_YM;
}

/* Three numbers with one mark between them; how many digits each has. false: it is other text. */
static bool take_parts(const char *text, const char *end, int parts[3], int digits[3]) {
    char mark = '\0';
    for (int i = 0; i < 3; i++) {
        parts[i] = digits[i] = 0;
        for (; text < end && is_digit(*text) && digits[i] < 5; text++, digits[i]++)
            parts[i] = 10 * parts[i] + (*text - '0');
        if (digits[i] == 0) return false;
        if (i == 2) continue;
        if (text == end || !strchr("-/.", *text) || (mark && *text != mark)) return false;
        mark = *text++;
    }
    return text == end || *text == ' ' || *text == 'T';
}

/* "20240131", also with a time behind a T: of this century or the last. */
static bool is_compact(const char *text, size_t length) {
    int parts[3] = {0, 0, 0};
    if (length < 8 || (length > 8 && text[8] != 'T')) return false;
    for (size_t i = 0; i < 8; i++) {
        int *part = &parts[i < 4 ? 0 : i / 2 - 1];
        if (!is_digit(text[i])) return false;
        *part = 10 * *part + (text[i] - '0');
    }
    return parts[0] >= 1900 && parts[0] < 2100 && is_day(parts[2], parts[1]);
}

int cli_text_date_orders(const char *text, size_t length) {
    int parts[3], digits[3], orders = 0;
    text = mmoe_trim_blanks(text, &length);
    if (is_compact(text, length)) return CLI_DATE_YMD;
    if (!take_parts(text, text + length, parts, digits)) {
        const int months = month_orders(text, length);
        if (months) return months;
        return has_month(text, length) ? CLI_DATE_IN_WORDS | worded_orders(text, length) : 0;
    }
    const bool is_short = digits[0] <= 2 && digits[1] <= 2;
    if (digits[0] == 4 && digits[1] <= 2 && digits[2] <= 2 && is_day(parts[2], parts[1]))
        return CLI_DATE_YMD;
    if (!is_short || (digits[2] != 4 && digits[2] != 2)) return 0;
    if (is_day(parts[0], parts[1])) orders |= CLI_DATE_DMY;
    if (is_day(parts[1], parts[0])) orders |= CLI_DATE_MDY;
    return orders;
}

/* Two digits below 60, behind a colon where there is one; -1: they are none. */
static int take_sixtieths(const char **at, const char *end) {
    const char *first = *at + (*at < end && **at == ':');
    if (first + 2 > end || !is_digit(first[0]) || !is_digit(first[1]) || first[0] > '5') return -1;
    *at = first + 2;
    return 10 * (first[0] - '0') + (first[1] - '0');
}

int cli_text_hour(const char *text, size_t length) {
    text = mmoe_trim_blanks(text, &length);
    const char *end = text + length, *at = text;
    int hour = 0, digits = 0;
    while (at < end && *at != ' ' && *at != 'T') at++;
    if (at == end) return CLI_NO_HOUR;
    for (at++; at < end && *at == ' ';) at++;
    for (; at < end && is_digit(*at) && digits < 2; digits++) hour = 10 * hour + (*at++ - '0');
    if (!digits || take_sixtieths(&at, end) < 0) return CLI_OTHER_HOUR;
    if (at < end && (*at == ':' || is_digit(*at)) && take_sixtieths(&at, end) < 0)
        return CLI_OTHER_HOUR;
    while (at < end && *at == ' ') at++;
    const bool has_half = at + 1 < end && strchr("aApP", at[0]) && strchr("mM", at[1]);
    if (hour > 23 || (has_half && (hour < 1 || hour > 12))) return CLI_OTHER_HOUR;
    const bool is_afternoon = has_half && strchr("pP", *at);
    return (has_half ? hour % 12 : hour) + (is_afternoon ? 12 : 0);
}

bool cli_text_is_time(const char *text, size_t length) {
    int parts[3] = {0, 0, 0};
    text = mmoe_trim_blanks(text, &length);
    const char *at = text, *end = text + length;
    int n = 0;
    for (; n < 3 && at < end; n++) {
        const char *first = at;
        while (at < end && is_digit(*at) && at - first < 2)
            parts[n] = 10 * parts[n] + (*at++ - '0');
        if (at == first || (n > 0 && at - first < 2)) return false;
        if (at == end || *at != ':') break;
        at++;
    }
    return at == end && n > 0 && n < 3 && parts[0] < 24 && parts[1] < 60 && parts[2] < 60;
}
