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

static void add_mark(char marks[CLI_MARKS_SIZE], char mark) {
    const size_t used = strlen(marks);
    if (strchr(marks, mark) || used + 1 == CLI_MARKS_SIZE) return;
    marks[used] = mark;
    marks[used + 1] = '\0';
}

/* The bytes of $, %, the pound's and the euro's sign. */
static bool is_sign(char c) { return c && strchr("$%\xc2\xa3\xe2\x82\xac", c); }

/* Where the unit behind a number begins, letters that are in no number: "12 kg". One letter may be
 * a thousand, "12k". `length`: there is none. */
static size_t unit_at(const char *text, size_t length) {
    size_t at = length, number;
    while (at > 0 && isalpha((unsigned char)text[at - 1]) && !strchr("eExXnaifNAIF", text[at - 1]))
        at--;
    for (number = at; number > 0 && text[number - 1] == ' ';) number--;
    const bool is_unit = length - at > 1 && length - at < CLI_UNIT_SIZE && number > 0;
    return is_unit && is_digit(text[number - 1]) ? at : length;
}

/* Takes the unit off the text; false: it is another one than the texts before had. */
static bool take_unit(const char *text, size_t *length, const cli_amount *before,
                      char marks[CLI_MARKS_SIZE], char unit[CLI_UNIT_SIZE]) {
    const size_t at = unit_at(text, *length), size = *length - at;
    strcpy(unit, before->unit);
    if (!size) return true;
    if (*unit && (strlen(unit) != size || memcmp(unit, text + at, size) != 0)) return false;
    memcpy(unit, text + at, size);
    unit[size] = '\0';
    for (size_t i = at; i < *length; i++) add_mark(marks, text[i]);
    *length = at;
    while (*length > 0 && text[*length - 1] == ' ') --*length;
    if (*length < at) add_mark(marks, ' ');
    return true;
}

/* Accountants write numbers below 0 between parentheses. */
static bool take_parentheses(const char **text, size_t *length, char marks[CLI_MARKS_SIZE]) {
    if (*length < 3 || **text != '(' || (*text)[*length - 1] != ')') return false;
    add_mark(marks, '(');
    add_mark(marks, ')');
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
    if (!take_unit(text, &length, out, marks, unit)) return false;
    while (at < length && !is_digit(text[at])) at++;
    if (is_below && memchr(text, '-', length)) return false;
    const char group = group_mark(text + at, length - at, has_comma);
    if (group && !has_thousands(text + at, length - at, group)) return false;
    for (size_t i = 0; i < length; i++) {
        const bool is_mark = is_sign(text[i]) || (group && text[i] == group);
        if (is_mark) add_mark(marks, text[i]);
        if (is_mark) continue;
        if (used == sizeof plain || (has_comma && text[i] == '.')) return false;
        plain[used++] = has_comma && text[i] == ',' ? '.' : text[i];
    }
    if (!mmoe_parse_double(plain, used, &out->value) || !isfinite(out->value)) return false;
    if (is_below) out->value = -out->value;
    strcpy(out->marks, marks);
    strcpy(out->unit, unit);
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

static bool is_day(int day, int month) {
    static const int most[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return month >= 1 && month <= 12 && day >= 1 && day <= most[month - 1];
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
    if (!take_parts(text, text + length, parts, digits))
        return has_month(text, length) ? CLI_DATE_IN_WORDS : 0;
    const bool is_short = digits[0] <= 2 && digits[1] <= 2;
    if (digits[0] == 4 && digits[1] <= 2 && digits[2] <= 2 && is_day(parts[2], parts[1]))
        return CLI_DATE_YMD;
    if (!is_short || (digits[2] != 4 && digits[2] != 2)) return 0;
    if (is_day(parts[0], parts[1])) orders |= CLI_DATE_DMY;
    if (is_day(parts[1], parts[0])) orders |= CLI_DATE_MDY;
    return orders;
}
